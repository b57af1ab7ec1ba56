//! An order pipeline: a shop enqueues orders, workers charge them, and what was paid is published to a topic that a
//! ledger listens to. Orders that cannot be charged go to a dead-letter queue, which a clerk reads.
//!
//! With a broker on this machine:
//!
//! ```sh
//! cargo run -p posthouse-client --example order_pipeline -- posthouse://127.0.0.1:9326
//! ```

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use posthouse_client::{Client, Consumer, Delivery, Message, Notification, Publisher};
use serde_json::{Value, json};

/// How many orders are placed.
const ORDERS: u32 = 1_000;
/// Every order whose number is a multiple of this has a card that is never accepted.
const BAD_CARD_EVERY: u32 = 100;
const FAILED: u32 = ORDERS / BAD_CARD_EVERY;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "posthouse://127.0.0.1:9326".to_owned());
    let mut builder = Client::builder(url);
    if let (Ok(key), Ok(secret)) = (std::env::var("AWS_ACCESS_KEY_ID"), std::env::var("AWS_SECRET_ACCESS_KEY")) {
        builder = builder.credentials(key, secret);
    }
    println!("{}", run(builder.connect().await?).await?);
    Ok(())
}

/// Runs the pipeline until every order is booked or has failed. Returns a line that says so.
pub(crate) async fn run(client: Client) -> Result<String, Box<dyn Error + Send + Sync>> {
    set_up(&client).await?;
    let orders = client.consumer("example-orders").prefetch(128).open().await?;
    let paid = client.publisher("example-paid").open().await?;
    let stopper = orders.stopper();
    let workers = tokio::spawn(charge_orders(orders, paid));

    let (placed, booked, failed) = tokio::try_join!(
        place_orders(&client),
        read_numbers(&client, "example-ledger", ORDERS - FAILED),
        read_numbers(&client, "example-orders-failed", FAILED),
    )?;
    stopper.stop();
    workers.await??;
    client.close().await;
    Ok(format!("{placed} orders placed, {} booked, {} failed", booked.len(), failed.len()))
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
async fn place_orders(client: &Client) -> posthouse_client::Result<u32> {
    let orders = client.producer("example-orders").open().await?;
    for number in 1..=ORDERS {
        let order = json!({"order": number, "amount": number % 50 + 1});
        orders.enqueue(Message::new(order.to_string()).attribute("priority", number % 3)).await?;
    }
    orders.flush().await?;
    Ok(ORDERS)
}

/// The workers: 32 orders at once. An order that fails is tried again after a second, three times in all.
async fn charge_orders(orders: Consumer, paid: Publisher) -> posthouse_client::Result<()> {
    let charge = move |order: Arc<Delivery>| {
        let paid = paid.clone();
        async move { charge(&order, &paid).await }
    };
    orders.for_each_concurrent(32, Duration::from_secs(1), charge).await
}

/// Charges an order, and says so to whom it concerns. It may run twice for one order, as everything that receives from
/// a queue: a real one would give the order's number to the bank, which charges each number once.
async fn charge(order: &Delivery, paid: &Publisher) -> Result<(), Box<dyn Error>> {
    let details: Value = serde_json::from_slice(order.body())?;
    let number = details["order"].as_u64().ok_or("an order without a number")?;
    if number % u64::from(BAD_CARD_EVERY) == 0 {
        return Err("the card was not accepted".into());
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    paid.publish(Notification::new(details.to_string()).subject("paid")).await?;
    Ok(())
}

/// The ledger and the clerk: note the numbers of the orders in a queue, until there are so many. A message that comes
/// again, as after a lost connection, counts once.
async fn read_numbers(client: &Client, queue: &str, count: u32) -> posthouse_client::Result<BTreeSet<u64>> {
    let mut incoming = client.consumer(queue).open().await?;
    let mut numbers = BTreeSet::new();
    while numbers.len() < count as usize {
        let Some(entry) = incoming.try_next().await? else { break };
        let order: Value = serde_json::from_slice(entry.body()).unwrap_or_default();
        numbers.extend(order["order"].as_u64());
        entry.ack();
    }
    // The broker has deleted what was acknowledged.
    incoming.close().await;
    Ok(numbers)
}
