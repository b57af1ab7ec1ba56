//! The loop on its thread: recovery first, then iterations until it is shut down.

use core::fmt;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use posthouse_disk::Disk;
use posthouse_encryption::KeyId;
use posthouse_engine::{InvalidEvent, Replay, Replayed, Seed};
use posthouse_log::{CloseError, Log, OpenError, Record, Recovery, Relocated};
use posthouse_model::Timestamp;

use crate::inbox::{Inbox, inbox};
use crate::incident::Incidents;
use crate::iteration::{Core, Recovered, Ways};
use crate::journal::{ReplayJournal, from_log, to_log};
use crate::matching::Matcher;
use crate::statistics::StartCost;
use crate::status::Status;
use crate::{Clock as _, Environment, Options, Responder};

/// A loop that has recovered and takes requests.
pub struct Running<R> {
    /// The way in.
    pub inbox: Inbox<R>,
    /// What is wrong with the loop, readable without asking it.
    pub status: Arc<Status>,
    /// What the loop reports to the operator. If they are not taken, the latest are dropped.
    pub incidents: Incidents,
    /// What recovery found.
    pub started: Started,
    thread: JoinHandle<Result<(), CloseError>>,
}

/// What recovery found.
#[derive(Clone, Debug)]
pub struct Started {
    /// The log's report.
    pub log: posthouse_log::Recovered,
    /// Queues that there are.
    pub queues: usize,
    /// Messages that they hold.
    pub messages: u64,
    /// The time of the latest event; the epoch if there is none.
    pub latest: Timestamp,
    /// How many segments need each key of encryption at rest, and how many need none.
    pub segments_by_key: BTreeMap<Option<KeyId>, u64>,
    /// Sixteen random bytes, the same for the life of the data directory: what keys are made from.
    pub identity: [u8; 16],
}

/// Why the loop did not start.
#[derive(Debug)]
pub enum StartError {
    /// The disk cannot be opened.
    Disk(io::Error),
    /// The log cannot be opened, or is damaged.
    Log(OpenError),
    /// A whole record holds no valid event. It was written by another version, or by a bug.
    Event {
        /// Where the record is.
        position: u64,
        /// What is wrong with it.
        source: InvalidEvent,
    },
    /// The thread cannot be started.
    Thread(io::Error),
    /// Recovery panicked: a bug, reported by the panic itself.
    Panicked,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => write!(f, "the data directory cannot be used: {error}"),
            Self::Log(error) => error.fmt(f),
            Self::Event { position, source } => write!(
                f,
                "the record at position {position} cannot be replayed: {source}. Was the data directory written by a newer version?"
            ),
            Self::Thread(error) => write!(f, "the core thread cannot be started: {error}"),
            Self::Panicked => f.write_str("recovery failed by a bug of the broker; the panic above says where"),
        }
    }
}

impl core::error::Error for StartError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Disk(error) | Self::Thread(error) => Some(error),
            Self::Log(error) => Some(error),
            Self::Event { source, .. } => Some(source),
            Self::Panicked => None,
        }
    }
}

/// Why the loop did not end well. Every acknowledged change is durable nevertheless.
#[derive(Debug)]
pub enum EndError {
    /// The log could not be closed whole.
    Close(CloseError),
    /// The loop panicked: a bug, reported by the panic itself.
    Panicked,
}

impl fmt::Display for EndError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Close(error) => error.fmt(f),
            Self::Panicked => f.write_str("the core loop ended by a bug of the broker; the panic above says where"),
        }
    }
}

impl core::error::Error for EndError {}

impl<R> Running<R> {
    /// Waits until the loop has ended. [`Inbox::shut_down`] must be called first, or this waits for a failure.
    ///
    /// # Errors
    /// [`EndError`] if the log could not be closed whole, or if the loop panicked.
    pub fn join(self) -> Result<(), EndError> {
        self.thread.join().map_err(|_| EndError::Panicked)?.map_err(EndError::Close)
    }

    /// Whether the loop has ended, for whatever reason.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

/// Starts the loop on a thread of its own and waits until it has recovered. `open_disk` runs on that thread, because an
/// I/O ring belongs to one thread. `outbox` is the loop's own from then on.
///
/// # Errors
/// [`StartError`]. No thread is left running then.
pub fn start<E: Environment>(
    options: Options,
    open_disk: impl FnOnce() -> io::Result<E::Disk> + Send + 'static,
    clock: E::Clock,
    outbox: <E::Responder as Responder>::Outbox,
) -> Result<Running<E::Responder>, StartError>
where
    E::Clock: Send,
{
    let (report, reported) = mpsc::sync_channel(1);
    let body = move || {
        let opened = open_disk().map_err(StartError::Disk).and_then(|disk| recover::<E>(disk, clock, outbox, options));
        match opened {
            Ok(Whole { core, inbox, incidents, started }) => {
                match report.send(Ok((inbox, core.status(), incidents, started))) {
                    Ok(()) => core.run(),
                    // The caller of `start` was dropped, and with it the only inbox: no request can ever arrive.
                    Err(_) => Ok(()),
                }
            }
            Err(error) => {
                let _ = report.send(Err(error));
                Ok(())
            }
        }
    };
    let thread = thread::Builder::new().name("core".into()).spawn(body).map_err(StartError::Thread)?;
    let (inbox, status, incidents, started) = reported.recv().map_err(|_| StartError::Panicked)??;
    Ok(Running { inbox, status, incidents, started, thread })
}

/// A loop that has recovered, and its ends outside of its thread.
struct Whole<E: Environment> {
    core: Core<E>,
    inbox: Inbox<E::Responder>,
    incidents: Incidents,
    started: Started,
}

fn recover<E: Environment>(
    disk: E::Disk,
    clock: E::Clock,
    outbox: <E::Responder as Responder>::Outbox,
    options: Options,
) -> Result<Whole<E>, StartError> {
    let began = clock.now();
    let mut recovery = Log::open(disk, options.log.clone()).map_err(StartError::Log)?;
    let identity = *recovery.identity();
    let opened = clock.now();
    let mut replay = Replay::new(posthouse_engine::Options { seed: Seed::new(identity), ..options.engine.clone() });
    replay_all(&mut recovery, &mut replay)?;
    let replayed = clock.now();
    let (log, found) = recovery.finish().map_err(StartError::Log)?;
    let start = StartCost {
        open: opened.since(began),
        replay: replayed.since(opened),
        finish: clock.now().since(replayed),
        records: found.records,
        bytes: found.bytes,
    };
    let latest = replay.latest();
    // If the log's times are ahead of the clock, the loop begins by setting its time back.
    let engine = replay.finish(clock.now().max(latest));
    let (inbox, outlet) = inbox(options.inbox_length, log.waker(), engine.filter_hints());
    let (queues, messages) = (engine.queue_count(), engine.message_count());
    let segments_by_key = log.segments_by_key();
    let started = Started { log: found, queues, messages, latest, segments_by_key, identity };
    let ways = Ways { outlet, matcher: Matcher::new(inbox.clone()), outbox };
    let (core, incidents) = Core::new(Recovered { engine, log, start }, clock, ways, options);
    Ok(Whole { core, inbox, incidents, started })
}

/// Replays all records of a log, and the pages of waiting messages that they need.
///
/// # Errors
/// [`StartError::Log`] if a record that was durable cannot be read, [`StartError::Event`] if one holds no valid event.
pub(crate) fn replay_all<D: Disk>(recovery: &mut Recovery<D>, replay: &mut Replay) -> Result<(), StartError> {
    while let Some(record) = recovery.next_record().map_err(StartError::Log)? {
        replay_one(recovery, replay, &record)?;
    }
    Ok(())
}

/// Replays a record that [`Recovery::next_record`] has returned, and the pages that it needs.
///
/// # Errors
/// As [`replay_all`].
pub(crate) fn replay_one<D: Disk>(
    recovery: &mut Recovery<D>,
    replay: &mut Replay,
    record: &Record,
) -> Result<(), StartError> {
    let Record { position, kind, payload } = record;
    let invalid = |source| StartError::Event { position: position.get(), source };
    match recovery.relocated(record) {
        Ok(Relocated::Taken) => return Ok(()),
        Ok(Relocated::Other) => {}
        Err(reason) => return Err(invalid(InvalidEvent { kind: *kind, reason })),
    }
    while let Replayed::PageWanted(request) =
        replay.event(from_log(*position), *kind, payload, &mut ReplayJournal(recovery)).map_err(invalid)?
    {
        let page = recovery.read(to_log(request.position()), request.length() as usize);
        let page = page.map_err(StartError::Log)?;
        replay.page_read(request, &page, &mut ReplayJournal(recovery)).map_err(invalid)?;
    }
    Ok(())
}
