//! Queues, topics and subscriptions as one deterministic, synchronous state machine.
//!
//! [`Replay`] restores an [`Engine`] from its journal. [`Engine::handle`] decides a request and [`Engine::tick`] does
//! what time brings about. Both write what they decide as events through a [`Journal`]. State changes only by applying
//! events, so replaying the journal gives the same state, which [`Engine::digest`] shows. It has no clock, no
//! randomness, no threads and does no I/O: time comes as an argument, chance comes with the request.
//!
//! Message bodies are not kept in memory. A queue knows where in the journal a message lies ([`BodyRef`]). The owner of
//! the journal reads that record and decodes the message with [`stored_message`].
#![forbid(unsafe_code)]

mod access;
mod answer;
mod apply;
mod budget;
mod checkpoint;
mod decision;
mod digest;
mod discarded;
mod engine;
mod event;
mod hash;
mod journal;
mod malformed;
mod operation;
mod options;
mod overview;
mod prepared;
mod producer;
mod queue;
mod quota;
mod refusal;
mod registry;
mod replay;
mod shift;
mod state;
mod survey;
mod topic;

pub use answer::{Answer, Answers, MessagesReply, Outcome, PeekedRef, ReceivedRef, RequestToken};
pub use budget::{IndexOptions, IndexOverview};
pub use checkpoint::CheckpointStep;
pub use decision::damage::{RecordRanges, SearchFrom, Unreadable};
pub use discarded::Discarded;
pub use engine::Engine;
pub use event::{InvalidEvent, Stored, stored_message};
pub use hash::Seed;
pub use journal::{BodyRef, Journal, Position, References};
pub use options::Options;
pub use overview::{AllQueues, AllTopics, Counters, Overview, QueueOverview, TopicCounters, TopicOverview};
pub use posthouse_policy::IdentityPolicies;
pub use prepared::PreparedCall;
pub use quota::Quotas;
pub use replay::{Replay, Replayed};
pub use state::pages::PageRequest;
pub use state::references::{FoundReference, ReferenceSearch, ReferenceStep, Referrer};
pub use survey::{Survey, SurveyStep};
pub use topic::fan_out::Search;
pub use topic::filter_hints::FilterHints;
pub use topic::message_events::filter_event;
pub use topic::parsed::PARSED_FILTERS_BYTES_MAX;
