//! SQS endpoints: Posthouse, ElasticMQ, LocalStack, moto and others.
//!
//! JSON calls are sent to `/`, Query calls to the path of the queue's URL, because some endpoints route by it. Host and
//! port are always those of the target's URL, not those of the queue's. Each worker looks its queue up by name, so that
//! the target holds no state.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use hyper::Uri;
use serde_json::json;
use url::Url;

use super::Address;
use super::aws::{Body, Caller, Endpoint, Head, Parameters, Protocol, Service, signature_seconds};
use crate::target::{Consumer, Failure, Kind, Layout, Producer, Promise, Target};

mod receiver;
mod sender;

pub(super) use receiver::Receiver;
use sender::Sender;

/// The most entries of a batch, sent, received or deleted.
pub(super) const BATCH_ENTRIES_MAX: usize = 10;
/// The most bytes of a message, and of a batch's bodies together.
pub(super) const PAYLOAD_BYTES_MAX: usize = 1024 * 1024;
const DELAY_MAX: Duration = Duration::from_secs(900);
const VISIBILITY_TIMEOUT_MAX: Duration = Duration::from_secs(43_200);

/// A queue of an endpoint.
pub(super) struct Queue {
    /// Its URL, which names it in calls.
    url: String,
    /// The path of calls about it.
    path: Uri,
}

struct Sqs {
    endpoint: Endpoint,
    signature_seconds: OnceLock<f64>,
}

pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let endpoint = Endpoint::from_address(address, Service::Sqs)?;
    Ok(Arc::new(Sqs { endpoint, signature_seconds: OnceLock::new() }))
}

#[async_trait]
impl Target for Sqs {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        check_sizes(layout)?;
        match layout.kind {
            Kind::Queue | Kind::Delay(_) => Ok(Promise::AT_LEAST_ONCE),
            Kind::Fifo => Ok(Promise::FIFO),
            Kind::Fanout { .. } => Err(Failure::Unsupported("SQS has no topics; `sns+http://` has".to_owned())),
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        let mut caller = Caller::connect(&self.endpoint).await?;
        create_queue(&mut caller, &queue_name(layout), layout).await?;
        Ok(())
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        Ok(Box::new(Sender::connect(&self.endpoint, &queue_name(layout), layout.kind).await?))
    }

    async fn consumer(&self, layout: &Layout, _: u32) -> Result<Box<dyn Consumer>, Failure> {
        Ok(Box::new(Receiver::connect(&self.endpoint, &queue_name(layout)).await?))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let mut caller = Caller::connect(&self.endpoint).await?;
        delete_queue(&mut caller, &queue_name(layout)).await
    }

    fn signature_seconds(&self) -> Option<f64> {
        Some(*self.signature_seconds.get_or_init(|| signature_seconds(&self.endpoint)))
    }
}

/// Refuses a layout that exceeds the limits of SQS, which are also those of SNS.
pub(super) fn check_sizes(layout: &Layout) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure::Unsupported(what));
    if layout.batch > BATCH_ENTRIES_MAX {
        return refuse(format!("a batch has at most {BATCH_ENTRIES_MAX} messages"));
    }
    if layout.batch.saturating_mul(layout.body_bytes_max) > PAYLOAD_BYTES_MAX {
        return refuse(format!("the bodies of a batch have at most {PAYLOAD_BYTES_MAX} bytes together"));
    }
    check_times(layout)
}

/// Refuses a layout whose times are none of SQS.
pub(super) fn check_times(layout: &Layout) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure::Unsupported(what));
    if layout.visibility_timeout > VISIBILITY_TIMEOUT_MAX {
        return refuse(format!("the visibility timeout is at most {} s", VISIBILITY_TIMEOUT_MAX.as_secs()));
    }
    match layout.kind {
        Kind::Delay(delay) if delay.subsec_nanos() != 0 || delay > DELAY_MAX => {
            refuse(format!("delays are whole seconds up to {} s", DELAY_MAX.as_secs()))
        }
        Kind::Queue | Kind::Fifo | Kind::Delay(_) | Kind::Fanout { .. } => Ok(()),
    }
}

fn queue_name(layout: &Layout) -> String {
    let suffix = if layout.kind == Kind::Fifo { ".fifo" } else { "" };
    format!("{}{suffix}", layout.prefix)
}

/// Makes a queue with the attributes of the layout.
pub(super) async fn create_queue(caller: &mut Caller, name: &str, layout: &Layout) -> Result<Queue, Failure> {
    Queue::at(caller.set_up("CreateQueue", &new_queue(name, layout), "QueueUrl").await?)
}

/// The parameters of `CreateQueue`.
pub(super) fn new_queue(name: &str, layout: &Layout) -> Parameters {
    let mut attributes = Parameters::new();
    attributes.insert("VisibilityTimeout".to_owned(), whole_seconds(layout.visibility_timeout).to_string().into());
    if layout.kind == Kind::Fifo {
        attributes.insert("FifoQueue".to_owned(), "true".into());
        attributes.insert("ContentBasedDeduplication".to_owned(), "false".into());
    }
    let mut parameters = named(name);
    parameters.insert("Attributes".to_owned(), attributes.into());
    parameters
}

/// Removes a queue, if it exists.
pub(super) async fn delete_queue(caller: &mut Caller, name: &str) -> Result<(), Failure> {
    let Some(url) = caller.set_up_if_there("GetQueueUrl", &named(name), "QueueUrl").await? else { return Ok(()) };
    let queue = Queue::at(url)?;
    let mut head = queue.head(caller.endpoint(), "DeleteQueue");
    let mut body = queue.body(caller.endpoint(), "DeleteQueue");
    caller.call_if_there(&mut head, body.finish()).await?;
    Ok(())
}

/// Looks up a queue that exists.
async fn find_queue(caller: &mut Caller, name: &str) -> Result<Queue, Failure> {
    Queue::at(caller.set_up("GetQueueUrl", &named(name), "QueueUrl").await?)
}

fn named(name: &str) -> Parameters {
    Parameters::from_iter([("QueueName".to_owned(), json!(name))])
}

/// The time in seconds, rounded up.
pub(super) fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

impl Queue {
    fn at(url: String) -> Result<Self, Failure> {
        let parsed = Url::parse(&url).map_err(|error| Failure::Malformed(format!("queue URL `{url}`: {error}")))?;
        let path = parsed.path().parse();
        let path = path.map_err(|error| Failure::Malformed(format!("the path of queue URL `{url}`: {error}")))?;
        Ok(Self { url, path })
    }

    fn head(&self, endpoint: &Endpoint, action: &str) -> Head {
        match endpoint.protocol {
            Protocol::Json => Head::new(endpoint, action, "/"),
            Protocol::Query => Head::at(endpoint, action, &self.path),
        }
    }

    fn body(&self, endpoint: &Endpoint, action: &str) -> Body {
        Body::new(endpoint, action, ("QueueUrl", &self.url), None)
    }
}

/// Makes `queue` if it does not exist, and returns one signed SendMessage of `body_bytes` to it, for load generators
/// that cannot sign: headers as lines of `Name: value`, an empty line and the body. AWS's servers accept a signature
/// for 15 minutes.
///
/// # Errors
///
/// The failures of [`Address::open`] and of connecting and calling the endpoint.
pub async fn signed_request(address: &Address, queue: &str, body_bytes: usize) -> Result<String, Failure> {
    let endpoint = Endpoint::from_address(address, Service::Sqs)?;
    let mut caller = Caller::connect(&endpoint).await?;
    let queue = Queue::at(caller.set_up("CreateQueue", &named(queue), "QueueUrl").await?)?;
    let mut head = Head::new(&endpoint, "SendMessage", "/");
    let mut body = queue.body(&endpoint, "SendMessage");
    let body = body.string("MessageBody", "x".repeat(body_bytes).as_bytes()).finish();
    let mut text = caller.signed_headers(&mut head, body);
    text.push_str(&format!("\n{}\n", String::from_utf8_lossy(body)));
    Ok(text)
}

#[cfg(test)]
mod tests;
