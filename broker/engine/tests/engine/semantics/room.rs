//! Answers without room for all messages that are available.

use crate::world::script::run;

#[test]
fn what_has_no_room_is_not_received() {
    run("
        create  q
        batch   q m1 m2 m3 m4 m5
        room    2
        receive q max=10 -> m1 m2
        room    0
        receive q max=10 -> no room
        receive q max=10 wait=20s -> no room
        room    all
        receive q max=10 show=count -> m3(count=1) m4(count=1) m5(count=1)
        receive q -> nothing
        room    0
        receive q -> nothing
    ");
}

#[test]
fn a_receive_without_room_holds_up_none_behind_it() {
    run("
        create  q
        receive q wait=20s as=w1 -> waits
        receive q wait=20s as=w2 -> waits
        room    0
        send    q m1
        answers -> w1: no room; w2: no room
        room    1
        receive q max=10 wait=20s -> m1
        receive q max=10 wait=20s as=w3 -> waits
        receive q max=10 wait=20s as=w4 -> waits
        batch   q m2 m3 m4
        answers -> w3: m2; w4: m3
        receive q -> m4
    ");
}

#[test]
fn a_group_keeps_its_order() {
    run("
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true
        send    q.fifo m1 group=a
        send    q.fifo m2 group=a
        send    q.fifo m3 group=a
        room    2
        receive q.fifo max=10 attempt=x -> m1 m2
        receive q.fifo max=10 -> nothing
        room    1
        receive q.fifo max=10 attempt=x -> no room
        room    all
        receive q.fifo max=10 attempt=x -> m1 m2
        receive q.fifo max=10 -> nothing
    ");
}

#[test]
fn dead_letters_need_no_room() {
    let redrive =
        r#"RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}"#;
    let script = "
        create  dead
        create  q VisibilityTimeout=0 REDRIVE
        send    q m1
        receive q -> m1
        send    q m2
        room    0
        receive q -> no room
        room    all
        receive dead -> m1
        receive q -> m2
    ";
    run(&script.replace("REDRIVE", redrive));
}
