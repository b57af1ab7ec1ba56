//! `sns+http://[KEY:SECRET@]HOST:PORT`: topics of Posthouse, or of another server that has SNS and SQS at one address.
//!
//! Messages are received from SQS queues that are subscribed to the topic with raw delivery, by the consumers of the
//! SQS adapter. Calls to SNS are Query, the protocol of AWS's SNS, unless the URL says `?protocol=json`. Calls to SQS
//! are JSON.
//!
//! With `?queue=none` a run makes no subscriptions and measures publishing alone. With `&topic=NAME` it publishes to a
//! topic whose subscriptions the user has made. That topic is made if it does not exist, and is not removed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;

use super::Address;
use super::aws::{Endpoint, Protocol, Service, signature_seconds};
use super::sqs::{self, Receiver};
use crate::target::{Consumer, Failure, Kind, Layout, Producer, Promise, Target};

mod publish;
pub(super) mod setup;

use publish::Publisher;
use setup::Made;

/// Opens the target without connecting to it.
pub(super) fn open(address: &Address) -> Result<Arc<dyn Target>, Failure> {
    let [_, _, queue, topic] = address.parameters(["protocol", "region", "queue", "topic"])?;
    let subscribed = match (queue.as_deref(), topic) {
        (None, None) => Subscribed::Own,
        (Some("none"), None) => Subscribed::None,
        (Some("none"), Some(topic)) => Subscribed::Elsewhere(topic),
        (None, Some(_)) => {
            let why = "`topic` goes with `queue=none`: what else is subscribed to it would not be counted";
            return Err(Failure::Unsupported(format!("{address}: {why}")));
        }
        (Some(other), _) => return Err(Failure::Unsupported(format!("{address}: `queue={other}`; known is none"))),
    };
    let topics = Endpoint::from_address(&without_own_parameters(address), Service::Sns)?;
    let queues = Endpoint { service: Service::Sqs, protocol: Protocol::Json, ..topics.clone() };
    let endpoints = Endpoints { topics, queues };
    Ok(Arc::new(Sns { endpoints, subscribed, runs: Mutex::default(), signature_seconds: OnceLock::new() }))
}

/// The address without the parameters of this adapter.
fn without_own_parameters(address: &Address) -> Address {
    let mut url = address.url().clone();
    let own = |name: &str| matches!(name, "queue" | "topic");
    let rest: Vec<_> = address.url().query_pairs().filter(|(name, _)| !own(name)).collect();
    url.query_pairs_mut().clear().extend_pairs(rest);
    Address(url)
}

struct Sns {
    endpoints: Endpoints,
    subscribed: Subscribed,
    runs: Mutex<HashMap<String, Arc<Made>>>,
    signature_seconds: OnceLock<f64>,
}

/// The two services at the address.
struct Endpoints {
    topics: Endpoint,
    queues: Endpoint,
}

/// The subscriptions of the topic.
#[derive(Debug, PartialEq, Eq)]
enum Subscribed {
    /// Queues of the run.
    Own,
    /// No subscriptions.
    None,
    /// The subscriptions that the topic of this name already has.
    Elsewhere(String),
}

impl Sns {
    fn runs(&self) -> MutexGuard<'_, HashMap<String, Arc<Made>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, layout: &Layout) -> Result<Arc<Made>, Failure> {
        let run = self.runs().get(&layout.prefix).cloned();
        run.ok_or_else(|| Failure::Refused("the topic of this run has not been made".to_owned()))
    }
}

#[async_trait]
impl Target for Sns {
    fn promise(&self, layout: &Layout) -> Result<Promise, Failure> {
        let unsupported = |why: &str| Err(Failure::Unsupported(why.to_owned()));
        sqs::check_sizes(layout)?;
        if let Kind::Delay(_) = layout.kind {
            return unsupported("a topic delays nothing");
        }
        if let Subscribed::Elsewhere(topic) = &self.subscribed
            && topic.ends_with(".fifo") != (layout.kind == Kind::Fifo)
        {
            return unsupported("the names of FIFO topics, and of no others, end in `.fifo`");
        }
        match (&self.subscribed, layout.kind) {
            (Subscribed::None | Subscribed::Elsewhere(_), _) if layout.receives => {
                unsupported("with `queue=none` there is nothing to receive from")
            }
            (Subscribed::None | Subscribed::Elsewhere(_), _) => Ok(Promise::NONE),
            (Subscribed::Own, Kind::Fifo) => Ok(Promise::FIFO),
            (Subscribed::Own, _) => Ok(Promise::AT_LEAST_ONCE),
        }
    }

    async fn prepare(&self, layout: &Layout) -> Result<(), Failure> {
        let made = Arc::new(Made::default());
        // Inserted before anything is made, so that `remove` finds the parts if this fails.
        self.runs().insert(layout.prefix.clone(), Arc::clone(&made));
        setup::make(&self.endpoints, &self.subscribed, layout, &made).await
    }

    async fn producer(&self, layout: &Layout) -> Result<Box<dyn Producer>, Failure> {
        let topic_arn = self.run(layout)?.topic_arn()?;
        Ok(Box::new(Publisher::connect(&self.endpoints.topics, &topic_arn, layout.kind).await?))
    }

    async fn consumer(&self, layout: &Layout, destination: u32) -> Result<Box<dyn Consumer>, Failure> {
        let queue = setup::queue_name(layout, destination);
        Ok(Box::new(Receiver::connect(&self.endpoints.queues, &queue).await?))
    }

    async fn remove(&self, layout: &Layout) -> Result<(), Failure> {
        let made = self.runs().remove(&layout.prefix);
        match made {
            Some(made) => setup::unmake(&self.endpoints, &made).await,
            None => Ok(()),
        }
    }

    fn signature_seconds(&self) -> Option<f64> {
        Some(*self.signature_seconds.get_or_init(|| signature_seconds(&self.endpoints.topics)))
    }
}

#[cfg(test)]
mod tests;
