//! `aws-sdk-sqs`, as an application uses it. The SDK checks the digests of what it receives.

use std::future::Future;

use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, MessageAttributeValue, MessageSystemAttributeName, QueueAttributeName,
    SendMessageBatchRequestEntry,
};
use aws_sdk_sqs::{Client, Config};

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::{Broker, unique};

pub(super) fn client(broker: &Broker, access_key_id: &str, secret: &str) -> Client {
    let configuration = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access_key_id, secret, None, None, "the test"))
        .endpoint_url(format!("http://{}", broker.sqs))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(configuration)
}

pub(super) fn run(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(future);
}

pub(super) fn the_sdk_for_rust_works() {
    run(async {
        let sqs = client(&OPEN.get(), "test", "test");
        standard(&sqs).await;
        fifo(&sqs).await;
        errors(&sqs).await;
    });
}

pub(super) fn the_sdk_for_rust_signs_as_the_broker_checks() {
    run(async {
        let broker = USERS.get();
        standard(&client(&broker, ALICE.0, ALICE.1)).await;
        let error = client(&broker, ALICE.0, "wrong").list_queues().send().await.expect_err("a wrong secret");
        assert_eq!(error.code(), Some("SignatureDoesNotMatch"));
    });
}

async fn standard(sqs: &Client) {
    let name = format!("sdk-{}", unique());
    let created = sqs
        .create_queue()
        .queue_name(&name)
        .attributes(QueueAttributeName::VisibilityTimeout, "5")
        .tags("team", "mail")
        .send()
        .await
        .expect("created");
    let url = created.queue_url().expect("a URL");
    let text = MessageAttributeValue::builder().data_type("String").string_value("ü").build().expect("an attribute");
    let bytes = MessageAttributeValue::builder().data_type("Binary").binary_value(Blob::new([0, 255]));
    let sent = sqs
        .send_message()
        .queue_url(url)
        .message_body("from the SDK ü")
        .message_attributes("text", text.clone())
        .message_attributes("bytes", bytes.build().expect("an attribute"))
        .send()
        .await
        .expect("sent");
    let received = sqs
        .receive_message()
        .queue_url(url)
        .wait_time_seconds(5)
        .message_system_attribute_names(MessageSystemAttributeName::All)
        .message_attribute_names("All")
        .send()
        .await
        .expect("received");
    let message = &received.messages()[0];
    assert_eq!((message.body(), message.message_id()), (Some("from the SDK ü"), sent.message_id()));
    assert_eq!(message.md5_of_message_attributes(), sent.md5_of_message_attributes());
    assert_eq!(message.message_attributes().and_then(|attributes| attributes.get("text")), Some(&text));
    let count = MessageSystemAttributeName::ApproximateReceiveCount;
    assert_eq!(message.attributes().and_then(|attributes| attributes.get(&count)).map(String::as_str), Some("1"));
    let handle = message.receipt_handle().expect("a handle");
    let delete = DeleteMessageBatchRequestEntry::builder().id("a").receipt_handle(handle).build().expect("an entry");
    let deleted = sqs.delete_message_batch().queue_url(url).entries(delete).send().await.expect("deleted");
    assert_eq!((deleted.successful().len(), deleted.failed().len()), (1, 0));
    let listed = sqs.list_queues().queue_name_prefix(&name).send().await.expect("listed");
    assert_eq!(listed.queue_urls(), [url]);
    sqs.delete_queue().queue_url(url).send().await.expect("deleted");
}

async fn fifo(sqs: &Client) {
    let created = sqs
        .create_queue()
        .queue_name(format!("sdk-{}.fifo", unique()))
        .attributes(QueueAttributeName::FifoQueue, "true")
        .attributes(QueueAttributeName::ContentBasedDeduplication, "true")
        .send()
        .await
        .expect("created");
    let url = created.queue_url().expect("a URL");
    let entries = (0..10).map(|number| {
        let entry = SendMessageBatchRequestEntry::builder().id(format!("e{number}")).message_group_id("g");
        entry.message_body(format!("m{number}")).build().expect("an entry")
    });
    let sent = sqs.send_message_batch().queue_url(url).set_entries(Some(entries.collect())).send().await.expect("sent");
    assert_eq!((sent.successful().len(), sent.failed().len()), (10, 0));
    let received = sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.expect("received");
    let bodies: Vec<_> = received.messages().iter().filter_map(|message| message.body()).collect();
    assert_eq!(bodies, ["m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "m9"]);
}

async fn errors(sqs: &Client) {
    let nowhere = "http://h/000000000000/never-created";
    let error = sqs.send_message().queue_url(nowhere).message_body("m").send().await.expect_err("no such queue");
    assert_eq!(error.code(), Some("AWS.SimpleQueueService.NonExistentQueue"));
    assert!(error.into_service_error().is_queue_does_not_exist());
    let missing = sqs.list_message_move_tasks().source_arn("arn:aws:sqs:us-east-1:000000000000:never-created");
    let error = missing.send().await.expect_err("no such queue").into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
}
