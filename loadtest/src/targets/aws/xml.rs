//! What is read of the Query protocol's answers. An answer is walked tag by tag, without building anything; only the
//! elements that are asked for are looked at. Their order, the white space between them and elements unknown here make no
//! difference. Attributes, name spaces, comments and processing instructions carry nothing in AWS's answers, and are
//! passed over.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr, memmem};

use super::entries::{Answered, reason};
use crate::target::{Delivery, Failure, Receipt, Refusals};

/// Appends the messages of a ReceiveMessage's answer.
pub(super) fn deliveries(answer: &Bytes, into: &mut Vec<Delivery>) -> Result<(), Failure> {
    let mut scanner = Scanner { bytes: answer, at: 0 };
    let (mut body, mut handle) = (None, None);
    while let Some(tag) = scanner.next()? {
        match tag {
            Tag::Open(b"Message") => (body, handle) = (None, None),
            Tag::Open(b"Body") => body = Some(slice(answer, scanner.text()?)?),
            Tag::Open(b"ReceiptHandle") => handle = Some(slice(answer, scanner.text()?)?),
            Tag::Close(b"Message") => {
                let body = body.take().ok_or_else(|| malformed("a message without `Body`"))?;
                let handle = handle.take().ok_or_else(|| malformed("a message without `ReceiptHandle`"))?;
                into.push(Delivery { body, receipt: Receipt::Text(handle) });
            }
            Tag::Open(_) | Tag::Close(_) => {}
        }
    }
    Ok(())
}

/// What the answer to a batch of `entries` refuses.
///
/// # Errors
///
/// [`Failure::Malformed`] if it does not answer for each entry, once.
pub(super) fn refusals(answer: &[u8], entries: usize) -> Result<Refusals, Failure> {
    let mut refusals = Refusals::new();
    let mut answered = Answered::none_of(entries);
    let (mut id, mut code, mut message) = (None, None, None);
    let mut scanner = Scanner { bytes: answer, at: 0 };
    while let Some(tag) = scanner.next()? {
        match tag {
            Tag::Open(b"Id") => id = Some(string(answer, scanner.text()?)?),
            Tag::Open(b"Code") => code = Some(string(answer, scanner.text()?)?),
            Tag::Open(b"Message") => message = Some(string(answer, scanner.text()?)?),
            // An entry of SQS, refused or not, and one of SNS.
            Tag::Close(name) if name.ends_with(b"Entry") || name == b"member" => {
                let (code, message) = (code.take(), message.take());
                let Some(id) = id.take() else { return Err(malformed("an entry without `Id`")) };
                let index = answered.enter(&id)?;
                if let Some(code) = code {
                    refusals.push((index, reason(&code, &message.unwrap_or_default())));
                }
            }
            Tag::Open(_) | Tag::Close(_) => {}
        }
    }
    answered.check_all()?;
    Ok(refusals)
}

/// The text of the first element by that name; empty if there is none.
pub(super) fn member(answer: &[u8], name: &str) -> Result<String, Failure> {
    let mut scanner = Scanner { bytes: answer, at: 0 };
    while let Some(tag) = scanner.next()? {
        if matches!(tag, Tag::Open(found) if found == name.as_bytes()) {
            return string(answer, scanner.text()?);
        }
    }
    Ok(String::new())
}

/// Code and message of an error.
pub(super) fn error(answer: &[u8]) -> Option<(String, String)> {
    let code = member(answer, "Code").ok().filter(|code| !code.is_empty())?;
    Some((code, member(answer, "Message").unwrap_or_default()))
}

fn malformed(what: &str) -> Failure {
    Failure::Malformed(format!("XML: {what}"))
}

/// The text at a place, as a part of the answer where it can be one.
fn slice(answer: &Bytes, text: Text) -> Result<Bytes, Failure> {
    match unescape(&answer[text.place.clone()], text.literal)? {
        Cow::Borrowed(_) => Ok(answer.slice(text.place)),
        Cow::Owned(text) => Ok(Bytes::from(text)),
    }
}

fn string(answer: &[u8], text: Text) -> Result<String, Failure> {
    let bytes = unescape(&answer[text.place], text.literal)?;
    String::from_utf8(bytes.into_owned()).map_err(|_| malformed("text that is not UTF-8"))
}

fn unescape(text: &[u8], literal: bool) -> Result<Cow<'_, [u8]>, Failure> {
    if literal || memchr(b'&', text).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr(b'&', rest) {
        plain.extend_from_slice(&rest[..at]);
        let end = memchr(b';', &rest[at..]).ok_or_else(|| malformed("an entity without end"))?;
        let name = &rest[at + 1..at + end];
        let character = entity(name).ok_or_else(|| malformed(&format!("entity `{}`", name.escape_ascii())))?;
        plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        rest = &rest[at + end + 1..];
    }
    plain.extend_from_slice(rest);
    Ok(Cow::Owned(plain))
}

fn entity(name: &[u8]) -> Option<char> {
    Some(match name {
        b"amp" => '&',
        b"lt" => '<',
        b"gt" => '>',
        b"quot" => '"',
        b"apos" => '\'',
        _ => {
            let number = std::str::from_utf8(name).ok()?.strip_prefix('#')?;
            let hexadecimal = number.strip_prefix('x');
            let code = hexadecimal.map_or_else(|| number.parse(), |digits| u32::from_str_radix(digits, 16));
            char::from_u32(code.ok()?)?
        }
    })
}

enum Tag<'a> {
    Open(&'a [u8]),
    Close(&'a [u8]),
}

/// Where an element's text is; literal if entities mean nothing in it.
struct Text {
    place: Range<usize>,
    literal: bool,
}

/// A place in an XML text.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

const CDATA: &[u8] = b"<![CDATA[";
const CDATA_END: &[u8] = b"]]>";

impl<'a> Scanner<'a> {
    /// The next tag that opens or closes an element; an empty element is passed over.
    fn next(&mut self) -> Result<Option<Tag<'a>>, Failure> {
        let bytes = self.bytes;
        loop {
            let Some(start) = memchr(b'<', &bytes[self.at..]) else { return self.end() };
            let start = self.at + start;
            if bytes[start..].starts_with(CDATA) {
                self.move_behind(start, CDATA_END)?;
                continue;
            }
            if bytes[start..].starts_with(b"<!--") {
                self.move_behind(start, b"-->")?;
                continue;
            }
            self.move_behind(start, b">")?;
            let tag = &bytes[start + 1..self.at - 1];
            if tag.starts_with(b"?") || tag.starts_with(b"!") || tag.ends_with(b"/") {
                continue;
            }
            let name = tag.strip_prefix(b"/").unwrap_or(tag);
            let name = name.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            return Ok(Some(if tag.starts_with(b"/") { Tag::Close(name) } else { Tag::Open(name) }));
        }
    }

    /// The text that stands here, up to the tag that closes its element.
    fn text(&mut self) -> Result<Text, Failure> {
        let start = self.at;
        if self.bytes[start..].starts_with(CDATA) {
            self.move_behind(start, CDATA_END)?;
            let place = start + CDATA.len()..self.at - CDATA_END.len();
            return Ok(Text { place, literal: true });
        }
        let length = memchr(b'<', &self.bytes[start..]).ok_or_else(|| malformed("the text ends early"))?;
        self.at = start + length;
        Ok(Text { place: start..self.at, literal: false })
    }

    fn move_behind(&mut self, from: usize, end: &[u8]) -> Result<(), Failure> {
        let found =
            if let [byte] = end { memchr(*byte, &self.bytes[from..]) } else { memmem::find(&self.bytes[from..], end) };
        self.at = from + found.ok_or_else(|| malformed("the text ends early"))? + end.len();
        Ok(())
    }

    /// Nothing but white space may follow the last tag, which is an answer's own.
    fn end(&self) -> Result<Option<Tag<'a>>, Failure> {
        let is_whole = self.at > 0 && self.bytes[self.at..].trim_ascii().is_empty();
        if is_whole { Ok(None) } else { Err(malformed("the text ends early")) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::body_and_handle;
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>, Failure> {
        let mut came = Vec::new();
        deliveries(&Bytes::copy_from_slice(text.as_bytes()), &mut came)?;
        Ok(came.iter().map(body_and_handle).collect())
    }

    #[test]
    fn messages_are_read_whatever_stands_around_them() {
        for (messages, expected) in [
            ("", vec![]),
            ("<Message><Body>a</Body><ReceiptHandle>r</ReceiptHandle></Message>", vec![("a", "r")]),
            (
                "\n <Message>\n <ReceiptHandle>r1</ReceiptHandle><MD5OfBody>x</MD5OfBody>\n<Body>a b</Body> </Message>
                 <Message><Attribute><Name>Body</Name><Value/></Attribute><Body></Body><!-- <Body>c</Body> -->
                 <ReceiptHandle xml:space='preserve'>r2</ReceiptHandle></Message>",
                vec![("a b", "r1"), ("", "r2")],
            ),
            (
                "<Message><Body><![CDATA[a</Body>&amp;]]></Body><ReceiptHandle>a&amp;b&#61;&#x2b;&lt;</ReceiptHandle></Message>",
                vec![("a</Body>&amp;", "a&b=+<")],
            ),
        ] {
            let answer = format!(
                "<?xml version=\"1.0\"?>\n<ReceiveMessageResponse xmlns=\"x\"><ReceiveMessageResult>{messages}\
                 </ReceiveMessageResult></ReceiveMessageResponse>\n"
            );
            let expected: Vec<_> = expected.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            assert_eq!(read(&answer), Ok(expected), "{answer}");
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "",
            "{}",
            "<a>b",
            "<a",
            "<a><![CDATA[",
            "<a><!-- </a>",
            "<Message><Body>a</Body></Message>",
            "<Message><ReceiptHandle>a</ReceiptHandle></Message>",
            "<Message><Body>a",
            "<Message><Body>a&b</Body><ReceiptHandle>r</ReceiptHandle></Message>",
            "<Message><Body>&nbsp;</Body><ReceiptHandle>r</ReceiptHandle></Message>",
            "<Message><Body>&#xd800;</Body><ReceiptHandle>r</ReceiptHandle></Message>",
        ] {
            assert!(matches!(read(text), Err(Failure::Malformed(_))), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn a_batch_answers_for_each_entry() {
        let sqs = "<R><SendMessageBatchResultEntry><Id>0</Id><MessageId>m</MessageId></SendMessageBatchResultEntry>
                   <BatchResultErrorEntry><Message>by &lt;far&gt;</Message><Code>TooLong</Code><Id>1</Id>
                   </BatchResultErrorEntry></R>";
        assert_eq!(refusals(sqs.as_bytes(), 2), Ok(vec![(1, "TooLong: by <far>".to_owned())]));
        let sns = "<R><Failed><member><Id>0</Id><Code>C</Code></member></Failed>
                   <Successful><member><MessageId>m</MessageId><Id>1</Id></member></Successful></R>";
        assert_eq!(refusals(sns.as_bytes(), 2), Ok(vec![(0, "C".to_owned())]));
        for (answer, entries) in [
            (sqs, 3),
            (sns, 1),
            ("<R></R>", 1),
            ("<R><member></member></R>", 1),
            ("<R><member><Id>0</Id><Code>C</Code></member><member><Id>0</Id><Code>C</Code></member></R>", 2),
            ("<R><member><Id>1</Id></member><member><Id>1</Id></member></R>", 2),
            ("<R><member><Id>0</Id><Code>C</Code></member><member><Id>0</Id></member></R>", 2),
            ("<R><member><Id>2</Id></member><member><Id>0</Id></member></R>", 2),
            ("<R><member><Id>2</Id><Code>C</Code></member><member><Id>0</Id></member></R>", 2),
        ] {
            let read = refusals(answer.as_bytes(), entries);
            assert!(matches!(read, Err(Failure::Malformed(_))), "{answer}: {read:?}");
        }
    }

    #[test]
    fn members_and_errors_are_found() {
        assert_eq!(member(b"<R><QueueUrl>http://h/q?a&amp;b</QueueUrl></R>", "QueueUrl"), Ok("http://h/q?a&b".into()));
        assert_eq!(member(b"<R></R>", "QueueUrl"), Ok(String::new()));
        assert_eq!(error(b"<E><Error><Code>C</Code></Error></E>"), Some(("C".into(), String::new())));
        assert_eq!(error(b"<html>404</html>"), None);
    }
}
