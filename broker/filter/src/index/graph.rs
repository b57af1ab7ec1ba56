//! The conjunctions of all policies, split into parts, so that equal parts are held and evaluated once.
//!
//! A conjunction ([`Joint`]) is a set of clauses. A clause ([`Clause`]) is a path and its conditions, one of which must
//! hold. A condition is held together with its path ([`Placed`]). A path ([`Step`]) is a name below another path. Each
//! part exists while another part or a policy uses it.
//!
//! Each conjunction is filed under the conditions of one of its clauses: the clause that the fewest events are likely
//! to meet. Events are not known in advance, so the policies serve as an estimate: a value is taken to be as frequent
//! in events as it is in the policies. Later changes do not move a conjunction.

use core::hash::BuildHasher;
use std::sync::Arc;

use ipnet::IpNet;

use super::field::Field;
use super::interner::{Handle, Interner, Seeded};
use crate::condition::{Condition, Literal};
use crate::conjunction::{Conjunction, Key};
use crate::number::Number;

/// A path: a part, without dots, below another path.
#[derive(Debug)]
pub(super) struct Step {
    /// `None` for a part at the event's root.
    above: Option<Handle<Self>>,
    name: Arc<str>,
    pub(super) field: Field<Handle<Placed>>,
}

/// A condition at a path.
#[derive(Debug)]
pub(super) struct Placed {
    path: Handle<Step>,
    pub(super) condition: Condition,
    /// How many conjunctions contain it.
    asked: u32,
    /// The conjunctions to examine if it holds.
    pub(super) filed: Vec<Handle<Joint>>,
}

/// A key of a policy. It is met if one of its conditions holds.
#[derive(Debug)]
pub(super) struct Clause {
    pub(super) path: Handle<Step>,
    pub(super) conditions: Box<[Handle<Placed>]>,
    /// Whether `exists: false` is one of its conditions.
    pub(super) asks_for_absence: bool,
}

/// A conjunction.
#[derive(Debug)]
pub(super) struct Joint {
    /// Sorted, none twice.
    clauses: Box<[Handle<Clause>]>,
    /// The clauses without `filed`, the least likely first.
    pub(super) rest: Box<[Handle<Clause>]>,
    filed: Option<Handle<Clause>>,
    /// The conjunction itself, if it may matter that one object meets several clauses.
    pub(super) whole: Option<Conjunction>,
}

/// A condition that holds for one value only, as the key of a lookup.
#[derive(Debug, PartialEq, Hash)]
pub(super) enum Probe<'a> {
    String(&'a str),
    Number(Number),
    Large(&'a str),
    Bool(bool),
    Null,
    Folded(&'a str),
    Network(IpNet),
}

/// The conjunctions of all policies.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) seed: Seeded,
    pub(super) paths: Interner<Step>,
    pub(super) conditions: Interner<Placed>,
    pub(super) clauses: Interner<Clause>,
    pub(super) joints: Interner<Joint>,
    /// The conditions `Absent` under which conjunctions are filed, with their paths.
    pub(super) absent: Vec<(Handle<Step>, Handle<Placed>)>,
    /// The conjunction without clauses, which every event meets.
    pub(super) everything: Option<Handle<Joint>>,
}

impl Graph {
    /// An empty graph.
    pub(super) fn new(seed: Seeded) -> Self {
        Self {
            seed,
            paths: Interner::new(),
            conditions: Interner::new(),
            clauses: Interner::new(),
            joints: Interner::new(),
            absent: Vec::new(),
            everything: None,
        }
    }

    /// The path of a name in the object at `above`, if a policy has it.
    pub(super) fn step(&self, above: Option<Handle<Step>>, name: &str) -> Option<Handle<Step>> {
        let hash = self.seed.hash_one((above, name));
        self.paths.find(hash, |step| step.above == above && *step.name == *name)
    }

    /// The path of several parts below each other, if a policy has it.
    pub(super) fn steps<'n>(
        &self,
        above: Option<Handle<Step>>,
        parts: impl Iterator<Item = &'n str>,
    ) -> Option<Handle<Step>> {
        let mut path = above;
        for part in parts {
            path = Some(self.step(path, part)?);
        }
        path
    }

    /// The condition at a path that names exactly this value, if a policy has it.
    pub(super) fn probe(&self, path: Handle<Step>, probe: &Probe<'_>) -> Option<Handle<Placed>> {
        let hash = self.seed.hash_one((path, probe));
        self.conditions.find(hash, |placed| placed.path == path && placed.condition.probe().as_ref() == Some(probe))
    }

    /// Adds a use of a conjunction. The first use files it.
    pub(super) fn add(&mut self, conjunction: &Conjunction) -> Handle<Joint> {
        let mut clauses: Vec<_> = conjunction.keys().iter().map(|key| self.add_clause(key)).collect();
        let first = clauses.first().copied();
        clauses.sort();
        let hash = self.seed.hash_one(&clauses);
        if let Some(joint) = self.joints.take(hash, |joint| *joint.clauses == *clauses) {
            clauses.into_iter().for_each(|clause| self.release_clause(clause));
            return joint;
        }
        let whole = conjunction.has_siblings().then(|| conjunction.clone());
        // The keys before a key choose the elements that `exists: false` is asked of. Only for the first key these are
        // all elements, so that what the whole event has at its path decides.
        let is_decided =
            |clause: Handle<Clause>| whole.is_none() || Some(clause) == first || !self.clauses[clause].asks_for_absence;
        let mut rest = self.least_likely_first(&clauses);
        let filed = rest.iter().position(|&clause| is_decided(clause)).map(|place| rest.remove(place));
        for &clause in &clauses {
            self.count(clause, |asked| *asked += 1);
        }
        let joint = self.joints.add(hash, Joint { clauses: clauses.into(), rest: rest.into(), filed, whole });
        match filed {
            Some(clause) => self.file(joint, clause),
            None => self.everything = Some(joint),
        }
        joint
    }

    /// Takes back a use of a conjunction. The last one removes it.
    pub(super) fn release(&mut self, handle: Handle<Joint>) {
        let Some(joint) = self.joints.release(handle) else { return };
        match joint.filed {
            Some(clause) => self.unfile(handle, clause),
            None => self.everything = None,
        }
        for clause in joint.clauses {
            self.count(clause, |asked| *asked -= 1);
            self.release_clause(clause);
        }
    }

    /// Files a conjunction under all conditions of a clause.
    fn file(&mut self, joint: Handle<Joint>, clause: Handle<Clause>) {
        for &handle in &self.clauses[clause].conditions {
            let placed = &mut self.conditions[handle];
            placed.filed.push(joint);
            if placed.filed.len() == 1 {
                if placed.condition == Condition::Absent {
                    self.absent.push((placed.path, handle));
                }
                let priority = self.seed.hash_one(handle);
                self.paths[placed.path].field.file(&placed.condition, handle, priority);
            }
        }
    }

    /// Takes a conjunction from all conditions of a clause.
    fn unfile(&mut self, joint: Handle<Joint>, clause: Handle<Clause>) {
        for &handle in &self.clauses[clause].conditions {
            let placed = &mut self.conditions[handle];
            let place = placed.filed.iter().position(|own| *own == joint).expect("it is filed");
            placed.filed.swap_remove(place);
            if placed.filed.is_empty() {
                self.absent.retain(|(_, own)| *own != handle);
                self.paths[placed.path].field.unfile(&placed.condition, handle);
            }
        }
    }

    /// Changes the counts of the conditions of a clause.
    fn count(&mut self, clause: Handle<Clause>, change: impl Fn(&mut u32)) {
        for &handle in &self.clauses[clause].conditions {
            let placed = &mut self.conditions[handle];
            change(&mut placed.asked);
            change(&mut self.paths[placed.path].field.asked);
        }
    }

    /// The clauses, those first that events are least likely to meet.
    fn least_likely_first(&self, clauses: &[Handle<Clause>]) -> Vec<Handle<Clause>> {
        let likelihood = |clause: &Handle<Clause>| -> f64 {
            let conditions = self.clauses[*clause].conditions.iter();
            conditions.map(|&handle| self.likelihood(&self.conditions[handle])).sum()
        };
        let mut clauses = clauses.to_vec();
        clauses.sort_by(|one, other| likelihood(one).total_cmp(&likelihood(other)));
        clauses
    }

    /// An estimate of how likely an event meets a condition, between zero and one. The constants are guesses: they only
    /// order clauses.
    fn likelihood(&self, placed: &Placed) -> f64 {
        match placed.condition {
            Condition::AnythingBut(_) => 0.95,
            Condition::Exists => 0.9,
            Condition::Numeric(_) | Condition::Absent => 0.5,
            _ => f64::from(placed.asked + 1) / f64::from(self.paths[placed.path].field.asked + 2),
        }
    }

    /// Adds a use of a clause.
    fn add_clause(&mut self, key: &Key) -> Handle<Clause> {
        let path = self.add_path(&key.path).expect("a key has a name");
        let mut conditions: Vec<_> =
            key.conditions.iter().map(|condition| self.add_condition(path, condition)).collect();
        conditions.sort();
        self.release_path(Some(path));
        let hash = self.seed.hash_one(&conditions);
        if let Some(clause) = self.clauses.take(hash, |clause| *clause.conditions == *conditions) {
            conditions.into_iter().for_each(|condition| self.release_condition(condition));
            return clause;
        }
        let asks_for_absence = key.conditions.contains(&Condition::Absent);
        self.clauses.add(hash, Clause { path, conditions: conditions.into(), asks_for_absence })
    }

    /// Takes back a use of a clause.
    fn release_clause(&mut self, clause: Handle<Clause>) {
        if let Some(clause) = self.clauses.release(clause) {
            clause.conditions.into_iter().for_each(|condition| self.release_condition(condition));
        }
    }

    /// Adds a use of a condition at a path.
    fn add_condition(&mut self, path: Handle<Step>, condition: &Condition) -> Handle<Placed> {
        let hash = match condition.probe() {
            Some(probe) => self.seed.hash_one((path, probe)),
            None => self.seed.hash_one((path, condition)),
        };
        let is = |placed: &Placed| placed.path == path && placed.condition == *condition;
        if let Some(handle) = self.conditions.take(hash, is) {
            return handle;
        }
        self.paths.retain(path);
        let placed = Placed { path, condition: condition.clone(), asked: 0, filed: Vec::new() };
        self.conditions.add(hash, placed)
    }

    /// Takes back a use of a condition.
    fn release_condition(&mut self, condition: Handle<Placed>) {
        if let Some(placed) = self.conditions.release(condition) {
            self.release_path(Some(placed.path));
        }
    }

    /// Adds a use of a path. `None` for the event's root.
    fn add_path(&mut self, path: &[Arc<str>]) -> Option<Handle<Step>> {
        let (name, above) = path.split_last()?;
        let above = self.add_path(above);
        let hash = self.seed.hash_one((above, &**name));
        if let Some(step) = self.paths.take(hash, |step| step.above == above && step.name == *name) {
            self.release_path(above);
            return Some(step);
        }
        Some(self.paths.add(hash, Step { above, name: Arc::clone(name), field: Field::new() }))
    }

    /// Takes back a use of a path. Above a path that ends, a use ends too.
    fn release_path(&mut self, mut path: Option<Handle<Step>>) {
        while let Some(step) = path.and_then(|path| self.paths.release(path)) {
            path = step.above;
        }
    }

    /// Whether it holds nothing.
    #[cfg(test)]
    pub(super) fn is_bare(&self) -> bool {
        self.paths.is_empty()
            && self.conditions.is_empty()
            && self.clauses.is_empty()
            && self.joints.is_empty()
            && self.absent.is_empty()
            && self.everything.is_none()
    }
}

impl Condition {
    /// The key of the lookup that finds this condition, or `None` if it does not name one value.
    fn probe(&self) -> Option<Probe<'_>> {
        Some(match self {
            Self::Equals(Literal::String(text)) => Probe::String(text),
            Self::Equals(Literal::Number(number)) => Probe::Number(*number),
            Self::Equals(Literal::Large(number)) => Probe::Large(number),
            Self::Equals(Literal::Bool(value)) => Probe::Bool(*value),
            Self::Equals(Literal::Null) => Probe::Null,
            Self::EqualsIgnoreCase(folded) => Probe::Folded(folded),
            Self::Cidr(network) => Probe::Network(*network),
            _ => return None,
        })
    }
}
