//! Messages: bodies, attributes, digests, sizes, delays.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::client::{INVALID_VALUE, MISSING};
use crate::support::digest::{attributes_md5, md5};
use crate::support::{Client, sleep_ms};

super::cases! {
    a_sent_message_is_answered_with_id_and_digest,
    bodies_come_back_unchanged,
    forbidden_characters_are_refused,
    a_body_is_required,
    attributes_come_back_with_their_digest,
    attributes_obey_their_rules,
    the_trace_header_is_a_system_attribute,
    the_trace_of_a_request_goes_on,
    sizes_are_limited,
    a_queue_may_take_less,
    a_message_may_be_delayed,
    a_queue_may_delay,
    delays_are_limited,
    standard_queues_take_no_deduplication_id,
    group_ids_obey_their_rule,
}

fn a_sent_message_is_answered_with_id_and_digest(client: &Client) {
    let queue = client.queue();
    let sent = queue.send("hello");
    assert_eq!(sent["MD5OfMessageBody"], json!(md5("hello")));
    assert_eq!(sent["MD5OfMessageAttributes"], Value::Null);
    assert_eq!(sent["SequenceNumber"], Value::Null);
    let received = queue.receive_one();
    assert_eq!(sent["MessageId"], json!(received.id()));
    assert_eq!(received.whole["MD5OfBody"], json!(md5("hello")));
    assert_eq!(received.id().len(), 36);
    let other = queue.send("hello");
    assert_ne!(other["MessageId"], sent["MessageId"]);
}

fn bodies_come_back_unchanged(client: &Client) {
    let queue = client.queue();
    let long = "line with \"quotes\" & <tags>\n".repeat(2000);
    for body in [
        "x",
        " leading and trailing ",
        "ü 漢 😀 \u{FFFD} \u{E000} \u{10FFFF}",
        "tab\tline\nreturn\rboth\r\n",
        "\"quoted\" \\back\\slash /slash",
        "<a href='x'>&amp;</a> ]]> &#13;",
        "a=b&c=d+e%20f;g",
        "{\"json\": [1, null]}",
        "\u{7f}\u{85}\u{2028}\u{feff}",
        &long,
    ] {
        let sent = queue.send(body);
        assert_eq!(sent["MD5OfMessageBody"], json!(md5(body)), "{body:?}");
        let received = queue.receive_one();
        assert_eq!(received.body, body);
        queue.delete(&received);
    }
}

fn forbidden_characters_are_refused(client: &Client) {
    let queue = client.queue();
    for body in ["\0", "a\u{1}b", "\u{b}", "\u{1f}", "\u{FFFE}", "\u{FFFF}"] {
        queue.refused("SendMessage", json!({ "MessageBody": body })).expect("InvalidMessageContents");
        let attribute = json!({ "a": { "DataType": "String", "StringValue": body } });
        let input = json!({ "MessageBody": "m", "MessageAttributes": attribute });
        queue.refused("SendMessage", input).expect(INVALID_VALUE);
    }
    queue.gives(&[]);
}

fn a_body_is_required(client: &Client) {
    let queue = client.queue();
    for input in [json!({}), json!({ "MessageBody": "" })] {
        queue.refused("SendMessage", input).expect(MISSING).saying("MessageBody");
    }
}

fn attributes_come_back_with_their_digest(client: &Client) {
    let queue = client.queue();
    let attributes = json!({
        "text": { "DataType": "String", "StringValue": "ü <&> \"q\"" },
        "label.ed": { "DataType": "String.json", "StringValue": "{}" },
        "number": { "DataType": "Number", "StringValue": "-1.5e3" },
        "whole-number_2": { "DataType": "Number.int", "StringValue": "42" },
        "bytes": { "DataType": "Binary", "BinaryValue": STANDARD.encode([0, 1, 254, 255]) },
        "picture": { "DataType": "Binary.png", "BinaryValue": STANDARD.encode([137, 80]) },
    });
    let sent = queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageAttributes": attributes }));
    let digest = json!(attributes_md5(&attributes));
    assert_eq!(sent["MD5OfMessageAttributes"], digest);
    let received = queue.receive_one().whole;
    assert_eq!(received["MessageAttributes"], attributes);
    assert_eq!(received["MD5OfMessageAttributes"], digest);
}

fn attributes_obey_their_rules(client: &Client) {
    let queue = client.queue();
    let text = |value: &str| json!({ "DataType": "String", "StringValue": value });
    let longest = "n".repeat(256);
    let too_long = "n".repeat(257);
    for (name, value) in [
        ("", text("x")),
        (&*too_long, text("x")),
        (".a", text("x")),
        ("a.", text("x")),
        ("a..b", text("x")),
        ("a b", text("x")),
        ("§", text("x")),
        ("AWS.a", text("x")),
        ("amazon.a", text("x")),
        ("a", text("")),
        ("a", json!({ "DataType": "String" })),
        ("a", json!({ "StringValue": "x" })),
        ("a", json!({ "DataType": "Strings", "StringValue": "x" })),
        ("a", json!({ "DataType": "", "StringValue": "x" })),
        ("a", json!({ "DataType": "Number", "StringValue": "one" })),
        ("a", json!({ "DataType": "Number", "StringValue": "9".repeat(39) })),
        ("a", json!({ "DataType": "Binary", "StringValue": "x" })),
        ("a", json!({ "DataType": "String", "BinaryValue": "AA==" })),
        ("a", json!({ "DataType": format!("String.{}", "l".repeat(250)), "StringValue": "x" })),
    ] {
        let input = json!({ "MessageBody": "m", "MessageAttributes": { name: value } });
        let refusal = queue.refused("SendMessage", input);
        assert!([INVALID_VALUE, MISSING].contains(&refusal.code.as_str()), "{name} {value}: {refusal:?}");
    }
    let many = |count: usize| -> Value {
        let pairs = (0..count).map(|number| (format!("a{number:02}"), text("x")));
        json!({ "MessageBody": "m", "MessageAttributes": Value::Object(pairs.collect()) })
    };
    queue.refused("SendMessage", many(11)).expect(INVALID_VALUE);
    queue.gives(&[]);
    queue.ok("SendMessage", many(10));
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageAttributes": { &longest: text("x") } }));
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageAttributes": { "attr.1øßä": text("x") } }));
    for (value, words) in [
        (text(""), "Message (user) attribute 'a' must contain a non-empty value of type 'String'."),
        (json!({ "StringValue": "x" }), "The message attribute 'a' must contain non-empty message attribute type."),
    ] {
        let input = json!({ "MessageBody": "m", "MessageAttributes": { "a": value } });
        queue.refused("SendMessage", input).expect(INVALID_VALUE).worded(words);
    }
}

fn the_trace_header_is_a_system_attribute(client: &Client) {
    let queue = client.queue();
    let header = json!({ "DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793" });
    let system = json!({ "AWSTraceHeader": header });
    let sent = queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageSystemAttributes": system }));
    assert_eq!(sent["MD5OfMessageSystemAttributes"], json!(attributes_md5(&system)));
    assert_eq!(sent["MD5OfMessageAttributes"], Value::Null);
    let received = queue.receive_one();
    assert_eq!(received.attribute("AWSTraceHeader"), "Root=1-5759e988-bd862e3fe1be46a994272793");
    let unknown = json!({ "MessageBody": "m", "MessageSystemAttributes": { "Colour": header } });
    queue.refused("SendMessage", unknown).expect(INVALID_VALUE);
}

fn the_trace_of_a_request_goes_on(client: &Client) {
    const TRACE: &str = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
    for queue in [client.queue(), client.fifo(&[])] {
        let ids = |id: &str| queue.name.ends_with(".fifo").then(|| (json!("g"), json!(id)));
        let mut input = json!({ "QueueUrl": queue.url, "MessageBody": "1" });
        let mut entries = json!([{ "Id": "a", "MessageBody": "2" }, { "Id": "b", "MessageBody": "3" }]);
        let own = json!({ "AWSTraceHeader": { "DataType": "String", "StringValue": "Root=own" } });
        entries[1]["MessageSystemAttributes"] = own;
        for (number, message) in [&mut input].into_iter().chain(entries.as_array_mut().expect("a list")).enumerate() {
            if let Some((group, id)) = ids(&number.to_string()) {
                (message["MessageGroupId"], message["MessageDeduplicationId"]) = (group, id);
            }
        }
        let sent = client.call_in_trace(Some(TRACE), "SendMessage", &input).expect("sent");
        assert_eq!(sent["MD5OfMessageSystemAttributes"], Value::Null, "the sender gave no attribute");
        let batch = json!({ "QueueUrl": queue.url, "Entries": entries });
        client.call_in_trace(Some(TRACE), "SendMessageBatch", &batch).expect("sent");
        let received = queue.gives(&["1", "2", "3"]);
        let traces: Vec<&str> = received.iter().map(|message| message.attribute("AWSTraceHeader")).collect();
        assert_eq!(traces, [TRACE, TRACE, "Root=own"], "an attribute is before the header");
    }
    let queue = client.queue();
    let input = json!({ "QueueUrl": queue.url, "MessageBody": "m" });
    client.call_in_trace(Some(&"x".repeat(1025)), "SendMessage", &input).expect("a bad trace is left out");
    assert_eq!(queue.receive_one().whole["Attributes"]["AWSTraceHeader"], Value::Null);
}

fn sizes_are_limited(client: &Client) {
    const MIB: usize = 1_048_576;
    let queue = client.queue();
    let largest = "x".repeat(MIB);
    queue.send(&largest);
    let received = queue.receive_one();
    assert!(received.body == largest, "{} bytes came back", received.body.len());
    let too_large = json!({ "MessageBody": "x".repeat(MIB + 1) });
    queue.refused("SendMessage", too_large).expect(INVALID_VALUE).saying("1048576");
    let attribute = json!({ "k": { "DataType": "String", "StringValue": "v" } });
    for (body_bytes, fits) in [(MIB - 8, true), (MIB - 7, false)] {
        let input = json!({ "MessageBody": "x".repeat(body_bytes), "MessageAttributes": attribute });
        assert_eq!(queue.call("SendMessage", input).is_ok(), fits, "a body of {body_bytes} and 8 of attributes");
    }
}

fn a_queue_may_take_less(client: &Client) {
    let queue = client.queue_with(&[("MaximumMessageSize", "1024")]);
    queue.send(&"x".repeat(1024));
    queue.refused("SendMessage", json!({ "MessageBody": "x".repeat(1025) })).expect(INVALID_VALUE).saying("1024");
    // The size is in bytes, not characters.
    queue.refused("SendMessage", json!({ "MessageBody": "ü".repeat(513) })).expect(INVALID_VALUE);
    queue.send(&"ü".repeat(512));
}

fn a_message_may_be_delayed(client: &Client) {
    let queue = client.queue();
    queue.ok("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 2 }));
    queue.send("now");
    assert_eq!(queue.counts(), [1, 0, 1]);
    queue.gives(&["now"]);
    sleep_ms(2200);
    queue.gives(&["later"]);
}

fn a_queue_may_delay(client: &Client) {
    let queue = client.queue_with(&[("DelaySeconds", "2")]);
    queue.send("later");
    queue.ok("SendMessage", json!({ "MessageBody": "its own", "DelaySeconds": 0 }));
    queue.gives(&["its own"]);
    sleep_ms(2200);
    queue.gives(&["later"]);
}

fn delays_are_limited(client: &Client) {
    let queue = client.queue();
    queue.ok("SendMessage", json!({ "MessageBody": "m", "DelaySeconds": 900 }));
    for seconds in [-1, 901] {
        let input = json!({ "MessageBody": "m", "DelaySeconds": seconds });
        queue.refused("SendMessage", input).expect(INVALID_VALUE).saying("DelaySeconds");
    }
}

fn standard_queues_take_no_deduplication_id(client: &Client) {
    let input = json!({ "MessageBody": "m", "MessageDeduplicationId": "d" });
    client.queue().refused("SendMessage", input).expect(INVALID_VALUE).worded(
        "Value d for parameter MessageDeduplicationId is invalid. Reason: The request include parameter that is not \
         valid for this queue type.",
    );
}

fn group_ids_obey_their_rule(client: &Client) {
    let long = "g".repeat(129);
    for queue in [client.queue(), client.fifo(&[("ContentBasedDeduplication", "true")])] {
        for id in ["", &long, "a b"] {
            let input = json!({ "MessageBody": "m", "MessageGroupId": id });
            queue.refused("SendMessage", input).expect(INVALID_VALUE).worded(&format!(
                "Value {id} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include \
                 alphanumeric and punctuation characters. 1 to 128 in length."
            ));
        }
    }
}
