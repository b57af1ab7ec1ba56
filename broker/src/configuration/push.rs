//! The types of the settings of push delivery: lists of networks, gateways, and what e-mail needs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use lettre::message::Mailbox;

use super::secret::Secret;
use super::value::{Kind, Value};

/// What is refused: networks, and by the word `private` all that are not public, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denied {
    networks: Vec<IpNet>,
    private: bool,
}

/// The word for every network that is not public.
const PRIVATE: &str = "private";

/// The networks that `private` stands for: those of IANA's registries of special addresses (RFC 6890) that lead to a
/// machine, but to none that all of the Internet reaches.
const PRIVATE_NETWORKS: [IpNet; 14] = [
    v4([0, 0, 0, 0], 8),
    // RFC 1918.
    v4([10, 0, 0, 0], 8),
    v4([172, 16, 0, 0], 12),
    v4([192, 168, 0, 0], 16),
    // Behind a carrier's NAT (RFC 6598), loopback, link-local.
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    // Protocol assignments (RFC 6890) and benchmarks (RFC 2544).
    v4([192, 0, 0, 0], 24),
    v4([198, 18, 0, 0], 15),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    // Unique local (RFC 4193), link-local, and what site-local addresses were.
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10),
    // A local translator's (RFC 8215).
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
];

const fn v4(octets: [u8; 4], prefix: u8) -> IpNet {
    let [a, b, c, d] = octets;
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix))
}

const fn v6(segments: [u16; 8], prefix: u8) -> IpNet {
    let [a, b, c, d, e, f, g, h] = segments;
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix))
}

impl Denied {
    /// The networks, with those that `private` stands for.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    /// Whether everything that is not public is refused. The machine's own addresses are then, too.
    #[must_use]
    pub const fn is_private(&self) -> bool {
        self.private
    }
}

impl Value for Denied {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "networks, addresses or `private`, separated by commas, such as private, 203.0.113.0/24".into()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut denied = Self::default();
        for element in elements(text) {
            if element == PRIVATE {
                denied.private = true;
                denied.networks.extend(PRIVATE_NETWORKS);
            } else {
                denied.networks.push(network(element)?);
            }
        }
        Some(denied)
    }
}

/// Networks and host names, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destinations {
    networks: Vec<IpNet>,
    hosts: Vec<Box<str>>,
}

impl Destinations {
    /// The networks.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    /// The host names, in lower case.
    #[must_use]
    pub fn hosts(&self) -> &[Box<str>] {
        &self.hosts
    }
}

impl Value for Destinations {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "networks, addresses or host names, separated by commas, such as 127.0.0.0/8, hooks.example.net".into()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut destinations = Self::default();
        for element in elements(text) {
            if let Some(network) = network(element) {
                destinations.networks.push(network);
            } else if element != PRIVATE && is_host(element) {
                destinations.hosts.push(element.to_ascii_lowercase().into());
            } else {
                return None;
            }
        }
        Some(destinations)
    }
}

pub(super) fn elements(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|element| !element.is_empty())
}

/// A network, or the network of one address.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A name that cannot be mistaken for an address that is written badly: its last label is not a number.
pub(super) fn is_host(text: &str) -> bool {
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253
        && !last.bytes().all(|b| b.is_ascii_digit())
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        })
}

/// The URL of a gateway; empty for none. Like a [`Secret`] it is not shown: it may hold a password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct GatewayUrl(Option<Box<str>>);

impl std::fmt::Debug for GatewayUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_some() { "GatewayUrl(hidden)" } else { "GatewayUrl(none)" })
    }
}

impl GatewayUrl {
    /// The URL, where there is a gateway.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl Value for GatewayUrl {
    const KIND: Kind = Kind::Secret;

    fn allowed() -> String {
        "empty, or an http:// or https:// URL".into()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(None));
        }
        let url: http::Uri = text.parse().ok()?;
        let has_host = url.host().is_some_and(|host| !host.is_empty());
        (matches!(url.scheme_str(), Some("http" | "https")) && has_host).then(|| Self(Some(text.into())))
    }
}

/// A file that may be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionalPath(Option<PathBuf>);

impl OptionalPath {
    /// The file, where one is named.
    #[must_use]
    pub fn as_deref(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl Value for OptionalPath {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "empty, or a path".into()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self((!text.is_empty()).then(|| text.into())))
    }
}

/// The name of a host; empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostName(Option<Box<str>>);

impl HostName {
    /// The name, where there is one.
    #[must_use]
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl Value for HostName {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "empty, or a host name or an IP address".into()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self(None));
        }
        (text.parse::<IpAddr>().is_ok() || is_host(text)).then(|| Self(Some(text.into())))
    }
}

/// Whom e-mail is from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender(Option<Mailbox>);

impl Sender {
    /// The sender, where there is one.
    #[must_use]
    pub const fn mailbox(&self) -> Option<&Mailbox> {
        self.0.as_ref()
    }
}

impl Value for Sender {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "empty, or an e-mail address, perhaps with a name before it, as mail headers have it".into()
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(Self(None)) } else { text.parse().ok().map(|mailbox| Self(Some(mailbox))) }
    }
}

/// Any text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Box<str>);

impl Text {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for Text {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "any text".into()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self(text.into()))
    }
}

impl Value for Secret {
    const KIND: Kind = Kind::Secret;

    fn allowed() -> String {
        "any text".into()
    }

    fn parse(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }
}

super::value::words! {
    /// How the connection to the e-mail server is protected.
    EmailTls {
        /// Not at all.
        None = "none",
        /// It is upgraded, or nothing is sent.
        StartTls = "starttls",
        /// From its beginning.
        Tls = "tls",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::configuration::Configuration;

    fn takes<T: Value>(valid: &[&str], invalid: &[&str]) {
        for text in valid {
            assert!(T::parse(text).is_some(), "{text}: {}", T::allowed());
        }
        for text in invalid {
            assert!(T::parse(text).is_none(), "{text}: {}", T::allowed());
        }
    }

    #[test]
    fn what_may_stand_there() {
        takes::<Denied>(
            &["", "10.0.0.0/8", "10.1.2.3 , fd00::/8", "::1,", "private", "203.0.113.0/24, private"],
            &["10.0.0.0/33", "localhost", "10.0.0", "Private", "private/8"],
        );
        takes::<Destinations>(
            &["", "127.0.0.0/8, hooks.example.net", "localhost", "169.254.169.254"],
            &["10.0.0.0/33", "10.0.0.256", "a b", "http://a", "a..b", "*.example.net", "private"],
        );
        takes::<GatewayUrl>(&["", "http://sms.local/send", "https://u:p@a:1/?q=1"], &["a", "ftp://a/", "http:///x"]);
        takes::<HostName>(&["", "mail.example.net", "127.0.0.1", "::1"], &["a b", "mail:25", "10.0.0"]);
        takes::<Sender>(&["", "a@example.com", "Shop <a@example.com>"], &["a", "Shop <a>"]);
        takes::<EmailTls>(&["none", "starttls", "tls"], &["", "ssl"]);
    }

    #[test]
    fn a_list_keeps_what_it_was_given() {
        let list = Destinations::parse("10.0.0.0/8, Hooks.Example.NET, 192.0.2.1").expect("valid");
        assert_eq!(list.networks(), ["10.0.0.0/8".parse().expect("valid"), "192.0.2.1/32".parse().expect("valid")]);
        assert_eq!(list.hosts(), [Box::<str>::from("hooks.example.net")]);
    }

    #[test]
    fn passwords_are_not_shown() {
        let source = "[push.email]\npassword = 'hunter2'\n[push.sms]\nurl = 'http://a:hunter2@b/'\n";
        let path = Some(Path::new("posthouse.toml"));
        let configuration = Configuration::from_parts(path, source, &BTreeMap::new(), &|_| None).expect("valid");
        assert!(!format!("{configuration:?}").contains("hunter2"));
        for (name, shown) in
            [("push.email.password", "(hidden)"), ("push.sms.url", "(hidden)"), ("push.lambda.url", "")]
        {
            let found = configuration.origins.iter().find(|(setting, ..)| setting.name() == name);
            assert_eq!(found.map(|(_, text, _)| text.as_str()), Some(shown), "{name}");
        }
    }

    #[test]
    fn email_needs_a_sender() {
        for (source, valid) in [
            ("[push.email]\nhost = 'mail.example.net'", false),
            ("[push.email]\nhost = 'mail.example.net'\nfrom = 'a@example.net'", true),
            ("[push.email]\nfrom = 'a@example.net'", true),
            ("[push.email]\nsender = 'a@example.net'", false),
            ("[push]\nemail = 3", false),
        ] {
            let path = Some(Path::new("posthouse.toml"));
            let loaded = Configuration::from_parts(path, source, &BTreeMap::new(), &|_| None);
            assert_eq!(loaded.is_ok(), valid, "{source}");
        }
    }
}
