//! The engine's semantics, as tables that a user of SQS and SNS can read. `world/script.rs` defines their language.
//! Each script also checks that replay and checkpoints give the same state.

mod backlog;
mod clock;
mod damage;
mod dead_letters;
mod deleted_topics;
mod deliveries;
mod fan_out;
mod fifo;
mod long_polls;
mod move_tasks;
mod peeking;
mod producers;
mod queues;
mod quotas;
mod rate;
mod regions;
mod room;
mod settling;
mod standard;
mod subscriptions;
mod topics;
mod visits;
mod wide;
mod windows;
