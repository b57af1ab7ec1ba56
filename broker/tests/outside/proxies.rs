//! The proxies of `docs/tls.md`: its lines for nginx and HAProxy, run as they stand there but for ports and paths.
//!
//! The cases need the Debian packages `nginx-light` and `haproxy`, and run only with `POSTHOUSE_TEST_PROXIES=1`:
//!
//! ```text
//! apt-get install nginx-light haproxy
//! POSTHOUSE_TEST_PROXIES=1 cargo test --workspace --test outside -- proxies
//! ```

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use crate::support::broker::free_port;
use crate::support::certificates::{Certificates, Shows};
use crate::support::{Broker, Launch, PROTOCOLS, eventually};

crate::cases! {
    nginx_passes_everything_on,
    haproxy_passes_everything_on,
}

const VARIABLE: &str = "POSTHOUSE_TEST_PROXIES";

/// A proxy that runs.
struct Proxy {
    child: Child,
    address: SocketAddr,
    certificates: Certificates,
    _directory: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM ends the master, and with it its workers.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}

/// The lines of the document for a proxy.
fn documented(language: &str) -> &'static str {
    let document = include_str!("../../../docs/tls.md");
    let start = format!("```{language}\n");
    document.split(&start).nth(1).and_then(|rest| rest.split("```").next()).expect("the document has them")
}

/// Replaces what every site has of its own. Each part must stand in the lines.
fn adapted(lines: &str, parts: &[(&str, &str)]) -> String {
    parts.iter().fold(lines.to_owned(), |lines, (from, to)| {
        assert!(lines.contains(from), "{from} in\n{lines}");
        lines.replace(from, to)
    })
}

fn pem(certificates: &Certificates, directory: &Path) -> String {
    let path = directory.join("both.pem");
    std::fs::write(&path, certificates.read("broker.pem") + &certificates.read("broker.key")).expect("written");
    path.display().to_string()
}

impl Proxy {
    fn start(configuration: impl FnOnce(SocketAddr, &Certificates, &Path) -> (Command, String)) -> Self {
        let (address, certificates) = (free_port(), Certificates::new());
        let directory = TempDir::with_prefix("posthouse-").expect("a directory");
        let (mut command, text) = configuration(address, &certificates, directory.path());
        std::fs::write(directory.path().join("proxy.conf"), text).expect("written");
        let child = command.stdin(Stdio::null()).spawn().expect("the package is installed");
        let proxy = Self { child, address, certificates, _directory: directory };
        eventually("the proxy listens", || std::net::TcpStream::connect(address).is_ok().then_some(()));
        proxy
    }

    /// Signatures, large bodies, long polls, many requests on one connection.
    fn passes_everything_on(&self, broker: &Broker) {
        for protocol in PROTOCOLS {
            let config = self.certificates.http_client(Shows::Nothing, &[b"http/1.1"]);
            let client = broker.client_over_tls_at(self.address, *protocol, config);
            let client = client.with_key("AKIAROOT", "root's");
            let queue = client.queue();
            let body = "x".repeat(1_048_576);
            queue.send(&body);
            let received = queue.receive_one();
            assert_eq!(received.body.len(), body.len());
            queue.delete(&received);
            let began = Instant::now();
            queue.call("ReceiveMessage", json!({ "WaitTimeSeconds": 2 })).expect("an empty answer");
            assert!(began.elapsed() >= Duration::from_secs(2), "the poll was not cut short");
            for number in 0..50 {
                queue.send(&number.to_string());
            }
            let wrong = client.with_key("AKIAROOT", "wrong");
            wrong.refused("ListQueues", &json!({})).expect("SignatureDoesNotMatch");
        }
    }
}

fn is_asked_for() -> bool {
    let asked = std::env::var_os(VARIABLE).is_some();
    if !asked {
        eprintln!("not run: set {VARIABLE}=1 where nginx and haproxy are installed");
    }
    asked
}

fn launch() -> Launch {
    Launch::new().user("root", "111122223333", "AKIAROOT", "root's")
}

fn nginx_passes_everything_on() {
    if !is_asked_for() {
        return;
    }
    let broker = launch().start();
    let proxy = Proxy::start(|address, certificates, directory| {
        std::fs::write(directory.join("queues.pem"), certificates.read("broker.pem")).expect("written");
        std::fs::write(directory.join("queues.key"), certificates.read("broker.key")).expect("written");
        let path = directory.display();
        let server = adapted(
            documented("nginx"),
            &[
                ("listen 443", &format!("listen {address}")),
                ("/etc/nginx/queues.pem", &format!("{path}/queues.pem")),
                ("/etc/nginx/queues.key", &format!("{path}/queues.key")),
                ("http://127.0.0.1:9324", &format!("http://{}", broker.sqs)),
            ],
        );
        let text = format!(
            "pid {path}/pid;\nerror_log {path}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n\
             client_body_temp_path {path}/body;\nproxy_temp_path {path}/proxy;\nfastcgi_temp_path {path}/fastcgi;\n\
             uwsgi_temp_path {path}/uwsgi;\nscgi_temp_path {path}/scgi;\n{server}}}\n"
        );
        let mut command = Command::new("nginx");
        command.args(["-g", "daemon off;", "-e", &format!("{path}/start.log"), "-c", &format!("{path}/proxy.conf")]);
        (command, text)
    });
    proxy.passes_everything_on(&broker);
}

fn haproxy_passes_everything_on() {
    if !is_asked_for() {
        return;
    }
    let broker = launch().top("proxy_from = \"127.0.0.1\"").start();
    let proxy = Proxy::start(|address, certificates, directory| {
        let text = adapted(
            documented("haproxy"),
            &[
                ("bind :443", &format!("bind {address}")),
                ("/etc/haproxy/queues.pem", &pem(certificates, directory)),
                ("127.0.0.1:9324", &broker.sqs.to_string()),
                ("port 9325", &format!("port {}", broker.admin.port())),
            ],
        );
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(directory.join("proxy.conf"));
        (command, text)
    });
    proxy.passes_everything_on(&broker);
}
