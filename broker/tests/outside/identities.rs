//! Identity policies: the examples of `docs/security.md`, and AWS's rules for users, groups and resources, from outside.

use serde_json::{Value, json};

use crate::support::{Broker, Client, Launch, PROTOCOLS, Queue, Refusal, Topic, python};

crate::cases! {
    the_documented_producer_only_produces,
    the_documented_consumers_only_consume,
    the_documented_operator_deletes_nothing,
    a_leaked_producer_key_deletes_no_queue,
    refusals_have_the_words_of_aws,
    a_resource_that_denies_binds_users_but_not_the_account,
    users_of_another_account_need_both,
    a_user_reaches_no_queue_through_a_topic,
    tags_divide_an_account,
    restarts_may_change_policies,
    the_keys_of_a_user_share_its_policies,
    check_config_shows_rights_and_no_secret,
    mistakes_in_policies_stop_the_start,
    boto3_meets_a_refusal,
}

const ACCOUNT: &str = "111122223333";

/// The configuration that the section about identity policies shows, and the account itself.
fn documented() -> Launch {
    let document = include_str!("../../../docs/security.md");
    let section = document.split("\n## ").find(|section| section.starts_with("Identity policies\n"));
    let examples = section.expect("the section").split("```toml\n").skip(1);
    let examples: String = examples.map(|rest| rest.split("```").next().expect("its end")).collect();
    Launch::new().configured(&examples).user("root", ACCOUNT, "AKIAROOT", "root's secret")
}

/// The clients of the documented users over one protocol: the account itself, producer, consumer, operator.
fn users(broker: &Broker, protocol: usize) -> [Client; 4] {
    let client = broker.client(PROTOCOLS[protocol]);
    [
        client.with_key("AKIAROOT", "root's secret"),
        client.with_key("AKIASHOP", "a long secret"),
        client.with_key("AKIABILLING", "another long secret"),
        client.with_key("AKIAOPERATOR", "a third long secret"),
    ]
}

fn send() -> Value {
    json!({ "MessageBody": "m" })
}

/// Fails unless the call is refused for lack of a permission, in either service's way.
#[track_caller]
fn denied(answer: Result<Value, Refusal>) -> String {
    let refusal = answer.expect_err("a refusal");
    assert!(["AccessDenied", "AuthorizationError"].contains(&refusal.code.as_str()), "{refusal:?}");
    assert_eq!(refusal.status, 403, "{refusal:?}");
    refusal.message
}

fn the_documented_producer_only_produces() {
    let broker = documented().start();
    for protocol in 0..PROTOCOLS.len() {
        let [root, shop, ..] = users(&broker, protocol);
        let (orders, other) = (Queue::create(&root, "orders", &[]), Queue::create(&root, "others", &[]));
        let (events, alarms) = (Topic::create(&root, "order-events", &[]), Topic::create(&root, "alarms", &[]));
        let mine = orders.as_seen_by(&shop);
        mine.ok("GetQueueUrl", json!({ "QueueName": "orders" }));
        mine.ok("SendMessage", send());
        mine.ok("SendMessageBatch", json!({ "Entries": [{ "Id": "a", "MessageBody": "b" }] }));
        events.as_seen_by(&shop).publish("m");
        let entries = json!({ "PublishBatchRequestEntries": [{ "Id": "a", "Message": "m" }] });
        events.as_seen_by(&shop).ok("PublishBatch", entries);
        denied(other.as_seen_by(&shop).call("SendMessage", send()));
        denied(alarms.as_seen_by(&shop).call("Publish", json!({ "Message": "m" })));
        for action in ["ReceiveMessage", "PurgeQueue", "DeleteQueue", "GetQueueAttributes", "ListQueueTags"] {
            denied(mine.call(action, json!({})));
        }
        denied(events.as_seen_by(&shop).call("DeleteTopic", json!({})));
        denied(shop.call("ListQueues", &json!({})));
        denied(shop.call("CreateQueue", &json!({ "QueueName": "mine" })));
        denied(shop.sns().call("ListTopics", &json!({})));
        denied(shop.sns().call("Publish", &json!({ "PhoneNumber": "+12065550100", "Message": "m" })));
        assert_eq!(orders.counts()[0], 2);
        orders.ok("PurgeQueue", json!({}));
    }
}

fn the_documented_consumers_only_consume() {
    let broker = documented().start();
    for protocol in 0..PROTOCOLS.len() {
        let [root, _, billing, _] = users(&broker, protocol);
        let (own, other) = (Queue::create(&root, "billing-orders", &[]), Queue::create(&root, "shipping-orders", &[]));
        own.send("m");
        let mine = own.as_seen_by(&billing);
        let message = mine.receive_one();
        mine.ok("ChangeMessageVisibility", json!({ "ReceiptHandle": message.handle, "VisibilityTimeout": 30 }));
        let entries = json!({ "Entries": [{ "Id": "a", "ReceiptHandle": message.handle }] });
        mine.ok("DeleteMessageBatch", entries);
        denied(mine.call("SendMessage", send()));
        denied(mine.call("PurgeQueue", json!({})));
        denied(other.as_seen_by(&billing).call("ReceiveMessage", json!({})));
        assert_eq!(own.counts(), [0, 0, 0]);
    }
}

fn the_documented_operator_deletes_nothing() {
    let broker = documented().start();
    for protocol in 0..PROTOCOLS.len() {
        let [root, _, _, operator] = users(&broker, protocol);
        let dead = Queue::create(&operator, "billing-dead", &[]);
        let redrive = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": 1 }).to_string();
        let source = Queue::create(&operator, "billing-orders", &[("RedrivePolicy", &redrive)]);
        Queue::create(&root, "payments", &[]);
        operator.ok("ListQueues", &json!({}));
        operator.sns().ok("ListTopics", &json!({}));
        operator.sns().ok("CreateTopic", &json!({ "Name": "t", "Tags": [{ "Key": "team", "Value": "shop" }] }));
        operator.ok("StartMessageMoveTask", &json!({ "SourceArn": dead.arn() }));
        for action in ["DeleteQueue", "PurgeQueue"] {
            denied(source.call(action, json!({})));
        }
        denied(source.call("ReceiveMessage", json!({})));
        let said = denied(operator.call("GetQueueUrl", &json!({ "QueueName": "payments" })));
        assert!(said.ends_with("with an explicit deny in an identity-based policy"), "{said}");
    }
}

/// The finding that these policies answer.
fn a_leaked_producer_key_deletes_no_queue() {
    let broker = documented().start();
    let [root, shop, ..] = users(&broker, 0);
    let queues: Vec<Queue> =
        ["orders", "billing-orders", "payments"].map(|name| Queue::create(&root, name, &[])).into();
    for queue in &queues {
        denied(queue.as_seen_by(&shop).call("DeleteQueue", json!({})));
        queue.send("still there");
        queue.gives(&["still there"]);
    }
}

/// A user of account 111111111111, besides its root user and a user of account 222222222222 without policies.
fn launch(policy: &Value) -> Launch {
    Launch::new()
        .user("ann", "111111111111", "AKIDANN", "ann's secret")
        .configured(&format!("policy = '{policy}'"))
        .user("root", "111111111111", "AKIDROOT", "root's secret")
        .user("full", "111111111111", "AKIDFULL", "full secret")
        .user("bob", "222222222222", "AKIDBOB", "bob's secret")
}

fn allow(action: &Value, resource: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action, "Resource": resource }] })
}

/// The clients `ann`, `root`, `full` and `bob` of [`launch`] over each protocol.
fn callers(broker: &Broker) -> impl Iterator<Item = [Client; 4]> + '_ {
    PROTOCOLS.iter().map(|protocol| {
        let client = broker.client(*protocol);
        [
            client.with_key("AKIDANN", "ann's secret"),
            client.with_key("AKIDROOT", "root's secret"),
            client.with_key("AKIDFULL", "full secret"),
            client.with_key("AKIDBOB", "bob's secret"),
        ]
    })
}

fn refusals_have_the_words_of_aws() {
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": "sns:*", "Resource": "*" },
        { "Effect": "Deny", "Action": "sns:Publish", "Resource": "*" },
    ] });
    let broker = launch(&policy).start();
    for [ann, root, ..] in callers(&broker) {
        let (queue, topic) = (root.queue(), root.topic());
        let who = "User: arn:aws:iam::111111111111:user/ann is not authorized to perform:";
        let no_policy = |action: &str| format!("because no identity-based policy allows the {action} action");
        let arn = queue.arn();
        for (action, input, resource) in [
            ("SendMessage", send(), arn.as_str()),
            ("PurgeQueue", json!({}), &arn),
            ("ListQueues", json!({}), "arn:aws:sqs:us-east-1:111111111111:"),
            ("CreateQueue", json!({ "QueueName": "new" }), "arn:aws:sqs:us-east-1:111111111111:new"),
        ] {
            let name = format!("sqs:{}", action.to_lowercase());
            let said = denied(queue.as_seen_by(&ann).call(action, input));
            assert_eq!(said, format!("{who} {name} on resource: {resource} {}", no_policy(&name)));
        }
        let batch = json!({ "Entries": [{ "Id": "a", "MessageBody": "b" }] });
        let said = denied(queue.as_seen_by(&ann).call("SendMessageBatch", batch));
        assert_eq!(said, format!("{who} sqs:sendmessage on resource: {arn} {}", no_policy("sqs:sendmessage")));
        let explicit = "with an explicit deny in an identity-based policy";
        let said = denied(topic.as_seen_by(&ann).call("Publish", json!({ "Message": "m" })));
        assert_eq!(said, format!("{who} SNS:Publish on resource: {} {explicit}", topic.arn));
        let deny = json!({ "Effect": "Deny", "Principal": "*", "Action": "sns:GetTopicAttributes" });
        topic.set("Policy", &json!({ "Statement": [deny] }).to_string());
        let said = denied(topic.as_seen_by(&ann).call("GetTopicAttributes", json!({})));
        let explicit = "with an explicit deny in a resource-based policy";
        assert_eq!(said, format!("{who} SNS:GetTopicAttributes on resource: {} {explicit}", topic.arn));
    }
}

fn a_resource_that_denies_binds_users_but_not_the_account() {
    let broker = launch(&allow(&json!("*"), &json!("*"))).start();
    for [ann, root, full, _] in callers(&broker) {
        let queue = root.queue();
        let condition = json!({ "Bool": { "aws:SecureTransport": "false" } });
        let deny =
            json!({ "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*", "Condition": condition });
        queue.set(&[("Policy", &json!({ "Version": "2012-10-17", "Statement": [deny] }).to_string())]);
        for user in [&ann, &full] {
            let said = denied(queue.as_seen_by(user).call("SendMessage", send()));
            assert!(said.ends_with("with an explicit deny in a resource-based policy"), "{said}");
            denied(queue.as_seen_by(user).call("SetQueueAttributes", json!({ "Attributes": { "Policy": "" } })));
        }
        queue.send("from the account itself");
        queue.set(&[("Policy", "")]);
        queue.as_seen_by(&ann).gives(&["from the account itself"]);
    }
}

fn users_of_another_account_need_both() {
    let elsewhere = "arn:aws:sqs:*:222222222222:*";
    let broker = launch(&allow(&json!("sqs:SendMessage"), &json!(elsewhere))).start();
    for [ann, root, _, bob] in callers(&broker) {
        let (theirs, own) = (bob.queue(), root.queue());
        let foreign = theirs.as_seen_by(&ann);
        let said = denied(foreign.call("SendMessage", send()));
        assert!(said.ends_with("because no resource-based policy allows the sqs:sendmessage action"), "{said}");
        let let_in = json!({
            "Label": "ann", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage", "ReceiveMessage"],
        });
        theirs.ok("AddPermission", let_in);
        foreign.send("both allow it");
        let said = denied(foreign.call("ReceiveMessage", json!({})));
        assert!(said.ends_with("because no identity-based policy allows the sqs:receivemessage action"), "{said}");
        theirs.gives(&["both allow it"]);
        // Within the account, a policy that names the account is no permission, and one that names the user is.
        let statement = |principal: &str| {
            let principal = json!({ "AWS": principal });
            let statement = json!({ "Effect": "Allow", "Principal": principal, "Action": "sqs:*", "Resource": "*" });
            own.set(&[("Policy", &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string())]);
        };
        statement("arn:aws:iam::111111111111:root");
        denied(own.as_seen_by(&ann).call("SendMessage", send()));
        statement("arn:aws:iam::111111111111:user/ann");
        own.as_seen_by(&ann).send("named");
        own.gives(&["named"]);
    }
}

fn a_user_reaches_no_queue_through_a_topic() {
    let broker = launch(&allow(&json!("sns:*"), &json!("*"))).start();
    for [ann, root, ..] in callers(&broker) {
        let (topic, queue) = (root.topic(), root.queue());
        let subscribe = json!({ "Protocol": "sqs", "Endpoint": queue.arn() });
        let said = denied(topic.as_seen_by(&ann).call("Subscribe", subscribe.clone()));
        assert!(said.contains("sqs:sendmessage"), "{said}");
        let statement = json!({
            "Effect": "Allow", "Principal": { "Service": "sns.amazonaws.com" }, "Action": "sqs:SendMessage",
            "Resource": queue.arn(), "Condition": { "ArnEquals": { "aws:SourceArn": topic.arn } },
        });
        queue.set(&[("Policy", &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string())]);
        topic.as_seen_by(&ann).ok("Subscribe", subscribe);
        topic.as_seen_by(&ann).publish("let in by the queue");
        assert_eq!(queue.receive().len(), 1);
    }
}

fn tags_divide_an_account() {
    let team = |key: &str| json!({ "StringEquals": { key: "shop" } });
    let policy = json!({ "Statement": [
        { "Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "*",
          "Condition": team("aws:RequestTag/team") },
        { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*", "Condition": team("aws:ResourceTag/team") },
        { "Effect": "Allow", "Action": "sqs:UntagQueue", "Resource": "*",
          "Condition": { "ForAllValues:StringEquals": { "aws:TagKeys": ["cost", "owner"] } } },
    ] });
    let broker = launch(&policy).start();
    for (number, [ann, root, ..]) in callers(&broker).enumerate() {
        let named = |tag: &str| json!({ "QueueName": format!("tagged-{number}"), "tags": { "team": tag } });
        denied(ann.call("CreateQueue", &named("bank")));
        denied(ann.call("CreateQueue", &json!({ "QueueName": "untagged" })));
        ann.ok("CreateQueue", &named("shop"));
        let queue = Queue::create(&root, &format!("tagged-{number}"), &[]);
        queue.as_seen_by(&ann).send("m");
        queue.as_seen_by(&ann).ok("UntagQueue", json!({ "TagKeys": ["cost"] }));
        denied(queue.as_seen_by(&ann).call("UntagQueue", json!({ "TagKeys": ["cost", "team"] })));
        queue.ok("TagQueue", json!({ "Tags": { "team": "bank" } }));
        denied(queue.as_seen_by(&ann).call("SendMessage", send()));
        queue.gives(&["m"]);
    }
}

/// Policies are no part of the data: what was written under other policies is read back.
fn restarts_may_change_policies() {
    let directory = tempfile::tempdir().expect("a directory");
    let start = |policy: &Value| launch(policy).data(directory.path()).start();
    let client = |broker: &Broker| broker.client(PROTOCOLS[0]).with_key("AKIDANN", "ann's secret");
    let mut broker = start(&allow(&json!(["sqs:CreateQueue", "sqs:SendMessage"]), &json!("*")));
    let queue = Queue::create(&client(&broker), "kept", &[]);
    queue.send("m");
    denied(queue.call("ReceiveMessage", json!({})));
    broker.stop();
    let broker = start(&allow(&json!(["sqs:GetQueueUrl", "sqs:ReceiveMessage"]), &json!("*")));
    let ann = client(&broker);
    let url = ann.ok("GetQueueUrl", &json!({ "QueueName": "kept" }));
    let queue = Queue { client: ann, name: "kept".into(), url: url["QueueUrl"].as_str().expect("a URL").into() };
    denied(queue.call("SendMessage", send()));
    assert_eq!(queue.receive_one().body, "m");
}

fn the_keys_of_a_user_share_its_policies() {
    let launch = launch(&allow(&json!("sqs:ListQueues"), &json!("*")));
    let broker = launch.user("ann", "111111111111", "AKIDANN2", "second secret").start();
    let client = broker.client(PROTOCOLS[0]);
    for client in [client.with_key("AKIDANN", "ann's secret"), client.with_key("AKIDANN2", "second secret")] {
        client.ok("ListQueues", &json!({}));
        denied(client.call("CreateQueue", &json!({ "QueueName": "q" })));
    }
}

fn check_config_shows_rights_and_no_secret() {
    let said = documented().check_config().expect("the documented configuration is valid");
    for line in [
        "user arn:aws:iam::111122223333:root (AKIAROOT): full access",
        "user arn:aws:iam::111122223333:user/shop (AKIASHOP): own policies: 1; groups: none",
        "user arn:aws:iam::111122223333:user/billing (AKIABILLING): own policies: 0; groups: consumers",
    ] {
        assert!(said.lines().any(|said| said == line), "{line}\n{said}");
    }
    assert!(!said.contains("secret\""), "{said}");
    for secret in ["a long secret", "another long secret", "a third long secret", "root's secret"] {
        assert!(!said.contains(secret), "{said}");
    }
}

fn mistakes_in_policies_stop_the_start() {
    for (policy, said) in [
        (allow(&json!("sqs:SendMesage"), &json!("*")), "policy, statement 1: Action sqs:SendMesage is unknown."),
        (allow(&json!("sqs:SendMessageBatch"), &json!("*")), "a batch needs the permission of its single action"),
        (allow(&json!("sqs:*"), &json!("orders")), "Resource orders must be an ARN or *."),
        (allow(&json!("sqs:*"), &json!("arn:aws:sqs:*:*:${aws:user}")), "has a policy variable that is malformed"),
    ] {
        let refused = launch(&policy).check_config().expect_err("a mistake");
        assert!(refused.contains("line 5") || refused.contains("line 6"), "{refused}");
        assert!(refused.contains(said), "{said}\n{refused}");
    }
    let required = launch(&allow(&json!("*"), &json!("*"))).top("require_user_policies = true");
    let refused = required.fails();
    assert!(refused.contains("user full has neither `policy` nor `groups`"), "{refused}");
}

/// What a caller of the official SDK for Python catches.
fn boto3_meets_a_refusal() {
    let broker = documented().start();
    let [root, ..] = users(&broker, 0);
    Queue::create(&root, "orders", &[]);
    Topic::create(&root, "order-events", &[]);
    let mut pytest = python::program("pytest", &broker);
    pytest.env("AWS_ACCESS_KEY_ID", "AKIASHOP").env("AWS_SECRET_ACCESS_KEY", "a long secret");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/boto3/test_identities.py");
    python::run(pytest.args(["-q", "-p", "no:cacheprovider", path]));
}
