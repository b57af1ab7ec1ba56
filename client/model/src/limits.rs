//! Every limit that a caller can meet, in one place: AWS's numbers beside AWS's names. The unit is in the name or in
//! the comment. Relations between limits that other code relies on are proved at the end of the file.
//!
//! Sources: for SQS the published service model and the page "Amazon SQS quotas" of the developer guide; for SNS
//! the published service model and the page "Amazon Simple Notification Service endpoints and quotas" of the AWS
//! General Reference.

/// Longest `MessageBody` with its attributes, in bytes; also the default of `MaximumMessageSize`.
pub const MAXIMUM_MESSAGE_SIZE_BYTES: u32 = 1024 * 1024;
/// Smallest value that `MaximumMessageSize` may be set to, in bytes.
pub const MAXIMUM_MESSAGE_SIZE_FLOOR_BYTES: u32 = 1024;
/// All entries of one `SendMessageBatch` together, in bytes.
pub const BATCH_SIZE_MAX_BYTES: u32 = 1024 * 1024;
/// Entries of one batch request.
pub const BATCH_ENTRIES_MAX: usize = 10;
/// Characters of a batch entry's `Id`.
pub const BATCH_ENTRY_ID_CHARS_MAX: usize = 80;
/// `MaxNumberOfMessages` of one `ReceiveMessage`.
pub const RECEIVE_MESSAGES_MAX: u32 = 10;
/// Messages that one receive of a native consumer returns at most. Posthouse's own: the engine takes some hundred
/// microseconds for so many, and other requests do not wait longer.
pub const NATIVE_RECEIVE_MESSAGES_MAX: u32 = 1024;
/// Messages that one batch of a native producer has at most, for the same reason.
pub const NATIVE_SEND_MESSAGES_MAX: usize = 512;
/// Received messages that one request of a native consumer settles at most. Posthouse's own: the event that dead-letters
/// them stays below two megabytes.
pub const NATIVE_SETTLEMENTS_MAX: usize = 1024;
/// How long a native producer is remembered after its last message: five minutes, as a deduplication id is.
pub const PRODUCER_SECONDS: u32 = 300;
/// Native producers that one queue or topic remembers. For one more, the one that was silent longest is forgotten.
pub const PRODUCERS_MAX: usize = 10_000;
/// Messages of a native producer to a FIFO queue or topic whose sequence numbers are remembered: as many as it may have
/// unanswered.
pub const PRODUCER_SEQUENCE_NUMBERS_MAX: usize = 1024;
/// Runs of messages of a native producer that were refused, or were duplicates, and whose answers are remembered.
pub const PRODUCER_EXCEPTIONS_MAX: usize = 1024;
/// Messages that a native producer to a standard queue or topic may have unanswered. Little is remembered of them, so that
/// this bounds what a client sends again.
pub const PRODUCER_WINDOW_MESSAGES: u32 = 16_384;

/// `DelaySeconds`, of a queue and of a message.
pub const DELAY_SECONDS_MAX: u32 = 900;
/// `WaitTimeSeconds` and `ReceiveMessageWaitTimeSeconds`.
pub const RECEIVE_WAIT_SECONDS_MAX: u32 = 20;
/// `VisibilityTimeout`: twelve hours, also for all changes of one receive taken together.
pub const VISIBILITY_TIMEOUT_SECONDS_MAX: u32 = 43_200;
/// `VisibilityTimeout` of a queue that does not set one.
pub const VISIBILITY_TIMEOUT_SECONDS_DEFAULT: u32 = 30;
/// Shortest `MessageRetentionPeriod`.
pub const RETENTION_SECONDS_MIN: u32 = 60;
/// Longest `MessageRetentionPeriod`: fourteen days.
pub const RETENTION_SECONDS_MAX: u32 = 1_209_600;
/// `MessageRetentionPeriod` of a queue that does not set one: four days.
pub const RETENTION_SECONDS_DEFAULT: u32 = 345_600;
/// Shortest `KmsDataKeyReusePeriodSeconds`.
pub const KMS_REUSE_SECONDS_MIN: u32 = 60;
/// Longest `KmsDataKeyReusePeriodSeconds`.
pub const KMS_REUSE_SECONDS_MAX: u32 = 86_400;
/// `KmsDataKeyReusePeriodSeconds` of a queue that does not set one.
pub const KMS_REUSE_SECONDS_DEFAULT: u32 = 300;

/// Characters of a queue name, the `.fifo` suffix included.
pub const QUEUE_NAME_CHARS_MAX: usize = 80;
/// Characters of a region's name; AWS has none near it.
pub const REGION_CHARS_MAX: usize = 32;
/// Characters of a `MessageGroupId`.
pub const MESSAGE_GROUP_ID_CHARS_MAX: usize = 128;
/// Characters of a `MessageDeduplicationId`.
pub const DEDUPLICATION_ID_CHARS_MAX: usize = 128;
/// Characters of a `ReceiveRequestAttemptId`.
pub const RECEIVE_ATTEMPT_ID_CHARS_MAX: usize = 128;
/// How long a deduplication id is remembered: five minutes.
pub const DEDUPLICATION_SECONDS: u32 = 300;
/// How long a receive request attempt id is remembered: five minutes.
pub const RECEIVE_ATTEMPT_SECONDS: u32 = 300;

/// Message attributes of one message.
pub const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// Bytes of the error that the dead letter of a push bears: the first KiB (Lambda developer guide, "Adding a dead-letter
/// queue").
pub const PUSH_ERROR_BYTES_MAX: usize = 1024;
/// Characters of a message attribute's name.
pub const ATTRIBUTE_NAME_CHARS_MAX: usize = 256;
/// Characters of a message attribute's data type, custom label included.
pub const ATTRIBUTE_TYPE_CHARS_MAX: usize = 256;
/// Bytes of an `AWSTraceHeader`; X-Ray's own header is well below it.
pub const TRACE_HEADER_BYTES_MAX: usize = 1024;

/// Messages of one queue that may be in flight at once.
pub const IN_FLIGHT_MAX: usize = 120_000;
/// The first messages of a FIFO queue, among which receives look for a group that is available (SQS Developer Guide, "FIFO
/// queue delivery logic"). Those behind them wait, whatever their group.
pub const FIFO_WINDOW_MESSAGES: usize = 120_000;
/// Smallest `maxReceiveCount` of a `RedrivePolicy`.
pub const MAX_RECEIVE_COUNT_MIN: u32 = 1;
/// Largest `maxReceiveCount` of a `RedrivePolicy`.
pub const MAX_RECEIVE_COUNT_MAX: u32 = 1000;
/// Source queues that a `RedriveAllowPolicy` may name.
pub const REDRIVE_ALLOW_SOURCES_MAX: usize = 10;
/// `MaxNumberOfMessagesPerSecond` of a message move task.
pub const MOVE_TASK_RATE_MAX: u32 = 500;
/// Message move tasks that `ListMessageMoveTasks` returns at most.
pub const MOVE_TASKS_LISTED_MAX: u32 = 10;
/// Damaged messages that one page of their listing has at most. Posthouse's own: such a page is some 300 KB of text.
pub const DAMAGED_LISTED_MAX: u32 = 1000;
/// Damaged messages that one request drops at most. Posthouse's own: the event that says so is 8 KB.
pub const DAMAGED_DROPPED_MAX: usize = 1000;
/// Messages that one look of `PeekMessages` looks at, at most. Posthouse's own: it takes the core loop some tens of
/// microseconds.
pub const PEEKED_MAX: u32 = 256;
/// Bytes of records from which on a look of `PeekMessages` takes no further message. Posthouse's own: a look may hold as
/// much in memory, or one message that is longer.
pub const PEEKED_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Messages that one request deletes, moves or copies at most. Posthouse's own: the event that says so is at most some
/// 200 KB.
pub const SELECTED_MAX: usize = 500;

/// Tags of one queue.
pub const TAGS_MAX: usize = 50;
/// Characters of a tag's key.
pub const TAG_KEY_CHARS_MAX: usize = 128;
/// Characters of a tag's value.
pub const TAG_VALUE_CHARS_MAX: usize = 256;
/// Results of one page of a listing.
pub const LIST_RESULTS_MAX: u32 = 1000;

/// Bytes of a queue policy document.
pub const POLICY_BYTES_MAX: usize = 8192;
/// Statements of a queue policy.
pub const POLICY_STATEMENTS_MAX: usize = 20;
/// Principals that one statement may name.
pub const POLICY_PRINCIPALS_MAX: usize = 50;
/// Actions that `AddPermission` may name in one statement.
pub const PERMISSION_ACTIONS_MAX: usize = 7;
/// Characters of one identity policy, white space not counted: IAM's quota of a managed policy.
pub const IDENTITY_POLICY_CHARS_MAX: usize = 6144;
/// Policies of one user, and of one group: IAM's quota of managed policies.
pub const IDENTITY_POLICIES_MAX: usize = 10;
/// Groups that one user is in: IAM's quota.
pub const USER_GROUPS_MAX: usize = 10;
/// Characters of an `AddPermission` label.
pub const PERMISSION_LABEL_CHARS_MAX: usize = 80;

/// Largest `MaxReceiveRate`, in messages a second. Posthouse's own attribute.
pub const RECEIVE_RATE_MAX: f64 = 1_000_000.0;
/// Smallest `MaxReceiveRate`: one message in about eleven days.
pub const RECEIVE_RATE_MIN: f64 = 0.000_001;
/// Largest `MaxReceiveBurst`, in messages. Posthouse's own attribute.
pub const RECEIVE_BURST_MAX: u32 = 1_000_000;

/// Characters of a topic name, the `.fifo` suffix included.
pub const TOPIC_NAME_CHARS_MAX: usize = 256;
/// Characters of a platform application's name.
pub const PLATFORM_APPLICATION_NAME_CHARS_MAX: usize = 256;
/// Bytes of a platform application's attribute. SNS gives no number; certificates and keys are well below it.
pub const PLATFORM_ATTRIBUTE_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a platform endpoint's `Token`.
pub const PLATFORM_TOKEN_BYTES_MAX: usize = 8192;
/// Characters of a `Token` of Apple's: hexadecimal digits.
pub const APPLE_TOKEN_CHARS_MAX: usize = 400;
/// Bytes of a platform endpoint's `CustomUserData`.
pub const CUSTOM_USER_DATA_BYTES_MAX: usize = 2048;
/// Characters of a `DefaultSenderID`.
pub const SENDER_ID_CHARS_MAX: usize = 11;
/// How long after an `OptInPhoneNumber` the same number cannot be opted in again: thirty days.
pub const OPT_IN_INTERVAL_SECONDS: u32 = 2_592_000;
/// Numbers in the SMS sandbox of one account in one region.
pub const SANDBOX_NUMBERS_MAX: usize = 10;
/// Characters of a sandbox number's `OneTimePassword`, at least.
pub const ONE_TIME_PASSWORD_CHARS_MIN: usize = 5;
/// Characters of a sandbox number's `OneTimePassword`, at most.
pub const ONE_TIME_PASSWORD_CHARS_MAX: usize = 8;
/// Characters of a `Subject`: SNS takes fewer than 100.
pub const SUBJECT_CHARS_MAX: usize = 99;
/// `MaximumMessageSize` of a topic that does not set one, in bytes; also the limit without a topic.
pub const TOPIC_MESSAGE_SIZE_DEFAULT_BYTES: u32 = 256 * 1024;
/// Largest `MaximumMessageSize` of a topic, in bytes; also all entries of one `PublishBatch` together.
pub const TOPIC_MESSAGE_SIZE_MAX_BYTES: u32 = 1024 * 1024;
/// Smallest `MaximumMessageSize` of a topic, in bytes.
pub const TOPIC_MESSAGE_SIZE_MIN_BYTES: u32 = 1024;
/// All messages of one publication as they are stored, in bytes: one for each body of a `json` structure.
pub const PUBLICATION_STORED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Deliveries that one record of a publication lists; those to more queues take more than one.
pub const PUBLICATION_DELIVERIES_MAX: usize = 50_000;
/// Message attributes of one notification. SNS counts their bytes only; Posthouse stores their number in one byte.
pub const NOTIFICATION_ATTRIBUTES_MAX: usize = 255;
/// Characters of an SMS, all its parts together.
pub const SMS_CHARS_MAX: usize = 1600;
/// Characters of a `DisplayName`.
pub const DISPLAY_NAME_CHARS_MAX: usize = 100;
/// Bytes of a topic's `KmsMasterKeyId`.
pub const KMS_KEY_ID_BYTES_MAX: usize = 2048;
/// Bytes of the ARN of an IAM role.
pub const ROLE_ARN_BYTES_MAX: usize = 2048;
/// Largest share of successful deliveries that are logged, in percent.
pub const SAMPLE_RATE_PERCENT_MAX: u8 = 100;
/// Characters of a subscription's `Endpoint`.
pub const SUBSCRIPTION_ENDPOINT_CHARS_MAX: usize = 2048;
/// Bytes of a topic policy document.
pub const TOPIC_POLICY_BYTES_MAX: usize = 30_720;
/// Bytes of a data protection policy document.
pub const DATA_PROTECTION_POLICY_BYTES_MAX: usize = 30_720;
/// Results of one page of SNS's listings.
pub const SNS_LIST_RESULTS: usize = 100;
/// `MaxResults` of `ListSMSSandboxPhoneNumbers`.
pub const SANDBOX_LIST_RESULTS_MAX: u32 = 100;
/// `MaxResults` of `ListOriginationNumbers`.
pub const ORIGINATION_LIST_RESULTS_MAX: u32 = 30;
/// How long a confirmation token can be used: two days.
pub const CONFIRMATION_TOKEN_SECONDS: u32 = 172_800;
/// Topics of one account in one region.
pub const TOPICS_MAX: usize = 100_000;
/// Subscriptions of one topic.
pub const SUBSCRIPTIONS_MAX: usize = 12_500_000;
/// Subscriptions of one FIFO topic.
pub const FIFO_SUBSCRIPTIONS_MAX: usize = 100;
/// Subscriptions of one topic whose `MaximumMessageSize` is above [`TOPIC_MESSAGE_SIZE_DEFAULT_BYTES`] (SNS API Reference,
/// `SetTopicAttributes`).
pub const LARGE_TOPIC_SUBSCRIPTIONS_MAX: usize = 100;
/// Filter policies of one topic.
pub const FILTER_POLICIES_MAX: usize = 200_000;
/// `numRetries` of a delivery policy.
pub const RETRIES_MAX: u32 = 100;
/// `minDelayTarget` and `maxDelayTarget` of a delivery policy.
pub const RETRY_DELAY_MAX_SECONDS: u32 = 3600;
/// All delays of a delivery policy's retries together.
pub const RETRY_DELAYS_TOTAL_MAX_SECONDS: u32 = 3600;

const _: () = assert!(MAXIMUM_MESSAGE_SIZE_FLOOR_BYTES <= MAXIMUM_MESSAGE_SIZE_BYTES);
const _: () = assert!(MAXIMUM_MESSAGE_SIZE_BYTES <= BATCH_SIZE_MAX_BYTES, "a message that may be sent may be batched");
const _: () = assert!(RETENTION_SECONDS_MIN <= RETENTION_SECONDS_DEFAULT);
const _: () = assert!(RETENTION_SECONDS_DEFAULT <= RETENTION_SECONDS_MAX);
const _: () = assert!(KMS_REUSE_SECONDS_MIN <= KMS_REUSE_SECONDS_DEFAULT);
const _: () = assert!(KMS_REUSE_SECONDS_DEFAULT <= KMS_REUSE_SECONDS_MAX);
const _: () = assert!(VISIBILITY_TIMEOUT_SECONDS_DEFAULT <= VISIBILITY_TIMEOUT_SECONDS_MAX);
const _: () = assert!(RECEIVE_MESSAGES_MAX <= NATIVE_RECEIVE_MESSAGES_MAX);
const _: () = assert!(NATIVE_SEND_MESSAGES_MAX <= PRODUCER_SEQUENCE_NUMBERS_MAX, "a batch that is sent again is known");
const _: () =
    assert!(RECEIVE_MESSAGES_MAX as usize <= BATCH_ENTRIES_MAX, "what one receive returns, one batch deletes");
const _: () = assert!(MESSAGE_GROUP_ID_CHARS_MAX <= u8::MAX as usize, "its length is stored in one byte");
const _: () = assert!(DEDUPLICATION_ID_CHARS_MAX <= u8::MAX as usize, "its length is stored in one byte");
const _: () =
    assert!(TOPIC_MESSAGE_SIZE_MAX_BYTES <= MAXIMUM_MESSAGE_SIZE_BYTES, "a queue can take what a topic takes");
const _: () = assert!(TOPIC_MESSAGE_SIZE_MIN_BYTES <= TOPIC_MESSAGE_SIZE_DEFAULT_BYTES);
const _: () = assert!(NOTIFICATION_ATTRIBUTES_MAX <= u8::MAX as usize, "their number is stored in one byte");
const _: () = assert!(MESSAGE_ATTRIBUTES_MAX <= NOTIFICATION_ATTRIBUTES_MAX);
const _: () = assert!(4 * SUBJECT_CHARS_MAX < 512, "its length in UTF-8 is stored in one byte and a flag");
const _: () = assert!(TRACE_HEADER_BYTES_MAX <= u16::MAX as usize, "its length is stored in two bytes");
