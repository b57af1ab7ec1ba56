//! The SQS and SNS wire protocols (JSON 1.0 and Query with XML answers) and SigV4, as pure functions: an HTTP request
//! in, a [`Call`](posthouse_model::Call) out; a [`Reply`](posthouse_model::Reply) or [`Fault`](posthouse_model::Fault)
//! in, an HTTP response out.
//!
//! ```
//! use bytes::Bytes;
//! use posthouse_aws::envelope::Signer;
//! use posthouse_aws::{Access, AllowedHosts, Arrival, Aws, Decoded, Options, RequestId};
//! use posthouse_model::{Fault, HandleKey, Request, Timestamp, Transport};
//!
//! // Once, for all threads.
//! let aws = Aws::new(Options {
//!     access: Access::Open,
//!     default_region: "eu-west-1".parse().expect("valid"),
//!     public_url: None,
//!     handle_key: HandleKey::new([7; 16]),
//!     signer: Signer::awaiting(),
//!     allowed_hosts: AllowedHosts::default(),
//! });
//! // For each request.
//! let (parts, ()) = http::Request::post("/")
//!     .header("host", "localhost:9324")
//!     .header("content-type", "application/x-amz-json-1.0")
//!     .header("x-amz-target", "AmazonSQS.PurgeQueue")
//!     .body(())
//!     .expect("a request")
//!     .into_parts();
//! let arrival = Arrival {
//!     now: Timestamp::from_millis(0),
//!     source: core::net::Ipv4Addr::LOCALHOST.into(),
//!     transport: Transport::Plain,
//!     request_id: RequestId::from_random([1; 16]),
//! };
//! let head = aws.look(&parts, &arrival).expect("one host, and no web page");
//! // Its body is read as far as the head's standing permits.
//! let body = Bytes::from_static(br#"{"QueueUrl":"http://localhost/000000000000/orders"}"#);
//! let Decoded { call, encoder } = aws.decode(&head, &body, &arrival, &mut || [2; 16]).expect("well formed");
//! assert!(matches!(call.request, Request::PurgeQueue(_)));
//! // The core's answer to the call, or its fault, becomes the response.
//! let response = encoder.encode(&Err(Fault::QueueDoesNotExist));
//! assert_eq!(response.status(), 400);
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

pub use aws::{
    Arrival, Aws, CallEncoder, CallFault, CallRefused, Calls, Decoded, DecodedCall, Encoder, Head, Options, Refused,
    Wording, fault_message, refuse,
};
pub use protocol::access_policy::identity_policy_message;
pub use protocol::browser::{AllowedHosts, SentFor};
pub use protocol::public_url::{InvalidPublicUrl, PublicUrl};
pub use protocol::segments::Segments;
pub use protocol::sigv4::{Access, AuthFault, SignedHead, Standing, Verifier};
pub use protocol::{Protocol, RequestId, Response, TransportFault};
pub use sqs::sender_id;
