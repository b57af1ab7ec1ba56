//! Regions and accounts: the same name in another region or account is another queue.

use serde_json::{Value, json};

use crate::support::client::{MISSING, NO_QUEUE};
use crate::support::{Client, Queue, unique};

super::cases! {
    a_name_may_exist_in_every_region_and_account,
    twelve_digits_are_an_account,
    other_accounts_need_a_permission,
    a_url_has_an_account_and_a_name,
    a_queue_has_many_urls,
    a_region_in_the_path_goes_before_the_signatures,
    an_unsigned_request_means_the_region_of_the_host,
    a_url_without_a_queue,
}

fn a_name_may_exist_in_every_region_and_account(client: &Client) {
    let here = client.in_own_account();
    let owners = [here.clone(), here.in_region("eu-west-1"), client.in_own_account()];
    let queues: Vec<Queue> = owners.iter().map(|owner| Queue::create(owner, "orders", &[])).collect();
    for (index, queue) in queues.iter().enumerate() {
        queue.send(&format!("of {index}"));
        assert!(queues[..index].iter().all(|other| other.arn() != queue.arn()));
        let listed = queue.client.ok("ListQueues", &json!({}));
        assert_eq!(listed["QueueUrls"], json!([queue.url]), "each sees its own");
    }
    for (index, queue) in queues.iter().enumerate() {
        queue.gives(&[&format!("of {index}")]);
    }
    queues[0].ok("DeleteQueue", json!({}));
    assert_eq!(queues[1].counts(), [0, 1, 0], "the others stay");
}

fn twelve_digits_are_an_account(client: &Client) {
    let owner = client.in_own_account();
    let account = owner.credentials.as_ref().expect("it has some").access_key_id.clone();
    assert_eq!(owner.queue().arn().split(':').nth(4), Some(account.as_str()));
    for key in ["test", "AKIAIOSFODNN7EXAMPLE", "12345678901", "1234567890123"] {
        let queue = client.with_key(key, "any").queue();
        assert_eq!(queue.arn().split(':').nth(4), Some("000000000000"), "{key}");
    }
}

fn other_accounts_need_a_permission(client: &Client) {
    let (owner, other) = (client.in_own_account(), client.in_own_account());
    let queue = owner.queue();
    let foreign = queue.as_seen_by(&other);
    let denied = |answer: Result<Value, crate::support::Refusal>| {
        let refusal = answer.expect_err("another account's");
        assert!(["AccessDenied", NO_QUEUE].contains(&refusal.code.as_str()), "{refusal:?}");
    };
    denied(foreign.call("SendMessage", json!({ "MessageBody": "m" })));
    denied(foreign.call("ReceiveMessage", json!({})));
    denied(foreign.call("DeleteQueue", json!({})));
    let account = other.credentials.as_ref().expect("it has some").access_key_id.clone();
    let grant = json!({ "Label": "friend", "AWSAccountIds": [account], "Actions": ["SendMessage", "GetQueueUrl"] });
    queue.ok("AddPermission", grant);
    foreign.send("from a friend");
    denied(foreign.call("ReceiveMessage", json!({})));
    let owner_account = owner.credentials.as_ref().expect("it has some").access_key_id.clone();
    let find = json!({ "QueueName": queue.name, "QueueOwnerAWSAccountId": owner_account });
    assert_eq!(other.ok("GetQueueUrl", &find)["QueueUrl"], json!(queue.url));
    queue.ok("RemovePermission", json!({ "Label": "friend" }));
    denied(foreign.call("SendMessage", json!({ "MessageBody": "m" })));
    queue.gives(&["from a friend"]);
}

/// Clients count the segments, or take account and name by position.
fn a_url_has_an_account_and_a_name(client: &Client) {
    let (here, there) = (client.queue(), client.in_region("eu-west-1").queue());
    for queue in [here, there] {
        assert_eq!(queue.url, format!("http://sqs.test:9324/000000000000/{}", queue.name));
    }
}

/// A queue's other URLs, for a caller of the queue's account that signs for the queue's region.
fn urls(name: &str) -> [String; 12] {
    [
        "",
        "000000000000/",
        "/000000000000/",
        "us-east-1/000000000000/",
        "http://elsewhere/",
        "http://elsewhere/000000000000/",
        "https://elsewhere:99/us-east-1/000000000000/",
        "http://elsewhere/queue/",
        "http://elsewhere/queue/000000000000/",
        "http://elsewhere/queue/us-east-1/000000000000/",
        "https://sqs.eu-west-1.amazonaws.com/000000000000/",
        "https://eu-west-1.queue.amazonaws.com/000000000000/",
    ]
    .map(|start| format!("{start}{name}"))
}

fn a_queue_has_many_urls(client: &Client) {
    for queue in [client.queue(), client.fifo(&[])] {
        for url in urls(&queue.name).into_iter().flat_map(|url| [format!("{url}/"), url]) {
            let other = Queue { url: url.clone(), ..queue.clone() };
            assert_eq!(other.arn(), queue.arn(), "{url}");
            let mut message = json!({ "MessageBody": &url });
            if queue.name.ends_with(".fifo") {
                (message["MessageGroupId"], message["MessageDeduplicationId"]) =
                    (json!("g"), json!(unique().to_string()));
            }
            other.ok("SendMessage", message);
            let received = other.receive_one();
            assert_eq!(received.body, url);
            other.delete(&received);
            other.set(&[("VisibilityTimeout", "31")]);
            other.ok("ListQueueTags", json!({}));
            other.ok("PurgeQueue", json!({}));
        }
    }
    let queue = client.queue();
    let bare = Queue { url: queue.name.clone(), ..queue.clone() };
    bare.as_seen_by(&client.in_region("eu-west-1")).refused("PurgeQueue", json!({})).expect(NO_QUEUE);
    bare.as_seen_by(&client.in_own_account()).refused("PurgeQueue", json!({})).expect(NO_QUEUE);
    bare.ok("DeleteQueue", json!({}));
    queue.refused("PurgeQueue", json!({})).expect(NO_QUEUE);
}

fn a_region_in_the_path_goes_before_the_signatures(client: &Client) {
    let queue = client.in_region("ap-south-1").queue();
    queue.send("m");
    for start in ["http://elsewhere", "http://elsewhere/queue", "https://sqs.us-east-1.amazonaws.com"] {
        let url = format!("{start}/ap-south-1/000000000000/{}", queue.name);
        assert_eq!(Queue { url, ..queue.as_seen_by(client) }.arn(), queue.arn());
    }
    queue.as_seen_by(client).refused("ReceiveMessage", json!({})).expect(NO_QUEUE);
    queue.gives(&["m"]);
}

fn an_unsigned_request_means_the_region_of_the_host(client: &Client) {
    let queue = client.in_region("eu-west-1").queue();
    for host in ["sqs.eu-west-1.localhost:9324", "eu-west-1.queue.localhost", "sqs.eu-west-1.amazonaws.com"] {
        let url = format!("http://{host}/000000000000/{}", queue.name);
        assert_eq!(Queue { url: url.clone(), ..queue.as_seen_by(&client.anonymous()) }.arn(), queue.arn());
        Queue { url, ..queue.as_seen_by(client) }.refused("PurgeQueue", json!({})).expect(NO_QUEUE);
    }
    for host in ["localhost", "eu-west-1.localhost", "sqs.test"] {
        let url = format!("http://{host}/000000000000/{}", queue.name);
        Queue { url, ..queue.as_seen_by(&client.anonymous()) }.refused("PurgeQueue", json!({})).expect(NO_QUEUE);
    }
}

fn a_url_without_a_queue(client: &Client) {
    for url in [
        "http://some-host",
        "http://some-host/",
        "/",
        "http://h/12345/q",
        "http://h/a/b/c/d/q",
        "http://h/000000000000/q%20",
        "a b",
        "\u{fc}",
    ] {
        let refusal = client.refused("SendMessage", &json!({ "QueueUrl": url, "MessageBody": "m" }));
        assert_eq!(refusal.status, 400, "{url}");
        refusal.expect(NO_QUEUE).saying("The specified queue does not exist");
    }
    for input in [json!({ "MessageBody": "m" }), json!({ "QueueUrl": "", "MessageBody": "m" })] {
        let refusal = client.refused("SendMessage", &input);
        if client.over.name() == "query" {
            refusal
                .expect("InvalidAddress")
                .saying("The address http://sqs.test:9324/ is not valid for this endpoint.");
        } else {
            refusal.expect(MISSING).saying("The request must contain the parameter QueueUrl.");
        }
    }
}
