//! The list against a sorted vector, with pages stored, read and dropped in between.

use std::collections::BTreeMap;

use super::extra::Extra;
use super::*;
use crate::budget::IndexOptions;
use crate::journal::{Position, References};
use crate::queue::origin::Origin;

/// A message. Each fifth has its body elsewhere and was sent before those in front of it.
fn message(key: u64) -> Waiting {
    let is_moved = key.is_multiple_of(5);
    let sent = Timestamp::from_millis(10_000 + if is_moved { key * 7919 % 10_000 } else { key });
    let entry = Entry { key: MessageKey::new(key), sent, length: 1, lane: 0 };
    let extra = is_moved.then(|| {
        let (body, first_received) = (Position::new(key * 31 % 4096), Timestamp::EPOCH);
        Box::new(Extra { body, first_received, inherited: 1, origin: Origin::default() })
    });
    Waiting { entry, extra }
}

fn keys<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<u64> {
    entries.map(|entry| entry.key.get()).collect()
}

/// Counts references in regions of 256 positions.
#[derive(Default)]
struct Regions {
    references: BTreeMap<Position, u64>,
    records: u64,
}

impl Journal for Regions {
    fn append(&mut self, _: u8, _: &[&[u8]]) -> Position {
        unreachable!("pages write no events")
    }

    fn region_end(&self, position: Position) -> Position {
        Position::new((position.get() / 256 + 1) * 256)
    }

    fn retain_many(&mut self, region: Position, references: References) {
        *self.references.entry(self.region_end(region)).or_default() += references.count;
    }

    fn release_many(&mut self, region: Position, references: References) {
        let end = self.region_end(region);
        let kept = self.references.get_mut(&end).expect("what is released was retained");
        *kept = kept.checked_sub(references.count).expect("each reference is released once");
        if *kept == 0 {
            self.references.remove(&end);
        }
    }
}

/// A list of which pages are stored, with the entries of their records.
struct Stored {
    pages: Pages,
    journal: Regions,
    records: BTreeMap<Position, Vec<Waiting>>,
}

impl Stored {
    fn new() -> Self {
        let options = IndexOptions { bytes_max: 0, page_messages: 8, record_pages: 4, ..IndexOptions::default() };
        Self {
            pages: Pages::new(Arc::new(Budget::new(options))),
            journal: Regions::default(),
            records: BTreeMap::new(),
        }
    }

    fn push(&mut self, key: u64) {
        self.pages.push_back(message(key));
        self.journal.retain(message(key).body());
    }

    /// Stores the next pages. Returns whether there were any.
    fn store(&mut self) -> bool {
        let messages = self.pages.storable(MessageKey::MAX);
        if messages.is_empty() {
            return false;
        }
        self.journal.records += 1;
        let record = BodyRef { position: Position::new(1_000_000 + 256 * self.journal.records), length: 100 };
        self.pages.store(record, &messages, &mut self.journal).expect("messages of the list");
        self.records.insert(record.position, messages);
        true
    }

    fn load(&mut self, page: PageRef) {
        let messages = &self.records[&page.record.position];
        assert_eq!(self.pages.load(page, messages.clone(), &self.journal), Ok(true));
        assert_eq!(self.pages.load(page, messages.clone(), &self.journal), Ok(false), "it is there already");
    }

    fn take(&mut self, key: u64) -> Option<Waiting> {
        while let Some(page) = self.pages.page_of(MessageKey::new(key)) {
            assert_eq!(self.pages.take(MessageKey::new(key)), None, "its page is not in memory");
            self.load(page);
        }
        let taken = self.pages.take(MessageKey::new(key));
        taken.iter().for_each(|message| self.journal.release(message.body()));
        self.pages.release_used(&mut self.journal);
        taken
    }

    fn load_all(&mut self) {
        while let Some(page) = self.pages.page_for_head(usize::MAX) {
            self.load(page);
        }
    }
}

/// Every operation agrees with a sorted list, whatever the order of removals, and whatever is stored, read and dropped in
/// between. References stay those of the messages and of the records.
#[test]
fn pages_are_a_sorted_list() {
    for stored in [false, true] {
        let mut list = Stored::new();
        let mut model: Vec<u64> = (1000..3000).collect();
        model.iter().for_each(|key| list.push(*key));
        for key in (0..1000).rev() {
            list.pages.push_front(message(key));
            list.journal.retain(message(key).body());
            model.insert(0, key);
        }
        let mut state = 1u64;
        while let Some(last) = model.len().checked_sub(1) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Mostly from the front, as queues are read; sometimes from anywhere.
            let index = if state >> 62 == 0 { (state >> 33) as usize % (last + 1) } else { 0 };
            let key = model.remove(index);
            assert_eq!(list.take(key), Some(message(key)));
            assert_eq!((list.take(key), list.pages.get(MessageKey::new(key))), (None, None));
            assert_eq!(list.pages.len(), model.len());
            assert_eq!(list.pages.first_key().map(MessageKey::get), model.first().copied());
            if stored && last % 7 == 0 {
                list.store();
            }
            if stored && last % 13 == 0 {
                let pages: Vec<PageRef> = list.records.keys().map(|position| list.page(*position)).collect();
                pages.into_iter().for_each(|page| {
                    list.pages.evict(page, &list.journal);
                });
            }
            if last % 100 == 0 {
                list.pages.check();
                list.load_all();
                list.pages.check();
                assert_eq!(keys(list.pages.head()), model);
                let between = list.pages.in_memory_between(MessageKey::new(key), MessageKey::MAX);
                let above: Vec<u64> = model.iter().copied().filter(|&other| other > key).collect();
                assert_eq!(keys(between.map(|message| message.entry)), above);
                list.check_ages(&model);
            }
        }
        assert!(list.pages.slots.is_empty() && list.journal.references.is_empty());
        assert_eq!(stored, list.journal.records > 0);
    }
}

impl Stored {
    /// Finds what is too old at some times, as a list of all messages would.
    fn check_ages(&mut self, model: &[u64]) {
        for bound in (10_000..20_000).step_by(1000).map(Timestamp::from_millis) {
            let mut over: Vec<u64> = model.iter().copied().filter(|key| message(*key).entry.sent <= bound).collect();
            let mut found: Vec<u64> = self.pages.sent_by(bound, usize::MAX).into_iter().map(MessageKey::get).collect();
            over.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, over, "at {bound:?}");
            assert_eq!(self.pages.page_for_age(bound), None, "all pages are in memory");
            assert_eq!(self.pages.sent_by(bound, 3).len(), over.len().min(3));
        }
        let sent = model.iter().map(|key| message(*key).entry.sent);
        self.pages.sent_by(Timestamp::EPOCH, 1);
        assert!(self.pages.oldest() <= sent.min());
    }

    /// The page of a record, as it was when it was stored.
    fn page(&self, position: Position) -> PageRef {
        let first = self.records[&position][0].entry.key;
        PageRef { record: BodyRef { position, length: 100 }, first }
    }
}

/// A list whose pages are stored is dropped without reading them.
#[test]
fn spilled_pages_are_dismantled_unread() {
    let mut list = Stored::new();
    (0..1000).for_each(|key| list.push(key));
    while list.store() {}
    assert_eq!(list.take(500), Some(message(500)));
    let page = list.page(*list.records.keys().next().expect("a page"));
    list.pages.evict(page, &list.journal);
    let mut steps = 0;
    loop {
        match list.pages.dismantle(10, &mut list.journal) {
            0 => break,
            more => steps += more,
        }
    }
    assert!(list.journal.references.is_empty() && list.pages.len() == 0);
    assert!(steps < 300, "{steps} steps");
    assert_eq!(list.pages.budget.overview(), crate::budget::IndexOverview::default());
}

/// What is stored must be what the list holds.
#[test]
fn other_messages_are_not_stored() {
    let mut list = Stored::new();
    (0..100).for_each(|key| list.push(2 * key));
    let record = BodyRef { position: Position::new(1_000_000), length: 100 };
    let bare = |key| Waiting { extra: None, ..message(key) };
    for others in [
        vec![],
        vec![message(1)],
        vec![message(2), message(6)],
        vec![message(2), message(5)],
        vec![message(500)],
        vec![message(8), bare(10)],
    ] {
        assert!(list.pages.store(record, &others, &mut list.journal).is_err(), "{others:?}");
    }
    // Pages need not begin where the record does.
    let some: Vec<Waiting> = (5..40).map(|key| message(2 * key)).collect();
    assert_eq!(list.pages.store(record, &some, &mut list.journal), Ok(()));
    list.pages.check();
    assert!(list.pages.store(record, &some, &mut list.journal).is_err(), "its page is not in memory");
    assert_eq!(keys(list.pages.head()), [0, 2, 4, 6, 8]);
    list.records.insert(record.position, some);
    list.load_all();
    assert_eq!(list.pages.head().count(), 100);
}

/// A page from whose middle many messages were removed becomes one in memory, and its record is released.
#[test]
fn a_worn_page_is_kept_in_memory() {
    let options = IndexOptions { bytes_max: 0, page_messages: 100, record_pages: 2, ..IndexOptions::default() };
    let mut list = Stored { pages: Pages::new(Arc::new(Budget::new(options))), ..Stored::new() };
    (0..1000).for_each(|key| list.push(key));
    assert!(list.store());
    let before = list.pages.slots.len();
    for key in (701..899).step_by(3) {
        list.take(key);
    }
    list.pages.check();
    assert_eq!(list.pages.slots.len(), before + 1, "two pages that are filled in memory in place of the stored one");
    assert_eq!(list.pages.budget.overview().page_records, 0);
}
