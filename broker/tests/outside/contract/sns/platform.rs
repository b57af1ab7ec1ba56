//! Platform applications and endpoints, as their attributes show them. The suite `push` has the posts to the gateway.

use serde_json::{Value, json};

use super::{INVALID, NOT_FOUND, pages};
use crate::support::{Client, unique};

super::cases! {
    an_application_is_created_shown_and_deleted,
    creating_an_application_again_gives_the_same,
    applications_are_checked,
    applications_are_listed_page_by_page,
    credentials_are_not_shown,
    an_endpoint_is_created_shown_and_deleted,
    a_token_has_one_endpoint,
    endpoints_are_checked,
    endpoints_are_listed_page_by_page,
    deleting_an_application_deletes_its_endpoints,
    a_disabled_endpoint_takes_nothing,
    an_endpoint_may_subscribe,
}

/// A new application; its ARN.
fn application(client: &Client) -> String {
    let input = json!({ "Name": format!("a-{}", unique()), "Platform": "GCM", "Attributes": { "PlatformCredential": "secret" } });
    let output = client.sns().ok("CreatePlatformApplication", &input);
    output["PlatformApplicationArn"].as_str().expect("an ARN").to_owned()
}

/// A new endpoint of an application; its ARN.
fn endpoint(client: &Client, application: &str, token: &str) -> String {
    let input = json!({ "PlatformApplicationArn": application, "Token": token });
    let output = client.sns().ok("CreatePlatformEndpoint", &input);
    output["EndpointArn"].as_str().expect("an ARN").to_owned()
}

fn attributes_of(client: &Client, endpoint: &str) -> Value {
    client.sns().ok("GetEndpointAttributes", &json!({ "EndpointArn": endpoint }))["Attributes"].clone()
}

fn an_application_is_created_shown_and_deleted(client: &Client) {
    let arn = application(client);
    assert!(arn.starts_with("arn:aws:sns:us-east-1:000000000000:app/GCM/a-"), "{arn}");
    let of = json!({ "PlatformApplicationArn": arn });
    let attributes = || client.sns().ok("GetPlatformApplicationAttributes", &of)["Attributes"].clone();
    assert_eq!(attributes()["Enabled"], json!("true"));
    let topic = client.topic();
    let set = json!({ "PlatformApplicationArn": arn, "Attributes": { "EventEndpointCreated": topic.arn } });
    client.sns().ok("SetPlatformApplicationAttributes", &set);
    assert_eq!(attributes()["EventEndpointCreated"], json!(topic.arn));
    for _ in 0..2 {
        client.sns().ok("DeletePlatformApplication", &of);
    }
    client.sns().refused("GetPlatformApplicationAttributes", &of).expect(NOT_FOUND);
    client.sns().refused("SetPlatformApplicationAttributes", &set).expect(NOT_FOUND);
    let create = json!({ "PlatformApplicationArn": arn, "Token": "t" });
    client.sns().refused("CreatePlatformEndpoint", &create).expect(NOT_FOUND);
}

fn creating_an_application_again_gives_the_same(client: &Client) {
    let input =
        json!({ "Name": format!("a-{}", unique()), "Platform": "GCM", "Attributes": { "PlatformCredential": "s" } });
    let first = client.sns().ok("CreatePlatformApplication", &input);
    assert_eq!(client.sns().ok("CreatePlatformApplication", &input), first);
}

fn applications_are_checked(client: &Client) {
    let long = "n".repeat(257);
    let credential = json!({ "PlatformCredential": "s" });
    for (name, platform, attributes) in [
        ("a", "PAGER", credential.clone()),
        ("a b", "GCM", credential.clone()),
        ("", "GCM", credential.clone()),
        (&long, "GCM", credential.clone()),
        ("a", "GCM", json!({})),
        ("a", "GCM", json!({ "PlatformCredential": "" })),
        ("a", "GCM", json!({ "PlatformCredential": "s", "Colour": "red" })),
        ("a", "GCM", json!({ "PlatformCredential": "s", "SuccessFeedbackSampleRate": "101" })),
    ] {
        let input = json!({ "Name": name, "Platform": platform, "Attributes": attributes });
        let refusal = client.sns().refused("CreatePlatformApplication", &input);
        // A form cannot express an empty map. The map is missing instead.
        let codes = [INVALID, "ValidationError"];
        assert!(codes.contains(&refusal.code.as_str()) && refusal.status == 400, "{input}: {refusal:?}");
    }
    for arn in ["x", "arn:aws:sns:us-east-1:000000000000:app/GCM", "arn:aws:sns:us-east-1:000000000000:topic"] {
        for action in ["GetPlatformApplicationAttributes", "DeletePlatformApplication"] {
            client.sns().refused(action, &json!({ "PlatformApplicationArn": arn })).expect(INVALID);
        }
    }
}

fn applications_are_listed_page_by_page(client: &Client) {
    let client = client.in_own_account();
    let mut made: Vec<String> = (0..101).map(|_| application(&client)).collect();
    let (items, sizes) = pages(&client, "ListPlatformApplications", &json!({}), "PlatformApplications");
    let mut arns: Vec<String> =
        items.iter().map(|item| item["PlatformApplicationArn"].as_str().expect("an ARN").to_owned()).collect();
    made.sort();
    arns.sort();
    assert_eq!((arns, sizes), (made, vec![100, 1]));
    assert_eq!(items[0]["Attributes"]["Enabled"], json!("true"));
    client.sns().refused("ListPlatformApplications", &json!({ "NextToken": "not a token" })).expect(INVALID);
}

fn credentials_are_not_shown(client: &Client) {
    let client = client.in_own_account();
    let arn = application(&client);
    let shown = client.sns().ok("GetPlatformApplicationAttributes", &json!({ "PlatformApplicationArn": arn }));
    let listed = client.sns().ok("ListPlatformApplications", &json!({}));
    assert!(!shown.to_string().contains("secret") && !listed.to_string().contains("secret"), "{shown} {listed}");
}

fn an_endpoint_is_created_shown_and_deleted(client: &Client) {
    let application = application(client);
    let input = json!({
        "PlatformApplicationArn": application, "Token": "device-1", "CustomUserData": "ü & <b>",
    });
    let arn = client.sns().ok("CreatePlatformEndpoint", &input)["EndpointArn"].as_str().expect("an ARN").to_owned();
    assert!(arn.starts_with(&application.replace(":app/", ":endpoint/")), "{arn}");
    let expected = json!({ "Enabled": "true", "Token": "device-1", "CustomUserData": "ü & <b>" });
    assert_eq!(attributes_of(client, &arn), expected);
    let set = json!({ "EndpointArn": arn, "Attributes": { "Token": "device-2", "Enabled": "false" } });
    client.sns().ok("SetEndpointAttributes", &set);
    let expected = json!({ "Enabled": "false", "Token": "device-2", "CustomUserData": "ü & <b>" });
    assert_eq!(attributes_of(client, &arn), expected);
    for _ in 0..2 {
        client.sns().ok("DeleteEndpoint", &json!({ "EndpointArn": arn }));
    }
    client.sns().refused("GetEndpointAttributes", &json!({ "EndpointArn": arn })).expect(NOT_FOUND);
    client.sns().refused("SetEndpointAttributes", &set).expect(NOT_FOUND);
}

fn a_token_has_one_endpoint(client: &Client) {
    let application = application(client);
    let arn = endpoint(client, &application, "device");
    assert_eq!(endpoint(client, &application, "device"), arn);
    assert_ne!(endpoint(client, &application, "another"), arn);
    let other = json!({ "PlatformApplicationArn": application, "Token": "device", "CustomUserData": "other" });
    let refusal = client.sns().refused("CreatePlatformEndpoint", &other);
    refusal.expect(INVALID).saying("already exists with the same Token, but different attributes");
}

fn endpoints_are_checked(client: &Client) {
    let application = application(client);
    let long = "u".repeat(2049);
    for (token, attributes) in [
        ("", json!({})),
        ("t", json!({ "Colour": "red" })),
        ("t", json!({ "Enabled": "perhaps" })),
        ("t", json!({ "CustomUserData": long })),
    ] {
        let input = json!({ "PlatformApplicationArn": application, "Token": token, "Attributes": attributes });
        let refusal = client.sns().refused("CreatePlatformEndpoint", &input);
        assert_eq!(refusal.code, INVALID, "{token} {attributes}: {refusal:?}");
    }
    for arn in ["x", &application, "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/not-a-uuid"] {
        client.sns().refused("GetEndpointAttributes", &json!({ "EndpointArn": arn })).expect(INVALID);
    }
}

fn endpoints_are_listed_page_by_page(client: &Client) {
    let application = application(client);
    let mut made: Vec<String> = (0..101).map(|n| endpoint(client, &application, &format!("device-{n}"))).collect();
    let input = json!({ "PlatformApplicationArn": application });
    let (items, sizes) = pages(client, "ListEndpointsByPlatformApplication", &input, "Endpoints");
    let mut arns: Vec<String> =
        items.iter().map(|item| item["EndpointArn"].as_str().expect("an ARN").to_owned()).collect();
    made.sort();
    arns.sort();
    assert_eq!((arns, sizes), (made, vec![100, 1]));
    assert_eq!(items[0]["Attributes"]["Enabled"], json!("true"));
}

fn deleting_an_application_deletes_its_endpoints(client: &Client) {
    let application = application(client);
    let arn = endpoint(client, &application, "device");
    client.sns().ok("DeletePlatformApplication", &json!({ "PlatformApplicationArn": application }));
    client.sns().refused("GetEndpointAttributes", &json!({ "EndpointArn": arn })).expect(NOT_FOUND);
    let input = json!({ "PlatformApplicationArn": application });
    client.sns().refused("ListEndpointsByPlatformApplication", &input).expect(NOT_FOUND);
}

fn a_disabled_endpoint_takes_nothing(client: &Client) {
    let arn = endpoint(client, &application(client), "device");
    let publish = json!({ "TargetArn": arn, "Message": "m" });
    assert!(client.sns().ok("Publish", &publish)["MessageId"].is_string());
    client.sns().ok("SetEndpointAttributes", &json!({ "EndpointArn": arn, "Attributes": { "Enabled": "false" } }));
    client.sns().refused("Publish", &publish).expect("EndpointDisabled");
    // The endpoint is looked at before the message is.
    for message in ["msg", "{}"] {
        let publish = json!({ "TargetArn": arn, "Message": message, "MessageStructure": "json" });
        client.sns().refused("Publish", &publish).expect("EndpointDisabled");
    }
    client.sns().ok("SetEndpointAttributes", &json!({ "EndpointArn": arn, "Attributes": { "Enabled": "true" } }));
    client.sns().ok("Publish", &publish);
    // A device needs no default body where there is one for its platform.
    let structured = |message: &str| json!({ "TargetArn": arn, "Message": message, "MessageStructure": "json" });
    client.sns().ok("Publish", &structured(r#"{"GCM":"{}"}"#));
    client.sns().refused("Publish", &structured(r#"{"APNS":"{}"}"#)).expect(INVALID);
}

fn an_endpoint_may_subscribe(client: &Client) {
    let topic = client.topic();
    let arn = endpoint(client, &application(client), "device");
    let subscription = topic.subscribe("application", &arn, &[]);
    assert_eq!(subscription.attribute("PendingConfirmation").as_deref(), Some("false"));
    topic.publish("m");
}
