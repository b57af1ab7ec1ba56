//! Limits that are reached, states that forbid an operation, and resources that do not exist.

/// What there is as much of as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// The messages in flight of one queue.
    MessagesInFlight,
    /// The numbers for queues of a data directory.
    Queues,
    /// The parts of a queue's policy.
    Policy {
        /// What is counted.
        part: PolicyPart,
        /// How many there would be.
        found: usize,
        /// How many there may be.
        max: usize,
    },
    /// What the operator lets an account hold.
    Quota {
        /// What is counted.
        of: Quota,
        /// How many or how much an account may hold.
        max: u64,
    },
}

/// What an account may hold a limited amount of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quota {
    /// Queues.
    Queues,
    /// Messages in all queues.
    Messages,
    /// Bytes of messages in all queues.
    Bytes,
    /// Platform applications and endpoints, and what is known of phone numbers.
    Endpoints,
}

/// A part of a policy whose number is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyPart {
    /// The statements of a policy.
    Statements,
    /// The principals of a statement.
    Principals,
    /// The actions of a statement.
    Actions,
    /// The bytes of the document.
    Bytes,
    /// The characters of the document that are no white space.
    Characters,
}

/// Why an operation cannot be carried out in the present state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// `CancelMessageMoveTask` of a task that has ended.
    MoveTaskHasEnded,
}

/// A resource of a message move task that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingResource {
    /// The queue that a parameter names.
    Queue {
        /// The parameter: `SourceArn` or `DestinationArn`.
        parameter: &'static str,
    },
    /// The task itself.
    MoveTask,
}

/// Why the broker takes no more requests, or none that add data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// It is shutting down.
    ShuttingDown,
    /// A write or a sync of its log has failed: the work, the file and the operating system's error.
    LogFailed(Box<str>),
    /// It takes no request that adds data, because the disk refuses its log another file, for another reason than a lack
    /// of room: the work, the file and the operating system's error.
    NoLogFile(Box<str>),
}
