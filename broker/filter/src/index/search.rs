//! Finding the conjunctions that an event matches.
//!
//! The event's values are noted by their paths, what no policy asks for is stepped over. Each value then finds the
//! conditions that it meets, and each condition the conjunctions that are filed under it. Of these the other clauses
//! are asked, each at most once for the event.
//!
//! Where a path has more than one value, what is asked of those after the first is paid for.

use super::field::Field;
use super::graph::{Clause, Graph, Joint, Placed, Probe, Step};
use super::interner::Handle;
use super::scratch::{Leaf, Scratch};
use crate::budget::{Budget, TooManyValues};
use crate::condition::{Condition, fold_into};
use crate::event::{Datum, Event, Members, Thing};

/// Which of the values at one path a value is, in the order of the event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rank {
    /// The first one, whose conditions are free.
    First,
    /// A later one, whose conditions are paid for.
    Later,
}

/// A search, for one event.
struct Search<'s, F> {
    graph: &'s Graph,
    event: &'s Event,
    scratch: &'s mut Scratch,
    /// There are several objects at one path (elements of an array, or a name twice): that keys below it are met each
    /// by itself does not say that one object meets them.
    has_rivals: bool,
    /// The value that is looked up shares its path with others.
    has_others: bool,
    rank: Rank,
    budget: Budget,
    found: F,
}

/// Calls for each conjunction that matches, once. After an error the calls say nothing.
pub(super) fn search(
    graph: &Graph,
    event: &Event,
    scratch: &mut Scratch,
    mut found: impl FnMut(Handle<Joint>),
) -> Result<(), TooManyValues> {
    scratch.begin(graph);
    if let Some(joint) = graph.everything {
        found(joint);
    }
    let budget = Budget::of_event();
    Search { graph, event, scratch, has_rivals: false, has_others: false, rank: Rank::First, budget, found }.run()
}

impl<F: FnMut(Handle<Joint>)> Search<'_, F> {
    fn run(&mut self) -> Result<(), TooManyValues> {
        self.note(self.event.root(), None);
        for number in 0..self.scratch.leaves.len() {
            let Leaf { path, place, before } = self.scratch.leaves[number];
            self.has_others = self.scratch.has_others(number);
            self.rank = if before.is_some() { Rank::Later } else { Rank::First };
            let event = self.event;
            self.look_up(path, &event.datum(place));
            if self.budget.is_spent() {
                return Err(TooManyValues);
            }
        }
        (self.has_others, self.rank) = (false, Rank::First);
        for &(path, condition) in &self.graph.absent {
            if self.scratch.last.get(path.slot()).is_none() {
                self.look_at(condition);
            }
        }
        if self.budget.is_spent() { Err(TooManyValues) } else { Ok(()) }
    }

    /// Notes the values of an object at the paths that policies ask for.
    fn note(&mut self, object: Members<'_>, above: Option<Handle<Step>>) {
        for (name, place) in object {
            let Some(path) = self.graph.step(above, name) else { continue };
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

    /// Looks at what is filed under the conditions that a value meets.
    fn look_up(&mut self, path: Handle<Step>, value: &Datum<'_>) {
        let graph = self.graph;
        let field = &graph.paths[path].field;
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
            Datum::Number(Some(number)) => {
                field.ranges.containing(*number, |condition| self.look_at(condition));
                self.look_up_other(path, field, &Probe::Number(*number));
            }
            Datum::Bool(value) => self.look_up_other(path, field, &Probe::Bool(*value)),
            Datum::Null => self.look_up_other(path, field, &Probe::Null),
            Datum::Number(None) | Datum::Opaque => {}
        }
    }

    fn look_up_other(&mut self, path: Handle<Step>, field: &Field<Handle<Placed>>, probe: &Probe<'_>) {
        if field.others > 0 {
            self.look_up_probe(path, probe);
        }
    }

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

    fn look_up_probe(&mut self, path: Handle<Step>, probe: &Probe<'_>) {
        if let Some(condition) = self.graph.probe(path, probe) {
            self.look_at(condition);
        }
    }

    /// Looks at a condition of which the text has the prefix: a wildcard asks for more.
    fn look_at_prefix(&mut self, condition: Handle<Placed>, value: &Datum<'_>) {
        let wildcard = &self.graph.conditions[condition].condition;
        if !matches!(wildcard, Condition::Wildcard(_)) || holds(&self.budget, wildcard, value, self.rank) {
            self.look_at(condition);
        }
    }

    /// Looks at what is filed under a condition that holds, where no value before did.
    fn look_at(&mut self, condition: Handle<Placed>) {
        if self.rank == Rank::Later && !self.budget.spend(1) {
            return;
        }
        if self.has_others && self.scratch.met.set(condition.slot(), ()).is_some() {
            return;
        }
        for &joint in &self.graph.conditions[condition].filed {
            if self.scratch.seen.set(joint.slot(), ()).is_none() && self.matches(joint) {
                (self.found)(joint);
            }
        }
    }

    /// Whether a conjunction matches that is filed under a condition that holds.
    fn matches(&mut self, joint: Handle<Joint>) -> bool {
        let joint = &self.graph.joints[joint];
        joint.rest.iter().all(|&clause| self.is_met(clause))
            && match &joint.whole {
                Some(conjunction) if self.has_rivals => conjunction.matches(self.event, &self.budget),
                _ => true,
            }
    }

    fn is_met(&mut self, clause: Handle<Clause>) -> bool {
        if let Some(verdict) = self.scratch.verdicts.get(clause.slot()) {
            return verdict;
        }
        let Clause { path, conditions } = &self.graph.clauses[clause];
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
        if before.is_none() && !condition.is_dear() {
            // Most paths have one value.
            return condition.holds(&self.event.datum(place));
        }
        self.holds_for_many(condition, path)
    }

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

/// Whether a condition holds for a value, paid for; the first value at a path pays only for what is out of the common.
fn holds(budget: &Budget, condition: &Condition, value: &Datum<'_>, rank: Rank) -> bool {
    let is_paid = match rank {
        Rank::First => !condition.is_dear() || budget.spend(condition.cost(value) - 1),
        Rank::Later => budget.spend(condition.cost(value)),
    };
    is_paid && condition.holds(value)
}
