//! The request context: the values of condition keys for one call.
//!
//! A key that is not listed here, or has no value for a call, is absent. `aws:SourceArn`, `aws:SourceAccount` and
//! `aws:SourceOwner` have a value only if the broker acts for a topic.

use core::net::IpAddr;
use std::borrow::Cow;

use posthouse_model::identity::user_arn;
use posthouse_model::notification::SENDER;
use posthouse_model::{Identity, ROOT_USER, Timestamp, TopicAddress, Transport};

use crate::date::{self, EpochMillis};
use crate::{Detail, Question};

macro_rules! keys {
    ($($name:literal $key:ident,)*) => {
        /// A condition key.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Key {
            $(#[doc = concat!("`", $name, "`")] $key,)*
            /// `aws:RequestTag/…`: the tag of this key that the request sets.
            RequestTag(Box<str>),
            /// `aws:ResourceTag/…`: the tag of this key that the resource has.
            ResourceTag(Box<str>),
            /// A key without a value in every call.
            Absent,
        }

        impl Key {
            /// The key of this name, in any case; `None` if none of the services has such a key. Keys of services that
            /// the broker is not have no value.
            pub(crate) fn named(name: &str) -> Option<Self> {
                $(if name.eq_ignore_ascii_case($name) {
                    return Some(Self::$key);
                })*
                if let Some(tag) = after(name, "aws:RequestTag/") {
                    return Some(Self::RequestTag(tag.into()));
                }
                if let Some(tag) = after(name, "aws:ResourceTag/") {
                    return Some(Self::ResourceTag(tag.into()));
                }
                let own = ["aws:", "sqs:", "sns:"].iter().any(|service| after(name, service).is_some());
                let is_absent = VALUELESS.iter().any(|known| match known.strip_suffix('/') {
                    Some(_) => after(name, known).is_some(),
                    None => name.eq_ignore_ascii_case(known),
                });
                (!own || is_absent).then_some(Self::Absent)
            }
        }
    };
}

/// The name after a prefix in any case, if it is not empty.
fn after<'a>(name: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = name.split_at_checked(prefix.len())?;
    (start.eq_ignore_ascii_case(prefix) && !rest.is_empty()).then_some(rest)
}

/// AWS's global keys that have no value here: what they are about (roles, organizations, networks of AWS, second
/// factors) does not exist in the broker.
const VALUELESS: &[&str] = &[
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalTag/",
    "aws:referer",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SourceIdentity",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
    "aws:VpcSourceIp",
];

keys! {
    "aws:CurrentTime" CurrentTime,
    "aws:EpochTime" EpochTime,
    "aws:PrincipalAccount" PrincipalAccount,
    "aws:PrincipalArn" PrincipalArn,
    "aws:PrincipalIsAWSService" PrincipalIsAwsService,
    "aws:PrincipalServiceName" PrincipalServiceName,
    "aws:PrincipalType" PrincipalType,
    "aws:RequestedRegion" RequestedRegion,
    "aws:ResourceAccount" ResourceAccount,
    "aws:SecureTransport" SecureTransport,
    "aws:SourceAccount" SourceAccount,
    "aws:SourceArn" SourceArn,
    "aws:SourceIp" SourceIp,
    "aws:SourceOwner" SourceOwner,
    "aws:TagKeys" TagKeys,
    "aws:ViaAWSService" ViaAwsService,
    "aws:userid" UserId,
    "aws:username" Username,
    "sns:Endpoint" Endpoint,
    "sns:Protocol" Protocol,
}

/// The value of a condition key that has one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Text(Cow<'a, str>),
    Flag(bool),
    Address(IpAddr),
    /// A time written as a date. Whole seconds, as AWS compares it.
    Date(Timestamp),
    /// A time written as a number of seconds.
    Epoch(Timestamp),
}

/// All values of a condition key for a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values<'a> {
    None,
    One(Value<'a>),
    /// At least one. Of the keys of the broker only `aws:TagKeys` has several.
    Many(Vec<&'a str>),
}

impl Key {
    /// The key's values for a call.
    pub(crate) fn values<'a>(&self, question: &Question<'a>) -> Values<'a> {
        if *self != Self::TagKeys {
            return self.value(question).map_or(Values::None, Values::One);
        }
        let keys: Vec<&str> = match question.detail {
            Detail::Tags(tags) => tags.iter().map(|(key, _)| key).collect(),
            Detail::TagKeys(keys) => keys.iter().map(|key| &**key).collect(),
            Detail::None | Detail::Source(_) | Detail::Endpoint(_) => Vec::new(),
        };
        if keys.is_empty() { Values::None } else { Values::Many(keys) }
    }

    /// The key's one value for a call; `None` where the call has none.
    pub(crate) fn value<'a>(&self, question: &Question<'a>) -> Option<Value<'a>> {
        let caller = question.caller;
        let is_broker = caller.identity == Identity::Broker;
        match self {
            Self::CurrentTime => Some(Value::Date(question.now)),
            Self::EpochTime => Some(Value::Epoch(question.now)),
            Self::SecureTransport => Some(Value::Flag(caller.transport == Transport::Tls)),
            // The peer of an IPv6 socket may be an IPv4 address, embedded in an IPv6 address.
            Self::SourceIp => (!is_broker).then(|| Value::Address(caller.source.to_canonical())),
            // Of the resource, not of the signature: AWS serves a queue in its region only, and the broker serves a
            // queue whatever region the request is signed for.
            Self::RequestedRegion => Some(text(question.resource.region().as_str())),
            Self::ResourceAccount => Some(owned(&question.resource.account())),
            Self::PrincipalAccount if is_broker => None,
            Self::PrincipalAccount => {
                Some(caller.account().map_or_else(|| text("anonymous"), |account| owned(&account)))
            }
            Self::PrincipalIsAwsService if is_broker => Some(Value::Flag(true)),
            Self::PrincipalIsAwsService | Self::ViaAwsService => caller.account().map(|_| Value::Flag(false)),
            Self::PrincipalArn => principal_arn(&caller.identity),
            Self::PrincipalType => principal_type(&caller.identity).map(text),
            Self::PrincipalServiceName => is_broker.then(|| text(SENDER)),
            Self::SourceArn => source(question).map(owned),
            // SNS's default policy compares the owner with that of the topic. Only calls that the broker makes for a
            // topic have one, so that the default policy allows no user what its identity policies do not.
            Self::SourceAccount | Self::SourceOwner => source(question).map(|topic| owned(&topic.account)),
            Self::Endpoint => endpoint(question).map(|endpoint| Value::Text(endpoint.text())),
            Self::Protocol => endpoint(question).map(|endpoint| text(endpoint.protocol().as_str())),
            Self::Username => match &caller.identity {
                Identity::User { name, .. } if name != ROOT_USER => Some(text(name)),
                Identity::User { .. } | Identity::Anonymous | Identity::Broker => None,
            },
            // The same as the `SenderId` of a message, as in AWS.
            Self::UserId => match &caller.identity {
                Identity::User { account, name, .. } if name == ROOT_USER => Some(owned(account)),
                Identity::User { name, .. } => Some(text(name)),
                Identity::Anonymous | Identity::Broker => None,
            },
            Self::RequestTag(key) => match question.detail {
                Detail::Tags(tags) => tags.find(key).map(text),
                Detail::None | Detail::Source(_) | Detail::Endpoint(_) | Detail::TagKeys(_) => None,
            },
            Self::ResourceTag(key) => question.tags.and_then(|tags| tags.find(key)).map(text),
            // It has no single value.
            Self::TagKeys => None,
            Self::Absent => None,
        }
    }
}

const fn source<'a>(question: &Question<'a>) -> Option<&'a TopicAddress> {
    match question.detail {
        Detail::Source(topic) => Some(topic),
        Detail::None | Detail::Endpoint(_) | Detail::Tags(_) | Detail::TagKeys(_) => None,
    }
}

const fn endpoint<'a>(question: &Question<'a>) -> Option<&'a posthouse_model::Endpoint> {
    match question.detail {
        Detail::Endpoint(endpoint) => Some(endpoint),
        Detail::None | Detail::Source(_) | Detail::Tags(_) | Detail::TagKeys(_) => None,
    }
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn owned<'a>(value: &impl ToString) -> Value<'a> {
    Value::Text(Cow::Owned(value.to_string()))
}

fn principal_arn<'a>(identity: &Identity) -> Option<Value<'a>> {
    match identity {
        Identity::Anonymous | Identity::Broker => None,
        Identity::User { account, name, .. } => Some(Value::Text(Cow::Owned(user_arn(*account, name)))),
    }
}

fn principal_type(identity: &Identity) -> Option<&'static str> {
    match identity {
        Identity::Anonymous => Some("Anonymous"),
        Identity::User { name, .. } if name == ROOT_USER => Some("Account"),
        Identity::User { .. } => Some("User"),
        Identity::Broker => None,
    }
}

impl Value<'_> {
    /// The value as string and ARN operators see it.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Flag(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
            Self::Address(address) => Cow::Owned(address.to_string()),
            Self::Date(at) => Cow::Owned(date::format(at.as_secs())),
            Self::Epoch(at) => Cow::Owned(at.as_secs().to_string()),
        }
    }

    /// The value as numeric operators see it: a finite number; `None` for any other value.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Text(_) | Self::Epoch(_) => parse_number(&self.text()),
            Self::Flag(_) | Self::Address(_) | Self::Date(_) => None,
        }
    }

    /// The value as date operators see it.
    pub(crate) fn date(&self) -> Option<EpochMillis> {
        match self {
            Self::Date(at) | Self::Epoch(at) => Some(EpochMillis::from(at.as_secs()) * 1000),
            Self::Text(_) | Self::Flag(_) | Self::Address(_) => None,
        }
    }

    /// The value as `Bool` sees it.
    pub(crate) fn flag(&self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(*flag) } else { None }
    }

    /// The value as address operators see it.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        if let Self::Address(address) = self { Some(*address) } else { None }
    }
}

/// A finite decimal number, in a policy or in a context.
pub(crate) fn parse_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}
