//! The operations of the native protocol: producers and consumers are opened, messages are sent, published and settled
//! in batches. Everything else that a native client asks is an operation of SQS or SNS.
//!
//! A producer numbers its messages to one queue or topic 1, 2, 3 and so on. The engine remembers for each producer which
//! numbers it has decided, so that messages that are sent again after a broken connection are stored once and answered
//! as the first time. The id of a message follows from its producer and its number ([`ProducerId::message_id`]), so
//! that client and broker know it without sending it.

mod numbers;
mod open_consumer;
mod open_producer;
mod publish_messages;
mod send_messages;
mod settle_messages;

pub use crate::message_number::MessageNumber;
pub use numbers::{Numbering, ProducerId};
pub use open_consumer::{ConsumerOpened, OpenConsumer};
pub use open_producer::{OpenProducer, ProducerOpened, ProducerTarget};
pub use publish_messages::PublishMessages;
pub use send_messages::{MessagesSent, SendException, SendMessages};
pub use settle_messages::{DeliverySettlement, MessagesSettled, SettleMessages, Unsettled};
