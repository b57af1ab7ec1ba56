//! The types of the settings that name hosts: lists of their names, of their networks, and of where they listen.

use std::net::SocketAddr;

use ipnet::IpNet;

use super::push::{elements, is_host, network};
use super::value::{Kind, Value};

/// Host names in lower case, separated by commas. One that begins with a dot stands for all names below it, and for the
/// one without the dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNames(Vec<Box<str>>);

impl HostNames {
    /// The names.
    #[must_use]
    pub fn as_slice(&self) -> &[Box<str>] {
        &self.0
    }
}

impl Value for HostNames {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "host names, separated by commas, such as queues.example.com, .svc.cluster.local".into()
    }

    fn parse(text: &str) -> Option<Self> {
        let name =
            |text: &str| is_host(text.strip_prefix('.').unwrap_or(text)).then(|| text.to_ascii_lowercase().into());
        elements(text).map(name).collect::<Option<_>>().map(Self)
    }
}

/// Networks, separated by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// The networks.
    #[must_use]
    pub fn as_slice(&self) -> &[IpNet] {
        &self.0
    }
}

impl Value for Networks {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        "networks or addresses, separated by commas, such as 10.0.0.0/8, fd00::/8".into()
    }

    fn parse(text: &str) -> Option<Self> {
        elements(text).map(network).collect::<Option<_>>().map(Self)
    }
}

/// Hosts, each with a port, separated by commas: [`HostAddresses::MAX`] at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostAddresses(Vec<Box<str>>);

impl HostAddresses {
    /// How many there may be. READY of the native protocol has room for as many of the longest names.
    const MAX: usize = 8;

    /// The addresses, each as `host:port`.
    #[must_use]
    pub fn as_slice(&self) -> &[Box<str>] {
        &self.0
    }
}

impl Value for HostAddresses {
    const KIND: Kind = Kind::Text;

    fn allowed() -> String {
        format!(
            "up to {} hosts with a port, separated by commas, such as b.example.com:9326, 192.0.2.7:9326",
            Self::MAX
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let addresses = elements(text).map(|text| is_host_address(text).then(|| text.into()));
        addresses.collect::<Option<Vec<_>>>().filter(|all| all.len() <= Self::MAX).map(Self)
    }
}

/// Whether a text is a name or an IP address, and a port above zero.
fn is_host_address(text: &str) -> bool {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return address.port() != 0;
    }
    text.rsplit_once(':').is_some_and(|(host, port)| is_host(host) && port.parse::<u16>().is_ok_and(|port| port != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_domains() {
        let names = HostNames::parse("Queues.example.com, .svc,posthouse").expect("valid");
        assert_eq!(names.as_slice().join(" "), "queues.example.com .svc posthouse");
        assert_eq!(HostNames::parse(""), Some(HostNames::default()));
        for text in ["a:80", "http://a", "127.0.0.1", ".", "..a", "*.a", "a b"] {
            assert_eq!(HostNames::parse(text), None, "{text}");
        }
    }

    #[test]
    fn networks() {
        let networks = Networks::parse("10.0.0.0/8, ::1,192.0.2.1").expect("valid");
        let texts: Vec<_> = networks.as_slice().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.0/8", "::1/128", "192.0.2.1/32"]);
        for text in ["10.0.0.0/33", "localhost", "10.0.0"] {
            assert_eq!(Networks::parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        let addresses = HostAddresses::parse("b.example.com:9326, 192.0.2.7:1,[::1]:9326").expect("valid");
        assert_eq!(addresses.as_slice().join(" "), "b.example.com:9326 192.0.2.7:1 [::1]:9326");
        assert_eq!(HostAddresses::parse(""), Some(HostAddresses::default()));
        for text in ["b", "b:0", "b:65536", "b:", ":1", "::1:9326", "1.2.3:1", "http://b:1", "b:1:2"] {
            assert_eq!(HostAddresses::parse(text), None, "{text}");
        }
        assert_eq!(HostAddresses::parse(&"b:1,".repeat(9)), None);
    }
}
