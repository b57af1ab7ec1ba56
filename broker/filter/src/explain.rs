//! Why a policy does not match an event, for people who ask.

use crate::budget::{Allowance, Budget, Unfinished};
use crate::conjunction::Conjunction;
use crate::event::Event;
use crate::policy::Policy;

/// What an event lacks for one alternative of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// The keys that are not met: their paths, with dots between the parts.
    pub keys: Vec<String>,
    /// Each of these keys is met alone, but not all of them by the same elements of arrays.
    pub only_together: bool,
}

impl Policy {
    /// What the event lacks for each alternative of the policy: one, or several with `$or`. `None` if the policy matches.
    /// The work is taken off the allowance.
    ///
    /// # Errors
    /// [`Unfinished`] if it takes more work than is left, or the event has too many values.
    pub fn explain(&self, event: &Event, allowance: &mut Allowance) -> Result<Option<Vec<Unmet>>, Unfinished> {
        let budget = Budget::of_event(*allowance);
        let unmet = if self.alternatives().iter().any(|alternative| alternative.matches(event, &budget)) {
            None
        } else {
            Some(self.alternatives().iter().map(|alternative| unmet(alternative, event, &budget)).collect())
        };
        allowance.take(budget.used());
        if budget.is_spent() { Err(budget.reason()) } else { Ok(unmet) }
    }
}

fn unmet(alternative: &Conjunction, event: &Event, budget: &Budget) -> Unmet {
    let is_met = |key| Conjunction::new(vec![key]).matches(event, budget);
    let all = alternative.keys();
    let failed: Vec<String> = all.iter().filter(|key| !is_met((*key).clone())).map(|key| key.path.join(".")).collect();
    if failed.is_empty() {
        Unmet { keys: all.iter().map(|key| key.path.join(".")).collect(), only_together: true }
    } else {
        Unmet { keys: failed, only_together: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dialect, Scope};

    fn explain(policy: &str, body: &str) -> Option<Vec<Unmet>> {
        let policy = Policy::parse(policy, Scope::MessageBody, Dialect::Sns).expect("valid");
        policy.explain(&Event::body(body).expect("an object"), &mut Allowance::unlimited()).expect("little work")
    }

    fn lacks(keys: &[&str]) -> Unmet {
        Unmet { keys: keys.iter().map(|&key| key.to_owned()).collect(), only_together: false }
    }

    #[test]
    fn the_keys_that_are_not_met_are_named() {
        let policy = r#"{"shop": ["a"], "order": {"total": [{"numeric": [">", 10]}], "paid": [true]}}"#;
        assert_eq!(explain(policy, r#"{"shop": "a", "order": {"total": 11, "paid": true}}"#), None);
        let found = explain(policy, r#"{"shop": "b", "order": {"total": 11}}"#);
        assert_eq!(found, Some(vec![lacks(&["order.paid", "shop"])]));
    }

    #[test]
    fn each_alternative_has_its_own() {
        let policy = r#"{"$or": [{"a": [1]}, {"b": [2]}], "c": [3]}"#;
        let found = explain(policy, r#"{"a": 1}"#).expect("no match");
        assert_eq!(found.len(), 2);
        assert!(found.contains(&lacks(&["c"])), "{found:?}");
        assert!(found.contains(&lacks(&["b", "c"])), "{found:?}");
    }

    #[test]
    fn work_is_limited() {
        let policy = Policy::parse(r#"{"a": [1]}"#, Scope::MessageBody, Dialect::Sns).expect("valid");
        let event = Event::body(&format!(r#"{{"a": [{}2]}}"#, "2,".repeat(1_000))).expect("an object");
        let mut allowance = Allowance::of(100);
        assert_eq!(policy.explain(&event, &mut allowance), Err(Unfinished::TooMuchWork));
        assert_eq!(allowance.left(), 0);
        let mut allowance = Allowance::of(100_000);
        assert_eq!(policy.explain(&event, &mut allowance), Ok(Some(vec![lacks(&["a"])])));
        assert!(allowance.left() < 100_000, "the work is taken off");
    }

    #[test]
    fn keys_that_no_element_meets_together_are_named_together() {
        let policy = r#"{"items": {"kind": ["x"], "size": [1]}}"#;
        let found = explain(policy, r#"{"items": [{"kind": "x", "size": 2}, {"kind": "y", "size": 1}]}"#);
        let keys = ["items.kind", "items.size"].map(str::to_owned).into();
        assert_eq!(found, Some(vec![Unmet { keys, only_together: true }]));
    }
}
