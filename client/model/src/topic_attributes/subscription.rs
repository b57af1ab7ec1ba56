//! Attributes of subscriptions.

use std::borrow::Cow;

use super::value::{AttributeValue, FilterPolicyText, choices};
use crate::delivery_policy::SubscriptionDeliveryPolicy;
use crate::fault::{Fault, Origin, Rule, SnsFault, SubscriptionRule, excerpt};
use crate::json::{Json, Node};
use crate::name::QueueAddress;
use crate::role::RoleArn;

attributes! {
    /// The name of a subscription attribute that can be set.
    name SubscriptionAttributeName;
    /// A subscription attribute and the value that it is set to; `None` sets it back to its default.
    one SubscriptionAttribute;
    /// The attributes that a subscription was given; what is not set has its default.
    all SubscriptionAttributes;
    DeliveryPolicy delivery_policy: Box<SubscriptionDeliveryPolicy>,
    FilterPolicy filter_policy: FilterPolicyText,
    FilterPolicyScope filter_policy_scope: FilterPolicyScope,
    RawMessageDelivery raw_message_delivery: bool,
    RedrivePolicy redrive_policy: Box<SubscriptionRedrivePolicy>,
    SubscriptionRoleArn role: RoleArn,
}

choices! {
    /// Which part of a publication filter policies look at.
    FilterPolicyScope, |value| Rule::FilterPolicyScope { value: excerpt(value).into() }; {
        /// `MessageAttributes`, the default.
        #[default]
        MessageAttributes "MessageAttributes",
        /// `MessageBody`
        MessageBody "MessageBody",
    }
}

/// A `RedrivePolicy` of a subscription: the queue that messages go to that cannot be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionRedrivePolicy {
    /// The document as it was given, which is shown again.
    text: Box<str>,
    target: QueueAddress,
}

impl SubscriptionRedrivePolicy {
    /// `deadLetterTargetArn`
    #[must_use]
    pub const fn target(&self) -> &QueueAddress {
        &self.target
    }

    /// A JSON object with `deadLetterTargetArn` and nothing else.
    fn read(text: &str) -> Result<Self, SubscriptionRule> {
        const TARGET: &str = "deadLetterTargetArn";
        let document = Node::parse(text).map_err(SubscriptionRule::RedriveNotJson)?;
        let Json::Object(members) = document.value else {
            return Err(SubscriptionRule::RedriveNotAnObject);
        };
        if let Some(unknown) = members.iter().find(|member| member.name != TARGET) {
            return Err(SubscriptionRule::RedriveUnknownMember { name: excerpt(&unknown.name).into() });
        }
        let target = members.last().and_then(|member| target(&member.value));
        target.map(|target| Self { text: text.into(), target }).ok_or(SubscriptionRule::RedriveTarget)
    }

    /// A JSON array whose only element is the target.
    fn read_list(text: &str) -> Option<Self> {
        let document = Node::parse(text).ok()?;
        let Json::Array(elements) = &document.value else { return None };
        let [element] = &elements[..] else { return None };
        target(element).map(|target| Self { text: text.into(), target })
    }
}

/// The queue whose ARN a JSON string is.
fn target(node: &Node) -> Option<QueueAddress> {
    match &node.value {
        Json::String(arn) => arn.parse().ok(),
        Json::Object(_) | Json::Array(_) | Json::Number(_) | Json::Bool(_) | Json::Null => None,
    }
}

impl AttributeValue for SubscriptionRedrivePolicy {
    fn parse(text: &str) -> Result<Option<Self>, Rule> {
        if text.is_empty() { Ok(None) } else { Self::read(text).map(Some).map_err(Rule::Subscription) }
    }

    /// An earlier version took a JSON array of the target alone, too.
    fn restore(text: &str) -> Result<Option<Self>, Rule> {
        Self::parse(text).or_else(|refused| Self::read_list(text).map(Some).ok_or(refused))
    }

    fn text(&self) -> Cow<'_, str> {
        (&*self.text).into()
    }
}

impl SubscriptionAttributes {
    /// `RawMessageDelivery`
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.raw_message_delivery.unwrap_or_default()
    }

    /// `FilterPolicy`
    #[must_use]
    pub fn filter_policy(&self) -> Option<&FilterPolicyText> {
        self.filter_policy.as_ref()
    }

    /// `FilterPolicyScope`
    #[must_use]
    pub fn filter_policy_scope(&self) -> FilterPolicyScope {
        self.filter_policy_scope.unwrap_or_default()
    }

    /// `DeliveryPolicy`
    #[must_use]
    pub fn delivery_policy(&self) -> Option<&SubscriptionDeliveryPolicy> {
        self.delivery_policy.as_deref()
    }

    /// `RedrivePolicy`
    #[must_use]
    pub fn redrive_policy(&self) -> Option<&SubscriptionRedrivePolicy> {
        self.redrive_policy.as_deref()
    }

    /// `SubscriptionRoleArn`
    #[must_use]
    pub const fn role(&self) -> Option<&RoleArn> {
        self.role.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscription_attribute_values() {
        for (name, value, valid) in [
            ("RawMessageDelivery", "TRUE", true),
            ("RawMessageDelivery", "1", false),
            ("RawMessageDelivery", "", false),
            ("FilterPolicyScope", "MessageBody", true),
            ("FilterPolicyScope", "Body", false),
            ("SubscriptionRoleArn", "arn:aws:iam::123456789012:role/r", true),
            ("SubscriptionRoleArn", "r", false),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}"#, true),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":"dead"}"#, false),
            ("RedrivePolicy", r#"{"deadLetterTargetArn":null}"#, false),
            (
                "RedrivePolicy",
                r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","more":null}"#,
                false,
            ),
            ("RedrivePolicy", "{}", false),
            ("DeliveryPolicy", "{}", true),
            ("DeliveryPolicy", r#"{"http":{}}"#, false),
            ("Owner", "x", false),
        ] {
            assert_eq!(SubscriptionAttributes::parse([(name, value)]).is_ok(), valid, "{name}={value}");
        }
    }

    #[test]
    fn a_stored_redrive_policy_may_be_a_list_of_its_target() {
        const NAME: &str = "RedrivePolicy";
        let list = r#" ["arn:aws:sqs:us-east-1:000000000000:dead"] "#;
        assert!(SubscriptionAttributes::parse([(NAME, list)]).is_err());
        let stored = SubscriptionAttributes::restore([(NAME, list)]).expect("an earlier version took it");
        let policy = stored.redrive_policy().expect("stored");
        assert_eq!((&*policy.text(), policy.target().name.as_str()), (list, "dead"));
        for never in ["[]", r#"["dead"]"#, r#"[["arn:aws:sqs:us-east-1:000000000000:dead"]]"#, "{}"] {
            assert_eq!(SubscriptionAttributes::restore([(NAME, never)]), None, "{never}");
        }
    }

    #[test]
    fn an_empty_filter_policy_takes_the_policy_away() {
        for none in ["", "{}", " {} "] {
            let mut attributes = SubscriptionAttributes::parse([("FilterPolicy", r#"{"a":["b"]}"#)]).expect("valid");
            let cleared = SubscriptionAttribute::parse(SubscriptionAttributeName::FilterPolicy, none);
            attributes.set(cleared.expect("clears"));
            assert_eq!(attributes, SubscriptionAttributes::default());
        }
    }
}
