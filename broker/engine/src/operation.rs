//! Deciding requests, in one file for each operation or family, named as in `posthouse_model::operation`.
//!
//! An operation reads the state, refuses with a fault or emits events, and returns its reply. It changes no durable
//! state itself. This file only dispatches.

mod change_message_visibility;
mod create_queue;
mod damaged;
mod delete_message;
mod get_queue_attributes;
mod list_queues;
mod message_move_task;
mod open_consumer;
mod open_producer;
mod page;
mod peek_messages;
mod permission;
mod platform;
mod publish;
mod publish_messages;
mod push;
mod queue;
mod receipt;
mod receive_message;
mod selected_messages;
mod send_message;
mod send_messages;
mod set_queue_attributes;
mod settle_messages;
mod sms;
pub(crate) mod subscription;
mod tags;
mod topic;
mod topic_permission;
mod topic_tags;

use posthouse_model::operation::Reply;
use posthouse_model::{Call, Fault, Request};

use crate::answer::{Outcome, RequestToken};
use crate::decision::Decision;
use crate::journal::Position;
use crate::prepared::PreparedCall;

/// A reply, and the position that must be durable before it leaves.
pub(crate) struct Answered {
    reply: Reply,
    after: Position,
}

impl Answered {
    /// A reply that waits for all events so far. For a change that may have been made by an earlier request.
    fn done(decision: &Decision<'_>, reply: Reply) -> Self {
        Self { reply, after: decision.end() }
    }
}

type DecisionResult = Result<Answered, Fault>;

/// Decides one request and answers it. A receive or a watch that has to wait, and a publication that takes long, is
/// answered by a later decision.
pub(crate) fn decide(decision: &mut Decision<'_>, token: RequestToken, call: PreparedCall) {
    let PreparedCall { call, prepared } = call;
    let Call { caller, request } = *call;
    let result = match &request {
        Request::AddPermission(request) => permission::add(decision, &caller, request),
        Request::CancelMessageMoveTask(request) => message_move_task::cancel(decision, &caller, request),
        Request::ChangeMessageVisibility(request) => change_message_visibility::one(decision, &caller, request),
        Request::ChangeMessageVisibilityBatch(request) => change_message_visibility::batch(decision, &caller, request),
        Request::CreateQueue(request) => create_queue::create(decision, &caller, request),
        Request::DeleteMessage(request) => delete_message::one(decision, &caller, request),
        Request::DeleteMessageBatch(request) => delete_message::batch(decision, &caller, request),
        Request::DeleteQueue(request) => queue::delete(decision, &caller, request),
        Request::GetQueueAttributes(request) => get_queue_attributes::get(decision, &caller, request),
        Request::GetQueueUrl(request) => queue::get_url(decision, &caller, request),
        Request::ListDeadLetterSourceQueues(request) => list_queues::sources(decision, &caller, request),
        Request::ListMessageMoveTasks(request) => message_move_task::list(decision, &caller, request),
        Request::ListQueueTags(request) => tags::list(decision, &caller, request),
        Request::ListQueues(request) => list_queues::list(decision, &caller, request),
        Request::PurgeQueue(request) => queue::purge(decision, &caller, request),
        Request::ReceiveMessage(request) => {
            return receive_message::receive(decision, &caller, token, request);
        }
        Request::RemovePermission(request) => permission::remove(decision, &caller, request),
        Request::SendMessage(request) => send_message::one(decision, &caller, request),
        Request::SendMessageBatch(request) => send_message::batch(decision, &caller, request),
        Request::SetQueueAttributes(request) => set_queue_attributes::set(decision, &caller, request),
        Request::StartMessageMoveTask(request) => message_move_task::start(decision, &caller, request),
        Request::TagQueue(request) => tags::tag(decision, &caller, request),
        Request::UntagQueue(request) => tags::untag(decision, &caller, request),
        Request::Publish(request) => {
            match publish::one(decision, &caller, token, (request, prepared.events())).transpose() {
                Some(result) => result,
                None => return,
            }
        }
        Request::PublishBatch(request) => {
            match publish::batch(decision, &caller, token, (request, prepared.events())).transpose() {
                Some(result) => result,
                None => return,
            }
        }
        Request::SettlePushes(request) => push::settle(decision, &caller, request),
        Request::WatchPushTargets(request) => return push::watch(decision, &caller, token, request),
        Request::DropDamagedMessages(request) => damaged::drop_some(decision, &caller, request),
        Request::ListDamagedMessages(request) => return damaged::list(decision, &caller, token, request),
        Request::PeekMessages(request) => return peek_messages::peek(decision, &caller, token, request),
        Request::CopySelectedMessages(request) => selected_messages::copy(decision, &caller, request),
        Request::DeleteSelectedMessages(request) => selected_messages::delete(decision, &caller, request),
        Request::MoveSelectedMessages(request) => selected_messages::move_some(decision, &caller, request),
        Request::AddTopicPermission(request) => topic_permission::add(decision, &caller, request),
        Request::ConfirmSubscription(request) => subscription::confirm(decision, &caller, (request, prepared.filter())),
        Request::CreateTopic(request) => topic::create(decision, &caller, request),
        Request::DeleteTopic(request) => topic::delete(decision, &caller, request),
        Request::GetDataProtectionPolicy(request) => topic::get_data_protection(decision, &caller, request),
        Request::GetSubscriptionAttributes(request) => subscription::get_attributes(decision, &caller, request),
        Request::GetTopicAttributes(request) => topic::get_attributes(decision, &caller, request),
        Request::ListSubscriptions(request) => subscription::list(decision, &caller, request),
        Request::ListSubscriptionsByTopic(request) => subscription::list_by_topic(decision, &caller, request),
        Request::ListTagsForResource(request) => topic_tags::list(decision, &caller, request),
        Request::ListTopics(request) => topic::list(decision, &caller, request),
        Request::PutDataProtectionPolicy(request) => topic::put_data_protection(decision, &caller, request),
        Request::RemoveTopicPermission(request) => topic_permission::remove(decision, &caller, request),
        Request::SetSubscriptionAttributes(request) => {
            subscription::set_attributes(decision, &caller, (request, prepared.filter()))
        }
        Request::SetTopicAttributes(request) => topic::set_attributes(decision, &caller, request),
        Request::Subscribe(request) => subscription::subscribe(decision, &caller, (request, prepared.filter())),
        Request::TagResource(request) => topic_tags::tag(decision, &caller, request),
        Request::Unsubscribe(request) => subscription::unsubscribe(decision, &caller, request),
        Request::UntagResource(request) => topic_tags::untag(decision, &caller, request),
        Request::CheckIfPhoneNumberIsOptedOut(request) => sms::check(decision, &caller, request),
        Request::CreatePlatformApplication(request) => platform::create_application(decision, &caller, request),
        Request::CreatePlatformEndpoint(request) => platform::create_endpoint(decision, &caller, request),
        Request::CreateSMSSandboxPhoneNumber(request) => sms::create_sandbox_number(decision, &caller, request),
        Request::DeleteEndpoint(request) => platform::delete_endpoint(decision, &caller, request),
        Request::DeletePlatformApplication(request) => platform::delete_application(decision, &caller, request),
        Request::DeleteSMSSandboxPhoneNumber(request) => sms::delete_sandbox_number(decision, &caller, request),
        Request::GetEndpointAttributes(request) => platform::get_endpoint(decision, &caller, request),
        Request::GetPlatformApplicationAttributes(request) => platform::get_application(decision, &caller, request),
        Request::GetSMSAttributes(_) => sms::get_attributes(decision, &caller),
        Request::GetSMSSandboxAccountStatus(_) => sms::sandbox_status(decision, &caller),
        Request::ListEndpointsByPlatformApplication(request) => platform::list_endpoints(decision, &caller, request),
        Request::ListOriginationNumbers(_) => sms::origination_numbers(decision, &caller),
        Request::ListPhoneNumbersOptedOut(request) => sms::list(decision, &caller, request),
        Request::ListPlatformApplications(request) => platform::list_applications(decision, &caller, request),
        Request::ListSMSSandboxPhoneNumbers(request) => sms::list_sandbox_numbers(decision, &caller, request),
        Request::OptInPhoneNumber(request) => sms::opt_in(decision, &caller, request),
        Request::SetEndpointAttributes(request) => platform::set_endpoint(decision, &caller, request),
        Request::SetPlatformApplicationAttributes(request) => platform::set_application(decision, &caller, request),
        Request::SetSMSAttributes(request) => sms::set_attributes(decision, &caller, request),
        Request::SmsOptOut(request) => sms::opt_out(decision, &caller, request),
        Request::VerifySMSSandboxPhoneNumber(request) => sms::verify_sandbox_number(decision, &caller, request),
        Request::OpenConsumer(request) => open_consumer::open(decision, &caller, request),
        Request::OpenProducer(request) => open_producer::open(decision, &caller, request),
        Request::PublishMessages(request) => {
            match publish_messages::publish(decision, &caller, token, (request, prepared.events())).transpose() {
                Some(result) => result,
                None => return,
            }
        }
        Request::SendMessages(request) => send_messages::send(decision, &caller, request),
        Request::SettleMessages(request) => settle_messages::settle(decision, &caller, request),
    };
    let (reply, after) = match result {
        Ok(Answered { reply, after }) => (Ok(reply), after),
        Err(fault) => (Err(fault), Position::ZERO),
    };
    decision.answer(token, Outcome::Reply(reply), after);
}
