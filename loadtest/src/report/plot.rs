//! The chart of a report, as SVG: throughput as bars, latency as curves over percentiles on an axis of nines, and the
//! numbers as text.
//!
//! - A target has the same colour and mark in both parts. Limits of the machine are grey.
//! - Labels do not overlap: each has its own row.
//! - The warnings of the report are below the chart, because charts are copied without it.

use plotters::style::RGBColor;

use crate::compare::Spread;
use crate::outcome::Series;
use crate::plan::Metric;

use self::canvas::{Canvas, INK, PALE, TextLook, WIDTH, character_width, width};
use super::units::{harmless, utc};
use super::{Report, parameters, warnings};

mod axis;
mod bars;
mod canvas;
mod curves;

/// Colours that can be distinguished with any colour vision (Okabe and Ito's, then Tol's), the most different first.
const BROKERS: [RGBColor; 10] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0x99, 0x99, 0x33),
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0x11, 0x77, 0x33),
];
const LIMITS: [RGBColor; 2] = [RGBColor(0x66, 0x66, 0x66), RGBColor(0xa6, 0xa6, 0xa6)];

/// The margin of the chart.
const MARGIN: i32 = 28;
/// The space between the parts.
const GAP: i32 = 26;
/// The [`width`] of the longest name and label that are shown whole.
const NAME: i32 = 260;
/// The [`width`] of small text that fits between the margins.
const LINE: i32 = 1200;
/// The most warnings in the chart. The other reports have all of them.
const NOTES_MAX: usize = 12;

/// A target's part of the chart.
struct DrawnTarget<'a> {
    name: String,
    durability: Option<String>,
    limit: bool,
    colour: RGBColor,
    /// The mark on its curve, for readers who cannot distinguish colours.
    mark: usize,
    throughput: Option<Spread>,
    ratio: Option<Spread>,
    /// The metric of its latency, and the series of all rounds.
    latency: Option<(Metric, Vec<&'a Series>)>,
}

/// The document.
pub(super) fn svg(report: Report<'_>) -> String {
    let targets = targets(report);
    let curves = curves::Curves::new(&targets);
    let title = format!("posthouse-loadtest: {}", report.plan().work.name());
    let subtitle = wrapped(&rounds(report).into_iter().chain(parameters(report.plan())).collect::<Vec<_>>().join(", "));
    let notes = notes(report);
    let lines = |lines: &[String]| 17 * i32::try_from(lines.len()).unwrap_or(i32::MAX / 32);
    let head = MARGIN + 32 + lines(&subtitle) + 12;
    let bars = bars::height(&targets);
    let foot = lines(&notes) + 24;
    let mut svg = String::new();
    let canvas = Canvas::new(&mut svg, head + bars + GAP + curves.height() + GAP + foot + MARGIN / 2);
    canvas.text(&title, (MARGIN, MARGIN + 8), TextLook { size: 22.0, bold: true, ..TextLook::PLAIN });
    for (row, line) in (0..).zip(&subtitle) {
        canvas.text(line, (MARGIN, MARGIN + 36 + 17 * row), TextLook { size: 12.5, colour: PALE, ..TextLook::PLAIN });
    }
    bars::draw(&canvas, head, &targets);
    let ordinary = report.plan().work.latency();
    curves.draw(&canvas, head + bars + GAP, &curves::Heading { ordinary, samples: samples(report) });
    let below = head + bars + GAP + curves.height() + GAP;
    for (row, line) in (0..).zip(&notes) {
        canvas.text(line, (MARGIN, below + 17 * row), TextLook { size: 12.0, colour: INK, ..TextLook::PLAIN });
    }
    canvas.text(
        &origin(report),
        (WIDTH - MARGIN, below + lines(&notes) + 6),
        TextLook { size: 11.0, colour: PALE, ..TextLook::RIGHT },
    );
    canvas.finish();
    svg
}

fn targets(report: Report<'_>) -> Vec<DrawnTarget<'_>> {
    let (mut brokers, mut limits) = (BROKERS.into_iter().cycle(), LIMITS.into_iter().cycle());
    let mut colour = |limit: bool| {
        let colours: &mut dyn Iterator<Item = RGBColor> = if limit { &mut limits } else { &mut brokers };
        colours.next().expect("cycles do not end")
    };
    match report {
        Report::Run(outcome) => vec![DrawnTarget {
            name: shortened(&outcome.name),
            durability: outcome.durability.as_deref().map(shortened),
            limit: outcome.limit,
            colour: colour(outcome.limit),
            mark: 0,
            throughput: Spread::of(outcome.throughput()),
            ratio: None,
            latency: outcome.latency().map(|series| (series.metric, vec![series])),
        }],
        Report::Comparison(comparison) => {
            let candidates = comparison.candidates.iter().zip(comparison.summaries()).enumerate();
            let target = candidates.map(|(place, (candidate, summary))| DrawnTarget {
                name: shortened(&candidate.name),
                durability: candidate.durability.as_deref().map(shortened),
                limit: candidate.limit,
                colour: colour(candidate.limit),
                // Ten targets further the colour is the same and the mark another.
                mark: place + place / 10,
                throughput: summary.throughput,
                ratio: summary.ratio,
                latency: summary.latency.map(|latency| {
                    let series = candidate.outcomes().filter_map(|(_, outcome)| outcome.series(latency.metric));
                    (latency.metric, series.collect())
                }),
            });
            target.collect()
        }
    }
}

fn samples(report: Report<'_>) -> curves::Samples {
    match report {
        Report::Comparison(comparison) if comparison.rounds > 1 => curves::Samples::AllRounds,
        Report::Run(_) | Report::Comparison(_) => curves::Samples::OneRun,
    }
}

fn rounds(report: Report<'_>) -> Option<String> {
    match report {
        Report::Comparison(comparison) if comparison.rounds > 1 => {
            Some(format!("{} rounds in turn", comparison.rounds))
        }
        Report::Run(_) | Report::Comparison(_) => None,
    }
}

/// Name and version of the tool, and the day of the first run.
fn origin(report: Report<'_>) -> String {
    let started = report.runs().first().map(|run| utc(run.outcome.started).date().to_string());
    let day = started.map_or(String::new(), |day| format!(", {day}"));
    format!("{} {}{day}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
}

fn shortened(text: &str) -> String {
    let text = harmless(text);
    if width(&text) <= NAME {
        return text;
    }
    let mut room = NAME - character_width('…');
    let fits = |character: &char| {
        room -= character_width(*character);
        room >= 0
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The warnings, in lines.
fn notes(report: Report<'_>) -> Vec<String> {
    let mut notes: Vec<_> = warnings::warnings(report).into_iter().map(|warning| format!("• {warning}")).collect();
    if notes.len() > NOTES_MAX {
        let more = notes.split_off(NOTES_MAX).len();
        notes.push(format!("• and {more} more"));
    }
    notes.iter().flat_map(|note| wrapped(note)).collect()
}

/// Breaks the text into lines that fit, at spaces where possible.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut room = LINE;
    for word in text.split_inclusive(' ') {
        let fits_at_all = width(word) <= LINE;
        if fits_at_all && width(word.trim_end()) > room {
            lines.push(String::new());
            room = LINE;
        }
        for character in word.chars() {
            if !fits_at_all && character_width(character) > room {
                lines.push(String::new());
                room = LINE;
            }
            room -= character_width(character);
            lines.last_mut().expect("there is one from the start").push(character);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

#[cfg(test)]
mod tests;
