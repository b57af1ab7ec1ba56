//! The addresses of the broker's own machine, as its interfaces have them now.
//!
//! Addresses come and go while the broker runs: with a container, a VPN, a service address that moves to this machine.
//! They are listed again when the last list is older than [`AGE_MAX`].

use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How old a list may be. Listing takes some 50 microseconds, and more on a machine with hundreds of interfaces.
const AGE_MAX: Duration = Duration::from_secs(1);

/// Lists the addresses of the machine's interfaces.
type List = fn() -> io::Result<Vec<IpAddr>>;

/// The addresses of this machine.
#[derive(Debug)]
pub(super) struct OwnAddresses {
    list: List,
    latest: Mutex<Latest>,
}

#[derive(Debug, Default)]
struct Latest {
    addresses: Vec<IpAddr>,
    /// When they were listed, or could not be.
    listed: Option<Instant>,
    /// Whether the last listing failed.
    failed: bool,
}

impl Default for OwnAddresses {
    fn default() -> Self {
        Self { list: of_interfaces, latest: Mutex::default() }
    }
}

impl OwnAddresses {
    /// Whether one of `addresses` is the machine's own. Where the system does not list them, those that it listed last
    /// count, and the log says so.
    pub(super) fn contain(&self, addresses: &[IpAddr]) -> bool {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.listed.is_none_or(|listed| listed.elapsed() > AGE_MAX) {
            latest.refresh(self.list);
        }
        addresses.iter().any(|address| latest.addresses.contains(address))
    }

    /// A machine that has these addresses.
    #[cfg(test)]
    pub(super) fn fixed(addresses: &[&str]) -> Self {
        let addresses = addresses.iter().map(|address| address.parse().expect("an address")).collect();
        let far = Instant::now() + Duration::from_secs(86_400);
        Self { list: of_interfaces, latest: Mutex::new(Latest { addresses, listed: Some(far), failed: false }) }
    }
}

impl Latest {
    fn refresh(&mut self, list: List) {
        self.listed = Some(Instant::now());
        match list() {
            Ok(addresses) => {
                if self.failed {
                    tracing::info!("the machine's own addresses are known again");
                }
                *self = Self { addresses, failed: false, ..*self };
            }
            Err(error) => {
                if !self.failed {
                    tracing::warn!(
                        %error,
                        "the machine's own addresses cannot be listed: push delivery refuses those that it knows"
                    );
                }
                self.failed = true;
            }
        }
    }
}

fn of_interfaces() -> io::Result<Vec<IpAddr>> {
    Ok(if_addrs::get_if_addrs()?.into_iter().map(|interface| interface.ip().to_canonical()).collect())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1));
    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn the_addresses_of_interfaces_are_own() {
        let own = OwnAddresses::default();
        assert!(own.contain(&[OTHER, LOOPBACK]));
        assert!(!own.contain(&[OTHER]), "an address of documentation (RFC 5737)");
    }

    #[test]
    fn a_list_that_fails_leaves_the_last_one() {
        let mut latest = Latest::default();
        latest.refresh(|| Ok(vec![OTHER]));
        latest.refresh(|| Err(io::ErrorKind::PermissionDenied.into()));
        assert_eq!((&*latest.addresses, latest.failed), (&[OTHER][..], true));
        latest.refresh(|| Ok(vec![LOOPBACK]));
        assert_eq!((&*latest.addresses, latest.failed), (&[LOOPBACK][..], false));
    }
}
