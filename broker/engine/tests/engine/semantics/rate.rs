//! `MaxReceiveRate`: a queue that limits the rate of its consumers.

use crate::world::World;
use crate::world::script::run;
use posthouse_engine::{Options, Outcome, RequestToken};
use posthouse_model::operation::{Batch, CreateQueue, ReceiveMessage, SendEntry, SendMessageBatch, Tags};
use posthouse_model::{Action, AttributeChanges, MessageCount, Request, VisibilityTimeout, WaitTime};

#[test]
fn an_empty_bucket_is_an_empty_queue() {
    run("
        create  q MaxReceiveRate=2 MaxReceiveBurst=3
        batch   q m1 m2 m3 m4 m5 m6 m7 m8
        receive q max=10 -> m1 m2 m3
        receive q max=10 -> nothing
        advance 499ms
        receive q max=10 -> nothing
        advance 1ms
        restart
        receive q max=10 -> m4
        advance 60s
        receive q max=10 -> m1 m2 m3
    ");
}

#[test]
fn a_long_poll_waits_for_a_token() {
    run("
        create  q MaxReceiveRate=0.5 MaxReceiveBurst=1
        batch   q m1 m2 m3
        receive q -> m1
        receive q wait=20s as=w1 -> waits
        receive q wait=20s as=w2 -> waits
        receive q -> nothing
        advance 1999ms
        answers -> none
        advance 1ms
        answers -> w1: m2
        advance 2s
        answers -> w2: m3
    ");
}

#[test]
fn a_new_rate_takes_effect_at_once() {
    run("
        create  q MaxReceiveRate=0.001 MaxReceiveBurst=1
        batch   q m1 m2 m3 m4
        receive q -> m1
        receive q wait=20s as=w1 -> waits
        set     q MaxReceiveRate=10
        advance 100ms
        answers -> w1: m2
        receive q wait=20s as=w2 -> waits
        set     q MaxReceiveRate=
        answers -> w2: m3
        receive q -> m4
    ");
}

/// The behaviour of the consumers of one run.
#[derive(Clone, Copy, Debug)]
struct Consumers {
    count: u64,
    /// Milliseconds between an answer and the next receive.
    pause: u64,
    messages_max: MessageCount,
    wait: WaitTime,
    /// The lateness of timers in milliseconds.
    late: u64,
}

/// The number of messages received in the minute after the burst.
fn received_in_a_minute(rate: f64, burst: u32, consumers: Consumers) -> u64 {
    let mut world = World::new(Options { in_flight_max: usize::MAX, ..Options::default() });
    world.checkpointing = false;
    let attributes = [("MaxReceiveRate", rate.to_string()), ("MaxReceiveBurst", burst.to_string())];
    let attributes = AttributeChanges::parse(attributes.iter().map(|(name, value)| (*name, value.as_str())));
    let name = "q".parse().expect("a name");
    let create = CreateQueue { name, attributes: attributes.expect("valid"), tags: Tags::default() };
    world.ask(Request::CreateQueue(create)).expect("created");
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "rates here are small")]
    let needed = (rate * 62.0) as u64 + u64::from(burst) + 100;
    for _ in 0..needed.div_ceil(10) {
        let entries = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
            .map(|id| (id, SendEntry::new(None, world.message("q", "m", None, None).expect("valid"))));
        let entries = Batch::new(Action::SendMessageBatch, entries.into()).expect("ten entries");
        let batch = SendMessageBatch::new(world.address("q"), entries).expect("small");
        world.ask(Request::SendMessageBatch(batch)).expect("sent");
    }

    // Each consumer receives again after its pause. A waiting receive is answered later, by a timer.
    let mut idle: Vec<u64> = (0..consumers.count).map(|_| 0).collect();
    let mut waiting: Vec<(RequestToken, usize)> = Vec::new();
    let (mut counted, mut total_before) = (0, 0);
    let start = world.now.as_millis();
    for elapsed in 0..=61_000u64 {
        world.now = posthouse_model::Timestamp::from_millis(start + elapsed);
        let due = world.engine.next_deadline().map(|due| due.as_millis() + consumers.late);
        if due.is_some_and(|due| due <= start + elapsed) {
            world.tick();
        }
        for (token, text) in core::mem::take(&mut world.late) {
            let index = waiting.iter().position(|(waiter, _)| *waiter == token).expect("it waits");
            let (_, consumer) = waiting.swap_remove(index);
            counted += text.split(' ').filter(|word| *word == "m").count() as u64;
            idle[consumer] = elapsed + consumers.pause;
        }
        for (consumer, next) in idle.iter_mut().enumerate() {
            while *next <= elapsed {
                let request = Request::ReceiveMessage(ReceiveMessage {
                    queue: world.address("q"),
                    messages_max: consumers.messages_max,
                    visibility_timeout: VisibilityTimeout::new(3600).ok(),
                    wait: Some(consumers.wait.into()),
                    attempt: None,
                });
                match world.call(request) {
                    (_, Some((Outcome::Messages { messages: deliveries, .. }, _))) => {
                        counted += deliveries.len() as u64;
                        *next = elapsed + consumers.pause.max(u64::from(deliveries.is_empty()));
                    }
                    (_, Some(other)) => panic!("{other:?}"),
                    (token, None) => {
                        waiting.push((token, consumer));
                        *next = u64::MAX;
                    }
                }
            }
        }
        if elapsed == 1000 {
            total_before = counted;
        }
    }
    world.check();
    counted - total_before
}

#[test]
fn a_rate_holds_within_one_percent_over_a_minute() {
    let patient = Consumers { count: 1, pause: 0, messages_max: MessageCount::MAX, wait: WaitTime::MAX, late: 0 };
    for (rate, burst, consumers) in [
        (100.0, 100, patient),
        (100.0, 1, patient),
        (100.0, 1, Consumers { count: 50, ..patient }),
        (100.0, 100, Consumers { count: 50, messages_max: MessageCount::MIN, ..patient }),
        (33.3, 1, Consumers { count: 50, late: 3, ..patient }),
        (33.3, 1, Consumers { late: 3, messages_max: MessageCount::MIN, ..patient }),
        (150.0, 150, Consumers { count: 50, wait: WaitTime::ZERO, pause: 7, ..patient }),
        (7.5, 1, Consumers { count: 50, pause: 20, late: 1, ..patient }),
        (1500.0, 1, Consumers { count: 50, ..patient }),
        (2000.0, 2000, Consumers { count: 50, late: 1, ..patient }),
    ] {
        let received = received_in_a_minute(rate, burst, consumers);
        let expected = rate * 60.0;
        let error = (received as f64 - expected).abs() / expected;
        assert!(error <= 0.01, "{rate} a second, burst {burst}, {consumers:?}: {received} instead of {expected}");
    }
}
