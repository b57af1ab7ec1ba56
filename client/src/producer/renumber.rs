//! The same messages under other numbers.

use posthouse_wire::{Address, Encoded, Frame, FromClient, Header, MessageNumber, Part, SendBuilder};

/// A SEND with the messages of another one, whose first message has this number.
pub(super) fn renumbered(payload: &Encoded, first: MessageNumber) -> Encoded {
    let bytes: Vec<u8> = payload.chunks().iter().flat_map(|chunk| chunk.iter().copied()).collect();
    let header = Header { kind: payload.kind(), address: Address::CONNECTION, part: Part::Last };
    let frame = Frame { header, payload: bytes.into() };
    let mut builder = SendBuilder::new(first);
    if let Ok(FromClient::Send(messages)) = FromClient::decode(&frame) {
        for entry in messages.entries().flatten() {
            let pushed = builder.push(&entry.head, &[frame.share(entry.body)]);
            debug_assert!(pushed.is_ok(), "the same messages fit into a frame again");
        }
    }
    builder.finish().unwrap_or_else(|| payload.clone())
}
