//! Topics and subscriptions that the configuration declares. The suite `process` has declared queues.

use serde_json::{Value, json};

use crate::support::{Client, Endpoint, Launch, Queue, Subscription, Topic};

crate::cases! {
    declared_topics_are_created_once_and_deliver,
    a_changed_declaration_changes_what_is_declared_and_nothing_else,
    an_impossible_declaration_is_named,
    a_declared_endpoint_is_asked_to_confirm_until_it_has,
    what_is_declared_belongs_to_the_account,
}

const QUEUES: &str = "[[queues]]\nname = \"orders\"\n[[queues]]\nname = \"dead\"\n[[queues]]\nname = \"audit\"\n";

fn queue(client: &Client, name: &str) -> Queue {
    let url = client.ok("GetQueueUrl", &json!({ "QueueName": name }))["QueueUrl"].as_str().expect("a URL").to_owned();
    Queue { client: client.clone(), name: name.into(), url }
}

fn topic(client: &Client, arn: &str) -> Topic {
    let name = arn.rsplit(':').next().unwrap_or_default();
    Topic { client: client.sns(), name: name.into(), arn: arn.into() }
}

/// The topic's subscription with this endpoint.
#[track_caller]
fn subscription(topic: &Topic, endpoint: &str) -> Subscription {
    let listed = topic.listed();
    let found = listed.iter().find(|shown| shown["Endpoint"].as_str().is_some_and(|shown| shown.ends_with(endpoint)));
    let arn = found.and_then(|shown| shown["SubscriptionArn"].as_str()).unwrap_or_else(|| panic!("{listed:?}"));
    Subscription { client: topic.client.clone(), arn: arn.into() }
}

fn publish_kind(topic: &Topic, kind: &str) {
    let attributes = json!({ "kind": { "DataType": "String", "StringValue": kind } });
    topic.publish_with(json!({ "Message": kind, "MessageAttributes": attributes }));
}

const EVENTS: &str = "arn:aws:sns:us-east-1:000000000000:events";

fn declared_topics_are_created_once_and_deliver() {
    let topics = "[[topics]]\nname = \"events\"\nattributes = { DisplayName = \"Events\" }\ntags = { team = \"shop\" }\n\
                  [[topics.subscriptions]]\nprotocol = \"sqs\"\nendpoint = \"orders\"\n\
                  attributes = { RawMessageDelivery = true, FilterPolicy = { kind = [\"order\"] }, RedrivePolicy = \
                  { deadLetterTargetArn = \"arn:aws:sqs:us-east-1:000000000000:dead\" } }\n\
                  [[topics.subscriptions]]\nprotocol = \"sqs\"\n\
                  endpoint = \"arn:aws:sqs:us-east-1:000000000000:audit\"\n\
                  [[topics]]\nname = \"log.fifo\"\nregion = \"eu-west-1\"\nattributes = { FifoTopic = true }\n";
    let mut broker = Launch::new().configured(QUEUES).configured(topics).start();
    let client = broker.json_client();
    let events = topic(&client, EVENTS);
    assert_eq!(events.attribute("DisplayName").as_deref(), Some("Events"));
    let tags = events.client.ok("ListTagsForResource", &json!({ "ResourceArn": EVENTS }));
    assert_eq!(tags["Tags"], json!([{ "Key": "team", "Value": "shop" }]));
    let fifo = topic(&client.in_region("eu-west-1"), "arn:aws:sns:eu-west-1:000000000000:log.fifo");
    assert_eq!(fifo.attribute("FifoTopic").as_deref(), Some("true"));
    let (orders, audit) = (queue(&client, "orders"), queue(&client, "audit"));
    publish_kind(&events, "order");
    publish_kind(&events, "refund");
    orders.delete_all(&orders.gives(&["order"]));
    assert_eq!(audit.receive().len(), 2);
    let before = (subscription(&events, ":orders").arn, subscription(&events, ":audit").arn);
    for _ in 0..2 {
        broker.stop();
        broker.restart();
        assert_eq!((subscription(&events, ":orders").arn, subscription(&events, ":audit").arn), before);
        assert_eq!(events.counts(), [2, 0, 0]);
        publish_kind(&events, "order");
        orders.delete_all(&orders.gives(&["order"]));
    }
}

fn a_changed_declaration_changes_what_is_declared_and_nothing_else() {
    let declared = |topic: &str, subscription: &str| {
        Launch::new().configured(QUEUES).configured(&format!(
            "[[topics]]\nname = \"events\"\n{topic}\n[[topics.subscriptions]]\nprotocol = \"sqs\"\n\
             endpoint = \"orders\"\nattributes = {{ {subscription} }}\n"
        ))
    };
    let mut first = declared("", "RawMessageDelivery = true, FilterPolicy = { kind = [\"order\"] }").start();
    let caller = first.json_client();
    let (events, dead) = (topic(&caller, EVENTS), queue(&caller, "dead"));
    let before = subscription(&events, ":orders");
    events.set("DisplayName", "set by a client");
    before.dead_letters_to(&dead);
    let by_client = events.subscribe_raw(&queue(&caller, "audit"));
    first.stop();

    let check = |launch: Launch, passes: Value, body: &str| {
        let mut broker = launch.data(&first.data).start();
        let caller = broker.json_client();
        let (events, orders) = (topic(&caller, EVENTS), queue(&caller, "orders"));
        let after = subscription(&events, ":orders");
        assert_eq!((&after.arn, &subscription(&events, ":audit").arn), (&before.arn, &by_client.arn));
        assert_eq!(events.attribute("DisplayName").as_deref(), Some("set by a client"));
        assert_eq!(events.attribute("SignatureVersion").as_deref(), Some("2"));
        assert_eq!(
            events.client.ok("ListTagsForResource", &json!({ "ResourceArn": EVENTS }))["Tags"],
            json!([
                { "Key": "team", "Value": "shop" }
            ])
        );
        assert_eq!(after.attribute("RawMessageDelivery").as_deref(), Some("true"));
        assert!(after.attribute("RedrivePolicy").is_some_and(|policy| policy.contains(":dead")));
        events.publish("passes no filter policy");
        events.publish_with(passes);
        orders.delete_all(&orders.gives(&[body]));
        broker.stop();
    };
    // To a policy that is valid in the new scope only, and back.
    let topic = "attributes = { SignatureVersion = 2 }\ntags = { team = \"shop\" }";
    let nested = "FilterPolicyScope = \"MessageBody\", FilterPolicy = { order = { kind = [\"big\"] } }";
    let body = "{\"order\":{\"kind\":\"big\"}}";
    check(declared(topic, nested), json!({ "Message": body }), body);
    let flat = "FilterPolicyScope = \"MessageAttributes\", FilterPolicy = { kind = [\"order\"] }";
    let attributes = json!({ "kind": { "DataType": "String", "StringValue": "order" } });
    check(declared(topic, flat), json!({ "Message": "small", "MessageAttributes": attributes }), "small");
    check(declared("", ""), json!({ "Message": "again", "MessageAttributes": attributes }), "again");
}

fn an_impossible_declaration_is_named() {
    let topic =
        |rest: &str| Launch::new().configured(QUEUES).configured(&format!("[[topics]]\nname = \"events\"\n{rest}"));
    let orders = "[[topics.subscriptions]]\nprotocol = \"sqs\"\nendpoint = \"orders\"\n";
    for (rest, parts) in [
        ("attributes = { Policy = { Version = 1 } }".to_owned(), &[EVENTS, "Policy"][..]),
        ("attributes = { DeliveryPolicy = \"none\" }".to_owned(), &["topic events", "DeliveryPolicy"]),
        ("attributes = { FifoThroughputScope = \"Topic\" }".to_owned(), &[EVENTS, "FifoThroughputScope"]),
        (
            format!("{orders}attributes = {{ FilterPolicy = {{ kind = [{{ prefx = \"a\" }}] }} }}"),
            &["line 13", "topic events", ":orders", "FilterPolicy", "prefx"],
        ),
        (
            "[[topics.subscriptions]]\nprotocol = \"sqs\"\nendpoint = \"log.fifo\"\n\
             [[queues]]\nname = \"log.fifo\"\nattributes = { FifoQueue = true }"
                .to_owned(),
            &[EVENTS, "log.fifo"],
        ),
    ] {
        let said = topic(&rest).fails();
        assert!(parts.iter().all(|part| said.contains(part)), "{parts:?} in:\n{said}");
    }
    // The same for a subscription that exists: the attribute that cannot be set is named.
    let mut broker = topic(orders).start();
    broker.stop();
    let wrong = format!("{orders}attributes = {{ DeliveryPolicy = {{}} }}");
    let said = topic(&wrong).data(&broker.data).fails();
    assert!(said.contains(EVENTS) && said.contains(":orders") && said.contains("DeliveryPolicy"), "{said}");
    topic(orders).data(&broker.data).start();
}

fn a_declared_endpoint_is_asked_to_confirm_until_it_has() {
    let endpoint = Endpoint::start();
    let subscribed = format!(
        "[[topics]]\nname = \"events\"\n[[topics.subscriptions]]\nprotocol = \"http\"\nendpoint = \"{}\"",
        endpoint.url("/declared")
    );
    let mut broker = Launch::new().configured(&subscribed).start();
    // A confirmation may arrive twice. A new one has a new token.
    let tokens = |count: usize| {
        endpoint.until(&format!("asked {count} times"), |arrivals| {
            let asked = arrivals.iter().filter(|one| one.kind() == "SubscriptionConfirmation");
            let mut tokens: Vec<Value> = asked.map(|one| one.json()["Token"].clone()).collect();
            tokens.dedup();
            (tokens.len() == count).then_some(tokens)
        })
    };
    tokens(1);
    broker.stop();
    broker.restart();
    let token = tokens(2).remove(1);
    let events = topic(&broker.json_client(), EVENTS);
    assert_eq!(events.counts(), [0, 1, 0]);
    events.ok("ConfirmSubscription", json!({ "Token": token }));
    broker.stop();
    broker.restart();
    assert_eq!(events.counts(), [1, 0, 0]);
    events.publish("confirmed");
    endpoint.await_notifications("/declared", 1);
    tokens(2);
}

fn what_is_declared_belongs_to_the_account() {
    let topics = "[[topics]]\nname = \"mine\"\naccount = \"111111111111\"\n\
                  [[topics.subscriptions]]\nprotocol = \"sqs\"\nendpoint = \"mine\"\n\
                  [[queues]]\nname = \"mine\"\naccount = \"111111111111\"\n";
    let broker = Launch::new()
        .configured(topics)
        .user("alice", "111111111111", "AKIDALICE", "alice's secret")
        .user("bob", "222222222222", "AKIDBOB", "bob's secret")
        .start();
    let alice = broker.json_client().with_key("AKIDALICE", "alice's secret");
    let mine = topic(&alice, "arn:aws:sns:us-east-1:111111111111:mine");
    mine.publish("to myself");
    assert_eq!(queue(&alice, "mine").receive().len(), 1);
    let bob = broker.json_client().with_key("AKIDBOB", "bob's secret");
    mine.as_seen_by(&bob).refused("Publish", json!({ "Message": "no" })).expect("AuthorizationError");
}
