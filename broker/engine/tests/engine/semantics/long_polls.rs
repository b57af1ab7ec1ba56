//! Receives that wait for a message.

use crate::world::script::{run, run_with};
use posthouse_engine::Options;

#[test]
fn a_receive_waits_for_a_message() {
    run("
        create  q
        receive q wait=20s as=w1 -> waits
        receive q wait=20s as=w2 -> waits
        send    q m1
        answers -> w1: m1
        send    q m2
        answers -> w2: m2
        send    q m3
        receive q wait=20s -> m3
    ");
}

#[test]
fn a_wait_ends_after_its_time() {
    run("
        create  q ReceiveMessageWaitTimeSeconds=5
        receive q as=w1 -> waits
        receive q wait=10s as=w2 -> waits
        receive q wait=0s -> nothing
        advance 4999ms
        answers -> none
        advance 1ms
        answers -> w1: nothing
        advance 5s
        answers -> w2: nothing
        send    q m1
        answers -> none
    ");
}

#[test]
fn messages_are_shared_among_waiting_receives() {
    run("
        create  q
        receive q wait=20s max=10 as=w1 -> waits
        receive q wait=20s max=10 as=w2 -> waits
        receive q wait=20s max=1 as=w3 -> waits
        batch   q m1 m2 m3 m4 m5
        answers -> w1: m1 m2; w2: m3 m4; w3: m5
        receive q wait=20s max=10 as=w4 -> waits
        receive q wait=20s max=10 as=w5 -> waits
        receive q wait=20s max=10 as=w6 -> waits
        batch   q n1 n2
        answers -> w4: n1; w5: n2
    ");
}

/// A receive that waits without an end is authorized again when the rights to its queue may have changed.
#[test]
fn a_standing_receive_ends_when_rights_change() {
    run("
        create  q
        allow   q label 222222222222 ReceiveMessage
        caller  222222222222
        receive 000000000000/q wait=forever as=w1 -> waits
        receive 000000000000/q wait=20s as=w2 -> waits
        caller  000000000000
        set     q VisibilityTimeout=10
        answers -> none
        disallow q label
        answers -> w1: nothing
        caller  222222222222
        receive 000000000000/q wait=forever -> AccessDenied
        caller  000000000000
        receive q wait=forever as=w3 -> waits
        tag     q team=a
        answers -> w3: nothing
        tag     q team=a
        receive q wait=forever as=w4 -> waits
        send    q m1
        answers -> w2: m1
        send    q m2
        answers -> w4: m2
    ");
}

#[test]
fn what_wakes_a_wait() {
    run("
        create  q VisibilityTimeout=10
        send    q m1
        send    q m2 delay=15s
        receive q -> m1
        receive q wait=20s as=w1 -> waits
        receive q wait=20s as=w2 -> waits
        advance 10s
        answers -> w1: m1
        advance 5s
        answers -> w2: m2
        receive q wait=20s as=w3 -> waits
        advance 5s
        answers -> w3: m1
    ");
}

#[test]
fn a_group_that_is_free_again_wakes_a_wait() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        receive q.fifo -> a1
        receive q.fifo wait=20s -> waits
        delete  q.fifo a1
        answers -> w: a2
    ");
}

#[test]
fn groups_are_shared_among_waiting_receives() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        receive q.fifo wait=20s max=10 as=w1 -> waits
        receive q.fifo wait=20s max=10 as=w2 -> waits
        batch   q.fifo a1 a2 a3 group=a
        answers -> w1: a1 a2 a3
        batch   q.fifo b1 b2 group=b
        answers -> w2: b1 b2
    ");
}

#[test]
fn deleting_a_queue_ends_its_waits_and_purging_does_not() {
    run("
        create  q
        receive q wait=20s -> waits
        purge   q
        answers -> none
        drop    q
        answers -> w: QueueDoesNotExist: The specified queue does not exist.
    ");
}

#[test]
fn a_cancelled_receive_takes_no_message() {
    run("
        create  q
        receive q wait=20s as=w1 -> waits
        receive q wait=20s as=w2 -> waits
        cancel  w1
        send    q m1
        answers -> w2: m1
    ");
}

#[test]
fn a_shutdown_ends_waits() {
    run("
        create  q
        receive q wait=20s -> waits
        shutdown
        answers -> w: nothing
    ");
}

#[test]
fn too_many_wait() {
    run_with(
        &Options { waiters_max: 1, ..Options::default() },
        "
        create  q
        receive q wait=20s as=w1 -> waits
        receive q wait=20s -> Throttled
        receive q -> nothing
    ",
    );
}
