//! The axes: positions of values, and which values have a label.

/// The labelled multiples of each power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// About five round values from 0 to at least `most`; 0 and 1 if `most` is 0.
pub(super) fn linear(most: f64) -> Vec<f64> {
    if most <= 0.0 || !most.is_finite() {
        return vec![0.0, 1.0];
    }
    let rough = most / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step = STEPS.into_iter().chain([10.0]).map(|step| step * power).find(|step| *step >= rough * 0.999);
    let step = step.unwrap_or(power * 10.0);
    let mut values = vec![0.0];
    while values.last().is_some_and(|last| *last < most) {
        values.push(values.len() as f64 * step);
    }
    values
}

/// A logarithmic axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Logarithmic {
    /// Values of 1, 2 or 5 times a power of ten. The first and the last are the ends of the axis.
    steps: Vec<f64>,
}

impl Logarithmic {
    /// An axis that holds both values.
    pub(super) fn over(least: f64, most: f64) -> Self {
        let least = least.max(1.0);
        let most = most.max(least);
        let power = |value: f64| value.log10().floor();
        let mut steps = Vec::new();
        let mut exponent = power(least);
        while exponent <= power(most) + 1.0 {
            steps.extend(STEPS.map(|step| step * 10f64.powf(exponent)));
            exponent += 1.0;
        }
        let first = steps.iter().rposition(|step| *step <= least).unwrap_or(0);
        let last = steps.iter().position(|step| *step >= most).unwrap_or(steps.len() - 1);
        Self { steps: steps[first..=last.max(first + 1)].to_vec() }
    }

    /// The position of a value: 0 at the lower end, 1 at the upper.
    pub(super) fn place(&self, value: f64) -> f64 {
        let (least, most) = (self.steps[0], self.steps[self.steps.len() - 1]);
        ((value.max(least) / least).log10() / (most / least).log10()).min(1.0)
    }

    /// The values that have a line, and whether they have a label. On a long axis only powers of ten have one.
    pub(super) fn lines(&self) -> impl Iterator<Item = (f64, bool)> {
        let long = self.steps.len() > 10;
        self.steps.iter().map(move |step| (*step, !long || is_power_of_ten(*step)))
    }
}

fn is_power_of_ten(value: f64) -> bool {
    let exponent = value.log10();
    (exponent - exponent.round()).abs() < 1e-9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_values_are_round_and_reach_the_end() {
        assert_eq!(linear(0.0), [0.0, 1.0]);
        assert_eq!(linear(f64::NAN), [0.0, 1.0]);
        assert_eq!(linear(10.0), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(linear(81_234.0), [0.0, 20_000.0, 40_000.0, 60_000.0, 80_000.0, 100_000.0]);
        assert_eq!(linear(0.3), [0.0, 0.1, 0.2, 0.30000000000000004]);
    }

    #[test]
    fn logarithmic_axes_hold_their_values() {
        let axis = Logarithmic::over(150_000.0, 3_000_000.0);
        let rounded: Vec<_> = axis.steps.iter().map(|step| step.round()).collect();
        assert_eq!(rounded, [1e5, 2e5, 5e5, 1e6, 2e6, 5e6]);
        assert!(axis.place(1e5).abs() < 1e-9);
        assert!((axis.place(5e6) - 1.0).abs() < 1e-9);
        assert!((axis.place(5e5f64.sqrt() * 1e6f64.sqrt()) - (axis.place(5e5) + axis.place(1e6)) / 2.0).abs() < 1e-9);
        assert!(axis.lines().all(|(_, labelled)| labelled));
    }

    #[test]
    fn axes_have_a_length_whatever_they_hold() {
        for (least, most) in [(0.0, 0.0), (1.0, 1.0), (1000.0, 1000.0), (7.0, 3.0), (1.0, 1e19)] {
            let axis = Logarithmic::over(least, most);
            assert!(axis.steps.len() > 1, "{least} {most}");
            assert!((0.0..=1.0).contains(&axis.place(least)) && (0.0..=1.0).contains(&axis.place(most)));
        }
        let labels = Logarithmic::over(1.0, 1e9).lines().filter(|(_, labelled)| *labelled).count();
        assert_eq!(labels, 10);
    }
}
