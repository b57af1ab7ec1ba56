//! The exit codes, on which scripts rely, and the code of a report.

use std::process::ExitCode;

use crate::compare::Comparison;
use crate::outcome::Outcome;
use crate::report::Report;

/// The result of a command, from good to bad. Of several results the greatest gives the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Exit {
    /// The work was done to its end, and every promise was kept.
    Good,
    /// It ended early, calls failed, or a report could not be printed or written.
    Partial,
    /// A target could not be reached, or refused to make the queues.
    Unmeasured,
    /// A target broke a promise.
    Broken,
    /// The parameters are impossible. No target was called.
    Impossible,
}

impl Exit {
    /// The code that the process ends with.
    fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Broken => 1,
            Self::Impossible => 2,
            Self::Unmeasured => 3,
            Self::Partial => 4,
        }
    }

    /// The result of a report.
    pub(super) fn of(report: Report<'_>) -> Self {
        match report {
            Report::Run(outcome) => Self::of_run(outcome),
            Report::Comparison(comparison) => Self::of_comparison(comparison),
        }
    }

    fn of_run(outcome: &Outcome) -> Self {
        match outcome {
            _ if !outcome.breaches().is_empty() => Self::Broken,
            _ if outcome.is_good() => Self::Good,
            _ => Self::Partial,
        }
    }

    fn of_comparison(comparison: &Comparison) -> Self {
        let left = if comparison.runs_left() > 0 { Self::Partial } else { Self::Good };
        let attempts = comparison.candidates.iter().flat_map(|candidate| &candidate.attempts);
        let exits = attempts.map(|attempt| attempt.as_ref().map_or(Self::Unmeasured, Self::of_run));
        exits.fold(left, Self::max)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Work;
    use crate::report::sample;
    use crate::target::Failure;

    /// A fault of a run.
    #[derive(Clone, Copy, Debug)]
    enum Fault {
        EndedEarly,
        CallsFailed,
        MessageLost,
    }
    use Fault::{CallsFailed, EndedEarly, MessageLost};

    fn outcome(faults: &[Fault]) -> Outcome {
        let mut outcome = sample::outcome("a", Work::Cycle, 100.0);
        for fault in faults {
            match fault {
                EndedEarly => outcome.ended_early = Some("it was stopped".to_owned()),
                CallsFailed => outcome.failures.push((Failure::Refused("full".to_owned()), 3)),
                MessageLost => outcome.account.lost = 1,
            }
        }
        outcome
    }

    #[test]
    fn a_run_earns_its_exit_code() {
        let table: [(&[Fault], _); 5] = [
            (&[], Exit::Good),
            (&[EndedEarly], Exit::Partial),
            (&[CallsFailed], Exit::Partial),
            (&[MessageLost], Exit::Broken),
            (&[EndedEarly, CallsFailed, MessageLost], Exit::Broken),
        ];
        for (faults, exit) in table {
            assert_eq!(Exit::of(Report::Run(&outcome(faults))), exit, "{faults:?}");
        }
    }

    #[test]
    fn of_a_comparison_the_gravest_counts() {
        let good = || Ok(outcome(&[]));
        let partial = || Ok(outcome(&[EndedEarly]));
        let broken = || Ok(outcome(&[MessageLost]));
        let failed = || Err(Failure::Unreachable("connection refused".to_owned()));
        let table = [
            (vec![good(), good()], Exit::Good),
            (vec![good()], Exit::Partial),
            (vec![partial(), good()], Exit::Partial),
            (vec![partial(), failed()], Exit::Unmeasured),
            (vec![failed(), broken()], Exit::Broken),
            (vec![broken(), partial()], Exit::Broken),
        ];
        for (attempts, exit) in table {
            let mut comparison = sample::comparison(Work::Cycle, &[("a", &[1.0, 1.0]), ("b", &[1.0, 1.0])]);
            comparison.candidates[1].attempts = attempts;
            assert_eq!(Exit::of(Report::Comparison(&comparison)), exit, "{:?}", comparison.candidates[1].attempts);
        }
    }

    #[test]
    fn exit_codes_stay_what_they_are() {
        let exits = [Exit::Good, Exit::Broken, Exit::Impossible, Exit::Unmeasured, Exit::Partial];
        assert_eq!(exits.map(Exit::code), [0, 1, 2, 3, 4]);
    }
}
