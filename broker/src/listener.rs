//! The listeners, named by what they listen to. Each accepts connections through `accept` and serves its protocol.

mod accept;
mod address;
pub mod admin;
pub mod http;
mod introduction;
pub mod native;
pub mod proxy;
mod roster;
mod seats;
