//! The server: a runtime and a listener on a free port of the loopback address. Both end when it is dropped.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::answers::Answers;
use crate::target::Failure;

/// The longest body of a request: a batch of the longest messages.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// A running server.
pub(super) struct Server {
    port: u16,
    /// `None` only in `drop`.
    runtime: Option<Runtime>,
}

impl Server {
    /// Starts a server with `threads` threads.
    pub(super) fn start(threads: usize, answers: Answers) -> Result<Self, Failure> {
        let started = || -> io::Result<Self> {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let port = listener.local_addr()?.port();
            let runtime =
                Builder::new_multi_thread().worker_threads(threads).thread_name("limit-http").enable_all().build()?;
            runtime.spawn(listen(listener, Arc::new(answers)));
            Ok(Self { port, runtime: Some(runtime) })
        };
        started().map_err(|error| Failure::Unreachable(format!("cannot start the server of the limit: {error}")))
    }

    /// The port on which it listens.
    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Dropping the runtime would block, which is not allowed in a task of another runtime.
            runtime.shutdown_background();
        }
    }
}

async fn listen(listener: TcpListener, answers: Arc<Answers>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("it does not block, and this runtime has I/O");
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&answers)));
            }
            // The client closed the connection already, or the process has no free descriptor.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, answers: Arc<Answers>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(move |request| {
        let answers = Arc::clone(&answers);
        async move { Ok::<_, Infallible>(answer(request, &answers).await) }
    });
    // If the connection breaks, the client reports it.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(request: Request<Incoming>, answers: &Answers) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let answer = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => answers.to(target, &body.to_bytes()),
        Err(error) => Err(error.to_string()),
    };
    let (status, body) = answer.map_or_else(
        |message| {
            let fault = serde_json::json!({ "__type": "com.amazonaws.sqs#InvalidParameterValue", "message": message });
            (StatusCode::BAD_REQUEST, Bytes::from(fault.to_string()))
        },
        |body| (StatusCode::OK, body),
    );
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/x-amz-json-1.0")
        .header("x-amzn-requestid", "00000000-0000-0000-0000-000000000000")
        .body(Full::new(body))
        .expect("the headers are constants")
}
