//! Formats numbers for people: three significant digits, groups of thousands, units that fit the size. Makes names that
//! come from users harmless for terminals and XML.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;

use crate::plan::Metric;

/// `1,234,567`.
pub(super) fn count(number: u64) -> String {
    thousands(&number.to_string())
}

/// Messages a second: `81,234`, `45.1`, `0.25`.
pub(super) fn rate(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        99.95.. => thousands(&format!("{value:.0}")),
        9.995.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A time in nanoseconds: `850 ns`, `1.20 ms`, `12.0 s`.
pub(super) fn nanos(value: f64) -> String {
    const UNITS: [(&str, f64); 3] = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6)];
    // A value that would be rounded to 1000 has the next unit.
    let unit = UNITS.into_iter().find(|(_, size)| value / size < 999.5);
    let (name, size) = unit.unwrap_or(("s", 1e9));
    let value = value / size;
    match value {
        _ if size == 1.0 => format!("{value:.0} {name}"),
        999.5.. => format!("{} {name}", thousands(&format!("{value:.0}"))),
        99.95.. => format!("{value:.0} {name}"),
        9.995.. => format!("{value:.1} {name}"),
        _ => format!("{value:.2} {name}"),
    }
}

/// A time from the command line: `10 s`, `2.5 s`, `250 ms`.
pub(super) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return format!("{} ms", duration.as_secs_f64() * 1e3);
    }
    format!("{} s", duration.as_secs_f64())
}

/// A share of 1: `63%`, `0.4%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// `0.93`, or more digits where two would show nothing.
pub(super) fn ratio(value: f64) -> String {
    match value {
        99.95.. => thousands(&format!("{value:.0}")),
        9.995.. => format!("{value:.1}"),
        0.0995.. => format!("{value:.2}"),
        0.0 => "0".into(),
        0.00995.. => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// The name of a metric in text.
pub(super) fn metric(metric: Metric) -> &'static str {
    match metric {
        Metric::EndToEnd => "end to end",
        Metric::Send | Metric::Receive | Metric::Settle | Metric::Late => metric.name(),
    }
}

/// The moment in UTC; 1970 if it is before 1970 or after 9999.
pub(super) fn utc(moment: SystemTime) -> OffsetDateTime {
    let since = moment.duration_since(SystemTime::UNIX_EPOCH).ok();
    let nanos = since.and_then(|since| i128::try_from(since.as_nanos()).ok());
    nanos.and_then(|nanos| OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// Replaces characters that control a terminal, break a line, or are not allowed in XML.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '\u{fffd}' } else { c }).collect()
}

fn is_harmful(c: char) -> bool {
    let breaks_lines = matches!(c, '\u{2028}' | '\u{2029}');
    let turns_text_round = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_no_xml = matches!(c, '\u{fffe}' | '\u{ffff}');
    c.is_control() || breaks_lines || turns_text_round || is_no_xml
}

fn thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let counts = [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")];
        counts.into_iter().for_each(|(number, text)| assert_eq!(count(number), text));
        let rates =
            [(0.0, "0"), (0.25, "0.25"), (9.999, "10.0"), (45.12, "45.1"), (99.99, "100"), (81_234.4, "81,234")];
        rates.into_iter().for_each(|(number, text)| assert_eq!(rate(number), text));
        let ratios = [
            (0.0, "0"),
            (0.001_26, "0.0013"),
            (0.061_7, "0.062"),
            (0.1, "0.10"),
            (1.0, "1.00"),
            (12.34, "12.3"),
            (1234.0, "1,234"),
        ];
        ratios.into_iter().for_each(|(number, text)| assert_eq!(ratio(number), text));
        let percents = [(0.0, "0%"), (0.004, "0.4%"), (0.63, "63%"), (1.2, "120%")];
        percents.into_iter().for_each(|(number, text)| assert_eq!(percent(number), text));
    }

    #[test]
    fn times_have_the_unit_that_fits() {
        let times = [
            (0.0, "0 ns"),
            (850.0, "850 ns"),
            (999.6, "1.00 µs"),
            (12_340.0, "12.3 µs"),
            (690_000.0, "690 µs"),
            (999_700.0, "1.00 ms"),
            (1_204_000.0, "1.20 ms"),
            (1.5e9, "1.50 s"),
            (4.2e12, "4,200 s"),
        ];
        times.into_iter().for_each(|(number, text)| assert_eq!(nanos(number), text));
        assert_eq!(seconds(Duration::from_millis(250)), "250 ms");
        assert_eq!(seconds(Duration::from_millis(2500)), "2.5 s");
    }

    #[test]
    fn names_cannot_break_out() {
        assert_eq!(harmless("a\u{1b}[2J\nb\u{202e}<&\">é"), "a\u{fffd}[2J\u{fffd}b\u{fffd}<&\">é");
    }
}
