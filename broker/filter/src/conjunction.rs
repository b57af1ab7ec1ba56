//! Keys that must all be met, and the definition of when they are met.
//!
//! A policy with `$or` becomes several conjunctions, one of which must match.

use std::sync::Arc;

use crate::budget::Budget;
use crate::condition::Condition;
use crate::event::{Event, Members, Thing};

/// Keys that must all be met, in the order of their paths, none twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Conjunction {
    keys: Arc<[Key]>,
}

/// A key. It is met if one of its conditions holds for one of its values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The names from the event's root to the key.
    pub(crate) path: Arc<[Arc<str>]>,
    /// Sorted, none twice.
    pub(crate) conditions: Arc<[Condition]>,
}

impl Conjunction {
    /// Sorts the keys and drops repeated ones.
    pub(crate) fn new(mut keys: Vec<Key>) -> Self {
        debug_assert!(
            keys.iter().all(|key| key.conditions.is_sorted_by(|one, other| one < other)),
            "the parser sorts the conditions of a key and drops repeated ones"
        );
        keys.sort();
        keys.dedup();
        Self { keys: keys.into() }
    }

    /// The keys, in the order of their paths.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether two keys lie below the same key. If the event has an array there, both must be met in the same element.
    pub(crate) fn has_siblings(&self) -> bool {
        self.keys
            .windows(2)
            .any(|pair| pair.iter().all(|key| key.path.len() > 1) && pair[0].path.first() == pair[1].path.first())
    }

    /// Whether the conjunction matches. Spends one for each member and value visited, and the cost of each condition.
    pub(crate) fn matches(&self, event: &Event, budget: &Budget) -> bool {
        let asked: Vec<Asked<'_>> = self.keys.iter().map(|key| Asked::new(key, event, budget)).collect();
        met_in(&asked, 0, &event.root(), event, budget)
    }
}

/// A key, with what is known of it before its values are visited.
struct Asked<'k> {
    key: &'k Key,
    /// Whether `exists: false` is one of its conditions and holds.
    met_by_absence: bool,
}

impl<'k> Asked<'k> {
    /// Looks for a value of the key if one of its conditions is `exists: false`.
    fn new(key: &'k Key, event: &Event, budget: &Budget) -> Self {
        let met_by_absence =
            key.conditions.contains(&Condition::Absent) && !has_value(&key.path, event.root(), event, budget);
        Self { key, met_by_absence }
    }

    /// Whether one of the key's conditions holds for the value at a place.
    fn met_by(&self, place: usize, event: &Event, budget: &Budget) -> bool {
        let value = &event.datum(place);
        self.key.conditions.iter().any(|condition| budget.spend(condition.cost(value)) && condition.holds(value))
    }
}

/// Whether keys are met in an object. Their paths agree in the first `depth` names, which lead to the object.
fn met_in(keys: &[Asked<'_>], depth: usize, object: &Members<'_>, event: &Event, budget: &Budget) -> bool {
    keys.chunk_by(|one, other| one.key.path[depth] == other.key.path[depth]).all(|keys| {
        // In the order of paths, a key comes before the keys below it.
        let (here, deeper) = keys.split_at(keys.partition_point(|asked| asked.key.path.len() == depth + 1));
        let things = || {
            let name = &*keys[0].key.path[depth];
            let members = object.clone().take_while(|_| budget.spend(1));
            let places = members.filter(move |(own, _)| *own == name);
            places.flat_map(|(_, place)| event.things(place)).take_while(|_| budget.spend(1))
        };
        let met_here = here.iter().all(|asked| {
            let by_value = |thing| matches!(thing, Thing::Value(place) if asked.met_by(place, event, budget));
            asked.met_by_absence || things().any(by_value)
        });
        let met_deeper = || {
            let in_object = |thing| match thing {
                Thing::Object(members) => met_in(deeper, depth + 1, &members, event, budget),
                Thing::Value(_) => false,
            };
            deeper.iter().all(|asked| asked.met_by_absence) || things().any(in_object)
        };
        met_here && met_deeper()
    })
}

/// Whether the event has a value at a path.
fn has_value(path: &[Arc<str>], object: Members<'_>, event: &Event, budget: &Budget) -> bool {
    let Some((name, rest)) = path.split_first() else { return false };
    object.take_while(|_| budget.spend(1)).any(|(own, place)| {
        *own == **name
            && event.things(place).take_while(|_| budget.spend(1)).any(|thing| match thing {
                Thing::Value(_) => rest.is_empty(),
                Thing::Object(members) => has_value(rest, members, event, budget),
            })
    })
}
