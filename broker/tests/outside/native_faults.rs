//! Broken connections, a broker that is killed, and readers that are slow: every message is stored once and settled once,
//! and no client holds up another. The client is the library that applications use.

mod cuts;
mod kills;
mod slow;

use std::future::Future;

use posthouse_client::{Client, ClientBuilder};

use cuts::{a_send_is_stored_once_wherever_its_connection_breaks, a_settlement_holds_wherever_its_connection_breaks};
use kills::{a_killed_broker_has_every_message_of_a_fifo_queue_once, a_killed_broker_has_every_message_once};
use slow::{a_reader_that_stands_still_holds_up_no_other_connection, a_slow_consumer_holds_up_no_other};

crate::cases! {
    a_send_is_stored_once_wherever_its_connection_breaks,
    a_settlement_holds_wherever_its_connection_breaks,
    a_killed_broker_has_every_message_once,
    a_killed_broker_has_every_message_of_a_fifo_queue_once,
    a_slow_consumer_holds_up_no_other,
    a_reader_that_stands_still_holds_up_no_other_connection,
}

/// A client of the broker, or the proxy, at an address.
fn at(address: std::net::SocketAddr) -> ClientBuilder {
    Client::builder(format!("posthouse://{address}"))
}

/// Runs a case's futures on the thread of the case.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
