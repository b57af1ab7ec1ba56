//! One request: its body collected, the codec asked, the core loop asked, the codec asked again.
//!
//! No rule of SQS stands here. A client that goes away takes its long poll with it: dropping the future tells the core
//! loop, so that no message is received for nobody.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use hyper::Method;
use hyper::body::Incoming;
use posthouse_aws::{Arrival, Decoded, RequestId, Response, Segments, TransportFault};
use posthouse_core::{Inbox, Refused, RequestToken, Responder};
use posthouse_model::fault::Unavailable;
use posthouse_model::{Action, Call, Fault, Timestamp};
use tokio::sync::oneshot;
use tokio::task::block_in_place;

use super::Shared;
use super::body::{Answer, Collected, collect};
use super::guard::{Panicked, guarded};
use super::progress::Progress;

/// Where the core loop's answer to one request goes.
#[derive(Debug)]
pub struct ReplySender(oneshot::Sender<Result<posthouse_model::Reply, Fault>>);

impl Responder for ReplySender {
    fn respond(self, answer: Result<posthouse_model::Reply, Fault>) {
        // A client that went away is answered no more.
        let _ = self.0.send(answer);
    }

    fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }
}

/// Cancels its request in the core loop unless the answer came first.
struct Waiting<'a> {
    inbox: &'a Inbox<ReplySender>,
    token: RequestToken,
    answer: oneshot::Receiver<Result<posthouse_model::Reply, Fault>>,
    answered: bool,
}

impl Waiting<'_> {
    async fn answer(mut self) -> Result<posthouse_model::Reply, Fault> {
        let answer = (&mut self.answer).await;
        self.answered = true;
        answer.unwrap_or_else(|_| Err(stopping()))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            // In this order: the note may overtake the request, which then finds that it is abandoned.
            self.answer.close();
            self.inbox.cancel(self.token);
        }
    }
}

fn stopping() -> Fault {
    Fault::Unavailable(Unavailable::ShuttingDown)
}

/// How a request ended, for the metrics.
struct Ended {
    action: Option<Action>,
    /// The error code; `None` where there was no error.
    code: Option<&'static str>,
    response: Response,
}

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<Shared>,
    peer: IpAddr,
    progress: Arc<Progress>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Answer>, Infallible> {
    let working = progress.request(request.version());
    let started = Instant::now();
    let request_id = RequestId::from_random(rand::random());
    let (parts, body) = request.into_parts();
    let handled = guarded(handle(&shared, peer, &parts, body, request_id)).await;
    let ended = handled.unwrap_or_else(|Panicked| refuse(&parts, &TransportFault::Internal, request_id));
    shared.metrics.request(ended.action, ended.code, started.elapsed());
    tracing::debug!(
        %peer,
        action = ended.action.map_or("-", Action::as_str),
        code = ended.code.unwrap_or("OK"),
        status = ended.response.status().as_u16(),
        "request"
    );
    Ok(ended.response.map(|segments| Answer::new(segments, working)))
}

/// The end of a request that did not get as far as the codec.
fn refuse(parts: &Parts, fault: &TransportFault, request_id: RequestId) -> Ended {
    Ended {
        action: None,
        code: Some(transport_code(fault)),
        response: posthouse_aws::refuse(Some(parts), fault, request_id),
    }
}

async fn handle(shared: &Shared, peer: IpAddr, parts: &Parts, body: Incoming, request_id: RequestId) -> Ended {
    if !matches!(parts.method, Method::GET | Method::POST) {
        return refuse(parts, &TransportFault::MethodNotAllowed, request_id);
    }
    // The public URL may have a path before it.
    let path = parts.uri.path();
    if parts.method == Method::GET
        && let Some(certificate) = path.rfind('/').and_then(|start| shared.signing.certificate_at(&path[start..]))
    {
        return Ended { action: None, code: None, response: show(certificate) };
    }
    // The place in memory is kept until the answer is there: what was decoded lives on in the core loop's inbox.
    let Collected { bytes, place: _place } = match collect(body, &shared.limits, &shared.body_bytes).await {
        Ok(collected) => collected,
        Err(fault) => return refuse(parts, &fault, request_id),
    };
    let arrival = Arrival { now: now(), source: peer, secure: false, request_id };
    let Decoded { call, encoder } = match shared.aws.decode(parts, &bytes, &arrival, &mut rand::random::<[u8; 16]>) {
        Ok(decoded) => decoded,
        Err(refused) => {
            return Ended { action: refused.action, code: Some(refused.code), response: refused.response };
        }
    };
    // What was decoded has its own copy of all that it keeps.
    drop(bytes);
    let answer = ask(&shared.inbox, call).await;
    let code = answer.as_ref().err().map(|fault| encoder.fault_code(fault));
    if let Some(Fault::Internal) = answer.as_ref().err() {
        tracing::error!(action = encoder.action().as_str(), "a stored message could not be read");
    }
    // A signature takes this thread about a millisecond, and at the very first start the making of the key.
    let response = if signs(&answer) { block_in_place(|| encoder.encode(&answer)) } else { encoder.encode(&answer) };
    Ended { action: Some(encoder.action()), code, response }
}

/// Whether writing an answer signs notifications.
fn signs(answer: &Result<posthouse_model::Reply, Fault>) -> bool {
    let Ok(posthouse_model::Reply::ReceiveMessage(messages)) = answer else { return false };
    let mut notifications = messages.iter().filter_map(|message| message.notification.as_ref());
    notifications.any(|notification| !notification.raw && notification.sequence_number.is_none())
}

/// The certificate that a notification's `SigningCertURL` names.
fn show(certificate: &Bytes) -> Response {
    let mut response = Response::new(Segments::from(certificate.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-pem-file"));
    response
}

/// Asks the core loop.
pub(crate) async fn ask(inbox: &Inbox<ReplySender>, call: Call) -> Result<posthouse_model::Reply, Fault> {
    let (sender, answer) = oneshot::channel();
    match inbox.submit(call, ReplySender(sender)) {
        Ok(token) => Waiting { inbox, token, answer, answered: false }.answer().await,
        Err(Refused::Full(_)) => Err(Fault::Throttled),
        Err(Refused::Stopped(_)) => Err(stopping()),
    }
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

const fn transport_code(fault: &TransportFault) -> &'static str {
    match fault {
        TransportFault::BodyTooLarge { .. } => "RequestEntityTooLarge",
        TransportFault::HeadersTooLarge => "RequestHeaderFieldsTooLarge",
        TransportFault::TimedOut => "RequestTimeout",
        TransportFault::MethodNotAllowed => "MethodNotAllowed",
        TransportFault::BadRequest(_) => "BadRequest",
        TransportFault::Overloaded { .. } => "ServiceUnavailable",
        TransportFault::Internal => "InternalFailure",
    }
}
