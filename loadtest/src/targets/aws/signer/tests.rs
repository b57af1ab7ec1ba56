//! Signatures as botocore 1.44 computes them with its clock at [`SECOND`], and as
//! [`posthouse_aws_client::sigv4::Credentials`] does in one piece.

use posthouse_aws_client::sigv4::{CanonicalRequest, Credentials};

use super::*;

/// 2015-08-30T12:36:00Z.
const SECOND: u64 = 1_440_938_160;
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

fn endpoint(protocol: &str) -> Endpoint {
    let secret = SECRET.replace('/', "%2F");
    let url = format!("sqs+http://AKIDEXAMPLE:{secret}@localhost:9324?region=eu-west-1&protocol={protocol}");
    Endpoint::from_address(&url.parse().expect("a URL"), super::super::Service::Sqs).expect("an endpoint")
}

fn header(head: &Head, name: &str) -> String {
    String::from_utf8(head.headers()[name].as_bytes().to_vec()).expect("ASCII")
}

#[test]
fn json_as_botocore_signs_it() {
    let endpoint = endpoint("json");
    let mut head = Head::new(&endpoint, "SendMessage", "/");
    let body = br#"{"QueueUrl":"http://localhost:9324/000000000000/q","MessageBody":"hello"}"#;
    Signer::new(&endpoint).sign_at(&mut head, body, SECOND);
    assert_eq!(header(&head, "x-amz-date"), "20150830T123600Z");
    assert_eq!(
        header(&head, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/sqs/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-target, \
         Signature=ca194067bab2eb4cb0cfa95174200c6ee6a9fd7d9ad13bd009ff34524e0aa1c2"
    );
}

#[test]
fn paths_as_botocore_signs_them() {
    let endpoint = endpoint("query");
    let mut head = Head::at(&endpoint, "SendMessage", &Uri::from_static("/000000000000/q%20%C3%A4.fifo"));
    Signer::new(&endpoint).sign_at(&mut head, b"Action=SendMessage&Version=2012-11-05&MessageBody=a%20b", SECOND);
    assert!(
        header(&head, "authorization")
            .ends_with("Signature=b1c7b22ce974b06d9709292d1b4c8c507e3f56b502c74f5155ff78667fd7a341")
    );
}

#[test]
fn what_is_kept_between_requests_does_not_show() {
    let endpoint = endpoint("json");
    let (mut signer, mut head) = (Signer::new(&endpoint), Head::new(&endpoint, "SendMessage", "/"));
    // The same second, the next, another day, and back; bodies longer and shorter.
    for (second, body) in [(0, "a"), (0, "bcd"), (1, ""), (DAY_SECONDS, "a"), (DAY_SECONDS, "a"), (1, "e")] {
        let second = SECOND + second;
        signer.sign_at(&mut head, body.as_bytes(), second);
        let mut new = Head::new(&endpoint, "SendMessage", "/");
        Signer::new(&endpoint).sign_at(&mut new, body.as_bytes(), second);
        assert_eq!(head.headers(), new.headers(), "{second} {body}");
    }
}

#[test]
fn one_signer_serves_many_heads() {
    let endpoint = endpoint("json");
    let mut signer = Signer::new(&endpoint);
    let (mut send, mut delete) = (Head::new(&endpoint, "SendMessage", "/"), Head::new(&endpoint, "DeleteMessage", "/"));
    signer.sign_at(&mut send, b"", SECOND);
    signer.sign_at(&mut delete, b"", SECOND + 1);
    signer.sign_at(&mut send, b"", SECOND + 1);
    assert_eq!(header(&send, "x-amz-date"), "20150830T123601Z");
    assert_eq!(header(&delete, "x-amz-date"), "20150830T123601Z");
    assert_ne!(header(&send, "authorization"), header(&delete, "authorization"));
}

#[test]
fn patched_heads_are_signed_like_whole_requests() {
    for (protocol, action, body) in [("json", "SendMessage", "{}"), ("query", "DeleteMessage", "Action=DeleteMessage")]
    {
        let endpoint = endpoint(protocol);
        let mut head = Head::new(&endpoint, action, "/");
        Signer::new(&endpoint).sign_at(&mut head, body.as_bytes(), SECOND);
        let credentials = Credentials {
            access_key_id: endpoint.access_key_id.clone(),
            secret: endpoint.secret.clone(),
            region: endpoint.region.clone(),
            service: endpoint.service.signing_name(),
        };
        let signed = ["host", "x-amz-date", "x-amz-target"]
            .into_iter()
            .filter_map(|name| head.headers().get(name).map(|value| (name, value.to_str().expect("ASCII"))));
        let request = CanonicalRequest::new("POST", "/").headers(signed).body(body.as_bytes());
        let whole = credentials.authorization(&request, &Timestamp::from_unix_seconds(SECOND));
        assert_eq!(header(&head, "authorization"), whole, "{protocol}");
    }
}

#[test]
fn signing_has_a_price() {
    let seconds = signature_seconds(&endpoint("json"));
    assert!(seconds > 0.0 && seconds < 1.0, "{seconds}");
}
