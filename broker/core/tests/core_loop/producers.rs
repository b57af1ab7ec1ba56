//! A native producer's batch in a log that a crash has cut off: behind whichever record of it the log ends, what is sent
//! again then is stored once.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{
    GivenIds, MessageNumber, MessagesSent, Numbering, ProducerId, ReceiveMessage, SendEntry, SendMessages,
};
use posthouse_model::{Fault, MessageCount, ReceiveWait, Reply, Request};

use super::{Broker, options, queue};

/// Kinds of records: of the log itself, and of a producer's batch.
const PADDING: u8 = 255;
const PRODUCER_NOTED: u8 = 61;
const NUMBERED_ENQUEUED: u8 = 62;

const PRODUCER: ProducerId = ProducerId::from_bytes([7; 16]);
const BODIES: [&str; 6] = ["m1", "m2", "-", "m4", "m5", "-"];

/// The messages of [`BODIES`], with the numbers from 1 on. `-` is refused.
fn batch() -> Request {
    let entries = (1..).zip(BODIES).map(|(number, body)| {
        if body == "-" {
            return SendEntry::refused(1, GivenIds::default(), Fault::InvalidMessageContents);
        }
        let draft = MessageDraft {
            id: PRODUCER.message_id(MessageNumber::new(number)),
            body,
            attributes: Vec::new(),
            trace_header: None,
            group: None,
            deduplication: None,
            fifo: false,
            sender: "000000000000",
        };
        SendEntry::new(None, draft.seal().expect("valid"))
    });
    let numbering = Numbering { producer: PRODUCER, first: MessageNumber::FIRST, answered: MessageNumber::NONE };
    Request::SendMessages(SendMessages::new(queue(), numbering, entries.collect()).expect("a batch"))
}

fn send(broker: &Broker) -> MessagesSent {
    match broker.ask(batch()) {
        Ok(Reply::MessagesSent(sent)) => sent,
        other => panic!("{other:?}"),
    }
}

/// The only segment of a directory.
fn segment(directory: &Path) -> PathBuf {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let mut segments = entries.filter(|path| path.extension().is_some_and(|extension| extension == "segment"));
    let first = segments.next().expect("a segment");
    assert_eq!(segments.next(), None, "one segment is enough");
    first
}

/// The records of a segment, as `docs/format.md` draws them: where each lies, and its kind.
fn records(bytes: &[u8]) -> Vec<(Range<usize>, u8)> {
    const HEADER: usize = 4096;
    let (mut at, mut records) = (HEADER, Vec::new());
    while let Some([_, _, _, _, l0, l1, l2, kind]) = bytes.get(at..at + 8)
        && *kind != 0
    {
        let end = at + 8 + u32::from_le_bytes([*l0, *l1, *l2, 0]).next_multiple_of(8) as usize;
        if *kind != PADDING {
            records.push((at..end, *kind));
        }
        at = end;
    }
    records
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a file"))).expect("copied");
    }
}

#[test]
fn a_log_that_ends_within_a_batch_holds_each_message_with_its_number() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    broker.create();
    let sent = send(&broker);
    // As a crash leaves it: the copy is of a running broker, all of whose events are on disk.
    let crashed = tempfile::tempdir().expect("a temporary directory");
    copy(directory.path(), crashed.path());
    broker.stop();

    let path = segment(crashed.path());
    let bytes = fs::read(&path).expect("a file");
    let of_batch = records(&bytes);
    let of_batch = of_batch.iter().skip_while(|(_, kind)| *kind != PRODUCER_NOTED);
    let of_batch: Vec<_> = of_batch.filter(|(_, kind)| [PRODUCER_NOTED, NUMBERED_ENQUEUED].contains(kind)).collect();
    assert_eq!(of_batch.len(), 7, "three notes: before the first, for each that is refused; and four messages");
    let cuts = of_batch.iter().flat_map(|(range, _)| [range.start, range.start + 12, range.end]);
    for cut in cuts {
        let torn = tempfile::tempdir().expect("a temporary directory");
        copy(crashed.path(), torn.path());
        let mut bytes = bytes.clone();
        bytes[cut..].fill(0);
        fs::write(torn.path().join(path.file_name().expect("a file")), bytes).expect("written");

        for round in 0..2 {
            let broker = Broker::start(torn.path(), options());
            assert_eq!(send(&broker), sent, "cut at {cut}, round {round}");
            broker.stop();
        }
        let broker = Broker::start(torn.path(), options());
        let receive = Request::ReceiveMessage(ReceiveMessage {
            queue: queue(),
            messages_max: MessageCount::MAX,
            visibility_timeout: None,
            wait: Some(ReceiveWait::ZERO),
            attempt: None,
        });
        let Ok(Reply::ReceiveMessage(messages)) = broker.ask(receive) else { panic!("a receive") };
        let got: Vec<_> = messages.iter().map(|message| message.message.body().to_owned()).collect();
        assert_eq!(got, ["m1", "m2", "m4", "m5"], "cut at {cut}");
        broker.stop();
    }
}
