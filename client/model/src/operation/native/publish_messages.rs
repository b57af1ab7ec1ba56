//! `PublishMessages`.

use super::Numbering;
use super::send_messages::check;
use crate::fault::Fault;
use crate::notification::Publication;
use crate::topic_name::TopicAddress;

/// Publishes a producer's messages to a topic, up to [`NATIVE_SEND_MESSAGES_MAX`]; each succeeds or fails alone. All of
/// them together have at most [`BATCH_SIZE_MAX_BYTES`] as they are stored, unless there is only one.
///
/// The caller has sealed each publication with the id that follows from its number. One that breaks a rule comes as the
/// fault that it is answered with: it uses up its number as every other does.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishMessages {
    topic: TopicAddress,
    numbering: Numbering,
    publications: Vec<Result<Publication, Fault>>,
}

impl PublishMessages {
    /// A batch for `topic`.
    ///
    /// # Errors
    /// Those of [`SendMessages::new`].
    pub fn new(
        topic: TopicAddress,
        numbering: Numbering,
        publications: Vec<Result<Publication, Fault>>,
    ) -> Result<Self, Fault> {
        let bytes = |publication: &Result<Publication, Fault>| {
            let messages = publication.iter().flat_map(Publication::messages);
            messages.map(|message| message.as_bytes().len() as u64).sum()
        };
        check(&numbering, publications.iter().map(bytes))?;
        Ok(Self { topic, numbering, publications })
    }

    /// The topic.
    #[must_use]
    pub const fn topic(&self) -> &TopicAddress {
        &self.topic
    }

    /// Whose messages they are, and their numbers.
    #[must_use]
    pub const fn numbering(&self) -> Numbering {
        self.numbering
    }

    /// The publications in the order of their numbers.
    pub fn publications(&self) -> &[Result<Publication, Fault>] {
        &self.publications
    }
}
