//! The client library against the real binary: what its documentation shows, what SQS sees of it, and a broker that is
//! killed under it.

/// The example that the README shows.
#[path = "../../../client/examples/order_pipeline.rs"]
#[expect(dead_code, reason = "`main` connects to a broker that a command line names")]
mod order_pipeline;

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use posthouse_client::{Client, ErrorKind, Message, Notification, Tls, Window, blocking};
use serde_json::json;
use tokio::time::timeout;

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::certificates::Certificates;
use crate::support::{Broker, Launch, PATIENCE};

crate::cases! {
    messages_cross_between_the_client_and_sqs,
    users_are_those_of_the_configuration,
    settlements_are_carried_out,
    a_fifo_queue_keeps_order_and_refuses_no_repeat,
    topics_and_administration,
    a_window_of_messages_is_filled_and_emptied,
    a_receipt_handle_crosses_to_sqs,
    refusals_name_what_is_wrong,
    a_broker_that_is_killed_loses_and_doubles_nothing,
    a_consumer_goes_on_after_a_restart,
    a_program_without_a_runtime_blocks,
    the_example_books_every_order,
    tls_carries_the_same,
    quic_carries_the_same,
    quic_opens_a_link_again_on_the_same_connection,
}

/// Runs a case on a runtime of its own. It has two threads, because calls of SQS block one.
fn run<T>(case: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { timeout(PATIENCE * 2, case).await.expect("the case ends in time") })
}

async fn connect(broker: &Broker) -> Client {
    Client::builder(format!("posthouse://{}", broker.native)).connect().await.expect("the broker listens")
}

fn messages_cross_between_the_client_and_sqs() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    run(async {
        let client = connect(&broker).await;
        let producer = client.producer(&queue.name).open().await.expect("it exists");
        assert_eq!(producer.arn(), queue.arn());
        let message = Message::new("from the client").attribute("n", 7);
        let sent = producer.send(message).await.expect("stored");
        let received = queue.receive_one();
        assert_eq!((received.body.as_str(), received.id()), ("from the client", &*sent.message_id().to_string()));
        queue.delete(&received);
        let mut consumer = client.consumer(queue.arn()).open().await.expect("it exists");
        queue.ok(
            "SendMessage",
            json!({
                "MessageBody": "from SQS",
                "MessageAttributes": {"b": {"DataType": "Binary.x", "BinaryValue": "AQI="}},
            }),
        );
        let delivery = consumer.try_next().await.expect("no failure").expect("a message");
        assert_eq!((delivery.text().as_ref(), delivery.receive_count()), ("from SQS", 1));
        let attribute = delivery.attribute("b").expect("it was sent");
        assert_eq!((attribute.data_type(), attribute.as_bytes()), ("Binary.x", [1, 2].as_slice()));
        delivery.ack_durable().await.expect("in flight");
        assert_eq!(queue.counts(), [0, 0, 0]);
        client.close().await;
    });
}

fn users_are_those_of_the_configuration() {
    let broker = USERS.get();
    let url = format!("posthouse://{}", broker.native);
    run(async {
        let client = Client::builder(&url).credentials(ALICE.0, ALICE.1).connect().await.expect("a user");
        let name = format!("client-{}", rand::random::<u64>());
        client.admin().create_queue(&name).await.expect("allowed");
        client.producer(&name).open().await.expect("her own").send("x").await.expect("stored");
        for (key, secret) in [(ALICE.0, "wrong"), ("AKIDNOBODY", ALICE.1)] {
            let error = Client::builder(&url).credentials(key, secret).connect().await.expect_err("no user");
            assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
        }
        let error = Client::builder(&url).connect().await.expect_err("no credentials");
        assert_eq!(error.kind(), ErrorKind::NotAuthenticated);
        let bob = Client::builder(&url).credentials("AKIDBOB", "bob's secret").connect().await.expect("a user");
        let error = bob.producer(format!("arn:aws:sqs:us-east-1:111111111111:{name}")).open().await;
        let error = error.expect_err("hers");
        assert!(matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::NotFound), "{error}");
    });
}

fn settlements_are_carried_out() {
    let broker = OPEN.get();
    let dead = broker.json_client().queue();
    let policy = json!({ "deadLetterTargetArn": dead.arn(), "maxReceiveCount": 10 }).to_string();
    let queue = broker.json_client().queue_with(&[("RedrivePolicy", &policy)]);
    run(async {
        let client = connect(&broker).await;
        let producer = client.producer(&queue.name).open().await.expect("it exists");
        producer.send_all(["ack", "nack", "drop", "dead", "keep"]).await.expect("stored");
        let mut consumer =
            client.consumer(&queue.name).visibility(Duration::from_secs(600)).open().await.expect("it exists");
        for _ in 0..5 {
            let delivery = consumer.try_next().await.expect("no failure").expect("a message");
            let body = delivery.text().into_owned();
            match body.as_str() {
                "ack" => delivery.ack(),
                "nack" => delivery.nack(Duration::from_secs(700)),
                "drop" => drop(delivery),
                "dead" => delivery.dead_letter(),
                _ => delivery.keep(),
            }
        }
        let again = consumer.try_next().await.expect("no failure").expect("the one that was dropped");
        assert_eq!((again.text().as_ref(), again.receive_count()), ("drop", 2));
        again.extend(Duration::from_secs(300)).await.expect("in flight");
        again.ack_durable().await.expect("in flight");
        consumer.settled().await;
        dead.gives(&["dead"]);
        assert_eq!(queue.counts(), [0, 2, 0], "one waits to be visible, one was kept");
        client.close().await;
        assert_eq!(queue.counts(), [1, 1, 0], "what was kept is given back with its link");
    });
}

fn a_fifo_queue_keeps_order_and_refuses_no_repeat() {
    let broker = OPEN.get();
    run(async {
        let client = connect(&broker).await;
        let name = format!("client-{}.fifo", rand::random::<u64>());
        client.admin().create_queue(&name).fifo().await.expect("created");
        let producer = client.producer(&name).open().await.expect("it exists");
        assert!(producer.is_fifo());
        let mut confirmations = Vec::new();
        for number in 0..50 {
            let message = Message::new(number.to_string()).group(format!("g{}", number % 3));
            let message = message.deduplication_id(number.to_string());
            confirmations.push(producer.enqueue(message).await.expect("room"));
        }
        let mut last = 0;
        let mut ids = Vec::new();
        for confirmation in confirmations {
            let sent = confirmation.await.expect("stored");
            let number = sent.sequence_number().expect("a FIFO queue");
            assert!(number > last);
            last = number;
            ids.push(sent.message_id());
        }
        let repeat = Message::new("7").group("g1").deduplication_id("7");
        let repeat = producer.send(repeat).await.expect("confirmed");
        assert_eq!((repeat.is_duplicate(), repeat.message_id()), (true, ids[7]));
        let error = producer.send("no group").await.expect_err("needs a group");
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");

        let mut consumer = client.consumer(&name).open().await.expect("it exists");
        let mut found = vec![Vec::new(); 3];
        for _ in 0..50 {
            let delivery = consumer.try_next().await.expect("no failure").expect("a message");
            let number: usize = delivery.text().parse().expect("a number");
            assert_eq!(delivery.group(), Some(&*format!("g{}", number % 3)));
            found[number % 3].push(number);
            delivery.ack();
        }
        let expected: Vec<Vec<usize>> = (0..3).map(|group| (0..50).filter(|n| n % 3 == group).collect()).collect();
        assert_eq!(found, expected);
        client.close().await;
    });
}

fn topics_and_administration() {
    let broker = OPEN.get();
    run(async {
        let client = connect(&broker).await;
        let admin = client.admin();
        let name = format!("client-{}", rand::random::<u64>());
        let url = admin.create_queue(&name).visibility_timeout(Duration::from_secs(7)).tag("team", "a").await;
        let url = url.expect("created");
        assert_eq!(admin.queue_url(&name).await.expect("it exists"), url);
        assert_eq!(admin.queue_attributes(&name).await.expect("it exists")["VisibilityTimeout"], "7");
        admin.set_queue_attributes(&name, [("VisibilityTimeout", "8")]).await.expect("allowed");
        assert_eq!(admin.queue_attributes(&url).await.expect("it exists")["VisibilityTimeout"], "8");
        admin.tag_queue(&name, [("cost", "b")]).await.expect("allowed");
        admin.untag_queue(&name, ["team"]).await.expect("allowed");
        let tags = admin.queue_tags(&name).await.expect("it exists");
        assert_eq!(tags.into_iter().collect::<Vec<_>>(), [("cost".to_owned(), "b".to_owned())]);
        assert_eq!(admin.list_queues(&name).await.expect("allowed"), [url]);
        admin.add_queue_permission(&name, "l", &["111111111111"], &["SendMessage"]).await.expect("allowed");
        admin.remove_queue_permission(&name, "l").await.expect("it exists");

        let topic = admin.create_topic(&name).tag("team", "a").await.expect("created");
        assert!(admin.list_topics().await.expect("allowed").contains(&topic));
        assert_eq!(admin.topic_tags(&topic).await.expect("it exists")["team"], "a");
        admin.set_topic_attribute(&topic, "DisplayName", "shown").await.expect("allowed");
        assert_eq!(admin.topic_attributes(&topic).await.expect("it exists")["DisplayName"], "shown");
        let queue_arn = admin.queue_arn(&name).await.expect("it exists");
        let policy = json!({"kind": ["good"]});
        let subscription = admin.subscribe_queue(&topic, &queue_arn).raw().filter_policy(&policy).await;
        let subscription = subscription.expect("allowed");
        let [found] = &admin.list_subscriptions(&topic).await.expect("allowed")[..] else { panic!("one") };
        assert_eq!((&found.arn, &*found.protocol, &found.endpoint), (&subscription, "sqs", &queue_arn));
        let publisher = client.publisher(&topic).open().await.expect("it exists");
        publisher.publish(Notification::new("no").attribute("kind", "bad")).await.expect("published");
        publisher.publish(Notification::new("yes").attribute("kind", "good").subject("s")).await.expect("published");
        let mut consumer = client.consumer(&name).open().await.expect("it exists");
        let delivery = consumer.try_next().await.expect("no failure").expect("a message");
        assert_eq!(delivery.text(), "yes");
        delivery.ack_durable().await.expect("in flight");
        admin.set_subscription_attribute(&subscription, "RawMessageDelivery", "false").await.expect("allowed");
        let attributes = admin.subscription_attributes(&subscription).await.expect("it exists");
        assert_eq!(attributes["RawMessageDelivery"], "false");
        admin.unsubscribe(&subscription).await.expect("it exists");
        admin.delete_topic(&topic).await.expect("it exists");

        let dead = format!("{name}-dead");
        admin.create_queue(&dead).await.expect("created");
        let dead_arn = admin.queue_arn(&dead).await.expect("it exists");
        let redrive = json!({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5}).to_string();
        admin.set_queue_attributes(&name, [("RedrivePolicy", redrive)]).await.expect("allowed");
        client.producer(&name).open().await.expect("it exists").send("moved").await.expect("stored");
        consumer.try_next().await.expect("no failure").expect("a message").dead_letter_durable().await.expect("moved");
        let handle = admin.start_message_move(&dead_arn).await.expect("started");
        assert!(!handle.is_empty());
        let delivery = consumer.try_next().await.expect("no failure").expect("the same message");
        assert_eq!(delivery.text(), "moved");
        delivery.ack();
        assert_eq!(admin.message_moves(&dead_arn).await.expect("allowed").len(), 1);
        admin.purge_queue(&dead).await.expect("it exists");
        admin.delete_queue(&dead).await.expect("it exists");
        let error = admin.queue_attributes(&dead).await.expect_err("deleted");
        assert_eq!(error.kind(), ErrorKind::NotFound);
    });
}

fn a_window_of_messages_is_filled_and_emptied() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    run(async {
        let client = connect(&broker).await;
        let producer = client.producer(&queue.name).window(Window::messages(1_000)).open().await.expect("it exists");
        producer.send_all((0..5_000).map(|number| format!("m{number}"))).await.expect("stored");
        let mut consumer = client.consumer(&queue.name).prefetch(700).open().await.expect("it exists");
        let mut found = BTreeSet::new();
        for _ in 0..5_000 {
            let delivery = consumer.try_next().await.expect("no failure").expect("a message");
            assert!(found.insert(delivery.text().into_owned()), "once each");
            delivery.ack();
        }
        consumer.close().await;
        assert_eq!(queue.counts(), [0, 0, 0]);
    });
}

fn a_receipt_handle_crosses_to_sqs() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    run(async {
        let client = connect(&broker).await;
        queue.send("x");
        let mut consumer = client.consumer(&queue.name).open().await.expect("it exists");
        let delivery = consumer.try_next().await.expect("no failure").expect("a message");
        let handle = delivery.receipt_handle().await.expect("in flight");
        queue.ok("DeleteMessage", json!({ "ReceiptHandle": handle }));
        delivery.keep();
        assert_eq!(queue.counts(), [0, 0, 0]);
    });
}

fn refusals_name_what_is_wrong() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    run(async {
        let client = connect(&broker).await;
        let error = client.producer("no-such-queue").open().await.expect_err("it does not exist");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let error = client.consumer("no-such-queue").open().await.expect_err("it does not exist");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        let producer = client.producer(&queue.name).open().await.expect("it exists");
        let error = producer.send("\u{1}").await.expect_err("no text of SQS");
        assert_eq!(error.fault_name(), Some("InvalidMessageContents"), "{error}");
        producer.send("good").await.expect("the producer goes on");
        let error = client.call("sqs.NoSuchThing", json!({})).await.expect_err("no operation");
        assert_eq!(error.fault_name(), Some("UnknownOperationException"), "{error}");
        let consumer = client.consumer(&queue.name).open().await.expect("it exists");
        queue.ok("DeleteQueue", json!({}));
        let mut consumer = consumer;
        while let Ok(Some(delivery)) = consumer.try_next().await {
            delivery.ack();
        }
        assert!(producer.send("late").await.is_err());
    });
}

fn a_broker_that_is_killed_loses_and_doubles_nothing() {
    let mut broker = Launch::new().configured("log = \"warn\"").start();
    let queue = broker.json_client().queue();
    run(async {
        let client = connect(&broker).await;
        let producer = client.producer(&queue.name).window(Window::messages(200)).open().await.expect("it exists");
        // The broker knows a producer from its first message on.
        producer.send("0").await.expect("stored");
        let sending = tokio::spawn(async move {
            for number in 1..6_000 {
                producer.enqueue(number.to_string()).await?;
            }
            producer.flush().await
        });
        for pause in [30, 60, 90] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            // The client's tasks stand still meanwhile, as those of a program that is busy.
            broker.kill();
            broker.restart();
        }
        sending.await.expect("no panic").expect("all are stored");
        let mut consumer = client.consumer(&queue.name).open().await.expect("it exists");
        let mut found = BTreeSet::new();
        while found.len() < 6_000 {
            let delivery = consumer.try_next().await.expect("no failure").expect("a message");
            let number: u32 = delivery.text().parse().expect("a number");
            assert!(found.insert(number), "{number} was stored twice");
            delivery.ack();
        }
        consumer.close().await;
        assert_eq!(queue.counts(), [0, 0, 0]);
    });
}

fn a_consumer_goes_on_after_a_restart() {
    let mut broker = Launch::new().configured("log = \"warn\"").start();
    let queue = broker.json_client().queue_with(&[("VisibilityTimeout", "2")]);
    // A receive that had become durable before the broker was killed ends with its visibility timeout.
    run(async {
        let client = connect(&broker).await;
        let mut consumer = client.consumer(&queue.name).open().await.expect("it exists");
        queue.send("x");
        let held = consumer.try_next().await.expect("no failure").expect("a message");
        broker.kill();
        broker.restart();
        let again = consumer.try_next().await.expect("no failure").expect("the same message");
        assert_eq!((again.text().as_ref(), again.message_id()), ("x", held.message_id()));
        let error = held.ack_durable().await.expect_err("its connection was lost");
        assert_eq!(error.kind(), ErrorKind::DeliveryEnded);
        again.ack_durable().await.expect("in flight");
        assert_eq!(queue.counts(), [0, 0, 0]);
    });
}

fn a_program_without_a_runtime_blocks() {
    let mut broker = Launch::new().configured("log = \"warn\"").start();
    let client = blocking::Client::builder(format!("posthouse://{}", broker.native)).connect().expect("it listens");
    client.wait(client.admin().create_queue("orders")).expect("created");
    let producer = client.producer("orders").open().expect("it exists");
    let confirmation = producer.enqueue(Message::new("0").attribute("n", 1)).expect("room");
    let sent = confirmation.wait().expect("stored");
    let confirmations: Vec<_> =
        (1..500).map(|number| producer.enqueue(number.to_string()).expect("it waits for room")).collect();
    // The thread of the client connects again by itself.
    broker.kill();
    broker.restart();
    for confirmation in confirmations {
        confirmation.wait().expect("stored");
    }
    producer.close().expect("all are stored");

    let consumer = client.consumer("orders").prefetch(100).open().expect("it exists");
    let mut found = BTreeSet::new();
    for delivery in consumer {
        let delivery = delivery.expect("no failure");
        if delivery.text() == "0" {
            assert_eq!((delivery.message_id(), delivery.attributes().len()), (sent.message_id(), 1));
        }
        assert!(found.insert(delivery.text().into_owned()), "once each");
        if found.len() == 500 {
            delivery.ack_durable().expect("in flight");
            break;
        }
        delivery.ack();
    }
    let attributes = client.call("sqs.GetQueueAttributes", json!({"QueueUrl": "orders", "AttributeNames": ["All"]}));
    assert_eq!(attributes.expect("it exists")["Attributes"]["ApproximateNumberOfMessages"], "0");
    client.close().expect("outside of a runtime");
    broker.stop();
}

fn the_example_books_every_order() {
    let broker = OPEN.get();
    run(async {
        let said = order_pipeline::run(connect(&broker).await).await.expect("it runs to its end");
        assert_eq!(said, "1000 orders placed, 990 booked, 10 failed");
    });
}

fn tls_carries_the_same() {
    carries_the_same("posthouse+tls");
}

fn quic_carries_the_same() {
    carries_the_same("posthouse+quic");
}

fn carries_the_same(scheme: &str) {
    let certificates = Certificates::new();
    let broker = certificates.configured(Launch::new().user("alice", "111111111111", ALICE.0, ALICE.1)).start();
    let queue = broker.json_client().with_key(ALICE.0, ALICE.1).queue();
    run(async {
        let builder = || Client::builder(format!("{scheme}://{}", broker.native)).credentials(ALICE.0, ALICE.1);
        let trusting = Tls::new().certificate_authority_pem(certificates.authority_pem()).expect("a certificate");
        let client = builder().tls(trusting.server_name("localhost")).connect().await.expect("alice");
        let producer = client.producer(&queue.name).open().await.expect("it exists");
        let large = "x".repeat(700_000);
        producer.send_all((0..500).map(|number| number.to_string())).await.expect("stored");
        producer.send(large.clone()).await.expect("stored");
        let mut consumer = client.consumer(&queue.name).open().await.expect("it exists");
        let mut found = BTreeSet::new();
        for _ in 0..501 {
            let delivery = consumer.try_next().await.expect("no failure").expect("a message");
            assert!(found.insert(delivery.text().into_owned()), "once each");
            delivery.ack();
        }
        assert!(found.contains(&large));
        consumer.close().await;
        assert_eq!(queue.counts(), [0, 0, 0], "{scheme}");
        assert_eq!(client.admin().list_queues(&queue.name).await.expect("allowed").len(), 1);
        client.close().await;
        let error = builder().connect().await.expect_err("an unknown authority");
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    });
}

fn quic_opens_a_link_again_on_the_same_connection() {
    let certificates = Certificates::new();
    let launch = Launch::new().configured("[[queues]]\nname = \"orders\"\n[[queues]]\nname = \"empty\"");
    let mut broker = certificates.configured(launch).start();
    run(async {
        let trusting = Tls::new().certificate_authority_pem(certificates.authority_pem()).expect("a certificate");
        let url = format!("posthouse+quic://{}", broker.native);
        let client = Client::builder(url).tls(trusting.server_name("localhost")).connect().await.expect("it listens");
        let producer = client.producer("orders").open().await.expect("it exists");
        producer.send("of the old log").await.expect("stored");
        broker.stop();
        std::fs::remove_dir_all(&broker.data).expect("it is removed");
        // A call that the next connection carries, and that is under way for longer than links take to open. If that
        // connection ended, its outcome would be unknown.
        let empty = json!({ "QueueUrl": "empty", "WaitTimeSeconds": 2 });
        let calling = tokio::spawn({
            let client = client.clone();
            async move { client.call("sqs.ReceiveMessage", empty).await }
        });
        broker.restart();
        // The new log knows no producer, so that this one closes its link, and opens another one under another id.
        let sent = producer.send("of the new log").await;
        assert!(sent.as_ref().is_ok_and(|sent| !sent.is_duplicate()), "{sent:?}");
        calling.await.expect("no panic").expect("nothing has arrived");
        let mut consumer = client.consumer("orders").open().await.expect("it exists");
        let delivery = consumer.try_next().await.expect("no failure").expect("a message");
        assert_eq!(delivery.text(), "of the new log");
    });
}
