//! The hello: versions and limits, and the proofs that both sides know the secret of an access key.
//!
//! ```text
//! HELLO ->   <- CHALLENGE   PROVE ->   <- READY
//! ```
//!
//! A client that has not proved its secret gets a buffer of some KiB, one answer to each of its two frames, and
//! `native.hello_seconds_max`. An unknown access key and a wrong proof get the same fault after the same work.

use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;

use posthouse_aws::Standing;
use posthouse_model::{AccountId, Caller, Identity, Region, RegionSource, Transport};
use posthouse_wire as wire;
use tokio::io::{AsyncRead, AsyncWrite};
use wire::{
    Authentication, Challenge, Check, ConnectionLimits, DecodeError, Encoded, FaultCode, Features, Frame, FromClient,
    Hello, List, MemberAddress, Minors, Proof, Prove, Ready, Software, Text, Transcript,
};

use super::fault::Refusal;
use super::input::{Input, InputEnd};
use super::output::Output;
use super::{PAYLOAD_BYTES_MAX, Shared};
use crate::configuration::{User, Users};

/// What is compared with the proof under an unknown access key. A client that knew it would be refused nevertheless.
const UNKNOWN_SECRET: &[u8] = b"no user has this secret access key";

/// How a connection came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    pub(super) source: IpAddr,
    pub(super) transport: Transport,
    /// What binds the proofs to a TLS session.
    pub(super) exporter: Option<[u8; 32]>,
}

impl Arrival {
    /// Whether frames bear a check: TLS has its own.
    pub(super) const fn check(&self) -> Check {
        match self.transport {
            Transport::Plain => Check::Crc32c,
            Transport::Tls => Check::Absent,
        }
    }
}

/// A client that has proved who it is.
pub(super) struct Proved {
    pub(super) caller: Caller,
    /// Its user, if there are users.
    pub(super) user: Option<Arc<User>>,
}

/// Why a connection ends in the hello.
#[derive(Debug)]
pub(super) enum NoHello {
    /// The client closed the connection, or its socket failed.
    Gone,
    /// It is refused.
    Refused(Refusal),
}

impl From<Refusal> for NoHello {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<InputEnd> for NoHello {
    fn from(end: InputEnd) -> Self {
        match end {
            InputEnd::Closed | InputEnd::Failed => Self::Gone,
            InputEnd::Invalid(error) => Self::Refused(Refusal::from(&error)),
        }
    }
}

/// Greets a client. Returns who it is; what it may do is for the engine.
///
/// # Errors
/// [`NoHello`]
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    input: &mut Input,
    output: &mut Output,
    shared: &Shared,
    arrival: &Arrival,
) -> Result<Proved, NoHello> {
    let users = shared.users.now();
    let first = next(stream, input).await?;
    let hello = match FromClient::decode(&first) {
        Ok(FromClient::Hello(hello)) => hello,
        Ok(_) => return Err(Refusal::new(FaultCode::NotHello, "The first frame must be a HELLO.").into()),
        Err(error) => return Err(refusal(&error).into()),
    };
    let region = region(&hello, &shared.default_region)?;
    let minor = Minors::SUPPORTED.newest_in_common(hello.minors).ok_or_else(|| {
        Refusal::new(FaultCode::Version, format!("The broker speaks the versions 1.0 to 1.{}.", wire::MINOR))
    })?;
    let challenge = Encoded::of(&Challenge {
        minor,
        authentication: if users.is_empty() { Authentication::None } else { Authentication::Required },
        features: Features::SUPPORTED.in_common(hello.features),
        nonce: rand::random(),
        log_identity: shared.log_identity,
        heartbeat_ms: milliseconds(shared.settings.heartbeat_seconds.get()),
        limits: ConnectionLimits {
            payload_bytes: u32::try_from(PAYLOAD_BYTES_MAX).unwrap_or(u32::MAX),
            links: u16::try_from(shared.settings.links_max.get()).unwrap_or(u16::MAX),
            requests: u32::try_from(shared.settings.requests_max.get()).unwrap_or(u32::MAX),
        },
        software: Software { name: Text::clipped("posthouse"), version: Text::clipped(env!("CARGO_PKG_VERSION")) },
    });
    output.encoded(first.address(), &challenge);
    write(stream, output).await?;

    let second = next(stream, input).await?;
    let prove = match FromClient::decode(&second) {
        Ok(FromClient::Prove(prove)) => prove,
        Ok(_) => {
            return Err(Refusal::new(FaultCode::UnexpectedFrame, "A PROVE must follow the CHALLENGE.").into());
        }
        Err(error) => return Err(refusal(&error).into()),
    };
    let challenge = challenge.to_bytes();
    let transcript = Transcript { hello: &first.payload, challenge: &challenge, exporter: arrival.exporter.as_ref() };
    let known = if users.is_empty() {
        Known { identity: taken_at_its_word(hello.access_key_id), proof: None, user: None }
    } else {
        known(&users, hello.access_key_id, &prove, &transcript)?
    };
    let Known { identity, proof, user: key } = known;
    let caller = Caller {
        identity,
        region,
        region_source: RegionSource::Signature,
        source: arrival.source,
        transport: arrival.transport,
    };
    let account = caller.account().map(|account| account.to_string()).unwrap_or_default();
    let user = match &caller.identity {
        Identity::User { name, .. } if proof.is_some() => name.as_str(),
        Identity::User { .. } | Identity::Anonymous | Identity::Broker => "",
    };
    let advertised = shared.settings.advertised.as_slice().iter();
    let advertised: Vec<_> = advertised.map(|address| MemberAddress { address: Text::clipped(address) }).collect();
    let addresses = List::of(&advertised);
    let ready = Ready { proof, account: Text::clipped(&account), user: Text::clipped(user), addresses };
    output.frame(second.address(), &ready);
    write(stream, output).await?;
    input.release(first.payload.len() + second.payload.len());
    input.allow_long_frames();
    Ok(Proved { caller, user: key })
}

/// The trust that a client has before its proof.
pub(super) const STANDING: Standing = Standing::Unkeyed;

/// A client whose proof is right, and the broker's own proof.
struct Known {
    identity: Identity,
    proof: Option<Proof>,
    user: Option<Arc<User>>,
}

/// Checks a proof. The work is the same for an unknown access key, a missing proof and a wrong one.
fn known(users: &Users, access_key_id: Text<'_>, prove: &Prove, transcript: &Transcript<'_>) -> Result<Known, Refusal> {
    let known = users.of_key(access_key_id.as_str());
    let secret = known.map_or(UNKNOWN_SECRET, |user| user.secret_access_key.expose().as_bytes());
    let (expected, own) = (transcript.client_proof(secret), transcript.server_proof(secret));
    let given = prove.proof.unwrap_or(own);
    match (known, given == expected) {
        (Some(user), true) => {
            let User { account, name, permissions, .. } = &**user;
            let identity = Identity::User { account: *account, name: name.into(), permissions: *permissions };
            Ok(Known { identity, proof: Some(own), user: Some(Arc::clone(user)) })
        }
        (Some(_) | None, _) => {
            Err(Refusal::new(FaultCode::NotAuthenticated, "The access key is unknown or the proof is wrong."))
        }
    }
}

/// Without users an access key of twelve digits says the account, as it does over HTTP.
fn taken_at_its_word(access_key_id: Text<'_>) -> Identity {
    Identity::root(access_key_id.as_str().parse().unwrap_or(AccountId::DEFAULT))
}

/// The region that a client means.
fn region(hello: &Hello<'_>, default: &Region) -> Result<Region, Refusal> {
    match hello.region.non_empty() {
        None => Ok(default.clone()),
        Some(region) => region.parse().map_err(|_| {
            let sentence = "The name of a region has 1 to 32 lower-case letters, digits and hyphens.";
            Refusal::new(FaultCode::UnknownRegion, sentence)
        }),
    }
}

/// What is said of bytes that are no HELLO or no PROVE.
fn refusal(error: &DecodeError) -> Refusal {
    Refusal::from(error)
}

fn milliseconds(seconds: u64) -> u32 {
    u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX)
}

async fn next<S: AsyncRead + Unpin>(stream: &mut S, input: &mut Input) -> Result<Frame, InputEnd> {
    poll_fn(|cx| input.poll_frame(stream, cx)).await
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, output: &mut Output) -> Result<(), NoHello> {
    poll_fn(|cx| output.poll_write(stream, cx)).await.map_err(|_| NoHello::Gone)
}
