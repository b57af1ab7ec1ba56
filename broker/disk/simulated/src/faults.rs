//! Which faults a disk makes, as data that a test sets.

use posthouse_disk::Operation;

/// The faults of a disk from now on. The default makes none: operations complete at the next wait, in order.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Faults {
    /// In which order operations take effect and complete.
    pub order: Order,
    /// How many operations complete in one wait. `None`: all that can.
    pub completions_max: Option<usize>,
    /// Operations of these kinds stay under way and do not complete.
    pub hanging: Vec<OperationKind>,
    /// Reads of the files with these names stay under way, as those of a part of a medium that is failing do.
    pub hanging_reads: Vec<String>,
    /// How many bytes all files together may have. `None`: no limit.
    pub capacity_bytes: Option<u64>,
    /// How many writes succeed before every further one fails. Counts down. `None`: none fails.
    pub writes_until_failure: Option<u32>,
    /// Operations that fail with an error of the system, and change nothing.
    pub refusals: Vec<Refusal>,
    /// The codes of the errors (errno(3)) that the next reads fail with, one each, in order.
    pub read_errors: Vec<i32>,
    /// How many operations complete before the disk halts: no operation completes any more, and each wait that would
    /// complete one fails. Counts down. `None`: it does not halt.
    pub operations_until_halt: Option<u32>,
}

/// That every operation of a kind fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The kind.
    pub kind: OperationKind,
    /// The error number of the system, such as 5 for `EIO` (errno(3)).
    pub errno: i32,
}

/// The order in which operations take effect and complete.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Order {
    /// That of their submission.
    #[default]
    Submission,
    /// A random one, that follows from the seed.
    Random,
}

/// An [`Operation`] without its data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "each is the operation of this name")]
pub enum OperationKind {
    Create,
    Open,
    Write,
    Read,
    Sync,
    Rename,
    Recycle,
    Remove,
    Find,
    Close,
}

impl OperationKind {
    /// The kind of an operation.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Create { .. } => Self::Create,
            Operation::Open { .. } => Self::Open,
            Operation::Write { .. } => Self::Write,
            Operation::Read { .. } => Self::Read,
            Operation::Sync { .. } => Self::Sync,
            Operation::Rename { .. } => Self::Rename,
            Operation::Recycle { .. } => Self::Recycle,
            Operation::Remove { .. } => Self::Remove,
            Operation::Find { .. } => Self::Find,
            Operation::Close { .. } => Self::Close,
        }
    }
}
