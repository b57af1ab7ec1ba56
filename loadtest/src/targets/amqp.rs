//! AMQP 0.9.1 as RabbitMQ speaks it: a durable queue, classic or quorum, for each destination, publisher confirms, and
//! an ack for each message.
//!
//! Messages are persistent and mandatory: the broker refuses a message that no queue takes. A topic is an exchange of
//! kind `fanout`, or with filters of kind `direct` with the lot as routing key. Acks have no response: `settle` returns
//! when they are written. There is no visibility timeout: the broker delivers a message again if its consumer
//! disconnects before the ack.
//!
//! The broker pushes messages to a consumer until the number of unacknowledged ones reaches the prefetch (`basic.qos`).
//! `receive` returns up to a batch of the pushed messages and leaves the others for the next call. The prefetch is one
//! batch unless the URL says `prefetch=N`, so that a consumer does not hold messages that another could receive. A
//! prefetch of 1 is the slowest: each message waits for the ack of the one before.
//!
//! The client library runs a thread for each connection. Its recovery of connections is off.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{FutureExt, join_all, try_join_all};
use futures_util::stream::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind, ExchangeKind};
use tokio::time::timeout;

use super::{Address, CONNECT_MAX};
use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, SettleKey, Target,
};

const PORT: u16 = 5672;
/// The default user of RabbitMQ, who may connect from the same host.
const GUEST: &str = "guest";
/// How long a `receive` with a wait of zero waits for messages that the broker has pushed.
const ON_THE_WAY: Duration = Duration::from_millis(1);
/// The delivery mode of messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

struct Amqp {
    uri: AMQPUri,
    queue_type: &'static str,
    /// The most unacknowledged messages of a consumer; `None` for one batch.
    prefetch: Option<u16>,
}

/// A worker's connection and its only channel. Dropping it closes both.
struct Link {
    _connection: Connection,
    channel: Channel,
}

struct Sender {
    link: Link,
    route: Route,
}

/// The destination of published messages.
enum Route {
    /// A queue, through the exchange without a name.
    Queue(ShortString),
    /// An exchange, with the lot as routing key.
    Exchange(ShortString),
}

struct Receiver {
    link: Link,
    deliveries: lapin::Consumer,
}

/// Opens `amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST][?queue=classic|quorum&prefetch=N]`.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [queue, prefetch] = address.parameters(["queue", "prefetch"])?;
    let queue_type = match queue.as_deref() {
        None | Some("classic") => "classic",
        Some("quorum") => "quorum",
        Some(other) => {
            return Err(Failure::Unsupported(format!("{address}: queue is classic or quorum, not `{other}`")));
        }
    };
    let prefetch = prefetch.map(|text| match text.parse() {
        // In the protocol 0 means no limit.
        Ok(messages @ 1..) => Ok(messages),
        _ => Err(Failure::Unsupported(format!("{address}: prefetch is a number from 1 to {}, not `{text}`", u16::MAX))),
    });
    let prefetch = prefetch.transpose()?;
    let (host, port) = address.host_and_port(PORT)?;
    let (username, password) = address.credentials().unwrap_or_else(|| (GUEST.to_owned(), GUEST.to_owned()));
    let path = address.url().path();
    let vhost = path.strip_prefix('/').filter(|name| !name.is_empty()).unwrap_or("/");
    let uri = AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority { userinfo: AMQPUserInfo { username, password }, host, port },
        vhost: percent_encoding::percent_decode_str(vhost).decode_utf8_lossy().into_owned(),
        query: AMQPQueryString::default(),
    };
    Ok(Arc::new(Amqp { uri, queue_type, prefetch }))
}

/// The queue of a destination.
fn queue_name(layout: &Layout, destination: u32) -> ShortString {
    format!("{}-{destination}", layout.prefix).into()
}

/// The exchange of a topic and its kind; a single queue needs none.
fn exchange(layout: &Layout) -> Option<(ShortString, ExchangeKind)> {
    match layout.kind {
        Kind::Fanout { filtered, .. } => {
            let kind = if filtered { ExchangeKind::Direct } else { ExchangeKind::Fanout };
            Some((layout.prefix.as_str().into(), kind))
        }
        Kind::Queue | Kind::Fifo | Kind::Delay(_) => None,
    }
}

/// The routing key of a lot.
fn routing_key(lot: u32) -> ShortString {
    lot.to_string().into()
}

impl Amqp {
    async fn connect(&self) -> Result<Link, Failure> {
        let connecting = Connection::connect_uri(self.uri.clone(), ConnectionProperties::default());
        let connected = timeout(CONNECT_MAX, connecting).await;
        let connected = connected.map_err(|_| Failure::Unreachable(format!("no answer within {CONNECT_MAX:?}")))?;
        let connection = connected.map_err(|error| match failure(&error) {
            Failure::Disconnected(why) => Failure::Unreachable(why),
            other => other,
        })?;
        let channel = answer(connection.create_channel()).await?;
        Ok(Link { _connection: connection, channel })
    }

    async fn declare_queue(&self, channel: &Channel, name: ShortString) -> Result<(), Failure> {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString(self.queue_type.into()));
        answer(channel.queue_declare(name, options, arguments)).await.map(drop)
    }
}

#[async_trait]
impl Target for Amqp {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        match layout.kind {
            Kind::Queue | Kind::Fanout { .. } => Ok(Promise::AT_LEAST_ONCE),
            Kind::Fifo => Err(Failure::Unsupported("AMQP has no message groups".to_owned())),
            Kind::Delay(_) => Err(Failure::Unsupported("AMQP has no delays".to_owned())),
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        self.promise(layout)?;
        let link = self.connect().await?;
        let exchange = exchange(layout);
        if let Some((name, kind)) = &exchange {
            let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
            let declaring = link.channel.exchange_declare(name.clone(), kind.clone(), options, FieldTable::default());
            answer(declaring).await?;
        }
        for destination in 0..layout.kind.destinations() {
            let queue = queue_name(layout, destination);
            self.declare_queue(&link.channel, queue.clone()).await?;
            if let Some((exchange, _)) = &exchange {
                let (key, options) = (routing_key(destination), QueueBindOptions::default());
                answer(link.channel.queue_bind(queue, exchange.clone(), key, options, FieldTable::default())).await?;
            }
        }
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        let link = self.connect().await?;
        answer(link.channel.confirm_select(ConfirmSelectOptions::default())).await?;
        let route = match exchange(layout) {
            Some((name, _)) => Route::Exchange(name),
            None => Route::Queue(queue_name(layout, 0)),
        };
        Ok(Box::new(Sender { link, route }))
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let link = self.connect().await?;
        let prefetch = self.prefetch.unwrap_or_else(|| u16::try_from(layout.batch).unwrap_or(u16::MAX));
        answer(link.channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let (queue, options) = (queue_name(layout, destination), BasicConsumeOptions::default());
        let consuming = link.channel.basic_consume(queue, ShortString::default(), options, FieldTable::default());
        let deliveries = answer(consuming).await?;
        Ok(Box::new(Receiver { link, deliveries }))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let link = self.connect().await?;
        for destination in 0..layout.kind.destinations() {
            let queue = queue_name(layout, destination);
            answer(link.channel.queue_delete(queue, QueueDeleteOptions::default())).await?;
        }
        if let Some((name, _)) = exchange(layout) {
            answer(link.channel.exchange_delete(name, ExchangeDeleteOptions::default())).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Producer for Sender {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        // The first poll of each future, in their order, hands its message to the connection.
        let publishing = batch.iter().map(|message| self.publish(message));
        let confirmations = join_all(publishing).await;
        let mut refusals = Refusals::new();
        for (index, confirmation) in confirmations.into_iter().enumerate() {
            match confirmation.map_err(|error| failure(&error))? {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(returned)) => {
                    refusals.push((index, format!("{} {}", returned.reply_code, returned.reply_text)));
                }
                Confirmation::Nack(_) => refusals.push((index, "not confirmed (basic.nack)".to_owned())),
                Confirmation::NotRequested => unreachable!("the channel was put into confirm mode"),
            }
        }
        Ok(refusals)
    }
}

impl Sender {
    async fn publish(&self, message: &Outgoing) -> lapin::Result<Confirmation> {
        let (exchange, key) = match &self.route {
            Route::Queue(queue) => (ShortString::default(), queue.clone()),
            Route::Exchange(exchange) => (exchange.clone(), routing_key(message.lot)),
        };
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let body = message.body.as_bytes();
        self.link.channel.basic_publish(exchange, key, options, body, properties).await?.await
    }
}

#[async_trait]
impl Consumer for Receiver {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let Ok(mut next) = timeout(wait.max(ON_THE_WAY), self.deliveries.next()).await else { return Ok(()) };
        let enough = into.len() + max;
        loop {
            let message = next.ok_or_else(|| Failure::Disconnected("the broker cancelled the consumer".to_owned()))?;
            let message = message.map_err(|error| failure(&error))?;
            let settle_key = SettleKey::Number(message.delivery_tag);
            into.push(Delivery { body: Bytes::from(message.data), settle_key });
            // A message taken from the stream now could not be returned.
            if into.len() == enough {
                return Ok(());
            }
            match self.deliveries.next().now_or_never() {
                Some(message) => next = message,
                None => return Ok(()),
            }
        }
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let acks = deliveries.iter().map(|delivery| match delivery.settle_key {
            SettleKey::Number(tag) => self.link.channel.basic_ack(tag, BasicAckOptions::default()),
            SettleKey::Text(_) => unreachable!("the settle keys of this adapter are delivery tags"),
        });
        answer(try_join_all(acks)).await.map(drop)
    }
}

/// The result of a call.
async fn answer<T>(call: impl Future<Output = lapin::Result<T>>) -> Result<T, Failure> {
    call.await.map_err(|error| failure(&error))
}

/// The failure of an error of the client library on an open connection. After an error of the protocol the broker has
/// closed the channel. The next call fails with [`Failure::Disconnected`], so that the driver opens a new connection.
fn failure(error: &lapin::Error) -> Failure {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) | AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                Failure::Denied(text)
            }
            AMQPErrorKind::Soft(_) => Failure::Refused(text),
            AMQPErrorKind::Hard(AMQPHardError::CONNECTIONFORCED) => Failure::Disconnected(text),
            AMQPErrorKind::Hard(_) => Failure::Malformed(text),
        },
        ErrorKind::AuthProviderError(_) => Failure::Denied(text),
        ErrorKind::ParsingError(_) | ErrorKind::InvalidProtocolVersion(_) | ErrorKind::SerialisationError(_) => {
            Failure::Malformed(text)
        }
        _ => Failure::Disconnected(text),
    }
}

#[cfg(test)]
mod tests;
