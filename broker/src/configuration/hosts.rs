//! The types of the settings that name hosts: lists of their names and of their networks.

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
}
