//! The two lanes of the inbox: small requests, and those that bring large messages.
//!
//! Batches of native producers are in the lane of large requests, whatever their size, so that they keep their order.
//!
//! In each lane requests keep their order. The lanes share the disk: the next request comes from the lane that was given
//! fewer bytes. So a client that sends large messages does not hold up others by more than what it brings, and small
//! requests, however many, leave half of the disk to large ones. An empty lane saves up nothing.

use posthouse_model::Action;

/// From this size on a request is large. At 100 MB/s the disk takes less than a millisecond for a smaller one.
const LARGE_BYTES_MIN: u64 = 64 * 1024;

/// What a request counts besides its messages: its event, and the work of deciding.
const REQUEST_BYTES: u64 = 1024;

/// A lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Small,
    Large,
}

impl Lane {
    /// The lane of the batches of producers, whatever their size: a batch that overtook another one of its producer would
    /// leave out message numbers, and be refused.
    pub(crate) const OF_BATCHES: Self = Self::Large;

    /// The lane of a request that brings messages of this size.
    pub(crate) const fn of(action: Action, bytes: u64) -> Self {
        match action {
            Action::SendMessages | Action::PublishMessages => Self::OF_BATCHES,
            _ if bytes < LARGE_BYTES_MIN => Self::Small,
            _ => Self::Large,
        }
    }
}

/// One of something for each lane.
#[derive(Debug, Default)]
pub(crate) struct Lanes<T> {
    pub(crate) small: T,
    pub(crate) large: T,
}

impl<T> Lanes<T> {
    pub(crate) const fn of(&self, lane: Lane) -> &T {
        match lane {
            Lane::Small => &self.small,
            Lane::Large => &self.large,
        }
    }

    const fn of_mut(&mut self, lane: Lane) -> &mut T {
        match lane {
            Lane::Small => &mut self.small,
            Lane::Large => &mut self.large,
        }
    }
}

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Requests that wait and were counted.
    pub(crate) arrived: Lanes<usize>,
    /// Bytes that each lane was given.
    given: Lanes<u64>,
}

impl Turns {
    /// The lane that the next request comes from. `None` if none is left of those that were counted.
    pub(crate) const fn next(&self) -> Option<Lane> {
        match (self.arrived.small, self.arrived.large) {
            (0, 0) => None,
            (_, 0) => Some(Lane::Small),
            (0, _) => Some(Lane::Large),
            (_, _) if self.given.large < self.given.small => Some(Lane::Large),
            (_, _) => Some(Lane::Small),
        }
    }

    /// Notes that a request was taken from a lane that had one.
    pub(crate) const fn took(&mut self, lane: Lane, bytes: u64) {
        *self.arrived.of_mut(lane) -= 1;
        let given = self.given.of_mut(lane);
        *given += bytes + REQUEST_BYTES;
        let given = *given;
        let other = match lane {
            Lane::Small => Lane::Large,
            Lane::Large => Lane::Small,
        };
        if *self.arrived.of(other) == 0 && *self.given.of(other) < given {
            *self.given.of_mut(other) = given;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lanes of the requests that are taken, `s` and `l`, where small ones bring 1 KiB and large ones 8.
    fn order(turns: &mut Turns, small: usize, large: usize) -> String {
        turns.arrived = Lanes { small, large };
        let mut order = String::new();
        while let Some(lane) = turns.next() {
            let (letter, kibibytes) = if lane == Lane::Small { ('s', 1) } else { ('l', 8) };
            turns.took(lane, kibibytes * 1024);
            order.push(letter);
        }
        order
    }

    #[test]
    fn lanes_get_equal_bytes_and_save_up_nothing() {
        let mut turns = Turns::default();
        assert_eq!(order(&mut turns, 0, 0), "");
        assert_eq!(order(&mut turns, 3, 0), "sss");
        assert_eq!(order(&mut turns, 6, 2), "slssssls");
        assert_eq!(order(&mut turns, 0, 4), "llll");
        let first = order(&mut turns, 2, 2);
        assert!(first.starts_with('s'), "small requests saved up nothing, and are not behind: {first}");
    }

    #[test]
    fn the_size_of_the_messages_says_the_lane() {
        let of = |bytes| Lane::of(Action::SendMessage, bytes);
        assert_eq!(of(0), Lane::Small);
        assert_eq!(of(LARGE_BYTES_MIN - 1), Lane::Small);
        assert_eq!(of(LARGE_BYTES_MIN), Lane::Large);
        assert_eq!(Lane::of(Action::SendMessages, 1), Lane::of(Action::SendMessages, LARGE_BYTES_MIN));
    }
}
