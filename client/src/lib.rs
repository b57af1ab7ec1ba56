//! The client library of Posthouse, over its native protocol. This crate owns connections, links and what is sent again;
//! the bytes of frames are those of `posthouse-wire`. No method panics, and no task outlives its client by more than what
//! it has to finish.
//!
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]
//!
//! # How it works
//!
//! One task drives the connection and owns its socket. Producers, consumers and calls are ends of links that outlive
//! connections: they are attached to the newest one. A message is encoded in the task that enqueues it. While frames are
//! unanswered, messages gather in the next one, and so do settlements. Over QUIC each link has a stream and a task of its
//! own, so that a consumer that is slow holds up nothing else.
//!
//! # What it logs
//!
//! Events of the [`tracing`](https://docs.rs/tracing) crate, under the targets `posthouse_client::…`. Nothing is logged per
//! message, but at the level `debug`. Neither bodies nor secrets are.
//!
//! | level | event | fields |
//! |---|---|---|
//! | error | the handler of a message panicked; the message is given back | `error` |
//! | warn | the connection has ended; connecting again | `error` |
//! | warn | no address could be connected to | `error` |
//! | warn | the broker no longer knows this producer | `target` |
//! | warn | deliveries were not settled | `queue`, `first`, `count`, `error` |
//! | info | connected | `address` |
//! | info | the broker will end the connection | `reason`, `address` |
//! | debug | the hello has ended | `broker`, `version`, `account`, `user` |
//! | debug | an attempt to connect failed | `address`, `error` |
//! | debug | the deliveries of the consumer have ended | `queue`, `why` |
//! | debug | a delivery of a lost connection is settled | `queue`, `number` |
//! | debug | a delivery was not taken within its visibility timeout | `queue`, `number` |
//! | debug | a message is given back | `id`, `error` |
//!
//! # Memory
//!
//! Memory is bounded: a producer holds its [`Window`], a consumer its
//! [prefetch](ConsumerBuilder::prefetch) or some 4 MiB, and a connection as much as one frame beside that.

mod address;
mod admin;
#[cfg(feature = "blocking")]
pub mod blocking;
mod calls;
mod client;
mod connection;
mod consumer;
mod credentials;
#[cfg(test)]
mod documented;
mod error;
mod handle;
mod message;
mod producer;
#[cfg(feature = "tls")]
mod tls;
mod window;

pub use admin::{Admin, CreateQueue, CreateTopic, MessageMove, StartMessageMove, Subscribe, Subscription};
pub use client::{Client, ClientBuilder};
pub use consumer::{Consumer, ConsumerBuilder, Delivery, OnDisconnect, Stopper};
pub use error::{Error, ErrorKind, Result};
pub use message::{Attribute, Body, Message, MessageId, Notification, Sendable};
pub use producer::{Confirmation, Producer, ProducerBuilder, Publisher, Sent, TryEnqueueError};
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use window::Window;
