//! Dates in policies: ISO 8601 in the profiles that AWS takes, or seconds since the Unix epoch.

use time::format_description::well_known::Iso8601;
use time::{Date, OffsetDateTime, PrimitiveDateTime};

/// Milliseconds since the Unix epoch, wide enough for every date that can be written.
pub(crate) type EpochMillis = i128;

/// Parses a date; `None` if it is none. A date without an offset is in UTC. A date without a month, day or time is the
/// earliest one with its other parts. Four digits are a year, and any other number of digits is seconds since the epoch.
pub(crate) fn parse(text: &str) -> Option<EpochMillis> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text.len() != "2024".len() {
        return text.parse::<i64>().ok().map(|seconds| EpochMillis::from(seconds) * 1000);
    }
    let filled = match text.len() {
        4 if is_number => format!("{text}-01-01"),
        7 => format!("{text}-01"),
        _ => text.to_owned(),
    };
    let date = OffsetDateTime::parse(&filled, &Iso8601::PARSING)
        .or_else(|_| PrimitiveDateTime::parse(&filled, &Iso8601::PARSING).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(&filled, &Iso8601::PARSING).map(|date| date.midnight().assume_utc()))
        .ok()?;
    Some(date.unix_timestamp_nanos().div_euclid(1_000_000))
}

/// A date as `aws:CurrentTime` writes it. Past the year 9999 it is a number of seconds.
pub(crate) fn format(seconds: u64) -> String {
    let date = i64::try_from(seconds).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    date.map_or_else(
        || seconds.to_string(),
        |at| {
            let (hour, minute, second) = at.to_hms();
            format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", at.year(), u8::from(at.month()), at.day())
        },
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("2024-05-06T07:08:09Z", Some(1_714_979_289_000)),
            ("2024-05-06T07:08:09.25Z", Some(1_714_979_289_250)),
            ("2024-05-06T09:08:09+02:00", Some(1_714_979_289_000)),
            ("2024-05-06T07:08:09", Some(1_714_979_289_000)),
            ("2024-05-06T07:08Z", Some(1_714_979_280_000)),
            ("2024-05-06", Some(1_714_953_600_000)),
            ("2024-05", Some(1_714_521_600_000)),
            ("2024", Some(1_704_067_200_000)),
            ("1714979289", Some(1_714_979_289_000)),
            ("0", Some(0)),
            ("1969-12-31T23:59:59Z", Some(-1000)),
            ("", None),
            ("yesterday", None),
            ("2024-13-01", None),
            ("2024-02-30", None),
            ("2024-05-06T25:00:00Z", None),
            ("2024-05-06T07:08:09Zjunk", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn the_current_time() {
        assert_eq!(format(1_714_979_289), "2024-05-06T07:08:09Z");
        assert_eq!(format(u64::MAX), u64::MAX.to_string());
    }

    proptest! {
        #[test]
        fn what_is_formatted_parses_back(seconds in 0_u64..253_402_300_800) {
            prop_assert_eq!(parse(&format(seconds)), Some(EpochMillis::from(seconds) * 1000));
        }

        #[test]
        fn no_text_panics(text in "[-+0-9TZW:.,é]{0,40}") {
            let _ = parse(&text);
        }
    }
}
