//! `OpenProducer`: whether a producer may send to a queue or publish to a topic, and what it needs to know.

use std::sync::Arc;

use posthouse_model::limits::{PRODUCER_SEQUENCE_NUMBERS_MAX, PRODUCER_WINDOW_MESSAGES};
use posthouse_model::operation::{OpenProducer, ProducerOpened, ProducerTarget, Reply};
use posthouse_model::{Action, Caller};

use super::{Answered, DecisionResult};
use crate::decision::Decision;
use crate::producer::{NumberedTarget, ProducerKey};

pub(super) fn open(decision: &mut Decision<'_>, caller: &Caller, request: &OpenProducer) -> DecisionResult {
    let key = ProducerKey::new(&request.producer, &caller.identity);
    let last = |decision: &Decision<'_>, target: &NumberedTarget| {
        decision.state().producers.find(target, key, decision.now).map(|producer| producer.last)
    };
    let opened = match &request.target {
        ProducerTarget::Queue(address) => {
            let id = decision.authorize_queue(caller, Action::SendMessage, address)?;
            let attributes = &decision.queue(id).attributes;
            ProducerOpened {
                last: last(decision, &NumberedTarget::Queue(id)),
                remembers_all: decision.remembers_all_producers(&NumberedTarget::Queue(id)),
                fifo: attributes.fifo,
                content_based_deduplication: attributes.content_based_deduplication,
                message_bytes_max: attributes.maximum_message_size.get(),
                window_messages: window(attributes.fifo),
            }
        }
        ProducerTarget::Topic(address) => {
            decision.authorize_topic(caller, Action::Publish, address)?;
            let definition = &decision.topic(address).definition;
            let target = NumberedTarget::Topic(Arc::clone(&definition.address));
            let fifo = definition.deduplication_queue.is_some();
            ProducerOpened {
                last: last(decision, &target),
                remembers_all: decision.remembers_all_producers(&target),
                fifo,
                content_based_deduplication: definition.attributes.content_based_deduplication(),
                message_bytes_max: definition.attributes.maximum_message_size_bytes(),
                window_messages: window(fifo),
            }
        }
    };
    Ok(Answered::done(decision, Reply::ProducerOpened(opened)))
}

/// How many messages a producer may have unanswered.
fn window(fifo: bool) -> u32 {
    let most = u32::try_from(PRODUCER_SEQUENCE_NUMBERS_MAX).expect("a window is small");
    if fifo { most } else { PRODUCER_WINDOW_MESSAGES }
}
