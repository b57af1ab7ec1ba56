//! Messages whose bytes on the disk are damaged. Bits are flipped in the files of a broker that runs, after the records
//! have left its memory.

use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::storage::segments::Segment;
use crate::support::broker::sample;
use crate::support::endpoint::{Answer, Arrival};
use crate::support::http::{Connection, Request, Response};
use crate::support::queue::bodies;
use crate::support::topic::awaited_bodies;
use crate::support::{Broker, Client, Endpoint, Launch, Queue, eventually};

crate::cases! {
    the_nine_readable_messages_of_ten_are_delivered,
    a_damaged_message_is_not_dead_lettered_and_takes_no_other_with_it,
    a_group_goes_on_behind_its_damaged_first_message,
    a_long_poll_goes_on_behind_a_damaged_message,
    a_publication_is_set_aside_in_each_of_its_queues,
    a_push_delivery_goes_on_behind_a_damaged_message,
    a_broker_starts_again_after_it_has_met_damage,
    the_scrubber_finds_damage_before_a_consumer_does,
    the_scrubber_is_silent_about_deleted_messages,
    a_damaged_message_keeps_its_file_until_it_is_dropped,
    web_pages_cannot_drop_messages,
}

/// A broker whose memory holds the latest megabyte only.
fn forgetful(storage: &str) -> Broker {
    Launch::new().configured(&format!("[storage]\ntail_bytes = 1048576\nsegment_bytes = 8388608\n{storage}")).start()
}

fn without_scrubber() -> Broker {
    forgetful("scrub_bytes_per_second = 0")
}

/// Writes as much as makes everything before leave the memory. More than the first segment holds if `bytes` says so.
fn push_out(client: &Client, bytes: usize) {
    let queue = client.queue();
    for _ in 0..bytes.div_ceil(900_000) {
        queue.send(&"f".repeat(900_000));
    }
}

const MEMORY: usize = 3_000_000;
const FIRST_SEGMENT: usize = 6_000_000;

/// Flips a bit of a body. Returns the file and the offset of its record.
fn damage(broker: &Broker, body: &str) -> (String, u64) {
    let segment = Segment::all(&broker.data).into_iter().next().expect("a segment");
    let places = segment.places_of(body.as_bytes());
    let [place] = places[..] else { panic!("{body} at {places:?}") };
    segment.flip(place + 1);
    (segment.name(), segment.record_around(place))
}

/// Runs a command of the binary against a broker.
fn posthouse(broker: &Broker, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    let admin = broker.admin.to_string();
    command.args(arguments).args(["--admin-listen", &admin]).output().expect("the binary was built for this test")
}

/// The damaged messages as `damaged list` prints them: the fields of each.
#[track_caller]
fn listed(broker: &Broker) -> Vec<Vec<String>> {
    let output = posthouse(broker, &["damaged", "list"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("a text");
    let mut lines = text.lines();
    assert!(lines.next().is_some_and(|names| names.starts_with("id\tqueue\tcause\t")), "{text}");
    lines.map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

/// Fails unless the log has an ERROR with all of these parts in one line.
#[track_caller]
fn logged(broker: &Broker, parts: &[&str]) {
    eventually("an ERROR in the log", || {
        let log = broker.log();
        log.lines().any(|line| line.contains("ERROR") && parts.iter().all(|part| line.contains(part))).then_some(())
    });
}

fn damaged_messages(broker: &Broker) -> Option<f64> {
    sample(&broker.metrics(), "posthouse_damaged_messages", &[])
}

fn exchange(broker: &Broker, request: &Request) -> Response {
    let mut connection = Connection::open(broker.admin).expect("the admin listener accepts");
    connection.exchange(request).expect("the admin listener answers")
}

fn the_nine_readable_messages_of_ten_are_delivered() {
    let mut broker = without_scrubber();
    let client = broker.json_client();
    let queue = client.queue_with(&[("VisibilityTimeout", "0")]);
    let all: Vec<String> = (0..10).map(|number| format!("message number {number}")).collect();
    for body in &all {
        queue.send(body);
    }
    push_out(&client, MEMORY);
    let (file, offset) = damage(&broker, &all[4]);
    let whole: Vec<&str> = all.iter().filter(|body| **body != all[4]).map(String::as_str).collect();
    for count in 1..4 {
        let received = queue.gives(&whole);
        assert!(received.iter().all(|message| message.receive_count() == count));
    }
    let lines = listed(&broker);
    let [line] = &lines[..] else { panic!("{lines:?}") };
    let arn = queue.arn();
    assert_eq!((&line[1], &*line[2], &*line[5], &*line[6]), (&arn, "checksum", "0", "-"));
    assert_eq!((&line[7], &line[8]), (&file, &offset.to_string()));
    logged(&broker, &[&line[0], &arn, &file, &format!("offset={offset}")]);
    assert_eq!(damaged_messages(&broker), Some(1.0));
    let labels = [&*format!("queue=\"{}\"", queue.name)];
    assert_eq!(sample(&broker.metrics(), "posthouse_queue_messages_damaged", &labels), Some(1.0));
    assert_eq!(queue.attribute("ApproximateNumberOfDamagedMessages").as_deref(), Some("1"));
    assert_eq!(queue.counts(), [9, 0, 0]);

    let unknown = posthouse(&broker, &["damaged", "drop", "77-0000000000001000"]);
    assert!(!unknown.status.success() && String::from_utf8_lossy(&unknown.stderr).contains("77-0000000000001000"));
    let dropped = posthouse(&broker, &["damaged", "drop", &line[0]]);
    assert!(dropped.status.success(), "{dropped:?}");
    assert_eq!(String::from_utf8_lossy(&dropped.stdout).trim(), line[0]);
    assert_eq!(listed(&broker), Vec::<Vec<String>>::new());
    assert_eq!(damaged_messages(&broker), Some(0.0));
    assert_eq!(queue.attribute("ApproximateNumberOfDamagedMessages"), None);
    queue.gives(&whole);
    broker.stop();
}

fn a_damaged_message_is_not_dead_lettered_and_takes_no_other_with_it() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let (queue, dead) = (client.queue_with(&[("VisibilityTimeout", "0")]), client.queue());
    queue.redrive_to(&dead, 2);
    let all: Vec<String> = (0..10).map(|number| format!("message number {number}")).collect();
    all.iter().for_each(|body| drop(queue.send(body)));
    push_out(&client, MEMORY);
    damage(&broker, &all[0]);
    queue.gives(&all[1..].iter().map(String::as_str).collect::<Vec<_>>());
    let received = queue.receive();
    assert_eq!(received.len(), 9);
    queue.delete_all(&received);
    for _ in 0..3 {
        queue.gives(&[]);
    }
    dead.gives(&[]);
    assert_eq!(listed(&broker).len(), 1);
}

fn a_group_goes_on_behind_its_damaged_first_message() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let queue = client.fifo(&[]);
    for body in ["first of the group", "second of the group", "third of the group"] {
        let input =
            json!({ "MessageBody": body, "MessageGroupId": "g", "MessageDeduplicationId": body.replace(' ', "") });
        queue.ok("SendMessage", input);
    }
    push_out(&client, MEMORY);
    damage(&broker, "first of the group");
    let first = queue.receive_one();
    assert_eq!(first.body, "second of the group", "a receive that finds damage alone goes on behind it");
    queue.change_visibility(&first, 0);
    let received = queue.receive();
    assert_eq!(bodies(&received), ["second of the group", "third of the group"]);
    queue.delete_all(&received);
    queue.send_to_group("g", "fourth");
    queue.gives(&["fourth"]);
    let lines = listed(&broker);
    assert_eq!((lines.len(), &*lines[0][6]), (1, "g"));
}

/// A receive that waits is woken by a message that comes back and that cannot be read. What is behind it is delivered.
fn a_long_poll_goes_on_behind_a_damaged_message() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let queue = client.fifo(&[("VisibilityTimeout", "2")]);
    queue.send_to_group("g", "alpha");
    queue.send_to_group("g", "omega");
    let first = queue.receive_one();
    assert_eq!(first.body, "alpha");
    push_out(&client, MEMORY);
    let segment = Segment::all(&broker.data).into_iter().next().expect("a segment");
    segment.places_of(b"alpha").into_iter().for_each(|place| segment.flip(place));
    let received = queue.receive_with(&json!({ "WaitTimeSeconds": 20, "MaxNumberOfMessages": 1 }));
    assert_eq!(bodies(&received), ["omega"]);
    let lines = listed(&broker);
    assert_eq!((lines.len(), &*lines[0][5]), (1, "1"), "a consumer got it once");
    // The consumer that got it may still delete it.
    queue.delete(&first);
    assert_eq!(listed(&broker).len(), 0);
}

/// One record is the message of several queues. The first queue that meets the damage has its copy set aside, and the
/// copies of the others follow without a receive.
fn a_publication_is_set_aside_in_each_of_its_queues() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let topic = client.topic();
    let queues: Vec<Queue> = (0..3).map(|_| client.queue()).collect();
    queues.iter().for_each(|queue| drop(topic.subscribe_raw(queue)));
    topic.publish("to all of them");
    queues[1].send("to one");
    push_out(&client, MEMORY);
    let (file, offset) = damage(&broker, "to all of them");
    queues[0].gives(&[]);
    eventually("all copies are set aside", || (listed(&broker).len() == 3).then_some(()));
    for line in listed(&broker) {
        assert_eq!((&line[7], &line[8]), (&file, &offset.to_string()));
        logged(&broker, &[&line[0], &line[1], &file]);
    }
    queues[1].gives(&["to one"]);
    topic.publish("another");
    for queue in &queues {
        assert_eq!(awaited_bodies(queue, 1), ["another"]);
    }
}

fn a_push_delivery_goes_on_behind_a_damaged_message() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let works = Arc::new(AtomicBool::new(false));
    let endpoint = {
        let works = Arc::clone(&works);
        Endpoint::answering(move |_, _| Answer::Status(if works.load(Ordering::SeqCst) { 200 } else { 500 }))
    };
    let (topic, dead) = (client.topic(), client.queue());
    let policy = r#"{"healthyRetryPolicy":{"minDelayTarget":8,"maxDelayTarget":8,"numRetries":10}}"#;
    let subscription = topic.subscribe_endpoint(&endpoint, "/", &[("DeliveryPolicy", policy)]);
    subscription.dead_letters_to(&dead);
    topic.publish("a damaged notification");
    topic.publish("a whole notification");
    // The first attempts fail, and the next ones read the messages from the disk: after the damage, because what was read
    // once is cached.
    endpoint.await_notifications("/", 2);
    push_out(&client, MEMORY);
    damage(&broker, "a damaged notification");
    eventually("the message is set aside", || (damaged_messages(&broker) == Some(1.0)).then_some(()));
    assert!(listed(&broker)[0][1].contains("$subscription-"));
    let failed = endpoint.notifications("/").len();
    works.store(true, Ordering::SeqCst);
    topic.publish("the next one");
    let after = |arrivals: &[Arrival]| -> Vec<String> { arrivals.iter().skip(failed).map(Arrival::message).collect() };
    endpoint.until("both whole notifications", |arrivals| {
        let after = after(arrivals);
        ["a whole notification", "the next one"].iter().all(|body| after.iter().any(|got| got == body)).then_some(())
    });
    assert!(!after(&endpoint.notifications("/")).contains(&"a damaged notification".to_owned()));
    dead.gives(&[]);
}

/// The damaged record lies where a restart would read it. A checkpoint makes the restart begin behind it.
fn a_broker_starts_again_after_it_has_met_damage() {
    let mut broker = without_scrubber();
    let client = broker.json_client();
    let queue = client.queue();
    queue.send_all(&["a damaged one", "a whole one"]);
    push_out(&client, MEMORY);
    damage(&broker, "a damaged one");
    let received = queue.gives(&["a whole one"]);
    eventually("a checkpoint", || {
        sample(&broker.metrics(), "posthouse_checkpoints_total", &[]).filter(|checkpoints| *checkpoints > 0.0)
    });
    let before = listed(&broker);
    assert_eq!(before.len(), 1);
    broker.kill();
    broker.restart();
    assert_eq!(listed(&broker), before);
    assert_eq!(damaged_messages(&broker), Some(1.0));
    queue.delete(&received[0]);
    queue.gives(&[]);
    assert!(posthouse(&broker, &["damaged", "drop", &before[0][0]]).status.success());
    broker.stop();
    broker.restart();
    assert_eq!(listed(&broker).len(), 0);
    broker.stop();
}

fn the_scrubber_finds_damage_before_a_consumer_does() {
    let broker = forgetful("scrub_bytes_per_second = 1073741824\nscrub_interval_seconds = 1");
    let client = broker.json_client();
    let queue = client.queue_with(&[("DelaySeconds", "900")]);
    queue.send_all(&["a damaged one", "a whole one"]);
    push_out(&client, FIRST_SEGMENT);
    eventually("a pass over a whole log", || {
        sample(&broker.metrics(), "posthouse_scrub_segments_total", &[]).filter(|segments| *segments > 0.0)
    });
    assert_eq!(listed(&broker).len(), 0);
    let (file, offset) = damage(&broker, "a damaged one");
    eventually("the message is set aside", || (listed(&broker).len() == 1).then_some(()));
    logged(&broker, &["a message cannot be read", &listed(&broker)[0][0], &file, &format!("offset={offset}")]);
    logged(&broker, &["scrubber found damage", &file, &format!("offset={offset}"), "messages=1"]);
    assert_eq!(queue.counts(), [0, 0, 1], "the other message still has its delay");
    let text = broker.metrics();
    for name in ["posthouse_scrub_bytes_total", "posthouse_scrub_passes_total", "posthouse_damage_found_total"] {
        assert!(sample(&text, name, &[]).is_some_and(|value| value > 0.0), "{name}");
    }
}

/// Damage to a record of which nothing is left needs no alarm about a message. A restart does not read it either.
fn the_scrubber_is_silent_about_deleted_messages() {
    let mut broker = forgetful("scrub_bytes_per_second = 1073741824\nscrub_interval_seconds = 1");
    let client = broker.json_client();
    let queue = client.queue();
    queue.send("a deleted one");
    queue.delete(&queue.receive_one());
    push_out(&client, FIRST_SEGMENT);
    let (file, _) = damage(&broker, "a deleted one");
    logged(&broker, &["scrubber found damage", &file, "messages=0"]);
    assert!(!broker.log().contains("a message cannot be read"), "{}", broker.log());
    eventually("a checkpoint", || {
        sample(&broker.metrics(), "posthouse_checkpoints_total", &[]).filter(|checkpoints| *checkpoints > 0.0)
    });
    broker.kill();
    broker.restart();
    broker.stop();
}

/// An operator may still want the bytes. When the message is dropped, the file is used for other messages or removed.
fn a_damaged_message_keeps_its_file_until_it_is_dropped() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let queue = client.queue();
    queue.send("a damaged one");
    push_out(&client, FIRST_SEGMENT);
    let (file, _) = damage(&broker, "a damaged one");
    queue.gives(&[]);
    eventually("a checkpoint", || {
        sample(&broker.metrics(), "posthouse_checkpoints_total", &[]).filter(|checkpoints| *checkpoints > 0.0)
    });
    for name in client.ok("ListQueues", &json!({}))["QueueUrls"].as_array().expect("a list") {
        if *name != json!(queue.url) {
            client.ok("PurgeQueue", &json!({ "QueueUrl": name }));
        }
    }
    assert_eq!(sample(&broker.metrics(), "posthouse_damaged_segments", &[]), Some(1.0));
    // Files that nothing refers to leave with a commit or two.
    (0..10).for_each(|_| drop(queue.send("another")));
    assert!(broker.data.join(&file).exists(), "{file}");
    assert!(posthouse(&broker, &["damaged", "drop", &listed(&broker)[0][0]]).status.success());
    eventually("the file leaves", || (!broker.data.join(&file).exists()).then_some(()));
    assert_eq!(sample(&broker.metrics(), "posthouse_damaged_segments", &[]), Some(0.0));
}

fn web_pages_cannot_drop_messages() {
    let broker = without_scrubber();
    let client = broker.json_client();
    let queue = client.queue();
    queue.send("a damaged one");
    push_out(&client, MEMORY);
    damage(&broker, "a damaged one");
    queue.gives(&[]);
    let id = listed(&broker)[0][0].clone();
    let host = broker.admin.to_string();
    let request = |method: &str, body: &str| Request::new(method, "/damaged", body).header("Host", &host);
    for (request, status) in [
        (request("DELETE", &id).header("Origin", "http://evil.example"), 403),
        (request("DELETE", &id).header("Origin", "null"), 403),
        (request("GET", "").header("Sec-Fetch-Site", "cross-site"), 403),
        (request("POST", &id).header("Content-Type", "text/plain"), 405),
        (request("OPTIONS", ""), 405),
        (request("DELETE", "nonsense"), 400),
        (request("DELETE", &"7-0000000000001000 ".repeat(1001)), 400),
        (request("DELETE", &"x".repeat(100_000)), 413),
    ] {
        let answer = exchange(&broker, &request);
        assert_eq!(answer.status, status, "{answer:?}");
    }
    let after = Request::new("GET", &format!("/damaged?after={id}"), "").header("Host", &host);
    assert_eq!(exchange(&broker, &after).text().lines().count(), 1, "nothing after it but the names of the fields");
    let wrong = Request::new("GET", "/damaged?before=1", "").header("Host", &host);
    assert_eq!(exchange(&broker, &wrong).status, 400);
    assert_eq!(listed(&broker).len(), 1);
    assert_eq!(exchange(&broker, &request("DELETE", &id)).text().trim(), id);
    assert_eq!(listed(&broker).len(), 0);
}
