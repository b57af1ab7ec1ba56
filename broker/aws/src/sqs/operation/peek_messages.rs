//! The developer endpoint of LocalStack: `GET /_aws/sqs/messages?QueueUrl=…&ShowInvisible=…&ShowDelayed=…` shows messages
//! without receiving them, in the form of an answer to `ReceiveMessage`.
//!
//! The queue is also taken from the path, `/_aws/sqs/messages/REGION/ACCOUNT/NAME`. A `ReceiveMessage` of any protocol that is
//! sent to this path is such a look, as `aws sqs receive-message --endpoint-url …/_aws/sqs/messages` sends it.

use posthouse_model::operation::{PeekMessages, Peeked, PeekedState, ReceivedMessage, ShownStates};
use posthouse_model::{Fault, PageSize, QueueAddress};
use serde::Deserialize;

use super::receive_message::{self, Beside};
use crate::protocol::input::Text;
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::Writer;
use crate::sqs::context::Context;

/// The path of the endpoint.
const PATH: &str = "/_aws/sqs/messages";
/// The receipt handle of a message that was not received. It deletes nothing.
const HANDLE: &str = "SQS/BACKDOOR/ACCESS";

/// Whether a request to this path looks at messages.
pub(crate) fn is_look(path: &str) -> bool {
    path.strip_prefix(PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_url: Option<Text<'a>>,
    show_invisible: Option<Text<'a>>,
    show_delayed: Option<Text<'a>>,
}

/// How the messages of a look are shown.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    messages: receive_message::Shown,
    /// Whether each says if it can be received.
    visibility: bool,
    /// Whether each says if it is delayed.
    delay: bool,
}

/// Whether a parameter is set: LocalStack takes `true` in any case, and `1`.
fn is_set(parameter: Option<&Text<'_>>) -> bool {
    parameter.is_some_and(|text| text.eq_ignore_ascii_case("true") || &**text == "1")
}

pub(super) fn decode(input: &Input<'_>, context: &Context<'_>) -> Result<(PeekMessages, Shown), Refusal> {
    let in_path = context.path.strip_prefix(PATH).unwrap_or_default().trim_matches('/');
    let queue = match &input.queue_url {
        Some(url) if !url.is_empty() => context.queue(Some(url))?,
        Some(_) | None if in_path.is_empty() => return Err(Fault::missing("QueueUrl").into()),
        Some(_) | None => queue_in(in_path).ok_or(Fault::QueueDoesNotExist)?,
    };
    let (visibility, delay) = (is_set(input.show_invisible.as_ref()), is_set(input.show_delayed.as_ref()));
    let states = ShownStates { in_flight: visibility, delayed: delay, ..ShownStates::VISIBLE };
    let shown = Shown { messages: receive_message::Shown::all(context), visibility, delay };
    Ok((PeekMessages { queue, after: None, states, messages_max: PageSize::MAX }, shown))
}

/// The queue of `REGION/ACCOUNT/NAME`.
fn queue_in(path: &str) -> Option<QueueAddress> {
    let mut parts = path.split('/');
    let (region, account, name) = (parts.next()?, parts.next()?, parts.next()?);
    let address =
        QueueAddress { region: region.parse().ok()?, account: account.parse().ok()?, name: name.parse().ok()? };
    parts.next().is_none().then_some(address)
}

fn messages(items: &[Peeked]) -> impl Iterator<Item = (&ReceivedMessage, PeekedState)> {
    items.iter().filter_map(|peeked| match peeked {
        Peeked::Message(message, state) => Some((&**message, *state)),
        // Nothing that this answer has a form for.
        Peeked::Unreadable { .. } | Peeked::Damaged { .. } | Peeked::Unlisted { .. } => None,
    })
}

/// About how long the answer is.
pub(super) fn size_guess_bytes(items: &[Peeked]) -> usize {
    receive_message::size_guess_of(messages(items).map(|(message, _)| message))
}

pub(super) fn encode(writer: &mut Writer, items: &[Peeked], shown: &Shown) {
    let messages: Vec<_> = messages(items).collect();
    if messages.is_empty() {
        return;
    }
    writer.list(receive_message::MESSAGES, &messages, |writer, (message, state)| {
        let (visible, delayed) = match state {
            PeekedState::Visible => ("true", "false"),
            PeekedState::InFlight(_) => ("false", "false"),
            PeekedState::Delayed(_) => ("true", "true"),
        };
        let states =
            [shown.visibility.then_some(("IsVisible", visible)), shown.delay.then_some(("IsDelayed", delayed))];
        let states: Vec<_> = states.into_iter().flatten().collect();
        let beside = Beside { handle: HANDLE, attributes: &states };
        receive_message::encode_message(writer, message, &shown.messages, &beside);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_name_the_queue() {
        for (path, expected) in [
            (PATH, true),
            ("/_aws/sqs/messages/", true),
            ("/_aws/sqs/messages/us-east-1/000000000000/q", true),
            ("/_aws/sqs/messagesx", false),
            ("/_aws/sqs", false),
            ("/", false),
        ] {
            assert_eq!(is_look(path), expected, "{path}");
        }
        let queue = queue_in("eu-west-1/111111111111/q.fifo").expect("a queue");
        assert_eq!(queue.to_string(), "arn:aws:sqs:eu-west-1:111111111111:q.fifo");
        for path in ["", "q", "000000000000/q", "eu-west-1/1/q", "eu-west-1/111111111111/q/r"] {
            assert_eq!(queue_in(path), None, "{path}");
        }
    }
}
