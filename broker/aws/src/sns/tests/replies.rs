//! Every reply in both protocols. `replies.txt` has the bytes: the name of the reply, the JSON body, the XML body, an
//! empty line. botocore's parsers read the same values from both bodies.

use posthouse_model::notification::too_long;
use posthouse_model::operation::*;
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    DataProtectionPolicy, DeliveryPolicy, Endpoint, EndpointAttributes, EndpointChanges, MessageId, PhoneNumber,
    SequenceNumber, ShownAttributes, SmsAttributeChanges, SmsAttributes, SubscriptionAddress, SubscriptionAttributes,
    SubscriptionProtocol, TopicAddress, TopicAttributes,
};

use super::requests::parsed;
use super::*;
use crate::aws::tests::replies::{check_replies, encoders};

const REPLIES: &str = include_str!("replies.txt");
const TOKEN: &str = "abababababababababababababababab07070707070707070707070707070707";

fn page<T, K: core::str::FromStr>(items: Vec<T>, next: Option<&str>) -> Page<T, K> {
    Page { items, next: next.map(parsed) }
}

fn platform(pairs: &[(&'static str, &str)]) -> ShownAttributes {
    pairs.iter().map(|(name, value)| (*name, (*value).into())).collect()
}

fn device() -> EndpointAttributes {
    let given = EndpointChanges::parse(Platform::Gcm, [("Token", "t")]).expect("valid");
    EndpointAttributes::new(Platform::Gcm, &given).expect("valid")
}

fn summary(pending: bool) -> SubscriptionSummary {
    SubscriptionSummary {
        subscription: parsed(SUBSCRIPTION),
        pending,
        owner: parsed("123456789012"),
        endpoint: Endpoint::parse(SubscriptionProtocol::Https, "https://example.com/?a=b&c=d").expect("valid"),
    }
}

fn subscription(attributes: &[(&str, &str)], pending: bool) -> Reply {
    Reply::SubscriptionAttributes(Box::new(SubscriptionView {
        summary: summary(pending),
        attributes: SubscriptionAttributes::parse(attributes.iter().copied()).expect("valid"),
        subscriber: "ann".into(),
        confirmation_was_authenticated: !pending,
        effective_delivery_policy: pending.then(DeliveryPolicy::default),
    }))
}

fn topic_view(name: &str, attributes: &[(&str, &str)]) -> Reply {
    Reply::TopicAttributes(Box::new(TopicView {
        topic: TopicAddress { name: parsed(name), ..parsed::<TopicAddress>(TOPIC) },
        attributes: TopicAttributes::parse(attributes.iter().copied()).expect("valid"),
        policy: r#"{"Version":"2008-10-17"}"#.into(),
        effective_delivery_policy: DeliveryPolicy::default(),
        confirmed: 3,
        pending: 2,
        deleted: 1,
    }))
}

/// The members of a JSON request, and the reply to it.
fn cases() -> Vec<(&'static str, &'static str, String, Reply)> {
    let topic_arn = || format!(r#""TopicArn":"{TOPIC}""#);
    let subscription_arn = || format!(r#""SubscriptionArn":"{SUBSCRIPTION}""#);
    let address: SubscriptionAddress = parsed(SUBSCRIPTION);
    let subscribe =
        |more: &str| format!(r#""TopicArn":"{TOPIC}","Protocol":"https","Endpoint":"https://example.com/"{more}"#);
    let subscribed = |pending| Reply::Subscribed(Subscribed { subscription: address.clone(), pending });
    let published = |sequence_number| Published { id: MessageId::from_random([7; 16]), sequence_number };
    let id = |text| BatchEntryId::parse(text).expect("valid");
    let number: PhoneNumber = parsed("+15555550100");
    let two_topics = vec![parsed(TOPIC), parsed(&format!("{TOPIC}.fifo"))];
    let preferences = || {
        let changes = [("DefaultSMSType", "Transactional"), ("MonthlySpendLimit", "1")];
        SmsAttributes::default().with(&SmsAttributeChanges::parse(changes).expect("valid"))
    };
    vec![
        ("done without an output", "DeleteTopic", topic_arn(), Reply::Done),
        ("done with an empty output", "SetSMSAttributes", r#""attributes":{}"#.into(), Reply::Done),
        ("a topic", "CreateTopic", r#""Name":"orders""#.into(), Reply::Topic(parsed(TOPIC))),
        (
            "a topic's attributes",
            "GetTopicAttributes",
            topic_arn(),
            topic_view("orders", &[("DisplayName", "<Orders>"), ("SignatureVersion", "2"), ("Policy", "{}")]),
        ),
        (
            "a FIFO topic's attributes",
            "GetTopicAttributes",
            topic_arn(),
            topic_view("orders.fifo", &[("FifoTopic", "true")]),
        ),
        ("topics", "ListTopics", String::new(), Reply::Topics(page(two_topics, Some(TOPIC)))),
        ("no topics", "ListTopics", String::new(), Reply::Topics(page(vec![], None))),
        (
            "tags",
            "ListTagsForResource",
            format!(r#""ResourceArn":"{TOPIC}""#),
            Reply::Tags(Tags::parse([("<k>", "\"v\""), ("team", "")]).expect("valid")),
        ),
        (
            "a data protection policy",
            "GetDataProtectionPolicy",
            format!(r#""ResourceArn":"{TOPIC}""#),
            Reply::DataProtectionPolicy(DataProtectionPolicy::restore(r#"{"Name":"p"}"#)),
        ),
        (
            "no data protection policy",
            "GetDataProtectionPolicy",
            format!(r#""ResourceArn":"{TOPIC}""#),
            Reply::DataProtectionPolicy(None),
        ),
        ("subscribed", "Subscribe", subscribe(""), subscribed(false)),
        ("a pending subscription", "Subscribe", subscribe(""), subscribed(true)),
        (
            "a pending subscription whose ARN is wanted",
            "Subscribe",
            subscribe(r#","ReturnSubscriptionArn":true"#),
            subscribed(true),
        ),
        (
            "confirmed",
            "ConfirmSubscription",
            format!(r#""TopicArn":"{TOPIC}","Token":"{TOKEN}""#),
            Reply::Subscription(address.clone()),
        ),
        (
            "a subscription's attributes",
            "GetSubscriptionAttributes",
            subscription_arn(),
            subscription(&[("FilterPolicy", r#"{"a":["b"]}"#), ("RawMessageDelivery", "TRUE")], false),
        ),
        (
            "a pending subscription's attributes",
            "GetSubscriptionAttributes",
            subscription_arn(),
            subscription(&[], true),
        ),
        (
            "subscriptions",
            "ListSubscriptions",
            String::new(),
            Reply::Subscriptions(page(vec![summary(false), summary(true)], Some(SUBSCRIPTION))),
        ),
        ("no subscriptions", "ListSubscriptionsByTopic", topic_arn(), Reply::Subscriptions(page(vec![], None))),
        ("published", "Publish", format!(r#"{},"Message":"x""#, topic_arn()), Reply::Published(published(None))),
        (
            "published in order",
            "Publish",
            format!(r#"{},"Message":"x""#, topic_arn()),
            Reply::Published(published(Some(SequenceNumber::in_topic(posthouse_model::MessageKey::new(18))))),
        ),
        (
            "a batch published",
            "PublishBatch",
            format!(r#"{},"PublishBatchRequestEntries":[{{"Id":"a","Message":"x"}}]"#, topic_arn()),
            Reply::PublishedBatch(BatchReply::collect([
                (id("a"), Ok(published(Some(SequenceNumber::in_topic(posthouse_model::MessageKey::new(18)))))),
                (id("b"), Err(too_long())),
                (id("c"), Err(Fault::Internal)),
            ])),
        ),
        (
            "an application",
            "CreatePlatformApplication",
            r#""Name":"my.app","Platform":"GCM","Attributes":{"PlatformCredential":"k"}"#.into(),
            Reply::PlatformApplication(parsed(APPLICATION)),
        ),
        (
            "an application's attributes",
            "GetPlatformApplicationAttributes",
            format!(r#""PlatformApplicationArn":"{APPLICATION}""#),
            Reply::PlatformAttributes(platform(&[("Enabled", "true"), ("EventEndpointCreated", "<arn>")])),
        ),
        (
            "applications",
            "ListPlatformApplications",
            String::new(),
            Reply::PlatformApplications(page(
                vec![PlatformApplicationView {
                    application: parsed(APPLICATION),
                    attributes: platform(&[("Enabled", "true")]),
                }],
                Some(APPLICATION),
            )),
        ),
        (
            "an endpoint",
            "CreatePlatformEndpoint",
            format!(r#""PlatformApplicationArn":"{APPLICATION}","Token":"t""#),
            Reply::Endpoint(parsed(ENDPOINT)),
        ),
        (
            "endpoints",
            "ListEndpointsByPlatformApplication",
            format!(r#""PlatformApplicationArn":"{APPLICATION}""#),
            Reply::Endpoints(page(vec![EndpointView { endpoint: parsed(ENDPOINT), attributes: device() }], None)),
        ),
        ("opted out", "CheckIfPhoneNumberIsOptedOut", format!(r#""phoneNumber":"{number}""#), Reply::Flag(true)),
        ("not in the sandbox", "GetSMSSandboxAccountStatus", String::new(), Reply::Flag(false)),
        (
            "numbers that opted out",
            "ListPhoneNumbersOptedOut",
            String::new(),
            Reply::PhoneNumbers(page(vec![number.clone()], Some("+15555550100"))),
        ),
        (
            "the sandbox",
            "ListSMSSandboxPhoneNumbers",
            String::new(),
            Reply::SandboxNumbers(page(
                vec![
                    SandboxNumber { phone_number: number.clone(), verified: true },
                    SandboxNumber { phone_number: number, verified: false },
                ],
                None,
            )),
        ),
        ("all preferences", "GetSMSAttributes", String::new(), Reply::SmsAttributes(preferences())),
        (
            "some preferences",
            "GetSMSAttributes",
            r#""attributes":["MonthlySpendLimit","DefaultSenderID"]"#.into(),
            Reply::SmsAttributes(preferences()),
        ),
        ("no origination numbers", "ListOriginationNumbers", String::new(), Reply::OriginationNumbers),
    ]
}

#[test]
fn replies_are_these_bytes() {
    let encoded = |(name, action, members, reply): (_, &str, String, _)| {
        (name, encoders(decode_json(action, &format!("{{{members}}}"))), reply)
    };
    check_replies(REPLIES, cases().into_iter().map(encoded).collect());
}
