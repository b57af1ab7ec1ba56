//! What the URL and the layout may say. The suite `loadtest` of the broker's tests drives the adapter against a broker.

use super::super::testing::{self, layout, target};
use super::*;

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    testing::a_closed_port_is_unreachable("posthouse").await;
}

#[test]
fn what_it_cannot_do_it_says() {
    testing::what_it_cannot_do_it_says(
        "posthouse://h",
        &[Kind::Delay(Duration::from_millis(1_500)), Kind::Delay(Duration::from_secs(901))],
        &[
            "posthouse://h/queue",
            "posthouse://h?pipeline=0",
            "posthouse://h?pipeline=257",
            "posthouse://h?prefetch=many",
            "posthouse://h?prefetch=65537",
            "posthouse://h?batch=10",
            "posthouse://h?authority=/dev/null",
            "posthouse+quic://h?authority=/nonexistent/authority.pem",
        ],
    );
}

#[test]
fn every_work_has_a_promise() {
    let target = target("posthouse://h?pipeline=256&prefetch=65536&region=eu-west-1");
    for kind in [
        Kind::Queue,
        Kind::Delay(Duration::from_secs(900)),
        Kind::Fanout { queues: 3, filtered: false },
        Kind::Fanout { queues: 3, filtered: true },
    ] {
        assert_eq!(target.promise(&layout("load", kind)), Ok(Promise::AT_LEAST_ONCE), "{kind:?}");
    }
    assert_eq!(target.promise(&layout("load", Kind::Fifo)), Ok(Promise::FIFO));
    let too_large = Layout { batch: 9, body_bytes_max: 1 << 20, ..layout("load", Kind::Queue) };
    assert!(matches!(target.promise(&too_large), Err(Failure::Unsupported(_))));
}
