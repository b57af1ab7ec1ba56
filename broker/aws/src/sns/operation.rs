//! Every action's input and output, one file for each family as in `posthouse_model::operation`; here only what is
//! common to all: the way to the right file, and which actions have an output.

mod platform;
mod publish;
mod sms;
mod subscription;
mod topic;

use posthouse_model::operation::{GetSMSSandboxAccountStatus, ListOriginationNumbers};
use posthouse_model::{Action, Reply, Request};

use self::subscription::ArnShown;
use super::context::Context;
use crate::protocol::fault::ProtocolFault;
use crate::protocol::input::Source;
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, SMALL_REPLY_BYTES, Writer};

/// Attributes of topics, subscriptions, platform applications and endpoints.
const ATTRIBUTES: Plural = Plural("Attributes", "entry");
/// About how long an item of a listing is.
const ITEM_BYTES: usize = 256;

/// What an answer shows depends on more than the reply: what the encoder keeps of the request.
#[derive(Clone, Debug)]
pub(crate) enum View {
    /// Nothing more.
    Plain,
    /// `ReturnSubscriptionArn`
    Subscribe(ArnShown),
    /// Which SMS preferences to show; empty for all.
    SmsAttributes(Vec<Box<str>>),
}

/// Reads the input of an action.
pub(super) fn decode(
    action: Action,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    let request = match action {
        Action::Subscribe => {
            let (request, shown) = subscription::decode_subscribe(&source.read()?, context)?;
            return Ok((Request::Subscribe(request), View::Subscribe(shown)));
        }
        Action::GetSMSAttributes => {
            let request = sms::decode_get_attributes(&source.read()?);
            let view = View::SmsAttributes(request.names.clone());
            return Ok((Request::GetSMSAttributes(request), view));
        }
        Action::Publish => Request::Publish(publish::decode(&source.read()?, context)?),
        Action::PublishBatch => Request::PublishBatch(publish::decode_batch(source.read()?, context)?),
        Action::AddTopicPermission => Request::AddTopicPermission(topic::decode_add_permission(&source.read()?)?),
        Action::RemoveTopicPermission => {
            Request::RemoveTopicPermission(topic::decode_remove_permission(&source.read()?)?)
        }
        Action::CreateTopic => Request::CreateTopic(topic::decode_create(&source.read()?)?),
        Action::DeleteTopic => Request::DeleteTopic(topic::decode_delete(&source.read()?)?),
        Action::GetTopicAttributes => Request::GetTopicAttributes(topic::decode_get_attributes(&source.read()?)?),
        Action::SetTopicAttributes => Request::SetTopicAttributes(topic::decode_set_attributes(&source.read()?)?),
        Action::ListTopics => Request::ListTopics(topic::decode_list(&source.read()?)?),
        Action::GetDataProtectionPolicy => {
            Request::GetDataProtectionPolicy(topic::decode_get_data_protection(&source.read()?)?)
        }
        Action::PutDataProtectionPolicy => {
            Request::PutDataProtectionPolicy(topic::decode_put_data_protection(&source.read()?)?)
        }
        Action::TagResource => Request::TagResource(topic::decode_tag(&source.read()?)?),
        Action::UntagResource => Request::UntagResource(topic::decode_untag(&source.read()?)?),
        Action::ListTagsForResource => Request::ListTagsForResource(topic::decode_list_tags(&source.read()?)?),
        Action::ConfirmSubscription => Request::ConfirmSubscription(subscription::decode_confirm(&source.read()?)?),
        Action::Unsubscribe => Request::Unsubscribe(subscription::decode_unsubscribe(&source.read()?, context)?),
        Action::GetSubscriptionAttributes => {
            Request::GetSubscriptionAttributes(subscription::decode_get_attributes(&source.read()?)?)
        }
        Action::SetSubscriptionAttributes => {
            Request::SetSubscriptionAttributes(subscription::decode_set_attributes(&source.read()?)?)
        }
        Action::ListSubscriptions => Request::ListSubscriptions(subscription::decode_list(&source.read()?)?),
        Action::ListSubscriptionsByTopic => {
            Request::ListSubscriptionsByTopic(subscription::decode_list_by_topic(&source.read()?)?)
        }
        action => return decode_mobile(action, source, context).map(|request| (request, View::Plain)),
    };
    Ok((request, View::Plain))
}

/// Platform applications, their endpoints, and SMS.
fn decode_mobile(action: Action, source: Source<'_>, context: &mut Context<'_>) -> Result<Request, Refusal> {
    Ok(match action {
        Action::CreatePlatformApplication => {
            Request::CreatePlatformApplication(platform::decode_create_application(&source.read()?, context)?)
        }
        Action::DeletePlatformApplication => {
            Request::DeletePlatformApplication(platform::decode_delete_application(&source.read()?)?)
        }
        Action::GetPlatformApplicationAttributes => {
            Request::GetPlatformApplicationAttributes(platform::decode_get_application(&source.read()?)?)
        }
        Action::SetPlatformApplicationAttributes => {
            Request::SetPlatformApplicationAttributes(platform::decode_set_application(&source.read()?)?)
        }
        Action::ListPlatformApplications => {
            Request::ListPlatformApplications(platform::decode_list_applications(&source.read()?)?)
        }
        Action::CreatePlatformEndpoint => {
            Request::CreatePlatformEndpoint(platform::decode_create_endpoint(&source.read()?, context)?)
        }
        Action::DeleteEndpoint => Request::DeleteEndpoint(platform::decode_delete_endpoint(&source.read()?)?),
        Action::GetEndpointAttributes => {
            Request::GetEndpointAttributes(platform::decode_get_endpoint(&source.read()?)?)
        }
        Action::SetEndpointAttributes => {
            Request::SetEndpointAttributes(platform::decode_set_endpoint(&source.read()?)?)
        }
        Action::ListEndpointsByPlatformApplication => {
            Request::ListEndpointsByPlatformApplication(platform::decode_list_endpoints(&source.read()?)?)
        }
        Action::CheckIfPhoneNumberIsOptedOut => {
            Request::CheckIfPhoneNumberIsOptedOut(sms::decode_check_opted_out(&source.read()?)?)
        }
        Action::ListPhoneNumbersOptedOut => {
            Request::ListPhoneNumbersOptedOut(sms::decode_list_opted_out(&source.read()?)?)
        }
        Action::OptInPhoneNumber => Request::OptInPhoneNumber(sms::decode_opt_in(&source.read()?)?),
        Action::SetSMSAttributes => Request::SetSMSAttributes(sms::decode_set_attributes(&source.read()?)?),
        Action::CreateSMSSandboxPhoneNumber => {
            Request::CreateSMSSandboxPhoneNumber(sms::decode_create_sandbox(&source.read()?, context)?)
        }
        Action::DeleteSMSSandboxPhoneNumber => {
            Request::DeleteSMSSandboxPhoneNumber(sms::decode_delete_sandbox(&source.read()?)?)
        }
        Action::VerifySMSSandboxPhoneNumber => {
            Request::VerifySMSSandboxPhoneNumber(sms::decode_verify_sandbox(&source.read()?)?)
        }
        Action::ListSMSSandboxPhoneNumbers => {
            Request::ListSMSSandboxPhoneNumbers(sms::decode_list_sandbox(&source.read()?)?)
        }
        Action::GetSMSSandboxAccountStatus => {
            source.read::<sms::Nothing>()?;
            Request::GetSMSSandboxAccountStatus(GetSMSSandboxAccountStatus)
        }
        Action::ListOriginationNumbers => {
            sms::check_origination_numbers(&source.read()?)?;
            Request::ListOriginationNumbers(ListOriginationNumbers)
        }
        // Those of other services.
        _ => return Err(ProtocolFault::UnknownOperation.into()),
    })
}

/// Whether the service model gives an action an output, be it an empty one.
pub(super) const fn has_output(action: Action) -> bool {
    !matches!(
        action,
        Action::AddTopicPermission
            | Action::DeleteEndpoint
            | Action::DeletePlatformApplication
            | Action::DeleteTopic
            | Action::PutDataProtectionPolicy
            | Action::RemoveTopicPermission
            | Action::SetEndpointAttributes
            | Action::SetPlatformApplicationAttributes
            | Action::SetSubscriptionAttributes
            | Action::SetTopicAttributes
            | Action::Unsubscribe
    )
}

/// Writes the output of an action.
pub(super) fn encode(writer: &mut Writer, action: Action, reply: &Reply, view: &View) {
    match reply {
        Reply::Done => {}
        Reply::Topic(topic) => writer.text("TopicArn", &topic.to_string()),
        Reply::TopicAttributes(view) => topic::encode_attributes(writer, view),
        Reply::Topics(page) => topic::encode_list(writer, page),
        Reply::DataProtectionPolicy(policy) => writer.optional_text("DataProtectionPolicy", policy.as_deref()),
        Reply::Tags(tags) => topic::encode_tags(writer, tags),
        Reply::Subscribed(subscribed) => {
            let shown = if let View::Subscribe(shown) = view { *shown } else { ArnShown::OnceConfirmed };
            subscription::encode_subscribed(writer, subscribed, shown);
        }
        Reply::Subscription(subscription) => writer.text("SubscriptionArn", &subscription.to_string()),
        Reply::SubscriptionAttributes(view) => subscription::encode_attributes(writer, view),
        Reply::Subscriptions(page) => subscription::encode_list(writer, page),
        Reply::Published(published) => publish::encode(writer, published),
        Reply::PublishedBatch(reply) => publish::encode_batch(writer, reply),
        Reply::PlatformApplication(application) => {
            writer.text("PlatformApplicationArn", &application.to_string());
        }
        Reply::PlatformApplications(page) => platform::encode_applications(writer, page),
        Reply::PlatformAttributes(attributes) => platform::encode_attributes(writer, attributes),
        Reply::EndpointAttributes(attributes) => platform::encode_attributes(writer, &attributes.shown()),
        Reply::Endpoint(endpoint) => writer.text("EndpointArn", &endpoint.to_string()),
        Reply::Endpoints(page) => platform::encode_endpoints(writer, page),
        Reply::Flag(flag) if action == Action::GetSMSSandboxAccountStatus => writer.flag("IsInSandbox", *flag),
        Reply::Flag(flag) => writer.flag("isOptedOut", *flag),
        Reply::PhoneNumbers(page) => sms::encode_opted_out(writer, page),
        Reply::SandboxNumbers(page) => sms::encode_sandbox(writer, page),
        Reply::SmsAttributes(attributes) => {
            let names = if let View::SmsAttributes(names) = view { &names[..] } else { &[] };
            sms::encode_attributes(writer, attributes, names);
        }
        Reply::OriginationNumbers => writer.texts(Plural("PhoneNumbers", "member"), [""; 0]),
        // The replies of the other services' operations. They are named, so that a new reply does not compile without a
        // decision here.
        Reply::Attributes(_)
        | Reply::Batch(_)
        | Reply::CancelMessageMoveTask(_)
        | Reply::MoveTasks(_)
        | Reply::PushChanges(_)
        | Reply::Queue(_)
        | Reply::Queues(_)
        | Reply::ReceiveMessage(_)
        | Reply::SendMessage(_)
        | Reply::SendMessageBatch(_)
        | Reply::StartMessageMoveTask(_) => unreachable!("no operation of SNS has this reply: {reply:?}"),
    }
}

/// About how long the output is.
pub(crate) fn size_guess_bytes(reply: &Reply) -> usize {
    let items = match reply {
        Reply::Topics(page) => page.items.len(),
        Reply::Subscriptions(page) => 2 * page.items.len(),
        Reply::TopicAttributes(_) | Reply::SubscriptionAttributes(_) => 12,
        _ => 0,
    };
    SMALL_REPLY_BYTES + items * ITEM_BYTES
}
