//! What the loop reads from the disk, and what it does with it: bodies, pages, records that compaction moves, and damage.
//!
//! Each completed read belongs to one of them, which knows it by its number.

use super::{Core, Desk, Stage};
use crate::compaction::Moves;
use crate::damage::{Damage, Parts, Room};
use crate::journal::{LogJournal, from_log};
use crate::{Environment, pages, peeks};

impl<E: Environment> Core<E> {
    /// Hands completed reads to what waits for them.
    pub(super) fn collect_reads(&mut self) {
        let (mut reads, room) = (core::mem::take(&mut self.reads), self.room_for_events());
        self.log.completed_reads(&mut reads);
        for (read, result) in reads.drain(..) {
            if self.pages.has(read) {
                self.pages.complete(read, result);
            } else if self.peeks.has(read) {
                let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
                let (engine, log) = (&mut self.engine, &mut self.log);
                let mut parts = peeks::Parts { now: self.now, engine, log, answers: &mut desk };
                if let Some(answered) = self.peeks.complete(&mut parts, read, result) {
                    self.send(answered);
                }
            } else if self.compaction.has(read) {
                let damaged = self.compaction.complete(read, result, &self.log);
                damaged.into_iter().for_each(|name| self.damage.suspect_record(name));
            } else if !self.assemblies.has(read) {
                self.with_damage(|damage, parts| damage.complete(parts, read, result, room));
            } else if let Some(assembled) = self.assemblies.complete(read, result) {
                self.send_assembled(assembled);
            }
        }
        self.reads = reads;
    }

    /// Reads the pages of waiting messages that the engine asks for, and goes on with what waited for them.
    pub(super) fn read_pages(&mut self) {
        let room = self.room_for_events();
        let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
        let mut parts = pages::Parts {
            now: self.now,
            engine: &mut self.engine,
            log: &mut self.log,
            answers: &mut desk,
            reports: &mut self.reports,
        };
        self.pages.advance(&mut parts, room);
        // A parked receive that is tried again may wait.
        if self.stage != Stage::Serving {
            self.engine.end_waits(&mut self.answers);
        }
        self.answer();
    }

    /// Stores pages of waiting messages in the log, if they take more memory than they may.
    pub(super) fn spill(&mut self) {
        if self.may_spill() {
            let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
            self.engine.spill(self.now, &mut LogJournal(&mut self.log), &mut desk);
            self.answer();
        }
    }

    /// Whether there is a page to store, and it may be stored now.
    pub(super) fn may_spill(&self) -> bool {
        self.engine.is_spill_due() && self.accepts_events() && self.checkpoints.moves() == Moves::Allowed
    }

    /// Sets messages aside that answers of this step could not be made with, or gives them back.
    pub(super) fn meet_damage(&mut self) {
        if !self.unread.is_empty() {
            let (unread, room) = (core::mem::take(&mut self.unread), self.room_for_events());
            self.with_damage(|damage, parts| damage.meet(parts, unread, room));
        }
        self.answer();
    }

    /// Does the next slice of the search for damaged messages, and reads the next piece of cold segments.
    pub(super) fn look_for_damage(&mut self) {
        if !self.may_scrub() {
            return;
        }
        self.scrubber.advance(self.now, &mut self.log, &mut self.reports);
        self.log.take_suspects(&mut self.suspects);
        for suspect in self.suspects.drain(..) {
            let moved = self.log.names_within(suspect.start..suspect.end);
            moved.into_iter().for_each(|name| self.damage.suspect_record(from_log(name)));
            self.damage.suspect(suspect);
        }
        if self.damage.is_due() {
            self.with_damage(Damage::advance);
        }
        if let Some(damaged) = self.damage.last() {
            self.checkpoints.pass_over(damaged);
        }
    }

    /// Whether the scrubber and the search for damaged messages may go on.
    pub(super) fn may_scrub(&self) -> bool {
        self.stage == Stage::Serving && self.accepts_events()
    }

    fn room_for_events(&self) -> Room {
        if self.accepts_events() { Room::Enough } else { Room::None }
    }

    fn with_damage(&mut self, work: impl FnOnce(&mut Damage, &mut Parts<'_, E::Disk>)) {
        let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
        let mut parts = Parts {
            now: self.now,
            engine: &mut self.engine,
            log: &mut self.log,
            answers: &mut desk,
            reports: &mut self.reports,
        };
        work(&mut self.damage, &mut parts);
    }
}
