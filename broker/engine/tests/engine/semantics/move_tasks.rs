//! Message move tasks.

use crate::world::script::run;

/// A dead-letter queue with three messages of `q`.
const SETUP: &str = r#"
        create  dead
        create  q VisibilityTimeout=10 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":1}
        batch   q m1 m2 m3
        receive q max=10 -> m1 m2 m3
        advance 10s
        receive q max=10 -> nothing
"#;

fn after_setup(script: &str) {
    run(&format!("{SETUP}{script}"));
}

#[test]
fn messages_go_back_to_their_source_as_new_ones() {
    after_setup(
        "
        move    dead
        tasks   dead -> RUNNING 0/3
        receive q wait=5s -> waits
        advance 1s
        answers -> w: m1
        tasks   dead -> COMPLETED 3/3
        restart
        tasks   dead -> COMPLETED 3/3
        receive dead -> nothing
        receive q max=10 show=count,sent,source,id -> m2(count=1,sent=10s,source=-,id=new) m3(count=1,sent=10s,source=-,id=new)
        ",
    );
}

#[test]
fn messages_go_elsewhere() {
    after_setup(
        "
        create  other
        move    dead to=other
        advance 1s
        receive other max=10 -> m1 m2 m3
        ",
    );
}

#[test]
fn a_task_keeps_its_rate() {
    after_setup(
        "
        move    dead rate=1
        advance 500ms
        tasks   dead -> RUNNING 1/3
        advance 1s
        tasks   dead -> RUNNING 2/3
        restart
        advance 500ms
        tasks   dead -> RUNNING 3/3
        advance 1s
        tasks   dead -> COMPLETED 3/3
        ",
    );
}

#[test]
fn one_task_at_a_time_and_cancelling_it() {
    after_setup(
        "
        move    dead rate=1
        move    dead -> InvalidParameterValue: There is already a task running. Only one active task is allowed for a source queue arn at a given time.
        advance 1ms
        stop    dead -> moved=1
        stop    dead -> UnsupportedOperation
        tasks   dead -> CANCELLED 1/3
        advance 60s
        receive dead max=10 -> m2 m3
        move    dead
        advance 1ms
        tasks   dead -> COMPLETED 0/0; CANCELLED 1/3
        tasks   dead max=1 -> COMPLETED 0/0
        ",
    );
}

#[test]
fn what_cannot_be_moved() {
    after_setup(
        "
        move    q    -> InvalidParameterValue: Source queue must be configured as a Dead Letter Queue.
        move    none -> ResourceNotFound: The resource that you specified for the SourceArn parameter doesn't exist.
        move    dead to=none -> ResourceNotFound: The resource that you specified for the DestinationArn parameter doesn't exist.
        move    dead to=dead -> InvalidParameterValue
        create  f.fifo FifoQueue=true
        move    dead to=f.fifo -> InvalidParameterValue
        tasks   none -> ResourceNotFound
        tasks   dead -> nothing
        ",
    );
}

#[test]
fn a_task_fails_where_a_message_has_no_way_back() {
    after_setup(
        "
        send    dead direct
        move    dead
        advance 1s
        tasks   dead -> FAILED 3/4 CouldNotDetermineMessageSource
        receive dead max=10 -> direct
        ",
    );
}

#[test]
fn a_task_fails_if_its_destination_was_deleted() {
    after_setup(
        "
        create  keeper RedrivePolicy={\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":1}
        move    dead
        drop    q
        advance 1s
        tasks   dead -> FAILED 0/3 AWS.SimpleQueueService.NonExistentQueue
        ",
    );
}

#[test]
fn a_task_moves_only_what_was_there_when_it_started() {
    after_setup(
        "
        create  other RedrivePolicy={\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":1}
        move    dead rate=1 to=other
        send    dead late
        advance 60s
        tasks   dead -> COMPLETED 3/3
        receive dead max=10 -> late
        ",
    );
}

#[test]
fn groups_stay_in_order_in_fifo_queues() {
    run(r#"
        create  dead.fifo FifoQueue=true
        create  q.fifo FifoQueue=true ContentBasedDeduplication=true VisibilityTimeout=10 RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":1}
        send    q.fifo a1 group=a
        send    q.fifo a2 group=a
        send    q.fifo b1 group=b
        receive q.fifo max=10 -> a1 a2 b1
        advance 10s
        receive q.fifo max=10 -> nothing
        move    dead.fifo
        advance 1s
        receive q.fifo max=10 show=count,group -> a1(count=1,group=a) a2(count=1,group=a) b1(count=1,group=b)
        "#);
}
