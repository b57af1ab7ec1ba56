//! What the engine does, as tables that a user of SQS could read. The language is drawn in `world/script.rs`. Each
//! script also proves that replay and checkpoints give the same state.

mod dead_letters;
mod fifo;
mod long_polls;
mod move_tasks;
mod queues;
mod rate;
mod standard;
