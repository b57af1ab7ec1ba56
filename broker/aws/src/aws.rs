//! The front of the crate: which service a request is for, who makes it, and what it asks.
//!
//! [`Aws::decode`] finds the protocol, the service, the action, the signature and the input, in this order;
//! [`Encoder::encode`] writes what came of it. Both services share one port, so the service is told by what a request
//! says: in JSON by the target's prefix; in Query by what it is signed for, else by its `Version`, else by its action.

use core::net::IpAddr;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_TYPE, HeaderName};
use http::request::Parts;
use posthouse_model::{Action, Call, Caller, Fault, HandleKey, Region, Reply, Service, Timestamp};

use crate::protocol::fault::{ProtocolFault, Row};
use crate::protocol::form::Form;
use crate::protocol::input::Source;
use crate::protocol::sigv4::{self, Access, Authenticator, excerpt};
use crate::protocol::writer::Writer;
use crate::protocol::{Dialect, Protocol, RequestId, Response, TransportFault};
use crate::sns::signature::Signer;
use crate::sqs::url::PublicUrl;
use crate::{sns, sqs};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// What the codecs are set up with.
#[derive(Debug)]
pub struct Options {
    /// Who is let in.
    pub access: Access,
    /// The region of requests that name none.
    pub default_region: Region,
    /// What the URLs in answers start with; without it they follow each request's `Host`.
    pub public_url: Option<PublicUrl>,
    /// What receipt handles are sealed with.
    pub handle_key: HandleKey,
    /// What notifications are signed with that are received from a queue.
    pub signer: Signer,
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

/// Why a request cannot be decoded.
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
    fn code(&self, service: Service) -> &'static str {
        match self {
            Self::Fault(fault) => row(service, fault).query_code,
            Self::Protocol(fault) => fault.row().query_code,
        }
    }

    fn respond(&self, service: Service, protocol: Protocol, id: RequestId) -> Response {
        match self {
            Self::Fault(fault) => respond(service, fault, protocol, id),
            Self::Protocol(fault) => fault.respond(protocol, dialect(service), id),
        }
    }
}

/// The codecs. One for the life of the listener, shared by its threads.
pub struct Aws {
    authenticator: Authenticator,
    public_url: Option<PublicUrl>,
    handle_key: HandleKey,
    signer: Signer,
}

/// What a request says of itself before its input is read.
struct Asked {
    /// Which service's words a refusal has.
    service: Service,
    action: Option<Action>,
}

impl Aws {
    /// With these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { access, default_region, public_url, handle_key, signer } = options;
        Self { authenticator: Authenticator::new(access, default_region), public_url, handle_key, signer }
    }

    /// Verifies and decodes one request. `random` is asked for sixteen bytes as often as the request needs ids and
    /// secrets: not at all, a few times, or once for each entry of a batch.
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
        let mut asked = Asked { service: Service::Sqs, action: None };
        self.try_decode(protocol, parts, body, arrival, random, &mut asked).map_err(|refusal| {
            let Asked { service, action } = asked;
            let response = refusal.respond(service, protocol, arrival.request_id);
            Box::new(Refused { action, code: refusal.code(service), response })
        })
    }

    fn try_decode(
        &self,
        protocol: Protocol,
        parts: &Parts,
        body: &Bytes,
        arrival: &Arrival,
        random: &mut dyn FnMut() -> [u8; 16],
        asked: &mut Asked,
    ) -> Result<Decoded, Refusal> {
        let form = match protocol {
            Protocol::Query => read_form(parts, body)?,
            Protocol::Json10 | Protocol::Json11 => Form::default(),
        };
        let action = if protocol.is_json() { json_action(parts, asked) } else { query_action(parts, &form, asked) }?;
        asked.action = Some(action);
        let service = action.service();
        let signed = self.authenticator.authenticate(service.as_str(), parts, body, arrival.now);
        let signed = signed.map_err(ProtocolFault::from)?;
        let caller =
            Caller { identity: signed.identity, region: signed.region, source: arrival.source, secure: arrival.secure };
        let (request, view) = if service == Service::Sns {
            let source = if protocol.is_json() { Source::Json(body) } else { sns::query(&form) };
            let (request, view) = sns::decode(action, source, &mut sns::Context { caller: &caller, random })?;
            (request, View::Sns(view))
        } else {
            let source = if protocol.is_json() { Source::Json(body) } else { sqs::query(&form) };
            let (request, view) = sqs::decode(action, source, &mut self.sqs_context(&caller, parts, random))?;
            (request, View::Sqs(view))
        };
        let encoder = Encoder { action, protocol, request_id: arrival.request_id, view };
        Ok(Decoded { call: Call { caller, request }, encoder })
    }

    fn sqs_context<'a>(
        &'a self,
        caller: &'a Caller,
        parts: &'a Parts,
        random: &'a mut dyn FnMut() -> [u8; 16],
    ) -> sqs::Context<'a> {
        sqs::Context {
            caller,
            parts,
            public_url: self.public_url.as_ref(),
            handle_key: self.handle_key,
            signer: &self.signer,
            random,
        }
    }
}

impl core::fmt::Debug for Aws {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Aws").field("public_url", &self.public_url).finish_non_exhaustive()
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

fn json_action(parts: &Parts, asked: &mut Asked) -> Result<Action, ProtocolFault> {
    let target = parts.headers.get(TARGET).filter(|_| parts.method == Method::POST);
    let target = target.and_then(|target| target.to_str().ok()).ok_or(ProtocolFault::UnknownOperation)?;
    let name = if let Some(name) = target.strip_prefix(sqs::TARGET_PREFIX) {
        name
    } else {
        asked.service = Service::Sns;
        let name = sns::TARGET_PREFIXES.iter().find_map(|prefix| target.strip_prefix(prefix));
        name.ok_or(ProtocolFault::UnknownOperation)?
    };
    Action::find(asked.service, name).map_err(|_| ProtocolFault::UnknownOperation)
}

fn query_action(parts: &Parts, form: &Form<'_>, asked: &mut Asked) -> Result<Action, ProtocolFault> {
    let name = form.get("Action").ok_or(ProtocolFault::UnknownOperation)?;
    asked.service = query_service(parts, form, name);
    Action::find(asked.service, name).map_err(|_| {
        let name = excerpt(name);
        ProtocolFault::InvalidAction(if asked.service == Service::Sns {
            format!("Could not find operation {name} for version {}", sns::VERSION).into()
        } else {
            format!("The action {name} is not valid for this endpoint.").into()
        })
    })
}

fn query_service(parts: &Parts, form: &Form<'_>, action: &str) -> Service {
    match sigv4::scoped_service(parts).as_deref() {
        Some("sqs") => return Service::Sqs,
        Some("sns") => return Service::Sns,
        _ => {}
    }
    match form.get("Version") {
        Some(sqs::VERSION) => Service::Sqs,
        Some(sns::VERSION) => Service::Sns,
        // `AddPermission` and `RemovePermission` are in both.
        _ if Action::find(Service::Sqs, action).is_ok() && form.get("TopicArn").is_none() => Service::Sqs,
        _ if Action::find(Service::Sns, action).is_ok() => Service::Sns,
        _ => Service::Sqs,
    }
}

/// What a service keeps of a request to write its answer.
#[derive(Clone, Debug)]
enum View {
    Sqs(sqs::View),
    Sns(sns::View),
}

/// Writes the answer to one request in its protocol.
#[derive(Clone, Debug)]
pub struct Encoder {
    action: Action,
    protocol: Protocol,
    request_id: RequestId,
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
            Err(fault) => return respond(self.action.service(), fault, self.protocol, self.request_id),
        };
        let name = self.action.as_str();
        match &self.view {
            View::Sqs(view) => {
                let guess = sqs::operation::size_guess_bytes(reply);
                let output = sqs::output(self.action, reply, view);
                Writer::respond(self.protocol, sqs::DIALECT, name, self.request_id, guess, output)
            }
            View::Sns(view) => {
                let guess = sns::operation::size_guess_bytes(reply);
                let output = sns::output(self.action, reply, view);
                Writer::respond(self.protocol, sns::DIALECT, name, self.request_id, guess, output)
            }
        }
    }

    /// The same request's encoder in the other protocol.
    #[cfg(test)]
    pub(crate) fn in_query(&self) -> Self {
        Self { protocol: Protocol::Query, ..self.clone() }
    }
}

fn dialect(service: Service) -> Dialect {
    if service == Service::Sns { sns::DIALECT } else { sqs::DIALECT }
}

fn row(service: Service, fault: &Fault) -> Row {
    if service == Service::Sns { sns::fault::row(fault) } else { sqs::fault::row(fault) }
}

fn respond(service: Service, fault: &Fault, protocol: Protocol, id: RequestId) -> Response {
    let message =
        if service == Service::Sns { sns::fault::message(fault) } else { sqs::fault::message(fault, protocol) };
    row(service, fault).respond(protocol, dialect(service), &message, id)
}

/// The error code of a service's fault (the Query one), for logs and metrics.
#[must_use]
pub fn fault_code(service: Service, fault: &Fault) -> &'static str {
    row(service, fault).query_code
}

/// Answers what went wrong before a request could be decoded; `parts` is what there is of it.
#[must_use]
pub fn refuse(parts: Option<&Parts>, fault: &TransportFault, request_id: RequestId) -> Response {
    let protocol = parts.map_or(Protocol::Query, Protocol::of);
    let service = parts.map_or(Service::Sqs, likely_service);
    ProtocolFault::Transport(fault.clone()).respond(protocol, dialect(service), request_id)
}

/// Which service a request is probably for, where its form has not been read.
fn likely_service(parts: &Parts) -> Service {
    let is_sns = sigv4::scoped_service(parts).as_deref() == Some("sns");
    if is_sns { Service::Sns } else { Service::Sqs }
}

#[cfg(test)]
pub(crate) mod tests;
