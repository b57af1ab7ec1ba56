//! The tests of the log through its public interface, in one program: linking one is cheaper than linking four.

mod audit;
mod cold_reads;
mod common;
mod compaction;
mod damage;
mod durability;
mod encryption;
mod failures;
mod native;
mod noted_end;
mod scrub;
mod snapshot;
mod space;
