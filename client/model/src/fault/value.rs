//! What is wrong with a value: SQS's `InvalidParameterValue` and `InvalidAttributeValue`.

use super::parameter::MessageAttributeRule;
use super::policy::{ActionRule, PolicyProblem};
use crate::ranges::OutOfRange;

/// A value that breaks a rule. Texts that a client sent are whole, but where a codec cut them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidValue {
    /// A number is out of its range.
    OutOfRange {
        /// The parameter.
        parameter: RangedParameter,
        /// The number and its range.
        range: OutOfRange,
    },
    /// A queue's name breaks its rule, or ends in `.fifo` where the queue is none.
    QueueName,
    /// The name of what is to be a FIFO queue breaks its rule, or does not end in `.fifo`.
    FifoQueueName,
    /// A group id, deduplication id or attempt id is empty, too long, or has characters that are not allowed.
    Identifier {
        /// The parameter.
        parameter: &'static str,
        /// The id.
        id: Box<str>,
        /// The most characters.
        chars_max: usize,
    },
    /// A standard queue takes no deduplication id.
    DeduplicationIdOfStandardQueue {
        /// The id.
        id: Box<str>,
    },
    /// A FIFO queue takes no delay for one message.
    DelayOfFifoQueue {
        /// The delay.
        seconds: u32,
    },
    /// A FIFO queue without content-based deduplication needs a deduplication id.
    DeduplicationIdMissing,
    /// An entry of a batch for a FIFO queue has no group id. A message that is sent alone and has none is a
    /// [`MissingParameter`](super::Fault::MissingParameter).
    GroupIdMissing,
    /// A message is larger than its queue takes.
    MessageTooLong {
        /// The most bytes.
        bytes_max: u32,
    },
    /// A message has more attributes than it may.
    TooManyMessageAttributes {
        /// How many it has.
        found: usize,
        /// The most.
        max: usize,
    },
    /// An attribute of a message breaks a rule.
    MessageAttribute {
        /// The attribute's name.
        name: Box<str>,
        /// The rule.
        rule: MessageAttributeRule,
    },
    /// There is no such message system attribute that can be set.
    SystemAttribute {
        /// What was given.
        name: Box<str>,
    },
    /// The type of `AWSTraceHeader` is not `String`.
    TraceHeaderType,
    /// `AWSTraceHeader` is empty or too long.
    TraceHeader,
    /// The message of a receipt handle does not exist, or a FIFO queue no longer has it in flight from the handle's
    /// receive.
    NotChangeable {
        /// The handle's text.
        handle: Box<str>,
    },
    /// A receive attempt cannot be repeated: a message of it was deleted or had its visibility changed.
    AttemptChanged {
        /// The `ReceiveRequestAttemptId`.
        id: Box<str>,
    },
    /// A message would be in flight longer than it may.
    InFlightTooLong {
        /// The timeout that was asked for.
        seconds: u32,
        /// How long a message may be in flight, counted from its receive.
        seconds_max: u32,
    },
    /// A redrive policy breaks a rule.
    RedrivePolicy {
        /// The policy as it came.
        policy: Box<str>,
        /// The rule.
        rule: RedriveRule,
    },
    /// A redrive allow policy breaks a rule.
    RedriveAllowPolicy {
        /// The policy as it came.
        policy: Box<str>,
        /// The rule.
        rule: RedriveAllowRule,
    },
    /// A tag's key is empty or too long.
    TagKeyLength {
        /// The most characters.
        chars_max: usize,
    },
    /// A tag's key starts with `aws:`.
    TagKeyReserved,
    /// A tag's value is too long.
    TagValueLength {
        /// The most characters.
        chars_max: usize,
    },
    /// There are more tags than there may be.
    TooManyTags {
        /// The most.
        max: usize,
    },
    /// A page token is none that the broker gave out.
    NextToken,
    /// A task handle is none that the broker gave out.
    TaskHandle,
    /// A text is not the ARN of a queue.
    QueueArn {
        /// The parameter.
        parameter: &'static str,
    },
    /// A permission's label is empty, too long, or has characters that are not allowed.
    Label {
        /// The label.
        label: Box<str>,
        /// The most characters.
        chars_max: usize,
    },
    /// The policy has a statement with the label.
    LabelTaken {
        /// The label.
        label: Box<str>,
    },
    /// The policy has no statement with the label.
    LabelMissing {
        /// The label.
        label: Box<str>,
    },
    /// A text is no account.
    Principal {
        /// What was given.
        account: Box<str>,
    },
    /// An action cannot be granted.
    Action {
        /// The action.
        action: Box<str>,
        /// Why not.
        rule: ActionRule,
    },
    /// The source of a move task has one that runs.
    MoveTaskRuns,
    /// Messages are moved out of dead-letter queues only.
    NotADeadLetterQueue,
    /// The source and the destination of a move task are one queue.
    SameQueue,
    /// The source and the destination of a move task are of different types.
    QueueTypesDiffer,
}

/// A parameter with a range. SQS words the range of one parameter differently from operation to operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangedParameter {
    /// `DelaySeconds` of a message.
    DelaySeconds,
    /// `MaxNumberOfMessages` of `ReceiveMessage`.
    MaxNumberOfMessages,
    /// `MaxNumberOfMessagesPerSecond` of `StartMessageMoveTask`.
    MaxNumberOfMessagesPerSecond,
    /// `MaxResults` of `ListMessageMoveTasks`.
    MoveTasksMaxResults,
    /// `MaxResults` of the listings of queues.
    QueuesMaxResults,
    /// `VisibilityTimeout` of `ChangeMessageVisibility`.
    ChangedVisibilityTimeout,
    /// `VisibilityTimeout` of `ReceiveMessage`.
    ReceivedVisibilityTimeout,
    /// `WaitTimeSeconds` of `ReceiveMessage`.
    WaitTimeSeconds,
}

/// The rules for redrive policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveRule {
    /// It is no JSON object.
    NotAnObject,
    /// It has a member that there is not.
    UnknownMember,
    /// `deadLetterTargetArn` is missing.
    TargetMissing,
    /// `maxReceiveCount` is missing.
    CountMissing,
    /// `deadLetterTargetArn` is not the ARN of a queue.
    Target,
    /// `maxReceiveCount` is out of its range, or no whole number.
    Count {
        /// What it is: a text without its quotation marks, anything else as JSON.
        found: Box<str>,
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// The queue names itself.
    Itself,
    /// The target belongs to another account.
    Owner,
    /// The target is in another region.
    Region,
    /// The target does not exist.
    NotFound,
    /// The target is of another type.
    QueueType,
    /// The redrive allow policy of the target does not allow the queue.
    NotAllowed,
}

/// The rules for redrive allow policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedriveAllowRule {
    /// It is no JSON object.
    NotAnObject,
    /// It has a member that there is not.
    UnknownMember,
    /// `redrivePermission` is missing or has no such value.
    Permission,
    /// `sourceQueueArns` is there without `byQueue`.
    SourcesWithoutByQueue,
    /// `sourceQueueArns` is missing, empty or too long.
    Sources {
        /// The most.
        max: usize,
    },
    /// `sourceQueueArns` has an item that is not the ARN of a queue.
    SourceArn,
}

/// Why an attribute of a queue cannot be set, or asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeNameRule {
    /// There is no such attribute, none that can be set, or none that this type of queue has.
    Unknown,
    /// A standard queue does not have it, and SQS says so.
    FifoOnly,
    /// There is one type of encryption at a time, and this one was asked for beside another.
    OneEncryption,
}

/// The rules for attributes of queues that say more than that the value is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttributeRule {
    /// `perMessageGroupId` needs the deduplication scope `messageGroup`.
    ThroughputNeedsScope,
    /// The type of a queue cannot be changed.
    TypeIsFixed,
    /// A burst needs a rate.
    BurstWithoutRate,
    /// The access policy is refused.
    Policy(PolicyProblem),
}
