//! The tests of filter policies through their public interface, in one program: linking one is cheaper than linking three.

mod limits;
mod matching;
mod refusals;
