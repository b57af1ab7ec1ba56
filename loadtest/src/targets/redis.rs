//! Redis Streams: XADD, XREADGROUP and XACK on one stream, with a consumer group for each destination.
//!
//! A batch is sent as a pipeline of XADD, received by one XREADGROUP and settled by one XACK, which takes many ids.
//! Redis never delivers an entry again by itself. A consumer that finds no new entry claims (XAUTOCLAIM) entries that
//! another has not acknowledged within the visibility timeout.
//!
//! Entries stay in the stream, in memory, after XACK, until `remove` deletes the key. The server's settings
//! `appendonly` and `appendfsync` decide how durable an acknowledged entry is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, Pipeline, RedisConnectionInfo,
    RedisError, ServerError, Value, cmd,
};
use tokio::time::timeout;

use super::{Address, CONNECT_MAX};
use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, SettleKey, Target,
};

const PORT: u16 = 6379;
/// The entry's only field: the body.
const FIELD: &str = "b";

struct Redis {
    client: Client,
    /// The number of the next consumer, which is its name in the group.
    consumers: AtomicU64,
}

struct Sender {
    connection: Connection,
    key: String,
}

struct Receiver {
    connection: Connection,
    key: String,
    group: String,
    name: String,
    visibility_timeout: Duration,
}

/// A connection.
struct Connection(MultiplexedConnection);

/// Opens `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [] = address.parameters([])?;
    let client = Client::open(server(address)?).map_err(|error| Failure::Unsupported(format!("{address}: {error}")))?;
    Ok(Arc::new(Redis { client, consumers: AtomicU64::new(0) }))
}

fn server(address: &Address) -> Result<redis::ConnectionInfo, Failure> {
    let unsupported = |what: &dyn std::fmt::Display| Failure::Unsupported(format!("{address}: {what}"));
    let (host, port) = address.host_and_port(PORT)?;
    let mut settings = RedisConnectionInfo::default();
    if let Some((user, password)) = address.credentials() {
        settings = settings.set_username(user).set_password(password);
    } else if let Some(password) = address.url().password() {
        settings = settings.set_password(percent_encoding::percent_decode_str(password).decode_utf8_lossy());
    }
    let path = address.url().path().trim_matches('/');
    if !path.is_empty() {
        settings = settings.set_db(path.parse().map_err(|_| unsupported(&"a database of Redis is a number"))?);
    }
    let server = ConnectionAddr::Tcp(host, port).into_connection_info().map_err(|error| unsupported(&error))?;
    Ok(server.set_redis_settings(settings))
}

/// The stream of a run.
fn key(layout: &Layout) -> String {
    layout.prefix.clone()
}

/// The consumer group of a destination.
fn group(destination: u32) -> String {
    format!("destination-{destination}")
}

impl Redis {
    async fn connect(&self) -> Result<Connection, Failure> {
        // Responses have no limit of time, because a blocking read waits for messages.
        let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_MAX)).set_response_timeout(None);
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        let connected = timeout(CONNECT_MAX, connecting).await;
        let connected = connected.map_err(|_| Failure::Unreachable(format!("no answer within {CONNECT_MAX:?}")))?;
        connected.map(Connection).map_err(|error| match failure(&error) {
            Failure::Disconnected(why) => Failure::Unreachable(why),
            other => other,
        })
    }
}

#[async_trait]
impl Target for Redis {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        match layout.kind {
            Kind::Queue | Kind::Fanout { filtered: false, .. } => Ok(Promise::AT_LEAST_ONCE),
            Kind::Fifo => Err(Failure::Unsupported("Redis Streams have no message groups".to_owned())),
            Kind::Delay(_) => Err(Failure::Unsupported("Redis Streams have no delays".to_owned())),
            Kind::Fanout { filtered: true, .. } => {
                Err(Failure::Unsupported("consumer groups of Redis Streams have no filters".to_owned()))
            }
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        self.promise(layout)?;
        let mut connection = self.connect().await?;
        for destination in 0..layout.kind.destinations() {
            let mut create = cmd("XGROUP");
            create.arg("CREATE").arg(key(layout)).arg(group(destination)).arg("0").arg("MKSTREAM");
            connection.ask(&create).await?;
        }
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        Ok(Box::new(Sender { connection: self.connect().await?, key: key(layout) }))
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let number = self.consumers.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Receiver {
            connection: self.connect().await?,
            key: key(layout),
            group: group(destination),
            name: format!("worker-{number}"),
            visibility_timeout: layout.visibility_timeout,
        }))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let mut delete = cmd("UNLINK");
        delete.arg(key(layout));
        self.connect().await?.ask(&delete).await.map(drop)
    }
}

#[async_trait]
impl Producer for Sender {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        let mut adds = Pipeline::with_capacity(batch.len());
        for message in batch {
            adds.cmd("XADD").arg(&self.key).arg("*").arg(FIELD).arg(&message.body);
        }
        let answers = self.connection.ask_all(&adds).await?;
        let mut refusals = Refusals::new();
        for (index, answer) in answers.into_iter().enumerate() {
            match answer {
                Value::BulkString(_) => {}
                Value::ServerError(error) => match refusal(&error) {
                    Failure::Refused(why) => refusals.push((index, why)),
                    other => return Err(other),
                },
                other => return Err(strange("XADD", &other)),
            }
        }
        Ok(refusals)
    }
}

#[async_trait]
impl Consumer for Receiver {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(&self.group).arg(&self.name).arg("COUNT").arg(max);
        if !wait.is_zero() {
            // BLOCK 0 would wait without a limit.
            read.arg("BLOCK").arg(wait.as_millis().max(1).to_string());
        }
        read.arg("STREAMS").arg(&self.key).arg(">");
        match self.connection.ask(&read).await? {
            Value::Nil => self.claim(max, into).await,
            // The one stream that was requested: its key and its entries.
            Value::Array(streams) => {
                for stream in streams {
                    let [_, entries] = parts("XREADGROUP", stream)?;
                    deliveries(entries, into)?;
                }
                Ok(())
            }
            other => Err(strange("XREADGROUP", &other)),
        }
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let mut acknowledge = cmd("XACK");
        acknowledge.arg(&self.key).arg(&self.group);
        for delivery in deliveries {
            match &delivery.settle_key {
                SettleKey::Text(id) => acknowledge.arg(&id[..]),
                SettleKey::Number(_) => unreachable!("the settle keys of this adapter are ids"),
            };
        }
        self.connection.ask(&acknowledge).await.map(drop)
    }
}

impl Receiver {
    /// Claims entries that have been pending for longer than the visibility timeout.
    async fn claim(&mut self, max: usize, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(&self.key).arg(&self.group).arg(&self.name);
        claim.arg(self.visibility_timeout.as_millis().to_string()).arg("0").arg("COUNT").arg(max);
        match self.connection.ask(&claim).await? {
            // The next start id, the entries, and since Redis 7 the ids of entries that were deleted.
            Value::Array(answer) if answer.len() >= 2 => {
                let entries = answer.into_iter().nth(1).expect("there are at least 2");
                deliveries(entries, into)
            }
            other => Err(strange("XAUTOCLAIM", &other)),
        }
    }
}

impl Connection {
    /// The response to a command.
    async fn ask(&mut self, command: &Cmd) -> Result<Value, Failure> {
        match self.0.send_packed_command(command).await.map_err(|error| failure(&error))? {
            Value::ServerError(error) => Err(refusal(&error)),
            value => Ok(value),
        }
    }

    /// The responses to all commands of a pipeline. The error of a command is one of them.
    async fn ask_all(&mut self, commands: &Pipeline) -> Result<Vec<Value>, Failure> {
        let answers = self.0.send_packed_commands(commands, 0, commands.len()).await;
        let answers = answers.map_err(|error| failure(&error))?;
        if answers.len() == commands.len() {
            Ok(answers)
        } else {
            Err(Failure::Malformed(format!("{} answers to {} commands", answers.len(), commands.len())))
        }
    }
}

/// Reads entries: each an id and its fields, or nil for a deleted entry.
fn deliveries(entries: Value, into: &mut Vec<Delivery>) -> Result<(), Failure> {
    let Value::Array(entries) = entries else { return Err(strange("a list of entries", &entries)) };
    for entry in entries {
        if entry == Value::Nil {
            continue;
        }
        let [id, fields] = parts("an entry", entry)?;
        let [_, body] = parts("the fields of an entry", fields)?;
        match (id, body) {
            (Value::BulkString(id), Value::BulkString(body)) => {
                into.push(Delivery { body: Bytes::from(body), settle_key: SettleKey::Text(Bytes::from(id)) });
            }
            (id, _) => return Err(strange("an entry", &id)),
        }
    }
    Ok(())
}

/// The two values of an array of two.
fn parts(what: &str, value: Value) -> Result<[Value; 2], Failure> {
    match value {
        Value::Array(parts) => parts.try_into().map_err(|parts| strange(what, &Value::Array(parts))),
        other => Err(strange(what, &other)),
    }
}

fn strange(what: &str, value: &Value) -> Failure {
    Failure::Malformed(format!("unexpected answer for {what}: {value:?}"))
}

/// The failure of a server's error.
fn refusal(error: &ServerError) -> Failure {
    let text = format!("{} {}", error.code(), error.details().unwrap_or_default());
    if denies(error.code()) { Failure::Denied(text) } else { Failure::Refused(text) }
}

/// The failure of an error of the client library on an open connection.
fn failure(error: &RedisError) -> Failure {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::AuthenticationFailed => Failure::Denied(text),
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Failure::Malformed(text),
        ErrorKind::Server(_) | ErrorKind::Extension => {
            if error.code().is_some_and(denies) {
                Failure::Denied(text)
            } else {
                Failure::Refused(text)
            }
        }
        _ => Failure::Disconnected(text),
    }
}

fn denies(code: &str) -> bool {
    matches!(code, "NOAUTH" | "WRONGPASS" | "NOPERM")
}

#[cfg(test)]
mod tests;
