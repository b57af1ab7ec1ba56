//! NATS JetStream: publishing with acknowledgement, a durable pull consumer for each destination, an ack for each
//! message.
//!
//! A run has one stream in files: a work queue, or for a topic a stream that keeps a message until each interested
//! consumer has acknowledged it. Lot `n` is published to the subject `PREFIX.n`, by which filtered consumers select. A
//! `receive` is one pull request with `no_wait` and `expires`. The server responds as soon as it has a message, and
//! ends the request with a status if there are fewer than requested. A plain ack has no response: `settle` returns when
//! the acks are written. With `ack=double` it waits for the server's confirmation of each.
//!
//! The client library would reconnect by itself. Here the first loss of the connection ends every call with
//! [`Failure::Disconnected`], and the driver opens another.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{
    ContextBuilder, CreateStreamErrorKind, DeleteStreamErrorKind, PublishError, PublishErrorKind,
};
use async_nats::jetstream::stream::{self, ConsumerErrorKind, RetentionPolicy, StorageType};
use async_nats::jetstream::{AckKind, Context, ErrorCode};
use async_nats::{
    ConnectErrorKind, ConnectOptions, Event, RequestErrorKind, ServerError, StatusCode, Subject, Subscriber,
};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::try_join_all;
use tokio::sync::watch;

use super::{ANSWER_MAX, Address, CONNECT_MAX};
use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, SettleKey, Target,
};

const PORT: u16 = 4222;
/// The most pull requests of one destination that wait at the server. Its default of 512 is less than the most workers.
const REQUESTS_MAX: i64 = 65_536;

struct Nats {
    server: String,
    credentials: Option<(String, String)>,
    double_ack: bool,
}

/// A worker's connection.
struct Link {
    context: Context,
    /// The failure that ended the connection, once it has ended.
    end: watch::Receiver<Option<Failure>>,
}

struct Sender {
    link: Link,
    prefix: String,
}

struct Receiver {
    link: Link,
    consumer: PullConsumer,
    inbox: Subject,
    answers: Subscriber,
    double_ack: bool,
}

/// Opens `nats://[USER:PASSWORD@]HOST[:PORT][?ack=single|double]`.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [ack] = address.parameters(["ack"])?;
    let double_ack = match ack.as_deref() {
        None | Some("single") => false,
        Some("double") => true,
        Some(other) => return Err(Failure::Unsupported(format!("{address}: ack is single or double, not `{other}`"))),
    };
    let (host, port) = address.host_and_port(PORT)?;
    let server = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    Ok(Arc::new(Nats { server, credentials: address.credentials(), double_ack }))
}

/// The subject of a lot.
fn subject(prefix: &str, lot: u32) -> String {
    format!("{prefix}.{lot}")
}

/// The consumer of a destination.
fn consumer_name(destination: u32) -> String {
    format!("destination-{destination}")
}

fn stream_config(layout: &Layout) -> stream::Config {
    let retention = match layout.kind {
        Kind::Fanout { .. } => RetentionPolicy::Interest,
        Kind::Queue | Kind::Fifo | Kind::Delay(_) => RetentionPolicy::WorkQueue,
    };
    stream::Config {
        name: layout.prefix.clone(),
        subjects: vec![format!("{}.*", layout.prefix)],
        storage: StorageType::File,
        retention,
        ..stream::Config::default()
    }
}

fn consumer_config(layout: &Layout, destination: u32) -> pull::Config {
    let filtered = matches!(layout.kind, Kind::Fanout { filtered: true, .. });
    pull::Config {
        durable_name: Some(consumer_name(destination)),
        ack_policy: AckPolicy::Explicit,
        ack_wait: layout.visibility_timeout,
        max_ack_pending: -1,
        max_waiting: REQUESTS_MAX,
        filter_subject: if filtered { subject(&layout.prefix, destination) } else { String::new() },
        ..pull::Config::default()
    }
}

impl Nats {
    async fn connect(&self) -> Result<Link, Failure> {
        let (sender, end) = watch::channel(None);
        let mut options = ConnectOptions::new()
            .connection_timeout(CONNECT_MAX)
            .request_timeout(None)
            .ignore_discovered_servers()
            // The minimum of the library. Before it reconnects, `end` is set, and the connection is not used any more.
            .max_reconnects(1)
            .event_callback(move |event| {
                if let Some(why) = ending(&event) {
                    sender.send_modify(|end| _ = end.get_or_insert(why));
                }
                std::future::ready(())
            });
        if let Some((user, password)) = &self.credentials {
            options = options.user_and_password(user.clone(), password.clone());
        }
        let client = options.connect(&self.server).await.map_err(|error| match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                Failure::Denied(error.to_string())
            }
            _ => Failure::Unreachable(error.to_string()),
        })?;
        Ok(Link { context: ContextBuilder::new().timeout(ANSWER_MAX).build(client), end })
    }
}

/// The failure with which an event of the client library ends the connection; `None` if it goes on.
fn ending(event: &Event) -> Option<Failure> {
    match event {
        Event::Disconnected | Event::Closed => Some(closed()),
        Event::ServerError(ServerError::AuthorizationViolation) => Some(Failure::Denied(event.to_string())),
        // The server reports this and does not respond to the request.
        Event::ServerError(ServerError::Other(text)) if text.to_lowercase().contains("permissions violation") => {
            Some(Failure::Denied(text.clone()))
        }
        _ => None,
    }
}

#[async_trait]
impl Target for Nats {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        match layout.kind {
            Kind::Queue | Kind::Fanout { .. } => Ok(Promise::AT_LEAST_ONCE),
            Kind::Fifo => Err(Failure::Unsupported("JetStream has no message groups".to_owned())),
            Kind::Delay(_) => Err(Failure::Unsupported("JetStream has no delays of messages that are new".to_owned())),
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        self.promise(layout)?;
        let link = self.connect().await?;
        link.unless_it_ends(async {
            let created = link.context.create_stream(stream_config(layout)).await;
            created.map_err(|error| stream_failure(error.kind(), &error))?;
            for destination in 0..layout.kind.destinations() {
                let config = consumer_config(layout, destination);
                let created = link.context.create_consumer_on_stream(config, &layout.prefix).await;
                created.map_err(|error| consumer_failure(error.kind(), &error))?;
            }
            Ok(())
        })
        .await
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        Ok(Box::new(Sender { link: self.connect().await?, prefix: layout.prefix.clone() }))
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let link = self.connect().await?;
        let client = link.context.client();
        let (consumer, inbox, answers) = link
            .unless_it_ends(async {
                let name = consumer_name(destination);
                let consumer = link.context.get_consumer_from_stream(name, &layout.prefix).await;
                let consumer = consumer.map_err(|error| consumer_failure(error.kind(), &error))?;
                let inbox = Subject::from(client.new_inbox());
                let answers = client.subscribe(inbox.clone()).await.map_err(|_| closed())?;
                Ok((consumer, inbox, answers))
            })
            .await?;
        Ok(Box::new(Receiver { link, consumer, inbox, answers, double_ack: self.double_ack }))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let link = self.connect().await?;
        link.unless_it_ends(async {
            match link.context.delete_stream(&layout.prefix).await {
                Ok(_) => Ok(()),
                Err(error) => match error.kind() {
                    DeleteStreamErrorKind::JetStream(why) if why.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(()),
                    DeleteStreamErrorKind::JetStream(why) => Err(Failure::Refused(why.to_string())),
                    _ => Err(Failure::Disconnected(error.to_string())),
                },
            }
        })
        .await
    }
}

#[async_trait]
impl Producer for Sender {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        let (context, prefix) = (&self.link.context, &self.prefix);
        self.link
            .unless_it_ends(async {
                let mut published = Vec::with_capacity(batch.len());
                for message in batch {
                    let body = Bytes::copy_from_slice(message.body.as_bytes());
                    published.push(context.publish(subject(prefix, message.lot), body).await);
                }
                let mut refusals = Refusals::new();
                for (index, acknowledgement) in published.into_iter().enumerate() {
                    let acknowledged = match acknowledgement {
                        Ok(acknowledgement) => acknowledgement.await.map(drop),
                        Err(error) => Err(error),
                    };
                    match acknowledged.map_err(|error| publish_failure(&error)) {
                        Ok(()) => {}
                        Err(Failure::Refused(why)) => refusals.push((index, why)),
                        Err(other) => return Err(other),
                    }
                }
                Ok(refusals)
            })
            .await
    }
}

#[async_trait]
impl Consumer for Receiver {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let Self { link, consumer, inbox, answers, .. } = self;
        link.unless_it_ends(async {
            let expires = (!wait.is_zero()).then_some(wait);
            let request = pull::BatchConfig { batch: max, expires, no_wait: true, ..pull::BatchConfig::default() };
            consumer.request_batch(request, inbox.clone()).await.map_err(|_| closed())?;
            let mut left = max;
            while left > 0 {
                let answer = answers.next().await.ok_or_else(closed)?;
                match answer.status {
                    None | Some(StatusCode::OK) => {
                        into.push(delivery(answer)?);
                        left -= 1;
                    }
                    Some(StatusCode::IDLE_HEARTBEAT) => {}
                    // There is no message, or the request got all there were, or it has expired.
                    Some(StatusCode::NOT_FOUND | StatusCode::TIMEOUT) => break,
                    Some(other) => {
                        let why = answer.description.as_deref().unwrap_or("without a reason");
                        return Err(Failure::Refused(format!("status {other}: {why}")));
                    }
                }
            }
            Ok(())
        })
        .await
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let client = self.link.context.client();
        let double_ack = self.double_ack;
        self.link
            .unless_it_ends(async {
                if double_ack {
                    let acks = deliveries.iter().map(|delivery| {
                        let client = client.clone();
                        async move { client.request(reply(delivery), AckKind::Ack.into()).await }
                    });
                    return try_join_all(acks).await.map(drop).map_err(|error| match error.kind() {
                        RequestErrorKind::NoResponders => Failure::Refused(error.to_string()),
                        _ => Failure::Disconnected(error.to_string()),
                    });
                }
                for delivery in deliveries {
                    client.publish(reply(delivery), AckKind::Ack.into()).await.map_err(|_| closed())?;
                }
                client.flush().await.map_err(|_| closed())
            })
            .await
    }
}

impl Link {
    /// Awaits `work`. Fails if the connection ends first.
    async fn unless_it_ends<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let mut end = self.end.clone();
        let ended = async {
            match end.wait_for(Option::is_some).await {
                Ok(end) => end.clone().expect("this was waited for"),
                Err(_) => closed(),
            }
        };
        tokio::select! {
            biased;
            failure = ended => Err(failure),
            result = work => result,
        }
    }
}

fn delivery(message: async_nats::Message) -> Result<Delivery, Failure> {
    let reply = message.reply.ok_or_else(|| Failure::Malformed("a message without a reply subject".to_owned()))?;
    let settle_key = SettleKey::Text(Bytes::from(reply.into_string()));
    Ok(Delivery { body: message.payload, settle_key })
}

/// The subject of the ack of a delivery.
fn reply(delivery: &Delivery) -> Subject {
    match &delivery.settle_key {
        SettleKey::Text(subject) => Subject::try_from(subject.clone()).expect("it was a subject"),
        SettleKey::Number(_) => unreachable!("the settle keys of this adapter are subjects"),
    }
}

fn closed() -> Failure {
    Failure::Disconnected("the connection was closed".to_owned())
}

fn without_jetstream() -> Failure {
    Failure::Unsupported("the server runs without JetStream: start it as `nats-server -js`".to_owned())
}

fn stream_failure(kind: CreateStreamErrorKind, error: &dyn std::error::Error) -> Failure {
    match kind {
        CreateStreamErrorKind::JetStreamUnavailable => without_jetstream(),
        CreateStreamErrorKind::JetStream(why)
            if [ErrorCode::JETSTREAM_NOT_ENABLED, ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT]
                .contains(&why.error_code()) =>
        {
            without_jetstream()
        }
        CreateStreamErrorKind::TimedOut | CreateStreamErrorKind::Response => Failure::Disconnected(error.to_string()),
        CreateStreamErrorKind::ResponseParse => Failure::Malformed(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

fn consumer_failure(kind: ConsumerErrorKind, error: &dyn std::error::Error) -> Failure {
    match kind {
        ConsumerErrorKind::JetStream(why) => Failure::Refused(why.to_string()),
        ConsumerErrorKind::TimedOut | ConsumerErrorKind::Request => Failure::Disconnected(error.to_string()),
        _ => Failure::Malformed(error.to_string()),
    }
}

fn publish_failure(error: &PublishError) -> Failure {
    match error.kind() {
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Failure::Disconnected(error.to_string()),
        _ => Failure::Refused(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
