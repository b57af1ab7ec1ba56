//! What the log and the probes say while the disk fails, and that a restart serves again.

use serde_json::json;

use crate::support::{Broker, Launch, Queue, eventually, sleep_ms};

/// The lines of the broker's log with this level and all these parts.
pub(super) fn lines(broker: &Broker, level: &str, parts: &[&str]) -> Vec<String> {
    let log = broker.log();
    let found = log.lines().filter(|line| line.contains(level) && parts.iter().all(|part| line.contains(part)));
    found.map(str::to_owned).collect()
}

#[track_caller]
pub(super) fn says_once(broker: &Broker, level: &str, parts: &[&str]) {
    eventually(&format!("a line {level} with {parts:?}"), || (!lines(broker, level, parts).is_empty()).then_some(()));
    sleep_ms(1_500);
    let found = lines(broker, level, parts);
    assert_eq!(found.len(), 1, "one line for a condition: {found:?}");
}

/// The answer of `/readyz`.
pub(super) fn readiness(broker: &Broker) -> (u16, String) {
    let answer = broker.admin_get("/readyz").expect("the admin listener answers");
    (answer.status, answer.text().to_owned())
}

#[track_caller]
fn refused(queue: &Queue) -> String {
    let refusal = eventually("a refused send", || queue.call("SendMessage", json!({ "MessageBody": "x" })).err());
    assert_eq!((refusal.status, refusal.code.as_str()), (503, "ServiceUnavailable"), "{refusal:?}");
    refusal.message
}

/// A broker that has made everything that a first start makes.
pub(super) fn settled(launch: Launch) -> Broker {
    let broker = launch.start();
    eventually("the key", || broker.data.join("sns-signing-key.pem").exists().then_some(()));
    let segments = || {
        std::fs::read_dir(&broker.data).expect("a directory").filter(|entry| {
            entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "segment"))
        })
    };
    eventually("the second segment", || (segments().count() == 2).then_some(()));
    broker
}

pub(super) fn a_removed_directory_is_a_failed_log() {
    let mut broker = settled(Launch::new());
    let queue = broker.json_client().queue();
    queue.send("kept");
    let aside = broker.data.with_extension("aside");
    std::fs::rename(&broker.data, &aside).expect("a directory can be renamed");
    queue.send("the write to an open file succeeds");
    says_once(&broker, "ERROR", &["the log has failed", "finding in the data directory", "superblock", "errno=2"]);
    let said = refused(&queue);
    assert!(said.contains("finding in the data directory superblock"), "{said}");
    assert!(!said.contains("full"), "{said}");
    let (status, said) = readiness(&broker);
    assert!(status == 503 && said.contains("superblock"), "{said}");
    broker.terminate();
    assert_eq!(broker.await_exit().code(), Some(74), "{}", broker.log());
    std::fs::rename(&aside, &broker.data).expect("a directory can be renamed");
    broker.restart();
    queue.gives(&["kept", "the write to an open file succeeds"]);
    broker.stop();
}

pub(super) fn a_broker_exits_with_a_failed_log_if_it_shall() {
    let mut broker = settled(Launch::new().configured("[storage]\nexit_on_failure = true"));
    let queue = broker.json_client().queue();
    queue.send("kept");
    let superblock = broker.data.join("superblock");
    let aside = broker.data.with_extension("superblock");
    std::fs::rename(&superblock, &aside).expect("a file can be renamed");
    queue.send("more");
    assert_eq!(broker.await_exit().code(), Some(74), "{}", broker.log());
    assert_eq!(lines(&broker, "ERROR", &["storage.exit_on_failure"]).len(), 1, "{}", broker.log());
    std::fs::rename(&aside, &superblock).expect("a file can be renamed");
    broker.restart();
    queue.gives(&["kept", "more"]);
    broker.stop();
}
