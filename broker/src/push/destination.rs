//! Where one message goes, typed from its subscription or its notification.

use std::borrow::Cow;

use posthouse_model::{Endpoint, EndpointAddress, PhoneNumber, SubscriptionProtocol};

/// Where one message goes.
#[derive(Clone, Copy)]
pub(super) enum Destination<'a> {
    /// The endpoint of a subscription.
    Subscriber(&'a Endpoint),
    /// A platform endpoint that was published to.
    Device(&'a EndpointAddress),
    /// A phone number that was published to.
    Phone(&'a PhoneNumber),
    /// The message names no target. None that the engine puts into such a queue is like this.
    Missing,
}

impl<'a> Destination<'a> {
    /// The protocol; that of phones where there is no target.
    pub(super) const fn protocol(self) -> SubscriptionProtocol {
        match self {
            Self::Subscriber(endpoint) => endpoint.protocol(),
            Self::Device(_) => SubscriptionProtocol::Application,
            Self::Phone(_) | Self::Missing => SubscriptionProtocol::Sms,
        }
    }

    /// The endpoint as SNS shows it; empty where there is no target.
    pub(super) fn text(self) -> Cow<'a, str> {
        match self {
            Self::Subscriber(endpoint) => endpoint.text(),
            Self::Device(device) => device.to_string().into(),
            Self::Phone(number) => number.as_str().into(),
            Self::Missing => "".into(),
        }
    }

    /// The platform endpoint, where the protocol is `application`.
    pub(super) fn device(self) -> Option<&'a EndpointAddress> {
        match self {
            Self::Subscriber(endpoint) => endpoint.device(),
            Self::Device(device) => Some(device),
            Self::Phone(_) | Self::Missing => None,
        }
    }

    /// The phone number, where the protocol is `sms`.
    pub(super) const fn phone_number(self) -> Option<&'a PhoneNumber> {
        match self {
            Self::Subscriber(endpoint) => endpoint.phone_number(),
            Self::Phone(number) => Some(number),
            Self::Device(_) | Self::Missing => None,
        }
    }
}
