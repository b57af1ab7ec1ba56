//! Deciding requests, one file for each operation or family, as `posthouse_model::operation` has them.
//!
//! A decision reads the state, may refuse with a fault, and otherwise writes down what happens; it changes nothing
//! itself. This file only says who decides what.

mod change_message_visibility;
mod create_queue;
mod delete_message;
mod deliveries;
mod get_queue_attributes;
mod list_queues;
mod message_move_task;
mod page;
mod permission;
mod platform;
mod publish;
mod queue;
mod receive_message;
mod send_message;
mod set_queue_attributes;
mod sms;
pub(crate) mod subscription;
mod tags;
mod topic;
mod topic_permission;
mod topic_tags;

use posthouse_model::operation::Reply;
use posthouse_model::{Call, Fault, Request};

use crate::answer::{Outcome, Token};
use crate::engine::turn::Turn;
use crate::journal::Position;
use crate::prepared::PreparedCall;

/// A reply, and the event that it waits for.
pub(crate) struct Answered {
    reply: Reply,
    after: Position,
}

impl Answered {
    /// A reply that says that something is done, whenever that happened.
    fn done(turn: &Turn<'_>, reply: Reply) -> Self {
        Self { reply, after: turn.end() }
    }
}

type Decision = Result<Answered, Fault>;

/// Decides one request and answers it, unless it is a receive that waits.
pub(crate) fn decide(turn: &mut Turn<'_>, token: Token, call: PreparedCall) {
    let PreparedCall { call: Call { caller, request }, events } = call;
    let decision = match &request {
        Request::AddPermission(request) => permission::add(turn, &caller, request),
        Request::CancelMessageMoveTask(request) => message_move_task::cancel(turn, &caller, request),
        Request::ChangeMessageVisibility(request) => change_message_visibility::one(turn, &caller, request),
        Request::ChangeMessageVisibilityBatch(request) => change_message_visibility::batch(turn, &caller, request),
        Request::CreateQueue(request) => create_queue::create(turn, &caller, request),
        Request::DeleteMessage(request) => delete_message::one(turn, &caller, request),
        Request::DeleteMessageBatch(request) => delete_message::batch(turn, &caller, request),
        Request::DeleteQueue(request) => queue::delete(turn, &caller, request),
        Request::GetQueueAttributes(request) => get_queue_attributes::get(turn, &caller, request),
        Request::GetQueueUrl(request) => queue::get_url(turn, &caller, request),
        Request::ListDeadLetterSourceQueues(request) => list_queues::sources(turn, &caller, request),
        Request::ListMessageMoveTasks(request) => message_move_task::list(turn, &caller, request),
        Request::ListQueueTags(request) => tags::list(turn, &caller, request),
        Request::ListQueues(request) => list_queues::list(turn, &caller, request),
        Request::PurgeQueue(request) => queue::purge(turn, &caller, request),
        Request::ReceiveMessage(request) => {
            return receive_message::receive(turn, &caller, token, request);
        }
        Request::RemovePermission(request) => permission::remove(turn, &caller, request),
        Request::SendMessage(request) => send_message::one(turn, &caller, request),
        Request::SendMessageBatch(request) => send_message::batch(turn, &caller, request),
        Request::SetQueueAttributes(request) => set_queue_attributes::set(turn, &caller, request),
        Request::StartMessageMoveTask(request) => message_move_task::start(turn, &caller, request),
        Request::TagQueue(request) => tags::tag(turn, &caller, request),
        Request::UntagQueue(request) => tags::untag(turn, &caller, request),
        Request::Publish(request) => publish::one(turn, &caller, request, &events),
        Request::PublishBatch(request) => publish::batch(turn, &caller, request, &events),
        Request::SettlePushes(request) => deliveries::settle(turn, &caller, request),
        Request::WatchPushTargets(request) => return deliveries::watch(turn, &caller, token, request),
        Request::AddTopicPermission(request) => topic_permission::add(turn, &caller, request),
        Request::ConfirmSubscription(request) => subscription::confirm(turn, &caller, request),
        Request::CreateTopic(request) => topic::create(turn, &caller, request),
        Request::DeleteTopic(request) => topic::delete(turn, &caller, request),
        Request::GetDataProtectionPolicy(request) => topic::get_data_protection(turn, &caller, request),
        Request::GetSubscriptionAttributes(request) => subscription::get_attributes(turn, &caller, request),
        Request::GetTopicAttributes(request) => topic::get_attributes(turn, &caller, request),
        Request::ListSubscriptions(request) => subscription::list(turn, &caller, request),
        Request::ListSubscriptionsByTopic(request) => subscription::list_by_topic(turn, &caller, request),
        Request::ListTagsForResource(request) => topic_tags::list(turn, &caller, request),
        Request::ListTopics(request) => topic::list(turn, &caller, request),
        Request::PutDataProtectionPolicy(request) => topic::put_data_protection(turn, &caller, request),
        Request::RemoveTopicPermission(request) => topic_permission::remove(turn, &caller, request),
        Request::SetSubscriptionAttributes(request) => subscription::set_attributes(turn, &caller, request),
        Request::SetTopicAttributes(request) => topic::set_attributes(turn, &caller, request),
        Request::Subscribe(request) => subscription::subscribe(turn, &caller, request),
        Request::TagResource(request) => topic_tags::tag(turn, &caller, request),
        Request::Unsubscribe(request) => subscription::unsubscribe(turn, &caller, request),
        Request::UntagResource(request) => topic_tags::untag(turn, &caller, request),
        Request::CheckIfPhoneNumberIsOptedOut(request) => sms::check(turn, &caller, request),
        Request::CreatePlatformApplication(request) => platform::create_application(turn, &caller, request),
        Request::CreatePlatformEndpoint(request) => platform::create_endpoint(turn, &caller, request),
        Request::CreateSMSSandboxPhoneNumber(request) => sms::create_sandbox_number(turn, &caller, request),
        Request::DeleteEndpoint(request) => platform::delete_endpoint(turn, &caller, request),
        Request::DeletePlatformApplication(request) => platform::delete_application(turn, &caller, request),
        Request::DeleteSMSSandboxPhoneNumber(request) => sms::delete_sandbox_number(turn, &caller, request),
        Request::GetEndpointAttributes(request) => platform::get_endpoint(turn, &caller, request),
        Request::GetPlatformApplicationAttributes(request) => platform::get_application(turn, &caller, request),
        Request::GetSMSAttributes(_) => sms::get_attributes(turn, &caller),
        Request::GetSMSSandboxAccountStatus(_) => sms::sandbox_status(turn, &caller),
        Request::ListEndpointsByPlatformApplication(request) => platform::list_endpoints(turn, &caller, request),
        Request::ListOriginationNumbers(_) => sms::origination_numbers(turn, &caller),
        Request::ListPhoneNumbersOptedOut(request) => sms::list(turn, &caller, request),
        Request::ListPlatformApplications(request) => platform::list_applications(turn, &caller, request),
        Request::ListSMSSandboxPhoneNumbers(request) => sms::list_sandbox_numbers(turn, &caller, request),
        Request::OptInPhoneNumber(request) => sms::opt_in(turn, &caller, request),
        Request::SetEndpointAttributes(request) => platform::set_endpoint(turn, &caller, request),
        Request::SetPlatformApplicationAttributes(request) => platform::set_application(turn, &caller, request),
        Request::SetSMSAttributes(request) => sms::set_attributes(turn, &caller, request),
        Request::SmsOptOut(request) => sms::opt_out(turn, &caller, request),
        Request::VerifySMSSandboxPhoneNumber(request) => sms::verify_sandbox_number(turn, &caller, request),
    };
    let (reply, after) = match decision {
        Ok(Answered { reply, after }) => (Ok(reply), after),
        Err(fault) => (Err(fault), Position::ZERO),
    };
    turn.answer(token, Outcome::Reply(reply), after);
}
