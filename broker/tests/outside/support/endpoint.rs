//! An HTTP endpoint of a subscriber: a server that keeps all requests in the order of arrival, and answers as the case
//! says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::PATIENCE;

/// A request that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub method: String,
    pub path: String,
    /// Headers by name in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Instant,
}

impl Arrival {
    /// The value of a header. Empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// `x-amz-sns-message-type`.
    pub(crate) fn kind(&self) -> &str {
        self.header("x-amz-sns-message-type")
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The message of a notification, raw or in its envelope.
    pub(crate) fn message(&self) -> String {
        let envelope: Option<Value> = serde_json::from_str(&self.body).ok();
        let message = envelope.and_then(|envelope| envelope["Message"].as_str().map(str::to_owned));
        message.unwrap_or_else(|| self.body.clone())
    }
}

/// The endpoint's answer to a request.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Status(u16),
    /// A redirect: its status and its location.
    Redirect(u16, String),
    /// 200, after this time.
    Slow(Duration),
    /// No answer. The connection stays open as long as the endpoint lives.
    Hang,
    /// A closed connection.
    Close,
    /// 200 with a body of so many bytes.
    Large(usize),
    /// 200 with this body.
    Body(&'static str),
}

/// Chooses the answer to a notification, from the arrival and the number of earlier arrivals of the same message.
type Script = dyn Fn(&Arrival, usize) -> Answer + Send + Sync;

struct State {
    /// Whether the script answers confirmations, too.
    every_kind: bool,
    arrivals: Mutex<Vec<Arrival>>,
    changed: Condvar,
    ended: AtomicBool,
    script: Box<Script>,
}

impl State {
    fn arrivals(&self) -> MutexGuard<'_, Vec<Arrival>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server on a loopback port of its own.
pub(crate) struct Endpoint {
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Endpoint {
    /// An endpoint that answers 200 to everything.
    pub(crate) fn start() -> Self {
        Self::answering(|_, _| Answer::Status(200))
    }

    /// An endpoint that answers 200 to confirmations, and to notifications as the script says.
    pub(crate) fn answering(script: impl Fn(&Arrival, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Box::new(script), false)
    }

    /// An endpoint that answers everything as the script says.
    pub(crate) fn answering_all(script: impl Fn(&Arrival, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(Box::new(script), true)
    }

    fn with(script: Box<Script>, every_kind: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(State {
            arrivals: Mutex::default(),
            changed: Condvar::new(),
            ended: AtomicBool::new(false),
            every_kind,
            script,
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || accept(&listener, &shared));
        Self { address, state }
    }

    /// The URL of a path, which starts with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Everything that arrived so far, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.state.arrivals().clone()
    }

    /// The notifications that arrived at a path so far.
    pub(crate) fn notifications(&self, path: &str) -> Vec<Arrival> {
        let is_one = |arrival: &Arrival| arrival.path == path && arrival.kind() == "Notification";
        self.arrivals().into_iter().filter(is_one).collect()
    }

    /// How many confirmations arrived at a path so far.
    pub(crate) fn confirmations(&self, path: &str) -> usize {
        let is_one = |arrival: &&Arrival| arrival.path == path && arrival.kind() == "SubscriptionConfirmation";
        self.arrivals().iter().filter(is_one).count()
    }

    /// Waits until `find` returns a value from the arrivals, and returns it.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, find: impl Fn(&[Arrival]) -> Option<T>) -> T {
        let start = Instant::now();
        let mut arrivals = self.state.arrivals();
        loop {
            if let Some(found) = find(&arrivals) {
                return found;
            }
            let left = PATIENCE.checked_sub(start.elapsed());
            let left =
                left.unwrap_or_else(|| panic!("no such arrival after {PATIENCE:?}: {what}; arrived: {arrivals:#?}"));
            arrivals = self.state.changed.wait_timeout(arrivals, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for at least so many notifications at a path. Returns all of them.
    #[track_caller]
    pub(crate) fn await_notifications(&self, path: &str, count: usize) -> Vec<Arrival> {
        let is_one = |arrival: &&Arrival| arrival.path == path && arrival.kind() == "Notification";
        self.until(&format!("{count} notifications at {path}"), |arrivals| {
            let found: Vec<Arrival> = arrivals.iter().filter(is_one).cloned().collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// Waits for the last arrival of this kind at a path.
    #[track_caller]
    pub(crate) fn await_kind(&self, path: &str, kind: &str) -> Arrival {
        self.until(&format!("a {kind} at {path}"), |arrivals| {
            arrivals.iter().rev().find(|arrival| arrival.path == path && arrival.kind() == kind).cloned()
        })
    }

    /// Waits for the confirmation at a path. Returns its body.
    #[track_caller]
    pub(crate) fn confirmation(&self, path: &str) -> Value {
        self.await_kind(path, "SubscriptionConfirmation").json()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.state.changed.notify_all();
        // Wakes the accepting thread. If it has ended already, the connection fails and nothing is left to do.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.ended.load(Ordering::Relaxed) {
            return;
        }
        let state = Arc::clone(state);
        if let Ok(stream) = stream {
            std::thread::spawn(move || serve(stream, &state));
        }
    }
}

/// Serves a connection until it ends.
fn serve(stream: TcpStream, state: &State) {
    let Ok(mut writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    while let Some(arrival) = read(&mut reader) {
        let before = {
            let mut arrivals = state.arrivals();
            let same = |earlier: &&Arrival| {
                earlier.path == arrival.path
                    && earlier.header("x-amz-sns-message-id") == arrival.header("x-amz-sns-message-id")
                    && earlier.body == arrival.body
            };
            let before = arrivals.iter().filter(same).count();
            arrivals.push(arrival.clone());
            state.changed.notify_all();
            before
        };
        let scripted = state.every_kind || matches!(arrival.kind(), "Notification" | "");
        let answer = if scripted { (state.script)(&arrival, before) } else { Answer::Status(200) };
        if perform(&answer, &mut writer, state).is_none() {
            return;
        }
    }
}

/// Writes the answer. `None` if the connection is to be closed.
fn perform(answer: &Answer, writer: &mut TcpStream, state: &State) -> Option<()> {
    let (status, location, body) = match answer {
        Answer::Status(status) => (*status, None, String::new()),
        Answer::Redirect(status, location) => (*status, Some(location), String::new()),
        Answer::Slow(time) => {
            std::thread::sleep(*time);
            (200, None, String::new())
        }
        Answer::Large(bytes) => (200, None, "x".repeat(*bytes)),
        Answer::Body(body) => (200, None, (*body).to_owned()),
        Answer::Close => return None,
        Answer::Hang => {
            while !state.ended.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            return None;
        }
    };
    let location = location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
    let head = format!("HTTP/1.1 {status} Answer\r\nContent-Length: {}\r\n{location}\r\n", body.len());
    writer.write_all((head + &body).as_bytes()).ok()
}

/// Reads a request. `None` if the connection ended.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Arrival> {
    let request = line(reader)?;
    let mut parts = request.split(' ');
    let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8(body).ok()?;
    Some(Arrival { method, path, headers, body, at: Instant::now() })
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = reader.read_line(&mut line).ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
