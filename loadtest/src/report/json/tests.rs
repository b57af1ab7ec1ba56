//! The documents as a whole.

use serde_json::{Value, json};

use super::*;
use crate::plan::Work;
use crate::report::sample;

fn read(report: Report<'_>) -> Value {
    serde_json::from_slice(&document(report)).expect("JSON")
}

#[test]
fn a_run_is_this_document() {
    let mut outcome = sample::outcome("posthouse", Work::Send, 1000.0);
    outcome.failures = vec![(Failure::Refused("full".into()), 3)];
    outcome.ended_early = Some("nothing has succeeded for 10 s".into());
    outcome.account.lost = 2;
    outcome.series[0].intervals.truncate(1);
    let mut document = read(Report::Run(&outcome));
    assert_eq!(document["tool"]["version"].take(), env!("CARGO_PKG_VERSION"));
    assert_eq!(document["plan"].take()["work"], "send");
    let times = &mut document["runs"][0]["series"][0]["times"];
    let [mean, stdev] = ["mean_ns", "stdev_ns"].map(|key| times[key].take().as_f64().expect("a number"));
    assert!((55e6..56e6).contains(&mean) && (72e6..74e6).contains(&stdev), "{mean} {stdev}");
    let expected = json!({
        "format": 1,
        "tool": {"name": "posthouse-loadtest", "version": null},
        "plan": null,
        "runs": [{
            "name": "posthouse",
            "address": "sqs+http://127.0.0.1:9324/",
            "limit": false,
            "durability": "fsync",
            "round": 1,
            "started": "2023-11-14T22:13:20.5Z",
            "throughput_per_second": 1000.0,
            "throughput_metric": "send",
            "latency_metric": "send",
            "series": [{
                "metric": "send",
                "messages": 2000,
                "measured_seconds": 2.0,
                "rate_per_second": 1000.0,
                "samples": 201,
                "times": {
                    "mean_ns": null,
                    "stdev_ns": null,
                    "p0_ns": 999_936,
                    "p50_ns": 51_019_775,
                    "p75_ns": 76_021_759,
                    "p90_ns": 91_029_503,
                    "p95_ns": 96_010_239,
                    "p99_ns": 100_007_935,
                    "p99_9_ns": 1_000_341_503,
                    "p99_99_ns": 1_000_341_503,
                    "p100_ns": 1_000_341_503,
                },
                "intervals": [{
                    "start_seconds": 0.0,
                    "length_seconds": 1.0,
                    "messages": 1050,
                    "rate_per_second": 1050.0,
                    "p50_ns": 50_003_967,
                    "p99_ns": 99_024_895,
                    "p100_ns": 100_007_935,
                }],
            }],
            "account": {
                "attempted": 2004,
                "acknowledged": 2000,
                "refused": 0,
                "uncertain": 4,
                "received": 2000,
                "verified": true,
                "lost": 2,
                "duplicated": 0,
                "corrupted": 0,
                "reordered": 0,
                "misrouted": 0,
                "unknown": 0,
                "early": 0,
            },
            "overdue": 0,
            "promise": {"keeps": true, "once": false, "ordered": false},
            "breaches": ["2 messages acknowledged and lost"],
            "failures": [{"kind": "refused", "message": "refused: full", "count": 3}],
            "ended_early": "nothing has succeeded for 10 s",
            "generator": {
                "threads": 1,
                "measured_seconds": 2.0,
                "cpu_seconds": 1.3,
                "cpu_per_call_ns": 10_000.0,
                "signature_ns": 2_500.0,
                "busiest_thread_share": 0.65,
                "saturated": false,
                "calls": 130_000,
                "machine": {"cores": 2, "busy_share": 0.873, "stolen_share": 0.021},
            },
        }],
        "comparison": null,
        "warnings": [
            "2 messages acknowledged and lost",
            "Ended early: nothing has succeeded for 10 s",
            "3 calls failed: refused: full",
        ],
    });
    assert_eq!(document, expected, "{document:#}");
}

#[test]
fn a_comparison_is_the_same_document_and_a_summary() {
    let mut comparison = sample::comparison(Work::Send, &[("a", &[100.0, 200.0]), ("limit", &[400.0, 400.0])]);
    comparison.candidates[0].attempts.push(Err(Failure::Unreachable("gone".into())));
    comparison.rounds = 3;
    let mut document = read(Report::Comparison(&comparison));
    let runs = document["runs"].take();
    let runs: Vec<_> =
        runs.as_array().expect("runs").iter().map(|run| (run["round"].clone(), run["name"].clone())).collect();
    let order = [(1, "a"), (1, "limit"), (2, "a"), (2, "limit")];
    assert_eq!(runs, order.map(|(round, name)| (json!(round), json!(name))));
    let latency = json!({
        "metric": "send",
        "p50_ns": 51_019_775.0,
        "p90_ns": 91_029_503.0,
        "p99_ns": 100_007_935.0,
        "p99_9_ns": 1_000_341_503.0,
        "p100_ns": 1_000_341_503.0,
    });
    let failure = json!({"kind": "unreachable", "message": "cannot be reached: gone", "count": 1});
    let expected = json!({
        "rounds": 3,
        "candidates": [
            {
                "name": "a",
                "address": "sqs+http://127.0.0.1:9324/",
                "limit": false,
                "durability": "fsync",
                "rounds_measured": 2,
                "rounds_failed": [{"round": 3, "failure": failure}],
                "throughput_per_second": {"median": 150.0, "least": 100.0, "most": 200.0},
                "ratio_to_first": {"median": 1.0, "least": 1.0, "most": 1.0},
                "latency": latency,
                "share_of_limits": [{"limit": "limit", "share": 0.375}],
            },
            {
                "name": "limit",
                "address": "sqs+http://127.0.0.1:9324/",
                "limit": true,
                "durability": "fsync",
                "rounds_measured": 2,
                "rounds_failed": [],
                "throughput_per_second": {"median": 400.0, "least": 400.0, "most": 400.0},
                "ratio_to_first": {"median": 3.0, "least": 2.0, "most": 4.0},
                "latency": latency,
                "share_of_limits": [{"limit": "limit", "share": 1.0}],
            },
        ],
    });
    assert_eq!(document["comparison"], expected, "{document:#}");
    let warnings = ["Stopped: 1 of 6 runs was not done.", "a, round 3: No result: the target cannot be reached: gone"];
    assert_eq!(document["warnings"], json!(warnings));
}

#[test]
fn what_is_not_known_is_null() {
    let mut outcome = sample::outcome("posthouse", Work::Send, 0.0);
    outcome.durability = None;
    outcome.generator = Generator::default();
    outcome.series[0].histogram = sample::empty();
    outcome.series[0].intervals[0].histogram = None;
    outcome.series[0].intervals[0].length = Duration::ZERO;
    let document = read(Report::Run(&outcome));
    let run = &document["runs"][0];
    assert_eq!(run["durability"], Value::Null);
    assert_eq!(run["series"][0]["times"], Value::Null);
    assert_eq!(run["series"][0]["intervals"][0]["p99_ns"], Value::Null);
    assert_eq!(run["series"][0]["intervals"][0]["rate_per_second"], 0.0);
    assert_eq!(run["generator"]["cpu_per_call_ns"], Value::Null);
    assert_eq!(run["generator"]["machine"], Value::Null);
    outcome.series.clear();
    assert_eq!(read(Report::Run(&outcome))["runs"][0]["throughput_per_second"], Value::Null);
}

#[test]
fn moments_are_in_utc_with_their_fraction() {
    assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)), "2023-11-14T22:13:20.5Z");
    assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800)), "1970-01-01T00:00:00Z");
    assert_eq!(rfc3339(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
}

#[test]
fn the_page_about_it_names_every_key() {
    let page = include_str!("../../../../docs/loadtest.md");
    let mut failed = sample::comparison(Work::Send, &[("a", &[1.0]), ("limit", &[1.0])]);
    failed.candidates[0].attempts.push(Err(Failure::Unreachable(String::new())));
    if let Ok(outcome) = &mut failed.candidates[0].attempts[0] {
        outcome.failures = vec![(Failure::Refused(String::new()), 1)];
    }
    let missing: Vec<_> = keys(&read(Report::Comparison(&failed)))
        .into_iter()
        .filter(|key| !page.contains(&format!("`{key}`")))
        .collect();
    assert_eq!(missing, [""; 0]);
}

fn keys(value: &Value) -> std::collections::BTreeSet<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(keys).collect(),
        Value::Object(entries) => {
            entries.iter().flat_map(|(key, value)| std::iter::once(key.clone()).chain(keys(value))).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Default::default(),
    }
}
