//! The Query protocol: forms in, XML out. Two tables list where the names of SQS differ from the service model's. The
//! names of SNS are in [`super::sns_query`].

use posthouse_aws_client::xml::Element;
use serde_json::{Map, Value, json};

use super::client::Refusal;
use super::form::form;
use super::http::{Request, Response};
use super::protocol::{Protocol, Service};
use super::sns_query;

/// The Query protocol.
pub(crate) struct Query;

/// Lists and maps of requests: the member, the prefix of its parameters and, for a map, the name of its keys.
const INPUTS: &[(&str, &str, Option<&str>)] = &[
    ("Attributes", "Attribute", Some("Name")),
    ("tags", "Tag", Some("Key")),
    ("Tags", "Tag", Some("Key")),
    ("MessageAttributes", "MessageAttribute", Some("Name")),
    ("MessageSystemAttributes", "MessageSystemAttribute", Some("Name")),
    ("AttributeNames", "AttributeName", None),
    ("MessageAttributeNames", "MessageAttributeName", None),
    ("MessageSystemAttributeNames", "MessageSystemAttributeName", None),
    ("TagKeys", "TagKey", None),
    ("AWSAccountIds", "AWSAccountId", None),
    ("Actions", "ActionName", None),
];

/// Repeated elements of answers: the element, the member that it is an item of and, for a map, what its keys are
/// called.
const OUTPUTS: &[(&str, &str, Option<&str>)] = &[
    ("QueueUrl", "QueueUrls", None),
    ("Attribute", "Attributes", Some("Name")),
    ("Tag", "Tags", Some("Key")),
    ("Message", "Messages", None),
    ("MessageAttribute", "MessageAttributes", Some("Name")),
    ("SendMessageBatchResultEntry", "Successful", None),
    ("DeleteMessageBatchResultEntry", "Successful", None),
    ("ChangeMessageVisibilityBatchResultEntry", "Successful", None),
    ("BatchResultErrorEntry", "Failed", None),
    ("ListMessageMoveTasksResultEntry", "Results", None),
];

/// Members of answers that are numbers.
const NUMBERS: &[&str] = &[
    "ApproximateNumberOfMessagesMoved",
    "ApproximateNumberOfMessagesToMove",
    "MaxNumberOfMessagesPerSecond",
    "StartedTimestamp",
];

/// An unsigned request with the form as its body.
pub(crate) fn request(body: impl Into<Vec<u8>>) -> Request {
    Request::new("POST", "/", body)
        .header("Host", "sqs.test:9324")
        .header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
}

/// The parameters of a call of SQS.
pub(crate) fn parameters(action: &str, input: &Value) -> Vec<(String, String)> {
    parameters_of(Service::Sqs, action, input)
}

/// The parameters of a call.
pub(crate) fn parameters_of(service: Service, action: &str, input: &Value) -> Vec<(String, String)> {
    let version = service.version().to_owned();
    let mut pairs = vec![("Action".to_owned(), action.to_owned()), ("Version".to_owned(), version)];
    match service {
        Service::Sqs => flatten(&mut pairs, action, "", input),
        Service::Sns => sns_query::flatten(&mut pairs, "", input),
    }
    pairs
}

fn flatten(pairs: &mut Vec<(String, String)>, action: &str, prefix: &str, input: &Value) {
    for (member, value) in input.as_object().expect("an input is a structure") {
        let table = INPUTS.iter().find(|(name, ..)| name == member);
        match (value, table) {
            (Value::Null, _) => {}
            (Value::Object(map), Some((_, name, Some(key_name)))) => {
                for (index, (key, value)) in map.iter().enumerate() {
                    let item = format!("{prefix}{name}.{}.", index + 1);
                    pairs.push((format!("{item}{key_name}"), key.clone()));
                    match value {
                        Value::Object(_) => flatten(pairs, action, &format!("{item}Value."), value),
                        scalar => pairs.push((format!("{item}Value"), text(scalar))),
                    }
                }
            }
            // The SDKs write an empty list as a parameter without a value, by the member's own name.
            (Value::Array(items), _) if items.is_empty() => pairs.push((format!("{prefix}{member}"), String::new())),
            (Value::Array(items), table) => {
                let entry = format!("{action}RequestEntry");
                let name = table.map_or(entry.as_str(), |(_, name, _)| name);
                for (index, item) in items.iter().enumerate() {
                    let item_name = format!("{prefix}{name}.{}", index + 1);
                    match item {
                        Value::Object(_) => flatten(pairs, action, &format!("{item_name}."), item),
                        scalar => pairs.push((item_name, text(scalar))),
                    }
                }
            }
            (scalar, _) => pairs.push((format!("{prefix}{member}"), text(scalar))),
        }
    }
}

/// The text of a scalar in a form.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The output or the refusal in an answer of SQS.
#[track_caller]
pub(crate) fn answer(action: &str, response: &Response) -> Result<Value, Refusal> {
    answer_of(Service::Sqs, action, response)
}

/// The output or the refusal in an answer.
#[track_caller]
pub(crate) fn answer_of(service: Service, action: &str, response: &Response) -> Result<Value, Refusal> {
    assert_eq!(response.header("content-type"), Some("text/xml"), "{response:?}");
    let root = Element::parse(response.text()).unwrap_or_else(|error| panic!("{error}: {}", response.text()));
    if response.status == 200 {
        assert_eq!(root.name, format!("{action}Response"), "{}", response.text());
        let metadata = root.child("ResponseMetadata").map(|metadata| metadata.text_of("RequestId"));
        assert!(metadata.is_some_and(|id| !id.is_empty()), "no request id: {}", response.text());
        let result = root.child(&format!("{action}Result"));
        return Ok(match (result, service) {
            (None, _) => json!({}),
            (Some(result), Service::Sqs) => output(action, result),
            (Some(result), Service::Sns) => sns_query::output(result),
        });
    }
    assert_eq!(root.name, "ErrorResponse", "{}", response.text());
    assert!(!root.text_of("RequestId").is_empty(), "no request id: {}", response.text());
    let error = root.child("Error").unwrap_or_else(|| panic!("no error: {}", response.text()));
    assert_eq!(error.text_of("Type"), if response.status < 500 { "Sender" } else { "Receiver" }, "{}", response.text());
    let (code, message) = (error.text_of("Code"), error.text_of("Message"));
    Err(Refusal { status: response.status, code: code.into(), message: message.into() })
}

fn output(action: &str, element: &Element) -> Value {
    let mut members = Map::new();
    for child in &element.children {
        // Two names are an item in one answer and a text in another.
        let is_text = match child.name.as_str() {
            "QueueUrl" => !action.starts_with("List"),
            "Message" => action != "ReceiveMessage",
            _ => false,
        };
        match OUTPUTS.iter().find(|(name, ..)| *name == child.name).filter(|_| !is_text) {
            Some((_, member, Some(key))) => {
                let value = child.child("Value").map_or(Value::Null, |value| scalar_or_structure(action, value));
                let map = members.entry(*member).or_insert_with(|| json!({}));
                map[child.text_of(key)] = value;
            }
            Some((_, member, None)) => {
                // The one member that the service model writes in lower case.
                let member = if action == "ListDeadLetterSourceQueues" { "queueUrls" } else { member };
                let list = members.entry(member).or_insert_with(|| json!([]));
                list.as_array_mut().expect("a list").push(scalar_or_structure(action, child));
            }
            None => {
                members.insert(child.name.clone(), scalar_or_structure(action, child));
            }
        }
    }
    Value::Object(members)
}

fn scalar_or_structure(action: &str, element: &Element) -> Value {
    if !element.children.is_empty() {
        return output(action, element);
    }
    match element.name.as_str() {
        "SenderFault" => Value::Bool(element.text == "true"),
        name if NUMBERS.contains(&name) => {
            json!(element.text.parse::<i64>().unwrap_or_else(|_| panic!("{name} is a number: {}", element.text)))
        }
        _ => Value::String(element.text.clone()),
    }
}

impl Protocol for Query {
    fn name(&self) -> &'static str {
        "query"
    }

    fn request(&self, service: Service, action: &str, input: &Value) -> Request {
        request(form(&parameters_of(service, action, input)))
    }

    #[track_caller]
    fn answer(&self, service: Service, action: &str, response: &Response) -> Result<Value, Refusal> {
        answer_of(service, action, response)
    }
}
