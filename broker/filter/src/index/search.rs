//! Finds the conjunctions that an event matches.
//!
//! First the event's values are noted by path, and everything that no policy asks for is skipped. Then each value finds
//! the conditions that it meets, and each condition the conjunctions filed under it. The other clauses of these are
//! evaluated, each at most once for the event.
//!
//! At a path with several values, evaluations for the values behind the first are taken off the budget. All work is
//! counted, in whole lists before they are gone through, so that counting costs an addition for each list.

use super::field::Field;
use super::graph::{Clause, Graph, Joint, Placed, Probe, Step};
use super::interner::Handle;
use super::scratch::{Leaf, Scratch};
use crate::budget::{Allowance, Budget, Unfinished};
use crate::condition::{Condition, fold_into};
use crate::event::{Datum, Event, Members, Thing};
use crate::number::Number;

/// The place of a value among the values at its path, in the order of the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rank {
    /// The first one. Its evaluations are free, except for the part of a wildcard's cost above one.
    First,
    /// A later one. Its evaluations are taken off the budget.
    Later,
}

/// A search for one event.
struct Search<'s, F> {
    graph: &'s Graph,
    event: &'s Event,
    scratch: &'s mut Scratch,
    /// Whether there are several objects at one path. Often they are elements of an array, and clauses that are met one
    /// by one may not be met by the same element.
    has_rivals: bool,
    /// Whether the path of the present value has other values.
    has_others: bool,
    rank: Rank,
    budget: Budget,
    /// The work that was done, as [`Allowance`] counts it, but for what the budget counts.
    work: u64,
    work_max: u64,
    found: F,
}

/// Calls `found` with each conjunction that matches, once. Takes the work off the allowance.
///
/// # Errors
///
/// [`Unfinished`] if a limit was reached. The calls made so far have no meaning then.
pub(super) fn search(
    graph: &Graph,
    event: &Event,
    allowance: &mut Allowance,
    scratch: &mut Scratch,
    mut found: impl FnMut(Handle<Joint>),
) -> Result<(), Unfinished> {
    scratch.begin(graph);
    if let Some(joint) = graph.everything {
        found(joint);
    }
    let (has_rivals, has_others, rank) = (false, false, Rank::First);
    let (budget, work, work_max) = (Budget::of_event(*allowance), 0, allowance.left());
    let mut search = Search { graph, event, scratch, has_rivals, has_others, rank, budget, work, work_max, found };
    let searched = search.run();
    allowance.take(search.work.saturating_add(search.budget.used()));
    searched
}

impl<F: FnMut(Handle<Joint>)> Search<'_, F> {
    /// Notes the values, then looks each one up.
    ///
    /// # Errors
    ///
    /// As [`search`].
    fn run(&mut self) -> Result<(), Unfinished> {
        if self.event.lacks_attributes() {
            return Ok(());
        }
        self.note(self.event.root(), None);
        for number in 0..self.scratch.leaves.len() {
            let Leaf { path, place, before } = self.scratch.leaves[number];
            self.has_others = self.scratch.has_others(number);
            self.rank = if before.is_some() { Rank::Later } else { Rank::First };
            let event = self.event;
            self.look_up(path, &event.datum(place));
            self.check()?;
        }
        (self.has_others, self.rank) = (false, Rank::First);
        for &(path, condition) in &self.graph.absent {
            if self.scratch.last.get(path.slot()).is_none() {
                self.look_at(condition);
            }
        }
        self.check()
    }

    /// # Errors
    ///
    /// As [`search`].
    fn check(&self) -> Result<(), Unfinished> {
        if self.budget.is_spent() {
            Err(self.budget.reason())
        } else if self.work > self.work_max {
            Err(Unfinished::TooMuchWork)
        } else {
            Ok(())
        }
    }

    /// Counts work that is about to be done. Returns whether it may be.
    fn may_do(&mut self, work: usize) -> bool {
        self.work += work as u64;
        self.work <= self.work_max
    }

    /// Notes the values in an object whose paths policies ask for.
    fn note(&mut self, object: Members<'_>, above: Option<Handle<Step>>) {
        for (name, place) in object {
            let path = match name.single() {
                Some(name) => self.graph.step(above, name),
                None => self.graph.steps(above, name.parts()),
            };
            let Some(path) = path else { continue };
            for thing in self.event.things(place) {
                match thing {
                    Thing::Object(members) => {
                        self.has_rivals |= self.scratch.opened.set(path.slot(), ()).is_some();
                        self.note(members, Some(path));
                    }
                    Thing::Value(place) => self.scratch.push(path, place, self.event, &self.graph.seed),
                }
            }
        }
    }

    /// Examines the conjunctions filed under the conditions that a value meets.
    fn look_up(&mut self, path: Handle<Step>, value: &Datum<'_>) {
        let graph = self.graph;
        let field = &graph.paths[path].field;
        if !self.may_do(1 + field.scanned.len()) {
            return;
        }
        for &condition in &field.scanned {
            if self.rank == Rank::Later && self.budget.is_spent() {
                return;
            }
            if holds(&self.budget, &graph.conditions[condition].condition, value, self.rank) {
                self.look_at(condition);
            }
        }
        match value {
            Datum::String(text) => self.look_up_string(path, field, value, text),
            Datum::Number(number) => {
                self.look_up_ranges(field, *number);
                self.look_up_other(path, field, &Probe::Number(*number));
            }
            Datum::Large(number) => {
                self.look_up_ranges(field, Number::beyond(number));
                self.look_up_other(path, field, &Probe::Large(number));
            }
            Datum::Bool(value) => self.look_up_other(path, field, &Probe::Bool(*value)),
            Datum::Null => self.look_up_other(path, field, &Probe::Null),
            Datum::Incomparable | Datum::Opaque => {}
        }
    }

    /// Examines the conjunctions filed under the ranges that a number lies in.
    fn look_up_ranges(&mut self, field: &Field<Handle<Placed>>, number: Number) {
        field.ranges.containing(number, |condition| {
            self.look_at(condition);
            self.work <= self.work_max
        });
    }

    /// Looks up the condition that names a number, a boolean or null.
    fn look_up_other(&mut self, path: Handle<Step>, field: &Field<Handle<Placed>>, probe: &Probe<'_>) {
        if field.others > 0 {
            self.look_up_probe(path, probe);
        }
    }

    /// Looks up a string: as a whole, folded, by prefixes and suffixes, and as an address.
    fn look_up_string(&mut self, path: Handle<Step>, field: &Field<Handle<Placed>>, value: &Datum<'_>, text: &str) {
        if field.strings > 0 {
            self.look_up_probe(path, &Probe::String(text));
        }
        if field.folded > 0 {
            let mut folded = core::mem::take(&mut self.scratch.text);
            fold_into(&mut folded, text);
            self.look_up_probe(path, &Probe::Folded(&folded));
            self.scratch.text = folded;
        }
        if !field.prefixes.is_empty() {
            field.prefixes.of(text.as_bytes(), |condition| self.look_at_prefix(condition, value));
        }
        if !field.suffixes.is_empty() {
            let mut reversed = core::mem::take(&mut self.scratch.bytes);
            reversed.clear();
            reversed.extend(text.bytes().rev());
            field.suffixes.of(&reversed, |condition| self.look_at(condition));
            self.scratch.bytes = reversed;
        }
        if field.has_networks()
            && let Ok(address) = text.parse()
        {
            for network in field.networks_of(address) {
                if self.rank == Rank::Later && !self.budget.spend(1) {
                    return;
                }
                self.look_up_probe(path, &Probe::Network(network));
            }
        }
    }

    /// Looks up the condition that names exactly one value.
    fn look_up_probe(&mut self, path: Handle<Step>, probe: &Probe<'_>) {
        if let Some(condition) = self.graph.probe(path, probe) {
            self.look_at(condition);
        }
    }

    /// Examines the conjunctions filed under a condition whose prefix the text has. A wildcard is evaluated first.
    fn look_at_prefix(&mut self, condition: Handle<Placed>, value: &Datum<'_>) {
        let wildcard = &self.graph.conditions[condition].condition;
        if !matches!(wildcard, Condition::Wildcard(_)) || holds(&self.budget, wildcard, value, self.rank) {
            self.look_at(condition);
        }
    }

    /// Examines the conjunctions filed under a condition that holds, unless an earlier value has met it.
    fn look_at(&mut self, condition: Handle<Placed>) {
        if self.rank == Rank::Later && !self.budget.spend(1) {
            return;
        }
        if self.has_others && self.scratch.met.set(condition.slot(), ()).is_some() {
            return;
        }
        let filed = &self.graph.conditions[condition].filed;
        if !self.may_do(filed.len()) {
            return;
        }
        for &joint in filed {
            if self.work > self.work_max {
                return;
            }
            if self.scratch.seen.set(joint.slot(), ()).is_none() && self.matches(joint) {
                (self.found)(joint);
            }
        }
    }

    /// Whether a conjunction matches, given that the clause holds under which it is filed.
    fn matches(&mut self, joint: Handle<Joint>) -> bool {
        let joint = &self.graph.joints[joint];
        match &joint.whole {
            // A key may be absent from one element while another has it.
            Some(conjunction) if self.has_rivals => {
                let graph = self.graph;
                joint.rest.iter().all(|&clause| graph.clauses[clause].asks_for_absence || self.is_met(clause))
                    && conjunction.matches(self.event, &self.budget)
            }
            _ => joint.rest.iter().all(|&clause| self.is_met(clause)),
        }
    }

    /// Whether a clause is met. Each clause is evaluated once for the event.
    fn is_met(&mut self, clause: Handle<Clause>) -> bool {
        if let Some(verdict) = self.scratch.verdicts.get(clause.slot()) {
            return verdict;
        }
        let Clause { path, conditions, .. } = &self.graph.clauses[clause];
        self.work += conditions.len() as u64;
        let verdict = conditions.iter().any(|&condition| match &self.graph.conditions[condition].condition {
            Condition::Absent => self.scratch.last.get(path.slot()).is_none(),
            condition => self.holds_for_any(condition, *path),
        });
        self.scratch.verdicts.set(clause.slot(), verdict);
        verdict
    }

    /// Whether a condition holds for one of a path's values.
    fn holds_for_any(&self, condition: &Condition, path: Handle<Step>) -> bool {
        let Some(last) = self.scratch.last.get(path.slot()) else { return false };
        let Leaf { place, before, .. } = self.scratch.leaves[last as usize];
        if before.is_none() && !condition.is_expensive() {
            // Most paths have one value, and most conditions are cheap: this path spends nothing.
            return condition.holds(&self.event.datum(place));
        }
        self.holds_for_many(condition, path)
    }

    /// As [`Search::holds_for_any`], for several values or an expensive condition.
    #[inline(never)]
    fn holds_for_many(&self, condition: &Condition, path: Handle<Step>) -> bool {
        let mut rank = Rank::First;
        for place in self.scratch.values(path) {
            if holds(&self.budget, condition, &self.event.datum(place), rank) {
                return true;
            }
            if self.budget.is_spent() {
                return false;
            }
            rank = Rank::Later;
        }
        false
    }
}

/// Whether a condition holds for a value. Takes the cost off the budget: all of it for a later value, only the part
/// above one for the first.
fn holds(budget: &Budget, condition: &Condition, value: &Datum<'_>, rank: Rank) -> bool {
    let is_paid = match rank {
        Rank::First => !condition.is_expensive() || budget.spend(condition.cost(value) - 1),
        Rank::Later => budget.spend(condition.cost(value)),
    };
    is_paid && condition.holds(value)
}
