//! Policy documents, of resources and of identities: parsed, and put to one call.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use posthouse_model::operation::Tags;
use posthouse_model::{Action, Caller, Identity, QueueAddress, RegionSource, Service, Timestamp, Transport};
use posthouse_policy::{Detail, IdentityPolicy, Policy, PolicySet, Question, Resource, Standing, authorize};

fuzz_target!(|text: &str| {
    let _ = Policy::parse(Service::Sns, text);
    let policy = Policy::parse(Service::Sqs, text).ok();
    let own = IdentityPolicy::parse(text).ok().map(|policy| PolicySet::new(vec![Arc::new(policy)]));
    let queue: QueueAddress = "arn:aws:sqs:us-east-1:111122223333:orders".parse().expect("valid");
    let caller = Caller {
        identity: Identity::user(queue.account, "ann"),
        region: queue.region.clone(),
        region_source: RegionSource::Signature,
        source: IpAddr::V4(Ipv4Addr::LOCALHOST),
        transport: Transport::Plain,
    };
    let tags = Tags::parse([("team", "shop*?${x}")]).expect("valid");
    let question = Question {
        caller: &caller,
        action: Action::SendMessage,
        resource: Resource::Queue(&queue),
        tags: Some(&tags),
        now: Timestamp::EPOCH,
        detail: Detail::Tags(&tags),
    };
    let _ = authorize(Standing::Owner(own.as_ref()), policy.as_ref(), &question);
    let _ = authorize(Standing::Other(own.as_ref()), policy.as_ref(), &question);
});
