//! Every action's input and output, one file each as in `posthouse_model::operation`; here only what is common to all:
//! the way to the right file, and the names that Query has for members.

mod batch;
mod change_message_visibility;
mod create_queue;
mod delete_message;
mod get_queue_attributes;
mod list_queues;
mod message_move_task;
mod peek_messages;
mod permission;
mod queue;
mod receive_message;
mod send_message;
mod set_queue_attributes;
mod tags;

use posthouse_model::{Reply, Request, SqsAction};

use self::list_queues::Paging;
pub(crate) use self::peek_messages::is_look;
use super::SQS;
use super::context::Context;
use super::url::UrlBase;
use crate::protocol::Protocol;
use crate::protocol::answer_size::AnswerSize;
use crate::protocol::fault::ProtocolFault;
use crate::protocol::form::Names;
use crate::protocol::input::Source;
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, SMALL_REPLY_BYTES, Writer};

/// Source: the `locationName`s of the service model from the time when it described the Query protocol.
pub(crate) const QUERY_NAMES: Names = &[
    ("AWSAccountId", "AWSAccountIds"),
    ("ActionName", "Actions"),
    ("Attribute", "Attributes"),
    ("AttributeName", "AttributeNames"),
    ("BinaryListValue", "BinaryListValues"),
    ("ChangeMessageVisibilityBatchRequestEntry", "Entries"),
    ("DeleteMessageBatchRequestEntry", "Entries"),
    ("MessageAttribute", "MessageAttributes"),
    ("MessageAttributeName", "MessageAttributeNames"),
    ("MessageSystemAttribute", "MessageSystemAttributes"),
    ("MessageSystemAttributeName", "MessageSystemAttributeNames"),
    ("SendMessageBatchRequestEntry", "Entries"),
    ("StringListValue", "StringListValues"),
    ("Tag", "Tags"),
    ("TagKey", "TagKeys"),
];

/// Attributes of queues and messages.
const ATTRIBUTES: Plural = Plural("Attributes", "Attribute");

/// What an answer shows depends on more than the reply: what the encoder keeps of the request.
#[derive(Clone, Debug)]
pub(crate) enum View {
    /// Nothing more.
    Plain,
    /// What URLs start with.
    Urls(UrlBase),
    /// The same, and how the list is given.
    Page(UrlBase, Paging),
    /// How received messages are shown.
    Receive(receive_message::Shown),
    /// How messages are shown that were only looked at.
    Look(peek_messages::Shown),
    /// What the entries of the batch are called.
    Batch(batch::Names),
}

impl View {
    fn batch(&self) -> batch::Names {
        match self {
            Self::Batch(names) => *names,
            Self::Plain | Self::Urls(_) | Self::Page(..) | Self::Receive(_) | Self::Look(_) => {
                unreachable!("the decoders of batches keep their names")
            }
        }
    }
}

/// Whether an action can be called at a queue's URL: not one that names no queue (recorded from AWS for `CreateQueue` and
/// `ListQueues`).
const fn is_valid_at_queue(action: SqsAction) -> bool {
    match action {
        SqsAction::CreateQueue
        | SqsAction::ListQueues
        | SqsAction::CancelMessageMoveTask
        | SqsAction::ListMessageMoveTasks
        | SqsAction::StartMessageMoveTask => false,
        // It answers for the queue that its parameters name.
        SqsAction::GetQueueUrl => true,
        SqsAction::AddPermission
        | SqsAction::ChangeMessageVisibility
        | SqsAction::ChangeMessageVisibilityBatch
        | SqsAction::DeleteMessage
        | SqsAction::DeleteMessageBatch
        | SqsAction::DeleteQueue
        | SqsAction::GetQueueAttributes
        | SqsAction::ListDeadLetterSourceQueues
        | SqsAction::ListQueueTags
        | SqsAction::PurgeQueue
        | SqsAction::ReceiveMessage
        | SqsAction::RemovePermission
        | SqsAction::SendMessage
        | SqsAction::SendMessageBatch
        | SqsAction::SetQueueAttributes
        | SqsAction::TagQueue
        | SqsAction::UntagQueue => true,
    }
}

/// How large the answer to an action is.
pub(crate) const fn answer_size(action: SqsAction) -> AnswerSize {
    match action {
        SqsAction::ReceiveMessage => AnswerSize::Messages,
        SqsAction::ChangeMessageVisibilityBatch | SqsAction::DeleteMessageBatch | SqsAction::SendMessageBatch => {
            AnswerSize::Batch
        }
        SqsAction::ListDeadLetterSourceQueues | SqsAction::ListQueues => AnswerSize::Queues,
        SqsAction::GetQueueAttributes => AnswerSize::QueueAttributes,
        SqsAction::ListQueueTags => AnswerSize::Tags,
        SqsAction::ListMessageMoveTasks => AnswerSize::MoveTasks,
        SqsAction::AddPermission
        | SqsAction::CancelMessageMoveTask
        | SqsAction::ChangeMessageVisibility
        | SqsAction::CreateQueue
        | SqsAction::DeleteMessage
        | SqsAction::DeleteQueue
        | SqsAction::GetQueueUrl
        | SqsAction::PurgeQueue
        | SqsAction::RemovePermission
        | SqsAction::SendMessage
        | SqsAction::SetQueueAttributes
        | SqsAction::StartMessageMoveTask
        | SqsAction::TagQueue
        | SqsAction::UntagQueue => AnswerSize::Small,
    }
}

/// Reads the input of an action.
///
/// # Errors
/// `InvalidAction` for an action that is not valid where the request was sent; otherwise what its file says.
pub(super) fn decode(
    action: SqsAction,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    if is_look(context.path) {
        if action != SqsAction::ReceiveMessage {
            let message = (SQS.unknown_action)(action.action().as_str());
            return Err(ProtocolFault::InvalidAction(message.into()).into());
        }
        let (request, shown) = peek_messages::decode(&source.read()?, context)?;
        return Ok((request.into(), View::Look(shown)));
    }
    if context.is_at_queue() && !is_valid_at_queue(action) {
        let message = (SQS.unknown_action)(action.action().as_str());
        return Err(ProtocolFault::InvalidAction(message.into()).into());
    }
    let request = match action {
        SqsAction::ReceiveMessage => {
            let (request, shown) = receive_message::decode(&source.read()?, context)?;
            return Ok((request.into(), View::Receive(shown)));
        }
        SqsAction::ListQueues => {
            let (request, paging) = list_queues::decode(&source.read()?)?;
            return Ok((request.into(), View::Page(context.url_base(), paging)));
        }
        SqsAction::ListDeadLetterSourceQueues => {
            let (request, paging) = list_queues::decode_sources(&source.read()?, context)?;
            return Ok((request.into(), View::Page(context.url_base(), paging)));
        }
        SqsAction::CreateQueue => {
            let request = create_queue::decode(&source.read()?)?;
            return Ok((request.into(), View::Urls(context.url_base())));
        }
        SqsAction::GetQueueUrl => {
            let request = queue::decode_get_queue_url(&source.read()?, context)?;
            return Ok((request.into(), View::Urls(context.url_base())));
        }
        SqsAction::ChangeMessageVisibilityBatch => {
            let request = change_message_visibility::decode_batch(source.read()?, context)?;
            return Ok((request.into(), View::Batch(batch::CHANGE_MESSAGE_VISIBILITY)));
        }
        SqsAction::DeleteMessageBatch => {
            let request = delete_message::decode_batch(source.read()?, context)?;
            return Ok((request.into(), View::Batch(batch::DELETE_MESSAGE)));
        }
        SqsAction::SendMessageBatch => {
            let request = send_message::decode_batch(source.read()?, context)?;
            return Ok((request.into(), View::Batch(batch::SEND_MESSAGE)));
        }
        SqsAction::AddPermission => permission::decode_add(&source.read()?, context)?.into(),
        SqsAction::RemovePermission => permission::decode_remove(&source.read()?, context)?.into(),
        SqsAction::CancelMessageMoveTask => message_move_task::decode_cancel(&source.read()?)?.into(),
        SqsAction::ListMessageMoveTasks => message_move_task::decode_list(&source.read()?)?.into(),
        SqsAction::StartMessageMoveTask => message_move_task::decode_start(&source.read()?, context)?.into(),
        SqsAction::ChangeMessageVisibility => change_message_visibility::decode(&source.read()?, context)?.into(),
        SqsAction::DeleteMessage => delete_message::decode(&source.read()?, context)?.into(),
        SqsAction::DeleteQueue => queue::decode_delete_queue(&source.read()?, context)?.into(),
        SqsAction::PurgeQueue => queue::decode_purge_queue(&source.read()?, context)?.into(),
        SqsAction::GetQueueAttributes => get_queue_attributes::decode(&source.read()?, context)?.into(),
        SqsAction::SetQueueAttributes => set_queue_attributes::decode(&source.read()?, context)?.into(),
        SqsAction::ListQueueTags => tags::decode_list(&source.read()?, context)?.into(),
        SqsAction::TagQueue => tags::decode_tag(&source.read()?, context)?.into(),
        SqsAction::UntagQueue => tags::decode_untag(&source.read()?, context)?.into(),
        SqsAction::SendMessage => send_message::decode(&source.read()?, context)?.into(),
    };
    Ok((request, View::Plain))
}

/// Writes the output of an action.
pub(super) fn encode(writer: &mut Writer, action: SqsAction, reply: &Reply, view: &View) {
    match reply {
        Reply::Done => {}
        Reply::CancelMessageMoveTask(moved) => message_move_task::encode_cancelled(writer, *moved),
        Reply::Batch(reply) => batch::encode(writer, view.batch(), reply, |_, ()| {}),
        Reply::Queue(queue) => {
            if let View::Urls(base) = view {
                queue::encode(writer, queue, base);
            }
        }
        Reply::Attributes(attributes) => get_queue_attributes::encode(writer, attributes),
        Reply::Queues(page) => {
            if let View::Page(base, paging) = view {
                list_queues::encode(writer, action, page, base, *paging);
            }
        }
        Reply::MoveTasks(tasks) => message_move_task::encode_list(writer, tasks),
        Reply::Tags(tags) => tags::encode(writer, tags),
        Reply::ReceiveMessage(messages) => {
            if let View::Receive(shown) = view {
                receive_message::encode(writer, messages, shown);
            }
        }
        Reply::Peeked(page) => {
            if let View::Look(shown) = view {
                peek_messages::encode(writer, &page.items, shown);
            }
        }
        Reply::SendMessage(sent) => send_message::encode(writer, sent),
        Reply::SendMessageBatch(reply) => batch::encode(writer, view.batch(), reply, send_message::encode),
        Reply::StartMessageMoveTask(handle) => message_move_task::encode_started(writer, handle),
        // The replies of the other services' operations. They are named, so that a new reply does not compile without a
        // decision here.
        Reply::DataProtectionPolicy(_)
        | Reply::Endpoint(_)
        | Reply::EndpointAttributes(_)
        | Reply::Endpoints(_)
        | Reply::Flag(_)
        | Reply::OriginationNumbers
        | Reply::PhoneNumbers(_)
        | Reply::PlatformApplication(_)
        | Reply::PlatformApplications(_)
        | Reply::PlatformAttributes(_)
        | Reply::Published(_)
        | Reply::PublishedBatch(_)
        | Reply::PushChanges(_)
        | Reply::DamagedMessages(_)
        | Reply::DroppedMessages(_)
        | Reply::Selected(_)
        | Reply::ConsumerOpened(_)
        | Reply::MessagesSent(_)
        | Reply::MessagesSettled(_)
        | Reply::ProducerOpened(_)
        | Reply::SandboxNumbers(_)
        | Reply::SmsAttributes(_)
        | Reply::Subscribed(_)
        | Reply::Subscription(_)
        | Reply::SubscriptionAttributes(_)
        | Reply::Subscriptions(_)
        | Reply::Topic(_)
        | Reply::TopicAttributes(_)
        | Reply::Topics(_) => unreachable!("no operation of SQS has this reply: {reply:?}"),
    }
}

/// About how long the output is.
pub(crate) fn size_guess_bytes(reply: &Reply, protocol: Protocol) -> usize {
    match reply {
        Reply::ReceiveMessage(messages) => receive_message::size_guess_bytes(messages),
        Reply::Peeked(page) => peek_messages::size_guess_bytes(&page.items),
        Reply::SendMessage(sent) => send_message::size_guess_bytes(sent, protocol),
        _ => SMALL_REPLY_BYTES,
    }
}
