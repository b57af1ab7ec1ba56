//! Whose connection it is: that of the address that it comes from or, where that is a proxy, of the client that the PROXY
//! header names.
//!
//! A proxy's connection holds one seat at any time: first the proxy's own, then its client's.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;

use super::address::contain;
use super::proxy;
use super::seats::{Seated, Seats};
use crate::configuration::Networks;
use crate::shutdown::Stopping;

/// What introductions take.
#[derive(Clone, Copy)]
pub(super) struct Introductions<'a> {
    /// The seats of all connections.
    pub(super) seats: &'a Arc<Seats>,
    /// Who sends the PROXY header.
    pub(super) proxies: &'a Networks,
    /// How long the header may take.
    pub(super) patience: Duration,
}

/// How an introduction ended.
pub(super) enum Introduced {
    /// The address of the client, and its seat.
    As(SocketAddr, Seated),
    /// There is no seat for the client of a proxy. It is to be refused.
    NoSeat,
    /// There is nothing to answer: the header is wrong or does not end, the seat is needed for another connection, or
    /// the broker stops.
    Ended,
}

impl Introductions<'_> {
    /// Reads the PROXY header of a connection from `peer`, if a proxy made it.
    pub(super) async fn introduce(
        self,
        stream: &mut TcpStream,
        (peer, seated): (SocketAddr, Seated),
        stopping: &mut Stopping,
    ) -> Introduced {
        let Self { seats, proxies, patience } = self;
        if !contain(proxies.as_slice(), peer.ip()) {
            return Introduced::As(peer, seated);
        }
        let read = tokio::select! {
            read = tokio::time::timeout(patience, proxy::read(stream)) => read,
            () = seated.makes_room() => return Introduced::Ended,
            () = stopping.requested() => return Introduced::Ended,
        };
        match read {
            Ok(Ok(None)) => Introduced::As(peer, seated),
            Ok(Ok(Some(client))) => {
                // The proxy's seat is given back first: the client gets its own.
                drop(seated);
                match seats.take(client.ip()) {
                    Ok(seated) => Introduced::As(client, seated),
                    Err(full) => {
                        tracing::debug!(%client, proxy = %peer, ?full, "a connection through a proxy is refused");
                        Introduced::NoSeat
                    }
                }
            }
            Ok(Err(error)) => {
                tracing::debug!(proxy = %peer, %error, "a connection of a proxy is closed");
                Introduced::Ended
            }
            Err(_) => {
                tracing::debug!(proxy = %peer, "a connection of a proxy is closed: its PROXY header does not end");
                Introduced::Ended
            }
        }
    }
}
