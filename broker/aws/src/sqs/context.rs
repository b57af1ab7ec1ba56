//! What decoding an input needs to know besides the input, and the checks that many inputs share.

use core::fmt::Write as _;

use compact_str::CompactString;
use http::request::Parts;
use posthouse_model::fault::{Denied, InvalidValue, RangedParameter};
use posthouse_model::{
    AccountId, Caller, Fault, HandleKey, Identity, OutOfRange, QueueAddress, QueueName, ROOT_USER, ReceiptHandle,
};

use super::url::{self, PublicUrl};
use crate::envelope::Signer;
use crate::protocol::input::{Integer, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;

/// The `SenderId` of a message in an unsigned request.
const ANONYMOUS_SENDER: &str = "anonymous";
/// Bytes of a `SenderId`: a longer user name is cut.
const SENDER_BYTES_MAX: usize = 128;

/// One request's surroundings.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Caller,
    pub(crate) parts: &'a Parts,
    pub(crate) public_url: Option<&'a PublicUrl>,
    pub(crate) handle_key: HandleKey,
    pub(crate) signer: &'a Signer,
    pub(crate) random: &'a mut dyn FnMut() -> [u8; 16],
}

impl Context<'_> {
    /// The queue of a `QueueUrl`, or of the request's path, as Query has it.
    pub(super) fn queue(&self, queue_url: Option<&Text<'_>>) -> Result<QueueAddress, Refusal> {
        let prefix = self.public_url.map_or("", PublicUrl::path);
        match queue_url {
            Some(queue_url) => url::parse(queue_url, prefix, &self.caller.region),
            None => {
                let host = url::host(self.parts).unwrap_or_default();
                url::parse_path(host, self.parts.uri.path(), prefix, &self.caller.region)
                    .ok_or_else(|| Refusal::from(Fault::missing("QueueUrl")))?
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

    /// What a receipt handle says, if this broker sealed it.
    pub(super) fn handle(&self, text: &str) -> Result<ReceiptHandle, Fault> {
        self.handle_key.open(text).ok_or_else(|| Fault::ReceiptHandleIsInvalid(Some(excerpt(text).into())))
    }

    /// The `SenderId`: the user, or for an account itself its number.
    pub(super) fn sender(&self) -> CompactString {
        match &self.caller.identity {
            // No authenticator returns `Identity::Broker`.
            Identity::Anonymous | Identity::Broker => ANONYMOUS_SENDER.into(),
            Identity::User { account, name } if name == ROOT_USER => {
                let mut text = CompactString::default();
                write!(text, "{account}").expect("writing to a string does not fail");
                text
            }
            Identity::User { name, .. } => CompactString::new(&name[..name.floor_char_boundary(SENDER_BYTES_MAX)]),
        }
    }

    /// What the URLs of the answer start with.
    pub(super) fn url_base(&self) -> Box<str> {
        url::base(self.public_url, self.parts, self.caller.secure)
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
