//! The closed table of fault codes. A number is never used for anything else.
//!
//! Below 256 are the protocol's own. From 256 on are the broker's faults, as SQS and SNS know them, one for each
//! variant of the model's `Fault`; from 384 on those that only SNS has.

macro_rules! fault_codes {
    ($(#[doc = $meaning:literal] $number:literal $name:ident $remedy:ident,)+) => {
        /// Why something is refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum FaultCode { $(#[doc = $meaning] $name = $number,)+ }

        impl FaultCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code with a number; `None` for one that a newer peer may know.
            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$name),)+ _ => None }
            }

            /// Its number in a frame.
            #[must_use]
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// Its name in `docs/protocol.md`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// A sentence about it, for people.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning.trim_ascii(),)+ }
            }

            /// What a client can do about it.
            #[must_use]
            pub const fn remedy(self) -> Remedy {
                match self { $(Self::$name => Remedy::$remedy,)+ }
            }
        }
    };
}

/// What a client can do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// The same request can succeed later, without a change.
    Retry,
    /// The same request fails again.
    Change,
}

fault_codes! {
    /// The first frame is no HELLO.
    1 NotHello Change,
    /// The HELLO does not start with the protocol's name.
    2 BadMagic Change,
    /// The two sides have no version in common.
    3 Version Change,
    /// A frame's check is wrong or missing.
    4 Checksum Retry,
    /// A frame is longer than is allowed now.
    5 FrameTooLong Change,
    /// A kind that may not be skipped is unknown.
    6 UnknownKind Change,
    /// A header or a payload is not what its kind says.
    7 Malformed Change,
    /// A frame is not allowed in this state or on this link.
    8 UnexpectedFrame Change,
    /// The access key is unknown or the proof is wrong; the fault does not say which.
    9 NotAuthenticated Change,
    /// The hello, the rest of a frame or a sign of life did not arrive in time.
    10 Timeout Retry,
    /// The broker has as many connections as it takes.
    11 TooManyConnections Retry,
    /// The connection, or all of them together, have as many links as they may have.
    12 TooManyLinks Change,
    /// The connection has as many unanswered requests as it may have.
    13 TooManyRequests Change,
    /// A link is opened whose number is in use.
    14 LinkInUse Change,
    /// A frame names a link that is not open.
    15 UnknownLink Change,
    /// The number of a request is in use.
    16 RequestInUse Change,
    /// A SEND leaves out message numbers.
    17 OutOfSequence Change,
    /// A CREDIT is larger than a number may be.
    18 CreditOverflow Change,
    /// A producer has more unanswered messages or bytes than its window allows.
    19 WindowExceeded Change,
    /// A SEND has more messages or bytes than is allowed.
    20 TooManyMessages Change,
    /// A message has a field that its target does not take: a subject for a queue, a delay for a topic.
    22 TargetMismatch Change,
    /// The message was stored or refused before, and the broker no longer remembers which.
    23 OutcomeUnknown Change,
    /// A number was never delivered on this link, or it was settled before.
    24 UnknownDelivery Change,
    /// A message is no longer in flight: its visibility timeout has passed, or another client has settled it.
    25 NotInFlight Change,
    /// The queue has no dead-letter queue.
    26 NoDeadLetterQueue Change,
    /// A CALL names an operation that does not exist.
    27 UnknownOperation Change,
    /// The parameters of a CALL are no JSON of that operation.
    28 MalformedCall Change,
    /// The request was cancelled.
    29 Cancelled Change,
    /// The broker or the link is ending, and takes no more requests.
    30 GoingAway Retry,
    /// The parts of a payload are longer together than is allowed.
    31 PayloadTooLong Change,
    /// The HELLO names a region that the broker does not serve.
    32 UnknownRegion Change,

    /// `AccessDenied`
    256 AccessDenied Change,
    /// `AWS.SimpleQueueService.NonExistentQueue`
    257 QueueDoesNotExist Change,
    /// `QueueAlreadyExists`
    258 QueueNameExists Change,
    /// `AWS.SimpleQueueService.QueueDeletedRecently`
    259 QueueDeletedRecently Retry,
    /// `AWS.SimpleQueueService.PurgeQueueInProgress`
    260 PurgeQueueInProgress Retry,
    /// `InvalidAttributeName`
    261 InvalidAttributeName Change,
    /// `InvalidAttributeValue`
    262 InvalidAttributeValue Change,
    /// `InvalidParameterValue`
    263 InvalidParameterValue Change,
    /// `MissingParameter`
    264 MissingParameter Change,
    /// `InvalidMessageContents`
    265 InvalidMessageContents Change,
    /// `AWS.SimpleQueueService.EmptyBatchRequest`
    266 EmptyBatchRequest Change,
    /// `AWS.SimpleQueueService.TooManyEntriesInBatchRequest`
    267 TooManyEntriesInBatchRequest Change,
    /// `AWS.SimpleQueueService.BatchEntryIdsNotDistinct`
    268 BatchEntryIdsNotDistinct Change,
    /// `AWS.SimpleQueueService.InvalidBatchEntryId`
    269 InvalidBatchEntryId Change,
    /// `AWS.SimpleQueueService.BatchRequestTooLong`
    270 BatchRequestTooLong Change,
    /// `ReceiptHandleIsInvalid`
    271 ReceiptHandleIsInvalid Change,
    /// `ReceiptHandleIsInvalid`, of a handle of another queue.
    272 ReceiptHandleOfOtherQueue Change,
    /// `InvalidParameterValue`, of a handle that has expired.
    273 ReceiptHandleExpired Change,
    /// `OverLimit`
    274 OverLimit Retry,
    /// `AWS.SimpleQueueService.UnsupportedOperation`
    275 UnsupportedOperation Change,
    /// `ResourceNotFoundException`
    276 ResourceNotFound Change,
    /// `RequestThrottled`: the broker has more to do than it may hold.
    277 Throttled Retry,
    /// `ServiceUnavailable`: the disk is full.
    278 StorageFull Retry,
    /// `ServiceUnavailable`: the broker is shutting down, or its log has failed.
    279 Unavailable Retry,
    /// `InternalFailure`
    280 Internal Retry,

    /// `AuthorizationError`
    384 AuthorizationError Change,
    /// `EndpointDisabled`
    385 EndpointDisabled Change,
    /// `FilterPolicyLimitExceeded`
    386 FilterPolicyLimitExceeded Change,
    /// `InvalidParameter`
    387 InvalidParameter Change,
    /// `ParameterValueInvalid`
    388 ParameterValueInvalid Change,
    /// `NotFound`
    389 NotFound Change,
    /// `OptedOut`
    390 OptedOut Change,
    /// `PlatformApplicationDisabled`
    391 PlatformApplicationDisabled Change,
    /// `ResourceNotFound`, of SNS.
    392 SnsResourceNotFound Change,
    /// `SubscriptionLimitExceeded`
    393 SubscriptionLimitExceeded Change,
    /// `TagLimitExceeded`
    394 TagLimitExceeded Change,
    /// `TopicLimitExceeded`
    395 TopicLimitExceeded Change,
    /// `UserError`
    396 UserError Change,
    /// `ValidationException`
    397 Validation Change,
    /// `VerificationException`
    398 Verification Change,
}
