//! The front of the crate: which service a request is for, who makes it, and what it asks.
//!
//! [`Aws::look`] judges a request's head before its body has arrived. [`Aws::decode`] finds the service, the action, the
//! signature and the input, in this order; [`Encoder::encode`] writes the answer. What a service does in its own way is in its
//! [`ServiceCodec`](crate::protocol::service::ServiceCodec) and its `decode` and `output`; here is only the way there.

mod call;
mod encoder;
mod route;

use core::net::IpAddr;
use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::request::Parts;
use posthouse_model::{Action, Call, Caller, Fault, HandleKey, Region, RegionSource, Timestamp, Transport};

use crate::envelope::Signer;
use crate::protocol::browser::AllowedHosts;
use crate::protocol::fault::ProtocolFault;
use crate::protocol::form::Form;
use crate::protocol::host::Host;
use crate::protocol::public_url::PublicUrl;
use crate::protocol::refusal::Refusal;
use crate::protocol::service::ServiceCodec;
use crate::protocol::sigv4::{Access, Authenticated, Authenticator, Claim, Standing};
use crate::protocol::text::excerpt;
use crate::protocol::trace;
use crate::protocol::{Protocol, RequestId, Response, TransportFault};
use crate::{sns, sqs};
pub use call::{CallEncoder, CallFault, CallRefused, Calls, DecodedCall};
use encoder::View;
pub use encoder::{Encoder, Wording};
use route::{Asked, Unrouted, likely_service, route};

/// What the codecs are set up with.
#[derive(Debug)]
pub struct Options {
    /// Who is let in.
    pub access: Access,
    /// The region of requests that name none, by their signature or their host (`sqs.REGION.…`).
    pub default_region: Region,
    /// What the URLs in answers start with; without it they follow each request's `Host`.
    pub public_url: Option<PublicUrl>,
    /// What receipt handles are sealed with.
    pub handle_key: HandleKey,
    /// What notifications are signed with that are received from a queue.
    pub signer: Signer,
    /// The host names that requests may be sent to where there are no users.
    pub allowed_hosts: AllowedHosts,
}

/// What the listener knows of a request beyond its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// When the request arrived.
    pub now: Timestamp,
    /// Where it came from.
    pub source: IpAddr,
    /// How it came.
    pub transport: Transport,
    /// Its name.
    pub request_id: RequestId,
}

/// A request's head, whose body has yet to arrive.
pub struct Head<'a> {
    parts: &'a Parts,
    protocol: Protocol,
    host: Host<'a>,
    claim: Claim<'a>,
    standing: Standing,
}

impl Head<'_> {
    /// How far the request is trusted until its signature can be verified.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }
}

/// A request that is understood and whose signature, if any, is right.
#[derive(Debug)]
pub struct Decoded {
    /// What the engine is asked, and by whom.
    pub call: Box<Call>,
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

/// The codecs, for the life of the listener. Threads may share one, or have one each: what it remembers costs little to find
/// again.
pub struct Aws {
    authenticator: Authenticator,
    default_region: Region,
    public_url: Option<PublicUrl>,
    handle_key: HandleKey,
    signer: Signer,
    /// `None` where there are users: a web page does not have their keys.
    allowed_hosts: Option<AllowedHosts>,
}

/// One request as the listener gives it.
#[derive(Clone, Copy)]
struct Incoming<'a> {
    /// That of the head, until the form asks for another.
    protocol: Protocol,
    head: &'a Head<'a>,
    parts: &'a Parts,
    body: &'a Bytes,
    arrival: &'a Arrival,
}

/// Why a request ends here, and the service that words the answer.
struct Stopped {
    codec: &'static ServiceCodec,
    action: Option<Action>,
    refusal: Refusal,
}

impl From<Unrouted> for Stopped {
    fn from(Unrouted { codec, fault }: Unrouted) -> Self {
        Self { codec, action: None, refusal: fault.into() }
    }
}

impl Aws {
    /// With these options.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let Options { access, default_region, public_url, handle_key, signer, allowed_hosts } = options;
        let allowed_hosts = matches!(access, Access::Open).then_some(allowed_hosts);
        let authenticator = Authenticator::new(access);
        Self { authenticator, default_region, public_url, handle_key, signer, allowed_hosts }
    }

    /// Judges a request by its head: it must name one host, and where there are no users it must not be one that a web
    /// page causes.
    ///
    /// # Errors
    /// [`Refused`] with the response to send.
    pub fn look<'a>(&'a self, parts: &'a Parts, arrival: &Arrival) -> Result<Head<'a>, Box<Refused>> {
        let protocol = Protocol::of(parts);
        let refused = |fault: ProtocolFault| {
            let response = fault.respond(protocol, likely_service(parts).dialect, arrival.request_id);
            Box::new(Refused { action: None, code: fault.row().query_code, response })
        };
        let host = Host::of(parts).map_err(refused)?;
        if let Some(allowed_hosts) = &self.allowed_hosts {
            allowed_hosts.check(parts, host).map_err(|fault| refused(fault.into()))?;
        }
        let claim = self.authenticator.claim(parts);
        let standing = claim.standing(arrival.now);
        Ok(Head { parts, protocol, host, claim, standing })
    }

    /// Verifies and decodes one request whose body has arrived. `random` is asked for sixteen bytes as often as the
    /// request needs ids and secrets: not at all, a few times, or once for each entry of a batch.
    ///
    /// # Errors
    /// [`Refused`] with the response to send.
    pub fn decode(
        &self,
        head: &Head<'_>,
        body: &Bytes,
        arrival: &Arrival,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Decoded, Box<Refused>> {
        let mut incoming = Incoming { protocol: head.protocol, head, parts: head.parts, body, arrival };
        self.try_decode(&mut incoming, random).map_err(|stopped| {
            let Stopped { codec, action, refusal } = stopped;
            let response = refusal.respond(codec, incoming.protocol, arrival.request_id);
            Box::new(Refused { action, code: refusal.code(codec), response })
        })
    }

    /// Sets the protocol of `incoming` to the one that its form asks for.
    fn try_decode(
        &self,
        incoming: &mut Incoming<'_>,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Decoded, Stopped> {
        let unread = |fault| Unrouted { codec: likely_service(incoming.parts), fault };
        check_encoding(incoming.parts).map_err(unread)?;
        let form = read_form(incoming).map_err(unread)?;
        incoming.protocol = incoming.protocol.with_form(&form);
        let asked = route(incoming.protocol, incoming.parts, &form)?;
        self.read(incoming, &form, asked, random).map_err(|refusal| Stopped {
            codec: asked.codec(),
            action: Some(asked.action()),
            refusal,
        })
    }

    /// Checks the signature and reads the input of a request whose action is known.
    fn read(
        &self,
        incoming: &Incoming<'_>,
        form: &Form<'_>,
        asked: Asked,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<Decoded, Refusal> {
        let Incoming { protocol, head, parts, body, arrival } = *incoming;
        let codec = asked.codec();
        let host = head.host;
        let signed = self.authenticator.authenticate(codec.service.as_str(), &head.claim, body, arrival.now);
        let Authenticated { identity, region: signed } = signed.map_err(ProtocolFault::from)?;
        let region_source = if signed.is_some() { RegionSource::Signature } else { RegionSource::Surroundings };
        let region = signed.or_else(|| host.region()).unwrap_or_else(|| self.default_region.clone());
        let caller = Caller { identity, region, region_source, source: arrival.source, transport: arrival.transport };
        let (source, trace) = (codec.source(protocol, body, form), trace::of_request(parts));
        let (request, view) = match asked {
            Asked::Sqs(action) => {
                let mut context = sqs::Context {
                    caller: &caller,
                    protocol,
                    host,
                    path: parts.uri.path(),
                    trace,
                    public_url: self.public_url.as_ref(),
                    handle_key: self.handle_key,
                    signer: &self.signer,
                    random,
                };
                let (request, view) = sqs::decode(action, source, &mut context)?;
                (request, View::Sqs(action, view))
            }
            Asked::Sns(action) => {
                let (request, view) =
                    sns::decode(action, source, &mut sns::Context { caller: &caller, trace, random })?;
                (request, View::Sns(action, view))
            }
        };
        let encoder = Encoder { protocol, request_id: arrival.request_id, view };
        Ok(Decoded { call: Box::new(Call { caller, request }), encoder })
    }
}

impl core::fmt::Debug for Aws {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Aws").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// Refuses a compressed body. Neither service's model has compressed requests.
fn check_encoding(parts: &Parts) -> Result<(), ProtocolFault> {
    match parts.headers.get(CONTENT_ENCODING) {
        Some(encoding) if !encoding.is_empty() && !encoding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let encoding = String::from_utf8_lossy(encoding.as_bytes());
            Err(ProtocolFault::Encoded(excerpt(&encoding).into()))
        }
        Some(_) | None => Ok(()),
    }
}

/// The parameters of the URL, and of the body where that is a form. Empty in JSON.
fn read_form<'a>(incoming: &Incoming<'a>) -> Result<Form<'a>, ProtocolFault> {
    let Incoming { protocol, parts, body, .. } = *incoming;
    if protocol.is_json() {
        return Ok(Form::default());
    }
    let content_type = parts.headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let form = b"application/x-www-form-urlencoded";
    let is_form = content_type.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form));
    // Old clients leave the type out; a body of any other type is not for this protocol.
    let body = if parts.method == Method::POST && (is_form || content_type.is_empty()) { &body[..] } else { b"" };
    Form::parse(parts.uri.query().unwrap_or_default().as_bytes(), body)
}

/// The sentence that a client of the fault's service reads: SNS's own for what only SNS says, else SQS's. For messages
/// to the operator, whose configuration uses the names of AWS's API.
#[must_use]
pub fn fault_message(fault: &Fault) -> Cow<'static, str> {
    let codec = if matches!(fault, Fault::Sns(_)) { &sns::SNS } else { &sqs::SQS };
    (codec.message)(fault, Protocol::Json10)
}

/// The response to a request that the listener refused before it could be decoded. `parts` is what has been read of
/// it.
#[must_use]
pub fn refuse(parts: Option<&Parts>, fault: &TransportFault, request_id: RequestId) -> Response {
    let protocol = parts.map_or(Protocol::Query, Protocol::of);
    let codec = parts.map_or(&sqs::SQS, likely_service);
    ProtocolFault::Transport(fault.clone()).respond(protocol, codec.dialect, request_id)
}

#[cfg(test)]
pub(crate) mod tests;
