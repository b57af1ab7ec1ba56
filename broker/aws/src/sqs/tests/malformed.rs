//! Input that SQS refuses, with the code and the message, in both protocols.

use posthouse_model::Request;

use super::*;

#[test]
fn members() {
    let missing = |name: &str| format!("MissingParameter: The request must contain the parameter {name}.");
    let invalid = |value: &str, name: &str, reason: &str| {
        format!("InvalidParameterValue: Value {value} for parameter {name} is invalid. Reason: {reason}")
    };
    let between = |low: u32, high: u32| format!("Must be between {low} and {high}, if provided.");
    let span = |high: u32| format!("Must be >= 0 and <= {high}, if provided.");
    let timeout = "VisibilityTimeout must be an integer between 0 and 43200.";
    let delay = "DelaySeconds must be >= 0 and <= 900.";
    let name =
        "InvalidParameterValue: Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
    let fifo_name = "InvalidParameterValue: The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.";
    let arn = |name: &str| {
        format!(
            "InvalidParameterValue: You must use this format to specify the {name}: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
        )
    };
    let tag_keys = "InvalidParameterValue: Tag keys must be between 1 and 128 characters in length.";
    let token = "InvalidParameterValue: Invalid or expired next token.";
    // `QUEUE` stands for the queue's URL, `HANDLE` for a valid receipt handle.
    for (action, json, form, expected) in [
        ("CreateQueue", "", "", missing("QueueName")),
        ("CreateQueue", r#""QueueName":"a b""#, "QueueName=a+b", name.into()),
        (
            "CreateQueue",
            r#""QueueName":"a b.fifo","Attributes":{"FifoQueue":"true"}"#,
            "QueueName=a+b.fifo&Attribute.1.Name=FifoQueue&Attribute.1.Value=true",
            fifo_name.into(),
        ),
        (
            "CreateQueue",
            r#""QueueName":"q","Attributes":{"Colour":"red"}"#,
            "QueueName=q&Attribute.1.Name=Colour&Attribute.1.Value=red",
            "InvalidAttributeName: Unknown Attribute Colour.".into(),
        ),
        (
            "CreateQueue",
            r#""QueueName":"q","tags":{"":"x"}"#,
            "QueueName=q&Tag.1.Key=&Tag.1.Value=x",
            tag_keys.into(),
        ),
        ("GetQueueUrl", r#""QueueName":"a/b""#, "QueueName=a/b", name.into()),
        ("SetQueueAttributes", "QUEUE", "QUEUE", missing("Attributes")),
        (
            "SetQueueAttributes",
            r#"QUEUE,"Attributes":{"QueueArn":"x"}"#,
            "QUEUE&Attribute.1.Name=QueueArn&Attribute.1.Value=x",
            "InvalidAttributeName: Unknown Attribute QueueArn.".into(),
        ),
        (
            "GetQueueAttributes",
            r#"QUEUE,"AttributeNames":["Colour"]"#,
            "QUEUE&AttributeName.1=Colour",
            "InvalidAttributeName: Unknown Attribute Colour.".into(),
        ),
        ("SendMessage", "QUEUE", "QUEUE", missing("MessageBody")),
        ("SendMessage", r#"QUEUE,"MessageBody":"""#, "QUEUE&MessageBody=", missing("MessageBody")),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","DelaySeconds":901"#,
            "QUEUE&MessageBody=x&DelaySeconds=901",
            invalid("901", "DelaySeconds", delay),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","DelaySeconds":-1"#,
            "QUEUE&MessageBody=x&DelaySeconds=-1",
            invalid("-1", "DelaySeconds", delay),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageAttributes":{"a":{"StringValue":"v"}}"#,
            "QUEUE&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.StringValue=v",
            "InvalidParameterValue: The message attribute 'a' must contain non-empty message attribute type.".into(),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"String"}}"#,
            "QUEUE&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String",
            "InvalidParameterValue: Message (user) attribute 'a' must contain a non-empty value of type 'String'."
                .into(),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"?"}}"#,
            "QUEUE&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=?",
            "InvalidParameterValue: The value of message attribute 'a' is not base64.".into(),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"String","StringValue":"v","BinaryValue":"dg=="}}"#,
            "QUEUE&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=v&MessageAttribute.1.Value.BinaryValue=dg==",
            "InvalidParameterValue: The message attribute 'a' has more than one value.".into(),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageAttributes":{"a":{"DataType":"String","StringListValues":["v"]}}"#,
            "QUEUE&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringListValue.1=v",
            "InvalidParameterValue: Message attribute list values in SendMessage operation are not supported.".into(),
        ),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageSystemAttributes":{"Other":{"DataType":"String","StringValue":"v"}}"#,
            "QUEUE&MessageBody=x&MessageSystemAttribute.1.Name=Other&MessageSystemAttribute.1.Value.DataType=String&MessageSystemAttribute.1.Value.StringValue=v",
            "InvalidParameterValue: Message system attribute name 'Other' is invalid.".into(),
        ),
        (
            "SendMessageBatch",
            "QUEUE",
            "QUEUE",
            "AWS.SimpleQueueService.EmptyBatchRequest: There should be at least one SendMessageBatchRequestEntry in the request.".into(),
        ),
        (
            "SendMessageBatch",
            r#"QUEUE,"Entries":[{"MessageBody":"x"}]"#,
            "QUEUE&SendMessageBatchRequestEntry.1.MessageBody=x",
            missing("Id"),
        ),
        (
            "SendMessageBatch",
            r#"QUEUE,"Entries":[{"Id":"a"}]"#,
            "QUEUE&SendMessageBatchRequestEntry.1.Id=a",
            missing("MessageBody"),
        ),
        (
            "SendMessageBatch",
            r#"QUEUE,"Entries":[{"Id":"a","MessageBody":"x"},{"Id":"a","MessageBody":"x"}]"#,
            "QUEUE&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x&SendMessageBatchRequestEntry.2.Id=a&SendMessageBatchRequestEntry.2.MessageBody=x",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct: Id a repeated.".into(),
        ),
        (
            "DeleteMessageBatch",
            r#"QUEUE,"Entries":[{"Id":"a.b","ReceiptHandle":"x"}]"#,
            "QUEUE&DeleteMessageBatchRequestEntry.1.Id=a.b&DeleteMessageBatchRequestEntry.1.ReceiptHandle=x",
            "AWS.SimpleQueueService.InvalidBatchEntryId: A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.".into(),
        ),
        (
            "DeleteMessageBatch",
            r#"QUEUE,"Entries":[{"Id":"a"}]"#,
            "QUEUE&DeleteMessageBatchRequestEntry.1.Id=a",
            missing("ReceiptHandle"),
        ),
        ("DeleteMessage", "QUEUE", "QUEUE", missing("ReceiptHandle")),
        (
            "ChangeMessageVisibility",
            r#"QUEUE,"ReceiptHandle":"HANDLE""#,
            "QUEUE&ReceiptHandle=HANDLE",
            missing("VisibilityTimeout"),
        ),
        (
            "ChangeMessageVisibility",
            r#"QUEUE,"ReceiptHandle":"HANDLE","VisibilityTimeout":43201"#,
            "QUEUE&ReceiptHandle=HANDLE&VisibilityTimeout=43201",
            invalid("43201", "VisibilityTimeout", timeout),
        ),
        (
            "ReceiveMessage",
            r#"QUEUE,"MaxNumberOfMessages":11"#,
            "QUEUE&MaxNumberOfMessages=11",
            invalid("11", "MaxNumberOfMessages", &between(1, 10)),
        ),
        (
            "ReceiveMessage",
            r#"QUEUE,"MaxNumberOfMessages":0"#,
            "QUEUE&MaxNumberOfMessages=0",
            invalid("0", "MaxNumberOfMessages", &between(1, 10)),
        ),
        (
            "ReceiveMessage",
            r#"QUEUE,"WaitTimeSeconds":21"#,
            "QUEUE&WaitTimeSeconds=21",
            invalid("21", "WaitTimeSeconds", &span(20)),
        ),
        (
            "ReceiveMessage",
            r#"QUEUE,"VisibilityTimeout":-1"#,
            "QUEUE&VisibilityTimeout=-1",
            invalid("-1", "VisibilityTimeout", &span(43200)),
        ),
        (
            "ReceiveMessage",
            r#"QUEUE,"AttributeNames":["DelaySeconds"]"#,
            "QUEUE&AttributeName.1=DelaySeconds",
            "InvalidAttributeName: Unknown Attribute DelaySeconds.".into(),
        ),
        (
            "ReceiveMessage",
            r#"QUEUE,"ReceiveRequestAttemptId":"a b""#,
            "QUEUE&ReceiveRequestAttemptId=a+b",
            invalid(
                "a b",
                "ReceiveRequestAttemptId",
                "ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length.",
            ),
        ),
        ("ListQueues", r#""MaxResults":1001"#, "MaxResults=1001", invalid("1001", "MaxResults", &between(1, 1000))),
        ("ListQueues", r#""NextToken":"x""#, "NextToken=x", token.into()),
        ("TagQueue", "QUEUE", "QUEUE", missing("Tags")),
        ("TagQueue", r#"QUEUE,"Tags":{}"#, "QUEUE&Tag=", missing("Tags")),
        ("UntagQueue", "QUEUE", "QUEUE", missing("TagKeys")),
        ("UntagQueue", r#"QUEUE,"TagKeys":[]"#, "QUEUE&TagKey=", tag_keys.into()),
        ("UntagQueue", r#"QUEUE,"TagKeys":["a",""]"#, "QUEUE&TagKey.1=a&TagKey.2=", tag_keys.into()),
        (
            "SendMessage",
            r#"QUEUE,"MessageBody":"x","MessageAttributes":{"a":{}}"#,
            "QUEUE&MessageBody=x&MessageAttribute.1.Name=a",
            "InvalidParameterValue: The message attribute 'a' must contain non-empty message attribute type.".into(),
        ),
        ("AddPermission", "QUEUE", "QUEUE", missing("Label")),
        (
            "AddPermission",
            r#"QUEUE,"Label":"a b""#,
            "QUEUE&Label=a+b",
            invalid(
                "a b",
                "Label",
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length.",
            ),
        ),
        ("AddPermission", r#"QUEUE,"Label":"a""#, "QUEUE&Label=a", missing("AWSAccountIds")),
        (
            "AddPermission",
            r#"QUEUE,"Label":"a","AWSAccountIds":["1"],"Actions":["*"]"#,
            "QUEUE&Label=a&AWSAccountId.1=1&ActionName.1=*",
            invalid("[1]", "PrincipalId", "Unable to verify."),
        ),
        ("StartMessageMoveTask", "", "", missing("SourceArn")),
        ("StartMessageMoveTask", r#""SourceArn":"x""#, "SourceArn=x", arn("SourceArn")),
        (
            "StartMessageMoveTask",
            r#""SourceArn":"arn:aws:sqs:a:000000000000:q","DestinationArn":"x""#,
            "SourceArn=arn:aws:sqs:a:000000000000:q&DestinationArn=x",
            arn("DestinationArn"),
        ),
        (
            "StartMessageMoveTask",
            r#""SourceArn":"arn:aws:sqs:a:000000000000:q","MaxNumberOfMessagesPerSecond":501"#,
            "SourceArn=arn:aws:sqs:a:000000000000:q&MaxNumberOfMessagesPerSecond=501",
            invalid("501", "MaxNumberOfMessagesPerSecond", "MaxNumberOfMessagesPerSecond must be between 1 and 500."),
        ),
        (
            "CancelMessageMoveTask",
            r#""TaskHandle":"x""#,
            "TaskHandle=x",
            "InvalidParameterValue: Value for parameter TaskHandle is invalid.".into(),
        ),
        (
            "ListMessageMoveTasks",
            r#""SourceArn":"arn:aws:sqs:a:000000000000:q","MaxResults":11"#,
            "SourceArn=arn:aws:sqs:a:000000000000:q&MaxResults=11",
            invalid("11", "MaxResults", "MaxResults must be between 1 and 10."),
        ),
    ] {
        let json = json.replace("QUEUE", &format!(r#""QueueUrl":"{URL}""#)).replace("HANDLE", HANDLE);
        let form = form.replace("QUEUE", &format!("QueueUrl={URL}")).replace("HANDLE", &HANDLE.replace('+', "%2B"));
        assert_eq!(refusal(decode_json(action, &format!("{{{json}}}"))), expected, "{action} {json}");
        assert_eq!(refusal(decode_query(&format!("Action={action}&{form}"))), expected, "{action} {form}");
    }
}

#[test]
fn a_batch_fails_for_its_size_and_an_entry_for_its_own() {
    let body = |text: &str| {
        format!(
            r#"{{"QueueUrl":"{URL}","Entries":[{{"Id":"a","MessageBody":"{text}"}},{{"Id":"b","MessageBody":"x"}}]}}"#
        )
    };
    let whole = "x".repeat(1024 * 1024 - 1);
    assert!(decode_json("SendMessageBatch", &body(&whole)).is_ok());
    assert_eq!(
        refusal(decode_json("SendMessageBatch", &body(&format!("{whole}x")))),
        "AWS.SimpleQueueService.BatchRequestTooLong: Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."
    );
    let Request::SendMessageBatch(batch) =
        decode_json("SendMessageBatch", &body("\\u0001")).expect("valid").call.request
    else {
        panic!("another action");
    };
    let messages: Vec<_> = batch.entries().iter().map(|(_, entry)| entry.message()).collect();
    assert_eq!(messages[0], Err(&Fault::InvalidMessageContents));
    assert!(messages[1].is_ok());
}

#[test]
fn reserved_members_may_be_empty_lists() {
    let body = format!(
        r#"{{"QueueUrl":"{URL}","MessageBody":"x","MessageAttributes":{{"a":{{"DataType":"String","StringValue":"v","StringListValues":[],"BinaryListValues":[]}}}}}}"#
    );
    assert!(decode_json("SendMessage", &body).is_ok());
}

#[test]
fn requests_without_a_protocol() {
    let json = |target: Option<&str>, method: &str| {
        let mut headers = vec![("content-type", "application/x-amz-json-1.0")];
        headers.extend(target.map(|target| ("x-amz-target", target)));
        request(&headers, method, "/")
    };
    let unknown = "UnknownOperationException: The request names no operation of this service.";
    for parts in [
        json(None, "POST"),
        json(Some("AmazonSQS.Fly"), "POST"),
        json(Some("AmazonS3.ListQueues"), "POST"),
        json(Some("ListQueues"), "POST"),
        json(Some("AmazonSQS.ListQueues"), "GET"),
    ] {
        assert_eq!(refusal(decode(&parts, "{}")), unknown);
    }
    let form = &[("content-type", "application/x-www-form-urlencoded")][..];
    for (headers, method, url, body, expected) in [
        (form, "POST", "/", "", "UnknownOperationException: <UnknownOperationException/>"),
        (&[], "GET", "/", "", "UnknownOperationException: <UnknownOperationException/>"),
        (
            &[("content-type", "text/plain")],
            "POST",
            "/",
            "Action=ListQueues",
            "UnknownOperationException: <UnknownOperationException/>",
        ),
        (form, "POST", "/", "Action=Fly", "InvalidAction: The action Fly is not valid for this endpoint."),
        (form, "POST", "/", "Action=ListQueues&x=%", "MalformedQueryString: The query string contains a syntax error."),
        (
            &[],
            "GET",
            "/?Action=ListQueues&MaxResults=x",
            "",
            "MalformedInput: STRING_VALUE can not be converted to an Integer",
        ),
    ] {
        assert_eq!(refusal(decode(&request(headers, method, url), body)), expected, "{method} {url} {body}");
    }
}

#[test]
fn json_of_the_wrong_shape() {
    for (body, message) in [
        (r#"{"MaxResults":"5"}"#, "STRING_VALUE can not be converted to an Integer"),
        (r#"{"QueueNamePrefix":5}"#, "NUMBER_VALUE can not be converted to a String"),
        ("[]", "Start of list found where not expected."),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("nonsense", "expected ident at line 1 column 2"),
        (r#"{"a":1} x"#, "trailing characters at line 1 column 9"),
    ] {
        assert_eq!(refusal(decode_json("ListQueues", body)), format!("MalformedInput: {message}"), "{body}");
    }
    let parts = json_request("ListQueues");
    let refused = whole(
        &Aws::new(options()),
        &parts,
        &Bytes::from_static(b"{\"QueueNamePrefix\":\"\xff\"}"),
        &arrival(),
        &mut || [0; 16],
    );
    let refused = refused.expect_err("bad UTF-8");
    assert_eq!(refused.action, Some(Action::ListQueues));
    assert_eq!(refusal(Err(refused)), "MalformedInput: The request is not valid UTF-8.");
}

#[test]
fn forms_that_are_not_utf_8() {
    let form = |body: &'static [u8]| {
        refusal(whole(&Aws::new(options()), &query_request(), &Bytes::from_static(body), &arrival(), &mut || [0; 16]))
    };
    for body in
        [&b"Action=ListQueues&x=\xff"[..], b"Action=ListQueues&\xff=x", b"Action=ListQueues&x=%FF", b"\x1f\x8b\x08"]
    {
        assert_eq!(form(body), "MalformedInput: The request is not valid UTF-8.");
    }
    assert_eq!(form(b"Action=ListQueues&x=%F"), "MalformedQueryString: The query string contains a syntax error.");
}

#[test]
fn compressed_bodies_are_refused() {
    for (encoding, refused) in [("gzip", true), ("br, gzip", true), ("identity", false), ("", false)] {
        for (mut parts, body) in [(json_request("ListQueues"), "{}"), (query_request(), "Action=ListQueues")] {
            parts.headers.insert("content-encoding", encoding.parse().expect("valid"));
            let decoded = decode(&parts, body);
            assert_eq!(decoded.is_err(), refused, "{encoding}");
            if refused {
                assert_eq!(decoded.as_ref().expect_err("refused").response.status(), 415);
                let sentence =
                    format!("The request has the Content-Encoding {encoding}; a body must be sent without one.");
                assert_eq!(refusal(decoded), format!("InvalidHttpRequest: {sentence}"));
            }
        }
    }
}

#[test]
fn a_url_without_a_queue() {
    for url in ["http://h", "http://h/12345/q", "http://h/a/b/c/d/q", "a b", "/", "http://h/123456789012/q?x"] {
        let json = refusal(decode_json("PurgeQueue", &format!(r#"{{"QueueUrl":"{url}"}}"#)));
        let query = refusal(decode_query(&format!("Action=PurgeQueue&QueueUrl={url}")));
        assert_eq!(json, "AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist.", "{url}");
        assert_eq!(
            query, "AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist for this wsdl version.",
            "{url}"
        );
    }
}

/// Query names the address of the request, as AWS does.
#[test]
fn a_queue_must_be_named() {
    for members in ["", r#""QueueUrl":null"#, r#""QueueUrl":"""#] {
        let json = refusal(decode_json("PurgeQueue", &format!("{{{members}}}")));
        assert_eq!(json, "MissingParameter: The request must contain the parameter QueueUrl.");
    }
    for form in ["", "&QueueUrl="] {
        let query = refusal(decode_query(&format!("Action=PurgeQueue{form}")));
        assert_eq!(query, "InvalidAddress: The address http://localhost:9324/ is not valid for this endpoint.");
    }
    let elsewhere = decode(&request(&[], "GET", "/a/b/c/d/q?Action=PurgeQueue"), "");
    let address = "InvalidAddress: The address http://localhost:9324/a/b/c/d/q is not valid for this endpoint.";
    assert_eq!(refusal(elsewhere), address);
}

#[test]
fn a_host_that_is_none_is_refused() {
    for host in ["a b", "h/<script>", "\"", "h:x", "user@h"] {
        let mut parts = json_request("ListQueues");
        parts.headers.insert("host", host.parse().expect("valid"));
        let refused = decode(&parts, "{}").expect_err(host);
        assert_eq!(refused.response.status(), 400);
        let sentence =
            "InvalidHttpRequest: The Host header must be one host name or IP address, with a port or without.";
        assert_eq!(refusal(Err(refused)), sentence);
    }
}

#[test]
fn a_refusal_quotes_a_short_part_of_the_input() {
    let long = "x".repeat(1_000_000);
    for (action, member) in [
        ("PurgeQueue", "QueueUrl"),
        ("CancelMessageMoveTask", "TaskHandle"),
        ("ListQueues", "NextToken"),
        ("CreateQueue", "QueueName"),
    ] {
        let url = if member == "QueueUrl" { String::new() } else { format!(r#""QueueUrl":"{URL}","#) };
        let refused = decode_json(action, &format!(r#"{{{url}"{member}":"{long}"}}"#)).expect_err("too long");
        assert!(refused.response.body().remaining_bytes() < 1600, "{action}");
    }
}

#[test]
fn a_wrong_signature_is_refused_before_the_input_is_read() {
    let refused = whole(&secured(), &json_request("ListQueues"), &Bytes::from("{"), &arrival(), &mut || [0; 16]);
    let refused = refused.expect_err("the header is incomplete");
    assert_eq!((refused.code, refused.action), ("IncompleteSignature", Some(Action::ListQueues)));
    assert!(shown(refused.response).starts_with("403 application/x-amz-json-1.0 IncompleteSignature;Sender\n"));
}
