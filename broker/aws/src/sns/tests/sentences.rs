//! The sentence of every rule, word for word. Clients match on them.

use posthouse_model::fault::{
    ApplicationNameRule as Name, BatchEntryIdRule, Constraint, DeliveryPolicyRule as Delivery, EndpointRule,
    InvalidMessageAttribute, JsonKind, MessageAttributeRule, Origin, PlatformRule, PolicyProblem, Rule, SmsRule,
    SubscriptionRule as Of, TopicType, Violation,
};
use posthouse_model::json::Node;
use posthouse_model::{Fault, SnsFault};

use crate::fault_message;
use crate::protocol::Protocol;
use crate::sns::SNS;
use crate::sqs::SQS;

const ATTRIBUTE: Origin = Origin::Attribute("A");

fn check(fault: &Fault, sentence: &str) {
    assert_eq!(fault_message(fault), sentence, "{fault}");
}

#[test]
fn parameters() {
    let text = || "x".into();
    for (rule, sentence) in [
        (Rule::Malformed, "P"),
        (Rule::Missing, "P Reason: no value for required parameter"),
        (Rule::ArnElements { found: 3 }, "P Reason: An ARN must have at least 6 elements, not 3"),
        (Rule::ArnSlashes, "P Reason: Wrong number of slashes in relative portion of the ARN."),
        (Rule::SubscriptionPending, "Cannot unsubscribe a subscription that is pending confirmation"),
        (Rule::SubscriptionId, "SubscriptionId"),
        (Rule::TopicName, "Topic Name"),
        (Rule::AccountId, "A provided account ID is not valid"),
        (Rule::DataDirection, "P Reason: Statement DataDirection must be either Inbound or Outbound"),
        (
            Rule::LargeTopicProtocol { protocol: "sms", bytes: 9 },
            "P Reason: a topic with a MaximumMessageSize above 9 cannot have a subscription of protocol sms",
        ),
        (
            Rule::LargeTopicSubscriptions { bytes: 9, max: 100 },
            "P Reason: a topic with a MaximumMessageSize above 9 has at most 100 subscriptions",
        ),
        (
            Rule::EndpointId { chars: 36 },
            "P Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 characters.",
        ),
        (Rule::ApplicationName { name: "".into(), rule: Name::Empty }, " Reason: cannot be empty"),
        (
            Rule::ApplicationName { name: text(), rule: Name::TooLong { chars_max: 256 } },
            "x Reason: must be at most 256 characters long",
        ),
        (
            Rule::ApplicationName { name: "@name".into(), rule: Name::Characters },
            "@name Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'",
        ),
        (Rule::UnknownPlatform { platform: text() }, "P Reason: x is not supported"),
        (Rule::UnknownProtocol { protocol: text() }, "Amazon SNS does not support this protocol string: x"),
        (Rule::PhoneNumber, "P Reason: input incorrectly formatted"),
        (Rule::NotPublishable { number: text() }, "P Reason: x is not valid to publish to"),
        (Rule::OptedOut, "P Reason: the number has opted out of messages"),
        (Rule::OptedIn { days: 30 }, "P Reason: a phone number can be opted in only once every 30 days"),
        (Rule::NoTarget, "TopicArn or TargetArn Reason: no value for required parameter"),
        (
            Rule::ManyTargets,
            "TopicArn or TargetArn Reason: only one of TopicArn, TargetArn and PhoneNumber can be given",
        ),
        (Rule::TagKeyReserved, "P Reason: a key cannot start with the reserved prefix aws:"),
        (Rule::TagKeysRepeat, "Duplicated keys are not allowed."),
        (Rule::UnknownAttribute { name: text() }, "Attributes Reason: Unknown attribute x"),
        (Rule::AttributeValue, "P: the value is not one that it takes"),
        (Rule::TopicAttributesDiffer, "P Reason: Topic already exists with different attributes"),
        (Rule::TopicTagsDiffer, "P Reason: Topic already exists with different tags"),
        (Rule::SubscriptionAttributesDiffer, "P Reason: Subscription already exists with different attributes"),
        (
            Rule::ApplicationAttributesDiffer,
            "P Reason: An application with the same name but different properties already exists",
        ),
        (
            Rule::TokenTaken { endpoint: text() },
            "P Reason: Endpoint x already exists with the same Token, but different attributes.",
        ),
        (
            Rule::FifoTopicProtocol { protocol: "sms" },
            "P Reason: Invalid protocol type: sms. FIFO topics take subscriptions of queues only",
        ),
        (
            Rule::FifoQueue,
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        ),
        (Rule::NoSuchTarget, "P Reason: No endpoint found for the target arn specified"),
        (Rule::NoSuchEndpoint { endpoint: text() }, "P Reason: Endpoint does not exist for endpoint arnx"),
        (Rule::DeduplicationOfStandardTopic, "Content-based deduplication can only be set for FIFO topics"),
        (Rule::ThroughputScopeOfStandardTopic, "FifoThroughputScope can only be set for FIFO topics"),
        (Rule::DeliveryPolicy(Delivery::NotJson), "DeliveryPolicy: failed to parse JSON"),
        (Rule::DataProtectionTooLong { max: 5 }, "P Reason: a policy has at most 5 bytes"),
        (Rule::DataProtectionNotAnObject, "P Reason: the policy is not a JSON object"),
        (Rule::StatementExists, "Statement already exists"),
        (Rule::Policy(PolicyProblem::Effect), "Policy Error: Effect must be Allow or Deny."),
        (Rule::EmptyMessage, "Empty message"),
        (Rule::MessageTooLong, "Message too long"),
        (Rule::Characters, "P Reason: it has characters that are not allowed"),
        (Rule::UnknownStructure, "P Reason: the only structure is json"),
        (Rule::StructureNotJson, "Message Structure - JSON message body failed to parse"),
        (Rule::StructureWithoutDefault, "Message Structure - No default entry in JSON message body"),
        (Rule::GroupMissing, "The MessageGroupId parameter is required for FIFO topics"),
        (
            Rule::DeduplicationIdOfStandardTopic,
            "P Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
        ),
        (
            Rule::DeduplicationIdMissing,
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
        ),
        (
            Rule::Identifier { chars_max: 128 },
            "P Reason: it can have 1 to 128 letters, digits and punctuation characters",
        ),
        (Rule::TooManyAttributes { max: 5 }, "P Reason: a message has at most 5 attributes"),
        (Rule::TooManyFilterValues, "P Reason: it has too many values for the filter policies of its topic"),
    ] {
        check(&SnsFault::invalid("P", rule), &format!("Invalid parameter: {sentence}"));
    }
}

#[test]
fn sentences_without_the_usual_beginning() {
    for (rule, sentence) in [
        (Rule::TokenNotHexadecimal, "Invalid token"),
        (Rule::Endpoint(EndpointRule::PhoneNumber { number: "x".into() }), "Invalid SMS endpoint: x"),
        (Rule::Sms(SmsRule::UnknownAttribute { name: "x".into() }), "x is not a valid attribute"),
        (Rule::Sms(SmsRule::Value { attribute: "DefaultSMSType" }), "DefaultSMSType is invalid"),
        (Rule::Sms(SmsRule::Percentage { attribute: "Rate" }), "Rate is not an integer between 0-100"),
    ] {
        check(&SnsFault::invalid("P", rule), sentence);
    }
}

#[test]
fn platform_attributes() {
    use PlatformRule::{AppleToken, Empty, NoChannel, Percentage, TooManyBytes, UnknownAttribute, Value, Without};
    for (rule, reason) in [
        (Empty, "cannot be empty"),
        (TooManyBytes { max: 2048 }, "must be at most 2048 bytes long in UTF-8 encoding"),
        (Value, "the value is not one that it takes"),
        (Percentage { value: "101".into() }, "101 value provided is not an integer between 0-100"),
        (AppleToken { chars_max: 400 }, "iOS device tokens must be no more than 400 hexadecimal characters"),
        (NoChannel, "must contain the ChannelId"),
    ] {
        let rule = Rule::Platform(rule);
        let in_map = format!("Invalid parameter: Attributes Reason: Invalid value for attribute: k: {reason}");
        check(&SnsFault::invalid(Origin::attributes("k"), rule.clone()), &in_map);
        check(&SnsFault::invalid("P", rule), &format!("Invalid parameter: P Reason: {reason}"));
    }
    for (rule, reason) in [
        (UnknownAttribute { name: "x".into() }, "Invalid attribute name: x"),
        (Without { given: "a", missing: "b" }, "a attribute provided without b"),
    ] {
        let fault = SnsFault::invalid(Origin::attributes("k"), Rule::Platform(rule));
        check(&fault, &format!("Invalid parameter: Attributes Reason: {reason}"));
    }
}

#[test]
fn a_value_in_a_map_is_worded_differently_from_one_alone() {
    for (rule, in_map, alone) in [
        (
            Rule::AttributeValue,
            "Attributes Reason: k: the value is not one that it takes",
            "A: the value is not one that it takes",
        ),
        (
            Rule::DeduplicationOfStandardTopic,
            "Attributes Reason: Content-based deduplication can only be set for FIFO topics",
            "Content-based deduplication can only be set for FIFO topics",
        ),
        (
            Rule::ThroughputScopeOfStandardTopic,
            "Attributes Reason: FifoThroughputScope can only be set for FIFO topics",
            "FifoThroughputScope can only be set for FIFO topics",
        ),
        (
            Rule::NotABoolean { value: "x".into() },
            "Attributes Reason: k: Invalid value [x]. Must be true or false.",
            "A: Invalid value [x]. Must be true or false.",
        ),
        (
            Rule::FilterPolicyScope { value: "x".into() },
            "Attributes Reason: k: Invalid value [x]. Please use either MessageBody or MessageAttributes",
            "A: Invalid value [x]. Please use either MessageBody or MessageAttributes",
        ),
        (
            Rule::SampleRate { value: "500".into(), max: 100 },
            "Attributes Reason: k: 500 value provided is not an integer between 0-100",
            "A: 500 value provided is not an integer between 0-100",
        ),
        (
            Rule::DeliveryPolicy(Delivery::AboveMax { member: "m".into(), max: 100 }),
            "Attributes Reason: DeliveryPolicy: m must be less than or equal to 100",
            "DeliveryPolicy: m must be less than or equal to 100",
        ),
        (
            Rule::Subscription(Of::RedriveRegion),
            "Attributes Reason: RedrivePolicy: must use a queue in the same region as the topic",
            "RedrivePolicy: must use a queue in the same region as the topic",
        ),
    ] {
        check(&SnsFault::invalid(Origin::attributes("k"), rule.clone()), &format!("Invalid parameter: {in_map}"));
        check(&SnsFault::invalid(ATTRIBUTE, rule), &format!("Invalid parameter: {alone}"));
    }
}

#[test]
fn endpoints() {
    for (rule, sentence) in [
        (
            EndpointRule::Length { chars_max: 2048 },
            "Endpoint Reason: an endpoint has 1 to 2048 characters and no control characters",
        ),
        (EndpointRule::Scheme, "Endpoint Reason: Endpoint must match the specified protocol"),
        (EndpointRule::NoHost, "Endpoint Reason: the URL has no host"),
        (EndpointRule::EmailAddress, "Email address"),
        (EndpointRule::QueueArn, "SQS endpoint ARN"),
        (EndpointRule::ApplicationArn { endpoint: "x".into() }, "Application endpoint arn invalid:x"),
        (EndpointRule::LambdaArn, "Lambda endpoint ARN"),
        (EndpointRule::FirehoseArn, "Firehose endpoint ARN"),
    ] {
        check(&SnsFault::invalid("Endpoint", Rule::Endpoint(rule)), &format!("Invalid parameter: {sentence}"));
    }
}

#[test]
fn subscriptions() {
    for (rule, sentence) in [
        (Of::RoleMissing, "SubscriptionRoleArn: The role is required for protocol firehose"),
        (Of::RawDelivery { protocol: "sms" }, "Delivery protocol [sms] does not support raw message delivery."),
        (
            Of::NoDeliveryPolicy { protocol: "sms" },
            "DeliveryPolicy: Delivery protocol [sms] does not support delivery policy.",
        ),
        (
            Of::RedriveNotJson(Node::parse("{invalidjson}").expect_err("no JSON")),
            "RedrivePolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
        ),
        (
            Of::RedriveUnknownMember { name: "maxReceiveCount".into() },
            "RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown.",
        ),
        (Of::RedriveNotAnObject, "RedrivePolicy: failed to deserialize JSON."),
        (Of::RedriveTarget, "RedrivePolicy: deadLetterTargetArn is an invalid arn"),
        (Of::RedriveRegion, "RedrivePolicy: must use a queue in the same region as the topic"),
        (Of::RedriveOwner, "RedrivePolicy: must use a queue of the subscription's owner"),
        (
            Of::RedriveType { topic: TopicType::Standard },
            "RedrivePolicy: must use a standard queue as DLQ for a standard topic",
        ),
        (
            Of::RedriveType { topic: TopicType::Fifo },
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
        ),
    ] {
        check(&SnsFault::invalid(ATTRIBUTE, Rule::Subscription(rule)), &format!("Invalid parameter: {sentence}"));
    }
}

#[test]
fn delivery_policies() {
    let (member, policy) = (|| "m".into(), || "p".into());
    for (rule, sentence) in [
        (Delivery::NotJson, "failed to parse JSON"),
        (Delivery::NotAnObject, "the document must be a JSON object"),
        (Delivery::MemberNotAnObject { member: member() }, "m must be a JSON object"),
        (Delivery::MissingMember { member: member() }, "m must be specified"),
        (Delivery::NotABoolean { member: member() }, "m must be true or false"),
        (Delivery::UnknownMember { member: member() }, "Unexpected JSON member: m"),
        (
            Delivery::NotAnInteger { member: member(), received: JsonKind::String },
            "m type mismatch, expecting integer, received a string",
        ),
        (Delivery::BelowMin { member: member(), min: 1 }, "m must be greater than or equal to 1"),
        (Delivery::AboveMax { member: member(), max: 9 }, "m must be less than or equal to 9"),
        (Delivery::BackoffFunction { member: member() }, "m must be one of linear, arithmetic, geometric, exponential"),
        (
            Delivery::DelaysReversed { policy: policy() },
            "p.maxDelayTarget must be greater than or equal to minDelayTarget",
        ),
        (
            Delivery::RetriesTooFew { policy: policy() },
            "p.numRetries must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and numMaxDelayRetries",
        ),
        (
            Delivery::DelaysTooLong { policy: policy(), seconds_max: 3600 },
            "p has delays of more than 3600 seconds altogether",
        ),
        (Delivery::ContentType { member: member() }, "m is not a content type that SNS sends"),
    ] {
        let fault = SnsFault::invalid(ATTRIBUTE, Rule::DeliveryPolicy(rule));
        check(&fault, &format!("Invalid parameter: DeliveryPolicy: {sentence}"));
    }
}

#[test]
fn members_outside_of_the_service_model() {
    let item = |member| Origin::ListItem { list: "tags", number: 2, member };
    for (origin, value, constraint, sentence) in [
        (
            Origin::Parameter("Name"),
            None,
            Constraint::NotNull,
            "null at 'name' failed to satisfy constraint: Member must not be null",
        ),
        (
            item(Some("key")),
            Some("x"),
            Constraint::LengthAtLeast(1),
            "'x' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            item(None),
            Some("x"),
            Constraint::LengthAtMost(9),
            "'x' at 'tags.2.member' failed to satisfy constraint: Member must have length less than or equal to 9",
        ),
        (
            Origin::Parameter("MaxResults"),
            Some("0"),
            Constraint::AtLeast(1),
            "'0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1",
        ),
        (
            Origin::Parameter("MaxResults"),
            Some("9"),
            Constraint::AtMost(5),
            "'9' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 5",
        ),
        (
            Origin::Parameter("P"),
            Some("x"),
            Constraint::OneOf(&["a", "b"]),
            "'x' at 'p' failed to satisfy constraint: Member must satisfy enum value set: [a, b]",
        ),
        (
            Origin::Parameter("P"),
            Some("x"),
            Constraint::Pattern("^a$"),
            "'x' at 'p' failed to satisfy constraint: Member must satisfy regular expression pattern: ^a$",
        ),
        (
            Origin::MessageAttribute { entry: None, name: "k".into(), member: "dataType" },
            None,
            Constraint::NotNull,
            "null at 'messageAttributes.k.member.dataType' failed to satisfy constraint: Member must not be null",
        ),
        (
            Origin::MessageAttribute { entry: Some(1), name: "k".into(), member: "dataType" },
            None,
            Constraint::NotNull,
            "null at 'publishBatchRequestEntries.1.member.messageAttributes.k.member.dataType' failed to satisfy constraint: Member must not be null",
        ),
    ] {
        let violation = Violation { origin, value: value.map(Into::into), constraint };
        let fault = SnsFault::Validation(Box::new(violation)).into();
        check(&fault, &format!("1 validation error detected: Value {sentence}"));
    }
}

#[test]
fn message_attributes() {
    let data_type = || "T".into();
    for (rule, sentence) in [
        (MessageAttributeRule::Repeated, "The message attribute name 'a' is there twice."),
        (MessageAttributeRule::Name, "Invalid message attribute name 'a'."),
        (MessageAttributeRule::NameReserved, "Invalid message attribute name 'a'."),
        (
            MessageAttributeRule::NameLength { max: 256 },
            "Length of message attribute name must be less than 256 bytes.",
        ),
        (
            MessageAttributeRule::NameCharacter { found: '^' },
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (MessageAttributeRule::NameStart, "Invalid message attribute name starting with character '.' was found."),
        (MessageAttributeRule::NameEnd, "Invalid message attribute name ending with character '.' was found."),
        (MessageAttributeRule::NamePeriods, "Message attribute name can not have successive '.' character."),
        (MessageAttributeRule::TypeMissing, "The message attribute 'a' must contain non-empty message attribute type."),
        (
            MessageAttributeRule::TypeTooLong { max: 9 },
            "The message attribute 'a' has a message attribute type that is too long.",
        ),
        (
            MessageAttributeRule::Type,
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        (
            MessageAttributeRule::Empty { data_type: data_type() },
            "The message attribute 'a' must contain non-empty message attribute value for message attribute type 'T'.",
        ),
        (
            MessageAttributeRule::NotBytes { data_type: data_type() },
            "The message attribute 'a' with type 'T' must use field 'Binary'.",
        ),
        (
            MessageAttributeRule::NotText { data_type: data_type() },
            "The message attribute 'a' with type 'T' must use field 'String'.",
        ),
        (MessageAttributeRule::NotANumber, "Could not cast message attribute 'a' value to number."),
        (MessageAttributeRule::Characters, "The message attribute 'a' has characters that are not allowed."),
        (MessageAttributeRule::ManyValues, "The message attribute 'a' has more than one value."),
        (MessageAttributeRule::NotBase64, "The message attribute 'a' has a binary value that is not base64."),
    ] {
        let invalid = InvalidMessageAttribute { name: "a".into(), rule };
        check(&SnsFault::ParameterValueInvalid(Box::new(invalid)).into(), sentence);
    }
}

#[test]
fn batches() {
    let id = |id: &str, rule| Fault::InvalidBatchEntryId { id: id.into(), rule };
    for (fault, sentence) in [
        (Fault::EmptyBatchRequest { action: "PublishBatch" }, "The batch request doesn't contain any entries."),
        (Fault::TooManyEntriesInBatchRequest(11), "The batch request contains more entries than permissible."),
        (Fault::BatchEntryIdsNotDistinct("a".into()), "Two or more batch entries in the request have the same Id."),
        (Fault::BatchRequestTooLong(1), "The length of all the messages put together is more than the limit."),
        (
            id("", BatchEntryIdRule::Empty),
            "The Id of a batch entry in a batch request doesn't abide by the specification.",
        ),
        (id("aa", BatchEntryIdRule::TooLong), "The Id of a batch entry in the batch request is too long: aa"),
        (
            id("msg@123#test", BatchEntryIdRule::Character),
            "The Id of a batch entry in the batch request contains an impermissible character: msg@123#test",
        ),
    ] {
        assert_eq!((SNS.message)(&fault, Protocol::Json10), sentence);
        assert_ne!((SQS.message)(&fault, Protocol::Json10), sentence, "SQS has its own words");
    }
}
