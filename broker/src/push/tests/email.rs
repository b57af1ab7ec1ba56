//! E-mail, sent to a server with the few SMTP commands that are needed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use posthouse_model::Seconds;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// An SMTP server that takes every mail, or answers each recipient with `refusal`.
struct MailServer {
    port: u16,
    refusal: Option<&'static str>,
    /// Whether the next mail gets no reply.
    stalls: AtomicBool,
    connections: AtomicUsize,
    /// The commands that it received.
    heard: Mutex<Vec<String>>,
    /// The messages that it took.
    messages: Mutex<Vec<String>>,
}

impl MailServer {
    async fn start(refusal: Option<&'static str>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let server = Arc::new(Self {
            port,
            refusal,
            stalls: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            heard: Mutex::default(),
            messages: Mutex::default(),
        });
        let serving = Arc::clone(&server);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&serving);
                server.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        server
    }

    async fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut stream = BufReader::new(stream);
        say(&mut stream, "220 mail.example").await?;
        loop {
            let line = read_line(&mut stream).await?;
            let command = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            self.heard.lock().expect("no test panics under the lock").push(line);
            match command.as_str() {
                "EHLO" => say(&mut stream, "250-mail.example\r\n250 AUTH PLAIN").await?,
                "AUTH" => say(&mut stream, "235 welcome").await?,
                "RCPT" => say(&mut stream, self.refusal.unwrap_or("250 ok")).await?,
                "QUIT" => return say(&mut stream, "221 bye").await,
                "DATA" => {
                    say(&mut stream, "354 go on").await?;
                    let mut message = String::new();
                    loop {
                        let line = read_line(&mut stream).await?;
                        if line == "." {
                            break;
                        }
                        message.push_str(&line);
                        message.push('\n');
                    }
                    if self.stalls.swap(false, Ordering::Relaxed) {
                        continue;
                    }
                    self.messages.lock().expect("no test panics under the lock").push(message);
                    say(&mut stream, "250 taken").await?;
                }
                _ => say(&mut stream, "250 ok").await?,
            }
        }
    }

    fn options(&self, more: &str) -> Options {
        options(&format!(
            "[push.email]\nhost = '127.0.0.1'\nport = {}\ntls = 'none'\nfrom = 'Post <post@example.net>'\n{more}",
            self.port
        ))
    }

    fn last(&self) -> String {
        self.messages.lock().expect("no test panics under the lock").last().expect("one was taken").clone()
    }
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> Option<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await.ok()
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.ok()?;
    (length > 0).then(|| line.trim_end().to_owned())
}

async fn deliver(options: &Options, target: PushTarget, message: ReceivedMessage) -> Settled {
    let fixture = Fixture::new(options);
    fixture.core.target(queue(1), Some(target));
    fixture.core.send(&queue(1), message);
    fixture.core.settled(1).await[0].1
}

/// The lines of a message, with the soft line breaks of quoted-printable joined.
fn readable(message: &str) -> String {
    message.replace("=\n", "").replace("=3D", "=")
}

#[tokio::test]
async fn email_has_the_message_and_a_link_to_unsubscribe() {
    let server = MailServer::start(None).await;
    let target = PushTarget { display_name: "Shop".into(), ..target("email", "ann@example.com") };
    assert_eq!(deliver(&server.options(""), target, message("Hello Ann").sealed()).await, Settled::Delivered);
    let message = readable(&server.last());
    for part in [
        "From: Shop <post@example.net>\n",
        "To: ann@example.com\n",
        "Subject: News\n",
        "Content-Type: text/plain; charset=utf-8\n",
        "\nHello Ann\n",
        "http://posthouse.example/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:eu-west-1:123456789012:orders:02",
    ] {
        assert!(message.contains(part), "{part}\nis not in\n{message}");
    }
}

/// Beyond ASCII a subject is written as encoded words (RFC 2047): some 50 bytes of the text in each, in base64.
#[tokio::test]
async fn a_subject_may_have_any_letters() {
    let server = MailServer::start(None).await;
    let subject = "ü".repeat(99);
    let mail = message("Hello").about(&subject).sealed();
    assert_eq!(deliver(&server.options(""), target("email", "ann@example.com"), mail).await, Settled::Delivered);
    let mail = server.last();
    let (_, header) = mail.split_once("Subject: ").expect("a subject");
    let folded = header.lines().take(1).chain(header.lines().skip(1).take_while(|line| line.starts_with(' ')));
    let mut decoded = String::new();
    for word in folded.flat_map(str::split_whitespace) {
        let base64 = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?=")).expect("an encoded word");
        let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, base64).expect("base64");
        decoded.push_str(str::from_utf8(&bytes).expect("whole characters"));
    }
    assert_eq!(decoded, subject);
}

#[tokio::test]
async fn email_json_has_the_envelope() {
    let server = MailServer::start(None).await;
    deliver(&server.options(""), target("email-json", "ann@example.com"), message("Hello").sealed()).await;
    let message = readable(&server.last());
    assert!(message.contains("From: Post <post@example.net>\n") && message.contains("application/json"), "{message}");
    let body = message.split_once("\n\n").expect("a body").1;
    let envelope: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&envelope["Type"], &envelope["Message"]), (&"Notification".into(), &"Hello".into()));
}

#[tokio::test]
async fn a_confirmation_is_sent_by_mail() {
    let server = MailServer::start(None).await;
    for protocol in ["email", "email-json"] {
        deliver(&server.options(""), target(protocol, "ann@example.com"), asking()).await;
        let message = readable(&server.last());
        assert!(message.contains("Subject: Subscription Confirmation\n"), "{message}");
        assert!(
            message.contains(&format!(
                "Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:123456789012:orders&Token={}",
                token()
            )),
            "{message}"
        );
    }
}

#[tokio::test]
async fn the_server_may_require_a_password() {
    let server = MailServer::start(None).await;
    let options = server.options("user = 'post'\npassword = 'secret'");
    assert_eq!(deliver(&options, target("email", "ann@example.com"), message("m").sealed()).await, Settled::Delivered);
    let heard = server.heard.lock().expect("no test panics under the lock").clone();
    // Base64 of NUL post NUL secret.
    assert!(heard.iter().any(|line| line == "AUTH PLAIN AHBvc3QAc2VjcmV0"), "{heard:?}");
}

#[tokio::test]
async fn the_servers_reply_decides_the_result() {
    for (refusal, settlement) in [
        (Some("450 come again"), Settled::Retry(Seconds::new(10))),
        (Some("550 no such mailbox"), Settled::Failed),
        (None, Settled::Delivered),
    ] {
        let server = MailServer::start(refusal).await;
        let found = deliver(&server.options(""), target("email", "ann@example.com"), message("m").sealed()).await;
        assert_eq!(found, settlement, "{refusal:?}");
    }
    let unused = TcpListener::bind("127.0.0.1:0").await.expect("a port is free").local_addr().expect("it is bound");
    let options = options(&format!(
        "[push.email]\nhost = '127.0.0.1'\nport = {}\ntls = 'none'\nfrom = 'post@example.net'",
        unused.port()
    ));
    let found = deliver(&options, target("email", "ann@example.com"), message("m").sealed()).await;
    assert_eq!(found, Settled::Retry(Seconds::new(10)), "no server");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_mail() {
    let server = MailServer::start(None).await;
    let fixture = Fixture::new(&server.options(""));
    fixture.core.target(queue(1), Some(target("email", "ann@example.com")));
    for _ in 0..3 {
        let key = fixture.core.send(&queue(1), message("m").sealed());
        fixture.core.done(&[key]).await;
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}

/// A late reply to it is not taken for the reply to the next mail.
#[tokio::test]
async fn a_mail_past_its_deadline_closes_its_connection() {
    let server = MailServer::start(None).await;
    let fixture = Fixture::new(&server.options("[push]\ntimeout_seconds = 1"));
    server.stalls.store(true, Ordering::Relaxed);
    fixture.core.target(queue(1), Some(target("email", "ann@example.com")));
    let key = fixture.core.send(&queue(1), message("m").sealed());
    fixture.core.done(&[key]).await;
    let settled = [(key, Settled::Retry(Seconds::new(10))), (key, Settled::Delivered)];
    assert_eq!(fixture.core.settled(2).await, settled);
    assert_eq!(server.connections.load(Ordering::Relaxed), 2);
    let heard = server.heard.lock().expect("no test panics under the lock").clone();
    assert!(!heard.iter().any(|line| line == "NOOP"), "the first connection was used again: {heard:?}");
}
