//! A push target made ready: where its messages go, and by which schedule they are tried again.

use std::sync::Arc;

use lettre::message::Mailbox;
use posthouse_model::delivery_policy::RetrySchedule;
use posthouse_model::notification::{NotificationSource, is_farewell};
use posthouse_model::operation::{PushSource, PushTarget, ReceivedMessage};
use posthouse_model::{
    AccountId, DeliveryPolicy, Endpoint, EndpointAddress, Fault, PhoneNumber, Region, SnsFault, SubscriptionAddress,
    SubscriptionProtocol,
};
use tokio::time::Instant;

use super::email::{Mailer, Parts};
use super::gateway::{Device, Gateway};
use super::http::Client;
use super::outcome::Outcome;
use super::url::Url;
use super::webhook::Webhook;
use super::{Shared, core};

/// A push target made ready.
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
        json: bool,
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

    /// Closes connections that have not been used for long. Says when to ask again, where there are any.
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
                let policy = DeliveryPolicy::parse_subscription(&push.delivery_policy).unwrap_or_default();
                let schedule = match endpoint.protocol() {
                    SubscriptionProtocol::Http | SubscriptionProtocol::Https => policy.retries(),
                    other => RetrySchedule::of(other),
                };
                (*schedule, Route::new(shared, Arc::new(subscription.clone()), endpoint, &policy))
            }
        };
        Self { push, schedule, route }
    }

    /// How failed deliveries are tried again.
    pub(super) const fn schedule(&self) -> &RetrySchedule {
        &self.schedule
    }

    /// The protocol and the endpoint that a message goes to.
    pub(super) fn destination<'a>(&'a self, message: &'a ReceivedMessage) -> (SubscriptionProtocol, String) {
        match (&self.push.source, message.notification.as_deref().map(|notification| &notification.source)) {
            (PushSource::Subscription { endpoint, .. }, _) => (endpoint.protocol(), endpoint.as_str().into()),
            (_, Some(NotificationSource::Endpoint(endpoint))) => {
                (SubscriptionProtocol::Application, endpoint.to_string())
            }
            (_, Some(NotificationSource::PhoneNumber(number))) => (SubscriptionProtocol::Sms, number.to_string()),
            (_, _) => (SubscriptionProtocol::Sms, String::new()),
        }
    }

    /// The protocol of a message, as [`Target::destination`] has it.
    pub(super) fn protocol(&self, message: &ReceivedMessage) -> SubscriptionProtocol {
        match (&self.push.source, message.notification.as_deref().map(|notification| &notification.source)) {
            (PushSource::Subscription { endpoint, .. }, _) => endpoint.protocol(),
            (_, Some(NotificationSource::Endpoint(_))) => SubscriptionProtocol::Application,
            (_, _) => SubscriptionProtocol::Sms,
        }
    }

    /// What logs call the target.
    pub(super) fn name(&self) -> String {
        match &self.push.source {
            PushSource::Subscription { subscription, .. } => subscription.to_string(),
            PushSource::Direct { region, account } => format!("arn:aws:sns:{region}:{account}:direct"),
        }
    }

    /// Delivers one message.
    pub(super) async fn deliver(&self, shared: &Shared, message: &Arc<ReceivedMessage>, deadline: Instant) -> Outcome {
        let ended = message.notification.is_none() && is_farewell(&message.message);
        match &self.route {
            Route::Webhook(webhook) => webhook.deliver(&shared.envelopes, &self.push, ended, message, deadline).await,
            Route::Email { subscription, to, json } => match &shared.mailer {
                Some(mailer) => {
                    let parts = Parts { subscription, target: &self.push, ended, json: *json, message };
                    mailer.deliver(to, parts, &shared.envelopes).await
                }
                None => undeliverable(shared, "no e-mail server is configured"),
            },
            Route::Gateway | Route::Direct => self.hand_over(shared, message, deadline).await,
            Route::Nowhere(reason) => Outcome::never(*reason),
        }
    }

    async fn hand_over(&self, shared: &Shared, message: &ReceivedMessage, deadline: Instant) -> Outcome {
        let (protocol, endpoint) = self.destination(message);
        let Some(gateway) = shared.gateways.of(protocol) else {
            return undeliverable(shared, "no gateway is configured");
        };
        let Some(notification) = message.notification.as_deref() else {
            return Outcome::never("only notifications go through a gateway");
        };
        let device = match protocol {
            SubscriptionProtocol::Application => match device(shared, &endpoint).await {
                Ok(device) => Some(device),
                Err(outcome) => return outcome,
            },
            _ => None,
        };
        let answered = gateway.deliver(protocol, &endpoint, device.as_ref(), message, notification, deadline).await;
        // Where the deadline passes before this is written down, the message is tried again, and the gateway says it
        // again.
        if answered.unreachable {
            self.remember(shared, &endpoint, device.as_ref()).await;
        }
        answered.outcome
    }

    /// Remembers that nothing more is to be sent to a receiver.
    async fn remember(&self, shared: &Shared, endpoint: &str, device: Option<&Device>) {
        if let Some(device) = device {
            core::disable_endpoint(&*shared.core, &device.address).await;
        } else if let Ok(number) = endpoint.parse::<PhoneNumber>() {
            let (region, account) = self.publishers();
            core::opt_out(&*shared.core, region, account, number).await;
        }
    }

    /// The region and the account whose messages the target gets.
    fn publishers(&self) -> (&Region, AccountId) {
        match &self.push.source {
            PushSource::Subscription { subscription, .. } => (&subscription.topic.region, subscription.topic.account),
            PushSource::Direct { region, account } => (region, *account),
        }
    }

    /// Closes connections that have not been used for long. Says when to ask again, where there are any.
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
        use SubscriptionProtocol as Protocol;
        match endpoint.protocol() {
            Protocol::Http | Protocol::Https => {
                let client = Url::parse(endpoint.as_str())
                    .and_then(|url| Client::new(url, Some(Arc::clone(&shared.rules)), shared.client.clone()).ok());
                client.map_or(Self::Nowhere("the endpoint is not a URL that can be asked"), |client| {
                    Self::Webhook(Webhook::new(client, subscription, policy))
                })
            }
            protocol @ (Protocol::Email | Protocol::EmailJson) => match endpoint.as_str().parse() {
                Ok(to) => Self::Email { subscription, to: Box::new(to), json: protocol == Protocol::EmailJson },
                Err(_) => Self::Nowhere("the endpoint is not an e-mail address"),
            },
            Protocol::Application | Protocol::Firehose | Protocol::Lambda | Protocol::Sms => Self::Gateway,
            Protocol::Sqs => Self::Nowhere("queues are not pushed to"),
        }
    }
}

/// The device behind a platform endpoint; without one, what becomes of the attempt.
async fn device(shared: &Shared, endpoint: &str) -> Result<Device, Outcome> {
    let Ok(address) = endpoint.parse::<EndpointAddress>() else {
        return Err(Outcome::never("the endpoint is not a platform endpoint"));
    };
    match core::endpoint_attributes(&*shared.core, &address).await {
        Ok(attributes) if attributes.get(core::ENABLED).is_some_and(|enabled| &**enabled == "false") => {
            Err(Outcome::never("the endpoint is disabled"))
        }
        Ok(attributes) => Ok(Device { address, attributes }),
        Err(Fault::Sns(SnsFault::NotFound(_))) => Err(Outcome::never("the endpoint does not exist")),
        Err(fault) => Err(Outcome::later(fault.to_string())),
    }
}

fn undeliverable(shared: &Shared, reason: &'static str) -> Outcome {
    shared.metrics.undeliverable();
    Outcome::never(reason)
}
