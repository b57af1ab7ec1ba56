//! `posthouse verify`.

use std::path::Path;

use super::{contents, posthouse, text};
use crate::storage::segments::Segment;
use crate::support::{Broker, Launch};

/// Runs `posthouse verify`. Returns its exit status and all that it wrote.
#[track_caller]
pub(crate) fn verify(directory: &Path) -> (i32, String) {
    verify_as(directory, &[])
}

/// The same with more arguments.
#[track_caller]
pub(crate) fn verify_as(directory: &Path, more: &[&str]) -> (i32, String) {
    posthouse(&[&["verify", text(directory)], more].concat())
}

/// A broker that has stopped, with messages in several segments.
fn stopped() -> Broker {
    let mut broker = Launch::new().configured("[storage]\nsegment_bytes = 8388608").start();
    let queue = broker.json_client().queue();
    queue.send("the first");
    while Segment::all(&broker.data).len() < 3 {
        queue.send(&"x".repeat(900_000));
    }
    queue.send("the last");
    broker.stop();
    broker
}

pub(super) fn a_sound_directory_is_sound_and_unchanged() {
    let mut broker = stopped();
    let before = contents(&broker.data);
    let (status, said) = verify(&broker.data);
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("0000000000001000.segment  closed"), "{said}");
    assert!(said.contains("sound: 1 queues with "), "{said}");
    assert_eq!(contents(&broker.data), before, "nothing was changed");
    broker.restart();
    broker.kill();
    let (status, said) = verify(&broker.data);
    assert_eq!(status, 0, "after a kill: {said}");
}

pub(super) fn each_kind_of_damage_is_found_and_named() {
    let broker = stopped();
    let sound = contents(&broker.data);
    let restored = || {
        for (name, bytes) in &sound {
            std::fs::write(broker.data.join(name), bytes).expect("written");
        }
    };
    let damaged = |parts: &[&str]| {
        let (status, said) = verify(&broker.data);
        assert_eq!(status, 1, "{said}");
        for part in parts {
            assert!(said.contains(part), "{part} in:\n{said}");
        }
        restored();
        assert_eq!(verify(&broker.data).0, 0);
    };
    let first = Segment::all(&broker.data).into_iter().next().expect("a segment");
    let place = first.places_of(b"the first")[0];
    first.flip(place);
    let record = first.record_around(place);
    damaged(&[
        "0000000000001000.segment",
        "DAMAGED",
        &format!("a damaged record at offset {record};"),
        "no broker starts",
    ]);
    first.flip(24);
    damaged(&["0000000000001000.segment", "its header: ", "no broker starts"]);
    std::fs::remove_file(first.path()).expect("removed");
    damaged(&["no broker starts", "the segment is missing"]);
    std::fs::write(broker.data.join("superblock"), [0; 8192]).expect("written");
    damaged(&["superblock", "neither slot"]);
    let mut superblock = sound["superblock"].clone();
    superblock[20] ^= 1;
    std::fs::write(broker.data.join("superblock"), &superblock).expect("written");
    let (status, said) = verify(&broker.data);
    assert!(status == 1 && said.contains("the superblock at offset 0") || said.contains("no broker starts"), "{said}");
    restored();
    std::fs::remove_file(broker.data.join("superblock")).expect("removed");
    damaged(&["superblock", "it is missing"]);
}

pub(super) fn what_cannot_be_verified_is_no_damage() {
    let broker = Launch::new().start();
    let (status, said) = verify(&broker.data);
    assert!(status == 2 && said.contains("a broker runs on") && said.contains("posthouse backup"), "{status}: {said}");
    let empty = tempfile::tempdir().expect("a directory");
    let (status, said) = verify(empty.path());
    assert!(status == 2 && said.contains("holds no data directory and no backup"), "{status}: {said}");
    let (status, said) = verify(&empty.path().join("none"));
    assert!(status == 2 && said.contains("cannot read"), "{status}: {said}");
}
