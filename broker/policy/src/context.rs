//! The request context: the values of condition keys for one call.
//!
//! A key that is not listed here, or has no value for a call, is absent. `aws:SourceArn` and `aws:SourceAccount` have a
//! value only if the broker acts for a topic.

use core::net::IpAddr;
use std::borrow::Cow;

use posthouse_model::notification::SENDER;
use posthouse_model::{Identity, ROOT_USER, Timestamp, Transport};

use crate::date::{self, EpochMillis};
use crate::{Question, Resource};

macro_rules! keys {
    ($($name:literal $key:ident,)*) => {
        /// A condition key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Key {
            $(#[doc = concat!("`", $name, "`")] $key,)*
            /// A key without a value in every call.
            Absent,
        }

        impl Key {
            /// The key of this name, in any case.
            pub(crate) fn named(name: &str) -> Self {
                $(if name.eq_ignore_ascii_case($name) {
                    return Self::$key;
                })*
                Self::Absent
            }
        }
    };
}

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
    "aws:ViaAWSService" ViaAwsService,
    "aws:username" Username,
    "sns:Endpoint" Endpoint,
    "sns:Protocol" Protocol,
}

/// The value of a condition key. Every key of AWS whose value is a list is absent.
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

impl Key {
    /// The key's value for a call; `None` where the call has none.
    pub(crate) fn value<'a>(self, question: &Question<'a>) -> Option<Value<'a>> {
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
            Self::SourceArn => question.source.map(owned),
            Self::SourceAccount => question.source.map(|topic| owned(&topic.account)),
            // SNS's default policy compares it with the owner of the topic.
            Self::SourceOwner => match question.resource {
                Resource::Topic(_) => caller.account().map(|account| owned(&account)),
                Resource::Queue(_) => question.source.map(|topic| owned(&topic.account)),
            },
            Self::Endpoint => question.endpoint.map(|endpoint| Value::Text(endpoint.text())),
            Self::Protocol => question.endpoint.map(|endpoint| text(endpoint.protocol().as_str())),
            Self::Username => match &caller.identity {
                Identity::User { name, .. } if name != ROOT_USER => Some(text(name)),
                Identity::User { .. } | Identity::Anonymous | Identity::Broker => None,
            },
            Self::Absent => None,
        }
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
        Identity::User { account, name } if name == ROOT_USER => {
            Some(owned(&format_args!("arn:aws:iam::{account}:root")))
        }
        Identity::User { account, name } => Some(owned(&format_args!("arn:aws:iam::{account}:user/{name}"))),
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
