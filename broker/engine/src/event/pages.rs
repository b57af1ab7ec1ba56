//! Pages of waiting messages: a page itself, and what a checkpoint keeps of one.
//!
//! | event | payload |
//! |---|---|
//! | `PageStored` | queue u32; the page |
//! | `PageKept` | position u64 of the beginning of its checkpoint; queue u32; position u64 and length u32 of the record of the page; its messages u32; the first and the last message that is left, keys u64 each; a time before which none of them was sent u64, ms; regions, count u32, each: position u64, references u32, bytes u64; keys of messages that were removed between the first and the last, count u32, u64 each; how the clock was set since, count u32, each: from u64, to u64 |
//!
//! A page is: flags u8, 1 where extras follow, 2 if messages have groups; messages u32, at least one; if they have groups,
//! these, count u32, short text each; then of the first message its key u64, when it was sent u64, ms, and the length of its
//! body's record u32, and if they have groups the number of its group, of variable length: zero for none, one for the first.
//! Then of each other message three numbers of variable length: by how much its
//! key is larger, doubled and one more, or a quarter of it where that is a multiple of eight; by how much the length of its
//! body's record is larger; by how much later it was sent; and if messages have groups the number of its group. The second and the third may be negative and lie zigzag: 0, -1, 1, -2 and
//! so on. A number of variable length has seven bits in each byte, the lowest first, and the top bit set in each but the
//! last. Then, if a message of the page is a dead letter or was moved, or its body lies elsewhere than its key says, the
//! extras (`extras.rs`).
//!
//! Mostly each of the three numbers takes a byte or two. An array of the same entries, as an archive that is read in place
//! would hold them, takes 20 bytes for each.

mod extras;

use std::collections::VecDeque;

use bytes::Bytes;
use posthouse_model::{MessageKey, QueueId, Timestamp};

use super::bytes::{Reader, Writer};
use crate::journal::{BodyRef, Position, References};
use crate::malformed::Malformed;
use crate::queue::lanes::GROUPLESS;
use crate::queue::pages::groups::PageGroups;
use crate::queue::pages::page::{Entry, Waiting};
use crate::queue::pages::stored::PageSummary;
use crate::shift::Shift;

/// Messages of a page at most. No page has nearly as many: it bounds what is taken for one.
const ENTRIES_MAX: u32 = 1 << 20;

/// The bytes up to the first message, and those of the first message.
const FIRST_BYTES: u32 = 4 + 1 + 4 + 8 + 8 + 4;

/// The shortest that a message after the first can be, in bytes.
const ENTRY_BYTES_MIN: usize = 3;

/// The flag of a page that has extras.
const EXTRAS: u8 = 1;

/// The flag of a page that has groups.
const GROUPS: u8 = 2;

const OUT_OF_RANGE: Malformed = "a number is out of its range";

/// Messages of a queue were stored as a page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PageStored {
    pub(crate) queue: QueueId,
    /// In the order of their keys. At least one; none with a lane: that is the number of its group in `groups`.
    pub(crate) messages: Vec<Waiting>,
    /// The groups of the messages. None of a queue without groups.
    pub(crate) groups: PageGroups,
}

impl PageStored {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        let has_groups = !self.groups.is_empty();
        out.queue(self.queue);
        let has_extras = extras::are_needed(&self.messages);
        out.u8(if has_extras { EXTRAS } else { 0 } | if has_groups { GROUPS } else { 0 });
        out.count(self.messages.len());
        if has_groups {
            out.count(self.groups.len());
            self.groups.iter().for_each(|group| out.short_text(group));
        }
        let mut before: Option<&Entry> = None;
        for Waiting { entry, .. } in &self.messages {
            match before {
                None => {
                    out.key(entry.key);
                    out.time(entry.sent);
                    out.u32(entry.length);
                }
                Some(before) => steps(before, entry).into_iter().for_each(|step| out.variable(step)),
            }
            if has_groups {
                out.variable(entry.lane.into());
            }
            before = Some(entry);
        }
        if has_extras {
            extras::encode(&self.messages, out);
        }
    }

    /// The length of its payload, in bytes.
    pub(crate) fn length(&self) -> u32 {
        let pairs = self.messages.iter().zip(self.messages.iter().skip(1));
        let steps = pairs.flat_map(|(before, message)| steps(&before.entry, &message.entry));
        let mut length = FIRST_BYTES + steps.map(Writer::variable_bytes).sum::<u32>();
        if !self.groups.is_empty() {
            let texts = self.groups.iter().map(|group| 1 + u32::try_from(group.len()).expect("a short text"));
            let numbers = self.messages.iter().map(|message| Writer::variable_bytes(message.entry.lane.into()));
            length += 4 + texts.chain(numbers).sum::<u32>();
        }
        if extras::are_needed(&self.messages) {
            let mut bytes = Vec::new();
            extras::encode(&self.messages, &mut Writer(&mut bytes));
            length += u32::try_from(bytes.len()).expect("a page has far fewer bytes than 2^32");
        }
        length
    }

    /// Reads the payload of a page's record.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn of_record(payload: &Bytes) -> Result<Self, Malformed> {
        let mut bytes = Reader::new(payload);
        let page = Self::decode(&mut bytes)?;
        bytes.end().map(|()| page)
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let queue = bytes.queue()?;
        let flags = bytes.u8()?;
        if flags & !(EXTRAS | GROUPS) != 0 {
            return Err("an unknown flag is set");
        }
        let count = bytes.u32()? as usize;
        let groups = if flags & GROUPS == 0 { PageGroups::default() } else { groups(bytes)? };
        let mut last = Entry { key: bytes.key()?, sent: bytes.time()?, length: bytes.body_length()?, lane: GROUPLESS };
        last.lane = group(bytes, &groups)?;
        if count == 0 || count > ENTRIES_MAX as usize || count - 1 > bytes.length() / ENTRY_BYTES_MIN {
            return Err("it is too short for its items");
        }
        let mut messages = Vec::with_capacity(count);
        messages.push(Waiting { entry: last, extra: None });
        for _ in 1..count {
            let step = bytes.variable()?;
            let step = if step & 1 == 0 { step.checked_mul(4) } else { Some(step >> 1) };
            let step = step.filter(|step| *step > 0).ok_or("its messages do not ascend")?;
            let key = last.key.get().checked_add(step).ok_or(OUT_OF_RANGE)?;
            let length = i64::from(last.length).checked_add(unzigzag(bytes.variable()?));
            let length = length.and_then(|length| u32::try_from(length).ok()).filter(|length| *length > 0);
            let sent = last.sent.as_millis().wrapping_add_signed(unzigzag(bytes.variable()?));
            last = Entry {
                key: MessageKey::new(key),
                sent: Timestamp::from_millis(sent),
                length: length.ok_or(OUT_OF_RANGE)?,
                lane: group(bytes, &groups)?,
            };
            messages.push(Waiting { entry: last, extra: None });
        }
        if flags & EXTRAS != 0 {
            extras::decode(&mut messages, bytes)?;
        }
        Ok(Self { queue, messages, groups })
    }
}

/// Reads the groups of a page. There is at least one.
fn groups(bytes: &mut Reader<'_>) -> Result<PageGroups, Malformed> {
    let mut groups = PageGroups::default();
    let count = bytes.u32()?;
    if count == 0 || count > ENTRIES_MAX {
        return Err("its groups are not those of a page");
    }
    for _ in 0..count {
        let group = bytes.short_text()?;
        groups.push(Some(group).filter(|group| !group.is_empty()).ok_or("a group has no name")?);
    }
    Ok(groups)
}

/// Reads the number of a message's group, if messages of its page have groups.
fn group(bytes: &mut Reader<'_>, groups: &PageGroups) -> Result<u32, Malformed> {
    if groups.is_empty() {
        return Ok(GROUPLESS);
    }
    let number = u32::try_from(bytes.variable()?).ok().filter(|number| *number as usize <= groups.len());
    number.ok_or(OUT_OF_RANGE)
}

/// A stored page of a queue, in a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PageKept {
    pub(crate) began: Position,
    pub(crate) queue: QueueId,
    pub(crate) page: PageSummary,
}

impl PageKept {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        let Self { began, queue, page } = self;
        out.position(*began);
        out.queue(*queue);
        out.position(page.record.position);
        out.u32(page.record.length);
        out.u32(page.entries);
        out.key(page.first);
        out.key(page.last);
        out.time(page.oldest);
        out.count(page.bodies.len());
        for (region, references) in &page.bodies {
            out.position(*region);
            out.u32(u32::try_from(references.count).expect("a page has far fewer messages than 2^32"));
            out.u64(references.bytes);
        }
        out.count(page.removed.len());
        page.removed.iter().for_each(|key| out.key(*key));
        out.count(page.shifts.len());
        for shift in &page.shifts {
            out.time(shift.from);
            out.time(shift.to);
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (began, queue) = (bytes.position()?, bytes.queue()?);
        let record = BodyRef { position: bytes.position()?, length: bytes.body_length()? };
        let entries = bytes.u32()?;
        let (first, last, oldest) = (bytes.key()?, bytes.key()?, bytes.time()?);
        let bodies = bytes.list(20, |bytes| {
            let (region, count, bytes) = (bytes.position()?, bytes.u32()?, bytes.u64()?);
            Ok((region, References { count: count.into(), bytes }))
        })?;
        let removed = VecDeque::from(bytes.list(8, Reader::key)?);
        let shifts = bytes.list(16, |bytes| Ok(Shift { from: bytes.time()?, to: bytes.time()? }))?;
        let live: u64 = bodies.iter().map(|(_, references): &(_, References)| references.count).sum();
        let lengths = |(_, references): &(Position, References)| {
            (references.count..=references.count * u64::from(u32::MAX)).contains(&references.bytes)
        };
        let is_sound = live > 0
            && live <= u64::from(entries)
            && entries <= ENTRIES_MAX
            && bodies.iter().all(lengths)
            && bodies.iter().is_sorted_by(|(one, _), (other, _)| one < other)
            && removed.iter().is_sorted_by(|one, other| one < other)
            && removed.iter().all(|key| first < *key && *key < last)
            && (if live == 1 { first == last } else { first < last });
        if !is_sound {
            return Err("its page is not one that can be");
        }
        let live = u32::try_from(live).expect("at most as many as its entries");
        let page = PageSummary { record, entries, live, first, last, oldest, bodies, removed, shifts };
        Ok(Self { began, queue, page })
    }
}

/// What is written of a message behind another one: the steps of the key, the length and the time.
const fn steps(before: &Entry, entry: &Entry) -> [u64; 3] {
    let key = entry.key.get() - before.key.get();
    let length = entry.length as i64 - before.length as i64;
    let sent = entry.sent.as_millis().wrapping_sub(before.sent.as_millis()).cast_signed();
    [if key.is_multiple_of(8) { key / 4 } else { key << 1 | 1 }, zigzag(length), zigzag(sent)]
}

/// Small numbers for small distances from zero.
const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

const fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -((number & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_come_back() {
        for number in [0, -1, 1, -2, 2, i64::MAX, i64::MIN, 1 << 40, -(1 << 40)] {
            assert_eq!(unzigzag(zigzag(number)), number);
        }
        assert_eq!([0, -1, 1, -2].map(zigzag), [0, 1, 2, 3]);
    }

    /// What a page of a queue takes that shares the log with nine others, at bodies of about 100 bytes: a sixth of an array
    /// of the same entries, which is what an archive would be.
    #[test]
    fn a_page_takes_three_or_four_bytes_for_each_message() {
        let (mut key, mut sent, mut random) = (0x10_0000_0000, 1_700_000_000_000, 1_u64);
        let messages = (0..8192).map(|_| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            key += 8 * (280 + (random >> 58));
            sent += u64::from((random >> 40) % 20 == 0);
            let length = 196 + u32::try_from((random >> 50) % 10).expect("small");
            let entry =
                Entry { key: MessageKey::new(key), sent: Timestamp::from_millis(sent), length, lane: GROUPLESS };
            Waiting { entry, extra: None }
        });
        let (messages, groups) = (messages.collect(), PageGroups::default());
        let event = PageStored { queue: QueueId::new(1), messages, groups };
        let mut bytes = Vec::new();
        event.encode(&mut Writer(&mut bytes));
        let array = 20 * event.messages.len();
        assert!(bytes.len() < array / 4, "{} bytes", bytes.len());
        assert_eq!(bytes.len(), event.length() as usize);
        let bytes = Bytes::from(bytes);
        assert_eq!(PageStored::decode(&mut Reader::new(&bytes)), Ok(event));
    }
}
