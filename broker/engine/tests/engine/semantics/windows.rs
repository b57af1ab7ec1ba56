//! Queues with groups of which receives look at the first messages only. All others lie in pages.

use crate::world::script::run_in_window;

#[test]
fn a_group_keeps_its_order_across_pages() {
    run_in_window(
        2,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo a3 group=a
        send    q.fifo a4 group=a
        send    q.fifo a5 group=a
        receive q.fifo max=10 -> a1 a2
        receive q.fifo -> nothing
        delete  q.fifo a1
        receive q.fifo -> nothing
        delete  q.fifo a2
        receive q.fifo -> a3
        delete  q.fifo a3
        restart
        receive q.fifo max=10 show=group,count -> a4(group=a,count=1) a5(group=a,count=1)
        send    q.fifo a6 group=a
        delete  q.fifo a4 a5
        receive q.fifo max=10 -> a6
        get     q.fifo ApproximateNumberOfMessages ApproximateNumberOfMessagesNotVisible -> ApproximateNumberOfMessages=0 ApproximateNumberOfMessagesNotVisible=1
        ",
    );
}

#[test]
fn a_group_in_flight_blocks_itself_and_others_enter_the_window() {
    run_in_window(
        3,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        send    q.fifo a2 group=a
        send    q.fifo c1 group=c
        send    q.fifo d1 group=d
        receive q.fifo -> a1
        receive q.fifo -> b1
        receive q.fifo -> nothing
        delete  q.fifo b1
        receive q.fifo -> c1
        receive q.fifo -> nothing
        delete  q.fifo a1
        receive q.fifo -> d1
        receive q.fifo -> a2
        ",
    );
}

/// As SQS: groups behind the window wait while a group in front of them fills it.
#[test]
fn a_group_that_fills_the_window_holds_up_all_others() {
    run_in_window(
        3,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo a3 group=a
        send    q.fifo a4 group=a
        send    q.fifo a5 group=a
        send    q.fifo b1 group=b
        receive q.fifo -> a1
        receive q.fifo max=10 -> nothing
        delete  q.fifo a1
        receive q.fifo -> a2
        delete  q.fifo a2
        receive q.fifo max=10 -> a3 a4 a5
        receive q.fifo -> nothing
        receive q.fifo wait=20s as=w -> waits
        delete  q.fifo a3
        answers -> w: b1
        ",
    );
}

#[test]
fn what_comes_back_is_the_first_of_its_group() {
    run_in_window(
        2,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo a3 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=2 -> a1 a2
        change  q.fifo a1 0s
        receive q.fifo max=10 show=count -> a1(count=2)
        advance 10s
        receive q.fifo max=10 show=count -> a1(count=3) a2(count=2)
        restart
        delete  q.fifo a1
        advance 10s
        receive q.fifo max=10 -> a2 a3
        delete  q.fifo a2
        receive q.fifo max=10 -> b1
        ",
    );
}

#[test]
fn a_delay_of_the_queue_holds_back_what_is_in_the_window_and_behind_it() {
    run_in_window(
        2,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true DelaySeconds=5
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        advance 3s
        send    q.fifo c1 group=c
        send    q.fifo a2 group=a
        get     q.fifo ApproximateNumberOfMessagesDelayed -> ApproximateNumberOfMessagesDelayed=4
        receive q.fifo max=10 -> nothing
        advance 2s
        receive q.fifo max=10 show=group -> a1(group=a) b1(group=b)
        delete  q.fifo a1 b1
        receive q.fifo max=10 -> nothing
        restart
        advance 3s
        receive q.fifo max=10 show=group -> c1(group=c) a2(group=a)
        ",
    );
}

#[test]
fn a_dead_letter_of_the_window_makes_room_in_it() {
    run_in_window(
        2,
        r#"
        create  dead.fifo FifoQueue=true
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":1}
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        send    q.fifo a2 group=a
        send    q.fifo c1 group=c
        send    q.fifo c2 group=c
        send    q.fifo c3 group=c
        receive q.fifo -> a1
        advance 10s
        receive q.fifo max=1 -> b1
        receive q.fifo max=1 -> a2
        delete  q.fifo b1 a2
        receive q.fifo max=10 -> c1 c2
        advance 10s
        receive q.fifo max=10 -> c3
        receive dead.fifo max=10 show=group,source -> a1(group=a,source=q.fifo) c1(group=c,source=q.fifo) c2(group=c,source=q.fifo)
        "#,
    );
}

#[test]
fn a_move_task_takes_what_is_behind_the_window() {
    run_in_window(
        1,
        r#"
        create  dead.fifo FifoQueue=true
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":1}
        create  other.fifo FifoQueue=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        receive q.fifo -> a1
        advance 10s
        receive q.fifo -> a2
        advance 10s
        receive q.fifo -> b1
        advance 10s
        receive q.fifo -> nothing
        messages -> 3
        move    dead.fifo to=other.fifo
        advance 3s
        receive other.fifo max=10 show=group -> a1(group=a) a2(group=a) b1(group=b)
        delete  other.fifo a1 a2 b1
        messages -> 0
        "#,
    );
}

/// A task does not end while a message in flight fills the window: what is behind it is still to be moved.
#[test]
fn a_move_task_waits_for_the_window() {
    run_in_window(
        1,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=100
        create  dead.fifo FifoQueue=true ContentBasedDeduplication=true
        create  source.fifo FifoQueue=true RedrivePolicy={\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead.fifo\",\"maxReceiveCount\":1}
        send    dead.fifo a1 group=a
        send    dead.fifo b1 group=b
        receive dead.fifo -> a1
        move    dead.fifo to=q.fifo
        advance 5s
        receive q.fifo -> nothing
        delete  dead.fifo a1
        advance 1s
        receive q.fifo -> b1
        delete  q.fifo b1
        messages -> 0
        ",
    );
}

#[test]
fn messages_behind_the_window_are_purged_and_expire() {
    run_in_window(
        1,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true MessageRetentionPeriod=60
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        send    q.fifo c1 group=c
        purge   q.fifo
        messages -> 0
        receive q.fifo -> nothing
        send    q.fifo a2 group=a
        send    q.fifo b2 group=b
        advance 30s
        send    q.fifo c2 group=c
        send    q.fifo d2 group=d
        advance 31s
        messages -> 2
        restart
        receive q.fifo -> c2
        receive q.fifo -> nothing
        advance 60s
        messages -> 0
        ",
    );
}

#[test]
fn a_damaged_message_makes_room_in_the_window() {
    run_in_window(
        1,
        "
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        damage  a1 b1
        receive q.fifo -> nothing
        damaged -> q.fifo/a1(count=0,group=a)
        receive q.fifo -> a2
        delete  q.fifo a2
        scrub -> 1
        damaged -> q.fifo/a1(count=0,group=a) q.fifo/b1(count=0,group=b)
        messages -> 0
        ",
    );
}
