//! Durations as they are written on the command line: a number and its unit, such as `500ms`, `10s`, `1.5m` or `2h`.
//!
//! A number without a unit is refused, except 0, because `--timeout 500` would be ambiguous.

use std::time::Duration;

/// The longest duration: a week. Longer ones are taken for typing errors.
const SECONDS_MAX: f64 = 7.0 * 24.0 * 3600.0;

const UNITS: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// Reads a duration.
///
/// # Errors
///
/// A sentence that says what is wrong and which texts are right.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let wrong = || format!("`{text}` is no duration: give a number and its unit, such as 500ms, 10s, 2m or 1h");
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?);
    let (_, unit_seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(wrong());
    }
    let seconds = number.parse::<f64>().map_err(|_| wrong())? * unit_seconds;
    if seconds > SECONDS_MAX {
        return Err(format!("`{text}` is longer than a week"));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        let table = [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("1.5s", 1_500),
            (".5s", 500),
            ("2m", 120_000),
            ("0.5h", 1_800_000),
            ("168h", 604_800_000),
        ];
        for (text, milliseconds) in table {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in
            ["", "10", "s", "ms", "-1s", "+1s", "1e3s", "infs", "NaNs", "1 s", "1S", "1.2.3s", "10d", "1s1", "１s"]
        {
            let error = parse(text).expect_err(text);
            assert!(error.contains("such as 500ms, 10s, 2m or 1h"), "{text}: {error}");
        }
        assert_eq!(parse("169h"), Err("`169h` is longer than a week".to_owned()));
        assert!(parse(&format!("{}s", "9".repeat(400))).is_err());
    }
}
