//! Names of SNS's resources: topics, subscriptions, platform applications and endpoints, and their ARNs.

use core::fmt;
use core::str::FromStr;

use compact_str::CompactString;

use crate::fault::ApplicationNameRule;
use crate::limits::{PLATFORM_APPLICATION_NAME_CHARS_MAX, TOPIC_NAME_CHARS_MAX};
use crate::name::{AccountId, InvalidName, QueueName, Region, split_arn};

/// A topic's name: 1 to 256 letters, digits, hyphens and underscores; a FIFO topic's ends in `.fifo`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(CompactString);

impl TopicName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name says that the topic is FIFO.
    #[must_use]
    pub fn is_fifo(&self) -> bool {
        self.0.ends_with(QueueName::FIFO_SUFFIX)
    }
}

impl FromStr for TopicName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let stem = text.strip_suffix(QueueName::FIFO_SUFFIX).unwrap_or(text);
        let fits = !stem.is_empty() && text.len() <= TOPIC_NAME_CHARS_MAX;
        if fits && stem.bytes().all(is_name_byte) {
            Ok(Self(CompactString::new(text)))
        } else {
            Err(InvalidName { what: "topic name", rule: "1 to 256 letters, digits, hyphens and underscores" })
        }
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Where a topic is. Displayed and parsed as the topic's ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicAddress {
    /// The topic's region.
    pub region: Region,
    /// The account that owns the topic.
    pub account: AccountId,
    /// The topic's name.
    pub name: TopicName,
}

impl FromStr for TopicAddress {
    type Err = InvalidName;

    /// Parses `arn:aws:sns:REGION:ACCOUNT:NAME`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const MALFORMED: InvalidName = InvalidName { what: "topic ARN", rule: "arn:aws:sns:REGION:ACCOUNT:NAME" };
        let (region, account, name) = split_arn(text, "sns").ok_or(MALFORMED)?;
        Ok(Self { region: region.parse()?, account: account.parse()?, name: name.parse()? })
    }
}

impl fmt::Display for TopicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:sns:{}:{}:{}", self.region, self.account, self.name)
    }
}

macro_rules! random_ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// From random bytes; the bits that say "random UUID" are set here.
            #[must_use]
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
            }

            /// From bytes that `as_bytes` gave.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The sixteen bytes of the UUID.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            /// Parses the hyphenated form, which has one spelling only.
            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let id = uuid::Uuid::try_parse(text).map(|uuid| Self(uuid.into_bytes())).ok();
                id.filter(|id| id.to_string() == text).ok_or(InvalidName { what: "id", rule: "a UUID" })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
            }
        }
    )*};
}

random_ids! {
    /// A subscription's id: random, and given with the request that makes it.
    SubscriptionId,
    /// A platform endpoint's id: random, and given with the request that makes it.
    EndpointId,
}

/// Where a subscription is. Displayed and parsed as the subscription's ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionAddress {
    /// The topic that is subscribed to.
    pub topic: TopicAddress,
    /// The subscription.
    pub id: SubscriptionId,
}

impl FromStr for SubscriptionAddress {
    type Err = InvalidName;

    /// Parses `arn:aws:sns:REGION:ACCOUNT:TOPIC:UUID`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        const MALFORMED: InvalidName =
            InvalidName { what: "subscription ARN", rule: "arn:aws:sns:REGION:ACCOUNT:TOPIC:UUID" };
        let (topic, id) = text.rsplit_once(':').ok_or(MALFORMED)?;
        Ok(Self { topic: topic.parse().map_err(|_| MALFORMED)?, id: id.parse().map_err(|_| MALFORMED)? })
    }
}

impl fmt::Display for SubscriptionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.topic, self.id)
    }
}

macro_rules! platforms {
    ($($name:ident $text:literal,)*) => {
        /// A push notification service.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Platform { $(#[doc = concat!("`", $text, "`")] $name,)* }

        impl Platform {
            /// The platform as SNS writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl FromStr for Platform {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(InvalidName { what: "platform", rule: "a push notification service that SNS supports" }),
                }
            }
        }
    };
}

platforms! {
    Adm "ADM",
    Apns "APNS",
    ApnsSandbox "APNS_SANDBOX",
    ApnsVoip "APNS_VOIP",
    ApnsVoipSandbox "APNS_VOIP_SANDBOX",
    Baidu "BAIDU",
    Gcm "GCM",
    MacOs "MACOS",
    MacOsSandbox "MACOS_SANDBOX",
    Mpns "MPNS",
    Wns "WNS",
}

impl Platform {
    /// Whether it is one of Apple's.
    #[must_use]
    pub const fn is_apple(self) -> bool {
        match self {
            Self::Apns
            | Self::ApnsSandbox
            | Self::ApnsVoip
            | Self::ApnsVoipSandbox
            | Self::MacOs
            | Self::MacOsSandbox => true,
            Self::Adm | Self::Baidu | Self::Gcm | Self::Mpns | Self::Wns => false,
        }
    }

    /// Whether its credentials have a principal.
    #[must_use]
    pub const fn has_principal(self) -> bool {
        !matches!(self, Self::Gcm)
    }
}

/// A platform application's name: 1 to 256 letters, digits, hyphens, underscores and periods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationName(CompactString);

impl ApplicationName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApplicationName {
    type Err = ApplicationNameRule;

    fn from_str(text: &str) -> Result<Self, ApplicationNameRule> {
        const CHARS_MAX: usize = PLATFORM_APPLICATION_NAME_CHARS_MAX;
        if text.is_empty() {
            return Err(ApplicationNameRule::Empty);
        }
        if text.chars().count() > CHARS_MAX {
            return Err(ApplicationNameRule::TooLong { chars_max: CHARS_MAX });
        }
        if !text.bytes().all(|byte| is_name_byte(byte) || byte == b'.') {
            return Err(ApplicationNameRule::Characters);
        }
        Ok(Self(text.into()))
    }
}

/// Where a platform application is. Displayed and parsed as its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApplicationAddress {
    /// The application's region.
    pub region: Region,
    /// The account that owns it.
    pub account: AccountId,
    /// The service that it pushes through.
    pub platform: Platform,
    /// Its name.
    pub name: ApplicationName,
}

impl ApplicationAddress {
    fn read(text: &str, kind: &str) -> Option<(Self, Option<EndpointId>)> {
        let (region, account, rest) = split_arn(text, "sns")?;
        let mut parts = rest.split('/');
        if parts.next()? != kind {
            return None;
        }
        let (platform, name) = (parts.next()?.parse().ok()?, parts.next()?);
        let id = parts.next();
        let (region, account, name) = (region.parse().ok()?, account.parse().ok()?, name.parse().ok()?);
        let address = Self { region, account, platform, name };
        let id = id.map(str::parse).transpose().ok()?;
        parts.next().is_none().then_some((address, id))
    }
}

impl FromStr for ApplicationAddress {
    type Err = InvalidName;

    /// Parses `arn:aws:sns:REGION:ACCOUNT:app/PLATFORM/NAME`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match Self::read(text, "app") {
            Some((address, None)) => Ok(address),
            _ => Err(InvalidName {
                what: "platform application ARN",
                rule: "arn:aws:sns:REGION:ACCOUNT:app/PLATFORM/NAME",
            }),
        }
    }
}

impl fmt::Display for ApplicationAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { region, account, platform, name } = self;
        write!(f, "arn:aws:sns:{region}:{account}:app/{}/{}", platform.as_str(), name.as_str())
    }
}

/// Where a platform endpoint (a device with an application) is. Displayed and parsed as its ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointAddress {
    /// The application.
    pub application: ApplicationAddress,
    /// The endpoint.
    pub id: EndpointId,
}

impl FromStr for EndpointAddress {
    type Err = InvalidName;

    /// Parses `arn:aws:sns:REGION:ACCOUNT:endpoint/PLATFORM/NAME/UUID`.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match ApplicationAddress::read(text, "endpoint") {
            Some((application, Some(id))) => Ok(Self { application, id }),
            _ => Err(InvalidName {
                what: "platform endpoint ARN",
                rule: "arn:aws:sns:REGION:ACCOUNT:endpoint/PLATFORM/NAME/UUID",
            }),
        }
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApplicationAddress { region, account, platform, name } = &self.application;
        let (platform, name) = (platform.as_str(), name.as_str());
        write!(f, "arn:aws:sns:{region}:{account}:endpoint/{platform}/{name}/{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_follow_sns() {
        let (longest, too_long) = ("t".repeat(256), "t".repeat(257));
        for (name, valid) in [
            ("orders", true),
            ("Orders_2-x.fifo", true),
            (&longest, true),
            (&too_long, false),
            ("", false),
            (".fifo", false),
            ("a.b", false),
            ("a:b", false),
            ("ü", false),
        ] {
            assert_eq!(name.parse::<TopicName>().is_ok(), valid, "{name}");
        }
    }

    #[test]
    fn arns_round_trip_and_every_prefix_is_refused() {
        const ID: &str = "01234567-89ab-4def-8123-456789abcdef";
        fn check<T: FromStr + fmt::Display>(arn: &str, shortest: usize) {
            assert_eq!(arn.parse::<T>().ok().expect("valid").to_string(), arn);
            for cut in 0..shortest {
                assert!(arn[..cut].parse::<T>().is_err(), "{}", &arn[..cut]);
            }
            for other in ["arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sns:eu-west-1:123456789012:a:b:c", "x"] {
                assert!(other.parse::<T>().is_err(), "{other}");
            }
        }
        let topic = "arn:aws:sns:eu-west-1:123456789012:";
        check::<TopicAddress>(&format!("{topic}orders.fifo"), topic.len());
        let subscription = format!("{topic}orders:{ID}");
        check::<SubscriptionAddress>(&subscription, subscription.len());
        check::<ApplicationAddress>(&format!("{topic}app/GCM/my.app"), topic.len() + 8);
        let endpoint = format!("{topic}endpoint/APNS_SANDBOX/my.app/{ID}");
        check::<EndpointAddress>(&endpoint, endpoint.len());
        assert!(format!("{topic}app/GCM/my.app/{ID}").parse::<ApplicationAddress>().is_err());
        assert!(format!("{topic}app/Pager/my.app").parse::<ApplicationAddress>().is_err());
    }
}
