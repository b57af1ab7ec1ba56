//! The way of one request, in one place:
//!
//! ```text
//! socket -> Aws::look -> Intake::collect -> Aws::decode -> room for the answer -> Shard::call -> Encoder::encode ->
//! ResponseBody -> socket
//! ```
//!
//! No rule of SQS or SNS stands here. If the client disconnects, hyper drops the future of [`answer`], which cancels
//! the request in the core loop.

use std::convert::Infallible;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hyper::Method;
use hyper::body::Incoming;
use posthouse_aws::{
    Arrival, Aws, Decoded, Encoder, Head, Protocol, Refused, RequestId, Response, Segments, Standing, TransportFault,
    Wording,
};
use posthouse_model::notification::NotificationForm;
use posthouse_model::operation::ReceivedMessage;
use posthouse_model::{Action, Call, Fault, Reply, Request};

use super::body::ResponseBody;
use super::guard::{Panicked, guarded};
use super::heads::HeadRoom;
use super::intake::{Collected, Intake, OVERLOADED};
use super::progress::Working;
use super::room::{Owner, Room};
use super::{Served, Shared};
use crate::answer_budget::{AnswerRoom, Kind};
use crate::audit::{Occasion, Outcome, Subject};
use crate::clock::now;
use crate::core_client::Answer;
use crate::shard::{LOOK_BYTES_MAX, Patience, Shard};

/// What a request holds at most while it waits for messages: the names of the attributes that it asks for, of which a list
/// has a thousand and each that a message can have is 256 bytes long.
const WAITING_BYTES_MAX: u64 = 288 * 1024;

/// Entries of a request's header map up to which the map is used again for the response. hyper keeps a response's map for
/// the next request of the connection, so that this bounds what an idle connection holds.
const KEPT_HEADERS_MAX: usize = 24;

/// How a request ended: its response, and what is counted.
struct Ended {
    /// `None` if the request was refused before its action was read.
    action: Option<Action>,
    /// The error code; `None` where there was no error.
    code: Option<&'static str>,
    response: Response,
    /// The room of the response. `None` if it was refused before room was taken.
    room: Option<AnswerRoom>,
}

impl Ended {
    /// A request that the codec refused.
    fn refused(refused: Box<Refused>) -> Box<Self> {
        let Refused { action, code, response } = *refused;
        Box::new(Self { action, code: Some(code), response, room: None })
    }

    /// A request at which the broker failed after it was understood.
    fn failed(action: Action, wording: Wording) -> Self {
        let fault = TransportFault::Internal;
        Self { action: Some(action), code: Some(transport_code(&fault)), response: wording.refuse(&fault), room: None }
    }
}

/// Answers one request, and counts it.
///
/// # Errors
/// None: each failure is a response.
pub(super) async fn answer(
    served: Rc<Served>,
    working: Working,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<ResponseBody>, Infallible> {
    let started = Instant::now();
    let request_id = RequestId::from_random(rand::random());
    let (parts, body) = request.into_parts();
    let Served { shared, client, shard } = &*served;
    let exchange = Exchange { served: &served, request_id, working: &working, started };
    let read = guarded(pin!(exchange.read(&parts, body))).await;
    let read = read.unwrap_or_else(|Panicked| Err(exchange.refuse(&parts, &TransportFault::Internal).into()));
    // The head is part of a buffer that hyper has read from the socket. A request that waits does not hold it.
    let headers = emptied(parts);
    let (ended, subject) = match read {
        Ok(Understood { call, encoder, rooms: _rooms }) => {
            let (action, wording) = (encoder.action(), encoder.wording());
            let subject = Subject::of(&call);
            let answered = guarded(pin!(exchange.ask(call, encoder))).await;
            (answered.unwrap_or_else(|Panicked| Ended::failed(action, wording)), subject)
        }
        Err(ended) => (*ended, None),
    };
    exchange.note(&ended, subject.as_ref());
    shared.metrics.of(shard.number()).request(ended.action, ended.code, started.elapsed());
    tracing::debug!(
        peer = %client.address,
        action = ended.action.map_or("-", Action::as_str),
        code = ended.code.unwrap_or("OK"),
        status = ended.response.status().as_u16(),
        "request"
    );
    let room = match ended.room {
        Some(room) => room,
        None => room_of_refusal(shared, &working, ended.response.body()).await,
    };
    Ok(ended.response.into_http(headers).map(|segments| ResponseBody::new(segments, room, working)))
}

/// Room for the answer to a request that was refused before room was taken for it: an error, which is small. It has no
/// room only if the client reads none of its earlier answers, and then goes out without.
async fn room_of_refusal(shared: &Shared, working: &Working, segments: &Segments) -> AnswerRoom {
    let bytes = usize::try_from(segments.held_bytes()).unwrap_or(usize::MAX);
    let room = working.account().room(bytes, shared.limits.answer_room_seconds_max.seconds()).await;
    room.unwrap_or_else(|| working.account().no_room(Kind::Other))
}

/// A request whose head has been read.
struct Exchange<'a, 'w> {
    served: &'a Served,
    request_id: RequestId,
    working: &'w Working,
    started: Instant,
}

/// A request that is understood.
struct Understood<'a> {
    call: Box<Call>,
    encoder: Encoder,
    /// The room of its body and of its head. It is kept until the answer is there: what was decoded lives on in the core
    /// loop's inbox.
    rooms: (Room<'a>, HeadRoom<'a>),
}

impl<'a> Exchange<'a, '_> {
    /// The steps of a request until it is understood, in order. Each may end it early with a response of its own.
    async fn read(&self, parts: &Parts, body: Incoming) -> Result<Understood<'a>, Box<Ended>> {
        let Self { served: Served { shared, client, shard }, request_id, working, .. } = *self;
        let refuse = |fault: &TransportFault| Box::new(self.refuse(parts, fault));
        if !matches!(parts.method, Method::GET | Method::POST) {
            return Err(refuse(&TransportFault::MethodNotAllowed));
        }
        if let Some(certificate) = certificate(shared, parts) {
            return Err(Ended { action: None, code: None, response: certificate, room: None }.into());
        }
        let arrival = Arrival { now: now(), source: client.address, transport: client.transport, request_id };
        let aws = shared.codecs.of(shard.number());
        let head = aws.look(parts, &arrival).map_err(Ended::refused)?;
        let standing = head.standing();
        let head_room = shared.heads.admit(parts, standing).map_err(|fault| refuse(&fault))?;
        if standing == Standing::Keyed
            && let Some(under_way) = client.seated.under_way(standing)
        {
            working.keep(under_way);
        }
        let owner = Owner { own: &client.own_room, address: client.seated.address(), standing };
        let intake = Intake { limits: &shared.limits, bodies: shared.bounds.bodies(), owner };
        let Collected { bytes, mut room } = intake.collect(body).await.map_err(|fault| refuse(&fault))?;
        working.arrived();
        if standing == Standing::Unkeyed {
            match client.seated.under_way(standing) {
                Some(under_way) => working.keep(under_way),
                None => return Err(refuse(&OVERLOADED)),
            }
        }
        let decoded = if bytes.len() > QUICK_BYTES_MAX {
            // The head is looked at again: what the work uses is its own.
            let (shared, parts, bytes, number) = (Arc::clone(shared), parts.clone(), bytes.clone(), shard.number());
            let work = move || {
                let aws = shared.codecs.of(number);
                decode(&aws, &aws.look(&parts, &arrival)?, &bytes, &arrival)
            };
            shard.work(work).await
        } else {
            decode(&aws, &head, &bytes, &arrival)
        };
        let Decoded { call, encoder } = decoded.map_err(Ended::refused)?;
        if standing == Standing::Keyed {
            client.seated.verified();
        }
        // The call holds copies of all that it keeps of the body.
        if call.request.action().may_wait() {
            room.shrink(WAITING_BYTES_MAX);
        }
        Ok(Understood { call, encoder, rooms: (room, head_room) })
    }

    /// Asks the core loop, and writes its answer.
    async fn ask(&self, call: Box<Call>, encoder: Encoder) -> Ended {
        let (answer, room) = self.answer(call, &encoder).await;
        encode(&self.served.shard, encoder, answer, room).await
    }

    /// Takes room for the answer and asks the core loop, which takes the room of messages itself.
    async fn answer(&self, call: Box<Call>, encoder: &Encoder) -> (Answer, AnswerRoom) {
        let (Served { shared, shard, .. }, account) = (self.served, self.working.account());
        let at_least = shared.limits.answer_room_seconds_max.seconds();
        if matches!(call.request, Request::ReceiveMessage(_)) {
            let patience = Patience { began: self.started.into(), at_least };
            return shard.receive(call, account, patience).await;
        }
        if matches!(call.request, Request::PeekMessages(_)) {
            let deadline = tokio::time::Instant::from(self.started) + at_least;
            return match account.room_for_record(LOOK_BYTES_MAX, deadline).await {
                Some(room) => (shard.look(call).await, room),
                None => (Err(Fault::Throttled), account.no_room(Kind::Messages)),
            };
        }
        match account.room(encoder.answer_bytes_max(), at_least).await {
            Some(room) => (shard.call(call).await, room),
            None => (Err(Fault::Throttled), account.no_room(Kind::Other)),
        }
    }

    /// Notes the end of the request in the audit log.
    fn note(&self, ended: &Ended, subject: Option<&Subject>) {
        let Served { shared, client, .. } = self.served;
        let refused = ended.response.status() == StatusCode::FORBIDDEN;
        if subject.is_none() && !refused {
            return;
        }
        let code = ended.code.unwrap_or("OK");
        let occasion = Occasion {
            protocol: "http",
            peer: client.address,
            request_id: &self.request_id,
            elapsed: self.started.elapsed(),
        };
        let outcome = match ended.code {
            None => Outcome::Done,
            Some(code) if refused => Outcome::Refused(code),
            Some(code) => Outcome::Failed(code),
        };
        match subject {
            Some(subject) => shared.audit.request(subject, outcome, &occasion),
            None => shared.audit.unknown(ended.action.map_or("-", Action::as_str), code, &occasion),
        }
    }

    /// The end of a request that did not get as far as the codec.
    fn refuse(&self, parts: &Parts, fault: &TransportFault) -> Ended {
        Ended {
            action: None,
            code: Some(transport_code(fault)),
            response: posthouse_aws::refuse(Some(parts), fault, self.request_id),
            room: None,
        }
    }
}

/// The header map of a request, emptied. A new one where it is large.
fn emptied(parts: Parts) -> HeaderMap {
    let mut headers = parts.headers;
    if headers.capacity() > KEPT_HEADERS_MAX {
        return HeaderMap::new();
    }
    headers.clear();
    headers
}

/// The certificate that notifications are signed with, if the request asks for it by a notification's
/// `SigningCertURL`.
fn certificate(shared: &Shared, parts: &Parts) -> Option<Response> {
    if parts.method != Method::GET {
        return None;
    }
    // The public URL may have a path in front of the certificate's.
    let path = parts.uri.path();
    let certificate: &Bytes = shared.signing.certificate_at(&path[path.rfind('/')?..])?;
    Some(Response::of_document("application/x-pem-file", Segments::from(certificate.clone())))
}

/// The end of a request that the core loop answered.
async fn encode(shard: &Shard, encoder: Encoder, answer: Answer, room: AnswerRoom) -> Ended {
    let action = encoder.action();
    let code = answer.as_ref().err().map(|fault| encoder.fault_code(fault));
    if let Err(Fault::Internal) = &answer {
        tracing::error!(action = action.as_str(), "a stored message could not be read");
    }
    let answer_bytes_max = encoder.answer_bytes_max();
    let (response, room) = if is_laborious(encoder.protocol(), &answer) {
        shard.work(move || (encoder.encode(&answer), room)).await
    } else {
        (encoder.encode(&answer), room)
    };
    debug_assert!(
        code.is_some() || answer_bytes_max == 0 || response.body().held_bytes() <= u64::from(room.bytes()),
        "an answer to {} has {} bytes, more than it can have",
        action.as_str(),
        response.body().held_bytes()
    );
    Ended { action: Some(action), code, response, room: Some(room) }
}

/// Verifies and decodes a request whose body has arrived.
fn decode(aws: &Aws, head: &Head<'_>, body: &Bytes, arrival: &Arrival) -> Result<Decoded, Box<Refused>> {
    aws.decode(head, body, arrival, &mut rand::random::<[u8; 16]>)
}

/// Bytes that a shard looks at within about a millisecond: those of a body that is verified and decoded, and those of
/// messages whose lengths, and in envelopes whose digests, are computed.
const QUICK_BYTES_MAX: usize = 256 * 1024;

/// Whether writing an answer takes long: it signs notifications, and at the very first start waits for the generation of
/// the key; or it looks at more bytes than [`QUICK_BYTES_MAX`]. A body that needs no escaping is not looked at.
fn is_laborious(protocol: Protocol, answer: &Answer) -> bool {
    let messages = match answer {
        Ok(Reply::ReceiveMessage(messages)) => messages,
        // Many messages, and no consumer waits for them.
        Ok(Reply::Peeked(_)) => return true,
        Ok(_) | Err(_) => return false,
    };
    let mut notifications = messages.iter().filter_map(|message| message.notification.as_ref());
    let signs = notifications
        .any(|notification| notification.form == NotificationForm::Envelope && notification.sequence_number.is_none());
    let is_clean = |message: &ReceivedMessage| {
        let clean = if protocol.answers_in_json() {
            message.message.body_is_json_clean()
        } else {
            message.message.body_is_xml_clean()
        };
        clean && message.notification.is_none()
    };
    let looked_at = messages.iter().filter(|message| !is_clean(message));
    signs || looked_at.map(|message| message.message.as_bytes().len()).sum::<usize>() > QUICK_BYTES_MAX
}

const fn transport_code(fault: &TransportFault) -> &'static str {
    match fault {
        TransportFault::BodyTooLarge { .. } | TransportFault::UnsignedBodyTooLarge { .. } => "RequestEntityTooLarge",
        TransportFault::HeadersTooLarge => "RequestHeaderFieldsTooLarge",
        TransportFault::TimedOut => "RequestTimeout",
        TransportFault::MethodNotAllowed => "MethodNotAllowed",
        TransportFault::BadRequest(_) => "BadRequest",
        TransportFault::Overloaded { .. } => "ServiceUnavailable",
        TransportFault::Internal => "InternalFailure",
    }
}
