//! One writer for all protocols: an action describes its output once, and gets JSON or XML.
//!
//! A member that is a list or a map has two names, since Query flattens in some services: JSON's `"Messages":[…]` is a
//! run of `<Message>` elements in SQS; in SNS `"Topics":[…]` is a run of `<member>` in a `<Topics>`.
//!
//! Everything goes into one buffer, but large message bodies, which stay the slices of the log's buffers that they are:
//! one that needs escaping is escaped when it is sent ([`Segments`]).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;

use super::segments::{Part, Segments};
use super::text::{Escaped, Escaping, escape_json, escape_xml, hex, may_be_escaped};
use super::{Dialect, Protocol, RequestId, Response};

/// A text of at least this many bytes is passed on as a slice: copying less costs less than one more segment.
pub(crate) const SLICE_BYTES_MIN: usize = 8 * 1024;

/// What most outputs fit in: the size to guess where a reply holds no list.
pub(crate) const SMALL_REPLY_BYTES: usize = 512;

/// The names of a list or map: in JSON, and of one item in Query.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plural(pub(crate) &'static str, pub(crate) &'static str);

/// Writes the output of one action.
pub(crate) struct Writer {
    protocol: Protocol,
    flattened: bool,
    out: Vec<u8>,
    /// Segments before `out`.
    done: Vec<Part>,
}

/// What stands around the output of an action in a successful response.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) protocol: Protocol,
    pub(crate) dialect: Dialect,
    /// The action's name.
    pub(crate) action: &'a str,
    pub(crate) request_id: RequestId,
    /// About how long the output is, so that the buffer is allocated once.
    pub(crate) size_guess_bytes: usize,
}

impl Frame<'_> {
    /// The response whose output `write` describes; `None` where the action has no output.
    pub(crate) fn respond(self, write: Option<impl FnOnce(&mut Writer)>) -> Response {
        let Self { protocol, dialect, action, request_id, size_guess_bytes } = self;
        let is_empty = protocol.is_json() && write.is_none();
        let mut writer = Writer {
            protocol,
            flattened: dialect.flattened,
            out: Vec::with_capacity(if is_empty { 0 } else { size_guess_bytes }),
            done: Vec::new(),
        };
        match protocol {
            Protocol::Json10 | Protocol::Json11 => {
                // An action without output answers with an empty body.
                if let Some(write) = write {
                    writer.out.push(b'{');
                    write(&mut writer);
                    writer.out.push(b'}');
                }
            }
            Protocol::Query => {
                writer.put(&["<?xml version=\"1.0\"?><", action, "Response xmlns=\"", dialect.namespace, "\">"]);
                if let Some(write) = write {
                    writer.put(&["<", action, "Result>"]);
                    let start = writer.out.len();
                    write(&mut writer);
                    // An output without a member is one empty element (recorded from AWS).
                    if writer.out.len() == start && writer.done.is_empty() {
                        writer.out.truncate(start - 1);
                        writer.put(&["/>"]);
                    } else {
                        writer.put(&["</", action, "Result>"]);
                    }
                }
                writer.put(&["<ResponseMetadata><RequestId>", request_id.as_str(), "</RequestId>"]);
                writer.put(&["</ResponseMetadata></", action, "Response>"]);
            }
            Protocol::QueryJson => {
                writer.put(&["{\"", action, "Response\":{"]);
                if let Some(write) = write {
                    writer.put(&["\"", action, "Result\":{"]);
                    write(&mut writer);
                    writer.put(&["},"]);
                }
                writer.put(&["\"ResponseMetadata\":{\"RequestId\":\"", request_id.as_str(), "\"}}}"]);
            }
        }
        Response::new(protocol, StatusCode::OK, writer.finish(), request_id)
    }
}

/// The output alone, as JSON; an empty object where the action has no output.
pub(crate) fn json_output(
    dialect: Dialect,
    size_guess_bytes: usize,
    write: Option<impl FnOnce(&mut Writer)>,
) -> Segments {
    let mut writer = Writer {
        protocol: Protocol::Json10,
        flattened: dialect.flattened,
        out: Vec::with_capacity(size_guess_bytes),
        done: Vec::new(),
    };
    writer.out.push(b'{');
    if let Some(write) = write {
        write(&mut writer);
    }
    writer.out.push(b'}');
    writer.finish()
}

impl Writer {
    /// The protocol of the output.
    pub(crate) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Whether the output is JSON: only to know which escapes matter.
    pub(crate) const fn is_json(&self) -> bool {
        self.protocol.answers_in_json()
    }

    /// Whether a map is a list of its pairs, as in the form of the request.
    const fn maps_are_lists(&self) -> bool {
        self.flattened && matches!(self.protocol, Protocol::QueryJson)
    }

    fn finish(self) -> Segments {
        let Self { out, mut done, .. } = self;
        if done.is_empty() {
            return Segments::from(out);
        }
        done.push(Part::Ready(out.into()));
        Segments::new(done)
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.open(name);
        if self.is_json() {
            self.out.push(b'"');
            escape_json(&mut self.out, text);
            self.out.push(b'"');
        } else {
            escape_xml(&mut self.out, text);
        }
        self.close(name);
    }

    /// A text of letters, digits and other characters that no protocol escapes: an id, a number, a sealed handle.
    pub(crate) fn plain_text(&mut self, name: &str, text: &str) {
        debug_assert!(!text.bytes().any(may_be_escaped), "{name}: {text}");
        self.ascii(name, text.as_bytes());
    }

    /// A text, where there is one.
    pub(crate) fn optional_text(&mut self, name: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// A text that needs no escaping in this protocol. The caller has checked that.
    pub(crate) fn clean_text(&mut self, name: &str, text: Bytes) {
        self.open(name);
        if self.is_json() {
            self.out.push(b'"');
        }
        if text.len() < SLICE_BYTES_MIN {
            self.out.extend_from_slice(&text);
        } else {
            self.pass_on(Part::Ready(text));
        }
        if self.is_json() {
            self.out.push(b'"');
        }
        self.close(name);
    }

    /// A text of at least [`SLICE_BYTES_MIN`] bytes of UTF-8, which is escaped when it is sent.
    pub(crate) fn large_text(&mut self, name: &str, text: Bytes) {
        self.open(name);
        let escaping = if self.is_json() { Escaping::Json } else { Escaping::Xml };
        if self.is_json() {
            self.out.push(b'"');
        }
        self.pass_on(Part::Text(Escaped::new(text, escaping)));
        if self.is_json() {
            self.out.push(b'"');
        }
        self.close(name);
    }

    /// A JSON text: `head`, the inside of a string, and `tail`. The string is UTF-8, is not escaped yet, and has at least
    /// [`SLICE_BYTES_MIN`] bytes; it is escaped when it is sent.
    pub(crate) fn json_around(&mut self, name: &str, head: &str, string: Bytes, tail: &str) {
        self.open(name);
        if self.is_json() {
            self.out.push(b'"');
            escape_json(&mut self.out, head);
            self.pass_on(Part::Text(Escaped::new(string, Escaping::JsonInJson)));
            escape_json(&mut self.out, tail);
            self.out.push(b'"');
        } else {
            escape_xml(&mut self.out, head);
            self.pass_on(Part::Text(Escaped::new(string, Escaping::JsonInXml)));
            escape_xml(&mut self.out, tail);
        }
        self.close(name);
    }

    /// A part that is not copied into the buffer.
    fn pass_on(&mut self, part: Part) {
        let before = core::mem::take(&mut self.out);
        self.done.extend([Part::Ready(before.into()), part]);
    }

    /// Sixteen bytes in hexadecimal.
    pub(crate) fn hex(&mut self, name: &str, digest: &[u8; 16]) {
        let mut text = [0; 32];
        hex(digest, &mut text);
        self.ascii(name, &text);
    }

    /// Bytes in base64.
    pub(crate) fn base64(&mut self, name: &str, bytes: &[u8]) {
        self.ascii(name, STANDARD.encode(bytes).as_bytes());
    }

    /// A number.
    pub(crate) fn number(&mut self, name: &str, number: u64) {
        self.open(name);
        self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        self.close(name);
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str, flag: bool) {
        self.open(name);
        self.out.extend_from_slice(if flag { b"true" } else { b"false" });
        self.close(name);
    }

    /// A list of structures.
    pub(crate) fn list<T>(
        &mut self,
        Plural(name, item_name): Plural,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.open_plural(name, b'[');
        for item in items {
            if self.is_json() {
                self.comma();
                self.out.push(b'{');
                write(self, item);
                self.out.push(b'}');
            } else {
                self.open(item_name);
                write(self, item);
                self.close(item_name);
            }
        }
        self.close_plural(name, b']');
    }

    /// A list of texts.
    pub(crate) fn texts(&mut self, Plural(name, item_name): Plural, items: impl IntoIterator<Item = impl AsRef<str>>) {
        self.open_plural(name, b'[');
        for item in items {
            if self.is_json() {
                self.comma();
                self.out.push(b'"');
                escape_json(&mut self.out, item.as_ref());
                self.out.push(b'"');
            } else {
                self.text(item_name, item.as_ref());
            }
        }
        self.close_plural(name, b']');
    }

    /// A map of texts; its keys are called `key_name` in Query where that is flattened.
    pub(crate) fn map<'a>(
        &mut self,
        Plural(name, entry_name): Plural,
        key_name: &str,
        entries: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) {
        if self.maps_are_lists() {
            return self.list(Plural(name, entry_name), entries, |writer, (key, value)| {
                writer.text(key_name, key);
                writer.text("Value", value);
            });
        }
        self.open_plural(name, b'{');
        for (key, value) in entries {
            if self.is_json() {
                self.open_entry(key);
                self.out.push(b'"');
                escape_json(&mut self.out, value);
                self.out.push(b'"');
            } else {
                let (key_name, value_name) = if self.flattened { (key_name, "Value") } else { ("key", "value") };
                self.open(entry_name);
                self.text(key_name, key);
                self.text(value_name, value);
                self.close(entry_name);
            }
        }
        self.close_plural(name, b'}');
    }

    /// A map of structures; its keys are called `Name` in Query.
    pub(crate) fn structures<T>(
        &mut self,
        Plural(name, entry_name): Plural,
        entries: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &str,
        mut write: impl FnMut(&mut Self, &T),
    ) {
        if self.maps_are_lists() {
            return self.list(Plural(name, entry_name), entries, |writer, entry| {
                writer.text("Name", key(&entry));
                writer.open("Value");
                writer.out.push(b'{');
                write(writer, &entry);
                writer.out.push(b'}');
            });
        }
        self.open_plural(name, b'{');
        for entry in entries {
            if self.is_json() {
                self.open_entry(key(&entry));
                self.out.push(b'{');
                write(self, &entry);
                self.out.push(b'}');
            } else {
                self.open(entry_name);
                self.text("Name", key(&entry));
                self.open("Value");
                write(self, &entry);
                self.close("Value");
                self.close(entry_name);
            }
        }
        self.close_plural(name, b'}');
    }

    /// Text that no protocol escapes.
    fn ascii(&mut self, name: &str, text: &[u8]) {
        self.open(name);
        if self.is_json() {
            self.out.push(b'"');
        }
        self.out.extend_from_slice(text);
        if self.is_json() {
            self.out.push(b'"');
        }
        self.close(name);
    }

    /// Begins a member of a structure. Names of members need no escaping.
    fn open(&mut self, name: &str) {
        if self.is_json() {
            self.comma();
            self.put(&["\"", name, "\":"]);
        } else {
            self.put(&["<", name, ">"]);
        }
    }

    /// Begins an entry of a map in JSON. Its key may be any text: that of a tag, for example.
    fn open_entry(&mut self, key: &str) {
        self.comma();
        self.out.push(b'"');
        escape_json(&mut self.out, key);
        self.out.extend_from_slice(b"\":");
    }

    fn close(&mut self, name: &str) {
        if !self.is_json() {
            self.put(&["</", name, ">"]);
        }
    }

    fn open_plural(&mut self, name: &str, bracket: u8) {
        if self.is_json() || !self.flattened {
            self.open(name);
        }
        if self.is_json() {
            self.out.push(bracket);
        }
    }

    fn close_plural(&mut self, name: &str, bracket: u8) {
        if self.is_json() {
            self.out.push(bracket);
        } else if !self.flattened {
            self.close(name);
        }
    }

    /// Nothing stands before the first member or item but its bracket. After a slice the buffer starts with the quote
    /// that closes it, so it is never empty here.
    fn comma(&mut self) {
        if !matches!(self.out.last(), Some(b'{' | b'[')) {
            self.out.push(b',');
        }
    }

    fn put(&mut self, parts: &[&str]) {
        for part in parts {
            self.out.extend_from_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLATTENED: Dialect = Dialect { namespace: "urn:x", flattened: true, error_detail: "" };

    fn frame(protocol: Protocol) -> Frame<'static> {
        let request_id = RequestId::from_random([0; 16]);
        Frame { protocol, dialect: FLATTENED, action: "Probe", request_id, size_guess_bytes: 0 }
    }

    fn written(protocol: Protocol, write: impl FnOnce(&mut Writer)) -> String {
        let response = frame(protocol).respond(Some(write));
        let body = response.into_body();
        let length = body.remaining_bytes();
        let text = String::from_utf8(body.flatten().collect()).expect("UTF-8");
        assert_eq!(text.len() as u64, length);
        text
    }

    fn sample(writer: &mut Writer) {
        writer.text("Text", "a\"<&>\r\n\u{1}ü");
        writer.hex("Md5", &[0xAB; 16]);
        writer.number("Number", u64::MAX);
        writer.list(Plural("Items", "Item"), [1, 2], |writer, n| writer.number("N", n));
        writer.texts(Plural("Names", "Name"), ["a", "b"]);
        writer.map(Plural("Tags", "Tag"), "Key", [("k\"", "v")]);
        writer.structures(
            Plural("Attributes", "Attribute"),
            ["x", "y"],
            |name| name,
            |writer, _| {
                writer.base64("BinaryValue", b"\xFF\xFE");
                writer.flag("Flag", true);
            },
        );
        writer.list(Plural("None", "Nothing"), [0; 0], |writer, n| writer.number("N", n));
    }

    #[test]
    fn json() {
        assert_eq!(
            written(Protocol::Json10, sample),
            concat!(
                r#"{"Text":"a\"<&>\r\n\u0001ü","Md5":"abababababababababababababababab","Number":18446744073709551615,"#,
                r#""Items":[{"N":1},{"N":2}],"Names":["a","b"],"Tags":{"k\"":"v"},"#,
                r#""Attributes":{"x":{"BinaryValue":"//4=","Flag":true},"y":{"BinaryValue":"//4=","Flag":true}},"#,
                r#""None":[]}"#
            )
        );
    }

    #[test]
    fn xml() {
        assert_eq!(
            written(Protocol::Query, sample),
            concat!(
                "<?xml version=\"1.0\"?><ProbeResponse xmlns=\"urn:x\"><ProbeResult>",
                "<Text>a&quot;&lt;&amp;&gt;&#xD;\n\u{FFFD}ü</Text><Md5>abababababababababababababababab</Md5>",
                "<Number>18446744073709551615</Number><Item><N>1</N></Item><Item><N>2</N></Item>",
                "<Name>a</Name><Name>b</Name><Tag><Key>k&quot;</Key><Value>v</Value></Tag>",
                "<Attribute><Name>x</Name><Value><BinaryValue>//4=</BinaryValue><Flag>true</Flag></Value></Attribute>",
                "<Attribute><Name>y</Name><Value><BinaryValue>//4=</BinaryValue><Flag>true</Flag></Value></Attribute>",
                "</ProbeResult><ResponseMetadata><RequestId>00000000-0000-4000-8000-000000000000</RequestId>",
                "</ResponseMetadata></ProbeResponse>",
            )
        );
    }

    #[test]
    fn json_in_the_shape_of_query() {
        assert_eq!(
            written(Protocol::QueryJson, sample),
            concat!(
                r#"{"ProbeResponse":{"ProbeResult":{"Text":"a\"<&>\r\n\u0001ü","Md5":"abababababababababababababababab","#,
                r#""Number":18446744073709551615,"Items":[{"N":1},{"N":2}],"Names":["a","b"],"#,
                r#""Tags":[{"Key":"k\"","Value":"v"}],"Attributes":["#,
                r#"{"Name":"x","Value":{"BinaryValue":"//4=","Flag":true}},"#,
                r#"{"Name":"y","Value":{"BinaryValue":"//4=","Flag":true}}],"None":[]},"#,
                r#""ResponseMetadata":{"RequestId":"00000000-0000-4000-8000-000000000000"}}}"#
            )
        );
    }

    #[test]
    fn an_action_without_output_has_no_body_in_json_and_no_result_in_xml() {
        let respond = |protocol| {
            let response = frame(protocol).respond(None::<fn(&mut Writer)>);
            String::from_utf8(response.into_body().flatten().collect()).expect("UTF-8")
        };
        assert_eq!(respond(Protocol::Json10), "");
        assert_eq!(
            respond(Protocol::QueryJson),
            r#"{"ProbeResponse":{"ResponseMetadata":{"RequestId":"00000000-0000-4000-8000-000000000000"}}}"#
        );
        assert_eq!(
            respond(Protocol::Query),
            "<?xml version=\"1.0\"?><ProbeResponse xmlns=\"urn:x\"><ResponseMetadata><RequestId>\
             00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata></ProbeResponse>"
        );
    }

    #[test]
    fn a_large_clean_text_is_passed_on_and_a_small_one_copied() {
        for (length, segments) in [(SLICE_BYTES_MIN - 1, 1), (SLICE_BYTES_MIN, 3)] {
            let text = Bytes::from("x".repeat(length));
            let as_text = core::str::from_utf8(&text).expect("ASCII");
            for protocol in [Protocol::Json10, Protocol::Query] {
                let write = |writer: &mut Writer| {
                    writer.clean_text("Body", text.clone());
                    writer.text("After", "y");
                };
                let parts: Vec<Bytes> = frame(protocol).respond(Some(write)).into_body().collect();
                assert_eq!(parts.len(), segments, "{length} {protocol:?}");
                if segments == 3 {
                    assert_eq!(parts[1].as_ptr(), text.as_ptr(), "not copied");
                }
                let whole: Vec<u8> = parts.into_iter().flatten().collect();
                let expected = if protocol.is_json() {
                    format!(r#"{{"Body":"{as_text}","After":"y"}}"#)
                } else {
                    format!("<Body>{as_text}</Body><After>y</After>")
                };
                assert!(String::from_utf8(whole).expect("UTF-8").contains(&expected), "{length} {protocol:?}");
            }
        }
    }
}
