//! Numbers and intervals of them.
//!
//! Two numbers are equal if they agree in all digits before the point and in the first six behind it, in whatever form
//! they were written. The digits behind these are dropped. SNS promises five digits behind the point for numbers from
//! -10^9 to 10^9 (SNS guide, "Filter policy constraints"), and AWS's published matcher, Event Ruler, documents six.

/// Digits behind the point that count.
const FRACTION_DIGITS: i64 = 6;

/// The largest exponent. Larger ones are read as this one.
const EXPONENT_MAX: i64 = 1 << 40;

/// A number with at most twelve digits before the point, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Number(i64);

/// What a text states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Number(Number),
    /// A number with more digits before the point, in the one form `digits` `e` `exponent`: its value is 0.`digits`
    /// times ten to the power of the exponent, and the digits neither begin nor end with a zero.
    Large(Box<str>),
}

impl Number {
    /// The number that a text states, or `None` if it states none.
    pub(crate) fn parse(text: &str) -> Option<Parsed> {
        let (is_negative, unsigned) = signed(text.as_bytes());
        let (significand, exponent) = match unsigned.iter().position(|byte| matches!(byte, b'e' | b'E')) {
            Some(at) => (&unsigned[..at], exponent(&unsigned[at + 1..])?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = match significand.iter().position(|&byte| byte == b'.') {
            Some(at) => (&significand[..at], &significand[at + 1..]),
            None => (significand, [].as_slice()),
        };
        let digits = || whole.iter().chain(fraction).copied();
        let count = whole.len() + fraction.len();
        if count == 0 || !digits().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        // The point stands behind this many digits. It may lie outside of them.
        let point = i64::try_from(whole.len()).ok()?.saturating_add(exponent);
        let kept = usize::try_from(point.saturating_add(FRACTION_DIGITS)).unwrap_or_default();
        let kept_digits = || digits().take(kept);
        let number = match millionths(kept_digits(), kept.saturating_sub(count)) {
            Some(value) => Parsed::Number(Self(if is_negative { -value } else { value })),
            None => {
                let zeros = kept_digits().take_while(|&digit| digit == b'0').count();
                let digits: String = kept_digits().skip(zeros).map(char::from).collect();
                let sign = if is_negative { "-" } else { "" };
                let exponent = point - i64::try_from(zeros).ok()?;
                Parsed::Large(format!("{sign}{}e{exponent}", digits.trim_end_matches('0')).into())
            }
        };
        Some(number)
    }

    /// A number that compares with those of policies as a [`Parsed::Large`] does: above all, or below all.
    pub(crate) fn beyond(large: &str) -> Self {
        Self(if large.starts_with('-') { i64::MIN } else { i64::MAX })
    }

    /// Whether its absolute value is at most this whole number.
    pub(crate) fn is_within(self, max: u64) -> bool {
        self.0.unsigned_abs() <= max * 1_000_000
    }

    /// The number of this many millionths.
    #[cfg(test)]
    pub(crate) const fn of_millionths(millionths: i64) -> Self {
        Self(millionths)
    }
}

/// Whether a number is negative, and what is behind its sign.
fn signed(number: &[u8]) -> (bool, &[u8]) {
    match number {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    }
}

/// The power of ten that a text states; those beyond [`EXPONENT_MAX`] are taken as that. `None` if it states none.
fn exponent(text: &[u8]) -> Option<i64> {
    let (is_negative, digits) = signed(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let more = |value: i64, digit: &u8| (value * 10 + i64::from(digit - b'0')).min(EXPONENT_MAX);
    let value = digits.iter().fold(0, more);
    Some(if is_negative { -value } else { value })
}

/// The number that digits and `zeros` zeros behind them form, or `None` if it is too large for a [`Number`].
fn millionths(digits: impl Iterator<Item = u8>, zeros: usize) -> Option<i64> {
    let mut value = 0_i64;
    for digit in digits {
        value = value.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
    }
    if value != 0 {
        let power = u32::try_from(zeros).ok().and_then(|zeros| 10_i64.checked_pow(zeros))?;
        value = value.checked_mul(power)?;
    }
    // The largest value stands for all large numbers.
    (value < i64::MAX).then_some(value)
}

/// All numbers from `low` to `high`, both included. Empty if `low` is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Interval {
    pub(crate) low: Number,
    pub(crate) high: Number,
}

impl Interval {
    const ALL: Self = Self { low: Number(i64::MIN), high: Number(i64::MAX) };

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
        match Number::parse(text) {
            Some(Parsed::Number(number)) => number,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn numbers_are_equal_by_value() {
        let table = [
            ("3", "3.0"),
            ("300", "3e2"),
            ("0", "-0.0"),
            ("0", "0e999999999999999999999"),
            ("0.1", "1E-1"),
            ("1000000000", "1e9"),
            ("+5", "5."),
            (".5", "0.5"),
            ("100.123456789", "100.1234567"),
            ("0", "-0.0000001"),
            ("0", "1e-99999999999999999999"),
            ("9007199254740.993", "9007199254740993e-3"),
        ];
        for (one, other) in table {
            assert_eq!(number(one), number(other), "{one} {other}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let ascending = [
            "-9007199254740.993",
            "-1000000000",
            "-999999999.99999",
            "-1",
            "-0.000001",
            "0",
            "0.000001",
            "1",
            "1.000001",
            "999999999.999999",
            "1000000000",
            "9223372036854.775806",
        ];
        for pair in ascending.windows(2) {
            assert!(number(pair[0]) < number(pair[1]), "{pair:?}");
        }
    }

    #[test]
    fn large_numbers_have_one_form() {
        let table = [
            ("9223372036854.775807", "9223372036854775807e13"),
            ("9007199254740993", "9007199254740993e16"),
            ("9007199254740992", "9007199254740992e16"),
            ("-09007199254740993.0000001", "-9007199254740993e16"),
            ("1e999", "1e1000"),
            ("0.1e1000", "1e1000"),
            ("100e997", "1e1000"),
            ("-1e9999999999999999999999", "-1e1099511627777"),
        ];
        for (text, form) in table {
            assert_eq!(Number::parse(text), Some(Parsed::Large(form.into())), "{text}");
        }
        assert!(Number::beyond("1e1000") > number("9223372036854.775806"));
        assert!(Number::beyond("-1e1000") < number("-9223372036854.775806"));
    }

    #[test]
    fn words_are_no_numbers() {
        for text in
            ["", " ", "inf", "-Infinity", "nan", "0x10", "1,5", "e", "1 ", "1e", "1e+", ".", "-", "1.2.3", "--1"]
        {
            assert_eq!(Number::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn limits_include_themselves() {
        for (text, expected) in [("1000000000", true), ("-1e9", true), ("1000000000.000001", false), ("0", true)] {
            assert_eq!(number(text).is_within(1_000_000_000), expected, "{text}");
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
            let held = ["4.999999", "5", "5.000001"].map(|text| interval.contains(number(text)));
            assert_eq!(held, expected, "{interval:?}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn digits_and_exponents_are_read_as_written(value in -9_000_000_000_000_000_000_i64..9_000_000_000_000_000_000, shift in 0..30_i32) {
            let text = format!("{value}e{}", -6 - shift);
            let power = 10_i128.pow(u32::try_from(shift).expect("small"));
            let expected = i64::try_from(i128::from(value) / power).expect("smaller");
            proptest::prop_assert_eq!(number(&text), Number(expected));
        }
    }
}
