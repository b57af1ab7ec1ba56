//! `posthouse restore`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::verify::verify;
use super::{back_up, contents, posthouse, text, whole};
use crate::support::{Broker, Launch, Queue, eventually, sleep_ms};

/// Runs `posthouse restore` into a directory that does not exist yet.
#[track_caller]
fn restore(from: &Path, more: &[&str]) -> (i32, String, PathBuf, TempDir) {
    let home = tempfile::tempdir().expect("a directory");
    let to = home.path().join("data");
    let (status, said) = posthouse(&[&["restore", "--from", text(from), "--to", text(&to)], more].concat());
    (status, said, to, home)
}

/// The bodies that a broker on this directory gives from the queue, with the key of its notifications.
#[track_caller]
fn served(data: &Path, queue: &Queue, count: usize) -> Vec<String> {
    assert_eq!(verify(data).0, 0);
    let mut broker = Launch::new().data(data).start();
    let queue = queue.as_seen_by(&broker.json_client());
    let mut bodies = Vec::new();
    while bodies.len() < count {
        let received = queue.receive();
        assert!(!received.is_empty(), "after {bodies:?}");
        bodies.extend(received.into_iter().map(|message| message.body));
    }
    queue.gives(&[]);
    broker.stop();
    bodies.sort();
    bodies
}

fn now() -> String {
    let now: OffsetDateTime = SystemTime::now().into();
    now.format(&Rfc3339).expect("a time of these centuries")
}

fn first(broker: &Broker) -> Queue {
    broker.json_client().queue()
}

pub(super) fn a_backup_is_restored_whole() {
    let broker = Launch::new().start();
    let queue = first(&broker);
    queue.send_all(&["a", "b", "c"]);
    let key = "sns-signing-key.pem";
    eventually("the key is made", || broker.data.join(key).exists().then_some(()));
    let to = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&broker, to.path(), &["--keep", "2"]).0, 0);
    queue.send("d");
    assert_eq!(back_up(&broker, to.path(), &["--keep", "2"]).0, 0);
    queue.send("e");
    let copies = whole(to.path());
    let before: Vec<_> = copies.iter().map(|copy| contents(copy)).collect();
    let (status, said, data, _home) = restore(to.path(), &[]);
    assert!(status == 0 && said.contains("posthouse serve --data-dir"), "{status}: {said}");
    assert_eq!(std::fs::read(data.join(key)).ok(), std::fs::read(broker.data.join(key)).ok());
    assert_eq!(served(&data, &queue, 4), ["a", "b", "c", "d"]);
    // An earlier one, by its name.
    let (status, said, data, _home) = restore(&copies[0], &[]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(served(&data, &queue, 3), ["a", "b", "c"]);
    assert_eq!(copies.iter().map(|copy| contents(copy)).collect::<Vec<_>>(), before, "the backups are as they were");
}

pub(super) fn a_log_is_cut_at_a_time_and_at_a_position() {
    let mut broker = Launch::new().start();
    let queue = first(&broker);
    queue.send_all(&["a", "b"]);
    let to = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&broker, to.path(), &["--keep", "9"]).0, 0);
    sleep_ms(50);
    let time = now();
    sleep_ms(50);
    queue.send("c");
    assert_eq!(back_up(&broker, to.path(), &["--keep", "9"]).0, 0);
    queue.send("d");
    sleep_ms(1_100);
    assert_eq!(back_up(&broker, to.path(), &["--keep", "9"]).0, 0);
    let copies = whole(to.path());
    let (_, position) = text(&copies[0]).rsplit_once('-').expect("a time and a position");
    for at in [["--at", &time], ["--position", position]] {
        let (status, said, data, _home) = restore(to.path(), &at);
        assert!(status == 0 && said.contains("1 queues with 2 messages"), "{at:?}: {status}: {said}");
        assert_eq!(served(&data, &queue, 2), ["a", "b"]);
    }
    // A data directory can be cut too, once its broker has stopped; and it is as it was afterwards.
    let (status, said, ..) = restore(&broker.data, &["--at", &time]);
    assert!(status == 1 && said.contains("stop it first"), "{status}: {said}");
    broker.stop();
    let before = contents(&broker.data);
    let (status, said, data, _home) = restore(&broker.data, &["--at", &time]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(contents(&broker.data), before);
    assert_eq!(served(&data, &queue, 2), ["a", "b"]);
}

pub(super) fn what_cannot_be_restored_is_refused() {
    let mut broker = Launch::new().configured("[storage]\ncheckpoint_bytes = 1048576").start();
    let queue = first(&broker);
    queue.send("kept");
    let early = now();
    let filler = first(&broker);
    for _ in 0..6 {
        filler.send(&"x".repeat(900_000));
        sleep_ms(20);
    }
    broker.stop();
    broker.restart();
    queue.send("last");
    let to = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0);
    let (status, said, data, _home) = restore(to.path(), &["--at", &early]);
    assert!(status == 1 && said.contains("The earliest that it holds is --position "), "{status}: {said}");
    assert!(!data.join("superblock").exists(), "nothing was made");
    let (_, rest) = said.split_once("--position ").expect("it names one");
    let (status, said, data, _home) = restore(to.path(), &["--position", &rest[..16]]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(verify(&data).0, 0);
    let late: OffsetDateTime = (SystemTime::now() + Duration::from_secs(3600)).into();
    let (status, said, ..) = restore(to.path(), &["--at", &late.format(&Rfc3339).expect("a time")]);
    assert!(status == 1 && said.contains("ends earlier"), "{status}: {said}");
    let occupied = tempfile::tempdir().expect("a directory");
    std::fs::write(occupied.path().join("letter"), "keep me").expect("written");
    let (status, said) = posthouse(&["restore", "--from", text(to.path()), "--to", text(occupied.path())]);
    assert!(status == 1 && said.contains("is not empty"), "{status}: {said}");
    let (status, said) = posthouse(&["restore", "--from", text(occupied.path()), "--to", text(&data)]);
    assert!(status == 1 && said.contains("holds no whole backup"), "{status}: {said}");
    let inside = whole(to.path()).remove(0).join("data");
    let (status, said) = posthouse(&["restore", "--from", text(to.path()), "--to", text(&inside)]);
    assert!(status == 1 && said.contains("lie within each other"), "{status}: {said}");
    let (status, said) = posthouse(&["restore", "--from", "a", "--to", "b", "--at", "14:05"]);
    assert!(status == 2 && said.contains("a time looks like"), "{status}: {said}");
}
