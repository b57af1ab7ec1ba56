//! A stream of arbitrary bytes, in two pieces, on both sides of a connection. Whatever is read from it is written and
//! read again, and says the same.
#![no_main]

use bytes::{Buf as _, Bytes};
use libfuzzer_sys::fuzz_target;
use posthouse_wire::{
    Assembler, Check, DeliverBuilder, Encoded, Frame, FromBroker, FromClient, Outgoing, Payload, SendBuilder, Splitter,
};

/// The frame that `write` writes, as the other side reads it.
fn again(write: impl FnOnce(&mut Outgoing)) -> Frame {
    let mut out = Outgoing::new(Check::Crc32c);
    write(&mut out);
    let mut chunks = out.take();
    let mut splitter = Splitter::new(Check::Crc32c);
    splitter.allow_long_frames();
    splitter.buffer(0).extend_from_slice(&chunks.copy_to_bytes(chunks.remaining()));
    splitter.next_frame().expect("a valid frame").expect("a whole frame")
}

fn small<P: Payload>(frame: &Frame, payload: &P) -> Frame {
    again(|out| out.frame(frame.address(), payload))
}

fn large(frame: &Frame, encoded: Option<Encoded>) -> Frame {
    again(|out| out.encoded(frame.address(), &encoded.expect("a payload with a message")))
}

fn from_client(frame: &Frame) {
    let Ok(read) = FromClient::decode(frame) else { return };
    let written = match &read {
        FromClient::Hello(payload) => small(frame, payload),
        FromClient::Prove(payload) => small(frame, payload),
        FromClient::OpenProducer(payload) => small(frame, payload),
        FromClient::OpenConsumer(payload) => small(frame, payload),
        FromClient::Close(payload) => small(frame, payload),
        FromClient::Credit(payload) => small(frame, payload),
        FromClient::Settle(payload) => small(frame, payload),
        FromClient::GetHandle(payload) => small(frame, payload),
        FromClient::Cancel(payload) => small(frame, payload),
        FromClient::Ping(payload) => small(frame, payload),
        FromClient::Pong(payload) => small(frame, payload),
        FromClient::Call(_) => return,
        FromClient::Send(send) => {
            let mut builder = SendBuilder::new(send.first());
            for entry in send.entries() {
                let Ok(entry) = entry else { return };
                if entry.head.attributes.iter().any(|attribute| attribute.is_err()) {
                    return;
                }
                // One that is larger than the limit was not made by a builder.
                let Ok(()) = builder.push(&entry.head, &[frame.share(entry.body)]) else { return };
            }
            let written = large(frame, builder.finish());
            let Ok(FromClient::Send(other)) = FromClient::decode(&written) else { panic!("not a SEND") };
            assert!(send.entries().eq(other.entries()));
            return;
        }
    };
    assert_eq!(FromClient::decode(&written), Ok(read));
}

fn from_broker(frame: &Frame) {
    let Ok(read) = FromBroker::decode(frame) else { return };
    let written = match &read {
        FromBroker::Challenge(payload) => small(frame, payload),
        FromBroker::Ready(payload) => small(frame, payload),
        FromBroker::ProducerOpened(payload) => small(frame, payload),
        FromBroker::ConsumerOpened(payload) => small(frame, payload),
        FromBroker::Closed(payload) => small(frame, payload),
        FromBroker::Settled(payload) => small(frame, payload),
        FromBroker::Handle(payload) => small(frame, payload),
        FromBroker::Ping(payload) => small(frame, payload),
        FromBroker::Pong(payload) => small(frame, payload),
        FromBroker::GoAway(payload) => small(frame, payload),
        FromBroker::Fault(payload) => small(frame, payload),
        FromBroker::Sent(payload) => small(frame, payload),
        FromBroker::Reply(_) => return,
        FromBroker::Deliver(deliver) => {
            let mut builder = DeliverBuilder::new(deliver.first());
            for entry in deliver.entries() {
                let Ok(entry) = entry else { return };
                if entry.head.attributes.iter().any(|attribute| attribute.is_err()) {
                    return;
                }
                builder.push(&entry.head, &[frame.share(entry.body), Bytes::new()]).expect("as many as there were");
            }
            let written = large(frame, builder.finish());
            let Ok(FromBroker::Deliver(other)) = FromBroker::decode(&written) else { panic!("not a DELIVER") };
            assert!(deliver.entries().eq(other.entries()));
            return;
        }
    };
    assert_eq!(FromBroker::decode(&written), Ok(read));
}

fuzz_target!(|input: &[u8]| {
    let Some((&cut, stream)) = input.split_first() else { return };
    let (first, second) = stream.split_at(stream.len().min(cut.into()));
    let mut splitter = Splitter::new(Check::Absent);
    splitter.allow_long_frames();
    let mut assembler = Assembler::new(1 << 16);
    for bytes in [first, second] {
        splitter.buffer(bytes.len()).extend_from_slice(bytes);
        loop {
            let Ok(frame) = splitter.next_frame() else { return };
            let Some(frame) = frame else { break };
            let Ok(whole) = assembler.push(frame) else { return };
            if let Some(frame) = whole {
                from_client(&frame);
                from_broker(&frame);
            }
        }
    }
});
