//! The load test of Posthouse as a library: what `posthouse-loadtest` runs, for tests that run it against a broker of
//! their own.
#![forbid(unsafe_code)]

pub mod cli;
pub mod compare;
pub mod ledger;
pub mod live;
pub mod message;
pub mod outcome;
pub mod plan;
pub mod report;
pub mod run;
pub mod target;
pub mod targets;
