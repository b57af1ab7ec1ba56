//! HdrHistogram interval logs: one file for each run and metric, for the tools that read such logs.
//!
//! Files are named `NAME-WORK-ROUND-METRIC.hlog`. NAME is that of the target, with `_` for each character that is not
//! safe in a file name, and with a number if another target has the same name. Values are nanoseconds. Times are
//! seconds since `BaseTime`, the start of the run. The times of intervals are seconds since the start of the measured
//! part.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;

use crate::outcome::Series;

use super::units::harmless;
use super::{CannotWrite, Report, Run, with_path};

/// The longest name of a target within a file's name.
const NAME_BYTES_MAX: usize = 100;

/// Divides the maxima in the log, which readers ignore: they are in milliseconds, as in logs of other implementations.
const MAX_VALUE_DIVISOR: f64 = 1e6;

/// Makes the directory and checks that files can be written there.
pub(super) fn try_write(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    super::try_write(&directory.join("test.hlog"))
}

/// Writes all logs.
pub(super) fn write(directory: &Path, report: Report<'_>) -> Result<(), CannotWrite> {
    with_path(directory, fs::create_dir_all(directory))?;
    let stems = stems(&names(report));
    for run in report.runs() {
        for series in &run.outcome.series {
            let (stem, work) = (&stems[run.target], run.outcome.plan.work.name());
            let path = directory.join(format!("{stem}-{work}-{}-{}.hlog", run.round, series.metric.name()));
            with_path(&path, log(run, series).and_then(|bytes| super::write(&path, &bytes)))?;
        }
    }
    Ok(())
}

fn names(report: Report<'_>) -> Vec<&str> {
    match report {
        Report::Run(outcome) => vec![&outcome.name],
        Report::Comparison(comparison) => {
            comparison.candidates.iter().map(|candidate| candidate.name.as_str()).collect()
        }
    }
}

/// The beginning of the file names of each target. All are different, also in a file system that ignores case.
fn stems(names: &[&str]) -> Vec<String> {
    let mut taken = HashSet::new();
    let stem = |name: &&str| {
        let safe = safe(name);
        let numbered = (2..).map(|number: usize| format!("{safe}-{number}"));
        let mut stems = std::iter::once(safe.clone()).chain(numbered);
        stems.find(|stem| taken.insert(stem.to_ascii_lowercase())).expect("numbers go on for ever")
    };
    names.iter().map(stem).collect()
}

fn safe(name: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let mut safe: String = name.chars().map(|c| if is_safe(c) { c } else { '_' }).take(NAME_BYTES_MAX).collect();
    if safe.is_empty() || safe.starts_with(['.', '-']) {
        safe.insert(0, '_');
    }
    safe
}

fn log(run: Run<'_>, series: &Series) -> io::Result<Vec<u8>> {
    let outcome = run.outcome;
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&format!(
            "{} of {} ({}), round {}: {}, nanoseconds",
            outcome.plan.work.name(),
            harmless(&outcome.name),
            harmless(&outcome.address),
            run.round,
            series.metric.name(),
        ))
        .with_start_time(outcome.started)
        .with_base_time(outcome.started)
        .with_max_value_divisor(MAX_VALUE_DIVISOR)
        .begin_log_with(&mut bytes, &mut serializer)?;
    for (start, length, histogram) in intervals(series) {
        log.write_histogram(histogram, start, length, None).map_err(|error| io::Error::other(format!("{error:?}")))?;
    }
    Ok(bytes)
}

/// The intervals with their histograms. One interval for the whole series if those of seconds were not kept.
fn intervals(series: &Series) -> Vec<(Duration, Duration, &Histogram<u64>)> {
    let kept =
        series.intervals.iter().map(|interval| Some((interval.start, interval.length, interval.histogram.as_ref()?)));
    kept.collect::<Option<Vec<_>>>().unwrap_or_else(|| vec![(Duration::ZERO, series.measured, &series.histogram)])
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::plan::{Metric, Work};
    use crate::report::sample;

    fn files(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let mut names: Vec<_> =
            entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("ASCII")).collect();
        names.sort();
        names
    }

    /// The start and length of each interval of a log, and the sum of their histograms.
    fn read_back(path: &Path) -> (Vec<(Duration, Duration)>, Histogram<u64>) {
        let bytes = fs::read(path).expect("a log");
        let mut total = Histogram::<u64>::new(3).expect("three digits");
        let mut intervals = Vec::new();
        for entry in IntervalLogIterator::new(&bytes) {
            if let LogEntry::Interval(interval) = entry.expect("a line of a log") {
                let binary = STANDARD.decode(interval.encoded_histogram()).expect("base64");
                let histogram: Histogram<u64> =
                    Deserializer::new().deserialize(&mut binary.as_slice()).expect("a histogram");
                total.add(&histogram).expect("a total that grows");
                intervals.push((interval.start_timestamp(), interval.duration()));
            }
        }
        (intervals, total)
    }

    #[test]
    fn logs_read_back_to_the_same_totals() {
        let directory = tempfile::tempdir().expect("a directory");
        let outcome = sample::outcome("posthouse", Work::Cycle, 1000.0);
        write(directory.path(), Report::Run(&outcome)).expect("written");
        for series in &outcome.series {
            let path = directory.path().join(format!("posthouse-cycle-1-{}.hlog", series.metric.name()));
            let (intervals, total) = read_back(&path);
            assert_eq!(total, series.histogram, "{}", series.metric.name());
            let expected: Vec<_> = series.intervals.iter().map(|interval| (interval.start, interval.length)).collect();
            assert_eq!(intervals, expected);
        }
        assert!(outcome.series.iter().any(|series| series.metric == Metric::EndToEnd));
    }

    #[test]
    fn without_the_times_of_seconds_the_whole_is_one_interval() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut outcome = sample::outcome("posthouse", Work::Send, 1000.0);
        outcome.series[0].intervals.iter_mut().for_each(|interval| interval.histogram = None);
        write(directory.path(), Report::Run(&outcome)).expect("written");
        let (intervals, total) = read_back(&directory.path().join("posthouse-send-1-send.hlog"));
        assert_eq!(intervals, [(Duration::ZERO, Duration::from_secs(2))]);
        assert_eq!(total, outcome.series[0].histogram);
    }

    #[test]
    fn a_second_without_times_is_an_interval() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut outcome = sample::outcome("posthouse", Work::Send, 1000.0);
        outcome.series[0].intervals[0].histogram = Some(sample::empty());
        write(directory.path(), Report::Run(&outcome)).expect("written");
        let (intervals, total) = read_back(&directory.path().join("posthouse-send-1-send.hlog"));
        assert_eq!(intervals.len(), 2);
        assert_eq!(Some(&total), outcome.series[0].intervals[1].histogram.as_ref());
    }

    #[test]
    fn each_run_and_metric_has_its_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let comparison = sample::comparison(Work::Send, &[("a/b", &[100.0, 100.0]), ("a?b", &[50.0, 50.0])]);
        write(&directory.path().join("new/logs"), Report::Comparison(&comparison)).expect("written");
        let expected = ["a_b-2-send-1-send", "a_b-2-send-2-send", "a_b-send-1-send", "a_b-send-2-send"];
        assert_eq!(files(&directory.path().join("new/logs")), expected.map(|name| format!("{name}.hlog")));
    }

    #[test]
    fn names_are_safe_and_no_two_the_same() {
        let names = ["a", "A", "a-2", "../../etc", "", "<&\">", &"x".repeat(300), "-f"];
        let stems = stems(&names);
        assert_eq!(stems[..6], ["a", "A-2", "a-2-2", "_.._.._etc", "_", "____"]);
        assert_eq!(stems[6].len(), NAME_BYTES_MAX);
        assert_eq!(stems[7], "_-f");
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let outcome = sample::outcome("posthouse", Work::Send, 1000.0);
        let error = write(&file.path().join("logs"), Report::Run(&outcome)).expect_err("a file is no directory");
        assert!(error.to_string().starts_with(&format!("cannot write {}", file.path().display())), "{error}");
        assert!(try_write(&file.path().join("logs")).is_err());
    }
}
