//! The commands of scripts for topics and subscriptions.
//!
//! ```text
//! topic        t SignatureVersion=2     create a topic with attributes; `tag:KEY=VALUE` for tags
//! untopic      t                        delete it
//! topic-set    t DisplayName=x          set an attribute; `DisplayName=` sets it back
//! topic-get    t DisplayName Confirmed  show some attributes and counts
//! topic-tag    t k=v                    and topic-untag, topic-tags
//! topic-allow  t label 111111111111 Publish    and topic-disallow t label
//! topics       after=t                  list them
//! subscribe    t sqs q as=s             subscribe a queue, or `http http://h/` and so on, with attributes
//! confirm      s authenticate=true      with its latest token; `confirm s#1` with its first
//! unsubscribe  s                        which gives it another token
//! sub-set      s RawMessageDelivery=true       and sub-get s NAMES
//! subs         t                        list those of a topic, or without one the caller's own
//! publish      t m1 n=2 kind=a          publish a body with attributes; `group=` and `id=` on FIFO topics
//! opt-out      +15555550100             opts a number out of the caller's account; `opt-in` undoes it
//! messages                              the number of messages in all queues, with internal ones
//! ```

use std::borrow::Cow;

use posthouse_model::endpoint::Endpoint;
use posthouse_model::fault::SnsFault;
use posthouse_model::identity::user_arn;
use posthouse_model::message::{AttributeValue, MessageAttribute};
use posthouse_model::notification::{PublicationDraft, Subject, confirmation, unsubscribe_confirmation};
use posthouse_model::operation::*;
use posthouse_model::topic_attributes::{
    SubscriptionAttribute, SubscriptionAttributeName, TopicAttribute, TopicAttributeName,
};
use posthouse_model::{
    DataProtectionPolicy, DeliveryPolicy, Fault, MessageId, Request, SubscriptionAddress, SubscriptionAttributes,
    SubscriptionId, SubscriptionProtocol, TopicAddress, TopicAttributes,
};

use super::{Interpreter, Words};
use crate::world::{World, region};

/// A subscription with the tokens that its endpoint was sent.
#[derive(Clone, Debug)]
pub(super) struct Known {
    address: SubscriptionAddress,
    tokens: Vec<ConfirmationToken>,
}

impl World {
    /// The topic of a name in the caller's world: `ACCOUNT/NAME` for another account's.
    pub(crate) fn topic(&self, name: &str) -> TopicAddress {
        let (account, name) = name.split_once('/').unwrap_or(("000000000000", name));
        TopicAddress {
            region: region(),
            account: account.parse().expect("an account"),
            name: name.parse().expect("a topic name"),
        }
    }

    /// A request that subscribes, with a token of its own.
    pub(crate) fn subscribing(
        &mut self,
        topic: &str,
        protocol: &str,
        endpoint: &str,
        attributes: Result<SubscriptionAttributes, Fault>,
    ) -> Result<(Subscribe, ConfirmationToken), Fault> {
        let protocol: SubscriptionProtocol = protocol.parse()?;
        let endpoint = match protocol {
            SubscriptionProtocol::Sqs => Endpoint::parse(protocol, &self.address(endpoint).to_string()),
            _ => Endpoint::parse(protocol, endpoint),
        };
        let (id, secret) = (SubscriptionId::from_random(self.fresh_id()), self.fresh_id());
        let token = ConfirmationToken { subscription: id, secret };
        let confirmation =
            protocol.needs_confirmation().then(|| confirmation(MessageId::from_random(self.fresh_id()), &token));
        let topic = self.topic(topic);
        Ok((Subscribe { topic, endpoint, attributes, id, secret, confirmation }, token))
    }
}

impl World {
    /// A request that publishes a body to a topic.
    pub(crate) fn publishing(&mut self, topic: &str, body: &str) -> Publish {
        let target = PublishTarget::Topic(self.topic(topic));
        let publication = PublicationDraft::new(MessageId::from_random(self.fresh_id()), body, target.kind()).seal();
        Publish { target, publication }
    }
}

fn protection(text: &str) -> Result<Option<DataProtectionPolicy>, Fault> {
    DataProtectionPolicy::parse(text).map_err(|rule| SnsFault::invalid("DataProtectionPolicy", rule))
}

/// The attributes of a line: options whose names begin with a capital letter, as AWS's do.
fn pairs<'a>(words: &'a Words<'_>) -> impl Iterator<Item = (&'a str, &'a str)> {
    words.options.iter().copied().filter(|(name, _)| name.starts_with(char::is_uppercase))
}

impl Interpreter {
    /// The request of a line about topics; `None` for other lines.
    pub(super) fn topic_request(&mut self, command: &str, words: &Words<'_>) -> Option<Result<Request, Fault>> {
        let argument = words.plain.get(1).copied().unwrap_or_default();
        Some(match command {
            "topic" => (|| {
                let tags = words.options.iter().filter_map(|(k, v)| Some((k.strip_prefix("tag:")?, *v)));
                Ok(Request::CreateTopic(CreateTopic {
                    name: argument.parse().expect("a name"),
                    attributes: TopicAttributes::parse(pairs(words))?,
                    tags: Tags::parse(tags)?,
                    data_protection: protection(words.option("protection").unwrap_or_default())?,
                }))
            })(),
            "publish" => self.publishing(words),
            "opt-in" => {
                Ok(Request::OptInPhoneNumber(OptInPhoneNumber { phone_number: argument.parse().expect("a number") }))
            }
            "untopic" => Ok(Request::DeleteTopic(DeleteTopic { topic: self.world.topic(argument) })),
            "topic-set" => pairs(words).next().expect("an attribute").0.parse().map(|name: TopicAttributeName| {
                let attribute = TopicAttribute::parse(name, words.option(name.as_str()).unwrap_or_default());
                Request::SetTopicAttributes(SetTopicAttributes { topic: self.world.topic(argument), attribute })
            }),
            "topic-get" => Ok(Request::GetTopicAttributes(GetTopicAttributes { topic: self.world.topic(argument) })),
            "topics" => {
                let after = words.option("after").map(|name| self.world.topic(name));
                Ok(Request::ListTopics(ListTopics { after }))
            }
            "protect" => Ok(Request::PutDataProtectionPolicy(PutDataProtectionPolicy {
                topic: self.world.topic(argument),
                policy: protection(words.plain.get(2).copied().unwrap_or_default()),
            })),
            "protection" => {
                Ok(Request::GetDataProtectionPolicy(GetDataProtectionPolicy { topic: self.world.topic(argument) }))
            }
            "topic-tag" => Tags::parse(words.options.iter().copied())
                .map(|tags| Request::TagResource(TagResource { topic: self.world.topic(argument), tags })),
            "topic-untag" => Ok(Request::UntagResource(UntagResource {
                topic: self.world.topic(argument),
                keys: words.plain[2..].iter().map(|key| (*key).into()).collect(),
            })),
            "topic-tags" => Ok(Request::ListTagsForResource(ListTagsForResource { topic: self.world.topic(argument) })),
            "topic-allow" => Ok(Request::AddTopicPermission(AddTopicPermission {
                topic: self.world.topic(argument),
                label: words.plain[2].into(),
                accounts: vec![words.plain[3].parse().expect("an account")],
                actions: words.plain[4..].iter().map(|action| (*action).into()).collect(),
            })),
            "topic-disallow" => Ok(Request::RemoveTopicPermission(RemoveTopicPermission {
                topic: self.world.topic(argument),
                label: words.plain[2].into(),
            })),
            _ => return self.subscription_request(command, words),
        })
    }

    /// Opts a number out, as push delivery does after a gateway's answer.
    pub(super) fn opt_out(&mut self, number: &str) -> String {
        let account = self.world.account.expect("a caller with an account");
        let phone_number = number.parse().expect("a phone number");
        self.world.as_broker = true;
        let reply = self.world.ask(Request::SmsOptOut(SmsOptOut { region: region(), account, phone_number }));
        self.world.as_broker = false;
        reply.map_or_else(|fault| super::render_fault(&fault), |reply| super::render_reply(&reply))
    }

    fn publishing(&mut self, words: &Words<'_>) -> Result<Request, Fault> {
        let target = PublishTarget::Topic(self.world.topic(words.plain[1]));
        let attributes = words.options.iter().filter(|(name, _)| !matches!(*name, "group" | "id" | "subject"));
        let attributes = attributes.map(|(name, value)| {
            let data_type = if value.parse::<f64>().is_ok() { "Number" } else { "String" };
            let value = AttributeValue::Text((*value).into());
            MessageAttribute { name: (*name).into(), data_type: data_type.into(), value }
        });
        let id = MessageId::from_random(self.world.fresh_id());
        let publication = PublicationDraft {
            subject: words.option("subject").map(Subject::parse).transpose()?,
            attributes: attributes.collect(),
            group: words.option("group"),
            deduplication: words.option("id"),
            ..PublicationDraft::new(id, words.plain[2], target.kind())
        };
        Ok(Request::Publish(Publish { target, publication: publication.seal() }))
    }

    fn subscription_request(&mut self, command: &str, words: &Words<'_>) -> Option<Result<Request, Fault>> {
        let argument = words.plain.get(1).copied().unwrap_or_default();
        Some(match command {
            "subscribe" => (|| {
                let attributes = SubscriptionAttributes::parse(pairs(words));
                let (request, token) = self.world.subscribing(argument, words.plain[2], words.plain[3], attributes)?;
                let address = SubscriptionAddress { topic: request.topic.clone(), id: request.id };
                let name = words.option("as").unwrap_or("s").to_owned();
                // Subscribing again keeps the id, which is in the reply.
                let known = self.subscriptions.entry(name).or_insert_with(|| Known { address, tokens: Vec::new() });
                let subscription = known.address.id;
                known.tokens.push(ConfirmationToken { subscription, ..token });
                Ok(Request::Subscribe(request))
            })(),
            "confirm" => {
                let (name, nth) = argument.split_once('#').unwrap_or((argument, "0"));
                let known = &self.subscriptions[name];
                let token = match nth.parse::<usize>().expect("a number") {
                    0 => *known.tokens.last().expect("it has one"),
                    nth => known.tokens[nth - 1],
                };
                Ok(Request::ConfirmSubscription(ConfirmSubscription {
                    topic: known.address.topic.clone(),
                    token,
                    authenticate_on_unsubscribe: words.option("authenticate") == Some("true"),
                }))
            }
            "unsubscribe" => {
                let secret = self.world.fresh_id();
                let id = MessageId::from_random(self.world.fresh_id());
                let known = self.subscriptions.get_mut(argument).expect("a subscription");
                let token = ConfirmationToken { subscription: known.address.id, secret };
                known.tokens.push(token);
                let confirmation = unsubscribe_confirmation(id, &token);
                let subscription = known.address.clone();
                Ok(Request::Unsubscribe(Unsubscribe { subscription, secret, confirmation }))
            }
            "sub-set" => pairs(words).next().expect("an attribute").0.parse().map(|name: SubscriptionAttributeName| {
                let attribute = SubscriptionAttribute::parse(name, words.option(name.as_str()).unwrap_or_default());
                let subscription = self.subscriptions[argument].address.clone();
                Request::SetSubscriptionAttributes(SetSubscriptionAttributes { subscription, attribute })
            }),
            "sub-get" => Ok(Request::GetSubscriptionAttributes(GetSubscriptionAttributes {
                subscription: self.subscriptions[argument].address.clone(),
            })),
            "subs" if argument.is_empty() => Ok(Request::ListSubscriptions(ListSubscriptions { after: None })),
            "subs" => Ok(Request::ListSubscriptionsByTopic(ListSubscriptionsByTopic {
                topic: self.world.topic(argument),
                after: None,
            })),
            _ => return None,
        })
    }

    /// A reply about topics; `names` are the attributes that a line asks to see.
    pub(super) fn render_topic_reply(&self, reply: &Reply, names: &[&str]) -> Option<String> {
        Some(match reply {
            Reply::Topic(_) | Reply::Subscription(_) | Reply::Published(_) => "ok".into(),
            Reply::Subscribed(subscribed) => if subscribed.pending { "pending" } else { "ok" }.into(),
            Reply::Topics(page) => listed(page.items.iter().map(|topic| topic.name.to_string()), page.next.is_some()),
            Reply::Subscriptions(page) => {
                let items = page.items.iter().map(|item| self.render_summary(item));
                listed(items, page.next.is_some())
            }
            Reply::DataProtectionPolicy(policy) => {
                policy.as_ref().map_or("nothing", DataProtectionPolicy::as_str).to_owned()
            }
            Reply::TopicAttributes(view) => shown(names, |name| match name {
                "Confirmed" => view.confirmed.to_string(),
                "Pending" => view.pending.to_string(),
                "Deleted" => view.deleted.to_string(),
                "Policy" => view.policy.to_string(),
                "EffectiveDeliveryPolicy" => view.effective_delivery_policy.to_topic_json(),
                name => {
                    view.attributes.get(name.parse().expect("an attribute")).map_or_else(|| "-".into(), Cow::into_owned)
                }
            }),
            Reply::SubscriptionAttributes(view) => shown(names, |name| match name {
                "Pending" => view.summary.pending.to_string(),
                "Owner" => view.summary.owner.to_string(),
                "Principal" => user_arn(view.summary.owner, &view.subscriber),
                "Authenticated" => view.confirmation_was_authenticated.to_string(),
                "EffectiveDeliveryPolicy" => {
                    view.effective_delivery_policy.as_ref().map_or_else(|| "-".into(), DeliveryPolicy::to_json)
                }
                name => {
                    view.attributes.get(name.parse().expect("an attribute")).map_or_else(|| "-".into(), Cow::into_owned)
                }
            }),
            _ => return None,
        })
    }

    /// `s` for a subscription that is confirmed, `s?` for one that is not.
    fn render_summary(&self, summary: &SubscriptionSummary) -> String {
        let known = self.subscriptions.iter().find(|(_, known)| known.address == summary.subscription);
        let name = known.map_or("unknown", |(name, _)| name);
        format!("{name}{}", if summary.pending { "?" } else { "" })
    }
}

fn shown(names: &[&str], value: impl Fn(&str) -> String) -> String {
    let values: Vec<String> = names.iter().map(|name| format!("{name}={}", value(name))).collect();
    if values.is_empty() { "ok".into() } else { values.join(" ") }
}

fn listed(items: impl Iterator<Item = String>, more: bool) -> String {
    let mut items: Vec<String> = items.collect();
    items.extend(more.then(|| "more".into()));
    if items.is_empty() { "nothing".into() } else { items.join(" ") }
}
