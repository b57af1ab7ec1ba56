//! A comparison as text: a Markdown table with aligned columns, for terminals and pages.

use crate::compare::{Candidate, Comparison, QUANTILES, Spread, Summary};
use crate::outcome::Outcome;
use crate::report::units::{harmless, metric, nanos, percent, rate, ratio};
use crate::report::{Report, parameters, warnings};

use super::{Side, padded, widths};

/// The explanation of the columns of CPU time.
const CPU: &str = "CPU time, of the round that took most: `generator`, how long the load test's busiest thread had a core; \
                   `machine`, how long all cores were taken by any process.";

pub(super) fn text(comparison: &Comparison) -> String {
    let plan = &comparison.plan;
    let rounds = if comparison.rounds == 1 { "1 round".into() } else { format!("{} rounds", comparison.rounds) };
    let summaries = comparison.summaries();
    let mut rows = vec![header(comparison)];
    rows.extend(comparison.candidates.iter().zip(&summaries).map(|(candidate, summary)| row(candidate, summary)));
    let mut text = format!(
        "`{}`, {rounds}: {}.\nMedians of the rounds, and in brackets the least and the most. {}\n{CPU}\n\n{}",
        plan.work.name(),
        parameters(plan).join(", "),
        latencies(comparison, &summaries),
        markdown(&rows),
    );
    let warnings = warnings::warnings(Report::Comparison(comparison));
    if !warnings.is_empty() {
        text.push('\n');
    }
    text.extend(warnings.into_iter().map(|warning| format!("- {warning}\n")));
    text
}

/// The metric of the latencies, and the targets whose metric is another.
fn latencies(comparison: &Comparison, summaries: &[Summary]) -> String {
    let ordinary = comparison.plan.work.latency();
    let mut text = format!("Latency is `{}`", metric(ordinary));
    for (candidate, summary) in comparison.candidates.iter().zip(summaries) {
        if let Some(latency) = summary.latency.filter(|latency| latency.metric != ordinary) {
            text += &format!(", for {} `{}`", harmless(&candidate.name), metric(latency.metric));
        }
    }
    text + "."
}

fn header(comparison: &Comparison) -> Vec<String> {
    let first = comparison.candidates.first().map_or("", |first| &first.name);
    let mut cells: Vec<String> = ["target", "durability", "messages a second"].map(String::from).to_vec();
    cells.push(format!("ratio to {first}"));
    cells.extend(QUANTILES.map(|(name, _)| name.into()));
    let limits = comparison.candidates.iter().filter(|candidate| candidate.limit);
    cells.extend(limits.map(|limit| format!("of {}", limit.name)));
    cells.extend(["generator", "machine"].map(String::from));
    cells
}

fn row(candidate: &Candidate, summary: &Summary) -> Vec<String> {
    let spread = |spread: Option<Spread>, number: fn(f64) -> String| {
        spread.map_or("-".into(), |spread| {
            format!("{} ({} to {})", number(spread.median), number(spread.least), number(spread.most))
        })
    };
    let durability = match &candidate.durability {
        Some(label) => label.as_str(),
        None if candidate.limit => "-",
        None => "not stated",
    };
    let mut cells = vec![candidate.name.clone(), durability.into()];
    cells.push(spread(summary.throughput, rate));
    cells.push(spread(summary.ratio, ratio));
    match summary.latency {
        Some(latency) => cells.extend(latency.nanos.map(nanos)),
        None => cells.extend(QUANTILES.map(|_| "-".into())),
    }
    cells.extend(summary.of_limits.iter().map(|(_, share)| share.map_or("-".into(), percent)));
    cells.push(most(candidate, |outcome| outcome.generator.busiest_thread));
    cells.push(most(candidate, warnings::taken));
    cells
}

/// The greatest share of the rounds.
fn most(candidate: &Candidate, share: impl Fn(&Outcome) -> Option<f64>) -> String {
    let shares = candidate.outcomes().filter_map(|(_, outcome)| share(outcome));
    shares.reduce(f64::max).map_or("-".into(), percent)
}

/// The rows as a Markdown table, the first of them its header.
fn markdown(rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()).collect();
    // The rule below a column of numbers has at least two characters, `-:`.
    let widths: Vec<_> = widths(&rows).into_iter().map(|width| width.max(2)).collect();
    let side = |column: usize| if column < 2 { Side::Left } else { Side::Right };
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| padded(cell, *width, side(column)));
        format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
    };
    let rules = widths.iter().enumerate().map(|(column, width)| match side(column) {
        Side::Left => "-".repeat(*width),
        Side::Right => "-".repeat(width - 1) + ":",
    });
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    lines.insert(1, format!("| {} |\n", rules.collect::<Vec<_>>().join(" | ")));
    lines.concat()
}

/// Escapes the character that ends a cell.
fn escaped(cell: &str) -> String {
    harmless(cell).replace('\\', "\\\\").replace('|', "\\|")
}
