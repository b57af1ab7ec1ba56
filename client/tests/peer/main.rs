//! The client against a peer that a test scripts: what goes over the wire, what a lost connection changes, and what a
//! hostile peer can do.

mod peer;

#[cfg(feature = "blocking")]
mod blocking;
mod calling;
mod cancelling;
mod closing;
mod concurrent;
mod connecting;
mod hostile;
mod leaving;
mod receiving;
mod reconnecting;
mod sending;
mod traits;
