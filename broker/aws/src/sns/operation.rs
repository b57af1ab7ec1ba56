//! Every action's input and output, one file for each family as in `posthouse_model::operation`; here only what is
//! common to all: the way to the right file, and which actions have an output.

mod platform;
mod publish;
mod sms;
mod subscription;
mod topic;

use posthouse_model::operation::{GetSMSSandboxAccountStatus, ListOriginationNumbers};
use posthouse_model::{DataProtectionPolicy, Reply, Request, SnsAction};

use self::subscription::ArnShown;
use super::context::Context;
use crate::protocol::answer_size::AnswerSize;
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
    action: SnsAction,
    source: Source<'_>,
    context: &mut Context<'_>,
) -> Result<(Request, View), Refusal> {
    let request = match action {
        SnsAction::Subscribe => {
            let (request, shown) = subscription::decode_subscribe(&source.read()?, context)?;
            return Ok((request.into(), View::Subscribe(shown)));
        }
        SnsAction::GetSMSAttributes => {
            let request = sms::decode_get_attributes(&source.read()?);
            let view = View::SmsAttributes(request.names.clone());
            return Ok((request.into(), view));
        }
        SnsAction::Publish => publish::decode(&source.read()?, context)?.into(),
        SnsAction::PublishBatch => publish::decode_batch(source.read()?, context)?.into(),
        SnsAction::AddTopicPermission => topic::decode_add_permission(&source.read()?)?.into(),
        SnsAction::RemoveTopicPermission => topic::decode_remove_permission(&source.read()?)?.into(),
        SnsAction::CreateTopic => topic::decode_create(&source.read()?)?.into(),
        SnsAction::DeleteTopic => topic::decode_delete(&source.read()?)?.into(),
        SnsAction::GetTopicAttributes => topic::decode_get_attributes(&source.read()?)?.into(),
        SnsAction::SetTopicAttributes => topic::decode_set_attributes(&source.read()?)?.into(),
        SnsAction::ListTopics => topic::decode_list(&source.read()?)?.into(),
        SnsAction::GetDataProtectionPolicy => topic::decode_get_data_protection(&source.read()?)?.into(),
        SnsAction::PutDataProtectionPolicy => topic::decode_put_data_protection(&source.read()?)?.into(),
        SnsAction::TagResource => topic::decode_tag(&source.read()?)?.into(),
        SnsAction::UntagResource => topic::decode_untag(&source.read()?)?.into(),
        SnsAction::ListTagsForResource => topic::decode_list_tags(&source.read()?)?.into(),
        SnsAction::ConfirmSubscription => subscription::decode_confirm(&source.read()?)?.into(),
        SnsAction::Unsubscribe => subscription::decode_unsubscribe(&source.read()?, context)?.into(),
        SnsAction::GetSubscriptionAttributes => subscription::decode_get_attributes(&source.read()?)?.into(),
        SnsAction::SetSubscriptionAttributes => subscription::decode_set_attributes(&source.read()?)?.into(),
        SnsAction::ListSubscriptions => subscription::decode_list(&source.read()?)?.into(),
        SnsAction::ListSubscriptionsByTopic => subscription::decode_list_by_topic(&source.read()?)?.into(),
        SnsAction::CreatePlatformApplication => platform::decode_create_application(&source.read()?, context)?.into(),
        SnsAction::DeletePlatformApplication => platform::decode_delete_application(&source.read()?)?.into(),
        SnsAction::GetPlatformApplicationAttributes => platform::decode_get_application(&source.read()?)?.into(),
        SnsAction::SetPlatformApplicationAttributes => platform::decode_set_application(&source.read()?)?.into(),
        SnsAction::ListPlatformApplications => platform::decode_list_applications(&source.read()?)?.into(),
        SnsAction::CreatePlatformEndpoint => platform::decode_create_endpoint(&source.read()?, context)?.into(),
        SnsAction::DeleteEndpoint => platform::decode_delete_endpoint(&source.read()?)?.into(),
        SnsAction::GetEndpointAttributes => platform::decode_get_endpoint(&source.read()?)?.into(),
        SnsAction::SetEndpointAttributes => platform::decode_set_endpoint(&source.read()?)?.into(),
        SnsAction::ListEndpointsByPlatformApplication => platform::decode_list_endpoints(&source.read()?)?.into(),
        SnsAction::CheckIfPhoneNumberIsOptedOut => sms::decode_check_opted_out(&source.read()?)?.into(),
        SnsAction::ListPhoneNumbersOptedOut => sms::decode_list_opted_out(&source.read()?)?.into(),
        SnsAction::OptInPhoneNumber => sms::decode_opt_in(&source.read()?)?.into(),
        SnsAction::SetSMSAttributes => sms::decode_set_attributes(&source.read()?)?.into(),
        SnsAction::CreateSMSSandboxPhoneNumber => sms::decode_create_sandbox(&source.read()?, context)?.into(),
        SnsAction::DeleteSMSSandboxPhoneNumber => sms::decode_delete_sandbox(&source.read()?)?.into(),
        SnsAction::VerifySMSSandboxPhoneNumber => sms::decode_verify_sandbox(&source.read()?)?.into(),
        SnsAction::ListSMSSandboxPhoneNumbers => sms::decode_list_sandbox(&source.read()?)?.into(),
        SnsAction::GetSMSSandboxAccountStatus => {
            source.read::<sms::Nothing>()?;
            GetSMSSandboxAccountStatus.into()
        }
        SnsAction::ListOriginationNumbers => {
            sms::check_origination_numbers(&source.read()?)?;
            ListOriginationNumbers.into()
        }
    };
    Ok((request, View::Plain))
}

/// Whether the service model gives an action an output, be it an empty one.
pub(super) const fn has_output(action: SnsAction) -> bool {
    match action {
        SnsAction::AddTopicPermission
        | SnsAction::DeleteEndpoint
        | SnsAction::DeletePlatformApplication
        | SnsAction::DeleteTopic
        | SnsAction::PutDataProtectionPolicy
        | SnsAction::RemoveTopicPermission
        | SnsAction::SetEndpointAttributes
        | SnsAction::SetPlatformApplicationAttributes
        | SnsAction::SetSubscriptionAttributes
        | SnsAction::SetTopicAttributes
        | SnsAction::Unsubscribe => false,
        SnsAction::CheckIfPhoneNumberIsOptedOut
        | SnsAction::ConfirmSubscription
        | SnsAction::CreatePlatformApplication
        | SnsAction::CreatePlatformEndpoint
        | SnsAction::CreateSMSSandboxPhoneNumber
        | SnsAction::CreateTopic
        | SnsAction::DeleteSMSSandboxPhoneNumber
        | SnsAction::GetDataProtectionPolicy
        | SnsAction::GetEndpointAttributes
        | SnsAction::GetPlatformApplicationAttributes
        | SnsAction::GetSMSAttributes
        | SnsAction::GetSMSSandboxAccountStatus
        | SnsAction::GetSubscriptionAttributes
        | SnsAction::GetTopicAttributes
        | SnsAction::ListEndpointsByPlatformApplication
        | SnsAction::ListOriginationNumbers
        | SnsAction::ListPhoneNumbersOptedOut
        | SnsAction::ListPlatformApplications
        | SnsAction::ListSMSSandboxPhoneNumbers
        | SnsAction::ListSubscriptions
        | SnsAction::ListSubscriptionsByTopic
        | SnsAction::ListTagsForResource
        | SnsAction::ListTopics
        | SnsAction::OptInPhoneNumber
        | SnsAction::Publish
        | SnsAction::PublishBatch
        | SnsAction::SetSMSAttributes
        | SnsAction::Subscribe
        | SnsAction::TagResource
        | SnsAction::UntagResource
        | SnsAction::VerifySMSSandboxPhoneNumber => true,
    }
}

/// How large the answer to an action is.
pub(crate) const fn answer_size(action: SnsAction) -> AnswerSize {
    match action {
        SnsAction::PublishBatch => AnswerSize::Batch,
        SnsAction::GetTopicAttributes => AnswerSize::TopicAttributes,
        SnsAction::GetDataProtectionPolicy => AnswerSize::DataProtection,
        SnsAction::GetSubscriptionAttributes => AnswerSize::SubscriptionAttributes,
        SnsAction::ListSubscriptions | SnsAction::ListSubscriptionsByTopic => AnswerSize::Subscriptions,
        SnsAction::ListEndpointsByPlatformApplication => AnswerSize::Endpoints,
        SnsAction::ListPlatformApplications => AnswerSize::Applications,
        SnsAction::GetEndpointAttributes
        | SnsAction::GetPlatformApplicationAttributes
        | SnsAction::GetSMSAttributes => AnswerSize::PlatformAttributes,
        SnsAction::ListTagsForResource => AnswerSize::Tags,
        SnsAction::ListOriginationNumbers
        | SnsAction::ListPhoneNumbersOptedOut
        | SnsAction::ListSMSSandboxPhoneNumbers
        | SnsAction::ListTopics => AnswerSize::Names,
        SnsAction::AddTopicPermission
        | SnsAction::CheckIfPhoneNumberIsOptedOut
        | SnsAction::ConfirmSubscription
        | SnsAction::CreatePlatformApplication
        | SnsAction::CreatePlatformEndpoint
        | SnsAction::CreateSMSSandboxPhoneNumber
        | SnsAction::CreateTopic
        | SnsAction::DeleteEndpoint
        | SnsAction::DeletePlatformApplication
        | SnsAction::DeleteSMSSandboxPhoneNumber
        | SnsAction::DeleteTopic
        | SnsAction::GetSMSSandboxAccountStatus
        | SnsAction::OptInPhoneNumber
        | SnsAction::Publish
        | SnsAction::PutDataProtectionPolicy
        | SnsAction::RemoveTopicPermission
        | SnsAction::SetEndpointAttributes
        | SnsAction::SetPlatformApplicationAttributes
        | SnsAction::SetSMSAttributes
        | SnsAction::SetSubscriptionAttributes
        | SnsAction::SetTopicAttributes
        | SnsAction::Subscribe
        | SnsAction::TagResource
        | SnsAction::Unsubscribe
        | SnsAction::UntagResource
        | SnsAction::VerifySMSSandboxPhoneNumber => AnswerSize::Small,
    }
}

/// Writes the output of an action.
pub(super) fn encode(writer: &mut Writer, action: SnsAction, reply: &Reply, view: &View) {
    match reply {
        Reply::Done => {}
        Reply::Topic(topic) => writer.text("TopicArn", &topic.to_string()),
        Reply::TopicAttributes(view) => topic::encode_attributes(writer, view),
        Reply::Topics(page) => topic::encode_list(writer, page),
        Reply::DataProtectionPolicy(policy) => {
            writer.optional_text("DataProtectionPolicy", policy.as_ref().map(DataProtectionPolicy::as_str));
        }
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
        Reply::Flag(flag) if action == SnsAction::GetSMSSandboxAccountStatus => writer.flag("IsInSandbox", *flag),
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
        | Reply::DamagedMessages(_)
        | Reply::DroppedMessages(_)
        | Reply::Peeked(_)
        | Reply::Selected(_)
        | Reply::ConsumerOpened(_)
        | Reply::MessagesSent(_)
        | Reply::MessagesSettled(_)
        | Reply::ProducerOpened(_)
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
