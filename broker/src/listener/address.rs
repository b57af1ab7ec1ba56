//! Clients by their addresses, and the share of what is bounded that one address may hold.
//!
//! A share is no fixed part of the whole. An address may hold a percentage of what the others leave: alone it may hold
//! that percentage of the whole, two that want all get less each, and there is always something left for the next. (The
//! dynamic threshold of Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998.)

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;

use crate::configuration::Networks;

/// What counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, which is the network that one
/// client has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum AddressKey {
    V4(Ipv4Addr),
    V6(u64),
}

impl AddressKey {
    /// The key of an address. One of IPv4 in an IPv6 socket is one of IPv4.
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::V6(u64::try_from(v6.to_bits() >> 64).expect("64 bits")),
        }
    }
}

/// Whether networks contain an address. One of IPv4 in an IPv6 socket is one of IPv4.
pub(super) fn contain(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

/// How much one address may hold.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    percent: u64,
    /// Addresses that stand for many clients.
    unlimited: Networks,
}

impl Shares {
    /// `percent` of what others leave, but for addresses in `unlimited`.
    pub(super) const fn new(percent: u64, unlimited: Networks) -> Self {
        Self { percent, unlimited }
    }

    /// The share of an address.
    pub(super) fn of(&self, address: IpAddr) -> Share {
        Share(if contain(self.unlimited.as_slice(), address) { 100 } else { self.percent })
    }
}

/// The percentage of what other addresses leave that one address may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share(u64);

impl Share {
    /// Whether an address may hold `wanted` of `all`, while others hold `others`. The first unit is always within its
    /// share, or else a small whole had room for no address.
    pub(super) const fn permits(self, wanted: u64, all: u64, others: u64) -> bool {
        self.0 >= 100 || wanted <= 1 || wanted.saturating_mul(100) <= self.0.saturating_mul(all.saturating_sub(others))
    }
}

/// What an address holds of the memory of bodies.
#[derive(Debug)]
pub(super) struct Address {
    key: AddressKey,
    share: Share,
    body_bytes: AtomicU64,
}

impl Address {
    pub(super) const fn new(key: AddressKey, share: Share) -> Self {
        Self { key, share, body_bytes: AtomicU64::new(0) }
    }

    pub(super) const fn key(&self) -> AddressKey {
        self.key
    }

    pub(super) const fn share(&self) -> Share {
        self.share
    }

    /// Bytes of bodies that the address holds.
    pub(super) const fn body_bytes(&self) -> &AtomicU64 {
        &self.body_bytes
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        debug_assert_eq!(self.body_bytes.load(Ordering::Relaxed), 0, "a body outlives its connection");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Value as _;

    #[test]
    fn a_client_of_ipv6_has_a_network() {
        let key = |text: &str| AddressKey::of(text.parse().expect("an address"));
        assert_eq!(key("2001:db8::1"), key("2001:db8::2:3:4:5"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }

    #[test]
    fn a_share_is_a_part_of_what_others_leave() {
        let shares = Shares::new(80, Networks::parse("127.0.0.0/8,::1").expect("valid"));
        let share = |text: &str| shares.of(text.parse().expect("an address"));
        let one = share("192.0.2.1");
        for (wanted, others, permitted) in [
            (80, 0, true),
            (81, 0, false),
            (44, 44, true),
            (45, 44, false),
            (1, 99, true),
            (1, 100, true),
            (2, 98, false),
        ] {
            assert_eq!(one.permits(wanted, 100, others), permitted, "{wanted} beside {others}");
        }
        for many in ["127.0.0.1", "::1", "::ffff:127.1.2.3"] {
            assert!(share(many).permits(100, 100, 0), "{many}");
        }
    }
}
