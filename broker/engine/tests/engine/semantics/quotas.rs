//! Quotas: what an account may hold. `World` checks after every step that what is counted is what is there.

use posthouse_engine::{Options, Quotas};

use crate::world::script::run_with;

fn with(quotas: Quotas) -> Options {
    Options { quotas, ..Options::default() }
}

/// An account may hold so many messages.
fn messages(max: u64) -> Options {
    with(Quotas { messages: Some(max), ..Quotas::default() })
}

fn redrive(target: &str, receives: u32) -> String {
    format!(
        r#"RedrivePolicy={{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{target}","maxReceiveCount":{receives}}}"#
    )
}

#[test]
fn queues_of_all_regions_count() {
    run_with(
        &with(Quotas { queues: Some(2), ..Quotas::default() }),
        "
        create a
        topic  t
        subscribe t sms +15555550100
        region eu-west-1
        create b
        create c -> OverLimit: The account may hold at most 2 queues.
        create b
        caller 111111111111
        create c
        caller 000000000000
        restart
        create c -> OverLimit
        region us-east-1
        drop   a
        restart
        create c
    ",
    );
}

#[test]
fn topics_of_all_regions_count() {
    run_with(
        &with(Quotas { topics: Some(2), ..Quotas::default() }),
        "
        topic  a
        region eu-west-1
        topic  b
        topic  c -> TopicLimitExceeded: An account can have at most 2 topics.
        topic  b
        restart
        topic  c -> TopicLimitExceeded
        region us-east-1
        untopic a
        restart
        topic  c
    ",
    );
}

#[test]
fn subscriptions_count_until_they_are_deleted() {
    run_with(
        &with(Quotas { subscriptions: Some(2), ..Quotas::default() }),
        "
        topic  t
        subscribe t sms +15555550100 as=a
        subscribe t email a@example.com as=b -> pending
        subscribe t sms +15555550101 -> SubscriptionLimitExceeded: An account can own at most 2 subscriptions.
        subscribe t sms +15555550100 as=a
        restart
        subscribe t sms +15555550101 -> SubscriptionLimitExceeded
        advance 2d
        subscribe t sms +15555550101 as=c
        unsubscribe a
        restart
        subscribe t sms +15555550102 as=d
        subscribe t sms +15555550103 -> SubscriptionLimitExceeded
        untopic t
        topic  t
        subscribe t sms +15555550103
    ",
    );
}

#[test]
fn messages_in_every_state_count_and_are_given_back() {
    run_with(
        &messages(3),
        "
        create  a VisibilityTimeout=30
        create  b MessageRetentionPeriod=60
        send    a m1
        send    a m2 delay=60s
        send    b m3
        send    b m4 -> OverLimit: The account may hold at most 3 messages.
        receive a -> m1
        send    b m4 -> OverLimit
        restart
        send    b m4 -> OverLimit
        delete  a m1
        send    b m4
        send    b m5 -> OverLimit
        advance 60s
        send    b m5
        send    b m6
        purge   b
        restart
        send    b m7
        send    b m8
        send    b m9 -> OverLimit
        drop    b
        send    a m10
        send    a m11
        send    a m12 -> OverLimit
        caller  111111111111
        create  c
        send    111111111111/c m1
    ",
    );
}

/// Entries of a batch are judged one by one.
#[test]
fn a_batch_fills_what_is_left() {
    run_with(
        &messages(2),
        "
        create  q
        batch   q m1 m2 m3 -> e2 OverLimit
        receive q max=10 -> m1 m2
    ",
    );
}

#[test]
fn a_duplicate_takes_no_room() {
    run_with(
        &messages(1),
        "
        create  q.fifo FifoQueue=true
        send    q.fifo m1 group=g id=1
        send    q.fifo m1 group=g id=1
        send    q.fifo m2 group=g id=2 -> OverLimit
        receive q.fifo max=10 -> m1
    ",
    );
}

/// What a FIFO queue remembers for five minutes has a bound of its own: deleting a message frees none of it.
#[test]
fn a_fifo_queue_remembers_a_bounded_number_of_ids() {
    run_with(
        &with(Quotas { fifo_ids: Some(2), ..Quotas::default() }),
        "
        create  q.fifo FifoQueue=true
        send    q.fifo m1 group=g id=1
        receive q.fifo attempt=a -> m1
        delete  q.fifo m1
        send    q.fifo m2 group=g id=2 -> Throttled
        send    q.fifo m1 group=g id=1
        receive q.fifo attempt=b -> Throttled
        receive q.fifo -> nothing
        restart
        send    q.fifo m2 group=g id=2 -> Throttled
        advance 301s
        send    q.fifo m2 group=g id=2
        send    q.fifo m3 group=g id=3
        send    q.fifo m4 group=g id=4 -> Throttled
        topic   t.fifo FifoTopic=true
        publish t.fifo m1 group=g id=1
        publish t.fifo m2 group=g id=2
        publish t.fifo m3 group=g id=3 -> Throttled
        publish t.fifo m1 group=g id=1
    ",
    );
}

#[test]
fn bytes_count_as_messages_do() {
    run_with(
        // A record of these messages is some 150 bytes long.
        &with(Quotas { bytes: Some(340), ..Quotas::default() }),
        "
        create  q
        send    q m1
        send    q m2
        send    q m3 -> OverLimit: The account may hold at most 340 bytes of messages.
        restart
        send    q m3 -> OverLimit
        receive q -> m1
        delete  q m1
        send    q m3
    ",
    );
}

#[test]
fn dead_letters_and_moved_messages_need_no_room() {
    run_with(
        &messages(2),
        &format!(
            "
            create  dead
            create  q VisibilityTimeout=10 {}
            send    q m1
            send    q m2
            receive q max=10 -> m1 m2
            advance 10s
            receive q max=10 -> nothing
            receive dead visibility=0s -> m1
            send    q m3 -> OverLimit
            move    dead as=task
            advance 1s
            receive q max=10 -> m1 m2
            restart
            send    q m3 -> OverLimit
            delete  q m1
            send    q m3
            ",
            redrive("dead", 1)
        ),
    );
}

/// A publication that the topic's account has no room for is refused: none of its recipients gets it.
#[test]
fn a_publication_is_refused_as_a_whole() {
    run_with(
        &messages(3),
        "
        topic   t
        create  a
        create  b
        subscribe t sqs a RawMessageDelivery=true
        subscribe t sqs b RawMessageDelivery=true
        publish t m1
        publish t m2 -> OverLimit: The account may hold at most 3 messages.
        messages -> 2
        receive a -> m1
        delete  a m1
        publish t m2
        messages -> 3
        subscribe t sms +15555550100
        receive a -> m2
        delete  a m2
        publish t m3 -> OverLimit
        receive b max=10 -> m1 m2
        delete  b m1
        delete  b m2
        publish t m3
        restart
        publish t m4 -> OverLimit
    ",
    );
}

/// A queue of another account that has no room is a recipient that refuses: its dead-letter queue takes its place.
#[test]
fn a_recipient_of_another_account_that_has_no_room_refuses() {
    run_with(
        &messages(2),
        r#"
        caller  111111111111
        create  full
        set     111111111111/full Policy={"Statement":{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage"}}
        caller  000000000000
        topic   t
        create  own
        create  dead
        subscribe t sqs own RawMessageDelivery=true
        subscribe t sqs 111111111111/full as=theirs RawMessageDelivery=true
        publish t m1
        caller  111111111111
        send    111111111111/full m2
        send    111111111111/full m3 -> OverLimit
        receive 111111111111/full max=10 -> m1 m2
        caller  000000000000
        publish t m4
        receive own max=10 -> m1 m4
        messages -> 4
        delete  own m1
        delete  own m4
        sub-set theirs RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
        publish t m5
        receive own max=10 -> m5
        receive dead max=10 -> m5
        messages -> 4
        publish t m6 -> OverLimit
    "#,
    );
}

/// A policy of one short value, which counts 1,565 bytes.
const SHORT: &str = r#"FilterPolicy={"a":["b"]}"#;

/// Filter policies count in every state of their subscription, so that a confirmation needs no room. One may always be
/// replaced by one that takes no more.
#[test]
fn filter_policies_of_a_topic_have_a_bound_in_bytes() {
    let long = format!(r#"FilterPolicy={{"a":["{}"]}}"#, "x".repeat(400));
    run_with(
        &with(Quotas { topic_filter_bytes: Some(3200), ..Quotas::default() }),
        &format!(
            "
        topic  t
        topic  u
        subscribe t sms +15555550100 as=a {SHORT}
        subscribe t email a@example.com as=b {SHORT} -> pending
        subscribe t sms +15555550101 {SHORT} -> FilterPolicyLimitExceeded: The filter policies of a topic can take at most 3200 bytes of memory.
        subscribe t sms +15555550100 as=a {SHORT}
        subscribe t sms +15555550101 as=c
        sub-set c {SHORT} -> FilterPolicyLimitExceeded
        sub-set a {long} -> FilterPolicyLimitExceeded
        sub-set a FilterPolicyScope=MessageBody
        subscribe u sms +15555550101 {SHORT}
        restart
        sub-set c {SHORT} -> FilterPolicyLimitExceeded
        confirm b
        unsubscribe b
        sub-set c {SHORT} -> FilterPolicyLimitExceeded
        confirm b
        unsubscribe a
        sub-set c {SHORT}
        sub-set c FilterPolicy={{}}
        subscribe t sms +15555550102 {long} -> FilterPolicyLimitExceeded
        subscribe t sms +15555550102 {SHORT}
        "
        ),
    );
}

/// The owner of a subscription is the account that subscribed, whoever owns the topic.
#[test]
fn filter_policies_of_an_account_have_a_bound_in_bytes() {
    run_with(
        &with(Quotas { account_filter_bytes: Some(3200), ..Quotas::default() }),
        &format!(
            r#"
        topic  t
        subscribe t sms +15555550100 as=a {SHORT}
        topic  u
        subscribe u sms +15555550100 {SHORT}
        subscribe u sms +15555550101 {SHORT} -> FilterPolicyLimitExceeded: The filter policies of an account can take at most 3200 bytes of memory.
        topic-set t Policy={{"Statement":{{"Effect":"Allow","Principal":"*","Action":"SNS:Subscribe","Resource":"*"}}}}
        caller 111111111111
        subscribe t sms +15555550101 {SHORT}
        caller 000000000000
        restart
        subscribe u sms +15555550101 {SHORT} -> FilterPolicyLimitExceeded
        untopic u
        topic  u
        subscribe u sms +15555550101 {SHORT}
        "#
        ),
    );
}
