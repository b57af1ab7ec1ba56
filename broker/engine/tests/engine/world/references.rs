//! Searches for references, as compaction makes them: a complete one finds what the journal counts, and one that goes on while
//! requests are handled misses nothing that is still referred to at its end.

use std::collections::{BTreeMap, BTreeSet};

use posthouse_engine::{
    Engine, FoundReference, Journal, Position, ReferenceSearch, ReferenceStep, References, Referrer,
};

use super::World;
use super::journal::Memory;

/// Messages up to which searches are compared.
const CHECKED_MESSAGES_MAX: u64 = 200;

/// A search for all references that goes on between requests.
#[derive(Default)]
pub(crate) struct Background {
    search: Option<ReferenceSearch>,
}

fn everywhere() -> ReferenceSearch {
    ReferenceSearch::new(vec![(Position::ZERO, Position::new(u64::MAX))])
}

/// Takes a step of a search. Returns whether it has ended.
fn advance(search: &mut ReferenceSearch, engine: &Engine, journal: &Memory, budget: usize) -> bool {
    match engine.search_references(search, budget) {
        ReferenceStep::More => false,
        ReferenceStep::Page { request, .. } => {
            let payload = journal.payload(request.position());
            search.page_read(request, &payload).expect("the page that was written");
            false
        }
        ReferenceStep::Done => true,
    }
}

/// All references there are.
fn all(engine: &Engine, journal: &Memory) -> Vec<FoundReference> {
    let mut search = everywhere();
    while !advance(&mut search, engine, journal, 3) {}
    search.take_found()
}

/// Fails unless a search finds exactly the references that the journal counts. The engine has nothing to release in slices.
pub(crate) fn check(engine: &Engine, journal: &Memory) {
    let mut counted: BTreeMap<Position, References> = BTreeMap::new();
    let mut pages = BTreeSet::new();
    for FoundReference { record, referrer } in all(engine, journal) {
        // A page may be met once in each part of its keys.
        if referrer == Referrer::Page && !pages.insert(record.position) {
            continue;
        }
        let sum = counted.entry(journal.region_end(record.position)).or_default();
        *sum = sum.and(References::one(record));
    }
    assert_eq!(counted, journal.references, "the references that a search finds, by region");
}

impl World {
    /// Takes a small step of the search in the background. At its end nothing that is referred to may be missing.
    pub(crate) fn search_slice(&mut self) {
        if self.engine.message_count() > CHECKED_MESSAGES_MAX {
            self.background.search = None;
            return;
        }
        let search = self.background.search.get_or_insert_with(|| {
            self.journal.noted.clear();
            everywhere()
        });
        if !advance(search, &self.engine, &self.journal, 2) {
            return;
        }
        let mut search = self.background.search.take().expect("just seen");
        let mut found: BTreeMap<Position, usize> = BTreeMap::new();
        search.take_found().iter().for_each(|reference| *found.entry(reference.record.position).or_default() += 1);
        let mut messages: BTreeMap<Position, usize> = BTreeMap::new();
        for reference in all(&self.engine, &self.journal) {
            let position = reference.record.position;
            let is_known = found.contains_key(&position) || self.journal.noted.contains(&position);
            assert!(is_known, "{reference:?} was neither found nor noted");
            *messages.entry(position).or_default() += usize::from(reference.referrer == Referrer::Message);
        }
        // The next release of such a record is its last. What is still to be released is not found.
        let is_single = |position: &Position| found.get(position) == Some(&1) && !self.journal.noted.contains(position);
        for (position, references) in messages.iter().filter(|_| !self.engine.has_releases()) {
            assert!(*references <= 1 || !is_single(position), "{references} references to {position}, found once");
        }
    }
}
