//! The hello: versions, limits, and the proofs that both sides know the secret.

use bytes::Bytes;
use posthouse_wire::limits::HEADER_BYTES;
use posthouse_wire::{
    Address, Authentication, Challenge, Check, Features, Frame, FromBroker, Hello, Minors, NONCE_BYTES, Outgoing,
    Prove, Software, Splitter, Text, Transcript,
};
use rand::RngExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::connection::faults::refusal;
use crate::connection::pipe::{ByteStream, Opened, Terms};
use crate::connection::requests::Requests;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};

/// The room for a read of the hello.
const READ_BYTES: usize = 8 << 10;
/// Bounds for the broker's heartbeat, so that none of its values stops or floods a client.
const HEARTBEAT_MIN: Duration = Duration::from_millis(100);
const HEARTBEAT_MAX: Duration = Duration::from_secs(3_600);

/// Who the client is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) credentials: Option<&'a Credentials>,
    pub(crate) region: &'a str,
}

/// What protects the bytes of a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protection {
    /// Nothing; the peer is on this machine.
    Loopback,
    /// Nothing.
    None,
    /// TLS or QUIC, with its exporter.
    #[cfg(feature = "tls")]
    Tls([u8; 32]),
}

/// What the broker said of itself.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    /// Other addresses of the same queues and topics.
    pub(crate) addresses: Vec<String>,
}

/// Opens a connection on a new stream.
///
/// # Errors
///
/// The broker's refusal, a peer that does not follow the protocol, or a stream that broke.
pub(crate) async fn shake(
    mut stream: Box<dyn ByteStream>,
    identity: Identity<'_>,
    protection: Protection,
) -> Result<(Opened, Broker)> {
    let check = match protection {
        Protection::Loopback | Protection::None => Check::Crc32c,
        #[cfg(feature = "tls")]
        Protection::Tls(_) => Check::Absent,
    };
    let (mut splitter, mut out) = (Splitter::new(check), Outgoing::new(check));
    let hello = write_hello(&mut out, identity)?;
    stream.write_all(&hello).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    let answer = next_frame(&mut stream, &mut splitter).await?;
    let FromBroker::Challenge(challenge) = decode(&answer)? else { return Err(unexpected(&answer)) };
    if Minors::SUPPORTED.newest_in_common(Minors::new(challenge.minor, challenge.minor).unwrap_or(Minors::SUPPORTED))
        != Some(challenge.minor)
    {
        return Err(Error::protocol(format!("the broker chose version 1.{}, which was not offered", challenge.minor)));
    }
    let exporter = match &protection {
        Protection::Loopback | Protection::None => None,
        #[cfg(feature = "tls")]
        Protection::Tls(exporter) => Some(exporter),
    };
    let transcript = Transcript { hello: &hello[HEADER_BYTES..], challenge: &answer.payload, exporter };
    let secret = needed_secret(&challenge, identity.credentials, protection)?;
    out.frame(Address::CONNECTION, &Prove { proof: secret.map(|secret| transcript.client_proof(secret)) });
    stream.write_all_buf(&mut out.take()).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;

    let answer = next_frame(&mut stream, &mut splitter).await?;
    let FromBroker::Ready(ready) = decode(&answer)? else { return Err(unexpected(&answer)) };
    if secret.is_some_and(|secret| ready.proof != Some(transcript.server_proof(secret))) {
        let text = "the peer does not know the secret: it is not the broker that it should be";
        return Err(Error::new(ErrorKind::NotAuthenticated, text));
    }
    splitter.allow_long_frames();
    let broker =
        Broker { addresses: ready.addresses.iter().map(|member| member.address.as_str().to_owned()).collect() };
    let terms = Terms {
        limits: challenge.limits,
        log_identity: challenge.log_identity,
        heartbeat: Some(Duration::from_millis(challenge.heartbeat_ms.into()).clamp(HEARTBEAT_MIN, HEARTBEAT_MAX)),
        requests: Arc::new(Requests::new(challenge.limits.requests)),
        departure: Arc::default(),
    };
    tracing::debug!(
        broker = %challenge.software.name,
        version = %challenge.software.version,
        account = %ready.account,
        user = %ready.user,
        "the hello has ended"
    );
    Ok((Opened { stream, splitter, out, terms }, broker))
}

/// The whole HELLO frame.
fn write_hello(out: &mut Outgoing, identity: Identity<'_>) -> Result<Vec<u8>> {
    let too_long =
        |error| Error::with_source(ErrorKind::InvalidArgument, "the access key or the region is too long", error);
    let mut nonce = [0; NONCE_BYTES];
    rand::rng().fill(&mut nonce);
    let hello = Hello {
        minors: Minors::SUPPORTED,
        features: Features::SUPPORTED,
        nonce,
        region: Text::new(identity.region).map_err(too_long)?,
        access_key_id: Text::new(identity.credentials.map_or("", Credentials::access_key_id)).map_err(too_long)?,
        software: Software {
            name: Text::clipped("posthouse-client"),
            version: Text::clipped(env!("CARGO_PKG_VERSION")),
        },
    };
    out.frame(Address::CONNECTION, &hello);
    Ok(out.take().into_iter().flat_map(Bytes::into_iter).collect())
}

/// The secret to prove; `None` where the broker has no users.
///
/// # Errors
///
/// [`ErrorKind::NotAuthenticated`] where the broker wants a proof and there is no secret. The same where there is a
/// secret and a broker on another machine wants no proof over a stream that anything may have taken over: a peer that
/// does not know the secret could pose as the broker.
fn needed_secret<'a>(
    challenge: &Challenge<'_>,
    credentials: Option<&'a Credentials>,
    protection: Protection,
) -> Result<Option<&'a [u8]>> {
    match (challenge.authentication, credentials, protection) {
        (Authentication::Required, Some(credentials), _) => Ok(Some(credentials.secret())),
        (Authentication::Required, None, _) => {
            Err(Error::new(ErrorKind::NotAuthenticated, "the broker has users: give credentials"))
        }
        (Authentication::None, Some(_), Protection::None) => {
            let text =
                "the peer wants no proof of the secret and gives none: it may not be the broker that it should be";
            Err(Error::new(ErrorKind::NotAuthenticated, text))
        }
        (Authentication::None, _, _) => Ok(None),
    }
}

async fn next_frame(stream: &mut Box<dyn ByteStream>, splitter: &mut Splitter) -> Result<Frame> {
    loop {
        if let Some(frame) = splitter.next_frame().map_err(not_understood)? {
            return Ok(frame);
        }
        let read = stream.read_buf(splitter.buffer(READ_BYTES)).await.map_err(broke)?;
        if read == 0 {
            return Err(Error::new(ErrorKind::ConnectionLost, "the broker closed the connection during the hello"));
        }
    }
}

/// # Errors
///
/// A fault, as what it says.
fn decode(frame: &Frame) -> Result<FromBroker<'_>> {
    match FromBroker::decode(frame).map_err(not_understood)? {
        FromBroker::Fault(fault) => Err(refusal(&fault)),
        content => Ok(content),
    }
}

fn unexpected(frame: &Frame) -> Error {
    Error::protocol(format!("a {} during the hello", frame.header.kind))
}

fn not_understood(error: posthouse_wire::DecodeError) -> Error {
    Error::protocol(format!("the peer is no Posthouse broker, or of another version: {error}"))
}

fn broke(error: std::io::Error) -> Error {
    Error::with_source(ErrorKind::ConnectionLost, format!("the connection broke during the hello: {error}"), error)
}
