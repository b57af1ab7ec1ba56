//! Writes and acknowledgements; full disks, failed syncs, files that exist already, runs that are dropped.

use std::time::Duration;

use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::*;

fn layout(prefix: &str) -> Layout {
    Layout {
        prefix: prefix.to_owned(),
        kind: Kind::Queue,
        batch: 10,
        visibility_timeout: Duration::from_secs(30),
        body_bytes_max: 100,
        body_bytes_mean: 100,
        receives: false,
    }
}

fn target(directory: &Path, parameters: &str) -> Arc<dyn Target> {
    let address: Address = format!("limit+disk://{}{parameters}", directory.display()).parse().unwrap();
    address.open().unwrap()
}

fn batch(bodies: &[&str]) -> Vec<Outgoing> {
    bodies.iter().map(|body| Outgoing { body: (*body).to_owned(), ..Outgoing::default() }).collect()
}

/// The files of a directory, by name.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_growing_file_holds_what_was_acknowledged() {
    let directory = TempDir::new().unwrap();
    let target = target(directory.path(), "?file=growing");
    let layout = layout("run-1");
    target.prepare(&layout).await.unwrap();
    let mut first = target.producer(&layout).await.unwrap();
    let mut second = target.producer(&layout).await.unwrap();
    assert!(first.send(&batch(&["one ", "two "])).await.unwrap().is_empty());
    assert!(second.send(&batch(&["three "])).await.unwrap().is_empty());
    assert!(first.send(&batch(&["four"])).await.unwrap().is_empty());
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    // A thread that has ended meanwhile has no name.
    let mut threads = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    assert!(threads.any(|name| name == "limit-disk\n"), "the writer's thread has its own name");
    assert_eq!(fs::read_to_string(directory.path().join("run-1.limit-disk")).unwrap(), "one two three four");
    target.remove(&layout).await.unwrap();
    assert!(names(directory.path()).is_empty());
    target.remove(&layout).await.unwrap();
}

#[tokio::test]
async fn a_prewritten_file_is_written_in_blocks_and_keeps_its_size() {
    let directory = TempDir::new().unwrap();
    let target = target(directory.path(), "");
    let layout = layout("run-2");
    target.prepare(&layout).await.unwrap();
    let mut producer = target.producer(&layout).await.unwrap();
    producer.send(&batch(&["one", "two"])).await.unwrap();
    producer.send(&batch(&["three"])).await.unwrap();
    let bytes = fs::read(directory.path().join("run-2.limit-disk")).unwrap();
    assert_eq!(bytes.len() as u64, FILE_BYTES_MIN);
    assert_eq!(&bytes[..6], b"onetwo");
    assert_eq!(&bytes[BLOCK_BYTES..BLOCK_BYTES + 5], b"three");
    target.remove(&layout).await.unwrap();
}

#[tokio::test]
async fn many_producers_at_once_are_each_answered() {
    let directory = TempDir::new().unwrap();
    let target = target(directory.path(), "?file=growing");
    let layout = layout("run-3");
    target.prepare(&layout).await.unwrap();
    let mut workers = Vec::new();
    for _ in 0..32 {
        let mut producer = target.producer(&layout).await.unwrap();
        workers.push(tokio::spawn(async move {
            for _ in 0..20 {
                assert!(producer.send(&batch(&["0123456789", "0123456789"])).await.unwrap().is_empty());
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
    let bytes = fs::metadata(directory.path().join("run-3.limit-disk")).unwrap().len();
    assert_eq!(bytes, 32 * 20 * 20);
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let target = target(Path::new("/there/is/no such directory"), "");
    let Err(Failure::Unreachable(why)) = target.prepare(&layout("run")).await else { panic!("it is not there") };
    assert!(why.contains("/there/is/no such directory/run.limit-disk"), "{why}");
    assert!(matches!(target.producer(&layout("run")).await.err(), Some(Failure::Unreachable(_))));
}

#[tokio::test]
async fn a_file_that_was_still_being_filled_is_removed() {
    let directory = TempDir::new().unwrap();
    let target = target(directory.path(), "");
    let layout = layout("run-4");
    assert!(timeout(Duration::ZERO, target.prepare(&layout)).await.is_err(), "128 MiB take longer than no time");
    while names(directory.path()).is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    target.remove(&layout).await.unwrap();
    assert!(names(directory.path()).is_empty());
}

#[tokio::test]
async fn a_file_that_is_there_is_not_written_over() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("run.limit-disk");
    fs::write(&path, "of another program").unwrap();
    let target = target(directory.path(), "");
    assert!(matches!(target.prepare(&layout("run")).await, Err(Failure::Unreachable(_))));
    assert_eq!(fs::read_to_string(&path).unwrap(), "of another program");
}

#[tokio::test]
async fn only_sending_to_a_queue_is_promised() {
    let target = target(Path::new("/tmp"), "");
    let sends = layout("run");
    assert_eq!(target.promise(&sends), Ok(Promise::NONE));
    let others = [
        Layout { receives: true, ..sends.clone() },
        Layout { kind: Kind::Fifo, ..sends.clone() },
        Layout { kind: Kind::Delay(Duration::from_secs(1)), ..sends.clone() },
        Layout { kind: Kind::Fanout { queues: 2, filtered: false }, ..sends.clone() },
    ];
    for other in others {
        assert!(matches!(target.promise(&other), Err(Failure::Unsupported(_))), "{other:?}");
    }
    assert!(matches!(target.consumer(&sends, 0).await.err(), Some(Failure::Unsupported(_))));
}

#[test]
fn urls_that_cannot_be_meant_are_refused() {
    for url in ["limit+disk://tmp/x", "limit+disk://", "limit+disk:///tmp?file=new", "limit+disk:///tmp?threads=1"] {
        let address: Address = url.parse().unwrap();
        assert!(matches!(address.open().err(), Some(Failure::Unsupported(_))), "{url}");
    }
}

/// Runs a writer of a device with two batches. Returns their results, and the failure with which the writer ended.
fn write_to(device: &str) -> (Vec<Result<(), Failure>>, Option<Failure>) {
    let file = OpenOptions::new().write(true).open(device).unwrap();
    let (inbox, waiting) = mpsc::channel(2);
    let ended = Arc::new(OnceLock::new());
    // Each batch fills the group, so that they are written one after the other.
    let writer = Writer::new(file, None, Group::with_room(BLOCK_BYTES), waiting, Arc::clone(&ended));
    let answers = [(); 2].map(|()| {
        let (done, answer) = oneshot::channel();
        assert!(inbox.try_send(Append { bytes: vec![b'x'; BLOCK_BYTES], done }).is_ok());
        answer
    });
    drop(inbox);
    writer.run();
    let answers = answers.map(|answer| {
        answer.blocking_recv().map_or_else(|_| ended.get().cloned().map_or(Ok(()), Err), |answer| answer.1)
    });
    (answers.into(), ended.get().cloned())
}

#[test]
fn a_full_disk_refuses_and_goes_on() {
    let (answers, ended) = write_to("/dev/full");
    assert!(answers.iter().all(|answer| matches!(answer, Err(Failure::Refused(_)))), "{answers:?}");
    assert_eq!(ended, None);
}

#[test]
fn a_failed_sync_ends_the_run() {
    // `/dev/null` takes every write and cannot be synced.
    let (answers, ended) = write_to("/dev/null");
    let ended = ended.expect("the writer has ended");
    assert!(matches!(&ended, Failure::Disconnected(why) if why.contains("sync")), "{ended}");
    assert!(answers.iter().all(|answer| answer.as_ref() == Err(&ended)), "{answers:?}");
}

#[test]
fn a_batch_that_can_never_fit_is_refused_and_others_are_written() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("file");
    let (inbox, waiting) = mpsc::channel(4);
    let writer =
        Writer::new(File::create(&path).unwrap(), None, Group::with_room(BLOCK_BYTES), waiting, Arc::default());
    let answers = [5000, 3000, 2000, 4096].map(|bytes| {
        let (done, answer) = oneshot::channel();
        assert!(inbox.try_send(Append { bytes: vec![b'x'; bytes], done }).is_ok());
        answer
    });
    drop(inbox);
    writer.run();
    let answers = answers.map(|answer| answer.blocking_recv().unwrap().1.is_ok());
    assert_eq!(answers, [false, true, true, true]);
    assert_eq!(fs::metadata(&path).unwrap().len(), 3000 + 2000 + 4096);
}

#[test]
fn groups_begin_and_end_at_blocks() {
    let mut group = Group::with_room(10_000);
    group.push(&[b'x'; 5000]);
    assert_eq!(group.blocks().as_ptr().align_offset(BLOCK_BYTES), 0);
    assert_eq!(group.blocks().len(), 2 * BLOCK_BYTES);
    assert_eq!(&group.blocks()[4999..5001], b"x\0");
}
