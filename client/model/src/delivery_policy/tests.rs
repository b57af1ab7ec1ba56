//! Delivery policies: the meaning of each document, how it is shown, and the documents that are refused.

use super::*;

const DEFAULTS: &str = r#"{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"}"#;

#[test]
fn without_a_policy_the_defaults_hold() {
    let policy = DeliveryPolicy::effective(None, None);
    assert_eq!(
        policy.to_json(),
        format!(
            r#"{{"healthyRetryPolicy":{DEFAULTS},"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":{{"headerContentType":"text/plain; charset=UTF-8"}},"guaranteed":false}}"#
        )
    );
    assert_eq!(
        policy.to_topic_json(),
        format!(
            r#"{{"http":{{"defaultHealthyRetryPolicy":{DEFAULTS},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{{"headerContentType":"text/plain; charset=UTF-8"}}}}}}"#
        )
    );
    assert_eq!((policy.max_receives_per_second(), policy.content_type()), (None, None));
    assert_eq!(policy.delay_before_retry(3), Some(Seconds::new(20)));
    assert_eq!(policy.delay_before_retry(4), None);
}

#[test]
fn documents_that_are_shown_can_be_set_again() {
    let topic = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":60,"numRetries":50,"numNoDelayRetries":3,"numMinDelayRetries":2,"numMaxDelayRetries":35,"backoffFunction":"exponential"},"disableSubscriptionOverrides":true,"defaultThrottlePolicy":{"maxReceivesPerSecond":7},"defaultRequestPolicy":{"headerContentType":"application/json"}}}"#;
    let given = TopicDeliveryPolicy::parse(topic).expect("valid");
    assert_eq!(TopicDeliveryPolicy::parse(&given.to_json()), Ok(given.clone()));
    let policy = DeliveryPolicy::effective(Some(&given), None);
    assert_eq!(TopicDeliveryPolicy::parse(&policy.to_topic_json()), Ok(given));
    let shown = SubscriptionDeliveryPolicy::parse(&policy.to_json()).expect("valid");
    assert_eq!(SubscriptionDeliveryPolicy::parse(&shown.to_json()), Ok(shown.clone()));
    let shown = DeliveryPolicy::effective(None, Some(&shown));
    assert_eq!(shown.retries(), policy.retries());
    assert_eq!(shown.max_receives_per_second(), Some(7));
    assert_eq!(shown.content_type(), Some("application/json"));
}

#[test]
fn a_document_is_shown_with_the_members_that_were_given() {
    for (given, shown) in [
        (
            r#"{"http":{"defaultRequestPolicy":{"headerContentType":"application/json"}}}"#,
            r#"{"http":{"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"application/json"}}}"#,
        ),
        (
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1}}}"#,
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":5,"maxDelayTarget":6,"numRetries":1},"disableSubscriptionOverrides":false}}"#,
        ),
        (r#"{"http":{"defaultHealthyRetryPolicy":null}}"#, r#"{"http":{"disableSubscriptionOverrides":false}}"#),
        (
            r#"{ "http": {"disableSubscriptionOverrides": true, "defaultThrottlePolicy": {"maxReceivesPerSecond": 2}} }"#,
            r#"{"http":{"disableSubscriptionOverrides":true,"defaultThrottlePolicy":{"maxReceivesPerSecond":2}}}"#,
        ),
        ("{}", r#"{"http":{"disableSubscriptionOverrides":false}}"#),
    ] {
        assert_eq!(TopicDeliveryPolicy::parse(given).map(|policy| policy.to_json()), Ok(shown.to_owned()), "{given}");
    }
    for (given, shown) in [
        (
            r#"{"requestPolicy":{"headerContentType":"text/csv"}}"#,
            r#"{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null,"requestPolicy":{"headerContentType":"text/csv"},"guaranteed":false}"#,
        ),
        (
            r#"{"throttlePolicy":{"maxReceivesPerSecond":10},"guaranteed":true}"#,
            r#"{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":{"maxReceivesPerSecond":10},"requestPolicy":null,"guaranteed":true}"#,
        ),
    ] {
        let policy = SubscriptionDeliveryPolicy::parse(given);
        assert_eq!(policy.map(|policy| policy.to_json()), Ok(shown.to_owned()), "{given}");
    }
    let all = format!(
        r#"{{"healthyRetryPolicy":{DEFAULTS},"sicklyRetryPolicy":{DEFAULTS},"throttlePolicy":null,"requestPolicy":null,"guaranteed":false}}"#
    );
    assert_eq!(SubscriptionDeliveryPolicy::parse(&all).map(|policy| policy.to_json()), Ok(all));
}

#[test]
fn a_subscription_overrides_each_part_that_it_may() {
    let retries = |count: u32| format!(r#"{{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":{count}}}"#);
    for (topic, subscription, effective) in [
        ("", "", (3, None, None)),
        (r#"{"http":{"defaultHealthyRetryPolicy":R5}}"#, "", (5, None, None)),
        (r#"{"http":{"defaultHealthyRetryPolicy":R5}}"#, r#"{"healthyRetryPolicy":R7}"#, (7, None, None)),
        (
            r#"{"http":{"defaultHealthyRetryPolicy":R5}}"#,
            r#"{"throttlePolicy":{"maxReceivesPerSecond":2}}"#,
            (5, Some(2), None),
        ),
        (
            r#"{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":9},"defaultRequestPolicy":{"headerContentType":"text/xml"}}}"#,
            r#"{"healthyRetryPolicy":R7,"requestPolicy":{"headerContentType":"text/csv; charset=UTF-8"}}"#,
            (7, Some(9), Some("text/csv; charset=UTF-8")),
        ),
        (
            r#"{"http":{"defaultHealthyRetryPolicy":R5,"disableSubscriptionOverrides":true}}"#,
            r#"{"healthyRetryPolicy":R7,"throttlePolicy":{"maxReceivesPerSecond":2}}"#,
            (5, None, None),
        ),
        (r#"{"http":{"disableSubscriptionOverrides":true}}"#, r#"{"healthyRetryPolicy":R7}"#, (3, None, None)),
    ] {
        let text = |text: &str| text.replace("R5", &retries(5)).replace("R7", &retries(7));
        let (topic, subscription) = (text(topic), text(subscription));
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let of_topic = given(&topic).map(|text| TopicDeliveryPolicy::parse(&text).expect("valid"));
        let own = given(&subscription).map(|text| SubscriptionDeliveryPolicy::parse(&text).expect("valid"));
        let policy = DeliveryPolicy::effective(of_topic.as_ref(), own.as_ref());
        let found = (policy.retries().retries(), policy.max_receives_per_second(), policy.content_type());
        assert_eq!(found, effective, "{topic} and {subscription}");
    }
}

#[test]
fn a_refusal_names_the_broken_rule() {
    let retry = |members: &str| format!(r#"{{"healthyRetryPolicy":{{{members}}}}}"#);
    let delayed = |members: &str| retry(&format!(r#""minDelayTarget":20,"maxDelayTarget":20,{members}"#));
    for (document, reason) in [
        (String::new(), "NotJson"),
        ("{".into(), "NotJson"),
        ("[]".into(), "NotAnObject"),
        (r#"{"http":{}}"#.into(), "UnknownMember { member: \"http\" }"),
        (r#"{"healthyRetryPolicy":3}"#.into(), "MemberNotAnObject { member: \"healthyRetryPolicy\" }"),
        (delayed(r#""numRetries":101"#), "AboveMax { member: \"healthyRetryPolicy.numRetries\", max: 100 }"),
        (delayed(r#""numRetries":99999999999999999999"#), "AboveMax { member: \"healthyRetryPolicy.numRetries\""),
        (delayed(r#""numRetries":-1"#), "BelowMin { member: \"healthyRetryPolicy.numRetries\", min: 0 }"),
        (
            delayed(r#""numRetries":1.5"#),
            "NotAnInteger { member: \"healthyRetryPolicy.numRetries\", received: Number }",
        ),
        (
            delayed(r#""numRetries":"3""#),
            "NotAnInteger { member: \"healthyRetryPolicy.numRetries\", received: String }",
        ),
        (retry(r#""minDelayTarget":0"#), "BelowMin { member: \"healthyRetryPolicy.minDelayTarget\", min: 1 }"),
        (retry(r#""minDelayTarget":21,"maxDelayTarget":20"#), "DelaysReversed"),
        (
            retry(r#""minDelayTarget":1,"maxDelayTarget":3601"#),
            "AboveMax { member: \"healthyRetryPolicy.maxDelayTarget\", max: 3600 }",
        ),
        (delayed(r#""numRetries":5,"numNoDelayRetries":3,"numMaxDelayRetries":3"#), "RetriesTooFew"),
        (delayed(r#""numNoDelayRetries":4"#), "RetriesTooFew"),
        (retry(r#""numRetries":100,"minDelayTarget":37,"maxDelayTarget":37"#), "seconds_max: 3600"),
        (delayed(r#""numMinDelayRetries":-1"#), "numMinDelayRetries"),
        (delayed(r#""backoffFunction":"cubic""#), "backoffFunction"),
        (delayed(r#""retries":1"#), "UnknownMember { member: \"healthyRetryPolicy.retries\" }"),
        (r#"{"throttlePolicy":{"maxReceivesPerSecond":0}}"#.into(), "BelowMin"),
        (r#"{"throttlePolicy":{"perSecond":1}}"#.into(), "UnknownMember"),
        (r#"{"requestPolicy":{"headerContentType":"image/png"}}"#.into(), "headerContentType"),
        (r#"{"requestPolicy":{"headerContentType":"text/plain; charset=\r\nx"}}"#.into(), "headerContentType"),
        (
            r#"{"sicklyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":101}}"#.into(),
            "sicklyRetryPolicy.numRetries",
        ),
        (retry(r#""numRetries":3"#), "MissingMember { member: \"healthyRetryPolicy.minDelayTarget\" }"),
        (retry(""), "MissingMember { member: \"healthyRetryPolicy.minDelayTarget\" }"),
        (retry(r#""minDelayTarget":null"#), "MissingMember { member: \"healthyRetryPolicy.minDelayTarget\" }"),
        (retry(r#""minDelayTarget":1"#), "MissingMember { member: \"healthyRetryPolicy.maxDelayTarget\" }"),
        (r#"{"guaranteed":"no"}"#.into(), "NotABoolean { member: \"guaranteed\" }"),
    ] {
        let fault = SubscriptionDeliveryPolicy::parse(&document).expect_err(&document);
        let fault = format!("{fault:?}");
        assert!(fault.contains(reason), "{document}\ngave: {fault}\nnot:  {reason}");
    }
    for (document, reason) in [
        (r#"{"healthyRetryPolicy":{}}"#, "UnknownMember { member: \"healthyRetryPolicy\" }"),
        (r#"{"http":[]}"#, "MemberNotAnObject { member: \"http\" }"),
        (r#"{"http":{"disableSubscriptionOverrides":"no"}}"#, "disableSubscriptionOverrides"),
        (r#"{"http":{"healthyRetryPolicy":{}}}"#, "UnknownMember { member: \"http.healthyRetryPolicy\" }"),
        (
            r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":1,"numRetries":101}}}"#,
            "http.defaultHealthyRetryPolicy.numRetries",
        ),
    ] {
        let fault = TopicDeliveryPolicy::parse(document).expect_err(document);
        let fault = format!("{fault:?}");
        assert!(fault.contains(reason), "{document}\ngave: {fault}\nnot:  {reason}");
    }
}

#[test]
fn valid_policies_are_taken() {
    for document in [
        "{}",
        r#"{"healthyRetryPolicy":null,"throttlePolicy":null}"#,
        r#"{"healthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":0}}"#,
        r#"{"healthyRetryPolicy":{"numRetries":100,"minDelayTarget":36,"maxDelayTarget":36}}"#,
        r#"{"healthyRetryPolicy":{"numRetries":1,"maxDelayTarget":3600,"minDelayTarget":3600}}"#,
        r#"{"healthyRetryPolicy":{"numRetries":100,"numNoDelayRetries":100,"minDelayTarget":20,"maxDelayTarget":3600}}"#,
        r#"{"throttlePolicy":{"maxReceivesPerSecond":4294967295}}"#,
        r#"{"requestPolicy":{"headerContentType":"Text/HTML;charset=iso-8859-1"}}"#,
    ] {
        assert!(SubscriptionDeliveryPolicy::parse(document).is_ok(), "{document}");
    }
    assert_eq!(TopicDeliveryPolicy::parse("{}"), Ok(TopicDeliveryPolicy::default()));
}

#[test]
fn a_stored_policy_may_lack_delays() {
    let stored = r#"{"healthyRetryPolicy":{"numRetries":5}}"#;
    assert!(SubscriptionDeliveryPolicy::parse(stored).is_err());
    let policy = SubscriptionDeliveryPolicy::restore(stored).expect("an earlier version took it");
    assert_eq!(SubscriptionDeliveryPolicy::restore(&policy.to_json()), Ok(policy.clone()));
    let effective = DeliveryPolicy::effective(None, Some(&policy));
    assert_eq!(effective.delay_before_retry(5), Some(Seconds::new(20)));
}
