//! The load test against a real broker: each kind of work over each protocol, with an account of every message.

use std::sync::mpsc;
use std::time::Duration;

use posthouse_loadtest::live::{Live, Observer, Phase, Unobserved};
use posthouse_loadtest::outcome::Outcome;
use posthouse_loadtest::plan::{Extent, Plan, Work};
use posthouse_loadtest::run::{Contestant, Stop, run};
use posthouse_loadtest::target::Failure;

use crate::shared::{ALICE, OPEN, USERS};

crate::cases! {
    every_work_over_sqs,
    every_work_over_sqs_query,
    publishing_and_fan_out_over_sns,
    every_work_over_the_native_protocol,
    native_batches_and_pipelines,
    batches_of_ten,
    wrong_credentials_are_denied,
    a_broker_that_dies_is_reported,
}

fn drive(target: &str, plan: &Plan) -> Result<Outcome, Failure> {
    watch(target, plan, &mut Unobserved)
}

fn watch(target: &str, plan: &Plan, observer: &mut dyn Observer) -> Result<Outcome, Failure> {
    let address = target.parse().expect("a target");
    let contestant = Contestant { name: "posthouse".into(), address, durability: Some("fsync".into()) };
    run(&contestant, plan, observer, &Stop::default())
}

/// A plan with few workers and messages.
fn plan(work: Work) -> Plan {
    Plan {
        producers: 3,
        consumers: if work == Work::Send { 0 } else { 3 },
        extent: Extent::Messages(150),
        warm_up: Duration::ZERO,
        fill: 150,
        queues: 3,
        groups: 5,
        delay: Duration::from_secs(1),
        rate: matches!(work, Work::Latency | Work::Delay).then_some(300.0),
        ..Plan::ordinary(work)
    }
}

/// Runs a plan, which must succeed: every message is acknowledged, and so many deliveries arrive.
#[track_caller]
fn holds(target: &str, plan: &Plan, deliveries: u64) {
    let outcome = drive(target, plan).unwrap_or_else(|failure| panic!("{target}, {:?}: {failure}", plan.work));
    assert!(outcome.is_good(), "{target}: {outcome:?}");
    let account = &outcome.account;
    assert!(account.verified, "{target}: {outcome:?}");
    assert_eq!((account.acknowledged, account.received), (150, deliveries), "{target}: {outcome:?}");
    assert!(outcome.throughput().is_some_and(|rate| rate > 0.0), "{target}: {outcome:?}");
    for metric in plan.work.metrics() {
        let measured = outcome.series(*metric).is_some_and(|series| !series.histogram.is_empty());
        assert!(measured, "{target}: nothing of {}: {outcome:?}", metric.name());
    }
}

const QUEUE_WORK: [Work; 7] =
    [Work::Send, Work::Receive, Work::Cycle, Work::Backlog, Work::Latency, Work::Fifo, Work::Delay];

fn every_work_over_sqs() {
    let broker = USERS.get();
    // The secret, encoded for a URL.
    let target = format!("sqs+http://{}:alice's%20secret%2F+=@{}", ALICE.0, broker.sqs);
    for work in QUEUE_WORK {
        holds(&target, &plan(work), 150);
    }
}

fn every_work_over_sqs_query() {
    let target = format!("sqs+http://{}?protocol=query", OPEN.get().sqs);
    for work in QUEUE_WORK {
        holds(&target, &plan(work), 150);
    }
}

fn publishing_and_fan_out_over_sns() {
    for protocol in ["query", "json"] {
        let target = format!("sns+http://{}?protocol={protocol}", OPEN.get().sqs);
        for work in [Work::Send, Work::Cycle, Work::Latency, Work::Fifo] {
            holds(&target, &plan(work), 150);
        }
        holds(&target, &plan(Work::Fanout), 450);
        holds(&target, &Plan { filtered: true, ..plan(Work::Fanout) }, 150);
    }
}

fn batches_of_ten() {
    let address = OPEN.get().sqs.to_string();
    for target in [format!("sqs+http://{address}"), format!("sqs+http://{address}?protocol=query")] {
        for work in [Work::Cycle, Work::Fifo] {
            holds(&target, &Plan { batch: 10, ..plan(work) }, 150);
        }
    }
    holds(&format!("sns+http://{address}"), &Plan { batch: 10, ..plan(Work::Fanout) }, 450);
}

fn every_work_over_the_native_protocol() {
    let with_user = format!("posthouse://{}:alice's%20secret%2F+=@{}", ALICE.0, USERS.get().native);
    for work in QUEUE_WORK {
        holds(&with_user, &plan(work), 150);
    }
    holds(&with_user, &plan(Work::Fanout), 450);
    holds(&with_user, &Plan { filtered: true, ..plan(Work::Fanout) }, 150);
}

fn native_batches_and_pipelines() {
    let address = OPEN.get().native;
    for parameters in ["", "?pipeline=2", "?pipeline=3&prefetch=100"] {
        let target = format!("posthouse://{address}{parameters}");
        for work in [Work::Send, Work::Cycle, Work::Backlog, Work::Fifo] {
            holds(&target, &Plan { batch: 30, ..plan(work) }, 150);
        }
        holds(&target, &Plan { batch: 30, ..plan(Work::Fanout) }, 450);
    }
}

fn wrong_credentials_are_denied() {
    for user in [format!("{}:wrong", ALICE.0), "AKIDUNKNOWN:secret".into()] {
        for (scheme, address) in [("sqs+http", USERS.get().sqs), ("posthouse", USERS.get().native)] {
            let target = format!("{scheme}://{user}@{address}");
            let failure = drive(&target, &plan(Work::Send)).expect_err("unknown credentials");
            assert!(matches!(failure, Failure::Denied(_)), "{failure}");
        }
    }
}

/// Notifies when messages arrive in the measured part of a run.
struct Measuring(mpsc::Sender<()>);

impl Observer for Measuring {
    fn begin(&mut self, _name: &str, _note: &str) {}

    fn look(&mut self, live: &Live) {
        if live.phase == Phase::Measuring && live.rate > 0.0 {
            // The receiver reads one value.
            let _ = self.0.send(());
        }
    }

    fn end(&mut self) {}
}

fn a_broker_that_dies_is_reported() {
    for scheme in ["sqs+http", "posthouse"] {
        let broker = crate::support::Launch::new().start();
        let address = if scheme == "posthouse" { broker.native } else { broker.sqs };
        let target = format!("{scheme}://{address}");
        let endless = Plan {
            extent: Extent::Seconds(Duration::from_secs(600)),
            timeout: Duration::from_secs(1),
            ..plan(Work::Cycle)
        };
        let (measuring, measured) = mpsc::channel();
        let runs = std::thread::spawn(move || watch(&target, &endless, &mut Measuring(measuring)));
        measured.recv().expect("the run measures something before it ends");
        drop(broker);
        let outcome = runs.join().expect("no panic").expect("it was measured until then");
        assert!(outcome.ended_early.as_deref().is_some_and(|why| why.contains("answered no call")), "{outcome:?}");
        assert!(outcome.account.acknowledged > 0 && outcome.breaches().is_empty(), "{outcome:?}");
    }
}
