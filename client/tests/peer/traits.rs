//! What types promise to the compiler.

use std::fmt::Debug;

use posthouse_client::{
    Attribute, Client, ClientBuilder, Confirmation, Consumer, ConsumerBuilder, Delivery, Error, Message, MessageId,
    Notification, Producer, ProducerBuilder, Publisher, Sent, Stopper, TryEnqueueError, Window,
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
    is_send_and_sync::<Stopper>();
    #[cfg(feature = "tls")]
    is_send_and_sync::<posthouse_client::Tls>();
    is_send_and_sync::<TryEnqueueError<Message>>();
    is_send_and_sync::<Window>();
    is_send_and_sync::<posthouse_client::Admin>();
    is_send_and_sync::<posthouse_client::Body>();
    is_send_and_sync::<posthouse_client::CreateQueue>();
    is_send_and_sync::<posthouse_client::CreateTopic>();
    is_send_and_sync::<posthouse_client::ErrorKind>();
    is_send_and_sync::<posthouse_client::MessageMove>();
    is_send_and_sync::<posthouse_client::OnDisconnect>();
    is_send_and_sync::<posthouse_client::StartMessageMove>();
    is_send_and_sync::<posthouse_client::Subscribe>();
    is_send_and_sync::<posthouse_client::Subscription>();
    #[cfg(feature = "blocking")]
    {
        use posthouse_client::blocking;
        is_send_and_sync::<blocking::Client>();
        is_send_and_sync::<blocking::ClientBuilder>();
        is_send_and_sync::<blocking::Confirmation>();
        is_send_and_sync::<blocking::Consumer>();
        is_send_and_sync::<blocking::ConsumerBuilder>();
        is_send_and_sync::<blocking::Delivery>();
        is_send_and_sync::<blocking::Producer>();
        is_send_and_sync::<blocking::ProducerBuilder>();
    }
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
