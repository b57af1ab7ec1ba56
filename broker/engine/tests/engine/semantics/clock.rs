//! A clock that is set, while the broker runs and while it does not: spans stay as long as they were asked for.

use posthouse_engine::Options;

use crate::world::script::{run, run_with};

/// Three days forward, and back, with a receive, a delay and a long poll under way.
#[test]
fn what_has_time_left_keeps_it() {
    for clock in ["+3d", "-3d", "+1s", "-1s"] {
        run(&format!(
            "
            create  q VisibilityTimeout=5
            create  empty
            send    q m1
            send    q m2 delay=8s
            advance 1s
            receive q -> m1
            receive empty wait=10s as=w -> waits
            advance 1s
            clock   {clock}
            receive q -> nothing
            advance 3900ms
            receive q -> nothing
            advance 100ms
            receive q show=count -> m1(count=2)
            delete  q m1
            advance 2s
            receive q -> m2
            answers -> none
            advance 2900ms
            answers -> none
            advance 100ms
            answers -> w: nothing
            change  q m2 0s
            receive q -> m2
        "
        ));
    }
}

/// The times of queues are moved in slices. What is done to a queue, and what another event brings to it, finds them moved,
/// whichever slice has been reached.
#[test]
fn a_queue_has_the_new_time_when_it_is_looked_at() {
    let sliced = Options { deliveries_at_once_max: 1, deliveries_per_tick: 1, ..Options::default() };
    for clock in ["+3d", "-3d"] {
        let script = format!(
            "
            topic   t
            create  a VisibilityTimeout=5
            create  b VisibilityTimeout=5
            create  c VisibilityTimeout=5 DelaySeconds=3
            create  d.fifo FifoQueue=true
            subscribe t sqs a as=a RawMessageDelivery=true
            subscribe t sqs b as=b RawMessageDelivery=true
            subscribe t sqs c as=c RawMessageDelivery=true
            send    a m1
            send    b m1
            send    d.fifo m1 group=g id=i
            receive a -> m1
            receive b -> m1
            publish t m2
            clock   {clock}
            publish t m3
            send    d.fifo m2 group=g id=i
            receive c max=10 -> nothing
            receive b max=10 visibility=1m -> m2 m3
            clock   +1h
            receive d.fifo max=10 -> m1
            receive a max=10 visibility=1m -> m2 m3
            advance 3s
            receive c max=10 -> m2 m3
            advance 1999ms
            receive b max=10 -> nothing
            advance 1ms
            receive b max=10 -> m1
            receive a max=10 -> m1
        "
        );
        run(&script);
        run_with(&sliced, &script);
    }
}

#[test]
fn a_repeated_attempt_and_an_id_are_known_for_five_minutes() {
    for clock in ["+3d", "-3d"] {
        run(&format!(
            "
            create  q.fifo FifoQueue=true VisibilityTimeout=600
            send    q.fifo m1 group=g id=d
            receive q.fifo attempt=a -> m1
            advance 1m
            clock   {clock}
            send    q.fifo m2 group=g id=d
            receive q.fifo attempt=a show=count -> m1(count=1)
            advance 239s
            send    q.fifo m3 group=h id=d
            receive q.fifo attempt=b -> nothing
            advance 1s
            send    q.fifo m4 group=h id=d
            receive q.fifo attempt=b -> m4
        "
        ));
    }
}

#[test]
fn nothing_expires_for_an_hour_after_a_jump() {
    run("
        create  q MessageRetentionPeriod=3600
        send    q m1
        clock   +3d
        advance 59m
        messages -> 1
        receive q visibility=0s -> m1
        advance 1m
        messages -> 0
    ");
    // A jump that is undone meanwhile deletes nothing.
    run("
        create  q MessageRetentionPeriod=3600
        send    q m1
        clock   +3d
        advance 30m
        clock   -3d
        advance 29m
        messages -> 1
        advance 1m
        messages -> 0
    ");
    // A small step makes no message older either.
    run("
        create  q MessageRetentionPeriod=3600
        send    q m1
        advance 59m
        clock   +1m
        advance 59s
        messages -> 1
        advance 1s
        messages -> 0
    ");
}

/// A machine without a battery starts with a clock that is far behind, and its time service sets it later.
#[test]
fn a_start_with_a_clock_that_is_behind_makes_no_message_older() {
    run("
        create  q MessageRetentionPeriod=345600
        send    q m1
        advance 2d
        restart-at -10d
        advance 1m
        clock   +10d
        advance 1d
        receive q show=sent visibility=0s -> m1(sent=0s)
        advance 1d
        messages -> 0
    ");
}

#[test]
fn dates_are_corrected_when_the_clock_is_set_back() {
    run("
        create  q
        send    q old
        advance 1h
        clock   +3d
        send    q new
        receive q max=2 show=sent,first visibility=0s -> old(sent=259200s,first=262800s) new(sent=262800s,first=262800s)
        advance 10s
        clock   -3d
        receive q max=2 show=sent,first visibility=0s -> old(sent=0s,first=3600s) new(sent=3600s,first=3600s)
    ");
}

/// The groups of a FIFO queue take turns by time.
#[test]
fn no_group_starves_after_the_clock_is_set_back() {
    run("
        create  q.fifo FifoQueue=true
        clock   +3d
        send    q.fifo a1 group=a id=1
        send    q.fifo b1 group=b id=2
        receive q.fifo max=1 visibility=0s -> a1
        clock   -3d
        send    q.fifo c1 group=c id=3
        receive q.fifo max=1 visibility=0s -> b1
        receive q.fifo max=1 visibility=0s -> a1
        receive q.fifo max=1 visibility=0s -> c1
        receive q.fifo max=1 visibility=0s -> b1
    ");
}

/// The log ends in the future: it was written by a wrong clock.
#[test]
fn a_restart_with_the_right_clock_corrects_what_the_wrong_one_wrote() {
    run("
        create  q VisibilityTimeout=5 MessageRetentionPeriod=3600
        send    q m1
        clock   +3d
        send    q m2
        receive q max=1 -> m1
        restart-at -3d
        receive q show=sent -> m2(sent=0s)
        advance 4900ms
        receive q -> nothing
        advance 100ms
        receive q max=2 -> m1 m2
        advance 1h
        messages -> 0
    ");
}

/// A machine may start with a wrong clock, which its time service sets later.
#[test]
fn nothing_expires_for_an_hour_after_a_restart_that_comes_late() {
    run("
        create  q MessageRetentionPeriod=3600
        send    q m1
        restart-at +3d
        advance 59m
        receive q visibility=0s -> m1
        clock   -3d
        receive q visibility=0s -> m1
        advance 1h
        messages -> 0
    ");
}

#[test]
fn rates_and_move_tasks_go_on() {
    for clock in ["+3d", "-3d"] {
        run(&format!("
            create  dead
            create  q RedrivePolicy={{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":1}}
            create  slow MaxReceiveRate=1 MaxReceiveBurst=1
            send    slow s1
            send    slow s2
            receive slow -> s1
            clock   {clock}
            receive slow -> nothing
            advance 1s
            receive slow -> s2
        "));
    }
}
