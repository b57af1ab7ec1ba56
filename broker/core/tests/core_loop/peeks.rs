//! Looks at messages whose records and pages lie on the disk.

use std::sync::atomic::Ordering;

use posthouse_model::operation::{PeekMessages, Peeked, PeekedState, ShownStates};
use posthouse_model::{Fault, MessageKey, PageSize, Reply, Request};

use super::pages::{MESSAGES, fill, inspect, paged, receive_ten};
use super::{Broker, queue};

fn peek(broker: &Broker, after: Option<MessageKey>) -> Result<(Vec<Peeked>, Option<MessageKey>), Fault> {
    let request = PeekMessages { queue: queue(), after, states: ShownStates::ALL, messages_max: PageSize::MAX };
    match broker.ask(Request::PeekMessages(request)) {
        Ok(Reply::Peeked(page)) => Ok((page.items, page.next)),
        Ok(other) => panic!("not the reply to a look: {other:?}"),
        Err(fault) => Err(fault),
    }
}

fn peek_all(broker: &Broker) -> Vec<Peeked> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (items, next) = peek(broker, after).expect("a look");
        all.extend(items);
        after = next;
        if after.is_none() {
            return all;
        }
    }
}

/// All messages are shown in their order, and which pages are in memory stays as it is. Then all of them are received.
#[test]
fn a_look_at_a_backlog_in_pages_brings_none_into_memory() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let broker = Broker::start(directory.path(), paged());
    broker.create();
    fill(&broker);
    let Ok(Reply::ReceiveMessage(received)) = broker.ask(receive_ten(0)) else { panic!("messages wait") };
    let before = inspect(&broker);
    let shown = peek_all(&broker);
    assert_eq!(shown.len(), MESSAGES);
    for (number, peeked) in shown.iter().enumerate() {
        let Peeked::Message(message, state) = peeked else { panic!("{peeked:?}") };
        assert_eq!(message.message.body(), format!("m{number}"));
        assert_eq!(matches!(state, PeekedState::InFlight(_)), number < received.len(), "{number}: {state:?}");
        assert_eq!(message.receive_count, u32::from(number < received.len()));
    }
    let after = inspect(&broker);
    assert_eq!(before.index, after.index, "pages in memory");
    assert_eq!(before.overview.queues[0].counters, after.overview.queues[0].counters);
    broker.stop();
}

/// What cannot be read is shown as such, and nothing is set aside for it.
#[test]
fn a_look_shows_what_cannot_be_read() {
    const EMFILE: i32 = 24;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut options = paged();
    // Nothing that was read stays in memory.
    options.log.read_cache_bytes = 0;
    let broker = Broker::start(directory.path(), options);
    broker.create();
    fill(&broker);
    broker.read_errno.store(EMFILE, Ordering::Relaxed);
    let shown = peek_all(&broker);
    broker.read_errno.store(0, Ordering::Relaxed);
    let counted = shown.iter().map(|peeked| match peeked {
        Peeked::Message(..) | Peeked::Damaged { .. } => 1,
        Peeked::Unreadable { cause, .. } => {
            assert_eq!(*cause, None, "the error says nothing of the record");
            1
        }
        Peeked::Unlisted { messages, .. } => *messages as usize,
    });
    assert_eq!(counted.sum::<usize>(), MESSAGES);
    assert!(shown.iter().any(|peeked| matches!(peeked, Peeked::Unreadable { .. })), "messages");
    assert!(shown.iter().any(|peeked| matches!(peeked, Peeked::Unlisted { .. })), "pages");
    assert!(broker.damaged().is_empty(), "a look changes nothing");
    assert_eq!(peek_all(&broker).len(), MESSAGES);
    broker.stop();
}
