//! The command line against a real broker.

use std::process::Command;

use serde_json::Value as Json;

use crate::shared::OPEN;
use crate::support::{Broker, Launch, eventually};

crate::cases! {
    a_queue_is_looked_at_and_mended,
    a_stuck_message_is_found_and_redriven,
    topics_say_who_gets_a_message,
    a_listing_is_a_table_or_json,
    a_message_does_not_move_the_cursor,
    a_check_has_the_exit_status_of_a_monitoring_plugin,
    keys_come_from_the_environment_or_a_profile,
    what_fails_says_what_to_do,
    the_aws_cli_is_kept_from_amazon,
}

struct Ran {
    status: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    /// The objects of an output of one JSON object a line.
    #[track_caller]
    fn items(self) -> Vec<Json> {
        self.ok().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn command(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    command.args(arguments.split_whitespace()).env_clear();
    command
}

fn run(mut command: Command) -> Ran {
    let output = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { status: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

fn at(broker: &Broker, arguments: &str) -> Ran {
    run(command(&format!("{arguments} --admin-listen {}", broker.admin)))
}

fn ids(items: &[Json]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().expect("an id")).collect()
}

fn a_queue_is_looked_at_and_mended() {
    let broker = OPEN.get();
    let (queue, other) = (broker.json_client().queue(), broker.json_client().queue());
    queue.send_all(&["m1", "m2", "m3", "m4"]);
    assert_eq!(queue.receive_one().body, "m1");
    let name = &queue.name;
    let shown = at(&broker, &format!("queue peek {name} --json")).items();
    let states: Vec<_> = shown.iter().map(|message| (&message["body"], &message["state"])).collect();
    assert_eq!(states[0].1, "in_flight");
    assert!(states[1..].iter().all(|(_, state)| *state == "visible"), "{states:?}");
    let ids = ids(&shown);
    let found = at(&broker, &format!("queue peek {name} --contains 3 --state visible --json")).items();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["id"], ids[2]);
    at(&broker, &format!("queue move {name} {} --to {}", ids[1], other.name)).ok();
    at(&broker, &format!("queue resend {name} {} --to {}", ids[2], other.name)).ok();
    at(&broker, &format!("queue delete {name} {}", ids[3])).ok();
    let left = at(&broker, &format!("queue delete {name} {} {}", ids[0], ids[3]));
    assert_eq!(left.status, Some(1), "{}", left.err);
    assert!(left.out.contains("in_flight") && left.out.contains("not_found"), "{}", left.out);
    assert!(left.err.contains("--in-flight"), "{}", left.err);
    at(&broker, &format!("queue delete {name} {} --in-flight", ids[0])).ok();
    let rest = at(&broker, &format!("queue peek {name} --json")).items();
    assert_eq!(rest.iter().map(|message| &message["body"]).collect::<Vec<_>>(), ["m3"]);
    other.gives(&["m2", "m3"]);
    let received = at(&broker, &format!("queue receive {name} --delete --json")).items();
    assert_eq!(received[0]["body"], "m3");
    assert_eq!(at(&broker, &format!("queue peek {name}")).ok(), "nothing\n");
}

fn a_stuck_message_is_found_and_redriven() {
    let broker = OPEN.get();
    let client = broker.json_client();
    let dead = client.queue();
    let arn = format!("arn:aws:sqs:us-east-1:000000000000:{}", dead.name);
    let redrive = format!(r#"{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}"#);
    let queue = client.queue();
    queue.set(&[("RedrivePolicy", &redrive), ("VisibilityTimeout", "0")]);
    let name = &queue.name;
    at(&broker, &format!("queue send {name} stuck --attribute kind=invoice")).ok();
    assert_eq!(at(&broker, &format!("queue receive {name} --json")).items().len(), 1);
    assert!(at(&broker, &format!("queue receive {name} --json")).items().is_empty(), "it is a dead letter now");
    let shown = at(&broker, &format!("queue show {name} --json")).items();
    assert_eq!(shown[0]["dead_letter_target"]["arn"], *arn);
    // A look serves a second.
    eventually("it is listed with its message", || {
        let listed = at(&broker, &format!("queue ls --filter {} --sort depth --json", dead.name)).items();
        listed.iter().any(|item| item["arn"] == *arn && item["messages_visible"] == 1).then_some(())
    });
    let letters = at(&broker, &format!("queue peek {} --attribute kind=invoice --json", dead.name)).items();
    assert_eq!(letters[0]["dead_letter_source"], format!("arn:aws:sqs:us-east-1:000000000000:{name}"));
    at(&broker, &format!("queue redrive {}", dead.name)).ok();
    let back = eventually("the dead letter is back", || {
        let items = at(&broker, &format!("queue peek {name} --json")).items();
        (!items.is_empty()).then_some(items)
    });
    assert_eq!(back[0]["body"], "stuck");
    let tasks = at(&broker, &format!("queue redrive {} --status --json", dead.name)).items();
    assert_eq!(tasks[0]["moved"], 1);
    at(&broker, &format!("queue delete {} --yes", dead.name)).ok();
    assert_eq!(at(&broker, &format!("queue show {}", dead.name)).status, Some(1));
}

fn topics_say_who_gets_a_message() {
    let broker = OPEN.get();
    let client = broker.json_client();
    let (topic, queue) = (client.topic(), client.queue());
    let subscription = topic.subscribe_queue(&queue);
    subscription.set("FilterPolicy", r#"{"kind":["invoice"]}"#);
    let name = topic.arn.rsplit(':').next().expect("a name");
    let matched = |attribute: &str| {
        at(&broker, &format!("topic match {name} body --attribute {attribute} --json")).items()[0]["gets"].clone()
    };
    assert_eq!((matched("kind=invoice"), matched("kind=order")), (true.into(), false.into()));
    let table = at(&broker, &format!("topic match {name} body --attribute kind=order")).ok();
    assert!(table.contains("filter_policy") && table.trim_end().ends_with("kind"), "{table}");
    at(&broker, &format!("topic publish {name} paid --attribute kind=invoice")).ok();
    assert!(eventually("the message", || queue.receive().pop()).body.contains("paid"));
    // A look serves a second.
    eventually("it is listed", || at(&broker, &format!("topic ls --filter {name}")).ok().contains(name).then_some(()));
    assert!(at(&broker, &format!("topic show {name}")).ok().contains(&queue.name));
    at(&broker, "push ls").ok();
}

fn a_listing_is_a_table_or_json() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    queue.send("a body");
    let table = at(&broker, &format!("queue peek {}", queue.name)).ok();
    let mut lines = table.lines();
    let headings: Vec<&str> = lines.next().expect("headings").split_whitespace().collect();
    assert_eq!(headings[..3], ["ID", "STATE", "VISIBLE"]);
    let row = lines.next().expect("a row");
    assert!(row.contains(" visible ") && row.ends_with("a body"), "{table}");
    for _ in 0..30 {
        queue.send("more");
    }
    let limited = at(&broker, &format!("queue peek {} --limit 25 --json", queue.name)).items();
    assert_eq!(limited.len(), 25, "pages are put together up to the limit");
}

fn a_message_does_not_move_the_cursor() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    queue.send("\u{9b}2Jx\tü\n");
    let table = at(&broker, &format!("queue peek {}", queue.name)).ok();
    assert!(table.contains(r"\u{9b}2Jx\tü\n") && !table.contains('\u{9b}'), "{table}");
}

fn a_check_has_the_exit_status_of_a_monitoring_plugin() {
    let broker = OPEN.get();
    let checked = at(&broker, "check");
    assert!(checked.status == Some(0) && checked.out.starts_with("OK - "), "{}{}", checked.out, checked.err);
    let refused = run(command("check --admin-listen 127.0.0.1:1"));
    assert!(refused.status == Some(2) && refused.out.starts_with("CRITICAL - "), "{}", refused.out);
}

fn keys_come_from_the_environment_or_a_profile() {
    const OPERATOR: (&str, &str) = ("AKIDOLGA", "olga's secret");
    let broker =
        Launch::new().user("olga", "000000000000", OPERATOR.0, OPERATOR.1).configured("role = \"operator\"").start();
    let line = format!("users --json --admin-listen {}", broker.admin);
    let refused = run(command(&line));
    assert_eq!(refused.status, Some(1));
    assert!(refused.err.contains("unauthorized") && refused.err.contains("AWS_ACCESS_KEY_ID"), "{}", refused.err);
    let mut with_key = command(&line);
    with_key.env("AWS_ACCESS_KEY_ID", OPERATOR.0).env("AWS_SECRET_ACCESS_KEY", OPERATOR.1);
    assert_eq!(run(with_key).items()[0]["role"], "operator");
    let home = tempfile::tempdir().expect("a temporary directory");
    let file = home.path().join(".aws/credentials");
    std::fs::create_dir_all(file.parent().expect("a directory")).expect("made");
    let text = format!("[ops]\naws_access_key_id = {}\naws_secret_access_key = {}\n", OPERATOR.0, OPERATOR.1);
    std::fs::write(&file, text).expect("written");
    let mut with_profile = command(&format!("{line} --profile ops"));
    with_profile.env("HOME", home.path());
    assert_eq!(run(with_profile).items()[0]["role"], "operator");
    let mut with_another = command(&format!("{line} --profile another"));
    with_another.env("HOME", home.path());
    let refused = run(with_another);
    assert!(refused.status == Some(2) && refused.err.contains("[another]"), "{}", refused.err);
}

fn what_fails_says_what_to_do() {
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    for (line, status, hint) in [
        ("queue peek no-such-queue", 1, "not_found"),
        ("queue peek q --account 12", 1, "twelve digits"),
        ("queue peek q --state hidden", 1, "`visible`"),
        ("queue peek q --region US", 1, "region"),
        ("queue peek arn:aws:sns:us-east-1:000000000000:t", 2, "ARN"),
        ("queue peek", 2, "<QUEUE>"),
        ("queue delete q 7", 1, "hexadecimal"),
        ("queue delete q", 2, "--yes"),
        ("queue purge q", 2, "--yes"),
    ] {
        let ran = at(&broker, line);
        assert_eq!(ran.status, Some(status), "{line}: {}", ran.err);
        assert!(ran.err.contains(hint), "{line}: {}", ran.err);
    }
    let ran = at(&broker, &format!("queue move {} 1-0000000000000001 --to no-such-queue", queue.name));
    assert!(ran.status == Some(1) && ran.err.contains("not_found"), "{}", ran.err);
    let gone = run(command("users --admin-listen 127.0.0.1:1"));
    assert!(gone.status == Some(3) && gone.err.contains("--admin-listen"), "{}", gone.err);
}

fn the_aws_cli_is_kept_from_amazon() {
    for line in [
        "aws s3 ls",
        "aws sqs list-queues --endpoint-url https://sqs.us-east-1.amazonaws.com",
        "aws --endpoint-url https://sqs.us-east-1.amazonaws.com sqs list-queues",
    ] {
        let ran = run(command(line));
        assert_eq!(ran.status, Some(2), "{line}: {}", ran.err);
        assert!(ran.err.starts_with("posthouse: "), "{line}: {}", ran.err);
    }
    // A program of that name shows what it is given.
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = directory.path().join("aws");
    std::fs::write(&program, "#!/bin/sh\necho \"$AWS_DEFAULT_REGION $*\"\n").expect("written");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).expect("set");
    let mut aws = command("aws sqs list-queues --max-items 1");
    aws.env("PATH", format!("{}:/bin:/usr/bin", directory.path().display()));
    assert_eq!(run(aws).ok(), "us-east-1 sqs list-queues --max-items 1 --endpoint-url http://127.0.0.1:9324\n");
}
