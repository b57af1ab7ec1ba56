//! The part of the beanstalk protocol that the load test uses: lines of ASCII words that end in CR LF, bodies of
//! announced length between them, responses in the order of the commands.
//!
//! Every line and body that is read has a limit. The connection cannot be used any more after a response that does not
//! belong to its command, or after a call that was dropped, because further responses could not be matched to commands.
//! The caller must open another.

use std::fmt::Write;
use std::io;
use std::str::SplitAsciiWhitespace;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::job;
use crate::message::BODY_BYTES_MAX;
use crate::target::{Delivery, Failure, Outgoing, Refusals, SettleKey};
use crate::targets::CONNECT_MAX;

/// The longest line: the longest of the protocol is `USING` with a tube of 200 bytes.
const LINE_BYTES_MAX: usize = 256;
/// The most bytes of one read.
const READ_BYTES: usize = 64 * 1024;
/// The most jobs that one `kick` makes ready: all.
const KICK_MAX: u32 = u32::MAX;
/// The priority of all jobs: the one in the middle of those that clients use.
const PRIORITY: u32 = 1024;

/// One connection.
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
    /// The commands of the next write.
    commands: String,
    /// The last line that was read.
    line: Vec<u8>,
}

/// A response to `reserve-with-timeout`.
enum Reserved {
    /// A job, which was appended.
    Job,
    /// No job is ready.
    Nothing,
    /// The server has a problem, which is named.
    Refused(String),
}

impl Connection {
    /// Connects.
    pub(super) async fn open(host: &str, port: u16) -> Result<Self, Failure> {
        let stream = match timeout(CONNECT_MAX, TcpStream::connect((host, port))).await {
            Ok(stream) => stream.map_err(|error| Failure::Unreachable(format!("{host}:{port}: {error}")))?,
            Err(_) => return Err(Failure::Unreachable(format!("{host}:{port}: no answer in {CONNECT_MAX:?}"))),
        };
        stream.set_nodelay(true).map_err(disconnected)?;
        let stream = BufReader::with_capacity(READ_BYTES, stream);
        Ok(Self { stream, commands: String::new(), line: Vec::new() })
    }

    /// Sets the tube of `put` and `kick`.
    pub(super) async fn use_tube(&mut self, tube: &str) -> Result<(), Failure> {
        self.command(format_args!("use {tube}\r\n"));
        self.write().await?;
        let mut words = self.answer().await?;
        match (words.next(), words.next()) {
            (Some("USING"), Some(name)) if name == tube => Ok(()),
            _ => Err(unexpected(&self.line)),
        }
    }

    /// Sets the tube from which jobs are reserved. New connections watch `default`.
    pub(super) async fn watch_only(&mut self, tube: &str) -> Result<(), Failure> {
        self.command(format_args!("watch {tube}\r\nignore default\r\n"));
        self.write().await?;
        for watched in ["2", "1"] {
            let mut words = self.answer().await?;
            if (words.next(), words.next()) != (Some("WATCHING"), Some(watched)) {
                return Err(unexpected(&self.line));
            }
        }
        Ok(())
    }

    /// Puts jobs with one write, then reads all responses. Times are in seconds.
    pub(super) async fn put(&mut self, batch: &[Outgoing], delay: u64, time_to_run: u64) -> Result<Refusals, Failure> {
        for Outgoing { body, .. } in batch {
            let bytes = body.len();
            self.command(format_args!("put {PRIORITY} {delay} {time_to_run} {bytes}\r\n{body}\r\n"));
        }
        self.write().await?;
        let mut refusals = Refusals::new();
        for index in 0..batch.len() {
            match self.answer().await?.next() {
                Some("INSERTED") => {}
                // The server has read the body of each of these, and goes on with the next command.
                Some("BURIED" | "DRAINING" | "INTERNAL_ERROR" | "JOB_TOO_BIG" | "OUT_OF_MEMORY") => {
                    refusals.push((index, text(&self.line)));
                }
                // EXPECTED_CRLF, BAD_FORMAT and UNKNOWN_COMMAND: the server reads the body as a command.
                _ => return Err(unexpected(&self.line)),
            }
        }
        Ok(refusals)
    }

    /// Reserves up to `max` jobs. Waits up to `seconds` for the first, then reserves others that are ready, with one
    /// write.
    pub(super) async fn reserve(
        &mut self,
        max: usize,
        wait_seconds: u64,
        into: &mut Vec<Delivery>,
    ) -> Result<(), Failure> {
        self.command(format_args!("reserve-with-timeout {wait_seconds}\r\n"));
        self.write().await?;
        match self.reserved(into).await? {
            Reserved::Job if max > 1 => {}
            Reserved::Job | Reserved::Nothing => return Ok(()),
            Reserved::Refused(word) => return Err(Failure::Refused(word)),
        }
        for _ in 1..max {
            self.command(format_args!("reserve-with-timeout 0\r\n"));
        }
        self.write().await?;
        for _ in 1..max {
            // A problem of the server ends this loop without an error. If it persists, the next call's first job fails.
            self.reserved(into).await?;
        }
        Ok(())
    }

    /// Deletes jobs with one write, then reads all responses. Returns how many this connection did not hold any more.
    pub(super) async fn delete(&mut self, jobs: &[Delivery]) -> Result<usize, Failure> {
        for delivery in jobs {
            let id = job(delivery)?;
            self.command(format_args!("delete {id}\r\n"));
        }
        self.write().await?;
        let (mut gone, mut refused) = (0, None);
        for _ in jobs {
            match self.answer().await?.next() {
                Some("DELETED") => {}
                Some("NOT_FOUND") => gone += 1,
                Some(word @ ("OUT_OF_MEMORY" | "INTERNAL_ERROR")) => refused = Some(word.to_owned()),
                _ => return Err(unexpected(&self.line)),
            }
        }
        refused.map_or(Ok(gone), |word| Err(Failure::Refused(word)))
    }

    /// Makes jobs ready that were set aside, or if there are none, jobs that are delayed. Returns how many.
    pub(super) async fn kick(&mut self) -> Result<u64, Failure> {
        self.command(format_args!("kick {KICK_MAX}\r\n"));
        self.write().await?;
        let mut words = self.answer().await?;
        match (words.next(), words.next().map(str::parse)) {
            (Some("KICKED"), Some(Ok(count))) => Ok(count),
            _ => Err(unexpected(&self.line)),
        }
    }

    fn command(&mut self, command: std::fmt::Arguments<'_>) {
        self.commands.write_fmt(command).expect("strings take everything");
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let written = self.stream.write_all(self.commands.as_bytes()).await;
        self.commands.clear();
        written.map_err(disconnected)
    }

    /// Reads a response to `reserve-with-timeout`, with the job if there is one.
    async fn reserved(&mut self, into: &mut Vec<Delivery>) -> Result<Reserved, Failure> {
        let mut words = self.answer().await?;
        match words.next() {
            Some("RESERVED") => {}
            // DEADLINE_SOON: a job that this connection holds has less than a second to run. No job was reserved.
            Some("TIMED_OUT" | "DEADLINE_SOON") => return Ok(Reserved::Nothing),
            Some("OUT_OF_MEMORY" | "INTERNAL_ERROR") => return Ok(Reserved::Refused(text(&self.line))),
            _ => return Err(unexpected(&self.line)),
        }
        let (Some(Ok(id)), Some(Ok(bytes))) = (words.next().map(str::parse), words.next().map(str::parse)) else {
            return Err(unexpected(&self.line));
        };
        let body = self.body(bytes).await?;
        into.push(Delivery { body, settle_key: SettleKey::Number(id) });
        Ok(Reserved::Job)
    }

    async fn body(&mut self, bytes: usize) -> Result<Bytes, Failure> {
        if bytes > BODY_BYTES_MAX {
            return Err(Failure::Malformed(format!("a job of {bytes} bytes, which the load test has not sent")));
        }
        let mut body = vec![0; bytes];
        self.stream.read_exact(&mut body).await.map_err(disconnected)?;
        let mut end = [0; 2];
        self.stream.read_exact(&mut end).await.map_err(disconnected)?;
        if end != *b"\r\n" {
            return Err(Failure::Malformed(format!("a job of {bytes} bytes does not end there")));
        }
        Ok(Bytes::from(body))
    }

    /// Reads a line. Returns its words.
    async fn answer(&mut self) -> Result<SplitAsciiWhitespace<'_>, Failure> {
        self.line.clear();
        let mut limited = (&mut self.stream).take(LINE_BYTES_MAX as u64);
        limited.read_until(b'\n', &mut self.line).await.map_err(disconnected)?;
        if self.line.ends_with(b"\r\n") {
            self.line.truncate(self.line.len() - 2);
            let line = std::str::from_utf8(&self.line).map_err(|_| unexpected(&self.line))?;
            Ok(line.split_ascii_whitespace())
        } else if self.line.ends_with(b"\n") {
            Err(unexpected(&self.line))
        } else if self.line.len() == LINE_BYTES_MAX {
            Err(Failure::Malformed(format!("a line of more than {LINE_BYTES_MAX} bytes")))
        } else {
            Err(closed())
        }
    }
}

/// The failure of a response that does not belong to the command. OUT_OF_MEMORY and INTERNAL_ERROR can follow any
/// command and leave the connection usable.
fn unexpected(line: &[u8]) -> Failure {
    match line {
        b"OUT_OF_MEMORY" | b"INTERNAL_ERROR" => Failure::Refused(text(line)),
        _ => Failure::Malformed(format!("`{}`", text(line))),
    }
}

/// A line with its control characters escaped.
fn text(line: &[u8]) -> String {
    line.escape_ascii().to_string()
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes values")]
fn disconnected(error: io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => closed(),
        _ => Failure::Disconnected(error.to_string()),
    }
}

fn closed() -> Failure {
    Failure::Disconnected("the server closed the connection".to_owned())
}
