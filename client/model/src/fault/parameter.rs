//! What is wrong with a parameter, and where its value came from: SNS's `InvalidParameter`, `ValidationError` and
//! `ParameterValueInvalid`.

use super::filter::FilterProblem;
use super::mobile::{ApplicationNameRule, PlatformRule, SmsRule};
use super::policy::PolicyProblem;
use crate::json::JsonProblem;

/// Where a value came from. A codec needs it to word a fault: AWS names the map for a value in a map, and the attribute
/// for a value that is set alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A parameter of the request.
    Parameter(&'static str),
    /// An attribute that the request sets alone: its name is in one parameter and its value in another.
    Attribute(&'static str),
    /// An entry of a parameter that is a map.
    MapEntry {
        /// The parameter.
        map: &'static str,
        /// The entry's key.
        key: Box<str>,
    },
    /// An item of a parameter that is a list.
    ListItem {
        /// The parameter.
        list: &'static str,
        /// Which item, counted from 1.
        number: usize,
        /// The member of the item, where the item is a structure.
        member: Option<&'static str>,
    },
    /// A member of one of a message's attributes.
    MessageAttribute {
        /// Which entry of a batch has the message, counted from 1; `None` where the request is no batch.
        entry: Option<usize>,
        /// The attribute's name, cut by the codec's excerpt rule.
        name: Box<str>,
        /// The member.
        member: &'static str,
    },
}

impl Origin {
    /// An entry of the map `Attributes`.
    #[must_use]
    pub fn attributes(key: &str) -> Self {
        Self::MapEntry { map: "Attributes", key: key.into() }
    }
}

impl From<&'static str> for Origin {
    fn from(parameter: &'static str) -> Self {
        Self::Parameter(parameter)
    }
}

/// A parameter that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidParameter {
    /// Where the value came from.
    pub origin: Origin,
    /// The rule.
    pub rule: Rule,
}

/// The rules for parameters. Texts that a client sent are cut by the excerpt rule of where they are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is missing, or not what the parameter takes.
    Malformed,
    /// It is missing, where the operation needs one. A member that the service model requires is a [`Violation`] where
    /// AWS words it so.
    Missing,
    /// An ARN has too few elements.
    ArnElements {
        /// How many it has.
        found: usize,
    },
    /// The resource of an ARN has the wrong number of slashes.
    ArnSlashes,
    /// The id of a platform endpoint has not as many characters as a UUID.
    EndpointId {
        /// How many a UUID has.
        chars: usize,
    },
    /// The subscription waits for its confirmation and cannot be ended.
    SubscriptionPending,
    /// A confirmation token is not made of pairs of hexadecimal digits.
    TokenNotHexadecimal,
    /// The ARN of a subscription does not end with an id.
    SubscriptionId,
    /// A topic's name breaks its rule, or ends in `.fifo` where the topic is no FIFO topic, or the other way round.
    TopicName,
    /// A text is no account id.
    AccountId,
    /// A platform application's name breaks its rule.
    ApplicationName {
        /// What was given.
        name: Box<str>,
        /// The rule.
        rule: ApplicationNameRule,
    },
    /// An attribute of a platform application or endpoint breaks its rule.
    Platform(PlatformRule),
    /// An SMS preference breaks its rule.
    Sms(SmsRule),
    /// There is no such push platform.
    UnknownPlatform {
        /// What was given.
        platform: Box<str>,
    },
    /// There is no such subscription protocol.
    UnknownProtocol {
        /// What was given.
        protocol: Box<str>,
    },
    /// A text is no phone number.
    PhoneNumber,
    /// A text is no phone number that can be published to.
    NotPublishable {
        /// What was given.
        number: Box<str>,
    },
    /// The phone number's holder has opted out.
    OptedOut,
    /// The phone number was opted in less than this many days ago.
    OptedIn {
        /// The least time between two opt-ins.
        days: u32,
    },
    /// `Publish` without a topic, a target or a phone number.
    NoTarget,
    /// `Publish` with more than one of them.
    ManyTargets,
    /// A tag's key starts with `aws:`.
    TagKeyReserved,
    /// Two tags have one key.
    TagKeysRepeat,
    /// There is no such attribute.
    UnknownAttribute {
        /// What was given.
        name: Box<str>,
    },
    /// The attribute does not take the value.
    AttributeValue,
    /// The attribute is true or false.
    NotABoolean {
        /// What was given, cut by the excerpt rule.
        value: Box<str>,
    },
    /// There is no such filter policy scope.
    FilterPolicyScope {
        /// What was given, cut by the excerpt rule.
        value: Box<str>,
    },
    /// The attribute is a share in percent.
    SampleRate {
        /// What was given, cut by the excerpt rule.
        value: Box<str>,
        /// The largest share.
        max: u8,
    },
    /// The attribute of a subscription does not fit the rest of it.
    Subscription(SubscriptionRule),
    /// The topic exists with other attributes.
    TopicAttributesDiffer,
    /// The topic exists with other tags.
    TopicTagsDiffer,
    /// The subscription exists with other attributes.
    SubscriptionAttributesDiffer,
    /// The platform application exists with other attributes.
    ApplicationAttributesDiffer,
    /// Another endpoint has the token.
    TokenTaken {
        /// The ARN of the other endpoint.
        endpoint: Box<str>,
    },
    /// An endpoint breaks the rule of its protocol.
    Endpoint(EndpointRule),
    /// A FIFO topic takes queues only.
    FifoTopicProtocol {
        /// The protocol that was asked for.
        protocol: &'static str,
    },
    /// A standard topic takes no FIFO queue.
    FifoQueue,
    /// The platform endpoint that is to be published to does not exist.
    NoSuchTarget,
    /// The platform endpoint that is to be subscribed does not exist.
    NoSuchEndpoint {
        /// Its ARN.
        endpoint: Box<str>,
    },
    /// A topic whose `MaximumMessageSize` is above the default does not take the protocol.
    LargeTopicProtocol {
        /// The protocol.
        protocol: &'static str,
        /// The largest size that every protocol takes.
        bytes: u32,
    },
    /// A topic whose `MaximumMessageSize` is above the default has too many subscriptions.
    LargeTopicSubscriptions {
        /// The largest size without that limit.
        bytes: u32,
        /// How many it may have.
        max: usize,
    },
    /// Only a FIFO topic has content-based deduplication.
    DeduplicationOfStandardTopic,
    /// Only a FIFO topic has a throughput scope.
    ThroughputScopeOfStandardTopic,
    /// A delivery policy breaks a rule.
    DeliveryPolicy(DeliveryPolicyRule),
    /// A data protection policy has more bytes than this.
    DataProtectionTooLong {
        /// The most.
        max: usize,
    },
    /// A data protection policy is no JSON object.
    DataProtectionNotAnObject,
    /// The direction of a statement of a data protection policy is neither `Inbound` nor `Outbound`.
    DataDirection,
    /// A statement with the label exists.
    StatementExists,
    /// An access policy is refused.
    Policy(PolicyProblem),
    /// A message is empty.
    EmptyMessage,
    /// A message is larger than its topic takes.
    MessageTooLong,
    /// A message has characters that are not allowed.
    Characters,
    /// `MessageStructure` is not `json`.
    UnknownStructure,
    /// The message of a `json` structure is no JSON object.
    StructureNotJson,
    /// The message of a `json` structure has no `default`.
    StructureWithoutDefault,
    /// A FIFO topic needs a message group.
    GroupMissing,
    /// A standard topic takes no deduplication id.
    DeduplicationIdOfStandardTopic,
    /// A FIFO topic without content-based deduplication needs a deduplication id.
    DeduplicationIdMissing,
    /// A message group or deduplication id is empty, too long, or has characters that are not allowed.
    Identifier {
        /// The most characters.
        chars_max: usize,
    },
    /// A message has more attributes than this.
    TooManyAttributes {
        /// The most.
        max: usize,
    },
    /// A message has more values than can be matched with the filter policies of its topic.
    TooManyFilterValues,
}

/// The rules for the attributes of a subscription that depend on the rest of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionRule {
    /// Firehose needs a role.
    RoleMissing,
    /// The protocol does not support raw message delivery.
    RawDelivery {
        /// The protocol.
        protocol: &'static str,
    },
    /// The protocol does not support delivery policies.
    NoDeliveryPolicy {
        /// The protocol.
        protocol: &'static str,
    },
    /// The filter policy is refused.
    FilterPolicy(FilterProblem),
    /// The redrive policy is no JSON.
    RedriveNotJson(Box<JsonProblem>),
    /// The redrive policy is no JSON object.
    RedriveNotAnObject,
    /// The redrive policy has another member than it takes.
    RedriveUnknownMember {
        /// The member, cut by the excerpt rule.
        name: Box<str>,
    },
    /// The redrive policy names no queue.
    RedriveTarget,
    /// The dead-letter queue is in another region than the topic.
    RedriveRegion,
    /// The dead-letter queue belongs to another account than the subscription.
    RedriveOwner,
    /// The dead-letter queue cannot take the subscription's messages: it is a FIFO queue for a standard topic, or a
    /// standard queue for a FIFO queue's subscription to a FIFO topic.
    RedriveType {
        /// The topic's type.
        topic: TopicType,
    },
}

/// What a topic promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TopicType {
    /// No order.
    Standard,
    /// Order within each message group.
    Fifo,
}

/// The rules for endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointRule {
    /// It is empty, has control characters or more characters than this.
    Length {
        /// The most characters.
        chars_max: usize,
    },
    /// The URL has another scheme than the protocol.
    Scheme,
    /// The URL has no host.
    NoHost,
    /// It is no email address.
    EmailAddress,
    /// It is no phone number.
    PhoneNumber {
        /// What was given.
        number: Box<str>,
    },
    /// It is not the ARN of a queue.
    QueueArn,
    /// It is not the ARN of a platform endpoint.
    ApplicationArn {
        /// What was given.
        endpoint: Box<str>,
    },
    /// It is not the ARN of a function.
    LambdaArn,
    /// It is not the ARN of a delivery stream.
    FirehoseArn,
}

/// The rules for delivery policies. `member` is a path from the top of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeliveryPolicyRule {
    /// The document is no JSON.
    NotJson,
    /// The document is no JSON object.
    NotAnObject,
    /// A member is no JSON object.
    MemberNotAnObject {
        /// The member.
        member: Box<str>,
    },
    /// A member is required.
    MissingMember {
        /// The member.
        member: Box<str>,
    },
    /// A member is neither true nor false.
    NotABoolean {
        /// The member.
        member: Box<str>,
    },
    /// There is no such member.
    UnknownMember {
        /// The member.
        member: Box<str>,
    },
    /// A member is no whole number.
    NotAnInteger {
        /// The member.
        member: Box<str>,
        /// What it is.
        received: JsonKind,
    },
    /// A number is below its range.
    BelowMin {
        /// The member.
        member: Box<str>,
        /// The least.
        min: u32,
    },
    /// A number is above its range.
    AboveMax {
        /// The member.
        member: Box<str>,
        /// The most.
        max: u32,
    },
    /// There is no such back-off function.
    BackoffFunction {
        /// The member.
        member: Box<str>,
    },
    /// The longest delay is less than the shortest.
    DelaysReversed {
        /// The retry policy.
        policy: Box<str>,
    },
    /// The phases have more retries than the whole.
    RetriesTooFew {
        /// The retry policy.
        policy: Box<str>,
    },
    /// All delays together are longer than this.
    DelaysTooLong {
        /// The retry policy.
        policy: Box<str>,
        /// The most seconds.
        seconds_max: u32,
    },
    /// A content type that SNS does not send.
    ContentType {
        /// The member.
        member: Box<str>,
    },
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number, whole or not.
    Number,
    /// A text.
    String,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    /// The kind of a value.
    pub(crate) const fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(_) => Self::Boolean,
            serde_json::Value::Number(_) => Self::Number,
            serde_json::Value::String(_) => Self::String,
            serde_json::Value::Array(_) => Self::Array,
            serde_json::Value::Object(_) => Self::Object,
        }
    }
}

/// A value outside of the shape that AWS's service model gives its member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where the value came from.
    pub origin: Origin,
    /// The value, cut by the codec's excerpt rule; `None` where the member is missing.
    pub value: Option<Box<str>>,
    /// The part of the shape that it breaks.
    pub constraint: Constraint,
}

/// The constraints of service models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// The member is required.
    NotNull,
    /// A text has at least this many characters.
    LengthAtLeast(usize),
    /// A text has at most this many characters.
    LengthAtMost(usize),
    /// A number is at least this.
    AtLeast(i64),
    /// A number is at most this.
    AtMost(i64),
    /// A text is one of these.
    OneOf(&'static [&'static str]),
    /// A text matches this regular expression.
    Pattern(&'static str),
}

/// An attribute of a message that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidMessageAttribute {
    /// The attribute's name, cut by the excerpt rule of where it is checked.
    pub name: Box<str>,
    /// The rule.
    pub rule: MessageAttributeRule,
}

/// The rules for message attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageAttributeRule {
    /// Another attribute has the name.
    Repeated,
    /// The name is empty or longer than this.
    NameLength {
        /// The most bytes.
        max: usize,
    },
    /// The name starts with a reserved prefix.
    NameReserved,
    /// The name has characters that are not allowed, or no characters.
    Name,
    /// The name has this character, which is not allowed.
    NameCharacter {
        /// The first such character.
        found: char,
    },
    /// The name starts with a period.
    NameStart,
    /// The name ends with a period.
    NameEnd,
    /// The name has two periods in a row.
    NamePeriods,
    /// The type is missing.
    TypeMissing,
    /// The type is longer than this.
    TypeTooLong {
        /// The most bytes.
        max: usize,
    },
    /// The type is none of String, Number and Binary, or its custom label is empty where the service refuses that.
    Type,
    /// The value is empty.
    Empty {
        /// The type that was given.
        data_type: Box<str>,
    },
    /// The value is text, where the type needs bytes.
    NotBytes {
        /// The type that was given.
        data_type: Box<str>,
    },
    /// The value is bytes, where the type needs text.
    NotText {
        /// The type that was given.
        data_type: Box<str>,
    },
    /// The value is no number.
    NotANumber,
    /// The value has characters that are not allowed.
    Characters,
    /// Lists of values were given, which are reserved.
    Lists,
    /// Both kinds of values were given.
    ManyValues,
    /// The binary value is not base64.
    NotBase64,
}

/// The rules for the ids of batch entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchEntryIdRule {
    /// It is empty.
    Empty,
    /// It has more characters than it may.
    TooLong,
    /// It has another character than letters, digits, hyphens and underscores.
    Character,
}
