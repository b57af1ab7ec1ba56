//! The body of a message of the load test: its identity, when it was due, and a checksum over the whole body.
//!
//! ```text
//! run:8 stream:8 sequence:12 due:16 crc:8 filler…
//! ```
//!
//! Each field is lower-case hexadecimal and followed by a space. `due` is in nanoseconds of [`Clock`]. `crc` is the
//! CRC-32C of the body without the field itself. The filler repeats the alphabet from an offset that depends on the
//! sequence, so that the checksum finds a body that was cut, padded or mixed with another. All bytes are printable
//! ASCII that no protocol has to escape.

use std::ops::Range;
use std::time::{Duration, Instant};

/// The shortest body: the fields alone.
pub const BODY_BYTES_MIN: usize = 57;
/// The longest: what SQS takes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The positions of the fields.
const RUN: Range<usize> = 0..8;
const STREAM: Range<usize> = 9..17;
const SEQUENCE: Range<usize> = 18..30;
const DUE: Range<usize> = 31..47;
const CRC: Range<usize> = 48..56;

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The clock of a run: nanoseconds since it was started. All workers share it, so that a consumer can compare a
/// message's due time with its own.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Clock {
    /// A clock that begins now.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time now.
    #[must_use]
    pub fn now(self) -> Moment {
        self.at(Instant::now())
    }

    /// An instant as this clock's time; zero if the instant is before the start.
    #[must_use]
    pub fn at(self, instant: Instant) -> Moment {
        Moment(u64::try_from(instant.saturating_duration_since(self.0).as_nanos()).unwrap_or(u64::MAX))
    }
}

/// Nanoseconds since a [`Clock`] began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// A moment so many nanoseconds after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn nanos(self) -> u64 {
        self.0
    }

    /// The time since an earlier moment; zero if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// The moment that is `later` after this one.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// The identity of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The run that sent it. A queue may still hold messages of another run.
    pub run: u32,
    /// The stream that numbers it.
    pub stream: u32,
    /// Its number within the stream, from 0.
    pub sequence: u64,
    /// When it was due to be sent.
    pub due: Moment,
}

/// The body was not written by [`Stamp::write`], or was changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl Stamp {
    /// Writes the body of `bytes` bytes, at least [`BODY_BYTES_MIN`], in place of what `into` holds.
    ///
    /// # Panics
    ///
    /// If `bytes` is less than [`BODY_BYTES_MIN`].
    pub fn write(&self, bytes: usize, into: &mut String) {
        assert!(bytes >= BODY_BYTES_MIN, "bodies have room for their stamp");
        let place = usize::try_from(self.sequence % ALPHABET.len() as u64).expect("less than 62");
        let mut body = std::mem::take(into).into_bytes();
        body.clear();
        body.resize(BODY_BYTES_MIN, b' ');
        body[RUN].copy_from_slice(&hex::<8>(self.run.into()));
        body[STREAM].copy_from_slice(&hex::<8>(self.stream.into()));
        body[SEQUENCE].copy_from_slice(&hex::<12>(self.sequence));
        body[DUE].copy_from_slice(&hex::<16>(self.due.0));
        while body.len() < bytes {
            let from = if body.len() == BODY_BYTES_MIN { place } else { 0 };
            let part = &ALPHABET[from..];
            body.extend_from_slice(&part[..part.len().min(bytes - body.len())]);
        }
        let crc = checksum(&body);
        body[CRC].copy_from_slice(&hex::<8>(crc.into()));
        *into = String::from_utf8(body).expect("ASCII");
    }

    /// Reads a body.
    ///
    /// # Errors
    ///
    /// [`Corrupt`] if a field cannot be read or the checksum does not match.
    pub fn read(body: &[u8]) -> Result<Self, Corrupt> {
        if body.len() < BODY_BYTES_MIN {
            return Err(Corrupt);
        }
        if hex::<8>(checksum(body).into()) != body[CRC] {
            return Err(Corrupt);
        }
        Ok(Self {
            run: u32::try_from(number(&body[RUN])?).map_err(|_| Corrupt)?,
            stream: u32::try_from(number(&body[STREAM])?).map_err(|_| Corrupt)?,
            sequence: number(&body[SEQUENCE])?,
            due: Moment(number(&body[DUE])?),
        })
    }
}

fn checksum(body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&body[..CRC.start]), &body[CRC.end..])
}

/// The last `N` hexadecimal digits of a number, up to 16. Each message has five such fields, so that the formatter of the
/// standard library would cost as much as the rest of the body.
fn hex<const N: usize>(number: u64) -> [u8; N] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    core::array::from_fn(|place| {
        let [digit, ..] = (number >> (4 * (N - 1 - place))).to_le_bytes();
        DIGITS[usize::from(digit & 15)]
    })
}

fn number(digits: &[u8]) -> Result<u64, Corrupt> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(Corrupt),
        };
        Ok(number << 4 | u64::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { run: 0xdead_beef, stream: 7, sequence: 61, due: Moment(1_000_000_007) };

    fn body(bytes: usize) -> String {
        let mut body = String::from("what was there");
        STAMP.write(bytes, &mut body);
        body
    }

    #[test]
    fn bodies_are_these_bytes() {
        assert_eq!(body(57), "deadbeef 00000007 00000000003d 000000003b9aca07 CRC ".replace("CRC", &body(57)[CRC]));
        assert_eq!(&body(61)[57..], "Z012");
        assert_eq!(body(57).len(), BODY_BYTES_MIN);
    }

    #[test]
    fn what_is_written_is_read() {
        for bytes in [57, 58, 100, 256, 1000, BODY_BYTES_MAX] {
            assert_eq!(body(bytes).len(), bytes);
            assert_eq!(Stamp::read(body(bytes).as_bytes()), Ok(STAMP));
        }
    }

    #[test]
    fn every_change_shows() {
        let whole = body(120).into_bytes();
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert_eq!(Stamp::read(&changed), Err(Corrupt), "byte {at}");
            assert_eq!(Stamp::read(&whole[..at]), Err(Corrupt), "cut to {at}");
        }
        let mut longer = whole;
        longer.push(b'x');
        assert_eq!(Stamp::read(&longer), Err(Corrupt));
    }
}
