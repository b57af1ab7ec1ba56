//! Signatures that botocore made, and the refusals after each kind of change.

use http::{HeaderName, HeaderValue, Request};
use posthouse_model::Permissions;
use proptest::prelude::*;

use super::*;

/// 2015-08-30T12:36:00Z, the time of every vector.
const SIGNED: u64 = 1_440_938_160;
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";
const JSON: &str = "application/x-amz-json-1.0";

/// The user of AWS's own examples.
struct OneUser;

impl Keys for OneUser {
    fn find(&self, access_key_id: &str) -> Option<Credential<'_>> {
        (access_key_id == "AKIDEXAMPLE").then(|| Credential {
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            account: "123456789012".parse().expect("valid"),
            user: "alice",
            permissions: Permissions::Full,
        })
    }
}

fn secured() -> Authenticator {
    Authenticator::new(Access::Secured(Box::new(OneUser)))
}

fn open() -> Authenticator {
    Authenticator::new(Access::Open)
}

#[derive(Clone, Debug)]
struct Signed {
    method: &'static str,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Signed {
    fn new(method: &'static str, url: &str, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| (String::from(*name), String::from(*value)));
        Self { method, url: url.into(), headers: headers.collect(), body: body.into() }
    }

    /// A vector in the header form, with the `host` and the date that all of them share.
    fn header(method: &'static str, url: &str, headers: &[(&str, &str)], signed: &str, s: &str, body: &str) -> Self {
        let mut request = Self::new(method, url, headers, body);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/sqs/aws4_request, SignedHeaders={signed}, Signature={s}"
        );
        for (name, value) in
            [("host", "localhost:9324"), ("x-amz-date", "20150830T123600Z"), ("authorization", &authorization)]
        {
            request.headers.push((name.into(), value.into()));
        }
        request
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(kept, _)| kept != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    fn replaced(mut self, name: &str, from: &str, to: &str) -> Self {
        let (_, value) = self.headers.iter_mut().find(|(kept, _)| kept == name).expect("has that header");
        assert!(value.contains(from), "{value} has no {from}");
        *value = value.replacen(from, to, 1);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(kept, _)| kept != name);
        self
    }

    fn at_url(mut self, from: &str, to: &str) -> Self {
        assert!(self.url.contains(from), "{} has no {from}", self.url);
        self.url = self.url.replacen(from, to, 1);
        self
    }

    fn parts(&self) -> Parts {
        let mut request = Request::builder().method(self.method).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(()).expect("a valid request").into_parts().0
    }

    fn authenticate(&self, authenticator: &Authenticator, now: u64) -> Result<Authenticated, AuthFault> {
        let parts = self.parts();
        let claim = authenticator.claim(&parts);
        authenticator.authenticate("sqs", &claim, self.body.as_bytes(), Timestamp::from_millis(now * 1000))
    }
}

fn json() -> Signed {
    Signed::header(
        "POST",
        "/",
        &[("x-amz-target", "AmazonSQS.ListQueues"), ("content-type", JSON)],
        "content-type;host;x-amz-date;x-amz-target",
        "de6e1711006845afde55daffa4756376277eac7bc0448c75324db20c94bb0c00",
        r#"{"QueueNamePrefix":"o"}"#,
    )
}

fn presigned() -> Signed {
    Signed::new(
        "GET",
        "/?Action=ListQueues&QueueNamePrefix=o%2Fx&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fsqs%2Faws4_request&X-Amz-Date=20150830T123600Z\
         &X-Amz-Expires=3600&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=604c16c0f9b90b77ead64482716493953d8d11edcc0d63bfe5597f873218dd20",
        &[("host", "localhost:9324")],
        "",
    )
}

/// Made by botocore's `SigV4Auth` and `SigV4QueryAuth`.
fn vectors() -> Vec<(&'static str, Signed)> {
    vec![
        ("json", json()),
        ("presigned", presigned()),
        (
            "session token",
            Signed::header(
                "POST",
                "/",
                &[
                    ("x-amz-target", "AmazonSQS.ListQueues"),
                    ("content-type", JSON),
                    ("x-amz-security-token", "TOKEN/with+signs="),
                ],
                "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
                "22be3a23b881d8737005073ac6b6813d0da184bcfb0814d602e6bd11eb39b54d",
                "{}",
            ),
        ),
        (
            "declared body hash",
            Signed::header(
                "POST",
                "/",
                &[
                    ("x-amz-target", "AmazonSQS.ListQueues"),
                    ("content-type", JSON),
                    ("x-amz-content-sha256", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
                ],
                "content-type;host;x-amz-content-sha256;x-amz-date;x-amz-target",
                "f92c501e4cae54883770b1486b4e53f5c4b8d304f6e1f7ee4f4b3687b20652ba",
                "{}",
            ),
        ),
        (
            "path and white space",
            Signed::header(
                "POST",
                "/eu-west-1/123456789012/./a%20b/",
                &[("content-type", FORM), ("x-amz-meta", "  two   words ")],
                "content-type;host;x-amz-date;x-amz-meta",
                "06e8943a97915a92e3c0b894b83edcd240d32193688fd9dd7d53714351765157",
                "Action=PurgeQueue",
            ),
        ),
        (
            "query",
            Signed::header(
                "GET",
                "/?Version=2012-11-05&Action=ListQueues&QueueNamePrefix=a%20b%2B",
                &[],
                "host;x-amz-date",
                "8c99c5fac51afcaec229f838fe8674bf2a5cd3f2d9ea7fe25ba06bccef4898ac",
                "",
            ),
        ),
        (
            "presigned with a session token",
            Signed::new(
                "GET",
                "/eu-west-1/123456789012/q?Action=PurgeQueue&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2Fsqs%2Faws4_request\
                 &X-Amz-Date=20150830T123600Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host\
                 &X-Amz-Security-Token=TOKEN%2Fwith%2Bsigns%3D\
                 &X-Amz-Signature=bbad7a1788776c0ef4ec9cc66bfca2f17565948bbc610ab72e389350c007692b",
                &[("host", "localhost:9324")],
                "",
            ),
        ),
    ]
}

#[test]
fn signatures_of_botocore_verify() {
    let alice = Authenticated {
        identity: Identity::user("123456789012".parse().expect("valid"), "alice"),
        region: "eu-west-1".parse().ok(),
    };
    let authenticator = secured();
    for round in ["derived", "remembered"] {
        for (name, request) in vectors() {
            assert_eq!(request.authenticate(&authenticator, SIGNED), Ok(alice.clone()), "{name}, {round}");
        }
    }
    assert_eq!(authenticator.signing_keys.len(), 1, "one day, region and service");
}

#[test]
fn http_2_has_its_host_in_the_request_line() {
    let request = Signed { url: "http://localhost:9324/".into(), ..json().without("host") };
    assert!(request.authenticate(&secured(), SIGNED).is_ok());
}

#[test]
fn any_change_makes_the_signature_wrong() {
    let authenticator = secured();
    let unchanged = json();
    assert!(unchanged.authenticate(&authenticator, SIGNED).is_ok());
    let unsigned = [("content-type", "text/plain"), ("host", "elsewhere"), ("x-amz-target", "AmazonSQS.PurgeQueue")];
    let mut changed: Vec<Signed> = unsigned.iter().map(|(name, value)| json().with(name, value)).collect();
    changed.extend(unsigned.iter().map(|(name, _)| json().without(name)));
    let authorization = |from, to| json().replaced("authorization", from, to);
    changed.extend([
        Signed { method: "PUT", ..json() },
        Signed { body: r#"{"QueueNamePrefix":"p"}"#.into(), ..json() },
        Signed { body: String::new(), ..json() },
        json().at_url("/", "/x"),
        json().at_url("/", "/?x=y"),
        json().with("x-amz-date", "20150830T123601Z"),
        authorization("eu-west-1", "eu-west-2"),
        authorization("content-type;", ""),
        authorization("host;x-amz-date", "x-amz-date;host"),
        authorization("0c00", "0c01"),
        authorization("de6e", "0000"),
        presigned().at_url("ListQueues", "PurgeQueue"),
        presigned().at_url("Expires=3600", "Expires=3601"),
        presigned().at_url("X-Amz-Expires=3600&", ""),
        presigned().at_url("604c", "604d"),
        presigned().at_url("&X-Amz-SignedHeaders", "&x=y&X-Amz-SignedHeaders"),
        presigned().with("host", "elsewhere"),
        Signed { body: "Action=PurgeQueue".into(), ..presigned() },
    ]);
    for request in changed {
        let fault = request.authenticate(&authenticator, SIGNED).expect_err("changed");
        assert!(fault.to_string().starts_with("The request signature we calculated"), "{request:?}: {fault}");
    }
}

#[test]
fn refusals_have_the_text_of_aws() {
    let authenticator = secured();
    let authorization = |from, to| json().replaced("authorization", from, to);
    let algorithm = "AWS4-HMAC-SHA256";
    for (request, now, expected) in [
        (authorization("AKIDEXAMPLE", "AKIDOTHER"), SIGNED, "The security token included in the request is invalid."),
        (authorization("/sqs/", "/sns/"), SIGNED, "Credential should be scoped to correct service: 'sqs'."),
        (
            authorization("aws4_request", "aws5_request"),
            SIGNED,
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'.",
        ),
        (authorization("eu-west-1", "EU"), SIGNED, "Credential should be scoped to a valid region."),
        (
            authorization("20150830", "20150831"),
            SIGNED,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20150831' != \
             '20150830', from '20150830T123600Z'.",
        ),
        (
            authorization("/sqs/", "/"),
            SIGNED,
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             'AKIDEXAMPLE/20150830/eu-west-1/aws4_request'",
        ),
        (
            authorization("host;", ""),
            SIGNED,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (
            authorization(";x-amz-target", ""),
            SIGNED,
            "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization.",
        ),
        (json().with("x-amz-more", "x"), SIGNED, "'x-amz-more' must be a 'SignedHeader' in the AWS Authorization."),
        (
            authorization(";x-amz-date", ";x-amz-content-sha256;x-amz-date")
                .with("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            SIGNED,
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
        ),
        (authorization("0c00", "0c0"), SIGNED, "Signature must be 64 hexadecimal digits."),
        (authorization("0c00", "0c0x"), SIGNED, "Signature must be 64 hexadecimal digits."),
        (json().with("authorization", algorithm), SIGNED, "Authorization header requires the scheme AWS4-HMAC-SHA256."),
        (
            json().with("authorization", "Basic YTpi"),
            SIGNED,
            "Authorization header requires the scheme AWS4-HMAC-SHA256.",
        ),
        (
            json().with("authorization", "AWS4-HMAC-SHA256 Credential").without("x-amz-date"),
            SIGNED,
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' \
             parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires \
             existence of either a 'X-Amz-Date' or a 'Date' header.",
        ),
        (
            json(),
            SIGNED + 901,
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T125101Z - 15 min.)",
        ),
        (
            json(),
            SIGNED - 901,
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z (20150830T122059Z + 15 \
             min.)",
        ),
        (
            presigned(),
            SIGNED + 3601,
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T133601Z - 60 min.)",
        ),
        (
            presigned().at_url("Expires=3600", "Expires=604801"),
            SIGNED,
            "X-Amz-Expires must be between 1 and 604800 seconds.",
        ),
        (
            presigned().at_url("Expires=3600", "Expires=0"),
            SIGNED,
            "X-Amz-Expires must be between 1 and 604800 seconds.",
        ),
        (
            presigned().at_url("=AWS4-HMAC-SHA256", "=AWS4"),
            SIGNED,
            "AWS query-string parameter X-Amz-Algorithm must be AWS4-HMAC-SHA256.",
        ),
        (
            presigned().at_url("X-Amz-Signature", "X-Amz-Signed"),
            SIGNED,
            "AWS query-string parameters must include 'X-Amz-Signature'.",
        ),
        (presigned().at_url("Date=2015", "Date=15"), SIGNED, "X-Amz-Date must be in the form YYYYMMDDTHHMMSSZ."),
    ] {
        let fault = request.authenticate(&authenticator, now).expect_err(expected);
        assert_eq!(fault.to_string(), expected, "{request:?}");
    }
    assert_eq!(authenticator.signing_keys.len(), 0, "none of these was right");
}

#[test]
fn clocks_may_differ_by_fifteen_minutes_and_a_presigned_request_has_its_own_expiry() {
    let authenticator = secured();
    for (request, now) in
        [(json(), SIGNED + 900), (json(), SIGNED - 900), (presigned(), SIGNED + 3600), (presigned(), SIGNED - 900)]
    {
        assert!(request.authenticate(&authenticator, now).is_ok(), "{now}");
    }
}

#[test]
fn a_head_with_the_key_of_a_user_has_standing_before_its_body_is_there() {
    let authorization = |from, to| json().replaced("authorization", from, to);
    for (request, now, standing) in [
        (json(), SIGNED, Standing::Keyed),
        (json(), SIGNED + 900, Standing::Keyed),
        (presigned(), SIGNED + 3600, Standing::Keyed),
        (authorization("0c00", "0c01"), SIGNED, Standing::Keyed),
        (json(), SIGNED + 901, Standing::Unkeyed),
        (json(), SIGNED - 901, Standing::Unkeyed),
        (presigned(), SIGNED + 3601, Standing::Unkeyed),
        (authorization("AKIDEXAMPLE", "AKIDOTHER"), SIGNED, Standing::Unkeyed),
        (authorization("AKIDEXAMPLE/", ""), SIGNED, Standing::Unkeyed),
        (authorization("0c00", "0c0"), SIGNED, Standing::Unkeyed),
        (json().with("authorization", "Basic YTpi"), SIGNED, Standing::Unkeyed),
        (json().without("authorization"), SIGNED, Standing::Unkeyed),
    ] {
        let parts = request.parts();
        let now = Timestamp::from_millis(now * 1000);
        let stands = |authenticator: Authenticator| authenticator.claim(&parts).standing(now);
        assert_eq!(stands(secured()), standing, "{request:?}");
        assert_eq!(stands(open()), Standing::Keyed, "{request:?}");
    }
}

#[test]
fn the_list_of_signed_headers_is_bounded_and_names_each_once() {
    let many: String = (0..100).map(|n| format!("x{n};")).collect();
    for (list, expected) in [
        ("host;host;x-amz-date;x-amz-target".to_owned(), "SignedHeaders must not name a header twice."),
        ("Host;host;x-amz-date;x-amz-target".to_owned(), "SignedHeaders must not name a header twice."),
        (format!("{many}host"), "SignedHeaders must not name more than 100 headers."),
    ] {
        let request = json().replaced("authorization", "content-type;host;x-amz-date;x-amz-target", &list);
        assert_eq!(request.authenticate(&secured(), SIGNED).expect_err("refused").to_string(), expected);
    }
}

#[test]
fn without_a_signature_a_caller_is_anonymous() {
    let anonymous = Authenticated { identity: Identity::Anonymous, region: None };
    for url in ["/", "/?Action=ListQueues&X-Amz-Date=x"] {
        let request = Signed::new("POST", url, &[("host", "h")], "");
        assert_eq!(request.authenticate(&secured(), SIGNED), Ok(anonymous.clone()), "{url}");
    }
}

#[test]
fn without_users_any_credentials_name_an_account_and_a_region() {
    let header = |authorization: &str| Signed::new("POST", "/", &[("authorization", authorization)], "");
    let scheme = "AWS4-HMAC-SHA256 Credential=";
    for (request, account, region) in [
        (Signed::new("POST", "/", &[], ""), "000000000000", ""),
        (json(), "000000000000", "eu-west-1"),
        (presigned(), "000000000000", "eu-west-1"),
        (header("Basic YTpi"), "000000000000", ""),
        (header("nonsense"), "000000000000", ""),
        (header(&format!("{scheme}111122223333/x/us-west-2")), "111122223333", "us-west-2"),
        (header(&format!("{scheme}111122223333/20150830/us-west-2/sns/x, Signature=x")), "111122223333", "us-west-2"),
        (header(&format!("{scheme}111122223333/20150830/NOT A REGION/sqs/x")), "111122223333", ""),
        (header(&format!("{scheme}1111222233334/20150830/us-west-2/sqs/x")), "000000000000", "us-west-2"),
        (header(&format!("{scheme}111122223333")), "111122223333", ""),
        (Signed::new("GET", "/?X-Amz-Credential=111122223333/1/us-west-2", &[], ""), "111122223333", "us-west-2"),
    ] {
        let expected =
            Authenticated { identity: Identity::root(account.parse().expect("valid")), region: region.parse().ok() };
        assert_eq!(request.authenticate(&open(), 0), Ok(expected), "{request:?}");
    }
}

proptest! {
    #[test]
    fn no_authorization_header_or_url_makes_trouble(
        scheme in prop_oneof![Just("AWS4-HMAC-SHA256 "), Just("AWS4-HMAC-SHA256"), Just("")],
        fields in proptest::collection::vec(
            prop_oneof![
                "(Credential|SignedHeaders|Signature)=[ -~]{0,80}",
                Just(String::from("Credential=AKIDEXAMPLE/20150830/eu-west-1/sqs/aws4_request")),
                Just(String::from("SignedHeaders=host;;x-amz-date;\u{e9}")),
                "Signature=[0-9a-f]{64}",
                "[ -~]{0,20}",
            ],
            0..5,
        ),
        raw in proptest::collection::vec(any::<u8>(), 0..100),
        path in "/[!-~&&[^?#]]{0,30}",
        query in "([XYAmz-]{1,4}|X-Amz-(Signature|Credential|Date|Expires|Algorithm|SignedHeaders))=[!-~&&[^#]]{0,60}",
        now in any::<u64>(),
    ) {
        for value in [HeaderValue::from_str(&format!("{scheme}{}", fields.join(","))).ok(), HeaderValue::from_bytes(&raw).ok(), None] {
            let Ok(request) = Request::get(format!("{path}?{query}")).body(()) else { continue };
            let (mut parts, ()) = request.into_parts();
            for name in ["authorization", "x-amz-date", "date", "host"] {
                if let Some(value) = &value {
                    parts.headers.append(HeaderName::from_static(name), value.clone());
                }
            }
            let now = Timestamp::from_millis(now);
            let verdict = |authenticator: &Authenticator| {
                let claim = authenticator.claim(&parts);
                let standing = claim.standing(now);
                (standing, authenticator.authenticate("sqs", &claim, b"", now))
            };
            let (standing, taken) = verdict(&open());
            prop_assert!(standing == Standing::Keyed && taken.is_ok());
            if let (_, Ok(authenticated)) = verdict(&secured()) {
                prop_assert_eq!(authenticated.identity, Identity::Anonymous, "a random signature does not verify");
            }
        }
    }
}
