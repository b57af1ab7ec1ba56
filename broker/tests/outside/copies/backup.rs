//! `posthouse backup` against a broker that works.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use super::verify::{verify, verify_as};
use super::{back_up, begin_backup, contents, elsewhere, keys, text, whole};
use crate::storage::segments::Segment;
use crate::support::{Broker, Launch, Queue, sleep_ms};

/// A broker with small files, whose replay starts late.
fn launch() -> Launch {
    Launch::new().configured("[storage]\nsegment_bytes = 8388608\ntail_bytes = 1048576\ncheckpoint_bytes = 16777216")
}

/// The same, encrypted with the keys of this file.
fn encrypted(key_file: &Path) -> Launch {
    launch().flag("storage-encryption-key-file", text(key_file))
}

/// The bodies of all messages in a queue, cut to their names.
fn names(queue: &Queue) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    loop {
        let received = queue.receive_with(&json!({ "MaxNumberOfMessages": 10, "VisibilityTimeout": 600 }));
        if received.is_empty() {
            return names;
        }
        names.extend(received.iter().map(|message| name_of(&message.body)));
    }
}

fn name_of(body: &str) -> String {
    body.split(' ').next().unwrap_or_default().to_owned()
}

fn send(queue: &Queue, name: &str) {
    queue.send(&format!("{name} {}", "x".repeat(60_000)));
}

/// What producers and consumers have been answered.
#[derive(Default)]
struct Ledger {
    sent: BTreeSet<String>,
    /// Deletes that were asked for.
    deleting: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

pub(super) fn a_backup_under_load_holds_what_was_acknowledged_before() {
    back_up_under_load(launch, 3, &[]);
}

/// The copy is encrypted as the directory is: it starts and is verified with the same keys.
pub(super) fn an_encrypted_backup_under_load_holds_what_was_acknowledged_before() {
    let keys = keys();
    back_up_under_load(|| encrypted(keys.path()), 1, &["--key-file", text(keys.path())]);
}

/// Backs up in so many rounds while clients send and delete. `launch` starts the broker and one on each copy.
fn back_up_under_load(launch: impl Fn() -> Launch, rounds: u32, verify_with: &[&str]) {
    let broker = launch().start();
    let queue = broker.json_client().queue_with(&[("VisibilityTimeout", "0")]);
    let to = elsewhere();
    let (ledger, done) = (Mutex::new(Ledger::default()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (queue, ledger, done) = (queue.as_seen_by(&broker.json_client()), &ledger, &done);
            scope.spawn(move || {
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("{worker}-{number}");
                    send(&queue, &name);
                    ledger.lock().expect("whole").sent.insert(name);
                    if number % 3 == 2 {
                        for message in queue.receive().into_iter().take(2) {
                            let gone = name_of(&message.body);
                            ledger.lock().expect("whole").deleting.insert(gone.clone());
                            queue.delete(&message);
                            ledger.lock().expect("whole").deleted.insert(gone);
                        }
                    }
                }
            });
        }
        for round in 0..rounds {
            sleep_ms(700);
            let (sent, deleted) = {
                let ledger = ledger.lock().expect("whole");
                (ledger.sent.clone(), ledger.deleted.clone())
            };
            let (status, said) = back_up(&broker, to.path(), &[]);
            assert_eq!(status, 0, "{said}");
            let asked_for = ledger.lock().expect("whole").deleting.clone();
            let copies = whole(to.path());
            assert_eq!(copies.len(), 1, "earlier ones are removed: {copies:?}");
            let (status, said) = verify_as(to.path(), verify_with);
            assert_eq!(status, 0, "round {round}: {said}");
            let copy = tempfile::tempdir().expect("a directory");
            for (file, bytes) in contents(&copies[0]) {
                std::fs::write(copy.path().join(file), bytes).expect("written");
            }
            let mut other = launch().data(copy.path()).start();
            let found = names(&queue_of(&other, &queue));
            let expected: BTreeSet<_> = sent.difference(&asked_for).cloned().collect();
            assert!(found.is_superset(&expected), "round {round}: {:?} are missing", expected.difference(&found));
            assert!(found.is_disjoint(&deleted), "round {round}: deleted before, and there");
            other.kill();
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// The same queue, of another broker.
fn queue_of(broker: &Broker, queue: &Queue) -> Queue {
    queue.as_seen_by(&broker.json_client())
}

pub(super) fn a_second_backup_copies_only_what_is_new() {
    let broker = launch().start();
    let queue = broker.json_client().queue();
    while Segment::all(&broker.data).len() < 4 {
        send(&queue, "first");
    }
    for (to, links) in [(elsewhere(), false), (tempfile::tempdir().expect("a directory"), true)] {
        let (status, said) = back_up(&broker, to.path(), &["--keep", "2"]);
        assert!(status == 0 && said.contains("of which 0 were there"), "{status}: {said}");
        assert!(!links || !said.contains(" 0 are hard links") || !said.contains(" 0 share"), "{said}");
        let (status, said) = back_up(&broker, to.path(), &["--keep", "2"]);
        assert!(status == 0 && said.contains(" 0 were copied"), "nothing was sent in between: {said}");
        send(&queue, "more");
        for round in 0..2 {
            send(&queue, "more");
            let (status, said) = back_up(&broker, to.path(), &["--keep", "2"]);
            assert!(status == 0 && said.contains(" 1 were copied (8388608 bytes)"), "only the last segment: {said}");
            assert!(said.contains(&format!("{round} earlier backups removed")), "{said}");
        }
        let copies = whole(to.path());
        let [older, newer] = &copies[..] else { panic!("{copies:?}") };
        let inode =
            |copy: &Path| std::fs::metadata(copy.join("0000000000001000.segment")).expect("the first segment").ino();
        assert_eq!(inode(older), inode(newer), "closed segments are shared");
        for copy in &copies {
            assert_eq!(verify(copy).0, 0);
        }
    }
}

pub(super) fn a_broker_on_a_backup_changes_no_other_file() {
    let mut broker = launch().start();
    let queue = broker.json_client().queue();
    while Segment::all(&broker.data).len() < 4 {
        send(&queue, "first");
    }
    let to = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0);
    let copy = whole(to.path()).remove(0);
    // The other broker drops everything and writes on: what the two share is let go, and not overwritten.
    let mut other = launch().data(&copy).start();
    let before = contents(&broker.data);
    queue_of(&other, &queue).ok("PurgeQueue", json!({}));
    let filler = other.json_client().queue();
    while Segment::all(&copy).iter().any(|segment| segment.name() == "0000000000001000.segment") {
        filler.send(&"y".repeat(1_000_000));
    }
    other.stop();
    let (after, last) = (contents(&broker.data), Segment::last(&broker.data).name());
    for (file, bytes) in before.iter().filter(|(file, _)| file.ends_with(".segment") && **file != last) {
        assert!(after[file] == *bytes, "{file} was changed");
    }
    broker.stop();
    assert_eq!(verify(&broker.data).0, 0);
    assert_eq!(verify(&copy).0, 0);
    // A data directory of its own is no backup any more: the next one leaves it alone.
    broker.restart();
    let (status, said) = back_up(&broker, to.path(), &[]);
    assert!(status == 0 && copy.exists(), "{said}");
}

pub(super) fn killed_at_any_moment_a_backup_leaves_the_earlier_one() {
    let mut broker = launch().start();
    let queue = broker.json_client().queue();
    send(&queue, "first");
    let to = elsewhere();
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0);
    while Segment::all(&broker.data).len() < 4 {
        send(&queue, "second");
    }
    let earlier = whole(to.path());
    for wait in [0, 20, 60, 150, 400] {
        let mut backup = begin_backup(&broker, to.path(), &["--rate", "40000000"]);
        sleep_ms(wait);
        broker.kill();
        backup.wait().expect("it ends");
        let copies = whole(to.path());
        assert!(earlier.iter().all(|copy| copies.contains(copy)) || copies.len() == 1, "{copies:?}");
        let (status, said) = verify(to.path());
        assert_eq!(status, 0, "after {wait} ms: {said}");
        broker.restart();
    }
    let (status, said) = back_up(&broker, to.path(), &[]);
    assert_eq!(status, 0, "{said}");
    let left: Vec<_> =
        std::fs::read_dir(to.path()).expect("a directory").map(|entry| entry.expect("an entry")).collect();
    assert_eq!(left.len(), 2, "the lock and one backup: {left:?}");
    assert_eq!(verify(to.path()).0, 0);
}

pub(super) fn a_stopped_backup_leaves_the_earlier_one() {
    let broker = launch().start();
    let queue = broker.json_client().queue();
    send(&queue, "first");
    let to = elsewhere();
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0);
    let earlier = whole(to.path());
    while Segment::all(&broker.data).len() < 3 {
        send(&queue, "second");
    }
    let mut backup = begin_backup(&broker, to.path(), &["--rate", "100000"]);
    crate::support::eventually("the backup has begun", || {
        let mut entries =
            std::fs::read_dir(to.path()).expect("a directory").map(|entry| entry.expect("an entry").path());
        entries.any(|path| text(&path).ends_with(".unfinished")).then_some(())
    });
    let (status, said) = back_up(&broker, to.path(), &[]);
    assert!(status == 1 && said.contains("is being made already"), "{status}: {said}");
    kill_process(Pid::from_child(&backup), Signal::INT).expect("a child can be signalled");
    assert_eq!(backup.wait().expect("it ends").code(), Some(1));
    assert_eq!(whole(to.path()), earlier);
    assert_eq!(verify(to.path()).0, 0);
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0, "the next one goes on");
    assert_ne!(whole(to.path()), earlier);
    let metrics = broker.metrics();
    for line in [
        "posthouse_backups_total{outcome=\"done\"} 2",
        "posthouse_backups_total{outcome=\"failed\"} 1",
        "posthouse_backup_running 0",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}");
    }
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse::<f64>().ok()).expect("a number")
    };
    assert!(value("posthouse_backup_last_timestamp_seconds ") > 1.7e9);
    assert!(value("posthouse_backup_last_seconds ") > 0.0);
    assert!(value("posthouse_backup_last_copied_bytes ") >= 8_388_608.0);
}
