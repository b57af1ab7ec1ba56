//! `aws-sdk-sns` and `aws-sdk-sqs` together, as an application with topics and queues uses them.

use aws_sdk_sns::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sns::error::ProvideErrorMetadata;
use aws_sdk_sns::primitives::Blob;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry, Tag};
use aws_sdk_sns::{Client, Config};
use aws_sdk_sqs::types::QueueAttributeName;

use super::rust_sdk::{self, run};
use crate::shared::{ALICE, OPEN, USERS};
use crate::support::{Broker, unique};

fn client(broker: &Broker, access_key_id: &str, secret: &str) -> Client {
    let configuration = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key_id, secret, None, None, "the test"))
        .endpoint_url(format!("http://{}", broker.sqs))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(configuration)
}

pub(super) fn the_sdk_for_rust_publishes() {
    run(async {
        let broker = OPEN.get();
        let (sns, sqs) = (client(&broker, "test", "test"), rust_sdk::client(&broker, "test", "test"));
        standard(&sns, &sqs).await;
        fifo(&sns, &sqs).await;
        errors(&sns).await;
    });
}

pub(super) fn the_sdk_for_rust_publishes_with_signatures() {
    run(async {
        let broker = USERS.get();
        standard(&client(&broker, ALICE.0, ALICE.1), &rust_sdk::client(&broker, ALICE.0, ALICE.1)).await;
        let error = client(&broker, ALICE.0, "wrong").list_topics().send().await.expect_err("a wrong secret");
        assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    });
}

/// A new queue: its URL and its ARN.
async fn queue(sqs: &aws_sdk_sqs::Client, name: &str) -> (String, String) {
    let mut create = sqs.create_queue().queue_name(name);
    if name.ends_with(".fifo") {
        create = create.attributes(QueueAttributeName::FifoQueue, "true");
    }
    let url = create.send().await.expect("created").queue_url.expect("a URL");
    let shown = sqs.get_queue_attributes().queue_url(&url).attribute_names(QueueAttributeName::QueueArn).send().await;
    let attributes = shown.expect("shown").attributes.expect("some");
    let arn = attributes.get(&QueueAttributeName::QueueArn).expect("an ARN").clone();
    (url, arn)
}

async fn receive(sqs: &aws_sdk_sqs::Client, url: &str) -> Vec<aws_sdk_sqs::types::Message> {
    let receive = sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(5);
    receive.message_attribute_names("All").send().await.expect("received").messages.unwrap_or_default()
}

async fn standard(sns: &Client, sqs: &aws_sdk_sqs::Client) {
    let name = format!("sdk-{}", unique());
    let tag = Tag::builder().key("team").value("mail").build().expect("a tag");
    let created = sns.create_topic().name(&name).attributes("DisplayName", "Orders").tags(tag).send().await;
    let topic = created.expect("created").topic_arn.expect("an ARN");
    let (url, arn) = queue(sqs, &name).await;
    let (wrapped_url, wrapped_arn) = queue(sqs, &format!("{name}-wrapped")).await;
    let subscribe = |endpoint: &str| sns.subscribe().topic_arn(&topic).protocol("sqs").endpoint(endpoint);
    let raw = subscribe(&arn).attributes("RawMessageDelivery", "true").attributes("FilterPolicy", r#"{"text":["ü"]}"#);
    let subscription = raw.send().await.expect("subscribed").subscription_arn.expect("an ARN");
    subscribe(&wrapped_arn).send().await.expect("subscribed");
    let text = MessageAttributeValue::builder().data_type("String").string_value("ü").build().expect("an attribute");
    let bytes = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 255]));
    let published = sns
        .publish()
        .topic_arn(&topic)
        .message("from the SDK ü")
        .subject("Hello")
        .message_attributes("text", text)
        .message_attributes("bytes", bytes.build().expect("an attribute"))
        .send()
        .await
        .expect("published");
    sns.publish().topic_arn(&topic).message("filtered out").send().await.expect("published");
    let messages = receive(sqs, &url).await;
    assert_eq!(messages.iter().filter_map(|message| message.body()).collect::<Vec<_>>(), ["from the SDK ü"]);
    let attributes = messages[0].message_attributes().expect("some");
    assert_eq!(attributes["bytes"].binary_value().map(AsRef::as_ref), Some(&[0, 255][..]));
    let envelopes = receive(sqs, &wrapped_url).await;
    assert_eq!(envelopes.len(), 2);
    let envelope: serde_json::Value =
        serde_json::from_str(envelopes[0].body().expect("a body")).expect("an envelope is JSON");
    assert_eq!(envelope["MessageId"].as_str(), published.message_id());
    assert_eq!((envelope["Subject"].as_str(), envelope["Message"].as_str()), (Some("Hello"), Some("from the SDK ü")));
    let shown = sns.get_subscription_attributes().subscription_arn(&subscription).send().await.expect("shown");
    assert_eq!(shown.attributes().and_then(|all| all.get("Protocol")).map(String::as_str), Some("sqs"));
    let mut pages = sns.list_subscriptions_by_topic().topic_arn(&topic).into_paginator().items().send();
    let mut listed = 0;
    while let Some(item) = pages.next().await {
        assert_eq!(item.expect("a page").topic_arn(), Some(topic.as_str()));
        listed += 1;
    }
    assert_eq!(listed, 2);
    sns.unsubscribe().subscription_arn(&subscription).send().await.expect("unsubscribed");
    sns.delete_topic().topic_arn(&topic).send().await.expect("deleted");
}

async fn fifo(sns: &Client, sqs: &aws_sdk_sqs::Client) {
    let name = format!("sdk-{}.fifo", unique());
    let create = sns.create_topic().name(&name).attributes("FifoTopic", "true");
    let created = create.attributes("ContentBasedDeduplication", "true").send().await.expect("created");
    let topic = created.topic_arn().expect("an ARN");
    let (url, arn) = queue(sqs, &name).await;
    let subscribe = sns.subscribe().topic_arn(topic).protocol("sqs").endpoint(arn);
    subscribe.attributes("RawMessageDelivery", "true").send().await.expect("subscribed");
    let entries = (0..10).map(|number| {
        let entry = PublishBatchRequestEntry::builder().id(format!("e{number}")).message_group_id("g");
        entry.message(format!("m{number}")).build().expect("an entry")
    });
    let publish = sns.publish_batch().topic_arn(topic).set_publish_batch_request_entries(Some(entries.collect()));
    let published = publish.send().await.expect("published");
    assert_eq!((published.successful().len(), published.failed().len()), (10, 0));
    assert!(published.successful().iter().all(|entry| entry.sequence_number().is_some()));
    let received = receive(sqs, &url).await;
    let bodies: Vec<_> = received.iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"]);
}

async fn errors(sns: &Client) {
    let nowhere = "arn:aws:sns:us-east-1:000000000000:never-created";
    let error = sns.publish().topic_arn(nowhere).message("m").send().await.expect_err("no such topic");
    assert_eq!(error.code(), Some("NotFound"));
    assert!(error.into_service_error().is_not_found_exception());
    let error = sns.create_topic().name("a b").send().await.expect_err("a wrong name").into_service_error();
    assert!(error.is_invalid_parameter_exception(), "{error:?}");
    let entries = ["a", "a"].map(|id| PublishBatchRequestEntry::builder().id(id).message("m").build().expect("one"));
    let created = sns.create_topic().name(format!("sdk-{}", unique())).send().await.expect("created");
    let publish = sns.publish_batch().topic_arn(created.topic_arn().expect("an ARN"));
    let error = publish.set_publish_batch_request_entries(Some(entries.into())).send().await.expect_err("equal ids");
    assert!(error.into_service_error().is_batch_entry_ids_not_distinct_exception());
}
