//! The text of reports, as a whole.

use super::*;
use crate::plan::{Metric, Work};
use crate::report::sample;
use crate::target::{Failure, Promise};

#[test]
fn a_run_reads_like_this() {
    let expected = "\
cycle of posthouse (sqs+http://127.0.0.1:9324/)
32 producers, 32 consumers, bodies of 256 bytes, 10 s measured, 2 s of warm-up
durability: fsync

81,234 messages a second

\x20           messages  a second      p50      p90     p99   p99.9     max
send         162,468    81,234  51.0 ms  91.0 ms  100 ms  1.00 s  1.00 s
receive      162,468    81,234  51.0 ms  91.0 ms  100 ms  1.00 s  1.00 s
settle       162,468    81,234  51.0 ms  91.0 ms  100 ms  1.00 s  1.00 s
end to end   162,468    81,234  51.0 ms  91.0 ms  100 ms  1.00 s  1.00 s

second by second   least  median    most
send              77,172  81,234  85,296
receive           77,172  81,234  85,296
settle            77,172  81,234  85,296
end to end        77,172  81,234  85,296

sent       162,472 attempted, 162,468 acknowledged, 0 refused, 4 uncertain
received   162,468, 0 lost, 0 corrupted, 0 duplicated, 0 reordered, 0 misrouted, 0 unknown, 0 early
generator  1 thread, the busiest had a core for 65% of the time
\x20          10.0 µs of CPU a call, 2.50 µs of it for the signature
\x20          the machine's 2 cores were 87% busy, 2.1% stolen by its host
";
    assert_eq!(text(Report::Run(&sample::outcome("posthouse", Work::Cycle, 81_234.0))), expected);
}

#[test]
fn what_went_wrong_is_said() {
    let mut outcome = sample::outcome("post\u{1b}house", Work::Send, 1000.0);
    outcome.durability = None;
    outcome.account.lost = 3;
    outcome.account.corrupted = 1;
    outcome.overdue = 1234;
    outcome.ended_early = Some("nothing has succeeded for 10 s".into());
    outcome.failures = vec![(Failure::Disconnected("reset".into()), 1200), (Failure::Refused("full".into()), 1)];
    outcome.generator.busiest_thread = Some(0.97);
    outcome.generator.machine = None;
    outcome.generator.signature_seconds = None;
    let expected = "\
send of post�house (sqs+http://127.0.0.1:9324/)
64 producers, bodies of 256 bytes, 10 s measured, 2 s of warm-up
durability: not stated

1,000 messages a second

\x20     messages  a second      p50      p90     p99   p99.9     max
send     2,000     1,000  51.0 ms  91.0 ms  100 ms  1.00 s  1.00 s

second by second  least  median   most
send                950   1,000  1,050

sent       2,004 attempted, 2,000 acknowledged, 0 refused, 4 uncertain, 1,234 overdue
received   2,000, 3 lost, 1 corrupted, 0 duplicated, 0 reordered, 0 misrouted, 0 unknown, 0 early
generator  1 thread, the busiest had a core for 97% of the time
\x20          10.0 µs of CPU a call

BROKEN PROMISE: 3 messages acknowledged and lost
BROKEN PROMISE: 1 message corrupted
ENDED EARLY: nothing has succeeded for 10 s
FAILED: 1,200 calls: lost the connection: reset
FAILED: 1 call: refused: full
WARNING: The target did not keep up with the rate: 1,234 messages were due and not sent. Their waiting so far counts as \
latency, and would have gone on growing.
WARNING: The load generator was saturated: its busiest thread had a core for 97% of the time, so the target may be \
faster than this. Give it more --threads, or run it on another machine.
";
    assert_eq!(text(Report::Run(&outcome)), expected);
}

#[test]
fn a_run_that_measured_nothing_says_so() {
    let mut outcome = sample::outcome("limit", Work::Send, 0.0);
    outcome.series.clear();
    outcome.promise = Promise::NONE;
    outcome.generator = Default::default();
    let text = text(Report::Run(&outcome));
    assert!(text.contains("\nNothing was measured.\n"), "{text}");
    assert!(text.contains("nothing is kept here, and nothing is held against it"), "{text}");
    assert!(text.contains("how busy is not known"), "{text}");
}

#[test]
fn empty_series_have_no_times() {
    let mut outcome = sample::outcome("posthouse", Work::Send, 0.0);
    outcome.series[0].histogram = sample::empty();
    outcome.series[0].intervals.clear();
    let text = text(Report::Run(&outcome));
    assert!(text.contains("\nsend         0         0    -    -    -      -    -\n"), "{text}");
    assert!(!text.contains("second by second"), "{text}");
}

#[test]
fn the_short_rest_of_a_run_is_no_second() {
    let mut outcome = sample::outcome("posthouse", Work::Send, 1000.0);
    let mut rest = outcome.series[0].intervals[0].clone();
    rest.length = std::time::Duration::from_millis(10);
    rest.messages = 500;
    outcome.series[0].intervals.push(rest);
    let text = text(Report::Run(&outcome));
    assert!(text.contains("\nsend                950   1,000  1,050\n"), "{text}");
}

#[test]
fn a_comparison_reads_like_this() {
    let rates: [(&str, &[f64]); 3] = [
        ("posthouse", &[81_000.0, 79_000.0, 83_000.0]),
        ("na|ts", &[40_500.0, 41_000.0, 39_000.0]),
        ("limit-http", &[100_000.0; 3]),
    ];
    let mut comparison = sample::comparison(Work::Cycle, &rates);
    comparison.candidates[1].durability = Some("none".into());
    comparison.candidates[2].durability = None;
    for attempt in &mut comparison.candidates[2].attempts {
        attempt
            .as_mut()
            .expect("a run")
            .series
            .retain(|series| [Metric::Send, Metric::Settle].contains(&series.metric));
    }
    comparison.candidates[1].attempts[2] = Err(Failure::Unreachable("connection refused".into()));
    let expected = "\
`cycle`, 3 rounds: 32 producers, 32 consumers, bodies of 256 bytes, 10 s measured, 2 s of warm-up.
Medians of the rounds, and in brackets the least and the most. Latency is `end to end`, for limit-http `send`.
CPU time, of the round that took most: `generator`, how long the load test's busiest thread had a core; `machine`, how \
long all cores were taken by any process.

| target     | durability |            messages a second |  ratio to posthouse |     p50 |     p90 |    p99 |  p99.9 |    max | of limit-http | generator | machine |
| ---------- | ---------- | ---------------------------: | ------------------: | ------: | ------: | -----: | -----: | -----: | ------------: | --------: | ------: |
| posthouse  | fsync      |    81,000 (79,000 to 83,000) | 1.00 (1.00 to 1.00) | 51.0 ms | 91.0 ms | 100 ms | 1.00 s | 1.00 s |           81% |       65% |     89% |
| na\\|ts     | none       |    40,750 (40,500 to 41,000) | 0.51 (0.50 to 0.52) | 51.0 ms | 91.0 ms | 100 ms | 1.00 s | 1.00 s |           41% |       65% |     89% |
| limit-http | -          | 100,000 (100,000 to 100,000) | 1.23 (1.20 to 1.27) | 51.0 ms | 91.0 ms | 100 ms | 1.00 s | 1.00 s |          100% |       65% |     89% |

- Different durability, as labelled: posthouse \"fsync\", na|ts \"none\". A comparison of what is durable with what is \
not is none.
- na|ts, round 3: No result: the target cannot be reached: connection refused
";
    assert_eq!(text(Report::Comparison(&comparison)), expected);
}

#[test]
fn the_table_of_a_comparison_is_markdown() {
    let comparison = sample::comparison(Work::Send, &[("a|b\\|c\n", &[1.0]), ("é", &[2.0])]);
    let text = text(Report::Comparison(&comparison));
    let table: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(table.len(), 4);
    let cells = |line: &str| line.replace("\\\\", "").replace("\\|", "").matches('|').count();
    let width = table[0].chars().count();
    assert!(table.iter().all(|line| cells(line) == cells(table[0]) && line.chars().count() == width), "{text}");
    assert!(table[1].chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')), "{text}");
}
