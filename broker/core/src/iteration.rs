//! One iteration of the loop, over and over: what the disk finished, what came in, what is due, one commit, what may
//! leave.
//!
//! ```text
//! disk completions -> durable replies leave -> reads collected -> inbox drained -> timers -> slices -> commit ->
//! other replies leave
//! ```
//!
//! A slice is a part of a publication, a checkpoint or an inspection, so small that no request waits for it.
//!
//! The loop sleeps only if nothing is left to do. Requests do not wake it while a commit is under way: they could not
//! be committed before that one ends, and share the next one.

mod reads;

use core::time::Duration;
use std::sync::Arc;

use hashbrown::HashMap;
use posthouse_engine::{Answer, Answers, Engine, Outcome, Overview, Position, PreparedCall, RequestToken};
use posthouse_log::{CloseError, CommitSample, Health, Log, ReadError, ReadId, Space, Suspect};
use posthouse_model::fault::Unavailable;
use posthouse_model::operation::{Page, StorageEffect};
use posthouse_model::{Call, Fault, Reply, Timestamp};

use bytes::Bytes;

use crate::assembly::{Assembled, Assemblies, Wanted};
use crate::backlog::Backlog;
use crate::checkpoint::Checkpoints;
use crate::compaction::Compaction;
use crate::damage::{Damage, Unread, placed, segments_held};
use crate::inbox::{Note, Outlet};
use crate::incident::{Incident, Incidents, Reports};
use crate::journal::{LogJournal, from_log};
use crate::matching::Matcher;
use crate::pages::PageReads;
use crate::peeks::{self, Peeks};
use crate::replies::{Answered, Replies};
use crate::scrub::Scrubber;
use crate::statistics::{CoreStatistics, Inspection, StartCost};
use crate::status::{Conditions, Status};
use crate::surveys::Surveys;
use crate::{Clock, ClockStep, Durability, Environment, Options, Outbox as _, Responder, Response};

/// Requests taken from the inbox in one iteration: enough to fill a commit, few enough that the disk's completions wait
/// a few hundred microseconds at most.
const REQUESTS_PER_ITERATION: usize = 256;

/// Notes read in one iteration, so that requests and completions come between them.
const NOTES_PER_ITERATION: usize = 256;

/// The longest time that the inbox goes unread while a commit is under way.
const COMMIT_PATIENCE: Duration = Duration::from_millis(1);

/// What one request may add to the log at most, with room to spare: a batch of 1 MiB, its framing, and the events of
/// timers that come due in the same iteration.
const REQUEST_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How far the time of the loop may be ahead of the clock: the loop waits for the clock then. If it is further ahead, its
/// time is set back.
const CLOCK_BEHIND_MAX: Duration = Duration::from_secs(1);

/// How often a disk that has refused a file is tried again. Freed segments end a shortage by themselves.
const SPACE_RETRY: Duration = Duration::from_secs(1);

/// How long after it has moved the durable end is noted in the superblock. If a disk loses or damages the end of the
/// log, the next start can prove that of all but the records of this last second. A write a second is lost among the
/// commits.
const NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// The responder and the outbox of an environment.
type ResponderOf<E> = <E as Environment>::Responder;
type OutboxOf<E> = <ResponderOf<E> as Responder>::Outbox;

/// A token is a counter, so a multiplication spreads it. No client chooses one, so the hash needs no secret.
type Callers<R> = HashMap<RequestToken, R, core::hash::BuildHasherDefault<TokenHasher>>;

/// The ways between the loop and those who ask it.
pub(crate) struct Ways<E: Environment> {
    pub(crate) outlet: Outlet<E::Responder>,
    pub(crate) matcher: Matcher<E::Responder>,
    pub(crate) outbox: OutboxOf<E>,
}

/// What recovery leads to.
pub(crate) struct Recovered<E: Environment> {
    pub(crate) engine: Engine,
    pub(crate) log: Log<E::Disk>,
    pub(crate) start: StartCost,
}

/// The core loop.
///
/// Its fields are dropped in their order: the responders, then the inbox, then the outbox, as [`Outbox`](crate::Outbox)
/// says.
pub struct Core<E: Environment> {
    engine: Engine,
    log: Log<E::Disk>,
    clock: E::Clock,
    /// The responders of requests that wait in the engine.
    callers: Callers<E::Responder>,
    replies: Replies<E::Responder>,
    assemblies: Assemblies<E::Responder>,
    peeks: Peeks<E::Responder>,
    outlet: Outlet<E::Responder>,
    matcher: Matcher<E::Responder>,
    outbox: OutboxOf<E>,
    options: Options,
    now: Timestamp,
    checkpoints: Checkpoints,
    surveys: Surveys,
    damage: Damage,
    pages: PageReads,
    scrubber: Scrubber,
    compaction: Compaction,
    /// Messages of answers that could not be read, until the end of the step that found them.
    unread: Vec<Unread>,
    backlog: Backlog,
    statistics: CoreStatistics,
    status: Arc<Status>,
    /// What `status` says.
    conditions: Conditions,
    stage: Stage,
    /// When a disk that has refused a file was last tried.
    space_tried: Timestamp,
    /// When the durable end is to be noted in the superblock; `None` if it has not moved since it was.
    note_due: Option<Timestamp>,
    reports: Reports,
    answers: Vec<Answer>,
    reads: Vec<(ReadId, Result<Bytes, ReadError>)>,
    commits: Vec<CommitSample>,
    suspects: Vec<Suspect>,
}

/// How far the loop is from its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    /// Long polls are answered at once.
    EndingWaits,
    /// New requests are refused. Those that were taken are still committed and answered.
    ShuttingDown,
}

impl<E: Environment> Core<E> {
    pub(crate) fn new(
        Recovered { engine, log, start }: Recovered<E>,
        clock: E::Clock,
        Ways { outlet, matcher, outbox }: Ways<E>,
        options: Options,
    ) -> (Self, Incidents) {
        let (reports, incidents) = Reports::new();
        let core = Self {
            now: engine.now(),
            engine,
            log,
            clock,
            callers: Callers::default(),
            replies: Replies::new(),
            assemblies: Assemblies::new(),
            peeks: Peeks::new(),
            outlet,
            matcher,
            outbox,
            checkpoints: Checkpoints::new(),
            surveys: Surveys::new(options.listed_max),
            damage: Damage::default(),
            pages: PageReads::default(),
            scrubber: Scrubber::new(options.scrub),
            compaction: Compaction::new(options.compaction),
            unread: Vec::new(),
            backlog: Backlog::new(options.unsynced_bytes_max, options.unsynced_wait_max),
            statistics: CoreStatistics::new(start),
            status: Arc::default(),
            conditions: Conditions::default(),
            stage: Stage::Serving,
            options,
            space_tried: Timestamp::EPOCH,
            note_due: None,
            reports,
            answers: Vec::new(),
            reads: Vec::new(),
            commits: Vec::new(),
            suspects: Vec::new(),
        };
        (core, incidents)
    }

    /// Where the loop says what is wrong with it.
    pub(crate) fn status(&self) -> Arc<Status> {
        Arc::clone(&self.status)
    }

    /// Runs until [`Inbox::shut_down`](crate::Inbox::shut_down), then closes the log.
    ///
    /// # Errors
    /// [`CloseError`] if the log could not be closed whole. Every acknowledged change is durable nevertheless.
    pub fn run(mut self) -> Result<(), CloseError> {
        while self.iterate() {}
        let unanswered = self.replies.length() + self.assemblies.length() + self.peeks.length() + self.callers.len();
        assert_eq!(unanswered, 0, "a loop that ends has answered every request that it took");
        self.log.close()
    }

    /// Runs one iteration. Returns false once the loop is shutting down and every request is answered; then it must not
    /// be called again.
    pub fn iterate(&mut self) -> bool {
        let pause = self.pause();
        self.log.wait(pause);
        self.outlet.awake();
        // Before any request is refused for these conditions, and again after what this iteration did.
        self.publish_conditions();
        // Before anything is decided, so that the shards write the answers of one commit while the loop decides what the
        // next one holds.
        self.replies.release(self.watermark(), &mut self.outbox);
        self.outbox.flush();
        // Counted before the clock is read. A request that arrives after the reading is left to the next iteration:
        // handled now, its delay or visibility timeout would begin before it arrived, and end too early.
        self.outlet.count_arrivals();
        self.read_clock();
        self.collect_reads();
        self.meet_damage();
        self.read_pages();
        self.read_notes();
        self.read_requests();
        if self.engine.next_deadline().is_some_and(|deadline| deadline <= self.now) && self.accepts_events() {
            let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
            self.engine.tick(self.now, &mut LogJournal(&mut self.log), &mut desk);
            self.answer();
        }
        if self.publication_goes_on() {
            let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
            self.engine.publish_some(self.now, &mut LogJournal(&mut self.log), &mut desk);
            self.answer();
        }
        while let Some(search) = self.engine.take_search() {
            self.matcher.run(search);
        }
        while let Some(discarded) = self.engine.take_discarded() {
            self.matcher.discard(discarded);
        }
        self.read_pages();
        self.meet_damage();
        self.look_for_damage();
        if self.accepts_events() {
            let (engine, log) = (&mut self.engine, &mut self.log);
            let completed = self.checkpoints.advance(self.now, &self.options, (engine, log), &mut self.compaction);
            if let Some(completed) = completed {
                self.statistics.checkpointed(&completed, self.now);
            }
        }
        self.spill();
        if self.may_scrub() {
            let moves = self.checkpoints.moves();
            self.compaction.advance(self.now, &mut self.engine, &mut self.log, moves);
        }
        if let Some((overview, asked)) = self.surveys.advance(&self.engine, self.now) {
            let inspection = Arc::new(self.inspection(overview));
            asked.into_iter().for_each(|inspect| inspect(Arc::clone(&inspection)));
        }
        if self.is_short() && self.space_tried + SPACE_RETRY <= self.now {
            self.space_tried = self.now;
            self.log.retry_space();
        }
        self.log.commit();
        self.log.take_commit_samples(&mut self.commits);
        for commit in self.commits.drain(..) {
            self.backlog.committed(&commit);
            self.statistics.committed(&commit);
        }
        self.note_durable();
        self.publish_conditions();
        self.replies.release(self.watermark(), &mut self.outbox);
        if let Some(fault) = self.failure() {
            self.refuse_everything(&fault);
        } else if self.stage == Stage::ShuttingDown && self.log.is_stuck() {
            // The log has no file left. Nothing that is not durable by now has been acknowledged.
            let fault = self.shortage().unwrap_or(Fault::StorageFull);
            self.refuse_everything(&fault);
        }
        self.outbox.flush();
        self.stage != Stage::ShuttingDown || self.owes_answers()
    }

    /// Reads the clock, and sets the engine's if it was set. The time of the loop never runs backwards otherwise.
    fn read_clock(&mut self) {
        let set = if self.accepts_events() { self.clock.step() } else { None };
        let now = self.clock.now();
        // The events of the log may be of a later time: they were written while the clock was wrong.
        let is_behind = self.now.since(now) > CLOCK_BEHIND_MAX && self.accepts_events();
        if let Some(ClockStep { from, to }) = set.or(is_behind.then_some(ClockStep { from: self.now, to: now })) {
            let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
            self.engine.set_clock(from, to, &mut LogJournal(&mut self.log), &mut desk);
            self.now = to;
            self.space_tried = Timestamp::EPOCH;
            self.compaction.clock_set();
            self.answer();
        }
        self.now = self.now.max(now);
    }

    /// How long this iteration may sleep in the disk. `None`: until the disk or a request wakes the loop.
    fn pause(&mut self) -> Option<Duration> {
        let request_waits = self.has_room() && self.outlet.length() > 0;
        let slice_waits = (self.accepts_events() && self.checkpoints.is_due(&self.options, &self.log))
            || (self.may_scrub() && self.damage.is_due())
            || (self.may_scrub() && self.compaction.is_due(self.now, &self.log, self.checkpoints.moves()))
            || self.may_spill()
            || self.pages.is_due();
        if request_waits || slice_waits || self.publication_goes_on() || self.surveys.is_due() {
            return Some(Duration::ZERO);
        }
        let retry = self.is_short().then(|| self.space_tried + SPACE_RETRY);
        let timers = self.engine.next_deadline().filter(|_| self.accepts_events());
        let note = self.note_due.filter(|_| self.failure().is_none());
        let scrub = self.may_scrub().then(|| self.scrubber.due(&self.log)).flatten();
        let compaction = self.may_scrub().then(|| self.compaction.due(&self.log, self.checkpoints.moves())).flatten();
        let due = timers.into_iter().chain(retry).chain(note).chain(scrub).chain(compaction).min();
        let until_due = due.map(|due| due.since(self.clock.now())).into_iter().chain(self.clock.look_again()).min();
        if self.failure().is_none() && self.log.unsynced_bytes() > 0 {
            let capped = Some(until_due.map_or(COMMIT_PATIENCE, |due| due.min(COMMIT_PATIENCE)));
            let answers_wait_for_it = self.options.durability == Durability::Fsync;
            return if answers_wait_for_it || self.outlet.may_sleep() { capped } else { Some(Duration::ZERO) };
        }
        // Without room the loop waits for the disk, whose completions wake it.
        if !self.has_room() || self.outlet.may_sleep() { until_due } else { Some(Duration::ZERO) }
    }

    /// Whether another request may be taken in: unsynced bytes and pending replies are bounded. A request that will be
    /// refused needs no room.
    fn has_room(&self) -> bool {
        let has_room = self.log.unsynced_bytes() < self.backlog.bytes_max()
            && self.replies.length() + self.assemblies.length() + self.peeks.length() + self.engine.parked_requests()
                < self.options.replies_pending_max;
        has_room || self.stage == Stage::ShuttingDown || !self.accepts_events()
    }

    /// Whether a publication that takes several turns can go on.
    fn publication_goes_on(&self) -> bool {
        self.engine.has_publications() && self.accepts_events() && self.has_room()
    }

    /// The fault of every request once the log has failed; `None` before.
    fn failure(&self) -> Option<Fault> {
        match self.log.health() {
            Health::Good => None,
            Health::Failed(failure) => Some(Fault::Unavailable(Unavailable::LogFailed(failure.to_string().into()))),
        }
    }

    /// Notes the durable end in the superblock, [`NOTE_INTERVAL`] after it first moved beyond the one noted.
    fn note_durable(&mut self) {
        if self.log.durable() == self.log.noted() {
            self.note_due = None;
            return;
        }
        let due = *self.note_due.get_or_insert(self.now + NOTE_INTERVAL);
        if due <= self.now {
            self.log.note_durable();
            self.note_due = None;
        }
    }

    /// Reports what happened to the log, and sets [`Status`] if the conditions have changed.
    fn publish_conditions(&mut self) {
        while let Some(incident) = self.log.next_incident() {
            self.reports.report(Incident::Log(incident));
        }
        let failed = match self.log.health() {
            Health::Good => None,
            Health::Failed(failure) => Some(failure),
        };
        let short = match self.log.space() {
            Space::Plenty => None,
            Space::Reserve { cause } => Some(cause),
        };
        if (failed, short) != (self.conditions.failed.as_ref(), self.conditions.short.as_ref()) {
            self.conditions = Conditions { failed: failed.cloned(), short: short.cloned() };
            self.status.set(self.conditions.clone());
        }
    }

    /// The fault of a request for which the log has no room, because the disk is full or refuses another file; `None`
    /// while the log gets its files.
    fn shortage(&self) -> Option<Fault> {
        match self.log.space() {
            Space::Plenty => None,
            Space::Reserve { cause } if cause.is_full() => Some(Fault::StorageFull),
            Space::Reserve { cause } => Some(Fault::Unavailable(Unavailable::NoLogFile(cause.to_string().into()))),
        }
    }

    fn is_short(&self) -> bool {
        matches!(self.log.space(), Space::Reserve { .. })
    }

    fn accepts_events(&self) -> bool {
        matches!(self.log.health(), Health::Good) && self.log.room_for(REQUEST_BYTES_MAX)
    }

    /// Replies that depend on records below this position may leave.
    fn watermark(&self) -> Position {
        from_log(match self.options.durability {
            Durability::Fsync => self.log.durable(),
            Durability::Async => self.log.end(),
        })
    }

    fn read_notes(&mut self) {
        for _ in 0..NOTES_PER_ITERATION {
            let Some(note) = self.outlet.note() else { break };
            match note {
                Note::Cancel(token) => {
                    self.engine.cancel(token);
                    self.callers.remove(&token);
                }
                Note::EndWait(token) => {
                    self.engine.cancel(token);
                    if let Some(responder) = self.callers.remove(&token) {
                        let nothing = Response::Answer(Ok(Reply::ReceiveMessage(Vec::new())));
                        responder.respond(nothing, &mut self.outbox);
                    }
                }
                Note::Inspect(inspect) => self.surveys.ask(inspect),
                Note::Look(listed_max, inspect) => self.surveys.look(listed_max, inspect),
                Note::Pulse(pulse) => pulse(),
                Note::Snapshot(snapshot) => snapshot(self.log.snapshot()),
                Note::Copied(first) => self.log.copied(first),
                Note::Searched(search) => self.engine.searched(*search),
                Note::Identities(identities) => self.engine.set_identities(identities),
                Note::EndWaits => self.stage = self.stage.max(Stage::EndingWaits),
                Note::ShutDown => self.stage = Stage::ShuttingDown,
            }
        }
        if self.stage != Stage::Serving {
            self.engine.end_waits(&mut self.answers);
            self.answer();
        }
    }

    fn read_requests(&mut self) {
        let mut taken = 0;
        while taken < REQUESTS_PER_ITERATION && self.has_room() {
            let Some(submission) = self.outlet.submission() else { break };
            taken += 1;
            self.statistics.requests += 1;
            // A request that may wait is made for its reply alone: without a caller it must take no messages.
            if submission.call.call().request.action().may_wait() && submission.responder.is_abandoned() {
                continue;
            }
            match self.refusal(submission.call.call()) {
                Some(fault) => submission.responder.respond(Response::Answer(Err(fault)), &mut self.outbox),
                None => self.handle(submission.token, submission.call, submission.responder),
            }
        }
    }

    /// The fault of a request that must not reach the engine; `None` for any other.
    fn refusal(&self, call: &Call) -> Option<Fault> {
        if self.stage == Stage::ShuttingDown {
            return Some(Fault::Unavailable(Unavailable::ShuttingDown));
        }
        if let Some(fault) = self.failure() {
            return Some(fault);
        }
        match call.request.action().storage_effect() {
            StorageEffect::Reads => None,
            StorageEffect::Frees if self.log.room_for(REQUEST_BYTES_MAX) => None,
            StorageEffect::Frees | StorageEffect::Adds => self.shortage(),
        }
    }

    fn handle(&mut self, token: RequestToken, call: PreparedCall, mut responder: E::Responder) {
        let own = Some((token, &mut responder));
        let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own };
        self.engine.handle(self.now, token, call, &mut LogJournal(&mut self.log), &mut desk);
        // Nearly every request is answered at once, as the first of the answers that it causes.
        if let Some(own) = self.answers.iter().position(|answer| answer.token == token) {
            let answer = self.answers.swap_remove(own);
            self.deliver(responder, answer.after, answer.outcome);
        } else {
            responder.waits();
            let replaced = self.callers.insert(token, responder);
            assert!(replaced.is_none(), "a token names one request");
        }
        if self.stage != Stage::Serving {
            self.engine.end_waits(&mut self.answers);
        }
        self.answer();
    }

    /// Delivers the engine's answers. An answer to a cancelled request is dropped.
    fn answer(&mut self) {
        let mut answers = core::mem::take(&mut self.answers);
        for answer in answers.drain(..) {
            if let Some(responder) = self.callers.remove(&answer.token) {
                self.deliver(responder, answer.after, answer.outcome);
            }
        }
        self.answers = answers;
    }

    /// Sends an outcome to its caller, once its messages are read and the log is durable up to `after`.
    fn deliver(&mut self, responder: E::Responder, after: Position, outcome: Outcome) {
        match outcome {
            Outcome::NoRoom { bytes } => responder.respond(Response::NoRoom { bytes }, &mut self.outbox),
            Outcome::Reply(answer) => self.send(Answered { responder, after, answer }),
            Outcome::Messages { messages, reply } => {
                let wanted = Wanted { responder, after, messages, reply };
                if let Some(assembled) = self.assemblies.begin(&mut self.log, wanted) {
                    self.send_assembled(assembled);
                }
            }
            Outcome::Peeked { .. } | Outcome::PeekPage { .. } => {
                let mut desk = Desk { answers: &mut self.answers, callers: &mut self.callers, own: None };
                let (engine, log) = (&mut self.engine, &mut self.log);
                let mut parts = peeks::Parts { now: self.now, engine, log, answers: &mut desk };
                if let Some(answered) = self.peeks.begin(&mut parts, responder, after, outcome) {
                    self.send(answered);
                }
            }
            Outcome::Damaged(page) => {
                let items = page.items.into_iter().map(|message| placed(&self.log, message)).collect();
                let answer = Ok(Reply::DamagedMessages(Page { items, next: page.next }));
                self.send(Answered { responder, after, answer });
            }
        }
    }

    /// Sends an answer once the log is durable up to what it depends on.
    fn send(&mut self, answered: Answered<E::Responder>) {
        self.replies.send(self.watermark(), answered, &mut self.outbox);
    }

    fn send_assembled(&mut self, assembled: Assembled<E::Responder>) {
        let Assembled { answered, unread } = assembled;
        let is_empty = matches!(&answered.answer, Ok(Reply::ReceiveMessage(messages)) if messages.is_empty());
        if is_empty && !unread.is_empty() {
            // What is done about the messages is done in this iteration, and a request that is made again comes in a
            // later one.
            answered.responder.respond(Response::Unreadable, &mut self.outbox);
        } else {
            self.send(answered);
        }
        self.unread.extend(unread);
    }

    fn refuse_everything(&mut self, fault: &Fault) {
        let refused = || Response::Answer(Err(fault.clone()));
        self.replies.refuse_all(fault, &mut self.outbox);
        for responder in self.assemblies.abandon().chain(self.peeks.abandon()) {
            responder.respond(refused(), &mut self.outbox);
        }
        self.answers.clear();
        self.engine.end_waits(&mut self.answers);
        self.engine.forget_parked();
        self.answers.clear();
        for (_, responder) in self.callers.drain() {
            responder.respond(refused(), &mut self.outbox);
        }
    }

    fn owes_answers(&self) -> bool {
        self.replies.length() > 0
            || self.assemblies.length() > 0
            || self.peeks.length() > 0
            || !self.callers.is_empty()
            || self.outlet.length() > 0
    }

    fn inspection(&self, overview: Overview) -> Inspection {
        Inspection {
            overview,
            waiting_receives: self.engine.waiting_receives(),
            index: self.engine.index(),
            scrub: self.scrubber.statistics(&self.log),
            compaction: self.compaction.statistics(),
            damage_found: self.damage.found(),
            damaged_segments: segments_held(&self.engine, &self.log),
            incidents_dropped: self.reports.dropped(),
            since_checkpoint: self.statistics.last_checkpoint.map(|last| self.now.since(last.at)),
            core: self.statistics.clone(),
            log: self.log.stats(),
            segments_by_key: self.log.segments_by_key(),
            failure: match self.log.health() {
                Health::Good => None,
                Health::Failed(failure) => Some(failure.to_string().into()),
            },
            storage_full: self.shortage() == Some(Fault::StorageFull),
            inbox_length: self.outlet.length(),
        }
    }
}

/// Where the engine's answers go in one call, and whose room their messages take.
struct Desk<'a, R> {
    answers: &'a mut Vec<Answer>,
    /// The responders of requests that wait in the engine.
    callers: &'a mut Callers<R>,
    /// The request that is being handled.
    own: Option<(RequestToken, &'a mut R)>,
}

impl<R: Responder> Answers for Desk<'_, R> {
    fn push(&mut self, answer: Answer) {
        self.answers.push(answer);
    }

    fn reserve(&mut self, token: RequestToken, lengths: &[u32]) -> usize {
        match &mut self.own {
            Some((own, responder)) if *own == token => responder.reserve(lengths),
            // The caller of a request that waits in the engine is known until the request is answered or cancelled.
            Some(_) | None => self.callers.get_mut(&token).map_or(0, |responder| responder.reserve(lengths)),
        }
    }
}

/// Fibonacci hashing of a counter.
#[derive(Default)]
struct TokenHasher(u64);

impl core::hash::Hasher for TokenHasher {
    fn write(&mut self, _: &[u8]) {
        unreachable!("a token is hashed as one number")
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
