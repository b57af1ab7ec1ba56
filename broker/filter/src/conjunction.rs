//! Keys that must all be met, and the definition of when they are met.
//!
//! A policy with `$or` becomes several conjunctions, one of which must match.

use std::sync::Arc;

use crate::budget::Budget;
use crate::condition::Condition;
use crate::event::{Event, Members, Name, Thing};

/// Keys that must all be met, in the order of their paths, none twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conjunction {
    keys: Arc<[Key]>,
}

/// A key. It is met if one of its conditions holds for one of its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The parts of the path from the event's root to the key: the names, and the parts of a name with dots.
    pub(crate) path: Arc<[Arc<str>]>,
    /// Sorted, none twice.
    pub(crate) conditions: Arc<[Condition]>,
}

impl Key {
    /// The path with dots between its parts, byte by byte.
    fn joined(&self) -> impl Iterator<Item = u8> {
        self.path
            .iter()
            .enumerate()
            .flat_map(|(number, part)| (number > 0).then_some(b'.').into_iter().chain(part.bytes()))
    }
}

impl Conjunction {
    /// Sorts the keys and drops repeated ones.
    pub(crate) fn new(mut keys: Vec<Key>) -> Self {
        debug_assert!(
            keys.iter().all(|key| key.conditions.is_sorted_by(|one, other| one < other)),
            "the parser sorts the conditions of a key and drops repeated ones"
        );
        keys.sort_by(|one, other| one.joined().cmp(other.joined()).then_with(|| one.cmp(other)));
        keys.dedup();
        Self { keys: keys.into() }
    }

    /// The keys, in the order of their paths as texts with dots.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether two keys lie below the same part of a path. If the event has an array there, both must be met in the
    /// same element.
    pub(crate) fn has_siblings(&self) -> bool {
        self.keys
            .windows(2)
            .any(|pair| pair.iter().all(|key| key.path.len() > 1) && pair[0].path.first() == pair[1].path.first())
    }

    /// Whether the conjunction matches. Spends one for each member and value visited, and the cost of each condition.
    pub(crate) fn matches(&self, event: &Event, budget: &Budget) -> bool {
        if self.keys.is_empty() {
            return true;
        }
        if event.lacks_attributes() {
            return false;
        }
        Attempt { keys: &self.keys, event, budget, chosen: Vec::new() }.meet(0).is_ok()
    }
}

/// The search for one value, or the absence, of each key: in the order of the keys, with a step back where a later key
/// cannot be met. A value in an element of an array chooses the element for all later keys.
///
/// A failure says which choices it depends on, so that a step back goes to the last of these at once. The time is
/// therefore in proportion to the event for each key, and not to the product of the lengths of its arrays.
struct Attempt<'a> {
    keys: &'a [Key],
    event: &'a Event,
    budget: &'a Budget,
    chosen: Vec<Choice<'a>>,
}

/// An element that was chosen from an array.
struct Choice<'a> {
    /// The place of the array.
    array: usize,
    element: Members<'a>,
}

/// Choices by their number in [`Attempt::chosen`]. The last bit stands for choice 63 and all behind it.
#[derive(Clone, Copy)]
struct Choices(u64);

impl Choices {
    const NONE: Self = Self(0);
    const ALL: Self = Self(u64::MAX);

    /// One choice.
    fn one(number: usize) -> Self {
        Self(1 << number.min(63))
    }

    /// The choices of both.
    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These choices without one. The last bit stays, since it stands for others too.
    fn without(self, number: usize) -> Self {
        if number < 63 { Self(self.0 & !(1 << number)) } else { self }
    }

    /// Whether the choice is one of them.
    fn has(self, number: usize) -> bool {
        self.0 & Self::one(number).0 != 0
    }
}

/// The keys cannot be met as long as these choices stand. If the budget is spent, it says nothing.
struct Unmet(Choices);

/// The key that is to be met, and the choices that lead to where it is looked for.
#[derive(Clone, Copy)]
struct Sought<'a> {
    /// The number of the key.
    number: usize,
    /// The parts of its path that are left.
    path: &'a [Arc<str>],
    by: Choices,
}

impl<'a> Attempt<'a> {
    /// Meets a key and all behind it.
    ///
    /// # Errors
    ///
    /// They cannot be met.
    fn meet(&mut self, number: usize) -> Result<(), Unmet> {
        let keys = self.keys;
        let Some(key) = keys.get(number) else { return Ok(()) };
        let sought = Sought { number, path: &key.path, by: Choices::NONE };
        let mut present = Choices::NONE;
        if key.conditions.contains(&Condition::Absent) {
            match self.absent(sought, self.event.root()) {
                Ok(absent) => return self.meet(number + 1).map_err(|Unmet(choices)| Unmet(choices.and(absent))),
                Err(Unmet(choices)) => present = choices,
            }
        }
        self.meet_in(sought, self.event.root()).map_err(|Unmet(choices)| Unmet(choices.and(present)))
    }

    /// Meets the key in an object, and then all behind it.
    ///
    /// # Errors
    ///
    /// They cannot be met.
    fn meet_in(&mut self, sought: Sought<'a>, object: Members<'a>) -> Result<(), Unmet> {
        let mut unmet = None;
        for (name, place) in object {
            if !self.budget.spend(1) {
                return Err(Unmet(Choices::NONE));
            }
            let Some(path) = behind(name, sought.path) else { continue };
            match self.meet_at(Sought { path, ..sought }, place) {
                Ok(()) => return Ok(()),
                Err(Unmet(choices)) => unmet = Some(unmet.map_or(choices, |others| choices.and(others))),
            }
        }
        Err(Unmet(unmet.unwrap_or(sought.by)))
    }

    /// Meets the key by a value at or below a place, and then all keys behind it.
    ///
    /// # Errors
    ///
    /// They cannot be met.
    fn meet_at(&mut self, sought: Sought<'a>, place: usize) -> Result<(), Unmet> {
        if sought.path.is_empty() {
            let is_met = |thing| matches!(thing, Thing::Value(place) if self.holds_at(sought.number, place));
            let mut things = self.event.things(place).take_while(|_| self.budget.spend(1));
            return if things.any(is_met) { self.meet(sought.number + 1) } else { Err(Unmet(sought.by)) };
        }
        let array = self.event.is_array(place);
        if array && let Some(number) = self.choice_from(place) {
            let by = sought.by.and(Choices::one(number));
            return self.meet_in(Sought { by, ..sought }, self.chosen[number].element.clone());
        }
        let mut unmet = None;
        for thing in self.event.things(place) {
            if !self.budget.spend(1) {
                return Err(Unmet(Choices::NONE));
            }
            let Thing::Object(element) = thing else { continue };
            if !array {
                return self.meet_in(sought, element);
            }
            let number = self.chosen.len();
            self.chosen.push(Choice { array: place, element: element.clone() });
            let met = self.meet_in(Sought { by: sought.by.and(Choices::one(number)), ..sought }, element);
            self.chosen.pop();
            match met {
                Err(Unmet(choices)) if choices.has(number) => {
                    let choices = choices.without(number);
                    unmet = Some(unmet.map_or(choices, |others| choices.and(others)));
                }
                met => return met,
            }
        }
        Err(Unmet(unmet.unwrap_or(sought.by)))
    }

    /// Whether the key has no value in an object. Of an array from which an element is chosen, only that counts.
    /// Returns the choices that this depends on.
    ///
    /// # Errors
    ///
    /// It has a value.
    fn absent(&self, sought: Sought<'a>, object: Members<'a>) -> Result<Choices, Unmet> {
        let mut by = sought.by;
        for (name, place) in object {
            if !self.budget.spend(1) {
                return Err(Unmet(Choices::NONE));
            }
            let Some(path) = behind(name, sought.path) else { continue };
            let chosen = self.event.is_array(place).then(|| self.choice_from(place));
            if let (false, Some(Some(number))) = (path.is_empty(), chosen) {
                let sought = Sought { path, by: sought.by.and(Choices::one(number)), ..sought };
                by = by.and(self.absent(sought, self.chosen[number].element.clone())?);
                continue;
            }
            // A key before this one could have chosen an element that has no value.
            let free = chosen.is_some() && self.follows_a_sibling(sought.number, path.len());
            let by_these = if free { Choices::ALL } else { sought.by };
            for thing in self.event.things(place).take_while(|_| self.budget.spend(1)) {
                match thing {
                    Thing::Value(_) if path.is_empty() => return Err(Unmet(sought.by)),
                    Thing::Object(element) if !path.is_empty() => {
                        by = by.and(self.absent(Sought { path, by: by_these, ..sought }, element)?);
                    }
                    Thing::Value(_) | Thing::Object(_) => {}
                }
            }
        }
        Ok(by)
    }

    /// The number of the choice from an array, if an element of it is chosen.
    fn choice_from(&self, array: usize) -> Option<usize> {
        self.chosen.iter().position(|choice| choice.array == array)
    }

    /// Whether a key before this one has the same path up to where `left` parts of this one are left.
    fn follows_a_sibling(&self, number: usize, left: usize) -> bool {
        let path = &self.keys[number].path;
        let above = &path[..path.len() - left];
        self.keys[..number].iter().any(|key| key.path.starts_with(above))
    }

    /// Whether one of the key's conditions holds for the value at a place.
    fn holds_at(&self, number: usize, place: usize) -> bool {
        let value = &self.event.datum(place);
        let mut conditions = self.keys[number].conditions.iter();
        conditions.any(|condition| self.budget.spend(condition.cost(value)) && condition.holds(value))
    }
}

/// The parts of a path that are left behind a name that it begins with.
fn behind<'p>(name: Name<'_>, path: &'p [Arc<str>]) -> Option<&'p [Arc<str>]> {
    let Some(single) = name.single() else {
        return name.parts().try_fold(path, |path, own| {
            let (part, rest) = path.split_first()?;
            (**part == *own).then_some(rest)
        });
    };
    let (part, rest) = path.split_first()?;
    (**part == *single).then_some(rest)
}
