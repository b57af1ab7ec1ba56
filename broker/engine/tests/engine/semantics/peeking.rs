//! Looking at messages without receiving them, and deleting, moving and copying those that a look has shown.

use crate::world::script::run;

#[test]
fn a_look_shows_every_state_in_the_order_of_the_messages_and_receives_nothing() {
    run("
        create  q VisibilityTimeout=30
        peek    q -> nothing
        send    q m1
        send    q m2 delay=5s
        send    q m3
        send    q m4
        receive q show=count -> m1(count=1)
        peek    q -> m1(in-flight=30s) m2(delayed=5s) m3(visible) m4(visible)
        peek    q max=1 -> m1(in-flight=30s) m2(delayed=5s) m3(visible) m4(visible)
        peek    q states=visible -> m3(visible) m4(visible)
        peek    q states=visible max=1 -> m3(visible) m4(visible)
        peek    q states=delayed,in-flight -> m1(in-flight=30s) m2(delayed=5s)
        peek    q states=damaged -> nothing
        advance 10s
        peek    q show=count,sent -> m1(in-flight=20s,count=1,sent=0s) m2(visible,count=0,sent=0s) m3(visible,count=0,sent=0s) m4(visible,count=0,sent=0s)
        receive q max=10 show=count -> m2(count=1) m3(count=1) m4(count=1)
        peek    nowhere -> QueueDoesNotExist
        ");
}

#[test]
fn a_look_dead_letters_nothing_and_shows_where_dead_letters_came_from() {
    run(r#"
        create  dead
        create  q VisibilityTimeout=0 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}
        send    q m1
        receive q -> m1
        peek    q -> m1(visible)
        peek    q show=count -> m1(visible,count=1)
        peek    dead -> nothing
        receive q -> nothing
        peek    dead show=count,source -> m1(visible,count=1,source=q)
        "#);
}

#[test]
fn a_fifo_queue_is_shown_across_its_groups() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10
        send    q.fifo a1 group=a
        send    q.fifo b1 group=b
        send    q.fifo a2 group=a
        receive q.fifo -> a1
        peek    q.fifo show=group -> a1(in-flight=10s,group=a) b1(visible,group=b) a2(visible,group=a)
        receive q.fifo max=10 -> b1
        ");
}

#[test]
fn damaged_messages_are_shown_as_such() {
    run("
        create  q
        send    q m1
        send    q m2
        send    q m3
        damage  m2
        receive q max=10 -> m1 m3
        peek    q states=damaged,visible -> damaged(count=0)
        peek    q max=1 -> m1(in-flight=30s) damaged(count=0) m3(in-flight=30s)
        delete-selected q m1 m3 in-flight=take -> done done
        peek    q -> damaged(count=0)
        ");
}

#[test]
fn who_may_not_receive_may_not_look() {
    run("
        create  q
        send    q m1
        caller  222222222222
        peek    000000000000/q -> AccessDenied
        delete-selected 000000000000/q m1 -> AccessDenied
        move-selected 000000000000/q m1 -> AccessDenied
        copy-selected 000000000000/q m1 -> AccessDenied
        caller  000000000000
        allow   q eyes 222222222222 ReceiveMessage
        caller  222222222222
        peek    000000000000/q -> m1(visible)
        delete-selected 000000000000/q m1 -> AccessDenied
        move-selected 000000000000/q m1 -> AccessDenied
        copy-selected 000000000000/q m1 -> AccessDenied
        ");
}

#[test]
fn selected_messages_are_deleted_whatever_their_place() {
    run("
        create  q
        send    q m1
        send    q m2 delay=5s
        send    q m3
        send    q m4
        send    q m5
        receive q -> m1
        delete-selected q m1 m2 m4 m9 m4 -> in-flight done done not-found
        peek    q -> m1(in-flight=30s) m3(visible) m5(visible)
        delete-selected q m4 m1 in-flight=take -> not-found done
        delete  q m1
        restart
        peek    q -> m3(visible) m5(visible)
        advance 60s
        receive q max=10 -> m3 m5
        ");
}

#[test]
fn a_moved_message_is_a_new_one() {
    run("
        create  q VisibilityTimeout=0
        create  p
        send    q m1
        send    q m2
        send    q m3
        receive q -> m1
        advance 5s
        move-selected q m1 to=p -> done
        peek    q -> m2(visible) m3(visible)
        receive p show=count,sent,id -> m1(count=1,sent=5s,id=new)
        move-selected q m2 to=q -> done
        receive q max=10 show=id -> m3(id=old) m2(id=new)
        move-selected q m3 to=nowhere -> QueueDoesNotExist
        restart
        peek    q -> m3(visible) m2(visible)
        ");
}

#[test]
fn a_message_in_flight_moves_only_if_it_is_taken_from_its_consumer() {
    run("
        create  q
        create  p
        send    q m1
        receive q -> m1
        move-selected q m1 to=p -> in-flight
        peek    p -> nothing
        move-selected q m1 to=p in-flight=take -> done
        delete  q m1
        receive p -> m1
        ");
}

#[test]
fn a_copy_leaves_its_original_as_it_is() {
    run("
        create  q
        create  p
        send    q m1
        receive q -> m1
        copy-selected q m1 to=p -> done
        copy-selected q m1 -> done
        peek    q show=count,id -> m1(in-flight=30s,count=1,id=old) m1(visible,count=0,id=new)
        delete  q m1
        receive p -> m1
        restart
        receive q -> m1
        purge   q
        purge   p
        ");
}

#[test]
fn groups_go_on_when_what_held_them_back_is_taken_away() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=30
        create  p.fifo FifoQueue=true ContentBasedDeduplication=true
        create  p
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo a3 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=1 -> a1
        receive q.fifo max=10 -> b1
        move-selected q.fifo a1 to=p -> InvalidParameterValue
        move-selected q.fifo a1 to=p.fifo in-flight=take -> done
        receive q.fifo -> a2
        delete-selected q.fifo a2 in-flight=take -> done
        copy-selected q.fifo a3 to=p.fifo -> done
        receive q.fifo show=group -> a3(group=a)
        receive p.fifo max=10 show=group -> a1(group=a) a3(group=a)
        restart
        peek    q.fifo -> a3(in-flight=30s) b1(in-flight=30s)
        ");
}

#[test]
fn a_receive_that_waits_gets_a_moved_message() {
    run("
        create  q
        create  p
        send    q m1
        receive p wait=20s as=w -> waits
        move-selected q m1 to=p -> done
        answers -> w: m1
        ");
}

/// A copy is one more message of its account.
#[test]
fn copies_count_against_the_quota() {
    use crate::world::script::run_with;
    use posthouse_engine::{Options, Quotas};
    let options = Options { quotas: Quotas { messages: Some(2), ..Quotas::default() }, ..Options::default() };
    run_with(
        &options,
        "
        create  q
        send    q m1
        copy-selected q m1 -> done
        copy-selected q m1 -> OverLimit
        move-selected q m1 to=q -> done
        peek    q -> m1(visible) m1(visible)
        ",
    );
}
