//! The broker as an operator runs it: the real binary, with its own loopback ports and its own data directory.
//!
//! A broker is stopped by its handle only. Its log is printed if the case fails.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use rustls::ClientConfig;
use tempfile::TempDir;

use super::admin::Admin;
use super::certificates::Secured;
use super::client::Over;
use super::http::{Connection, Pool, Request, Response};
use super::json_protocol::Json;
use super::peer::{Peer, Through, Transport};
use super::protocol::{Protocol, Service};
use super::signature::Credentials;
use super::{Client, PATIENCE, sleep_ms};

/// The configuration and the environment of a broker to be started.
#[derive(Clone, Default)]
pub(crate) struct Launch {
    configuration: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    files: Vec<(&'static str, String)>,
    data: Option<PathBuf>,
    without_ports: bool,
    file_system_mib: Option<u32>,
    /// A directory, and the options of the file system that is mounted there.
    mounted: Option<(PathBuf, String)>,
    open_files_max: Option<u32>,
}

impl Launch {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds to the configuration file.
    pub(crate) fn configured(mut self, toml: &str) -> Self {
        self.configuration.push_str(toml);
        self.configuration.push('\n');
        self
    }

    /// Adds to the top of the configuration file, before its tables.
    pub(crate) fn top(mut self, toml: &str) -> Self {
        self.configuration.insert_str(0, &format!("{toml}\n"));
        self
    }

    /// Gives no flags for the ports, so that the configuration decides.
    pub(crate) fn without_ports(mut self) -> Self {
        self.without_ports = true;
        self
    }

    /// Adds a flag with its value.
    pub(crate) fn flag(mut self, flag: &str, value: &str) -> Self {
        self.arguments.extend([format!("--{flag}"), value.to_owned()]);
        self
    }

    /// Adds an environment variable.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Puts a file into the directory that the broker starts in.
    pub(crate) fn file(mut self, name: &'static str, text: String) -> Self {
        self.files.push((name, text));
        self
    }

    /// Uses this data directory, and leaves it there at the end.
    pub(crate) fn data(mut self, directory: &Path) -> Self {
        self.data = Some(directory.to_owned());
        self
    }

    /// Puts the data directory on its own file system of this size, which is unmounted when the process ends.
    pub(crate) fn in_file_system(mut self, mib: u32) -> Self {
        self.file_system_mib = Some(mib);
        self
    }

    /// Mounts a file system of this size on a directory that exists, for the broker alone. It is unmounted when the process
    /// ends.
    pub(crate) fn mounted(mut self, directory: &Path, mib: u32) -> Self {
        self.mounted = Some((directory.to_owned(), format!("size={mib}m")));
        self
    }

    /// The same, and no program can write to it.
    pub(crate) fn mounted_read_only(mut self, directory: &Path) -> Self {
        self.mounted = Some((directory.to_owned(), "size=1m,ro".to_owned()));
        self
    }

    /// Allows so many open files, which the broker cannot raise.
    pub(crate) fn open_files_max(mut self, files: u32) -> Self {
        self.open_files_max = Some(files);
        self
    }

    /// Adds a user to the configuration.
    pub(crate) fn user(self, name: &str, account: &str, access_key_id: &str, secret: &str) -> Self {
        self.configured(&format!(
            "[[users]]\nname = \"{name}\"\naccount = \"{account}\"\naccess_key_id = \"{access_key_id}\"\n\
             secret_access_key = \"{secret}\""
        ))
    }

    /// Starts the broker and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(self) -> Broker {
        let mut broker = self.spawn();
        broker.await_ready();
        broker
    }

    /// Starts the broker, which must exit with a failure. Returns its output.
    #[track_caller]
    pub(crate) fn fails(self) -> String {
        let mut broker = self.spawn();
        let status = broker.await_exit();
        let said = broker.log();
        assert!(!status.success(), "the start should have failed:\n{said}");
        assert!(status.code().is_some(), "the broker was killed by a signal: {status}:\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// Runs `check-config` on the same configuration. Returns its output, as `Err` if it failed.
    pub(crate) fn check_config(self) -> Result<String, String> {
        let home = TempDir::with_prefix("posthouse-").expect("a temporary directory");
        let configuration = home.path().join("posthouse.toml");
        std::fs::write(&configuration, &self.configuration).expect("a configuration file");
        let output = Command::new(env!("CARGO_BIN_EXE_posthouse"))
            .arg("check-config")
            .arg("--config")
            .arg(configuration)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .output()
            .expect("the broker's binary was built for this test");
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(said.into_owned()) } else { Err(said.into_owned()) }
    }

    /// The command that runs the binary, in its own file system if it has one.
    fn command(&self, data: &Path) -> Command {
        const BINARY: &str = env!("CARGO_BIN_EXE_posthouse");
        if let Some(files) = self.open_files_max {
            let mut command = Command::new("sh");
            command.args(["-ec", &format!("ulimit -n {files}; exec \"$@\""), "sh", BINARY]);
            return command;
        }
        let own = self.file_system_mib.map(|mib| (data.to_owned(), format!("size={mib}m")));
        let Some((directory, options)) = own.or_else(|| self.mounted.clone()) else { return Command::new(BINARY) };
        std::fs::create_dir_all(&directory).expect("a directory to mount on");
        // Any user may mount within new namespaces. The mount ends with the process.
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-ec"]);
        command.arg(format!("mount -t tmpfs -o {options} none \"$1\"; shift; exec \"$@\""));
        command.arg("sh").arg(directory).arg(BINARY);
        command
    }

    /// Starts the broker without waiting for it.
    #[track_caller]
    pub(crate) fn spawn(self) -> Broker {
        let home = TempDir::with_prefix("posthouse-").expect("a temporary directory");
        let (sqs, admin, native) = (free_port(), free_port(), free_port());
        let data = self.data.clone().unwrap_or_else(|| home.path().join("data"));
        let configuration = home.path().join("posthouse.toml");
        std::fs::write(&configuration, &self.configuration).expect("a configuration file");
        for (name, text) in &self.files {
            std::fs::write(home.path().join(name), text).expect("a file of the case");
        }
        let log = home.path().join("log");
        let mut broker =
            Broker { child: None, sqs, admin, native, data, log, home, launch: self, pool: Arc::new(Pool::new(sqs)) };
        broker.spawn();
        broker
    }
}

/// A free loopback port, below the range that the system gives to clients.
pub(crate) fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 8_000).expect("below 8,000") + 12_000;
    for _ in 0..2_000 {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 8_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
    panic!("no free port above {first}");
}

/// A broker's process.
pub(crate) struct Broker {
    child: Option<Child>,
    /// Where the AWS API listens.
    pub sqs: SocketAddr,
    /// Where the admin listener listens.
    pub admin: SocketAddr,
    /// Where the native protocol listens.
    pub native: SocketAddr,
    /// The data directory.
    pub data: PathBuf,
    log: PathBuf,
    home: TempDir,
    launch: Launch,
    pool: Arc<Pool>,
}

impl Broker {
    fn spawn(&mut self) {
        self.pool.forget();
        let log = File::options().create(true).append(true).open(&self.log).expect("a log file");
        let mut command = self.launch.command(&self.data);
        command
            .arg("serve")
            .arg("--config")
            .arg(self.home.path().join("posthouse.toml"))
            .arg("--data-dir")
            .arg(&self.data)
            .args(&self.launch.arguments)
            .current_dir(self.home.path())
            .envs(self.launch.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("one more handle"))
            .stderr(log);
        if !self.launch.without_ports {
            let ports = [("--listen", self.sqs), ("--admin-listen", self.admin), ("--native-listen", self.native)];
            for (flag, address) in ports {
                if !self.launch.arguments.iter().any(|argument| argument == flag) {
                    command.args([flag, &address.to_string()]);
                }
            }
        }
        self.child = Some(command.spawn().expect("the broker's binary was built for this test"));
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("the broker was started")
    }

    /// Waits until the broker says that it is ready.
    #[track_caller]
    pub(crate) fn await_ready(&mut self) {
        let start = Instant::now();
        while !self.admin_get("/readyz").is_ok_and(|answer| answer.status == 200) {
            if let Some(status) = self.child().try_wait().expect("a child can be asked") {
                panic!("the broker ended with {status}:\n{}", self.log());
            }
            assert!(start.elapsed() < PATIENCE, "the broker did not become ready:\n{}", self.log());
            sleep_ms(5);
        }
    }

    /// Waits until the broker has ended.
    #[track_caller]
    pub(crate) fn await_exit(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child().try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the broker did not end:\n{}", self.log());
            sleep_ms(5);
        }
    }

    /// Sends SIGKILL while other threads hold the broker. Call [`Broker::kill`] afterwards to reap the process.
    pub(crate) fn crash(&self) {
        let child = self.child.as_ref().expect("the broker was started");
        kill_process(Pid::from_child(child), Signal::KILL).expect("a child can be signalled");
    }

    /// Kills the broker.
    pub(crate) fn kill(&mut self) {
        self.child().kill().expect("a child can be killed");
        self.child().wait().expect("a child can be waited for");
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Sends a signal.
    pub(crate) fn signal(&mut self, signal: Signal) {
        let pid = Pid::from_child(self.child());
        kill_process(pid, signal).expect("a child can be signalled");
    }

    /// Replaces the configuration file, which the broker reads again at SIGHUP or at its next start.
    pub(crate) fn reconfigure(&mut self, toml: &str) {
        // Renamed into place, as an operator's tools do it.
        let (new, file) = (self.home.path().join("posthouse.toml.new"), self.home.path().join("posthouse.toml"));
        std::fs::write(&new, toml).expect("a file");
        std::fs::rename(new, file).expect("renamed");
    }

    /// Sends SIGHUP, and returns what the broker writes to its log about it, up to the line that says how it ended.
    #[track_caller]
    pub(crate) fn reload(&mut self) -> String {
        let before = self.log().len();
        self.signal(Signal::HUP);
        let start = Instant::now();
        loop {
            let said = self.log().split_off(before);
            if let Some(end) = said.find("reloaded").and_then(|at| said[at..].find('\n').map(|line| at + line)) {
                return said[..end].to_owned();
            }
            assert!(start.elapsed() < PATIENCE, "the broker did not reload:\n{}", self.log());
            sleep_ms(5);
        }
    }

    /// Ends the broker with SIGTERM. Panics unless it exits with success.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.terminate();
        let status = self.await_exit();
        assert!(status.success(), "{status}:\n{}", self.log());
    }

    /// Starts an ended broker again, with the same directory and ports.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        self.spawn();
        self.await_ready();
    }

    /// Starts an ended broker again, which must fail. Returns its output.
    #[track_caller]
    pub(crate) fn restart_fails(&mut self) -> String {
        let before = self.log().len();
        self.spawn();
        let status = self.await_exit();
        let said = self.log().split_off(before);
        assert!(status.code().is_some_and(|code| code != 0), "the start should have failed: {status}\n{said}");
        assert!(!said.contains("panicked"), "{said}");
        said
    }

    /// Everything that the broker wrote to its standard output and error.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// The processor time that the process has taken, in the kernel's ticks: hundredths of a second.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let child = self.child.as_ref().expect("the broker was started");
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("it runs");
        // The second field is the program's name in parentheses, which may have spaces. The text after it starts with
        // the third.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        [11, 12].iter().map(|field| fields[*field].parse::<u64>().expect("a number")).sum()
    }

    /// The most memory that the process has had so far, in bytes.
    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        self.status_bytes("VmHWM:")
    }

    /// The memory that the process has, in bytes.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.status_bytes("VmRSS:")
    }

    fn status_bytes(&self, name: &str) -> u64 {
        let child = self.child.as_ref().expect("the broker was started");
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("it runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name)).expect("a name of the kernel's");
        value.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Lets the process open so many files more than it has open; with `None`, as many as it could at first.
    pub(crate) fn limit_open_files(&self, more: Option<u64>) {
        let child = self.child.as_ref().expect("the broker was started");
        let open = std::fs::read_dir(format!("/proc/{}/fd", child.id())).expect("it runs").count() as u64;
        // The process has inherited the maximum.
        let maximum = getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit { current: more.map(|more| open + more).or(maximum), maximum };
        prlimit(Some(Pid::from_child(child)), Resource::Nofile, limit).expect("a child can be limited");
    }

    /// Whether the process has not ended yet.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child().try_wait().expect("a child can be asked").is_none()
    }

    /// The data directory as this process sees it, where the broker has file systems of its own.
    pub(crate) fn data_as_seen_from_here(&self) -> PathBuf {
        let child = self.child.as_ref().expect("the broker was started");
        let inside = self.data.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{}/root", child.id())).join(inside)
    }

    /// Sends a GET to the admin listener.
    pub(crate) fn admin_get(&self, path: &str) -> std::io::Result<Response> {
        let host = self.admin.to_string();
        Connection::open(self.admin)?.exchange(&Request::new("GET", path, "").header("Host", &host))
    }

    /// A caller of the admin API without a key.
    pub(crate) fn admin_api(&self) -> Admin {
        Admin::new(self.admin)
    }

    /// The text of `/metrics`.
    #[track_caller]
    pub(crate) fn metrics(&self) -> String {
        let answer = self.admin_get("/metrics").expect("the admin listener answers");
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text().to_owned()
    }

    /// A new connection to the AWS API.
    #[track_caller]
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.sqs).expect("the broker accepts connections")
    }

    /// Fetches a URL that the broker gave, unsigned. Connects to the broker, whichever host the URL names.
    #[track_caller]
    pub(crate) fn follow(&self, url: &str) -> Response {
        let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("not a plain URL: {url}"));
        let (host, target) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
        let request = Request::new("GET", target, "").header("Host", host);
        self.connect().exchange(&request).unwrap_or_else(|error| panic!("{url}: {error}"))
    }

    /// A caller over JSON, for cases that do not depend on the protocol.
    pub(crate) fn json_client(&self) -> Client {
        self.client(&Json)
    }

    /// A caller whose credentials a broker without users maps to account 000000000000.
    pub(crate) fn client(&self, protocol: &'static dyn Protocol) -> Client {
        self.client_over(Over::Http { protocol, server: Arc::clone(&self.pool) })
    }

    /// As [`Broker::client`], over TLS.
    pub(crate) fn client_over_tls(&self, protocol: &'static dyn Protocol, config: Arc<ClientConfig>) -> Client {
        self.client_over_tls_at(self.sqs, protocol, config)
    }

    /// As [`Broker::client_over_tls`], through a proxy at this address.
    pub(crate) fn client_over_tls_at(
        &self,
        address: SocketAddr,
        protocol: &'static dyn Protocol,
        config: Arc<ClientConfig>,
    ) -> Client {
        let connect = move || {
            let secured = Secured::connect(address, &config).ok_or(std::io::ErrorKind::ConnectionAborted)?;
            Ok(Connection::over(secured))
        };
        self.client_over(Over::Http { protocol, server: Arc::new(Pool::connecting(Box::new(connect))) })
    }

    /// Runs a command that asks this broker's admin listener.
    pub(crate) fn command(&self, words: &[&str], flags: &[String]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_posthouse"));
        command.args(words).args(["--admin-listen", &self.admin.to_string()]).args(flags).stdin(Stdio::null());
        command.output().expect("the broker's binary was built for this test")
    }

    /// As [`Broker::client`], over connections of its own that speak the native protocol.
    pub(crate) fn native_client(&self, name: &'static str, transport: Transport, through: Through) -> Client {
        self.client_over(Over::Native { name, peer: Arc::new(Peer::new(self.native, transport, through)) })
    }

    fn client_over(&self, over: Over) -> Client {
        let credentials = Some(Credentials::new("test", "test", "us-east-1"));
        Client { over, credentials, service: Service::Sqs }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child
            && child.try_wait().is_ok_and(|status| status.is_none())
        {
            // A child that cannot be killed is left alone.
            let _ = child.kill();
            let _ = child.wait();
        }
        let log = self.log();
        if std::thread::panicking() || log.contains("panicked") {
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.len().saturating_sub(60);
            eprintln!("--- the broker's log, its end ---\n{}\n---", lines[last..].join("\n"));
        }
    }
}

/// The value of the sample of this name whose labels have all these parts.
pub(crate) fn sample(metrics: &str, name: &str, labels: &[&str]) -> Option<f64> {
    let mut samples = metrics.lines().filter_map(|line| line.rsplit_once(' '));
    let found = samples.find(|(series, _)| {
        let (series_name, series_labels) = series.split_once('{').unwrap_or((series, ""));
        series_name == name && labels.iter().all(|label| series_labels.contains(label))
    });
    found.and_then(|(_, value)| value.parse().ok())
}
