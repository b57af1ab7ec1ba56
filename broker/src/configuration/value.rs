//! The types of settings: what may stand there, how it is parsed from text, and how the allowed range is described.
//!
//! A value is parsed from text wherever it comes from (flag, environment, file, default), so that all of them mean the
//! same. A value that exists is within its range.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use posthouse_aws::PublicUrl;
use posthouse_disk::Choice as DiskChoice;
use posthouse_model::Region;
use tracing_subscriber::EnvFilter;

/// How a value is written in the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A string that is not shown.
    Secret,
}

impl Kind {
    /// The word for it in help and documentation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text | Self::Secret => "text",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
        }
    }
}

/// The type of a setting.
pub trait Value: Sized {
    /// How the file writes it.
    const KIND: Kind;

    /// What may stand there, for messages, help and documentation.
    fn allowed() -> String;

    /// The value, or `None` where `text` is outside what is allowed.
    fn parse(text: &str) -> Option<Self>;
}

/// A whole number from `LOW` to `HIGH`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Integer<const LOW: u64, const HIGH: u64>(u64);

impl<const LOW: u64, const HIGH: u64> Integer<LOW, HIGH> {
    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number as a length or count in memory.
    #[must_use]
    pub fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// The number as that many seconds.
    #[must_use]
    pub const fn seconds(self) -> Duration {
        Duration::from_secs(self.0)
    }
}

impl<const LOW: u64, const HIGH: u64> Value for Integer<LOW, HIGH> {
    const KIND: Kind = Kind::Integer;

    fn allowed() -> String {
        format!("{LOW} to {HIGH}")
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|number| (LOW..=HIGH).contains(number)).map(Self)
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Boolean;

    fn allowed() -> String {
        "true, false".into()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for SocketAddr {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "an IP address and a port, such as 127.0.0.1:9324 or [::1]:9324; port 0 takes a free one".into()
    }

    fn parse(text: &str) -> Option<Self> {
        // The one name whose address does not depend on a resolver (RFC 6761, section 6.3).
        match text.strip_prefix("localhost:") {
            Some(port) => port.parse().ok().map(|port| (Ipv4Addr::LOCALHOST, port).into()),
            None => text.parse().ok(),
        }
    }
}

/// An address that a listener is bound to; empty for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalAddress(Option<SocketAddr>);

impl OptionalAddress {
    /// The address, where there is one.
    #[must_use]
    pub const fn get(self) -> Option<SocketAddr> {
        self.0
    }
}

impl Value for OptionalAddress {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        format!("empty, or {}", SocketAddr::allowed())
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self(None)) } else { SocketAddr::parse(text).map(|address| Self(Some(address))) }
    }
}

impl Value for PathBuf {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "a path".into()
    }

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }
}

impl Value for Region {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "1 to 32 lower-case letters, digits and hyphens".into()
    }

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

/// What URLs begin with that the broker forms: scheme and authority, perhaps a path; no slash at the end. Or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionalUrl(Option<PublicUrl>);

impl OptionalUrl {
    /// The URL; `None` where the setting is empty.
    #[must_use]
    pub const fn get(&self) -> Option<&PublicUrl> {
        self.0.as_ref()
    }
}

impl Value for OptionalUrl {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "empty, or an http:// or https:// URL without query".into()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(None));
        }
        text.parse().ok().map(|url| Self(Some(url)))
    }
}

/// Which events are logged, in the words of `tracing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(Box<str>);

impl LogFilter {
    /// The filter, made anew.
    #[must_use]
    pub fn filter(&self) -> EnvFilter {
        EnvFilter::try_new(&*self.0).expect("parsing accepted the same text")
    }
}

impl Value for LogFilter {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "error, warn, info, debug, trace or off; or filters by part, such as info,posthouse::listener=debug".into()
    }

    fn parse(text: &str) -> Option<Self> {
        // `EnvFilter` takes a word that is no level for the name of a part, and shows nothing of any other part.
        let names_level = |directive: &str| is_level(directive.rsplit_once('=').map_or(directive, |(_, level)| level));
        (text.split(',').all(names_level) && EnvFilter::try_new(text).is_ok()).then(|| Self(text.into()))
    }
}

fn is_level(word: &str) -> bool {
    ["off", "error", "warn", "info", "debug", "trace"].iter().any(|level| level.eq_ignore_ascii_case(word.trim()))
}

/// Declares an enum whose values are words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl Value for $name {
            const KIND: Kind = Kind::Text;

            fn allowed() -> String {
                [$($word),*].join(", ")
            }

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(super) use words;

words! {
    /// When a send, receive or delete counts as done.
    Durability {
        /// Once it is on disk.
        Fsync = "fsync",
        /// Once it is in memory: a crash may lose the last moments.
        Async = "async",
    }
}

words! {
    /// Who may call `/healthz`, `/readyz` and `/metrics`.
    Probes {
        /// Every client.
        Open = "open",
        /// Users with a role, where there are users.
        Viewer = "viewer",
    }
}

words! {
    /// What happens to a queue that exists and differs from its declaration.
    OnDifference {
        /// The start, or the reload, is refused.
        Refuse = "refuse",
        /// The declared attributes are set.
        Apply = "apply",
    }
}

words! {
    /// How a log line looks.
    LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

words! {
    /// How the broker talks to the disk.
    DiskDriver {
        /// The better one of those that work here.
        Auto = "auto",
        /// io_uring, or no start.
        IoUring = "io_uring",
        /// Threads.
        Threads = "threads",
    }
}

impl From<DiskDriver> for DiskChoice {
    fn from(driver: DiskDriver) -> Self {
        match driver {
            DiskDriver::Auto => Self::Auto,
            DiskDriver::IoUring => Self::Ring,
            DiskDriver::Threads => Self::Threads,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes<T: Value>(valid: &[&str], invalid: &[&str]) {
        for text in valid {
            assert!(T::parse(text).is_some(), "{text}: {}", T::allowed());
        }
        for text in invalid {
            assert!(T::parse(text).is_none(), "{text}: {}", T::allowed());
        }
    }

    #[test]
    fn ranges() {
        takes::<Integer<1, 10>>(&["1", "10"], &["0", "11", "-1", "1.5", "", "ten", "99999999999999999999"]);
        takes::<bool>(&["true", "false"], &["yes", "1", ""]);
        takes::<SocketAddr>(
            &["127.0.0.1:0", "[::1]:9324", "localhost:9324"],
            &["9324", "localhost", "localhost:", "a:1", "127.0.0.1", ""],
        );
        takes::<OptionalAddress>(&["", "127.0.0.1:0", "localhost:1"], &["9326", " "]);
        takes::<PathBuf>(&["x"], &[""]);
        takes::<Region>(&["eu-west-1"], &["", "EU", "1"]);
        takes::<OptionalUrl>(
            &["", "http://sqs.local", "https://a.b:8443/q/"],
            &["sqs.local", "ftp://a", "http://", "http://a?x=1", "http://a#x"],
        );
        takes::<LogFilter>(
            &["info", "OFF", "warn,posthouse=debug", "audit=info, warn"],
            &["", "posthouse=loud", "infoo", "posthouse", "info,", "warn,posthouse", "posthouse="],
        );
        takes::<Durability>(&["fsync", "async"], &["", "Fsync", "none"]);
        takes::<LogFormat>(&["text", "json"], &["xml"]);
        takes::<DiskDriver>(&["auto", "io_uring", "threads"], &["ring"]);
    }

    #[test]
    fn a_public_url_loses_its_last_slash() {
        let url = OptionalUrl::parse("http://a/").expect("valid");
        assert_eq!(url.get().map(PublicUrl::as_str), Some("http://a"));
    }
}
