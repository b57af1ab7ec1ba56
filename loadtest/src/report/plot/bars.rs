//! Throughput: a bar for each target up to its median, a line from its slowest to its fastest round, and the numbers.

use crate::compare::Spread;
use crate::report::units::{rate, ratio};

use super::axis::linear;
use super::canvas::{Canvas, FINE_GRID, INK, PALE, TextLook, WIDTH, pixel, width};
use super::{DrawnTarget, MARGIN};

const HEADING: i32 = 30;
const ROW: i32 = 38;
const BAR: i32 = 18;
const AXIS: i32 = 26;
/// The width of the longest numbers.
const NUMBERS: i32 = 320;

pub(super) fn height(targets: &[DrawnTarget<'_>]) -> i32 {
    HEADING + rows(targets) + AXIS
}

fn rows(targets: &[DrawnTarget<'_>]) -> i32 {
    ROW * i32::try_from(targets.len()).unwrap_or(i32::MAX / 64)
}

pub(super) fn draw(canvas: &Canvas<'_>, top: i32, targets: &[DrawnTarget<'_>]) {
    canvas.text(
        "Throughput, messages a second",
        (MARGIN, top + 8),
        TextLook { size: 15.0, bold: true, ..TextLook::PLAIN },
    );
    if let Some(first) = targets.first().filter(|first| first.ratio.is_some()) {
        let heading = format!("ratio to {}", first.name);
        canvas.text(&heading, (WIDTH - MARGIN, top + 8), TextLook { size: 12.0, colour: PALE, ..TextLook::RIGHT });
    }
    let (first, last) = (top + HEADING, top + HEADING + rows(targets));
    let left = MARGIN + names(targets);
    let most =
        targets.iter().filter_map(|target| target.throughput).map(|throughput| throughput.most).fold(0.0, f64::max);
    let marks = linear(most);
    let end = marks.last().copied().unwrap_or(1.0);
    let place = |value: f64| left + pixel(f64::from(WIDTH - MARGIN - NUMBERS - left) * value / end);
    let mut labelled = 0;
    for mark in marks {
        canvas.line((place(mark), first), (place(mark), last), FINE_GRID, 1);
        let (label, x) = (rate(mark), place(mark));
        if x - width(&label) / 2 > labelled {
            canvas.text(&label, (x, last + 12), TextLook { size: 11.0, colour: PALE, ..TextLook::CENTRE });
            labelled = x + width(&label) / 2;
        }
    }
    for (row, target) in (0..).zip(targets) {
        let middle = first + ROW * row + ROW / 2;
        label(canvas, left - 12, middle, target);
        let end = target.throughput.map_or(left, |throughput| bar(canvas, middle, target, throughput, place));
        numbers(canvas, end + 10, middle, target);
    }
    canvas.line((left, first), (left, last), PALE, 1);
}

/// The width of the longest name.
fn names(targets: &[DrawnTarget<'_>]) -> i32 {
    let width = |target: &DrawnTarget<'_>| {
        let durability = target.durability.as_deref().map_or(0, |label| width(label) * 5 / 6);
        width(&target.name).max(durability)
    };
    targets.iter().map(width).max().unwrap_or(0) + 16
}

fn label(canvas: &Canvas<'_>, x: i32, middle: i32, target: &DrawnTarget<'_>) {
    let name = TextLook { colour: if target.limit { PALE } else { INK }, ..TextLook::RIGHT };
    match &target.durability {
        Some(durability) => {
            canvas.text(&target.name, (x, middle - 7), name);
            canvas.text(durability, (x, middle + 8), TextLook { size: 10.5, colour: PALE, ..TextLook::RIGHT });
        }
        None => canvas.text(&target.name, (x, middle), name),
    }
}

/// Draws the bar and its line. Returns the position where the longer of the two ends.
fn bar(
    canvas: &Canvas<'_>,
    middle: i32,
    target: &DrawnTarget<'_>,
    throughput: Spread,
    place: impl Fn(f64) -> i32,
) -> i32 {
    let Spread { median, least, most } = throughput;
    canvas.rectangle((place(0.0), middle - BAR / 2), (place(median), middle + BAR / 2), target.colour);
    if most > least {
        for x in [place(least), place(most)] {
            canvas.line((x, middle - 5), (x, middle + 5), INK, 1);
        }
        canvas.line((place(least), middle), (place(most), middle), INK, 1);
    }
    place(most)
}

fn numbers(canvas: &Canvas<'_>, x: i32, middle: i32, target: &DrawnTarget<'_>) {
    let Some(Spread { median, least, most }) = target.throughput else {
        canvas.text("no result", (x, middle), TextLook { size: 12.5, colour: PALE, ..TextLook::PLAIN });
        return;
    };
    let mut text = rate(median);
    if most > least {
        text += &format!(" ({} to {})", rate(least), rate(most));
    }
    canvas.text(&text, (x, middle), TextLook { size: 12.5, ..TextLook::PLAIN });
    if let Some(spread) = target.ratio {
        canvas.text(
            &ratio(spread.median),
            (WIDTH - MARGIN, middle),
            TextLook { size: 12.5, bold: true, ..TextLook::RIGHT },
        );
    }
}
