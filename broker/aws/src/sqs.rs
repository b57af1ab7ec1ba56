//! SQS in both protocols.
//!
//! [`Sqs::decode`] finds the protocol, the signature, the action and its input, in this order; [`Encoder::encode`]
//! writes what came of it. No rule of queues is here: what a caller may do and what it leads to is for the engine.

mod context;
mod fault;
mod operation;
mod url;

use core::net::IpAddr;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use posthouse_model::{Action, Call, Caller, Fault, HandleKey, Region, Reply, Timestamp};

use crate::protocol::fault::ProtocolFault;
use crate::protocol::form::Form;
use crate::protocol::input::Source;
use crate::protocol::sigv4::{Access, Authenticator};
use crate::protocol::writer::Writer;
use crate::protocol::{Protocol, RequestId, Response, TransportFault};
use context::Context;
use fault::Refusal;
use operation::View;

pub use url::{InvalidPublicUrl, PublicUrl};

const SERVICE: &str = "sqs";
const NAMESPACE: &str = "http://queue.amazonaws.com/doc/2012-11-05/";
const TARGET_PREFIX: &str = "AmazonSQS.";
const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What the codec is set up with.
#[derive(Debug)]
pub struct Options {
    /// Who is let in.
    pub access: Access,
    /// The region of requests that name none.
    pub default_region: Region,
    /// What queue URLs start with; without it they follow each request's `Host`.
    pub public_url: Option<PublicUrl>,
    /// What receipt handles are sealed with.
    pub handle_key: HandleKey,
}

/// What the listener knows of a request beyond its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When the request arrived.
    pub now: Timestamp,
    /// Where it came from.
    pub source: IpAddr,
    /// Whether it came over TLS.
    pub secure: bool,
    /// Its name.
    pub request_id: RequestId,
}

/// A request that is understood and whose signature, if any, is right.
#[derive(Debug)]
pub struct Decoded {
    /// What the engine is asked, and by whom.
    pub call: Call,
    /// What writes the answer.
    pub encoder: Encoder,
}

/// A request that ends here.
#[derive(Debug)]
pub struct Refused {
    /// The action, where the request got as far as naming one.
    pub action: Option<Action>,
    /// The error code (the Query one), for logs and metrics.
    pub code: &'static str,
    /// The answer.
    pub response: Response,
}

/// The SQS codec. One for the life of the listener, shared by its threads.
pub struct Sqs {
    authenticator: Authenticator,
    public_url: Option<PublicUrl>,
    handle_key: HandleKey,
}

impl Sqs {
    /// With these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { access, default_region, public_url, handle_key } = options;
        Self { authenticator: Authenticator::new(access, SERVICE, default_region), public_url, handle_key }
    }

    /// Verifies and decodes one request. `random` is asked for as many ids as the request needs: none, one, or one for
    /// each entry of a batch.
    ///
    /// # Errors
    /// [`Refused`] with the response to send.
    pub fn decode(
        &self,
        parts: &Parts,
        body: &Bytes,
        arrival: &Arrival,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Decoded, Box<Refused>> {
        let protocol = Protocol::of(parts);
        let mut action = None;
        self.try_decode(protocol, parts, body, arrival, random, &mut action).map_err(|refusal| {
            let response = refusal.respond(protocol, NAMESPACE, arrival.request_id);
            Box::new(Refused { action, code: refusal.code(), response })
        })
    }

    fn try_decode(
        &self,
        protocol: Protocol,
        parts: &Parts,
        body: &Bytes,
        arrival: &Arrival,
        random: &mut dyn FnMut() -> [u8; 16],
        found: &mut Option<Action>,
    ) -> Result<Decoded, Refusal> {
        let form = match protocol {
            Protocol::Query => read_form(parts, body)?,
            Protocol::Json10 | Protocol::Json11 => Form::default(),
        };
        let action = if protocol.is_json() { json_action(parts) } else { query_action(&form) }?;
        *found = Some(action);
        let signed = self.authenticator.authenticate(parts, body, arrival.now).map_err(ProtocolFault::from)?;
        let caller =
            Caller { identity: signed.identity, region: signed.region, source: arrival.source, secure: arrival.secure };
        let source = if protocol.is_json() { Source::Json(body) } else { Source::Query(&form, operation::QUERY_NAMES) };
        let mut context = Context {
            caller: &caller,
            parts,
            public_url: self.public_url.as_ref(),
            handle_key: self.handle_key,
            random,
        };
        let (request, view) = operation::decode(action, source, &mut context)?;
        let encoder = Encoder { action, protocol, request_id: arrival.request_id, handle_key: self.handle_key, view };
        Ok(Decoded { call: Call { caller, request }, encoder })
    }
}

impl core::fmt::Debug for Sqs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sqs").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// The parameters of the URL, and of the body where that is a form.
fn read_form<'a>(parts: &'a Parts, body: &'a Bytes) -> Result<Form<'a>, ProtocolFault> {
    let content_type = parts.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let form = b"application/x-www-form-urlencoded";
    let is_form = content_type.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form));
    // Old clients leave the type out; a body of any other type is not for this protocol.
    let body = if parts.method == Method::POST && (is_form || content_type.is_empty()) { &body[..] } else { b"" };
    Form::parse(parts.uri.query().unwrap_or_default().as_bytes(), body)
}

fn json_action(parts: &Parts) -> Result<Action, ProtocolFault> {
    parts
        .headers
        .get(TARGET)
        .filter(|_| parts.method == Method::POST)
        .and_then(|target| target.to_str().ok()?.strip_prefix(TARGET_PREFIX)?.parse().ok())
        .ok_or(ProtocolFault::UnknownOperation)
}

fn query_action(form: &Form<'_>) -> Result<Action, ProtocolFault> {
    let name = form.get("Action").ok_or(ProtocolFault::UnknownOperation)?;
    name.parse().map_err(|_| ProtocolFault::InvalidAction(crate::protocol::sigv4::excerpt(name).into()))
}

/// Writes the answer to one request in its protocol.
#[derive(Clone, Debug)]
pub struct Encoder {
    action: Action,
    protocol: Protocol,
    request_id: RequestId,
    handle_key: HandleKey,
    view: View,
}

impl Encoder {
    /// The request's action.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// The request's protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The response.
    #[must_use]
    pub fn encode(&self, answer: &Result<Reply, Fault>) -> Response {
        let reply = match answer {
            Ok(reply) => reply,
            Err(fault) => return fault::respond(fault, self.protocol, NAMESPACE, self.request_id),
        };
        let write = (*reply != Reply::Done).then_some(|writer: &mut Writer| operation::encode(writer, reply, self));
        let size_guess_bytes = operation::size_guess_bytes(reply);
        Writer::respond(self.protocol, NAMESPACE, self.action.as_str(), self.request_id, size_guess_bytes, write)
    }
}

/// The error code of a fault (the Query one), for logs and metrics.
#[must_use]
pub const fn fault_code(fault: &Fault) -> &'static str {
    fault::row(fault).query_code
}

/// Answers what went wrong before a request could be decoded; `parts` is what there is of it.
#[must_use]
pub fn refuse(parts: Option<&Parts>, fault: &TransportFault, request_id: RequestId) -> Response {
    let protocol = parts.map_or(Protocol::Query, Protocol::of);
    ProtocolFault::Transport(fault.clone()).respond(protocol, NAMESPACE, request_id)
}

#[cfg(test)]
mod tests;
