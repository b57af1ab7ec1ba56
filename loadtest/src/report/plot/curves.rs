//! Latency: a curve for each target over percentiles, on an axis of nines and a logarithmic axis of time. The key below
//! it is a table of the numbers.

use hdrhistogram::Histogram;

use crate::compare::QUANTILES;
use crate::plan::Metric;
use crate::report::units::{count, metric, nanos};

use super::axis::Logarithmic;
use super::canvas::{Canvas, FINE_GRID, GRID, INK, PALE, Point, TextLook, WIDTH, pixel};
use super::{DrawnTarget, MARGIN};

const HEADING: i32 = 34;
const CHART: i32 = 360;
const AXIS: i32 = 44;
const ROW: i32 = 23;
/// The width of the labels of the time axis.
const LABELS: i32 = 64;
/// The fewest and the most nines of the axis.
const NINES: (f64, f64) = (2.0, 6.0);
/// Points of a curve for each nine.
const POINTS: f64 = 60.0;
/// The percentiles that have a line: in nines, with their label.
const PERCENTILES: [(f64, &str); 8] = [
    (0.0, "0%"),
    (std::f64::consts::LOG10_2, "50%"),
    (1.0, "90%"),
    (2.0, "99%"),
    (3.0, "99.9%"),
    (4.0, "99.99%"),
    (5.0, "99.999%"),
    (6.0, "99.9999%"),
];

/// The heading of the curves.
pub(super) struct Heading {
    /// The metric of the work. A curve of another metric is labelled with it.
    pub(super) ordinary: Metric,
    pub(super) samples: Samples,
}

/// The runs whose times a curve shows.
pub(super) enum Samples {
    OneRun,
    AllRounds,
}

/// The curves of all targets, and the axes that fit them.
pub(super) struct Curves<'a> {
    curves: Vec<(&'a DrawnTarget<'a>, Option<Curve>)>,
    time: Logarithmic,
    nines: f64,
}

/// The times of all rounds of a target.
struct Curve {
    metric: Metric,
    histogram: Histogram<u64>,
}

impl<'a> Curves<'a> {
    pub(super) fn new(targets: &'a [DrawnTarget<'a>]) -> Self {
        let curves: Vec<_> = targets.iter().map(|target| (target, Curve::of(target))).collect();
        let all = || curves.iter().filter_map(|(_, curve)| curve.as_ref());
        let least = all().map(|curve| curve.histogram.min() as f64).fold(f64::INFINITY, f64::min);
        let most = all().map(|curve| curve.histogram.max() as f64).fold(0.0, f64::max);
        let nines = all().map(Curve::nines).fold(NINES.0, f64::max);
        Self { time: Logarithmic::over(least.min(most), most), nines, curves }
    }

    pub(super) fn height(&self) -> i32 {
        HEADING + CHART + AXIS + ROW * (1 + i32::try_from(self.curves.len()).unwrap_or(i32::MAX / 64))
    }

    /// Draws them from `top` downwards.
    pub(super) fn draw(&self, canvas: &Canvas<'_>, top: i32, heading: &Heading) {
        let rounds = match heading.samples {
            Samples::OneRun => "",
            Samples::AllRounds => ", all rounds together",
        };
        let title = format!("Latency: {}{rounds}", metric(heading.ordinary));
        canvas.text(&title, (MARGIN, top + 8), TextLook { size: 15.0, bold: true, ..TextLook::PLAIN });
        let frame = Frame { top: top + HEADING, curves: self };
        frame.grid(canvas);
        if self.curves.iter().all(|(_, curve)| curve.is_none()) {
            let middle = (frame.x(self.nines / 2.0), frame.top + CHART / 2);
            canvas.text("no times were measured", middle, TextLook { colour: PALE, ..TextLook::CENTRE });
        }
        for (target, curve) in self.curves.iter().rev() {
            if let Some(curve) = curve {
                frame.curve(canvas, target, curve);
            }
        }
        self.key(canvas, top + HEADING + CHART + AXIS, heading.ordinary);
    }

    /// Draws the key: the mark and numbers of each target.
    fn key(&self, canvas: &Canvas<'_>, top: i32, ordinary: Metric) {
        const COLUMN: i32 = 92;
        let column = |from_right: i32| WIDTH - MARGIN - COLUMN * from_right;
        let headings = ["samples"].into_iter().chain(QUANTILES.map(|(name, _)| name));
        for (from_right, heading) in (0..=5).rev().zip(headings) {
            canvas.text(heading, (column(from_right), top), TextLook { size: 12.0, colour: PALE, ..TextLook::RIGHT });
        }
        canvas.line((MARGIN, top + 11), (WIDTH - MARGIN, top + 11), GRID, 1);
        for (row, (target, curve)) in (1..).zip(&self.curves) {
            let y = top + ROW * row;
            canvas.line((MARGIN, y), (MARGIN + 30, y), target.colour, 3);
            canvas.mark((MARGIN + 15, y), target.mark, target.colour);
            let other = curve.as_ref().filter(|curve| curve.metric != ordinary);
            let of = other.map_or(String::new(), |curve| format!(" ({})", metric(curve.metric)));
            let name = TextLook { size: 12.5, colour: if target.limit { PALE } else { INK }, ..TextLook::PLAIN };
            canvas.text(&format!("{}{of}", target.name), (MARGIN + 42, y), name);
            let cells = curve.as_ref().map_or_else(|| vec!["0".into()], Curve::numbers);
            for (from_right, cell) in (0..=5).rev().zip(cells) {
                canvas.text(&cell, (column(from_right), y), TextLook { size: 12.5, ..TextLook::RIGHT });
            }
        }
    }
}

impl Curve {
    fn of(target: &DrawnTarget<'_>) -> Option<Self> {
        let (metric, series) = target.latency.as_ref()?;
        let mut histogram = Histogram::new(3).expect("three digits are possible");
        for series in series {
            histogram.add(&series.histogram).expect("a histogram that grows takes every value");
        }
        (!histogram.is_empty()).then_some(Self { metric: *metric, histogram })
    }

    /// The position of the slowest time in nines. Of a thousand times it is the 99.9th percentile, three nines.
    fn nines(&self) -> f64 {
        (self.histogram.len() as f64).log10().min(NINES.1)
    }

    fn numbers(&self) -> Vec<String> {
        let times = QUANTILES.map(|(_, quantile)| nanos(self.histogram.value_at_quantile(quantile) as f64));
        [count(self.histogram.len())].into_iter().chain(times).collect()
    }

    fn value(&self, nines: f64) -> f64 {
        self.histogram.value_at_quantile(1.0 - 10f64.powf(-nines)) as f64
    }
}

/// The area of the curves.
struct Frame<'a> {
    top: i32,
    curves: &'a Curves<'a>,
}

impl Frame<'_> {
    const LEFT: i32 = MARGIN + LABELS;
    const RIGHT: i32 = WIDTH - MARGIN - 24;

    fn x(&self, nines: f64) -> i32 {
        Self::LEFT + pixel(f64::from(Self::RIGHT - Self::LEFT) * nines / self.curves.nines)
    }

    fn y(&self, nanos: f64) -> i32 {
        self.top + pixel(f64::from(CHART) * (1.0 - self.curves.time.place(nanos)))
    }

    fn grid(&self, canvas: &Canvas<'_>) {
        let small = TextLook { size: 11.5, colour: PALE, ..TextLook::PLAIN };
        for (value, labelled) in self.curves.time.lines() {
            let y = self.y(value);
            canvas.line((Self::LEFT, y), (Self::RIGHT, y), if labelled { GRID } else { FINE_GRID }, 1);
            if labelled {
                canvas.text(&tick(value), (Self::LEFT - 8, y), TextLook { side: TextLook::RIGHT.side, ..small });
            }
        }
        let bottom = self.top + CHART;
        for (nines, label) in PERCENTILES.into_iter().filter(|(nines, _)| *nines <= self.curves.nines + 1e-9) {
            canvas.line((self.x(nines), self.top), (self.x(nines), bottom), GRID, 1);
            canvas.text(label, (self.x(nines), bottom + 13), TextLook { side: TextLook::CENTRE.side, ..small });
        }
        canvas.line((Self::LEFT, bottom), (Self::RIGHT, bottom), PALE, 1);
        canvas.line((Self::LEFT, self.top), (Self::LEFT, bottom), PALE, 1);
    }

    fn curve(&self, canvas: &Canvas<'_>, target: &DrawnTarget<'_>, curve: &Curve) {
        let end = curve.nines();
        let at = |nines: f64| (self.x(nines), self.y(curve.value(nines)));
        let mut places: Vec<Point> = (0u32..)
            .map(|point| f64::from(point) / POINTS)
            .take_while(|nines| *nines < end)
            .map(at)
            .chain([(self.x(end), self.y(curve.histogram.max() as f64))])
            .collect();
        places.dedup();
        canvas.path(places, target.colour, 2);
        for (nines, _) in PERCENTILES.into_iter().filter(|(nines, _)| *nines > 0.0 && *nines < end) {
            canvas.mark(at(nines), target.mark, target.colour);
        }
        canvas.mark((self.x(end), self.y(curve.histogram.max() as f64)), target.mark, target.colour);
    }
}

/// The label of a value that is 1, 2 or 5 times a power of ten, in whole units.
fn tick(value: f64) -> String {
    let units = [(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
    let (size, unit) = units.into_iter().find(|(size, _)| value >= size * 0.999).unwrap_or((1.0, "ns"));
    format!("{:.0} {unit}", value / size)
}
