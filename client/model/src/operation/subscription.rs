//! Subscriptions: making, confirming, showing and ending them.

use crate::confirmation_token::ConfirmationToken;
use crate::delivery_policy::DeliveryPolicy;
use crate::endpoint::Endpoint;
use crate::fault::Fault;
use crate::message::StoredMessage;
use crate::name::AccountId;
use crate::topic_attributes::{SubscriptionAttribute, SubscriptionAttributes};
use crate::topic_name::{SubscriptionAddress, SubscriptionId, TopicAddress};

/// Subscribes an endpoint to a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `Protocol` and `Endpoint`. An endpoint that is not well formed is refused once the topic is found.
    pub endpoint: Result<Endpoint, Fault>,
    /// `Attributes`. Those that are not valid are refused once the topic is found.
    pub attributes: Result<SubscriptionAttributes, Fault>,
    /// The id that a new subscription will have.
    pub id: SubscriptionId,
    /// The secret of its confirmation token.
    pub secret: [u8; 16],
    /// What its endpoint is asked to confirm with, where the protocol needs that: a message whose body is the token
    /// ([`crate::notification::confirmation`]). The engine puts it into the subscription's queue.
    pub confirmation: Option<StoredMessage>,
}

/// Confirms a subscription: the one that the token names.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfirmSubscription {
    /// `TopicArn`, of which only the region counts.
    pub topic: TopicAddress,
    /// `Token`
    pub token: ConfirmationToken,
    /// `AuthenticateOnUnsubscribe`: whether only the owner may unsubscribe.
    pub authenticate_on_unsubscribe: bool,
}

/// Ends a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsubscribe {
    /// `SubscriptionArn`
    pub subscription: SubscriptionAddress,
    /// The secret of the token with which the endpoint may subscribe again.
    pub secret: [u8; 16],
    /// The message that the endpoint receives, with that token as its body ([`crate::notification::unsubscribe_confirmation`]).
    pub confirmation: StoredMessage,
}

/// Shows a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct GetSubscriptionAttributes {
    /// `SubscriptionArn`
    pub subscription: SubscriptionAddress,
}

/// Sets one attribute of a subscription.
#[derive(Clone, Debug, PartialEq)]
pub struct SetSubscriptionAttributes {
    /// `SubscriptionArn`
    pub subscription: SubscriptionAddress,
    /// `AttributeName` and `AttributeValue`, or what is wrong with the value. The engine returns that fault once it has
    /// found the subscription.
    pub attribute: Result<SubscriptionAttribute, Fault>,
}

/// Lists the subscriptions of the caller's account in its region.
#[derive(Clone, Debug, PartialEq)]
pub struct ListSubscriptions {
    /// `NextToken`: the subscription that the page before ended with.
    pub after: Option<SubscriptionAddress>,
}

/// Lists the subscriptions of a topic.
#[derive(Clone, Debug, PartialEq)]
pub struct ListSubscriptionsByTopic {
    /// `TopicArn`
    pub topic: TopicAddress,
    /// `NextToken`: the subscription that the page before ended with.
    pub after: Option<SubscriptionAddress>,
}

/// The answer to `Subscribe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The subscription, new or found.
    pub subscription: SubscriptionAddress,
    /// Whether it still waits for its confirmation.
    pub pending: bool,
}

/// A subscription as listings show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSummary {
    /// `SubscriptionArn` and `TopicArn`.
    pub subscription: SubscriptionAddress,
    /// Whether it still waits: then `SubscriptionArn` is `PendingConfirmation`.
    pub pending: bool,
    /// `Owner`
    pub owner: AccountId,
    /// `Protocol` and `Endpoint`
    pub endpoint: Endpoint,
}

/// A subscription as `GetSubscriptionAttributes` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct SubscriptionView {
    /// What listings show, too; `PendingConfirmation` is among it.
    pub summary: SubscriptionSummary,
    /// What it was given.
    pub attributes: SubscriptionAttributes,
    /// `SubscriptionPrincipal`: the name of the owner's user that subscribed, or [`crate::ROOT_USER`] for the account itself.
    pub subscriber: Box<str>,
    /// `ConfirmationWasAuthenticated`
    pub confirmation_was_authenticated: bool,
    /// `EffectiveDeliveryPolicy`, of an HTTP(S) subscription.
    pub effective_delivery_policy: Option<DeliveryPolicy>,
}
