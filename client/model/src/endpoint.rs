//! What a subscription delivers to: a protocol and an endpoint that is well formed for it.

use core::fmt;
use core::ops::Range;
use core::str::FromStr;
use std::borrow::Cow;

use crate::fault::{EndpointRule, Fault, Rule, SnsFault};
use crate::limits::SUBSCRIPTION_ENDPOINT_CHARS_MAX;
use crate::name::{QueueAddress, split_arn};
use crate::topic_name::EndpointAddress;

macro_rules! protocols {
    ($($name:ident $text:literal,)*) => {
        /// The protocol of a subscription.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum SubscriptionProtocol { $(#[doc = concat!("`", $text, "`")] $name,)* }

        impl SubscriptionProtocol {
            /// Every protocol.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The protocol as SNS writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl FromStr for SubscriptionProtocol {
            type Err = Fault;

            fn from_str(text: &str) -> Result<Self, Fault> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(SnsFault::invalid("Protocol", Rule::UnknownProtocol { protocol: crate::fault::excerpt(text).into() })),
                }
            }
        }
    };
}

protocols! {
    Application "application",
    Email "email",
    EmailJson "email-json",
    Firehose "firehose",
    Http "http",
    Https "https",
    Lambda "lambda",
    Sms "sms",
    Sqs "sqs",
}

impl SubscriptionProtocol {
    /// Whether the endpoint's owner must confirm the subscription before a message is delivered. Subscribing a queue,
    /// a function, a stream, a device or a phone number confirms it at once.
    #[must_use]
    pub const fn needs_confirmation(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Email | Self::EmailJson)
    }

    /// Whether notifications are pushed to the endpoint out of an internal queue; else they go straight to a queue.
    #[must_use]
    pub const fn is_pushed(self) -> bool {
        !matches!(self, Self::Sqs)
    }

    /// Whether the protocol takes notifications of messages above 256 KiB (SNS API Reference, `SetTopicAttributes`).
    #[must_use]
    pub const fn takes_large_messages(self) -> bool {
        matches!(self, Self::Firehose | Self::Lambda | Self::Sqs)
    }

    /// Whether `RawMessageDelivery` means anything.
    #[must_use]
    pub const fn may_be_raw(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Sqs | Self::Firehose)
    }
}

impl fmt::Display for SubscriptionProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A phone number in E.164 form: `+` and 8 to 15 digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PhoneNumber(Box<str>);

impl PhoneNumber {
    /// The number's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let digits = text.strip_prefix('+').unwrap_or_default();
        if (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            Err(SnsFault::invalid("PhoneNumber", Rule::NotPublishable { number: crate::fault::excerpt(text).into() }))
        }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The URL of an `http` or `https` endpoint: it has its protocol's scheme and a host, and no white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WebUrl(Box<str>);

/// The address of an `email` or `email-json` endpoint: a local part, `@` and a domain, without white space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(Box<str>);

/// The ARN of a Lambda function or a Firehose delivery stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceArn(Box<str>);

macro_rules! texts {
    ($($name:ident),*) => {$(
        impl $name {
            /// The text as the subscriber gave it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    )*};
}

texts!(WebUrl, EmailAddress, ResourceArn);

impl WebUrl {
    /// The URL as SNS shows it: `****` stands for a password (SNS Developer Guide, "Fanout to HTTP/S endpoints").
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        const MASK: &str = "****";
        match self.password() {
            Some(password) => {
                let (before, rest) = self.0.split_at(password.start);
                Cow::Owned(format!("{before}{MASK}{}", &rest[password.len()..]))
            }
            None => Cow::Borrowed(&self.0),
        }
    }

    /// Where the password stands in the text; `None` without one.
    fn password(&self) -> Option<Range<usize>> {
        let start = self.0.find("://")? + "://".len();
        let length = authority(&self.0[start..]).rfind('@')?;
        let user_info = &self.0[start..start + length];
        let colon = user_info.find(':').filter(|colon| colon + 1 < user_info.len())?;
        Some(start + colon + 1..start + length)
    }
}

/// The part of a URL between its scheme and its path.
fn authority(after_scheme: &str) -> &str {
    after_scheme.split(['/', '?', '#']).next().unwrap_or_default()
}

/// A resource of this broker's with the partition that its ARN was given in, since the endpoint is shown as it was
/// given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InPartition<T> {
    /// `None` for `aws`, which every ARN of the broker has.
    partition: Option<Box<str>>,
    resource: T,
}

impl<T: FromStr> InPartition<T> {
    fn parse(arn: &str) -> Option<Self> {
        let resource = arn.parse().ok()?;
        let partition = arn.split(':').nth(1).filter(|partition| *partition != PARTITION);
        Some(Self { partition: partition.map(Into::into), resource })
    }
}

impl<T> InPartition<T> {
    /// The resource.
    #[must_use]
    pub const fn resource(&self) -> &T {
        &self.resource
    }
}

/// The partition of the broker's ARNs.
const PARTITION: &str = "aws";

impl<T: fmt::Display> fmt::Display for InPartition<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.partition {
            None => self.resource.fmt(f),
            Some(partition) => {
                let arn = self.resource.to_string();
                let rest = arn.strip_prefix("arn:aws:").expect("every ARN of the broker begins like this");
                write!(f, "arn:{partition}:{rest}")
            }
        }
    }
}

/// A protocol and an endpoint that fits it. It is displayed as SNS shows it: as it was given, but a phone number in
/// E.164 form, and a URL without its password.
///
/// ```
/// use posthouse_model::{Endpoint, SubscriptionProtocol};
///
/// let arn = "arn:aws:sqs:eu-west-1:123456789012:orders";
/// let endpoint = Endpoint::parse(SubscriptionProtocol::Sqs, arn).expect("the ARN of a queue");
/// assert_eq!(endpoint.queue().expect("a queue").name.as_str(), "orders");
/// assert_eq!(endpoint.to_string(), arn);
/// assert!(Endpoint::parse(SubscriptionProtocol::Sqs, "orders").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `application`: a device.
    Application(Box<InPartition<EndpointAddress>>),
    /// `email`
    Email(EmailAddress),
    /// `email-json`
    EmailJson(EmailAddress),
    /// `firehose`
    Firehose(ResourceArn),
    /// `http`
    Http(WebUrl),
    /// `https`
    Https(WebUrl),
    /// `lambda`
    Lambda(ResourceArn),
    /// `sms`
    Sms(PhoneNumber),
    /// `sqs`
    Sqs(InPartition<QueueAddress>),
}

impl Endpoint {
    /// Parses the endpoint of a protocol. Whether it exists is for the engine.
    ///
    /// # Errors
    /// [`SnsFault::InvalidParameter`] with SNS's reason where the endpoint is not well formed for its protocol.
    pub fn parse(protocol: SubscriptionProtocol, text: &str) -> Result<Self, Fault> {
        use SubscriptionProtocol as Protocol;
        if text.is_empty()
            || text.chars().count() > SUBSCRIPTION_ENDPOINT_CHARS_MAX
            || text.chars().any(char::is_control)
        {
            return Err(invalid(EndpointRule::Length { chars_max: SUBSCRIPTION_ENDPOINT_CHARS_MAX }));
        }
        match protocol {
            Protocol::Http => url(text, "http://").map(Self::Http),
            Protocol::Https => url(text, "https://").map(Self::Https),
            Protocol::Email => email(text).map(Self::Email),
            Protocol::EmailJson => email(text).map(Self::EmailJson),
            Protocol::Sms => phone_number(text)
                .map(Self::Sms)
                .ok_or_else(|| invalid(EndpointRule::PhoneNumber { number: crate::fault::excerpt(text).into() })),
            Protocol::Sqs => {
                let queue = InPartition::parse(text).map(Self::Sqs);
                queue.ok_or_else(|| invalid(EndpointRule::QueueArn))
            }
            Protocol::Application => {
                let device = InPartition::parse(text).map(|device| Self::Application(Box::new(device)));
                device.ok_or_else(|| {
                    invalid(EndpointRule::ApplicationArn { endpoint: crate::fault::excerpt(text).into() })
                })
            }
            Protocol::Lambda => {
                resource(text, "lambda", "function:").map(Self::Lambda).ok_or_else(|| invalid(EndpointRule::LambdaArn))
            }
            Protocol::Firehose => resource(text, "firehose", "deliverystream/")
                .map(Self::Firehose)
                .ok_or_else(|| invalid(EndpointRule::FirehoseArn)),
        }
    }

    /// The protocol.
    #[must_use]
    pub const fn protocol(&self) -> SubscriptionProtocol {
        match self {
            Self::Application(_) => SubscriptionProtocol::Application,
            Self::Email(_) => SubscriptionProtocol::Email,
            Self::EmailJson(_) => SubscriptionProtocol::EmailJson,
            Self::Firehose(_) => SubscriptionProtocol::Firehose,
            Self::Http(_) => SubscriptionProtocol::Http,
            Self::Https(_) => SubscriptionProtocol::Https,
            Self::Lambda(_) => SubscriptionProtocol::Lambda,
            Self::Sms(_) => SubscriptionProtocol::Sms,
            Self::Sqs(_) => SubscriptionProtocol::Sqs,
        }
    }

    /// The queue of an `sqs` endpoint; `None` for another protocol.
    #[must_use]
    pub const fn queue(&self) -> Option<&QueueAddress> {
        match self {
            Self::Sqs(queue) => Some(queue.resource()),
            _ => None,
        }
    }

    /// The device of an `application` endpoint; `None` for another protocol.
    #[must_use]
    pub fn device(&self) -> Option<&EndpointAddress> {
        match self {
            Self::Application(device) => Some(device.resource()),
            _ => None,
        }
    }

    /// The phone number of an `sms` endpoint; `None` for another protocol.
    #[must_use]
    pub const fn phone_number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Sms(number) => Some(number),
            _ => None,
        }
    }

    /// The endpoint as SNS shows it: as [`Endpoint::text`], but without the password of a URL. It is displayed so.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Http(url) | Self::Https(url) => url.shown(),
            Self::Application(_)
            | Self::Email(_)
            | Self::EmailJson(_)
            | Self::Firehose(_)
            | Self::Lambda(_)
            | Self::Sms(_)
            | Self::Sqs(_) => self.text(),
        }
    }

    /// The endpoint as it was given, but a phone number in E.164 form, with the password of a URL. It is copied only
    /// where the endpoint is an ARN of this broker's.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Application(device) => Cow::Owned(device.to_string()),
            Self::Sqs(queue) => Cow::Owned(queue.to_string()),
            Self::Email(address) | Self::EmailJson(address) => Cow::Borrowed(address.as_str()),
            Self::Http(url) | Self::Https(url) => Cow::Borrowed(url.as_str()),
            Self::Lambda(arn) | Self::Firehose(arn) => Cow::Borrowed(arn.as_str()),
            Self::Sms(number) => Cow::Borrowed(number.as_str()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

fn invalid(rule: EndpointRule) -> Fault {
    SnsFault::invalid("Endpoint", Rule::Endpoint(rule))
}

fn url(text: &str, scheme: &str) -> Result<WebUrl, Fault> {
    let Some(rest) = strip_prefix_ignore_case(text, scheme) else {
        return Err(invalid(EndpointRule::Scheme));
    };
    let authority = authority(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if host.is_empty() || host.starts_with(':') || text.contains(char::is_whitespace) {
        return Err(invalid(EndpointRule::NoHost));
    }
    Ok(WebUrl(text.into()))
}

/// A phone number as subscribers write it: single periods, slashes and hyphens may stand within it (recorded from AWS),
/// and spaces and parentheses anywhere.
fn phone_number(text: &str) -> Option<PhoneNumber> {
    let text: String = text.chars().filter(|c| !matches!(c, ' ' | '(' | ')')).collect();
    let parts: Vec<&str> = text.split(['.', '/', '-']).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return None;
    }
    parts.concat().parse().ok()
}

fn email(text: &str) -> Result<EmailAddress, Fault> {
    let valid = text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains("..") && !text.contains(char::is_whitespace)
    });
    if valid { Ok(EmailAddress(text.into())) } else { Err(invalid(EndpointRule::EmailAddress)) }
}

/// The ARN of a resource of this service whose name follows `prefix`.
fn resource(text: &str, service: &str, prefix: &str) -> Option<ResourceArn> {
    let (_, _, rest) = split_arn(text, service)?;
    rest.strip_prefix(prefix).filter(|name| !name.is_empty()).map(|_| ResourceArn(text.into()))
}

fn strip_prefix_ignore_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_fit_their_protocols() {
        for (protocol, endpoint, valid) in [
            ("http", "http://example.com/hook", true),
            ("http", "HTTP://user:secret@example.com:8080", true),
            ("http", "https://example.com/hook", false),
            ("http", "http://", false),
            ("http", "http://:80/", false),
            ("http", "http://exa mple.com", false),
            ("https", "https://[::1]:8443/?a=b", true),
            ("email", "a@example.com", true),
            ("email", "example.com", false),
            ("email-json", "a b@example.com", false),
            ("sms", "+1 (555) 555-0100", true),
            ("sms", "+15/55-555.0100", true),
            ("sms", "+15--555550100", false),
            ("sms", "+15./555550100", false),
            ("sms", "+15555550100.", false),
            ("sms", "/+15555550100", false),
            ("sms", "NAA+15555550100", false),
            ("sms", "5550100", false),
            ("sqs", "arn:aws:sqs:eu-west-1:123456789012:q", true),
            ("sqs", "arn:aws-cn:sqs:cn-north-1:000000000012:q.fifo", true),
            ("sqs", "http://127.0.0.1:9324/123456789012/q", false),
            (
                "application",
                "arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a/01234567-89ab-4def-8123-456789abcdef",
                true,
            ),
            ("application", "arn:aws:sns:eu-west-1:123456789012:app/GCM/a", false),
            ("lambda", "arn:aws:lambda:eu-west-1:123456789012:function:f", true),
            ("lambda", "f", false),
            ("firehose", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s", true),
            ("firehose", "arn:aws:firehose:eu-west-1:123456789012:s", false),
            ("http", "", false),
            ("http", "http://example.com/\n", false),
        ] {
            let protocol: SubscriptionProtocol = protocol.parse().expect("known");
            let parsed = Endpoint::parse(protocol, endpoint);
            assert_eq!(parsed.is_ok(), valid, "{protocol} {endpoint}");
            if let Ok(parsed) = parsed {
                assert_eq!(parsed.protocol(), protocol);
                let shown = if protocol == SubscriptionProtocol::Sms { "+15555550100" } else { endpoint };
                assert_eq!(parsed.text(), shown, "it is kept as it was given");
            }
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        for (url, shown) in [
            ("http://user:secret@example.com:8080/a?b=c", "http://user:****@example.com:8080/a?b=c"),
            ("https://user:p@ss:word@example.com", "https://user:****@example.com"),
            ("HTTPS://:secret@[::1]:8443?x#y", "HTTPS://:****@[::1]:8443?x#y"),
            ("https://user@example.com/", "https://user@example.com/"),
            ("https://user:@example.com/", "https://user:@example.com/"),
            ("https://example.com/a:b@c", "https://example.com/a:b@c"),
            ("https://example.com?u=http://a:b@c", "https://example.com?u=http://a:b@c"),
        ] {
            let protocol =
                if url.starts_with("http:") { SubscriptionProtocol::Http } else { SubscriptionProtocol::Https };
            let endpoint = Endpoint::parse(protocol, url).expect("a URL");
            assert_eq!((&*endpoint.shown(), &*endpoint.text()), (shown, url));
            assert_eq!(endpoint.to_string(), shown);
        }
    }

    #[test]
    fn unknown_protocols_are_refused() {
        assert!("carrier-pigeon".parse::<SubscriptionProtocol>().is_err());
    }
}
