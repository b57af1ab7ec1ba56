//! Subscriptions: making, confirming, showing and ending them, and the values of their attributes.

use crate::world::script::run;

#[test]
fn queues_are_subscribed_at_once() {
    run("
        topic t
        create q
        subscribe t sqs q as=s
        subscribe t sqs q as=s
        subscribe t sqs none as=ended
        subs t -> s ended
        subs -> s ended
        sub-get s Pending Authenticated Owner RawMessageDelivery EffectiveDeliveryPolicy -> Pending=false Authenticated=true Owner=000000000000 RawMessageDelivery=- EffectiveDeliveryPolicy=-
        topic-get t Confirmed Pending Deleted -> Confirmed=2 Pending=0 Deleted=0
        restart
        unsubscribe s
        unsubscribe s
        subs t -> ended
        sub-get s -> NotFound: Subscription does not exist
        topic-get t Confirmed Pending Deleted -> Confirmed=1 Pending=0 Deleted=1
        untopic t
        subs -> nothing
        subs t -> NotFound: Topic does not exist
        subscribe t sqs q -> NotFound: Topic does not exist
        unsubscribe ended
    ");
}

#[test]
fn subscribing_again() {
    run("
        topic t
        subscribe t sqs q as=s RawMessageDelivery=true
        subscribe t sqs q as=s
        subscribe t sqs q as=s RawMessageDelivery=True FilterPolicyScope=MessageAttributes
        subscribe t sqs q as=s RawMessageDelivery=false -> InvalidParameter: Invalid parameter: Attributes Reason: Subscription already exists with different attributes
        subscribe t sqs q as=s FilterPolicy={\"a\":[\"b\"]} -> InvalidParameter
        subs t -> s
    ");
}

#[test]
fn endpoints_confirm() {
    run("
        topic t
        subscribe t http http://h/ as=s -> pending
        messages -> 1
        subs t -> s?
        sub-get s Pending Authenticated -> Pending=true Authenticated=false
        topic-get t Confirmed Pending -> Confirmed=0 Pending=1
        subscribe t http http://h/ as=s -> pending
        messages -> 1
        confirm s#1 -> InvalidParameter: Invalid parameter: Token
        caller anonymous
        confirm s authenticate=true -> AuthorizationError
        confirm s
        confirm s
        caller 000000000000
        restart
        confirm s
        subs t -> s
        subscribe t http http://h/ as=s
        messages -> 0
        sub-get s Pending Authenticated -> Pending=false Authenticated=false
        topic-get t Confirmed Pending -> Confirmed=1 Pending=0
        topic u
        untopic t
        messages -> 0
        confirm s -> InvalidParameter: Invalid parameter: Token
        list -> nothing
    ");
}

#[test]
fn an_unconfirmed_subscription_expires() {
    run("
        topic t
        subscribe t email a@example.com as=early -> pending
        subscribe t email b@example.com as=late -> pending
        advance 1d
        subscribe t email b@example.com as=late -> pending
        advance 1d
        subs t -> late?
        confirm early -> InvalidParameter: Invalid parameter: Token
        restart
        advance 12h
        confirm late
        advance 3d
        subs t -> late
        topic-get t Confirmed Pending -> Confirmed=1 Pending=0
    ");
}

#[test]
fn endpoints_are_notified_of_unsubscription_and_may_undo_it() {
    run("
        topic t
        subscribe t https https://h/ as=s -> pending
        confirm s
        unsubscribe s
        messages -> 1
        subs t -> nothing
        subs -> nothing
        topic-get t Confirmed Pending -> Confirmed=0 Pending=0
        sub-get s -> NotFound
        confirm s#1 -> InvalidParameter
        restart
        confirm s
        subs t -> s
        unsubscribe s
        subscribe t https https://h/ as=again -> pending
        subs t -> again?
        confirm s
        subs t -> again?
        advance 2d
        subs t -> nothing
        messages -> 0
    ");
}

#[test]
fn which_callers_may_unsubscribe() {
    run("
        topic t
        subscribe t http http://a/ as=open -> pending
        subscribe t http http://b/ as=closed -> pending
        subscribe t http http://c/ as=waiting -> pending
        subscribe t sqs q as=queue
        confirm open
        confirm closed authenticate=true
        sub-get closed Authenticated -> Authenticated=true
        caller anonymous
        unsubscribe closed -> AuthorizationError
        unsubscribe queue -> AuthorizationError
        unsubscribe waiting -> AuthorizationError
        unsubscribe open
        caller 000000000000
        unsubscribe closed
        unsubscribe waiting -> InvalidParameter: Invalid parameter: Cannot unsubscribe a subscription that is pending confirmation
        subs t -> waiting? queue
        advance 2d
        unsubscribe waiting
        subs t -> queue
        untopic t
        unsubscribe queue
        caller 111111111111
        unsubscribe queue -> AuthorizationError: User: arn:aws:iam::111111111111:user/tester is not authorized to perform: SNS:Unsubscribe on resource: arn:aws:sns:us-east-1:000000000000:t:0a000000-0000-4000-8000-000000000000
        unsubscribe open -> AuthorizationError
        caller anonymous
        unsubscribe queue
    ");
}

#[test]
fn fifo_topics_take_queues() {
    run("
        topic t.fifo FifoTopic=true
        topic s
        subscribe t.fifo http http://h/ -> InvalidParameter
        subscribe t.fifo sqs q as=standard
        subscribe t.fifo sqs q.fifo as=fifo
        subscribe s sqs q.fifo -> InvalidParameter: Invalid parameter: Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics
        subs t.fifo -> standard fifo
    ");
}

#[test]
fn a_fifo_topic_has_a_hundred_subscriptions() {
    let hundred: String = (0..100).map(|queue| format!("subscribe t.fifo sqs q{queue} as=s{queue}\n")).collect();
    run(&format!(
        "topic t.fifo FifoTopic=true
         {hundred}
         subscribe t.fifo sqs more as=more -> SubscriptionLimitExceeded: A topic can have at most 100 subscriptions.
         subscribe t.fifo sqs q7 as=s7"
    ));
}

#[test]
fn attributes_that_are_refused() {
    run(r#"
        topic t
        topic t.fifo FifoTopic=true
        subscribe t sqs q as=s
        subscribe t http http://h/ as=h -> pending
        subscribe t email a@example.com RawMessageDelivery=true -> InvalidParameter: Invalid parameter: Attributes Reason: Delivery protocol [email] does not support raw message delivery.
        subscribe t sqs other RedrivePolicy=[] -> InvalidParameter: Invalid parameter: Attributes Reason: RedrivePolicy: failed to deserialize JSON.
        subscribe t sqs other DeliveryPolicy={} -> InvalidParameter: Invalid parameter: Attributes Reason: DeliveryPolicy: Delivery protocol [sqs] does not support delivery policy.
        subscribe t firehose arn:aws:firehose:us-east-1:000000000000:deliverystream/s -> InvalidParameter: Invalid parameter: Attributes Reason: SubscriptionRoleArn: The role is required for protocol firehose
        subscribe t firehose arn:aws:firehose:us-east-1:000000000000:deliverystream/s as=f SubscriptionRoleArn=arn:aws:iam::000000000000:role/r
        sub-set f SubscriptionRoleArn= -> InvalidParameter
        subscribe t application arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/01234567-89ab-4def-8123-456789abcdef -> InvalidParameter: Invalid parameter: Endpoint Reason: Endpoint does not exist for endpoint arnarn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/01234567-89ab-4def-8123-456789abcdef
        sub-set s RedrivePolicy={"deadLetterTargetArn":"x"} -> InvalidParameter: Invalid parameter: RedrivePolicy: deadLetterTargetArn is an invalid arn
        sub-set s RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","maxReceiveCount":3} -> InvalidParameter: Invalid parameter: RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown.
        subscribe t sqs other RedrivePolicy={"maxReceiveCount":3} -> InvalidParameter: Invalid parameter: Attributes Reason: RedrivePolicy: invalid JSON. Attribute maxReceiveCount is unknown.
        subscribe none sqs other RedrivePolicy=[] -> NotFound: Topic does not exist
        sub-set s RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:eu-west-1:000000000000:d"} -> InvalidParameter: Invalid parameter: RedrivePolicy: must use a queue in the same region as the topic
        sub-set s RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d.fifo"} -> InvalidParameter: Invalid parameter: RedrivePolicy: must use a standard queue as DLQ for a standard topic
        sub-set s RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}
        subscribe t.fifo sqs q.fifo as=fifo
        sub-set fifo RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d.fifo"}
        sub-set fifo RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"} -> InvalidParameter: Invalid parameter: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.
        subscribe t.fifo sqs other.fifo RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"} -> InvalidParameter: Invalid parameter: Attributes Reason: RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.
        subscribe t.fifo sqs q RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}
        sub-set s DeliveryPolicy={} -> InvalidParameter
        sub-set h DeliveryPolicy=nonsense -> InvalidParameter
        sub-set h DeliveryPolicy={"healthyRetryPolicy":{"numRetries":3}} -> InvalidParameter: Invalid parameter: DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be specified
        sub-set h RawMessageDelivery=test-ValUe -> InvalidParameter: Invalid parameter: RawMessageDelivery: Invalid value [test-ValUe]. Must be true or false.
        sub-set h RawMessageDelivery= -> InvalidParameter: Invalid parameter: RawMessageDelivery: Invalid value []. Must be true or false.
        sub-set h RawMessageDelivery=true
        restart
        sub-get s RedrivePolicy -> RedrivePolicy={"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d"}
        sub-set s RedrivePolicy=
        sub-get s RedrivePolicy -> RedrivePolicy=-
        sub-get h RawMessageDelivery -> RawMessageDelivery=true
    "#);
}

#[test]
fn filter_policies_are_checked() {
    run(r#"
        topic t
        subscribe t sqs q as=s FilterPolicy={"a":["b"]}
        subscribe t sqs bad FilterPolicy={"a":"b"} -> InvalidParameter
        sub-set s FilterPolicy={"a":{"b":["c"]}} -> InvalidParameter
        sub-set s FilterPolicyScope=MessageBody
        sub-set s FilterPolicy={"a":{"b":["c"]}}
        sub-set s FilterPolicyScope=MessageAttributes -> InvalidParameter
        sub-set s FilterPolicyScope=Elsewhere -> InvalidParameter: Invalid parameter: FilterPolicyScope: Invalid value [Elsewhere]. Please use either MessageBody or MessageAttributes
        sub-get s FilterPolicy FilterPolicyScope -> FilterPolicy={"a":{"b":["c"]}} FilterPolicyScope=MessageBody
        sub-set s FilterPolicy={}
        sub-set s FilterPolicyScope=
        sub-get s FilterPolicy FilterPolicyScope -> FilterPolicy=- FilterPolicyScope=-
    "#);
}

#[test]
fn listing_shows_a_hundred_at_once() {
    let many: String = (0..101).map(|queue| format!("subscribe t sqs q{queue} as=s{queue:03}\n")).collect();
    let hundred: String = (0..100).map(|queue| format!("s{queue:03} ")).collect();
    run(&format!("topic t\n{many}\n subs t -> {hundred}more\n subs -> {hundred}more"));
}

#[test]
fn a_throttle_above_the_rate_of_queues_is_capped() {
    run(r#"
        topic t
        subscribe t http http://h/ as=s DeliveryPolicy={"throttlePolicy":{"maxReceivesPerSecond":2000000}} -> pending
        topic-set t DeliveryPolicy={"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":4000000000}}}
        restart
        subs t -> s?
    "#);
}

/// The numbers of a filter policy have six digits behind the point. An earlier version took a range that is empty in
/// them.
#[test]
fn a_filter_policy_that_is_refused_now_stays_and_matches_nothing() {
    run(r#"
        topic t
        create q
        subscribe t sqs q as=s FilterPolicy={"n":[{"numeric":[">",0,"<=",1e-6]}]}
        publish t one n=0.000001
        restart-earlier 1e-6 1e-7
        receive q -> one
        publish t two n=0.000001
        receive q -> nothing
        sub-get s FilterPolicy -> FilterPolicy={"n":[{"numeric":[">",0,"<=",1e-7]}]}
        sub-set s RawMessageDelivery=true
        sub-set s FilterPolicy={"n":[{"numeric":[">",0,"<=",1e-7]}]} -> InvalidParameter
        restart
        publish t three n=0.000001
        receive q -> nothing
        sub-set s FilterPolicy={"n":[{"numeric":[">",0,"<=",1]}]}
        publish t four n=0.000001
        receive q -> four
        sub-set s FilterPolicy={}
        unsubscribe s
    "#);
}

#[test]
fn a_subscription_keeps_the_name_of_its_subscriber() {
    run(r#"
        topic t Policy={"Statement":[{"Effect":"Allow","Principal":"*","Action":"sns:*"}]}
        subscribe t sqs q as=own
        caller 111111111111
        subscribe t sqs 111111111111/q as=theirs
        caller anonymous
        subscribe t http http://h/ as=anonymous -> pending
        caller 000000000000
        subscribe t http http://h/ as=anonymous -> pending
        sub-get own Principal -> Principal=arn:aws:iam::000000000000:user/tester
        sub-get anonymous Principal -> Principal=arn:aws:iam::000000000000:root
        restart
        sub-set own RawMessageDelivery=true
        sub-get own Principal -> Principal=arn:aws:iam::000000000000:user/tester
        caller 111111111111
        sub-get theirs Principal -> Principal=arn:aws:iam::111111111111:user/tester
    "#);
}
