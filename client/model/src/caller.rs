//! Who is calling: the keys that users sign with, and what authentication found out, as far as authorization needs it.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr};

use crate::identity::{Identity, Permissions};
use crate::name::{AccountId, Region};
use crate::operation::Request;

/// The users that may sign requests.
pub trait Keys: Send + Sync {
    /// The secret and the owner of an access key id; `None` where there is no such key. A key's secret must stay the
    /// same for the life of the codec: what is derived from it is remembered.
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>>;
}

/// What an access key id stands for.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    /// The secret access key.
    pub secret: &'a str,
    /// The account that the user belongs to.
    pub account: AccountId,
    /// The user's name; [`crate::ROOT_USER`] stands for the account itself.
    pub user: &'a str,
    /// What the user may do.
    pub permissions: Permissions,
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("account", &self.account).field("user", &self.user).finish_non_exhaustive()
    }
}

/// One request and who makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// What is asked.
    pub request: Request,
}

/// Where the region of a request comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionSource {
    /// The request is signed for it. A topic of another region does not exist there.
    Signature,
    /// The request is unsigned: the host's name or the configuration says it. An ARN then says its region itself, as in
    /// the links that confirm and end subscriptions.
    Surroundings,
}

/// How a request came to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Without encryption.
    Plain,
    /// Over TLS.
    Tls,
}

/// The caller of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who signed the request.
    pub identity: Identity,
    /// The region that the request is for: what the caller creates and lists is in it.
    pub region: Region,
    /// Where the region comes from.
    pub region_source: RegionSource,
    /// The address that the request came from: `aws:SourceIp`.
    pub source: IpAddr,
    /// How the request came: `aws:SecureTransport`.
    pub transport: Transport,
}

impl Caller {
    /// The broker, asking for a region. A service's own calls have no address and are made over TLS, as AWS makes them.
    #[must_use]
    pub const fn broker(region: Region) -> Self {
        Self::within(Identity::Broker, region)
    }

    /// An account itself, asking from within the broker.
    #[must_use]
    pub const fn root(account: AccountId, region: Region) -> Self {
        Self::within(Identity::root(account), region)
    }

    const fn within(identity: Identity, region: Region) -> Self {
        let region_source = RegionSource::Signature;
        Self { identity, region, region_source, source: IpAddr::V4(Ipv4Addr::LOCALHOST), transport: Transport::Tls }
    }

    /// Whether resources of a region exist for the caller: those of the region that the request is signed for, and all
    /// for an unsigned request.
    #[must_use]
    pub fn reaches(&self, region: &Region) -> bool {
        match self.region_source {
            RegionSource::Signature => self.region == *region,
            RegionSource::Surroundings => true,
        }
    }

    /// Whether identity policies say what the caller may do.
    #[must_use]
    pub const fn is_limited(&self) -> bool {
        matches!(self.identity, Identity::User { permissions: Permissions::Limited(_), .. })
    }

    /// The caller's account; `None` for an anonymous one and for the broker.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match &self.identity {
            Identity::Anonymous | Identity::Broker => None,
            Identity::User { account, .. } => Some(*account),
        }
    }
}
