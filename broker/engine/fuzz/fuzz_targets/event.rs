//! Events read back from the log: the input is a series of them, each a kind, a length and a payload. A payload that
//! names a message body is also read as one, as it lies in the first queues.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use posthouse_engine::{Journal, Options, Position, References, Replay, Replayed, stored_message};
use posthouse_model::QueueId;

/// Replay appends nothing; references are not counted here.
struct Nowhere;

impl Journal for Nowhere {
    fn append(&mut self, _: u8, _: &[&[u8]]) -> Position {
        unreachable!("replay makes no events")
    }

    fn region_end(&self, _: Position) -> Position {
        Position::new(u64::MAX)
    }

    fn retain_many(&mut self, _: Position, _: References) {}

    fn release_many(&mut self, _: Position, _: References) {}
}

fuzz_target!(|input: &[u8]| {
    let mut replay = Replay::new(Options::default());
    let (mut rest, mut position) = (input, 4096);
    while let Some((&[kind, length], after)) = rest.split_first_chunk::<2>() {
        let Some((payload, after)) = after.split_at_checked(usize::from(length)) else { return };
        let payload = Bytes::copy_from_slice(payload);
        for queue in 0..4 {
            let _ = stored_message(payload.clone(), Position::new(position), QueueId::new(queue), 0);
        }
        if !matches!(replay.event(Position::new(position), kind, &payload, &mut Nowhere), Ok(Replayed::Applied)) {
            return;
        }
        position += 512;
        rest = after;
    }
});
