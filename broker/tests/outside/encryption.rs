//! Encryption at rest: what lies in the data directory says nothing, and the start names the keys that it needs.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::{Broker, Launch, eventually};

crate::cases! {
    nothing_lies_in_the_data_directory_as_it_is,
    a_missing_key_is_named_and_nothing_is_changed,
    a_second_key_takes_over,
    encryption_begins_on_a_directory_that_is_there,
    a_key_file_that_cannot_be_used_stops_the_start,
    an_encrypted_directory_is_verified_with_and_without_its_keys,
}

/// Keys as a key file has them, and their identifiers: `base64 -d | sha256sum | cut -c1-16`.
const FIRST: (&str, &str) = ("cG9zdGhvdXNlIGtleSBvZiB0ZXN0cyBudW1iZXIgMQA=", "231b5fe69af2f1e9");
const SECOND: (&str, &str) = ("cG9zdGhvdXNlIGtleSBvZiB0ZXN0cyBudW1iZXIgMgA=", "8755dac673d42c6a");

/// The file that the launches of this suite name.
const KEY_FILE: &str = "keys.txt";

/// A broker with small segments, which are read whole.
fn small() -> Launch {
    Launch::new().flag("storage-segment-bytes", "8388608")
}

/// The same with these keys, in the order of the file.
fn with_keys(keys: &[&str]) -> Launch {
    small().file(KEY_FILE, keys.join("\n")).flag("storage-encryption-key-file", KEY_FILE)
}

/// Waits until the key that notifications are signed with is in its file: it is made while the broker serves.
fn await_signing_key(broker: &Broker) {
    eventually("the signing key", || broker.data.join(SIGNING_KEY).exists().then_some(()));
}

/// The file of that key.
const SIGNING_KEY: &str = "sns-signing-key.pem";

/// Which of the texts stand in a file of the directory as they are.
fn found_in(directory: &Path, texts: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a data directory") {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a readable file");
        let end = bytes.chunks(4096).rposition(|block| block != [0; 4096]).map_or(0, |last| (last + 1) * 4096);
        let bytes = &bytes[..bytes.len().min(end)];
        let is_in = |text: &&&str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        found.extend(texts.iter().filter(is_in).map(|text| (*text).to_owned()));
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The content of every file of the directory.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).expect("a data directory").map(|entry| entry.expect("an entry"));
    let file = |entry: std::fs::DirEntry| {
        (entry.file_name().into_string().expect("a name"), std::fs::read(entry.path()).expect("a readable file"))
    };
    entries.map(file).collect()
}

/// What clients give the broker to keep.
const TEXTS: [&str; 6] = [
    "confidential-body",
    "confidential-attribute",
    "confidential-queue",
    "confidential-topic",
    "confidential-key",
    "PRIVATE KEY",
];

/// Gives the broker each of [`TEXTS`], and kills it.
fn fill_and_kill(broker: &mut Broker) {
    let client = broker.json_client();
    let queue = client.ok("CreateQueue", &json!({ "QueueName": "confidential-queue" }));
    let attributes = json!({ "note": { "DataType": "String", "StringValue": "confidential-attribute" } });
    let message = json!({
        "QueueUrl": queue["QueueUrl"],
        "MessageBody": "confidential-body",
        "MessageAttributes": attributes,
    });
    client.ok("SendMessage", &message);
    let sns = client.sns();
    sns.ok("CreateTopic", &json!({ "Name": "confidential-topic" }));
    let application = json!({
        "Name": "app",
        "Platform": "GCM",
        "Attributes": { "PlatformCredential": "confidential-key" },
    });
    sns.ok("CreatePlatformApplication", &application);
    await_signing_key(broker);
    broker.kill();
}

fn nothing_lies_in_the_data_directory_as_it_is() {
    let mut plain = small().start();
    fill_and_kill(&mut plain);
    let mut all = TEXTS.map(str::to_owned).to_vec();
    all.sort_unstable();
    assert_eq!(found_in(&plain.data, &TEXTS), all, "without keys everything does");

    let mut broker = with_keys(&[FIRST.0]).start();
    fill_and_kill(&mut broker);
    assert_eq!(found_in(&broker.data, &TEXTS), [""; 0]);
    broker.restart();
    assert!(broker.log().contains(&format!("new data is encrypted with key {}", FIRST.1)), "{}", broker.log());
    let client = broker.json_client();
    let url = client.ok("GetQueueUrl", &json!({ "QueueName": "confidential-queue" }));
    let received =
        client.ok("ReceiveMessage", &json!({ "QueueUrl": url["QueueUrl"], "MessageAttributeNames": ["All"] }));
    assert_eq!(received["Messages"][0]["Body"], "confidential-body");
    assert_eq!(received["Messages"][0]["MessageAttributes"]["note"]["StringValue"], "confidential-attribute");
    broker.stop();
    assert_eq!(found_in(&broker.data, &TEXTS), [""; 0]);
}

fn a_missing_key_is_named_and_nothing_is_changed() {
    let mut broker = with_keys(&[FIRST.0]).start();
    let queue = broker.json_client().queue();
    queue.send("a message");
    await_signing_key(&broker);
    broker.kill();
    let before = contents(&broker.data);
    for launch in [with_keys(&[SECOND.0]), with_keys(&["none", SECOND.0]), Launch::new()] {
        let said = launch.data(&broker.data).fails();
        assert!(said.contains(FIRST.1), "the start names the key:\n{said}");
        assert!(contents(&broker.data) == before, "the start changes nothing");
    }
    // Without the file of the signing key, the log itself says it.
    std::fs::remove_file(broker.data.join(SIGNING_KEY)).expect("removed");
    let said = with_keys(&[SECOND.0]).data(&broker.data).fails();
    assert!(said.contains(&format!("key {}, which", FIRST.1)) && said.contains("Nothing was changed"), "{said}");
    broker.restart();
    queue.gives(&["a message"]);
}

fn a_second_key_takes_over() {
    let mut first = with_keys(&[FIRST.0]).start();
    let queue = first.json_client().queue();
    queue.send("under the first key");
    first.stop();
    let data = &first.data;
    let mut both = with_keys(&[SECOND.0, FIRST.0]).data(data).start();
    let queue = queue.as_seen_by(&both.json_client());
    queue.send("under the second key");
    let metrics = both.metrics();
    for id in [FIRST.1, SECOND.1] {
        assert!(metrics.contains(&format!("posthouse_log_segments_by_key{{key=\"{id}\"}}")), "{metrics}");
    }
    both.kill();
    let said = with_keys(&[SECOND.0]).data(data).fails();
    assert!(said.contains(FIRST.1) && !said.contains(&format!("lacks key {}", SECOND.1)), "{said}");
    let mut reversed = with_keys(&[FIRST.0, SECOND.0]).data(data).start();
    queue.as_seen_by(&reversed.json_client()).gives(&["under the first key", "under the second key"]);
    reversed.stop();
}

fn encryption_begins_on_a_directory_that_is_there() {
    let mut plain = small().start();
    let queue = plain.json_client().queue();
    queue.send("before");
    await_signing_key(&plain);
    plain.stop();
    let data = &plain.data;
    let mut encrypted = with_keys(&[FIRST.0]).data(data).start();
    assert!(encrypted.log().contains("not encrypted"), "{}", encrypted.log());
    assert_eq!(found_in(data, &["PRIVATE KEY"]), [""; 0], "the signing key is encrypted at once");
    let queue = queue.as_seen_by(&encrypted.json_client());
    queue.send("behind");
    encrypted.kill();
    assert_eq!(found_in(data, &["before", "behind"]), ["before"]);
    let mut again = with_keys(&["none", FIRST.0]).data(data).start();
    queue.as_seen_by(&again.json_client()).gives(&["before", "behind"]);
    again.stop();
}

fn a_key_file_that_cannot_be_used_stops_the_start() {
    let refused = |launch: Launch, words: &str| {
        let said = launch.fails();
        assert!(said.contains(words), "{words}:\n{said}");
    };
    refused(with_keys(&[]), "it holds no key");
    refused(with_keys(&[FIRST.0, "not a key"]), "line 2 is no key");
    refused(with_keys(&[FIRST.0, FIRST.0]), &format!("line 2 repeats key {}", FIRST.1));
    refused(with_keys(&[FIRST.0, "none"]), "line 2: `none` can only stand before all keys");
    refused(Launch::new().flag("storage-encryption-key-file", "missing"), "cannot be read");
    let data = tempfile::tempdir().expect("a directory");
    let inside = data.path().join("keys");
    std::fs::write(&inside, FIRST.0).expect("written");
    let inside = inside.to_str().expect("UTF-8");
    refused(Launch::new().data(data.path()).flag("storage-encryption-key-file", inside), "lies in the data directory");
}

/// Runs `posthouse verify`. Returns its exit status and what it said.
fn verify(data: &Path, keys: Option<&Path>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
    command.arg("verify").arg(data);
    if let Some(keys) = keys {
        command.arg("--key-file").arg(keys);
    }
    let output = command.output().expect("the broker's binary was built for this test");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

fn an_encrypted_directory_is_verified_with_and_without_its_keys() {
    let mut broker = with_keys(&[FIRST.0]).start();
    let queue = broker.json_client().queue();
    for number in 0..20 {
        queue.send(&format!("message {number}"));
    }
    broker.stop();
    let home = tempfile::tempdir().expect("a directory");
    let keys = home.path().join("keys");
    std::fs::write(&keys, FIRST.0).expect("written");
    let (status, said) = verify(&broker.data, Some(&keys));
    assert!(status == Some(0) && said.contains("with 20 messages"), "{status:?}: {said}");
    let (status, said) = verify(&broker.data, None);
    assert!(status == Some(2) && said.contains(FIRST.1) && said.contains("not checked"), "{status:?}: {said}");

    let segment = broker.data.join("0000000000001000.segment");
    let mut bytes = std::fs::read(&segment).expect("the first segment");
    bytes[4096 + 40] ^= 1;
    std::fs::write(&segment, bytes).expect("written");
    for keys in [Some(keys.as_path()), None] {
        let (status, said) = verify(&broker.data, keys);
        assert!(status == Some(1) && said.contains("DAMAGED"), "{status:?}: {said}");
    }
}
