//! The network rules: which addresses push delivery may connect to.
//!
//! A subscriber chooses the endpoint. Without rules it could make the broker send requests to anything that the
//! broker's machine reaches, such as a cloud's metadata service. The rules apply to addresses, not to names: to the
//! address that the resolver returned, which is also the one that is connected to. A name that resolves differently the
//! next moment therefore gains nothing. Redirects are not followed, so there is no second address to check.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::own_addresses::OwnAddresses;
use crate::configuration::{Denied, Destinations};

/// Whether the addresses of the broker's own machine, loopback and others, are permitted without `push.allow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loopback {
    /// The broker serves its own machine only, and every client of it may reach these addresses anyway.
    Permitted,
    /// They are refused like those of metadata services.
    #[default]
    Refused,
}

/// The rules, in the order in which they apply: what `push.allow` permits, what `push.deny` refuses, what is built in.
/// Any other address is permitted.
#[derive(Debug, Default)]
pub(crate) struct NetworkRules {
    allow: Destinations,
    deny: Denied,
    loopback: Loopback,
    own: OwnAddresses,
}

impl NetworkRules {
    /// The rules of a configuration.
    pub(crate) fn new(allow: Destinations, deny: Denied, loopback: Loopback) -> Self {
        Self { allow, deny, loopback, own: OwnAddresses::default() }
    }

    /// Whether a connection to `address`, to which `host` resolved, may be made.
    pub(crate) fn permit(&self, host: &str, address: IpAddr) -> bool {
        let (written, address) = (address.to_canonical(), judged(address));
        let holds = |networks: &[IpNet]| {
            networks.iter().any(|network| contains(network, written) || contains(network, address))
        };
        let named = self.allow.hosts().iter().any(|allowed| host.trim_end_matches('.').eq_ignore_ascii_case(allowed));
        if named || holds(self.allow.networks()) {
            return true;
        }
        if holds(self.deny.networks()) {
            return false;
        }
        if address.is_loopback() {
            return self.loopback == Loopback::Permitted;
        }
        let here = self.loopback == Loopback::Permitted && !self.deny.is_private();
        !is_refused(address) && (here || !self.own.contain(&[written, address]))
    }
}

/// The address that the rules apply to. An IPv6 address that embeds an IPv4 address is converted to it: IPv4-mapped
/// addresses, NAT64 (RFC 6052, and RFC 8215 with the IPv4 address in the last 32 bits), 6to4 (RFC 3056), and
/// IPv4-compatible addresses (RFC 4291), which some systems still send as IPv4.
fn judged(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address.to_canonical() else { return address.to_canonical() };
    let (high, low) = match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => return IpAddr::V6(v6),
        [0x64, 0xff9b, 0 | 1, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => (high, low),
        [0x2002, high, low, ..] => (high, low),
        _ => return IpAddr::V6(v6),
    };
    IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}

/// Whether a network contains an address. The network may be one of IPv4 written as IPv4-mapped IPv6.
fn contains(network: &IpNet, address: IpAddr) -> bool {
    if network.contains(&address) {
        return true;
    }
    match (network, address) {
        (IpNet::V6(network), IpAddr::V4(v4)) => network.prefix_len() >= 96 && network.contains(&v4.to_ipv6_mapped()),
        _ => false,
    }
}

/// Whether the built-in rules refuse an address that is not loopback, wherever the broker runs.
fn is_refused(address: IpAddr) -> bool {
    /// Metadata services that are not link-local: of Alibaba Cloud, Oracle Cloud and Azure.
    const METADATA_V4: [Ipv4Addr; 3] =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];
    /// And that of EC2 over IPv6.
    const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0
                || METADATA_V4.contains(&v4)
        }
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.is_multicast()
                || v6.is_unspecified()
                || v6 == METADATA_V6
                || is_local_nat64(v6)
        }
    }
}

/// Whether an address belongs to a NAT64 translator of the local network (64:ff9b:1::/48, RFC 8215). Only its operator
/// knows which of its bits are the IPv4 address.
const fn is_local_nat64(v6: Ipv6Addr) -> bool {
    matches!(v6.segments(), [0x64, 0xff9b, 1, ..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Value as _;

    fn rules(allow: &str, deny: &str, loopback: Loopback) -> NetworkRules {
        let parsed = (Destinations::parse(allow), Denied::parse(deny));
        let own = OwnAddresses::fixed(&["203.0.113.5", "2001:db8::5", "192.168.7.7"]);
        NetworkRules { own, ..NetworkRules::new(parsed.0.expect("valid"), parsed.1.expect("valid"), loopback) }
    }

    #[test]
    fn built_in_rules() {
        let open = rules("", "", Loopback::Permitted);
        let closed = rules("", "", Loopback::Refused);
        for (address, permitted, on_loopback_only) in [
            ("93.184.216.34", true, true),
            ("10.0.0.1", true, true),
            ("192.168.1.1", true, true),
            ("100.64.0.1", true, true),
            ("2606:2800:220:1::1", true, true),
            ("fd12::1", true, true),
            ("127.0.0.1", false, true),
            ("127.255.0.9", false, true),
            ("::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("64:ff9b::7f00:1", false, true),
            ("64:ff9b:1::7f00:1", false, true),
            ("2002:7f00:1::", false, true),
            ("::127.0.0.1", false, true),
            ("203.0.113.5", false, true),
            ("::ffff:203.0.113.5", false, true),
            ("64:ff9b::203.0.113.5", false, true),
            ("2001:db8::5", false, true),
            ("192.168.7.7", false, true),
            ("203.0.113.6", true, true),
            ("169.254.169.254", false, false),
            ("169.254.0.1", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("fe80::1", false, false),
            ("febf::1", false, false),
            ("64:ff9b:1::a9fe:a9fe", false, false),
            ("64:ff9b:1::5db8:d822", true, true),
            ("64:ff9b:1:a9fe:a9:fe00::", false, false),
            ("64:ff9b:1:ffff::5db8:d822", false, false),
            ("2002:a9fe:a9fe::1", false, false),
            ("2002:5db8:d822::1", true, true),
            ("::169.254.169.254", false, false),
            ("::93.184.216.34", true, true),
            ("::2", false, false),
            ("fd00:ec2::254", false, false),
            ("fd00:ec2::253", true, true),
            ("100.100.100.200", false, false),
            ("100.100.100.201", true, true),
            ("::ffff:100.100.100.200", false, false),
            ("192.0.0.192", false, false),
            ("168.63.129.16", false, false),
            ("64:ff9b::168.63.129.16", false, false),
            ("224.0.0.1", false, false),
            ("239.255.255.255", false, false),
            ("ff02::1", false, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("::ffff:0.0.0.0", false, false),
            ("255.255.255.255", false, false),
        ] {
            let parsed = address.parse().expect("an address");
            assert_eq!(closed.permit(address, parsed), permitted, "{address}");
            assert_eq!(open.permit(address, parsed), on_loopback_only, "{address} where loopback is open");
        }
    }

    #[test]
    fn an_operator_allows_and_denies_by_name() {
        for (allow, deny, host, address, permitted) in [
            ("", "10.0.0.0/8", "a.example", "10.1.2.3", false),
            ("", "10.0.0.0/8", "a.example", "11.1.2.3", true),
            ("", "10.0.0.0/8", "a.example", "::ffff:10.1.2.3", false),
            ("", "::ffff:10.0.0.0/104", "a.example", "10.1.2.3", false),
            ("10.1.0.0/16", "10.0.0.0/8", "a.example", "10.1.2.3", true),
            ("10.1.0.0/16", "10.0.0.0/8", "a.example", "10.2.2.3", false),
            ("10.1.0.0/16", "0.0.0.0/0, ::/0", "a.example", "93.184.216.34", false),
            ("10.1.0.0/16", "0.0.0.0/0, ::/0", "a.example", "2606:2800:220:1::1", false),
            ("169.254.169.254", "", "metadata", "169.254.169.254", true),
            ("169.254.169.254", "", "metadata", "169.254.169.253", false),
            ("100.100.100.200", "", "metadata", "100.100.100.200", true),
            ("fd00:ec2::254", "", "metadata", "fd00:ec2::254", true),
            ("", "10.0.0.0/8", "a.example", "2002:a01:203::1", false),
            ("", "10.0.0.0/8", "a.example", "::10.1.2.3", false),
            ("", "10.0.0.0/8", "a.example", "64:ff9b:1::10.1.2.3", false),
            ("", "2002::/16", "a.example", "2002:5db8:d822::1", false),
            ("64:ff9b:1::/48", "", "a.example", "64:ff9b:1:ffff::5db8:d822", true),
            ("127.0.0.0/8", "", "localhost", "127.0.0.1", true),
            ("127.0.0.0/8", "", "localhost", "::1", false),
            ("localhost", "", "localhost", "::1", true),
            ("localhost", "", "LocalHost.", "127.0.0.1", true),
            ("localhost", "", "localhost.example", "127.0.0.1", false),
            ("hooks.example", "0.0.0.0/0", "hooks.example", "10.0.0.1", true),
            ("hooks.example", "0.0.0.0/0", "hooks.example.evil", "10.0.0.1", false),
            ("203.0.113.5", "", "a.example", "203.0.113.5", true),
            ("a.example", "private", "a.example", "203.0.113.5", true),
            ("10.1.0.0/16", "private", "a.example", "10.1.2.3", true),
            ("", "private, 93.184.216.0/24", "a.example", "93.184.216.34", false),
        ] {
            let found = rules(allow, deny, Loopback::Refused).permit(host, address.parse().expect("an address"));
            assert_eq!(found, permitted, "allow {allow}, deny {deny}: {host} at {address}");
        }
    }

    #[test]
    fn what_is_denied_by_name_is_denied_where_loopback_is_open() {
        assert!(!rules("", "127.0.0.0/8", Loopback::Permitted).permit("localhost", Ipv4Addr::LOCALHOST.into()));
    }

    #[test]
    fn private_is_every_network_that_is_not_public() {
        for loopback in [Loopback::Permitted, Loopback::Refused] {
            let rules = rules("", "private", loopback);
            for (address, permitted) in [
                ("10.1.2.3", false),
                ("172.16.0.1", false),
                ("172.31.255.255", false),
                ("172.32.0.1", true),
                ("192.168.0.1", false),
                ("100.64.0.1", false),
                ("100.128.0.1", true),
                ("127.0.0.1", false),
                ("169.254.1.1", false),
                ("192.0.0.8", false),
                ("198.19.255.255", false),
                ("0.0.0.0", false),
                ("203.0.113.5", false),
                ("93.184.216.34", true),
                ("::1", false),
                ("fd12::1", false),
                ("fc00::1", false),
                ("fe80::1", false),
                ("fec0::1", false),
                ("2001:db8::5", false),
                ("2606:2800:220:1::1", true),
                ("::ffff:10.1.2.3", false),
                ("64:ff9b::10.1.2.3", false),
                ("64:ff9b:1::93.184.216.34", false),
                ("2002:a01:203::1", false),
            ] {
                let found = rules.permit("a.example", address.parse().expect("an address"));
                assert_eq!(found, permitted, "{address}, {loopback:?}");
            }
        }
    }
}
