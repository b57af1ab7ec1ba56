//! Native consumers: receives of more than ten messages, and what becomes of them.

use crate::world::script::run;

#[test]
fn each_message_is_settled_in_its_own_way() {
    run(r#"
        create  dead
        create  q RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":9}
        produce p q 1 m1 m2 m3 m4
        receive q max=4 -> m1 m2 m3 m4
        settle  q m1=delete m2=release:0s m3=extend:60s m4=dead-letter
        receive q max=10 -> m2
        receive dead show=count,source -> m4(count=2,source=q)
        advance 59s
        receive q max=10 -> m2
        advance 1s
        receive q max=10 -> m3
        restart
        settle  q m2=release:0s m3=delete
        receive q max=10 -> m2
    "#);
}

#[test]
fn a_release_may_wait() {
    run("
        create  q
        batch   q m1 m2
        receive q max=10 -> m1 m2
        settle  q m1=release:5s m2=release:1s
        advance 1s
        receive q max=10 -> m2
        advance 4s
        receive q max=10 -> m1
    ");
}

/// A consumer that was too slow takes nothing from the one that has the message now.
#[test]
fn only_the_latest_receive_settles() {
    run(r#"
        create  dead
        create  q RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":9}
        batch   q m1 m2 m3
        receive q max=10 -> m1 m2 m3
        advance 30s
        settle  q m1=release:0s m2=extend:5s m3=dead-letter -> m1 NotInFlight; m2 NotInFlight; m3 NotInFlight
        receive q max=10 -> m1 m2 m3
        settle  q m1#1=release:0s m2#1=extend:5s m3#1=dead-letter -> m1#1 NotInFlight; m2#1 NotInFlight; m3#1 NotInFlight
        receive q max=10 -> nothing
        settle  q m1#1=delete m2=delete m3=delete
        settle  q m1=delete m2=extend:5s m3=dead-letter -> m2 NotInFlight; m3 NotInFlight
        messages -> 0
    "#);
}

#[test]
fn a_message_is_in_flight_for_twelve_hours_at_most() {
    run("
        create  q
        send    q m1
        receive q -> m1
        advance 10s
        settle  q m1=extend:12h -> m1 TooLong
        settle  q m1=release:12h -> m1 TooLong
        settle  q m1=extend:10h
        advance 10h
        receive q -> m1
    ");
}

#[test]
fn without_a_dead_letter_queue_a_message_stays_in_flight() {
    run("
        create  q
        batch   q m1 m2
        receive q max=10 -> m1 m2
        settle  q m1=dead-letter m2=delete -> m1 NoDeadLetterQueue
        receive q -> nothing
        advance 30s
        receive q max=10 -> m1
    ");
}

/// Of several settlements of one message the first counts, in whatever order the messages are named.
#[test]
fn the_first_settlement_of_a_message_counts() {
    run("
        create  q
        batch   q m1 m2
        receive q max=10 -> m1 m2
        settle  q m2=delete m1=release:0s m1=delete m2=release:0s -> m1 NotInFlight; m2 NotInFlight
        receive q max=10 -> m1
        settle  q m1=delete m1=delete -> m1 NotInFlight
        messages -> 0
    ");
}

#[test]
fn a_fifo_queue_settles_only_what_is_in_flight() {
    run("
        create  q.fifo FifoQueue=true
        send    q.fifo m1 group=g id=a
        send    q.fifo m2 group=g id=b
        receive q.fifo max=10 -> m1 m2
        settle  q.fifo m1=release:0s m2=release:0s
        receive q.fifo max=1 -> m1
        settle  q.fifo m1#1=delete m2=delete -> m1#1 NotInFlight; m2 NotInFlight
        settle  q.fifo m1=delete
        receive q.fifo max=10 -> m2
    ");
}

#[test]
fn access_is_that_of_the_operations_of_sqs() {
    run("
        create  q
        batch   q m1 m2 m3
        receive q max=10 -> m1 m2 m3
        allow   q deleting 222222222222 DeleteMessage
        caller  222222222222
        settle  000000000000/q m1=delete
        settle  000000000000/q m2=release:0s -> AccessDenied
        settle  000000000000/q m2=delete m3=extend:5s -> AccessDenied
        caller  000000000000
        allow   q changing 222222222222 ChangeMessageVisibility
        caller  222222222222
        settle  000000000000/q m2=delete m3=extend:5s
        caller  333333333333
        settle  000000000000/q m3=delete -> AccessDenied
    ");
}

/// What limits a receive of ten limits one of a thousand: groups, fairness, tokens and room.
#[test]
fn a_large_receive_keeps_the_rules_of_the_queue() {
    let bodies: Vec<String> = (1..=40).map(|n| format!("m{n}")).collect();
    let (all, first) = (bodies.join(" "), bodies[..15].join(" "));
    run(&format!(
        "create  q MaxReceiveRate=5 MaxReceiveBurst=15
        produce p q 1 {all}
        receive q max=1024 -> {first}
        advance 1s
        receive q max=1024 -> m16 m17 m18 m19 m20
        create  f.fifo FifoQueue=true ContentBasedDeduplication=true
        produce p f.fifo 1 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 group=a
        produce p f.fifo 13 b1 b2 group=b
        receive f.fifo max=13 -> a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 b1
        receive f.fifo max=1024 -> nothing
        settle  f.fifo b1=delete
        receive f.fifo max=1024 -> b2
        create  r
        produce p r 1 {all}
        room    12
        receive r max=1024 -> m1 m2 m3 m4 m5 m6 m7 m8 m9 m10 m11 m12"
    ));
}
