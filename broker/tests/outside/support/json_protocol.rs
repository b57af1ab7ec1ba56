//! AWS JSON 1.0.

use serde_json::Value;

use super::client::Refusal;
use super::http::{Request, Response};
use super::protocol::{Protocol, Service};

/// The JSON protocol.
pub(crate) struct Json;

/// An unsigned request to SQS.
pub(crate) fn request(action: &str, body: impl Into<Vec<u8>>) -> Request {
    request_to(Service::Sqs, action, body)
}

/// An unsigned request.
pub(crate) fn request_to(service: Service, action: &str, body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", "/", body)
        .header("Host", "sqs.test:9324")
        .header("Content-Type", "application/x-amz-json-1.0")
        .header("X-Amz-Target", &format!("{}.{action}", service.target()))
}

/// The output or the refusal in an answer.
#[track_caller]
pub(crate) fn answer(response: &Response) -> Result<Value, Refusal> {
    let body = response.text();
    assert!(response.header("x-amzn-requestid").is_some(), "no request id: {response:?}");
    assert_eq!(response.header("content-type"), Some("application/x-amz-json-1.0"), "{response:?}");
    if response.status == 200 {
        return Ok(if body.is_empty() {
            Value::Object(serde_json::Map::new())
        } else {
            serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body}"))
        });
    }
    let error: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body}"));
    let kind = error["__type"].as_str().unwrap_or_else(|| panic!("an error has a __type: {body}"));
    let query_error = response.header("x-amzn-query-error").unwrap_or_else(|| panic!("no x-amzn-query-error: {body}"));
    let (code, fault) = query_error.split_once(';').unwrap_or_else(|| panic!("{query_error}"));
    assert_eq!(fault, if response.status < 500 { "Sender" } else { "Receiver" }, "{response:?}");
    assert!(kind.contains('#'), "a __type has a namespace: {kind}");
    let message = error["message"].as_str().unwrap_or_else(|| panic!("an error has a message: {body}"));
    Err(Refusal { status: response.status, code: code.into(), message: message.into() })
}

impl Protocol for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn request(&self, service: Service, action: &str, input: &Value) -> Request {
        request_to(service, action, input.to_string())
    }

    #[track_caller]
    fn answer(&self, _: Service, _: &str, response: &Response) -> Result<Value, Refusal> {
        answer(response)
    }
}
