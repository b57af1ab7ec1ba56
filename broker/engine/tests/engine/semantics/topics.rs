//! Topics: creating, attributes, tags, listing, permissions, and access.

use crate::world::script::run;

#[test]
fn creating_twice() {
    run("
        topic t DisplayName=Orders
        topic t
        topic t DisplayName=Orders FifoTopic=false SignatureVersion=1
        topic t DisplayName=Others -> InvalidParameter: Invalid parameter: Attributes Reason: Topic already exists with different attributes
        topic t TracingConfig=Active -> InvalidParameter
        topic t tag:k=v -> InvalidParameter: Invalid parameter: Tags Reason: Topic already exists with different tags
        topic u tag:k=v tag:l=w
        topic u tag:k=v
        topic u
        topic u tag:k=w -> InvalidParameter
        untopic t
        untopic t
        topic t DisplayName=Others
        topic-get t DisplayName Confirmed Pending -> DisplayName=Others Confirmed=0 Pending=0
        restart
        topic-get t DisplayName -> DisplayName=Others
    ");
}

#[test]
fn the_suffix_of_a_name_decides_the_type() {
    run("
        topic t.fifo FifoTopic=true
        topic t FifoTopic=true -> InvalidParameter: Invalid parameter: Topic Name
        topic u.fifo -> InvalidParameter: Invalid parameter: Topic Name
        topic u.fifo FifoTopic=false -> InvalidParameter
        topic u FifoTopic=false
        topic u FifoTopic=true DisplayName=x -> InvalidParameter: Invalid parameter: Topic Name
        topic-get u FifoTopic -> FifoTopic=-
        topic-set u FifoTopic=true -> InvalidParameter: Invalid parameter: AttributeName
        topic-set u ContentBasedDeduplication=true -> InvalidParameter: Invalid parameter: Content-based deduplication can only be set for FIFO topics
        topic v ContentBasedDeduplication=true -> InvalidParameter: Invalid parameter: Attributes Reason: Content-based deduplication can only be set for FIFO topics
        topic v FifoThroughputScope=MessageGroup -> InvalidParameter: Invalid parameter: Attributes Reason: FifoThroughputScope can only be set for FIFO topics
        topic-set t.fifo ContentBasedDeduplication=true
        topic-set t.fifo FifoThroughputScope=MessageGroup
        list -> nothing
    ");
}

#[test]
fn attributes() {
    run(r#"
        topic t
        topic-set t SignatureVersion=2
        topic-set t DisplayName=x
        topic-set t DisplayName=
        topic-set t SignatureVersion=3 -> InvalidParameter: Invalid parameter: SignatureVersion: the value is not one that it takes
        topic-set t Policy=nonsense -> InvalidParameter
        topic-set t Policy={"Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:SendMessage"}} -> InvalidParameter: Invalid parameter: Policy statement action out of service scope!
        topic-set t DeliveryPolicy=nonsense -> InvalidParameter
        topic-set t ContentBasedDeduplication= -> InvalidParameter: Invalid parameter: ContentBasedDeduplication: Invalid value []. Must be true or false.
        topic-set none SignatureVersion=3 -> NotFound: Topic does not exist
        topic-set none DisplayName=x -> NotFound: Topic does not exist
        topic-get none -> NotFound: Topic does not exist
        topic-get t SignatureVersion DisplayName -> SignatureVersion=2 DisplayName=-
        topic u Policy={} -> InvalidParameter: Invalid parameter: Attributes Reason: Policy Error: Missing required field Statement.
        protection t -> nothing
        protect t nonsense -> InvalidParameter
        protect none nonsense -> NotFound: Topic does not exist
        protect t {"Statement":[{"DataDirection":"Up"}]} -> InvalidParameter: Invalid parameter: DataProtectionPolicy Reason: Statement DataDirection must be either Inbound or Outbound
        protect t {"Name":"x"}
        restart
        protection t -> {"Name":"x"}
        protect t
        protection t -> nothing
    "#);
}

#[test]
fn tags() {
    run("
        topic t tag:a=1
        topic-tag t b=2
        topic-tag t a=3
        topic-tags t -> a=3 b=2
        topic-untag t a c
        restart
        topic-tags t -> b=2
        topic-tags none -> ResourceNotFound: Resource does not exist
        topic-tag none a=1 -> ResourceNotFound
    ");
}

#[test]
fn too_many_tags() {
    let fifty: String = (0..50).map(|tag| format!(" k{tag}=v")).collect();
    run(&format!(
        "topic t
         topic-tag t{fifty}
         topic-tag t k0=w
         topic-tag t more=v -> TagLimitExceeded: Could not complete request: tag quota of per resource exceeded"
    ));
}

#[test]
fn listing() {
    let many: String = (0..101).map(|topic| format!("topic t-{topic:03}\n")).collect();
    run(&format!(
        "caller 111111111111
         topic other
         caller 000000000000
         topics -> nothing
         {many}
         topics after=t-097 -> t-098 t-099 t-100
         topics after=t-0985 -> t-099 t-100
         topics after=111111111111/x -> nothing
         untopic t-000
         topics after=t-099 -> t-100
         caller anonymous
         topics -> AuthorizationError: An anonymous caller is not authorized to perform: SNS:ListTopics"
    ));
}

#[test]
fn a_full_page_of_topics_has_a_next_one() {
    let many: String = (0..101).map(|topic| format!("topic t-{topic:03}\n")).collect();
    let hundred: String = (0..100).map(|topic| format!("t-{topic:03} ")).collect();
    run(&format!("{many} topics -> {hundred}more\nuntopic t-050\n topics after=- -> {}", {
        let mut left: Vec<String> = (0..101).map(|topic| format!("t-{topic:03}")).collect();
        left.remove(50);
        left.join(" ")
    }));
}

#[test]
fn other_accounts() {
    run("
        topic t
        create q
        caller 111111111111
        topic-get 000000000000/t -> AuthorizationError: User: arn:aws:iam::111111111111:user/tester is not authorized to perform: SNS:GetTopicAttributes on resource: arn:aws:sns:us-east-1:000000000000:t because no resource-based policy allows the SNS:GetTopicAttributes action
        topic-get 000000000000/none -> AuthorizationError
        untopic 000000000000/t -> AuthorizationError
        untopic 000000000000/none -> AuthorizationError
        subscribe 000000000000/t sqs 111111111111/mine -> AuthorizationError
        caller 000000000000
        topic-allow t one 111111111111 Subscribe GetTopicAttributes
        topic-allow t one 111111111111 Publish -> InvalidParameter: Invalid parameter: Statement already exists
        topic-allow t two 111111111111 CreateTopic -> InvalidParameter: Invalid parameter: Policy statement action out of service scope!
        topic-allow none two 111111111111 Publish -> NotFound
        restart
        caller 111111111111
        topic-get 000000000000/t
        topic-set 000000000000/t DisplayName=x -> AuthorizationError
        subscribe 000000000000/t sqs 111111111111/mine as=mine
        subs -> mine
        sub-get mine Owner Authenticated -> Owner=111111111111 Authenticated=true
        sub-set mine RedrivePolicy={\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:q\"} -> InvalidParameter: Invalid parameter: RedrivePolicy: must use a queue of the subscription's owner
        subs 000000000000/t -> AuthorizationError
        caller 222222222222
        sub-get mine -> AuthorizationError
        unsubscribe mine -> AuthorizationError
        caller 000000000000
        subs -> nothing
        subs t -> mine
        topic-disallow t one
        topic-disallow t one
        unsubscribe mine
        subs t -> nothing
        caller 111111111111
        topic-get 000000000000/t -> AuthorizationError
    ");
}

#[test]
fn the_default_policy_is_shown() {
    run(r#"
        topic t
        topic-get t Policy -> Policy={"Version":"2008-10-17","Id":"__default_policy_ID","Statement":[{"Sid":"__default_statement_ID","Effect":"Allow","Principal":{"AWS":"*"},"Action":["SNS:GetTopicAttributes","SNS:SetTopicAttributes","SNS:AddPermission","SNS:RemovePermission","SNS:DeleteTopic","SNS:Subscribe","SNS:ListSubscriptionsByTopic","SNS:Publish"],"Resource":"arn:aws:sns:us-east-1:000000000000:t","Condition":{"StringEquals":{"AWS:SourceOwner":"000000000000"}}}]}
    "#);
}

#[test]
fn large_messages_need_few_subscriptions_of_some_protocols() {
    let hundred: String = (0..100).map(|queue| format!("subscribe t sqs q{queue} as=s{queue}\n")).collect();
    run(&format!(
        "topic t MaximumMessageSize=262145
         subscribe t http http://h/ -> InvalidParameter: Invalid parameter: Protocol Reason: a topic with a MaximumMessageSize above 262144 cannot have a subscription of protocol http
         subscribe t sms +15555550100 -> InvalidParameter
         {hundred}
         subscribe t sqs more as=more -> SubscriptionLimitExceeded: A topic can have at most 100 subscriptions.
         subscribe t sqs q7 as=s7
         topic-set t MaximumMessageSize=262144
         subscribe t sqs more as=again
         topic-set t MaximumMessageSize=262145 -> InvalidParameter: Invalid parameter: MaximumMessageSize Reason: a topic with a MaximumMessageSize above 262144 has at most 100 subscriptions
         unsubscribe again
         topic-set t MaximumMessageSize=1048576
         topic-set t MaximumMessageSize=
         unsubscribe s7
         subscribe t email a@example.com as=mail -> pending
         topic-set t MaximumMessageSize=1048576 -> InvalidParameter: Invalid parameter: MaximumMessageSize Reason: a topic with a MaximumMessageSize above 262144 cannot have a subscription of protocol email"
    ));
}
