//! Tables of JSON for people: a column is a heading, the place of its value in an item, and how the value reads.
//!
//! Values come from messages and from clients. A control character in one is written as its escape, so that no message
//! moves the cursor of an operator's terminal.

use std::fmt::Write as _;

use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Characters of a text that a cell shows at most.
const CELL_CHARS_MAX: usize = 72;

/// One column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    heading: &'static str,
    /// A JSON pointer into an item.
    pointer: &'static str,
    reads: Reads,
}

/// How a value reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    Text,
    Number,
    /// A time, as how long ago it is or how long until then.
    Age,
}

impl Column {
    /// A column of texts.
    pub(super) const fn text(heading: &'static str, pointer: &'static str) -> Self {
        Self { heading, pointer, reads: Reads::Text }
    }

    /// A column of numbers.
    pub(super) const fn number(heading: &'static str, pointer: &'static str) -> Self {
        Self { heading, pointer, reads: Reads::Number }
    }

    /// A column of times, as ages.
    pub(super) const fn age(heading: &'static str, pointer: &'static str) -> Self {
        Self { heading, pointer, reads: Reads::Age }
    }

    /// The place of its value.
    #[cfg(test)]
    pub(super) const fn pointer(&self) -> &'static str {
        self.pointer
    }

    fn cell(&self, item: &Json, now: OffsetDateTime) -> String {
        match (item.pointer(self.pointer), self.reads) {
            (None | Some(Json::Null), _) => "-".into(),
            (Some(Json::String(time)), Reads::Age) => match OffsetDateTime::parse(time, &Rfc3339) {
                Ok(time) => span((now - time).whole_seconds()),
                Err(_) => plain(time),
            },
            (Some(Json::String(text)), Reads::Text | Reads::Number) => plain(text),
            (Some(other), _) => plain(&other.to_string()),
        }
    }
}

/// The items as a table with headings; a line that says so where there is none.
pub(super) fn table(items: &[Json], columns: &[Column], now: OffsetDateTime) -> String {
    if items.is_empty() {
        return "nothing\n".into();
    }
    let headings = columns.iter().map(|column| column.heading.to_owned()).collect();
    let rows = items.iter().map(|item| columns.iter().map(|column| column.cell(item, now)).collect());
    let rows: Vec<Vec<String>> = core::iter::once(headings).chain(rows).collect();
    let width = |index: usize| rows.iter().map(|row| row[index].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (index, cell) in row.iter().enumerate() {
            let gap = if index == 0 { "" } else { "  " };
            // Writing to a `String` succeeds.
            let _ = match columns[index].reads {
                Reads::Text => write!(line, "{gap}{cell:<width$}", width = widths[index]),
                Reads::Number | Reads::Age => write!(line, "{gap}{cell:>width$}", width = widths[index]),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// An object, one value a line, with the names of what it is in before it.
pub(super) fn facts(value: &Json) -> String {
    let mut lines = Vec::new();
    flatten(value, String::new(), &mut lines);
    let width = lines.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    lines.iter().map(|(name, value)| format!("{name:<width$}  {value}\n")).collect()
}

fn flatten(value: &Json, name: String, lines: &mut Vec<(String, String)>) {
    let within = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    match value {
        Json::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(key, value)| flatten(value, within(&plain(key)), lines));
        }
        Json::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            items.iter().enumerate().for_each(|(index, item)| flatten(item, within(&index.to_string()), lines));
        }
        Json::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(scalar).collect();
            lines.push((name, items.join(" ")));
        }
        Json::Array(_) | Json::Object(_) => lines.push((name, "-".into())),
        other => lines.push((name, scalar(other))),
    }
}

fn scalar(value: &Json) -> String {
    match value {
        Json::Null => "-".into(),
        Json::String(text) => escaped(text),
        other => other.to_string(),
    }
}

/// A text in one line and short.
fn plain(text: &str) -> String {
    let text = escaped(text);
    match text.char_indices().nth(CELL_CHARS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// A text without control characters.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Those that turn the direction of writing, besides the control characters.
        if c.is_control() || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A span of seconds in its two largest units, with `in` before one that is yet to come.
pub(super) fn span(seconds: i64) -> String {
    let (sign, seconds) = if seconds < 0 { ("in ", seconds.unsigned_abs()) } else { ("", seconds.unsigned_abs()) };
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{sign}{seconds}s"),
        (0, 0, minutes) => format!("{sign}{minutes}m{}s", seconds % 60),
        (0, hours, minutes) => format!("{sign}{hours}h{minutes}m"),
        (days, hours, _) => format!("{sign}{days}d{hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    #[test]
    fn a_table_aligns_numbers_and_escapes_what_moves_a_cursor() {
        let items = [
            json!({"name": "orders", "n": 7, "at": "1969-12-31T23:59:00.000Z"}),
            json!({"name": "\u{1b}[2Jx\n", "n": 12345, "at": "1970-01-02T01:00:00.000Z"}),
            json!({"name": null}),
        ];
        let columns = [Column::text("NAME", "/name"), Column::number("N", "/n"), Column::age("AGE", "/at")];
        let expected = "\
NAME              N      AGE
orders            7     1m0s
\\u{1b}[2Jx\\n  12345  in 1d1h
-                 -        -
";
        assert_eq!(table(&items, &columns, NOW), expected);
        assert_eq!(table(&[], &columns, NOW), "nothing\n");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = "ä".repeat(100);
        assert_eq!(plain(&long).chars().count(), CELL_CHARS_MAX + 1);
    }

    #[test]
    fn an_object_is_one_value_a_line() {
        let value = json!({"a": {"b": 1, "c": []}, "d": ["x", "y"], "e": [{"f": "g\t"}], "h": null});
        assert_eq!(facts(&value), "a.b    1\na.c    -\nd      x y\ne.0.f  g\\t\nh      -\n");
    }
}
