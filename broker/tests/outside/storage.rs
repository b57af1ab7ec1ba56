//! A data directory that is full, torn, damaged or incomplete. `docs/format.md` defines how a start treats each case.

mod exposure;
mod failures;
mod open_files;
pub(crate) mod segments;

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Broker, Launch, Queue, eventually};

use exposure::{
    a_data_directory_that_others_enter_is_warned_of, a_readable_configuration_with_secrets_is_warned_of,
    what_the_broker_makes_is_for_its_owner,
};
use failures::{a_broker_exits_with_a_failed_log_if_it_shall, a_removed_directory_is_a_failed_log, lines};
use open_files::{
    a_log_without_a_descriptor_is_not_a_full_disk, a_push_without_a_descriptor_is_no_attempt,
    connections_leave_descriptors_for_the_log, connections_that_cannot_be_accepted_wait,
};
use segments::Segment;

crate::cases! {
    a_torn_end_is_cut_and_reported,
    a_flipped_bit_stops_the_start,
    a_missing_segment_stops_the_start,
    a_damaged_superblock_stops_the_start,
    a_damaged_segment_header_stops_the_start,
    a_full_disk_refuses_sends_and_nothing_else,
    space_comes_back_as_messages_go,
    a_removed_directory_is_a_failed_log,
    a_broker_exits_with_a_failed_log_if_it_shall,
    connections_that_cannot_be_accepted_wait,
    a_push_without_a_descriptor_is_no_attempt,
    a_log_without_a_descriptor_is_not_a_full_disk,
    connections_leave_descriptors_for_the_log,
    what_the_broker_makes_is_for_its_owner,
    a_data_directory_that_others_enter_is_warned_of,
    a_readable_configuration_with_secrets_is_warned_of,
    a_zeroed_tail_is_acknowledged_messages_missing,
    a_damaged_slot_of_the_superblock_is_warned_of,
}

fn expected(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("message {number}")).collect()
}

/// A broker that was killed after so many sends, each with a commit of its own.
fn killed_after(count: usize) -> (Broker, Queue) {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    for body in expected(count) {
        queue.send(&body);
    }
    broker.kill();
    (broker, queue)
}

#[track_caller]
fn gives_all(queue: &Queue, count: usize) {
    let mut bodies = Vec::new();
    while bodies.len() < count {
        let received = queue.receive();
        assert!(!received.is_empty(), "after {} of {count}", bodies.len());
        bodies.extend(received.into_iter().map(|message| message.body));
    }
    assert_eq!(bodies, expected(count));
    queue.gives(&[]);
}

/// The files of a directory, without the lock and the temporary files of an interrupted start.
fn contents(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.file_name().is_some_and(|name| name != "lock"))
        .filter(|path| path.extension().is_none_or(|extension| extension != "unfinished"))
        .map(|path| (path.clone(), std::fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

/// Fails unless the start is refused with a message that has these parts, and leaves the directory unchanged.
#[track_caller]
fn refuses_to_start(broker: &mut Broker, parts: &[&str]) {
    let before = contents(&broker.data);
    let said = broker.restart_fails();
    for part in parts {
        assert!(said.contains(part), "{part} in:\n{said}");
    }
    let differing = |after: &[(PathBuf, Vec<u8>)]| -> Vec<PathBuf> {
        let both = before.iter().chain(after);
        both.filter(|file| !(before.contains(file) && after.contains(file))).map(|(path, _)| path.clone()).collect()
    };
    let changed = differing(&contents(&broker.data));
    assert!(changed.is_empty(), "a start that fails changes nothing: {changed:?}");
}

fn a_torn_end_is_cut_and_reported() {
    let (mut broker, queue) = killed_after(12);
    for (what, torn) in [
        ("a record of which only the head came", vec![1, 2, 3, 4, 100, 0, 0, 1]),
        ("a record with a wrong checksum", [&[1, 2, 3, 4, 16, 0, 0, 1][..], &[7; 16]].concat()),
        ("a record cut in its payload", [&[9, 9, 9, 9, 0, 4, 0, 1][..], &[b'x'; 300]].concat()),
        ("random bytes", (0u32..5000).map(|number| (number * 167 % 251) as u8).collect()),
    ] {
        let last = Segment::last(&broker.data);
        last.write_at(last.end(), &torn);
        let before = broker.log().len();
        broker.restart();
        let said = broker.log().split_off(before).to_lowercase();
        assert!(said.contains("cut") || said.contains("torn"), "{what}:\n{said}");
        assert_eq!(queue.counts().iter().sum::<u64>(), 12, "{what}");
        broker.kill();
    }
    broker.restart();
    gives_all(&queue, 12);
}

fn a_flipped_bit_stops_the_start() {
    let (mut broker, queue) = killed_after(12);
    let segment = Segment::last(&broker.data);
    let places = segment.places_of(b"message 5");
    assert!(!places.is_empty(), "the body is in the log as it is");
    for place in places {
        segment.flip(place);
        let name = segment.name();
        refuses_to_start(&mut broker, &[&name, "offset"]);
        segment.flip(place);
    }
    let record = segment.places_of(b"message 3")[0];
    segment.flip(segment.record_around(record));
    refuses_to_start(&mut broker, &[&segment.name(), &segment.record_around(record).to_string()]);
    segment.flip(segment.record_around(record));
    broker.restart();
    gives_all(&queue, 12);
}

/// A broker that was killed when its log had several segments, all with live messages.
fn killed_with_segments() -> (Broker, Queue, usize) {
    let mut broker = Launch::new().configured("[storage]\nsegment_bytes = 8388608").start();
    let queue = broker.json_client().queue();
    let mut sent = 0;
    while Segment::all(&broker.data).len() < 4 {
        for _ in 0..10 {
            queue.send(&"x".repeat(60_000));
        }
        sent += 10;
        assert!(sent < 2_000, "the log needs segments: {:?}", Segment::all(&broker.data).len());
    }
    broker.kill();
    (broker, queue, sent)
}

fn a_missing_segment_stops_the_start() {
    let (mut broker, queue, sent) = killed_with_segments();
    let segments = Segment::all(&broker.data);
    let aside = broker.data.with_extension("aside");
    for segment in &segments[..segments.len() - 2] {
        std::fs::rename(segment.path(), &aside).expect("a file can be moved");
        refuses_to_start(&mut broker, &[&segment.name()]);
        std::fs::rename(&aside, segment.path()).expect("a file can be moved");
    }
    broker.restart();
    assert_eq!(queue.counts()[0], sent as u64);
}

fn a_damaged_superblock_stops_the_start() {
    let (mut broker, queue) = killed_after(3);
    let path = broker.data.join("superblock");
    let whole = std::fs::read(&path).expect("there is one");
    for field in [0, 40] {
        let mut damaged = whole.clone();
        for slot in [0, 4096] {
            damaged[slot + field] ^= 1;
        }
        std::fs::write(&path, &damaged).expect("a file can be written");
        refuses_to_start(&mut broker, &["superblock"]);
    }
    std::fs::remove_file(&path).expect("a file can be removed");
    refuses_to_start(&mut broker, &["superblock"]);
    std::fs::write(&path, &whole).expect("a file can be written");
    broker.restart();
    gives_all(&queue, 3);
}

fn a_zeroed_tail_is_acknowledged_messages_missing() {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    let superblock = broker.data.join("superblock");
    for body in expected(12) {
        queue.send(&body);
    }
    // The end is noted about a second after the last message.
    let before = std::fs::read(&superblock).expect("there is one");
    eventually("a note", || (std::fs::read(&superblock).expect("there is one") != before).then_some(()));
    broker.kill();
    let segment = Segment::last(&broker.data);
    let lost = segment.record_around(segment.places_of(b"message 6")[0]);
    let whole = std::fs::read(segment.path()).expect("a segment");
    segment.write_at(lost, &vec![0; 256 * 1024]);
    refuses_to_start(&mut broker, &["ERROR", &segment.name(), &lost.to_string(), "acknowledged records from"]);
    std::fs::write(segment.path(), whole).expect("a file can be written");
    broker.restart();
    gives_all(&queue, 12);
}

fn a_damaged_slot_of_the_superblock_is_warned_of() {
    let (mut broker, queue) = killed_after(3);
    let path = broker.data.join("superblock");
    for offset in [0, 4096] {
        let mut damaged = std::fs::read(&path).expect("there is one");
        damaged[offset + 50] ^= 1;
        std::fs::write(&path, &damaged).expect("a file can be written");
        let before = broker.log().len();
        broker.restart();
        let said = broker.log().split_off(before);
        assert!(said.contains("a slot of the superblock was not whole"), "{said}");
        assert!(said.contains(&format!("offset={offset}")), "{said}");
        broker.kill();
    }
    let before = broker.log().len();
    broker.restart();
    assert!(!broker.log().split_off(before).contains("not whole"), "it was written again");
    gives_all(&queue, 3);
}

fn a_damaged_segment_header_stops_the_start() {
    let (mut broker, queue) = killed_after(3);
    let segment = Segment::last(&broker.data);
    for offset in [0, 16, 32, 40, 4092] {
        segment.flip(offset);
        refuses_to_start(&mut broker, &[&segment.name()]);
        segment.flip(offset);
    }
    broker.restart();
    gives_all(&queue, 3);
}

/// Sends until the broker refuses. Returns the number of messages taken.
fn fill(queue: &Queue) -> usize {
    let body = "x".repeat(100_000);
    for sent in 0..5_000 {
        if let Err(refusal) = queue.call("SendMessage", json!({ "MessageBody": body })) {
            assert_eq!((refusal.status, refusal.code.as_str()), (503, "ServiceUnavailable"), "{refusal:?}");
            refusal.saying("disk is full");
            return sent;
        }
    }
    panic!("the file system never became full");
}

fn in_small_file_system() -> Broker {
    Launch::new().in_file_system(96).configured("[storage]\nsegment_bytes = 8388608").start()
}

fn a_full_disk_refuses_sends_and_nothing_else() {
    let mut broker = in_small_file_system();
    let queue = broker.json_client().queue();
    // Space that another process takes, and gives back later.
    let ballast = broker.data_as_seen_from_here().join("ballast");
    std::fs::write(&ballast, vec![1; 8 << 20]).expect("there is room for it");
    let sent = fill(&queue);
    assert!(sent > 10, "{sent}");
    assert_eq!(queue.counts()[0], sent as u64, "what was refused is not there");
    let received = queue.receive();
    assert_eq!(received.len(), 10);
    queue.delete_all(&received[..5]);
    queue.change_visibility(&received[5], 0);
    assert_eq!(queue.counts().iter().sum::<u64>(), sent as u64 - 5);
    assert_eq!(broker.admin_get("/healthz").expect("an answer").status, 200, "a restart would not help");
    let unready = broker.admin_get("/readyz").expect("an answer");
    assert_eq!(unready.status, 503, "{unready:?}");
    assert!(unready.text().contains("Every request that adds data is refused"), "{unready:?}");
    assert!(unready.text().contains("No space left on device"), "{unready:?}");
    let errors = lines(&broker, "ERROR", &["the disk is full", "errno=28", ".spare"]);
    assert_eq!(errors.len(), 1, "one line, however many sends are refused: {errors:?}");
    std::fs::remove_file(&ballast).expect("it is there");
    eventually("a send after room was made", || queue.call("SendMessage", json!({ "MessageBody": "again" })).ok());
    assert_eq!(queue.counts().iter().sum::<u64>(), sent as u64 - 4);
    assert_eq!(broker.admin_get("/readyz").expect("an answer").status, 200, "there is room again");
    eventually("the line that it is over", || {
        (lines(&broker, "INFO", &["the log has its files again"]).len() == 1).then_some(())
    });
    broker.stop();
}

fn space_comes_back_as_messages_go() {
    let mut broker = in_small_file_system();
    let queue = broker.json_client().queue();
    let sent = fill(&queue);
    let mut deleted = 0;
    while deleted < sent {
        let received = queue.receive();
        assert!(!received.is_empty(), "{deleted} of {sent}");
        assert!(received.iter().all(|message| message.body.len() == 100_000));
        queue.delete_all(&received);
        deleted += received.len();
    }
    eventually("a send after room was made", || queue.call("SendMessage", json!({ "MessageBody": "again" })).ok());
    queue.gives(&["again"]);
    let again = fill(&queue);
    assert!(again * 2 > sent, "most of the space came back: {again} after {sent}");
    broker.stop();
}
