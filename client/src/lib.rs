//! The client library of Posthouse.
#![forbid(unsafe_code)]

mod address;
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

pub use client::{Client, ClientBuilder};
pub use consumer::{Consumer, ConsumerBuilder, Delivery, OnDisconnect};
pub use error::{Error, ErrorKind, Result};
pub use message::{Attribute, Body, Message, MessageId, Notification, Sendable};
pub use producer::{Confirmation, Producer, ProducerBuilder, Publisher, Sent, TryEnqueueError};
#[cfg(feature = "tls")]
pub use tls::Tls;
pub use window::Window;
