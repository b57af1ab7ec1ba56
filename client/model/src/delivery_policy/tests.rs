//! Delivery policies: the meaning of each document, and the documents that are refused.

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
    let policy = DeliveryPolicy::parse_topic(topic).expect("valid");
    assert_eq!(DeliveryPolicy::parse_topic(&policy.to_topic_json()), Ok(policy.clone()));
    let shown = DeliveryPolicy::parse_subscription(&policy.to_json()).expect("valid");
    assert_eq!(shown.retries(), policy.retries());
    assert_eq!(shown.max_receives_per_second(), Some(7));
    assert_eq!(shown.content_type(), Some("application/json"));
}

#[test]
fn a_subscription_overrides_each_part_that_it_may() {
    let retries = |count: u32| format!(r#"{{"numRetries":{count}}}"#);
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
        let policy = DeliveryPolicy::effective(given(&topic).as_deref(), given(&subscription).as_deref());
        let found = (policy.retries().retries(), policy.max_receives_per_second(), policy.content_type());
        assert_eq!(found, effective, "{topic} and {subscription}");
    }
}

#[test]
fn a_refusal_names_the_broken_rule() {
    let retry = |members: &str| format!(r#"{{"healthyRetryPolicy":{{{members}}}}}"#);
    for (document, reason) in [
        (String::new(), "NotJson"),
        ("{".into(), "NotJson"),
        ("[]".into(), "NotAnObject"),
        (r#"{"http":{}}"#.into(), "UnknownMember { member: \"http\" }"),
        (r#"{"healthyRetryPolicy":3}"#.into(), "MemberNotAnObject { member: \"healthyRetryPolicy\" }"),
        (
            retry(r#""numRetries":101"#),
            "OutOfRange { member: \"healthyRetryPolicy.numRetries\", min: 0, max: Some(100) }",
        ),
        (retry(r#""numRetries":-1"#), "numRetries"),
        (retry(r#""numRetries":1.5"#), "numRetries"),
        (retry(r#""numRetries":"3""#), "numRetries"),
        (retry(r#""minDelayTarget":0"#), "minDelayTarget\", min: 1, max: Some(3600) }"),
        (retry(r#""minDelayTarget":21"#), "DelaysReversed"),
        (retry(r#""maxDelayTarget":3601"#), "maxDelayTarget"),
        (retry(r#""numRetries":5,"numNoDelayRetries":3,"numMaxDelayRetries":3"#), "RetriesTooFew"),
        (retry(r#""numNoDelayRetries":4"#), "RetriesTooFew"),
        (retry(r#""numRetries":100,"minDelayTarget":37,"maxDelayTarget":37"#), "seconds_max: 3600"),
        (retry(r#""numMinDelayRetries":-1"#), "numMinDelayRetries"),
        (retry(r#""backoffFunction":"cubic""#), "backoffFunction"),
        (retry(r#""retries":1"#), "UnknownMember { member: \"healthyRetryPolicy.retries\" }"),
        (r#"{"throttlePolicy":{"maxReceivesPerSecond":0}}"#.into(), "min: 1, max: None"),
        (r#"{"throttlePolicy":{"perSecond":1}}"#.into(), "UnknownMember"),
        (r#"{"requestPolicy":{"headerContentType":"image/png"}}"#.into(), "headerContentType"),
        (r#"{"requestPolicy":{"headerContentType":"text/plain; charset=\r\nx"}}"#.into(), "headerContentType"),
        (r#"{"sicklyRetryPolicy":{"numRetries":101}}"#.into(), "sicklyRetryPolicy.numRetries"),
    ] {
        let fault = DeliveryPolicy::parse_subscription(&document).expect_err(&document);
        let fault = format!("{fault:?}");
        assert!(fault.contains(reason), "{document}\ngave: {fault}\nnot:  {reason}");
    }
    for (document, reason) in [
        (r#"{"healthyRetryPolicy":{}}"#, "UnknownMember { member: \"healthyRetryPolicy\" }"),
        (r#"{"http":[]}"#, "MemberNotAnObject { member: \"http\" }"),
        (r#"{"http":{"disableSubscriptionOverrides":"no"}}"#, "disableSubscriptionOverrides"),
        (r#"{"http":{"healthyRetryPolicy":{}}}"#, "UnknownMember { member: \"http.healthyRetryPolicy\" }"),
        (r#"{"http":{"defaultHealthyRetryPolicy":{"numRetries":101}}}"#, "http.defaultHealthyRetryPolicy.numRetries"),
    ] {
        let fault = DeliveryPolicy::parse_topic(document).expect_err(document);
        let fault = format!("{fault:?}");
        assert!(fault.contains(reason), "{document}\ngave: {fault}\nnot:  {reason}");
    }
}

#[test]
fn valid_policies_are_taken() {
    for document in [
        "{}",
        r#"{"healthyRetryPolicy":null,"throttlePolicy":null}"#,
        r#"{"healthyRetryPolicy":{"numRetries":0}}"#,
        r#"{"healthyRetryPolicy":{"numRetries":100,"minDelayTarget":36,"maxDelayTarget":36}}"#,
        r#"{"healthyRetryPolicy":{"numRetries":1,"maxDelayTarget":3600,"minDelayTarget":3600}}"#,
        r#"{"healthyRetryPolicy":{"numRetries":100,"numNoDelayRetries":100,"maxDelayTarget":3600}}"#,
        r#"{"throttlePolicy":{"maxReceivesPerSecond":4294967295}}"#,
        r#"{"requestPolicy":{"headerContentType":"Text/HTML;charset=iso-8859-1"}}"#,
    ] {
        assert!(DeliveryPolicy::parse_subscription(document).is_ok(), "{document}");
    }
    assert_eq!(DeliveryPolicy::parse_topic("{}"), Ok(DeliveryPolicy::default()));
}
