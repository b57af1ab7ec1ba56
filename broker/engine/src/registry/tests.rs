//! The order of entries, and iteration from any key.

use posthouse_model::{ApplicationChanges, EndpointChanges, EndpointId, SmsAttributeChanges};

use super::*;

fn application(name: &str) -> ApplicationAddress {
    format!("arn:aws:sns:r:000000000001:app/GCM/{name}").parse().expect("valid")
}

fn endpoint(name: &str, id: u8) -> EndpointAddress {
    EndpointAddress { application: application(name), id: EndpointId::from_bytes([id; 16]) }
}

fn device(token: &str) -> EndpointAttributes {
    let given = EndpointChanges::parse(Platform::Gcm, [("Token", token)]).expect("valid");
    EndpointAttributes::new(Platform::Gcm, &given).expect("valid")
}

fn owner(account: u64) -> Owner {
    Owner { region: "r".parse().expect("valid"), account: AccountId::from_number(account).expect("valid") }
}

fn number(last: u8) -> PhoneNumber {
    format!("+1234567{last}").parse().expect("valid")
}

fn key(credential: &str) -> ApplicationAttributes {
    let given = ApplicationChanges::parse(Platform::Gcm, [("PlatformCredential", credential)]).expect("valid");
    ApplicationAttributes::new(Platform::Gcm, &given).expect("valid")
}

fn preferences() -> SmsAttributes {
    SmsAttributes::default().with(&SmsAttributeChanges::parse([("DefaultSenderID", "Shop")]).expect("valid"))
}

/// At least one entry of each kind, in the order of their keys.
fn entries() -> Vec<Entry> {
    let consent = Consent { opted_out: true, opted_in: None };
    vec![
        Entry::Application(application("a"), key("a")),
        Entry::Endpoint(endpoint("a", 1), device("t1")),
        Entry::Endpoint(endpoint("a", 2), device("t2")),
        Entry::Application(application("b"), key("b")),
        Entry::Application(application("c"), key("a")),
        Entry::Endpoint(endpoint("c", 1), device("t1")),
        Entry::SmsAttributes(owner(1), preferences()),
        Entry::PhoneNumber(owner(1), number(1), consent),
        Entry::PhoneNumber(owner(1), number(2), consent),
        Entry::SandboxNumber(owner(1), number(1), Verification::Verified),
        Entry::PhoneNumber(owner(2), number(1), consent),
        Entry::SandboxNumber(owner(3), number(3), Verification::Pending("12345".parse().expect("digits"))),
        Entry::SandboxNumber(owner(3), number(4), Verification::Verified),
        Entry::SmsAttributes(owner(4), preferences()),
    ]
}

fn filled() -> Registry {
    let mut registry = Registry::default();
    for entry in entries() {
        assert_eq!(registry.set(&entry), Ok(true));
    }
    registry
}

#[test]
fn entries_are_in_order_from_anywhere() {
    let (registry, all) = (filled(), entries());
    assert_eq!(registry.entries(None).collect::<Vec<_>>(), all);
    for (index, entry) in all.iter().enumerate() {
        let rest: Vec<_> = registry.entries(Some(&entry.key())).collect();
        assert_eq!(rest, all[index + 1..], "behind {:?}", entry.key());
    }
}

#[test]
fn entries_after_a_deleted_key_continue_at_its_place() {
    for (index, deleted) in entries().into_iter().enumerate() {
        let mut registry = filled();
        assert!(!matches!(registry.delete(&deleted.key()), Removal::Absent));
        assert!(matches!(registry.delete(&deleted.key()), Removal::Absent), "deleted twice: {:?}", deleted.key());
        let is_within = |entry: &Entry| match (entry, &deleted) {
            (Entry::Endpoint(endpoint, _), Entry::Application(application, _)) => endpoint.application == *application,
            _ => false,
        };
        let rest = entries().into_iter().skip(index + 1).filter(|entry| !is_within(entry));
        assert_eq!(registry.entries(Some(&deleted.key())).collect::<Vec<_>>(), rest.collect::<Vec<_>>());
    }
}

#[test]
fn setting_is_idempotent() {
    let mut registry = filled();
    for entry in entries() {
        assert_eq!(registry.set(&entry), Ok(true));
    }
    assert_eq!(registry.entries(None).collect::<Vec<_>>(), entries());
}

#[test]
fn a_token_has_one_endpoint() {
    let mut registry = filled();
    let mut set = |address: EndpointAddress, token: &str| registry.set(&Entry::Endpoint(address, device(token)));
    assert!(set(endpoint("a", 2), "t1").is_err(), "another has it");
    assert_eq!(set(endpoint("a", 2), "t3"), Ok(true));
    assert_eq!(set(endpoint("a", 1), "t2"), Ok(true), "free by now");
    assert_eq!(set(endpoint("a", 3), "t1"), Ok(true), "free by now");
    assert_eq!(set(endpoint("none", 1), "t1"), Ok(false), "no such application");
    let application = registry.application(&application("a")).expect("it is there");
    for (token, id) in [("t1", 3), ("t2", 1), ("t3", 2)] {
        assert_eq!(application.with_token(token), Some(EndpointId::from_bytes([id; 16])), "{token}");
    }
}
