//! Reads charts back as XML, and looks for the names and numbers.

use hdrhistogram::Histogram;
use roxmltree::Document;

use super::*;
use crate::compare::Comparison;
use crate::plan::Work;
use crate::report::sample;
use crate::target::Failure;

const HOSTILE: &str = "<&\">'\u{0}\u{1b}]]>";

/// The texts of a chart, in their order.
#[track_caller]
fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).expect("well-formed XML");
    assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    let texts = document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
    texts.map(|text| text.text().unwrap_or_default().trim().to_owned()).collect()
}

#[track_caller]
fn assert_says(texts: &[String], expected: &[&str]) {
    for expected in expected {
        assert!(texts.iter().any(|text| text == expected), "no `{expected}` in {texts:#?}");
    }
}

/// Asserts that all drawn positions are within the document.
#[track_caller]
fn assert_within(svg: &str) {
    let document = Document::parse(svg).expect("well-formed XML");
    let root = document.root_element();
    let size = |name| root.attribute(name).and_then(|text| text.parse::<f64>().ok()).expect("a size");
    for node in root.descendants() {
        for (name, end) in [
            ("x", "width"),
            ("x1", "width"),
            ("x2", "width"),
            ("cx", "width"),
            ("y", "height"),
            ("y1", "height"),
            ("y2", "height"),
            ("cy", "height"),
        ] {
            if let Some(place) = node.attribute(name) {
                let place: f64 = place.parse().expect("a place");
                assert!((0.0..=size(end)).contains(&place), "{name}={place} in {node:?}");
            }
        }
    }
}

fn comparison() -> Comparison {
    sample::comparison(
        Work::Cycle,
        &[
            ("posthouse", &[81_000.0, 79_000.0, 83_000.0]),
            ("nats", &[40_500.0, 41_000.0, 39_000.0]),
            ("limit-http", &[100_000.0; 3]),
        ],
    )
}

#[test]
fn a_run_has_its_numbers() {
    let svg = svg(Report::Run(&sample::outcome("posthouse", Work::Send, 81_234.0)));
    let expected = [
        "posthouse-loadtest: send",
        "posthouse",
        "fsync",
        "81,234",
        "Latency: send",
        "51.0 ms",
        "91.0 ms",
        "100 ms",
        "1.00 s",
        "201",
        "99%",
    ];
    assert_says(&texts(&svg), &expected);
    assert!(texts(&svg).last().is_some_and(|origin| origin.ends_with("2023-11-14")));
    assert_within(&svg);
}

#[test]
fn a_comparison_has_the_numbers_of_all_targets() {
    let svg = svg(Report::Comparison(&comparison()));
    let expected = [
        "81,000 (79,000 to 83,000)",
        "1.00",
        "40,500 (39,000 to 41,000)",
        "0.50",
        "100,000",
        "1.23",
        "ratio to posthouse",
        "Latency: end to end, all rounds together",
        "603",
    ];
    assert_says(&texts(&svg), &expected);
    for name in ["posthouse", "nats", "limit-http"] {
        assert_eq!(texts(&svg).iter().filter(|text| *text == name).count(), 2, "{name} at its bar and in the key");
    }
    assert_within(&svg);
}

#[test]
fn each_target_has_a_curve_of_its_own_colour() {
    let targets: Vec<_> = (0..10).map(|number| format!("target-{number}")).collect();
    let targets: Vec<_> = targets.iter().map(|name| (name.as_str(), &[100.0, 200.0][..])).collect();
    let svg = svg(Report::Comparison(&sample::comparison(Work::Send, &targets)));
    assert_says(&texts(&svg), &targets.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    assert_within(&svg);
    let document = Document::parse(&svg).expect("well-formed XML");
    let curves = document.descendants().filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "polyline")));
    let curves =
        curves.filter(|curve| curve.attribute("points").is_some_and(|points| points.split_whitespace().count() > 10));
    let colours: std::collections::HashSet<_> = curves.filter_map(|curve| curve.attribute("stroke")).collect();
    assert_eq!(colours.len(), 10);
}

#[test]
fn hostile_names_stay_text() {
    let mut comparison = comparison();
    comparison.candidates[0].name = HOSTILE.into();
    comparison.candidates[0].durability = Some(HOSTILE.into());
    comparison.candidates[1].attempts[1] = Err(Failure::Malformed(HOSTILE.into()));
    comparison.candidates[2].name = "x".repeat(1000);
    let svg = svg(Report::Comparison(&comparison));
    let shown = "<&\">'\u{fffd}\u{fffd}]]>";
    assert_eq!(texts(&svg).iter().filter(|text| *text == shown).count(), 3);
    assert!(texts(&svg).iter().any(|text| text.contains("nats, round 2: No result")));
    assert_within(&svg);
}

#[test]
fn nothing_at_all_is_drawn_as_nothing() {
    let mut outcome = sample::outcome("posthouse", Work::Send, 0.0);
    outcome.series[0].histogram = sample::empty();
    assert_says(&texts(&svg(Report::Run(&outcome))), &["posthouse", "0", "no times were measured"]);
    assert_within(&svg(Report::Run(&outcome)));
    outcome.series.clear();
    assert_says(&texts(&svg(Report::Run(&outcome))), &["no result", "no times were measured"]);
    let empty = sample::comparison(Work::Send, &[]);
    assert_says(&texts(&svg(Report::Comparison(&empty))), &["no times were measured"]);
    let mut failed = sample::comparison(Work::Send, &[("a", &[1.0])]);
    failed.candidates[0].attempts = vec![Err(Failure::Denied("the key is wrong".into()))];
    let failed = texts(&svg(Report::Comparison(&failed)));
    assert_says(&failed, &["no result", "• a, round 1: No result: the target denied access: the key is wrong"]);
}

#[test]
fn extremes_are_within_the_chart() {
    for value in [0, 1, 1000, 999_999_999_999, u64::MAX / 2] {
        let mut outcome = sample::outcome("posthouse", Work::Send, 1e15);
        let mut one = Histogram::new(3).expect("three digits");
        one.record(value).expect("a histogram that grows");
        outcome.series[0].histogram = one;
        assert_within(&svg(Report::Run(&outcome)));
        assert_says(&texts(&svg(Report::Run(&outcome))), &["1"]);
    }
}

#[test]
fn long_text_is_wrapped_at_words_if_it_can_be() {
    let words = vec!["word"; 100].join(" ");
    assert!(wrapped(&words).iter().all(|line| width(line) <= LINE && line.ends_with("word")));
    assert_eq!(wrapped(&words).join(" "), words);
    for one in ["x".repeat(400), "W".repeat(400)] {
        assert!(wrapped(&one).iter().all(|line| width(line) <= LINE));
        assert_eq!(wrapped(&one).concat(), one);
    }
    assert_eq!(wrapped("x".repeat(400).as_str()).len(), 3);
    assert_eq!(wrapped(""), [""]);
}

#[test]
fn long_names_are_cut_where_they_end_to_fit() {
    assert_eq!(shortened(&"x".repeat(32)), "x".repeat(32));
    assert_eq!(shortened(&"x".repeat(33)), "x".repeat(30) + "…");
    assert!(width(&shortened(&"W".repeat(1000))) <= NAME);
}

#[test]
fn many_warnings_are_not_all_shown() {
    let mut comparison = sample::comparison(Work::Send, &[("a", &[1.0])]);
    comparison.candidates[0].attempts = vec![Err(Failure::Unreachable("gone".into())); 40];
    comparison.rounds = 40;
    let texts = texts(&svg(Report::Comparison(&comparison)));
    assert_eq!(texts.iter().filter(|text| text.contains("No result")).count(), NOTES_MAX);
    assert_says(&texts, &["• and 28 more"]);
}

/// Thirteen targets, three more than there are colours.
#[test]
fn targets_of_the_same_colour_have_different_marks() {
    let names: Vec<String> = (0..13).map(|number| format!("target-{number}")).collect();
    let rounds: Vec<(&str, &[f64])> = names.iter().map(|name| (name.as_str(), &[100.0][..])).collect();
    let comparison = sample::comparison(Work::Send, &rounds);
    let targets = targets(Report::Comparison(&comparison));
    let mut styles = std::collections::HashSet::new();
    for target in &targets {
        let form = (target.mark % 5, target.mark / 5 % 2);
        assert!(
            styles.insert(((target.colour.0, target.colour.1, target.colour.2), form)),
            "{} looks like another",
            target.name
        );
    }
}
