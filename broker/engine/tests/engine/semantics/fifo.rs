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
        receive q.fifo -> nothing
        change  q.fifo a3 0s
        receive q.fifo max=10 -> a2 a3
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
        delete  q.fifo a1
        receive q.fifo max=2 attempt=x -> nothing
        advance 10s
        receive q.fifo max=2 attempt=x show=count -> a2(count=2) b1(count=2)
        change  q.fifo a2 10s
        receive q.fifo max=2 attempt=x -> nothing
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
