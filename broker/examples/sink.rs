//! An HTTP endpoint for push delivery: confirms subscriptions, takes every notification, and prints how many a second
//! it received. `/hang` never answers.
//!
//!     cargo run --release -p posthouse --example sink -- --listen 127.0.0.1:9340 --seconds 30
//!
//! `bench/push/run.sh` says how the published figures were measured with it.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:9340")]
    listen: SocketAddr,
    /// How long to run.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

#[derive(Default)]
struct Counts {
    notifications: AtomicU64,
    connections: AtomicU64,
    hanging: AtomicU64,
}

async fn answer(
    counts: Arc<Counts>,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let kind = parts.headers.get("x-amz-sns-message-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match kind {
        "SubscriptionConfirmation" => {
            if let Err(error) = confirm(&body).await {
                eprintln!("cannot confirm: {error}");
            }
        }
        _ if parts.uri.path() == "/hang" => {
            counts.hanging.fetch_add(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        _ => {
            counts.notifications.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(hyper::Response::new(Full::new(Bytes::new())))
}

/// Visits the `SubscribeURL` of a confirmation.
async fn confirm(body: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let message: serde_json::Value = serde_json::from_slice(body)?;
    let url = message["SubscribeURL"].as_str().ok_or("no SubscribeURL")?;
    let rest = url.strip_prefix("http://").ok_or("not http")?;
    let (authority, path) = rest.split_once('/').ok_or("no path")?;
    let address: SocketAddr = authority.parse()?;
    if !address.ip().is_loopback() {
        return Err("only a broker on a loopback address is visited".into());
    }
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(format!("GET /{path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n").as_bytes())
        .await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { Err(answer.into()) }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if !arguments.listen.ip().is_loopback() {
        return Err("only a loopback address is listened on".into());
    }
    let counts = Arc::new(Counts::default());
    let listener = TcpListener::bind(arguments.listen).await?;
    let serving = tokio::spawn(serve(listener, Arc::clone(&counts)));
    let mut before = 0;
    for second in 1..=arguments.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = counts.notifications.load(Ordering::Relaxed);
        println!(
            "{second:3} s: {} notifications, {now} in all, {} connections, {} hanging",
            now - before,
            counts.connections.load(Ordering::Relaxed),
            counts.hanging.load(Ordering::Relaxed)
        );
        before = now;
    }
    serving.abort();
    Ok(())
}

async fn serve(listener: TcpListener, counts: Arc<Counts>) {
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let counts = Arc::clone(&counts);
        tokio::spawn(async move {
            counts.connections.fetch_add(1, Ordering::Relaxed);
            let noted = Arc::clone(&counts);
            let service = service_fn(move |request| answer(Arc::clone(&noted), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // The broker closes connections without notice when it stops.
            let _ = connection.await;
            counts.connections.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
