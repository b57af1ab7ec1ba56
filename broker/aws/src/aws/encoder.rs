//! Writes the answer to a decoded request.

use posthouse_model::{Action, Fault, Reply, SnsAction, SqsAction};

use crate::protocol::fault::ProtocolFault;
use crate::protocol::service::ServiceCodec;
use crate::protocol::writer::Frame;
use crate::protocol::{Dialect, Protocol, RequestId, Response, TransportFault};
use crate::{sns, sqs};

/// The action of a request, and what its service keeps of the request to write the answer.
#[derive(Clone, Debug)]
pub(super) enum View {
    Sqs(SqsAction, sqs::View),
    Sns(SnsAction, sns::View),
}

impl View {
    /// The request's action.
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Sqs(action, _) => action.action(),
            Self::Sns(action, _) => action.action(),
        }
    }

    /// The codec of its service.
    pub(super) const fn codec(&self) -> &'static ServiceCodec {
        match self {
            Self::Sqs(..) => &sqs::SQS,
            Self::Sns(..) => &sns::SNS,
        }
    }

    /// See [`Encoder::answer_bytes_max`].
    pub(super) const fn answer_bytes_max(&self) -> usize {
        match self {
            Self::Sqs(action, _) => sqs::operation::answer_size(*action).bytes_max(),
            Self::Sns(action, _) => sns::operation::answer_size(*action).bytes_max(),
        }
    }
}

/// Writes the refusals of a listener in the protocol of one request and the words of its service.
#[derive(Clone, Copy, Debug)]
pub struct Wording {
    protocol: Protocol,
    dialect: Dialect,
    request_id: RequestId,
}

impl Wording {
    /// The response to a request that ends with this fault.
    #[must_use]
    pub fn refuse(&self, fault: &TransportFault) -> Response {
        ProtocolFault::Transport(fault.clone()).respond(self.protocol, self.dialect, self.request_id)
    }
}

/// Writes the answer to one request in its protocol.
#[derive(Clone, Debug)]
pub struct Encoder {
    pub(super) protocol: Protocol,
    pub(super) request_id: RequestId,
    pub(super) view: View,
}

impl Encoder {
    /// The request's action.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.view.action()
    }

    const fn codec(&self) -> &'static ServiceCodec {
        self.view.codec()
    }

    /// The request's protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// How many bytes the answer has at most, unless it is an error, which has a few hundred. Zero for a receive, whose
    /// size depends on the messages.
    #[must_use]
    pub const fn answer_bytes_max(&self) -> usize {
        self.view.answer_bytes_max()
    }

    /// The error code (the Query one) that this request's service has for a fault, for logs and metrics.
    #[must_use]
    pub fn fault_code(&self, fault: &Fault) -> &'static str {
        (self.codec().row)(fault).query_code
    }

    /// What writes the answer if the listener refuses the request after it was decoded.
    #[must_use]
    pub const fn wording(&self) -> Wording {
        Wording { protocol: self.protocol, dialect: self.codec().dialect, request_id: self.request_id }
    }

    /// The response to the request that this encoder was made with.
    #[must_use]
    pub fn encode(&self, answer: &Result<Reply, Fault>) -> Response {
        let reply = match answer {
            Ok(reply) => reply,
            Err(fault) => return self.codec().refuse(fault, self.protocol, self.request_id),
        };
        let frame = |size_guess_bytes| Frame {
            protocol: self.protocol,
            dialect: self.codec().dialect,
            action: self.action().as_str(),
            request_id: self.request_id,
            size_guess_bytes,
        };
        match &self.view {
            View::Sqs(action, view) => {
                frame(sqs::operation::size_guess_bytes(reply, self.protocol)).respond(sqs::output(*action, reply, view))
            }
            View::Sns(action, view) => {
                frame(sns::operation::size_guess_bytes(reply)).respond(sns::output(*action, reply, view))
            }
        }
    }

    /// The same request's encoder in the other protocol.
    #[cfg(test)]
    pub(crate) fn in_query(&self) -> Self {
        Self { protocol: Protocol::Query, ..self.clone() }
    }
}
