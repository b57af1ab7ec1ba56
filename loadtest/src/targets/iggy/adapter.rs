//! A stream for each run with one topic, which a consumer group reads over the binary protocol.
//!
//! Iggy is a log, not a queue. A partition is read by one consumer of the group at a time, so that a run with several
//! consumers needs as many partitions: `partitions` in the URL, 1 by default; those that get none find nothing. There
//! is no acknowledgement of single messages and no visibility timeout: settling stores the offset of the last message
//! of the last receive, and what lies before it is done with. When consumers come or go the server hands partitions
//! around, and what was received but not settled comes again, to another.
//!
//! A receive that finds nothing asks again every `poll_ms` milliseconds until its wait is over, as Iggy's own consumer
//! does. A batch is one request. Whether an acknowledged message is on the disk is the server's setting
//! (`enforce_fsync`, `messages_required_to_save`). The client library reconnects and repeats requests unless it is
//! told not to, which it is; it limits neither the time nor the size of an answer.

use std::sync::Arc;
use std::time::Duration;

use ::iggy::prelude::{
    Client, CompressionAlgorithm, Consumer as Reader, ConsumerGroupClient, ConsumerOffsetClient, DEFAULT_ROOT_PASSWORD,
    DEFAULT_ROOT_USERNAME, Identifier, IggyError, IggyExpiry, IggyMessage, MaxTopicSize, MessageClient, Partitioning,
    PollingStrategy, StreamClient, TcpClient, TcpClientConfig, TcpClientReconnectionConfig, TopicClient, UserClient,
};
use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Receipt, Refusals, Target,
};
use crate::targets::{Address, CONNECT_MAX};

/// The port of the binary protocol over TCP.
const PORT: u16 = 8090;
/// How often an empty topic is asked again, unless the URL says.
const POLL_MS: u32 = 5;
/// The longest time between two questions that makes sense.
const POLL_MS_MAX: u32 = 60_000;
/// What a topic can have.
const PARTITIONS_MAX: u32 = 1000;
/// The names within the stream of a run.
const TOPIC: &str = "queue";
const GROUP: &str = "workers";

/// A server.
struct Iggy {
    server: String,
    user: String,
    password: String,
    partitions: u32,
    poll: Duration,
}

/// A connection that sends to the topic.
struct Sending {
    client: TcpClient,
    place: Place,
}

/// A connection that is a member of the consumer group.
struct Polling {
    client: TcpClient,
    place: Place,
    reader: Reader,
    poll: Duration,
    /// Where the messages of the last receive are from.
    partition: u32,
}

/// Stream and topic of a run.
struct Place {
    stream: Identifier,
    topic: Identifier,
}

/// Opens the target of an `iggy://` URL.
pub(in super::super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [partitions, poll] = address.parameters(["partitions", "poll_ms"])?;
    let partitions = number("partitions", partitions, 1, PARTITIONS_MAX)?;
    let poll = number("poll_ms", poll, POLL_MS, POLL_MS_MAX)?;
    let (host, port) = address.host_and_port(PORT)?;
    let server = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let default = || (DEFAULT_ROOT_USERNAME.to_owned(), DEFAULT_ROOT_PASSWORD.to_owned());
    let (user, password) = address.credentials().unwrap_or_else(default);
    Ok(Arc::new(Iggy { server, user, password, partitions, poll: Duration::from_millis(poll.into()) }))
}

impl Iggy {
    async fn connect(&self) -> Result<TcpClient, Failure> {
        let reconnection = TcpClientReconnectionConfig { enabled: false, ..TcpClientReconnectionConfig::default() };
        let server_address = self.server.clone();
        let config = TcpClientConfig { server_address, reconnection, nodelay: true, ..TcpClientConfig::default() };
        let client = TcpClient::create(Arc::new(config)).map_err(failure)?;
        let connected = timeout(CONNECT_MAX, async {
            Client::connect(&client).await.map_err(|error| match error {
                IggyError::CannotEstablishConnection => Failure::Unreachable(format!("{}: {error}", self.server)),
                other => failure(other),
            })?;
            client.login_user(&self.user, &self.password).await.map_err(failure)
        });
        match connected.await {
            Ok(connected) => connected.map(|_| client),
            Err(_) => Err(Failure::Unreachable(format!("{}: no answer in {CONNECT_MAX:?}", self.server))),
        }
    }
}

#[async_trait]
impl Target for Iggy {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        match layout.kind {
            Kind::Queue => Ok(Promise::AT_LEAST_ONCE),
            Kind::Fifo => Err(Failure::Unsupported("Iggy has no message groups".to_owned())),
            Kind::Delay(_) => Err(Failure::Unsupported("Iggy has no delays".to_owned())),
            Kind::Fanout { .. } => Err(Failure::Unsupported("Iggy has no topics that deliver to queues".to_owned())),
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        self.promise(layout)?;
        let client = self.connect().await?;
        client.create_stream(&layout.prefix).await.map_err(failure)?;
        let Place { stream, topic } = Place::of(layout)?;
        let (plain, expiry, size) = (CompressionAlgorithm::None, IggyExpiry::NeverExpire, MaxTopicSize::Unlimited);
        client.create_topic(&stream, TOPIC, self.partitions, plain, None, expiry, size).await.map_err(failure)?;
        client.create_consumer_group(&stream, &topic, GROUP).await.map_err(failure)?;
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        self.promise(layout)?;
        let place = Place::of(layout)?;
        Ok(Box::new(Sending { client: self.connect().await?, place }))
    }

    async fn consumer(&self, layout: &Layout, _destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        self.promise(layout)?;
        let place = Place::of(layout)?;
        let group = Identifier::named(GROUP).map_err(failure)?;
        let client = self.connect().await?;
        client.join_consumer_group(&place.stream, &place.topic, &group).await.map_err(failure)?;
        let reader = Reader::group(group);
        Ok(Box::new(Polling { client, place, reader, poll: self.poll, partition: 0 }))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let client = self.connect().await?;
        let stream = Place::of(layout)?.stream;
        match client.get_stream(&stream).await.map_err(failure)? {
            Some(_) => client.delete_stream(&stream).await.map_err(failure),
            None => Ok(()),
        }
    }
}

impl Place {
    fn of(layout: &Layout) -> Result<Self, Failure> {
        let stream = Identifier::named(&layout.prefix).map_err(failure)?;
        Ok(Self { stream, topic: Identifier::named(TOPIC).map_err(failure)? })
    }
}

#[async_trait]
impl Producer for Sending {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        let message = |Outgoing { body, .. }: &Outgoing| {
            IggyMessage::builder().payload(Bytes::copy_from_slice(body.as_bytes())).build().map_err(failure)
        };
        let mut messages = batch.iter().map(message).collect::<Result<Vec<_>, _>>()?;
        let Place { stream, topic } = &self.place;
        let any = Partitioning::balanced();
        self.client.send_messages(stream, topic, &any, &mut messages).await.map_err(failure)?;
        Ok(Refusals::new())
    }
}

#[async_trait]
impl Consumer for Polling {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let (Place { stream, topic }, next) = (&self.place, PollingStrategy::next());
        let max = u32::try_from(max).unwrap_or(u32::MAX);
        let end = Instant::now() + wait;
        loop {
            let polled = self.client.poll_messages(stream, topic, None, &self.reader, &next, max, false);
            let polled = polled.await.map_err(failure)?;
            self.partition = polled.partition_id;
            let delivery = |message: IggyMessage| Delivery {
                body: message.payload,
                receipt: Receipt::Number(message.header.offset),
            };
            let left = end.saturating_duration_since(Instant::now());
            if !polled.messages.is_empty() || left.is_zero() {
                into.extend(polled.messages.into_iter().map(delivery));
                return Ok(());
            }
            sleep(self.poll.min(left)).await;
        }
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let offsets = deliveries.iter().map(|delivery| match delivery.receipt {
            Receipt::Number(offset) => Ok(offset),
            Receipt::Text(_) => Err(Failure::Unsupported("the delivery is of another broker".to_owned())),
        });
        let Some(last) = offsets.collect::<Result<Vec<_>, _>>()?.into_iter().max() else { return Ok(()) };
        let Place { stream, topic } = &self.place;
        let stored = self.client.store_consumer_offset(&self.reader, stream, topic, Some(self.partition), last);
        stored.await.map_err(failure)
    }
}

/// A parameter of the URL that is a number from 1.
fn number(name: &str, text: Option<String>, default: u32, max: u32) -> Result<u32, Failure> {
    let Some(text) = text else { return Ok(default) };
    let number = text.parse().ok().filter(|number| (1..=max).contains(number));
    number.ok_or_else(|| Failure::Unsupported(format!("{name} is `{text}`, not a number from 1 to {max}")))
}

/// What an error of the client library means.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes values")]
fn failure(error: IggyError) -> Failure {
    let said = error.to_string();
    match error {
        IggyError::Disconnected
        | IggyError::NotConnected
        | IggyError::CannotEstablishConnection
        | IggyError::ConnectionClosed
        | IggyError::ClientShutdown
        | IggyError::StaleClient
        | IggyError::TcpError => Failure::Disconnected(said),
        IggyError::Unauthenticated
        | IggyError::Unauthorized
        | IggyError::InvalidCredentials
        | IggyError::InvalidUsername
        | IggyError::InvalidPassword
        | IggyError::UserInactive => Failure::Denied(said),
        IggyError::EmptyResponse
        | IggyError::InvalidCommand
        | IggyError::InvalidFormat
        | IggyError::InvalidNumberEncoding => Failure::Malformed(said),
        _ => Failure::Refused(said),
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::targets::testing::{free_port, layout, target};

    #[tokio::test]
    async fn nobody_there_is_unreachable() {
        let prepared =
            target(&format!("iggy://127.0.0.1:{}", free_port())).prepare(&layout("nobody", Kind::Queue)).await;
        assert!(matches!(prepared, Err(Failure::Unreachable(_))), "{prepared:?}");
    }

    #[tokio::test]
    async fn a_server_that_hangs_up_is_a_failure_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("the loopback has free ports");
        let port = listener.local_addr().expect("it is bound").port();
        tokio::spawn(async move { while listener.accept().await.is_ok() {} });
        let prepared = target(&format!("iggy://127.0.0.1:{port}")).prepare(&layout("closed", Kind::Queue)).await;
        assert!(matches!(prepared, Err(Failure::Disconnected(_))), "{prepared:?}");
    }

    #[test]
    fn other_work_and_other_addresses_are_unsupported() {
        let server = target("iggy://me:secret@127.0.0.1?partitions=4&poll_ms=1");
        assert_eq!(server.promise(&layout("queue", Kind::Queue)), Ok(Promise::AT_LEAST_ONCE));
        let fanout = Kind::Fanout { queues: 2, filtered: false };
        for kind in [Kind::Fifo, fanout, Kind::Delay(Duration::from_secs(1))] {
            let promise = server.promise(&layout("other", kind));
            assert!(matches!(promise, Err(Failure::Unsupported(_))), "{kind:?}: {promise:?}");
        }
        for parameter in ["partitions=0", "partitions=many", "poll_ms=0", "tls=true"] {
            let address: Address = format!("iggy://127.0.0.1?{parameter}").parse().expect("a URL");
            assert!(matches!(address.open(), Err(Failure::Unsupported(_))), "{parameter}");
        }
    }
}
