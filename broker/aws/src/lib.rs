//! The SQS and SNS wire protocols (JSON 1.0 and Query with XML answers) and SigV4, as pure functions: an HTTP request
//! in, a [`Call`](posthouse_model::Call) out; a [`Reply`](posthouse_model::Reply) or [`Fault`](posthouse_model::Fault)
//! in, an HTTP response out.
//!
//! ```text
//! let aws = Aws::new(options);                                   // once
//! match aws.decode(&parts, &body, &arrival, &mut random) {       // per request, on any thread
//!     Ok(Decoded { call, encoder }) => encoder.encode(&ask_the_core(call).await),
//!     Err(refused) => refused.response,
//! }
//! ```
//!
//! No sockets, no clock, no randomness: the listener passes them in. What goes wrong before a request reaches
//! [`Aws::decode`] (a body over the limit, a header that never ends) is answered by [`refuse`], so that the listener
//! writes no protocol text itself.
//!
//! [`protocol`] is the plumbing that any AWS service needs: SigV4, the Query form, both writers, faults. `sqs` and
//! `sns` are what the services say with it, one file per operation or family of operations. [`envelope`] is the JSON
//! that SNS wraps its messages in, which both services write. `aws` tells the two apart.
#![forbid(unsafe_code)]

mod aws;
pub mod envelope;
pub mod protocol;
mod sns;
mod sqs;

pub use aws::{Arrival, Aws, Decoded, Encoder, Options, Refused, fault_message, refuse};
pub use protocol::segments::Segments;
pub use protocol::sigv4::Access;
pub use protocol::{Protocol, RequestId, Response, TransportFault};
pub use sqs::url::{InvalidPublicUrl, PublicUrl};
