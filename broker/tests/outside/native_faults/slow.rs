//! A reader that is slow, or stands still, beside one that is fast.

use posthouse_client::{Client, Tls};
use serde_json::json;

use super::{at, block_on};
use crate::shared::{Carrier, OPEN};
use crate::support::proxy::Proxy;
use crate::support::{PATIENCE, Queue};

/// Messages of each queue, and their length: together more than the broker holds for one consumer, and more than the
/// buffers of sockets take.
const MESSAGES: usize = 200;
const BODY_BYTES: usize = 64 << 10;

fn filled(client: &crate::support::Client) -> Queue {
    let queue = client.queue();
    let body = "x".repeat(BODY_BYTES);
    for _ in 0..MESSAGES / 10 {
        let entries: Vec<_> = (0..10).map(|number| json!({ "Id": number.to_string(), "MessageBody": body })).collect();
        queue.ok("SendMessageBatch", json!({ "Entries": entries }));
    }
    queue
}

/// Receives and deletes all messages of a queue.
async fn drain(client: &Client, queue: &Queue) {
    let mut consumer = client.consumer(&queue.name).open().await.expect("open");
    for number in 0..MESSAGES {
        let next = tokio::time::timeout(PATIENCE, consumer.try_next()).await;
        let next = next.unwrap_or_else(|_| panic!("only {number} messages came"));
        let delivery = next.expect("no failure").expect("the consumer goes on");
        assert_eq!(delivery.body().len(), BODY_BYTES);
        delivery.ack();
    }
    consumer.settled().await;
    consumer.close().await;
    assert_eq!(queue.counts(), [0, 0, 0]);
}

/// On one connection: the program takes nothing from one consumer, and everything from the other.
pub(super) fn a_slow_consumer_holds_up_no_other() {
    for native in [Carrier::Tcp, Carrier::Quic] {
        let json = native.broker().json_client();
        let (slow, fast) = (filled(&json), filled(&json));
        block_on(async {
            let address = native.broker().native;
            let client = match native.authority() {
                None => at(address).connect().await,
                Some(authority) => {
                    let tls = Tls::new().certificate_authority_pem(authority).expect("a certificate");
                    let url = format!("posthouse+quic://{address}");
                    Client::builder(url).tls(tls.server_name("localhost")).connect().await
                }
            };
            let client = client.expect("connected");
            let idle = client.consumer(&slow.name).prefetch(65_536).open().await.expect("open");
            drain(&client, &fast).await;
            drop(idle);
            drain(&client, &slow).await;
            client.close().await;
        });
    }
}

/// On two connections: one reads nothing from its socket.
pub(super) fn a_reader_that_stands_still_holds_up_no_other_connection() {
    let broker = OPEN.get();
    let json = broker.json_client();
    let (slow, fast) = (filled(&json), filled(&json));
    let proxy = Proxy::new(broker.native);
    block_on(async {
        let stalled = at(proxy.address).connect().await.expect("connected");
        let waiting = stalled.consumer(&slow.name).prefetch(65_536).open().await.expect("open");
        proxy.stall(true);
        let client = at(broker.native).connect().await.expect("connected");
        drain(&client, &fast).await;
        proxy.stall(false);
        drop(waiting);
        drain(&stalled, &slow).await;
        client.close().await;
        stalled.close().await;
    });
}
