//! Cases of AWS's published test suite for Signature Version 4, by their names there.

use super::*;

/// 2015-08-30T12:36:00Z.
const SECOND: u64 = 1_440_938_160;

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".into(),
        secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
        region: "us-east-1".into(),
        service: "service",
    }
}

#[test]
fn post_vanilla() {
    let request = CanonicalRequest::new("POST", "/")
        .headers([("X-Amz-Date", "20150830T123600Z"), ("Host", " example.amazonaws.com ")]);
    assert_eq!(
        credentials().authorization(&request, &Timestamp::from_unix_seconds(SECOND)),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"
    );
}

#[test]
fn get_vanilla_query_order_key_case() {
    let request = CanonicalRequest::new("GET", "/?Param2=value2&Param1=value1")
        .headers([("Host", "example.amazonaws.com"), ("X-Amz-Date", "20150830T123600Z")]);
    assert_eq!(
        credentials().signature(&request, &Timestamp::from_unix_seconds(SECOND)),
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
}

#[test]
fn paths_are_encoded_once_more() {
    assert_eq!(canonical_path("/000000000000/q%20a.fifo"), "/000000000000/q%2520a.fifo");
    assert_eq!(canonical_path("/"), "/");
}

#[test]
fn timestamps_are_those_of_the_calendar() {
    for (seconds, expected) in [
        (0, "19700101T000000Z"),
        (951_782_399, "20000228T235959Z"),
        (951_782_400, "20000229T000000Z"),
        (4_102_444_799, "20991231T235959Z"),
    ] {
        let timestamp = Timestamp::from_unix_seconds(seconds);
        assert_eq!((timestamp.as_str(), timestamp.day()), (expected, &expected[..8]), "{seconds}");
    }
}
