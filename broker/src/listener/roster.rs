//! A set of shared objects in no order. Objects are added and removed in constant time, and one can be chosen of all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// After a search that found nothing, no further one is made for this many times as long as it took. What asks for
/// searches can then take only a small part of a core.
const PAUSE_FACTOR: u32 = 20;

/// Where an object stands in its roster. Only the roster's methods change it.
#[derive(Debug, Default)]
pub(super) struct Place(AtomicUsize);

/// An object that knows its place in the one roster that it is in.
pub(super) trait Placed {
    fn place(&self) -> &Place;
}

/// The set.
#[derive(Debug)]
pub(super) struct Roster<T> {
    all: Vec<Arc<T>>,
}

impl<T> Default for Roster<T> {
    fn default() -> Self {
        Self { all: Vec::new() }
    }
}

impl<T: Placed> Roster<T> {
    pub(super) fn add(&mut self, member: Arc<T>) {
        member.place().0.store(self.all.len(), Ordering::Relaxed);
        self.all.push(member);
    }

    /// Removes `member`, which must have been added.
    pub(super) fn remove(&mut self, member: &Arc<T>) {
        let at = member.place().0.load(Ordering::Relaxed);
        let removed = self.all.swap_remove(at);
        debug_assert!(Arc::ptr_eq(&removed, member), "a member is in one roster");
        if let Some(moved) = self.all.get(at) {
            moved.place().0.store(at, Ordering::Relaxed);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.all.iter()
    }
}

/// When the next search may be made.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pause {
    until: Option<Instant>,
}

impl Pause {
    /// What `search` returns at `now`; `None` during the pause after one that found nothing.
    pub(super) fn search<T>(&mut self, now: Instant, search: impl FnOnce() -> Option<T>) -> Option<T> {
        if self.until.is_some_and(|until| now < until) {
            return None;
        }
        let found = search();
        let took = if found.is_some() { Duration::ZERO } else { now.elapsed() };
        self.until = Some(now + took * PAUSE_FACTOR);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Member(u32, Place);

    impl Placed for Member {
        fn place(&self) -> &Place {
            &self.1
        }
    }

    #[test]
    fn members_leave_in_any_order() {
        let members: Vec<_> = (0..5).map(|number| Arc::new(Member(number, Place::default()))).collect();
        let mut roster = Roster::default();
        for member in &members {
            roster.add(Arc::clone(member));
        }
        for leaving in [0, 4, 2] {
            roster.remove(&members[leaving]);
            assert!(roster.iter().all(|member| member.0 as usize != leaving));
        }
        let mut left: Vec<u32> = roster.iter().map(|member| member.0).collect();
        left.sort_unstable();
        assert_eq!((left, roster.len()), (vec![1, 3], 2));
        roster.add(Arc::clone(&members[0]));
        for leaving in [1, 3, 0] {
            roster.remove(&members[leaving]);
        }
        assert_eq!(roster.len(), 0);
    }

    #[test]
    fn a_search_in_vain_is_followed_by_a_pause() {
        let mut pause = Pause::default();
        let start = Instant::now();
        assert_eq!(pause.search(start, || Some(1)), Some(1));
        assert_eq!(pause.search(start, || Some(2)), Some(2), "none follows one that found something");
        let slow = || {
            std::thread::sleep(Duration::from_millis(2));
            None::<u32>
        };
        assert_eq!(pause.search(start, slow), None);
        assert_eq!(pause.search(start + Duration::from_millis(39), || Some(3)), None);
        assert_eq!(pause.search(start + Duration::from_secs(60), || Some(4)), Some(4));
    }
}
