//! Makes topics, queues and subscriptions before a run and removes them after it, over several connections, because a
//! run may have thousands.
//!
//! Each is recorded as soon as the response arrives, so that `unmake` removes the parts of a set-up that failed. The
//! ARN of a queue is derived from that of the topic: with the other service and the queue's name.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Endpoints, Subscribed};
use crate::target::{Failure, Kind, Layout};
use crate::targets::aws::{Caller, Endpoint, Parameters};
use crate::targets::sqs::whole_seconds;

/// Connections of a set-up to each service, at most.
const CONNECTIONS_MAX: u32 = 16;
/// The default of a topic's largest message, and batch.
const TOPIC_BYTES_DEFAULT: usize = 256 * 1024;
/// The largest value that the attribute takes.
const TOPIC_BYTES_MAX: usize = 1024 * 1024;
/// The most bytes of a message beside its body: attribute, group and deduplication id.
const EXTRA_BYTES: usize = 256;

/// The parts of a run that were made.
#[derive(Default)]
pub(super) struct Made(Mutex<Parts>);

#[derive(Default)]
struct Parts {
    topic: Option<Topic>,
    subscription_arns: Vec<String>,
    queue_urls: Vec<String>,
}

struct Topic {
    arn: String,
    /// Whether the run made the topic, so that it is removed with the run.
    is_own_topic: bool,
}

impl Made {
    fn parts(&self) -> MutexGuard<'_, Parts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The topic's ARN.
    pub(super) fn topic_arn(&self) -> Result<String, Failure> {
        let arn = self.parts().topic.as_ref().map(|topic| topic.arn.clone());
        arn.ok_or_else(|| Failure::Refused("the topic of this run has not been made".to_owned()))
    }
}

/// Makes the topic, its queues and its subscriptions.
pub(super) async fn make(
    endpoints: &Endpoints,
    subscribed: &Subscribed,
    layout: &Layout,
    made: &Made,
) -> Result<(), Failure> {
    let mut topics = Caller::connect(&endpoints.topics).await?;
    let (name, is_own_topic) = match subscribed {
        Subscribed::Own | Subscribed::None => (topic_name(layout), true),
        Subscribed::Elsewhere(name) => (name.clone(), false),
    };
    let arn = topics.set_up("CreateTopic", &create_topic(&name, layout), "TopicArn").await?;
    let arn = present(arn, "TopicArn")?;
    made.parts().topic = Some(Topic { arn: arn.clone(), is_own_topic });
    drop(topics);
    if *subscribed != Subscribed::Own {
        return Ok(());
    }
    let queues = layout.kind.destinations();
    let next = AtomicU32::new(0);
    let workers = (0..queues.min(CONNECTIONS_MAX)).map(|_| async {
        let done = subscribe_queues(endpoints, layout, &arn, &next, made).await;
        if done.is_err() {
            // Ends the loops of the other connections.
            next.store(queues, Ordering::Relaxed);
        }
        done
    });
    join_all(workers).await.into_iter().collect()
}

/// Makes and subscribes queues over one connection until all are made.
async fn subscribe_queues(
    endpoints: &Endpoints,
    layout: &Layout,
    topic_arn: &str,
    next: &AtomicU32,
    made: &Made,
) -> Result<(), Failure> {
    let mut queues = Caller::connect(&endpoints.queues).await?;
    let mut topics = Caller::connect(&endpoints.topics).await?;
    loop {
        let destination = next.fetch_add(1, Ordering::Relaxed);
        if destination >= layout.kind.destinations() {
            return Ok(());
        }
        let name = queue_name(layout, destination);
        let queue_arn = queue_arn(topic_arn, &name)?;
        let attributes = create_queue(&name, &queue_arn, topic_arn, layout);
        let url = present(queues.set_up("CreateQueue", &attributes, "QueueUrl").await?, "QueueUrl")?;
        made.parts().queue_urls.push(url);
        let parameters = subscribe(topic_arn, &queue_arn, layout.kind, destination);
        let arn = present(topics.set_up("Subscribe", &parameters, "SubscriptionArn").await?, "SubscriptionArn")?;
        made.parts().subscription_arns.push(arn);
    }
}

/// Removes all parts. The first failure is returned after all were tried.
pub(super) async fn unmake(endpoints: &Endpoints, made: &Made) -> Result<(), Failure> {
    let Parts { topic, subscription_arns, queue_urls } = std::mem::take(&mut *made.parts());
    let subscriptions = remove_all(&endpoints.topics, "Unsubscribe", "SubscriptionArn", subscription_arns).await;
    let topic = topic.filter(|topic| topic.is_own_topic).map(|topic| topic.arn);
    let topics = remove_all(&endpoints.topics, "DeleteTopic", "TopicArn", Vec::from_iter(topic)).await;
    let queues = remove_all(&endpoints.queues, "DeleteQueue", "QueueUrl", queue_urls).await;
    subscriptions.and(topics).and(queues)
}

/// Calls `action` for each of `things`, which is the value of the member `name`.
async fn remove_all(endpoint: &Endpoint, action: &str, name: &str, things: Vec<String>) -> Result<(), Failure> {
    let connections = things.len().min(CONNECTIONS_MAX as usize);
    let left = Mutex::new(things);
    let left = &left;
    let workers = (0..connections).map(|_| async move {
        let mut caller = Caller::connect(endpoint).await?;
        let mut removed = Ok(());
        loop {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(thing) = next else { return removed };
            let parameters = Parameters::from_iter([(name.to_owned(), thing.into())]);
            match caller.set_up_if_there(action, &parameters, "").await {
                Err(failure) if failure.needs_new_connection() => return Err(failure),
                done => removed = removed.and(done.map(|_| ())),
            }
        }
    });
    join_all(workers).await.into_iter().collect()
}

/// The name of the run's topic.
pub(in crate::targets) fn topic_name(layout: &Layout) -> String {
    let suffix = if layout.kind == Kind::Fifo { ".fifo" } else { "" };
    format!("{}{suffix}", layout.prefix)
}

/// The name of a destination's queue.
pub(in crate::targets) fn queue_name(layout: &Layout, destination: u32) -> String {
    let suffix = if layout.kind == Kind::Fifo { ".fifo" } else { "" };
    format!("{}-{destination}{suffix}", layout.prefix)
}

/// The ARN of a queue in the account and region of the topic `arn:PARTITION:sns:REGION:ACCOUNT:TOPIC`.
pub(in crate::targets) fn queue_arn(topic_arn: &str, queue_name: &str) -> Result<String, Failure> {
    match topic_arn.split(':').collect::<Vec<_>>().as_slice() {
        ["arn", partition, "sns", region, account, _] => {
            Ok(format!("arn:{partition}:sqs:{region}:{account}:{queue_name}"))
        }
        _ => Err(Failure::Malformed(format!("`{topic_arn}` is not the ARN of a topic"))),
    }
}

/// The parameters of `CreateTopic`.
pub(in crate::targets) fn create_topic(name: &str, layout: &Layout) -> Parameters {
    let mut attributes = Parameters::new();
    if layout.kind == Kind::Fifo {
        attributes.insert("FifoTopic".to_owned(), "true".into());
    }
    if layout.batch.saturating_mul(layout.body_bytes_max + EXTRA_BYTES) > TOPIC_BYTES_DEFAULT {
        attributes.insert("MaximumMessageSize".to_owned(), TOPIC_BYTES_MAX.to_string().into());
    }
    let mut topic = parameters(json!({ "Name": name }));
    if !attributes.is_empty() {
        topic.insert("Attributes".to_owned(), attributes.into());
    }
    topic
}

/// The parameters of `CreateQueue` for a queue that is to be subscribed.
pub(in crate::targets) fn create_queue(name: &str, queue_arn: &str, topic_arn: &str, layout: &Layout) -> Parameters {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "sns.amazonaws.com" },
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
            "Condition": { "ArnEquals": { "aws:SourceArn": topic_arn } },
        }],
    });
    let mut attributes = parameters(json!({
        "Policy": policy.to_string(),
        "VisibilityTimeout": whole_seconds(layout.visibility_timeout).to_string(),
    }));
    if layout.kind == Kind::Fifo {
        attributes.insert("FifoQueue".to_owned(), "true".into());
    }
    parameters(json!({ "QueueName": name, "Attributes": attributes }))
}

/// The parameters of `Subscribe` for a destination's queue.
pub(in crate::targets) fn subscribe(topic_arn: &str, queue_arn: &str, kind: Kind, destination: u32) -> Parameters {
    let mut attributes = parameters(json!({ "RawMessageDelivery": "true" }));
    if let Kind::Fanout { filtered: true, .. } = kind {
        let policy = json!({ "lot": [destination.to_string()] });
        attributes.insert("FilterPolicy".to_owned(), policy.to_string().into());
    }
    parameters(json!({
        "TopicArn": topic_arn,
        "Protocol": "sqs",
        "Endpoint": queue_arn,
        "ReturnSubscriptionArn": true,
        "Attributes": attributes,
    }))
}

fn parameters(value: Value) -> Parameters {
    match value {
        Value::Object(parameters) => parameters,
        _ => unreachable!("parameters are written as an object"),
    }
}

fn present(member: String, name: &str) -> Result<String, Failure> {
    if member.is_empty() { Err(Failure::Malformed(format!("an answer without `{name}`"))) } else { Ok(member) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:run";

    fn layout(kind: Kind) -> Layout {
        Layout {
            prefix: "run".to_owned(),
            kind,
            batch: 10,
            visibility_timeout: Duration::from_secs(20),
            body_bytes_max: 1000,
            body_bytes_mean: 1000,
            receives: true,
        }
    }

    #[test]
    fn queues_have_the_arn_that_fits_their_topic() {
        assert_eq!(queue_arn(TOPIC, "run-3").unwrap(), "arn:aws:sqs:eu-west-1:123456789012:run-3");
        for arn in ["", "run", "arn:aws:sqs:eu-west-1:123456789012:run", "arn:aws:sns:eu-west-1:1:run:subscription"] {
            assert!(matches!(queue_arn(arn, "q"), Err(Failure::Malformed(_))), "{arn}");
        }
    }

    #[test]
    fn queues_let_their_topic_and_no_other_send() {
        let queue = create_queue("run-3", "arn:q", TOPIC, &layout(Kind::Queue));
        let attributes = &queue["Attributes"];
        let policy: Value = serde_json::from_str(attributes["Policy"].as_str().unwrap()).unwrap();
        let statement = &policy["Statement"][0];
        assert_eq!(statement["Condition"]["ArnEquals"]["aws:SourceArn"], TOPIC);
        assert_eq!(statement["Resource"], "arn:q");
        assert_eq!(statement["Principal"]["Service"], "sns.amazonaws.com");
        assert_eq!(attributes["VisibilityTimeout"], "20");
        assert_eq!(attributes.get("FifoQueue"), None);
        assert_eq!(create_queue("q.fifo", "", TOPIC, &layout(Kind::Fifo))["Attributes"]["FifoQueue"], "true");
    }

    #[test]
    fn subscriptions_are_raw_and_select_their_lot() {
        let plain = subscribe(TOPIC, "arn:q", Kind::Fanout { queues: 9, filtered: false }, 7);
        assert_eq!(plain["Attributes"], json!({ "RawMessageDelivery": "true" }));
        let filtered = subscribe(TOPIC, "arn:q", Kind::Fanout { queues: 9, filtered: true }, 7);
        assert_eq!(filtered["Attributes"]["FilterPolicy"], r#"{"lot":["7"]}"#);
    }

    #[test]
    fn topics_have_the_attributes_that_they_need() {
        assert_eq!(Value::from(create_topic("run", &layout(Kind::Queue))), json!({ "Name": "run" }));
        let fifo = Value::from(create_topic("run.fifo", &layout(Kind::Fifo)));
        assert_eq!(fifo, json!({ "Name": "run.fifo", "Attributes": { "FifoTopic": "true" } }));
        let large = Layout { body_bytes_max: 100_000, ..layout(Kind::Queue) };
        assert_eq!(create_topic("run", &large)["Attributes"], json!({ "MaximumMessageSize": "1048576" }));
    }

    #[test]
    fn fifo_names_end_as_sns_and_sqs_want() {
        assert_eq!(topic_name(&layout(Kind::Fifo)), "run.fifo");
        assert_eq!(queue_name(&layout(Kind::Fifo), 0), "run-0.fifo");
        assert_eq!(queue_name(&layout(Kind::Queue), 12), "run-12");
    }
}
