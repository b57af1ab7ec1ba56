//! Posthouse from the outside: the real binary, judged through its sockets, signals and files.
//!
//! Cases run in parallel. Most run on shared brokers, under names that no other case uses. More cases run at once than
//! there are cores, because cases wait far more than they compute. The harness is libtest-mimic: it runs each case of
//! the contract once for each protocol, and lets `main` stop the shared brokers after the last case.

mod shared;
mod support;

mod across;
mod admin;
mod answers;
mod audit;
mod authentication;
mod backlog;
mod bad_input;
mod browsers;
mod cli;
mod client;
mod clock;
mod contract;
mod copies;
mod crash;
mod damage;
mod declared;
mod encryption;
mod front;
mod identities;
mod judges;
mod loadtest;
mod looks;
mod memory;
mod metrics;
mod native;
mod native_faults;
mod native_hostile;
mod native_limits;
mod native_python;
mod patterns;
mod process;
mod proxies;
mod push;
mod quotas;
mod reload;
mod shards;
mod signatures;
mod storage;
mod tls;
mod wire;

use libtest_mimic::{Arguments, Trial};

use shared::Carrier;
use support::PROTOCOLS;
use support::peer::Through;

/// The number of cases that run at once.
const THREADS: usize = 12;

/// A case outside of the contract, which runs once.
type Case = fn();

/// Defines `CASES`: each case of a suite with its name.
macro_rules! cases {
    ($($case:ident,)*) => {
        pub(crate) const CASES: &[(&str, $crate::Case)] = &[$((stringify!($case), $case),)*];
    };
}
use cases;

const SUITES: &[(&str, &[(&str, Case)])] = &[
    ("crash", crash::CASES),
    ("judges", judges::CASES),
    ("admin", admin::CASES),
    ("answers", answers::CASES),
    ("audit", audit::CASES),
    ("authentication", authentication::CASES),
    ("backlog", backlog::CASES),
    ("bad_input", bad_input::CASES),
    ("browsers", browsers::CASES),
    ("cli", cli::CASES),
    ("client", client::CASES),
    ("clock", clock::CASES),
    ("copies", copies::CASES),
    ("damage", damage::CASES),
    ("declared", declared::CASES),
    ("encryption", encryption::CASES),
    ("front", front::CASES),
    ("identities", identities::CASES),
    ("loadtest", loadtest::CASES),
    ("looks", looks::CASES),
    ("memory", memory::CASES),
    ("metrics", metrics::CASES),
    ("native", native::CASES),
    ("native_faults", native_faults::CASES),
    ("native_hostile", native_hostile::CASES),
    ("native_limits", native_limits::CASES),
    ("native_python", native_python::CASES),
    ("patterns", patterns::CASES),
    ("process", process::CASES),
    ("proxies", proxies::CASES),
    ("push", push::CASES),
    ("quotas", quotas::CASES),
    ("reload", reload::CASES),
    ("shards", shards::CASES),
    ("signatures", signatures::CASES),
    ("storage", storage::CASES),
    ("tls", tls::CASES),
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
            for &protocol in PROTOCOLS {
                trials.push(Trial::test(format!("contract::{suite}::{name}::{}", protocol.name()), move || {
                    case(&shared::OPEN.get().client(protocol));
                    Ok(())
                }));
            }
            let through = match contract::over_native(suite, name) {
                contract::OverNative::Links => Through::Links,
                contract::OverNative::Calls => Through::Calls,
                contract::OverNative::No => continue,
            };
            for carrier in [Carrier::Tcp, Carrier::Quic] {
                trials.push(Trial::test(format!("contract::{suite}::{name}::{}", carrier.name()), move || {
                    case(&carrier.client(through));
                    Ok(())
                }));
            }
        }
    }
    trials.extend(across::trials());
    trials
}

fn main() {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(THREADS);
    let conclusion = libtest_mimic::run(&arguments, trials());
    shared::stop_all();
    conclusion.exit();
}
