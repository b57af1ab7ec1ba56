//! Why a request cannot be decoded.

use posthouse_model::Fault;

use super::fault::ProtocolFault;
use super::service::ServiceCodec;
use super::{Protocol, RequestId, Response};

/// A request that ends in the codec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It breaks a rule of its service.
    Fault(Fault),
    /// It breaks a rule of the protocol.
    Protocol(ProtocolFault),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ProtocolFault> for Refusal {
    fn from(fault: ProtocolFault) -> Self {
        Self::Protocol(fault)
    }
}

impl Refusal {
    /// The Query code.
    pub(crate) fn code(&self, codec: &ServiceCodec) -> &'static str {
        match self {
            Self::Fault(fault) => (codec.row)(fault).query_code,
            Self::Protocol(fault) => fault.row().query_code,
        }
    }

    /// The error response.
    pub(crate) fn respond(&self, codec: &ServiceCodec, protocol: Protocol, id: RequestId) -> Response {
        match self {
            Self::Fault(fault) => codec.refuse(fault, protocol, id),
            Self::Protocol(fault) => fault.respond(protocol, codec.dialect, id),
        }
    }
}
