//! Reads JSON responses. The response to a receive is scanned once, without building a tree. Of a message only `Body`
//! and `ReceiptHandle` are read. The order of members, white space and unknown members do not matter.
//!
//! A receipt handle keeps its JSON escapes, because it is sent back as JSON.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use memchr::{memchr2, memchr3};
use serde::Deserialize;

use super::entries::{Answered, reason};
use crate::target::{Delivery, Failure, Refusals, SettleKey};

/// Appends the messages of a response to ReceiveMessage.
pub(super) fn deliveries(answer: &Bytes, into: &mut Vec<Delivery>) -> Result<(), Failure> {
    let mut scanner = Scanner { bytes: answer, at: 0 };
    scanner.object(|scanner, name| match name {
        b"Messages" if scanner.is_array() => scanner.array(|scanner| {
            into.push(delivery(answer, scanner)?);
            Ok(())
        }),
        _ => scanner.skip(),
    })
}

fn delivery(answer: &Bytes, scanner: &mut Scanner<'_>) -> Result<Delivery, Failure> {
    let (mut body, mut handle) = (None, None);
    scanner.object(|scanner, name| {
        match name {
            b"Body" => body = Some(scanner.string()?),
            b"ReceiptHandle" => handle = Some(scanner.string()?),
            _ => scanner.skip()?,
        }
        Ok(())
    })?;
    let body = body.ok_or_else(|| malformed("a message without `Body`"))?;
    let handle = handle.ok_or_else(|| malformed("a message without `ReceiptHandle`"))?;
    Ok(Delivery { body: text(answer, body)?, settle_key: SettleKey::Text(answer.slice(handle)) })
}

/// The string whose content is at `content`.
fn text(answer: &Bytes, content: Range<usize>) -> Result<Bytes, Failure> {
    if memchr::memchr(b'\\', &answer[content.clone()]).is_none() {
        return Ok(answer.slice(content));
    }
    let quoted = &answer[content.start - 1..content.end + 1];
    let text: String = serde_json::from_slice(quoted).map_err(|error| malformed(&error.to_string()))?;
    Ok(Bytes::from(text))
}

/// The refusals in the response to a batch of `entries`.
///
/// # Errors
///
/// [`Failure::Malformed`] if it does not have exactly one result for each entry.
pub(super) fn refusals(answer: &[u8], entries: usize) -> Result<Refusals, Failure> {
    let mut refusals = Refusals::new();
    let mut answered = Answered::none_of(entries);
    let mut scanner = Scanner { bytes: answer, at: 0 };
    scanner.object(|scanner, name| match name {
        b"Successful" if scanner.is_array() => scanner.array(|scanner| {
            let entry = Entry::read(answer, scanner)?;
            answered.enter(&entry.id).map(drop)
        }),
        b"Failed" if scanner.is_array() => scanner.array(|scanner| {
            let entry = Entry::read(answer, scanner)?;
            let why = reason(&entry.code.unwrap_or_default(), &entry.message.unwrap_or_default());
            refusals.push((answered.enter(&entry.id)?, why));
            Ok(())
        }),
        _ => scanner.skip(),
    })?;
    answered.check_all()?;
    Ok(refusals)
}

/// The result of an entry of a batch; with code and message if it was refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
    #[serde(borrow)]
    message: Option<Cow<'a, str>>,
}

impl<'a> Entry<'a> {
    fn read(answer: &'a [u8], scanner: &mut Scanner<'a>) -> Result<Self, Failure> {
        let from = scanner.at;
        scanner.skip()?;
        serde_json::from_slice(&answer[from..scanner.at]).map_err(|error| malformed(&error.to_string()))
    }
}

/// The string member `name` of a response; empty if there is none.
pub(super) fn member(answer: &[u8], name: &str) -> Result<String, Failure> {
    if answer.is_empty() {
        return Ok(String::new());
    }
    let value: serde_json::Value = serde_json::from_slice(answer).map_err(|error| malformed(&error.to_string()))?;
    Ok(value.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned())
}

/// Code, without its name space, and message of an error.
pub(super) fn error(answer: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Error {
        #[serde(rename = "__type")]
        code: String,
        message: Option<String>,
        // Some servers write `Message`, some `message`, some both.
        #[serde(rename = "Message")]
        capitalized: Option<String>,
    }
    let error: Error = serde_json::from_slice(answer).ok()?;
    let code = error.code.rsplit('#').next().unwrap_or_default().to_owned();
    Some((code, error.message.or(error.capitalized).unwrap_or_default()))
}

fn malformed(what: &str) -> Failure {
    Failure::Malformed(format!("JSON: {what}"))
}

fn cut() -> Failure {
    malformed("the text ends early")
}

/// A position in a JSON text.
struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Result<u8, Failure> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
                return Ok(*byte);
            }
            self.at += 1;
        }
        Err(cut())
    }

    fn is_array(&mut self) -> bool {
        matches!(self.peek(), Ok(b'['))
    }

    fn expect(&mut self, wanted: u8) -> Result<(), Failure> {
        let found = self.peek()?;
        if found != wanted {
            return Err(malformed(&format!("`{}` at byte {}", found.escape_ascii(), self.at)));
        }
        self.at += 1;
        Ok(())
    }

    /// Reads the separator after an item: `true` for a comma, `false` for `end`.
    fn goes_on(&mut self, end: u8) -> Result<bool, Failure> {
        if self.peek()? == end {
            self.at += 1;
            return Ok(false);
        }
        self.expect(b',')?;
        Ok(true)
    }

    /// Scans an object. `member` gets each name and must move over its value.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &'a [u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        self.expect(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            self.peek()?;
            let bytes = self.bytes;
            member(self, &bytes[name])?;
            if !self.goes_on(b'}')? {
                return Ok(());
            }
        }
    }

    /// Scans an array. `item` must move over each value.
    fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), Failure>) -> Result<(), Failure> {
        self.expect(b'[')?;
        if self.peek()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek()?;
            item(self)?;
            if !self.goes_on(b']')? {
                return Ok(());
            }
        }
    }

    /// Moves over a string. Returns the range of its content, with its escapes.
    fn string(&mut self) -> Result<Range<usize>, Failure> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            let rest = self.bytes.get(self.at..).ok_or_else(cut)?;
            let next = memchr2(b'"', b'\\', rest).ok_or_else(cut)?;
            self.at += next;
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Ok(start..self.at - 1);
            }
            self.at += 2;
        }
    }

    /// Moves over a value of any kind and depth.
    fn skip(&mut self) -> Result<(), Failure> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => {
                    self.at += 1;
                    continue;
                }
                _ => self.skip_scalar()?,
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Moves over a number or a name.
    fn skip_scalar(&mut self) -> Result<(), Failure> {
        let start = self.at;
        let rest = &self.bytes[start..];
        // A scalar in a response is followed by one of these within a few bytes.
        let end = memchr3(b',', b'}', b']', rest).ok_or_else(cut)?;
        let scalar = rest[..end].trim_ascii_end();
        let is_scalar = scalar.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'));
        if scalar.is_empty() || !is_scalar {
            return Err(malformed(&format!("no value at byte {start}")));
        }
        self.at += end;
        Ok(())
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
        for (answer, expected) in [
            ("{}", vec![]),
            (r#"{"Messages":[]}"#, vec![]),
            (r#"{"Messages":null}"#, vec![]),
            (r#"{"Messages":[{"Body":"a","ReceiptHandle":"r"}]}"#, vec![("a", "r")]),
            (
                "{ \"Messages\" : [ {\n\"ReceiptHandle\" : \"r1\", \"Body\": \"a b\" },\t{\"Body\":\"\",\"ReceiptHandle\":\"r2\"}]\r\n}\n",
                vec![("a b", "r1"), ("", "r2")],
            ),
            (
                r#"{"X":{"Messages":[{"Body":1}]},"Messages":[{"MessageId":"1","Attributes":{"Body":"no","n":[1,-2.5e3,true,null,{}]},"Body":"yes","MD5OfBody":"x","ReceiptHandle":"r"}]}"#,
                vec![("yes", "r")],
            ),
            (
                r#"{"Messages":[{"Body":"\"Body\":\"b\" \\ \u00e4\/","ReceiptHandle":"a\/b\u003d\"="}]}"#,
                vec![("\"Body\":\"b\" \\ \u{e4}/", r#"a\/b\u003d\"="#)],
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
            assert_eq!(read(answer), Ok(expected), "{answer}");
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let whole = r#"{"a": [1, "x\"y", {}], "Messages": [{"Body": "b\\", "n": 12, "ReceiptHandle": "r"}]}"#;
        assert_eq!(read(whole).map(|all| all.len()), Ok(1));
        for end in 0..whole.len() {
            assert!(matches!(read(&whole[..end]), Err(Failure::Malformed(_))), "{}", &whole[..end]);
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for text in [
            "[]",
            "<html>",
            r#"{"Messages":[{"Body":"a"}]}"#,
            r#"{"Messages":[{"ReceiptHandle":"a"}]}"#,
            r#"{"Messages":[{"Body":1,"ReceiptHandle":"a"}]}"#,
            r#"{"Messages":[1]}"#,
            r#"{"Messages":[{"Body":"\ud800","ReceiptHandle":"a"}]}"#,
            r#"{"Messages" []}"#,
            r#"{"a":,"b":1}"#,
            r#"{"a":<>}"#,
        ] {
            assert!(matches!(read(text), Err(Failure::Malformed(_))), "{text}: {:?}", read(text));
        }
        let deep = format!(r#"{{"a":{}"#, "[".repeat(1_000_000));
        assert!(matches!(read(&deep), Err(Failure::Malformed(_))));
    }

    #[test]
    fn a_batch_answers_for_each_entry() {
        let both = r#"{"Failed": [{"Id": "1", "SenderFault": true, "Code": "TooLong", "Message": "by \"far\""}],
                      "Successful": [{"Id": "0", "MessageId": "m"}]}"#;
        assert_eq!(refusals(both.as_bytes(), 2), Ok(vec![(1, "TooLong: by \"far\"".to_owned())]));
        let good = r#"{"Successful":[{"Id":"0"},{"Id":"1"}],"Failed":[]}"#;
        assert_eq!(refusals(good.as_bytes(), 2), Ok(vec![]));
        assert_eq!(refusals(good.replace(r#","Failed":[]"#, "").as_bytes(), 2), Ok(vec![]));
        for (answer, entries) in [
            (good, 3),
            ("{}", 1),
            (r#"{"Successful":null}"#, 1),
            (r#"{"Failed":[{"Id":"1","Code":"x"}]}"#, 1),
            (r#"{"Failed":[{"Id":"x","Code":"x"}]}"#, 1),
            (r#"{"Failed":[{"Id":"0","Code":"x"},{"Id":"0","Code":"x"}]}"#, 2),
            (r#"{"Successful":[{"Id":"1"},{"Id":"1"}]}"#, 2),
            (r#"{"Successful":[{"Id":"0"}],"Failed":[{"Id":"0","Code":"x"}]}"#, 2),
            (r#"{"Successful":[{"Id":"0"},{"Id":"2"}]}"#, 2),
            (r#"{"Successful":[{"MessageId":"m"}]}"#, 1),
            (r#"{"Failed":[{"Code":"x"}]}"#, 1),
        ] {
            let read = refusals(answer.as_bytes(), entries);
            assert!(matches!(read, Err(Failure::Malformed(_))), "{answer}: {read:?}");
        }
    }

    #[test]
    fn members_and_errors_are_found() {
        assert_eq!(member(br#"{"QueueUrl": "http:\/\/h/q"}"#, "QueueUrl"), Ok("http://h/q".to_owned()));
        assert_eq!(member(b"", "QueueUrl"), Ok(String::new()));
        assert_eq!(member(b"{}", "QueueUrl"), Ok(String::new()));
        assert!(member(b"<html>", "QueueUrl").is_err());
        let error_of = |text: &str| error(text.as_bytes());
        let owned = |code: &str, message: &str| Some((code.to_owned(), message.to_owned()));
        assert_eq!(error_of(r#"{"__type":"com.amazonaws.sqs#A","message":"b"}"#), owned("A", "b"));
        assert_eq!(error_of(r#"{"__type":"A","Message":"b"}"#), owned("A", "b"));
        assert_eq!(error_of(r#"{"__type":"A","message":"b","Message":"b"}"#), owned("A", "b"));
        assert_eq!(error_of(r#"{"__type":"A","Message":null}"#), owned("A", ""));
        assert_eq!(error_of("{}"), None);
    }
}
