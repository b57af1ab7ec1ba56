//! The listeners, named by what they listen to. Each accepts connections through `accept` and serves its protocol.

mod accept;
pub mod admin;
pub mod http;
