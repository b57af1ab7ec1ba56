//! Whole runs against a target inside this process, which keeps its promises or breaks one of them.

mod fake;

use std::sync::Arc;
use std::time::{Duration, Instant};

use fake::{Fake, Faults};
use hdrhistogram::Histogram;
use posthouse_loadtest::live::{Live, Observer, Phase, Unobserved};
use posthouse_loadtest::outcome::{Interval, Outcome};
use posthouse_loadtest::plan::{BodySizes, Extent, Metric, Plan, Work};
use posthouse_loadtest::run::{Contestant, Stop, run_against};
use posthouse_loadtest::target::{Failure, Promise};

/// A short run of some workers.
fn plan(work: Work) -> Plan {
    Plan {
        producers: 4,
        consumers: if work == Work::Send { 0 } else { 4 },
        extent: Extent::Messages(400),
        warm_up: Duration::ZERO,
        fill: 400,
        queues: 3,
        groups: 7,
        delay: Duration::from_secs(1),
        rate: matches!(work, Work::Latency | Work::Delay).then_some(2000.0),
        drain: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        ..Plan::ordinary(work)
    }
}

fn contestant() -> Contestant {
    Contestant {
        name: "fake".into(),
        address: "limit+http://".parse().expect("an address"),
        durability: Some("none: it is a fake".into()),
    }
}

fn run_fake(fake: &Arc<Fake>, plan: &Plan) -> Outcome {
    let target: Arc<Fake> = Arc::clone(fake);
    run_against(target, &contestant(), plan, &mut Unobserved, &Stop::default()).expect("the fake can be measured")
}

fn run(promise: Promise, faults: Faults, plan: &Plan) -> Outcome {
    run_fake(&Fake::new(promise, faults), plan)
}

/// Percentile of a metric.
fn percentile(outcome: &Outcome, metric: Metric, quantile: f64) -> Duration {
    let series = outcome.series(metric).expect("the metric is measured");
    Duration::from_nanos(series.histogram.value_at_quantile(quantile))
}

#[test]
fn every_work_is_accounted_for() {
    let table = [
        // Work, receipts, metrics.
        (Work::Send, 400, vec![Metric::Send]),
        (Work::Receive, 400, vec![Metric::Receive, Metric::Settle]),
        (Work::Backlog, 400, vec![Metric::Send, Metric::Receive, Metric::Settle]),
        (Work::Cycle, 400, vec![Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd]),
        (Work::Fanout, 1200, vec![Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd]),
        (Work::Latency, 400, vec![Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd]),
        (Work::Fifo, 400, vec![Metric::Send, Metric::Receive, Metric::Settle, Metric::EndToEnd]),
        (Work::Delay, 400, Metric::ALL.to_vec()),
    ];
    for (work, deliveries, metrics) in table {
        for batch in [1, 5] {
            let outcome = run(Promise::FIFO, Faults::default(), &Plan { batch, ..plan(work) });
            let what = format!("{work:?} in batches of {batch}: {outcome:?}");
            assert!(outcome.is_good(), "{what}");
            assert!(outcome.account.verified, "{what}");
            assert_eq!(outcome.account.acknowledged, 400, "{what}");
            assert_eq!(outcome.account.received, deliveries, "{what}");
            let measured: Vec<_> = outcome.series.iter().map(|series| series.metric).collect();
            assert_eq!(measured, metrics, "{what}");
            assert!(outcome.throughput().is_some_and(|rate| rate > 0.0), "{what}");
            assert!(outcome.generator.calls > 0, "{what}");
        }
    }
}

#[test]
fn a_command_runs_between_filling_and_draining() {
    for work in [Work::Backlog, Work::Receive] {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let trace = directory.path().join("ran");
        let command = format!("echo once >> '{}'", trace.display());
        let outcome = run(Promise::FIFO, Faults::default(), &Plan { between: Some(command), ..plan(work) });
        assert!(outcome.is_good() && outcome.account.received == 400, "{outcome:?}");
        assert_eq!(std::fs::read_to_string(trace).expect("the command ran"), "once\n");
        let failing = Plan { between: Some("exit 3".into()), ..plan(work) };
        let outcome = run(Promise::FIFO, Faults::default(), &failing);
        let why = outcome.ended_early.as_deref().unwrap_or_default();
        assert!(why.contains("`exit 3`") && why.contains('3') && outcome.account.received == 0, "{outcome:?}");
    }
}

#[test]
fn filtered_fan_out_reaches_one_queue_each() {
    let outcome = run(Promise::AT_LEAST_ONCE, Faults::default(), &Plan { filtered: true, ..plan(Work::Fanout) });
    assert!(outcome.is_good(), "{outcome:?}");
    assert_eq!(outcome.account.received, 400);
    let misrouting = Faults { misroutes: true, ..Faults::default() };
    let outcome = run(Promise::AT_LEAST_ONCE, misrouting, &Plan { filtered: true, ..plan(Work::Fanout) });
    assert!(outcome.account.misrouted > 0 && !outcome.is_good(), "{outcome:?}");
}

#[test]
fn more_queues_than_consumers_are_all_served() {
    let outcome = run(Promise::AT_LEAST_ONCE, Faults::default(), &Plan { queues: 11, ..plan(Work::Fanout) });
    assert!(outcome.is_good(), "{outcome:?}");
    assert_eq!(outcome.account.received, 4400);
}

#[test]
fn what_a_target_does_wrong_is_caught() {
    let every_tenth = Some(10);
    let table = [
        (Faults { loses: every_tenth, ..Faults::default() }, "messages acknowledged and lost", [40, 0, 0, 0]),
        (Faults { duplicates: every_tenth, ..Faults::default() }, "messages duplicated", [0, 40, 0, 0]),
        (Faults { corrupts: every_tenth, ..Faults::default() }, "messages corrupted", [40, 0, 40, 0]),
    ];
    for work in [Work::Cycle, Work::Send, Work::Backlog, Work::Latency] {
        for (faults, breach, expected) in &table {
            let outcome = run(Promise { ordered: false, ..Promise::FIFO }, faults.clone(), &plan(work));
            let account = &outcome.account;
            let counts = [account.lost, account.duplicated, account.corrupted, account.reordered];
            let breaches = outcome.breaches().join("; ");
            assert!(breaches.contains(breach), "{work:?} with {faults:?}: {breaches}");
            assert_eq!(counts[..3], expected[..3], "{work:?} with {faults:?}: {account:?}");
            assert!(!outcome.is_good());
        }
    }
}

#[test]
fn disorder_is_a_breach_only_where_order_is_promised() {
    let reversing = Faults { reverses: true, ..Faults::default() };
    let fifo = Plan { groups: 4, consumers: 1, batch: 10, ..plan(Work::Backlog) };
    let outcome = run(Promise::FIFO, reversing.clone(), &fifo);
    assert!(outcome.account.reordered > 0 && !outcome.is_good(), "{outcome:?}");
    let outcome = run(Promise::AT_LEAST_ONCE, reversing, &fifo);
    assert!(outcome.account.reordered > 0 && outcome.is_good(), "{outcome:?}");
}

#[test]
fn duplicates_are_allowed_where_once_is_not_promised() {
    let outcome = run(Promise::AT_LEAST_ONCE, Faults { duplicates: Some(10), ..Faults::default() }, &plan(Work::Cycle));
    assert!(outcome.account.duplicated == 40 && outcome.is_good(), "{outcome:?}");
}

#[test]
fn early_deliveries_are_a_breach() {
    let outcome = run(Promise::AT_LEAST_ONCE, Faults { ignores_delays: true, ..Faults::default() }, &plan(Work::Delay));
    assert!(outcome.account.early > 0 && !outcome.is_good(), "{outcome:?}");
}

/// The target stalls for a second in the middle of four. Each worker sees a single slow call. The messages that were
/// due meanwhile waited, too, half a second on average.
#[test]
fn a_stall_shows_in_the_percentiles_of_what_was_due() {
    let stall = Duration::from_secs(1);
    let paced = Plan {
        producers: 2,
        consumers: 2,
        rate: Some(500.0),
        extent: Extent::Seconds(Duration::from_secs(4)),
        ..plan(Work::Latency)
    };
    let stalling = Faults { stall: Some((Duration::from_millis(1500), stall)), ..Faults::default() };
    let outcome = run(Promise::AT_LEAST_ONCE, stalling, &paced);
    assert!(outcome.is_good(), "{outcome:?}");
    for metric in [Metric::Send, Metric::EndToEnd] {
        // A quarter of the schedule is within the stall: 500 of 2,000 messages waited up to a second.
        assert!(percentile(&outcome, metric, 0.99) > stall * 9 / 10, "{metric:?}: {outcome:?}");
        assert!(percentile(&outcome, metric, 0.85) > stall / 4, "{metric:?}: {outcome:?}");
    }
    let calm = run(Promise::AT_LEAST_ONCE, Faults::default(), &paced);
    assert!(percentile(&calm, Metric::EndToEnd, 0.85) < stall / 4, "{calm:?}");
    assert_eq!(calm.overdue, 0);
}

/// If a target stops responding, messages that were due and never sent count with the time that they waited.
#[test]
fn what_was_due_and_never_sent_counts() {
    let stalling = Faults { stall: Some((Duration::from_millis(500), Duration::from_secs(3600))), ..Faults::default() };
    let paced = Plan {
        producers: 2,
        rate: Some(500.0),
        timeout: Duration::from_secs(1),
        extent: Extent::Seconds(Duration::from_secs(30)),
        ..plan(Work::Latency)
    };
    let outcome = run(Promise::AT_LEAST_ONCE, stalling, &paced);
    assert!(outcome.ended_early.as_deref().is_some_and(|why| why.contains("answered no call")), "{outcome:?}");
    assert!(outcome.overdue > 300, "{outcome:?}");
    assert!(percentile(&outcome, Metric::EndToEnd, 0.75) > Duration::from_millis(300), "{outcome:?}");
    assert!(!outcome.account.verified, "what cannot be looked for is not lost: {outcome:?}");
}

/// Without a rate a call that never returns is recorded with the time that it waited.
#[test]
fn calls_under_way_at_the_end_count() {
    let stalling = Faults { stall: Some((Duration::from_millis(500), Duration::from_secs(3600))), ..Faults::default() };
    for work in [Work::Send, Work::Cycle] {
        let timed =
            Plan { timeout: Duration::from_secs(1), extent: Extent::Seconds(Duration::from_secs(30)), ..plan(work) };
        let outcome = run(Promise::AT_LEAST_ONCE, stalling.clone(), &timed);
        assert!(outcome.ended_early.is_some(), "{outcome:?}");
        assert!(percentile(&outcome, Metric::Send, 1.0) > Duration::from_millis(900), "{work:?}: {outcome:?}");
    }
}

#[test]
fn no_more_is_overdue_than_was_to_be_sent() {
    let stalling = Faults { stall: Some((Duration::from_millis(100), Duration::from_secs(3600))), ..Faults::default() };
    let counted = Plan { timeout: Duration::from_secs(2), rate: Some(400.0), ..plan(Work::Latency) };
    let outcome = run(Promise::AT_LEAST_ONCE, stalling, &counted);
    assert!(outcome.ended_early.is_some(), "{outcome:?}");
    assert_eq!(outcome.overdue + outcome.account.attempted, 400, "{outcome:?}");
}

#[test]
fn messages_that_went_with_a_connection_are_waited_for() {
    let swallowing = Faults { swallows: Some(20), ..Faults::default() };
    let short = Plan {
        visibility_timeout: Duration::from_secs(2),
        drain: Duration::from_millis(200),
        timeout: Duration::from_millis(200),
        ..plan(Work::Cycle)
    };
    let outcome = run(Promise { ordered: false, ..Promise::FIFO }, swallowing, &short);
    assert!(outcome.breaches().is_empty() && outcome.account.verified, "{outcome:?}");
    assert_eq!((outcome.account.received, outcome.account.duplicated), (400, 0), "{outcome:?}");
}

#[test]
fn a_target_that_delivers_nothing_has_a_throughput_of_nothing() {
    let losing = Faults { loses: Some(1), ..Faults::default() };
    let timed = Plan { extent: Extent::Seconds(Duration::from_millis(300)), ..plan(Work::Latency) };
    let outcome = run(Promise::AT_LEAST_ONCE, losing, &timed);
    assert_eq!(outcome.throughput(), Some(0.0), "{outcome:?}");
    assert!(outcome.account.lost > 0, "{outcome:?}");
}

#[test]
fn a_run_that_hangs_can_be_stopped() {
    let stalling = Faults { stall: Some((Duration::from_millis(50), Duration::from_secs(3600))), ..Faults::default() };
    // The measured part ends in time. Then the run waits for the last calls.
    let patient = Plan {
        timeout: Duration::from_secs(3600),
        extent: Extent::Seconds(Duration::from_millis(300)),
        ..plan(Work::Send)
    };
    let stop = Stop::default();
    let stopping = stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_secs(2));
        stopping.request();
    });
    let fake = Fake::new(Promise::AT_LEAST_ONCE, stalling);
    let outcome = run_against(fake, &contestant(), &patient, &mut Unobserved, &stop).expect("it was measured");
    assert_eq!(outcome.ended_early.as_deref(), Some("stopped by the user"));
}

#[test]
fn a_target_that_cannot_keep_up_is_seen() {
    // Two producers, each call 20 ms: 100 a second at most, of 1,000 that are due.
    let slow = Faults { slow: Duration::from_millis(20), ..Faults::default() };
    let paced = Plan {
        producers: 2,
        rate: Some(1000.0),
        extent: Extent::Seconds(Duration::from_secs(2)),
        ..plan(Work::Latency)
    };
    let outcome = run(Promise::AT_LEAST_ONCE, slow, &paced);
    assert!(outcome.throughput().is_some_and(|rate| rate < 300.0), "what came, and not what was due: {outcome:?}");
    assert!(outcome.overdue > 1000, "{outcome:?}");
    assert!(percentile(&outcome, Metric::EndToEnd, 0.5) > Duration::from_millis(500), "{outcome:?}");
}

#[test]
fn a_target_that_dies_leaves_what_was_done() {
    for work in [Work::Send, Work::Cycle, Work::Latency, Work::Backlog] {
        let dying = Faults { dies_after: Some(100), ..Faults::default() };
        let short = Plan {
            timeout: Duration::from_millis(500),
            extent: Extent::Seconds(Duration::from_secs(30)),
            ..plan(work)
        };
        let outcome = run(Promise::FIFO, dying, &short);
        let why = outcome.ended_early.clone().unwrap_or_default();
        assert!(why.contains("answered no call") && why.contains("connection"), "{work:?}: {outcome:?}");
        assert!(outcome.account.acknowledged > 0, "{work:?}: {outcome:?}");
        assert!(outcome.breaches().is_empty(), "what died was not looked for: {work:?}: {outcome:?}");
        assert!(!outcome.is_good());
    }
}

#[test]
fn lost_connections_are_opened_again() {
    let breaking = Faults { breaks_every: Some(50), ..Faults::default() };
    let outcome = run(Promise::AT_LEAST_ONCE, breaking, &plan(Work::Cycle));
    assert!(outcome.ended_early.is_none() && outcome.breaches().is_empty(), "{outcome:?}");
    assert!(!outcome.failures.is_empty() && !outcome.is_good(), "{outcome:?}");
    assert!(outcome.account.uncertain > 0, "{outcome:?}");
}

#[test]
fn denied_calls_end_the_run_at_once() {
    let denying = Faults { denies_after: Some(50), ..Faults::default() };
    let endless = Plan { extent: Extent::Seconds(Duration::from_secs(600)), ..plan(Work::Send) };
    let outcome = run(Promise::AT_LEAST_ONCE, denying, &endless);
    assert!(outcome.ended_early.as_deref().is_some_and(|why| why.contains("denied access")), "{outcome:?}");
}

#[test]
fn refused_messages_are_neither_sent_nor_lost() {
    let refusing = Faults { refuses: Some(100), ..Faults::default() };
    let outcome = run(Promise::AT_LEAST_ONCE, refusing, &plan(Work::Cycle));
    assert!(outcome.breaches().is_empty(), "{outcome:?}");
    assert_eq!((outcome.account.refused, outcome.account.acknowledged), (4, 396), "{outcome:?}");
}

#[test]
fn a_target_that_never_answers_does_not_hang_the_run() {
    let hanging = Faults { hangs_on_prepare: true, ..Faults::default() };
    let fake = Fake::new(Promise::AT_LEAST_ONCE, hanging);
    let short = Plan { timeout: Duration::from_millis(300), ..plan(Work::Send) };
    let error =
        run_against(fake, &contestant(), &short, &mut Unobserved, &Stop::default()).expect_err("nothing answers");
    assert!(matches!(&error, Failure::Unreachable(why) if why.contains("no answer within")), "{error}");
}

#[test]
fn the_limits_owe_nothing() {
    for work in [Work::Send, Work::Receive, Work::Cycle, Work::Backlog, Work::Latency] {
        let outcome = run(Promise::NONE, Faults { constant: true, ..Faults::default() }, &plan(work));
        assert!(outcome.is_good() && !outcome.account.verified, "{work:?}: {outcome:?}");
        // No message is received, so that the times are those of sends.
        assert_eq!(outcome.throughput().is_some(), work != Work::Latency, "{work:?}: {outcome:?}");
        assert!(outcome.latency().is_some_and(|series| !series.histogram.is_empty()), "{work:?}: {outcome:?}");
    }
}

#[test]
fn bodies_have_the_sizes_of_the_plan() {
    let fake = Fake::new(Promise::FIFO, Faults::default());
    let sizes: BodySizes = "64:1,100:1,5000:1".parse().expect("sizes");
    let outcome = run_fake(&fake, &Plan { body: sizes, ..plan(Work::Cycle) });
    assert!(outcome.is_good(), "{outcome:?}");
    assert_eq!(fake.body_sizes(), [64, 100, 5000]);
}

#[test]
fn what_was_made_is_removed_unless_it_is_kept() {
    for (keep, left) in [(false, 0), (true, 1)] {
        let fake = Fake::new(Promise::FIFO, Faults::default());
        run_fake(&fake, &Plan { keep, ..plan(Work::Cycle) });
        assert_eq!(fake.layouts(), left);
    }
}

/// Stops the run when it is measuring.
struct StopWhileMeasuring(Stop, Vec<Phase>);

impl Observer for StopWhileMeasuring {
    fn begin(&mut self, _name: &str, _note: &str) {}
    fn look(&mut self, live: &Live) {
        self.1.push(live.phase);
        if live.phase == Phase::Measuring {
            self.0.request();
        }
    }
    fn end(&mut self) {}
}

#[test]
fn a_run_that_is_stopped_keeps_what_it_has() {
    let stop = Stop::default();
    let mut observer = StopWhileMeasuring(stop.clone(), Vec::new());
    let endless = Plan {
        extent: Extent::Seconds(Duration::from_secs(600)),
        warm_up: Duration::from_millis(300),
        ..plan(Work::Cycle)
    };
    let begin = Instant::now();
    let fake = Fake::new(Promise::FIFO, Faults::default());
    let outcome = run_against(fake, &contestant(), &endless, &mut observer, &stop).expect("it was measured");
    assert_eq!(outcome.ended_early.as_deref(), Some("stopped by the user"));
    assert!(outcome.throughput().is_some() && outcome.breaches().is_empty(), "{outcome:?}");
    assert!(begin.elapsed() < Duration::from_secs(300));
    observer.1.dedup();
    assert_eq!(observer.1, [Phase::Preparing, Phase::WarmUp, Phase::Measuring]);
}

#[test]
fn seconds_are_kept_when_they_are_asked_for() {
    let timed = Plan { extent: Extent::Seconds(Duration::from_millis(2300)), intervals: true, ..plan(Work::Send) };
    let outcome = run(Promise::FIFO, Faults { slow: Duration::from_millis(2), ..Faults::default() }, &timed);
    let series = outcome.series(Metric::Send).expect("sends");
    assert!(series.intervals.len() >= 3, "{}", series.intervals.len());
    assert_eq!(series.intervals.iter().map(|interval| interval.messages).sum::<u64>(), series.messages);
    let times = |interval: &Interval| interval.histogram.as_ref().map_or(0, Histogram::len);
    assert_eq!(series.intervals.iter().map(times).sum::<u64>(), series.histogram.len());
}
