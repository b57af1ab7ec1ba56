//! The binary as a process: starting, stopping, configuring, watching.

mod signals;
mod topics;

use core::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::broker::sample;
use crate::support::client::NO_QUEUE;
use crate::support::http::{Connection, Request};
use crate::support::queue::{bodies, messages};
use crate::support::{Broker, Client, Launch, PROTOCOLS, Queue, eventually, json_protocol, sleep_ms};
use signals::{
    a_broker_that_drains_takes_connections, a_second_sigterm_counts_after_a_second,
    signals_of_log_rotation_change_nothing,
};
use topics::{a_clean_restart_keeps_topics, a_crash_keeps_topics, pushes_are_counted, the_key_is_kept};

crate::cases! {
    sigterm_answers_long_polls_and_exits_well,
    sigterm_finishes_what_is_under_way,
    a_second_sigterm_counts_after_a_second,
    signals_of_log_rotation_change_nothing,
    a_broker_that_drains_takes_connections,
    a_clean_restart_keeps_everything,
    a_crash_keeps_everything,
    a_data_directory_has_one_broker,
    a_port_in_use_is_reported,
    a_port_that_the_system_chose_is_logged,
    unusable_directories_are_reported,
    check_config_reports_each_error,
    check_config_looks_at_what_the_file_names,
    a_declared_queue_may_be_changed_to_its_declaration,
    a_wrong_configuration_is_named_by_line_and_key,
    flags_override_environment_overrides_file_overrides_defaults,
    declared_queues_are_created_once,
    a_declared_queue_that_differs_is_named,
    a_public_url_is_used,
    the_certificate_may_have_another_url,
    waiting_times_are_configurable,
    weaker_durability_is_logged,
    logs_may_be_json,
    an_idle_broker_takes_no_processor_time,
    health_is_reported,
    metrics_are_reported,
    a_clean_restart_keeps_topics,
    a_crash_keeps_topics,
    pushes_are_counted,
    the_key_is_kept,
}

fn sigterm_answers_long_polls_and_exits_well() {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    std::thread::scope(|scope| {
        let polls: Vec<_> = PROTOCOLS
            .iter()
            .map(|protocol| {
                let queue = queue.as_seen_by(&broker.client(*protocol));
                scope.spawn(move || queue.call("ReceiveMessage", json!({ "WaitTimeSeconds": 20 })))
            })
            .collect();
        eventually("the polls wait", || (queue.counts() == [0, 0, 0]).then_some(()));
        sleep_ms(300);
        broker.terminate();
        for poll in polls {
            match poll.join().expect("the answer is well formed") {
                Ok(output) => assert!(messages(&output).is_empty(), "{output}"),
                Err(refusal) => assert_eq!(refusal.status, 503, "{refusal:?}"),
            }
        }
    });
    let status = broker.await_exit();
    assert!(status.success(), "{status}\n{}", broker.log());
    assert!(Connection::open(broker.sqs).is_err(), "the port is closed");
}

/// A connection with the head of a request on it. The broker waits for the body.
fn half_a_request(broker: &Broker, queue: &Queue) -> (Connection, Vec<u8>) {
    let body = json!({ "QueueUrl": queue.url, "MessageBody": "under way" }).to_string().into_bytes();
    let head = json_protocol::request("SendMessage", "").header("Content-Length", &body.len().to_string());
    let mut connection = broker.connect();
    connection.write(&head.to_bytes()).expect("accepted");
    sleep_ms(200);
    (connection, body)
}

fn sigterm_finishes_what_is_under_way() {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    let (mut connection, body) = half_a_request(&broker, &queue);
    broker.terminate();
    sleep_ms(200);
    connection.write(&body).expect("the broker still reads");
    let answer = json_protocol::answer(&connection.read().expect("it is answered"));
    let status = broker.await_exit();
    assert!(status.success(), "{status}\n{}", broker.log());
    broker.restart();
    // A message whose send was acknowledged is in the queue; one whose send was refused is not.
    match answer {
        Ok(_) => drop(queue.gives(&["under way"])),
        Err(refusal) => {
            assert_eq!(refusal.status, 503, "{refusal:?}");
            queue.gives(&[]);
        }
    }
}

/// Fills a broker with one object of each kind. Returns the check that all of them still exist.
fn furnish(client: &Client) -> impl Fn() + use<> {
    let (standard, fifo, dead) = (client.queue(), client.fifo(&[]), client.queue());
    fifo.send_to_group("a", "a1");
    fifo.send_to_group("a", "a2");
    fifo.send_to_group("b", "b1");
    let blocking = fifo.receive_one();
    let first = fifo.send_to_group("a", "a1");
    standard.set(&[("VisibilityTimeout", "77"), ("MaxReceiveRate", "1000"), ("MaximumMessageSize", "5000")]);
    standard.redrive_to(&dead, 1);
    standard.ok("TagQueue", json!({ "Tags": { "team": "mail" } }));
    standard.ok("AddPermission", json!({ "Label": "l", "AWSAccountIds": ["123456789012"], "Actions": ["*"] }));
    let deleted = client.queue();
    deleted.send("deleted with its queue");
    deleted.ok("DeleteQueue", json!({}));
    let attributes = json!({ "a": { "DataType": "Binary", "BinaryValue": "AP8=" } });
    let full = json!({ "MessageBody": "ü", "MessageAttributes": attributes, "MessageGroupId": "tenant" });
    standard.ok("SendMessage", full);
    standard.send_all(&["deleted", "in flight", "dead"]);
    standard.ok("SendMessage", json!({ "MessageBody": "delayed", "DelaySeconds": 900 }));
    let received = standard.gives(&["ü", "deleted", "in flight", "dead"]);
    standard.delete(&received[1]);
    standard.change_visibility(&received[0], 0);
    standard.change_visibility(&received[3], 0);
    // Both were received once, which is the limit.
    standard.gives(&[]);
    // A message that was received before an acknowledged change is in flight after a crash too.
    standard.ok("TagQueue", json!({ "Tags": { "last": "change" } }));
    let before = standard.attributes();
    let policy = before["Policy"].clone();
    move || {
        let after = standard.attributes();
        for (name, value) in before.as_object().expect("a map") {
            assert_eq!(&after[name], value, "{name}");
        }
        assert!(policy.is_string());
        assert_eq!(standard.ok("ListQueueTags", json!({}))["Tags"], json!({ "team": "mail", "last": "change" }));
        deleted.refused("SendMessage", json!({ "MessageBody": "m" })).expect(NO_QUEUE);
        standard.gives(&[]);
        // Handles from before the end are valid: messages in flight still are.
        standard.delete(&received[2]);
        assert_eq!(standard.counts(), [0, 0, 1]);
        let dead_letters = dead.receive();
        let mut bodies = bodies(&dead_letters);
        bodies.sort_unstable();
        assert_eq!(bodies, ["dead", "ü"]);
        let whole = dead_letters.iter().find(|message| message.body == "ü").expect("it is there");
        assert_eq!(whole.whole["MessageAttributes"], attributes);
        assert_eq!(whole.attribute("MessageGroupId"), "tenant");
        assert_eq!(whole.attribute("DeadLetterQueueSourceArn"), standard.arn());
        // Group a is blocked, and its first message's id is remembered.
        fifo.gives(&["b1"]);
        assert_eq!(fifo.send_to_group("a", "a1"), first);
        fifo.delete(&blocking);
        fifo.gives(&["a2"]);
        let next = fifo.send_to_group("a", "a3")["SequenceNumber"].clone();
        assert!(next.as_str() > first["SequenceNumber"].as_str(), "{next} after {first}");
    }
}

fn a_clean_restart_keeps_everything() {
    let mut broker = Launch::new().start();
    let check = furnish(&broker.json_client());
    broker.stop();
    broker.restart();
    check();
}

fn a_crash_keeps_everything() {
    let mut broker = Launch::new().start();
    let check = furnish(&broker.json_client());
    broker.kill();
    broker.restart();
    check();
}

fn a_data_directory_has_one_broker() {
    let mut first = Launch::new().start();
    let queue = first.json_client().queue();
    let said = Launch::new().data(&first.data).fails();
    assert!(said.contains("lock") || said.contains("in use") || said.contains("another"), "{said}");
    assert!(said.contains(&first.data.display().to_string()), "the directory is named:\n{said}");
    queue.send("undisturbed");
    first.kill();
    let second = Launch::new().data(&first.data).start();
    let mut moved = queue.as_seen_by(&second.json_client());
    moved.url = queue.url.clone();
    moved.gives(&["undisturbed"]);
}

fn a_port_in_use_is_reported() {
    let first = Launch::new().start();
    let said = Launch::new().flag("listen", &first.sqs.to_string()).fails();
    assert!(said.contains(&first.sqs.to_string()), "{said}");
}

fn a_port_that_the_system_chose_is_logged() {
    let broker = Launch::new().flag("listen", "127.0.0.1:0").start();
    let address = eventually("the broker logs where it listens", || {
        let log = broker.log();
        let (api, _) = log.split_once("ready api=")?.1.split_once(' ')?;
        Some(api.parse::<SocketAddr>().expect("an address"))
    });
    assert_ne!(address.port(), 0);
    assert!(Connection::open(address).is_ok(), "the broker does not listen on {address}");
}

fn unusable_directories_are_reported() {
    let home = tempfile::TempDir::new().expect("a directory");
    let file = home.path().join("file");
    std::fs::write(&file, "not a directory").expect("a file");
    for path in [file.clone(), file.join("below")] {
        let said = Launch::new().data(&path).fails();
        assert!(said.contains(&path.display().to_string()), "{said}");
    }
}

fn check_config_reports_each_error() {
    let launch = Launch::new()
        .top("listen = \"127.0.0.1:19324\"")
        .user("alice", "111111111111", "AKIDALICE", "top-secret-text")
        .configured("[[queues]]\nname = \"declared\"\nattributes = { VisibilityTimeout = 7 }");
    let said = launch.clone().variable("POSTHOUSE_DURABILITY", "async").check_config().expect("valid");
    for part in ["127.0.0.1:19324", "async"] {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    assert!(!said.contains("top-secret-text"), "{said}");
    for launch in [launch.clone().variable("POSTHOUSE_DURABILTY", "async"), launch.top("log = \"infoo\"")] {
        let said = launch.check_config().expect_err("a mistake that would have no effect");
        assert!(said.contains("POSTHOUSE_DURABILITY") || said.contains("`log` is `infoo`"), "{said}");
    }
}

fn check_config_looks_at_what_the_file_names() {
    let declared = "[[queues]]\nname = \"q\"\nattributes = { RedrivePolicy = { deadLetterTargetArn = \
                    \"arn:aws:sqs:us-east-1:000000000000:dead\", maxReceiveCount = 3 } }";
    for (toml, part) in [
        ("listen = \"localhost:9400\"\nadmin_listen = \"127.0.0.1:9400\"", "two listeners cannot have one port"),
        ("[push]\nca_file = \"/no/such/file\"", "/no/such/file"),
        ("[tls]\ncertificate = \"/no/cert\"\nkey = \"/no/key\"", "/no/cert"),
        ("data_dir = \"/dev/null/data\"", "/dev/null is no directory"),
        ("drain_seconds = \"2 fortnights\"", "or with a unit (s, m, h, d, w)"),
    ] {
        let said = Launch::new().configured(toml).check_config().expect_err(toml);
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    let said = Launch::new().configured(declared).check_config().expect("it may exist");
    assert!(said.contains("queue arn:aws:sqs:us-east-1:000000000000:dead, which is not declared"), "{said}");
    let with_units = "listen = \"localhost:9401\"\ndrain_seconds = \"1m\"\n[limits]\nbodies_bytes_max = \"64MiB\"";
    let said = Launch::new().configured(with_units).check_config().expect("valid");
    assert!(said.contains("limits.bodies_bytes_max = 64MiB"), "{said}");
}

fn a_declared_queue_may_be_changed_to_its_declaration() {
    let declared = |seconds: u32| {
        format!(
            "on_difference = \"apply\"\n[[queues]]\nname = \"orders.fifo\"\n\
             attributes = {{ FifoQueue = true, VisibilityTimeout = {seconds} }}"
        )
    };
    let mut broker = Launch::new().configured(&declared(10)).start();
    let queue = Queue::create(&broker.json_client(), "orders.fifo", &[("FifoQueue", "true")]);
    queue.set(&[("DelaySeconds", "3")]);
    broker.reconfigure(&declared(20));
    let said = broker.reload();
    assert!(said.contains("declared queues and topics"), "{said}");
    let attributes = queue.attributes();
    assert_eq!(
        (attributes["VisibilityTimeout"].as_str(), attributes["DelaySeconds"].as_str()),
        (Some("20"), Some("3"))
    );
    broker.reconfigure(&declared(30));
    broker.stop();
    broker.restart();
    assert_eq!(queue.attributes()["VisibilityTimeout"], "30");
    broker.stop();
}

fn a_wrong_configuration_is_named_by_line_and_key() {
    for (toml, parts) in [
        ("region = \"NOWHERE\"", &["region", "NOWHERE"][..]),
        ("\n\ncolour = \"red\"", &["colour", "3"]),
        ("[limits]\nbody_bytes_max = 1", &["body_bytes_max", "2"]),
        ("[limits]\nbody_bytes_max = \"many\"", &["body_bytes_max"]),
        ("listen = ", &["posthouse.toml"]),
        ("[[users]]\nname = \"a\"", &["account"]),
        (
            "[[users]]\nname = \"a\"\naccount = \"1\"\naccess_key_id = \"k\"\nsecret_access_key = \"s\"",
            &["account", "3"],
        ),
        ("[[queues]]\nname = \"a b\"", &["name", "2"]),
        ("[[queues]]\nname = \"a\"\nattributes = { DelaySeconds = 901 }", &["DelaySeconds"]),
        ("[[queues]]\nname = \"a\"\nattributes = { Colour = 1 }", &["Colour"]),
        ("[[queues]]\nname = \"a\"\n[[queues]]\nname = \"a\"", &["twice"]),
    ] {
        let checked = Launch::new().configured(toml).check_config().expect_err(toml);
        let served = Launch::new().configured(toml).fails();
        for part in parts {
            assert!(checked.contains(part), "{part} in:\n{checked}");
            assert!(served.contains(part), "{part} in:\n{served}");
        }
    }
    let missing = Launch::new().flag("config", "/nowhere/posthouse.toml").fails();
    assert!(!missing.is_empty());
    let unknown = Launch::new().flag("colour", "red").fails();
    assert!(unknown.contains("colour"), "{unknown}");
}

fn flags_override_environment_overrides_file_overrides_defaults() {
    let file = Launch::new().top("region = \"file-1\"");
    let variable = file.clone().variable("POSTHOUSE_REGION", "variable-1");
    let flag = variable.clone().flag("region", "flag-1");
    for (launch, expected) in
        [(Launch::new(), "us-east-1"), (file, "file-1"), (variable, "variable-1"), (flag, "flag-1")]
    {
        let broker = launch.start();
        // A request that is not signed is in the configured region.
        let queue = broker.json_client().anonymous().queue();
        assert_eq!(queue.arn().split(':').nth(3), Some(expected));
    }
}

const DECLARED: &str = "[[queues]]\nname = \"orders\"\nattributes = { VisibilityTimeout = 7, RedrivePolicy = \
                        { deadLetterTargetArn = \"arn:aws:sqs:us-east-1:000000000000:dead\", maxReceiveCount = 3 } }\n\
                        tags = { team = \"mail\" }\n[[queues]]\nname = \"dead\"\n\
                        [[queues]]\nname = \"audit.fifo\"\nregion = \"eu-west-1\"\nattributes = { FifoQueue = true }";

fn find(client: &Client, name: &str) -> Queue {
    let url = client.ok("GetQueueUrl", &json!({ "QueueName": name }))["QueueUrl"].as_str().expect("a URL").to_owned();
    Queue { client: client.clone(), name: name.into(), url }
}

fn declared_queues_are_created_once() {
    let mut broker = Launch::new().configured(DECLARED).start();
    let client = broker.json_client();
    let orders = find(&client, "orders");
    assert_eq!(orders.attribute("VisibilityTimeout").as_deref(), Some("7"));
    assert!(orders.attribute("RedrivePolicy").is_some_and(|policy| policy.contains(":dead")));
    assert_eq!(orders.ok("ListQueueTags", json!({}))["Tags"], json!({ "team": "mail" }));
    assert_eq!(find(&client.in_region("eu-west-1"), "audit.fifo").attribute("FifoQueue").as_deref(), Some("true"));
    orders.send("kept");
    broker.stop();
    broker.restart();
    orders.gives(&["kept"]);
}

fn a_declared_queue_that_differs_is_named() {
    let declared = |seconds: u32| {
        Launch::new()
            .configured(&format!("[[queues]]\nname = \"orders\"\nattributes = {{ VisibilityTimeout = {seconds} }}"))
    };
    let mut broker = declared(7).start();
    broker.stop();
    let said = declared(8).data(&broker.data).fails();
    assert!(said.contains("orders") && said.contains("VisibilityTimeout"), "{said}");
    let again = declared(7).data(&broker.data).start();
    assert_eq!(find(&again.json_client(), "orders").attribute("VisibilityTimeout").as_deref(), Some("7"));
}

fn a_public_url_is_used() {
    let broker = Launch::new().top("public_url = \"https://queues.example.com/sqs/\"").start();
    for protocol in PROTOCOLS {
        let queue = broker.client(*protocol).queue();
        let expected = format!("https://queues.example.com/sqs/000000000000/{}", queue.name);
        assert_eq!(queue.url, expected);
        queue.send("m");
        queue.gives(&["m"]);
    }
}

fn the_certificate_may_have_another_url() {
    let broker = Launch::new().top("certificate_url = \"https://sns.us-east-1.amazonaws.com/\"").start();
    for protocol in PROTOCOLS {
        let client = broker.client(*protocol);
        let (topic, queue) = (client.topic(), client.queue());
        topic.subscribe_queue(&queue);
        topic.publish("m");
        let envelope: Value = serde_json::from_str(&queue.receive_one().body).expect("an envelope");
        let url = envelope["SigningCertURL"].as_str().expect("a URL");
        let path = url.strip_prefix("https://sns.us-east-1.amazonaws.com").expect("the configured start");
        assert!(envelope["UnsubscribeURL"].as_str().is_some_and(|url| url.starts_with("http://sqs.test:9324/")));
        let response = broker.connect().exchange(&Request::new("GET", path, "").header("Host", "h"));
        let response = response.expect("an answer");
        assert!(response.text().starts_with("-----BEGIN CERTIFICATE-----\n"), "{}", response.text());
    }
}

fn waiting_times_are_configurable() {
    let rules = "[rules]\npurge_interval_seconds = 2\nqueue_deleted_recently_seconds = 2";
    let broker = Launch::new().configured(rules).start();
    for protocol in PROTOCOLS {
        let client = broker.client(*protocol);
        let queue = client.queue();
        queue.ok("PurgeQueue", json!({}));
        let refusal = queue.refused("PurgeQueue", json!({}));
        refusal.expect("AWS.SimpleQueueService.PurgeQueueInProgress");
        queue.ok("DeleteQueue", json!({}));
        let again = client.refused("CreateQueue", &json!({ "QueueName": queue.name }));
        again.expect("AWS.SimpleQueueService.QueueDeletedRecently");
    }
    sleep_ms(2_100);
    let client = broker.json_client();
    let queue = client.queue();
    queue.ok("PurgeQueue", json!({}));
}

fn weaker_durability_is_logged() {
    let mut broker = Launch::new().top("durability = \"async\"").start();
    let queue = broker.json_client().queue();
    queue.send("m");
    assert!(broker.log().contains("async"), "{}", broker.log());
    broker.stop();
    broker.restart();
    queue.gives(&["m"]);
}

fn logs_may_be_json() {
    let mut broker = Launch::new().top("log_format = \"json\"").start();
    broker.stop();
    let log = broker.log();
    assert!(!log.is_empty());
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(event["level"].is_string() && event["timestamp"].is_string(), "{line}");
    }
}

/// With long polls, timers and pushes waiting in it. None of them is implemented by polling.
fn an_idle_broker_takes_no_processor_time() {
    let broker = Launch::new().start();
    let client = broker.json_client();
    let empty = client.queue();
    let dry = client.queue_with(&[("MaxReceiveRate", "0.001"), ("MaxReceiveBurst", "1")]);
    let blocked = client.fifo(&[]);
    dry.send_all(&["a", "b"]);
    dry.gives(&["a"]);
    dry.ok("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 900 }));
    blocked.send_to_group("g", "1");
    blocked.send_to_group("g", "2");
    blocked.receive_one();
    std::thread::scope(|scope| {
        for queue in [&empty, &dry, &blocked] {
            scope.spawn(move || assert!(queue.receive_with(&json!({ "WaitTimeSeconds": 8 })).is_empty()));
        }
        sleep_ms(500);
        // The first sample may include background work of a first start, which makes the signing key.
        let ticks = [(); 3].map(|()| {
            let before = broker.cpu_ticks();
            sleep_ms(2_000);
            broker.cpu_ticks() - before
        });
        // The kernel counts hundredths of a second. A loop that spins takes two hundred of them.
        assert!(ticks.iter().any(|ticks| *ticks <= 4), "{ticks:?} hundredths of a second in two each");
    });
}

fn health_is_reported() {
    let broker = Launch::new().start();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(broker.admin_get(path).expect("an answer").status, 200, "{path}");
    }
    assert_eq!(broker.admin_get("/nothing").expect("an answer").status, 404);
    let log = broker.log();
    assert!(log.contains(&broker.sqs.to_string()), "the start says where it listens:\n{log}");
}

/// The names of metrics are part of the interface.
fn metrics_are_reported() {
    let broker = Launch::new().start();
    let client = broker.json_client();
    let (queue, dead) = (client.queue(), client.queue());
    queue.redrive_to(&dead, 1);
    queue.send_all(&["a", "b", "c", "d"]);
    queue.ok("SendMessage", json!({ "MessageBody": "later", "DelaySeconds": 900 }));
    let received = queue.receive_with(&json!({ "MaxNumberOfMessages": 3 }));
    queue.delete(&received[0]);
    queue.change_visibility(&received[1], 0);
    assert_eq!(queue.receive_one().body, "d", "b is dead-lettered on the way");
    client.refused("GetQueueUrl", &json!({ "QueueName": "never-created" }));
    let metrics = broker.metrics();
    let of = |queue: &Queue| format!("queue=\"{}\"", queue.name);
    for (name, labels, value) in [
        ("posthouse_queue_messages_visible", &[&*of(&queue)][..], 0.0),
        ("posthouse_queue_messages_visible", &[&of(&dead)], 1.0),
        ("posthouse_queue_messages_in_flight", &[&of(&queue), "account=\"000000000000\"", "region=\"us-east-1\""], 2.0),
        ("posthouse_queue_messages_delayed", &[&of(&queue)], 1.0),
        ("posthouse_queue_messages_sent_total", &[&of(&queue)], 5.0),
        ("posthouse_queue_messages_received_total", &[&of(&queue)], 4.0),
        ("posthouse_queue_messages_deleted_total", &[&of(&queue)], 1.0),
        ("posthouse_queue_messages_dead_lettered_total", &[&of(&queue)], 1.0),
        ("posthouse_requests_total", &["action=\"SendMessage\"", "outcome=\"OK\""], 5.0),
        (
            "posthouse_requests_total",
            &["action=\"GetQueueUrl\"", "outcome=\"AWS.SimpleQueueService.NonExistentQueue\""],
            1.0,
        ),
        ("posthouse_connections", &[], 1.0),
        ("posthouse_inbox_requests", &[], 0.0),
        ("posthouse_storage_full", &[], 0.0),
        ("posthouse_log_failed", &[], 0.0),
    ] {
        assert_eq!(sample(&metrics, name, labels), Some(value), "{name} {labels:?} in:\n{metrics}");
    }
    for (name, least) in [
        ("posthouse_queue_oldest_message_age_seconds", 0.0),
        ("posthouse_commit_records_count", 5.0),
        ("posthouse_commit_seconds_count", 5.0),
        ("posthouse_log_commits_total", 5.0),
        ("posthouse_log_written_bytes_total", 5.0 * 4096.0),
        ("posthouse_log_segments", 1.0),
        ("posthouse_request_seconds_count", 1.0),
    ] {
        assert!(sample(&metrics, name, &[]).is_some_and(|value| value >= least), "{name} in:\n{metrics}");
    }
}
