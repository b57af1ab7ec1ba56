//! The requests to an endpoint, byte for byte in both protocols, and the results of its responses.

use std::sync::Mutex;

use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use super::*;
use crate::target::{Delivery, Outgoing};

/// Path, action and body of each request.
type Asked = Arc<Mutex<Vec<(String, String, String)>>>;

/// The response to each action.
type Answers = &'static [(&'static str, &'static str)];

/// An endpoint that responds to each action from a table, and with an error to others, until the test's runtime ends.
async fn endpoint(protocol: &str, answers: Answers) -> (Arc<dyn Target>, Asked) {
    let (port, asked) = serve(answers).await;
    let address: Address = format!("sqs+http://127.0.0.1:{port}?protocol={protocol}").parse().expect("a URL");
    (address.open().expect("a target"), asked)
}

async fn serve(answers: Answers) -> (u16, Asked) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let asked = Asked::default();
    let record = Arc::clone(&asked);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a client");
            let record = Arc::clone(&record);
            let service = service_fn(move |request| answer(request, answers, Arc::clone(&record)));
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (port, asked)
}

async fn answer(
    request: hyper::Request<hyper::body::Incoming>,
    answers: Answers,
    asked: Asked,
) -> Result<hyper::Response<Full<bytes::Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let body = String::from_utf8(body.to_vec()).expect("UTF-8");
    let action = match parts.headers.get("x-amz-target") {
        Some(target) => target.to_str().expect("ASCII").trim_start_matches("AmazonSQS.").to_owned(),
        None => body.split(['=', '&']).nth(1).expect("an action").to_owned(),
    };
    let answer = answers.iter().find(|(known, _)| *known == action).map(|(_, answer)| answer.to_string());
    asked.lock().expect("unpoisoned").push((parts.uri.to_string(), action, body));
    let (status, body) = answer.map_or((400, String::new()), |answer| (200, answer));
    let mut response = hyper::Response::new(Full::new(body.into()));
    *response.status_mut() = hyper::StatusCode::from_u16(status).expect("a status");
    Ok(response)
}

fn layout(kind: Kind) -> Layout {
    Layout {
        prefix: "run".to_owned(),
        kind,
        batch: 2,
        visibility_timeout: Duration::from_millis(29_001),
        body_bytes_max: 256,
        body_bytes_mean: 256,
        receives: true,
    }
}

fn messages() -> Vec<Outgoing> {
    let message = |body: &str, sequence| Outgoing { body: body.to_owned(), stream: 3, sequence, lot: 0 };
    vec![message("a b", 7), message("c", 8)]
}

/// Removes and returns the requests since the last call.
fn taken(asked: &Asked) -> Vec<(String, String, String)> {
    std::mem::take(&mut *asked.lock().expect("unpoisoned"))
}

fn last(asked: &Asked) -> String {
    let (path, _, body) = taken(asked).pop().expect("asked");
    format!("{path} {body}")
}

const JSON: Answers = &[
    ("CreateQueue", r#"{"QueueUrl":"http://elsewhere:99/0/run"}"#),
    ("GetQueueUrl", r#"{"QueueUrl": "http://elsewhere:99/0/run"}"#),
    ("SendMessage", r#"{"MessageId":"m"}"#),
    ("SendMessageBatch", r#"{"Successful":[{"Id":"0"}],"Failed":[{"Id":"1","Code":"Full","Message":"no room"}]}"#),
    ("ReceiveMessage", r#"{"Messages":[{"ReceiptHandle":"r\/1","Body":"a b"},{"Body":"c","ReceiptHandle":"r2"}]}"#),
    ("DeleteMessage", ""),
    ("DeleteMessageBatch", r#"{"Successful":[{"Id":"0"},{"Id":"1"}]}"#),
    ("DeleteQueue", ""),
];

#[tokio::test]
async fn json_word_for_word() {
    let (target, asked) = endpoint("json", JSON).await;
    let fifo = layout(Kind::Fifo);
    target.prepare(&fifo).await.expect("prepared");
    let create = concat!(
        r#"/ {"QueueName":"run.fifo","Attributes":{"VisibilityTimeout":"30","FifoQueue":"true","#,
        r#""ContentBasedDeduplication":"false"}}"#
    );
    assert_eq!(sorted(&last(&asked)), sorted(create));

    let mut producer = target.producer(&fifo).await.expect("a producer");
    assert_eq!(producer.send(&messages()[..1]).await, Ok(vec![]));
    assert_eq!(
        last(&asked),
        r#"/ {"QueueUrl":"http://elsewhere:99/0/run","MessageBody":"a b","MessageGroupId":"3","MessageDeduplicationId":"3-7"}"#
    );
    let mut producer = target.producer(&layout(Kind::Delay(Duration::from_secs(5)))).await.expect("a producer");
    assert_eq!(producer.send(&messages()).await, Ok(vec![(1, "Full: no room".to_owned())]));
    assert_eq!(
        last(&asked),
        concat!(
            r#"/ {"QueueUrl":"http://elsewhere:99/0/run","Entries":[{"Id":"0","MessageBody":"a b","DelaySeconds":5},"#,
            r#"{"Id":"1","MessageBody":"c","DelaySeconds":5}]}"#
        )
    );

    let mut consumer = target.consumer(&layout(Kind::Queue), 0).await.expect("a consumer");
    let mut deliveries = Vec::new();
    consumer.receive(2, Duration::from_millis(1), &mut deliveries).await.expect("received");
    assert_eq!(
        last(&asked),
        r#"/ {"QueueUrl":"http://elsewhere:99/0/run","MaxNumberOfMessages":2,"WaitTimeSeconds":1}"#
    );
    assert_eq!(bodies(&deliveries), ["a b", "c"]);
    consumer.settle(&deliveries).await.expect("settled");
    assert_eq!(
        last(&asked),
        concat!(
            r#"/ {"QueueUrl":"http://elsewhere:99/0/run","Entries":[{"Id":"0","ReceiptHandle":"r\/1"},"#,
            r#"{"Id":"1","ReceiptHandle":"r2"}]}"#
        )
    );
    consumer.settle(&deliveries[..1]).await.expect("settled");
    assert_eq!(last(&asked), r#"/ {"QueueUrl":"http://elsewhere:99/0/run","ReceiptHandle":"r\/1"}"#);
    target.remove(&layout(Kind::Queue)).await.expect("removed");
    assert_eq!(last(&asked), r#"/ {"QueueUrl":"http://elsewhere:99/0/run"}"#);
}

const QUERY: Answers = &[
    ("CreateQueue", "<R><QueueUrl>http://elsewhere:99/0/run</QueueUrl></R>"),
    ("GetQueueUrl", "<R><QueueUrl>http://elsewhere:99/0/run</QueueUrl></R>"),
    ("SendMessage", "<R><MessageId>m</MessageId></R>"),
    (
        "SendMessageBatch",
        "<R><SendMessageBatchResultEntry><Id>0</Id></SendMessageBatchResultEntry>\
         <BatchResultErrorEntry><Id>1</Id><Code>Full</Code></BatchResultErrorEntry></R>",
    ),
    (
        "ReceiveMessage",
        "<R><Message><Body>a b</Body><ReceiptHandle>r/1&amp;</ReceiptHandle></Message>\
         <Message><ReceiptHandle>r2</ReceiptHandle><Body>c</Body></Message></R>",
    ),
    ("DeleteMessage", "<R></R>"),
    (
        "DeleteMessageBatch",
        "<R><DeleteMessageBatchResultEntry><Id>0</Id></DeleteMessageBatchResultEntry>\
         <BatchResultErrorEntry><Id>1</Id><Code>ReceiptHandleIsInvalid</Code></BatchResultErrorEntry></R>",
    ),
    ("DeleteQueue", "<R></R>"),
];

#[tokio::test]
async fn query_word_for_word() {
    const START: &str = "Version=2012-11-05&QueueUrl=http%3A%2F%2Felsewhere%3A99%2F0%2Frun";
    let (target, asked) = endpoint("query", QUERY).await;
    let queue = layout(Kind::Queue);
    target.prepare(&queue).await.expect("prepared");
    assert_eq!(
        sorted(&last(&asked)),
        sorted(
            "/ Action=CreateQueue&Version=2012-11-05&QueueName=run&Attribute.1.Name=VisibilityTimeout\
             &Attribute.1.Value=30"
        )
    );

    let mut producer = target.producer(&queue).await.expect("a producer");
    assert_eq!(producer.send(&messages()[..1]).await, Ok(vec![]));
    assert_eq!(last(&asked), format!("/0/run Action=SendMessage&{START}&MessageBody=a%20b"));
    assert_eq!(producer.send(&messages()).await, Ok(vec![(1, "Full".to_owned())]));
    let entry = |list: &str, number: u32| format!("&{list}BatchRequestEntry.{number}.");
    let [one, two] = [1, 2].map(|number| entry("SendMessage", number));
    assert_eq!(
        last(&asked),
        format!("/0/run Action=SendMessageBatch&{START}{one}Id=0{one}MessageBody=a%20b{two}Id=1{two}MessageBody=c")
    );

    let mut consumer = target.consumer(&queue, 0).await.expect("a consumer");
    let mut deliveries = Vec::new();
    consumer.receive(99, Duration::from_secs(99), &mut deliveries).await.expect("received");
    assert_eq!(last(&asked), format!("/0/run Action=ReceiveMessage&{START}&MaxNumberOfMessages=10&WaitTimeSeconds=20"));
    assert_eq!(bodies(&deliveries), ["a b", "c"]);
    let refused = consumer.settle(&deliveries).await;
    assert_eq!(refused, Err(Failure::Refused("ReceiptHandleIsInvalid".to_owned())));
    let [one, two] = [1, 2].map(|number| entry("DeleteMessage", number));
    assert_eq!(
        last(&asked),
        format!(
            "/0/run Action=DeleteMessageBatch&{START}{one}Id=0{one}ReceiptHandle=r%2F1%26{two}Id=1{two}ReceiptHandle=r2"
        )
    );
    consumer.settle(&deliveries[..1]).await.expect("settled");
    assert_eq!(last(&asked), format!("/0/run Action=DeleteMessage&{START}&ReceiptHandle=r%2F1%26"));
    target.remove(&queue).await.expect("removed");
    assert_eq!(last(&asked), format!("/0/run Action=DeleteQueue&{START}"));
}

#[tokio::test]
async fn what_an_endpoint_does_not_do_is_said() {
    let (target, _) = endpoint("json", &[("GetQueueUrl", "{}"), ("CreateQueue", r#"{"QueueUrl":"/run"}"#)]).await;
    let queue = layout(Kind::Queue);
    assert!(matches!(target.producer(&queue).await.err(), Some(Failure::Malformed(_))));
    assert!(matches!(target.prepare(&queue).await.err(), Some(Failure::Malformed(_))));
    let (target, _) = endpoint("json", &[]).await;
    assert_eq!(target.prepare(&queue).await, Err(Failure::Refused("HTTP status 400".to_owned())));
    assert!(target.remove(&queue).await.is_err());
}

#[test]
fn promises_are_made_within_limits() {
    let address: Address = "sqs+http://localhost:1".parse().expect("a URL");
    let target = address.open().expect("a target");
    let promise = |change: fn(&mut Layout)| {
        let mut layout = layout(Kind::Queue);
        change(&mut layout);
        target.promise(&layout).ok()
    };
    assert_eq!(promise(|_| ()), Some(Promise::AT_LEAST_ONCE));
    assert_eq!(promise(|layout| layout.kind = Kind::Fifo), Some(Promise::FIFO));
    assert_eq!(promise(|layout| layout.kind = Kind::Delay(DELAY_MAX)), Some(Promise::AT_LEAST_ONCE));
    assert_eq!(promise(|layout| layout.kind = Kind::Delay(DELAY_MAX + Duration::from_secs(1))), None);
    assert_eq!(promise(|layout| layout.kind = Kind::Delay(Duration::from_millis(1500))), None);
    assert_eq!(promise(|layout| layout.kind = Kind::Fanout { queues: 1, filtered: false }), None);
    assert_eq!(promise(|layout| layout.batch = 10), Some(Promise::AT_LEAST_ONCE));
    assert_eq!(promise(|layout| layout.batch = 11), None);
    let bytes = |layout: &mut Layout| layout.body_bytes_max = PAYLOAD_BYTES_MAX / 2;
    assert_eq!(promise(bytes), Some(Promise::AT_LEAST_ONCE));
    assert_eq!(promise(|layout| layout.body_bytes_max = PAYLOAD_BYTES_MAX / 2 + 1), None);
    assert_eq!(promise(|layout| layout.visibility_timeout = Duration::from_secs(43_201)), None);
    assert!(target.signature_seconds().is_some_and(|seconds| seconds > 0.0));
}

#[tokio::test]
async fn a_signed_request_is_a_text_for_others() {
    let (port, _) = serve(JSON).await;
    let address: Address = format!("sqs+http://KEY:secret@127.0.0.1:{port}").parse().expect("a URL");
    let text = signed_request(&address, "run", 3).await.expect("a request");
    let (headers, body) = text.split_once("\n\n").expect("an empty line");
    assert_eq!(body, "{\"QueueUrl\":\"http://elsewhere:99/0/run\",\"MessageBody\":\"xxx\"}\n");
    let headers: Vec<_> = headers.lines().map(|line| line.split_once(": ").expect("a header")).collect();
    let value = |wanted| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    assert_eq!(value("Host"), Some(format!("127.0.0.1:{port}").as_str()));
    assert_eq!(value("Content-Type"), Some("application/x-amz-json-1.0"));
    assert_eq!(value("X-Amz-Target"), Some("AmazonSQS.SendMessage"));
    assert!(value("X-Amz-Date").is_some_and(|date| date.len() == 16));
    assert!(value("Authorization").is_some_and(|text| text.starts_with("AWS4-HMAC-SHA256 Credential=KEY/")));
    assert_eq!(headers.len(), 5);
}

/// A text's parts, sorted, for bodies whose members have no order.
fn sorted(text: &str) -> Vec<&str> {
    let mut parts: Vec<_> = text.split([',', '&', '{', '}', ' ']).collect();
    parts.sort_unstable();
    parts
}

fn bodies(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| std::str::from_utf8(&delivery.body).expect("ASCII")).collect()
}
