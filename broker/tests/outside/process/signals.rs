//! What signals do to a broker.

use rustix::process::Signal;

use super::half_a_request;
use crate::support::http::Connection;
use crate::support::{Launch, eventually, sleep_ms};

/// A little more than the second after which a second signal counts.
const MORE_THAN_A_SECOND_MS: u64 = 1_100;

pub(super) fn a_second_sigterm_counts_after_a_second() {
    let mut broker =
        Launch::new().top("shutdown_seconds_max = 600").configured("[limits]\nbody_seconds_max = 600").start();
    let queue = broker.json_client().queue();
    queue.send("kept");
    let (_connection, _) = half_a_request(&broker, &queue);
    broker.terminate();
    broker.terminate();
    sleep_ms(300);
    broker.signal(Signal::INT);
    sleep_ms(MORE_THAN_A_SECOND_MS);
    assert!(broker.is_running(), "three within a second are one, which waits for what is under way");
    broker.terminate();
    let status = broker.await_exit();
    assert_eq!(status.code(), Some(1), "{}", broker.log());
    broker.restart();
    queue.gives(&["kept"]);
}

pub(super) fn signals_of_log_rotation_change_nothing() {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    for signal in [Signal::HUP, Signal::USR1, Signal::USR2, Signal::PIPE] {
        for _ in 0..20 {
            broker.signal(signal);
        }
        queue.send(&format!("after {signal:?}"));
        assert!(broker.is_running(), "{signal:?}\n{}", broker.log());
        assert_eq!(broker.admin_get("/readyz").expect("it answers").status, 200, "{signal:?}");
    }
    broker.stop();
}

pub(super) fn a_broker_that_drains_takes_connections() {
    let mut broker = Launch::new().top("drain_seconds = 2").start();
    let queue = broker.json_client().queue();
    broker.terminate();
    eventually("it is not ready", || (broker.admin_get("/readyz").ok()?.status == 503).then_some(()));
    let client = broker.json_client();
    queue.as_seen_by(&client).send("while it drains");
    let status = broker.await_exit();
    assert!(status.success(), "{status}\n{}", broker.log());
    assert!(Connection::open(broker.sqs).is_err(), "the port is closed");
    broker.restart();
    queue.gives(&["while it drains"]);
}
