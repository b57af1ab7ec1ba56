//! The adapter against a real PostgreSQL, if one is installed. The server refuses to run as root, so that root starts
//! it as the user `postgres`, which the distributions' packages make.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};

use super::super::testing::{self, Server, installed, layout, messages, target};
use super::*;

/// The directory with the programs of each major version, in distributions' packages.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The password of the user `tester`.
const PASSWORD: &str = "correct horse";

/// A server with the user and the database `tester`. Its writes are not synced; other settings are the defaults.
struct Database {
    server: Server,
}

impl Database {
    /// Starts a server with more options; `None`, with a printed line, if that is not possible.
    fn start(options: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: postgres and initdb are not installed");
            return None;
        };
        let owner = match owner() {
            Ok(owner) => owner,
            Err(user) => {
                println!("skipped: PostgreSQL refuses to run as root, and there is no user {user}");
                return None;
            }
        };
        let postgres = programs.join("postgres");
        let server = Server::start(postgres.to_str().expect("paths of programs are ASCII"), |command, site| {
            initialize(&programs, site.directory, owner);
            run_as(command, owner);
            command.args(["-D", "data", "-h", "127.0.0.1", "-c", "fsync=off", "-c", "unix_socket_directories="]);
            command.arg("-p").arg(site.port.to_string()).args(options);
        })?;
        Some(Self { server })
    }

    /// The target, once the server is ready.
    async fn target(&self) -> Arc<dyn Target> {
        let target = target(&self.url(PASSWORD, "tester"));
        let probe = layout("probe", Kind::Queue);
        while let Err(failure) = target.remove(&probe).await {
            assert!(failure.to_string().contains("57P03"), "{failure}");
            sleep(Duration::from_millis(20)).await;
        }
        target
    }

    fn url(&self, password: &str, database: &str) -> String {
        let password = password.replace(' ', "%20");
        format!("postgres://tester:{password}@127.0.0.1:{}/{database}", self.server.port())
    }

    /// Ends the server as a crash would, except that it releases its shared memory and semaphores.
    fn stop(&self) {
        let lock = self.server.directory().join("data/postmaster.pid");
        let Ok(text) = fs::read_to_string(&lock) else { return };
        let id = text.lines().next().and_then(|id| id.parse().ok()).and_then(Pid::from_raw);
        kill_process(id.expect("the first line is the process id"), Signal::QUIT).expect("it runs");
        while lock.exists() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The directory of the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(VERSIONS).into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<_> = versions.map(|version| version.path()).collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let versions = versions.into_iter().rev().map(|version| version.join("bin"));
    let others = installed("initdb").and_then(|program| Some(program.parent()?.to_owned()));
    versions.chain(others).find(|programs| programs.join("initdb").is_file() && programs.join("postgres").is_file())
}

/// The user and group that the server runs as, if not those of the test. The error is the name of a user that is
/// missing.
fn owner() -> Result<Option<(u32, u32)>, &'static str> {
    if fs::metadata("/proc/self").expect("Linux has it").uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let user = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user[0] == "postgres");
    let ids = user.and_then(|user| Some((user.get(2)?.parse().ok()?, user.get(3)?.parse().ok()?)));
    ids.map(Some).ok_or("postgres")
}

fn run_as(command: &mut Command, owner: Option<(u32, u32)>) {
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
}

/// Makes the data directory of a server whose users need passwords.
fn initialize(programs: &Path, directory: &Path, owner: Option<(u32, u32)>) {
    let password = directory.join("password");
    fs::write(&password, PASSWORD).expect("the directory is ours");
    if let Some((user, group)) = owner {
        chown(directory, Some(user), Some(group)).expect("root may");
        chown(&password, Some(user), Some(group)).expect("root may");
    }
    let mut command = Command::new(programs.join("initdb"));
    run_as(&mut command, owner);
    command.current_dir(directory).args(["--auth=scram-sha-256", "--username=tester", "--pwfile=password"]);
    command.args(["--no-sync", "--encoding=UTF8", "--locale=C", "data"]);
    let output = command.output().expect("an installed program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut command = Command::new(programs.join("postgres"));
    run_as(&mut command, owner);
    command.current_dir(directory).args(["--single", "-D", "data", "-c", "fsync=off", "postgres"]);
    let input = directory.join("input");
    fs::write(&input, "CREATE DATABASE tester\n").expect("the directory is ours");
    command.stdin(fs::File::open(&input).expect("it was just written"));
    let output = command.output().expect("an installed program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| std::str::from_utf8(&delivery.body).expect("ASCII")).collect()
}

async fn receive(consumer: &mut Box<dyn Consumer>, max: usize, wait: Duration) -> Result<Vec<Delivery>, Failure> {
    let mut deliveries = Vec::new();
    consumer.receive(max, wait, &mut deliveries).await?;
    Ok(deliveries)
}

#[tokio::test]
async fn what_is_sent_is_received_once_and_gone_when_settled() -> Result<(), Failure> {
    let Some(database) = Database::start(&[]) else { return Ok(()) };
    let target = database.target().await;
    let layout = layout("round-trip", Kind::Queue);
    target.prepare(&layout).await?;
    let mut producer = target.producer(&layout).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    assert!(receive(&mut consumer, 10, Duration::ZERO).await?.is_empty(), "the table is new");
    assert!(receive(&mut consumer, 10, Duration::from_millis(20)).await?.is_empty());

    assert_eq!(producer.send(&messages(["one"])).await?, []);
    assert_eq!(producer.send(&messages(["two", "three", "four"])).await?, []);
    let deliveries = receive(&mut consumer, 1, Duration::from_secs(5)).await?;
    assert_eq!(bodies(&deliveries), ["one"]);
    consumer.settle(&deliveries).await?;
    let deliveries = receive(&mut consumer, 10, Duration::from_secs(5)).await?;
    assert_eq!(bodies(&deliveries), ["two", "three", "four"]);
    consumer.settle(&deliveries).await?;

    drop(consumer);
    let mut consumer = target.consumer(&layout, 0).await?;
    assert!(receive(&mut consumer, 10, Duration::ZERO).await?.is_empty(), "all are settled");

    target.remove(&layout).await?;
    assert!(matches!(target.producer(&layout).await, Err(Failure::Unsupported(_))), "the table was dropped");
    target.remove(&layout).await
}

#[tokio::test]
async fn two_consumers_share_and_what_one_leaves_comes_again() -> Result<(), Failure> {
    let Some(database) = Database::start(&[]) else { return Ok(()) };
    let target = database.target().await;
    let layout = layout("shared", Kind::Queue);
    target.prepare(&layout).await?;
    let mut producer = target.producer(&layout).await?;
    producer.send(&messages(["1", "2", "3", "4"])).await?;
    let mut one = target.consumer(&layout, 0).await?;
    let mut other = target.consumer(&layout, 0).await?;
    assert_eq!(bodies(&receive(&mut one, 2, Duration::ZERO).await?), ["1", "2"]);
    let others = receive(&mut other, 10, Duration::ZERO).await?;
    assert_eq!(bodies(&others), ["3", "4"]);
    other.settle(&others).await?;
    assert!(receive(&mut other, 10, Duration::ZERO).await?.is_empty());

    assert_eq!(bodies(&receive(&mut one, 2, Duration::ZERO).await?), ["1", "2"], "they were not settled");
    drop(one);
    let others = receive(&mut other, 10, Duration::from_secs(60)).await?;
    assert_eq!(bodies(&others), ["1", "2"], "the transaction of a closed connection is undone");
    other.settle(&others).await
}

#[tokio::test]
async fn consumers_who_wait_take_each_row_once() -> Result<(), Failure> {
    const MESSAGES: usize = 500;
    let Some(database) = Database::start(&[]) else { return Ok(()) };
    let target = database.target().await;
    let layout = layout("raced", Kind::Queue);
    target.prepare(&layout).await?;
    let (came, mut bodies) = tokio::sync::mpsc::channel(MESSAGES);
    let consumers = (0..4).map(|_| {
        let (target, layout, came) = (Arc::clone(&target), layout.clone(), came.clone());
        tokio::spawn(async move {
            let mut consumer = target.consumer(&layout, 0).await?;
            loop {
                let deliveries = receive(&mut consumer, 10, Duration::from_secs(60)).await?;
                consumer.settle(&deliveries).await?;
                for delivery in deliveries {
                    if came.send(delivery.body).await.is_err() {
                        return Ok::<_, Failure>(());
                    }
                }
            }
        })
    });
    let consumers: Vec<_> = consumers.collect();
    drop(came);
    let mut producer = target.producer(&layout).await?;
    for number in 0..MESSAGES / 5 {
        let batch = [0, 1, 2, 3, 4].map(|n| Outgoing { body: format!("{}", 5 * number + n), ..Outgoing::default() });
        producer.send(&batch).await?;
    }
    let mut seen = Vec::new();
    while seen.len() < MESSAGES {
        let body = bodies.recv().await.expect("some consumer goes on");
        seen.push(std::str::from_utf8(&body).expect("ASCII").parse::<usize>().expect("a number"));
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..MESSAGES), "each came once");
    for consumer in consumers {
        assert!(!consumer.is_finished(), "no consumer has failed");
        consumer.abort();
    }
    assert!(bodies.try_recv().is_err(), "none is left over");
    Ok(())
}

#[tokio::test]
async fn an_empty_table_is_asked_with_one_statement_each_time() -> Result<(), Failure> {
    let Some(database) = Database::start(&["-c", "log_statement=all"]) else { return Ok(()) };
    let target = database.target().await;
    let layout = layout("polled", Kind::Queue);
    target.prepare(&layout).await?;
    let mut producer = target.producer(&layout).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    assert!(receive(&mut consumer, 1, Duration::from_millis(300)).await?.is_empty());
    let waiting = tokio::spawn(async move {
        let deliveries = receive(&mut consumer, 1, Duration::from_secs(60)).await?;
        consumer.settle(&deliveries).await
    });
    let log = || fs::read_to_string(database.server.directory().join("output")).expect("it prints there");
    // The server logs a statement before it answers. The row is sent once the second receive has found none.
    let second = |log: String| log.split("statement: BEGIN").nth(2).map_or(0, |rest| count(rest, "FOR UPDATE"));
    while second(log()) < 2 {
        sleep(Duration::from_millis(5)).await;
    }
    producer.send(&messages(["late"])).await?;
    waiting.await.expect("the task does not panic")?;
    let log = log();
    assert!(count(&log, "FOR UPDATE SKIP LOCKED") >= 4, "each receive asked again: {log}");
    let statements = ["statement: BEGIN", "statement: ROLLBACK", ": DELETE FROM", "statement: COMMIT"];
    let counts = statements.map(|statement| count(&log, statement));
    assert_eq!(counts, [2, 1, 1, 1], "{log}");
    Ok(())
}

/// The number of occurrences of a word in a log.
fn count(log: &str, word: &str) -> usize {
    log.matches(word).count()
}

#[tokio::test]
async fn delayed_rows_come_no_sooner() -> Result<(), Failure> {
    let Some(database) = Database::start(&[]) else { return Ok(()) };
    let target = database.target().await;
    let delay = Duration::from_millis(300);
    let layout = layout("delayed", Kind::Delay(delay));
    target.prepare(&layout).await?;
    let mut producer = target.producer(&layout).await?;
    let mut consumer = target.consumer(&layout, 0).await?;
    let sent = Instant::now();
    producer.send(&messages(["late", "as late"])).await?;
    let deliveries = receive(&mut consumer, 10, Duration::from_secs(60)).await?;
    assert!(sent.elapsed() >= delay, "after {:?}", sent.elapsed());
    assert_eq!(bodies(&deliveries), ["late", "as late"]);
    consumer.settle(&deliveries).await
}

#[tokio::test]
async fn the_wrong_password_or_database_is_final() -> Result<(), Failure> {
    let Some(database) = Database::start(&[]) else { return Ok(()) };
    database.target().await;
    let layout = layout("denied", Kind::Queue);
    let port = database.server.port();
    let urls = [
        (database.url("wrong", "tester"), "denied access: password authentication failed"),
        (format!("postgres://tester@127.0.0.1:{port}"), "denied access: "),
        (format!("postgres://127.0.0.1:{port}"), "denied access: "),
        (database.url(PASSWORD, "other"), r#"cannot do this work: database "other" does not exist (SQLSTATE 3D000)"#),
    ];
    for (url, expected) in urls {
        let failure = target(&url).prepare(&layout).await.expect_err(&url);
        assert!(failure.is_final() && failure.to_string().starts_with(expected), "{failure}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_dies_is_noticed() {
    let Some(database) = Database::start(&[]) else { return };
    let target = database.target().await;
    testing::a_server_that_dies_is_noticed(&*target, || database.stop()).await;
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    testing::a_closed_port_is_unreachable("postgres").await;
}

#[tokio::test]
async fn another_protocol_is_malformed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("the loopback has free ports");
    let port = listener.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client comes");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("the client waits for an answer");
        stream.shutdown().await.expect("it is open");
        stream.read_to_end(&mut Vec::new()).await
    });
    let prepared = target(&format!("postgres://127.0.0.1:{port}")).prepare(&layout("other", Kind::Queue)).await;
    let failure = prepared.expect_err("it is no PostgreSQL");
    assert!(failure.needs_new_connection(), "{failure}");
}

#[test]
fn what_it_cannot_do_it_says() {
    let server = target("postgres://me:secret@127.0.0.1:5433/my%20db?poll_ms=60000");
    for kind in [Kind::Queue, Kind::Delay(Duration::from_millis(1500))] {
        assert_eq!(server.promise(&layout("other", kind)), Ok(Promise::AT_LEAST_ONCE));
    }
    let wrong = ["sslmode=require", "poll_ms=0", "poll_ms=fast", "poll_ms=60001"];
    let urls = wrong.map(|parameter| format!("postgres://127.0.0.1/db?{parameter}"));
    let kinds = [Kind::Fifo, Kind::Fanout { queues: 2, filtered: false }];
    testing::what_it_cannot_do_it_says("postgres://127.0.0.1", &kinds, &urls.each_ref().map(String::as_str));
}
