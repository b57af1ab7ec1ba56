//! Directories that a backup cannot be made into.

use super::{back_up, contents, posthouse, text, whole};
use crate::storage::segments::Segment;
use crate::support::Launch;
use crate::support::http::{Connection, Request};

pub(super) fn unusable_targets_are_reported() {
    let broker = Launch::new().start();
    let occupied = tempfile::tempdir().expect("a directory");
    std::fs::write(occupied.path().join("letter"), "keep me").expect("written");
    let nested = broker.data.join("backups");
    let above = broker.data.parent().expect("a directory").to_owned();
    for (to, parts) in [
        (occupied.path(), &["letter", "choose an empty directory"][..]),
        (&nested, &["lie within each other"]),
        (&broker.data, &["lie within each other"]),
        (&above, &["lie within each other"]),
        ("/proc/backups".as_ref(), &["/proc/backups"]),
    ] {
        let (status, said) = back_up(&broker, to, &[]);
        assert_eq!(status, 1, "{}: {said}", to.display());
        for part in parts {
            assert!(said.contains(part), "{part} in: {said}");
        }
    }
    assert!(!nested.exists(), "nothing was made");
    assert_eq!(std::fs::read_dir(occupied.path()).expect("a directory").count(), 2, "the letter and a lock");
    // Another log.
    let other = Launch::new().start();
    let to = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&other, to.path(), &[]).0, 0);
    let (status, said) = back_up(&broker, to.path(), &[]);
    assert!(status == 1 && said.contains("another data directory"), "{status}: {said}");
    let nowhere = tempfile::tempdir().expect("a directory");
    let (status, said) = posthouse(&["backup", "--admin-listen", "127.0.0.1:9", "--to", text(nowhere.path())]);
    assert!(status == 1 && said.contains("no broker listens on 127.0.0.1:9"), "{status}: {said}");
}

pub(super) fn a_target_of_another_history_is_refused() {
    let mut broker = Launch::new().start();
    broker.json_client().queue().send("one");
    let to = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&broker, to.path(), &["--keep", "2"]).0, 0);
    broker.json_client().queue().send("two");
    assert_eq!(back_up(&broker, to.path(), &["--keep", "2"]).0, 0);
    let first = whole(to.path()).remove(0);
    broker.stop();
    // The directory is put back to the first backup, by hand.
    for entry in std::fs::read_dir(&broker.data).expect("a directory") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    for entry in std::fs::read_dir(&first).expect("a directory") {
        let entry = entry.expect("an entry");
        std::fs::copy(entry.path(), broker.data.join(entry.file_name())).expect("copied");
    }
    broker.restart();
    broker.json_client().queue().send("another two");
    let (status, said) = back_up(&broker, to.path(), &[]);
    assert!(status == 1 && said.contains("another history"), "{status}: {said}");
    assert_eq!(whole(to.path()).len(), 2, "both are there");
    let fresh = tempfile::tempdir().expect("a directory");
    assert_eq!(back_up(&broker, fresh.path(), &[]).0, 0);
}

/// The data directory is put back to an older state of itself, as a snapshot of a volume would be: with all its files.
pub(super) fn a_directory_that_was_put_back_has_another_history() {
    let mut broker = Launch::new().start();
    let queue = broker.json_client().queue();
    queue.send("one");
    let (to, early) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    assert_eq!(back_up(&broker, early.path(), &[]).0, 0);
    broker.stop();
    let older = contents(&broker.data);
    broker.restart();
    queue.send("two");
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0);
    broker.stop();
    broker.restart();
    assert_eq!(back_up(&broker, to.path(), &[]).0, 0, "a restart changes no history");
    broker.stop();
    for entry in std::fs::read_dir(&broker.data).expect("a directory") {
        std::fs::remove_file(entry.expect("an entry").path()).expect("removed");
    }
    for (file, bytes) in older {
        std::fs::write(broker.data.join(file), bytes).expect("written");
    }
    broker.restart();
    queue.send("another two");
    let (status, said) = back_up(&broker, to.path(), &[]);
    assert!(status == 1 && said.contains("another history"), "{status}: {said}");
    let (status, said) = back_up(&broker, early.path(), &[]);
    assert_eq!(status, 0, "what was backed up before is in both histories: {said}");
}

pub(super) fn a_full_target_is_reported_and_the_broker_goes_on() {
    let home = tempfile::tempdir().expect("a directory");
    let full = home.path().join("full");
    std::fs::create_dir(&full).expect("made");
    let broker = Launch::new().configured("[storage]\nsegment_bytes = 8388608").mounted(&full, 12).start();
    let queue = broker.json_client().queue();
    while Segment::all(&broker.data).len() < 4 {
        queue.send(&"x".repeat(900_000));
    }
    for attempt in 0..2 {
        let (status, said) = back_up(&broker, &full, &[]);
        assert!(status == 1 && said.contains("No space left on device"), "attempt {attempt}: {status}: {said}");
    }
    queue.send("the broker goes on");
}

pub(super) fn a_read_only_target_is_reported_and_the_broker_goes_on() {
    let home = tempfile::tempdir().expect("a directory");
    let fixed = home.path().join("fixed");
    std::fs::create_dir(&fixed).expect("made");
    let broker = Launch::new().mounted_read_only(&fixed).start();
    let (status, said) = back_up(&broker, &fixed, &[]);
    assert!(status == 1 && said.contains("Read-only file system"), "{status}: {said}");
    let (status, said) = back_up(&broker, &fixed.join("deeper"), &[]);
    assert!(status == 1 && said.contains("Read-only file system"), "{status}: {said}");
    broker.json_client().queue().send("the broker goes on");
}

pub(super) fn pages_cannot_ask_for_backups() {
    let broker = Launch::new().start();
    let to = tempfile::tempdir().expect("a directory");
    let order = format!("{{\"to\":{:?},\"rate\":0,\"keep\":1}}", text(to.path()));
    let ask = |method: &str, body: &str, headers: &[(&str, &str)]| {
        let mut connection = Connection::open(broker.admin).expect("the admin listener accepts");
        let request = Request::new(method, "/backup", body);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        connection.exchange(&request).expect("the admin listener answers").status
    };
    assert_eq!(ask("PUT", &order, &[("Origin", "http://evil.example")]), 403);
    assert_eq!(ask("PUT", &order, &[("Sec-Fetch-Site", "cross-site")]), 403);
    assert_eq!(ask("POST", &order, &[]), 405);
    assert_eq!(ask("DELETE", "", &[]), 409);
    for wrong in
        ["", "{}", "[1]", "{\"to\":\"relative\",\"rate\":0,\"keep\":1}", "{\"to\":\"/a\",\"rate\":0,\"keep\":0}"]
    {
        assert_eq!(ask("PUT", wrong, &[]), 400, "{wrong}");
    }
    assert_eq!(std::fs::read_dir(to.path()).expect("a directory").count(), 0, "nothing was made");
    assert_eq!(ask("GET", "", &[]), 200);
}
