//! Who is calling: what authentication found out, as far as authorization needs it.

use core::net::IpAddr;

use crate::identity::Identity;
use crate::name::{AccountId, Region};
use crate::operation::Request;

/// One request and who makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// What is asked.
    pub request: Request,
}

/// The caller of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who signed the request.
    pub identity: Identity,
    /// The region of the credential scope: where the caller's queues live.
    pub region: Region,
    /// The address that the request came from: `aws:SourceIp`.
    pub source: IpAddr,
    /// Whether the request came over TLS: `aws:SecureTransport`.
    pub secure: bool,
}

impl Caller {
    /// The caller's account; `None` for an anonymous one and for the broker.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match &self.identity {
            Identity::Anonymous | Identity::Broker => None,
            Identity::User { account, .. } => Some(*account),
        }
    }
}
