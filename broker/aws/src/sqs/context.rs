//! What decoding an input needs to know besides the input, and the checks that many inputs share.

use compact_str::CompactString;
use posthouse_model::fault::{Denied, InvalidValue, RangedParameter};
use posthouse_model::message::TraceId;
use posthouse_model::{
    AccountId, Caller, Fault, HandleKey, Identity, OutOfRange, PresentedHandle, QueueAddress, QueueName, ROOT_USER,
    Region, RegionSource, Transport,
};

use super::url::{NamedQueue, UrlBase};
use crate::envelope::Signer;
use crate::protocol::Protocol;
use crate::protocol::fault::ProtocolFault;
use crate::protocol::host::{Host, Scheme, region_of_host};
use crate::protocol::input::{Integer, Text};
use crate::protocol::public_url::PublicUrl;
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;

/// The `SenderId` of a message in an unsigned request.
const ANONYMOUS_SENDER: &str = "anonymous";
/// Bytes of a `SenderId`: a longer user name is cut.
const SENDER_BYTES_MAX: usize = 128;

/// One request's surroundings.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) protocol: Protocol,
    pub(crate) host: Host<'a>,
    /// The path of the request's URL.
    pub(crate) path: &'a str,
    /// The trace that the request belongs to.
    pub(crate) trace: Option<TraceId<'a>>,
    pub(crate) public_url: Option<&'a PublicUrl>,
    pub(crate) handle_key: HandleKey,
    pub(crate) signer: &'a Signer,
    pub(crate) random: &'a mut dyn FnMut() -> [u8; 16],
}

impl Context<'_> {
    /// The queue of a `QueueUrl`, or of the request's path, as Query has it.
    ///
    /// # Errors
    /// `QueueDoesNotExist` where the URL has no queue in it. Without a URL, `InvalidAddress` in Query, which names the
    /// request's own address as SQS does, and `MissingParameter` in JSON.
    pub(crate) fn queue(&self, queue_url: Option<&Text<'_>>) -> Result<QueueAddress, Refusal> {
        let prefix = self.public_url.map_or("", PublicUrl::path);
        let named = match queue_url.filter(|url| !url.is_empty()) {
            Some(url) => NamedQueue::parse(url, prefix).ok_or(Fault::QueueDoesNotExist)?,
            None => NamedQueue::parse(self.path, prefix).ok_or_else(|| self.no_queue_url())?,
        };
        let account = named.account.map_or_else(|| self.account(), Ok)?;
        // No queue has a name that breaks the rule of names.
        let name = named.name.parse().map_err(|_| Fault::QueueDoesNotExist)?;
        let region = named.region.unwrap_or_else(|| self.region_at(named.host));
        Ok(QueueAddress { region, account, name })
    }

    /// Whether the request is a form that was sent to a queue's URL.
    pub(super) fn is_at_queue(&self) -> bool {
        let prefix = self.public_url.map_or("", PublicUrl::path);
        // A path without an account may be that of the service behind a proxy.
        !self.protocol.is_json() && NamedQueue::parse(self.path, prefix).is_some_and(|named| named.account.is_some())
    }

    /// The region of a queue whose URL has this host: that of the signature, else the one that the host says.
    fn region_at(&self, host: &str) -> Region {
        let said = match self.caller.region_source {
            RegionSource::Signature => None,
            RegionSource::Surroundings => region_of_host(host),
        };
        said.unwrap_or_else(|| self.caller.region.clone())
    }

    fn no_queue_url(&self) -> Refusal {
        match self.protocol {
            Protocol::Json10 | Protocol::Json11 => Fault::missing("QueueUrl").into(),
            Protocol::Query | Protocol::QueryJson => {
                let address = format!("{}{}", self.url_base().as_str(), self.path);
                ProtocolFault::InvalidAddress(excerpt(&address).into()).into()
            }
        }
    }

    /// The queue of that name in the caller's region, of the given account or else the caller's.
    pub(super) fn named_queue(&self, name: &str, owner: Option<&Text<'_>>) -> Result<QueueAddress, Fault> {
        let name = queue_name(name)?;
        let account = match owner {
            // What is no account owns no queue.
            Some(owner) => owner.parse().map_err(|_| Fault::QueueDoesNotExist)?,
            None => self.account()?,
        };
        Ok(QueueAddress { region: self.caller.region.clone(), account, name })
    }

    fn account(&self) -> Result<AccountId, Fault> {
        self.caller.account().ok_or_else(|| Fault::AccessDenied(Denied::NoAccount))
    }

    /// A receipt handle, if this broker sealed it.
    pub(super) fn handle(&self, text: &str) -> Result<PresentedHandle, Fault> {
        self.handle_key.present(text).ok_or_else(|| Fault::ReceiptHandleIsInvalid(excerpt(text).into()))
    }

    /// The `SenderId`: the user, or for an account itself its number.
    pub(super) fn sender(&self) -> CompactString {
        sender_id(&self.caller.identity)
    }

    /// What the URLs of the answer start with: the configured base, or where the request was sent to.
    pub(super) fn url_base(&self) -> UrlBase {
        let scheme = match self.caller.transport {
            Transport::Plain => Scheme::Http,
            Transport::Tls => Scheme::Https,
        };
        self.public_url.map_or_else(|| UrlBase::of_request(scheme, self.host), UrlBase::from)
    }
}

/// The `SenderId` of messages that a client sends: its user, or for an account itself the account's number.
#[must_use]
pub fn sender_id(identity: &Identity) -> CompactString {
    match identity {
        // No authenticator returns `Identity::Broker`.
        Identity::Anonymous | Identity::Broker => ANONYMOUS_SENDER.into(),
        Identity::User { account, name, .. } if name == ROOT_USER => CompactString::new(account.encode(&mut [0; 12])),
        Identity::User { name, .. } => CompactString::new(&name[..name.floor_char_boundary(SENDER_BYTES_MAX)]),
    }
}

/// The name of a `QueueName`.
pub(super) fn queue_name(text: &str) -> Result<QueueName, Fault> {
    text.parse().map_err(|_| Fault::invalid(InvalidValue::QueueName))
}

/// A member that must be there.
pub(super) fn required<T>(member: Option<T>, name: &'static str) -> Result<T, Fault> {
    member.ok_or(Fault::missing(name))
}

/// A number in the range of its type.
pub(super) fn within<T: TryFrom<i64, Error = OutOfRange>>(
    Integer(number): Integer,
    parameter: RangedParameter,
) -> Result<T, Fault> {
    T::try_from(number).map_err(|range| Fault::invalid(InvalidValue::OutOfRange { parameter, range }))
}

/// The same of a number that need not be there.
pub(super) fn optional_within<T: TryFrom<i64, Error = OutOfRange>>(
    number: Option<Integer>,
    parameter: RangedParameter,
) -> Result<Option<T>, Fault> {
    number.map(|number| within(number, parameter)).transpose()
}
