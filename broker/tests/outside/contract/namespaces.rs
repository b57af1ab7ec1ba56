//! Regions and accounts: the same name in another region or account is another queue.

use serde_json::{Value, json};

use crate::support::client::NO_QUEUE;
use crate::support::{Client, Queue};

super::cases! {
    a_name_may_exist_in_every_region_and_account,
    twelve_digits_are_an_account,
    other_accounts_need_a_permission,
    a_url_says_where_its_queue_is,
    short_urls_mean_the_callers_region,
}

fn a_name_may_exist_in_every_region_and_account(client: &Client) {
    let here = client.in_own_account();
    let owners = [here.clone(), here.in_region("eu-west-1"), client.in_own_account()];
    let queues: Vec<Queue> = owners.iter().map(|owner| Queue::create(owner, "orders", &[])).collect();
    for (index, queue) in queues.iter().enumerate() {
        queue.send(&format!("of {index}"));
        assert!(queues[..index].iter().all(|other| other.url != queue.url && other.arn() != queue.arn()));
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

fn a_url_says_where_its_queue_is(client: &Client) {
    let queue = client.in_region("ap-south-1").queue();
    queue.send("m");
    let elsewhere = queue.as_seen_by(client);
    elsewhere.gives(&["m"]);
}

fn short_urls_mean_the_callers_region(client: &Client) {
    let queue = client.queue();
    let short = Queue { url: format!("http://elsewhere/000000000000/{}", queue.name), ..queue.clone() };
    short.send("m");
    queue.gives(&["m"]);
    let other_region = short.as_seen_by(&client.in_region("eu-west-1"));
    other_region.refused("ReceiveMessage", json!({})).expect(NO_QUEUE);
}
