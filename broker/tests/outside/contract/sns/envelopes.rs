//! The envelope of a notification in a queue. The suite `judges` checks its signature.

use serde_json::{Value, json};

use crate::support::digest::md5;
use crate::support::{Client, topic::envelope};

super::cases! {
    an_envelope_says_what_is_in_it,
    an_envelope_is_signed,
    digests_are_the_envelopes,
    the_link_in_an_envelope_names_its_subscription,
    raw_messages_keep_the_publications_id,
    an_envelope_survives_dead_lettering,
}

fn an_envelope_says_what_is_in_it(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_queue(&queue);
    let id = topic.publish("ü & <b>");
    let message = queue.receive_one();
    let envelope = envelope(&message);
    for (name, value) in
        [("Type", "Notification"), ("MessageId", &*id), ("TopicArn", &topic.arn), ("Message", "ü & <b>")]
    {
        assert_eq!(envelope[name], json!(value), "{name}");
    }
    let stamp = envelope["Timestamp"].as_str().expect("a time stamp");
    assert_eq!((stamp.len(), &stamp[10..11], &stamp[23..]), (24, "T", "Z"), "2012-03-29T05:12:16.901Z: {stamp}");
    for absent in ["Subject", "MessageAttributes", "SequenceNumber", "Token", "SubscribeURL"] {
        assert_eq!(envelope.get(absent), None, "{absent}");
    }
    assert_eq!(message.attribute("ApproximateReceiveCount"), "1");
}

fn an_envelope_is_signed(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_queue(&queue);
    for version in ["1", "2"] {
        topic.set("SignatureVersion", version);
        topic.publish("m");
        let envelope = envelope(&queue.receive_one());
        assert_eq!(envelope["SignatureVersion"], json!(version));
        let signature = envelope["Signature"].as_str().expect("a signature");
        assert!(signature.len() > 300, "RSA with 2048 bits, in base64: {signature}");
        let url = envelope["SigningCertURL"].as_str().expect("a URL");
        assert!(url.starts_with("http://") && url.ends_with(".pem"), "{url}");
    }
}

fn digests_are_the_envelopes(client: &Client) {
    let (topic, queue) = (client.topic(), client.queue());
    topic.subscribe_queue(&queue);
    topic.publish("m");
    let message = queue.receive_one();
    assert_eq!(message.whole["MD5OfBody"], json!(md5(&message.body)));
    // The envelope is the same at each receive.
    queue.change_visibility(&message, 0);
    assert_eq!(queue.receive_one().body, message.body);
}

fn the_link_in_an_envelope_names_its_subscription(client: &Client) {
    let topic = client.topic();
    let queues = [client.queue(), client.queue()];
    let subscriptions = queues.each_ref().map(|queue| topic.subscribe_queue(queue));
    topic.publish("m");
    for (queue, subscription) in queues.iter().zip(&subscriptions) {
        let url = envelope(&queue.receive_one())["UnsubscribeURL"].as_str().expect("a URL").to_owned();
        let arn = crate::support::form::encode(&subscription.arn);
        let parts = [&*arn, &subscription.arn];
        assert!(parts.iter().any(|part| url.contains(part)) && url.contains("Action=Unsubscribe"), "{url}");
    }
}

fn raw_messages_keep_the_publications_id(client: &Client) {
    let topic = client.topic();
    let queues = [client.queue(), client.queue()];
    for queue in &queues {
        topic.subscribe_raw(queue);
    }
    topic.publish("m");
    for queue in &queues {
        let message = queue.receive_one();
        assert_eq!((message.id().len(), message.body.as_str()), (36, "m"));
        assert_eq!(message.attribute("ApproximateReceiveCount"), "1");
        assert!(message.attribute("SentTimestamp").parse::<u64>().is_ok());
    }
}

fn an_envelope_survives_dead_lettering(client: &Client) {
    let (topic, queue, dead) = (client.topic(), client.queue(), client.queue());
    let subscription = topic.subscribe_queue(&queue);
    queue.redrive_to(&dead, 1);
    let id = topic.publish("m");
    queue.change_visibility(&queue.receive_one(), 0);
    queue.gives(&[]);
    let message = dead.receive_one();
    let envelope: Value = envelope(&message);
    assert_eq!((&envelope["MessageId"], &envelope["Message"]), (&json!(id), &json!("m")));
    assert!(
        envelope["UnsubscribeURL"]
            .as_str()
            .is_some_and(|url| { url.contains(subscription.arn.rsplit(':').next().expect("a UUID ends it")) })
    );
    assert_eq!(message.attribute("DeadLetterQueueSourceArn"), queue.arn());
}
