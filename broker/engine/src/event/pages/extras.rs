//! What messages of a page have beyond their entries, in runs: messages behind each other that have the same fields. Messages
//! without any are skipped, so that a page of messages that were only sent has no byte of this.
//!
//! | what | bytes |
//! |---|---|
//! | queues that messages were dead-lettered from | count v; each: ARN, text |
//! | why pushes failed | count v; each: status u16, zero for none; error, text |
//! | runs | count v, at least one; each as follows |
//! | messages between the run before, or the beginning, and this one | v |
//! | messages of the run | v, at least one |
//! | fields that each of them has | v: 1 body, 2 received, 4 dead-lettered, 8 first queue, 16 renamed, 32 its push failed |
//! | the fields of each message, in this order | |
//! | body | v: by how much its position is larger than that of the body before (for the first, than the key of the page's first message), zigzag |
//! | received | v: when it was first received in a queue that it came from, from when it was sent on, ms, zigzag; v: how often it was received there |
//! | dead-lettered | v: index of the source |
//! | first queue | v: the queue that it was first put into |
//! | renamed | 16: its id |
//! | its push failed | v: index of why |
//!
//! v is a number of variable length. Other fields are refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use posthouse_model::notification::PushFailure;
use posthouse_model::{QueueAddress, QueueId, Timestamp};

use super::{OUT_OF_RANGE, unzigzag, zigzag};
use crate::event::bytes::{Reader, Writer};
use crate::journal::Position;
use crate::malformed::Malformed;
use crate::queue::origin::Origin;
use crate::queue::pages::extra::Extra;
use crate::queue::pages::page::{Entry, Waiting};

const BODY: u64 = 1;
const RECEIVED: u64 = 2;
const SOURCE: u64 = 4;
const ENTERED: u64 = 8;
const RENAMED: u64 = 16;
const FAILED: u64 = 32;
const FIELDS: u64 = BODY | RECEIVED | SOURCE | ENTERED | RENAMED | FAILED;

/// Whether any of these messages has something beyond its entry.
pub(super) fn are_needed(messages: &[Waiting]) -> bool {
    messages.iter().any(|message| fields(message) != 0)
}

/// Writes what these messages have beyond their entries: one of them has something.
pub(super) fn encode(messages: &[Waiting], out: &mut Writer<'_>) {
    let tables = Tables::of(messages);
    tables.encode(out);
    let runs = || messages.chunk_by(|one, other| fields(one) == fields(other));
    out.variable(runs().filter(|run| fields(&run[0]) != 0).count() as u64);
    let (mut skipped, mut before) = (0, Position::of(messages[0].entry.key));
    for run in runs() {
        let fields = fields(&run[0]);
        if fields == 0 {
            skipped = run.len();
            continue;
        }
        out.variable(core::mem::take(&mut skipped) as u64);
        out.variable(run.len() as u64);
        out.variable(fields);
        for message in run {
            tables.encode_extra(message, before, out);
            before = message.body().position;
        }
    }
}

/// Reads what messages have beyond their entries. There is at least one message.
pub(super) fn decode(messages: &mut [Waiting], bytes: &mut Reader<'_>) -> Result<(), Malformed> {
    let sources = bytes.variable_list(4, |bytes| bytes.address()?.map(Arc::new).ok_or("an ARN is missing"))?;
    let failures = bytes.variable_list(6, Reader::push_failure)?;
    let mut before = Position::of(messages[0].entry.key);
    let mut rest = messages.iter_mut();
    let runs = bytes.variable()?;
    if runs == 0 {
        return Err("it has extras of no message");
    }
    for _ in 0..runs {
        let (skipped, length, fields) = (bytes.variable()?, bytes.variable()?, bytes.variable()?);
        if length == 0 || fields == 0 || fields & !FIELDS != 0 {
            return Err("its extras have an unknown field, or none");
        }
        let skipped = usize::try_from(skipped).map_err(|_| OUT_OF_RANGE)?;
        let mut place = rest.by_ref().skip(skipped);
        for _ in 0..length {
            let message = place.next().ok_or("it has extras of more messages than there are")?;
            let tables = (sources.as_slice(), failures.as_slice());
            let extra = decode_extra(&message.entry, (fields, before), tables, bytes)?;
            before = extra.body;
            message.extra = Some(Box::new(extra));
            if self::fields(message) != fields {
                return Err("a field of its extras says nothing");
            }
        }
    }
    Ok(())
}

fn decode_extra(
    entry: &Entry,
    (fields, before): (u64, Position),
    (sources, failures): (&[Arc<QueueAddress>], &[Arc<PushFailure>]),
    bytes: &mut Reader<'_>,
) -> Result<Extra, Malformed> {
    let mut extra = Extra {
        body: Position::of(entry.key),
        first_received: Timestamp::EPOCH,
        inherited: 0,
        origin: Origin::default(),
    };
    if fields & BODY != 0 {
        extra.body = Position::new(before.get().wrapping_add_signed(unzigzag(bytes.variable()?)));
    }
    if fields & RECEIVED != 0 {
        let since = unzigzag(bytes.variable()?);
        extra.first_received = Timestamp::from_millis(entry.sent.as_millis().wrapping_add_signed(since));
        extra.inherited = bytes.variable_u32()?;
    }
    if fields & SOURCE != 0 {
        extra.origin.source = Some(Arc::clone(item(sources, bytes)?));
    }
    if fields & ENTERED != 0 {
        extra.origin.entered = Some(QueueId::new(bytes.variable_u32()?));
    }
    if fields & RENAMED != 0 {
        extra.origin.renamed = Some(bytes.message_id()?);
    }
    if fields & FAILED != 0 {
        extra.origin.failure = Some(Arc::clone(item(failures, bytes)?));
    }
    Ok(extra)
}

/// The item of a table whose index comes next.
fn item<'a, T>(table: &'a [T], bytes: &mut Reader<'_>) -> Result<&'a T, Malformed> {
    usize::try_from(bytes.variable()?).ok().and_then(|index| table.get(index)).ok_or("its tables lack an item")
}

/// What many extras have in common, each once.
#[derive(Default)]
struct Tables<'a> {
    sources: Table<'a, QueueAddress>,
    failures: Table<'a, PushFailure>,
}

/// The distinct values of one kind, in the order of their first use.
struct Table<'a, T> {
    list: Vec<&'a T>,
    index: BTreeMap<&'a T, u64>,
}

impl<T> Default for Table<'_, T> {
    fn default() -> Self {
        Self { list: Vec::new(), index: BTreeMap::new() }
    }
}

impl<'a, T: Ord> Table<'a, T> {
    fn add(&mut self, item: &'a T) {
        let next = self.list.len() as u64;
        if *self.index.entry(item).or_insert(next) == next {
            self.list.push(item);
        }
    }

    fn index_of(&self, item: &T) -> u64 {
        self.index[item]
    }
}

impl<'a> Tables<'a> {
    fn of(messages: &'a [Waiting]) -> Self {
        let mut tables = Self::default();
        for origin in messages.iter().filter_map(|message| message.extra.as_deref()).map(|extra| &extra.origin) {
            origin.source.iter().for_each(|source| tables.sources.add(source));
            origin.failure.iter().for_each(|failure| tables.failures.add(failure));
        }
        tables
    }

    fn encode(&self, out: &mut Writer<'_>) {
        out.variable(self.sources.list.len() as u64);
        self.sources.list.iter().for_each(|source| out.address(Some(source)));
        out.variable(self.failures.list.len() as u64);
        self.failures.list.iter().for_each(|failure| out.push_failure(failure));
    }

    /// Writes the fields that a message has. `before` is the position of the body before its own.
    fn encode_extra(&self, message: &Waiting, before: Position, out: &mut Writer<'_>) {
        let (fields, Some(extra)) = (fields(message), message.extra.as_deref()) else { return };
        if fields & BODY != 0 {
            out.variable(zigzag(extra.body.get().wrapping_sub(before.get()).cast_signed()));
        }
        if fields & RECEIVED != 0 {
            let since = extra.first_received.as_millis().wrapping_sub(message.entry.sent.as_millis());
            out.variable(zigzag(since.cast_signed()));
            out.variable(extra.inherited.into());
        }
        if let Some(source) = &extra.origin.source {
            out.variable(self.sources.index_of(source));
        }
        if let Some(queue) = extra.origin.entered {
            out.variable(queue.get().into());
        }
        if let Some(id) = &extra.origin.renamed {
            out.array(id.as_bytes());
        }
        if let Some(failure) = &extra.origin.failure {
            out.variable(self.failures.index_of(failure));
        }
    }
}

/// The fields that are written of a message.
fn fields(message: &Waiting) -> u64 {
    let Some(extra) = message.extra.as_deref() else { return 0 };
    let bit = |set: bool, field: u64| if set { field } else { 0 };
    bit(extra.body != Position::of(message.entry.key), BODY)
        | bit(extra.inherited > 0 || extra.first_received != Timestamp::EPOCH, RECEIVED)
        | bit(extra.origin.source.is_some(), SOURCE)
        | bit(extra.origin.entered.is_some(), ENTERED)
        | bit(extra.origin.renamed.is_some(), RENAMED)
        | bit(extra.origin.failure.is_some(), FAILED)
}
