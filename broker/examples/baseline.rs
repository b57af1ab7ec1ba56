//! A server to compare the broker with: a bare hyper server on the same runtime that verifies the same signature,
//! parses the same JSON, computes the same digests, and answers SendMessage with a constant. No queue, no log, no disk.
//!
//!     cargo run --release -p posthouse --example baseline -- --listen 127.0.0.1:9330 --access-key test --secret-key test

use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use posthouse_aws::envelope::Signer;
use posthouse_aws::protocol::RequestId;
use posthouse_aws::{Access, AllowedHosts, Arrival, Aws, Decoded, Options};
use posthouse_model::operation::{Reply, Request, Sent};
use posthouse_model::{
    AccountId, Credential, HandleKey, Keys, Permissions, QueueAddress, ROOT_USER, Timestamp, Transport,
};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Arguments {
    #[arg(long, default_value = "127.0.0.1:9330")]
    listen: SocketAddr,
    #[arg(long, default_value = "test")]
    access_key: String,
    #[arg(long, default_value = "test")]
    secret_key: String,
}

/// One user: access key id and secret.
struct OneUser(String, String);

impl Keys for OneUser {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        let permissions = Permissions::Full;
        let credential = Credential { secret: &self.1, account: AccountId::DEFAULT, user: ROOT_USER, permissions };
        (access_key_id == self.0).then_some(credential)
    }
}

async fn answer(aws: Arc<Aws>, request: hyper::Request<Incoming>) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let arrival = Arrival {
        now: Timestamp::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)),
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        transport: Transport::Plain,
        request_id: RequestId::from_random(rand::random()),
    };
    let response =
        match aws.look(&parts, &arrival).and_then(|head| aws.decode(&head, &body, &arrival, &mut rand::random)) {
            Ok(Decoded { call, encoder }) => match call.request {
                Request::SendMessage(send) => encoder.encode(&Ok(Reply::SendMessage(Sent {
                    id: send.message.id(),
                    digests: send.message.digests(),
                    sequence_number: None,
                }))),
                // Load generators create their queue first, and look it up.
                Request::CreateQueue(create) => encoder.encode(&Ok(Reply::Queue(QueueAddress {
                    region: call.caller.region,
                    account: AccountId::DEFAULT,
                    name: create.name,
                }))),
                Request::GetQueueUrl(get) => encoder.encode(&Ok(Reply::Queue(get.queue))),
                _ => encoder.encode(&Ok(Reply::Done)),
            },
            Err(refused) => refused.response,
        };
    let headers = parts.headers;
    // The answers here are one segment each.
    Ok(response.into_http(headers).map(|body| Full::new(body.into_iter().next().unwrap_or_default())))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let aws = Arc::new(Aws::new(Options {
        access: Access::Secured(Box::new(OneUser(arguments.access_key, arguments.secret_key))),
        default_region: "us-east-1".parse()?,
        public_url: None,
        handle_key: HandleKey::new([0; 16]),
        signer: Signer::awaiting(),
        allowed_hosts: AllowedHosts::default(),
    }));
    let listener = TcpListener::bind(arguments.listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let aws = Arc::clone(&aws);
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(Arc::clone(&aws), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service);
            // Load generators close connections without notice.
            let _ = connection.await;
        });
    }
}
