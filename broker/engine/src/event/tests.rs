//! Each event: its golden bytes, its round trip, and its refusal when cut or extended.

use std::borrow::Cow;
use std::sync::Arc;

use posthouse_model::message::MessageDraft;
use posthouse_model::notification::{NotificationForm, NotificationSource, PushFailure};
use posthouse_model::operation::{DamageCause, MoveTaskId, MoveTaskStatus, PublishTarget, Tags};
use posthouse_model::ranges::MoveRate;
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    AttributeChanges, DataProtectionPolicy, Endpoint, EndpointAttributes, EndpointChanges, MessageId, MessageKey,
    MessageNumber, QueueAddress, QueueAttributes, QueueId, SequenceNumber, StoredMessage, SubscriptionAttributes,
    SubscriptionId, SubscriptionProtocol, Timestamp, TopicAddress, TopicAttributes,
};

use super::checkpoint::*;
use super::clock_set::*;
use super::damaged_kept::*;
use super::dead_lettered::*;
use super::enqueued::*;
use super::given_back::*;
use super::move_task::*;
use super::pages::*;
use super::producer::*;
use super::published::*;
use super::queue::*;
use super::received::*;
use super::registry::*;
use super::removed::*;
use super::set_aside::*;
use super::topic::*;
use super::visibility_changed::*;
use super::window_moved::*;
use super::*;
use crate::journal::{BodyRef, Position, References};
use crate::producer::{Exception, NumberedTarget, Producer, ProducerKey, Run};
use crate::queue::bucket::Bucket;
use crate::queue::damaged::Damaged;
use crate::queue::deduplication::{Original, ScopedKey};
use crate::queue::lanes::Turn;
use crate::queue::message::MessageState;
use crate::queue::move_task::MoveTask;
use crate::queue::origin::Origin;
use crate::queue::pages::extra::Extra;
use crate::queue::pages::groups::PageGroups;
use crate::queue::pages::page::{Entry as PageEntry, Waiting};
use crate::queue::pages::stored::PageSummary;
use crate::refusal::{LoadQuota, Refusal};
use crate::registry::Entry;
use crate::shift::Shift;
use crate::topic::definition::{Status, SubscriptionDefinition, TopicDefinition};

const QUEUE: QueueId = QueueId::new(7);
const TIME: Timestamp = Timestamp::from_millis(0x0102_0304);
const EARLIER: Timestamp = Timestamp::from_millis(0x0102_0303);
const UNTIL: Timestamp = Timestamp::from_millis(0x0102_0306);
const KEY: MessageKey = MessageKey::new(0x1000);
const TASK: MoveTaskId = MoveTaskId::from_bytes([0xAA; 16]);
const BODY: BodyRef = BodyRef { position: Position::new(0x1000), length: 0x90 };

fn address() -> QueueAddress {
    "arn:aws:sqs:us-east-1:000000000001:q".parse().expect("valid")
}

fn settings() -> Settings {
    let changes = AttributeChanges::parse([("DelaySeconds", "5")]).expect("known");
    Settings::of(&changes.apply(&QueueAttributes::default()).expect("valid"))
}

fn tags() -> Tags {
    Tags::parse([("k", "v")]).expect("valid")
}

fn topic() -> TopicAddress {
    "arn:aws:sns:us-east-1:000000000001:t.fifo".parse().expect("valid")
}

fn endpoint_entry() -> Entry {
    let endpoint = "arn:aws:sns:us-east-1:000000000001:endpoint/BAIDU/a/01234567-89ab-4def-8123-456789abcdef";
    let given = [("Token", "t"), ("CustomUserData", "u"), ("ChannelId", "t"), ("UserId", "v")];
    let given = EndpointChanges::parse(Platform::Baidu, given).expect("valid");
    let value = EndpointAttributes::new(Platform::Baidu, &given).expect("valid");
    Entry::Endpoint(endpoint.parse().expect("valid"), value)
}

fn message() -> StoredMessage {
    body("hi")
}

fn body(body: &str) -> StoredMessage {
    let draft = MessageDraft { group: Some("g"), ..MessageDraft::new(MessageId::from_random([1; 16]), body, "s") };
    draft.seal().expect("valid")
}

/// A publication to a FIFO topic, with another message for the second queue.
fn published() -> Published<'static> {
    let recipient = |queue, message, form| Recipient {
        queue: QueueId::new(queue),
        message,
        form,
        subscription: SubscriptionId::from_bytes([0xDD; 16]),
    };
    Published {
        time: TIME,
        target: Cow::Owned(PublishTarget::Topic(topic())),
        subject: Some("s".into()),
        signature_version: SignatureVersion::V2,
        deduplication_queue: Some(QueueId::new(5)),
        recipients: Cow::Owned(vec![
            recipient(7, 0, NotificationForm::Raw),
            recipient(9, 1, NotificationForm::Envelope),
        ]),
        others: vec![Cow::Owned(body("ho"))],
        message: Cow::Owned(message()),
        part: Part::Whole,
    }
}

fn kept(state: MessageState) -> MessageKept<'static> {
    MessageKept {
        key: MessageKey::new(0x2001),
        body: BODY,
        state,
        sent: TIME,
        received: TIME,
        first_received: TIME,
        generation: 1,
        inherited: 2,
        source: Some(0),
        renamed: Some(MessageId::from_bytes([0xBB; 16])),
        entered: None,
        failure: None,
        returned: false,
        group: "g",
    }
}

/// One event of each kind, with all optional parts.
fn events() -> Vec<Event<'static>> {
    let began = Position::new(0x3000);
    let task = MoveTask {
        id: TASK,
        destination: Some(address()),
        rate_per_second: MoveRate::new(5).ok(),
        status: MoveTaskStatus::Failed,
        moved: 1,
        to_move: 2,
        failure: Some("x".into()),
        started: TIME,
        until: KEY,
        next: UNTIL,
    };
    let fresh = MessageKept {
        key: KEY,
        body: BODY,
        received: Timestamp::EPOCH,
        first_received: Timestamp::EPOCH,
        generation: 0,
        inherited: 0,
        source: None,
        renamed: None,
        entered: None,
        failure: None,
        ..kept(MessageState::Ready)
    };
    let returned = MessageKept { returned: true, ..fresh.clone() };
    vec![
        Event::Enqueued(Enqueued { queue: QUEUE, sent: TIME, visible: UNTIL, message: Cow::Owned(message()) }),
        Event::Received(Received {
            queue: QUEUE,
            time: TIME,
            until: UNTIL,
            tokens: Some(1.5),
            repeated: true,
            attempt: "a",
            messages: Cow::Owned(vec![KEY]),
        }),
        Event::Deleted(Removed { queue: QUEUE, time: TIME, messages: Cow::Owned(vec![KEY, MessageKey::new(2)]) }),
        Event::Expired(Removed { queue: QUEUE, time: TIME, messages: Cow::Owned(vec![KEY]) }),
        Event::VisibilityChanged(VisibilityChanged {
            queue: QUEUE,
            time: TIME,
            messages: Cow::Owned(vec![(KEY, UNTIL)]),
        }),
        Event::DeadLettered(DeadLettered {
            source: QUEUE,
            target: QueueId::new(8),
            time: TIME,
            address: Cow::Owned(address()),
            messages: vec![DeadLetter {
                key: KEY,
                body: BODY,
                receive_count: 3,
                sent: TIME,
                first_received: UNTIL,
                renamed: Some(MessageId::from_bytes([0xBB; 16])),
                entered: None,
                failure: None,
                group: "g".into(),
            }],
        }),
        Event::MoveTaskStarted(MoveTaskStarted {
            source: QUEUE,
            time: TIME,
            task: TASK,
            destination: Some(address()),
            rate_per_second: MoveRate::new(9).ok(),
            to_move: 4,
        }),
        Event::Moved(Moved {
            source: QUEUE,
            time: TIME,
            task: TASK,
            messages: vec![MovedMessage {
                key: KEY,
                destination: QueueId::new(8),
                body: BODY,
                entered: None,
                failure: None,
                group: "g".into(),
            }],
        }),
        Event::MoveTaskEnded(MoveTaskEnded {
            source: QUEUE,
            time: TIME,
            task: TASK,
            status: MoveTaskStatus::Failed,
            failure: "x",
        }),
        Event::QueueCreated(QueueCreated {
            queue: QUEUE,
            time: TIME,
            address: address(),
            settings: settings(),
            tags: tags(),
        }),
        Event::QueueDeleted(Emptied { queue: QUEUE, time: TIME }),
        Event::AttributesChanged(AttributesChanged { queue: QUEUE, time: TIME, settings: settings() }),
        Event::TagsChanged(TagsChanged { queue: QUEUE, time: TIME, tags: tags() }),
        Event::Purged(Emptied { queue: QUEUE, time: TIME }),
        Event::CheckpointBegan(CheckpointBegan { time: TIME, next_queue: QueueId::new(9) }),
        Event::QueueKept(QueueKept {
            began,
            queue: QUEUE,
            created: TIME,
            modified: UNTIL,
            purged: Some(TIME),
            bucket: Some(Bucket { tokens: 1.5, at: TIME }),
            lanes_since: Some(KEY),
            address: address(),
            settings: settings(),
            tags: tags(),
            move_tasks: vec![task],
        }),
        Event::OriginalsKept(OriginalsKept {
            began,
            queue: QUEUE,
            originals: vec![Original {
                message: KEY,
                key: ScopedKey([0xCC; 16]),
                id: MessageId::from_bytes([0xBB; 16]),
                sent: TIME,
            }],
        }),
        Event::AttemptsKept(AttemptsKept {
            began,
            queue: QUEUE,
            attempts: vec![AttemptKept {
                id: "a",
                position: Position::new(0x1800),
                began: TIME,
                until: UNTIL,
                messages: Cow::Owned(vec![KEY]),
            }],
        }),
        Event::MessagesKept(MessagesKept {
            began,
            queue: QUEUE,
            sources: vec![address()],
            messages: vec![
                kept(MessageState::InFlight(UNTIL)),
                MessageKept { key: MessageKey::new(0x2000), ..kept(MessageState::Delayed(UNTIL)) },
                fresh,
            ],
        }),
        Event::NamesKept(NamesKept { began, names: vec![(address(), TIME)] }),
        Event::CheckpointEnded(CheckpointEnded { began }),
        Event::Published(published()),
        Event::TopicSet(TopicSet(TopicDefinition {
            created: TIME,
            deduplication_queue: Some(QUEUE),
            address: Arc::new(topic()),
            attributes: TopicAttributes::parse([("FifoTopic", "true")]).expect("valid"),
            tags: tags(),
            data_protection: DataProtectionPolicy::restore("{}"),
        })),
        Event::TopicDeleted(TopicDeleted { time: TIME, topic: topic() }),
        Event::SubscriptionSet(SubscriptionSet(SubscriptionDefinition {
            id: SubscriptionId::from_bytes([0xDD; 16]),
            secret: [0xEE; 16],
            since: TIME,
            created: UNTIL,
            queue: Some(QUEUE),
            status: Status::Confirmed { authenticated: true },
            owner: "000000000001".parse().expect("valid"),
            subscriber: "ann".into(),
            topic: Arc::new(topic()),
            endpoint: Arc::new(Endpoint::parse(SubscriptionProtocol::Http, "http://h/").expect("valid")),
            attributes: SubscriptionAttributes::parse([("RawMessageDelivery", "true")]).expect("valid"),
        })),
        Event::SubscriptionDeleted(SubscriptionDeleted {
            time: TIME,
            id: SubscriptionId::from_bytes([0xDD; 16]),
            topic: topic(),
        }),
        Event::RegistrySet(RegistrySet(endpoint_entry())),
        Event::RegistryDeleted(RegistryDeleted(endpoint_entry().key())),
        Event::GroupsKept(GroupsKept { began, queue: QUEUE, groups: vec![("g", Turn { at: TIME, key: KEY })] }),
        Event::ClockSet(ClockSet(Shift { from: UNTIL, to: TIME })),
        Event::SetAside(SetAside {
            queue: QUEUE,
            time: TIME,
            messages: vec![
                SetAsideMessage { key: KEY, receive_count: 3, cause: DamageCause::Checksum },
                SetAsideMessage { key: MessageKey::new(2), receive_count: 0, cause: DamageCause::Content },
            ],
        }),
        Event::DamagedKept(DamagedKept {
            began,
            queue: QUEUE,
            messages: vec![(
                KEY,
                Damaged {
                    body: BODY,
                    cause: DamageCause::Unreadable,
                    found: UNTIL,
                    sent: TIME,
                    receive_count: 3,
                    group: "g".into(),
                },
            )],
        }),
        Event::DamagedDropped(Removed { queue: QUEUE, time: TIME, messages: Cow::Owned(vec![KEY]) }),
        Event::GivenBack(GivenBack { queue: QUEUE, time: TIME, until: UNTIL, messages: Cow::Owned(vec![KEY]) }),
        Event::ProducerNoted(ProducerNoted {
            time: TIME,
            key: PRODUCER,
            next: MessageNumber::new(3),
            target: NumberedTarget::Queue(QUEUE),
            runs: runs(),
        }),
        Event::NumberedEnqueued(Enqueued { queue: QUEUE, sent: TIME, visible: UNTIL, message: Cow::Owned(message()) }),
        Event::NumberedPublished(published()),
        Event::ProducerForgotten(ProducerForgotten { target: NumberedTarget::Topic(Arc::new(topic())), key: PRODUCER }),
        Event::ProducersKept(ProducersKept {
            began,
            producers: vec![
                Producer {
                    last: MessageNumber::new(20),
                    forgotten: MessageNumber::new(2),
                    runs: runs().into(),
                    keys: [KEY, MessageKey::MIN].into(),
                    ..Producer::new(NumberedTarget::Queue(QUEUE), PRODUCER, MessageNumber::FIRST, TIME)
                },
                Producer::new(NumberedTarget::Topic(Arc::new(topic())), PRODUCER, MessageNumber::new(2), TIME),
            ],
        }),
        Event::MissedKept(MissedKept {
            began,
            missed: vec![(NumberedTarget::Queue(QUEUE), TIME), (NumberedTarget::Topic(Arc::new(topic())), UNTIL)],
        }),
        Event::PageStored(PageStored {
            queue: QUEUE,
            messages: vec![waiting(0x1000, TIME, 0x90), waiting(0x1098, TIME, 0x90), waiting(0x10A1, EARLIER, 0x190)],
            groups: PageGroups::default(),
        }),
        Event::PageStored(grouped_page()),
        Event::WindowMoved(WindowMoved { queue: QUEUE, time: TIME, through: KEY }),
        Event::PageKept(PageKept {
            began,
            queue: QUEUE,
            page: PageSummary {
                record: BodyRef { position: Position::new(0x2000), length: 0x40 },
                entries: 5,
                live: 3,
                first: KEY,
                last: MessageKey::new(0x1098),
                oldest: TIME,
                bodies: vec![
                    (Position::new(0x1000), References { count: 2, bytes: 0x120 }),
                    (Position::new(0x1090), References { count: 1, bytes: 0x90 }),
                ],
                removed: [MessageKey::new(0x1080)].into(),
                shifts: vec![Shift { from: UNTIL, to: TIME }],
            },
        }),
        Event::Copied(Moved {
            source: QUEUE,
            time: TIME,
            task: TASK,
            messages: vec![MovedMessage {
                key: KEY,
                destination: QUEUE,
                body: BODY,
                entered: Some(QueueId::new(8)),
                failure: None,
                group: "g".into(),
            }],
        }),
        Event::MessagesKept(MessagesKept { began, queue: QUEUE, sources: vec![], messages: vec![returned] }),
    ]
}

/// A page of a queue with groups.
fn grouped_page() -> PageStored {
    let mut groups = PageGroups::default();
    let (red, blue) = (groups.push("red"), groups.push("blue"));
    let messages = [(0x1080, red), (0x1090, 0), (0x10A0, blue), (0x10B0, red)].map(|(key, lane)| {
        let message = waiting(key, TIME, 0x90);
        Waiting { entry: PageEntry { lane, ..message.entry }, ..message }
    });
    PageStored { queue: QUEUE, messages: messages.into(), groups }
}

const PRODUCER: ProducerKey = ProducerKey([0xFF; 16]);

/// Everything that may come of a producer's messages, from the third on.
fn runs() -> Vec<Run> {
    let id = MessageId::from_bytes([0xBB; 16]);
    let refused = [
        Refusal::Invalid,
        Refusal::TooLong { bytes_max: 1024 },
        Refusal::Delayed { seconds: 5 },
        Refusal::GroupMissing,
        Refusal::DeduplicationIdMissing,
        Refusal::Quota { of: LoadQuota::Messages, max: 9 },
        Refusal::Quota { of: LoadQuota::Bytes, max: 8 },
        Refusal::Throttled,
        Refusal::TooManyFilterValues,
    ];
    let exceptions = [Exception::Unheard, Exception::Duplicate { message: KEY, id }].into_iter();
    let exceptions = exceptions.chain(refused.map(Exception::Refused));
    let numbered = exceptions.enumerate();
    numbered
        .map(|(index, exception)| Run { first: MessageNumber::new(index as u64 + 3), messages: 1, exception })
        .collect()
}

/// A message of a page that was only sent.
fn waiting(key: u64, sent: Timestamp, length: u32) -> Waiting {
    Waiting { entry: PageEntry { key: MessageKey::new(key), sent, length, lane: 0 }, extra: None }
}

/// A page with each field that an extra may have, alone and together, and messages without any between.
fn page_with_extras() -> Event<'static> {
    let none =
        Extra { body: Position::ZERO, first_received: Timestamp::EPOCH, inherited: 0, origin: Origin::default() };
    let (source, renamed) = (Some(Arc::new(address())), Some(MessageId::from_bytes([0xCC; 16])));
    let failure = |status| Some(Arc::new(PushFailure::new(status, "no")));
    let extras = [
        Some(Extra { body: Position::new(0xF80), ..none.clone() }),
        Some(Extra { body: Position::new(0x1100), ..none.clone() }),
        None,
        None,
        Some(Extra { first_received: EARLIER, inherited: 3, ..none.clone() }),
        Some(Extra { origin: Origin { source: source.clone(), ..Origin::default() }, ..none.clone() }),
        Some(Extra { origin: Origin { entered: Some(QueueId::new(200)), ..Origin::default() }, ..none.clone() }),
        Some(Extra { origin: Origin { renamed, ..Origin::default() }, ..none.clone() }),
        Some(Extra { origin: Origin { failure: failure(Some(404)), ..Origin::default() }, ..none.clone() }),
        Some(Extra {
            body: Position::new(0x800),
            first_received: UNTIL,
            inherited: 1,
            origin: Origin { source, renamed, entered: Some(QUEUE), failure: failure(None) },
        }),
        None,
    ];
    let messages = (0..).zip(extras).map(|(index, extra)| {
        let message = waiting(0x1000 + 0x10 * index, TIME, 0x90);
        let extra = extra.map(|extra| {
            let here = Position::of(message.entry.key);
            Box::new(Extra { body: if extra.body == Position::ZERO { here } else { extra.body }, ..extra })
        });
        Waiting { extra, ..message }
    });
    Event::PageStored(PageStored { queue: QUEUE, messages: messages.collect(), groups: PageGroups::default() })
}

/// Each event that says why a push failed.
fn failed_pushes() -> Vec<Event<'static>> {
    let status = Some(Arc::new(PushFailure::new(Some(404), "no")));
    let unknown = Some(Arc::new(PushFailure::new(None, "")));
    let mut events = events();
    events.retain_mut(|event| match event {
        Event::DeadLettered(event) => {
            event.messages[0].failure.clone_from(&status);
            true
        }
        Event::Moved(event) => {
            event.messages[0].failure.clone_from(&status);
            true
        }
        Event::MessagesKept(event) if event.messages.len() > 1 => {
            event.messages[0].failure.clone_from(&status);
            event.messages[1].failure.clone_from(&unknown);
            true
        }
        _ => false,
    });
    events
}

fn payload(event: &Event<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    event.encode(&mut bytes);
    bytes.extend_from_slice(event.tail());
    bytes
}

/// Hexadecimal digits, with a run of more than four equal bytes as `byte*count`.
fn shown(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|a, b| a == b).map(|run| {
        let byte = format!("{:02x}", run[0]);
        if run.len() > 4 { format!(" {byte}*{} ", run.len()) } else { byte.repeat(run.len()) }
    });
    runs.collect::<String>()
}

#[test]
fn golden_bytes() {
    let (written_now, _) = include_str!("golden.txt").split_once("# Earlier kinds").expect("the two parts");
    let golden = written_now.lines().filter(|line| !line.starts_with('#'));
    let written: Vec<String> = events()
        .iter()
        .chain(&failed_pushes())
        .chain([&page_with_extras()])
        .map(|event| format!("{} {}", event.kind(), shown(&payload(event))))
        .collect();
    let golden: Vec<&str> = golden.collect();
    assert_eq!(written, golden);
}

#[test]
fn every_event_round_trips() {
    let events = events();
    assert_eq!(events.len(), 46, "one of each kind, a page with groups, and a message that waits again");
    for event in events.iter().chain(&failed_pushes()).chain([&page_with_extras()]) {
        assert_eq!(Event::decode(event.kind(), &payload(event).into()).as_ref(), Ok(event));
    }
}

#[test]
fn a_cut_or_extended_event_is_refused() {
    for event in events().into_iter().chain(failed_pushes()).chain([page_with_extras()]) {
        let whole = Bytes::from(payload(&event));
        for cut in 0..whole.len() {
            assert!(Event::decode(event.kind(), &whole.slice(..cut)).is_err(), "{cut} bytes of {event:?}");
        }
        let longer = Bytes::from([&*whole, &[0]].concat());
        assert!(Event::decode(event.kind(), &longer).is_err(), "a byte more than {event:?}");
    }
}

/// The bytes of a page's extras that no broker writes: fields that say nothing, runs of nothing, items of no table.
#[test]
fn extras_say_something() {
    let page = |rest: &[u8]| {
        let entries = [&7u32.to_le_bytes()[..], &[1], &1u32.to_le_bytes(), &0x1000u64.to_le_bytes()];
        let first = [&TIME.as_millis().to_le_bytes()[..], &0x90u32.to_le_bytes(), rest];
        Event::decode(kind::PageStored, &[entries.concat(), first.concat()].concat().into()).map(drop)
    };
    // No sources, no failures, one run of one message whose body lies one place further.
    assert!(page(&[0, 0, 1, 0, 1, 1, 2]).is_ok());
    for refused in [
        &[0, 0, 0][..],
        &[0, 0, 1, 0, 0, 1],
        &[0, 0, 1, 0, 1, 0],
        &[0, 0, 1, 0, 1, 1, 0],
        &[0, 0, 1, 1, 1, 1, 2],
        &[0, 0, 1, 0, 2, 1, 2, 2],
        &[0, 0, 1, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0, 0, 1, 0, 1, 4, 0],
        &[0, 0, 1, 0, 1, 32, 0],
        &[0, 0, 1, 0, 1, 64, 0],
        &[0, 0, 1, 0, 1, 1, 2, 0],
        &[200, 1],
    ] {
        assert!(page(refused).is_err(), "{refused:?}");
    }
}

#[test]
fn an_unknown_kind_is_refused() {
    for kind in (0..16).chain([30, 31]).chain(51..56).chain([60]).chain(66..84).chain(85..=u8::MAX) {
        assert!(Event::decode(kind, &Bytes::from_static(&[0; 64])).is_err(), "{kind}");
    }
}

#[test]
fn no_push_failed_in_an_event_of_an_earlier_version() {
    let (_, golden) = include_str!("golden.txt").split_once("# Earlier kinds").expect("the two parts");
    let earlier = |event: &Event<'_>| match event {
        Event::DeadLettered(_) => Some(21),
        Event::Moved(_) => Some(23),
        Event::MessagesKept(event) if event.messages.iter().all(|message| !message.returned) => Some(36),
        _ => None,
    };
    for event in events() {
        let Some(kind) = earlier(&event) else { continue };
        let bytes = Bytes::from(payload(&event));
        assert!(golden.lines().any(|line| line == format!("{kind} {}", shown(&bytes))), "golden bytes of {kind}");
        assert_eq!(Event::decode(kind, &bytes), Ok(event));
        for cut in 0..bytes.len() {
            assert!(Event::decode(kind, &bytes.slice(..cut)).is_err(), "{cut} bytes of {kind}");
        }
    }
    for event in failed_pushes() {
        let kind = earlier(&event).expect("one of the three");
        assert!(Event::decode(kind, &payload(&event).into()).is_err(), "{kind}");
    }
}

#[test]
fn a_subscription_of_an_earlier_version_was_made_by_the_account() {
    let written = events().into_iter().find(|event| matches!(event, Event::SubscriptionSet(_))).expect("one of each");
    let bytes = Bytes::from(payload(&written));
    // The name of the subscriber comes last.
    let earlier = bytes.slice(..bytes.len() - 4);
    let Event::SubscriptionSet(SubscriptionSet(definition)) = written else { unreachable!("found above") };
    let definition = SubscriptionDefinition { subscriber: posthouse_model::ROOT_USER.into(), ..definition };
    let (_, golden) = include_str!("golden.txt").split_once("# Earlier kinds").expect("the two parts");
    assert!(golden.lines().any(|line| line == format!("42 {}", shown(&earlier))), "its golden bytes");
    let read = Event::decode(42, &earlier);
    assert_eq!(read, Ok(Event::SubscriptionSet(SubscriptionSet(definition))));
    assert!(Event::decode(42, &bytes).is_err(), "a byte more than the earlier kind");
    for cut in 0..earlier.len() {
        assert!(Event::decode(42, &earlier.slice(..cut)).is_err(), "{cut} bytes");
    }
}

#[test]
fn the_message_of_a_record_shares_its_memory() {
    let event = Event::Enqueued(Enqueued { queue: QUEUE, sent: TIME, visible: TIME, message: Cow::Owned(message()) });
    let payload = Bytes::from(payload(&event));
    let opened = stored_message(payload.clone(), BODY.position, QUEUE, 0).expect("it is there");
    assert_eq!(opened, Stored { message: message(), notification: None });
    assert_eq!(opened.message.as_bytes().as_ptr(), payload[24..].as_ptr());
    for cut in 0..payload.len() {
        assert!(stored_message(payload.slice(..cut), BODY.position, QUEUE, 0).is_err());
    }
}

#[test]
fn each_queue_finds_its_recipient_in_a_publication() {
    let event = Event::Published(published());
    let payload = Bytes::from(payload(&event));
    assert_eq!(payload.len(), published().length() as usize);
    for (queue, expected, form) in [(7, "hi", NotificationForm::Raw), (9, "ho", NotificationForm::Envelope)] {
        let opened = stored_message(payload.clone(), BODY.position, QueueId::new(queue), 0).expect("it is there");
        assert_eq!(opened.message, body(expected));
        let notification = opened.notification.expect("it was published");
        assert_eq!(notification.form, form);
        assert_eq!(notification.published, TIME);
        assert_eq!(notification.subject.as_deref(), Some("s"));
        assert_eq!(notification.sequence_number, Some(SequenceNumber::in_topic(BODY.position.message_key())));
        assert_eq!(notification.signature_version, SignatureVersion::V2);
        let NotificationSource::Subscription(address) = notification.source else { panic!("{notification:?}") };
        assert_eq!(address.id, SubscriptionId::from_bytes([0xDD; 16]));
        // The default message is the last. A queue with another message does not read it.
        let own_end = payload.len() - if expected == "hi" { 0 } else { message().as_bytes().len() };
        for cut in 0..own_end {
            assert!(stored_message(payload.slice(..cut), BODY.position, QueueId::new(queue), 0).is_err(), "{cut}");
        }
    }
    assert!(stored_message(payload, BODY.position, QueueId::new(8), 0).is_err(), "a queue that did not get it");
}

#[test]
fn a_publications_queues_ascend() {
    let mut event = published();
    event.recipients.to_mut().reverse();
    let bytes = payload(&Event::Published(event));
    assert!(Event::decode(kind::Published, &bytes.into()).is_err());
}

/// Parts differ in a flag only, and a part whose recipients were cut off is refused like any other event.
#[test]
fn a_publication_may_have_parts() {
    let part = |part| Event::Published(Published { part, deduplication_queue: None, ..published() });
    for (which, flags) in [(Part::Whole, 1), (Part::First, 9), (Part::Middle, 25), (Part::Last, 17)] {
        let bytes: Bytes = payload(&part(which)).into();
        assert_eq!(bytes[0], flags, "{which:?}");
        assert_eq!(Event::decode(kind::Published, &bytes), Ok(part(which)));
        stored_message(bytes.clone(), BODY.position, QueueId::new(7), 0).expect("a part holds the message");
        for length in 0..bytes.len() {
            assert!(Event::decode(kind::Published, &bytes.slice(..length)).is_err(), "{which:?} cut at {length}");
        }
    }
    let fifo = Event::Published(Published { part: Part::First, ..published() });
    assert!(Event::decode(kind::Published, &payload(&fifo).into()).is_err(), "a FIFO topic's");
}

/// 99 characters have up to 396 bytes, and one byte of the record counts them.
#[test]
fn a_subject_may_have_more_than_255_bytes() {
    for subject in ["s".repeat(99), "漢".repeat(85), format!("{}x", "漢".repeat(85)), "😀".repeat(99)] {
        let event = Event::Published(Published { subject: Some(subject.as_str().into()), ..published() });
        let bytes = payload(&event).into();
        assert_eq!(Event::decode(kind::Published, &bytes), Ok(event));
        let stored = stored_message(bytes, BODY.position, QueueId::new(7), 0).expect("it is there");
        assert_eq!(stored.notification.expect("it was published").subject.as_deref(), Some(&*subject));
    }
}
