//! The flow of deliveries: retries, windows, independence and changes of targets, and the stop.

use posthouse_model::{Seconds, SubscriptionProtocol};

use super::endpoint::{Behaviour, TestEndpoint};
use super::*;
use crate::metrics::Counted;

#[tokio::test]
async fn retries_follow_the_schedule_and_end() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(500)).await;
    let fixture = Fixture::new(&options(""));
    let policy = r#"{"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":9,"numRetries":6,"numNoDelayRetries":1,"numMinDelayRetries":1,"numMaxDelayRetries":1,"backoffFunction":"linear"}}"#;
    fixture.core.target(queue(1), Some(target_with("http", &endpoint.url("/"), policy)));
    let key = fixture.core.send(&queue(1), message("m").raw().sealed());
    fixture.core.done(&[key]).await;
    let settled: Vec<_> = fixture.core.settled(7).await.into_iter().map(|(_, how)| how).collect();
    let retries = [0, 1, 1, 5, 9, 9].map(|seconds| Settled::Retry(Seconds::new(seconds)));
    assert_eq!(settled[..6], retries);
    assert_eq!(settled[6..], [Settled::Failed]);
    assert_eq!(endpoint.requests().len(), 7);
    for (counted, count) in [(Counted::Retried, 6), (Counted::Failed, 1), (Counted::Delivered, 0)] {
        assert_eq!(fixture.metrics.count(SubscriptionProtocol::Http, counted), count);
    }
}

/// The count of receives alone decides the position in the retry schedule.
#[tokio::test]
async fn retries_continue_after_earlier_attempts() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(500)).await;
    let fixture = Fixture::new(&options(""));
    fixture.core.target(queue(1), Some(target_with("http", &endpoint.url("/"), "{}")));
    let mut before = message("m").raw().sealed();
    before.receive_count = 4;
    fixture.core.send(&queue(1), before);
    assert_eq!(fixture.core.settled(1).await[0].1, Settled::Failed);
}

#[tokio::test]
async fn an_endpoint_that_hangs_does_not_delay_another() {
    let stuck = TestEndpoint::start(|_| Behaviour::Hang).await;
    let quick = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = Fixture::new(&options("[push]\ntimeout_seconds = 300"));
    fixture.core.target(queue(1), Some(target("http", &stuck.url("/"))));
    fixture.core.target(queue(2), Some(target("http", &quick.url("/"))));
    for _ in 0..200 {
        fixture.core.send(&queue(1), message("m").raw().sealed());
    }
    stuck.arrived(4).await;
    let keys: Vec<_> = (0..200).map(|_| fixture.core.send(&queue(2), message("m").raw().sealed())).collect();
    fixture.core.done(&keys).await;
    assert_eq!(stuck.requests().len(), 4, "an endpoint that nothing is known of gets few at once");
    assert_eq!(fixture.core.waiting(&queue(1)), 196, "and the rest stays in its queue");
}

#[tokio::test]
async fn the_window_opens_with_success_and_closes_with_failure() {
    // Answers are held, so that the attempts under way are exactly the window.
    let endpoint = TestEndpoint::start(|number| Behaviour::Held(if number < 12 { 200 } else { 500 })).await;
    let fixture = Fixture::new(&options("[push]\nconnections_per_endpoint = 8"));
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    for _ in 0..40 {
        fixture.core.send(&queue(1), message("m").raw().sealed());
    }
    // Four successes make eight; eight more leave it there; eight failures make one, and so does each after that.
    for (arrived, under_way) in [(4, 4), (12, 8), (20, 8), (21, 1), (22, 1)] {
        endpoint.arrived(arrived).await;
        assert_eq!(endpoint.requests().len(), arrived);
        assert_eq!(fixture.core.in_flight(), under_way);
        endpoint.release();
        fixture.core.settled(arrived).await;
    }
}

#[tokio::test]
async fn a_settlement_refused_by_a_full_inbox_is_repeated() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = Fixture::new(&options(""));
    fixture.core.refuse(3);
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    let key = fixture.core.send(&queue(1), message("m").sealed());
    fixture.core.done(&[key]).await;
    assert_eq!(endpoint.requests().len(), 1);
}

#[tokio::test]
async fn a_target_may_change_and_be_removed() {
    let (first, second) =
        (TestEndpoint::start(|_| Behaviour::Status(200)).await, TestEndpoint::start(|_| Behaviour::Status(200)).await);
    let fixture = Fixture::new(&options(""));
    fixture.core.target(queue(1), Some(target("http", &first.url("/"))));
    fixture.core.receiving(1).await;
    fixture.core.target(queue(1), Some(target("http", &second.url("/"))));
    // Changes are applied in order. A receive for the next target shows that this one was applied, too.
    fixture.core.target(queue(2), Some(target("http", &first.url("/"))));
    fixture.core.receiving(2).await;
    let key = fixture.core.send(&queue(1), message("m").sealed());
    fixture.core.done(&[key]).await;
    assert_eq!((first.requests().len(), second.requests().len()), (0, 1));
    fixture.core.target(queue(1), None);
    fixture.core.target(queue(3), Some(target("http", &first.url("/"))));
    fixture.core.send(&queue(3), message("m").sealed());
    first.arrived(1).await;
    fixture.core.send(&queue(1), message("m").sealed());
    fixture.delivery.stop(PATIENCE).await;
    assert_eq!(second.requests().len(), 1, "nothing is delivered to a removed target");
}

#[tokio::test]
async fn thousands_of_idle_targets_wait_and_each_is_served() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = Fixture::new(&options(""));
    let name = |number: u32| {
        let queue: QueueAddress = format!("arn:aws:sqs:eu-west-1:123456789012:push-{number}").parse().expect("valid");
        queue
    };
    for number in 0..2000 {
        fixture.core.target(name(number), Some(target("http", &endpoint.url("/"))));
    }
    fixture.core.receiving(2000).await;
    let key = fixture.core.send(&name(1234), message("m").raw().sealed());
    fixture.core.done(&[key]).await;
}

#[tokio::test]
async fn a_stop_finishes_attempts_under_way_and_receives_no_more() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Held(200)).await;
    let fixture = Fixture::new(&options(""));
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    for _ in 0..20 {
        fixture.core.send(&queue(1), message("m").raw().sealed());
    }
    endpoint.arrived(4).await;
    let stopping = tokio::spawn(fixture.delivery.stop(PATIENCE));
    endpoint.release();
    soon(stopping).await.expect("it stops");
    let settled = fixture.core.settled(4).await;
    assert!(settled.iter().all(|(_, how)| *how == Settled::Delivered));
    assert_eq!(endpoint.requests().len() + fixture.core.waiting(&queue(1)), 20, "the rest stays in its queue");
    assert_eq!(fixture.core.in_flight(), 0);
}

#[tokio::test]
async fn a_stop_has_a_deadline() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Hang).await;
    let fixture = Fixture::new(&options("[push]\ntimeout_seconds = 300"));
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    fixture.core.send(&queue(1), message("m").sealed());
    endpoint.arrived(1).await;
    soon(fixture.delivery.stop(Duration::from_millis(50))).await;
    assert_eq!(fixture.core.in_flight(), 1, "it becomes visible again by itself");
}

#[tokio::test]
async fn messages_larger_than_the_limit_are_pushed_one_by_one() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = Fixture::new(&options("[push]\nmemory_bytes_max = 1048576"));
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    let large = "x".repeat(900_000);
    let keys: Vec<_> = (0..6).map(|_| fixture.core.send(&queue(1), message(&large).raw().sealed())).collect();
    fixture.core.done(&keys).await;
    assert!(endpoint.requests().iter().all(|request| request.body.len() == large.len()));
}

#[tokio::test]
async fn a_target_that_hangs_leaves_memory_to_the_others() {
    let stuck = TestEndpoint::start(|_| Behaviour::Hang).await;
    let quick = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = Fixture::new(&options("[push]\nmemory_bytes_max = 4194304\ntimeout_seconds = 300"));
    fixture.core.target(queue(1), Some(target("http", &stuck.url("/"))));
    fixture.core.target(queue(2), Some(target("http", &quick.url("/"))));
    fixture.core.receiving(2).await;
    let large = "x".repeat(900_000);
    for _ in 0..6 {
        fixture.core.send(&queue(1), message(&large).raw().sealed());
    }
    stuck.arrived(1).await;
    let keys: Vec<_> = (0..6).map(|_| fixture.core.send(&queue(2), message(&large).raw().sealed())).collect();
    fixture.core.done(&keys).await;
    assert_eq!(fixture.core.waiting(&queue(1)), 5, "a share is a quarter: one such message");
}

#[tokio::test]
async fn waiting_for_memory_past_the_deadline_is_no_attempt() {
    let first = TestEndpoint::start(|_| Behaviour::Held(200)).await;
    let second = TestEndpoint::start(|_| Behaviour::Status(500)).await;
    let fixture = Fixture::new(&options("[push]\nmemory_bytes_max = 1048576\ntimeout_seconds = 300"));
    let policy = r#"{"healthyRetryPolicy":{"minDelayTarget":7,"maxDelayTarget":7,"numRetries":1}}"#;
    fixture.core.target(queue(1), Some(target("http", &first.url("/"))));
    fixture.core.target(queue(2), Some(target_with("http", &second.url("/"), policy)));
    fixture.core.receiving(2).await;
    let large = "x".repeat(900_000);
    fixture.core.send(&queue(1), message(&large).raw().sealed());
    first.arrived(1).await;
    let key = fixture.core.send(&queue(2), message(&large).raw().sealed());
    assert_eq!(fixture.core.settled(1).await, [(key, Settled::Retry(Seconds::new(1)))], "it goes back");
    first.release();
    fixture.core.done(&[key]).await;
    let settled = fixture.core.settled(4).await.into_iter().filter(|(settled, _)| *settled == key);
    let settled: Vec<_> = settled.map(|(_, how)| how).collect();
    let retry = |seconds| Settled::Retry(Seconds::new(seconds));
    assert_eq!(settled, [retry(1), retry(7), Settled::Failed], "and still has all of its attempts");
    assert_eq!(second.requests().len(), 2);
}

#[tokio::test]
async fn a_worker_that_panics_is_replaced() {
    let endpoint = TestEndpoint::start(|_| Behaviour::Status(200)).await;
    let fixture = Fixture::new(&options(""));
    fixture.core.break_receives(1);
    fixture.core.target(queue(1), Some(target("http", &endpoint.url("/"))));
    let key = fixture.core.send(&queue(1), message("m").sealed());
    fixture.core.done(&[key]).await;
    assert!(!fixture.core.breaks_receives());
}
