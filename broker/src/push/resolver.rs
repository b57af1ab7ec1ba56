//! Addresses of hosts, from the system's resolver.
//!
//! The system's resolver blocks a thread and cannot be cancelled. A name server that does not answer keeps the thread
//! for many seconds. Lookups are therefore bounded: one for each host at a time, whose result is shared by all callers
//! that asked before it began, and [`LOOKUPS_MAX`] in all. Both places are free again when the lookup ends, even if its
//! callers have stopped waiting. Results are not cached, because the network rules apply to the current address.
//!
//! Lookups take at most an eighth of the runtime's 512 blocking threads, so signing, which uses the same threads,
//! always finds one.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, Semaphore};

/// Lookups at once.
const LOOKUPS_MAX: usize = 64;

/// The bound that all resolvers share.
#[derive(Clone)]
pub(super) struct Lookups(Arc<Semaphore>);

impl Lookups {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS_MAX)))
    }

    /// A resolver of one host.
    pub(super) fn resolver(&self, host: &str, port: u16) -> Resolver {
        Resolver { all: Arc::clone(&self.0), host: host.into(), port, last: Arc::default() }
    }
}

/// The addresses of one host.
pub(super) struct Resolver {
    all: Arc<Semaphore>,
    host: Box<str>,
    port: u16,
    /// The last lookup; locked while one is under way.
    last: Arc<Mutex<Option<Lookup>>>,
}

struct Lookup {
    begun: Instant,
    found: Found,
}

type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;

impl Resolver {
    /// The host's addresses now.
    ///
    /// # Errors
    /// The error of the system's resolver.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let (host, port) = (self.host.clone(), self.port);
        self.look_up(move || Ok((&*host, port).to_socket_addrs()?.collect())).await
    }

    async fn look_up(
        &self,
        look: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    ) -> io::Result<Vec<SocketAddr>> {
        let asked = Instant::now();
        let mut last = Arc::clone(&self.last).lock_owned().await;
        let found = match last.as_ref().filter(|lookup| lookup.begun >= asked) {
            Some(lookup) => lookup.found.clone(),
            None => {
                let place = Arc::clone(&self.all).acquire_owned().await.expect("it is never closed");
                let looking = tokio::task::spawn_blocking(move || {
                    let _place = place;
                    let begun = Instant::now();
                    let found = look().map_err(Arc::new);
                    *last = Some(Lookup { begun, found: found.clone() });
                    found
                });
                looking.await?
            }
        };
        found.map_err(|error| io::Error::new(error.kind(), error))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn address() -> SocketAddr {
        "192.0.2.1:80".parse().expect("an address")
    }

    #[tokio::test]
    async fn addresses_are_not_looked_up() {
        let lookups = Lookups(Arc::new(Semaphore::new(0)));
        for (host, expected) in [("192.0.2.1", "192.0.2.1:80"), ("2001:db8::1", "[2001:db8::1]:80")] {
            let found = lookups.resolver(host, 80).resolve().await.expect("it is an address");
            assert_eq!(found, [expected.parse().expect("an address")]);
        }
    }

    #[tokio::test]
    async fn a_lookup_keeps_its_place_when_its_caller_has_stopped_waiting() {
        let lookups = Lookups::new();
        let resolver = Arc::new(lookups.resolver("a.example", 80));
        let (release, released) = mpsc::channel::<()>();
        let (begun, beginning) = tokio::sync::oneshot::channel();
        let asking = Arc::clone(&resolver);
        let asked = tokio::spawn(async move {
            let look = move || {
                begun.send(()).expect("the test waits");
                released.recv().expect("the test says when");
                Ok(vec![address()])
            };
            asking.look_up(look).await
        });
        beginning.await.expect("it begins");
        asked.abort();
        assert!(asked.await.expect_err("it was aborted").is_cancelled());
        assert_eq!(lookups.0.available_permits(), LOOKUPS_MAX - 1);
        assert!(resolver.last.try_lock().is_err(), "no second one for the same host");
        release.send(()).expect("it waits");
        assert_eq!(resolver.look_up(|| Ok(Vec::new())).await.expect("it is answered"), []);
        assert_eq!(lookups.0.available_permits(), LOOKUPS_MAX);
    }

    #[tokio::test]
    async fn who_asks_while_one_is_under_way_shares_the_next() {
        let resolver = Arc::new(Lookups::new().resolver("a.example", 80));
        let count = Arc::new(AtomicUsize::new(0));
        let turn = Arc::clone(&resolver.last).lock_owned().await;
        let asking: Vec<_> = (0..20)
            .map(|_| {
                let (resolver, count) = (Arc::clone(&resolver), Arc::clone(&count));
                let look = move || {
                    count.fetch_add(1, Ordering::Relaxed);
                    Err(io::ErrorKind::NotFound.into())
                };
                tokio::spawn(async move { resolver.look_up(look).await })
            })
            .collect();
        // On the one thread of this test, all of them ask now.
        tokio::task::yield_now().await;
        drop(turn);
        for asked in asking {
            let error = asked.await.expect("it ends").expect_err("there is no address");
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
