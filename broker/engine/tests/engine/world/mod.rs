//! The engine with its surroundings: a journal in memory, a clock that the test sets, and clients.
//!
//! [`World::check`] replays the journal from the first event and from each checkpoint. Both must give the state of the
//! running engine and the same references to bodies.

pub(crate) mod journal;
mod peeking;
mod references;
pub(crate) mod script;

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use journal::Memory;
use posthouse_engine::{
    Answer, Answers, BodyRef, CheckpointStep, Engine, Options, Outcome, Position, PreparedCall, ReceivedRef, Replay,
    Replayed, RequestToken, Search, SearchFrom, Seed, Unreadable, stored_message,
};
use posthouse_model::message::MessageDraft;
use posthouse_model::operation::{Batch, BatchIds, DamageCause, DamagedId, DamagedMessage, Reply};
use posthouse_model::{
    AccountId, Action, Call, Caller, Fault, HandleKey, Identity, MessageId, Permissions, PresentedHandle, QueueAddress,
    ReceiptHandle, Region, RegionSource, Request, Seconds, StoredMessage, Timestamp, Transport,
};

/// The time at which every world begins.
pub(crate) const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// The user that a request of an account is signed by, unless the world has another.
pub(crate) const USER: &str = "tester";

/// Messages up to which the engine's invariants are checked after every step.
#[cfg(debug_assertions)]
const CHECKED_MESSAGES_MAX: u64 = 500;

/// A list of answers with room for so many messages each.
struct Roomy {
    answers: Vec<Answer>,
    room: usize,
}

impl Answers for Roomy {
    fn push(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    fn reserve(&mut self, _: RequestToken, lengths: &[u32]) -> usize {
        assert!(lengths.iter().all(|length| *length > 0), "each message has a record");
        lengths.len().min(self.room)
    }
}

/// Why a record cannot be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadFault {
    /// Its bytes are damaged.
    Damaged,
    /// The disk refuses for another reason.
    Unavailable,
}

/// How long a message is hidden that cannot be read for now.
const PAUSE: Seconds = Seconds::new(30);

/// An engine and its surroundings.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) journal: Memory,
    pub(crate) now: Timestamp,
    pub(crate) account: Option<AccountId>,
    /// The region that requests are signed for. Those of an anonymous caller are not signed.
    pub(crate) region: Region,
    pub(crate) options: Options,
    /// The user that requests of an account are signed by.
    pub(crate) user: &'static str,
    /// What the user may do.
    pub(crate) permissions: Permissions,
    /// Whether requests come from the broker itself, for push delivery.
    pub(crate) as_broker: bool,
    /// The records that cannot be read.
    pub(crate) faults: BTreeMap<Position, ReadFault>,
    /// Answers to receives that waited.
    pub(crate) late: Vec<(RequestToken, String)>,
    /// Complete checkpoints.
    pub(crate) checkpoints: Vec<Position>,
    /// Messages that each answer has room for.
    pub(crate) room: usize,
    /// Whether a slice of a checkpoint is written after every call.
    pub(crate) checkpointing: bool,
    /// Whether what is due at once is done after every call, as the core loop does it.
    pub(crate) ticking: bool,
    /// Searches that are run elsewhere.
    searches: VecDeque<Search>,
    /// A search for references, of which a step is taken after every call.
    background: references::Background,
    tokens: u64,
    ids: u64,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            engine: Replay::new(Options { seed: Seed::new([1; 16]), ..options.clone() }).finish(START),
            journal: Memory::default(),
            now: START,
            account: Some(AccountId::DEFAULT),
            region: region(),
            user: USER,
            permissions: Permissions::Full,
            as_broker: false,
            options,
            faults: BTreeMap::new(),
            late: Vec::new(),
            checkpoints: Vec::new(),
            room: usize::MAX,
            checkpointing: true,
            ticking: false,
            searches: VecDeque::new(),
            background: references::Background::default(),
            tokens: 0,
            ids: 0,
        }
    }

    pub(crate) fn address(&self, name: &str) -> QueueAddress {
        let (account, name) = name.split_once('/').unwrap_or(("000000000000", name));
        QueueAddress {
            region: region(),
            account: account.parse().expect("an account"),
            name: name.parse().expect("a queue name"),
        }
    }

    /// Sixteen bytes that no earlier call has returned.
    pub(crate) fn fresh_id(&mut self) -> [u8; 16] {
        self.ids += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.ids.to_le_bytes());
        id
    }

    pub(crate) fn message(
        &mut self,
        queue: &str,
        body: &str,
        group: Option<&str>,
        deduplication: Option<&str>,
    ) -> Result<StoredMessage, Fault> {
        let draft = MessageDraft::new(MessageId::from_random(self.fresh_id()), body, "tester");
        MessageDraft { group, deduplication, fifo: queue.ends_with(".fifo"), ..draft }.seal()
    }

    pub(crate) fn caller(&self) -> Caller {
        let identity = match self.account {
            _ if self.as_broker => Identity::Broker,
            Some(account) => Identity::User { account, name: self.user.into(), permissions: self.permissions },
            None => Identity::Anonymous,
        };
        let region_source = match identity {
            Identity::Anonymous => RegionSource::Surroundings,
            Identity::Broker | Identity::User { .. } => RegionSource::Signature,
        };
        let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Caller { identity, region: self.region.clone(), region_source, source, transport: Transport::Plain }
    }

    /// Sends a request to the engine. Returns an immediate answer with the position that must be durable before it
    /// leaves; `None` if the request waits.
    pub(crate) fn call(&mut self, request: Request) -> (RequestToken, Option<(Outcome, Position)>) {
        self.tokens += 1;
        let token = RequestToken(self.tokens);
        let call = Call { caller: self.caller(), request };
        // Each script runs in both kinds of world, so that it also proves that preparing changes no outcome.
        let call = match self.checkpointing {
            true => PreparedCall::from(call),
            false => PreparedCall::new(call, &self.engine.filter_hints()),
        };
        let mut answers = Roomy { answers: Vec::new(), room: self.room };
        self.engine.handle(self.now, token, call, &mut self.journal, &mut answers);
        self.check_invariants();
        let own = self.take_late(answers.answers, Some(token));
        let own = self.read_pages(Some(token)).or(own);
        while self.ticking && self.engine.next_deadline().is_some_and(|due| due <= self.now) {
            self.tick();
        }
        self.checkpoint_slice(1);
        (token, own)
    }

    /// Reads the pages that are wanted, and stores those of one record if too much is in memory. Returns the answer to
    /// `own` if that waited for a page.
    pub(crate) fn read_pages(&mut self, own: Option<RequestToken>) -> Option<(Outcome, Position)> {
        let mut taken = None;
        while let Some(request) = self.engine.next_page_request() {
            let payload = self.journal.payload(request.position());
            assert_eq!(payload.len(), request.length() as usize);
            let mut answers = Roomy { answers: Vec::new(), room: self.room };
            let read = self.engine.page_read(self.now, request, &payload, &mut self.journal, &mut answers);
            read.expect("the page that was written");
            self.check_invariants();
            taken = self.take_late(answers.answers, own).or(taken);
        }
        assert_eq!(self.engine.parked_requests(), 0, "no request waits for a page that is not read");
        if self.engine.is_spill_due() {
            let mut answers = Roomy { answers: Vec::new(), room: self.room };
            self.engine.spill(self.now, &mut self.journal, &mut answers);
            self.check_invariants();
            taken = self.take_late(answers.answers, own).or(taken);
        }
        taken
    }

    /// The reply to a request that does not wait. A publication that takes several turns goes on until it is answered.
    pub(crate) fn ask(&mut self, request: Request) -> Result<Reply, Fault> {
        let (token, mut answer) = self.call(request);
        while answer.is_none() && self.publishes() {
            answer = self.publish_some(Some(token));
        }
        match answer {
            Some((Outcome::Reply(reply), _)) => reply,
            Some((Outcome::Damaged(page), _)) => Ok(Reply::DamagedMessages(page)),
            other => panic!("no reply: {other:?}"),
        }
    }

    /// Asks any request that does not wait. Returns whether it was refused.
    pub(crate) fn ask_any(&mut self, request: Request) -> Result<(), Fault> {
        match self.call(request).1 {
            Some((Outcome::Reply(Err(fault)), _)) => Err(fault),
            Some(_) => Ok(()),
            None => panic!("the request waits"),
        }
    }

    /// Whether a publication is under way.
    pub(crate) fn publishes(&self) -> bool {
        self.engine.has_publications() || !self.searches.is_empty()
    }

    /// Does the next step of a publication that is under way. Returns the answer to `own`.
    pub(crate) fn publish_some(&mut self, own: Option<RequestToken>) -> Option<(Outcome, Position)> {
        let mut answers = Roomy { answers: Vec::new(), room: self.room };
        if self.engine.has_publications() {
            self.engine.publish_some(self.now, &mut self.journal, &mut answers);
        } else if let Some(mut search) = self.searches.pop_front() {
            search.run();
            self.engine.searched(search);
        }
        self.searches.extend(core::iter::from_fn(|| self.engine.take_search()));
        self.check_invariants();
        let own = self.take_late(answers.answers, own);
        self.read_pages(None);
        self.checkpoint_slice(1);
        own
    }

    /// Lets time pass, with every timer on time.
    pub(crate) fn advance(&mut self, millis: u64) {
        let end = Timestamp::from_millis(self.now.as_millis() + millis);
        while let Some(due) = self.engine.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.tick();
        }
        self.now = end;
        self.tick();
    }

    pub(crate) fn tick(&mut self) {
        let mut answers = Roomy { answers: Vec::new(), room: self.room };
        self.engine.tick(self.now, &mut self.journal, &mut answers);
        self.check_invariants();
        self.take_late(answers.answers, None);
        self.read_pages(None);
        self.checkpoint_slice(1);
    }

    /// Ticks until no timer is due and no publication is under way.
    pub(crate) fn settle(&mut self) {
        while self.publishes() || self.engine.next_deadline().is_some_and(|due| due <= self.now) {
            if self.publishes() {
                self.publish_some(None);
            }
            self.tick();
        }
    }

    /// Sets the clock.
    pub(crate) fn set_clock(&mut self, to: Timestamp) {
        let mut answers = Vec::new();
        self.engine.set_clock(self.now, to, &mut self.journal, &mut answers);
        self.now = to;
        self.check_invariants();
        self.take_late(answers, None);
        self.checkpoint_slice(1);
    }

    /// Restarts with another clock, which is before the times in the journal or after them.
    pub(crate) fn restart_at(&mut self, now: Timestamp) {
        let latest = self.now;
        self.now = latest.max(now);
        self.restart();
        if now < latest {
            self.set_clock(now);
        }
    }

    fn take_late(&mut self, answers: Vec<Answer>, own: Option<RequestToken>) -> Option<(Outcome, Position)> {
        let mut taken = None;
        let mut unread = Vec::new();
        for mut answer in answers {
            self.read(&mut answer.outcome, &mut unread);
            if Some(answer.token) == own {
                assert!(taken.is_none(), "one answer to one request");
                taken = Some((answer.outcome, answer.after));
            } else {
                let text = self.render(&answer.outcome, &[]);
                self.late.push((answer.token, text));
            }
        }
        if !unread.is_empty() {
            self.meet(&unread);
        }
        taken
    }

    /// Takes messages out of an outcome whose records cannot be read.
    fn read(&self, outcome: &mut Outcome, unread: &mut Vec<(ReceiptHandle, ReadFault)>) {
        let Outcome::Messages { messages, .. } = outcome else { return };
        messages.retain(|delivery| match self.faults.get(&delivery.body.position) {
            None => true,
            Some(fault) => {
                unread.push((delivery.handle, *fault));
                false
            }
        });
    }

    /// Tells the engine of messages that it handed out and that could not be read.
    fn meet(&mut self, unread: &[(ReceiptHandle, ReadFault)]) {
        let (damaged, unavailable): (Vec<_>, Vec<_>) =
            unread.iter().partition(|(_, fault)| *fault == ReadFault::Damaged);
        let damaged: Vec<Unreadable> = damaged.iter().map(|(handle, _)| unreadable(*handle)).collect();
        self.set_aside(&damaged);
        let unavailable: Vec<ReceiptHandle> = unavailable.iter().map(|(handle, _)| *handle).collect();
        let (mut answers, until) = (Vec::new(), self.now + PAUSE);
        self.engine.give_back(self.now, (&unavailable, until), &mut self.journal, &mut answers);
        self.check_invariants();
        self.take_late(answers, None);
    }

    /// Sets messages aside. Returns how many were.
    pub(crate) fn set_aside(&mut self, unreadable: &[Unreadable]) -> usize {
        let mut answers = Vec::new();
        let done = self.engine.set_aside(self.now, unreadable, &mut self.journal, &mut answers);
        self.check_invariants();
        self.take_late(answers, None);
        done.len()
    }

    /// Looks for the messages of damaged records in all queues, a few at a time, and sets them aside.
    pub(crate) fn scrub(&mut self) -> usize {
        let damaged = self.faults.iter().filter(|(_, fault)| **fault == ReadFault::Damaged);
        let ranges: Vec<_> = damaged.map(|(at, _)| (*at, Position::new(at.get() + 8))).collect();
        let (mut found, mut from) = (Vec::new(), Some(SearchFrom::START));
        while let Some(next) = from {
            from = self.engine.search_bodies(&ranges, next, 2, &mut found);
        }
        for (_, body) in &found {
            assert!(self.faults.contains_key(&body.position), "a message of a damaged record");
        }
        let cause = DamageCause::Checksum;
        let found: Vec<_> = found.iter().map(|(id, _)| Unreadable { id: *id, receive: None, cause }).collect();
        self.set_aside(&found)
    }

    /// The records of messages with this body.
    pub(crate) fn records_of(&self, body: &str) -> Vec<Position> {
        const ENQUEUED: [u8; 2] = [16, 62];
        const PUBLISHED: [u8; 2] = [39, 63];
        let has_message = |kind: u8| ENQUEUED.contains(&kind) || PUBLISHED.contains(&kind);
        let messages = self.journal.records.iter().filter(|record| has_message(record.kind));
        messages.filter(|record| record.payload.ends_with(body.as_bytes())).map(|record| record.position).collect()
    }

    /// Checks the engine's invariants, unless it holds so many messages that this would take longer than the test.
    fn check_invariants(&self) {
        #[cfg(debug_assertions)]
        if self.engine.message_count() <= CHECKED_MESSAGES_MAX {
            self.engine.check();
        }
    }

    pub(crate) fn checkpoint_slice(&mut self, budget: usize) {
        self.search_slice();
        if self.checkpointing
            && let CheckpointStep::Done { replay_from } = self.engine.checkpoint(self.now, &mut self.journal, budget)
        {
            self.checkpoints.push(replay_from);
        }
    }

    /// The digest of the engine's state.
    pub(crate) fn digest(&self) -> [u8; 16] {
        self.engine.digest(self.now, &|page| self.journal.payload(page.position))
    }

    /// A new engine after replay of the journal from a position on.
    pub(crate) fn replay(&self, from: Position, seed: u8) -> (Engine, Memory) {
        let mut replay = Replay::new(Options { seed: Seed::new([seed; 16]), ..self.options.clone() });
        let mut journal = Memory::holding(self.journal.records.clone());
        for record in self.journal.records.iter().filter(|record| record.position >= from) {
            while let Replayed::PageWanted(request) = replay
                .event(record.position, record.kind, &record.payload, &mut journal)
                .unwrap_or_else(|error| panic!("replay from {from} at {}: {error}", record.position))
            {
                let payload = journal.payload(request.position());
                replay.page_read(request, &payload, &mut journal).expect("the page that was written");
            }
        }
        assert_eq!(journal.records.len(), self.journal.records.len(), "replay appends nothing");
        (replay.finish(self.now), journal)
    }

    /// Fails unless replay gives this state, from the first event and from every checkpoint.
    pub(crate) fn check(&mut self) {
        self.settle();
        while self.checkpointing && self.checkpoints.is_empty() {
            self.checkpoint_slice(7);
        }
        references::check(&self.engine, &self.journal);
        let read = |page: BodyRef| self.journal.payload(page.position);
        let expected = self.engine.digest(self.now, &read);
        for from in core::iter::once(Position::ZERO).chain(self.checkpoints.iter().copied()) {
            let (engine, journal) = self.replay(from, 2);
            #[cfg(debug_assertions)]
            engine.check();
            assert_eq!(journal.references, self.journal.references, "references after replay from {from}");
            assert_eq!(engine.digest(self.now, &read), expected, "state after replay from {from}");
        }
    }

    /// Replaces the engine by one that is replayed from the journal.
    pub(crate) fn restart(&mut self) {
        let from = self.checkpoints.last().copied().unwrap_or(Position::ZERO);
        let (engine, mut journal) = self.replay(from, 3);
        core::mem::swap(&mut journal.references, &mut self.journal.references);
        self.engine = engine;
        self.background = references::Background::default();
        self.searches.clear();
    }

    /// Restarts from a journal of an earlier version. That version wrote `text` where this one wrote `like_it`, in records
    /// about subscriptions that did not name the user that subscribed.
    pub(crate) fn restart_from_earlier(&mut self, like_it: &str, text: &str) {
        const SUBSCRIPTION_SET: u8 = 47;
        const WITHOUT_SUBSCRIBER: u8 = 42;
        assert_eq!(like_it.len(), text.len(), "the lengths before the texts stay right");
        for record in self.journal.records.iter_mut().filter(|record| record.kind == SUBSCRIPTION_SET) {
            let name_len = USER.len() + 1;
            let mut payload = record.payload[..record.payload.len() - name_len].to_vec();
            let places = payload.windows(text.len()).enumerate();
            let places: Vec<_> = places.filter(|(_, bytes)| *bytes == like_it.as_bytes()).map(|(at, _)| at).collect();
            for at in places {
                payload[at..at + text.len()].copy_from_slice(text.as_bytes());
            }
            (record.kind, record.payload) = (WITHOUT_SUBSCRIBER, payload.into());
        }
        self.restart();
    }

    /// The message of a delivery.
    pub(crate) fn open(&self, delivery: &ReceivedRef) -> StoredMessage {
        let payload = self.journal.payload(delivery.body.position);
        assert_eq!(payload.len(), delivery.body.length as usize);
        let stored = stored_message(payload, delivery.body.position, delivery.entered, delivery.copy());
        stored.expect("the record of a delivery holds a message of its queue").message
    }

    /// An outcome in the language of scripts. `show` names the fields of deliveries to show.
    pub(crate) fn render(&self, outcome: &Outcome, show: &[&str]) -> String {
        match outcome {
            Outcome::Reply(Ok(reply)) => script::render_reply(reply),
            Outcome::Reply(Err(fault)) => script::render_fault(fault),
            Outcome::Damaged(page) => {
                let damaged = page.items.iter().map(|message| self.render_damaged(message));
                let damaged: Vec<String> = damaged.collect();
                if damaged.is_empty() { "nothing".into() } else { damaged.join(" ") }
            }
            Outcome::Peeked { .. } | Outcome::PeekPage { .. } => unreachable!("`World::peek` looks"),
            Outcome::NoRoom { bytes } => {
                assert!(*bytes > 0, "a record has a length");
                "no room".into()
            }
            Outcome::Messages { messages: deliveries, .. } if deliveries.is_empty() => "nothing".into(),
            Outcome::Messages { messages: deliveries, .. } => {
                let deliveries: Vec<String> =
                    deliveries.iter().map(|delivery| self.render_delivery(delivery, show)).collect();
                deliveries.join(" ")
            }
        }
    }

    /// `queue/body(count=…,group=…)`: the test still has the body.
    fn render_damaged(&self, message: &DamagedMessage) -> String {
        let record = self.journal.payload(Position::new(message.record.position));
        assert_eq!(record.len(), message.record.length as usize);
        let text = String::from_utf8_lossy(&record).into_owned();
        // Bodies of scripts are a letter and digits at the end of the record.
        let start = text.trim_end_matches(|c: char| c.is_ascii_digit()).len() - 1;
        let group = if message.group.is_empty() { "-" } else { &message.group };
        format!("{}/{}(count={},group={group})", message.queue.name.as_str(), &text[start..], message.receive_count)
    }

    pub(crate) fn render_delivery(&self, delivery: &ReceivedRef, show: &[&str]) -> String {
        let message = self.open(delivery);
        let seconds = |time: Timestamp| time.since(START).as_secs();
        let facts: Vec<String> = show
            .iter()
            .map(|fact| match *fact {
                "count" => format!("count={}", delivery.receive_count),
                "sent" => format!("sent={}s", seconds(delivery.sent)),
                "first" => format!("first={}s", seconds(delivery.first_received)),
                "group" => format!("group={}", message.group().unwrap_or("-")),
                "source" => {
                    let source = delivery.dead_letter_source.as_ref().map_or("-", |source| source.name.as_str());
                    format!("source={source}")
                }
                "id" => {
                    assert_ne!(delivery.renamed, Some(message.id()));
                    if delivery.renamed.is_some() { "id=new".into() } else { "id=old".into() }
                }
                other => panic!("no such fact: {other}"),
            })
            .collect();
        if facts.is_empty() { message.body().to_owned() } else { format!("{}({})", message.body(), facts.join(",")) }
    }
}

/// A message that a receive met and that is damaged.
pub(crate) fn unreadable(handle: ReceiptHandle) -> Unreadable {
    let id = DamagedId { queue: handle.queue, message: handle.message };
    Unreadable { id, receive: Some(handle.generation), cause: DamageCause::Checksum }
}

/// The handle of a delivery as a consumer presents it.
pub(crate) fn presented(handle: ReceiptHandle) -> PresentedHandle {
    PresentedHandle::new(handle, HandleKey::new([0; 16]).seal(handle))
}

pub(crate) fn region() -> Region {
    "us-east-1".parse().expect("a region")
}

/// A batch whose entries have the ids `e0`, `e1` and so on.
pub(crate) fn batch<T>(entries: Vec<T>) -> Batch<T> {
    let ids: Vec<String> = (0..entries.len()).map(|index| format!("e{index}")).collect();
    // Only the fault of an empty batch names the action.
    let action = Action::SendMessageBatch;
    BatchIds::parse(action, ids.iter().map(String::as_str)).expect("up to ten").with(entries.into_iter())
}
