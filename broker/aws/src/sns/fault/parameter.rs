//! The sentences for parameters that break a rule. Only here is a value from a map worded differently from one that is
//! set alone.

mod mobile;

use posthouse_model::fault::{
    Constraint, DeliveryPolicyRule, EndpointRule, InvalidMessageAttribute, InvalidParameter, JsonKind,
    MessageAttributeRule, Origin, Rule, SubscriptionRule, TopicType, Violation,
};

use super::filter_policy::filter_policy;
use super::json::failed_to_parse;
use crate::protocol::access_policy;

/// `Invalid parameter: WHAT`, or `Invalid parameter: NAME Reason: REASON`.
pub(super) fn invalid_parameter(invalid: &InvalidParameter) -> String {
    let InvalidParameter { origin, rule } = invalid;
    match words(origin, rule) {
        Words::Whole(sentence) => sentence,
        Words::What(what) => format!("Invalid parameter: {what}"),
        Words::Reason(reason) => format!("Invalid parameter: {} Reason: {reason}", name(origin)),
        Words::ReasonOf(name, reason) => format!("Invalid parameter: {name} Reason: {reason}"),
    }
}

enum Words {
    /// The sentence.
    Whole(String),
    /// The sentence but for its beginning.
    What(String),
    /// Why the value's own name is invalid.
    Reason(String),
    /// Why another name is invalid.
    ReasonOf(&'static str, String),
}

/// The name of a value: in a map the entry's key.
fn name(origin: &Origin) -> String {
    match origin {
        Origin::Parameter(name) | Origin::Attribute(name) => (*name).into(),
        Origin::MapEntry { key, .. } => (**key).into(),
        Origin::ListItem { list, number, member: None } => format!("{list}.{number}.member"),
        Origin::ListItem { list, number, member: Some(member) } => format!("{list}.{number}.member.{member}"),
        Origin::MessageAttribute { entry: None, name, member } => format!("messageAttributes.{name}.member.{member}"),
        Origin::MessageAttribute { entry: Some(number), name, member } => {
            format!("publishBatchRequestEntries.{number}.member.messageAttributes.{name}.member.{member}")
        }
    }
}

fn words(origin: &Origin, rule: &Rule) -> Words {
    use Words::{Reason, ReasonOf, What, Whole};
    match rule {
        Rule::Malformed => What(name(origin)),
        Rule::Missing => Reason("no value for required parameter".into()),
        Rule::ArnElements { found } => Reason(format!("An ARN must have at least 6 elements, not {found}")),
        Rule::ArnSlashes => Reason("Wrong number of slashes in relative portion of the ARN.".into()),
        Rule::SubscriptionPending => What("Cannot unsubscribe a subscription that is pending confirmation".into()),
        Rule::TokenNotHexadecimal => Whole("Invalid token".into()),
        Rule::SubscriptionId => What("SubscriptionId".into()),
        Rule::TopicName => What("Topic Name".into()),
        Rule::AccountId => What("A provided account ID is not valid".into()),
        Rule::EndpointId { chars } => {
            Reason(format!("ARN specifies an invalid endpointId: UUID must be encoded in exactly {chars} characters."))
        }
        Rule::ApplicationName { name, rule } => mobile::application_name(name, *rule),
        Rule::Platform(rule) => mobile::platform(origin, rule),
        Rule::Sms(rule) => mobile::sms(rule),
        Rule::UnknownPlatform { platform } => Reason(format!("{platform} is not supported")),
        Rule::UnknownProtocol { protocol } => {
            What(format!("Amazon SNS does not support this protocol string: {protocol}"))
        }
        Rule::PhoneNumber => Reason("input incorrectly formatted".into()),
        Rule::NotPublishable { number } => Reason(format!("{number} is not valid to publish to")),
        Rule::OptedOut => Reason("the number has opted out of messages".into()),
        Rule::OptedIn { days } => Reason(format!("a phone number can be opted in only once every {days} days")),
        Rule::NoTarget => ReasonOf("TopicArn or TargetArn", "no value for required parameter".into()),
        Rule::ManyTargets => {
            ReasonOf("TopicArn or TargetArn", "only one of TopicArn, TargetArn and PhoneNumber can be given".into())
        }
        Rule::TagKeyReserved => Reason("a key cannot start with the reserved prefix aws:".into()),
        Rule::TagKeysRepeat => What("Duplicated keys are not allowed.".into()),
        Rule::UnknownAttribute { name } => ReasonOf("Attributes", format!("Unknown attribute {name}")),
        Rule::AttributeValue => attribute(origin, "the value is not one that it takes"),
        Rule::NotABoolean { value } => attribute(origin, &format!("Invalid value [{value}]. Must be true or false.")),
        Rule::FilterPolicyScope { value } => {
            attribute(origin, &format!("Invalid value [{value}]. Please use either MessageBody or MessageAttributes"))
        }
        Rule::SampleRate { value, max } => {
            attribute(origin, &format!("{value} value provided is not an integer between 0-{max}"))
        }
        Rule::Subscription(rule) => within(origin, subscription(rule)),
        Rule::TopicAttributesDiffer => Reason("Topic already exists with different attributes".into()),
        Rule::TopicTagsDiffer => Reason("Topic already exists with different tags".into()),
        Rule::SubscriptionAttributesDiffer => Reason("Subscription already exists with different attributes".into()),
        Rule::ApplicationAttributesDiffer => {
            Reason("An application with the same name but different properties already exists".into())
        }
        Rule::TokenTaken { endpoint } => {
            Reason(format!("Endpoint {endpoint} already exists with the same Token, but different attributes."))
        }
        Rule::Endpoint(rule) => endpoint(rule),
        Rule::FifoTopicProtocol { protocol } => {
            Reason(format!("Invalid protocol type: {protocol}. FIFO topics take subscriptions of queues only"))
        }
        // SNS says the first words twice.
        Rule::FifoQueue => What(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics".into(),
        ),
        Rule::NoSuchTarget => Reason("No endpoint found for the target arn specified".into()),
        // SNS writes the letters `arn` in front of the ARN.
        Rule::NoSuchEndpoint { endpoint } => Reason(format!("Endpoint does not exist for endpoint arn{endpoint}")),
        Rule::LargeTopicProtocol { protocol, bytes } => Reason(format!(
            "a topic with a MaximumMessageSize above {bytes} cannot have a subscription of protocol {protocol}"
        )),
        Rule::LargeTopicSubscriptions { bytes, max } => {
            Reason(format!("a topic with a MaximumMessageSize above {bytes} has at most {max} subscriptions"))
        }
        Rule::DeduplicationOfStandardTopic => {
            within(origin, "Content-based deduplication can only be set for FIFO topics".into())
        }
        Rule::ThroughputScopeOfStandardTopic => {
            within(origin, "FifoThroughputScope can only be set for FIFO topics".into())
        }
        Rule::DeliveryPolicy(rule) => within(origin, format!("DeliveryPolicy: {}", delivery_policy(rule))),
        Rule::DataProtectionTooLong { max } => Reason(format!("a policy has at most {max} bytes")),
        Rule::DataProtectionNotAnObject => Reason("the policy is not a JSON object".into()),
        Rule::DataDirection => Reason("Statement DataDirection must be either Inbound or Outbound".into()),
        Rule::StatementExists => What("Statement already exists".into()),
        Rule::Policy(problem) => {
            let what = match access_policy::words(problem) {
                access_policy::Words::Action(..) | access_policy::Words::ActionOutOfScope(_) => {
                    "Policy statement action out of service scope!".into()
                }
                access_policy::Words::Sentence(sentence) => format!("Policy Error: {sentence}"),
            };
            within(origin, what)
        }
        Rule::EmptyMessage => What("Empty message".into()),
        Rule::MessageTooLong => What("Message too long".into()),
        Rule::Characters => Reason("it has characters that are not allowed".into()),
        Rule::UnknownStructure => Reason("the only structure is json".into()),
        Rule::StructureNotJson => What("Message Structure - JSON message body failed to parse".into()),
        Rule::StructureWithoutDefault => What("Message Structure - No default entry in JSON message body".into()),
        Rule::GroupMissing => What("The MessageGroupId parameter is required for FIFO topics".into()),
        Rule::DeduplicationIdOfStandardTopic => {
            Reason("The request includes MessageDeduplicationId parameter that is not valid for this topic type".into())
        }
        Rule::DeduplicationIdMissing => What(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided \
             explicitly"
                .into(),
        ),
        Rule::Identifier { chars_max } => {
            Reason(format!("it can have 1 to {chars_max} letters, digits and punctuation characters"))
        }
        Rule::TooManyAttributes { max } => Reason(format!("a message has at most {max} attributes")),
        Rule::TooManyFilterValues => Reason("it has too many values for the filter policies of its topic".into()),
    }
}

/// What is wrong with an attribute, behind the attribute's name.
fn attribute(origin: &Origin, why: &str) -> Words {
    within(origin, format!("{}: {why}", name(origin)))
}

/// What is wrong with an attribute: as the reason why the map is invalid where the attribute came in one.
fn within(origin: &Origin, what: String) -> Words {
    match origin {
        Origin::MapEntry { map, .. } => Words::ReasonOf(map, what),
        Origin::Parameter(_) | Origin::Attribute(_) | Origin::ListItem { .. } | Origin::MessageAttribute { .. } => {
            Words::What(what)
        }
    }
}

fn endpoint(rule: &EndpointRule) -> Words {
    use Words::{Reason, What, Whole};
    match rule {
        EndpointRule::Length { chars_max } => {
            Reason(format!("an endpoint has 1 to {chars_max} characters and no control characters"))
        }
        EndpointRule::Scheme => Reason("Endpoint must match the specified protocol".into()),
        EndpointRule::NoHost => Reason("the URL has no host".into()),
        EndpointRule::EmailAddress => What("Email address".into()),
        EndpointRule::PhoneNumber { number } => Whole(format!("Invalid SMS endpoint: {number}")),
        EndpointRule::QueueArn => What("SQS endpoint ARN".into()),
        EndpointRule::ApplicationArn { endpoint } => What(format!("Application endpoint arn invalid:{endpoint}")),
        EndpointRule::LambdaArn => What("Lambda endpoint ARN".into()),
        EndpointRule::FirehoseArn => What("Firehose endpoint ARN".into()),
    }
}

fn subscription(rule: &SubscriptionRule) -> String {
    match rule {
        SubscriptionRule::RoleMissing => "SubscriptionRoleArn: The role is required for protocol firehose".into(),
        SubscriptionRule::RawDelivery { protocol } => {
            format!("Delivery protocol [{protocol}] does not support raw message delivery.")
        }
        SubscriptionRule::NoDeliveryPolicy { protocol } => {
            format!("DeliveryPolicy: Delivery protocol [{protocol}] does not support delivery policy.")
        }
        SubscriptionRule::FilterPolicy(problem) => filter_policy(problem),
        SubscriptionRule::RedriveNotJson(problem) => format!("RedrivePolicy: {}", failed_to_parse(problem)),
        SubscriptionRule::RedriveUnknownMember { name } => {
            format!("RedrivePolicy: invalid JSON. Attribute {name} is unknown.")
        }
        SubscriptionRule::RedriveNotAnObject => "RedrivePolicy: failed to deserialize JSON.".into(),
        SubscriptionRule::RedriveTarget => "RedrivePolicy: deadLetterTargetArn is an invalid arn".into(),
        SubscriptionRule::RedriveRegion => "RedrivePolicy: must use a queue in the same region as the topic".into(),
        SubscriptionRule::RedriveOwner => "RedrivePolicy: must use a queue of the subscription's owner".into(),
        SubscriptionRule::RedriveType { topic: TopicType::Standard } => {
            "RedrivePolicy: must use a standard queue as DLQ for a standard topic".into()
        }
        SubscriptionRule::RedriveType { topic: TopicType::Fifo } => {
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.".into()
        }
    }
}

fn delivery_policy(rule: &DeliveryPolicyRule) -> String {
    match rule {
        DeliveryPolicyRule::NotJson => "failed to parse JSON".into(),
        DeliveryPolicyRule::NotAnObject => "the document must be a JSON object".into(),
        DeliveryPolicyRule::MemberNotAnObject { member } => format!("{member} must be a JSON object"),
        DeliveryPolicyRule::MissingMember { member } => format!("{member} must be specified"),
        DeliveryPolicyRule::NotABoolean { member } => format!("{member} must be true or false"),
        DeliveryPolicyRule::UnknownMember { member } => format!("Unexpected JSON member: {member}"),
        DeliveryPolicyRule::NotAnInteger { member, received } => {
            let received = match received {
                JsonKind::Null => "null",
                JsonKind::Boolean => "a boolean",
                JsonKind::Number => "a number",
                JsonKind::String => "a string",
                JsonKind::Array => "an array",
                JsonKind::Object => "an object",
            };
            format!("{member} type mismatch, expecting integer, received {received}")
        }
        DeliveryPolicyRule::BelowMin { member, min } => format!("{member} must be greater than or equal to {min}"),
        DeliveryPolicyRule::AboveMax { member, max } => format!("{member} must be less than or equal to {max}"),
        DeliveryPolicyRule::BackoffFunction { member } => {
            format!("{member} must be one of linear, arithmetic, geometric, exponential")
        }
        DeliveryPolicyRule::DelaysReversed { policy } => {
            format!("{policy}.maxDelayTarget must be greater than or equal to minDelayTarget")
        }
        DeliveryPolicyRule::RetriesTooFew { policy } => format!(
            "{policy}.numRetries must be greater than or equal to the sum of numNoDelayRetries, numMinDelayRetries and \
             numMaxDelayRetries"
        ),
        DeliveryPolicyRule::DelaysTooLong { policy, seconds_max } => {
            format!("{policy} has delays of more than {seconds_max} seconds altogether")
        }
        DeliveryPolicyRule::ContentType { member } => format!("{member} is not a content type that SNS sends"),
    }
}

/// What AWS's front says of a value outside of the service model. Members have small first letters in it.
pub(super) fn violation(violation: &Violation) -> String {
    let Violation { origin, value, constraint } = violation;
    let value = value.as_ref().map_or_else(|| "null".into(), |value| format!("'{value}'"));
    let name = name(origin);
    let (first, rest) = name.split_at(name.len().min(1));
    let constraint = match constraint {
        Constraint::NotNull => "Member must not be null".into(),
        Constraint::LengthAtLeast(least) => format!("Member must have length greater than or equal to {least}"),
        Constraint::LengthAtMost(most) => format!("Member must have length less than or equal to {most}"),
        Constraint::AtLeast(least) => format!("Member must have value greater than or equal to {least}"),
        Constraint::AtMost(most) => format!("Member must have value less than or equal to {most}"),
        Constraint::OneOf(values) => format!("Member must satisfy enum value set: [{}]", values.join(", ")),
        Constraint::Pattern(pattern) => format!("Member must satisfy regular expression pattern: {pattern}"),
    };
    format!(
        "1 validation error detected: Value {value} at '{}{rest}' failed to satisfy constraint: {constraint}",
        first.to_ascii_lowercase()
    )
}

/// What SNS says of a message attribute.
pub(super) fn message_attribute(invalid: &InvalidMessageAttribute) -> String {
    let InvalidMessageAttribute { name, rule } = invalid;
    let named = |rest: &str| format!("The message attribute '{name}' {rest}");
    match rule {
        MessageAttributeRule::Repeated => format!("The message attribute name '{name}' is there twice."),
        MessageAttributeRule::NameReserved | MessageAttributeRule::Name => {
            format!("Invalid message attribute name '{name}'.")
        }
        MessageAttributeRule::NameLength { max } => {
            format!("Length of message attribute name must be less than {max} bytes.")
        }
        MessageAttributeRule::NameCharacter { found } => format!(
            "Invalid non-alphanumeric character '#x{:X}' was found in the message attribute name. Can only include \
             alphanumeric characters, hyphens, underscores, or dots.",
            u32::from(*found)
        ),
        MessageAttributeRule::NameStart => {
            "Invalid message attribute name starting with character '.' was found.".into()
        }
        MessageAttributeRule::NameEnd => "Invalid message attribute name ending with character '.' was found.".into(),
        MessageAttributeRule::NamePeriods => "Message attribute name can not have successive '.' character.".into(),
        MessageAttributeRule::TypeMissing => named("must contain non-empty message attribute type."),
        MessageAttributeRule::TypeTooLong { .. } => named("has a message attribute type that is too long."),
        MessageAttributeRule::Type => named(
            "has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
        ),
        MessageAttributeRule::Empty { data_type } => {
            named(&format!("must contain non-empty message attribute value for message attribute type '{data_type}'."))
        }
        MessageAttributeRule::NotBytes { data_type } => {
            named(&format!("with type '{data_type}' must use field 'Binary'."))
        }
        MessageAttributeRule::NotText { data_type } => {
            named(&format!("with type '{data_type}' must use field 'String'."))
        }
        MessageAttributeRule::NotANumber => format!("Could not cast message attribute '{name}' value to number."),
        MessageAttributeRule::Characters => named("has characters that are not allowed."),
        // SNS has no such members, so that none are read.
        MessageAttributeRule::Lists => named("has a list of values."),
        MessageAttributeRule::ManyValues => named("has more than one value."),
        MessageAttributeRule::NotBase64 => named("has a binary value that is not base64."),
    }
}
