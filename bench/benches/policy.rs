//! The decision about one call: what a caller costs by the policies that bind it.
//!
//!     cargo bench -p posthouse-bench --bench policy
//!
//! The core loop decides about each request. A user without policies, on a queue whose policy denies nothing, must cost
//! a few nanoseconds, and a user with one policy of a few statements less than a microsecond.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use posthouse_model::{Action, Caller, Identity, QueueAddress, RegionSource, Service, Timestamp, Transport};
use posthouse_policy::{Detail, IdentityPolicy, Policy, PolicySet, Question, Resource, Standing, authorize};

/// Statements that allow sends to one queue, and say nothing of others.
const PRODUCER: &str = r#"{"Statement": [
    {"Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Resource": "arn:aws:sqs:*:111122223333:orders"},
    {"Effect": "Allow", "Action": "sns:Publish", "Resource": "arn:aws:sns:*:111122223333:order-events"}]}"#;

const EVERYTHING: &str = r#"{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}"#;

const VARIABLES: &str = r#"{"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:*:${aws:PrincipalAccount}:${aws:username}*",
    "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}}"#;

const PLAIN_DENIED: &str = r#"{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}}}}"#;

fn set(documents: &[&str]) -> PolicySet {
    let parse = |text: &&str| Arc::new(IdentityPolicy::parse(text).expect("valid"));
    PolicySet::new(documents.iter().map(parse).collect())
}

fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("policy/authorize");
    let queue: QueueAddress = "arn:aws:sqs:us-east-1:111122223333:orders".parse().expect("valid");
    let caller = Caller {
        identity: Identity::user(queue.account, "orders"),
        region: queue.region.clone(),
        region_source: RegionSource::Signature,
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        transport: Transport::Tls,
    };
    let question = Question {
        caller: &caller,
        action: Action::SendMessage,
        resource: Resource::Queue(&queue),
        tags: None,
        now: Timestamp::from_millis(1_700_000_000_000),
        detail: Detail::None,
    };
    let denying = Policy::parse(Service::Sqs, PLAIN_DENIED).expect("valid");
    let (producer, everything, variables) = (set(&[PRODUCER]), set(&[EVERYTHING]), set(&[VARIABLES]));
    let many = set(&[&[PRODUCER; 9][..], &[EVERYTHING]].concat());
    for (name, own, policy) in [
        ("a user without policies", None, None),
        ("a user without policies, a queue that denies", None, Some(&denying)),
        ("all is allowed", Some(&everything), None),
        ("a producer", Some(&producer), None),
        ("a producer, a queue that denies", Some(&producer), Some(&denying)),
        ("variables and a condition", Some(&variables), None),
        ("ten policies", Some(&many), None),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| authorize(black_box(Standing::Owner(own)), policy, black_box(&question)).expect("allowed"));
        });
    }
    group.finish();
}

criterion_group!(benches, decide);
criterion_main!(benches);
