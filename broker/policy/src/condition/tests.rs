//! Every operator with a match, without one, and on an absent key.

use core::net::IpAddr;

use posthouse_model::{Action, Transport};

use crate::Verdict;
use crate::tests::{ask, caller};

/// Whether an operator holds for a caller: `"OPERATOR": {"KEY": VALUES}` as the condition of an `Allow` with the
/// principal `*`.
fn holds(who: &posthouse_model::Caller, operator: &str, key: &str, values: &str) -> bool {
    let policy = format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"sqs:*","Condition":{{"{operator}":{{"{key}":{values}}}}}}}}}"#
    );
    ask(&policy, who, Action::SendMessage) == Verdict::Allow
}

/// One operator: a key with values that match it and values that do not.
const OPERATORS: &[(&str, &str, &str, &str)] = &[
    // operator                     key                    holds for                          fails for
    ("StringEquals", "aws:username", r#""ann""#, r#"["Ann","an*"]"#),
    ("StringNotEquals", "aws:username", r#"["Ann","an*"]"#, r#"["bob","ann"]"#),
    ("StringEqualsIgnoreCase", "aws:username", r#""ANN""#, r#""bob""#),
    ("StringNotEqualsIgnoreCase", "aws:username", r#""bob""#, r#""ANN""#),
    ("StringLike", "aws:username", r#"["b*","a?n"]"#, r#""A*""#),
    ("StringNotLike", "aws:username", r#""A*""#, r#"["b*","a?n"]"#),
    ("NumericEquals", "aws:EpochTime", "1714979289", "1714979288"),
    ("NumericNotEquals", "aws:EpochTime", "1714979288", "[1,1714979289.0]"),
    ("NumericLessThan", "aws:EpochTime", "1714979289.5", "1714979289"),
    ("NumericLessThanEquals", "aws:EpochTime", r#""1714979289""#, "1714979288"),
    ("NumericGreaterThan", "aws:EpochTime", "1714979288", "1714979289"),
    ("NumericGreaterThanEquals", "aws:EpochTime", "[1714979289]", "1714979290"),
    ("DateEquals", "aws:CurrentTime", r#""2024-05-06T07:08:09Z""#, r#""2024-05-06T07:08:10Z""#),
    ("DateNotEquals", "aws:CurrentTime", r#""2024-05-06""#, r#""2024-05-06T09:08:09+02:00""#),
    ("DateLessThan", "aws:CurrentTime", r#""2024-06""#, r#""2024-05-06T07:08:09Z""#),
    ("DateLessThanEquals", "aws:CurrentTime", r#""2024-05-06T07:08:09Z""#, r#""2024-05-06""#),
    ("DateGreaterThan", "aws:EpochTime", "1714979288", r#""2025""#),
    ("DateGreaterThanEquals", "aws:CurrentTime", "1714979289", r#""1714979290""#),
    ("Bool", "aws:SecureTransport", "true", r#""false""#),
    ("IpAddress", "aws:SourceIp", r#"["10.0.0.0/8","203.0.113.0/24"]"#, r#"["203.0.113.8","::/0"]"#),
    ("NotIpAddress", "aws:SourceIp", r#""10.0.0.0/8""#, r#"["10.0.0.0/8","203.0.113.9"]"#),
    (
        "ArnEquals",
        "aws:PrincipalArn",
        r#""arn:aws:iam::222222222222:user/ann""#,
        r#""arn:aws:iam::222222222222:user/bob""#,
    ),
    ("ArnLike", "aws:PrincipalArn", r#""arn:aws:iam::*:user/a*""#, r#""arn:*:user/ann*""#),
    ("ArnNotEquals", "aws:PrincipalArn", r#""arn:aws:iam::333333333333:*""#, r#""arn:aws:iam::222222222222:*""#),
    ("ArnNotLike", "aws:PrincipalArn", r#""arn:aws:sts:*""#, r#""*""#),
    // What is no ARN matches nothing.
    ("ArnEquals", "aws:PrincipalArn", r#"["$arn","*"]"#, r#"["$arn","arn:aws:iam::222222222222"]"#),
    ("ArnNotLike", "aws:PrincipalArn", r#""ann""#, r#"["ann","*"]"#),
];

#[test]
fn operators() {
    let ann = caller("ann@222222222222");
    for &(operator, key, matching, other) in OPERATORS {
        for prefix in ["", "ForAllValues:", "ForAnyValue:"] {
            for suffix in ["", "IfExists"] {
                let operator = format!("{prefix}{operator}{suffix}");
                assert!(holds(&ann, &operator, key, matching), "{operator} {key} {matching}");
                assert!(!holds(&ann, &operator, key, other), "{operator} {key} {other}");
            }
        }
    }
}

#[test]
fn an_absent_key_fails_positive_operators_and_satisfies_negated_ones() {
    let ann = caller("ann@222222222222");
    for &(operator, _, matching, other) in OPERATORS {
        let negated = operator.contains("Not");
        for values in [matching, other] {
            for key in ["aws:SourceArn", "aws:SourceAccount", "aws:PrincipalOrgID", "sqs:unheard-of"] {
                for (prefix, suffix, expected) in [
                    ("", "", negated),
                    ("", "IfExists", true),
                    ("ForAllValues:", "", true),
                    ("ForAllValues:", "IfExists", true),
                    ("ForAnyValue:", "", false),
                    ("ForAnyValue:", "IfExists", true),
                ] {
                    let operator = format!("{prefix}{operator}{suffix}");
                    assert_eq!(holds(&ann, &operator, key, values), expected, "{operator} {key} {values}");
                }
            }
        }
    }
}

#[test]
fn null_looks_for_absence_and_binary_values_never_match() {
    let ann = caller("ann@222222222222");
    for (operator, key, values, expected) in [
        ("Null", "aws:username", "true", false),
        ("Null", "aws:username", r#""false""#, true),
        ("Null", "aws:SourceArn", "true", true),
        ("Null", "aws:SourceArn", "false", false),
        ("Null", "aws:SourceArn", "[false,true]", true),
        ("BinaryEquals", "aws:username", r#""YW5u""#, false),
        ("BinaryEquals", "aws:SourceArn", r#""YW5u""#, false),
        ("BinaryEqualsIfExists", "aws:SourceArn", r#""YW5u""#, true),
    ] {
        assert_eq!(holds(&ann, operator, key, values), expected, "{operator} {key} {values}");
    }
}

#[test]
fn keys() {
    let (ann, root, anonymous) = (caller("ann@222222222222"), caller("root@222222222222"), caller("anonymous"));
    // key, and its value for a user, for an account itself and for a caller without a signature
    for (key, of_ann, of_root, of_anonymous) in [
        ("aws:username", Some("ann"), None, None),
        ("AWS:USERNAME", Some("ann"), None, None),
        ("aws:PrincipalArn", Some("arn:aws:iam::222222222222:user/ann"), Some("arn:aws:iam::222222222222:root"), None),
        ("aws:principalaccount", Some("222222222222"), Some("222222222222"), Some("anonymous")),
        ("aws:PrincipalType", Some("User"), Some("Account"), Some("Anonymous")),
        ("aws:PrincipalIsAWSService", Some("false"), Some("false"), None),
        ("aws:ViaAWSService", Some("false"), Some("false"), None),
        ("aws:RequestedRegion", Some("eu-west-1"), Some("eu-west-1"), Some("eu-west-1")),
        ("aws:ResourceAccount", Some("111111111111"), Some("111111111111"), Some("111111111111")),
        ("aws:SourceIp", Some("203.0.113.9"), Some("203.0.113.9"), Some("203.0.113.9")),
        ("aws:SecureTransport", Some("true"), Some("true"), Some("true")),
        ("aws:EpochTime", Some("1714979289"), Some("1714979289"), Some("1714979289")),
        ("aws:CurrentTime", Some("2024-05-06T07:08:09Z"), Some("2024-05-06T07:08:09Z"), Some("2024-05-06T07:08:09Z")),
        ("aws:SourceArn", None, None, None),
        ("aws:SourceAccount", None, None, None),
        ("aws:SourceOwner", None, None, None),
        ("aws:userid", Some("ann"), Some("222222222222"), None),
    ] {
        for (who, value) in [(&ann, of_ann), (&root, of_root), (&anonymous, of_anonymous)] {
            let found = match value {
                Some(value) => holds(who, "StringEquals", key, &format!("{value:?}")),
                None => holds(who, "Null", key, "true"),
            };
            assert!(found, "{key} of {:?}", who.identity);
        }
    }
}

#[test]
fn values_of_another_kind_never_match() {
    let ann = caller("ann@222222222222");
    for (operator, key, values, expected) in [
        ("NumericLessThan", "aws:username", "5", false),
        ("NumericNotEquals", "aws:username", "5", true),
        ("NumericEquals", "aws:PrincipalAccount", "222222222222", true),
        ("NumericGreaterThan", "aws:CurrentTime", "0", false),
        ("DateGreaterThan", "aws:SourceIp", "0", false),
        ("Bool", "aws:username", "true", false),
        ("IpAddress", "aws:username", r#""0.0.0.0/0""#, false),
        ("NotIpAddress", "aws:username", r#""0.0.0.0/0""#, true),
    ] {
        assert_eq!(holds(&ann, operator, key, values), expected, "{operator} {key} {values}");
    }
}

#[test]
fn addresses() {
    for (source, network, expected) in [
        ("203.0.113.9", "203.0.113.9", true),
        ("203.0.113.9", "203.0.113.77/24", true),
        ("203.0.113.9", "203.0.113.10/32", false),
        ("203.0.113.9", "0.0.0.0/0", true),
        ("203.0.113.9", "::/0", false),
        ("203.0.113.9", "::ffff:203.0.113.0/120", true),
        ("203.0.113.9", "::ffff:203.0.113.9", true),
        ("::ffff:203.0.113.9", "203.0.113.0/24", true),
        ("::ffff:203.0.113.9", "::ffff:0:0/96", true),
        ("2001:db8::1", "2001:db8::/32", true),
        ("2001:db8::1", "2001:DB8:0:0::1", true),
        ("2001:db9::1", "2001:db8::/32", false),
        ("2001:db8::1", "0.0.0.0/0", false),
    ] {
        let mut who = caller("anonymous");
        who.source = source.parse::<IpAddr>().expect("an address");
        assert_eq!(
            holds(&who, "IpAddress", "aws:SourceIp", &format!("{network:?}")),
            expected,
            "{source} in {network}"
        );
        assert_ne!(
            holds(&who, "NotIpAddress", "aws:SourceIp", &format!("{network:?}")),
            expected,
            "{source} {network}"
        );
    }
}

#[test]
fn without_tls() {
    let mut plain = caller("ann@222222222222");
    plain.transport = Transport::Plain;
    assert!(holds(&plain, "Bool", "aws:SecureTransport", "false"));
    assert!(!holds(&plain, "Bool", "aws:SecureTransport", "true"));
}

#[test]
fn every_condition_must_hold() {
    let ann = caller("ann@222222222222");
    for (condition, expected) in [
        ("{}", true),
        (r#"{"StringEquals":{}}"#, true),
        (r#"{"StringEquals":{"aws:username":"ann"},"Bool":{"aws:SecureTransport":true}}"#, true),
        (r#"{"StringEquals":{"aws:username":"ann"},"Bool":{"aws:SecureTransport":false}}"#, false),
        (r#"{"StringEquals":{"aws:username":"ann","aws:PrincipalType":"User"}}"#, true),
        (r#"{"StringEquals":{"aws:username":"ann","aws:PrincipalType":"Account"}}"#, false),
    ] {
        let policy =
            format!(r#"{{"Statement":{{"Effect":"Allow","Principal":"*","Action":"sqs:*","Condition":{condition}}}}}"#);
        assert_eq!(ask(&policy, &ann, Action::SendMessage) == Verdict::Allow, expected, "{condition}");
    }
}
