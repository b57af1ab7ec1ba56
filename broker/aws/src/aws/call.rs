//! Calls without HTTP, for the native protocol: an action by its name (`sqs.CreateQueue`), its input and its output as
//! JSON with the member names of AWS's service models. The caller is known: there is no signature to check.
//!
//! An input is decoded and an output is written by the code that serves the JSON protocol. What differs is in this file:
//! an action without an output answers `{}`, and a refusal is a code and a sentence instead of a response.

use std::borrow::Cow;

use posthouse_model::fault::{Denied, SnsResource};
use posthouse_model::{
    Action, Call, Caller, Fault, HandleKey, QueueAddress, Reply, SnsAction, SnsFault, SqsAction, TopicAddress,
};

use super::encoder::View;
use crate::envelope::Signer;
use crate::protocol::Protocol;
use crate::protocol::fault::ProtocolFault;
use crate::protocol::host::Host;
use crate::protocol::input::{Source, Text};
use crate::protocol::public_url::PublicUrl;
use crate::protocol::refusal::Refusal;
use crate::protocol::segments::Segments;
use crate::protocol::service::ServiceCodec;
use crate::protocol::text::excerpt;
use crate::protocol::writer::json_output;
use crate::{sns, sqs};

/// What an ARN begins with.
const ARN: &str = "arn:";

/// The codecs of calls. One for the life of the listener, shared by its threads.
#[derive(Debug)]
pub struct Calls {
    /// What the URLs in answers start with.
    pub base_url: PublicUrl,
    /// What receipt handles are sealed with.
    pub handle_key: HandleKey,
    /// What notifications are signed with that are received from a queue.
    pub signer: Signer,
}

/// A call that is understood.
#[derive(Debug)]
pub struct DecodedCall {
    /// What the engine is asked, and by whom.
    pub call: Box<Call>,
    /// What writes the answer.
    pub encoder: CallEncoder,
}

/// A call that is refused: what AWS's services say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRefused {
    /// Why.
    pub cause: CallFault,
    /// The error code, as SDKs show it: `AWS.SimpleQueueService.NonExistentQueue`.
    pub code: &'static str,
    /// The sentence for the client.
    pub message: Cow<'static, str>,
}

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFault {
    /// No service has an action of this name.
    UnknownAction,
    /// The input is not what the action takes.
    Malformed,
    /// A fault of the codec or of the engine.
    Fault(Fault),
}

/// Writes the answer to one call.
#[derive(Clone, Debug)]
pub struct CallEncoder {
    view: View,
}

impl Calls {
    /// Decodes the input of the action `name`: `sqs.` or `sns.` and the name that the service's API reference has. An
    /// empty input is an empty structure. `random` is asked for sixteen bytes as often as the request needs ids.
    ///
    /// # Errors
    /// [`CallRefused`] where there is no such action, where the input is none of its, and where it breaks a rule that
    /// the codec checks.
    pub fn decode(
        &self,
        name: &str,
        input: &[u8],
        caller: Caller,
        random: &mut dyn FnMut() -> [u8; 16],
    ) -> Result<DecodedCall, CallRefused> {
        let source = Source::Json(input);
        if let Some(action) = name.strip_prefix("sqs.").and_then(|name| SqsAction::find(name).ok()) {
            let mut context = self.context(&caller, random);
            let decoded = sqs::decode(action, source, &mut context);
            let (request, view) = decoded.map_err(|refusal| refused(&sqs::SQS, refusal))?;
            let encoder = CallEncoder { view: View::Sqs(action, view) };
            return Ok(DecodedCall { call: Box::new(Call { caller, request }), encoder });
        }
        if let Some(action) = name.strip_prefix("sns.").and_then(|name| SnsAction::find(name).ok()) {
            let decoded = sns::decode(action, source, &mut sns::Context { caller: &caller, trace: None, random });
            let (request, view) = decoded.map_err(|refusal| refused(&sns::SNS, refusal))?;
            let encoder = CallEncoder { view: View::Sns(action, view) };
            return Ok(DecodedCall { call: Box::new(Call { caller, request }), encoder });
        }
        Err(CallRefused {
            cause: CallFault::UnknownAction,
            code: ProtocolFault::UnknownOperation.row().query_code,
            message: format!("There is no action {}.", excerpt(name)).into(),
        })
    }
}

impl Calls {
    /// The queue that a client means by its name, its ARN or its URL.
    ///
    /// # Errors
    /// `QueueDoesNotExist` where the text names none.
    pub fn queue(&self, text: &str, caller: &Caller) -> Result<QueueAddress, Fault> {
        if text.is_empty() || text.starts_with(ARN) {
            return text.parse().map_err(|_| Fault::QueueDoesNotExist);
        }
        match self.context(caller, &mut || unreachable!("an address needs no id")).queue(Some(&Text(text.into()))) {
            Ok(queue) => Ok(queue),
            Err(Refusal::Fault(fault)) => Err(fault),
            // No queue is named.
            Err(Refusal::Protocol(_)) => Err(Fault::QueueDoesNotExist),
        }
    }

    /// The topic that a client means by its name or its ARN.
    ///
    /// # Errors
    /// `NotFound` where the text names none, and `AuthorizationError` where a caller without an account gives a name.
    pub fn topic(&self, text: &str, caller: &Caller) -> Result<TopicAddress, Fault> {
        let unknown = || Fault::from(SnsFault::NotFound(SnsResource::Topic));
        if text.starts_with(ARN) {
            return text.parse().map_err(|_| unknown());
        }
        let account = caller.account().ok_or_else(|| Fault::from(SnsFault::AuthorizationError(Denied::NoAccount)))?;
        let name = text.parse().map_err(|_| unknown())?;
        Ok(TopicAddress { region: caller.region.clone(), account, name })
    }

    /// The surroundings of a call.
    fn context<'a>(&'a self, caller: &'a Caller, random: &'a mut dyn FnMut() -> [u8; 16]) -> sqs::Context<'a> {
        sqs::Context {
            caller,
            protocol: Protocol::Json10,
            host: Host::UNNAMED,
            path: "/",
            trace: None,
            public_url: Some(&self.base_url),
            handle_key: self.handle_key,
            signer: &self.signer,
            random,
        }
    }
}

impl CallEncoder {
    /// The call's action.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.view.action()
    }

    /// How many bytes the output has at most. Zero for a receive, whose size depends on the messages.
    #[must_use]
    pub const fn answer_bytes_max(&self) -> usize {
        self.view.answer_bytes_max()
    }

    /// The output.
    #[must_use]
    pub fn encode(&self, reply: &Reply) -> Segments {
        let dialect = self.view.codec().dialect;
        match &self.view {
            View::Sqs(action, view) => json_output(
                dialect,
                sqs::operation::size_guess_bytes(reply, Protocol::Json10),
                sqs::output(*action, reply, view),
            ),
            View::Sns(action, view) => {
                json_output(dialect, sns::operation::size_guess_bytes(reply), sns::output(*action, reply, view))
            }
        }
    }

    /// The encoder of the same request as a call.
    #[cfg(test)]
    pub(crate) fn of(encoder: &super::Encoder) -> Self {
        Self { view: encoder.view.clone() }
    }

    /// What the call's service says of a fault of the engine.
    #[must_use]
    pub fn refuse(&self, fault: Fault) -> CallRefused {
        refused(self.view.codec(), fault.into())
    }
}

impl CallRefused {
    /// What SNS says of a fault that only it has, and SQS of every other: where a fault answers no call of a service.
    #[must_use]
    pub fn of(fault: Fault) -> Self {
        let codec = if matches!(fault, Fault::Sns(_)) { &sns::SNS } else { &sqs::SQS };
        refused(codec, fault.into())
    }

    /// What SNS says of a fault.
    #[must_use]
    pub fn by_sns(fault: Fault) -> Self {
        refused(&sns::SNS, fault.into())
    }
}

fn refused(codec: &ServiceCodec, refusal: Refusal) -> CallRefused {
    let code = refusal.code(codec);
    match refusal {
        Refusal::Fault(fault) => {
            let message = (codec.message)(&fault, Protocol::Json10);
            CallRefused { cause: CallFault::Fault(fault), code, message }
        }
        Refusal::Protocol(fault) => {
            CallRefused { cause: CallFault::Malformed, code, message: fault.to_string().into() }
        }
    }
}

#[cfg(test)]
mod tests;
