//! What the engine does, as tables that a user of SQS and SNS could read. The language is drawn in `world/script.rs`. Each
//! script also proves that replay and checkpoints give the same state.

mod dead_letters;
mod deliveries;
mod fan_out;
mod fifo;
mod long_polls;
mod move_tasks;
mod queues;
mod rate;
mod standard;
mod subscriptions;
mod topics;
