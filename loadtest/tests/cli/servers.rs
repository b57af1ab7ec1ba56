//! Servers that behave badly, each on a free loopback port, until their test ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A closed port: that of TCPMUX, which no system runs. A free port could be taken by another test.
pub(crate) const CLOSED_PORT: u16 = 1;

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a free port")
}

/// Accepts connections and never writes.
pub(crate) struct Silent {
    pub(crate) port: u16,
}

impl Silent {
    pub(crate) fn start() -> Self {
        let listener = listener();
        let port = listener.local_addr().expect("bound").port();
        thread::spawn(move || {
            let connections: Vec<_> = listener.incoming().collect();
            drop(connections);
        });
        Self { port }
    }
}

/// Starts a server that writes bytes of no protocol, after the client's first bytes or a pause. Returns the port.
pub(crate) fn garbage() -> u16 {
    let listener = listener();
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || babble(connection));
        }
    });
    port
}

fn babble(mut connection: TcpStream) {
    let wait = connection.set_read_timeout(Some(Duration::from_millis(50)));
    wait.expect("sockets have timeouts");
    let mut asked = [0; 4096];
    loop {
        if matches!(connection.read(&mut asked), Ok(0)) {
            return;
        }
        if connection.write_all(b"\x00\xff~ what?? ~\r\n\r\n\x07\xfe$-12\r\n").is_err() {
            return;
        }
    }
}

/// The behaviour of a [`FakeSqs`] after its last acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Close,
    Hang,
}

/// An SQS endpoint that acknowledges messages and never delivers them.
pub(crate) struct FakeSqs {
    pub(crate) port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    port: u16,
    messages: AtomicU64,
    messages_max: u64,
    then: Then,
    dead: AtomicBool,
    connections: Mutex<Vec<TcpStream>>,
}

impl FakeSqs {
    /// Closes its port and all connections after `messages` messages.
    pub(crate) fn dying_after(messages: u64) -> Self {
        Self::start(messages, Then::Close)
    }

    /// Stops responding after `messages` messages.
    pub(crate) fn hanging_after(messages: u64) -> Self {
        Self::start(messages, Then::Hang)
    }

    /// Acknowledges all messages.
    pub(crate) fn forgetful() -> Self {
        Self::start(u64::MAX, Then::Close)
    }

    fn start(messages_max: u64, then: Then) -> Self {
        let listener = listener();
        let port = listener.local_addr().expect("bound").port();
        let shared = Arc::new(Shared {
            port,
            messages: AtomicU64::new(0),
            messages_max,
            then,
            dead: AtomicBool::new(false),
            connections: Mutex::default(),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if serving.dead.load(Ordering::SeqCst) {
                    return;
                }
                let copy = connection.try_clone().expect("sockets can be cloned");
                serving.connections.lock().expect("no panics").push(copy);
                let serving = Arc::clone(&serving);
                thread::spawn(move || serving.serve(connection));
            }
        });
        Self { port, shared }
    }

    /// Waits until `messages` messages have arrived.
    pub(crate) fn wait_for_messages(&self, messages: u64) {
        let end = Instant::now() + Duration::from_secs(60);
        while self.shared.messages.load(Ordering::SeqCst) < messages {
            assert!(Instant::now() < end, "no {messages} messages come");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for FakeSqs {
    fn drop(&mut self) {
        self.shared.die();
    }
}

impl Shared {
    fn serve(&self, connection: TcpStream) {
        let mut writer = connection.try_clone().expect("sockets can be cloned");
        let mut reader = BufReader::new(connection);
        while let Some((action, body)) = request(&mut reader) {
            let message = u64::from(action == "SendMessage");
            if self.messages.fetch_add(message, Ordering::SeqCst) >= self.messages_max {
                match self.then {
                    Then::Close => return self.die(),
                    Then::Hang => continue,
                }
            }
            let answer = self.answer(&action, &body);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.len());
            if writer.write_all(format!("{head}{answer}").as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, action: &str, body: &str) -> String {
        match action {
            "CreateQueue" | "GetQueueUrl" => {
                let name = body.split("\"QueueName\":\"").nth(1).and_then(|rest| rest.split('"').next());
                let name = name.expect("the queue's name");
                format!(r#"{{"QueueUrl":"http://127.0.0.1:{}/000000000000/{name}"}}"#, self.port)
            }
            "SendMessage" => {
                r#"{"MessageId":"00000000-0000-0000-0000-000000000000","MD5OfMessageBody":"00000000000000000000000000000000"}"#
                    .to_owned()
            }
            _ => "{}".to_owned(),
        }
    }

    /// Closes everything.
    fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        for connection in self.connections.lock().expect("no panics").drain(..) {
            // Fails if the client has closed the connection.
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the listener's thread, which then ends.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Reads a request. Returns its action and its body.
fn request(reader: &mut impl BufRead) -> Option<(String, String)> {
    let (mut action, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            match name.to_ascii_lowercase().as_str() {
                "x-amz-target" => action = value.trim().trim_start_matches("AmazonSQS.").to_owned(),
                "content-length" => length = value.trim().parse().ok()?,
                _ => {}
            }
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((action, String::from_utf8(body).ok()?))
}
