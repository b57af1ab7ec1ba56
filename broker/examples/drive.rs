//! Drives a running broker over HTTP/1.1 with signed requests, and says how fast it was.
//!
//!     cargo run --release -p posthouse --example drive -- send --connections 64 --seconds 10
//!     cargo run --release -p posthouse --example drive -- cycle --connections 64 --seconds 10
//!     cargo run --release -p posthouse --example drive -- send --connections 1 --seconds 10      (latency)
//!     cargo run --release -p posthouse --example drive -- publish --subscribers 1000 --connections 64 --seconds 10
//!
//! `publish` publishes messages to a topic with `--subscribers` queues and with `--endpoint`s; `send` sends 256-byte messages; `cycle` sends, receives and deletes one message each, over and over; `fill` sends
//! batches of ten until there are `--count` messages. Each connection has one request under way at a time. `wrk` script:
//! `print` writes one signed SendMessage request's headers and body, for load generators that cannot sign.
//!
//! The figures are printed, never asserted. `docs/performance.md` says which runs the published ones come from.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::{Parser, ValueEnum};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
struct Arguments {
    /// What to do.
    work: Work,
    /// Where the broker listens; loopback only.
    #[arg(long, default_value = "127.0.0.1:9324")]
    address: std::net::SocketAddr,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Messages that `fill` sends.
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Bytes of each body.
    #[arg(long, default_value_t = 256)]
    body: usize,
    #[arg(long, default_value = "drive")]
    queue: String,
    /// Queues that `publish` has subscribed to its topic.
    #[arg(long, default_value_t = 1)]
    subscribers: usize,
    /// An HTTP endpoint that `publish` subscribes to its topic, beside the queues; may be given more than once.
    #[arg(long)]
    endpoint: Vec<String>,
    /// Whether all of them get messages without SNS's envelope.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set)]
    raw: bool,
    #[arg(long, env = "AWS_ACCESS_KEY_ID", default_value = "test")]
    access_key: String,
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", default_value = "test", hide_env_values = true)]
    secret_key: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    Send,
    Cycle,
    Fill,
    Print,
    Publish,
}

/// Signs requests of one day in `us-east-1`.
struct Signer {
    access_key: String,
    host: String,
    date: String,
    scope: String,
    key: [u8; 32],
    /// What `X-Amz-Target` begins with.
    target: &'static str,
}

impl Signer {
    fn new(arguments: &Arguments, service: &str, target: &'static str) -> Result<Self, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let date = iso_basic(now);
        let scope = format!("{}/us-east-1/{service}/aws4_request", &date[..8]);
        let mut key = hmac(format!("AWS4{}", arguments.secret_key).as_bytes(), &date.as_bytes()[..8]);
        for part in ["us-east-1", service, "aws4_request"] {
            key = hmac(&key, part.as_bytes());
        }
        Ok(Self {
            access_key: arguments.access_key.clone(),
            host: arguments.address.to_string(),
            date,
            scope,
            key,
            target,
        })
    }

    /// The headers of a signed request, name and value.
    fn headers(&self, action: &str, body: &str) -> Vec<(&'static str, String)> {
        let canonical = format!(
            "POST\n/\n\nhost:{}\nx-amz-date:{}\nx-amz-target:{}.{action}\n\nhost;x-amz-date;x-amz-target\n{}",
            self.host,
            self.date,
            self.target,
            hex(&Sha256::digest(body))
        );
        let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", self.date, self.scope, hex(&Sha256::digest(canonical)));
        let signature = hex(&hmac(&self.key, to_sign.as_bytes()));
        vec![
            ("Host", self.host.clone()),
            ("Content-Type", "application/x-amz-json-1.0".into()),
            ("X-Amz-Target", format!("{}.{action}", self.target)),
            ("X-Amz-Date", self.date.clone()),
            (
                "Authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders=host;x-amz-date;x-amz-target, Signature={signature}",
                    self.access_key, self.scope
                ),
            ),
        ]
    }

    fn request(&self, action: &str, body: &str) -> Vec<u8> {
        let mut request = String::from("POST / HTTP/1.1\r\n");
        for (name, value) in self.headers(action, body) {
            for part in [name, ": ", &value, "\r\n"] {
                request.push_str(part);
            }
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        request.into_bytes()
    }
}

fn hmac(key: &[u8], data: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(data);
    mac.finalize().into_bytes().into()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

/// `YYYYMMDDTHHMMSSZ`. Days to a date by Howard Hinnant's `civil_from_days`.
fn iso_basic(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

/// One keep-alive connection with one request under way.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: std::net::SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a request and gives back the body of its 200 answer.
    async fn ask(&mut self, request: &[u8]) -> Result<&str, Failure> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the broker closed the connection".into());
            }
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                let length = head
                    .lines()
                    .filter_map(|line| line.split_once(':'))
                    .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                    .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())?;
                break (end + 4, length);
            }
        };
        while self.buffer.len() < head + length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the broker closed the connection in an answer".into());
            }
        }
        let body = std::str::from_utf8(&self.buffer[head..])?;
        if self.buffer.starts_with(b"HTTP/1.1 200") {
            Ok(body)
        } else {
            Err(format!("{}\n{body}", String::from_utf8_lossy(&self.buffer[..head])).into())
        }
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    // By the first byte, which is rare in what is searched here.
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(at) = haystack.get(from..)?.iter().position(|byte| *byte == first) {
        if haystack[from + at..].starts_with(needle) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// The text between `"name":"` and the next quote.
fn member<'a>(json: &'a str, name: &str) -> Option<&'a str> {
    let start = json.find(&format!("\"{name}\":\""))? + name.len() + 4;
    json[start..].split('"').next()
}

/// What all connections share.
struct Plan {
    arguments: Arguments,
    signer: Signer,
    url: String,
    send: Vec<u8>,
    end: Instant,
}

async fn run(plan: Arc<Plan>, share: u64) -> Result<Vec<u32>, Failure> {
    let mut connection = Connection::open(plan.arguments.address).await?;
    let mut latencies_us = Vec::new();
    let receive =
        plan.signer.request("ReceiveMessage", &format!(r#"{{"QueueUrl":"{}","MaxNumberOfMessages":1}}"#, plan.url));
    let fill = fill_request(&plan);
    let mut left = share;
    loop {
        let start = Instant::now();
        match plan.arguments.work {
            Work::Fill if left == 0 => return Ok(latencies_us),
            Work::Fill => {
                connection.ask(&fill).await?;
                left -= 1;
            }
            _ if start >= plan.end => return Ok(latencies_us),
            Work::Cycle => {
                connection.ask(&plan.send).await?;
                let handle = loop {
                    let answer = connection.ask(&receive).await?;
                    if let Some(handle) = member(answer, "ReceiptHandle") {
                        break handle.to_owned();
                    }
                };
                let body = format!(r#"{{"QueueUrl":"{}","ReceiptHandle":"{handle}"}}"#, plan.url);
                connection.ask(&plan.signer.request("DeleteMessage", &body)).await?;
            }
            Work::Send | Work::Print | Work::Publish => {
                connection.ask(&plan.send).await?;
            }
        }
        latencies_us.push(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
}

fn fill_request(plan: &Plan) -> Vec<u8> {
    let body = "x".repeat(plan.arguments.body);
    let entries: Vec<_> = (0..10).map(|n| format!(r#"{{"Id":"{n}","MessageBody":"{body}"}}"#)).collect();
    plan.signer
        .request("SendMessageBatch", &format!(r#"{{"QueueUrl":"{}","Entries":[{}]}}"#, plan.url, entries.join(",")))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 1)]
async fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    if !arguments.address.ip().is_loopback() {
        return Err("only a broker on a loopback address is driven".into());
    }
    let signer = Signer::new(&arguments, "sqs", "AmazonSQS")?;
    let create = signer.request("CreateQueue", &format!(r#"{{"QueueName":"{}"}}"#, arguments.queue));
    let mut first = Connection::open(arguments.address).await?;
    let url = member(first.ask(&create).await?, "QueueUrl").ok_or("no QueueUrl in the answer")?.to_owned();
    let body = format!(r#"{{"QueueUrl":"{url}","MessageBody":"{}"}}"#, "x".repeat(arguments.body));
    if arguments.work == Work::Print {
        for (name, value) in signer.headers("SendMessage", &body) {
            println!("{name}: {value}");
        }
        println!("\n{body}");
        return Ok(());
    }
    let send = match arguments.work {
        Work::Publish => publish_request(&arguments, &signer, &mut first).await?,
        _ => signer.request("SendMessage", &body),
    };
    let end = Instant::now() + Duration::from_secs(arguments.seconds);
    let plan = Arc::new(Plan { arguments, signer, url, send, end });
    measure(&plan).await
}

/// Makes a topic and the queues that are subscribed to it; the request that publishes to it.
async fn publish_request(
    arguments: &Arguments,
    signer: &Signer,
    connection: &mut Connection,
) -> Result<Vec<u8>, Failure> {
    let sns = Signer::new(arguments, "sns", "AmazonSimpleNotificationService")?;
    let create = sns.request("CreateTopic", &format!(r#"{{"Name":"{}-{}"}}"#, arguments.queue, arguments.subscribers));
    let raw = arguments.raw;
    let topic = member(connection.ask(&create).await?, "TopicArn").ok_or("no TopicArn in the answer")?.to_owned();
    let queues = topic.replace(":sns:", ":sqs:");
    for number in 0..arguments.subscribers {
        let name = format!("{}-{}-{number}", arguments.queue, arguments.subscribers);
        connection.ask(&signer.request("CreateQueue", &format!(r#"{{"QueueName":"{name}"}}"#))).await?;
        let subscribe = subscription(&topic, "sqs", &format!("{queues}-{number}"), raw);
        connection.ask(&sns.request("Subscribe", &subscribe)).await?;
    }
    for endpoint in &arguments.endpoint {
        connection.ask(&sns.request("Subscribe", &subscription(&topic, "http", endpoint, raw))).await?;
    }
    if !arguments.endpoint.is_empty() {
        // Time for the endpoints to confirm.
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let message = "x".repeat(arguments.body);
    Ok(sns.request("Publish", &format!(r#"{{"TopicArn":"{topic}","Message":"{message}"}}"#)))
}

fn subscription(topic: &str, protocol: &str, endpoint: &str, raw: bool) -> String {
    format!(
        r#"{{"TopicArn":"{topic}","Protocol":"{protocol}","Endpoint":"{endpoint}","Attributes":{{"RawMessageDelivery":"{raw}"}}}}"#
    )
}

async fn measure(plan: &Arc<Plan>) -> Result<(), Failure> {
    let connections = plan.arguments.connections as u64;
    let batches = plan.arguments.count.div_ceil(10);
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|n| batches / connections + u64::from(n < batches % connections))
        .map(|share| tokio::spawn(run(Arc::clone(plan), share)))
        .collect();
    let mut latencies_us = Vec::new();
    for task in tasks {
        latencies_us.extend(task.await??);
    }
    let seconds = start.elapsed().as_secs_f64();
    latencies_us.sort_unstable();
    let percentile =
        |part: usize| latencies_us.get(latencies_us.len().saturating_sub(1) * part / 1000).copied().unwrap_or(0);
    println!(
        "{} done in {seconds:.2} s: {:.0} a second; microseconds p50 {} p90 {} p99 {} p99.9 {}",
        latencies_us.len(),
        latencies_us.len() as f64 / seconds,
        percentile(500),
        percentile(900),
        percentile(990),
        percentile(999),
    );
    Ok(())
}
