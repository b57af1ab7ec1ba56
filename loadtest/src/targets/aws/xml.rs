//! Reads responses of the Query protocol. A response is scanned tag by tag, without building a tree. The order of
//! elements, white space between them and unknown elements do not matter.

use std::borrow::Cow;

use bytes::Bytes;
use posthouse_aws_client::xml::{Malformed, Scanner, Text, Token};

use super::entries::{Answered, reason};
use crate::target::{Delivery, Failure, Refusals, SettleKey};

/// Appends the messages of a response to ReceiveMessage.
pub(super) fn deliveries(answer: &Bytes, into: &mut Vec<Delivery>) -> Result<(), Failure> {
    let mut scanner = Scanner::new(answer);
    let (mut body, mut handle) = (None, None);
    while let Some(tag) = scanner.next()? {
        match tag {
            Token::Open(b"Message") => (body, handle) = (None, None),
            Token::Open(b"Body") => body = Some(slice(answer, &scanner.text()?)?),
            Token::Open(b"ReceiptHandle") => handle = Some(slice(answer, &scanner.text()?)?),
            Token::Close(b"Message") => {
                let body = body.take().ok_or_else(|| malformed("a message without `Body`"))?;
                let handle = handle.take().ok_or_else(|| malformed("a message without `ReceiptHandle`"))?;
                into.push(Delivery { body, settle_key: SettleKey::Text(handle) });
            }
            Token::Open(_) | Token::Close(_) | Token::Empty(_) | Token::Text(_) => {}
        }
    }
    Ok(())
}

/// The refusals in the response to a batch of `entries`.
///
/// # Errors
///
/// [`Failure::Malformed`] if it does not have exactly one result for each entry.
pub(super) fn refusals(answer: &[u8], entries: usize) -> Result<Refusals, Failure> {
    let mut refusals = Refusals::new();
    let mut answered = Answered::none_of(entries);
    let (mut id, mut code, mut message) = (None, None, None);
    let mut scanner = Scanner::new(answer);
    while let Some(tag) = scanner.next()? {
        match tag {
            Token::Open(b"Id") => id = Some(scanner.text()?.to_string(answer)?),
            Token::Open(b"Code") => code = Some(scanner.text()?.to_string(answer)?),
            Token::Open(b"Message") => message = Some(scanner.text()?.to_string(answer)?),
            // An entry of SQS, refused or not, and one of SNS.
            Token::Close(name) if name.ends_with(b"Entry") || name == b"member" => {
                let (code, message) = (code.take(), message.take());
                let Some(id) = id.take() else { return Err(malformed("an entry without `Id`")) };
                let index = answered.enter(&id)?;
                if let Some(code) = code {
                    refusals.push((index, reason(&code, &message.unwrap_or_default())));
                }
            }
            Token::Open(_) | Token::Close(_) | Token::Empty(_) | Token::Text(_) => {}
        }
    }
    answered.check_all()?;
    Ok(refusals)
}

/// The text of the first element by that name; empty if there is none.
pub(super) fn member(answer: &[u8], name: &str) -> Result<String, Failure> {
    let mut scanner = Scanner::new(answer);
    while let Some(tag) = scanner.next()? {
        if matches!(tag, Token::Open(found) if found == name.as_bytes()) {
            return Ok(scanner.text()?.to_string(answer)?);
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

impl From<Malformed> for Failure {
    fn from(malformed: Malformed) -> Self {
        self::malformed(&malformed.to_string())
    }
}

/// The text without entities: a slice of the response if it has none.
fn slice(answer: &Bytes, text: &Text) -> Result<Bytes, Failure> {
    match text.unescape(answer)? {
        Cow::Borrowed(_) => Ok(answer.slice(text.place())),
        Cow::Owned(text) => Ok(Bytes::from(text)),
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
