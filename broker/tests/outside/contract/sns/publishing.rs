//! `Publish`: targets, subjects, message attributes, and what queues receive.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{INVALID, NOT_FOUND};
use crate::support::topic::envelope;
use crate::support::{Client, Topic};

super::cases! {
    a_publish_reaches_every_subscriber,
    ids_are_new_each_time,
    a_target_arn_may_be_a_topics,
    exactly_one_target_is_named,
    a_topic_without_subscribers_takes_messages,
    bodies_arrive_as_they_were_sent,
    a_subject_arrives,
    subjects_have_rules,
    attributes_arrive_raw,
    attributes_arrive_in_the_envelope,
    attributes_have_rules,
    attribute_names_have_rules,
    groups_are_allowed_on_standard_topics,
    phone_numbers_have_a_form,
    the_trace_of_a_request_goes_on,
}

fn a_publish_reaches_every_subscriber(client: &Client) {
    let topic = client.topic();
    let queues = [client.queue(), client.queue(), client.queue()];
    for queue in &queues {
        topic.subscribe_raw(queue);
    }
    topic.publish("to all");
    for queue in &queues {
        let message = &queue.gives(&["to all"])[0];
        assert_eq!(message.receive_count(), 1);
        queue.delete(message);
        assert_eq!(queue.counts(), [0, 0, 0]);
    }
}

fn ids_are_new_each_time(client: &Client) {
    let topic = client.topic();
    let ids: BTreeSet<String> = (0..20).map(|_| topic.publish("m")).collect();
    assert_eq!(ids.len(), 20);
    assert!(ids.iter().all(|id| id.len() == 36), "{ids:?}");
}

fn a_target_arn_may_be_a_topics(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    topic.client.ok("Publish", &json!({ "TargetArn": topic.arn, "Message": "m" }));
    queue.gives(&["m"]);
}

fn exactly_one_target_is_named(client: &Client) {
    let topic = client.topic();
    for input in [
        json!({}),
        json!({ "TopicArn": topic.arn, "PhoneNumber": "+15550100100" }),
        json!({ "TargetArn": topic.arn, "PhoneNumber": "+15550100100" }),
        json!({ "TopicArn": topic.arn, "TargetArn": topic.arn }),
        json!({ "TargetArn": "x" }),
        json!({ "TopicArn": "arn:aws:sns:us-east-1:000000000000:app/GCM/a" }),
    ] {
        let mut input = input;
        input["Message"] = json!("m");
        let refusal = topic.client.refused("Publish", &input);
        assert_eq!(refusal.code, INVALID, "{input}: {refusal:?}");
    }
    let no_endpoint = "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/01234567-89ab-4def-8123-456789abcdef";
    for message in [json!({ "Message": "m" }), json!({ "Message": "m", "MessageStructure": "json" })] {
        let mut input = message;
        input["TargetArn"] = json!(no_endpoint);
        let refusal = topic.client.refused("Publish", &input);
        let text = "Invalid parameter: TargetArn Reason: No endpoint found for the target arn specified";
        assert_eq!(refusal.expect(INVALID).message, text, "{input}");
    }
    let input = json!({ "TopicArn": format!("{}-none", topic.arn), "Message": "m", "Subject": "\n" });
    topic.client.refused("Publish", &input).expect(NOT_FOUND);
}

fn a_topic_without_subscribers_takes_messages(client: &Client) {
    client.topic().publish("to no subscriber");
}

fn bodies_arrive_as_they_were_sent(client: &Client) {
    let topic = client.topic();
    let (raw, wrapped) = (client.queue(), client.queue());
    topic.subscribe_raw(&raw);
    topic.subscribe_queue(&wrapped);
    for body in ["ü 漢 😀", "<&> \"'\" \\", " \t\r\n ", "{\"a\":\"b\"}", "\\u0000", "&amp;", "\u{7f}"] {
        topic.publish(body);
        raw.delete(&raw.gives(&[body])[0]);
        let message = wrapped.receive_one();
        assert_eq!(envelope(&message)["Message"], json!(body));
        wrapped.delete(&message);
    }
}

fn a_subject_arrives(client: &Client) {
    let topic = client.topic();
    let (raw, wrapped) = (client.queue(), client.queue());
    topic.subscribe_raw(&raw);
    topic.subscribe_queue(&wrapped);
    let longest = "ü".repeat(99);
    for subject in ["Hello, world!", " 漢 😀", &*longest] {
        topic.publish_with(json!({ "Message": "m", "Subject": subject }));
        let message = wrapped.receive_one();
        assert_eq!(envelope(&message)["Subject"], json!(subject));
        wrapped.delete(&message);
    }
    topic.publish("without");
    assert_eq!(envelope(&wrapped.receive_one()).get("Subject"), None);
    raw.gives(&["m", "m", "m", "without"]);
}

fn subjects_have_rules(client: &Client) {
    let topic = client.topic();
    for subject in [&*"s".repeat(100), "a\nb", "", "\u{1}", "\u{85}"] {
        let refusal = topic.refused("Publish", json!({ "Message": "m", "Subject": subject }));
        assert_eq!(refusal.code, INVALID, "{subject:?}: {refusal:?}");
        assert_eq!(refusal.message, "Invalid parameter: Subject");
    }
}

/// One attribute of every type.
fn every_type() -> Value {
    json!({
        "text": { "DataType": "String", "StringValue": "ü <&>" },
        "number": { "DataType": "Number", "StringValue": "-1.5e3" },
        "bytes": { "DataType": "Binary", "BinaryValue": "AAECA/8=" },
        "array": { "DataType": "String.Array", "StringValue": r#"["a",1,true,null]"# },
        "own": { "DataType": "String.colour", "StringValue": "red" },
    })
}

fn publish_with_attributes(topic: &Topic, attributes: &Value) -> Result<Value, crate::support::Refusal> {
    topic.call("Publish", json!({ "Message": "m", "MessageAttributes": attributes }))
}

fn attributes_arrive_raw(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    publish_with_attributes(&topic, &every_type()).expect("published");
    let message = queue.receive_one();
    assert_eq!(message.body, "m");
    assert_eq!(message.whole["MessageAttributes"], every_type());
    assert!(message.whole["MD5OfMessageAttributes"].is_string());
}

fn attributes_arrive_in_the_envelope(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_queue(&queue);
    publish_with_attributes(&topic, &every_type()).expect("published");
    let message = queue.receive_one();
    assert_eq!(message.whole["MessageAttributes"], Value::Null, "they are inside");
    let expected = json!({
        "text": { "Type": "String", "Value": "ü <&>" },
        "number": { "Type": "Number", "Value": "-1.5e3" },
        "bytes": { "Type": "Binary", "Value": "AAECA/8=" },
        "array": { "Type": "String.Array", "Value": r#"["a",1,true,null]"# },
        "own": { "Type": "String.colour", "Value": "red" },
    });
    assert_eq!(envelope(&message)["MessageAttributes"], expected);
}

fn attributes_have_rules(client: &Client) {
    let topic = client.topic();
    let text = |data_type: &str, value: &str| json!({ "DataType": data_type, "StringValue": value });
    let long = "n".repeat(257);
    for (name, attribute) in [
        ("a", text("", "x")),
        ("a", text("List", "x")),
        ("a", text("String", "")),
        ("a", text("Number", "many")),
        ("a", text("Binary", "x")),
        ("a", text("String.", "x")),
        ("a", text("Number.", "1")),
        ("a", text("Stringprefixed", "x")),
        ("a", json!({ "DataType": "String", "BinaryValue": "AAE=" })),
        ("a", json!({ "DataType": "Binary" })),
        ("a b", text("String", "x")),
        (".a", text("String", "x")),
        ("a..b", text("String", "x")),
        (&long, text("String", "x")),
    ] {
        let refusal = publish_with_attributes(&topic, &json!({ name: attribute })).expect_err(name);
        assert!(
            ["ParameterValueInvalid", INVALID].contains(&refusal.code.as_str()),
            "{name}: {attribute}: {refusal:?}"
        );
        assert_eq!(refusal.status, 400);
    }
}

fn attribute_names_have_rules(client: &Client) {
    let topic = client.topic();
    let long = "n".repeat(257);
    for (name, text) in [
        (&*long, "Length of message attribute name must be less than 256 bytes."),
        (
            "a^*?",
            "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
        ),
        (".abc", "Invalid message attribute name starting with character '.' was found."),
        ("abc.", "Invalid message attribute name ending with character '.' was found."),
        ("a..bc", "Message attribute name can not have successive '.' character."),
    ] {
        let attribute = json!({ "DataType": "String", "StringValue": "x" });
        let refusal = publish_with_attributes(&topic, &json!({ name: attribute })).expect_err(name);
        assert_eq!((refusal.code.as_str(), refusal.message.as_str()), ("ParameterValueInvalid", text));
    }
    let refusal = publish_with_attributes(&topic, &json!({ "attr1": { "StringValue": "x" } })).expect_err("no type");
    let text = "1 validation error detected: Value null at 'messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null";
    assert_eq!((refusal.code.as_str(), refusal.message.as_str()), ("ValidationError", text));
    let labels = json!({ "DataType": "String.  prefixed.", "StringValue": "x" });
    publish_with_attributes(&topic, &json!({ "ä": labels })).expect("taken");
}

fn groups_are_allowed_on_standard_topics(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_raw(&queue);
    topic.publish_with(json!({ "Message": "m", "MessageGroupId": "tenant" }));
    assert_eq!(queue.receive_one().attribute("MessageGroupId"), "tenant");
    let input = json!({ "Message": "m", "MessageDeduplicationId": "d" });
    topic.refused("Publish", input).expect(INVALID).saying("MessageDeduplicationId");
}

fn phone_numbers_have_a_form(client: &Client) {
    let sns = client.sns();
    let publish = |number: &str| json!({ "PhoneNumber": number, "Message": "m" });
    for number in ["+15550100100", "+4915550100100"] {
        assert!(sns.ok("Publish", &publish(number))["MessageId"].is_string(), "{number}");
    }
    for number in ["", "x", "5550100", "+1", "+1555CALLME", "+1234567890123456"] {
        sns.refused("Publish", &publish(number)).expect(INVALID).saying("PhoneNumber");
    }
}

fn the_trace_of_a_request_goes_on(client: &Client) {
    const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    for fifo in [false, true] {
        let attributes = [("ContentBasedDeduplication", "true")];
        let topic = if fifo { client.fifo_topic(&attributes) } else { client.topic() };
        let new_queue = || if fifo { client.fifo(&[]) } else { client.queue() };
        let (raw, wrapped, lost, dead) = (new_queue(), new_queue(), new_queue(), new_queue());
        topic.subscribe_raw(&raw);
        topic.subscribe_queue(&wrapped);
        topic.subscribe_raw(&lost).dead_letters_to(&dead);
        lost.ok("DeleteQueue", json!({}));
        let publish = json!({ "TopicArn": topic.arn, "Message": "1", "MessageGroupId": "a" });
        topic.client.call_in_trace(Some(TRACE), "Publish", &publish).expect("published");
        let entries = json!([{ "Id": "a", "Message": "2", "MessageGroupId": "b" }]);
        let batch = json!({ "TopicArn": topic.arn, "PublishBatchRequestEntries": entries });
        topic.client.call_in_trace(Some(TRACE), "PublishBatch", &batch).expect("published");
        for queue in [raw, wrapped, dead] {
            let received = queue.receive();
            assert_eq!(received.len(), 2);
            for message in received {
                assert_eq!(message.attribute("AWSTraceHeader"), TRACE);
                assert!(!message.body.contains("Root="), "{}", message.body);
            }
        }
    }
}
