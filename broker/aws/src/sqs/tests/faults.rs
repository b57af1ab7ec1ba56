//! Every fault in both protocols, as one table of text. Also the refusals of the listener.

use posthouse_model::fault::{
    BatchEntryIdRule, Denial, Denied, Grant, InvalidValue, Limit, MissingResource, PolicyType, Unavailable, Unsupported,
};
use posthouse_model::{Identity, Seconds, SnsFault};

use super::*;
use crate::protocol::Protocol;

const CORAL: &str = "com.amazon.coral.service#";
const SQS: &str = "com.amazonaws.sqs#";

fn denial() -> Denied {
    Denied::NotGranted(Box::new(Denial {
        caller: Identity::Anonymous,
        action: "Act",
        resource: Some("arn".into()),
        grant: Grant::NotAllowed(PolicyType::Resource),
    }))
}

/// Fault, status, JSON type, Query code, and `Sender` or `Receiver`.
fn table() -> Vec<(Fault, &'static str)> {
    let text = || "text".into();
    vec![
        (Fault::AccessDenied(denial()), "403 coral#AccessDeniedException AccessDenied Sender"),
        (Fault::QueueDoesNotExist, "400 sqs#QueueDoesNotExist AWS.SimpleQueueService.NonExistentQueue Sender"),
        (Fault::QueueNameExists { attribute: "text" }, "400 sqs#QueueNameExists QueueAlreadyExists Sender"),
        (
            Fault::QueueDeletedRecently { interval: Seconds::new(60) },
            "400 sqs#QueueDeletedRecently AWS.SimpleQueueService.QueueDeletedRecently Sender",
        ),
        (
            Fault::PurgeQueueInProgress { queue: "text".parse().expect("valid"), interval: Seconds::new(60) },
            "403 sqs#PurgeQueueInProgress AWS.SimpleQueueService.PurgeQueueInProgress Sender",
        ),
        (Fault::unknown_attribute("x"), "400 sqs#InvalidAttributeName InvalidAttributeName Sender"),
        (Fault::invalid_attribute("text"), "400 sqs#InvalidAttributeValue InvalidAttributeValue Sender"),
        (
            Fault::invalid(InvalidValue::NextToken),
            "400 coral#InvalidParameterValueException InvalidParameterValue Sender",
        ),
        (Fault::missing("text"), "400 coral#MissingRequiredParameterException MissingParameter Sender"),
        (Fault::InvalidMessageContents, "400 sqs#InvalidMessageContents InvalidMessageContents Sender"),
        (
            Fault::EmptyBatchRequest { action: "SendMessageBatch" },
            "400 sqs#EmptyBatchRequest AWS.SimpleQueueService.EmptyBatchRequest Sender",
        ),
        (
            Fault::TooManyEntriesInBatchRequest(11),
            "400 sqs#TooManyEntriesInBatchRequest AWS.SimpleQueueService.TooManyEntriesInBatchRequest Sender",
        ),
        (
            Fault::BatchEntryIdsNotDistinct(text()),
            "400 sqs#BatchEntryIdsNotDistinct AWS.SimpleQueueService.BatchEntryIdsNotDistinct Sender",
        ),
        (
            Fault::InvalidBatchEntryId { id: "".into(), rule: BatchEntryIdRule::Empty },
            "400 sqs#InvalidBatchEntryId AWS.SimpleQueueService.InvalidBatchEntryId Sender",
        ),
        (
            Fault::BatchRequestTooLong(1),
            "400 sqs#BatchRequestTooLong AWS.SimpleQueueService.BatchRequestTooLong Sender",
        ),
        (Fault::ReceiptHandleIsInvalid(text()), "404 sqs#ReceiptHandleIsInvalid ReceiptHandleIsInvalid Sender"),
        (Fault::ReceiptHandleOfOtherQueue(text()), "404 sqs#ReceiptHandleIsInvalid ReceiptHandleIsInvalid Sender"),
        (Fault::ReceiptHandleExpired(text()), "400 coral#InvalidParameterValueException InvalidParameterValue Sender"),
        (Fault::OverLimit(Limit::MessagesInFlight), "403 sqs#OverLimit OverLimit Sender"),
        (
            Fault::UnsupportedOperation(Unsupported::MoveTaskHasEnded),
            "400 sqs#UnsupportedOperation AWS.SimpleQueueService.UnsupportedOperation Sender",
        ),
        (
            Fault::ResourceNotFound(MissingResource::MoveTask),
            "404 sqs#ResourceNotFoundException ResourceNotFoundException Sender",
        ),
        (Fault::Throttled, "503 sqs#RequestThrottled RequestThrottled Receiver"),
        (Fault::StorageFull, "503 coral#ServiceUnavailableException ServiceUnavailable Receiver"),
        (
            Fault::Unavailable(Unavailable::ShuttingDown),
            "503 coral#ServiceUnavailableException ServiceUnavailable Receiver",
        ),
        (
            Fault::Unavailable(Unavailable::NoLogFile("x".into())),
            "503 coral#ServiceUnavailableException ServiceUnavailable Receiver",
        ),
        // Faults of SNS are never a reply to an action of SQS. Their rows exist because the table is exhaustive.
        (SnsFault::TagLimitExceeded.into(), "400 coral#InvalidParameterValueException InvalidParameterValue Sender"),
        (Fault::Internal, "500 coral#InternalFailure InternalFailure Receiver"),
    ]
}

#[test]
fn every_fault_has_its_row() {
    let json = decode_json("ListQueues", "{}").expect("valid").encoder;
    let query = decode_query("Action=ListQueues").expect("valid").encoder;
    for (fault, row) in table() {
        let columns: Vec<&str> = row.split(' ').collect();
        let [status, kind, code, side] = columns[..] else { panic!("four columns: {row}") };
        let kind = kind.replace("coral#", CORAL).replace("sqs#", SQS);
        let retry = if status == "503" { " 1" } else { "" };
        let message = fault::message(&fault, Protocol::Json10).replace('"', "\\\"");
        assert_eq!(
            shown(json.encode(&Err(fault.clone()))),
            format!(
                "{status} application/x-amz-json-1.0 {code};{side}{retry}\n{{\"__type\":\"{kind}\",\"message\":\"{message}\"}}"
            )
        );
        let message = match &fault {
            Fault::QueueDoesNotExist => "The specified queue does not exist for this wsdl version.".into(),
            fault => fault::message(fault, Protocol::Query).replace('"', "&quot;"),
        };
        assert_eq!(
            shown(query.encode(&Err(fault.clone()))),
            format!(
                "{status} text/xml{retry}\n<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://queue.amazonaws.com/doc/2012-11-05/\">\
                 <Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message><Detail/></Error>\
                 <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
            )
        );
        assert_eq!(json.fault_code(&fault), code);
    }
}

#[test]
fn what_the_listener_refuses() {
    let json = json_request("SendMessage");
    let query = query_request();
    let id = arrival().request_id;
    for (fault, status, code, kind) in [
        (
            TransportFault::BodyTooLarge { limit_bytes: 9 },
            "413",
            "RequestEntityTooLarge",
            "RequestEntityTooLargeException",
        ),
        (TransportFault::HeadersTooLarge, "431", "RequestHeaderSectionTooLarge", "RequestEntityTooLargeException"),
        (TransportFault::TimedOut, "408", "RequestTimeout", "RequestTimeoutException"),
        (TransportFault::MethodNotAllowed, "405", "InvalidHttpRequest", "UnknownOperationException"),
        (TransportFault::BadRequest("text"), "400", "InvalidHttpRequest", "SerializationException"),
        (
            TransportFault::Overloaded { retry_after_seconds: 7 },
            "503",
            "ServiceUnavailable",
            "ServiceUnavailableException",
        ),
        (TransportFault::Internal, "500", "InternalFailure", "InternalFailure"),
    ] {
        let side = if status.starts_with('5') { "Receiver" } else { "Sender" };
        let retry = if status == "503" { " 7" } else { "" };
        assert_eq!(
            shown(refuse(Some(&json), &fault, id)),
            format!(
                "{status} application/x-amz-json-1.0 {code};{side}{retry}\n{{\"__type\":\"{CORAL}{kind}\",\"message\":\"{fault}\"}}"
            )
        );
        for parts in [Some(&query), None] {
            let text = shown(refuse(parts, &fault, id));
            assert!(text.starts_with(&format!("{status} text/xml{retry}\n")), "{text}");
            assert!(
                text.contains(&format!("<Type>{side}</Type><Code>{code}</Code><Message>{fault}</Message>")),
                "{text}"
            );
        }
    }
}
