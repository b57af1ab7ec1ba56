//! Regions: a topic, with its subscriptions, is known in its own region only.

use crate::world::script::run;

#[test]
fn a_topic_of_another_region_is_not_known() {
    run("
        topic t
        subscribe t sqs q as=s
        region eu-west-1
        topic-get t -> InvalidParameter: Invalid parameter: TopicArn
        topic-set t DisplayName=x -> InvalidParameter: Invalid parameter: TopicArn
        topic-allow t l 111111111111 Publish -> InvalidParameter: Invalid parameter: TopicArn
        topic-disallow t l -> InvalidParameter: Invalid parameter: TopicArn
        topic-tag t k=v -> InvalidParameter: Invalid parameter: ResourceArn
        topic-untag t k -> InvalidParameter: Invalid parameter: ResourceArn
        topic-tags t -> InvalidParameter: Invalid parameter: ResourceArn
        protect t {} -> InvalidParameter: Invalid parameter: ResourceArn
        protection t -> InvalidParameter: Invalid parameter: ResourceArn
        publish t m -> InvalidParameter: Invalid parameter: TopicArn
        subscribe t sqs q2 as=s2 -> InvalidParameter: Invalid parameter: TopicArn
        subs t -> InvalidParameter: Invalid parameter: TopicArn
        sub-get s -> InvalidParameter: Invalid parameter: SubscriptionArn
        sub-set s RawMessageDelivery=true -> InvalidParameter: Invalid parameter: SubscriptionArn
        unsubscribe s -> InvalidParameter: Invalid parameter: SubscriptionArn
        untopic t -> InvalidParameter: Invalid parameter: TopicArn
        untopic absent -> InvalidParameter: Invalid parameter: TopicArn
        topics -> nothing
        subs -> nothing
        caller 111111111111
        topic-get t -> InvalidParameter: Invalid parameter: TopicArn
        unsubscribe s -> InvalidParameter: Invalid parameter: SubscriptionArn
        region us-east-1
        caller 000000000000
        topics -> t
        subs -> s
        sub-get s RawMessageDelivery -> RawMessageDelivery=-
    ");
}

#[test]
fn an_unsigned_request_is_for_the_region_of_its_arn() {
    run("
        topic t
        subscribe t http http://h/ as=s -> pending
        subscribe t http http://g/ as=other -> pending
        region eu-west-1
        confirm s -> InvalidParameter: Invalid parameter: Topic
        caller anonymous
        confirm s
        unsubscribe s
        unsubscribe s
        unsubscribe other -> AuthorizationError
        topic-get t -> AuthorizationError
    ");
}
