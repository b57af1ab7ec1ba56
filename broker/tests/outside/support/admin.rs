//! A client of the admin API.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use posthouse_aws_client::sigv4::{CanonicalRequest, Credentials, Timestamp};
use serde_json::Value as Json;

use super::http::{Connection, Request, Response};

/// A caller of the admin API of one broker.
#[derive(Clone, Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    key: Option<(String, String)>,
    service: &'static str,
}

impl Admin {
    /// One without a key.
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, key: None, service: "posthouse" }
    }

    /// The same with an access key and its secret.
    pub(crate) fn with_key(mut self, (id, secret): (&str, &str)) -> Self {
        self.key = Some((id.into(), secret.into()));
        self
    }

    /// The same, signing for another service.
    pub(crate) fn for_service(mut self, service: &'static str) -> Self {
        self.service = service;
        self
    }

    /// A request, signed if there is a key.
    pub(crate) fn request(&self, method: &str, target: &str, body: impl Into<Vec<u8>>) -> Request {
        let host = self.address.to_string();
        let request = Request::new(method, target, body).header("Host", &host);
        let Some((id, secret)) = &self.key else { return request };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs();
        let at = Timestamp::from_unix_seconds(now);
        let credentials = Credentials {
            access_key_id: id.clone(),
            secret: secret.clone(),
            region: "us-east-1".into(),
            service: self.service,
        };
        let signed = [("host", host.as_str()), ("x-amz-date", at.as_str())];
        let canonical = CanonicalRequest::new(method, target).headers(signed).body(&request.body);
        let authorization = credentials.authorization(&canonical, &at);
        request.header("X-Amz-Date", at.as_str()).header("Authorization", &authorization)
    }

    /// The answer to a request.
    #[track_caller]
    pub(crate) fn exchange(&self, request: &Request) -> Response {
        Connection::open(self.address).and_then(|mut connection| connection.exchange(request)).expect("an answer")
    }

    /// The answer to a request as JSON, with its status.
    #[track_caller]
    pub(crate) fn call(&self, method: &str, target: &str, body: impl Into<Vec<u8>>) -> (u16, Json) {
        let answer = self.exchange(&self.request(method, target, body));
        assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {target}: {answer:?}");
        let json = serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        (answer.status, json)
    }

    /// What a GET answers, which must be 200.
    #[track_caller]
    pub(crate) fn get(&self, target: &str) -> Json {
        let (status, json) = self.call("GET", target, "");
        assert_eq!(status, 200, "GET {target}: {json}");
        json
    }

    /// What a POST answers, which must be 200.
    #[track_caller]
    pub(crate) fn post(&self, target: &str, body: &Json) -> Json {
        let (status, json) = self.call("POST", target, body.to_string());
        assert_eq!(status, 200, "POST {target}: {json}");
        json
    }

    /// The code of a refusal, with its status.
    #[track_caller]
    pub(crate) fn refused(&self, method: &str, target: &str, body: impl Into<Vec<u8>>) -> (u16, String) {
        let (status, json) = self.call(method, target, body);
        let message = json["message"].as_str().unwrap_or_default();
        assert!(status >= 400 && !message.is_empty(), "{method} {target}: {status} {json}");
        (status, json["error"].as_str().expect("a code").to_owned())
    }
}
