//! A native producer's batch in a log that a crash has cut off: behind whichever record of it the log ends, what is sent
//! again then is stored once.

use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{
    GivenIds, MessageNumber, MessagesSent, Numbering, ProducerId, ReceiveMessage, SendEntry, SendMessages,
};
use posthouse_model::{Fault, MessageCount, ReceiveWait, Reply, Request};

use super::torn::Copied;
use super::{Broker, options, queue};

/// Kinds of records of a producer's batch.
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
        let draft = MessageDraft::new(PRODUCER.message_id(MessageNumber::new(number)), body, "000000000000");
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

#[test]
fn a_log_that_ends_within_a_batch_holds_each_message_with_its_number() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), options());
    broker.create();
    let sent = send(&broker);
    let copied = Copied::of_running(directory.path());
    broker.stop();

    let of_batch = copied.records().into_iter().skip_while(|(_, kind)| *kind != PRODUCER_NOTED);
    let of_batch: Vec<_> = of_batch.filter(|(_, kind)| [PRODUCER_NOTED, NUMBERED_ENQUEUED].contains(kind)).collect();
    assert_eq!(of_batch.len(), 7, "three notes: before the first, for each that is refused; and four messages");
    let cuts = of_batch.iter().flat_map(|(range, _)| [range.start, range.start + 12, range.end]);
    for cut in cuts {
        let torn = copied.cut_off(cut);
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
