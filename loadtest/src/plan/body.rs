//! The lengths of a run's bodies: one length, a range, or several lengths with weights.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::message::{BODY_BYTES_MAX, BODY_BYTES_MIN};

/// The lengths of bodies, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodySizes {
    /// This number of bytes.
    Fixed(usize),
    /// Each number of bytes from the first to the second with the same probability.
    Uniform(usize, usize),
    /// Lengths in bytes with weights.
    Weighted(Vec<(usize, u32)>),
}

impl BodySizes {
    /// The longest length.
    #[must_use]
    pub fn max(&self) -> usize {
        match self {
            Self::Fixed(bytes) | Self::Uniform(_, bytes) => *bytes,
            Self::Weighted(sizes) => sizes.iter().map(|(bytes, _)| *bytes).max().unwrap_or(BODY_BYTES_MIN),
        }
    }

    /// The mean length, rounded down.
    #[must_use]
    pub fn mean(&self) -> usize {
        match self {
            Self::Fixed(bytes) => *bytes,
            Self::Uniform(least, most) => usize::midpoint(*least, *most),
            Self::Weighted(sizes) => {
                let all: u64 = sizes.iter().map(|(_, weight)| u64::from(*weight)).sum();
                let bytes: u128 = sizes.iter().map(|(bytes, weight)| *bytes as u128 * u128::from(*weight)).sum();
                usize::try_from(bytes / u128::from(all)).expect("no longer than the longest")
            }
        }
    }

    fn min(&self) -> usize {
        match self {
            Self::Fixed(bytes) | Self::Uniform(bytes, _) => *bytes,
            Self::Weighted(sizes) => sizes.iter().map(|(bytes, _)| *bytes).min().unwrap_or(BODY_BYTES_MIN),
        }
    }

    /// Maps a random number to a length, so that uniform numbers give the distribution.
    #[must_use]
    pub fn pick(&self, random: u64) -> usize {
        match self {
            Self::Fixed(bytes) => *bytes,
            Self::Uniform(least, most) => least + remainder(random, (most - least + 1) as u64),
            Self::Weighted(sizes) => {
                let all: u64 = sizes.iter().map(|(_, weight)| u64::from(*weight)).sum();
                let mut left = random % all;
                for (bytes, weight) in sizes {
                    match left.checked_sub(u64::from(*weight)) {
                        Some(rest) => left = rest,
                        None => return *bytes,
                    }
                }
                unreachable!("the weights add up to more than the remainder")
            }
        }
    }
}

fn remainder(random: u64, by: u64) -> usize {
    usize::try_from(random % by).expect("less than a body's bytes")
}

impl FromStr for BodySizes {
    type Err = String;

    /// `256`, `100..1000` or `64:50,256:40,4096:10` (bytes and weight).
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no body size: give bytes (256), a range (100..1000) or weights (64:50,4096:10)");
        let bytes = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let sizes = if let Some((least, most)) = text.split_once("..") {
            Self::Uniform(bytes(least)?, bytes(most)?)
        } else if text.contains(':') {
            let size = |part: &str| {
                let (size, weight) = part.split_once(':').ok_or_else(wrong)?;
                Ok((bytes(size)?, weight.trim().parse().map_err(|_| wrong())?))
            };
            Self::Weighted(text.split(',').map(size).collect::<Result<_, String>>()?)
        } else {
            Self::Fixed(bytes(text)?)
        };
        let weightless = matches!(&sizes, Self::Weighted(sizes) if sizes.iter().all(|(_, weight)| *weight == 0));
        if weightless || sizes.min() > sizes.max() {
            return Err(wrong());
        }
        if sizes.min() < BODY_BYTES_MIN || sizes.max() > BODY_BYTES_MAX {
            return Err(format!(
                "`{text}`: a body has {BODY_BYTES_MIN} to {BODY_BYTES_MAX} bytes, since each carries a sequence and a checksum"
            ));
        }
        Ok(sizes)
    }
}

impl fmt::Display for BodySizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(bytes) => write!(f, "{bytes}"),
            Self::Uniform(least, most) => write!(f, "{least}..{most}"),
            Self::Weighted(sizes) => {
                let parts: Vec<_> = sizes.iter().map(|(bytes, weight)| format!("{bytes}:{weight}")).collect();
                f.write_str(&parts.join(","))
            }
        }
    }
}

impl Serialize for BodySizes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
