//! Publishing: which subscriptions get a copy, and which queue it is put into.

use crate::world::script::run;

#[test]
fn every_subscription_gets_a_copy() {
    run("
        topic t
        create a
        create b
        publish t m0
        subscribe t sqs a as=a
        subscribe t sqs b as=b RawMessageDelivery=true
        subscribe t sms +15555550100 as=phone
        publish t m1
        messages -> 3
        receive a max=10 visibility=60s -> m1
        receive b max=10 visibility=60s -> m1
        unsubscribe a
        publish t m2
        restart
        receive a -> nothing
        receive b -> m2
        messages -> 5
        untopic t
        messages -> 3
        publish t m3 -> NotFound: Topic does not exist
    ");
}

#[test]
fn only_matching_messages_are_delivered() {
    run(r#"
        topic t
        create a
        create b
        create c
        subscribe t sqs a as=a FilterPolicy={"n":[{"numeric":["<",2]}]}
        subscribe t sqs b as=b FilterPolicy={"kind":["x"]} FilterPolicyScope=MessageBody
        subscribe t sqs c as=c
        publish t {"kind":"x"} n=1
        publish t {"kind":"y"} n=2
        publish t plain n=1.5
        restart
        receive a max=10 -> {"kind":"x"} plain
        receive b max=10 -> {"kind":"x"}
        receive c max=10 -> {"kind":"x"} {"kind":"y"} plain
        sub-set a FilterPolicy={}
        sub-set b FilterPolicy={"kind":["y"]}
        publish t {"kind":"y"} n=3
        purge c
        receive a max=10 -> {"kind":"y"}
        receive b max=10 -> {"kind":"y"}
    "#);
}

/// A message that takes too long to match is refused. No subscription gets it, and a FIFO topic does not remember its
/// id.
#[test]
fn too_many_values_to_match() {
    let conditions: Vec<_> = (0..74).map(|n| format!(r#"{{"anything-but":[-{n}]}}"#)).collect();
    let policy = format!(r#"{{"a":[{}]}}"#, conditions.join(","));
    let values: Vec<_> = (0..30_000).map(|n| n.to_string()).collect();
    let many = format!(r#"{{"a":[{}]}}"#, values.join(","));
    run(&format!(
        r#"
        topic t
        topic u.fifo FifoTopic=true
        create all
        create some
        create all.fifo FifoQueue=true
        create some.fifo FifoQueue=true
        subscribe t sqs all as=all
        subscribe t sqs some as=some FilterPolicyScope=MessageBody FilterPolicy={policy}
        subscribe u.fifo sqs all.fifo as=all.fifo
        subscribe u.fifo sqs some.fifo as=some.fifo FilterPolicyScope=MessageBody FilterPolicy={policy}
        publish t {many} -> InvalidParameter: Invalid parameter: Message Reason: it has too many values for the filter policies of its topic
        publish u.fifo {many} group=a id=1 -> InvalidParameter: Invalid parameter: Message Reason: it has too many values for the filter policies of its topic
        messages -> 0
        publish t {{"a":[1,2]}}
        publish t {{"b":1}}
        publish u.fifo {{"a":[1,2]}} group=a id=1
        restart
        receive all max=10 -> {{"a":[1,2]}} {{"b":1}}
        receive some max=10 -> {{"a":[1,2]}}
        receive all.fifo max=10 -> {{"a":[1,2]}}
        receive some.fifo max=10 -> {{"a":[1,2]}}
    "#
    ));
}

/// Policies that take long to parse and to put into the indices: set, looked at anew, confirmed, kept where something else
/// changes, and taken away, with publications between.
#[test]
fn large_policies_come_change_and_go() {
    let values = |kind: &str| (0..3000).map(|n| format!("\"{kind}{n}\"")).collect::<Vec<_>>().join(",");
    let policy = |kind: &str| format!(r#"{{"k":[{{"anything-but":[{}]}}]}}"#, values(kind));
    let (a, b) = (policy("a"), policy("b"));
    let script = format!(
        r#"
        topic t
        create q
        create r
        subscribe t sqs q as=q RawMessageDelivery=true FilterPolicyScope=MessageBody FilterPolicy={a}
        publish t {{"k":"a7"}}
        publish t {{"k":"b7"}}
        receive q -> {{"k":"b7"}}
        sub-set q FilterPolicy={b}
        publish t {{"k":"a8"}}
        publish t {{"k":"b8"}}
        receive q -> {{"k":"a8"}}
        sub-set q FilterPolicyScope=MessageAttributes
        publish t {{"k":"a9"}}
        receive q -> nothing
        sub-set q FilterPolicyScope=MessageBody
        sub-set q RawMessageDelivery=false
        sub-set q RawMessageDelivery=true
        subscribe t sqs r as=r RawMessageDelivery=true FilterPolicyScope=MessageBody FilterPolicy={a}
        publish t {{"k":"b1"}}
        publish t {{"k":"a1"}}
        receive q -> {{"k":"a1"}}
        receive r -> {{"k":"b1"}}
        restart
        publish t {{"k":"b2"}}
        publish t {{"k":"a2"}}
        receive q -> {{"k":"a2"}}
        receive r -> {{"k":"b2"}}
        unsubscribe r
        sub-set q FilterPolicy={{}}
        publish t {{"k":"b3"}}
        receive q -> {{"k":"b3"}}
        receive r -> nothing
        sub-set q FilterPolicy={a}
        untopic t
        topic t
        subscribe t sqs q as=again RawMessageDelivery=true FilterPolicyScope=MessageBody FilterPolicy={b}
        publish t {{"k":"a4"}}
        publish t {{"k":"b4"}}
        receive q -> {{"k":"a4"}}
    "#
    );
    run(&script);
}

#[test]
fn queues_are_deleted_and_created_again() {
    run(r#"
        topic t
        subscribe t sqs q as=s
        publish t m1
        messages -> 0
        create q
        publish t m2
        receive q max=10 visibility=60s -> m2
        drop q
        publish t m3
        create dead
        sub-set s RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
        publish t m4
        receive dead visibility=60s -> m4
        create q
        publish t m5
        restart
        receive dead -> nothing
        receive q -> m5
    "#);
}

#[test]
fn phones_that_opted_out_get_nothing() {
    run(r#"
        topic t
        create dead
        subscribe t sms +15555550100 as=out
        subscribe t sms +15555550101 as=in
        publish t m1
        messages -> 2
        opt-out +15555550100
        caller 111111111111
        opt-out +15555550101
        caller 000000000000
        restart
        publish t m2
        messages -> 3
        sub-set out RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
        publish t m3
        messages -> 5
        receive dead max=10 visibility=60s -> m3
        opt-in +15555550100
        publish t m4
        messages -> 7
        receive dead -> nothing
    "#);
}

#[test]
fn queues_of_other_accounts_must_allow_the_topic() {
    run(r#"
        topic t
        topic u
        caller 111111111111
        create 111111111111/q
        caller 000000000000
        subscribe t sqs 111111111111/q as=s
        subscribe u sqs 111111111111/q as=r
        publish t m1
        caller 111111111111
        set 111111111111/q Policy={"Statement":{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-1:000000000000:t"}}}}
        caller 000000000000
        publish t m2
        publish u m3
        caller 111111111111
        receive 111111111111/q max=10 -> m2
    "#);
}

#[test]
fn fifo_topics_remember_what_was_published() {
    run("
        topic t.fifo FifoTopic=true
        create q.fifo FifoQueue=true
        create q
        subscribe t.fifo sqs q.fifo as=fifo
        subscribe t.fifo sqs q as=standard
        publish t.fifo m1 group=a id=1
        publish t.fifo m2 group=a id=1
        publish t.fifo m3 group=b id=1
        restart
        publish t.fifo m4 group=a id=1
        receive q.fifo max=10 -> m1
        receive q max=10 -> m1
        topic-set t.fifo FifoThroughputScope=MessageGroup
        publish t.fifo again group=a id=1
        publish t.fifo again group=z id=1
        publish t.fifo m5 group=b id=2
        publish t.fifo m6 group=c id=2
        publish t.fifo m7 group=b id=2
        topic-set t.fifo FifoThroughputScope=Topic
        publish t.fifo again group=c id=2
        restart
        receive q max=10 -> m5 m6
        advance 5m
        publish t.fifo m8 group=b id=2
        receive q max=10 visibility=60s -> m1 m5 m6 m8
        publish t.fifo m9 group=b -> InvalidParameter
    ");
}

#[test]
fn a_dead_letter_queue_gets_the_copy_of_each_subscription() {
    run(r#"
        topic t
        create dead
        subscribe t sqs a as=a RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
        subscribe t sqs b as=b RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"}
        subscribe t sqs dead as=dead
        publish t m1
        messages -> 3
        restart
        publish t m2
        receive dead max=10 -> m1 m1 m1 m2 m2 m2
        messages -> 6
    "#);
}

#[test]
fn other_accounts_reach_no_queue_of_the_topics_owner() {
    run(r#"
        topic t
        create q
        create dead
        topic-set t Policy={"Statement":{"Sid":"all","Effect":"Allow","Principal":"*","Action":["SNS:Subscribe","SNS:Publish"],"Resource":"arn:aws:sns:us-east-1:000000000000:t"}}
        caller 222222222222
        subscribe t sqs 000000000000/q as=s
        publish t m1
        caller anonymous
        subscribe t sqs 000000000000/dead as=n -> AuthorizationError
        subscribe t http http://h/ as=h RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead"} -> AuthorizationError
        caller 000000000000
        receive q -> nothing
        receive dead -> nothing
        set q Policy={"Statement":{"Effect":"Allow","Principal":{"Service":"sns.amazonaws.com"},"Action":"sqs:SendMessage"}}
        publish t m2
        receive q -> m2
    "#);
}

#[test]
fn a_fifo_dead_letter_queue_remembers_the_copies_of_one_publication_once() {
    run(r#"
        topic t.fifo FifoTopic=true
        create dead.fifo FifoQueue=true
        subscribe t.fifo sqs a.fifo as=a RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo"}
        subscribe t.fifo sqs b.fifo as=b RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo"}
        publish t.fifo m1 group=g id=1
        publish t.fifo again group=g id=1
        restart
        publish t.fifo m2 group=g id=2
        receive dead.fifo max=10 -> m1 m1 m2 m2
    "#);
}
