//! Keeps a client connected: one task, which makes a connection, serves it, and makes the next one.

use std::sync::Arc;
use std::time::Duration;

use posthouse_wire::Reason;
use tokio::time::{Instant, sleep, timeout};

use crate::address::Address;
use crate::connection::backoff::Backoff;
use crate::connection::dial::Dialer;
use crate::connection::handshake::Broker;
use crate::connection::pipe::Departure;
use crate::connection::registry::Registry;
use crate::connection::session::{End, Session};
use crate::error::{Error, ErrorKind, Result};

/// A connection that lasted for so long was a good one: the next attempt is made with the shortest wait.
const GOOD_CONNECTION: Duration = Duration::from_secs(2);
/// Addresses that a client knows, with those that brokers have named.
const ADDRESSES_MAX: usize = 64;

/// Where and how a client connects.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) dialer: Dialer,
    /// In the order of the URL; at least one.
    pub(crate) addresses: Vec<Address>,
    /// The time for one attempt at one address, from the resolver to the end of the hello.
    pub(crate) connect_timeout: Duration,
    /// After so long without a connection the client ends; `None` for never.
    pub(crate) give_up_after: Option<Duration>,
}

/// A connected client's task, before it runs.
pub(crate) struct Supervisor {
    plan: Plan,
    registry: Arc<Registry>,
    session: Session,
    known: Known,
}

/// The addresses to try.
#[derive(Debug)]
struct Known {
    addresses: Vec<Address>,
    /// The one that was connected to last.
    last_good: usize,
}

impl Supervisor {
    /// Tries each address once.
    ///
    /// # Errors
    ///
    /// That of the first address whose broker has refused, else that of the last address.
    pub(crate) async fn connect(plan: Plan, registry: Arc<Registry>) -> Result<Self> {
        let mut known = Known { addresses: plan.addresses.clone(), last_good: 0 };
        let session = round(&plan, &mut known).await?;
        Ok(Self { plan, registry, session, known })
    }

    /// Serves connections until the client is closed or gives up. All endpoints have ended then.
    pub(crate) async fn run(self) {
        let registry = Arc::clone(&self.registry);
        let why = self.serve().await;
        registry.end(&why);
    }

    async fn serve(self) -> Error {
        let Self { plan, registry, mut session, mut known } = self;
        let mut backoff = Backoff::new();
        loop {
            let began = Instant::now();
            let why = match session.drive(&registry).await {
                Ok(End::Closed) => return Error::closed("client"),
                Ok(End::Left(departure)) => known.leave(&departure),
                Err(error) if is_final(&error) => return error,
                Err(error) => error,
            };
            tracing::warn!(error = %why, "the connection has ended; connecting again");
            registry.all().iter().for_each(|endpoint| endpoint.detach(&why));
            if began.elapsed() >= GOOD_CONNECTION {
                backoff = Backoff::new();
            }
            session = match reconnect(&plan, &registry, &mut known, &mut backoff).await {
                Ok(session) => session,
                Err(error) => return error,
            };
        }
    }
}

/// Makes the next connection.
///
/// # Errors
///
/// Why the client ends.
async fn reconnect(plan: &Plan, registry: &Registry, known: &mut Known, backoff: &mut Backoff) -> Result<Session> {
    let mut began = Instant::now();
    loop {
        while registry.is_vacant() {
            if registry.is_closing() {
                return Err(Error::closed("client"));
            }
            registry.changed().await;
            began = Instant::now();
        }
        let left = plan.give_up_after.map(|limit| limit.saturating_sub(began.elapsed()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(Error::new(ErrorKind::TimedOut, "no connection could be made for too long"));
        }
        let wait = backoff.wait();
        sleep(left.map_or(wait, |left| wait.min(left))).await;
        match round(plan, known).await {
            Ok(session) => return Ok(session),
            Err(error) if is_final(&error) => return Err(error),
            Err(error) => tracing::warn!(%error, "no address could be connected to"),
        }
    }
}

/// Tries each address once, beginning with the one that was connected to last.
async fn round(plan: &Plan, known: &mut Known) -> Result<Session> {
    let mut refused = None;
    let mut last = Error::new(ErrorKind::Unreachable, "there is no address");
    let count = known.addresses.len();
    for index in (0..count).map(|offset| (known.last_good + offset) % count) {
        let address = &known.addresses[index];
        let attempt = match timeout(plan.connect_timeout, plan.dialer.dial(address)).await {
            Ok(attempt) => attempt,
            Err(_) => Err(Error::new(ErrorKind::Unreachable, format!("{address} did not answer in time"))),
        };
        match attempt {
            Ok((session, broker)) => {
                tracing::info!(%address, "connected");
                known.connected(index, &broker);
                return Ok(session);
            }
            Err(error) => {
                tracing::debug!(%address, %error, "an attempt to connect failed");
                if is_final(&error) {
                    refused.get_or_insert_with(|| error.clone());
                }
                last = error;
            }
        }
    }
    Err(refused.unwrap_or(last))
}

/// Whether another attempt would fail in the same way: the broker itself has said so.
fn is_final(error: &Error) -> bool {
    error.kind() == ErrorKind::NotAuthenticated || (error.fault_code().is_some() && !error.is_retriable())
}

impl Known {
    fn connected(&mut self, index: usize, broker: &Broker) {
        self.last_good = index;
        for named in &broker.addresses {
            self.add(named);
        }
    }

    fn add(&mut self, named: &str) -> Option<usize> {
        let address = Address::parse(named)?;
        if let Some(index) = self.addresses.iter().position(|known| *known == address) {
            return Some(index);
        }
        if self.addresses.len() >= ADDRESSES_MAX {
            return None;
        }
        self.addresses.push(address);
        Some(self.addresses.len() - 1)
    }

    /// Chooses where to go from a broker that ends the connection. Returns why it ended.
    fn leave(&mut self, departure: &Departure) -> Error {
        let named = departure.address.as_deref().and_then(|named| self.add(named));
        self.last_good = named.unwrap_or_else(|| match departure.reason {
            // Another member may be up, or have less to do.
            Reason::Stopping | Reason::Moved | Reason::Overloaded => (self.last_good + 1) % self.addresses.len(),
        });
        Error::new(ErrorKind::ConnectionLost, format!("the broker has ended the connection: {:?}", departure.reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(addresses: &[&str]) -> Known {
        let parse = |text: &&str| Address::parse(text).expect("an address");
        Known { addresses: addresses.iter().map(parse).collect(), last_good: 0 }
    }

    fn departure(reason: Reason, address: Option<&str>) -> Departure {
        Departure { reason, address: address.map(str::to_owned), deadline: Instant::now() }
    }

    #[test]
    fn a_broker_that_leaves_says_where_to_go() {
        let mut members = known(&["a:1", "b:1", "c:1"]);
        members.leave(&departure(Reason::Moved, Some("c:1")));
        assert_eq!(members.last_good, 2);
        members.leave(&departure(Reason::Moved, Some("d:1")));
        assert_eq!(members.addresses[members.last_good].to_string(), "d:1");
        members.leave(&departure(Reason::Stopping, None));
        assert_eq!(members.last_good, 0);
        members.leave(&departure(Reason::Overloaded, None));
        assert_eq!(members.last_good, 1);
        members.leave(&departure(Reason::Moved, Some("not an address")));
        assert_eq!(members.last_good, 2);
    }

    #[test]
    fn addresses_that_brokers_name_are_bounded() {
        let mut members = known(&["a:1"]);
        let addresses = (0..100).map(|number| format!("m{number}:1")).collect();
        members.connected(0, &Broker { addresses });
        assert_eq!(members.addresses.len(), ADDRESSES_MAX);
    }
}
