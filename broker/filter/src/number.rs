//! Numbers and intervals of them, as integers in the same order.

/// A finite number. Two numbers are equal if their values are, in whatever form they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(u64);

impl Number {
    /// The number with this value, or `None` if it is infinite or not a number.
    pub(crate) fn new(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        // Adding zero turns -0 into 0. The bits of positive floating-point numbers are ordered as their values, and
        // those of negative ones in reverse.
        let bits = (value + 0.0).to_bits();
        Some(Self(if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }))
    }

    /// The number that a text states, or `None` if it states none or one that is too large.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // `f64::from_str` accepts words such as "inf", which are no JSON numbers.
        if text.bytes().any(|byte| byte.is_ascii_alphabetic() && !byte.eq_ignore_ascii_case(&b'e')) {
            return None;
        }
        Self::new(text.parse().ok()?)
    }
}

/// All numbers from `low` to `high`, both included. Empty if `low` is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Interval {
    pub(crate) low: Number,
    pub(crate) high: Number,
}

impl Interval {
    const ALL: Self = Self { low: Number(0), high: Number(u64::MAX) };

    /// The number `bound` alone.
    pub(crate) fn exactly(bound: Number) -> Self {
        Self { low: bound, high: bound }
    }

    /// The numbers that are `bound` or larger.
    pub(crate) fn at_least(bound: Number) -> Self {
        Self { low: bound, ..Self::ALL }
    }

    /// The numbers larger than `bound`.
    pub(crate) fn above(bound: Number) -> Self {
        Self { low: Number(bound.0 + 1), ..Self::ALL }
    }

    /// The numbers that are `bound` or smaller.
    pub(crate) fn at_most(bound: Number) -> Self {
        Self { high: bound, ..Self::ALL }
    }

    /// The numbers smaller than `bound`.
    pub(crate) fn below(bound: Number) -> Self {
        Self { high: Number(bound.0 - 1), ..Self::ALL }
    }

    /// The numbers in both intervals.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }

    /// Whether a number lies in the interval.
    pub(crate) fn contains(self, number: Number) -> bool {
        self.low <= number && number <= self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn numbers_are_equal_by_value() {
        for (one, other) in [("3", "3.0"), ("300", "3e2"), ("0", "-0.0"), ("0.1", "1E-1"), ("1000000000", "1e9")] {
            assert_eq!(number(one), number(other), "{one} {other}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ascending = ["-1e300", "-1000000000", "-999999999.99999", "-1", "-0.00001", "0", "0.00001", "1", "1.00001"];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
        assert!(number("999999999.99999") < number("1000000000"));
    }

    #[test]
    fn words_are_no_numbers() {
        for text in ["", " ", "inf", "-Infinity", "nan", "1e999", "0x10", "1,5", "e", "1 "] {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn bounds_are_inclusive_or_not() {
        let five = number("5");
        let table = [
            (Interval::at_least(five), [false, true, true]),
            (Interval::above(five), [false, false, true]),
            (Interval::at_most(five), [true, true, false]),
            (Interval::below(five), [true, false, false]),
        ];
        for (interval, expected) in table {
            let held = ["4.99999", "5", "5.00001"].map(|text| interval.contains(number(text)));
            assert_eq!(held, expected, "{interval:?}");
        }
    }
    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn numbers_are_ordered_as_their_values(one in proptest::num::f64::NORMAL, other in proptest::num::f64::NORMAL) {
            let order = Number::new(one).cmp(&Number::new(other));
            proptest::prop_assert_eq!(Some(order), one.partial_cmp(&other));
        }
    }
}
