//! The sentence of every rule, word for word. Clients match on them.

use posthouse_model::OutOfRange;
use posthouse_model::fault::{
    ActionRule, AttributeNameRule, AttributeRule, BatchEntryIdRule, Denial, Denied, Grant, InvalidValue, Limit,
    MessageAttributeRule, MissingResource, PolicyLevel, PolicyPart, PolicyProblem, PolicyType, Quota, RangedParameter,
    RedriveAllowRule, RedriveRule, Unavailable, Unsupported,
};
use posthouse_model::json::Node;
use posthouse_model::{Fault, Identity, Seconds};

use crate::fault_message;

fn check(fault: &Fault, sentence: &str) {
    assert_eq!(fault_message(fault), sentence, "{fault}");
}

#[test]
fn faults() {
    let denied = |resource: Option<&str>, grant| {
        Fault::AccessDenied(Denied::NotGranted(Box::new(Denial {
            caller: Identity::user("123456789012".parse().expect("valid"), "alice"),
            action: "SendMessage",
            resource: resource.map(Into::into),
            grant,
        })))
    };
    for (fault, sentence) in [
        (Fault::AccessDenied(Denied::NoAccount), "Access to the resource is denied."),
        (
            denied(None, Grant::OwnersOnly),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sqs:sendmessage",
        ),
        (
            denied(Some("arn"), Grant::NotAllowed(PolicyType::Resource)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sqs:sendmessage on resource: arn because no resource-based policy allows the sqs:sendmessage action",
        ),
        (
            denied(Some("arn"), Grant::Denied(PolicyType::Resource)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sqs:sendmessage on resource: arn with an explicit deny in a resource-based policy",
        ),
        (
            denied(Some("arn"), Grant::NotAllowed(PolicyType::Identity)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sqs:sendmessage on resource: arn because no identity-based policy allows the sqs:sendmessage action",
        ),
        (
            denied(Some("arn"), Grant::Denied(PolicyType::Identity)),
            "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sqs:sendmessage on resource: arn with an explicit deny in an identity-based policy",
        ),
        (Fault::AccessDenied(Denied::NotBroker { action: "SettlePushes" }), "Only the broker may call SettlePushes."),
        (Fault::QueueDoesNotExist, "The specified queue does not exist."),
        (
            Fault::QueueNameExists { attribute: "A" },
            "A queue already exists with the same name and a different value for attribute A",
        ),
        (
            Fault::QueueDeletedRecently { interval: Seconds::new(60) },
            "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
        ),
        (
            Fault::PurgeQueueInProgress { queue: "q".parse().expect("valid"), interval: Seconds::new(60) },
            "Only one PurgeQueue operation on q is allowed every 60 seconds.",
        ),
        (Fault::unknown_attribute("A"), "Unknown Attribute A."),
        (
            Fault::InvalidAttributeName { name: "DeduplicationScope".into(), rule: AttributeNameRule::FifoOnly },
            "You can specify the DeduplicationScope only when FifoQueue is set to true.",
        ),
        (
            Fault::InvalidAttributeName { name: "A".into(), rule: AttributeNameRule::OneEncryption },
            "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
        ),
        (Fault::missing("P"), "The request must contain the parameter P."),
        (
            Fault::InvalidMessageContents,
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        ),
        (
            Fault::EmptyBatchRequest { action: "SendMessageBatch" },
            "There should be at least one SendMessageBatchRequestEntry in the request.",
        ),
        (Fault::TooManyEntriesInBatchRequest(11), "Maximum number of entries per request are 10. You have sent 11."),
        (Fault::BatchEntryIdsNotDistinct("a".into()), "Id a repeated."),
        (
            Fault::InvalidBatchEntryId { id: "".into(), rule: BatchEntryIdRule::Empty },
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        ),
        (
            Fault::BatchRequestTooLong(2_000_000),
            "Batch requests cannot be longer than 1048576 bytes. You have sent 2000000 bytes.",
        ),
        (Fault::ReceiptHandleIsInvalid("h".into()), "The input receipt handle \"h\" is not a valid receipt handle."),
        (Fault::ReceiptHandleOfOtherQueue("h".into()), "The input receipt handle is invalid."),
        (
            Fault::ReceiptHandleExpired("h".into()),
            "Value h for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        ),
        (Fault::OverLimit(Limit::MessagesInFlight), "The maximum number of in flight messages is reached."),
        (Fault::OverLimit(Limit::Quota { of: Quota::Queues, max: 9 }), "The account may hold at most 9 queues."),
        (Fault::OverLimit(Limit::Quota { of: Quota::Messages, max: 9 }), "The account may hold at most 9 messages."),
        (
            Fault::OverLimit(Limit::Quota { of: Quota::Bytes, max: 9 }),
            "The account may hold at most 9 bytes of messages.",
        ),
        (
            Fault::OverLimit(Limit::Quota { of: Quota::Endpoints, max: 9 }),
            "The account may hold at most 9 platform applications, endpoints and phone numbers.",
        ),
        (Fault::OverLimit(Limit::Queues), "No more queues can be created in this data directory."),
        (
            Fault::OverLimit(Limit::Policy { part: PolicyPart::Actions, found: 8, max: 7 }),
            "8 Actions were found, maximum allowed is 7.",
        ),
        (
            Fault::invalid(InvalidValue::MoveTaskRuns),
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        ),
        (Fault::UnsupportedOperation(Unsupported::MoveTaskHasEnded), "Only active tasks can be cancelled."),
        (
            Fault::ResourceNotFound(MissingResource::Queue { parameter: "SourceArn" }),
            "The resource that you specified for the SourceArn parameter doesn't exist.",
        ),
        (Fault::ResourceNotFound(MissingResource::MoveTask), "Task does not exist."),
        (Fault::Throttled, "The broker is at its configured limits; try again."),
        (Fault::StorageFull, "The disk is full; receiving and deleting messages still works."),
        (Fault::Unavailable(Unavailable::ShuttingDown), "The broker is shutting down."),
        (
            Fault::Unavailable(Unavailable::LogFailed("x".into())),
            "The broker takes nothing more, because its log has failed: x",
        ),
        (
            Fault::Unavailable(Unavailable::NoLogFile("x".into())),
            "The broker takes no more data, because its log gets no further file: x; receiving and deleting messages \
             still works.",
        ),
        (Fault::Internal, "The broker could not read what it stored; its log says where."),
    ] {
        check(&fault, sentence);
    }
}

#[test]
fn attributes() {
    for (rule, sentence) in [
        (None, ""),
        (Some(AttributeRule::ThroughputNeedsScope), " Reason: perMessageGroupId needs DeduplicationScope messageGroup"),
        (Some(AttributeRule::TypeIsFixed), " Reason: Modifying queue type is not supported."),
        (Some(AttributeRule::BurstWithoutRate), " Reason: a queue without MaxReceiveRate has no burst"),
    ] {
        let fault = Fault::InvalidAttributeValue { attribute: "A", rule };
        check(&fault, &format!("Invalid value for the parameter A.{sentence}"));
    }
}

#[test]
fn access_policies() {
    let x = || "x".into();
    let many = |part| PolicyProblem::TooMany { part, found: 9, max: 5 };
    let not_json = Node::parse("{x}").expect_err("no JSON");
    for (problem, sentence) in [
        (
            PolicyProblem::Action { action: "Peek".into(), rule: ActionRule::Unknown },
            "Value SQS:Peek for parameter ActionName is invalid. Reason: Please refer to the appropriate WSDL for a list of valid actions.",
        ),
        (
            PolicyProblem::Action { action: "DeleteQueue".into(), rule: ActionRule::OwnersOnly },
            "Value SQS:DeleteQueue for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action.",
        ),
        (
            PolicyProblem::ActionOutOfScope { action: "sns:Publish".into() },
            "Action sns:Publish is out of the service's scope: it must begin with sqs:.",
        ),
        (PolicyProblem::NotJson(not_json), "The policy is not valid JSON at line 1, column 2."),
        (PolicyProblem::RepeatedMember { name: x() }, "The policy has two members x in one object."),
        (PolicyProblem::NotAnObject, "The policy must be a JSON object."),
        (many(PolicyPart::Bytes), "The policy has 9 bytes, maximum allowed is 5."),
        (many(PolicyPart::Statements), "9 Statements were found, maximum allowed is 5."),
        (many(PolicyPart::Principals), "9 Principals were found, maximum allowed is 5."),
        (many(PolicyPart::Actions), "9 Actions were found, maximum allowed is 5."),
        (PolicyProblem::Version, "Version must be 2008-10-17 or 2012-10-17."),
        (PolicyProblem::Missing { element: "Effect" }, "Missing required field Effect."),
        (PolicyProblem::Empty { element: "Statement" }, "Statement must not be empty."),
        (PolicyProblem::ElementNotAnObject { element: x() }, "x must be a JSON object."),
        (PolicyProblem::NotAString { element: "Sid" }, "Sid must be a string."),
        (PolicyProblem::UnknownElement { name: x(), within: PolicyLevel::Document }, "Unknown field x in the policy."),
        (
            PolicyProblem::UnknownElement { name: x(), within: PolicyLevel::Statement },
            "Unknown field x in a statement.",
        ),
        (PolicyProblem::RepeatedLabel { label: x() }, "Sid x is given to more than one statement."),
        (PolicyProblem::Effect, "Effect must be Allow or Deny."),
        (
            PolicyProblem::Contradiction { elements: ["Action", "NotAction"] },
            "A statement must not have both Action and NotAction.",
        ),
        (PolicyProblem::PrincipalShape, "Principal must be * or an object of principals."),
        (PolicyProblem::Principal { kind: "AWS".into(), value: x() }, "Invalid principal AWS: x."),
        (PolicyProblem::UnknownOperator { operator: x() }, "Invalid Condition type: x."),
        (
            PolicyProblem::ConditionValue { operator: "Bool".into(), key: "k".into(), value: x() },
            "Invalid value x for k in Condition Bool.",
        ),
        (PolicyProblem::ConditionEmpty { key: "k".into() }, "Condition key k has no value."),
        (
            PolicyProblem::ConditionShape { key: "k".into() },
            "The values of condition key k must be strings, numbers or booleans.",
        ),
        (PolicyProblem::Variable { text: x() }, "x has a policy variable that is malformed or unknown."),
    ] {
        let fault = Fault::InvalidAttributeValue { attribute: "Policy", rule: Some(AttributeRule::Policy(problem)) };
        check(&fault, &format!("Invalid value for the parameter Policy. Reason: {sentence}"));
    }
}

#[test]
fn numbers() {
    use RangedParameter as P;
    for (parameter, name, reason) in [
        (P::DelaySeconds, "DelaySeconds", "DelaySeconds must be >= 1 and <= 5."),
        (P::MaxNumberOfMessages, "MaxNumberOfMessages", "Must be between 1 and 5, if provided."),
        (
            P::MaxNumberOfMessagesPerSecond,
            "MaxNumberOfMessagesPerSecond",
            "MaxNumberOfMessagesPerSecond must be between 1 and 5.",
        ),
        (P::MoveTasksMaxResults, "MaxResults", "MaxResults must be between 1 and 5."),
        (P::QueuesMaxResults, "MaxResults", "Must be between 1 and 5, if provided."),
        (P::ChangedVisibilityTimeout, "VisibilityTimeout", "VisibilityTimeout must be an integer between 1 and 5."),
        (P::ReceivedVisibilityTimeout, "VisibilityTimeout", "Must be >= 1 and <= 5, if provided."),
        (P::WaitTimeSeconds, "WaitTimeSeconds", "Must be >= 1 and <= 5, if provided."),
    ] {
        let range = OutOfRange { value: 9, min: 1, max: 5 };
        let fault = Fault::invalid(InvalidValue::OutOfRange { parameter, range });
        check(&fault, &format!("Value 9 for parameter {name} is invalid. Reason: {reason}"));
    }
}

#[test]
fn values() {
    let text = || "x".into();
    for (invalid, sentence) in [
        (
            InvalidValue::QueueName,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ),
        (
            InvalidValue::FifoQueueName,
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.",
        ),
        (
            InvalidValue::Identifier { parameter: "P", id: text(), chars_max: 128 },
            "Value x for parameter P is invalid. Reason: P can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        ),
        (
            InvalidValue::DeduplicationIdOfStandardQueue { id: text() },
            "Value x for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not valid for this queue type.",
        ),
        (
            InvalidValue::DelayOfFifoQueue { seconds: 5 },
            "Value 5 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
        ),
        (
            InvalidValue::DeduplicationIdMissing,
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            InvalidValue::MessageTooLong { bytes_max: 5 },
            "One or more parameters are invalid. Reason: Message must be shorter than 5 bytes.",
        ),
        (
            InvalidValue::TooManyMessageAttributes { found: 11, max: 10 },
            "Number of message attributes [11] exceeds the allowed maximum [10].",
        ),
        (InvalidValue::SystemAttribute { name: text() }, "Message system attribute name 'x' is invalid."),
        (
            InvalidValue::TraceHeaderType,
            "The type of message system attribute 'AWSTraceHeader' is invalid. It must be 'String'.",
        ),
        (InvalidValue::TraceHeader, "The value of message system attribute AWSTraceHeader is malformed."),
        (
            InvalidValue::NotChangeable { handle: text() },
            "Value x for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.",
        ),
        (
            InvalidValue::AttemptChanged { id: text() },
            "Value x for parameter ReceiveRequestAttemptId is invalid. Reason: A message of the attempt was deleted or had its visibility changed.",
        ),
        (
            InvalidValue::InFlightTooLong { seconds: 5, seconds_max: 43_200 },
            "Value 5 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]",
        ),
        (InvalidValue::TagKeyLength { chars_max: 128 }, "Tag keys must be between 1 and 128 characters in length."),
        (InvalidValue::TagKeyReserved, "Tag keys cannot start with the reserved prefix 'aws:'."),
        (InvalidValue::TagValueLength { chars_max: 256 }, "Tag values must be between 0 and 256 characters in length."),
        (InvalidValue::TooManyTags { max: 50 }, "Too many tags added; a queue can have at most 50."),
        (InvalidValue::NextToken, "Invalid or expired next token."),
        (InvalidValue::TaskHandle, "Value for parameter TaskHandle is invalid."),
        (
            InvalidValue::QueueArn { parameter: "P" },
            "You must use this format to specify the P: arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
        ),
        (
            InvalidValue::Label { label: text(), chars_max: 80 },
            "Value x for parameter Label is invalid. Reason: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
        ),
        (InvalidValue::LabelTaken { label: text() }, "Value x for parameter Label is invalid. Reason: Already exists."),
        (
            InvalidValue::LabelMissing { label: text() },
            "Value x for parameter Label is invalid. Reason: can't find label.",
        ),
        (
            InvalidValue::Principal { account: text() },
            "Value [x] for parameter PrincipalId is invalid. Reason: Unable to verify.",
        ),
        (
            InvalidValue::Action { action: text(), rule: ActionRule::OwnersOnly },
            "Value SQS:x for parameter ActionName is invalid. Reason: Only the queue owner is allowed to invoke this action.",
        ),
        (InvalidValue::NotADeadLetterQueue, "Source queue must be configured as a Dead Letter Queue."),
        (InvalidValue::SameQueue, "Source queue arn and destination queue arn cannot be the same."),
        (InvalidValue::QueueTypesDiffer, "Source queue and destination queue must be of the same type."),
    ] {
        check(&Fault::invalid(invalid), sentence);
    }
}

#[test]
fn message_attributes() {
    use MessageAttributeRule as R;
    for (rule, sentence) in [
        (R::Repeated, "Message (user) attribute name 'a' already exists."),
        (R::NameLength { max: 256 }, "Length of message attribute name must be less than 256 bytes and not be empty."),
        (R::NameReserved, "Message attribute name cannot start with reserved prefixes 'AWS.' or 'Amazon.'."),
        (
            R::Name,
            "Invalid attribute name 'a': it can contain letters, digits, underscores, hyphens, and single periods that are neither first nor last.",
        ),
        (R::TypeMissing, "The message attribute 'a' must contain non-empty message attribute type."),
        (R::TypeTooLong { max: 256 }, "Length of message attribute type must be less than 256 bytes."),
        (
            R::Type,
            "The type of message (user) attribute 'a' is invalid. You must use only the following supported type prefixes: Binary, Number, String.",
        ),
        (
            R::Empty { data_type: "Number".into() },
            "Message (user) attribute 'a' must contain a non-empty value of type 'Number'.",
        ),
        (
            R::Empty { data_type: "Binary".into() },
            "Message (user) attribute 'a' must contain a non-empty value of type 'Binary'.",
        ),
        (
            R::NotBytes { data_type: "Binary".into() },
            "The message attribute 'a' with type 'Binary' must use field 'Binary'.",
        ),
        (
            R::NotText { data_type: "Number".into() },
            "The message attribute 'a' with type 'Number' must use field 'String'.",
        ),
        (R::NotANumber, "Can't cast the value of message (user) attribute 'a' to a number."),
        (R::Lists, "Message attribute list values in SendMessage operation are not supported."),
        (R::ManyValues, "The message attribute 'a' has more than one value."),
        (R::NotBase64, "The value of message attribute 'a' is not base64."),
    ] {
        check(&Fault::invalid(InvalidValue::MessageAttribute { name: "a".into(), rule }), sentence);
    }
}

#[test]
fn redrive() {
    use {RedriveAllowRule as A, RedriveRule as R};
    for (rule, reason) in [
        (R::NotAnObject, "Redrive policy is not a valid JSON map."),
        (R::UnknownMember, "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."),
        (R::TargetMissing, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        (R::CountMissing, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        (R::Target, "Invalid value for deadLetterTargetArn."),
        (
            R::Count { found: "0".into(), min: 1, max: 1000 },
            "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
        ),
        (R::Itself, "A queue cannot be its own dead letter queue."),
        (R::Owner, "Dead letter target owner should be same as the source."),
        (R::Region, "Dead letter target should be in the same region as the source."),
        (R::NotFound, "Dead letter target does not exist."),
        (R::QueueType, "Dead-letter queue must be same type of queue as the source."),
        (R::NotAllowed, "The dead letter target's redrive allow policy does not allow this queue."),
    ] {
        let fault = Fault::invalid(InvalidValue::RedrivePolicy { policy: "{}".into(), rule });
        check(&fault, &format!("Value {{}} for parameter RedrivePolicy is invalid. Reason: {reason}"));
    }
    for (rule, reason) in [
        (A::NotAnObject, "Amazon SQS can't create the redrive allow policy, as it's in an unsupported format."),
        (
            A::UnknownMember,
            "Amazon SQS can't create the redrive allow policy. Only the following attributes are supported: [redrivePermission, sourceQueueArns].",
        ),
        (A::Permission, "redrivePermission must be one of allowAll, denyAll, byQueue."),
        (A::SourcesWithoutByQueue, "sourceQueueArns may only be given where redrivePermission is byQueue."),
        (
            A::Sources { max: 10 },
            "sourceQueueArns must be a list of 1 to 10 queue ARNs where redrivePermission is byQueue.",
        ),
        (A::SourceArn, "sourceQueueArns holds what is not a queue ARN."),
    ] {
        let fault = Fault::invalid(InvalidValue::RedriveAllowPolicy { policy: "{}".into(), rule });
        check(&fault, &format!("Value {{}} for parameter RedriveAllowPolicy is invalid. Reason: {reason}"));
    }
}

/// What only a policy in the configuration can break.
#[test]
fn identity_policies() {
    let x = || Box::from("x");
    let action = |action: &str| PolicyProblem::Action { action: action.into(), rule: ActionRule::Unknown };
    for (problem, sentence) in [
        (action("sqs:Peek"), "Action sqs:Peek is unknown."),
        (
            action("sqs:SendMessageBatch"),
            "Action sqs:SendMessageBatch is unknown: a batch needs the permission of its single action.",
        ),
        (
            PolicyProblem::TooMany { part: PolicyPart::Characters, found: 9, max: 5 },
            "The policy has 9 characters without white space, maximum allowed is 5.",
        ),
        (PolicyProblem::VariableVersion { text: x() }, "x has a policy variable, which needs Version 2012-10-17."),
        (
            PolicyProblem::IdentityPrincipal { element: "Principal" },
            "The policy of a user or a group has no Principal: it is about the users that have it.",
        ),
        (
            PolicyProblem::ActionShape { action: x() },
            "Action x must be * or a service and a name, such as sqs:SendMessage.",
        ),
        (PolicyProblem::ResourceShape { resource: x() }, "Resource x must be an ARN or *."),
        (PolicyProblem::UnknownKey { key: x() }, "Condition key x is unknown."),
        (PolicyProblem::Effect, "Effect must be Allow or Deny."),
    ] {
        assert_eq!(crate::identity_policy_message(&problem), sentence);
    }
}
