//! `Published`: a message was published, and its recipients got it. The body is stored once, and a recipient costs 24
//! bytes. In each queue the event's position is the message's key and the position of its body. A queue may be several
//! recipients, as the dead-letter queue of several subscriptions. The keys of its copies count up from the position.
//!
//! A publication to more recipients than one event lists has several parts, directly behind each other. They take effect
//! together, with the last one. Parts without the last one have none: a crash has cut them off.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | flags: 1 signature version 2; 2 on a FIFO topic; 4 the subject is 256 bytes longer than byte 2 says; 8 another part follows; 16 it follows another part |
//! | 1 | 1 | target: 1 topic, 2 phone number, 3 platform endpoint |
//! | 2 | 1 | length of the subject without the 256 bytes of flag 4, 0 for none |
//! | 3 | 1 | messages beside the default one |
//! | 4 | 4 | recipients |
//! | 8 | 8 | time, ms |
//! | 16 | 4 | the FIFO topic's deduplication queue, zero on others |
//! | 20 | 4 + n | ARN of the topic or the endpoint, or phone number |
//! | - | n | subject |
//! | - | 24 each | recipients, by ascending queue |
//! | - | 4 + n each | the other messages, each with its length, as `posthouse_model::StoredMessage` lays them out |
//! | - | - | the default message |
//!
//! `stored_message` tells this event from an `Enqueued` by bytes 4 to 8: the number of recipients here, always zero in
//! an `Enqueued`. No queue refers to a `Published` without recipients.
//!
//! A recipient is: queue u32; index of its message u16, 0 for the default one; flags u16, 1 for raw; id of its
//! subscription 16, zeros without a topic.

use std::borrow::Cow;

use bytes::Bytes;
use posthouse_model::limits::PUBLICATION_DELIVERIES_MAX;
use posthouse_model::notification::{NotificationForm, NotificationSource};
use posthouse_model::operation::PublishTarget;
use posthouse_model::topic_attributes::SignatureVersion;
use posthouse_model::{
    Notification, QueueId, SequenceNumber, StoredMessage, SubscriptionAddress, SubscriptionId, Timestamp, TopicAddress,
};

use super::bytes::{Reader, Writer};
use crate::journal::Position;
use crate::malformed::Malformed;

/// Bytes of one recipient.
const RECIPIENT: usize = 24;
/// Bytes before the target's text.
const HEADER: usize = 20;

const VERSION_2: u8 = 1;
const FIFO: u8 = 2;
const LONG_SUBJECT: u8 = 4;
const MORE_FOLLOWS: u8 = 8;
const FOLLOWS: u8 = 16;
const RAW: u16 = 1;

/// The bytes that so many recipients take of a record, or of each record if they take several.
pub(crate) fn recipients_bytes(recipients: usize) -> u64 {
    (recipients.min(PUBLICATION_DELIVERIES_MAX) * RECIPIENT) as u64
}

/// A message was published.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Published<'a> {
    pub(crate) time: Timestamp,
    pub(crate) target: Cow<'a, PublishTarget>,
    pub(crate) subject: Option<Cow<'a, str>>,
    pub(crate) signature_version: SignatureVersion,
    /// The queue in which a FIFO topic remembers the deduplication id.
    pub(crate) deduplication_queue: Option<QueueId>,
    /// By ascending queue.
    pub(crate) recipients: Cow<'a, [Recipient]>,
    /// The messages beside the default one.
    pub(crate) others: Vec<Cow<'a, StoredMessage>>,
    pub(crate) message: Cow<'a, StoredMessage>,
    pub(crate) part: Part,
}

/// Which part of a publication an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    First,
    Middle,
    Last,
}

impl Part {
    /// The part `index` of `count`.
    pub(crate) const fn of(index: usize, count: usize) -> Self {
        match (index == 0, index + 1 >= count) {
            (true, true) => Self::Whole,
            (true, false) => Self::First,
            (false, false) => Self::Middle,
            (false, true) => Self::Last,
        }
    }

    /// Whether another part comes before it.
    pub(crate) const fn follows(self) -> bool {
        matches!(self, Self::Middle | Self::Last)
    }

    const fn flags(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::First => MORE_FOLLOWS,
            Self::Middle => MORE_FOLLOWS | FOLLOWS,
            Self::Last => FOLLOWS,
        }
    }

    const fn from_flags(flags: u8) -> Self {
        match (flags & FOLLOWS != 0, flags & MORE_FOLLOWS != 0) {
            (false, false) => Self::Whole,
            (false, true) => Self::First,
            (true, true) => Self::Middle,
            (true, false) => Self::Last,
        }
    }
}

/// One queue that got the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) queue: QueueId,
    /// 0 for the default message, else its number among the others.
    pub(crate) message: u16,
    pub(crate) form: NotificationForm,
    /// Zeros if it was published to no topic.
    pub(crate) subscription: SubscriptionId,
}

impl<'a> Published<'a> {
    /// Writes everything but the default message, which follows as a part of its own.
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        let version = if self.signature_version == SignatureVersion::V2 { VERSION_2 } else { 0 };
        let subject = self.subject.as_deref().unwrap_or_default();
        let [subject_bytes, subject_pages] =
            u16::try_from(subject.len()).expect("a subject has at most 99 characters").to_le_bytes();
        debug_assert!(subject_pages <= 1, "99 characters have at most 396 bytes");
        out.u8(version
            | if self.deduplication_queue.is_some() { FIFO } else { 0 }
            | if subject_pages > 0 { LONG_SUBJECT } else { 0 }
            | self.part.flags());
        let (kind, target) = match &*self.target {
            PublishTarget::Topic(topic) => (1, topic.to_string()),
            PublishTarget::PhoneNumber(number) => (2, number.to_string()),
            PublishTarget::Endpoint(endpoint) => (3, endpoint.to_string()),
        };
        out.u8(kind);
        out.u8(subject_bytes);
        out.u8(u8::try_from(self.others.len()).expect("there are fewer protocols and platforms than 256"));
        out.count(self.recipients.len());
        out.time(self.time);
        out.queue(self.deduplication_queue.unwrap_or(QueueId::new(0)));
        out.text(&target);
        out.raw(subject.as_bytes());
        for recipient in &*self.recipients {
            out.queue(recipient.queue);
            out.u16(recipient.message);
            out.u16(match recipient.form {
                NotificationForm::Envelope => 0,
                NotificationForm::Raw => RAW,
            });
            out.array(recipient.subscription.as_bytes());
        }
        for message in &self.others {
            out.count(message.as_bytes().len());
            out.raw(message.as_bytes());
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'a>) -> Result<Self, Malformed> {
        let header = Header::decode(bytes)?;
        let subject = core::str::from_utf8(bytes.bytes(header.subject)?).map_err(|_| "a text is not UTF-8")?;
        let recipients: Vec<Recipient> = bytes
            .bytes(header.recipients.checked_mul(RECIPIENT).ok_or("it is too short for its items")?)?
            .as_chunks::<RECIPIENT>()
            .0
            .iter()
            .map(|bytes| Recipient::read(bytes, header.others))
            .collect::<Result<_, _>>()?;
        if !recipients.is_sorted_by_key(|recipient| recipient.queue) {
            return Err("its queues do not ascend");
        }
        let others = (0..header.others).map(|_| {
            let length = bytes.u32()? as usize;
            stored(bytes.shared(length)?).map(Cow::Owned)
        });
        let others = others.collect::<Result<_, _>>()?;
        let message = stored(bytes.shared_rest())?;
        Ok(Self {
            time: header.time,
            target: Cow::Owned(header.target),
            subject: (!subject.is_empty()).then_some(Cow::Borrowed(subject)),
            signature_version: header.signature_version,
            deduplication_queue: header.deduplication_queue,
            recipients: Cow::Owned(recipients),
            others,
            message: Cow::Owned(message),
            part: header.part,
        })
    }

    /// The topic that it was published to; `None` if it was published to another target.
    pub(crate) fn topic(&self) -> Option<&TopicAddress> {
        match &*self.target {
            PublishTarget::Topic(topic) => Some(topic),
            PublishTarget::PhoneNumber(_) | PublishTarget::Endpoint(_) => None,
        }
    }

    /// The length of the record's payload.
    pub(crate) fn length(&self) -> u32 {
        let target = match &*self.target {
            PublishTarget::Topic(topic) => topic.to_string().len(),
            PublishTarget::PhoneNumber(number) => number.as_str().len(),
            PublishTarget::Endpoint(endpoint) => endpoint.to_string().len(),
        };
        let others: usize = self.others.iter().map(|message| 4 + message.as_bytes().len()).sum();
        let subject = self.subject.as_deref().map_or(0, str::len);
        let messages = others + self.message.as_bytes().len();
        let length = HEADER + 4 + target + subject + self.recipients.len() * RECIPIENT + messages;
        u32::try_from(length).expect("recipients and messages of one event are limited")
    }
}

fn stored(bytes: Bytes) -> Result<StoredMessage, Malformed> {
    StoredMessage::decode(bytes).map_err(|_| "it holds no message")
}

impl Recipient {
    fn read(bytes: &[u8; RECIPIENT], others: usize) -> Result<Self, Malformed> {
        let ([q0, q1, q2, q3, m0, m1, f0, f1], id) = bytes.split_first_chunk().expect("RECIPIENT is 8 and 16 bytes");
        let (message, flags) = (u16::from_le_bytes([*m0, *m1]), u16::from_le_bytes([*f0, *f1]));
        if flags & !RAW != 0 {
            return Err("an unknown flag is set");
        }
        if usize::from(message) > others {
            return Err("a recipient has no message");
        }
        Ok(Self {
            queue: QueueId::new(u32::from_le_bytes([*q0, *q1, *q2, *q3])),
            message,
            form: if flags & RAW != 0 { NotificationForm::Raw } else { NotificationForm::Envelope },
            subscription: SubscriptionId::from_bytes(id.try_into().expect("RECIPIENT is 8 and 16 bytes")),
        })
    }
}

/// What stands before the recipients.
struct Header {
    signature_version: SignatureVersion,
    subject: usize,
    others: usize,
    recipients: usize,
    time: Timestamp,
    deduplication_queue: Option<QueueId>,
    target: PublishTarget,
    part: Part,
}

impl Header {
    fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (flags, kind) = (bytes.u8()?, bytes.u8()?);
        if flags & !(VERSION_2 | FIFO | LONG_SUBJECT | MORE_FOLLOWS | FOLLOWS) != 0 {
            return Err("an unknown flag is set");
        }
        let part = Part::from_flags(flags);
        if part != Part::Whole && flags & FIFO != 0 {
            return Err("a publication to a FIFO topic has no parts");
        }
        let (subject, others) = (bytes.u8()?, usize::from(bytes.u8()?));
        let subject = usize::from(u16::from_le_bytes([subject, u8::from(flags & LONG_SUBJECT != 0)]));
        let (recipients, time, deduplication_queue) = (bytes.u32()? as usize, bytes.time()?, bytes.queue()?);
        if (flags & FIFO != 0) != (deduplication_queue != QueueId::new(0)) {
            return Err("its deduplication queue does not fit its flags");
        }
        let text = bytes.text()?;
        let target = match kind {
            1 => text.parse().map(PublishTarget::Topic).map_err(|_| "an ARN is malformed")?,
            2 => text.parse().map(PublishTarget::PhoneNumber).map_err(|_| "a phone number is malformed")?,
            3 => text.parse().map(PublishTarget::Endpoint).map_err(|_| "an ARN is malformed")?,
            _ => return Err("its target is unknown"),
        };
        Ok(Self {
            signature_version: if flags & VERSION_2 != 0 { SignatureVersion::V2 } else { SignatureVersion::V1 },
            subject,
            others,
            recipients,
            time,
            deduplication_queue: Some(deduplication_queue).filter(|queue| *queue != QueueId::new(0)),
            target,
            part,
        })
    }
}

/// The message in the payload of a `Published` that was put into `queue`, with the notification for its receiver.
/// `position` is that of the record; `copy` counts the copies in this queue from zero. Shares the payload's memory. The
/// recipient is found by binary search.
pub(super) fn message(
    payload: &Bytes,
    position: Position,
    queue: QueueId,
    copy: u64,
) -> Result<(StoredMessage, Notification), Malformed> {
    let mut bytes = Reader::new(payload);
    let header = Header::decode(&mut bytes)?;
    let subject = core::str::from_utf8(bytes.bytes(header.subject)?).map_err(|_| "a text is not UTF-8")?;
    let list = bytes.bytes(header.recipients.checked_mul(RECIPIENT).ok_or("it is too short for its items")?)?;
    let recipients = list.as_chunks::<RECIPIENT>().0;
    let queue_of = |recipient: &[u8; RECIPIENT]| {
        u32::from_le_bytes(recipient[..4].try_into().expect("a recipient begins with its queue"))
    };
    let first = recipients.partition_point(|recipient| queue_of(recipient) < queue.get());
    let index = usize::try_from(copy).ok().and_then(|copy| first.checked_add(copy));
    let recipient =
        index.and_then(|index| recipients.get(index)).filter(|recipient| queue_of(recipient) == queue.get());
    let recipient = Recipient::read(recipient.ok_or("its queue did not get it")?, header.others)?;
    let mut start = payload.len() - bytes.length();
    let mut range = None;
    for number in 1..=header.others {
        let length = bytes.u32()? as usize;
        bytes.bytes(length)?;
        start += 4;
        if number == usize::from(recipient.message) {
            range = Some(start..start + length);
        }
        start += length;
    }
    let message = stored(payload.slice(range.unwrap_or(start..payload.len())))?;
    let source = match header.target {
        PublishTarget::Topic(topic) => {
            NotificationSource::Subscription(SubscriptionAddress { topic, id: recipient.subscription })
        }
        PublishTarget::PhoneNumber(number) => NotificationSource::PhoneNumber(number),
        PublishTarget::Endpoint(endpoint) => NotificationSource::Endpoint(endpoint),
    };
    let notification = Notification {
        source,
        message_id: message.id(),
        published: header.time,
        subject: (!subject.is_empty()).then(|| subject.into()),
        sequence_number: header.deduplication_queue.map(|_| SequenceNumber::in_topic(position.message_key())),
        form: recipient.form,
        signature_version: header.signature_version,
    };
    Ok((message, notification))
}
