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
