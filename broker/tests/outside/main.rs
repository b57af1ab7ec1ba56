//! Posthouse from the outside: the real binary, judged through its sockets, signals and files.
//!
//! Cases run in parallel, most of them on shared brokers under names of their own; they wait far more than they
//! compute, so that more of them run at once than there are cores. The harness is libtest-mimic's: it lets the contract
//! run each case over every door, and the shared brokers be stopped at the end.

mod shared;
mod support;

mod authentication;
mod bad_input;
mod contract;
mod crash;
mod declared;
mod judges;
mod loadtest;
mod patterns;
mod process;
mod push;
mod storage;
mod wire;

use libtest_mimic::{Arguments, Trial};

use support::DOORS;

/// Cases at once.
const THREADS: usize = 12;

/// A case that is not one of the contract's.
type Case = fn();

/// Names the cases of a suite.
macro_rules! cases {
    ($($case:ident,)*) => {
        pub(crate) const CASES: &[(&str, $crate::Case)] = &[$((stringify!($case), $case),)*];
    };
}
use cases;

const SUITES: &[(&str, &[(&str, Case)])] = &[
    ("crash", crash::CASES),
    ("judges", judges::CASES),
    ("authentication", authentication::CASES),
    ("bad_input", bad_input::CASES),
    ("declared", declared::CASES),
    ("loadtest", loadtest::CASES),
    ("patterns", patterns::CASES),
    ("process", process::CASES),
    ("push", push::CASES),
    ("storage", storage::CASES),
    ("wire", wire::CASES),
];

fn trials() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (suite, cases) in SUITES {
        for &(name, case) in *cases {
            trials.push(Trial::test(format!("{suite}::{name}"), move || {
                case();
                Ok(())
            }));
        }
    }
    for (suite, cases) in contract::SUITES.iter().chain(contract::sns::SUITES) {
        for &(name, case) in *cases {
            for &door in DOORS {
                trials.push(Trial::test(format!("contract::{suite}::{name}::{}", door.name()), move || {
                    case(&shared::OPEN.get().client(door));
                    Ok(())
                }));
            }
        }
    }
    trials
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let conclusion = libtest_mimic::run(&arguments, trials());
    shared::stop_all();
    conclusion.exit();
}
