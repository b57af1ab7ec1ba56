//! The Posthouse broker: configuration, listeners, shutdown. What queues are and do is elsewhere: this crate moves
//! requests to the core loop and answers back.
#![forbid(unsafe_code)]

pub mod admin_client;
pub mod answer_budget;
pub mod audit;
pub mod backup;
pub mod check;
pub mod cli;
mod clock;
pub mod command;
pub mod configuration;
pub mod core_client;
mod core_task;
pub mod damaged;
pub mod declare;
pub mod exposure;
mod history;
mod incidents;
pub mod keys;
pub mod listener;
pub mod live_users;
pub mod memory;
pub mod metrics;
mod open_files;
pub mod push;
pub mod restore;
pub mod serve;
pub mod shard;
pub mod shutdown;
mod signals;
pub mod signing;
pub mod threads;
pub mod tls;
mod trouble;
pub mod verify;
mod whole_file;
