//! Writes the bodies of measured calls, in either protocol, into a buffer that is reused. The part that is the same in
//! every call of a kind is written once.

use posthouse_aws_client::percent;

use super::{Endpoint, Protocol, form};

/// The list that a batch's entries are members of.
#[derive(Clone, Copy)]
pub(in crate::targets) struct List {
    /// Its name in JSON.
    pub(in crate::targets) json: &'static str,
    /// The prefix of an entry's number in Query.
    pub(in crate::targets) query: &'static str,
}

/// A body that is written many times. Members have a name and a value. Those of a batch belong to the entry that was
/// begun last.
pub(in crate::targets) struct Body {
    protocol: Protocol,
    list: Option<List>,
    text: Vec<u8>,
    /// The length of the part that is the same in every call.
    fixed: usize,
    entries: usize,
}

impl Body {
    /// A body for `action`, with one member that is the same in every call, and the list of entries if it is a batch.
    pub(in crate::targets) fn new(
        endpoint: &Endpoint,
        action: &str,
        (name, value): (&str, &str),
        list: Option<List>,
    ) -> Self {
        let mut text = Vec::new();
        match endpoint.protocol {
            Protocol::Json => {
                let value = serde_json::Value::from(value);
                text.extend_from_slice(format!("{{\"{name}\":{value}").as_bytes());
                if let Some(list) = list {
                    text.extend_from_slice(format!(",\"{}\":[", list.json).as_bytes());
                }
            }
            Protocol::Query => {
                form::begin(&mut text, endpoint.service, action);
                form::member(&mut text, name, value.as_bytes());
            }
        }
        let fixed = text.len();
        Self { protocol: endpoint.protocol, list, text, fixed, entries: 0 }
    }

    /// Begins the next body.
    pub(in crate::targets) fn restart(&mut self) -> &mut Self {
        self.text.truncate(self.fixed);
        self.entries = 0;
        self
    }

    /// Begins an entry, whose `Id` is its index.
    pub(in crate::targets) fn entry(&mut self) -> &mut Self {
        let index = self.entries;
        self.entries += 1;
        if self.protocol == Protocol::Json {
            let between = if index == 0 { &b"{\"Id\":\""[..] } else { b"},{\"Id\":\"" };
            self.text.extend_from_slice(between);
            self.put_number(index as u64);
            self.text.push(b'"');
            return self;
        }
        self.number("Id", index as u64)
    }

    /// Appends a string. In JSON it is not escaped here, so that the caller must escape it.
    pub(in crate::targets) fn string(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.name(name);
        match self.protocol {
            Protocol::Json => {
                self.text.push(b'"');
                self.text.extend_from_slice(value);
                self.text.push(b'"');
            }
            Protocol::Query => percent::encode_into(&mut self.text, value),
        }
        self
    }

    /// Appends a string that is a number.
    pub(in crate::targets) fn digits(&mut self, name: &str, value: u64) -> &mut Self {
        self.string(name, itoa::Buffer::new().format(value).as_bytes())
    }

    /// Appends a number.
    pub(in crate::targets) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.name(name);
        self.put_number(value);
        self
    }

    /// Appends the only attribute of a message for SNS, a string. In JSON it is not escaped here.
    pub(in crate::targets) fn sns_attribute(&mut self, key: &str, value: &str) -> &mut Self {
        if self.protocol == Protocol::Json {
            self.name("MessageAttributes");
            for part in ["{\"", key, "\":{\"DataType\":\"String\",\"StringValue\":\"", value, "\"}}"] {
                self.text.extend_from_slice(part.as_bytes());
            }
            return self;
        }
        self.string("MessageAttributes.entry.1.Name", key.as_bytes());
        self.string("MessageAttributes.entry.1.Value.DataType", b"String");
        self.string("MessageAttributes.entry.1.Value.StringValue", value.as_bytes())
    }

    /// Ends the body.
    pub(in crate::targets) fn finish(&mut self) -> &[u8] {
        if self.protocol == Protocol::Json {
            let end = match (self.list.is_some(), self.entries) {
                (false, _) => &b"}"[..],
                (true, 0) => b"]}",
                (true, _) => b"}]}",
            };
            self.text.extend_from_slice(end);
        }
        &self.text
    }

    /// Appends a member's name and its punctuation.
    fn name(&mut self, name: &str) {
        match (self.protocol, self.list) {
            (Protocol::Json, _) => {
                self.text.extend_from_slice(b",\"");
                self.text.extend_from_slice(name.as_bytes());
                self.text.extend_from_slice(b"\":");
            }
            (Protocol::Query, None) => {
                self.text.push(b'&');
                self.text.extend_from_slice(name.as_bytes());
                self.text.push(b'=');
            }
            (Protocol::Query, Some(list)) => {
                self.text.push(b'&');
                self.text.extend_from_slice(list.query.as_bytes());
                self.put_number(self.entries as u64);
                self.text.push(b'.');
                self.text.extend_from_slice(name.as_bytes());
                self.text.push(b'=');
            }
        }
    }

    fn put_number(&mut self, value: u64) {
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::super::Service;
    use super::*;

    const LIST: List = List { json: "Entries", query: "DeleteMessageBatchRequestEntry." };

    fn bodies(protocol: &str) -> (String, String) {
        let address = format!("sqs+http://localhost:1?protocol={protocol}").parse().expect("a URL");
        let endpoint = Endpoint::from_address(&address, Service::Sqs).expect("an endpoint");
        let mut one = Body::new(&endpoint, "One", ("QueueUrl", "http://h/\"q"), None);
        let mut many = Body::new(&endpoint, "Many", ("QueueUrl", "u"), Some(LIST));
        // `restart` drops what was written before.
        one.restart().string("Old", b"old").finish();
        many.restart().entry().string("Old", b"old").finish();
        one.restart().string("MessageBody", b"a b").number("DelaySeconds", 7).digits("MessageGroupId", 12);
        many.restart().entry().string("R", b"x").number("N", 1).entry().string("R", b"y");
        let text = |body: &mut Body| String::from_utf8(body.finish().to_vec()).expect("UTF-8");
        (text(&mut one), text(&mut many))
    }

    #[test]
    fn json_is_written_in_one_piece() {
        let (one, many) = bodies("json");
        assert_eq!(one, r#"{"QueueUrl":"http://h/\"q","MessageBody":"a b","DelaySeconds":7,"MessageGroupId":"12"}"#);
        assert_eq!(many, r#"{"QueueUrl":"u","Entries":[{"Id":"0","R":"x","N":1},{"Id":"1","R":"y"}]}"#);
    }

    #[test]
    fn forms_number_their_entries() {
        let (one, many) = bodies("query");
        assert_eq!(
            one,
            "Action=One&Version=2012-11-05&QueueUrl=http%3A%2F%2Fh%2F%22q&MessageBody=a%20b&DelaySeconds=7\
             &MessageGroupId=12"
        );
        let entry = |number: u32| format!("&DeleteMessageBatchRequestEntry.{number}.");
        let [first, second] = [entry(1), entry(2)];
        assert_eq!(
            many,
            format!("Action=Many&Version=2012-11-05&QueueUrl=u{first}Id=0{first}R=x{first}N=1{second}Id=1{second}R=y")
        );
    }
}
