//! Tests of what is remembered of one producer.

use super::*;
use posthouse_model::AccountId;

const NOW: Timestamp = Timestamp::from_millis(1_000_000);

fn producer() -> Producer {
    let key = ProducerKey([1; 16]);
    Producer::new(NumberedTarget::Queue(QueueId::FIRST), key, MessageNumber::FIRST, NOW)
}

fn number(number: u64) -> MessageNumber {
    MessageNumber::new(number)
}

fn refused(messages: u32, refusal: Refusal) -> Run {
    Run { first: MessageNumber::NONE, messages, exception: Exception::Refused(refusal) }
}

#[test]
fn each_number_is_recalled_as_it_was_decided() {
    let mut producer = producer();
    producer.taken(MessageKey::new(100), KeysKept::Latest);
    producer.excepted(&refused(2, Refusal::GroupMissing), KeysKept::Latest);
    producer.excepted(&refused(1, Refusal::Throttled), KeysKept::Latest);
    producer.taken(MessageKey::new(200), KeysKept::Latest);
    let duplicate = Exception::Duplicate { message: MessageKey::new(100), id: MessageId::from_bytes([2; 16]) };
    producer.excepted(&Run { first: MessageNumber::NONE, messages: 1, exception: duplicate }, KeysKept::Latest);
    let recalled: Vec<_> = (1..=6).map(|n| producer.recall(number(n))).collect();
    let refused = |refusal| Recalled::Excepted(Exception::Refused(refusal));
    let taken = |key| Recalled::Taken(Some(MessageKey::new(key)));
    let expected = [
        taken(100),
        refused(Refusal::GroupMissing),
        refused(Refusal::GroupMissing),
        refused(Refusal::Throttled),
        taken(200),
        Recalled::Excepted(duplicate),
    ];
    assert_eq!(recalled, expected);
    assert_eq!((producer.last, producer.runs.len(), producer.recall(number(0))), (number(6), 3, Recalled::Forgotten));
    assert!(producer.is_consistent());
}

#[test]
fn of_a_standard_queue_the_last_number_is_enough() {
    let mut producer = producer();
    (0..100_000).for_each(|key| producer.taken(MessageKey::new(key), KeysKept::None));
    assert_eq!((producer.recall(number(1)), producer.last), (Recalled::Taken(None), number(100_000)));
    assert_eq!(producer.bytes(), BASE_BYTES);
    producer.excepted(&refused(u32::MAX - 5, Refusal::Throttled), KeysKept::None);
    producer.excepted(&refused(5, Refusal::Throttled), KeysKept::None);
    assert_eq!(producer.runs.len(), 1, "what came of many at once is one run");
    producer.excepted(&refused(5, Refusal::Throttled), KeysKept::None);
    assert_eq!(producer.runs.len(), 2, "a run has a length of 32 bits");
    let unheard = Run { first: MessageNumber::NONE, messages: 1, exception: Exception::Unheard };
    producer.excepted(&unheard, KeysKept::None);
    assert_eq!((producer.recall(producer.last), producer.runs.len()), (Recalled::Taken(None), 2));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut fifo = producer();
    (1..=3000).for_each(|key| fifo.taken(MessageKey::new(key), KeysKept::Latest));
    assert_eq!(fifo.recall(number(3000 - 1024)), Recalled::Forgotten);
    assert_eq!(fifo.recall(number(3001 - 1024)), Recalled::Taken(Some(MessageKey::new(3001 - 1024))));
    let mut standard = producer();
    for _ in 0..2000 {
        standard.excepted(&refused(1, Refusal::Throttled), KeysKept::None);
        standard.taken(MessageKey::new(1), KeysKept::None);
    }
    let oldest = number(2 * (2000 - 1024) + 1);
    assert_eq!(standard.recall(oldest), Recalled::Excepted(Exception::Refused(Refusal::Throttled)));
    assert_eq!(standard.recall(number(oldest.get() - 1)), Recalled::Taken(None));
    assert_eq!(standard.recall(number(oldest.get() - 2)), Recalled::Forgotten);
    for producer in [fifo, standard] {
        assert!(producer.is_consistent() && producer.bytes() <= PRODUCER_BYTES_MAX);
    }
}

#[test]
fn a_caller_names_its_own_producers_only() {
    let producer = ProducerId::from_bytes([1; 16]);
    let user = |account: &str, name| Identity::user(account.parse::<AccountId>().expect("an account"), name);
    let callers = [
        user("000000000001", "a"),
        user("000000000001", "b"),
        user("000000000002", "a"),
        Identity::Anonymous,
        Identity::Broker,
    ];
    let keys: Vec<_> = callers.iter().map(|caller| ProducerKey::new(&producer, caller)).collect();
    assert!((1..keys.len()).all(|index| !keys[..index].contains(&keys[index])), "{keys:?}");
    assert_ne!(ProducerKey::new(&ProducerId::from_bytes([2; 16]), &callers[0]), keys[0]);
}
