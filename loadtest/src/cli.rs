//! The command line: arguments to a plan and targets, the run, its reports, the exit code.
//!
//! Impossible parameters, targets that cannot do the work and files that cannot be written are refused before a target
//! is called. Everything that was measured is reported, also if the run ended early. Results go to standard output and
//! to files, errors and the live line to standard error.

use std::ffi::OsStr;
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::slice;

use clap::Parser;
use tokio::runtime::Builder;
use tokio::time::timeout;

use crate::compare;
use crate::live::{Observer, Unobserved};
use crate::message::BODY_BYTES_MAX;
use crate::outcome::Outcome;
use crate::plan::{Impossible, Plan, Work};
use crate::report::progress::Progress;
use crate::report::{Files, Report, table};
use crate::run::{self, Contestant, Stop};
use crate::target::Failure;
use crate::targets::signed_request;

mod arguments;
mod contestants;
mod duration;
mod exit;
mod interrupt;
mod open_files;
mod parameters;

use arguments::{Arguments, Command, Reports};
use exit::Exit;

/// Runs the command that the process's arguments give. Returns its exit code.
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Run(arguments) => run_one(&arguments),
        Command::Compare(arguments) => compare_several(&arguments),
        Command::Request(arguments) => print_request(&arguments),
    };
    let exit = done.unwrap_or_else(|Impossible(sentence)| {
        complain(format_args!("{sentence}\n\nFor more information, try '--help'."));
        Exit::Impossible
    });
    exit.into()
}

fn run_one(arguments: &arguments::Run) -> Result<Exit, Impossible> {
    if !arguments.more_targets.is_empty() {
        return Err(Impossible("`run` drives one target; `compare` drives several in turn".to_owned()));
    }
    let plan = parameters::plan(arguments.work, &arguments.options)?;
    let contestant = contestants::one(&arguments.target, &arguments.durability)?;
    compare::check(slice::from_ref(&contestant), &plan, 1)?;
    let mut session = Session::begin(&arguments.options.reports)?;
    match session.run(&contestant, &plan, "") {
        Ok(outcome) => Ok(session.report(Report::Run(&outcome))),
        Err(failure) => Ok(session.nothing_measured(&contestant, &failure)),
    }
}

fn compare_several(arguments: &arguments::Compare) -> Result<Exit, Impossible> {
    let plan = parameters::plan(arguments.work, &arguments.options)?;
    let contestants = contestants::several(&arguments.targets, &arguments.durability)?;
    if contestants.len() < 2 {
        return Err(Impossible("`compare` needs two targets or more; `run` drives one".to_owned()));
    }
    compare::check(&contestants, &plan, arguments.rounds)?;
    let mut session = Session::begin(&arguments.options.reports)?;
    let stop = session.stop.clone();
    let run = |contestant: &Contestant, note: &str| session.run(contestant, &plan, note);
    let comparison = compare::compare(&contestants, &plan, arguments.rounds, &stop, run);
    Ok(session.report(Report::Comparison(&comparison)))
}

fn print_request(arguments: &arguments::Request) -> Result<Exit, Impossible> {
    let address = contestants::address(&arguments.target)?;
    if address.scheme() != "sqs+http" {
        return Err(Impossible("only `sqs+http://` targets are sent signed requests".to_owned()));
    }
    if !(1..=BODY_BYTES_MAX).contains(&arguments.body) {
        return Err(Impossible(format!("a message has 1 to {BODY_BYTES_MAX} bytes")));
    }
    address.open().map_err(|failure| Impossible(failure.to_string()))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Impossible(format!("no runtime: {error}")))?;
    let limit = Plan::ordinary(Work::Send).timeout;
    let asked = async { timeout(limit, signed_request(&address, &arguments.queue, arguments.body)).await };
    let late = |_| Err(Failure::Unreachable(format!("no answer within {} s", limit.as_secs())));
    Ok(match runtime.block_on(asked).unwrap_or_else(late) {
        Ok(text) => print(&text),
        Err(failure) => {
            complain(format_args!("{address} {failure}"));
            Exit::Unmeasured
        }
    })
}

/// The files, the live line and the stop signal of a command that drives targets.
struct Session {
    files: Files,
    observer: Box<dyn Observer>,
    stop: Stop,
}

impl Session {
    /// Checks that the files can be written, and begins to listen for signals.
    fn begin(reports: &Reports) -> Result<Self, Impossible> {
        let files = Files { json: reports.json.clone(), plot: reports.plot.clone(), hdr: reports.hdr.clone() };
        refuse_confusion(&files)?;
        files.check().map_err(|error| Impossible(error.to_string()))?;
        open_files::allow_all();
        let observer: Box<dyn Observer> =
            if reports.quiet { Box::new(Unobserved) } else { Box::new(Progress::on_stderr()) };
        let stop = Stop::default();
        interrupt::pass_on_to(&stop).map_err(|error| Impossible(format!("cannot listen for signals: {error}")))?;
        Ok(Self { files, observer, stop })
    }

    fn run(&mut self, contestant: &Contestant, plan: &Plan, note: &str) -> Result<Outcome, Failure> {
        self.observer.begin(&contestant.name, note);
        let done = run::run(contestant, plan, &mut *self.observer, &self.stop);
        self.observer.end();
        done
    }

    /// Prints the report and writes its files.
    fn report(&self, report: Report<'_>) -> Exit {
        let printed = print(&table::text(report));
        let written = self.files.write(report).map_or_else(
            |errors| {
                errors.iter().for_each(|error| complain(format_args!("{error}")));
                Exit::Partial
            },
            |()| Exit::Good,
        );
        Exit::of(report).max(printed).max(written)
    }

    fn nothing_measured(&self, contestant: &Contestant, failure: &Failure) -> Exit {
        if self.stop.is_requested() {
            note(format_args!("Ended before anything was measured."));
            return Exit::Partial;
        }
        complain(format_args!("`{}` at {} {failure}", contestant.name, contestant.address));
        Exit::Unmeasured
    }
}

/// Refuses a chart whose name does not end in `.svg`, and one name for two files.
fn refuse_confusion(files: &Files) -> Result<(), Impossible> {
    let extension = files.plot.as_deref().and_then(Path::extension).and_then(OsStr::to_str);
    if let Some(other) = extension.filter(|extension| !extension.eq_ignore_ascii_case("svg")) {
        return Err(Impossible(format!("`--plot` writes SVG, not {other}: give a name that ends in .svg")));
    }
    if files.json.is_some() && files.json == files.plot {
        return Err(Impossible("`--json` and `--plot` name the same file".to_owned()));
    }
    Ok(())
}

/// Writes to standard output. A closed standard output is an error, because the report is missing.
fn print(text: &str) -> Exit {
    let mut output = io::stdout().lock();
    match output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        Ok(()) => Exit::Good,
        Err(error) => {
            complain(format_args!("cannot write to standard output: {error}"));
            Exit::Partial
        }
    }
}

/// Writes an error to standard error.
fn complain(sentence: fmt::Arguments<'_>) {
    note(format_args!("error: {sentence}"));
}

/// Writes a line to standard error. A failure is ignored, because the exit code reports the error, too.
fn note(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}
