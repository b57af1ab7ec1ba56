//! Native producers: what is sent again is stored once and answered as the first time, in queues and topics of both kinds.

use std::collections::BTreeMap;

use crate::world::World;
use crate::world::script::native::Produced;
use crate::world::script::{run, run_with};
use posthouse_engine::{Options, Outcome, Quotas};
use posthouse_model::operation::*;
use posthouse_model::{AttributeChanges, MessageCount, Request, TopicAttributes};

#[test]
fn a_batch_that_is_sent_again_is_stored_once() {
    run("
        create  q
        opened  p q -> unknown
        produce p q 1 m1 m2 m3
        opened  p q -> last=3
        produce p q 1 m1 m2 m3
        produce p q 2 m2 m3 m4 m5
        opened  p q -> last=5
        receive q max=10 -> m1 m2 m3 m4 m5
        restart
        produce p q 3 m3 m4 m5
        advance 30s
        receive q max=10 -> m1 m2 m3 m4 m5
    ");
}

#[test]
fn a_gap_is_refused_whole() {
    run("
        create  q
        produce p q 2 m2 -> OutOfSequence
        produce p q 1 m1
        produce p q 3 m3 m4 -> OutOfSequence
        opened  p q -> last=1
        produce p q 2 m2 m3
        receive q max=10 -> m1 m2 m3
    ");
}

#[test]
fn each_producer_has_its_own_numbers() {
    run("
        create  q
        create  r
        produce p q 1 m1 m2
        produce o q 1 m3
        produce p r 1 m4
        send    q m5
        produce o q 2 m6
        produce p q 3 m7
        opened  p q -> last=3
        opened  o q -> last=2
        opened  p r -> last=1
        receive q max=10 -> m1 m2 m3 m5 m6 m7
    ");
}

/// Another caller who has learned a producer's id names another producer with it.
#[test]
fn a_caller_does_not_see_the_producers_of_others() {
    run("
        create  q
        allow   q label 222222222222 SendMessage
        produce p q 1 m1 m2
        caller  222222222222
        opened  p 000000000000/q -> unknown
        produce p 000000000000/q 1 m3
        produce p 000000000000/q 1 m3
        caller  000000000000
        opened  p q -> last=2
        produce p q 3 m4
        receive q max=10 -> m1 m2 m3 m4
        caller  333333333333
        opened  p 000000000000/q -> AccessDenied
        produce p 000000000000/q 1 m5 -> AccessDenied
    ");
}

#[test]
fn a_producer_is_forgotten_five_minutes_after_its_last_message() {
    run("
        create  q
        produce p q 1 m1
        advance 4m
        produce p q 2 m2
        advance 299s
        opened  p q -> last=2
        advance 1s
        opened  p q -> unknown
        restart
        opened  p q -> unknown
        produce p q 3 m3 -> OutOfSequence
        produce p q 1 m4
        opened  p q -> last=1
    ");
}

/// The connection knows what was answered on it. What follows cannot have been sent before.
#[test]
fn a_producer_that_was_silent_goes_on_with_its_numbers() {
    run("
        create  q
        produce p q 1 m1 m2
        advance 1h
        produce p q 4 m4 answered=2 -> OutOfSequence
        produce p q 2 m2 m3 answered=2 -> m2 OutcomeUnknown
        opened  p q -> last=3
        produce p q 3 m3
        produce p q 2 m2 -> m2 OutcomeUnknown
        produce p q 4 m4
        receive q max=10 -> m1 m2 m3 m4
    ");
}

#[test]
fn what_was_refused_stays_refused() {
    run_with(
        &Options { quotas: Quotas { messages: Some(3), ..Quotas::default() }, ..Options::default() },
        "
        create  q MaximumMessageSize=1024
        produce p q 1 m1 x*2000 - m4 -> x*2000 InvalidParameterValue; - InvalidMessageContents
        opened  p q -> last=4
        produce p q 5 m5 m6 m7 -> m6 OverLimit; m7 OverLimit
        receive q max=10 -> m1 m4 m5
        delete  q m1 m4 m5
        restart
        produce p q 1 m1 x*2000 - m4 m5 m6 m7 m8 -> x*2000 InvalidParameterValue; - InvalidMessageContents; m6 OverLimit; m7 OverLimit
        receive q max=10 -> m8
        produce o q 1 - -> - InvalidMessageContents
        opened  o q -> last=1
        produce o q 1 - m9 -> - InvalidMessageContents
        receive q max=10 -> m9
        ",
    );
}

#[test]
fn delays_and_dead_letters_are_those_of_the_queue() {
    run(r#"
        create  dead
        create  q DelaySeconds=5 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}
        produce p q 1 m1
        produce p q 2 m2 delay=0s
        receive q max=10 visibility=0s -> m2
        advance 5s
        receive q max=10 visibility=0s -> m1
        receive q max=10 -> nothing
        produce p q 1 m1 m2
        receive q max=10 -> nothing
        receive dead max=10 -> m2 m1
    "#);
}

#[test]
fn a_purge_forgets_no_producer_and_a_deletion_does() {
    run("
        create  q
        produce p q 1 m1 m2
        purge   q
        produce p q 1 m1 m2 m3
        receive q max=10 -> m3
        drop    q
        create  q
        opened  p q -> unknown
        produce p q 1 m1
        receive q -> m1
    ");
}

#[test]
fn a_clock_that_is_set_changes_no_span() {
    run("
        create  q
        produce p q 1 m1
        advance 4m
        clock   -3d
        advance 30s
        opened  p q -> last=1
        clock   +9d
        produce p q 1 m1
        advance 30s
        opened  p q -> unknown
    ");
}

#[test]
fn a_fifo_queue_gives_the_same_sequence_numbers_again() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        produce p q.fifo 1 m1 m2 m3 group=g numbers=yes -> #1 #2 #3
        produce p q.fifo 1 m1 m2 m3 group=g numbers=yes -> #1 #2 #3
        restart
        produce p q.fifo 2 m2 m3 m4 group=g numbers=yes -> #2 #3 #4
        receive q.fifo max=10 -> m1 m2 m3 m4
    ");
}

/// A duplicate by deduplication id is answered with its original, also when both are sent again and after five minutes.
#[test]
fn deduplication_ids_and_numbers_go_side_by_side() {
    run("
        create  q.fifo FifoQueue=true
        produce p q.fifo 1 m1 group=g id=a numbers=yes -> #1
        produce p q.fifo 2 m2 group=g id=a -> m2 duplicate
        produce p q.fifo 2 m2 m3 group=g id=a -> m2 duplicate; m3 duplicate
        produce p q.fifo 4 m4 group=g id=b
        produce p q.fifo 1 m1 m2 m3 group=g id=a numbers=yes -> #1 #1 #1
        produce o q.fifo 1 m5 group=g id=a -> m5 duplicate
        send    q.fifo m6 group=g id=b
        advance 4m
        produce p q.fifo 5 m7 group=g id=c
        advance 2m
        produce p q.fifo 1 m1 m2 m3 m4 group=g id=a -> m2 duplicate; m3 duplicate
        produce p q.fifo 6 m8 group=g id=a
        receive q.fifo max=10 -> m1 m4 m7 m8
    ");
}

#[test]
fn a_fifo_queue_refuses_each_message_that_breaks_its_rules() {
    run("
        create  q.fifo FifoQueue=true
        produce p q.fifo 1 m1 id=a -> m1 InvalidParameterValue
        produce p q.fifo 2 m2 group=g -> m2 InvalidParameterValue
        produce p q.fifo 3 m3 group=g id=a delay=5s -> m3 InvalidParameterValue
        produce p q.fifo 4 m4 group=g id=a
        produce p q.fifo 1 m1 m2 m3 m4 group=g id=a numbers=yes -> - - - #1
        receive q.fifo max=10 -> m4
    ");
}

#[test]
fn a_topic_remembers_its_producers() {
    run("
        topic     t
        create    q
        create    r
        subscribe t sqs q as=s RawMessageDelivery=true
        subscribe t sqs r as=u RawMessageDelivery=true
        produce   p t 1 m1 m2
        produce   p t 1 m1 m2 m3
        opened    p t -> last=3
        opened    p q -> unknown
        produce   p t 5 m5 -> OutOfSequence
        restart
        produce   p t 2 m2 m3 - m5 -> - InvalidParameter
        produce   p t 4 - m5 -> - InvalidParameter
        receive   q max=10 -> m1 m2 m3 m5
        receive   r max=10 -> m1 m2 m3 m5
        untopic   t
        topic     t
        opened    p t -> unknown
    ");
}

/// A message that no subscription wants has no event of its own, and has a number all the same.
#[test]
fn a_message_without_recipients_has_a_number() {
    run("
        topic     t
        produce   p t 1 m1 m2
        opened    p t -> last=2
        create    q
        subscribe t sqs q as=s RawMessageDelivery=true
        produce   p t 1 m1 m2 m3
        receive   q max=10 -> m3
    ");
}

#[test]
fn a_fifo_topic_gives_the_same_sequence_numbers_again() {
    run("
        topic     t.fifo FifoTopic=true
        create    q.fifo FifoQueue=true
        subscribe t.fifo sqs q.fifo as=s RawMessageDelivery=true
        produce   p t.fifo 1 m1 group=g id=a numbers=yes -> #1
        produce   p t.fifo 2 m2 group=g id=b numbers=yes -> #2
        produce   p t.fifo 3 m3 group=g id=a -> m3 duplicate
        restart
        produce   p t.fifo 1 m1 m2 m3 group=g id=a numbers=yes -> #1 #2 #1
        receive   q.fifo max=10 -> m1 m2
    ");
}

/// Publications that take several turns, and that have several events, have their numbers.
#[test]
fn wide_publications_have_numbers() {
    let options = Options {
        deliveries_at_once_max: 2,
        deliveries_per_event_max: 3,
        deliveries_per_tick: 2,
        ..Options::default()
    };
    let subscribe = |n| format!("create q{n}\nsubscribe t sqs q{n} as=s{n} RawMessageDelivery=true\n");
    let queues: String = (0..8).map(subscribe).collect();
    let received: String = (0..8).map(|n| format!("receive q{n} max=10 -> m1 m2 m3 m4\n")).collect();
    run_with(
        &options,
        &format!(
            "topic t
            {queues}
            produce p t 1 m1 m2 m3
            opened  p t -> last=3
            produce p t 1 m1 m2 m3
            restart
            produce p t 2 m2 m3 m4
            {received}"
        ),
    );
}

#[test]
fn a_queue_forgets_the_producer_that_was_silent_longest() {
    let producers_max = 20;
    let mut world = World::new(Options { producers_max, ..Options::default() });
    create(&mut world, "q");
    let produce = |world: &mut World, producer: &str, first, answered| {
        let batch = Produced { producer, target: "q", first, answered, group: None, id: None, delay: None };
        let request = world.producing(&batch, &["m"]).expect("a batch");
        world.ask(request)
    };
    for n in 0..producers_max {
        produce(&mut world, &format!("p{n}"), 1, 0).expect("sent");
        if n == 1 {
            world.advance(1000);
        }
    }
    world.advance(1000);
    produce(&mut world, "p0", 2, 0).expect("it is known");
    produce(&mut world, "new", 1, 0).expect("sent");
    assert!(produce(&mut world, "p1", 2, 0).is_err(), "it was silent longest");
    produce(&mut world, "p1", 2, 1).expect("what follows an answer is new");
    produce(&mut world, "p0", 3, 0).expect("it is known");
    world.check();
}

#[test]
fn all_producers_together_take_bounded_memory() {
    let producers_bytes_max = 120 * 1024;
    let mut world = World::new(Options { producers_bytes_max, ..Options::default() });
    for name in ["q", "r.fifo"] {
        create(&mut world, name);
    }
    let known = |world: &mut World, n: u32| {
        let (target, producer) = (ProducerTarget::Queue(world.address("q")), producer_of(n));
        match world.ask(Request::OpenProducer(OpenProducer { target, producer })) {
            Ok(Reply::ProducerOpened(opened)) => opened.last.is_some(),
            other => panic!("{other:?}"),
        }
    };
    for n in 0..240 {
        let (producer, target) = (format!("p{n}"), if n % 3 == 0 { "r.fifo" } else { "q" });
        let group = (n % 3 == 0).then_some("g");
        let id = format!("d{n}");
        let batch = Produced {
            producer: &producer,
            target,
            first: 1,
            answered: 0,
            group,
            id: group.map(|_| &*id),
            delay: None,
        };
        let request = world.producing(&batch, &["m"]).expect("a batch");
        world.ask(request).expect("sent");
        world.advance(10);
    }
    assert!(known(&mut world, 238) && !known(&mut world, 1), "the latest are known");
    world.check();
}

/// A producer is forgotten for want of bytes, and then the bytes are free again. What it sends again may be stored already.
#[test]
fn a_producer_that_was_forgotten_early_is_missed_until_its_time_is_over() {
    let crowd = |target: &str| (0..60).map(|n| format!("produce o{n} {target} 1 m\n")).collect::<String>();
    run_with(
        &Options { producers_bytes_max: 120 * 1024, ..Options::default() },
        &format!(
            "
            create  q
            create  other
            topic   t
            produce p q 1 m1
            produce p t 1 m1
            advance 1m
            create  crowd
            {}
            drop    crowd
            opened  p q -> forgotten
            opened  new q -> forgotten
            opened  p t -> forgotten
            opened  new other -> unknown
            restart
            opened  p q -> forgotten
            produce new q 1 m2
            opened  new q -> last=1
            clock   +2d
            advance 239s
            opened  p q -> forgotten
            opened  p t -> forgotten
            advance 1s
            opened  p q -> unknown
            opened  p t -> unknown
            ",
            crowd("crowd"),
        ),
    );
}

/// A queue that is full of producers has forgotten none of them yet.
#[test]
fn a_full_queue_misses_none_before_it_forgets_one() {
    run_with(
        &Options { producers_max: 2, ..Options::default() },
        "
        create  q
        produce a q 1 m1
        produce b q 1 m2
        opened  c q -> unknown
        advance 1s
        produce c q 1 m3
        opened  a q -> forgotten
        opened  b q -> last=1
        advance 298s
        opened  a q -> forgotten
        advance 1s
        opened  a q -> unknown
        drop    q
        create  q
        opened  a q -> unknown
        ",
    );
}

fn producer_of(n: u32) -> ProducerId {
    crate::world::script::native::producer(&format!("p{n}"))
}

fn create(world: &mut World, name: &str) {
    let fifo = name.ends_with(".fifo").then_some(("FifoQueue", "true"));
    let attributes = AttributeChanges::parse(fifo).expect("valid");
    let create = CreateQueue { name: name.parse().expect("a name"), attributes, tags: Tags::default() };
    world.ask(Request::CreateQueue(create)).expect("created");
}

/// A crash cuts the journal behind any record of a batch. What is sent again then is there once, and in its order.
#[test]
fn a_batch_that_was_cut_off_is_completed_exactly_once() {
    for (target, receiver) in [("q", "q"), ("q.fifo", "q.fifo"), ("t", "s"), ("t.fifo", "s.fifo")] {
        let fifo = target.ends_with(".fifo");
        let mut world = World::new(Options { deliveries_per_event_max: 1, ..Options::default() });
        world.checkpointing = false;
        for name in ["q", "q.fifo", "s", "s.fifo", "s2"] {
            create(&mut world, name);
        }
        for (topic, queues) in [("t", &["s", "s2"][..]), ("t.fifo", &["s.fifo"])] {
            let fifo = topic.ends_with(".fifo").then_some(("FifoTopic", "true"));
            let (attributes, tags) = (TopicAttributes::parse(fifo).expect("valid"), Tags::default());
            let create = CreateTopic { name: topic.parse().expect("a name"), attributes, tags, data_protection: None };
            world.ask(Request::CreateTopic(create)).expect("created");
            for queue in queues {
                let raw = posthouse_model::SubscriptionAttributes::parse([("RawMessageDelivery", "true")]);
                let (subscribe, _) = world.subscribing(topic, "sqs", queue, raw).expect("an endpoint");
                world.ask(Request::Subscribe(subscribe)).expect("subscribed");
            }
        }
        let before = world.journal.records.len();
        let bodies = ["m1", "-", "m3", "m4", "-"];
        // FIFO messages have their bodies as deduplication ids, which would hide a message that is stored twice. So each is
        // sent with another one, whatever was sent before.
        let send = |world: &mut World, round: &str| {
            for (index, body) in bodies.iter().enumerate().filter(|_| fifo) {
                let id = format!("{round}{index}");
                let first = index as u64 + 1;
                let batch = Produced {
                    producer: "p",
                    target,
                    first,
                    answered: 0,
                    group: Some("g"),
                    id: Some(&id),
                    delay: None,
                };
                let request = world.producing(&batch, &[body]).expect("a batch");
                world.ask(request).expect("sent");
            }
            if !fifo {
                let batch =
                    Produced { producer: "p", target, first: 1, answered: 0, group: None, id: None, delay: None };
                let request = world.producing(&batch, &bodies).expect("a batch");
                world.ask(request).expect("sent");
            }
        };
        send(&mut world, "a");
        let records = world.journal.records.clone();
        assert!(records.len() > before + 4, "a note, and an event for each message");
        for cut in before..=records.len() {
            world.journal.records = records[..cut].to_vec();
            world.restart();
            send(&mut world, "b");
            send(&mut world, "c");
            let got = receive_all(&mut world, receiver);
            assert_eq!(got, ["m1", "m3", "m4"], "{target}, cut behind record {cut} of {before}..{}", records.len());
            world.restart();
            world.check();
        }
    }
}

fn receive_all(world: &mut World, queue: &str) -> Vec<String> {
    let request = ReceiveMessage {
        queue: world.address(queue),
        messages_max: MessageCount::MAX,
        visibility_timeout: None,
        wait: None,
        attempt: None,
    };
    let (_, Some((Outcome::Messages { messages, .. }, _))) = world.call(Request::ReceiveMessage(request)) else {
        panic!("a receive without a wait is answered at once");
    };
    let ids: BTreeMap<_, _> = messages.iter().map(|message| (world.open(message).id(), ())).collect();
    assert_eq!(ids.len(), messages.len(), "each message has an id of its own");
    messages.iter().map(|message| world.open(message).body().to_owned()).collect()
}
