//! Comparisons of targets that do not exist: the order of the runs, what is kept when one fails, and the numbers.

use std::cell::RefCell;

use super::*;
use crate::plan::{Metric, Work};
use crate::report::sample;

fn contestants(names: &[&str]) -> Vec<Contestant> {
    let address = |name: &str| if name.starts_with("limit") { "limit+disk:///d" } else { "sqs+http://127.0.0.1:1" };
    let contestant = |name: &&str| Contestant {
        name: (*name).into(),
        address: address(name).parse().expect("an address"),
        durability: None,
    };
    names.iter().map(contestant).collect()
}

/// Runs a comparison of `a`, `b` and `c`; `fails` says which run does, `stops` after which runs it is stopped. Gives
/// what was run, too.
fn played(rounds: usize, fails: impl Fn(&str, &str) -> bool, stops: usize) -> (Vec<String>, Comparison) {
    let stop = Stop::default();
    let runs = RefCell::new(Vec::new());
    let run = |contestant: &Contestant, note: &str| {
        runs.borrow_mut().push(format!("{} {note}", contestant.name));
        if runs.borrow().len() >= stops {
            stop.request();
        }
        if fails(&contestant.name, note) {
            return Err(Failure::Unreachable("connection refused".into()));
        }
        Ok(sample::outcome(&contestant.name, Work::Send, 100.0))
    };
    let comparison = compare(&contestants(&["a", "b", "c"]), &Plan::ordinary(Work::Send), rounds, &stop, run);
    (runs.into_inner(), comparison)
}

fn completed(comparison: &Comparison) -> Vec<Vec<usize>> {
    comparison.candidates.iter().map(|candidate| candidate.outcomes().map(|(round, _)| round).collect()).collect()
}

#[test]
fn targets_run_in_turn() {
    let (runs, comparison) = played(2, |_, _| false, usize::MAX);
    let expected =
        ["a round 1 of 2", "b round 1 of 2", "c round 1 of 2", "a round 2 of 2", "b round 2 of 2", "c round 2 of 2"];
    assert_eq!(runs, expected);
    assert_eq!(completed(&comparison), [[1, 2], [1, 2], [1, 2]]);
}

#[test]
fn what_one_target_fails_at_costs_the_others_nothing() {
    let (runs, comparison) = played(3, |name, note| name == "b" && note == "round 2 of 3", usize::MAX);
    assert_eq!(runs.len(), 9);
    assert_eq!(completed(&comparison), [vec![1, 2, 3], vec![1, 3], vec![1, 2, 3]]);
    let failed: Vec<_> = comparison.candidates[1].failed().collect();
    assert_eq!(failed, [(2, &Failure::Unreachable("connection refused".into()))]);
}

#[test]
fn stopping_keeps_what_there_is() {
    let (runs, comparison) = played(3, |_, _| false, 4);
    assert_eq!(runs.last().map(String::as_str), Some("a round 2 of 3"));
    assert_eq!(completed(&comparison), [vec![1, 2], vec![1], vec![1]]);
    assert_eq!(comparison.runs_left(), 5);
    assert_eq!(comparison.summaries()[1].rounds, 1);
}

#[test]
fn a_run_that_is_stopped_before_it_measures_has_not_failed() {
    let (runs, comparison) = played(1, |name, _| name == "b", 2);
    assert_eq!(runs.len(), 2);
    assert_eq!(comparison.candidates[1].failed().count(), 0);
    assert_eq!(comparison.runs_left(), 2);
}

#[test]
fn the_impossible_is_refused_by_name_before_anything_runs() {
    let refusal =
        |names: &[&str], plan: &Plan, rounds| check(&contestants(names), plan, rounds).expect_err("impossible").0;
    let send = Plan::ordinary(Work::Send);
    assert_eq!(check(&contestants(&["limit-a", "limit-b"]), &send, 1), Ok(()));
    assert!(refusal(&["limit-a"], &Plan::ordinary(Work::Fifo), 1).starts_with("`limit-a` cannot do this work: "));
    assert!(refusal(&["limit-a", "limit-a"], &send, 1).contains("two targets are called `limit-a`"));
    assert!(refusal(&["limit-a"], &send, 0).contains("no rounds"));
    assert!(refusal(&[], &send, 1).contains("at least one target"));
    assert!(refusal(&["limit-a"], &Plan { batch: 0, ..send }, 1).contains("batch"));
}

#[test]
fn spreads_are_of_finite_numbers() {
    let spread = |median, least, most| Some(Spread { median, least, most });
    assert_eq!(Spread::of([]), None);
    assert_eq!(Spread::of([f64::NAN, f64::INFINITY]), None);
    assert_eq!(Spread::of([7.0]), spread(7.0, 7.0, 7.0));
    assert_eq!(Spread::of([9.0, 1.0, 2.0]), spread(2.0, 1.0, 9.0));
    assert_eq!(Spread::of([9.0, 1.0, 2.0, 4.0]), spread(3.0, 1.0, 9.0));
}

/// The tables below: for each target its rates in the rounds (`x` failed, `-` measured nothing), then what is expected
/// of it: throughput and ratio, each as median (least to most).
#[track_caller]
fn assert_numbers(table: &str) {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let attempt = |name: &str, rate: &str| match rate {
        "x" => Err(Failure::Unreachable(String::new())),
        "-" => {
            let mut outcome = sample::outcome(name, Work::Send, 1.0);
            outcome.series.clear();
            Ok(outcome)
        }
        rate => Ok(sample::outcome(name, Work::Send, rate.parse().expect("a number"))),
    };
    let mut comparison = sample::comparison(Work::Send, &rows.iter().map(|row| (row[0], &[][..])).collect::<Vec<_>>());
    for (candidate, row) in comparison.candidates.iter_mut().zip(&rows) {
        candidate.attempts = row[1].split_whitespace().map(|rate| attempt(row[0], rate)).collect();
    }
    let text = |spread: Option<Spread>| {
        spread.map_or("-".into(), |all| format!("{:.2} ({:.2} to {:.2})", all.median, all.least, all.most))
    };
    for (summary, row) in comparison.summaries().into_iter().zip(&rows) {
        assert_eq!([text(summary.throughput), text(summary.ratio)], row[2..], "{}", row[0]);
    }
}

#[test]
fn ratios_are_taken_within_a_round() {
    // The machine is twice as slow in round 2: throughputs say so, the ratios do not.
    assert_numbers(
        "a | 200 100 200 | 200.00 (100.00 to 200.00) | 1.00 (1.00 to 1.00)
         b | 300 160 320 | 300.00 (160.00 to 320.00) | 1.60 (1.50 to 1.60)",
    );
}

#[test]
fn rounds_that_one_of_the_two_lacks_have_no_ratio() {
    assert_numbers(
        "a | 100 x   100 | 100.00 (100.00 to 100.00) | 1.00 (1.00 to 1.00)
         b | 200 400 -   | 300.00 (200.00 to 400.00) | 2.00 (2.00 to 2.00)
         c | x   100     | 100.00 (100.00 to 100.00) | -
         d | x   -   x   | -                         | -",
    );
}

#[test]
fn nothing_is_a_multiple_of_zero() {
    assert_numbers(
        "a | 0 100 | 50.00 (0.00 to 100.00) | 1.00 (1.00 to 1.00)
         b | 10 0  | 5.00 (0.00 to 10.00)   | 0.00 (0.00 to 0.00)",
    );
}

#[test]
fn limits_are_what_others_are_a_share_of() {
    let limits: [(&str, &[f64]); 3] = [("limit-a", &[200.0, 200.0]), ("b", &[50.0, 70.0]), ("limit-c", &[0.0, 0.0])];
    let shares: Vec<_> =
        sample::comparison(Work::Send, &limits).summaries().into_iter().map(|each| each.of_limits).collect();
    let expected = [vec![(0, Some(1.0)), (2, None)], vec![(0, Some(0.3)), (2, None)], vec![(0, Some(0.0)), (2, None)]];
    assert_eq!(shares, expected);
    let ratios: Vec<_> =
        sample::comparison(Work::Send, &limits[..2]).summaries().into_iter().map(|each| each.ratio).collect();
    assert_eq!(ratios[1], Some(Spread { median: 0.3, least: 0.25, most: 0.35 }), "a limit may be the first");
}

#[test]
fn latency_is_the_median_of_the_rounds() {
    let mut comparison = sample::comparison(Work::Cycle, &[("a", &[100.0, 100.0, 100.0]), ("b", &[100.0])]);
    for (attempt, slow) in comparison.candidates[0].attempts.iter_mut().zip([1, 100, 2]) {
        let series = &mut attempt.as_mut().expect("a run").series;
        let series = series.iter_mut().find(|series| series.metric == Metric::EndToEnd).expect("a cycle has one");
        series.histogram = sample::empty();
        series.histogram.record_n(slow * 1000, 10).expect("a histogram that grows");
    }
    if let Ok(outcome) = &mut comparison.candidates[1].attempts[0] {
        outcome.series.retain(|series| series.metric == Metric::Send);
    }
    let summaries = comparison.summaries();
    let latency = summaries[0].latency.expect("times");
    assert_eq!((latency.metric, latency.nanos), (Metric::EndToEnd, [2000.0; 5]));
    assert_eq!(summaries[1].latency.map(|latency| latency.metric), Some(Metric::Send), "nothing comes back");
}
