//! Every action as botocore (1.44) writes it, in Query and in the JSON that its JSON serializer makes from the same
//! model. Both decode to the same request. `requests.txt` has the bytes: action, JSON body, form.

use posthouse_model::message::{AttributeValue, MessageAttribute};
use posthouse_model::notification::{
    PublicationDraft, PublicationKind, Subject, confirmation, unsubscribe_confirmation,
};
use posthouse_model::operation::*;
use posthouse_model::topic_attributes::{
    SubscriptionAttribute, SubscriptionAttributeName, TopicAttribute, TopicAttributeName,
};
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    ApplicationAttributes, ApplicationChanges, DataProtectionPolicy, Endpoint, EndpointChanges, EndpointId, Identity,
    MessageId, OneTimePassword, PageSize, Request, SmsAttributeChanges, SubscriptionAttributes, SubscriptionId,
    SubscriptionProtocol, TopicAddress, TopicAttributes,
};

use super::*;

const REQUESTS: &str = include_str!("requests.txt");
const NUMBER: &str = "+15555550100";

pub(super) fn parsed<T: core::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("valid")
}

fn tags() -> Tags {
    Tags::parse([("team", "a&b"), ("empty", "")]).expect("valid")
}

fn draft(id: u8, message: &str, kind: PublicationKind) -> PublicationDraft<'_> {
    PublicationDraft::new(MessageId::from_random([id; 16]), message, kind)
}

fn subject(text: &str) -> Option<Subject<'_>> {
    Some(Subject::parse(text).expect("valid"))
}

fn attribute<'a>(name: &'a str, data_type: &'a str, value: AttributeValue<'a>) -> MessageAttribute<'a> {
    MessageAttribute { name: name.into(), data_type: data_type.into(), value }
}

fn publish() -> Request {
    let attributes = vec![
        attribute("n", "Number", AttributeValue::Text("42".into())),
        attribute("b", "Binary", AttributeValue::Binary(b"\xff\xfe".into())),
        attribute("l", "String.Array", AttributeValue::Text(r#"["x",1,null]"#.into())),
    ];
    let draft = PublicationDraft {
        subject: subject("Greetings"),
        attributes,
        group: Some("g"),
        ..draft(1, "hi & \"bye\"\nü", PublicationKind::StandardTopic)
    };
    Request::Publish(Publish { target: PublishTarget::Topic(parsed(TOPIC)), publication: draft.seal() })
}

fn publish_batch() -> Request {
    const FIFO: PublicationKind = PublicationKind::FifoTopic;
    let topic: TopicAddress = parsed(&format!("{TOPIC}.fifo"));
    let first = PublicationDraft { group: Some("g"), ..draft(1, "one", FIFO) };
    let second = PublicationDraft { group: Some("g"), ..draft(2, "two", FIFO) };
    let third = PublicationDraft {
        structure: Some("json"),
        subject: subject("S"),
        group: Some("g"),
        deduplication: Some("d"),
        attributes: vec![attribute("x", "String", AttributeValue::Text("y".into()))],
        ..draft(3, r#"{"default":"three","sqs":"3"}"#, FIFO)
    };
    let entry =
        |draft: PublicationDraft<'_>, refused| PublishEntry { publication: draft.seal().expect("valid"), refused };
    // What is wrong with the subject of the second is known, and it is without one.
    let entries =
        [("a", entry(first, None)), ("b", entry(second, Subject::parse("\n").err())), ("c", entry(third, None))];
    let entries = Batch::new(Action::PublishBatch, entries.into());
    Request::PublishBatch(PublishBatch { topic, entries: Ok(entries.expect("valid")) })
}

fn subscribe() -> Request {
    let attributes = [("RawMessageDelivery", "true"), ("FilterPolicy", r#"{"a":["b"]}"#)];
    let token = ConfirmationToken { subscription: SubscriptionId::from_random([1; 16]), secret: [2; 16] };
    Request::Subscribe(Subscribe {
        topic: parsed(TOPIC),
        endpoint: Endpoint::parse(SubscriptionProtocol::Https, "https://example.com/hook?a=b&c=d"),
        attributes: SubscriptionAttributes::parse(attributes),
        id: token.subscription,
        secret: token.secret,
        confirmation: Some(confirmation(MessageId::from_random([3; 16]), &token)),
    })
}

fn unsubscribe() -> Request {
    let token = ConfirmationToken { subscription: SubscriptionId::from_random([1; 16]), secret: [1; 16] };
    Request::Unsubscribe(Unsubscribe {
        subscription: parsed(SUBSCRIPTION),
        secret: token.secret,
        confirmation: unsubscribe_confirmation(MessageId::from_random([2; 16]), &token),
    })
}

/// The request that each action's bytes decode to.
fn expected(action: Action) -> Request {
    let topic: TopicAddress = parsed(TOPIC);
    match action {
        Action::AddTopicPermission => Request::AddTopicPermission(AddTopicPermission {
            topic,
            label: "alice".into(),
            accounts: vec![parsed("111111111111"), parsed("222222222222")],
            actions: vec!["Publish".into(), "Subscribe".into()],
        }),
        Action::ConfirmSubscription => Request::ConfirmSubscription(ConfirmSubscription {
            topic,
            token: ConfirmationToken { subscription: SubscriptionId::from_bytes([0xab; 16]), secret: [7; 16] },
            authenticate_on_unsubscribe: true,
        }),
        Action::CreateTopic => Request::CreateTopic(CreateTopic {
            name: topic.name,
            attributes: TopicAttributes::parse([("DisplayName", "Orders"), ("SignatureVersion", "2")]).expect("valid"),
            tags: tags(),
            data_protection: DataProtectionPolicy::restore(r#"{"Name":"p"}"#),
        }),
        Action::DeleteTopic => Request::DeleteTopic(DeleteTopic { topic }),
        Action::GetDataProtectionPolicy => Request::GetDataProtectionPolicy(GetDataProtectionPolicy { topic }),
        Action::GetSubscriptionAttributes => {
            Request::GetSubscriptionAttributes(GetSubscriptionAttributes { subscription: parsed(SUBSCRIPTION) })
        }
        Action::GetTopicAttributes => Request::GetTopicAttributes(GetTopicAttributes { topic }),
        Action::ListSubscriptions => {
            Request::ListSubscriptions(ListSubscriptions { after: Some(parsed(SUBSCRIPTION)) })
        }
        Action::ListSubscriptionsByTopic => {
            Request::ListSubscriptionsByTopic(ListSubscriptionsByTopic { topic, after: Some(parsed(SUBSCRIPTION)) })
        }
        Action::ListTagsForResource => Request::ListTagsForResource(ListTagsForResource { topic }),
        Action::ListTopics => Request::ListTopics(ListTopics { after: Some(topic) }),
        Action::Publish => publish(),
        Action::PublishBatch => publish_batch(),
        Action::PutDataProtectionPolicy => Request::PutDataProtectionPolicy(PutDataProtectionPolicy {
            topic,
            policy: Ok(DataProtectionPolicy::restore(r#"{"Name":"p"}"#)),
        }),
        Action::RemoveTopicPermission => {
            Request::RemoveTopicPermission(RemoveTopicPermission { topic, label: "alice".into() })
        }
        Action::SetSubscriptionAttributes => Request::SetSubscriptionAttributes(SetSubscriptionAttributes {
            subscription: parsed(SUBSCRIPTION),
            attribute: SubscriptionAttribute::parse(SubscriptionAttributeName::FilterPolicy, r#"{"a":["b"]}"#),
        }),
        Action::SetTopicAttributes => Request::SetTopicAttributes(SetTopicAttributes {
            topic,
            attribute: TopicAttribute::parse(TopicAttributeName::DisplayName, "New & shiny"),
        }),
        Action::Subscribe => subscribe(),
        Action::TagResource => Request::TagResource(TagResource { topic, tags: tags() }),
        Action::Unsubscribe => unsubscribe(),
        Action::UntagResource => {
            Request::UntagResource(UntagResource { topic, keys: ["team".into(), "empty".into()].into() })
        }
        mobile => expected_of_mobile(mobile),
    }
}

fn expected_of_mobile(action: Action) -> Request {
    let application = || parsed(APPLICATION);
    let application_changes = |pairs: &[(&str, &str)]| ApplicationChanges::parse(Platform::Gcm, pairs.iter().copied());
    let endpoint_changes = |pairs: &[(&str, &str)]| EndpointChanges::parse(Platform::Gcm, pairs.iter().copied());
    let password = OneTimePassword::from_random([1; 16]);
    match action {
        Action::CheckIfPhoneNumberIsOptedOut => {
            Request::CheckIfPhoneNumberIsOptedOut(CheckIfPhoneNumberIsOptedOut { phone_number: parsed(NUMBER) })
        }
        Action::CreatePlatformApplication => Request::CreatePlatformApplication(CreatePlatformApplication {
            application: application(),
            attributes: ApplicationAttributes::new(
                Platform::Gcm,
                &application_changes(&[("PlatformCredential", "secret&"), ("EventEndpointCreated", TOPIC)])
                    .expect("valid"),
            )
            .expect("valid"),
        }),
        Action::CreatePlatformEndpoint => Request::CreatePlatformEndpoint(CreatePlatformEndpoint {
            application: application(),
            id: EndpointId::from_random([1; 16]),
            attributes: endpoint_changes(&[("Token", "device"), ("CustomUserData", "data"), ("Enabled", "true")]),
        }),
        Action::CreateSMSSandboxPhoneNumber => Request::CreateSMSSandboxPhoneNumber(CreateSMSSandboxPhoneNumber {
            phone_number: parsed(NUMBER),
            message: draft(
                2,
                &format!("Your verification code is {}", password.as_str()),
                PublicationKind::PhoneNumber,
            )
            .seal()
            .expect("valid"),
            password,
        }),
        Action::DeleteEndpoint => Request::DeleteEndpoint(DeleteEndpoint { endpoint: parsed(ENDPOINT) }),
        Action::DeletePlatformApplication => {
            Request::DeletePlatformApplication(DeletePlatformApplication { application: application() })
        }
        Action::DeleteSMSSandboxPhoneNumber => {
            Request::DeleteSMSSandboxPhoneNumber(DeleteSMSSandboxPhoneNumber { phone_number: parsed(NUMBER) })
        }
        Action::GetEndpointAttributes => {
            Request::GetEndpointAttributes(GetEndpointAttributes { endpoint: parsed(ENDPOINT) })
        }
        Action::GetPlatformApplicationAttributes => {
            Request::GetPlatformApplicationAttributes(GetPlatformApplicationAttributes { application: application() })
        }
        Action::GetSMSAttributes => Request::GetSMSAttributes(GetSMSAttributes {
            names: vec!["DefaultSMSType".into(), "DefaultSenderID".into()],
        }),
        Action::GetSMSSandboxAccountStatus => Request::GetSMSSandboxAccountStatus(GetSMSSandboxAccountStatus),
        Action::ListEndpointsByPlatformApplication => {
            Request::ListEndpointsByPlatformApplication(ListEndpointsByPlatformApplication {
                application: application(),
                after: Some(parsed(ENDPOINT)),
            })
        }
        Action::ListOriginationNumbers => Request::ListOriginationNumbers(ListOriginationNumbers),
        Action::ListPhoneNumbersOptedOut => {
            Request::ListPhoneNumbersOptedOut(ListPhoneNumbersOptedOut { after: Some(parsed(NUMBER)) })
        }
        Action::ListPlatformApplications => {
            Request::ListPlatformApplications(ListPlatformApplications { after: Some(application()) })
        }
        Action::ListSMSSandboxPhoneNumbers => Request::ListSMSSandboxPhoneNumbers(ListSMSSandboxPhoneNumbers {
            after: Some(parsed(NUMBER)),
            results_max: PageSize::new(7).expect("in range"),
        }),
        Action::OptInPhoneNumber => Request::OptInPhoneNumber(OptInPhoneNumber { phone_number: parsed(NUMBER) }),
        Action::SetEndpointAttributes => Request::SetEndpointAttributes(SetEndpointAttributes {
            endpoint: parsed(ENDPOINT),
            changes: endpoint_changes(&[("Enabled", "false"), ("Token", "other")]),
        }),
        Action::SetPlatformApplicationAttributes => {
            Request::SetPlatformApplicationAttributes(SetPlatformApplicationAttributes {
                application: application(),
                changes: application_changes(&[("EventDeliveryFailure", TOPIC)]),
            })
        }
        Action::SetSMSAttributes => Request::SetSMSAttributes(SetSMSAttributes {
            changes: SmsAttributeChanges::parse([("DefaultSMSType", "Transactional")]).expect("valid"),
        }),
        Action::VerifySMSSandboxPhoneNumber => Request::VerifySMSSandboxPhoneNumber(VerifySMSSandboxPhoneNumber {
            phone_number: parsed(NUMBER),
            password: "123456".parse().expect("digits"),
        }),
        other => panic!("{other} is not of SNS"),
    }
}

#[test]
fn both_protocols_decode_to_the_same_request() {
    let mut seen = Vec::new();
    for row in REQUESTS.split_terminator("\n\n") {
        let lines: Vec<&str> = row.lines().collect();
        let [name, json, form] = lines[..] else { panic!("three lines: {row}") };
        let action = Action::find(Service::Sns, name).expect("an action");
        seen.push(action);
        for decoded in [decode_json(name, json), decode_query(form)] {
            let decoded = decoded.unwrap_or_else(|refused| panic!("{name}: {}", body(refused.response)));
            assert_eq!(decoded.call.request, expected(action), "{:?}", decoded.encoder.protocol());
            assert_eq!(decoded.encoder.action(), action);
            assert_eq!(decoded.call.caller.account(), Some(parsed("123456789012")));
            assert_eq!(decoded.call.caller.region.as_str(), "eu-west-1");
        }
    }
    assert_eq!(seen, actions(), "every action has its bytes");
}

#[test]
fn a_missing_member_has_its_default() {
    let topic = format!(r#""TopicArn":"{TOPIC}""#);
    for (action, members, expected) in [
        ("ListTopics", String::new(), Request::ListTopics(ListTopics { after: None })),
        ("ListTopics", r#""NextToken":"""#.into(), Request::ListTopics(ListTopics { after: None })),
        ("GetSMSAttributes", String::new(), Request::GetSMSAttributes(GetSMSAttributes { names: vec![] })),
        (
            "ListSMSSandboxPhoneNumbers",
            String::new(),
            Request::ListSMSSandboxPhoneNumbers(ListSMSSandboxPhoneNumbers { after: None, results_max: PageSize::MAX }),
        ),
        (
            "SetTopicAttributes",
            format!(r#"{topic},"AttributeName":"DisplayName""#),
            Request::SetTopicAttributes(SetTopicAttributes {
                topic: parsed(TOPIC),
                attribute: Ok(TopicAttribute::DisplayName(None)),
            }),
        ),
        (
            "CreateTopic",
            r#""Name":"orders""#.into(),
            Request::CreateTopic(CreateTopic {
                name: parsed("orders"),
                attributes: TopicAttributes::default(),
                tags: Tags::default(),
                data_protection: None,
            }),
        ),
    ] {
        let decoded = decode_json(action, &format!("{{{members}}}")).expect(action);
        assert_eq!(decoded.call.request, expected);
    }
}

#[test]
fn a_publish_names_one_of_three_targets() {
    for (member, value, expected) in [
        ("TopicArn", TOPIC, PublishTarget::Topic(parsed(TOPIC))),
        ("TargetArn", TOPIC, PublishTarget::Topic(parsed(TOPIC))),
        ("TargetArn", ENDPOINT, PublishTarget::Endpoint(parsed(ENDPOINT))),
        ("PhoneNumber", NUMBER, PublishTarget::PhoneNumber(parsed(NUMBER))),
    ] {
        let decoded = decode_json("Publish", &format!(r#"{{"{member}":"{value}","Message":"x"}}"#)).expect(member);
        let Request::Publish(publish) = decoded.call.request else { panic!("another action") };
        assert_eq!(publish.target, expected);
    }
}

#[test]
fn only_protocols_with_a_handshake_get_a_confirmation() {
    for (protocol, endpoint, asked) in [
        ("https", "https://example.com/", true),
        ("http", "http://example.com/", true),
        ("email", "a@example.com", true),
        ("email-json", "a@example.com", true),
        ("sqs", "arn:aws:sqs:eu-west-1:123456789012:q", false),
        ("sms", NUMBER, false),
        ("application", ENDPOINT, false),
        ("lambda", "arn:aws:lambda:eu-west-1:123456789012:function:f", false),
        ("firehose", "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s", false),
    ] {
        let body = format!(r#"{{"TopicArn":"{TOPIC}","Protocol":"{protocol}","Endpoint":"{endpoint}"}}"#);
        let Request::Subscribe(subscribe) = decode_json("Subscribe", &body).expect(protocol).call.request else {
            panic!("another action")
        };
        assert_eq!(subscribe.confirmation.is_some(), asked, "{protocol}");
        if let Some(message) = subscribe.confirmation {
            let token = ConfirmationToken { subscription: subscribe.id, secret: subscribe.secret };
            assert_eq!(message.body().parse(), Ok(token));
        }
    }
}

/// The links in a confirmation and in an envelope are followed without a signature.
#[test]
fn a_link_needs_no_signature() {
    let token = "ab".repeat(32);
    for (url, action) in [
        (format!("/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}"), Action::ConfirmSubscription),
        (format!("/?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}"), Action::Unsubscribe),
        (format!("/some/prefix?Action=Unsubscribe&SubscriptionArn={SUBSCRIPTION}"), Action::Unsubscribe),
    ] {
        let mut parts = request(&[], "GET", &url);
        parts.headers.remove("authorization");
        let decoded = whole(&secured(), &parts, &Bytes::new(), &arrival(), &mut || [1; 16]).expect("anonymous");
        assert_eq!(decoded.encoder.action(), action);
        assert_eq!(decoded.call.caller.identity, Identity::Anonymous);
        // A broker without users has one account for all callers.
        let decoded = decode(&parts, "").expect("open");
        assert_eq!(decoded.call.caller.account(), Some(posthouse_model::AccountId::DEFAULT));
    }
}

#[test]
fn an_anonymous_caller_cannot_create_an_application() {
    let mut parts = json_request("CreatePlatformApplication");
    parts.headers.remove("authorization");
    let input = Bytes::from(r#"{"Name":"a","Platform":"GCM","Attributes":{}}"#);
    let refused = refusal(whole(&secured(), &parts, &input, &arrival(), &mut || [1; 16]));
    assert_eq!(refused, "AuthorizationError: An unsigned request may not call this action.");
}

#[test]
fn the_largest_batch_fits_a_form() {
    use core::fmt::Write as _;
    let mut form = format!("TopicArn={TOPIC}");
    for entry in 1..=10 {
        let entry_name = format!("PublishBatchRequestEntries.member.{entry}");
        write!(form, "&{entry_name}.Id=i{entry}&{entry_name}.Message=x").expect("a string");
        for number in 1..=255 {
            let name = format!("{entry_name}.MessageAttributes.entry.{number}");
            write!(form, "&{name}.Name=a{number}&{name}.Value.DataType=String&{name}.Value.StringValue=v")
                .expect("a string");
        }
    }
    let decoded = decode_form("PublishBatch", &form).unwrap_or_else(|refused| panic!("{}", body(refused.response)));
    let Request::PublishBatch(batch) = decoded.call.request else { panic!("another action") };
    let entries = batch.entries.expect("valid");
    assert_eq!(entries.iter().len(), 10);
    for (_, entry) in entries.iter() {
        assert_eq!(entry.publication.default_message().attributes().count(), 255);
    }
}
