//! Listings in an order of their values, the greatest first, cut into parts.
//!
//! A part is cut from a look of the moment, so between two parts items may come, go, and change their place. The cursor of a
//! part holds the value and the address of its last item, not a number of items: what stays as it is is listed exactly once.

use std::cmp::Reverse;
use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use super::error::ApiError;
use super::input::{Cursor, Limit};

/// What is asked for of a listing.
pub(super) struct Ranking<'a> {
    /// The name of the order. A cursor is good for the order that it was made in.
    pub(super) order: &'a str,
    pub(super) after: Option<&'a Cursor>,
    pub(super) limit: Limit,
}

/// A place in an order. Where values are equal, addresses decide.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place<A> {
    value: Reverse<u64>,
    address: Arc<A>,
}

impl Ranking<'_> {
    /// Of items, each with its value and its address, the numbers of those that are in this part; and the cursor of the next
    /// part, if there is one.
    ///
    /// # Errors
    /// `bad_request` if the cursor is of another order.
    pub(super) fn cut<A: Ord + Display + FromStr>(
        &self,
        items: impl Iterator<Item = (usize, u64, Arc<A>)>,
    ) -> Result<(Vec<usize>, Option<Cursor>), ApiError> {
        let after = self.after.map(|cursor| self.parse::<A>(&cursor.0)).transpose()?;
        let mut places: Vec<(Place<A>, usize)> = items
            .map(|(number, value, address)| (Place { value: Reverse(value), address }, number))
            .filter(|(place, _)| after.as_ref().is_none_or(|after| place > after))
            .collect();
        let limit = self.limit.get();
        let more = places.len() > limit;
        if more {
            places.select_nth_unstable(limit);
            places.truncate(limit);
        }
        places.sort_unstable();
        let last = places.last().filter(|_| more);
        let next = last.map(|(place, _)| Cursor(format!("{} {} {}", self.order, place.value.0, place.address)));
        Ok((places.into_iter().map(|(_, number)| number).collect(), next))
    }

    fn parse<A: FromStr>(&self, text: &str) -> Result<Place<A>, ApiError> {
        let mut parts = text.splitn(3, ' ');
        let is_same = parts.next() == Some(self.order);
        let value = parts.next().and_then(|value| value.parse().ok());
        let address = parts.next().and_then(|address| address.parse().ok());
        match (is_same, value, address) {
            (true, Some(value), Some(address)) => Ok(Place { value: Reverse(value), address: Arc::new(address) }),
            (true, _, _) | (false, _, _) => {
                Err(ApiError::bad_request("`after` is not the `next` of a listing in this order"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_each_item_once() {
        let items: Vec<(u64, Arc<u32>)> =
            [(5, 3), (9, 1), (5, 2), (0, 7)].map(|(value, at)| (value, Arc::new(at))).into();
        let all = || items.iter().enumerate().map(|(number, (value, address))| (number, *value, Arc::clone(address)));
        let limit = Limit::try_from(3).expect("in range");
        let first = Ranking { order: "depth", after: None, limit };
        let (numbers, next) = first.cut(all()).expect("a part");
        assert_eq!(numbers, [1, 2, 0], "by value, then by address");
        let (numbers, end) = Ranking { after: next.as_ref(), ..first }.cut(all()).expect("a part");
        assert_eq!((numbers, end), (vec![3], None));
        let refused = Ranking { order: "age", after: next.as_ref(), limit }.cut(all());
        assert!(refused.is_err(), "the cursor is of another order");
    }
}
