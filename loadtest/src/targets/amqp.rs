//! AMQP 0.9.1 as RabbitMQ speaks it: a durable queue, classic or quorum, for each destination, publisher confirms, and
//! an ack for each message.
//!
//! Messages are persistent and mandatory: one that no queue takes is refused. A topic is an exchange: of kind `fanout`,
//! or, with filters, of kind `direct`, whose routing key is the lot. Acks have no answer: `settle` ends when they are
//! written. What is not acknowledged comes again when its consumer is gone; there is no visibility timeout.
//!
//! The broker pushes messages to a consumer until as many are not acknowledged as the prefetch says (`basic.qos`);
//! `receive` takes of those that have come, and leaves the others for the next. The prefetch is a batch, so that no
//! consumer holds what another could have, unless the URL says `prefetch=N`. A prefetch of 1 is RabbitMQ's slowest: each
//! message waits for the ack of the one before.
//!
//! The client library runs a thread of its own for each connection. Its recovery of connections stays off.

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
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Receipt, Refusals, Target,
};

const PORT: u16 = 5672;
/// Who everybody is to a RabbitMQ on the same host, unless told otherwise.
const GUEST: &str = "guest";
/// What a `receive` that does not wait gives to messages that are on their way.
const ON_THE_WAY: Duration = Duration::from_millis(1);
/// Survives a restart of the broker.
const PERSISTENT: u8 = 2;

struct Amqp {
    uri: AMQPUri,
    queue_type: &'static str,
    /// Messages that a consumer may hold unacknowledged; `None` for a batch.
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

/// Where messages are published to.
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
        // To the protocol, 0 is no limit.
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
        // The first poll of each, in their order, hands the message to the connection.
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
            let receipt = Receipt::Number(message.delivery_tag);
            into.push(Delivery { body: Bytes::from(message.data), receipt });
            // What is taken from the stream now would come to nobody.
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
        let acks = deliveries.iter().map(|delivery| match delivery.receipt {
            Receipt::Number(tag) => self.link.channel.basic_ack(tag, BasicAckOptions::default()),
            Receipt::Text(_) => unreachable!("the receipts of this adapter are delivery tags"),
        });
        answer(try_join_all(acks)).await.map(drop)
    }
}

/// The result of a call.
async fn answer<T>(call: impl Future<Output = lapin::Result<T>>) -> Result<T, Failure> {
    call.await.map_err(|error| failure(&error))
}

/// What an error of the client library means, on a connection that was there. After an error of the protocol the broker
/// has closed the channel: the next call finds it closed, and asks for a new connection.
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
