//! `limit+disk:///DIRECTORY`: the rate that the machine's disk allows a broker that syncs before it acknowledges.
//!
//! Producers pass their batches to one writer thread. It takes all batches that wait, writes them with one call, syncs,
//! and acknowledges them together. This is the group commit of a durable broker without the rest of a broker. Messages
//! cannot be received.
//!
//! If a file grows, each sync also writes the file system's journal. The limit is therefore measured with a file that
//! was filled with zeros beforehand. It is written from the start again at its end, past the page cache if the file
//! system allows it. `?file=growing` measures a file that is appended to. The thread is named `limit-disk`, so that its
//! CPU time is not counted as the load test's.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use async_trait::async_trait;
use percent_encoding::percent_decode_str;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use super::Address;
use crate::plan::WORKERS_MAX;
use crate::target::{Consumer, Failure, Kind, Layout, Outgoing, Producer, Promise, Refusals, Target};

mod writer;

use writer::{Append, BLOCK_BYTES, Group, Writer};

/// The size of a group, unless a single batch is larger.
const GROUP_BYTES_MIN: usize = 16 * 1024 * 1024;
/// The least size of a prewritten file.
const FILE_BYTES_MIN: u64 = 128 * 1024 * 1024;
/// Batches that may wait for the writer: one of each producer, so that no producer waits for room.
const WAITING_MAX: usize = WORKERS_MAX;

/// Opens the target. The directory is not accessed.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [file] = address.parameters(["file"])?;
    let form = match file.as_deref() {
        None | Some("prewritten") => FileForm::Prewritten,
        Some("growing") => FileForm::Growing,
        Some(other) => {
            return Err(Failure::Unsupported(format!("`file={other}`: known are `prewritten` and `growing`")));
        }
    };
    let url = address.url();
    if url.host_str().is_some_and(|host| !host.is_empty()) || url.path().is_empty() {
        return Err(Failure::Unsupported(format!(
            "{address}: the form is limit+disk:///DIRECTORY, with three slashes"
        )));
    }
    let directory = PathBuf::from(percent_decode_str(url.path()).decode_utf8_lossy().into_owned());
    Ok(Arc::new(LimitDisk { directory, form, runs: Mutex::default() }))
}

/// The form of the file.
#[derive(Clone, Copy)]
enum FileForm {
    /// Over zeros that were written beforehand, from the start again at its end.
    Prewritten,
    /// By appending.
    Growing,
}

struct LimitDisk {
    directory: PathBuf,
    form: FileForm,
    runs: Mutex<HashMap<String, OpenFile>>,
}

/// A file and its writer thread, which ends when this and all producers are dropped.
#[derive(Clone)]
struct OpenFile {
    inbox: mpsc::Sender<Append>,
    ended: Arc<OnceLock<Failure>>,
}

impl LimitDisk {
    fn path(&self, layout: &Layout) -> PathBuf {
        self.directory.join(format!("{}.limit-disk", layout.prefix))
    }

    fn runs(&self) -> std::sync::MutexGuard<'_, HashMap<String, OpenFile>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Target for LimitDisk {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        match layout.kind {
            Kind::Queue if !layout.receives => Ok(Promise::NONE),
            Kind::Queue => Err(nothing_to_receive()),
            Kind::Fifo | Kind::Delay(_) | Kind::Fanout { .. } => {
                Err(Failure::Unsupported("the limit of the disk is one of sending to one queue".to_owned()))
            }
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        let (path, form) = (self.path(layout), self.form);
        let group_bytes = layout.batch.saturating_mul(layout.body_bytes_max).max(GROUP_BYTES_MIN);
        let run = spawn_blocking(move || start(&path, form, group_bytes)).await.expect("opening does not panic")?;
        self.runs().insert(layout.prefix.clone(), run);
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        let run = self.runs().get(&layout.prefix).cloned();
        let run = run.ok_or_else(|| Failure::Unreachable("the file of this run has not been made".to_owned()))?;
        match run.ended.get() {
            Some(failure) => Err(failure.clone()),
            None => Ok(Box::new(Appender { run, bytes: Vec::new() })),
        }
    }

    async fn consumer(&self, _: &Layout, _: u32) -> Result<Box<dyn Consumer>, Failure> {
        Err(nothing_to_receive())
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        self.runs().remove(&layout.prefix);
        // By its name, because a `prepare` that was dropped while it filled the file has left it, too.
        let path = self.path(layout);
        let removed = spawn_blocking(move || fs::remove_file(&path).map_err(|error| (path, error)));
        match removed.await.expect("removing does not panic") {
            Err((path, error)) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::Refused(format!("cannot remove {}: {error}", path.display())))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

fn nothing_to_receive() -> Failure {
    Failure::Unsupported("the limit of the disk keeps no messages: there is nothing to receive".to_owned())
}

/// Makes the file and starts its writer.
fn start(path: &Path, form: FileForm, group_bytes: usize) -> Result<OpenFile, Failure> {
    let room = match form {
        FileForm::Growing => None,
        FileForm::Prewritten => Some(FILE_BYTES_MIN.max(2 * group_bytes as u64)),
    };
    let file = make(path, room).map_err(|error| match writer::is_full(&error) {
        true => Failure::Refused(format!("{}: {error}", path.display())),
        false => Failure::Unreachable(format!("cannot make {}: {error}", path.display())),
    })?;
    let (inbox, waiting) = mpsc::channel(WAITING_MAX);
    let ended = Arc::new(OnceLock::new());
    let writer = Writer::new(file, room, Group::with_room(group_bytes), waiting, Arc::clone(&ended));
    let spawned = thread::Builder::new().name("limit-disk".to_owned()).spawn(move || writer.run());
    spawned.map_err(|error| Failure::Refused(format!("cannot start the writer's thread: {error}")))?;
    Ok(OpenFile { inbox, ended })
}

/// Makes a new file: empty without `room`, otherwise with that many zeros and opened past the page cache if possible.
fn make(path: &Path, room: Option<u64>) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).open(path)?;
    let filled = room.map_or(Ok(()), |room| fill(&file, room)).and_then(|()| sync_directory(path));
    if let Err(error) = filled {
        // The first failure is reported, not that of the removal.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(if room.is_some() { open_direct(path).unwrap_or(file) } else { file })
}

fn fill(file: &File, room: u64) -> io::Result<()> {
    let zeros = vec![0; 1024 * 1024];
    let mut at = 0;
    while at < room {
        let bytes = usize::try_from(room - at).map_or(zeros.len(), |left| left.min(zeros.len()));
        file.write_all_at(&zeros[..bytes], at)?;
        at += bytes as u64;
    }
    file.sync_all()
}

/// Opens the file past the page cache. Fails if the file system or its block size does not allow it.
fn open_direct(path: &Path) -> io::Result<File> {
    let direct = rustix::fs::OFlags::DIRECT.bits().cast_signed();
    let file = OpenOptions::new().write(true).custom_flags(direct).open(path)?;
    let mut probe = Group::with_room(BLOCK_BYTES);
    probe.push(b"0");
    file.write_all_at(probe.blocks(), 0)?;
    Ok(file)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// The connection of a producer: passes each batch to the writer and waits until it is synced.
struct Appender {
    run: OpenFile,
    /// A buffer that is reused.
    bytes: Vec<u8>,
}

impl Appender {
    fn end(&self) -> Failure {
        let ended = self.run.ended.get().cloned();
        ended.unwrap_or_else(|| Failure::Disconnected("the writer's thread has ended".to_owned()))
    }
}

#[async_trait]
impl Producer for Appender {
    async fn send(&mut self, batch: &[Outgoing]) -> Result<Refusals, Failure> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        for message in batch {
            bytes.extend_from_slice(message.body.as_bytes());
        }
        let (done, answer) = oneshot::channel();
        self.run.inbox.send(Append { bytes, done }).await.map_err(|_| self.end())?;
        let (bytes, result) = answer.await.map_err(|_| self.end())?;
        self.bytes = bytes;
        result.map(|()| Refusals::new())
    }
}

#[cfg(test)]
mod tests;
