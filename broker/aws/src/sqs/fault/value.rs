//! The sentences for values that break a rule.

use std::borrow::Cow;

use posthouse_model::OutOfRange;
use posthouse_model::fault::{
    ActionRule, AttributeNameRule, AttributeRule, InvalidValue, MessageAttributeRule, RangedParameter,
    RedriveAllowRule, RedriveRule,
};

use super::INVALID_CHARACTERS;
use crate::protocol::access_policy;

/// What SQS says of the name of an attribute of a queue.
pub(super) fn invalid_attribute_name(name: &str, rule: AttributeNameRule) -> Cow<'static, str> {
    match rule {
        AttributeNameRule::Unknown => format!("Unknown Attribute {name}.").into(),
        AttributeNameRule::FifoOnly => format!("You can specify the {name} only when FifoQueue is set to true.").into(),
        AttributeNameRule::OneEncryption => {
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS \
             SSE."
                .into()
        }
    }
}

/// What SQS says of the value of an attribute of a queue.
pub(super) fn invalid_attribute(attribute: &str, rule: Option<&AttributeRule>) -> String {
    let reason: Cow<'_, str> = match rule {
        None => return format!("Invalid value for the parameter {attribute}."),
        Some(AttributeRule::ThroughputNeedsScope) => "perMessageGroupId needs DeduplicationScope messageGroup".into(),
        Some(AttributeRule::TypeIsFixed) => "Modifying queue type is not supported.".into(),
        Some(AttributeRule::BurstWithoutRate) => "a queue without MaxReceiveRate has no burst".into(),
        Some(AttributeRule::Policy(problem)) => match access_policy::words(problem) {
            access_policy::Words::Action(name, rule) => action(name, rule),
            access_policy::Words::ActionOutOfScope(action) => {
                format!("Action {action} is out of the service's scope: it must begin with sqs:.").into()
            }
            access_policy::Words::Sentence(sentence) => sentence.into(),
        },
    };
    format!("Invalid value for the parameter {attribute}. Reason: {reason}")
}

/// `Value V for parameter P is invalid. Reason: R`, SQS's most common sentence, or one that stands alone.
pub(super) fn invalid_value(invalid: &InvalidValue) -> Cow<'static, str> {
    match invalid {
        InvalidValue::OutOfRange { parameter, range } => out_of_range(*parameter, *range).into(),
        InvalidValue::QueueName => {
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length".into()
        }
        InvalidValue::FifoQueueName => {
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with \
             .fifo suffix and be 1 to 80 in length."
                .into()
        }
        InvalidValue::Identifier { parameter, id, chars_max } => {
            let reason = format!(
                "{parameter} can only include alphanumeric and punctuation characters. 1 to {chars_max} in length."
            );
            value(id, parameter, &reason)
        }
        InvalidValue::DeduplicationIdOfStandardQueue { id } => {
            let reason = "The request include parameter that is not valid for this queue type.";
            value(id, "MessageDeduplicationId", reason)
        }
        InvalidValue::DelayOfFifoQueue { seconds } => {
            let reason = "The request include parameter that is not valid for this queue type.";
            value(&seconds.to_string(), "DelaySeconds", reason)
        }
        InvalidValue::DeduplicationIdMissing => {
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
             explicitly"
                .into()
        }
        InvalidValue::GroupIdMissing => "The request must contain the parameter MessageGroupId.".into(),
        InvalidValue::MessageTooLong { bytes_max } => {
            format!("One or more parameters are invalid. Reason: Message must be shorter than {bytes_max} bytes.")
                .into()
        }
        InvalidValue::TooManyMessageAttributes { found, max } => {
            format!("Number of message attributes [{found}] exceeds the allowed maximum [{max}].").into()
        }
        InvalidValue::MessageAttribute { name, rule } => message_attribute(name, rule),
        InvalidValue::SystemAttribute { name } => format!("Message system attribute name '{name}' is invalid.").into(),
        InvalidValue::TraceHeaderType => {
            "The type of message system attribute 'AWSTraceHeader' is invalid. It must be 'String'.".into()
        }
        InvalidValue::TraceHeader => "The value of message system attribute AWSTraceHeader is malformed.".into(),
        InvalidValue::NotChangeable { handle } => {
            let reason = "Message does not exist or is not available for visibility timeout change.";
            value(handle, "ReceiptHandle", reason)
        }
        InvalidValue::AttemptChanged { id } => {
            let reason = "A message of the attempt was deleted or had its visibility changed.";
            value(id, "ReceiveRequestAttemptId", reason)
        }
        InvalidValue::InFlightTooLong { seconds, seconds_max } => {
            let reason = format!("Total VisibilityTimeout for the message is beyond the limit [{seconds_max} seconds]");
            value(&seconds.to_string(), "VisibilityTimeout", &reason)
        }
        InvalidValue::RedrivePolicy { policy, rule } => value(policy, "RedrivePolicy", &redrive(rule)),
        InvalidValue::RedriveAllowPolicy { policy, rule } => value(policy, "RedriveAllowPolicy", &redrive_allow(*rule)),
        InvalidValue::TagKeyLength { chars_max } => {
            format!("Tag keys must be between 1 and {chars_max} characters in length.").into()
        }
        InvalidValue::TagKeyReserved => "Tag keys cannot start with the reserved prefix 'aws:'.".into(),
        InvalidValue::TagValueLength { chars_max } => {
            format!("Tag values must be between 0 and {chars_max} characters in length.").into()
        }
        InvalidValue::TooManyTags { max } => format!("Too many tags added; a queue can have at most {max}.").into(),
        InvalidValue::NextToken => "Invalid or expired next token.".into(),
        InvalidValue::TaskHandle => "Value for parameter TaskHandle is invalid.".into(),
        InvalidValue::QueueArn { parameter } => format!(
            "You must use this format to specify the {parameter}: \
             arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
        .into(),
        InvalidValue::Label { label, chars_max } => {
            let reason = format!(
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to {chars_max} in length."
            );
            value(label, "Label", &reason)
        }
        InvalidValue::LabelTaken { label } => value(label, "Label", "Already exists."),
        InvalidValue::LabelMissing { label } => value(label, "Label", "can't find label."),
        InvalidValue::Principal { account } => value(&format!("[{account}]"), "PrincipalId", "Unable to verify."),
        InvalidValue::Action { action, rule } => self::action(action, *rule),
        InvalidValue::MoveTaskRuns => {
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time."
                .into()
        }
        InvalidValue::NotADeadLetterQueue => "Source queue must be configured as a Dead Letter Queue.".into(),
        InvalidValue::SameQueue => "Source queue arn and destination queue arn cannot be the same.".into(),
        InvalidValue::QueueTypesDiffer => "Source queue and destination queue must be of the same type.".into(),
    }
}

pub(super) fn value(value: &str, parameter: &str, reason: &str) -> Cow<'static, str> {
    format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}").into()
}

fn action(action: &str, rule: ActionRule) -> Cow<'static, str> {
    let reason = match rule {
        ActionRule::Unknown => "Please refer to the appropriate WSDL for a list of valid actions.",
        ActionRule::OwnersOnly => "Only the queue owner is allowed to invoke this action.",
    };
    value(&format!("SQS:{action}"), "ActionName", reason)
}

fn out_of_range(parameter: RangedParameter, range: OutOfRange) -> String {
    let OutOfRange { value, min, max } = range;
    let (name, reason) = match parameter {
        RangedParameter::DelaySeconds => ("DelaySeconds", format!("DelaySeconds must be >= {min} and <= {max}.")),
        RangedParameter::MaxNumberOfMessages => {
            ("MaxNumberOfMessages", format!("Must be between {min} and {max}, if provided."))
        }
        RangedParameter::QueuesMaxResults => ("MaxResults", format!("Must be between {min} and {max}, if provided.")),
        RangedParameter::MaxNumberOfMessagesPerSecond => {
            ("MaxNumberOfMessagesPerSecond", format!("MaxNumberOfMessagesPerSecond must be between {min} and {max}."))
        }
        RangedParameter::MoveTasksMaxResults => ("MaxResults", format!("MaxResults must be between {min} and {max}.")),
        RangedParameter::ChangedVisibilityTimeout => {
            ("VisibilityTimeout", format!("VisibilityTimeout must be an integer between {min} and {max}."))
        }
        RangedParameter::ReceivedVisibilityTimeout => {
            ("VisibilityTimeout", format!("Must be >= {min} and <= {max}, if provided."))
        }
        RangedParameter::WaitTimeSeconds => ("WaitTimeSeconds", format!("Must be >= {min} and <= {max}, if provided.")),
    };
    format!("Value {value} for parameter {name} is invalid. Reason: {reason}")
}

fn redrive(rule: &RedriveRule) -> Cow<'static, str> {
    match rule {
        RedriveRule::NotAnObject => "Redrive policy is not a valid JSON map.".into(),
        RedriveRule::UnknownMember => {
            "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].".into()
        }
        RedriveRule::TargetMissing => {
            "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.".into()
        }
        RedriveRule::CountMissing => "Redrive policy does not contain mandatory attribute: maxReceiveCount.".into(),
        RedriveRule::Target => "Invalid value for deadLetterTargetArn.".into(),
        RedriveRule::Count { found, min, max } => {
            format!("Invalid value for maxReceiveCount: {found}, valid values are from {min} to {max} both inclusive.")
                .into()
        }
        RedriveRule::Itself => "A queue cannot be its own dead letter queue.".into(),
        RedriveRule::Owner => "Dead letter target owner should be same as the source.".into(),
        RedriveRule::Region => "Dead letter target should be in the same region as the source.".into(),
        RedriveRule::NotFound => "Dead letter target does not exist.".into(),
        RedriveRule::QueueType => "Dead-letter queue must be same type of queue as the source.".into(),
        RedriveRule::NotAllowed => "The dead letter target's redrive allow policy does not allow this queue.".into(),
    }
}

fn redrive_allow(rule: RedriveAllowRule) -> Cow<'static, str> {
    match rule {
        RedriveAllowRule::NotAnObject => {
            "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format.".into()
        }
        RedriveAllowRule::UnknownMember => {
            "Amazon SQS can't create the redrive allow policy. Only the following attributes are supported: \
             [redrivePermission, sourceQueueArns]."
                .into()
        }
        RedriveAllowRule::Permission => "redrivePermission must be one of allowAll, denyAll, byQueue.".into(),
        RedriveAllowRule::SourcesWithoutByQueue => {
            "sourceQueueArns may only be given where redrivePermission is byQueue.".into()
        }
        RedriveAllowRule::Sources { max } => {
            format!("sourceQueueArns must be a list of 1 to {max} queue ARNs where redrivePermission is byQueue.")
                .into()
        }
        RedriveAllowRule::SourceArn => "sourceQueueArns holds what is not a queue ARN.".into(),
    }
}

fn message_attribute(name: &str, rule: &MessageAttributeRule) -> Cow<'static, str> {
    match rule {
        MessageAttributeRule::Repeated => format!("Message (user) attribute name '{name}' already exists.").into(),
        MessageAttributeRule::NameLength { max } => {
            format!("Length of message attribute name must be less than {max} bytes and not be empty.").into()
        }
        MessageAttributeRule::NameReserved => {
            "Message attribute name cannot start with reserved prefixes 'AWS.' or 'Amazon.'.".into()
        }
        // The words are AWS's for SNS only.
        MessageAttributeRule::Name
        | MessageAttributeRule::NameCharacter { .. }
        | MessageAttributeRule::NameStart
        | MessageAttributeRule::NameEnd
        | MessageAttributeRule::NamePeriods => format!(
            "Invalid attribute name '{name}': it can contain letters, digits, underscores, hyphens, and single \
             periods that are neither first nor last."
        )
        .into(),
        MessageAttributeRule::TypeMissing => {
            format!("The message attribute '{name}' must contain non-empty message attribute type.").into()
        }
        MessageAttributeRule::TypeTooLong { max } => {
            format!("Length of message attribute type must be less than {max} bytes.").into()
        }
        MessageAttributeRule::Type => format!(
            "The type of message (user) attribute '{name}' is invalid. You must use only the following supported type \
             prefixes: Binary, Number, String."
        )
        .into(),
        MessageAttributeRule::Empty { data_type } => {
            format!("Message (user) attribute '{name}' must contain a non-empty value of type '{data_type}'.").into()
        }
        MessageAttributeRule::NotBytes { data_type } => {
            format!("The message attribute '{name}' with type '{data_type}' must use field 'Binary'.").into()
        }
        MessageAttributeRule::NotText { data_type } => {
            format!("The message attribute '{name}' with type '{data_type}' must use field 'String'.").into()
        }
        MessageAttributeRule::NotANumber => {
            format!("Can't cast the value of message (user) attribute '{name}' to a number.").into()
        }
        MessageAttributeRule::Characters => INVALID_CHARACTERS.into(),
        MessageAttributeRule::Lists => {
            "Message attribute list values in SendMessage operation are not supported.".into()
        }
        MessageAttributeRule::ManyValues => format!("The message attribute '{name}' has more than one value.").into(),
        MessageAttributeRule::NotBase64 => format!("The value of message attribute '{name}' is not base64.").into(),
    }
}
