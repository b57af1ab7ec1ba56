//! Every fault in both protocols, as one table of text.

use posthouse_model::fault::{
    BatchEntryIdRule, Constraint, Denial, Denied, FilterPolicyLimit, Grant, InvalidMessageAttribute, InvalidValue,
    Limit, MessageAttributeRule, MissingResource, PolicyType, Quota, Rule, SnsMissing, SnsResource, SubscriptionLimit,
    TopicLimit, Unavailable, Unsupported, UserError, Violation,
};
use posthouse_model::{Identity, Seconds, SnsFault};

use super::*;

const CORAL: &str = "com.amazon.coral.service#";
const SNS: &str = "com.amazonaws.sns#";

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
    let invalid = "400 sns#InvalidParameterException InvalidParameter Sender";
    vec![
        (Fault::AccessDenied(denial()), "403 sns#AuthorizationErrorException AuthorizationError Sender"),
        (Fault::QueueDoesNotExist, "404 sns#NotFoundException NotFound Sender"),
        (Fault::QueueNameExists { attribute: "text" }, invalid),
        (Fault::QueueDeletedRecently { interval: Seconds::new(60) }, invalid),
        (Fault::PurgeQueueInProgress { queue: "text".parse().expect("valid"), interval: Seconds::new(60) }, invalid),
        (Fault::unknown_attribute("x"), invalid),
        (Fault::invalid_attribute("text"), invalid),
        (Fault::invalid(InvalidValue::NextToken), invalid),
        (Fault::missing("text"), invalid),
        (Fault::InvalidMessageContents, invalid),
        (
            Fault::EmptyBatchRequest { action: "PublishBatch" },
            "400 sns#EmptyBatchRequestException EmptyBatchRequest Sender",
        ),
        (
            Fault::TooManyEntriesInBatchRequest(11),
            "400 sns#TooManyEntriesInBatchRequestException TooManyEntriesInBatchRequest Sender",
        ),
        (
            Fault::BatchEntryIdsNotDistinct(text()),
            "400 sns#BatchEntryIdsNotDistinctException BatchEntryIdsNotDistinct Sender",
        ),
        (
            Fault::InvalidBatchEntryId { id: "".into(), rule: BatchEntryIdRule::Empty },
            "400 sns#InvalidBatchEntryIdException InvalidBatchEntryId Sender",
        ),
        (Fault::BatchRequestTooLong(1), "400 sns#BatchRequestTooLongException BatchRequestTooLong Sender"),
        (Fault::ReceiptHandleIsInvalid(text()), invalid),
        (Fault::ReceiptHandleOfOtherQueue(text()), invalid),
        (Fault::ReceiptHandleExpired(text()), invalid),
        (Fault::OverLimit(Limit::MessagesInFlight), invalid),
        (Fault::OverLimit(Limit::Quota { of: Quota::Messages, max: 5 }), "429 sns#ThrottledException Throttled Sender"),
        (Fault::UnsupportedOperation(Unsupported::MoveTaskHasEnded), invalid),
        (
            Fault::ResourceNotFound(MissingResource::MoveTask),
            "404 sns#ResourceNotFoundException ResourceNotFound Sender",
        ),
        (Fault::Throttled, "503 sns#ThrottledException Throttled Receiver"),
        (Fault::StorageFull, "503 coral#ServiceUnavailableException ServiceUnavailable Receiver"),
        (
            Fault::Unavailable(Unavailable::ShuttingDown),
            "503 coral#ServiceUnavailableException ServiceUnavailable Receiver",
        ),
        (
            Fault::Unavailable(Unavailable::NoLogFile("x".into())),
            "503 coral#ServiceUnavailableException ServiceUnavailable Receiver",
        ),
        (Fault::Internal, "500 sns#InternalErrorException InternalError Receiver"),
        (
            SnsFault::AuthorizationError(denial()).into(),
            "403 sns#AuthorizationErrorException AuthorizationError Sender",
        ),
        (SnsFault::EndpointDisabled.into(), "400 sns#EndpointDisabledException EndpointDisabled Sender"),
        (
            SnsFault::FilterPolicyLimitExceeded(FilterPolicyLimit::Policies { max: 5 }).into(),
            "403 sns#FilterPolicyLimitExceededException FilterPolicyLimitExceeded Sender",
        ),
        (SnsFault::invalid("Text", Rule::Malformed), invalid),
        (
            SnsFault::ParameterValueInvalid(Box::new(InvalidMessageAttribute {
                name: "text".into(),
                rule: MessageAttributeRule::Type,
            }))
            .into(),
            "400 sns#InvalidParameterValueException ParameterValueInvalid Sender",
        ),
        (SnsFault::NotFound(SnsResource::Topic).into(), "404 sns#NotFoundException NotFound Sender"),
        (SnsFault::OptedOut.into(), "400 sns#OptedOutException OptedOut Sender"),
        (
            SnsFault::PlatformApplicationDisabled.into(),
            "400 sns#PlatformApplicationDisabledException PlatformApplicationDisabled Sender",
        ),
        (
            SnsFault::ResourceNotFound(SnsMissing::Tagged).into(),
            "404 sns#ResourceNotFoundException ResourceNotFound Sender",
        ),
        (
            SnsFault::SubscriptionLimitExceeded(SubscriptionLimit::Queues).into(),
            "403 sns#SubscriptionLimitExceededException SubscriptionLimitExceeded Sender",
        ),
        (SnsFault::TagLimitExceeded.into(), "400 sns#TagLimitExceededException TagLimitExceeded Sender"),
        (
            SnsFault::TopicLimitExceeded(TopicLimit::Region { max: 5 }).into(),
            "403 sns#TopicLimitExceededException TopicLimitExceeded Sender",
        ),
        (SnsFault::UserError(UserError::AlreadyVerified).into(), "400 sns#UserErrorException UserError Sender"),
        (
            SnsFault::Validation(Box::new(Violation {
                origin: "Text".into(),
                value: None,
                constraint: Constraint::NotNull,
            }))
            .into(),
            "400 sns#ValidationException ValidationError Sender",
        ),
        (SnsFault::Verification.into(), "400 sns#VerificationException VerificationException Sender"),
    ]
}

#[test]
fn every_fault_has_its_row() {
    let json = decode_json("ListTopics", "{}").expect("valid").encoder;
    let query = decode_form("ListTopics", "").expect("valid").encoder;
    for (fault, row) in table() {
        let columns: Vec<&str> = row.split(' ').collect();
        let [status, kind, code, side] = columns[..] else { panic!("four columns: {row}") };
        let kind = kind.replace("coral#", CORAL).replace("sns#", SNS);
        let retry = if status == "503" { " 1" } else { "" };
        let message = fault::message(&fault, Protocol::Json10).replace('"', "\\\"");
        assert_eq!(
            shown(json.encode(&Err(fault.clone()))),
            format!(
                "{status} application/x-amz-json-1.0 {code};{side}{retry}\n{{\"__type\":\"{kind}\",\"message\":\"{message}\"}}"
            )
        );
        let message = fault::message(&fault, Protocol::Query).replace('"', "&quot;");
        assert_eq!(
            shown(query.encode(&Err(fault.clone()))),
            format!(
                "{status} text/xml{retry}\n<?xml version=\"1.0\"?><ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
                 <Error><Type>{side}</Type><Code>{code}</Code><Message>{message}</Message></Error>\
                 <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ErrorResponse>"
            )
        );
        assert_eq!(json.fault_code(&fault), code);
    }
}
