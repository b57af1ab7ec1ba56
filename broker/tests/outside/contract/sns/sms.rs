//! SMS: preferences, numbers that opted out, the sandbox, origination numbers.

use serde_json::{Value, json};

use super::{INVALID, pages};
use crate::support::Client;

super::cases! {
    preferences_are_set_and_shown,
    preferences_are_checked,
    the_spend_limit_is_shown_unset,
    preferences_are_an_accounts_own,
    no_number_has_opted_out_at_first,
    numbers_are_checked,
    accounts_are_outside_of_the_sandbox,
    sandbox_numbers_are_kept,
    a_wrong_password_does_not_verify,
    sandbox_numbers_are_listed_page_by_page,
    there_are_no_origination_numbers,
}

fn preferences_are_set_and_shown(client: &Client) {
    let sns = client.in_own_account().sns();
    let shown = |names: Value| sns.ok("GetSMSAttributes", &json!({ "attributes": names }))["attributes"].clone();
    let set = json!({ "attributes": { "DefaultSenderID": "Posthouse", "DefaultSMSType": "Transactional" } });
    sns.ok("SetSMSAttributes", &set);
    let all = shown(Value::Null);
    assert_eq!(all["DefaultSenderID"], json!("Posthouse"), "{all}");
    assert_eq!(shown(json!(["DefaultSMSType"])), json!({ "DefaultSMSType": "Transactional" }));
    sns.ok("SetSMSAttributes", &json!({ "attributes": { "DefaultSMSType": "Promotional" } }));
    assert_eq!(shown(json!(["DefaultSMSType"])), json!({ "DefaultSMSType": "Promotional" }));
    assert_eq!(shown(Value::Null)["DefaultSenderID"], json!("Posthouse"), "what is not named stays");
}

fn preferences_are_checked(client: &Client) {
    let sns = client.in_own_account().sns();
    for (name, value, words) in [
        ("DefaultSMSType", "Urgent", "DefaultSMSType is invalid"),
        ("DefaultSMSType", "", "DefaultSMSType is invalid"),
        ("DefaultSenderID", "a sender with spaces", "DefaultSenderID is invalid"),
        ("DefaultSenderID", "abcdefghijkl", "DefaultSenderID is invalid"),
        (
            "DeliveryStatusSuccessSamplingRate",
            "101",
            "DeliveryStatusSuccessSamplingRate is not an integer between 0-100",
        ),
        ("DeliveryStatusIAMRole", "role", "DeliveryStatusIAMRole is invalid"),
        ("MonthlySpendLimit", "much", "MonthlySpendLimit is invalid"),
        ("Colour", "red", "Colour is not a valid attribute"),
    ] {
        let refusal = sns.refused("SetSMSAttributes", &json!({ "attributes": { name: value } }));
        assert_eq!((refusal.status, &*refusal.code, &*refusal.message), (400, INVALID, words), "{name}={value}");
    }
}

fn the_spend_limit_is_shown_unset(client: &Client) {
    let sns = client.in_own_account().sns();
    let shown = || sns.ok("GetSMSAttributes", &json!({}))["attributes"].clone();
    let set = |name: &str, value: &str| sns.ok("SetSMSAttributes", &json!({ "attributes": { name: value } }));
    assert_eq!(shown(), json!({ "MonthlySpendLimit": "1" }));
    set("DefaultSenderID", "One");
    assert_eq!(shown(), json!({ "DefaultSenderID": "One", "MonthlySpendLimit": "1" }));
    set("MonthlySpendLimit", "20");
    assert_eq!(shown(), json!({ "DefaultSenderID": "One", "MonthlySpendLimit": "20" }));
}

fn preferences_are_an_accounts_own(client: &Client) {
    let (one, other) = (client.in_own_account().sns(), client.in_own_account().sns());
    one.ok("SetSMSAttributes", &json!({ "attributes": { "DefaultSenderID": "One" } }));
    let shown = other.ok("GetSMSAttributes", &json!({}))["attributes"].clone();
    assert_ne!(shown["DefaultSenderID"], json!("One"));
}

fn no_number_has_opted_out_at_first(client: &Client) {
    let sns = client.in_own_account().sns();
    let number = json!({ "phoneNumber": "+15550100100" });
    assert_eq!(sns.ok("CheckIfPhoneNumberIsOptedOut", &number), json!({ "isOptedOut": false }));
    let listed = sns.ok("ListPhoneNumbersOptedOut", &json!({}));
    assert!(listed["phoneNumbers"].as_array().is_none_or(Vec::is_empty), "{listed}");
    sns.ok("OptInPhoneNumber", &number);
}

fn numbers_are_checked(client: &Client) {
    for number in ["x", "5550100", "+1", ""] {
        for action in ["CheckIfPhoneNumberIsOptedOut", "OptInPhoneNumber"] {
            let refusal = client.sns().refused(action, &json!({ "phoneNumber": number }));
            assert!([INVALID, "ValidationError"].contains(&refusal.code.as_str()), "{action} {number}: {refusal:?}");
        }
        for action in ["CreateSMSSandboxPhoneNumber", "DeleteSMSSandboxPhoneNumber"] {
            let refusal = client.sns().refused(action, &json!({ "PhoneNumber": number }));
            assert!((400..500).contains(&refusal.status), "{action} {number}: {refusal:?}");
        }
    }
    let language = json!({ "PhoneNumber": "+15550100100", "LanguageCode": "tlh" });
    let refusal = client.sns().refused("CreateSMSSandboxPhoneNumber", &language);
    assert!([INVALID, "ValidationError"].contains(&refusal.code.as_str()), "{refusal:?}");
}

fn accounts_are_outside_of_the_sandbox(client: &Client) {
    assert_eq!(client.sns().ok("GetSMSSandboxAccountStatus", &json!({})), json!({ "IsInSandbox": false }));
}

fn sandbox_numbers_are_kept(client: &Client) {
    let sns = client.in_own_account().sns();
    let number = json!({ "PhoneNumber": "+15550100100" });
    let listed = || sns.ok("ListSMSSandboxPhoneNumbers", &json!({}))["PhoneNumbers"].clone();
    sns.ok("CreateSMSSandboxPhoneNumber", &json!({ "PhoneNumber": "+15550100100", "LanguageCode": "de-DE" }));
    assert_eq!(listed(), json!([{ "PhoneNumber": "+15550100100", "Status": "Pending" }]));
    sns.ok("DeleteSMSSandboxPhoneNumber", &number);
    assert!(listed().as_array().is_none_or(Vec::is_empty));
    sns.refused("DeleteSMSSandboxPhoneNumber", &number).expect("ResourceNotFound");
    let verify = json!({ "PhoneNumber": "+15550100100", "OneTimePassword": "123456" });
    sns.refused("VerifySMSSandboxPhoneNumber", &verify).expect("ResourceNotFound");
}

fn a_wrong_password_does_not_verify(client: &Client) {
    let sns = client.in_own_account().sns();
    sns.ok("CreateSMSSandboxPhoneNumber", &json!({ "PhoneNumber": "+15550100100" }));
    let verify = |password: &str| json!({ "PhoneNumber": "+15550100100", "OneTimePassword": password });
    // At least one of two different passwords is wrong.
    let refusals: Vec<_> =
        ["00000", "11111"].iter().filter_map(|p| sns.call("VerifySMSSandboxPhoneNumber", &verify(p)).err()).collect();
    assert_eq!(refusals.first().map(|refusal| refusal.code.as_str()), Some("VerificationException"), "{refusals:?}");
    for password in ["1", "abcdef", "123456789"] {
        let refusal = sns.refused("VerifySMSSandboxPhoneNumber", &verify(password));
        assert_eq!(refusal.status, 400, "{password}: {refusal:?}");
    }
}

fn sandbox_numbers_are_listed_page_by_page(client: &Client) {
    let sns = client.in_own_account().sns();
    for number in 0..5 {
        sns.ok("CreateSMSSandboxPhoneNumber", &json!({ "PhoneNumber": format!("+1555010010{number}") }));
    }
    let (_, sizes) = pages(&sns, "ListSMSSandboxPhoneNumbers", &json!({ "MaxResults": 2 }), "PhoneNumbers");
    assert_eq!(sizes, [2, 2, 1]);
    for results in [0, 101] {
        let refusal = sns.refused("ListSMSSandboxPhoneNumbers", &json!({ "MaxResults": results }));
        assert!([INVALID, "ValidationError"].contains(&refusal.code.as_str()), "{results}: {refusal:?}");
    }
}

fn there_are_no_origination_numbers(client: &Client) {
    let listed = client.sns().ok("ListOriginationNumbers", &json!({}));
    assert!(listed["PhoneNumbers"].as_array().is_none_or(Vec::is_empty), "{listed}");
    let refusal = client.sns().refused("ListOriginationNumbers", &json!({ "MaxResults": 31 }));
    assert_eq!(refusal.status, 400, "{refusal:?}");
}
