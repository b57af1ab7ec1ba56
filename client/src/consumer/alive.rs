//! Which deliveries are alive, that is neither settled nor given back, so that their visibility timeouts can be extended.

use std::collections::BTreeMap;
use std::time::Duration;

use posthouse_wire::DeliveryNumber;
use tokio::time::Instant;

/// The deliveries of a link that are alive, by the frames that they came in. A frame is forgotten when its last delivery
/// has ended, so there are at most as many as deliveries.
#[derive(Debug, Default)]
pub(crate) struct Alive(BTreeMap<u64, Arrival>);

/// The deliveries of one frame.
#[derive(Debug)]
struct Arrival {
    arrived: Instant,
    /// When the visibility timeout of its deliveries began to run.
    timed_from: Instant,
    /// A bit for each delivery that is alive.
    alive: Box<[u64]>,
    left: u32,
}

/// Deliveries that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) first: DeliveryNumber,
    pub(crate) count: u32,
}

/// When to extend, and for how long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// A timeout that has run for this long is extended.
    pub(crate) after: Duration,
    /// A delivery that is older is not extended any more.
    pub(crate) up_to: Duration,
}

impl Alive {
    /// Adds the deliveries of a frame that has just arrived.
    pub(crate) fn insert(&mut self, first: DeliveryNumber, count: u16, now: Instant) {
        let words = usize::from(count).div_ceil(64);
        let mut alive = vec![u64::MAX; words].into_boxed_slice();
        if let (Some(last), used @ 1..) = (alive.last_mut(), count % 64) {
            *last = (1 << used) - 1;
        }
        self.0.insert(first.get(), Arrival { arrived: now, timed_from: now, alive, left: count.into() });
    }

    /// Removes a delivery; one that is not alive is ignored.
    pub(crate) fn remove(&mut self, number: DeliveryNumber) {
        let Some((&first, arrival)) = self.0.range_mut(..=number.get()).next_back() else { return };
        let Ok(index) = usize::try_from(number.get() - first) else { return };
        let Some(word) = arrival.alive.get_mut(index / 64) else { return };
        let bit = 1 << (index % 64);
        if *word & bit != 0 {
            *word &= !bit;
            arrival.left -= 1;
            if arrival.left == 0 {
                self.0.remove(&first);
            }
        }
    }

    /// Removes all.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// The deliveries to extend now. Their timeouts count as begun now.
    pub(crate) fn due(&mut self, rule: Rule, now: Instant) -> Vec<Run> {
        let mut runs = Vec::new();
        for (&first, arrival) in &mut self.0 {
            let is_due = now.duration_since(arrival.timed_from) >= rule.after;
            if is_due && now.duration_since(arrival.arrived) < rule.up_to {
                arrival.timed_from = now;
                arrival.runs(first, &mut runs);
            }
        }
        runs
    }
}

impl Arrival {
    /// Appends the runs of deliveries that are alive; `first` is the number of the frame's first delivery.
    fn runs(&self, first: u64, into: &mut Vec<Run>) {
        let is_alive = |index: usize| self.alive[index / 64] >> (index % 64) & 1 == 1;
        let mut numbers = (0..self.alive.len() * 64)
            .filter(|index| is_alive(*index))
            .filter_map(|index| DeliveryNumber::new(first + index as u64));
        let Some(start) = numbers.next() else { return };
        let mut run = Run { first: start, count: 1 };
        for number in numbers {
            if run.first.checked_add(run.count.into()) == Some(number) {
                run.count += 1;
            } else {
                into.push(run);
                run = Run { first: number, count: 1 };
            }
        }
        into.push(run);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule { after: Duration::from_secs(10), up_to: Duration::from_secs(60) };

    fn number(number: u64) -> DeliveryNumber {
        DeliveryNumber::new(number).expect("a number")
    }

    fn shown(runs: &[Run]) -> String {
        runs.iter().map(|run| format!("{}+{} ", run.first, run.count)).collect::<String>().trim_end().to_owned()
    }

    #[test]
    fn what_is_alive_is_due_after_a_while_and_up_to_an_age() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut alive = Alive::default();
        alive.insert(number(1), 130, start);
        alive.insert(number(131), 1, after(5));
        for settled in [2, 64, 65, 130] {
            alive.remove(number(settled));
        }
        alive.remove(number(2));
        alive.remove(number(500));
        assert_eq!(shown(&alive.due(RULE, after(9))), "");
        assert_eq!(shown(&alive.due(RULE, after(10))), "1+1 3+61 66+64");
        assert_eq!(shown(&alive.due(RULE, after(15))), "131+1");
        assert_eq!(shown(&alive.due(RULE, after(20))), "1+1 3+61 66+64");
        assert_eq!(shown(&alive.due(RULE, after(60))), "131+1");
        assert_eq!(shown(&alive.due(RULE, after(100))), "");
    }

    #[test]
    fn a_frame_whose_deliveries_have_ended_is_forgotten() {
        let mut alive = Alive::default();
        alive.insert(number(1), 64, Instant::now());
        (1..=64).for_each(|settled| alive.remove(number(settled)));
        assert!(alive.0.is_empty());
    }
}
