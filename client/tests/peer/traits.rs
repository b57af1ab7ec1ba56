//! What types promise to the compiler.

use std::fmt::Debug;

use posthouse_client::{
    Attribute, Client, ClientBuilder, Confirmation, Consumer, ConsumerBuilder, Delivery, Error, Message, MessageId,
    Notification, Producer, ProducerBuilder, Publisher, Sent, Tls, TryEnqueueError, Window,
};

fn is_send_and_sync<T: Send + Sync + Debug + 'static>() {}
fn is_unpin<T: Unpin>() {}
fn is_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn public_types_are_send_and_sync() {
    is_send_and_sync::<Attribute>();
    is_send_and_sync::<Client>();
    is_send_and_sync::<ClientBuilder>();
    is_send_and_sync::<Confirmation>();
    is_send_and_sync::<Consumer>();
    is_send_and_sync::<ConsumerBuilder>();
    is_send_and_sync::<Delivery>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<Message>();
    is_send_and_sync::<MessageId>();
    is_send_and_sync::<Notification>();
    is_send_and_sync::<Producer>();
    is_send_and_sync::<ProducerBuilder>();
    is_send_and_sync::<Publisher>();
    is_send_and_sync::<Sent>();
    is_send_and_sync::<Tls>();
    is_send_and_sync::<TryEnqueueError<Message>>();
    is_send_and_sync::<Window>();
    is_unpin::<Confirmation>();
    is_unpin::<Consumer>();
}

/// The futures can be spawned.
#[expect(dead_code, reason = "it is checked when it is compiled")]
fn futures_are_send(client: Client, producer: &Producer, mut consumer: Consumer, delivery: Delivery) {
    drop(is_send(client.call("sqs.ListQueues", serde_json::json!({}))));
    drop(is_send(client.producer("q").open()));
    drop(is_send(client.consumer("q").open()));
    drop(is_send(producer.send("x")));
    drop(is_send(producer.enqueue("x")));
    drop(is_send(producer.send_all(["x"])));
    drop(is_send(producer.flush()));
    drop(is_send(consumer.try_next()));
    drop(is_send(delivery.extend(std::time::Duration::ZERO)));
    drop(is_send(delivery.receipt_handle()));
    drop(is_send(delivery.ack_durable()));
    drop(is_send(consumer.close()));
    drop(is_send(client.close()));
}
