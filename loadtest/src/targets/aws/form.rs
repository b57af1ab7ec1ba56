//! The Query protocol's bodies: `application/x-www-form-urlencoded`, with lists and maps numbered from 1.

use posthouse_aws_client::percent;
use serde_json::Value;

use super::{Parameters, Service};

/// Starts a body with the action and the version of the service.
pub(super) fn begin(into: &mut Vec<u8>, service: Service, action: &str) {
    into.clear();
    for part in ["Action=", action, "&Version=", service.query_version()] {
        into.extend_from_slice(part.as_bytes());
    }
}

/// Appends a member. The name is taken as it is, the value is encoded.
pub(super) fn member(into: &mut Vec<u8>, name: &str, value: &[u8]) {
    into.push(b'&');
    into.extend_from_slice(name.as_bytes());
    into.push(b'=');
    percent::encode_into(into, value);
}

/// The body of a call that is not measured. Maps are written as in the service's model. Those of SQS are flat and have
/// the map's name in the singular.
pub(super) fn once(service: Service, action: &str, parameters: &Parameters) -> Vec<u8> {
    let mut body = Vec::new();
    begin(&mut body, service, action);
    for (name, value) in parameters {
        let Value::Object(map) = value else {
            member(&mut body, name, text(value).as_bytes());
            continue;
        };
        for (index, (key, value)) in map.iter().enumerate() {
            let number = index + 1;
            let (prefix, [key_name, value_name]) = match service {
                Service::Sqs => (format!("{}.{number}", name.trim_end_matches('s')), ["Name", "Value"]),
                Service::Sns => (format!("{name}.entry.{number}"), ["key", "value"]),
            };
            member(&mut body, &format!("{prefix}.{key_name}"), key.as_bytes());
            member(&mut body, &format!("{prefix}.{value_name}"), text(value).as_bytes());
        }
    }
    body
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_written_as_each_service_has_them() {
        let parameters = serde_json::json!({"QueueName": "a b", "Attributes": {"VisibilityTimeout": "30", "X": 1}});
        let Value::Object(parameters) = parameters else { unreachable!("an object") };
        let body = |service, action| String::from_utf8(once(service, action, &parameters)).expect("ASCII");
        assert_eq!(
            body(Service::Sqs, "CreateQueue"),
            "Action=CreateQueue&Version=2012-11-05&Attribute.1.Name=VisibilityTimeout&Attribute.1.Value=30\
             &Attribute.2.Name=X&Attribute.2.Value=1&QueueName=a%20b"
        );
        assert_eq!(
            body(Service::Sns, "Subscribe"),
            "Action=Subscribe&Version=2010-03-31&Attributes.entry.1.key=VisibilityTimeout\
             &Attributes.entry.1.value=30&Attributes.entry.2.key=X&Attributes.entry.2.value=1&QueueName=a%20b"
        );
    }
}
