//! Messages as frames carry them.

use bytes::Bytes;
use posthouse_wire::{AttributesBuffer, Delay, SendHead, Structure, Text};

use super::{Attribute, Message, Notification};
use crate::error::{Error, ErrorKind, Result};

/// What a [`Producer`](crate::Producer) sends: a [`Message`] to a queue, or a [`Notification`] to a topic. No other type
/// implements it.
pub trait Sendable: private::Sealed + Send {
    #[doc(hidden)]
    const TARGET: posthouse_wire::TargetKind;
    #[doc(hidden)]
    fn draft(&self) -> Result<Draft<'_>>;
}

pub(crate) use private::Draft;

mod private {
    use super::{Attribute, Bytes, Message, Notification, SendHead, Text};

    /// Keeps other crates from implementing [`super::Sendable`].
    pub trait Sealed {}
    impl Sealed for Message {}
    impl Sealed for Notification {}

    /// A message whose texts are short enough for a frame.
    #[derive(Debug)]
    pub struct Draft<'a> {
        /// Without the attributes.
        pub(crate) head: SendHead<'a>,
        pub(crate) attributes: Vec<Named<'a>>,
        pub(crate) body: &'a Bytes,
    }

    /// An attribute with its name.
    #[derive(Debug)]
    pub(crate) struct Named<'a> {
        pub(crate) name: Text<'a>,
        pub(crate) data_type: Text<'a>,
        pub(crate) attribute: &'a Attribute,
    }
}

impl Draft<'_> {
    /// Encodes the attributes; what was in the buffer before is removed.
    pub(crate) fn encode_attributes(&self, buffer: &mut AttributesBuffer) {
        buffer.clear();
        for named in &self.attributes {
            let value = named.attribute.value();
            buffer.push(&posthouse_wire::Attribute { name: named.name, data_type: named.data_type, value });
        }
    }

    /// The bytes that the message takes of a window: at least those that the broker counts.
    pub(crate) fn content_bytes(&self) -> usize {
        let attribute_bytes = |named: &private::Named<'_>| {
            ATTRIBUTE_BYTES
                + named.name.as_str().len()
                + named.data_type.as_str().len()
                + named.attribute.as_bytes().len()
        };
        let SendHead { group, deduplication, subject, trace_header, .. } = self.head;
        let texts = [group, deduplication, subject, trace_header].map(|text| text.as_str().len());
        self.body.len() + texts.iter().sum::<usize>() + self.attributes.iter().map(attribute_bytes).sum::<usize>()
    }
}

/// The bytes of an encoded attribute beside its texts and its value.
const ATTRIBUTE_BYTES: usize = 4 + 2 + 1 + 2 + 2 + 4;

impl Sendable for Message {
    const TARGET: posthouse_wire::TargetKind = posthouse_wire::TargetKind::Queue;

    fn draft(&self) -> Result<Draft<'_>> {
        draft(self, None, Structure::Same)
    }
}

impl Sendable for Notification {
    const TARGET: posthouse_wire::TargetKind = posthouse_wire::TargetKind::Topic;

    fn draft(&self) -> Result<Draft<'_>> {
        let structure = if self.structured { Structure::Json } else { Structure::Same };
        draft(&self.message, self.subject.as_deref(), structure)
    }
}

/// # Errors
///
/// [`ErrorKind::InvalidArgument`] where a text is longer than a frame can carry, which is more than any of them may have.
fn draft<'a>(message: &'a Message, subject: Option<&'a str>, structure: Structure) -> Result<Draft<'a>> {
    let delay = match message.delay_s {
        None => Delay::OfQueue,
        // 65,535 stands for the queue's delay. The broker refuses the number below it, too.
        Some(seconds) => Delay::Seconds(u16::try_from(seconds).unwrap_or(u16::MAX).min(u16::MAX - 1)),
    };
    let named = |(name, attribute): &'a (String, Attribute)| {
        Ok(private::Named {
            name: text("the name of an attribute", name)?,
            data_type: text("the type of an attribute", attribute.data_type())?,
            attribute,
        })
    };
    Ok(Draft {
        head: SendHead {
            structure,
            delay,
            group: optional("the message group", message.group.as_deref())?,
            deduplication: optional("the deduplication id", message.deduplication_id.as_deref())?,
            subject: optional("the subject", subject)?,
            trace_header: optional("the trace header", message.trace_header.as_deref())?,
            ..SendHead::default()
        },
        attributes: message.attributes.iter().map(named).collect::<Result<_>>()?,
        body: &message.body,
    })
}

fn optional<'a>(what: &str, value: Option<&'a str>) -> Result<Text<'a>> {
    value.map_or(Ok(Text::EMPTY), |value| text(what, value))
}

fn text<'a>(what: &str, value: &'a str) -> Result<Text<'a>> {
    Text::new(value)
        .map_err(|error| Error::with_source(ErrorKind::InvalidArgument, format!("{what} is too long: {error}"), error))
}
