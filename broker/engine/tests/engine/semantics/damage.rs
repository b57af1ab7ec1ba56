//! Messages whose records cannot be read.

use crate::world::script::run;

/// Attributes that name a dead-letter queue.
fn redrive(receives: u32) -> String {
    format!(
        r#"RedrivePolicy={{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":{receives}}}"#
    )
}

#[test]
fn the_readable_messages_of_a_receive_are_delivered_and_the_damaged_one_is_set_aside() {
    run("
        create  q VisibilityTimeout=10
        send    q m1
        send    q m2
        send    q m3
        damage  m2
        get     q ApproximateNumberOfDamagedMessages -> nothing
        receive q max=10 show=count -> m1(count=1) m3(count=1)
        damaged -> q/m2(count=0,group=-)
        get     q ApproximateNumberOfDamagedMessages ApproximateNumberOfMessagesNotVisible -> ApproximateNumberOfDamagedMessages=1 ApproximateNumberOfMessagesNotVisible=2
        delete  q m1 m3
        messages -> 0
        advance 20s
        receive q max=10 -> nothing
        restart
        damaged -> q/m2(count=0,group=-)
        drop-damaged -> 1
        damaged -> nothing
        restart
        damaged -> nothing
        drop-damaged -> 0
        ");
}

#[test]
fn a_damaged_first_message_does_not_stop_its_group() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo a3 group=a
        send    q.fifo b1 group=b
        damage  a1 b1
        receive q.fifo -> nothing
        receive q.fifo max=3 -> a2 a3
        receive q.fifo -> nothing
        damaged -> q.fifo/a1(count=0,group=a) q.fifo/b1(count=0,group=b)
        restart
        delete  q.fifo a2
        delete  q.fifo a3
        send    q.fifo a4 group=a
        send    q.fifo b2 group=b
        receive q.fifo max=10 -> a4 b2
        ");
}

#[test]
fn a_receive_that_waits_gets_what_the_damaged_message_held_back() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        receive q.fifo -> a1
        receive q.fifo wait=20s as=w -> waits
        damage  a1
        advance 10s
        answers -> w: nothing
        receive q.fifo -> a2
        ");
}

#[test]
fn damage_counts_no_receive_and_is_not_dead_lettered() {
    run(&format!(
        "
        create  dead
        create  q VisibilityTimeout=10 {}
        send    q m1
        send    q m2
        receive q max=10 show=count -> m1(count=1) m2(count=1)
        damage  m1
        advance 10s
        receive q max=10 show=count -> m2(count=2)
        damaged -> q/m1(count=1,group=-)
        advance 10s
        receive q max=10 -> nothing
        receive dead max=10 -> m2
        damaged -> q/m1(count=1,group=-)
        ",
        redrive(2)
    ));
}

#[test]
fn a_damaged_message_is_older_than_any_retention() {
    run("
        create  q MessageRetentionPeriod=60
        send    q m1
        damage  m1
        receive q -> nothing
        advance 1h
        damaged -> q/m1(count=0,group=-)
        restart
        advance 1h
        damaged -> q/m1(count=0,group=-)
        purge   q
        damaged -> nothing
        send    q m2
        damage  m2
        receive q -> nothing
        drop    q
        damaged -> nothing
        restart
        damaged -> nothing
        ");
}

#[test]
fn a_consumer_that_had_the_message_may_still_delete_it() {
    run("
        create  q VisibilityTimeout=10
        send    q m1
        receive q -> m1
        advance 10s
        damage  m1
        receive q -> nothing
        damaged -> q/m1(count=1,group=-)
        change  q m1 5s -> InvalidParameterValue
        delete  q m1
        damaged -> nothing
        restart
        damaged -> nothing
        ");
}

#[test]
fn the_scrubber_finds_every_copy_and_leaves_those_that_a_consumer_has() {
    run(&format!(
        "
        create  dead
        create  q VisibilityTimeout=10 {}
        create  other
        create  third VisibilityTimeout=100
        topic   t
        subscribe t sqs q RawMessageDelivery=true as=s1
        subscribe t sqs other RawMessageDelivery=true as=s2
        subscribe t sqs third RawMessageDelivery=true as=s3
        publish t m1
        send    other m2
        receive q -> m1
        advance 10s
        receive q -> nothing
        receive third -> m1
        damage  m1
        scrub   -> 2
        damaged -> dead/m1(count=1,group=-) other/m1(count=0,group=-)
        receive other max=10 -> m2
        scrub   -> 0
        advance 100s
        scrub   -> 1
        receive third -> nothing
        restart
        damaged -> dead/m1(count=1,group=-) other/m1(count=0,group=-) third/m1(count=1,group=-)
        drop-damaged -> 3
        ",
        redrive(1)
    ));
}

#[test]
fn a_move_task_goes_on_without_damaged_messages() {
    run(&format!(
        "
        create  dead
        create  q VisibilityTimeout=1 {}
        send    q m1
        send    q m2
        receive q max=10 -> m1 m2
        advance 1s
        receive q -> nothing
        damage  m1
        scrub   -> 1
        move    dead
        advance 1s
        tasks   dead -> COMPLETED 1/1
        receive q max=10 -> m2
        damaged -> dead/m1(count=1,group=-)
        ",
        redrive(1)
    ));
}

#[test]
fn a_message_that_cannot_be_read_for_now_comes_back_uncounted() {
    run("
        create  q VisibilityTimeout=10
        send    q m1
        send    q m2
        stall   m1
        receive q max=10 -> m2
        damaged -> nothing
        receive q max=10 -> nothing
        restart
        delete  q m2
        advance 20s
        receive q -> nothing
        mend    m1
        advance 10s
        receive q show=count,first -> m1(count=1,first=30s)
        advance 10s
        stall   m1
        receive q -> nothing
        restart
        mend    m1
        advance 30s
        receive q show=count,first -> m1(count=2,first=30s)
        ");
}

#[test]
fn a_group_waits_for_a_message_that_cannot_be_read_for_now() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        stall   a1
        receive q.fifo -> nothing
        receive q.fifo -> nothing
        mend    a1
        advance 30s
        receive q.fifo max=10 show=count -> a1(count=1) a2(count=1)
        ");
}

#[test]
fn an_attempt_of_which_nothing_was_readable_is_made_anew() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        damage  a1
        receive q.fifo attempt=x -> nothing
        receive q.fifo attempt=x show=count -> a2(count=1)
        receive q.fifo attempt=x show=count -> a2(count=1)
        ");
}

#[test]
fn a_repeated_attempt_gives_the_readable_messages() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        damage  a1
        receive q.fifo max=10 attempt=x -> a2
        receive q.fifo max=10 attempt=x show=count -> a2(count=1)
        restart
        receive q.fifo max=10 attempt=x show=count -> a2(count=1)
        ");
}
