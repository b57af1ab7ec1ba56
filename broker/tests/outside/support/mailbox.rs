//! A mail server that accepts every mail and keeps it.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use super::eventually;

/// A mail that arrived.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mail {
    /// The address in `RCPT TO`.
    pub to: String,
    /// Headers and body as they arrived, with the encoding of long lines decoded.
    pub text: String,
}

/// A server on its own loopback port.
pub(crate) struct Mailbox {
    pub address: SocketAddr,
    mails: Arc<Mutex<Vec<Mail>>>,
}

impl Mailbox {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let mails = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&mails);
        // The thread ends with the process. A case starts few of them.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mails = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &mails));
            }
        });
        Self { address, mails }
    }

    /// Waits for a mail to this address that has all these parts.
    #[track_caller]
    pub(crate) fn await_mail(&self, to: &str, parts: &[&str]) -> Mail {
        eventually(&format!("a mail to {to} with {parts:?}"), || {
            let mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
            mails.iter().find(|mail| mail.to == to && parts.iter().all(|part| mail.text.contains(part))).cloned()
        })
    }
}

/// Speaks SMTP with a client until it disconnects.
fn serve(stream: TcpStream, mails: &Mutex<Vec<Mail>>) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut lines = BufReader::new(stream).lines();
    let mut mail = Mail::default();
    writer.write_all(b"220 mailbox.test\r\n").ok()?;
    loop {
        let line = lines.next()?.ok()?;
        let verb = line.get(..4).unwrap_or(&line).to_uppercase();
        let answer = match verb.as_str() {
            "RCPT" => {
                mail.to = line.split(['<', '>']).nth(1)?.to_owned();
                "250 known here"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").ok()?;
                let mut text = String::new();
                loop {
                    let line = lines.next()?.ok()?;
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                // Quoted-printable: a soft line break, and the encoded `=`.
                mail.text = text.replace("=\n", "").replace("=3D", "=");
                mails.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut mail));
                "250 kept"
            }
            "QUIT" => {
                writer.write_all(b"221 goodbye\r\n").ok()?;
                return None;
            }
            _ => "250 fine",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).ok()?;
    }
}
