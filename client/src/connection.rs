//! Connections: made, kept alive, made again.
//!
//! An [`Endpoint`] is one end of a link: a producer, a consumer, or the calls of the connection itself. It outlives
//! connections. A [`Pipe`](pipe) drives one stream of bytes: it asks its endpoints for frames when the stream takes bytes,
//! and gives them the frames that arrive. The supervisor makes connections and attaches the endpoints to the newest one.

mod backoff;
mod dial;
mod endpoint;
mod faults;
mod handshake;
mod pipe;
mod registry;
mod requests;
mod session;
mod signal;
mod supervisor;

pub(crate) use dial::Dialer;
pub(crate) use endpoint::{Attachment, Endpoint, Line, Pace, Progress, Reaction};
pub(crate) use faults::{refusal, refusal_of_code};
pub(crate) use registry::Registry;
pub(crate) use signal::Signal;
pub(crate) use supervisor::{Plan, Supervisor};

#[cfg(test)]
pub(crate) use self::{requests::Requests, signal::Signals};
