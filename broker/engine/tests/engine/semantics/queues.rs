//! Queues without messages: creating, attributes, listing, tags, deleting, and access.

use crate::world::World;
use crate::world::script::{run, run_with};
use posthouse_engine::{Options, Overview, Survey, SurveyStep};
use posthouse_model::AttributeChanges;
use posthouse_model::operation::{CreateQueue, DeleteQueue, SendMessage, Tags};

#[test]
fn creating_twice() {
    run("
        create q VisibilityTimeout=40
        create q
        create q VisibilityTimeout=40 DelaySeconds=0
        create q VisibilityTimeout=40 tag:ignored=yes
        create q VisibilityTimeout=41 -> QueueNameExists: A queue already exists with the same name and a different value for attribute VisibilityTimeout
        create q DelaySeconds=901 -> InvalidAttributeValue
        set    q VisibilityTimeout=41
        create q VisibilityTimeout=41
    ");
}

#[test]
fn the_suffix_of_a_name_decides_the_type() {
    run("
        create q.fifo FifoQueue=true
        create q FifoQueue=true -> InvalidParameterValue: The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.
        create r.fifo -> InvalidParameterValue
        create r FifoQueue=false -> InvalidAttributeName: Unknown Attribute FifoQueue.
        create s
        set    s FifoQueue=true -> InvalidAttributeName: Unknown Attribute FifoQueue.
        set    s FifoQueue=false -> InvalidAttributeName: Unknown Attribute FifoQueue.
        set    q.fifo FifoQueue=false -> InvalidAttributeValue: Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.
        set    q.fifo FifoQueue=true
        set    s ContentBasedDeduplication=true -> InvalidAttributeName: Unknown Attribute ContentBasedDeduplication.
        set    s DeduplicationScope=queue -> InvalidAttributeName: You can specify the DeduplicationScope only when FifoQueue is set to true.
        create t FifoThroughputLimit=perQueue -> InvalidAttributeName: You can specify the FifoThroughputLimit only when FifoQueue is set to true.
        set    s KmsMasterKeyId=k SqsManagedSseEnabled=true -> InvalidAttributeName: You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.
    ");
}

#[test]
fn attributes() {
    run("
        create q DelaySeconds=3
        advance 5s
        set    q VisibilityTimeout=7 MaxReceiveRate=2.5
        restart
        get    q DelaySeconds VisibilityTimeout MaxReceiveRate MaxReceiveBurst QueueArn CreatedTimestamp LastModifiedTimestamp Policy -> CreatedTimestamp=1700000000 DelaySeconds=3 LastModifiedTimestamp=1700000005 MaxReceiveBurst=3 MaxReceiveRate=2.5 QueueArn=arn:aws:sqs:us-east-1:000000000000:q VisibilityTimeout=7
        set    q VisibilityTimeout=43201 -> InvalidAttributeValue
        set    q Policy=nonsense -> InvalidAttributeValue
        set    none VisibilityTimeout=1 -> QueueDoesNotExist
    ");
}

#[test]
fn what_has_no_effect_is_the_same_after_a_restart() {
    run("
        create q KmsDataKeyReusePeriodSeconds=600
        set    q KmsMasterKeyId=alias/x
        get    q KmsDataKeyReusePeriodSeconds -> KmsDataKeyReusePeriodSeconds=300
        restart
        get    q KmsDataKeyReusePeriodSeconds -> KmsDataKeyReusePeriodSeconds=300
    ");
}

#[test]
fn listing() {
    run("
        create b2
        create a
        create b1.fifo FifoQueue=true
        create b
        create B
        list   -> B a b b1.fifo b2
        list   b -> b b1.fifo b2
        list   b1.f -> b1.fifo
        list   b1.fifo -> b1.fifo
        list   b2x -> nothing
        list   x.y -> nothing
        list   b1.fifo.x -> nothing
        list   b after=B -> b b1.fifo b2
        list   max=2 -> B a more
        list   max=2 after=a -> b b1.fifo more
        list   b max=2 after=b1.fifo -> b2
        drop   b1.fifo
        restart
        list   -> B a b b2
    ");
}

#[test]
fn tags() {
    run("
        create q tag:a=1 tag:b=2
        tag    q b=3 c=4
        tags   q -> a=1 b=3 c=4
        untag  q a c x
        restart
        tags   q -> b=3
        tags   none -> QueueDoesNotExist
    ");
}

#[test]
fn deleting_a_queue() {
    run("
        create q
        send   q m1
        receive q -> m1
        drop   q
        drop   q -> QueueDoesNotExist
        send   q m2 -> QueueDoesNotExist
        url    q -> QueueDoesNotExist
        create q
        receive q -> nothing
        delete q m1 -> ReceiptHandleOfOtherQueue
        restart
        send   q m3
        receive q -> m3
    ");
}

#[test]
fn a_name_may_be_blocked_after_its_queue_was_deleted() {
    run_with(
        &Options { deleted_recently: posthouse_model::Seconds::new(60), ..Options::default() },
        "
        create q
        drop   q
        create q -> QueueDeletedRecently: You must wait 60 seconds after deleting a queue before you can create another with the same name.
        restart
        create q -> QueueDeletedRecently
        advance 60s
        create q
    ",
    );
}

#[test]
fn accounts_do_not_see_each_other() {
    run("
        create q
        send   q m1
        caller 111111111111
        list   -> nothing
        create q
        receive 111111111111/q -> nothing
        receive q -> AccessDenied
        url    q -> QueueDoesNotExist
        send   none m1 -> QueueDoesNotExist
        caller anonymous
        receive q -> AccessDenied
        create q -> AccessDenied
        list   -> AccessDenied
    ");
}

#[test]
fn a_policy_allows_other_accounts() {
    run("
        create q
        allow  q share 111111111111 SendMessage GetQueueUrl
        caller 111111111111
        url    q
        send   q m1
        batch  q m2
        receive q -> AccessDenied
        purge  q -> AccessDenied
        drop   q -> AccessDenied
        caller 222222222222
        send   q m3 -> AccessDenied
        caller 000000000000
        restart
        receive q max=10 -> m1 m2
        disallow q share
        get    q Policy -> nothing
        caller 111111111111
        send   q m4 -> AccessDenied
    ");
}

#[test]
fn a_policy_never_allows_others_to_administer() {
    run(r#"
        create q Policy={"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}
        caller 111111111111
        send   q m1
        receive q -> m1
        set    q DelaySeconds=1 -> AccessDenied
        tag    q a=b -> AccessDenied
        drop   q -> AccessDenied
        caller anonymous
        send   q m2
        "#);
}

/// In slices of one, with requests between them.
#[test]
fn a_survey_sees_everything_and_lists_what_it_may() {
    let mut world = World::new(Options::default());
    for name in ["c", "a", "b"] {
        let (address, attributes) = (world.address(name), AttributeChanges::default());
        let create = CreateQueue { name: address.name.clone(), attributes, tags: Tags::default() };
        world.ask(create.into()).expect("created");
        let message = world.message(name, "m", None, None).expect("valid");
        world.ask(SendMessage { queue: address, delay: None, message }.into()).expect("sent");
    }
    let survey = |world: &mut World, listed_max| {
        let mut step = SurveyStep::More(Survey::new(listed_max));
        loop {
            step = match step {
                SurveyStep::Done(overview) => return overview,
                SurveyStep::More(survey) => {
                    let step = world.engine.survey(survey, world.now, 1);
                    world.advance(1);
                    step
                }
            }
        }
    };
    let names =
        |overview: &Overview| overview.queues.iter().map(|queue| queue.address.name.to_string()).collect::<Vec<_>>();
    let all = survey(&mut world, 10);
    assert_eq!(names(&all), ["c", "a", "b"].map(String::from).to_vec(), "by age");
    assert_eq!((all.all_queues.count, all.all_queues.visible, all.all_queues.counters.sent), (3, 3, 3));
    world.ask(DeleteQueue { queue: world.address("a") }.into()).expect("deleted");
    let some = survey(&mut world, 1);
    assert_eq!(names(&some), vec!["c".to_owned()]);
    assert_eq!((some.all_queues.count, some.all_queues.visible, some.all_queues.counters.sent), (2, 2, 3));
}
