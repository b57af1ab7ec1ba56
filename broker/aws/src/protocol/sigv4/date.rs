//! The date of a signed request: `20150830T123600Z`, or the `Date` header's own form.

use core::fmt;

use time::format_description::well_known::Rfc2822;
use time::{Date, Month, OffsetDateTime};

/// A second in the years 1970 to 9999, with its text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct AmzDate {
    seconds: u64,
    text: [u8; 16],
}

impl AmzDate {
    /// Parses `YYYYMMDDTHHMMSSZ`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text: [u8; 16] = text.try_into().ok()?;
        let shape = text.iter().enumerate().all(|(at, byte)| match at {
            8 => *byte == b'T',
            15 => *byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
        if !shape {
            return None;
        }
        let pair = |at: usize| (text[at] - b'0') * 10 + (text[at + 1] - b'0');
        let year = i32::from(pair(0)) * 100 + i32::from(pair(2));
        let date = Date::from_calendar_date(year, Month::try_from(pair(4)).ok()?, pair(6)).ok()?;
        let moment = date.with_hms(pair(9), pair(11), pair(13)).ok()?.assume_utc();
        Some(Self { seconds: u64::try_from(moment.unix_timestamp()).ok()?, text })
    }

    /// Parses a `Date` header: `Mon, 09 Sep 2011 23:36:00 GMT`.
    pub(super) fn parse_http(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let moment = OffsetDateTime::parse(text, &Rfc2822).ok()?;
        u64::try_from(moment.unix_timestamp()).ok().map(Self::of)
    }

    /// The second so long after the Unix epoch; the last one of the year 9999 stands for all after it.
    pub(super) fn of(seconds: u64) -> Self {
        const LAST: i64 = 253_402_300_799;
        let seconds = i64::try_from(seconds).unwrap_or(LAST).min(LAST);
        let moment = OffsetDateTime::from_unix_timestamp(seconds).expect("in the years 1970 to 9999");
        let text = format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            moment.year(),
            u8::from(moment.month()),
            moment.day(),
            moment.hour(),
            moment.minute(),
            moment.second()
        );
        Self {
            seconds: u64::try_from(seconds).expect("not negative"),
            text: text.as_bytes().try_into().expect("sixteen characters"),
        }
    }

    /// Seconds since the Unix epoch.
    pub(super) const fn seconds(&self) -> u64 {
        self.seconds
    }

    /// `YYYYMMDD`
    pub(super) fn day(&self) -> &str {
        &self.as_str()[..8]
    }

    /// `YYYYMMDDTHHMMSSZ`
    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(&self.text).expect("digits")
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, seconds) in [
            ("19700101T000000Z", Some(0)),
            ("20150830T123600Z", Some(1_440_938_160)),
            ("20240229T235959Z", Some(1_709_251_199)),
            ("99991231T235959Z", Some(253_402_300_799)),
            ("20230229T000000Z", None),
            ("20151330T123600Z", None),
            ("20150830T246000Z", None),
            ("19691231T235959Z", None),
            ("20150830T123600", None),
            ("20150830 123600Z", None),
            ("2015083+T123600Z", None),
            ("", None),
        ] {
            let date = AmzDate::parse(text.as_bytes());
            assert_eq!(date.map(|date| date.seconds()), seconds, "{text}");
            assert_eq!(date, seconds.map(AmzDate::of), "{text}");
        }
        assert_eq!(AmzDate::parse_http(b"Sun, 30 Aug 2015 12:36:00 GMT"), AmzDate::parse(b"20150830T123600Z"));
        assert_eq!(AmzDate::parse_http(b"yesterday"), None);
        assert_eq!(AmzDate::of(u64::MAX).as_str(), "99991231T235959Z");
    }
}
