//! Standard queues: sending, receiving, visibility, delays, deleting, retention, fairness.

use crate::world::script::{run, run_with};
use posthouse_engine::Options;

#[test]
fn a_message_is_received_until_it_is_deleted() {
    run("
        create  q VisibilityTimeout=30
        send    q m1
        receive q show=count       -> m1(count=1)
        receive q                  -> nothing
        advance 29s
        receive q                  -> nothing
        advance 1s
        receive q show=count,first -> m1(count=2,first=0s)
        delete  q m1
        advance 60s
        receive q                  -> nothing
        get     q ApproximateNumberOfMessages ApproximateNumberOfMessagesNotVisible -> ApproximateNumberOfMessages=0 ApproximateNumberOfMessagesNotVisible=0
    ");
}

#[test]
fn messages_come_in_the_order_of_their_sending() {
    run("
        create  q
        batch   q m1 m2 m3 m4 m5
        receive q max=3 -> m1 m2 m3
        change  q m2 0s
        receive q max=10 -> m2 m4 m5
        restart
        advance 30s
        receive q max=10 show=count -> m1(count=2) m2(count=3) m3(count=2) m4(count=2) m5(count=2)
    ");
}

#[test]
fn counts_of_a_queue() {
    run("
        create  q DelaySeconds=10
        batch   q m1 m2 m3
        advance 10s
        send    q m4
        receive q max=2 -> m1 m2
        get     q ApproximateNumberOfMessages ApproximateNumberOfMessagesDelayed ApproximateNumberOfMessagesNotVisible -> ApproximateNumberOfMessages=1 ApproximateNumberOfMessagesDelayed=1 ApproximateNumberOfMessagesNotVisible=2
    ");
}

#[test]
fn delays() {
    run("
        create  q DelaySeconds=60
        send    q m1
        send    q m2 delay=5s
        send    q m3 delay=0s
        receive q max=10 -> m3
        advance 5s
        receive q max=10 -> m2
        advance 54s
        receive q max=10 -> m2 m3
        advance 1s
        receive q max=10 show=sent -> m1(sent=0s)
    ");
}

#[test]
fn a_receive_may_leave_its_messages_visible() {
    run("
        create  q
        batch   q m1 m2
        receive q max=10 visibility=0s show=count -> m1(count=1) m2(count=1)
        receive q max=10 visibility=5s show=count -> m1(count=2) m2(count=2)
        receive q -> nothing
        advance 5s
        receive q max=10 -> m1 m2
    ");
}

#[test]
fn changing_visibility() {
    run("
        create  q
        send    q m1
        receive q -> m1
        change  q m1 60s
        advance 59s
        receive q -> nothing
        advance 1s
        receive q -> m1
        change  q m1 0s
        receive q -> m1
        delete  q m1
        change  q m1 5s -> InvalidParameterValue: Value HANDLE for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.
        create  other
        change  other m1 5s -> ReceiptHandleOfOtherQueue
    ");
}

#[test]
fn a_late_handle_hides_its_message_again() {
    run("
        create  q VisibilityTimeout=1
        send    q m1
        receive q -> m1
        advance 2s
        change  q m1 2s
        advance 1s
        restart
        receive q -> nothing
        advance 1s
        receive q show=count -> m1(count=2)
        change  q m1 0s
        change  q m1 5s
        receive q -> nothing
        receive q wait=20s -> waits
        advance 5s
        answers -> w: m1
    ");
}

#[test]
fn an_older_handle_changes_its_message() {
    run("
        create  q
        send    q m1
        receive q visibility=0s -> m1
        receive q visibility=3s -> m1
        receive q -> nothing
        change  q m1#1 0s
        receive q visibility=3s show=count -> m1(count=3)
        change  q m1#2 20s
        advance 19s
        receive q -> nothing
        send    q m2
        receive q -> m2
        change  q m1#1 m2 0s
        receive q max=10 -> m1 m2
    ");
}

#[test]
fn an_older_handle_deletes_its_message() {
    run("
        create  q
        batch   q m1 m2
        receive q max=2 visibility=0s -> m1 m2
        receive q max=2 visibility=0s -> m1 m2
        receive q max=2 -> m1 m2
        delete  q m1#1
        delete  q m2#2 m1#2
        restart
        advance 30s
        receive q max=10 -> nothing
        messages -> 0
    ");
}

#[test]
fn a_handle_expires_twelve_hours_after_its_receive() {
    run("
        create  q VisibilityTimeout=1
        batch   q m1 m2 m3
        receive q max=3 -> m1 m2 m3
        advance 6h
        receive q max=3 -> m1 m2 m3
        advance 21599s
        delete  q m1#1
        advance 1s
        delete  q m2#1 -> ReceiptHandleExpired: Value HANDLE for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.
        change  q m2#1 0s -> ReceiptHandleExpired
        delete  q m3#1 m2#2 -> e0 ReceiptHandleExpired
        advance 6h
        change  q m3#2 0s -> ReceiptHandleExpired
        receive q max=3 -> m3
    ");
}

#[test]
fn visibility_ends_twelve_hours_after_the_receive() {
    run("
        create  q
        send    q m1
        receive q -> m1
        change  q m1 43200s
        advance 1s
        change  q m1 43200s -> InvalidParameterValue: Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]
        change  q m1 43199s
        advance 43199s
        receive q -> m1
        change  q m1 43200s
    ");
}

#[test]
fn visibility_in_a_batch() {
    run("
        create  q
        batch   q m1 m2 m3
        receive q max=10 -> m1 m2 m3
        delete  q m2
        change  q m1 m2 m3 0s -> e1 InvalidParameterValue
        receive q max=10 -> m1 m3
    ");
}

#[test]
fn deleting() {
    run("
        create  q VisibilityTimeout=10
        batch   q m1 m2 m3
        receive q max=3 -> m1 m2 m3
        delete  q m1 m2 m1
        delete  q m1
        advance 10s
        receive q max=10 -> m3
        advance 10s
        delete  q m3
        receive q max=10 -> nothing
        create  other
        delete  other m3 -> ReceiptHandleOfOtherQueue
    ");
}

#[test]
fn messages_expire_in_every_state() {
    run("
        create  q MessageRetentionPeriod=60 VisibilityTimeout=600
        send    q received
        receive q -> received
        send    q delayed delay=900s
        send    q waiting
        advance 59s
        send    q late
        advance 1s
        get     q ApproximateNumberOfMessages ApproximateNumberOfMessagesDelayed ApproximateNumberOfMessagesNotVisible -> ApproximateNumberOfMessages=1 ApproximateNumberOfMessagesDelayed=0 ApproximateNumberOfMessagesNotVisible=0
        receive q max=10 -> late
        delete  q received
        advance 60s
        get     q ApproximateNumberOfMessagesNotVisible -> ApproximateNumberOfMessagesNotVisible=0
    ");
}

#[test]
fn a_shorter_retention_holds_for_messages_that_are_there() {
    run("
        create  q
        send    q old
        advance 1h
        send    q new
        set     q MessageRetentionPeriod=3600
        advance 1ms
        receive q max=10 -> new
    ");
}

#[test]
fn purging() {
    run("
        create  q
        batch   q m1 m2 m3
        send    q m4 delay=60s
        receive q -> m1
        purge   q
        receive q max=10 -> nothing
        delete  q m1
        send    q m5
        advance 60s
        receive q max=10 -> m5
        purge   q
    ");
}

#[test]
fn the_purge_interval() {
    let options = Options { purge_interval: posthouse_model::Seconds::new(60), ..Options::default() };
    run_with(
        &options,
        "
        create  q
        purge   q
        advance 59s
        purge   q -> PurgeQueueInProgress: Only one PurgeQueue operation on q is allowed every 60 seconds.
        restart
        purge   q -> PurgeQueueInProgress
        advance 1s
        purge   q
    ",
    );
}

#[test]
fn too_many_in_flight() {
    run_with(
        &Options { in_flight_max: 3, ..Options::default() },
        "
        create  q
        batch   q m1 m2 m3 m4
        receive q max=10 -> m1 m2 m3
        receive q max=10 -> OverLimit
        receive q wait=5s -> waits
        delete  q m2
        answers -> w: m4
        create  f.fifo FifoQueue=true ContentBasedDeduplication=true
        send    f.fifo a group=a
        send    f.fifo b group=b
        send    f.fifo c group=c
        send    f.fifo d group=d
        receive f.fifo max=10 -> a b c
        receive f.fifo max=10 -> nothing
    ",
    );
}

/// The handle of an earlier receive hides a visible message again, but not above the limit.
#[test]
fn an_old_handle_hides_no_message_above_the_limit() {
    run_with(
        &Options { in_flight_max: 3, ..Options::default() },
        "
        create  q
        send    q m0 delay=10s
        batch   q m1 m2 m3
        receive q max=10 visibility=10s -> m1 m2 m3
        advance 10s
        receive q -> m0
        change  q m1 30s
        change  q m2 30s
        change  q m3 30s -> OverLimit
        change  q m3 0s
        change  q m1 40s
        receive q -> OverLimit
        change  q m1 0s
        change  q m1 m3 30s -> e1 OverLimit
        receive q -> OverLimit
    ",
    );
}

#[test]
fn sizes() {
    run("
        create q MaximumMessageSize=1024
        batch  q x*1024 x*1025 -> e1 InvalidParameterValue
        create big
        batch  big x*524288 x*524288
        batch  big x*524288 x*524289 -> BatchRequestTooLong: Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes.
    ");
}

#[test]
fn a_noisy_group_does_not_delay_a_quiet_one() {
    run("
        create  q
        batch   q n1 n2 n3 n4 n5 n6 group=noisy
        send    q n7 group=noisy
        receive q max=2 -> n1 n2
        send    q quiet group=quiet
        send    q none
        receive q -> quiet
        receive q -> none
        receive q max=3 -> n3 n4 n5
        delete  q n1 n2 n3 n4 n5
        restart
        receive q -> n6
    ");
}

/// It does not know them: the order is that of the publications.
#[test]
fn a_standard_queue_is_not_fair_by_the_groups_of_a_fifo_topic() {
    run("
        create  q
        topic   t.fifo FifoTopic=true
        subscribe t.fifo sqs q RawMessageDelivery=true
        publish t.fifo n1 group=noisy id=1
        publish t.fifo n2 group=noisy id=2
        publish t.fifo n3 group=noisy id=3
        receive q max=2 -> n1 n2
        publish t.fifo quiet group=quiet id=4
        restart
        receive q -> n3
        receive q -> quiet
    ");
}

#[test]
fn what_came_before_the_first_group_is_one_lane() {
    run("
        create  q
        batch   q a1 a2 a3 a4
        receive q max=2 -> a1 a2
        send    q b1 group=b
        send    q a5
        send    q b2 group=b
        receive q -> b1
        receive q -> b2
        receive q -> a3
        change  q a1 0s
        restart
        receive q max=10 -> a1 a4 a5
    ");
}

#[test]
fn fairness_counts_what_a_receive_itself_takes() {
    run("
        create  q
        batch   q a1 a2 a3 group=a
        batch   q b1 b2 b3 group=b
        receive q max=4 -> a1 b1 a2 b2
    ");
}
