//! A TCP proxy before the broker that cuts a connection after a given number of bytes, or stops reading.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToBroker,
    ToClient,
}

impl Direction {
    pub(crate) const ALL: [Self; 2] = [Self::ToBroker, Self::ToClient];
}

/// Where a connection is cut: so many bytes pass in this direction, and nothing after them in either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub direction: Direction,
    pub after: u64,
}

/// A proxy on a loopback port of its own. Dropping it ends it.
pub(crate) struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    broker: SocketAddr,
    cut: Mutex<Option<Cut>>,
    /// Bytes that have passed since [`Proxy::cut`], for each direction.
    passed: [AtomicU64; 2],
    stalls: AtomicBool,
    ends: AtomicBool,
}

impl Proxy {
    pub(crate) fn new(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            broker,
            cut: Mutex::default(),
            passed: [const { AtomicU64::new(0) }; 2],
            stalls: AtomicBool::new(false),
            ends: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || accepting.accept(&listener));
        Self { address, shared }
    }

    /// Has the next bytes cut their connection where `cut` says, once.
    pub(crate) fn cut(&self, cut: Cut) {
        self.shared.passed.iter().for_each(|passed| passed.store(0, Ordering::SeqCst));
        *self.shared.cut.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    /// Bytes that have passed in a direction since [`Proxy::cut`].
    pub(crate) fn passed(&self, direction: Direction) -> u64 {
        self.shared.passed[direction as usize].load(Ordering::SeqCst)
    }

    /// Reads nothing more from the broker, or goes on.
    pub(crate) fn stall(&self, stalls: bool) {
        self.shared.stalls.store(stalls, Ordering::SeqCst);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn accept(self: Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming() {
            if self.ends.load(Ordering::SeqCst) {
                return;
            }
            // A broker that is down refuses the connection, and so does the proxy.
            let (Ok(client), Ok(broker)) = (client, TcpStream::connect(self.broker)) else { continue };
            for (from, to, direction) in
                [(&client, &broker, Direction::ToBroker), (&broker, &client, Direction::ToClient)]
            {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                let _ = (from.set_nodelay(true), to.set_nodelay(true));
                let shared = Arc::clone(&self);
                std::thread::spawn(move || shared.pass(from, to, direction));
            }
        }
    }

    /// Passes bytes on until one side ends or the connection is cut.
    fn pass(&self, mut from: TcpStream, mut to: TcpStream, direction: Direction) {
        let mut bytes = [0; 16 * 1024];
        loop {
            while direction == Direction::ToClient && self.stalls.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            let Ok(count @ 1..) = from.read(&mut bytes) else { break };
            let passes = self.passes(direction, count);
            self.passed[direction as usize].fetch_add(passes as u64, Ordering::SeqCst);
            if to.write_all(&bytes[..passes]).is_err() || passes < count {
                break;
            }
        }
        // The other thread of this connection ends, too.
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// How many of `count` bytes pass. Fewer than all end the connection.
    fn passes(&self, direction: Direction, count: usize) -> usize {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        match cut.as_mut().filter(|cut| cut.direction == direction) {
            Some(at) if at.after < count as u64 => {
                let passes = usize::try_from(at.after).expect("below `count`");
                *cut = None;
                passes
            }
            Some(at) => {
                at.after -= count as u64;
                count
            }
            None => count,
        }
    }
}
