//! Which service and which action a request is for.
//!
//! Both services share one port. In JSON the prefix of `X-Amz-Target` names the service. In Query it is the service
//! that the request is signed for, else the one of its `Version`, else the one that has its `Action`.

use http::Method;
use http::header::HeaderName;
use http::request::Parts;
use posthouse_model::{Action, Service, SnsAction, SqsAction};

use crate::protocol::Protocol;
use crate::protocol::fault::ProtocolFault;
use crate::protocol::form::Form;
use crate::protocol::service::ServiceCodec;
use crate::protocol::sigv4;
use crate::protocol::text::excerpt;
use crate::sns::SNS;
use crate::sqs::{SQS, is_look};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const SERVICES: [&ServiceCodec; 2] = [&SQS, &SNS];

/// What a request asks for, before its input is read: an action of a service that has a codec.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    Sqs(SqsAction),
    Sns(SnsAction),
}

impl Asked {
    /// The codec's action of this name.
    fn find(codec: &ServiceCodec, name: &str) -> Option<Self> {
        match codec.service {
            Service::Sqs => SqsAction::find(name).ok().map(Self::Sqs),
            Service::Sns => SnsAction::find(name).ok().map(Self::Sns),
            // It has no codec.
            Service::Push | Service::Admin | Service::Native => None,
        }
    }

    /// The codec of its service.
    pub(super) const fn codec(self) -> &'static ServiceCodec {
        match self {
            Self::Sqs(_) => &SQS,
            Self::Sns(_) => &SNS,
        }
    }

    /// The action, whatever its service.
    pub(super) const fn action(self) -> Action {
        match self {
            Self::Sqs(action) => action.action(),
            Self::Sns(action) => action.action(),
        }
    }
}

/// A request that names no action of a service.
pub(super) struct Unrouted {
    /// The service that words the answer: the one that the request names, else SQS.
    pub(super) codec: &'static ServiceCodec,
    pub(super) fault: ProtocolFault,
}

impl Unrouted {
    /// A request of which not even the service is known.
    pub(super) const fn unknown(fault: ProtocolFault) -> Self {
        Self { codec: &SQS, fault }
    }
}

/// The service and the action of a request. `form` is empty in JSON.
pub(super) fn route(protocol: Protocol, parts: &Parts, form: &Form<'_>) -> Result<Asked, Unrouted> {
    match protocol {
        Protocol::Json10 | Protocol::Json11 => {
            by_target(parts).ok_or(Unrouted::unknown(ProtocolFault::UnknownOperation))
        }
        Protocol::Query | Protocol::QueryJson => by_form(parts, form),
    }
}

fn by_target(parts: &Parts) -> Option<Asked> {
    let target = parts.headers.get(TARGET).filter(|_| parts.method == Method::POST)?.to_str().ok()?;
    let named = |codec: &'static ServiceCodec| {
        let name = codec.target_prefixes.iter().find_map(|prefix| target.strip_prefix(prefix))?;
        Asked::find(codec, name)
    };
    SERVICES.into_iter().find_map(named)
}

fn by_form(parts: &Parts, form: &Form<'_>) -> Result<Asked, Unrouted> {
    if form.get("Action").is_none() && is_look(parts.uri.path()) {
        return Ok(Asked::Sqs(SqsAction::ReceiveMessage));
    }
    let name = form.get("Action").ok_or(Unrouted::unknown(ProtocolFault::UnknownOperation))?;
    let codec = service_of_form(parts, form, name);
    Asked::find(codec, name).ok_or_else(|| {
        let message = (codec.unknown_action)(excerpt(name));
        Unrouted { codec, fault: ProtocolFault::InvalidAction(message.into()) }
    })
}

fn service_of_form(parts: &Parts, form: &Form<'_>, action: &str) -> &'static ServiceCodec {
    let named =
        || signed_for(parts).or_else(|| SERVICES.into_iter().find(|codec| form.get("Version") == Some(codec.version)));
    // `AddPermission` and `RemovePermission` are in both services; only SNS's have a topic.
    let sounds_like_sns =
        || SnsAction::find(action).is_ok() && (SqsAction::find(action).is_err() || form.get("TopicArn").is_some());
    named().unwrap_or_else(|| if sounds_like_sns() { &SNS } else { &SQS })
}

/// The service that a request is signed for, as far as it says so; nothing of it is verified.
fn signed_for(parts: &Parts) -> Option<&'static ServiceCodec> {
    let scope = sigv4::scoped_service(parts)?;
    SERVICES.into_iter().find(|codec| codec.service.as_str() == scope)
}

/// The service that a request is probably for, where its form has not been read.
pub(super) fn likely_service(parts: &Parts) -> &'static ServiceCodec {
    signed_for(parts).unwrap_or(&SQS)
}
