//! The listeners, named by what they listen to. Each accepts connections through `accept`, those of clients through
//! `accepting`, and serves its protocol.

mod accept;
mod accepting;
mod address;
pub mod admin;
pub mod handshakes;
pub mod http;
mod introduction;
pub mod native;
pub mod proxy;
mod roster;
mod seats;
pub mod stream;
