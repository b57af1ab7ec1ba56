//! FIFO queues: order in groups, deduplication, receive request attempts.

use crate::world::script::run;

#[test]
fn a_group_in_flight_blocks_only_itself() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        send    q.fifo a2 group=a
        send    q.fifo b2 group=b
        receive q.fifo -> a1
        receive q.fifo -> b1
        receive q.fifo -> nothing
        delete  q.fifo a1
        receive q.fifo -> a2
        change  q.fifo b1 0s
        receive q.fifo max=10 show=count -> b1(count=2) b2(count=1)
    ");
}

#[test]
fn a_receive_takes_as_many_as_it_can_of_one_group() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        send    q.fifo a2 group=a
        send    q.fifo c1 group=c
        send    q.fifo a3 group=a
        send    q.fifo b2 group=b
        receive q.fifo max=4 -> a1 a2 a3 b1
        receive q.fifo max=4 -> c1
        delete  q.fifo b1
        receive q.fifo max=4 -> b2
    ");
}

#[test]
fn a_message_that_comes_back_is_the_first_of_its_group() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo a3 group=a
        receive q.fifo max=2 -> a1 a2
        delete  q.fifo a1
        receive q.fifo -> nothing
        advance 10s
        restart
        receive q.fifo max=10 -> a2 a3
        change  q.fifo a2 0s
        receive q.fifo max=10 -> a2
        change  q.fifo a3 0s
        receive q.fifo max=10 -> nothing
        change  q.fifo a2 0s
        receive q.fifo max=10 -> a2 a3
    ");
}

#[test]
fn what_is_in_flight_holds_back_what_is_behind_it() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        batch   q.fifo m1 m2 m3 group=g
        receive q.fifo max=3 visibility=1s -> m1 m2 m3
        change  q.fifo m2 4s
        advance 2500ms
        restart
        receive q.fifo max=5 -> m1
        delete  q.fifo m1
        receive q.fifo max=5 -> nothing
        advance 1500ms
        receive q.fifo max=5 show=count -> m2(count=2) m3(count=2)
        change  q.fifo m2 40s
        change  q.fifo m3 0s
        receive q.fifo max=5 -> nothing
    ");
}

#[test]
fn a_message_given_back_is_received_before_those_in_flight() {
    let beginning = "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=30
        send    q.fifo g1-m1 group=g1
        send    q.fifo g1-m2 group=g1
        send    q.fifo g2-m1 group=g2
        receive q.fifo max=2 -> g1-m1 g1-m2
    ";
    for back in ["change q.fifo g1-m1 0s", "change q.fifo g1-m1 1s\nadvance 2s"] {
        for restart in ["", "restart"] {
            run(&format!("{beginning}\n{back}\n{restart}\nreceive q.fifo max=3 -> g2-m1 g1-m1"));
        }
    }
}

#[test]
fn a_message_that_comes_back_before_those_in_flight_wakes_a_wait() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        batch   q.fifo a1 a2 a3 group=a
        receive q.fifo max=2 -> a1 a2
        receive q.fifo wait=20s max=10 as=w1 -> waits
        change  q.fifo a2 0s
        answers -> none
        change  q.fifo a1 0s
        answers -> w1: a1 a2 a3
        batch   q.fifo b1 b2 group=b
        receive q.fifo max=2 visibility=5s -> b1 b2
        change  q.fifo b2 60s
        receive q.fifo wait=20s max=10 as=w2 -> waits
        advance 5s
        answers -> w2: b1
    ");
}

#[test]
fn groups_take_turns() {
    for restart in ["", "restart"] {
        run(&format!(
            "
            create  q.fifo FifoQueue=true ContentBasedDeduplication=true
            send    q.fifo g1-m1 group=g1
            send    q.fifo g2-m1 group=g2
            send    q.fifo g2-m2 group=g2
            send    q.fifo g3-m1 group=g3
            send    q.fifo g1-m2 group=g1
            receive q.fifo max=3 visibility=0s -> g1-m1 g1-m2 g2-m1
            {restart}
            receive q.fifo max=10 visibility=0s -> g3-m1 g1-m1 g1-m2 g2-m1 g2-m2
            {restart}
            receive q.fifo visibility=0s -> g3-m1
            receive q.fifo visibility=0s -> g1-m1
            "
        ));
    }
}

#[test]
fn a_message_that_is_given_back_again_and_again_starves_no_group() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo poison group=a
        send    q.fifo b1 group=b
        receive q.fifo visibility=0s -> poison
        receive q.fifo visibility=0s -> b1
        receive q.fifo visibility=0s -> poison
        receive q.fifo -> b1
        receive q.fifo -> poison
        change  q.fifo b1 0s
        change  q.fifo poison 0s
        receive q.fifo -> b1
        receive q.fifo -> poison
        send    q.fifo c1 group=c
        change  q.fifo poison 0s
        restart
        receive q.fifo -> c1
        receive q.fifo -> poison
    ");
}

#[test]
fn groups_come_back_in_the_order_in_which_they_are_available_again() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        send    q.fifo c1 group=c
        receive q.fifo visibility=10s -> a1
        receive q.fifo visibility=5s -> b1
        send    q.fifo d1 group=d
        receive q.fifo visibility=1s -> c1
        delete  q.fifo a1
        advance 10s
        restart
        receive q.fifo max=10 -> d1 a2 c1 b1
    ");
}

#[test]
fn an_earlier_message_is_dead_lettered_while_later_ones_are_in_flight() {
    run(r#"
        create  dead.fifo FifoQueue=true
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":1}
        batch   q.fifo a1 a2 group=a
        receive q.fifo max=2 -> a1 a2
        change  q.fifo a1 0s
        receive q.fifo max=2 -> nothing
        receive dead.fifo -> a1
        delete  q.fifo a2
        messages -> 1
    "#);
}

#[test]
fn a_purge_forgets_ids_and_attempts() {
    run("
        create  q.fifo FifoQueue=true
        send    q.fifo m1 group=g id=d
        receive q.fifo attempt=x -> m1
        purge   q.fifo
        restart
        send    q.fifo m2 group=g id=d
        receive q.fifo attempt=x -> m2
        send    q.fifo m3 group=g id=d
        delete  q.fifo m2
        receive q.fifo -> nothing
    ");
}

#[test]
fn a_change_of_the_deduplication_scope_forgets_no_id() {
    run("
        create  q.fifo FifoQueue=true
        send    q.fifo m1 group=g id=d
        set     q.fifo DeduplicationScope=messageGroup
        send    q.fifo again group=g id=d
        send    q.fifo again group=other id=d
        send    q.fifo m2 group=g id=e
        send    q.fifo m3 group=other id=e
        restart
        send    q.fifo again group=other id=d
        set     q.fifo DeduplicationScope=queue
        send    q.fifo again group=g id=e
        send    q.fifo again group=other id=e
        send    q.fifo m4 group=third id=e
        advance 299s
        restart
        send    q.fifo again group=g id=d
        send    q.fifo again group=fourth id=e
        receive q.fifo max=10 -> m1 m2 m3 m4
        advance 1s
        send    q.fifo m5 group=fourth id=d
        receive q.fifo max=10 -> m5
    ");
}

#[test]
fn a_fifo_queue_requires_a_group_and_a_deduplication_id() {
    run("
        create  q.fifo FifoQueue=true
        send    q.fifo m1 -> MissingParameter: The request must contain the parameter MessageGroupId.
        send    q.fifo m1 group=g -> InvalidParameterValue: The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly
        send    q.fifo m1 group=g id=d delay=1s -> InvalidParameterValue: Value 1 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.
        send    q.fifo m1 group=g id=d delay=0s
        batch   q.fifo m1 m2 -> InvalidParameterValue: The request must contain the parameter MessageGroupId.
        batch   q.fifo m1 m2 group=g -> InvalidParameterValue: The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly
        create  q
        send    q m1 id=d -> InvalidParameterValue
    ");
}

#[test]
fn a_delay_of_the_queue_holds_back_its_groups() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true DelaySeconds=10
        send    q.fifo a1 group=a
        set     q.fifo DelaySeconds=0
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=10 -> b1
        advance 10s
        receive q.fifo max=10 -> a1 a2
    ");
}

#[test]
fn deduplication_by_id() {
    run("
        create  q.fifo FifoQueue=true
        send    q.fifo m1 group=a id=x
        send    q.fifo m2 group=a id=x
        send    q.fifo m3 group=b id=x
        receive q.fifo max=10 -> m1
        delete  q.fifo m1
        send    q.fifo m4 group=a id=x
        receive q.fifo max=10 -> nothing
        advance 299s
        restart
        send    q.fifo m5 group=a id=x
        receive q.fifo max=10 -> nothing
        advance 1s
        send    q.fifo m6 group=a id=x
        receive q.fifo max=10 -> m6
    ");
}

#[test]
fn deduplication_in_a_batch_and_by_content() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        batch   q.fifo m1 m1 m2 group=a
        send    q.fifo m1 group=b
        send    q.fifo m1 group=b id=explicit
        receive q.fifo max=10 -> m1 m2 m1
    ");
}

#[test]
fn deduplication_by_group() {
    run("
        create  q.fifo FifoQueue=true DeduplicationScope=messageGroup FifoThroughputLimit=perMessageGroupId
        send    q.fifo m1 group=a id=x
        send    q.fifo m2 group=a id=x
        send    q.fifo m3 group=b id=x
        restart
        send    q.fifo m4 group=b id=x
        receive q.fifo max=10 -> m1 m3
    ");
}

#[test]
fn a_handle_expires_with_its_visibility() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo m1 group=a
        receive q.fifo -> m1
        advance 10s
        delete  q.fifo m1   -> ReceiptHandleExpired: Value HANDLE for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.
        change  q.fifo m1 5s -> InvalidParameterValue: Value HANDLE for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.
        receive q.fifo -> m1
        delete  q.fifo m1#1 -> ReceiptHandleExpired
        change  q.fifo m1#1 5s -> InvalidParameterValue
        delete  q.fifo m1
        delete  q.fifo m1
        delete  q.fifo m1#1
    ");
}

#[test]
fn an_attempt_can_be_repeated() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=30
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=2 attempt=x show=count -> a1(count=1) a2(count=1)
        advance 20s
        restart
        receive q.fifo max=2 attempt=x show=count -> a1(count=1) a2(count=1)
        receive q.fifo max=2 attempt=y -> b1
        advance 20s
        receive q.fifo max=2 attempt=z -> nothing
        advance 10s
        receive q.fifo max=3 attempt=x show=count -> a1(count=2) a2(count=2) b1(count=2)
        receive q.fifo max=3 attempt=x show=count -> a1(count=2) a2(count=2) b1(count=2)
    ");
}

#[test]
fn an_attempt_whose_messages_changed_is_refused() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=30
        batch   q.fifo a1 a2 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=2 attempt=x -> a1 a2
        receive q.fifo attempt=y -> b1
        change  q.fifo a2 60s
        delete  q.fifo b1
        restart
        receive q.fifo attempt=x -> InvalidParameterValue: Value x for parameter ReceiveRequestAttemptId is invalid. Reason: A message of the attempt was deleted or had its visibility changed.
        receive q.fifo attempt=y -> InvalidParameterValue
        receive q.fifo wait=5s attempt=y -> InvalidParameterValue
        receive q.fifo attempt=z -> nothing
        advance 30s
        receive q.fifo attempt=y -> InvalidParameterValue
        receive q.fifo attempt=x -> a1
        change  q.fifo a1 0s
        receive q.fifo attempt=x -> InvalidParameterValue
        advance 270s
        send    q.fifo c1 group=c
        receive q.fifo attempt=y max=10 show=count -> a1(count=3) a2(count=2) c1(count=1)
    ");
}

#[test]
fn an_attempt_is_remembered_for_five_minutes() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=600
        send    q.fifo m1 group=a
        receive q.fifo attempt=x -> m1
        advance 299s
        receive q.fifo attempt=x -> m1
        advance 1s
        receive q.fifo attempt=x -> nothing
    ");
}

#[test]
fn a_standard_queue_ignores_attempts() {
    run("
        create  q
        send    q m1
        receive q attempt=x -> m1
        receive q attempt=x -> nothing
    ");
}
