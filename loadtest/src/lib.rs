//! The load test of Posthouse as a library. The command `posthouse-loadtest` is a call of [`cli::main`]; the broker's
//! tests call [`run::run`] against a broker that they start.
//!
//! A [`plan::Plan`] says what to do, a [`target::Target`] does it, [`run`] drives the one with the other, and an
//! [`outcome::Outcome`] holds what was measured. [`compare`] repeats runs, [`report`] prints and writes outcomes.
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
