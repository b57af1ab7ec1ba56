//! What a subscription delivers to: a protocol and an endpoint that is well formed for it.

use core::fmt;
use core::str::FromStr;

use crate::fault::{Fault, SnsFault};
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
                    _ => Err(SnsFault::invalid_because(
                        "Protocol",
                        &format!("Amazon SNS does not support this protocol string: {}", crate::fault::excerpt(text)),
                    )),
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
    /// Whether the endpoint's owner has to confirm before anything is delivered. A queue, a function or a stream is
    /// confirmed by who subscribes it; a device or a phone number has nobody to ask.
    #[must_use]
    pub const fn needs_confirmation(self) -> bool {
        matches!(self, Self::Http | Self::Https | Self::Email | Self::EmailJson)
    }

    /// Whether notifications are pushed to the endpoint out of an internal queue; else they go straight to a queue.
    #[must_use]
    pub const fn is_pushed(self) -> bool {
        !matches!(self, Self::Sqs)
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
            Err(SnsFault::invalid_because(
                "PhoneNumber",
                &format!("{} is not valid to publish to", crate::fault::excerpt(text)),
            ))
        }
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A protocol and an endpoint that fits it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    protocol: SubscriptionProtocol,
    text: Box<str>,
}

impl Endpoint {
    /// Checks that the endpoint is well formed for its protocol. Whether it exists is for the engine.
    ///
    /// # Errors
    /// [`SnsFault::InvalidParameter`] with SNS's reason.
    pub fn parse(protocol: SubscriptionProtocol, text: &str) -> Result<Self, Fault> {
        use SubscriptionProtocol as Protocol;
        let invalid = |reason: &str| Err(SnsFault::invalid_because("Endpoint", reason));
        if text.is_empty()
            || text.chars().count() > SUBSCRIPTION_ENDPOINT_CHARS_MAX
            || text.chars().any(char::is_control)
        {
            return invalid("an endpoint has 1 to 2048 characters and no control characters");
        }
        match protocol {
            Protocol::Http | Protocol::Https => {
                let scheme = if protocol == Protocol::Http { "http://" } else { "https://" };
                let Some(rest) = strip_prefix_ignore_case(text, scheme) else {
                    return invalid("Endpoint must match the specified protocol");
                };
                let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
                if host.is_empty() || host.starts_with(':') || text.contains(char::is_whitespace) {
                    return invalid("the URL has no host");
                }
            }
            Protocol::Email | Protocol::EmailJson => {
                let valid = text.rsplit_once('@').is_some_and(|(local, domain)| {
                    !local.is_empty()
                        && !domain.is_empty()
                        && !domain.contains("..")
                        && !text.contains(char::is_whitespace)
                });
                if !valid {
                    return invalid("Email address");
                }
            }
            Protocol::Sms => {
                let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
                if digits.parse::<PhoneNumber>().is_err() {
                    return Err(SnsFault::invalid_because(
                        "Endpoint",
                        &format!("Invalid SMS endpoint: {}", crate::fault::excerpt(text)),
                    ));
                }
                return Ok(Self { protocol, text: digits.into() });
            }
            Protocol::Sqs => {
                if text.parse::<QueueAddress>().is_err() {
                    return Err(SnsFault::invalid_parameter("SQS endpoint ARN"));
                }
            }
            Protocol::Application => {
                if text.parse::<EndpointAddress>().is_err() {
                    return Err(SnsFault::invalid_parameter("Application endpoint arn invalid"));
                }
            }
            Protocol::Lambda => {
                if !split_arn(text, "lambda")
                    .is_some_and(|(_, _, rest)| rest.starts_with("function:") && rest.len() > 9)
                {
                    return Err(SnsFault::invalid_parameter("Lambda endpoint ARN"));
                }
            }
            Protocol::Firehose => {
                if !split_arn(text, "firehose")
                    .is_some_and(|(_, _, rest)| rest.starts_with("deliverystream/") && rest.len() > 15)
                {
                    return Err(SnsFault::invalid_parameter("Firehose endpoint ARN"));
                }
            }
        }
        Ok(Self { protocol, text: text.into() })
    }

    /// The protocol.
    #[must_use]
    pub const fn protocol(&self) -> SubscriptionProtocol {
        self.protocol
    }

    /// The endpoint as SNS shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The queue of an `sqs` endpoint.
    #[must_use]
    pub fn queue(&self) -> Option<QueueAddress> {
        (self.protocol == SubscriptionProtocol::Sqs)
            .then(|| self.text.parse().expect("checked when the endpoint was made"))
    }
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
            ("sms", "5550100", false),
            ("sqs", "arn:aws:sqs:eu-west-1:123456789012:q", true),
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
            assert_eq!(Endpoint::parse(protocol, endpoint).is_ok(), valid, "{protocol} {endpoint}");
        }
        assert!("carrier-pigeon".parse::<SubscriptionProtocol>().is_err());
        let phone = Endpoint::parse(SubscriptionProtocol::Sms, "+1 (555) 555-0100").expect("valid");
        assert_eq!(phone.as_str(), "+15555550100");
    }
}
