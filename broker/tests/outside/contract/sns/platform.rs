//! Platform applications and endpoints, as their attributes show them. The suite `push` has the posts to the gateway.

use serde_json::{Value, json};

use super::{INVALID, NOT_FOUND, pages};
use crate::support::{Client, unique};

super::cases! {
    an_application_is_created_shown_and_deleted,
    creating_an_application_again_gives_the_same,
    applications_are_checked,
    applications_are_refused_in_awss_words,
    applications_are_listed_page_by_page,
    credentials_are_not_shown,
    an_endpoint_is_created_shown_and_deleted,
    a_token_has_one_endpoint,
    endpoints_are_checked,
    endpoints_are_refused_in_awss_words,
    an_attribute_goes_before_the_parameter_of_its_name,
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

#[track_caller]
fn refused_saying(client: &Client, action: &str, input: &Value, words: &str) {
    let refusal = client.sns().refused(action, input);
    let expected = (400, INVALID, format!("Invalid parameter: {words}"));
    assert_eq!((refusal.status, &*refusal.code, refusal.message), expected, "{action} {input}");
}

fn applications_are_refused_in_awss_words(client: &Client) {
    let long = "n".repeat(257);
    let credential = json!({ "PlatformCredential": "s" });
    let (alone, without) = ("attribute provided without", "Attributes Reason:");
    for (name, platform, attributes, words) in [
        (
            "a",
            "ADM",
            json!({ "PlatformPrincipal": "p" }),
            format!("{without} PlatformPrincipal {alone} PlatformCredential"),
        ),
        ("a", "ADM", credential.clone(), format!("{without} PlatformCredential {alone} PlatformPrincipal")),
        (&long, "GCM", credential.clone(), format!("{long} Reason: must be at most 256 characters long")),
        ("", "GCM", credential.clone(), " Reason: cannot be empty".into()),
        (
            "@name",
            "GCM",
            credential.clone(),
            "@name Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'".into(),
        ),
        ("a", "AAA", credential, "Platform Reason: AAA is not supported".into()),
        (
            "a",
            "GCM",
            json!({ "PlatformCredential": "s", "SuccessFeedbackSampleRate": "101" }),
            "Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: 101 value provided is not an \
             integer between 0-100"
                .into(),
        ),
        (
            "a",
            "GCM",
            json!({ "PlatformCredential": "s", "Colour": "red" }),
            "Attributes Reason: Invalid attribute name: Colour".into(),
        ),
    ] {
        let input = json!({ "Name": name, "Platform": platform, "Attributes": attributes });
        refused_saying(client, "CreatePlatformApplication", &input, &words);
    }
    let arn = application(client);
    let name = arn.rsplit('/').next().expect("a name");
    let other = json!({ "Name": name, "Platform": "GCM", "Attributes": { "PlatformCredential": "other" } });
    let words = "Name Reason: An application with the same name but different properties already exists";
    refused_saying(client, "CreatePlatformApplication", &other, words);
    let rate = json!({ "PlatformApplicationArn": arn, "Attributes": { "SuccessFeedbackSampleRate": "101" } });
    let words = "Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: 101 value provided is not an \
                 integer between 0-100";
    refused_saying(client, "SetPlatformApplicationAttributes", &rate, words);
}

fn endpoints_are_refused_in_awss_words(client: &Client) {
    let application = application(client);
    let arn = endpoint(client, &application, "device");
    let long = "u".repeat(2050);
    let at_most = "must be at most 2048 bytes long in UTF-8 encoding";
    let of = |more: Value| {
        let mut input = json!({ "PlatformApplicationArn": application, "Token": "t" });
        input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        input
    };
    for name in ["InvalidKey", "PlatformPrincipal", "PlatformCredential"] {
        let attributes = json!({ "Attributes": { name: "v" } });
        let words = format!("Attributes Reason: Invalid attribute name: {name}");
        refused_saying(client, "CreatePlatformEndpoint", &of(attributes.clone()), &words);
        let set = json!({ "EndpointArn": arn, "Attributes": { name: "v" } });
        refused_saying(client, "SetEndpointAttributes", &set, &words);
    }
    let in_map = format!("Attributes Reason: Invalid value for attribute: CustomUserData: {at_most}");
    let attributes = json!({ "CustomUserData": long });
    refused_saying(client, "CreatePlatformEndpoint", &of(json!({ "Attributes": attributes })), &in_map);
    let set = json!({ "EndpointArn": arn, "Attributes": attributes });
    refused_saying(client, "SetEndpointAttributes", &set, &in_map);
    let alone = format!("CustomUserData Reason: {at_most}");
    refused_saying(client, "CreatePlatformEndpoint", &of(json!({ "CustomUserData": long })), &alone);
    refused_saying(client, "CreatePlatformEndpoint", &of(json!({ "Token": "" })), "Token Reason: cannot be empty");
    let words = "Attributes Reason: Invalid value for attribute: Token: cannot be empty";
    refused_saying(client, "CreatePlatformEndpoint", &of(json!({ "Attributes": { "Token": "" } })), words);
    let bad = "arn:aws:sns:us-east-1:000000000000:endpoint/GCM/a/not-a-uuid";
    for (action, input) in [
        ("GetEndpointAttributes", json!({ "EndpointArn": bad })),
        ("SetEndpointAttributes", json!({ "EndpointArn": bad, "Attributes": { "Enabled": "true" } })),
        ("DeleteEndpoint", json!({ "EndpointArn": bad })),
    ] {
        let words = "EndpointArn Reason: ARN specifies an invalid endpointId: UUID must be encoded in exactly 36 \
                     characters.";
        refused_saying(client, action, &input, words);
    }
    // What is wrong with attributes is said only of an endpoint that exists.
    let missing = arn.replace(&arn[arn.len() - 12..], "000000000000");
    let set = json!({ "EndpointArn": missing, "Attributes": { "Colour": "red" } });
    client.sns().refused("SetEndpointAttributes", &set).expect(NOT_FOUND).saying("Endpoint does not exist");
}

fn an_attribute_goes_before_the_parameter_of_its_name(client: &Client) {
    let input = json!({
        "PlatformApplicationArn": application(client), "Token": "parameter", "CustomUserData": "bar",
        "Attributes": { "CustomUserData": "foo", "Token": "attribute" },
    });
    let output = client.sns().ok("CreatePlatformEndpoint", &input);
    let shown = attributes_of(client, output["EndpointArn"].as_str().expect("an ARN"));
    assert_eq!(shown, json!({ "Enabled": "true", "CustomUserData": "foo", "Token": "attribute" }));
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
