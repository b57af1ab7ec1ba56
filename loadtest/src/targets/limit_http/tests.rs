//! The limit through the producers and consumers of the SQS adapter.

use std::fs;
use std::time::Duration;

use super::*;
use crate::message::Stamp;
use crate::plan::{Plan, Work};
use crate::target::Outgoing;

fn layout(batch: usize) -> Layout {
    Layout {
        prefix: "run".to_owned(),
        kind: Kind::Queue,
        batch,
        visibility_timeout: Duration::from_secs(30),
        body_bytes_max: 200,
        body_bytes_mean: 150,
        receives: true,
    }
}

fn target(url: &str) -> Result<Arc<dyn Target>, Failure> {
    url.parse::<Address>().unwrap().open()
}

/// Sends, receives and settles one batch through the SQS adapter.
async fn round_trip(url: &str, batch: usize) {
    let (target, layout) = (target(url).unwrap(), layout(batch));
    assert_eq!(target.promise(&layout), Ok(Promise::NONE));
    target.prepare(&layout).await.unwrap();
    let mut producer = target.producer(&layout).await.unwrap();
    let mut consumer = target.consumer(&layout, 0).await.unwrap();
    let messages = vec![Outgoing { body: "body".to_owned(), ..Outgoing::default() }; batch];
    for _ in 0..3 {
        assert!(producer.send(&messages).await.unwrap().is_empty());
        let mut deliveries = Vec::new();
        consumer.receive(batch, Duration::ZERO, &mut deliveries).await.unwrap();
        assert_eq!(deliveries.len(), batch);
        assert!(deliveries.iter().all(|delivery| delivery.body.len() == 150 && Stamp::read(&delivery.body).is_ok()));
        consumer.settle(&deliveries).await.unwrap();
    }
    target.remove(&layout).await.unwrap();
    assert!(producer.send(&messages).await.is_err(), "the server has ended");
    assert!(target.producer(&layout).await.is_err());
    target.remove(&layout).await.unwrap();
}

#[tokio::test]
async fn single_messages_go_round() {
    round_trip("limit+http://", 1).await;
}

#[tokio::test]
async fn batches_go_round() {
    round_trip("limit+http://?threads=2", 10).await;
}

#[tokio::test]
async fn threads_have_the_name_that_their_processor_time_is_told_apart_by() {
    let target = target("limit+http://").unwrap();
    target.prepare(&layout(1)).await.unwrap();
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that has ended meanwhile has no name.
    let mut names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    assert!(names.any(|name| name == "limit-http\n"));
    target.remove(&layout(1)).await.unwrap();
}

#[test]
fn layouts_say_the_mean_length() {
    for (body, mean) in [("256", 256), ("100..1001", 550), ("60:3,1000:1", 295), ("64:1,5000:0", 64)] {
        let plan = Plan { body: body.parse().unwrap(), ..Plan::ordinary(Work::Cycle) };
        assert_eq!(plan.layout(1).body_bytes_mean, mean, "{body}");
    }
}

#[test]
fn only_standard_queues_are_promised() {
    let target = target("limit+http://").unwrap();
    for kind in [Kind::Fifo, Kind::Delay(Duration::from_secs(1)), Kind::Fanout { queues: 1, filtered: false }] {
        let layout = Layout { kind, ..layout(1) };
        assert!(matches!(target.promise(&layout), Err(Failure::Unsupported(_))), "{kind:?}");
    }
}

#[test]
fn urls_that_cannot_be_meant_are_refused() {
    for url in
        ["limit+http://localhost", "limit+http://?threads=0", "limit+http://?threads=x", "limit+http://?thread=1"]
    {
        assert!(matches!(target(url).err(), Some(Failure::Unsupported(_))), "{url}");
    }
}
