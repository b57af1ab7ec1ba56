//! `ClockSet`: the clock that events are stamped by was set, and the times in the state moved with it.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | from, ms |
//! | 8 | 8 | to, ms |

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;
use crate::shift::Shift;

/// The clock was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockSet(pub(crate) Shift);

impl ClockSet {
    pub(super) fn encode(self, out: &mut Writer<'_>) {
        out.time(self.0.from);
        out.time(self.0.to);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self(Shift { from: bytes.time()?, to: bytes.time()? }))
    }
}
