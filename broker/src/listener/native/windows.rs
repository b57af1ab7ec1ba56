//! The buffers of QUIC connections: what a client has sent and the broker has not read, and what it has sent and the client
//! has not acknowledged. The system bounds the like of a TCP connection; of a QUIC connection they are the broker's memory.
//!
//! Each connection has [`OWN_BYTES`] in each direction. When its hello has ended it gets more from
//! `native.quic_bytes_max`, which all connections share: up to [`MORE_BYTES`], and less the fewer are left.
//!
//! Invariant: what the connections have beyond their own is `native.quic_bytes_max` at most.

use quinn::{Connection, VarInt};

use super::pool::Pool;

/// Bytes of a connection that may be unread before its hello has ended.
pub(super) const HELLO_BYTES: u32 = 16 * 1024;
/// Bytes of each connection's own, in each direction.
pub(super) const OWN_BYTES: u32 = 64 * 1024;
/// Bytes that may be unread of one stream, so that one whose frames wait for room leaves some of the connection's to others.
pub(super) const STREAM_BYTES: u32 = 1024 * 1024;
/// The most that a connection gets beyond its own, both directions together.
const MORE_BYTES: u64 = 6 * 1024 * 1024;
/// Of what is left a connection gets this part at most, as a divisor.
const PART: u64 = 8;

/// What a connection has got beyond its own. Dropping it gives it back.
pub(super) struct Grown<'a> {
    pool: &'a Pool,
    bytes: u64,
}

impl<'a> Grown<'a> {
    /// Lets a connection whose hello has ended have as much under way as there is room for: two thirds of that for what the
    /// client sends.
    pub(super) fn grow(connection: &Connection, pool: &'a Pool) -> Self {
        let bytes = pool.take_part(MORE_BYTES, PART);
        let sent = bytes / 3;
        let received = VarInt::from_u64(u64::from(OWN_BYTES) + bytes - sent);
        connection.set_receive_window(received.expect("some MiB"));
        connection.set_send_window(u64::from(OWN_BYTES) + sent);
        Self { pool, bytes }
    }
}

impl Drop for Grown<'_> {
    fn drop(&mut self) {
        self.pool.give_back(self.bytes);
    }
}
