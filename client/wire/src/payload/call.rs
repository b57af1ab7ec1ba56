//! CALL and REPLY: every operation of SQS and SNS that has no frame of its own, as JSON.

use bytes::Bytes;

use super::Decode;
use super::encoded::Encoded;
use crate::chunks::Pieces;
use crate::error::Malformed;
use crate::kind::Kind;
use crate::reader::Reader;
use crate::text::Text;
use crate::writer;

/// An operation, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The service and the operation: `sqs.CreateQueue`, `sns.Publish`.
    pub operation: Text<'a>,
    /// Its parameters as a JSON object, with the names of members in AWS's published service models.
    pub parameters: &'a [u8],
}

impl Call<'_> {
    /// The payload of a CALL.
    #[must_use]
    pub fn encode(operation: Text<'_>, parameters: &Bytes) -> Encoded {
        let mut pieces = Pieces::default();
        writer::head(pieces.written(), |out| writer::text(out, operation));
        pieces.put_body(parameters);
        Encoded::new(Kind::Call, pieces.take())
    }
}

impl<'a> Decode<'a> for Call<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        Ok(Self { operation: reader.head()?.text("operation")?, parameters: reader.rest() })
    }
}

/// What an operation returned, read in place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply<'a> {
    /// Its output as a JSON object, with the names of members in AWS's published service models.
    pub output: &'a [u8],
}

impl Reply<'_> {
    /// The payload of a REPLY.
    #[must_use]
    pub fn encode(output: &Bytes) -> Encoded {
        let mut pieces = Pieces::default();
        writer::head(pieces.written(), |_| ());
        pieces.put_body(output);
        Encoded::new(Kind::Reply, pieces.take())
    }
}

impl<'a> Decode<'a> for Reply<'a> {
    fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        reader.head()?;
        Ok(Self { output: reader.rest() })
    }
}
