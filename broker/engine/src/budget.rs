//! How much memory the lists of waiting messages may take, and who gets which share of it.
//!
//! One budget covers the pages of all queues. Each queue keeps two pages in memory whatever the budget is: the one that is
//! read and the one that is filled. What lies between them is written to the journal and dropped while the pages of all
//! queues exceed the budget, the longest list first. Of pages that are stored already, half of the budget stays in memory: if
//! there are more when the budget is exceeded, the one that was stored or read back first is dropped.
//!
//! Only full pages count, because a page that is being filled has the size of what is in it.
//!
//! The groups of FIFO and fair queues count too. Half of the budget is for the lanes of the messages that receives look at
//! ([`IndexOptions::window_messages`]): beyond it, the window of a queue does not grow above
//! [`IndexOptions::window_messages_min`].
//!
//! The table that says where the owner of the journal has moved records takes its memory from the same budget
//! ([`Budget::share`]). The owner bounds it.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

use posthouse_model::limits::FIFO_WINDOW_MESSAGES;

/// How the waiting messages of a queue are indexed: sizes of pages, and the memory of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexOptions {
    /// Bytes of memory that pages of waiting messages may take in all queues together, besides two pages of each queue.
    pub bytes_max: u64,
    /// Waiting messages of one page in memory. At 512 a page takes 12 KiB, so that a page of a long queue is allocated
    /// once.
    pub page_messages: usize,
    /// Pages that one record of the journal holds at most. At 16 pages of 512 messages a record takes some 30 KB, which
    /// is read in one piece.
    pub record_pages: usize,
    /// Messages of a queue with groups that receives look at: the first that are left. Those behind them need no memory
    /// for their groups. At least one.
    pub window_messages: usize,
    /// As `window_messages`, while the groups of all windows together take more than half of `bytes_max`. At least one, and
    /// at most `window_messages`.
    pub window_messages_min: usize,
}

impl IndexOptions {
    /// The sizes that fit a budget: pages of 512 messages, and smaller ones where the budget has no room for 64 of these. The
    /// least window has two pages.
    #[must_use]
    pub fn within(bytes_max: u64) -> Self {
        const PAGES_MIN: u64 = 64;
        const PAGE_MESSAGES_MIN: u64 = 16;
        let whole = Self::default();
        let fitting = (bytes_max / ENTRY_BYTES as u64 / PAGES_MIN).max(PAGE_MESSAGES_MIN);
        let page_messages = usize::try_from(fitting).map_or(whole.page_messages, |fit| fit.min(whole.page_messages));
        Self { bytes_max, page_messages, window_messages_min: 2 * page_messages, ..whole }
    }
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            bytes_max: 256 * 1024 * 1024,
            page_messages: 512,
            record_pages: 16,
            window_messages: FIFO_WINDOW_MESSAGES,
            window_messages_min: 1024,
        }
    }
}

/// The pages of the waiting messages of all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexOverview {
    /// Pages in memory, without the last of each queue, which is being filled.
    pub pages_in_memory: u64,
    /// Records of the journal that hold pages.
    pub page_records: u64,
    /// Of these, records whose pages are not in memory.
    pub page_records_on_disk: u64,
}

/// What one waiting message takes in memory, in bytes.
pub(crate) const ENTRY_BYTES: usize = 24;

/// The pages of all queues, counted as they come and go.
///
/// The counts are atomic only so that an engine can be sent to another thread: one thread at a time changes them.
#[derive(Debug)]
pub(crate) struct Budget {
    options: IndexOptions,
    /// Pages in memory, without the last of each queue.
    resident: AtomicU64,
    /// Of these, pages that are stored.
    loaded: AtomicU64,
    /// Records of pages that are not in memory.
    spilled: AtomicU64,
    /// Records of pages, in memory or not.
    stored: AtomicU64,
    /// Bytes of the lanes of all windows.
    lanes: AtomicU64,
    /// Bytes of the groups of messages behind the windows, of those in memory.
    groups: AtomicU64,
    /// Bytes of the budget that the table of moved records takes.
    shared: AtomicU64,
}

/// What the pages of one queue count as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageCounts {
    /// Pages that were filled in memory, but for the last.
    pub(crate) filled: u64,
    /// Pages in memory that are stored.
    pub(crate) loaded: u64,
    /// Records of pages.
    pub(crate) stored: u64,
    /// Records of pages that are not in memory.
    pub(crate) spilled: u64,
}

impl Budget {
    pub(crate) fn new(options: IndexOptions) -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            options,
            resident: zero(),
            loaded: zero(),
            spilled: zero(),
            stored: zero(),
            lanes: zero(),
            groups: zero(),
            shared: zero(),
        }
    }

    pub(crate) const fn options(&self) -> &IndexOptions {
        &self.options
    }

    const fn page_bytes(&self) -> u64 {
        (self.options.page_messages * ENTRY_BYTES) as u64
    }

    /// Pages in memory that the budget allows where no queue has groups.
    fn pages_max(&self) -> u64 {
        self.options.bytes_max.saturating_sub(self.shared.load(Relaxed)) / self.page_bytes()
    }

    /// Leaves this much of the budget to the table of moved records, in bytes.
    pub(crate) fn share(&self, bytes: u64) {
        self.shared.store(bytes, Relaxed);
    }

    /// What takes memory besides pages, counted in pages.
    fn groups_as_pages(&self) -> u64 {
        (self.lanes.load(Relaxed) + self.groups.load(Relaxed)) / self.page_bytes()
    }

    /// Whether there is more in memory than the budget allows.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.resident.load(Relaxed) + self.groups_as_pages() > self.pages_max()
    }

    /// Whether more is in memory than the budget allows, and pages that are stored take more than half of it. Each has its
    /// share of the groups of all messages in memory.
    pub(crate) fn is_exceeded_by_loaded(&self) -> bool {
        let (loaded, resident) = (self.loaded.load(Relaxed), self.resident.load(Relaxed));
        let groups = self.groups.load(Relaxed) / self.page_bytes();
        self.is_exceeded() && loaded + groups * loaded / resident.max(1) > self.pages_max() / 2
    }

    /// How many messages of a queue with groups receives look at now.
    pub(crate) fn window_messages(&self) -> usize {
        if self.lanes.load(Relaxed) > self.options.bytes_max / 2 {
            self.options.window_messages_min
        } else {
            self.options.window_messages
        }
    }

    /// Pages in memory, without the last of each queue.
    pub(crate) fn resident(&self) -> u64 {
        self.resident.load(Relaxed)
    }

    /// A small part of the budget, in pages.
    pub(crate) fn step(&self) -> u64 {
        1 + self.pages_max() / 64
    }

    /// Whether any page is not in memory.
    pub(crate) fn has_spilled(&self) -> bool {
        self.spilled.load(Relaxed) > 0
    }

    /// What there is now.
    pub(crate) fn overview(&self) -> IndexOverview {
        IndexOverview {
            pages_in_memory: self.resident(),
            page_records: self.stored.load(Relaxed),
            page_records_on_disk: self.spilled.load(Relaxed),
        }
    }

    /// Replaces what the pages of one queue counted as.
    pub(crate) fn recount(&self, old: PageCounts, new: PageCounts) {
        let change = |counter: &AtomicU64, old: u64, new: u64| {
            if old != new {
                counter.store(counter.load(Relaxed) - old + new, Relaxed);
            }
        };
        change(&self.resident, old.filled + old.loaded, new.filled + new.loaded);
        change(&self.loaded, old.loaded, new.loaded);
        change(&self.stored, old.stored, new.stored);
        change(&self.spilled, old.spilled, new.spilled);
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(IndexOptions::default())
    }
}

/// What the groups of one queue count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupsOf {
    /// The lanes of its window.
    Window,
    /// The messages behind the window that are in memory.
    Behind,
}

/// Bytes of groups that count in a budget until this is dropped, or until they are counted nowhere: what is to be dropped on
/// another thread must not count any more.
#[derive(Debug)]
pub(crate) struct GroupBytes {
    budget: Arc<Budget>,
    of: GroupsOf,
    bytes: u64,
}

impl GroupBytes {
    /// No bytes yet.
    pub(crate) const fn new(budget: Arc<Budget>, of: GroupsOf) -> Self {
        Self { budget, of, bytes: 0 }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.set(self.bytes + bytes as u64);
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        self.set(self.bytes - bytes as u64);
    }

    /// Counts none of the bytes any more. Nothing is added or taken from then on.
    pub(crate) fn count_nowhere(&mut self) {
        self.set(0);
    }

    fn set(&mut self, bytes: u64) {
        if bytes == self.bytes {
            return;
        }
        let counter = match self.of {
            GroupsOf::Window => &self.budget.lanes,
            GroupsOf::Behind => &self.budget.groups,
        };
        counter.store(counter.load(Relaxed) - self.bytes + bytes, Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for GroupBytes {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_fit_the_budget() {
        let page = |bytes_max| IndexOptions::within(bytes_max).page_messages;
        assert_eq!([page(0), page(4096), page(65_536), page(1 << 20), page(1 << 40)], [16, 16, 42, 512, 512]);
        assert_eq!(IndexOptions::within(256 << 20), IndexOptions::default());
        assert_eq!(IndexOptions::within(4096).window_messages_min, 32);
    }

    #[test]
    fn windows_shrink_where_groups_take_half_of_the_budget() {
        let options =
            IndexOptions { bytes_max: 2000, window_messages: 9, window_messages_min: 3, ..IndexOptions::default() };
        let budget = Arc::new(Budget::new(options));
        let (of_one, of_other) = (GroupsOf::Window, GroupsOf::Behind);
        let mut lanes = GroupBytes::new(Arc::clone(&budget), of_one);
        let mut behind = GroupBytes::new(Arc::clone(&budget), of_other);
        behind.add(5000);
        lanes.add(1000);
        assert_eq!(budget.window_messages(), 9, "half of the budget, and what is behind windows does not count");
        lanes.add(1);
        assert_eq!(budget.window_messages(), 3);
        lanes.take(1001);
        drop((lanes, behind));
        assert_eq!((budget.groups_as_pages(), budget.window_messages()), (0, 9));
    }

    #[test]
    fn a_budget_counts_what_comes_and_goes() {
        let budget = Budget::new(IndexOptions {
            bytes_max: 24 * 10,
            page_messages: 1,
            record_pages: 1,
            ..IndexOptions::default()
        });
        let counts = PageCounts { filled: 6, loaded: 5, stored: 7, spilled: 2 };
        budget.recount(PageCounts::default(), counts);
        assert!(budget.is_exceeded() && !budget.is_exceeded_by_loaded() && budget.has_spilled());
        budget.recount(counts, PageCounts { filled: 5, loaded: 6, ..counts });
        assert!(budget.is_exceeded() && budget.is_exceeded_by_loaded());
        budget.recount(PageCounts { filled: 5, loaded: 6, ..counts }, PageCounts { filled: 4, loaded: 6, ..counts });
        assert!(!budget.is_exceeded() && !budget.is_exceeded_by_loaded(), "there is room for all of them");
        budget.recount(PageCounts { filled: 4, loaded: 6, ..counts }, PageCounts::default());
        assert_eq!(budget.overview(), IndexOverview::default());
    }
}
