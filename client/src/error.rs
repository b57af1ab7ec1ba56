//! What can go wrong, as one type: [`Error`], with a [`kind`](Error::kind) to match on and the broker's own name where the
//! broker refused.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// The result of every fallible operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed.
///
/// An `Error` is one pointer and cheap to clone: one lost connection can end many operations at once.
#[derive(Clone)]
pub struct Error(Arc<Facts>);

struct Facts {
    kind: ErrorKind,
    retriable: bool,
    fault: Option<Fault>,
    text: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// A fault as the broker wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The number of the fault in the protocol's table.
    pub(crate) code: u16,
    /// The name of the fault: SQS's or SNS's where one exists.
    pub(crate) name: String,
    /// The broker's sentence.
    pub(crate) text: String,
    /// Whether the same request may succeed later.
    pub(crate) retriable: bool,
}

/// The classes of failure, by what a program does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument cannot be right: an address, a certificate or a combination of options. Correct the program or its
    /// configuration.
    InvalidArgument,
    /// No address of the list could be connected to. Check the addresses and whether the broker runs.
    Unreachable,
    /// The access key is unknown, or the secret is wrong.
    NotAuthenticated,
    /// A policy does not allow the operation.
    AccessDenied,
    /// The queue, topic or other resource does not exist.
    NotFound,
    /// The broker refused the operation for another reason. [`Error::fault_name`] has the broker's name for it.
    Refused,
    /// The connection was lost before the operation had reached the broker, or before a call without effects was
    /// answered. The operation may be repeated.
    ConnectionLost,
    /// The operation may or may not have taken effect: the connection was lost, and the broker no longer knows the
    /// producer. Repeating it may do it twice.
    OutcomeUnknown,
    /// The delivery that a settlement names has ended: its visibility timeout elapsed, or its connection was lost. The
    /// message will be delivered again.
    DeliveryEnded,
    /// A limit of time that the program set has elapsed.
    TimedOut,
    /// The client, producer or consumer was closed.
    Closed,
    /// The peer did not follow the protocol: it is no Posthouse broker, or one of an incompatible version.
    Protocol,
}

impl Error {
    /// What class of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the same operation may succeed later without any change, and repeating it does nothing twice.
    ///
    /// It is false for [`ErrorKind::OutcomeUnknown`]: the operation may have taken effect.
    #[must_use]
    pub fn is_retriable(&self) -> bool {
        self.0.retriable
    }

    /// The broker's name for the fault, such as `QueueDoesNotExist`: the name that SQS or SNS would use, where one
    /// exists. `None` if the failure is not the broker's answer.
    #[must_use]
    pub fn fault_name(&self) -> Option<&str> {
        self.0.fault.as_ref().map(|fault| fault.name.as_str())
    }

    /// The number of the fault in the protocol's table (`docs/protocol.md`). `None` if the failure is not the broker's
    /// answer.
    #[must_use]
    pub fn fault_code(&self) -> Option<u16> {
        self.0.fault.as_ref().map(|fault| fault.code)
    }

    pub(crate) fn new(kind: ErrorKind, text: impl Into<String>) -> Self {
        Self::build(kind, text.into(), None, None)
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        text: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self::build(kind, text.into(), None, Some(source.into()))
    }

    /// The broker refused, which is an error of `kind`.
    pub(crate) fn refused(kind: ErrorKind, fault: Fault) -> Self {
        let text = fault.text.clone();
        Self::build(kind, text, Some(fault), None)
    }

    /// The peer broke the protocol's rules.
    pub(crate) fn protocol(text: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, text)
    }

    pub(crate) fn closed(what: &str) -> Self {
        Self::new(ErrorKind::Closed, format!("the {what} is closed"))
    }

    fn build(
        kind: ErrorKind,
        text: String,
        fault: Option<Fault>,
        source: Option<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        let retriable = match kind {
            ErrorKind::Unreachable | ErrorKind::ConnectionLost => true,
            ErrorKind::InvalidArgument
            | ErrorKind::OutcomeUnknown
            | ErrorKind::DeliveryEnded
            | ErrorKind::TimedOut
            | ErrorKind::Closed
            | ErrorKind::Protocol => false,
            ErrorKind::NotAuthenticated | ErrorKind::AccessDenied | ErrorKind::NotFound | ErrorKind::Refused => {
                fault.as_ref().is_some_and(|fault| fault.retriable)
            }
        };
        Self(Arc::new(Facts { kind, retriable, fault, text, source }))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retriable", &self.0.retriable)
            .field("fault", &self.0.fault)
            .field("text", &self.0.text)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault_name() {
            Some(name) => write!(f, "{name}: {}", self.0.text),
            None => f.write_str(&self.0.text),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_shows_the_brokers_name_and_sentence() {
        let fault =
            Fault { code: 300, name: "QueueDoesNotExist".into(), text: "no such queue".into(), retriable: false };
        let error = Error::refused(ErrorKind::NotFound, fault);
        assert_eq!(error.to_string(), "QueueDoesNotExist: no such queue");
        assert_eq!(error.fault_name(), Some("QueueDoesNotExist"));
        assert_eq!(error.fault_code(), Some(300));
        assert!(!error.is_retriable());
    }

    #[test]
    fn a_source_is_kept() {
        let source = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = Error::with_source(ErrorKind::Unreachable, "127.0.0.1:1 cannot be reached", source);
        assert!(error.source().is_some());
        assert!(error.is_retriable());
    }
}
