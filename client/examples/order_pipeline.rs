//! An order pipeline: a shop enqueues orders, workers charge them, and what was paid is published to a topic that a
//! ledger listens to. Orders that cannot be charged go to a dead-letter queue.
//!
//! With a broker on this machine:
//!
//! ```sh
//! cargo run -p posthouse-client --example order_pipeline -- posthouse://127.0.0.1:9326
//! ```

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use posthouse_client::{Client, Delivery, Message, Notification, Publisher};
use serde_json::{Value, json};

/// How many orders are placed.
const ORDERS: u32 = 1_000;
/// Every order whose number is a multiple of this has a card that is never accepted.
const BAD_CARD_EVERY: u32 = 100;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "posthouse://127.0.0.1:9326".to_owned());
    let mut builder = Client::builder(url);
    if let (Ok(key), Ok(secret)) = (std::env::var("AWS_ACCESS_KEY_ID"), std::env::var("AWS_SECRET_ACCESS_KEY")) {
        builder = builder.credentials(key, secret);
    }
    let client = builder.connect().await?;
    set_up(&client).await?;

    let shop = tokio::spawn(place_orders(client.clone()));
    let ledger = tokio::spawn(keep_ledger(client.clone()));
    let (placed, booked) = tokio::select! {
        // The workers go on until all is booked; their unsettled orders are given back then.
        stopped = charge_orders(client.clone()) => return Err(stopped.err().map_or("the workers ended".into(), Into::into)),
        both = async { tokio::try_join!(shop, ledger) } => {
            let (placed, booked) = both?;
            (placed?, booked?)
        }
    };

    let failed = client.admin().queue_attributes("example-orders-failed").await?;
    println!("{placed} orders placed, {booked} booked, {} failed", failed["ApproximateNumberOfMessages"]);
    client.close().await;
    Ok(())
}

/// Makes the queues and the topic, or finds them as they are.
async fn set_up(client: &Client) -> posthouse_client::Result<()> {
    let admin = client.admin();
    admin.create_queue("example-orders-failed").await?;
    admin
        .create_queue("example-orders")
        .visibility_timeout(Duration::from_secs(30))
        .dead_letters_to(&admin.queue_arn("example-orders-failed").await?, 3)
        .await?;
    admin.create_queue("example-ledger").await?;
    let topic = admin.create_topic("example-paid").await?;
    admin.subscribe_queue(&topic, admin.queue_arn("example-ledger").await?).raw().await?;
    Ok(())
}

/// The shop: enqueues orders without a wait for each, and waits for all of them once.
async fn place_orders(client: Client) -> posthouse_client::Result<u32> {
    let orders = client.producer("example-orders").open().await?;
    for number in 1..=ORDERS {
        let order = json!({"order": number, "amount": number % 50 + 1});
        orders.enqueue(Message::new(order.to_string()).attribute("priority", number % 3)).await?;
    }
    orders.flush().await?;
    Ok(ORDERS)
}

/// The workers: 32 orders at once. An order that fails is tried again after a second, three times in all.
async fn charge_orders(client: Client) -> posthouse_client::Result<()> {
    let paid = client.publisher("example-paid").open().await?;
    let orders = client.consumer("example-orders").prefetch(128).open().await?;
    orders.for_each_concurrent(32, Duration::from_secs(1), async |order| charge(order, &paid).await).await
}

/// Charges an order, and says so to whom it concerns. It may run twice for one order, as everything that receives from
/// a queue: a real one would give the order's number to the bank, which charges each number once.
async fn charge(order: &Delivery, paid: &Publisher) -> Result<(), Box<dyn std::error::Error>> {
    let details: Value = serde_json::from_slice(order.body())?;
    let number = details["order"].as_u64().ok_or("an order without a number")?;
    if number % u64::from(BAD_CARD_EVERY) == 0 {
        return Err("the card was not accepted".into());
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    paid.publish(Notification::new(details.to_string()).subject("paid")).await?;
    Ok(())
}

/// The ledger: books what was paid, until all good orders are in.
async fn keep_ledger(client: Client) -> posthouse_client::Result<u32> {
    let expected = ORDERS - ORDERS / BAD_CARD_EVERY;
    let booked = AtomicU32::new(0);
    let mut incoming = client.consumer("example-ledger").open().await?;
    while let Some(entry) = incoming.try_next().await? {
        let count = booked.fetch_add(1, Ordering::Relaxed) + 1;
        if count == expected {
            // The last one is waited for, and with it all before.
            entry.ack_durable().await?;
            break;
        }
        entry.ack();
    }
    incoming.close().await;
    Ok(booked.into_inner())
}
