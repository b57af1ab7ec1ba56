//! The audit log: who changed what, and who was refused. Events of the target `audit`.
//!
//! * A change is an event at `info`, whatever its outcome. Changes are what the operations of SQS and SNS do to queues, topics,
//!   subscriptions and the like, and what is done through the admin listener. Messages that are sent, received, deleted or
//!   published are none: they would be an event each.
//! * A refusal, for want of a right or of a valid signature, is an event at `info` for every operation. One address gets
//!   [`REFUSALS_MAX`] of them in [`WINDOW`]; the next event of it says how many were left out.
//! * Everything else is an event at `debug`.
//!
//! What is off costs one look at a flag for each request.

mod resource;

use core::fmt;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use posthouse_model::identity::user_arn;
use posthouse_model::{Action, Call, Identity};
use tracing::Level;

use resource::{Resource, is_change};

/// Refusals of one address that are logged in each window.
const REFUSALS_MAX: u32 = 10;
/// How long a window is.
const WINDOW: Duration = Duration::from_secs(10);
/// Addresses whose refusals are counted. Of more, refusals are not logged until a window is over.
const ADDRESSES_MAX: usize = 1024;

/// Writes the audit log. One for all listeners.
#[derive(Default)]
pub struct Audit {
    refusals: Mutex<HashMap<IpAddr, Window>>,
}

/// The refusals of one address.
struct Window {
    since: Instant,
    logged: u32,
    left_out: u64,
}

/// Who asks for what, kept while the request is under way.
pub struct Subject {
    action: Action,
    identity: Identity,
    resource: Option<Resource>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It was carried out.
    Done,
    /// It was refused for want of a right or of a valid signature, with this code.
    Refused(&'a str),
    /// It failed for another reason, with this code.
    Failed(&'a str),
}

/// What is known of a request, whatever it asked for.
pub struct Occasion<'a> {
    /// How it came.
    pub protocol: &'static str,
    /// The address of its client.
    pub peer: IpAddr,
    /// Its id, as the client knows it.
    pub request_id: &'a dyn fmt::Display,
    /// How long it took.
    pub elapsed: Duration,
}

impl Subject {
    /// The subject of a call; `None` while the audit log is off.
    #[must_use]
    pub fn of(call: &Call) -> Option<Self> {
        if !tracing::enabled!(target: "audit", Level::INFO) {
            return None;
        }
        let resource = Resource::of(&call.request);
        Some(Self { action: call.request.action(), identity: call.caller.identity.clone(), resource })
    }

    fn user(&self) -> String {
        match &self.identity {
            Identity::Anonymous => "anonymous".into(),
            Identity::Broker => "broker".into(),
            Identity::User { account, name, .. } => user_arn(*account, name),
        }
    }
}

impl Audit {
    /// Notes the end of a request that was understood.
    pub fn request(&self, subject: &Subject, outcome: Outcome<'_>, occasion: &Occasion<'_>) {
        let is_refused = matches!(outcome, Outcome::Refused(_));
        let level = if is_refused || is_change(subject.action) { Level::INFO } else { Level::DEBUG };
        if level == Level::DEBUG && !tracing::enabled!(target: "audit", Level::DEBUG) {
            return;
        }
        let resource = subject.resource.as_ref().map(ToString::to_string).unwrap_or_default();
        let noted = Noted { user: &subject.user(), action: subject.action.as_str(), resource: &resource, outcome };
        self.write(level, &noted, occasion);
    }

    /// Notes a request that was refused before it was understood: whose signature is wrong, or that has none.
    pub fn unknown(&self, action: &str, code: &str, occasion: &Occasion<'_>) {
        if tracing::enabled!(target: "audit", Level::INFO) {
            let noted = Noted { user: "unknown", action, resource: "", outcome: Outcome::Refused(code) };
            self.write(Level::INFO, &noted, occasion);
        }
    }

    /// Notes a request to the admin listener, which changes something or was refused. `user` is the access key that it
    /// names.
    pub fn admin(&self, (user, action, target): (&str, &str, &str), outcome: Outcome<'_>, occasion: &Occasion<'_>) {
        if tracing::enabled!(target: "audit", Level::INFO) {
            self.write(Level::INFO, &Noted { user, action, resource: target, outcome }, occasion);
        }
    }

    fn write(&self, level: Level, noted: &Noted<'_>, occasion: &Occasion<'_>) {
        let Noted { user, action, resource, outcome } = *noted;
        let Occasion { protocol, peer, request_id, elapsed } = occasion;
        let left_out = match outcome {
            Outcome::Refused(_) => match self.admit(*peer, Instant::now()) {
                Some(left_out) => left_out,
                None => return,
            },
            Outcome::Done | Outcome::Failed(_) => 0,
        };
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        let (outcome, code) = match outcome {
            Outcome::Done => ("done", "OK"),
            Outcome::Refused(code) => ("refused", code),
            Outcome::Failed(code) => ("failed", code),
        };
        macro_rules! event {
            ($level:ident) => {
                tracing::$level!(
                    target: "audit",
                    user, %peer, protocol, %request_id, action, resource, outcome, code, milliseconds, left_out
                )
            };
        }
        if level == Level::INFO { event!(info) } else { event!(debug) }
    }

    /// Whether a refusal of an address is logged: then how many of it were left out before. `None` if it is not.
    fn admit(&self, peer: IpAddr, now: Instant) -> Option<u64> {
        let mut windows = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if !windows.contains_key(&peer) && windows.len() >= ADDRESSES_MAX {
            windows.retain(|_, window| now.duration_since(window.since) < WINDOW);
            if windows.len() >= ADDRESSES_MAX {
                return None;
            }
        }
        let window = windows.entry(peer).or_insert(Window { since: now, logged: 0, left_out: 0 });
        if now.duration_since(window.since) >= WINDOW {
            (window.since, window.logged) = (now, 0);
        }
        if window.logged >= REFUSALS_MAX {
            window.left_out += 1;
            return None;
        }
        window.logged += 1;
        Some(core::mem::take(&mut window.left_out))
    }
}

/// What an event says of its request.
struct Noted<'a> {
    user: &'a str,
    action: &'a str,
    resource: &'a str,
    outcome: Outcome<'a>,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn refusals_of_an_address_are_bounded_and_counted() {
        let audit = Audit::default();
        let (start, one, other) = (Instant::now(), IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::BROADCAST));
        let admitted = (0..100).filter_map(|_| audit.admit(one, start)).count();
        assert_eq!(admitted, REFUSALS_MAX as usize);
        assert_eq!(audit.admit(other, start), Some(0), "another address has its own");
        assert_eq!(audit.admit(one, start + WINDOW), Some(90));
        assert_eq!(audit.admit(one, start + WINDOW), Some(0));
    }

    #[test]
    fn the_addresses_are_bounded() {
        let (audit, start) = (Audit::default(), Instant::now());
        let address = |number: u32| IpAddr::V4(Ipv4Addr::from_bits(number));
        let most = u32::try_from(ADDRESSES_MAX).expect("few");
        assert!((0..most).all(|number| audit.admit(address(number), start).is_some()));
        assert_eq!(audit.admit(address(most), start), None);
        assert_eq!(audit.admit(address(most), start + WINDOW), Some(0));
        assert_eq!(audit.refusals.lock().expect("not poisoned").len(), 1);
    }
}
