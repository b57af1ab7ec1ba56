//! One run as text: the headline, the times of each metric, the rates of seconds, the account, the failures, and the
//! CPU time of the generator.

use std::time::Duration;

use crate::compare::{QUANTILES, Spread};
use crate::outcome::{Generator, Interval, Outcome, Series};
use crate::report::units::{count, harmless, metric, nanos, percent, rate};
use crate::report::{parameters, warnings};

use super::{Side, padded, widths};

pub(super) fn text(outcome: &Outcome) -> String {
    let sections = [headline(outcome), times(outcome), rates(outcome), facts(outcome), wrong(outcome)];
    let sections: Vec<_> = sections.into_iter().filter(|section| !section.is_empty()).collect();
    sections.join("\n")
}

fn headline(outcome: &Outcome) -> String {
    let durability = outcome.durability.as_deref().map_or("not stated".into(), harmless);
    let throughput = outcome
        .throughput()
        .map_or("Nothing was measured.".into(), |throughput| format!("{} messages a second", rate(throughput)));
    format!(
        "{} of {} ({})\n{}\ndurability: {durability}\n\n{throughput}\n",
        outcome.plan.work.name(),
        harmless(&outcome.name),
        harmless(&outcome.address),
        parameters(&outcome.plan).join(", "),
    )
}

fn times(outcome: &Outcome) -> String {
    let mut rows = vec![vec![String::new(), "messages".into(), "a second".into()]];
    rows[0].extend(QUANTILES.map(|(name, _)| name.into()));
    rows.extend(outcome.series.iter().map(|series| {
        let mut row = vec![metric(series.metric).into(), count(series.messages), rate(series.rate())];
        row.extend(QUANTILES.map(|(_, quantile)| time_at(series, quantile)));
        row
    }));
    grid(&rows)
}

fn time_at(series: &Series, quantile: f64) -> String {
    if series.histogram.is_empty() {
        return "-".into();
    }
    nanos(series.histogram.value_at_quantile(quantile) as f64)
}

fn rates(outcome: &Outcome) -> String {
    let mut rows = vec![["second by second", "least", "median", "most"].map(String::from).to_vec()];
    for series in &outcome.series {
        if let Some(spread) = Spread::of(whole_seconds(&series.intervals)) {
            let name = metric(series.metric).into();
            rows.push(vec![name, rate(spread.least), rate(spread.median), rate(spread.most)]);
        }
    }
    if rows.len() > 1 { grid(&rows) } else { String::new() }
}

/// The rates of the intervals, without the one at the end that is shorter than a second.
fn whole_seconds(intervals: &[Interval]) -> impl Iterator<Item = f64> {
    let longest = intervals.iter().map(|interval| interval.length).max().unwrap_or(Duration::ZERO);
    let whole = intervals.iter().filter(move |interval| interval.length * 2 >= longest && !interval.length.is_zero());
    whole.map(|interval| interval.messages as f64 / interval.length.as_secs_f64())
}

fn facts(outcome: &Outcome) -> String {
    let mut rows = account(outcome);
    rows.extend(generator(&outcome.generator).into_iter().enumerate().map(|(index, fact)| {
        let name = if index == 0 { "generator" } else { "" };
        vec![name.into(), fact]
    }));
    let width = widths(&rows)[0];
    rows.iter().map(|row| format!("{}  {}\n", padded(&row[0], width, Side::Left), row[1])).collect()
}

fn account(outcome: &Outcome) -> Vec<Vec<String>> {
    let account = &outcome.account;
    let list = |parts: &[(u64, &str)]| {
        let parts: Vec<_> = parts.iter().map(|(number, what)| format!("{} {what}", count(*number))).collect();
        parts.join(", ")
    };
    let sent = [
        (account.attempted, "attempted"),
        (account.acknowledged, "acknowledged"),
        (account.refused, "refused"),
        (account.uncertain, "uncertain"),
    ];
    let late = if outcome.overdue > 0 { format!(", {} overdue", count(outcome.overdue)) } else { String::new() };
    let mut rows = vec![vec!["sent".into(), list(&sent) + &late]];
    if !outcome.promise.keeps {
        rows.push(vec!["received".into(), "nothing is kept here, and nothing is held against it".into()]);
        return rows;
    }
    let lost =
        if account.verified { format!("{} lost", count(account.lost)) } else { "lost ones not looked for".into() };
    let wrong = [
        (account.corrupted, "corrupted"),
        (account.duplicated, "duplicated"),
        (account.reordered, "reordered"),
        (account.misrouted, "misrouted"),
        (account.unknown, "unknown"),
        (account.early, "early"),
    ];
    rows.push(vec!["received".into(), format!("{}, {lost}, {}", count(account.received), list(&wrong))]);
    rows
}

fn generator(generator: &Generator) -> Vec<String> {
    let threads = if generator.threads == 1 { "1 thread".into() } else { format!("{} threads", generator.threads) };
    let busiest = generator.busiest_thread.map_or_else(
        || "how busy is not known".into(),
        |share| format!("the busiest had a core for {} of the time", percent(share)),
    );
    let mut facts = vec![format!("{threads}, {busiest}")];
    if let Some(seconds) = generator.cpu_seconds_per_call() {
        let signature = generator
            .signature_seconds
            .map_or(String::new(), |signature| format!(", {} of it for the signature", nanos(signature * 1e9)));
        facts.push(format!("{} of CPU a call{signature}", nanos(seconds * 1e9)));
    }
    if let Some(machine) = generator.machine {
        let cores = if machine.cores == 1 { "1 core".into() } else { format!("{} cores", machine.cores) };
        let (busy, stolen) = (percent(machine.busy), percent(machine.stolen));
        facts.push(format!("the machine's {cores} were {busy} busy, {stolen} stolen by its host"));
    }
    facts
}

/// Broken promises, and each kind of failure with its count.
fn wrong(outcome: &Outcome) -> String {
    let mut lines: Vec<_> =
        outcome.breaches().into_iter().map(|breach| format!("BROKEN PROMISE: {breach}\n")).collect();
    lines.extend(outcome.ended_early.as_ref().map(|why| format!("ENDED EARLY: {}\n", harmless(why))));
    lines.extend(outcome.failures.iter().map(|(failure, calls)| {
        let word = if *calls == 1 { "call" } else { "calls" };
        format!("FAILED: {} {word}: {}\n", count(*calls), harmless(&failure.to_string()))
    }));
    lines.extend(warnings::overload(outcome).map(|warning| format!("WARNING: {warning}\n")));
    lines.extend(warnings::saturation(outcome).map(|warning| format!("WARNING: {warning}\n")));
    lines.extend(warnings::crowding(outcome).map(|warning| format!("WARNING: {warning}\n")));
    lines.concat()
}

/// Rows in columns: the first flush left, numbers flush right.
fn grid(rows: &[Vec<String>]) -> String {
    let widths = widths(rows);
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| {
                padded(cell, *width, if column == 0 { Side::Left } else { Side::Right })
            });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
