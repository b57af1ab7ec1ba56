//! Dead-letter queues.

use crate::world::script::run;

/// Attributes that name a dead-letter queue.
fn redrive(target: &str, receives: u32) -> String {
    format!(
        r#"RedrivePolicy={{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:{target}","maxReceiveCount":{receives}}}"#
    )
}

#[test]
fn a_message_received_too_often_goes_to_the_dead_letter_queue() {
    run(&format!(
        "
        create  dead
        create  q VisibilityTimeout=10 {}
        advance 5s
        send    q m1
        send    q m2 group=g
        receive q max=10 -> m1 m2
        advance 10s
        receive q max=10 show=count -> m1(count=2) m2(count=2)
        advance 10s
        restart
        receive q max=10 -> nothing
        receive dead show=count,sent,first,source,id,group -> m1(count=3,sent=5s,first=5s,source=q,id=old,group=-)
        restart
        receive dead show=count,sent,first,source,id,group -> m2(count=3,sent=5s,first=5s,source=q,id=old,group=g)
        ",
        redrive("dead", 2)
    ));
}

#[test]
fn a_fifo_dead_letter_queue_counts_age_anew_and_keeps_order() {
    run(&format!(
        "
        create  dead.fifo FifoQueue=true
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10 {}
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=2 -> a1 a2
        advance 10s
        receive q.fifo max=10 -> b1
        receive dead.fifo max=10 show=sent,group,source -> a1(sent=10s,group=a,source=q.fifo) a2(sent=10s,group=a,source=q.fifo)
        ",
        redrive("dead.fifo", 1)
    ));
}

#[test]
fn chains_of_dead_letter_queues() {
    run(&format!(
        "
        create  last
        create  middle VisibilityTimeout=10 {}
        create  q VisibilityTimeout=10 {}
        send    q m1
        receive q -> m1
        advance 10s
        receive q -> nothing
        receive middle show=count,source -> m1(count=2,source=q)
        advance 10s
        receive middle -> nothing
        receive last show=count,source,sent -> m1(count=3,source=middle,sent=0s)
        ",
        redrive("last", 1),
        redrive("middle", 1)
    ));
}

#[test]
fn without_its_dead_letter_queue_a_message_stays() {
    run(&format!(
        "
        create  dead
        create  q VisibilityTimeout=10 {}
        send    q m1
        receive q -> m1
        drop    dead
        advance 10s
        receive q show=count -> m1(count=2)
        advance 10s
        create  dead
        receive q -> nothing
        receive dead show=count -> m1(count=3)
        ",
        redrive("dead", 1)
    ));
}

#[test]
fn a_receive_waiting_on_a_dead_letter_queue_is_served() {
    run(&format!(
        "
        create  dead
        create  q VisibilityTimeout=10 {}
        send    q m1
        receive q -> m1
        receive dead wait=20s -> waits
        advance 10s
        receive q -> nothing
        answers -> w: m1
        ",
        redrive("dead", 1)
    ));
}

#[test]
fn the_dead_letter_queue_keeps_messages_as_long_as_it_says() {
    run(&format!(
        "
        create  dead MessageRetentionPeriod=120
        create  q VisibilityTimeout=0 {}
        send    q m1
        advance 100s
        receive q -> m1
        receive q -> nothing
        advance 10s
        get     dead ApproximateNumberOfMessages -> ApproximateNumberOfMessages=1
        advance 10s
        get     dead ApproximateNumberOfMessages -> ApproximateNumberOfMessages=0
        ",
        redrive("dead", 1)
    ));
}

#[test]
fn which_queues_can_be_dead_letter_queues() {
    let q = redrive("q", 1);
    let none = redrive("none", 1);
    let fifo = redrive("f.fifo", 1);
    let shut = redrive("shut", 1);
    let picky = redrive("picky", 1);
    run(&format!(
        r#"
        create q
        create f.fifo FifoQueue=true
        create shut RedriveAllowPolicy={{"redrivePermission":"denyAll"}}
        create picky RedriveAllowPolicy={{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:friend"]}}
        set    q {q} -> InvalidParameterValue
        set    q {none} -> InvalidParameterValue
        set    q {fifo} -> InvalidParameterValue
        set    q {shut} -> InvalidParameterValue
        set    q {picky} -> InvalidParameterValue
        create friend {picky}
        create stranger {picky} -> InvalidParameterValue
        set    q RedrivePolicy={{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111111111111:x","maxReceiveCount":1}} -> InvalidParameterValue
        set    q RedrivePolicy={{"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:x","maxReceiveCount":1}} -> InvalidParameterValue
        sources picky -> friend
        set    friend RedrivePolicy=
        sources picky -> nothing
        "#
    ));
}

#[test]
fn listing_sources() {
    run(&format!(
        "
        create  dead
        create  c {0}
        create  a {0}
        create  b {0}
        sources dead -> a b c
        sources dead max=2 -> a b more
        sources dead max=2 after=b -> c
        drop    b
        restart
        sources dead -> a c
        ",
        redrive("dead", 1)
    ));
}

#[test]
fn a_receive_skips_many_messages_that_were_received_too_often() {
    let sends: String = (0..250).map(|n| format!("send q m{n}\n")).collect();
    let receives = "receive q max=10 visibility=1s show=count -> ?\n".repeat(25);
    run(&format!(
        "
        create  dead
        create  q {}
        {sends}
        {receives}
        advance 1s
        send    q last
        receive q -> last
        get     dead ApproximateNumberOfMessages -> ApproximateNumberOfMessages=250
        ",
        redrive("dead", 1)
    ));
}
