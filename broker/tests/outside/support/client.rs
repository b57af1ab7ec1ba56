//! A caller at a door: calls actions with the service model's JSON shapes, whatever the door makes of them.

use std::sync::Arc;

use serde_json::Value;

use super::door::{Door, Service};
use super::http::Pool;
use super::signature::Credentials;
use super::{Queue, Topic, unique};

/// An error that the service answered with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Refusal {
    pub status: u16,
    /// The code as SDKs show it: the Query code, also over JSON.
    pub code: String,
    pub message: String,
}

/// The code of a queue that is not there.
pub(crate) const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";
/// The code of most refused values.
pub(crate) const INVALID_VALUE: &str = "InvalidParameterValue";
/// The code of a parameter that is not there.
pub(crate) const MISSING: &str = "MissingParameter";

impl Refusal {
    /// Fails unless the code is `code` and the client is at fault.
    #[track_caller]
    pub(crate) fn expect(&self, code: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!((400..500).contains(&self.status), "a client's fault has a 4xx status: {self:?}");
        self
    }

    /// Fails unless the message has `part` in it.
    #[track_caller]
    pub(crate) fn saying(&self, part: &str) -> &Self {
        assert!(self.message.contains(part), "{part:?} is not in {self:?}");
        self
    }
}

/// A caller.
#[derive(Clone)]
pub(crate) struct Client {
    pub door: &'static dyn Door,
    pub server: Arc<Pool>,
    /// `None`: not signed.
    pub credentials: Option<Credentials>,
    /// Whose actions [`Client::call`] calls.
    pub service: Service,
}

impl Client {
    pub(crate) fn call(&self, action: &str, input: &Value) -> Result<Value, Refusal> {
        self.door.call(&self.server, self.credentials.as_ref(), self.service, action, input)
    }

    /// The answer of a call that must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, action: &str, input: &Value) -> Value {
        match self.call(action, input) {
            Ok(output) => output,
            Err(refusal) => panic!("{action} {} over {}: {refusal:?}", short(input), self.door.name()),
        }
    }

    /// The refusal of a call that must not succeed.
    #[track_caller]
    pub(crate) fn refused(&self, action: &str, input: &Value) -> Refusal {
        match self.call(action, input) {
            Ok(output) => panic!("{action} {} over {} was taken: {output}", short(input), self.door.name()),
            Err(refusal) => refusal,
        }
    }

    /// The same caller, of SNS's actions.
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

    /// Another caller at the same door, with a key of its own.
    pub(crate) fn with_key(&self, access_key_id: &str, secret: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret, "us-east-1");
        Self { credentials: Some(credentials), ..self.clone() }.of(self.service)
    }

    /// The same, unsigned.
    pub(crate) fn anonymous(&self) -> Self {
        Self { credentials: None, ..self.clone() }
    }

    /// A caller of an account that no other case uses, on a broker without users.
    pub(crate) fn in_own_account(&self) -> Self {
        self.with_key(&format!("77{:010}", unique()), "any")
    }

    /// The account of a caller whose access key id is one.
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
