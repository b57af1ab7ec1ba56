//! The tests of filter policies through their public interface, in one program: linking one is cheaper than linking four.

mod agreement;
mod limits;
mod matching;
mod naive;
mod refusals;
