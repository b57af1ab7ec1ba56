//! Real servers for the tests of the adapters, and the cases that all adapters share.
//!
//! A [`Server`] is an installed program that listens on a free port of the loopback address in a temporary directory.
//! It leads its own process group, and dropping it ends that group. Its output is written to a file in the directory,
//! and is part of the panic if it does not start. If the program is not installed, the test is skipped with a printed
//! line. The tests of each adapter give the options of its program.
//!
//!     let Some(server) = Server::start("redis-server", |command, site| {
//!         command.args(["--bind", "127.0.0.1", "--port"]).arg(site.port.to_string());
//!     }) else { return };
//!     let target = target(&format!("redis://127.0.0.1:{}", server.port()));

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::Address;
use crate::message::BODY_BYTES_MAX;
use crate::target::{Consumer, Failure, Kind, Layout, Outgoing, Target};

/// How long a server may take until it accepts connections. RabbitMQ needs many seconds on a busy machine.
const START_MAX: Duration = Duration::from_secs(120);
/// How often a server is started, on another port each time, because another program may take the port meanwhile.
const ATTEMPTS: usize = 3;
/// Directories of programs that are not in every user's `PATH`.
const MORE_DIRECTORIES: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The port and directory of a server.
pub(super) struct Site<'a> {
    /// The port of 127.0.0.1 on which it must listen.
    pub(super) port: u16,
    /// Its working directory, which is empty and is removed with the server.
    pub(super) directory: &'a Path,
}

/// A running server. Dropping it ends it at once, as a crash would.
pub(super) struct Server {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Server {
    /// Starts a program, given by its name or its path, and returns when it accepts connections. `configure` adds to
    /// the command, which runs in the directory, and may write files there. It is called again if another port is
    /// tried.
    ///
    /// `None`, with a printed line, if the program is not installed.
    ///
    /// # Panics
    ///
    /// If the program ends, or does not accept connections within [`START_MAX`]. The message has its output.
    pub(super) fn start(program: &str, configure: impl Fn(&mut Command, &Site<'_>)) -> Option<Self> {
        let Some(path) = installed(program) else {
            println!("skipped: {program} is not installed");
            return None;
        };
        let mut said = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&path, &configure) {
                Ok(server) => return Some(server),
                Err(output) => said = output,
            }
        }
        panic!("{program} does not come up; it said:\n{said}");
    }

    /// The port on which it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Its directory.
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Ends it at once, as a crash would, and waits until it has ended.
    pub(super) fn kill(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let id = Pid::from_child(&self.child);
            kill_process_group(id, Signal::KILL).expect("the group of a child that runs is there");
        }
        self.child.wait().expect("a child can be waited for");
    }

    fn attempt(path: &Path, configure: &impl Fn(&mut Command, &Site<'_>)) -> Result<Self, String> {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let port = free_port();
        let output = directory.path().join("output");
        let file = File::create(&output).expect("a file can be made there");
        let mut command = Command::new(path);
        command.current_dir(&directory).process_group(0).stdin(Stdio::null());
        command.stdout(file.try_clone().expect("a file can be opened twice")).stderr(file);
        configure(&mut command, &Site { port, directory: directory.path() });
        let child = command.spawn().expect("an installed program starts");
        let mut server = Self { child, port, directory };
        let deadline = Instant::now() + START_MAX;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = server.child.try_wait().expect("a child can be asked").is_some();
            if ended || Instant::now() > deadline {
                return Err(fs::read_to_string(&output).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A closed port of the loopback address.
pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("the loopback has free ports");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// The path of a program; `None` if it is not installed. A name with a `/` is a path.
pub(super) fn installed(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let directories = env::split_paths(&path).chain(MORE_DIRECTORIES.map(PathBuf::from));
    directories.map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// Opens the target of a URL.
pub(super) fn target(url: &str) -> Arc<dyn Target> {
    url.parse::<Address>().expect("a URL with a known scheme").open().expect("with known parameters")
}

/// A layout for a test: batches of 10, a visibility timeout of 30 seconds.
pub(super) fn layout(prefix: &str, kind: Kind) -> Layout {
    Layout {
        prefix: prefix.to_owned(),
        kind,
        batch: 10,
        visibility_timeout: Duration::from_secs(30),
        body_bytes_max: 1024,
        body_bytes_mean: 1024,
        receives: true,
    }
}

/// Messages of stream 0 for a test, numbered from 0 in the order of their bodies.
pub(super) fn messages<const N: usize>(bodies: [&str; N]) -> Vec<Outgoing> {
    let numbered = (0..).zip(bodies);
    numbered.map(|(sequence, body)| Outgoing { body: body.to_owned(), sequence, ..Outgoing::default() }).collect()
}

/// The longest body. Its bytes differ from position to position.
pub(super) fn longest_body() -> String {
    (0..BODY_BYTES_MAX).map(|index| char::from(b'a' + u8::try_from(index % 23).expect("less than 23"))).collect()
}

/// Receives once, settles the messages, and returns their bodies.
///
/// # Panics
///
/// If a call fails.
pub(super) async fn receive(consumer: &mut Box<dyn Consumer>, max: usize, wait: Duration) -> Vec<String> {
    let mut came = Vec::new();
    consumer.receive(max, wait, &mut came).await.expect("the broker answers");
    assert!(came.len() <= max, "no more than were asked for");
    consumer.settle(&came).await.expect("what came can be settled");
    came.iter().map(|delivery| String::from_utf8_lossy(&delivery.body).into_owned()).collect()
}

/// Ends the server with `kill` while a consumer waits. Asserts that the consumer's call and the next of a producer fail
/// with [`Failure::Disconnected`], and new connections with [`Failure::Unreachable`].
///
/// # Panics
///
/// If an assertion fails.
pub(super) async fn a_server_that_dies_is_noticed(target: &dyn Target, kill: impl FnOnce()) {
    let layout = layout("dying", Kind::Queue);
    target.prepare(&layout).await.expect("prepared");
    let mut producer = target.producer(&layout).await.expect("a producer");
    let mut consumer = target.consumer(&layout, 0).await.expect("a consumer");
    // The wait is longer than this test. The pause is longer than client libraries wait for a response by default.
    let waiting = tokio::spawn(async move { consumer.receive(1, Duration::from_secs(600), &mut Vec::new()).await });
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!waiting.is_finished(), "a long wait is no failure");
    kill();
    let received = waiting.await.expect("no panic");
    assert!(matches!(received, Err(Failure::Disconnected(_))), "{received:?}");
    let sent = producer.send(&messages(["not received"])).await;
    assert!(matches!(sent, Err(Failure::Disconnected(_))), "{sent:?}");
    let again = target.producer(&layout).await.map(drop);
    assert!(matches!(again, Err(Failure::Unreachable(_))), "{again:?}");
}

/// Asserts that a closed port is [`Failure::Unreachable`] for a scheme.
///
/// # Panics
///
/// If the assertion fails.
pub(super) async fn a_closed_port_is_unreachable(scheme: &str) {
    let target = target(&format!("{scheme}://127.0.0.1:{}", free_port()));
    let prepared = target.prepare(&layout("closed-port", Kind::Queue)).await;
    assert!(matches!(prepared, Err(Failure::Unreachable(_))), "{prepared:?}");
}

/// Asserts that the kinds are [`Failure::Unsupported`] for the target of `url`, and so are all of `urls`.
///
/// # Panics
///
/// If an assertion fails.
pub(super) fn what_it_cannot_do_it_says(url: &str, kinds: &[Kind], urls: &[&str]) {
    let target = target(url);
    for kind in kinds {
        let promise = target.promise(&layout("other", *kind));
        assert!(matches!(promise, Err(Failure::Unsupported(_))), "{kind:?}: {promise:?}");
    }
    for url in urls {
        let opened = url.parse::<Address>().expect("a URL with a known scheme").open().map(drop);
        assert!(matches!(opened, Err(Failure::Unsupported(_))), "{url}: {opened:?}");
    }
}
