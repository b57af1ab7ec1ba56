//! What the fuzz targets share: a codec, and a request pushed through it.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::request::Parts;
use posthouse_aws::envelope::Signer;
use posthouse_aws::{Access, AllowedHosts, Arrival, Aws, Options, RequestId};
use posthouse_model::{AccountId, Action, Credential, HandleKey, Keys, Permissions, Service, Timestamp, Transport};

/// One user, so that signatures are verified up to their last byte.
struct OneUser;

impl Keys for OneUser {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        (access_key_id == "AKIDEXAMPLE").then_some(Credential {
            secret: "secret",
            account: AccountId::DEFAULT,
            user: "alice",
            permissions: Permissions::Full,
        })
    }
}

/// Who is let in without users, and who with one.
pub fn open() -> Access {
    Access::Open
}

/// Verifies signatures of `AKIDEXAMPLE`.
pub fn secured() -> Access {
    Access::Secured(Box::new(OneUser))
}

/// The action of a service that a byte chooses.
fn action(service: Service, choice: u8) -> Action {
    let actions: Vec<Action> = Action::ALL.iter().copied().filter(|action| action.service() == service).collect();
    actions[usize::from(choice) % actions.len()]
}

/// A JSON body of one of a service's actions: the first byte chooses which.
pub fn decode_json(service: Service, input: &[u8]) {
    let Some((first, body)) = input.split_first() else { return };
    let action = action(service, *first);
    let prefix = if service == Service::Sns { "AmazonSNS" } else { "AmazonSQS" };
    let request = http::Request::post("/")
        .header("host", "h")
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("{prefix}.{action}"))
        .body(())
        .expect("a valid request");
    decode(open(), &request.into_parts().0, body);
}

/// A form of one of a service's actions: the first byte chooses which.
pub fn decode_query(service: Service, input: &[u8]) {
    let Some((first, form)) = input.split_first() else { return };
    let action = action(service, *first);
    let version = if service == Service::Sns { "2010-03-31" } else { "2012-11-05" };
    let request = http::Request::post("/").header("host", "h").body(()).expect("a valid request");
    let body = [format!("Action={action}&Version={version}&").as_bytes(), form].concat();
    decode(open(), &request.into_parts().0, &body);
}

/// Decodes a request; only a panic is a finding.
pub fn decode(access: Access, parts: &Parts, body: &[u8]) {
    let aws = Aws::new(Options {
        access,
        default_region: "us-east-1".parse().expect("valid"),
        public_url: None,
        handle_key: HandleKey::new([1; 16]),
        signer: Signer::awaiting(),
        allowed_hosts: AllowedHosts::default(),
    });
    let arrival = Arrival {
        now: Timestamp::from_millis(1_440_938_160_000),
        source: Ipv4Addr::LOCALHOST.into(),
        transport: Transport::Plain,
        request_id: RequestId::from_random([2; 16]),
    };
    let Ok(head) = aws.look(parts, &arrival) else { return };
    let _ = aws.decode(&head, &Bytes::copy_from_slice(body), &arrival, &mut || [3; 16]);
}
