//! A client of the native protocol, for the suites: blocking, over the frames of `posthouse-wire`, whose bytes its own
//! tests pin. It shares no code with the client library.
//!
//! [`Peer::call`] takes the calls of the AWS API. What the protocol has frames for goes through them: sends and publishes
//! through producers, receives through consumers with credit, deletes and changes of visibility through SETTLE. A call
//! that its frame cannot say (a parameter that is missing, of another type or out of its range) and every other action
//! goes through CALL.

mod certificate;
mod consumers;
mod messages;
mod producers;
mod session;
mod socket;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use posthouse_wire::{DeliveryNumber, Link, SettleRange, Verb};
use serde_json::{Value, json};

use super::client::Refusal;
use super::protocol::Service;
use super::signature::Credentials;
use consumers::Receive;
use producers::Outgoing;
use session::{Identity, Session};

pub(crate) use certificate::Certificate;
pub(crate) use socket::Transport;

/// What messages go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Through {
    /// Links, where frames can say what a call says.
    Links,
    /// Calls only.
    Calls,
}

/// The connections of one case to a broker.
pub(crate) struct Peer {
    address: SocketAddr,
    transport: Transport,
    through: Through,
    /// Connections that no call uses. SETTLE may.
    idle: Mutex<HashMap<Identity, Vec<Arc<Mutex<Session>>>>>,
    /// The deliveries that SETTLE can name, by their receipt handles.
    deliveries: Mutex<HashMap<String, Delivery>>,
}

#[derive(Clone)]
struct Delivery {
    queue: String,
    session: Arc<Mutex<Session>>,
    link: Link,
    number: DeliveryNumber,
}

impl Peer {
    pub(crate) fn new(address: SocketAddr, transport: Transport, through: Through) -> Self {
        Self { address, transport, through, idle: Mutex::default(), deliveries: Mutex::default() }
    }

    /// Calls an action.
    pub(crate) fn call(
        &self,
        credentials: Option<&Credentials>,
        service: Service,
        action: &str,
        input: &Value,
    ) -> Result<Value, Refusal> {
        if let Some(output) = self.settle(service, action, input) {
            return output;
        }
        let identity = Identity::of(credentials);
        let idle = lock(&self.idle).get_mut(&identity).and_then(Vec::pop);
        let session = match idle {
            Some(session) => session,
            None => Arc::new(Mutex::new(Session::open(self.address, &self.transport, &identity)?)),
        };
        let output = self.call_through(&session, service, action, input);
        lock(&self.idle).entry(identity).or_default().push(session);
        output
    }

    fn call_through(
        &self,
        session: &Arc<Mutex<Session>>,
        service: Service,
        action: &str,
        input: &Value,
    ) -> Result<Value, Refusal> {
        let mut open = lock(session);
        if self.through == Through::Calls {
            return open.call(service, action, input);
        }
        if let Some(outgoing) = Outgoing::of(service, action, input) {
            return outgoing.send(&mut open);
        }
        let receive = Receive::of(input).filter(|_| (service, action) == (Service::Sqs, "ReceiveMessage"));
        let received = receive.map(|receive| receive.run(&mut open)).transpose()?.flatten();
        let Some(received) = received else { return open.call(service, action, input) };
        self.forget(session, &consumers::close_oldest(&mut open));
        let queue = input["QueueUrl"].as_str().expect("a receive names its queue");
        let messages = received.into_iter().map(|received| {
            if let Some((link, number)) = received.delivery {
                let handle = received.message["ReceiptHandle"].as_str().expect("a handle").to_owned();
                let delivery = Delivery { queue: queue.into(), session: Arc::clone(session), link, number };
                lock(&self.deliveries).insert(handle, delivery);
            }
            received.message
        });
        Ok(json!({ "Messages": messages.collect::<Vec<_>>() }))
    }

    /// Settles the deliveries that a call names by their handles. `None` where it is no such call, or where one of them
    /// is no delivery of an open link.
    fn settle(&self, service: Service, action: &str, input: &Value) -> Option<Result<Value, Refusal>> {
        let verb = |input: &Value| match action {
            "DeleteMessage" | "DeleteMessageBatch" => Some(Verb::Delete),
            "ChangeMessageVisibility" | "ChangeMessageVisibilityBatch" => {
                let seconds = input["VisibilityTimeout"].as_u64().filter(|seconds| *seconds <= 43_200)?;
                let seconds = u32::try_from(seconds).ok()?;
                Some(if seconds == 0 { Verb::Release { seconds } } else { Verb::Extend { seconds } })
            }
            _ => None,
        };
        let inputs = match (service, action.ends_with("Batch")) {
            (Service::Sqs, false) => std::slice::from_ref(input),
            (Service::Sqs, true) => input["Entries"].as_array()?,
            (Service::Sns, _) => return None,
        };
        let queue = input["QueueUrl"].as_str()?;
        let mut ranges = Vec::new();
        let mut handles = Vec::new();
        let mut at: Option<Delivery> = None;
        for input in inputs {
            let handle = input["ReceiptHandle"].as_str()?;
            let delivery = lock(&self.deliveries).get(handle).filter(|delivery| delivery.queue == queue).cloned()?;
            let link = at.get_or_insert_with(|| delivery.clone()).link;
            let is_same_link = Arc::ptr_eq(&delivery.session, &at.as_ref()?.session) && delivery.link == link;
            let has_id = !action.ends_with("Batch") || input["Id"].as_str().is_some_and(is_entry_id);
            if !is_same_link || !has_id || handles.contains(&handle) {
                return None;
            }
            ranges.push(SettleRange { verb: verb(input)?, first: delivery.number, count: 1 });
            handles.push(handle);
        }
        let Delivery { session, link, .. } = at?;
        // A connection that is in use waits for a message, perhaps for the one that is settled here.
        let mut session = match session.try_lock() {
            Ok(session) => session,
            Err(TryLockError::WouldBlock) => return None,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        };
        let exceptions = match consumers::settle(&mut session, link, &ranges) {
            Ok(exceptions) => exceptions,
            Err(refusal) => return Some(Err(refusal)),
        };
        for (range, handle) in ranges.iter().zip(&handles) {
            if !matches!(range.verb, Verb::Extend { .. }) {
                lock(&self.deliveries).remove(*handle);
            }
        }
        if !exceptions.is_empty() {
            // The call says what SQS says of it; what was settled is settled again.
            return None;
        }
        let results: Vec<Value> = inputs.iter().map(|input| json!({ "Id": input["Id"] })).collect();
        Some(Ok(if action.ends_with("Batch") { json!({ "Successful": results, "Failed": [] }) } else { json!({}) }))
    }

    /// Moves a delivery to its queue's dead-letter queue.
    pub(crate) fn dead_letter(&self, handle: &str) {
        let delivery = lock(&self.deliveries).remove(handle).expect("a delivery whose link is open");
        let range = SettleRange { verb: Verb::DeadLetter, first: delivery.number, count: 1 };
        let exceptions = consumers::settle(&mut lock(&delivery.session), delivery.link, &[range]);
        assert_eq!(exceptions.as_deref(), Ok(&[][..]));
    }

    /// The links are closed: their deliveries can be settled by their handles only.
    fn forget(&self, session: &Arc<Mutex<Session>>, links: &[Link]) {
        lock(&self.deliveries)
            .retain(|_, delivery| !Arc::ptr_eq(&delivery.session, session) || !links.contains(&delivery.link));
    }
}

/// Whether an entry of a batch may have this id.
fn is_entry_id(id: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=80).contains(&id.len()) && id.bytes().all(is_allowed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
