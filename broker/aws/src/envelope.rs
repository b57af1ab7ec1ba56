//! The envelopes in which SNS delivers: the JSON of notifications and confirmations, and the signatures in them.
//!
//! Below both services: SNS's push delivery writes envelopes, and so does SQS for a notification that is received from
//! a queue.

mod certificate;
mod notification;
mod signature;

pub use certificate::certificate_names;
pub use notification::{ConfirmationEnvelope, ConfirmationKind, NotificationEnvelope, unsubscribe_url};
pub use signature::{InvalidKey, Signer, SigningKey};
