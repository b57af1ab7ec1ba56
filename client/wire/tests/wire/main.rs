//! The tests of the frames through their public interface, in one program: linking one is cheaper than linking six.

mod common;
mod crossing;
mod damage;
mod documented;
mod evolution;
mod golden;
mod round_trip;
