//! PostgreSQL: the ordinary queue table. Sending inserts, receiving selects with `FOR UPDATE SKIP LOCKED`, settling
//! deletes and commits.
//!
//! A receive leaves its transaction open, on the worker's own connection, until it is settled. Its rows are locked, and
//! other consumers skip them. There is no visibility timeout: rows that a worker does not settle are unlocked when its
//! connection is closed, or when it receives again. A batch is one INSERT and one commit, as are the deletes of a
//! receive. Statements are prepared once for each worker.
//!
//! The table is polled. A receive that finds no row asks again after `poll_ms` milliseconds (a parameter of the URL, 5
//! by default) until its wait is over. Each question is one statement, the SELECT, in the transaction that the first
//! one opened and that the receive ends. Between them nothing is locked and no snapshot is held, and each statement
//! sees the rows that were committed before it (READ COMMITTED). One waiting consumer finds a row up to `poll_ms` after
//! its commit, several find it sooner on average. Each waiting consumer costs the server 1000 / `poll_ms` statements a
//! second. LISTEN and NOTIFY would wake every consumer for each row, and make commits that notify wait for each other.
//!
//! The default user is `postgres`, and the default database has the name of the user. TLS is not supported. The
//! server's settings decide whether commits are durable (`fsync`, `synchronous_commit`; both on by default). Its
//! autovacuum removes dead rows.
//!
//! `session` has the connection and maps its errors.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Row, Statement};

use super::Address;
use crate::target::{
    Consumer, Delivery, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, SettleKey, Target,
};
use session::{Session, failure};

mod session;
#[cfg(test)]
mod tests;

/// The default port.
const PORT: u16 = 5432;
/// The default user.
const USER: &str = "postgres";
/// The default pause after a SELECT without rows.
const POLL: Duration = Duration::from_millis(5);
/// The longest pause that is accepted.
const POLL_MS_MAX: u64 = 60_000;

/// A database.
struct Postgres {
    host: String,
    port: u16,
    config: tokio_postgres::Config,
    poll: Duration,
}

/// A connection that inserts.
struct Inserting {
    session: Session,
    insert: Statement,
}

/// A connection that selects and deletes.
struct Taking {
    session: Session,
    select: Statement,
    delete: Statement,
    poll: Duration,
    /// Whether a transaction is or may be open: that of the last receive, or one under way.
    open: bool,
}

/// Opens the target of a `postgres://` URL.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [poll] = address.parameters(["poll_ms"])?;
    let poll = poll.map_or(Ok(POLL), |text| match text.parse() {
        Ok(milliseconds @ 1..=POLL_MS_MAX) => Ok(Duration::from_millis(milliseconds)),
        _ => Err(Failure::Unsupported(format!("poll_ms is `{text}`, not a number from 1 to {POLL_MS_MAX}"))),
    })?;
    let (host, port) = address.host_and_port(PORT)?;
    let (user, password) = address.credentials().unwrap_or_else(|| (USER.to_owned(), String::new()));
    let database = percent_encoding::percent_decode_str(address.url().path().trim_start_matches('/'));
    let mut config = tokio_postgres::Config::new();
    match database.decode_utf8_lossy() {
        name if name.is_empty() => config.dbname(&user),
        name => config.dbname(name),
    };
    // Without a password an empty one is sent if the server asks for one, so that the server refuses it.
    config.user(user).password(password).application_name(env!("CARGO_PKG_NAME"));
    Ok(Arc::new(Postgres { host, port, config, poll }))
}

impl Postgres {
    async fn connect(&self) -> Result<Session, Failure> {
        Session::open(&self.host, self.port, &self.config).await
    }
}

#[async_trait]
impl Target for Postgres {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        delay(layout.kind)?;
        Ok(Promise::AT_LEAST_ONCE)
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        let delayed = delay(layout.kind)?.is_some();
        let table = table(layout);
        let session = self.connect().await?;
        let create = format!(
            "CREATE TABLE {table} (
                 id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                 body text NOT NULL,
                 visible_at timestamptz NOT NULL DEFAULT now()
             )"
        );
        session.client.batch_execute(&create).await.map_err(failure)?;
        if delayed {
            let index = format!("CREATE INDEX ON {table} (visible_at)");
            session.client.batch_execute(&index).await.map_err(failure)?;
        }
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        let visible_at = match delay(layout.kind)? {
            None => "now()".to_owned(),
            Some(delay) => format!("now() + interval '{} milliseconds'", delay.as_millis()),
        };
        let table = table(layout);
        let session = self.connect().await?;
        let insert =
            format!("INSERT INTO {table} (body, visible_at) SELECT body, {visible_at} FROM unnest($1::text[]) body");
        let insert = session.client.prepare(&insert).await.map_err(failure)?;
        Ok(Box::new(Inserting { session, insert }))
    }

    async fn consumer(&self, layout: &Layout, _destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        // Rows are selected in the order in which they become visible, by the index.
        let order = if delay(layout.kind)?.is_some() { "visible_at" } else { "id" };
        let table = table(layout);
        let session = self.connect().await?;
        let select = format!(
            "SELECT id, body FROM {table} WHERE visible_at <= statement_timestamp() ORDER BY {order} LIMIT $1 FOR UPDATE SKIP LOCKED"
        );
        let select = session.client.prepare(&select).await.map_err(failure)?;
        let delete = format!("DELETE FROM {table} WHERE id = ANY($1)");
        let delete = session.client.prepare(&delete).await.map_err(failure)?;
        Ok(Box::new(Taking { session, select, delete, poll: self.poll, open: false }))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let session = self.connect().await?;
        // The drop would wait without a limit for a transaction that uses the table.
        let drop = format!("SET lock_timeout = '10s'; DROP TABLE IF EXISTS {}", table(layout));
        session.client.batch_execute(&drop).await.map_err(failure)
    }
}

#[async_trait]
impl Producer for Inserting {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        let bodies: Vec<_> = batch.iter().map(|message| message.body.as_str()).collect();
        self.session.client.execute(&self.insert, &[&bodies]).await.map_err(failure)?;
        Ok(Refusals::new())
    }
}

#[async_trait]
impl Consumer for Taking {
    async fn receive(&mut self, max: usize, wait: Duration, into: &mut Vec<Delivery>) -> Result<(), Failure> {
        if self.open {
            self.roll_back().await?;
        }
        let end = Instant::now() + wait;
        let mut rows = self.begin_and_select(max).await?;
        while rows.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return self.roll_back().await;
            }
            sleep(self.poll.min(left)).await;
            rows = self.select(max).await?;
        }
        let deliveries = rows.iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
        into.extend(deliveries);
        Ok(())
    }

    async fn settle(&mut self, deliveries: &[Delivery]) -> Result<(), Failure> {
        let ids = deliveries.iter().map(row_id).collect::<Result<Vec<_>, _>>()?;
        let client = &self.session.client;
        // Both statements are written at once. If the delete fails, the commit rolls back.
        let (deleted, committed) = join(client.execute(&self.delete, &[&ids]), client.batch_execute("COMMIT")).await;
        let deleted = deleted.map_err(failure)?;
        committed.map_err(failure)?;
        self.open = false;
        if deleted == ids.len() as u64 {
            return Ok(());
        }
        Err(Failure::Refused(format!("{deleted} of {} rows were deleted; the others did not exist", ids.len())))
    }
}

impl Taking {
    /// Opens a transaction and locks up to `max` rows, with one write.
    async fn begin_and_select(&mut self, max: usize) -> Result<Vec<Row>, Failure> {
        self.open = true;
        let begin = self.session.client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED");
        let (begun, rows) = join(begin, self.select(max)).await;
        begun.map_err(failure)?;
        rows
    }

    /// Locks up to `max` rows in the open transaction.
    async fn select(&self, max: usize) -> Result<Vec<Row>, Failure> {
        let limit = i64::try_from(max).unwrap_or(i64::MAX);
        self.session.client.query(&self.select, &[&limit]).await.map_err(failure)
    }

    async fn roll_back(&mut self) -> Result<(), Failure> {
        self.session.client.batch_execute("ROLLBACK").await.map_err(failure)?;
        self.open = false;
        Ok(())
    }
}

/// The table of a run, quoted: a prefix may have hyphens and begin with a digit, but no quotes.
fn table(layout: &Layout) -> String {
    format!("\"{}_queue\"", layout.prefix)
}

/// The delay of rows; `None` if there is none.
fn delay(kind: Kind) -> Result<Option<Duration>, Failure> {
    match kind {
        Kind::Queue => Ok(None),
        Kind::Delay(delay) => Ok(Some(delay)),
        Kind::Fifo => Err(Failure::Unsupported("the queue table has no message groups".to_owned())),
        Kind::Fanout { .. } => Err(Failure::Unsupported("the queue table has no topics".to_owned())),
    }
}

fn delivery(row: &Row) -> Result<Delivery, Failure> {
    let id: i64 = row.try_get(0).map_err(failure)?;
    let body: &str = row.try_get(1).map_err(failure)?;
    let id = u64::try_from(id).map_err(|_| Failure::Malformed(format!("a row has the id {id}")))?;
    Ok(Delivery { body: Bytes::copy_from_slice(body.as_bytes()), settle_key: SettleKey::Number(id) })
}

/// The id of the row that a delivery came from.
fn row_id(delivery: &Delivery) -> Result<i64, Failure> {
    let id = match delivery.settle_key {
        SettleKey::Number(number) => i64::try_from(number).ok(),
        SettleKey::Text(_) => None,
    };
    id.ok_or_else(|| Failure::Unsupported("the delivery is of another broker".to_owned()))
}
