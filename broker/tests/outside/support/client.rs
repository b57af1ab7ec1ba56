//! A caller over one protocol. Inputs and outputs have the service model's JSON shapes over every protocol.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::http::Pool;
use super::peer::Peer;
use super::protocol::{Protocol, Service};
use super::signature::{Credentials, sign};
use super::{Queue, Topic, unique};

/// An error that the service answered with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub status: u16,
    /// The code as SDKs show it: the Query code, also over JSON.
    pub code: String,
    pub message: String,
}

/// The code for a queue that does not exist.
pub(crate) const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";
/// The code for most refused values.
pub(crate) const INVALID_VALUE: &str = "InvalidParameterValue";
/// The code for a required parameter that is missing.
pub(crate) const MISSING: &str = "MissingParameter";

impl Refusal {
    /// Fails unless the code is `code` and the client is at fault.
    #[track_caller]
    pub(crate) fn expect(&self, code: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!((400..500).contains(&self.status), "a client's fault has a 4xx status: {self:?}");
        self
    }

    /// Fails unless the message is `text`, word for word.
    #[track_caller]
    pub(crate) fn worded(&self, text: &str) -> &Self {
        assert_eq!(self.message, text, "{self:?}");
        self
    }

    /// Fails unless the message has `part` in it.
    #[track_caller]
    pub(crate) fn saying(&self, part: &str) -> &Self {
        assert!(self.message.contains(part), "{part:?} is not in {self:?}");
        self
    }
}

/// What calls are made over.
#[derive(Clone)]
pub(crate) enum Over {
    Http { protocol: &'static dyn Protocol, server: Arc<Pool> },
    Native { name: &'static str, peer: Arc<Peer> },
}

impl Over {
    /// The protocol's name in the names of cases.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Http { protocol, .. } => protocol.name(),
            Self::Native { name, .. } => name,
        }
    }
}

/// A caller with one protocol, one set of credentials and one service.
#[derive(Clone)]
pub(crate) struct Client {
    pub over: Over,
    /// `None` for a caller that does not sign.
    pub credentials: Option<Credentials>,
    /// The service that [`Client::call`] calls.
    pub service: Service,
}

impl Client {
    /// Calls an action. Panics if the answer is not well formed.
    #[track_caller]
    pub(crate) fn call(&self, action: &str, input: &Value) -> Result<Value, Refusal> {
        self.call_in_trace(None, action, input)
    }

    /// As [`Client::call`]. A trace is put into the header `X-Amzn-Trace-Id` after the request was signed, as a proxy
    /// does; only HTTP has headers.
    #[track_caller]
    pub(crate) fn call_in_trace(&self, trace: Option<&str>, action: &str, input: &Value) -> Result<Value, Refusal> {
        let (protocol, server) = match &self.over {
            Over::Http { protocol, server } => (protocol, server),
            Over::Native { peer, .. } => {
                assert_eq!(trace, None, "frames have no headers");
                return peer.call(self.credentials.as_ref(), self.service, action, input);
            }
        };
        let mut request = protocol.request(self.service, action, input);
        if let Some(credentials) = &self.credentials {
            sign(&mut request, credentials, SystemTime::now());
        }
        if let Some(trace) = trace {
            request = request.header("X-Amzn-Trace-Id", trace);
        }
        let response = server.exchange(&request);
        let response = response.unwrap_or_else(|error| panic!("{action} over {}: {error}", protocol.name()));
        protocol.answer(self.service, action, &response)
    }

    /// Moves a message that this caller received to its dead-letter queue. `false` where the protocol cannot.
    pub(crate) fn dead_letter(&self, handle: &str) -> bool {
        match &self.over {
            Over::Http { .. } => false,
            Over::Native { peer, .. } => {
                peer.dead_letter(handle);
                true
            }
        }
    }

    /// The answer of a call that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, action: &str, input: &Value) -> Value {
        match self.call(action, input) {
            Ok(output) => output,
            Err(refusal) => panic!("{action} {} over {}: {refusal:?}", short(input), self.over.name()),
        }
    }

    /// The refusal of a call that must not succeed.
    #[track_caller]
    pub(crate) fn refused(&self, action: &str, input: &Value) -> Refusal {
        match self.call(action, input) {
            Ok(output) => panic!("{action} {} over {} was taken: {output}", short(input), self.over.name()),
            Err(refusal) => refusal,
        }
    }

    /// The same caller, for the actions of SNS.
    pub(crate) fn sns(&self) -> Self {
        self.of(Service::Sns)
    }

    fn of(&self, service: Service) -> Self {
        let credentials = self.credentials.clone().map(|credentials| Credentials { service, ..credentials });
        Self { credentials, service, ..self.clone() }
    }

    /// The same, in another region.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        let credentials =
            self.credentials.clone().map(|credentials| Credentials { region: region.into(), ..credentials });
        Self { credentials, ..self.clone() }
    }

    /// Another caller over the same protocol, with its own key.
    pub(crate) fn with_key(&self, access_key_id: &str, secret: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret, "us-east-1");
        Self { credentials: Some(credentials), ..self.clone() }.of(self.service)
    }

    /// The same, unsigned.
    pub(crate) fn anonymous(&self) -> Self {
        Self { credentials: None, ..self.clone() }
    }

    /// A caller in an account that no other case uses, for a broker without users.
    pub(crate) fn in_own_account(&self) -> Self {
        self.with_key(&format!("77{:010}", unique()), "any")
    }

    /// The account of a caller whose access key id is an account number.
    #[track_caller]
    pub(crate) fn account(&self) -> &str {
        &self.credentials.as_ref().expect("a caller with a key").access_key_id
    }

    /// A new standard topic.
    #[track_caller]
    pub(crate) fn topic(&self) -> Topic {
        Topic::create(self, &format!("t-{}", unique()), &[])
    }

    /// A new FIFO topic.
    #[track_caller]
    pub(crate) fn fifo_topic(&self, attributes: &[(&str, &str)]) -> Topic {
        let mut all = vec![("FifoTopic", "true")];
        all.extend_from_slice(attributes);
        Topic::create(self, &format!("t-{}.fifo", unique()), &all)
    }

    /// A new standard queue with defaults.
    #[track_caller]
    pub(crate) fn queue(&self) -> Queue {
        self.queue_with(&[])
    }

    /// A new standard queue.
    #[track_caller]
    pub(crate) fn queue_with(&self, attributes: &[(&str, &str)]) -> Queue {
        Queue::create(self, &format!("q-{}", unique()), attributes)
    }

    /// A new FIFO queue.
    #[track_caller]
    pub(crate) fn fifo(&self, attributes: &[(&str, &str)]) -> Queue {
        let mut all = vec![("FifoQueue", "true")];
        all.extend_from_slice(attributes);
        Queue::create(self, &format!("q-{}.fifo", unique()), &all)
    }
}

fn short(input: &Value) -> String {
    let text = input.to_string();
    if text.len() > 300 {
        format!("{}… ({} bytes)", text.chars().take(300).collect::<String>(), text.len())
    } else {
        text
    }
}
