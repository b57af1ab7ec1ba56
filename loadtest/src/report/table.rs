//! A report as text for a terminal. The table of a comparison is also Markdown.

use super::Report;

mod comparison;
mod run;

/// The report as text that ends with a line break.
#[must_use]
pub fn text(report: Report<'_>) -> String {
    match report {
        Report::Run(outcome) => run::text(outcome),
        Report::Comparison(comparison) => comparison::text(comparison),
    }
}

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The width of each column.
fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    (0..columns).map(|column| width(column).unwrap_or(0)).collect()
}

fn padded(cell: &str, width: usize, side: Side) -> String {
    match side {
        Side::Left => format!("{cell:<width$}"),
        Side::Right => format!("{cell:>width$}"),
    }
}

#[cfg(test)]
mod tests;
