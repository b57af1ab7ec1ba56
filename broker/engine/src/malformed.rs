//! Why an event of the journal is refused.

/// What is wrong with an event: its bytes cannot be decoded, or it does not follow from the events before it. A phrase
/// whose subject is the event, such as "its queue does not exist".
pub(crate) type Malformed = &'static str;
