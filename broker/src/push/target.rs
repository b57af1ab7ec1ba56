//! A push target, prepared for delivery: its route, and its schedule of retries.

use std::sync::Arc;

use lettre::message::Mailbox;
use posthouse_model::delivery_policy::RetrySchedule;
use posthouse_model::notification::NotificationSource;
use posthouse_model::operation::{PushSource, PushTarget, ReceivedMessage};
use posthouse_model::{
    AccountId, DeliveryPolicy, Endpoint, EndpointAddress, Fault, Region, SnsFault, SubscriptionAddress,
    SubscriptionProtocol,
};
use tokio::time::Instant;

use super::content::{Attempt, Content};
use super::destination::Destination;
use super::email::{EmailFormat, Mailer, Parts};
use super::gateway::{Device, Gateway, Receiver};
use super::http::Client;
use super::outcome::Outcome;
use super::url::Url;
use super::webhook::Webhook;
use super::{Shared, requests};

/// A push target, prepared for delivery.
pub(super) struct Target {
    push: Arc<PushTarget>,
    schedule: RetrySchedule,
    route: Route,
}

/// Where messages go.
enum Route {
    Webhook(Webhook),
    Email {
        subscription: Arc<SubscriptionAddress>,
        to: Box<Mailbox>,
        format: EmailFormat,
    },
    Gateway,
    /// Each message names its phone number or platform endpoint.
    Direct,
    /// Nowhere, for this reason.
    Nowhere(&'static str),
}

/// The gateways that there are.
#[derive(Default)]
pub(super) struct Gateways {
    pub(super) sms: Option<Gateway>,
    pub(super) mobile: Option<Gateway>,
    pub(super) lambda: Option<Gateway>,
    pub(super) firehose: Option<Gateway>,
}

impl Gateways {
    /// The gateway of a protocol that has one.
    pub(super) const fn of(&self, protocol: SubscriptionProtocol) -> Option<&Gateway> {
        match protocol {
            SubscriptionProtocol::Sms => self.sms.as_ref(),
            SubscriptionProtocol::Application => self.mobile.as_ref(),
            SubscriptionProtocol::Lambda => self.lambda.as_ref(),
            SubscriptionProtocol::Firehose => self.firehose.as_ref(),
            _ => None,
        }
    }

    /// Closes idle connections. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self) -> Option<Instant> {
        let all = [&self.sms, &self.mobile, &self.lambda, &self.firehose];
        all.into_iter().flatten().filter_map(Gateway::expire).min()
    }
}

impl Target {
    pub(super) fn new(shared: &Shared, push: Arc<PushTarget>) -> Self {
        let (schedule, route) = match &push.source {
            PushSource::Direct { .. } => (RetrySchedule::PERSONAL, Route::Direct),
            PushSource::Subscription { subscription, endpoint, .. } => {
                let policy = &push.delivery_policy;
                let schedule = match endpoint.protocol() {
                    SubscriptionProtocol::Http | SubscriptionProtocol::Https => policy.retries(),
                    other => RetrySchedule::of(other),
                };
                (*schedule, Route::new(shared, Arc::new(subscription.clone()), endpoint, policy))
            }
        };
        Self { push, schedule, route }
    }

    /// The schedule of retries.
    pub(super) const fn schedule(&self) -> &RetrySchedule {
        &self.schedule
    }

    /// Where a message goes.
    fn destination<'a>(&'a self, message: &'a ReceivedMessage) -> Destination<'a> {
        match (&self.push.source, message.notification.as_deref().map(|notification| &notification.source)) {
            (PushSource::Subscription { endpoint, .. }, _) => Destination::Subscriber(endpoint),
            (PushSource::Direct { .. }, Some(NotificationSource::Endpoint(device))) => Destination::Device(device),
            (PushSource::Direct { .. }, Some(NotificationSource::PhoneNumber(number))) => Destination::Phone(number),
            (PushSource::Direct { .. }, Some(NotificationSource::Subscription(_)) | None) => Destination::Missing,
        }
    }

    /// The protocol of a message.
    pub(super) fn protocol(&self, message: &ReceivedMessage) -> SubscriptionProtocol {
        self.destination(message).protocol()
    }

    /// What logs call the target.
    pub(super) fn name(&self) -> String {
        match &self.push.source {
            PushSource::Subscription { subscription, .. } => subscription.to_string(),
            PushSource::Direct { region, account } => format!("arn:aws:sns:{region}:{account}:direct"),
        }
    }

    /// Delivers one message.
    pub(super) async fn deliver(&self, shared: &Shared, attempt: Attempt<'_>) -> Outcome {
        match &self.route {
            Route::Webhook(webhook) => webhook.deliver(&shared.envelopes, &self.push, attempt).await,
            Route::Email { subscription, to, format } => match &shared.mailer {
                Some(mailer) => {
                    let parts = Parts { subscription, target: &self.push, format: *format, attempt };
                    mailer.deliver(to, parts, &shared.envelopes).await
                }
                None => undeliverable(shared, "no e-mail server is configured"),
            },
            Route::Gateway | Route::Direct => self.hand_over(shared, attempt).await,
            Route::Nowhere(reason) => Outcome::never(*reason),
        }
    }

    async fn hand_over(&self, shared: &Shared, attempt: Attempt<'_>) -> Outcome {
        let destination = self.destination(attempt.message);
        let Some(gateway) = shared.gateways.of(destination.protocol()) else {
            return undeliverable(shared, "no gateway is configured");
        };
        let Content::Notification(notification) = attempt.content else {
            return Outcome::never("only notifications go through a gateway");
        };
        let device = match destination.device() {
            Some(address) => match device(shared, address).await {
                Ok(device) => Some(device),
                Err(outcome) => return outcome,
            },
            None => None,
        };
        let receiver = Receiver { destination, device: device.as_ref() };
        let answered = gateway.deliver(receiver, notification, attempt).await;
        // If the deadline passes before this is recorded, the message is tried again, and the gateway answers so again.
        if answered.unreachable {
            self.remember(shared, destination).await;
        }
        answered.outcome
    }

    /// Records that nothing more may be sent to a receiver: disables the device, or opts the phone number out.
    async fn remember(&self, shared: &Shared, destination: Destination<'_>) {
        if let Some(device) = destination.device() {
            requests::disable_endpoint(&*shared.core, device).await;
        } else if let Some(number) = destination.phone_number() {
            let (region, account) = self.publishers();
            requests::opt_out(&*shared.core, region, account, number.clone()).await;
        }
    }

    /// The region and the account whose messages the target gets.
    fn publishers(&self) -> (&Region, AccountId) {
        match &self.push.source {
            PushSource::Subscription { subscription, .. } => (&subscription.topic.region, subscription.topic.account),
            PushSource::Direct { region, account } => (region, *account),
        }
    }

    /// Closes idle connections. Returns when the next one may be due; `None` without any.
    pub(super) fn expire(&self, shared: &Shared) -> Option<Instant> {
        match &self.route {
            Route::Webhook(webhook) => webhook.expire(),
            Route::Gateway | Route::Direct => shared.gateways.expire(),
            Route::Email { .. } => shared.mailer.as_ref().and_then(Mailer::expire),
            Route::Nowhere(_) => None,
        }
    }
}

impl Route {
    fn new(
        shared: &Shared,
        subscription: Arc<SubscriptionAddress>,
        endpoint: &Endpoint,
        policy: &DeliveryPolicy,
    ) -> Self {
        match endpoint {
            Endpoint::Http(url) | Endpoint::Https(url) => {
                let client = Url::parse(url.as_str())
                    .and_then(|url| Client::new(url, Some(Arc::clone(&shared.rules)), shared.client.clone()).ok());
                client.map_or(Self::Nowhere("the endpoint is not a URL that can be asked"), |client| {
                    Self::Webhook(Webhook::new(client, subscription, policy))
                })
            }
            Endpoint::Email(address) => Self::email(subscription, address.as_str(), EmailFormat::Text),
            Endpoint::EmailJson(address) => Self::email(subscription, address.as_str(), EmailFormat::Json),
            Endpoint::Application(_) | Endpoint::Firehose(_) | Endpoint::Lambda(_) | Endpoint::Sms(_) => Self::Gateway,
            Endpoint::Sqs(_) => Self::Nowhere("queues are not pushed to"),
        }
    }

    fn email(subscription: Arc<SubscriptionAddress>, address: &str, format: EmailFormat) -> Self {
        match address.parse() {
            Ok(to) => Self::Email { subscription, to: Box::new(to), format },
            Err(_) => Self::Nowhere("the endpoint is not an e-mail address"),
        }
    }
}

/// The device behind a platform endpoint.
///
/// # Errors
/// How the attempt ends if there is no such device, or it is disabled.
async fn device(shared: &Shared, address: &EndpointAddress) -> Result<Device, Outcome> {
    match requests::endpoint_attributes(&*shared.core, address).await {
        Ok(attributes) if attributes.is_enabled() => Ok(Device { address: address.clone(), attributes }),
        Ok(_) => Err(Outcome::never("the endpoint is disabled")),
        Err(Fault::Sns(SnsFault::NotFound(_))) => Err(Outcome::never("the endpoint does not exist")),
        Err(fault) => Err(Outcome::later(posthouse_aws::fault_message(&fault))),
    }
}

fn undeliverable(shared: &Shared, reason: &'static str) -> Outcome {
    shared.metrics.undeliverable();
    Outcome::never(reason)
}
