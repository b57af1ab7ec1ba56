//! Input that SNS refuses, with the code and the message, in both protocols.

use posthouse_model::operation::Publish;

use super::*;

/// The Query code and the message of a refusal, also of one that the engine repeats once it knows the target.
fn refused(decoded: Result<Decoded, Box<Refused>>) -> String {
    if let Ok(Decoded { call, .. }) = &decoded
        && let Request::Publish(Publish { publication: Err(fault), .. }) = &call.request
    {
        return format!("{}: {}", (SNS.row)(fault).query_code, crate::fault_message(fault));
    }
    refusal(decoded)
}

#[test]
fn members() {
    let null = |member: &str| {
        format!(
            "ValidationError: 1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
        )
    };
    let outside = |value: &str, member: &str, rule: &str| {
        format!(
            "ValidationError: 1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
        )
    };
    let invalid = |what: &str| format!("InvalidParameter: Invalid parameter: {what}");
    let missing = |name: &str| invalid(&format!("{name} Reason: no value for required parameter"));
    let elements = |name: &str, elements: usize| {
        invalid(&format!("{name} Reason: An ARN must have at least 6 elements, not {elements}"))
    };
    let slashes =
        |name: &str| invalid(&format!("{name} Reason: Wrong number of slashes in relative portion of the ARN."));
    let id = |name: &str| {
        let rule = "UUID must be encoded in exactly 36 characters.";
        invalid(&format!("{name} Reason: ARN specifies an invalid endpointId: {rule}"))
    };
    let pattern = r"Member must satisfy regular expression pattern: ^(\\+[0-9]{8,}|[0-9]{0,9})$";
    // `TOPIC` stands for a topic as the member `TopicArn`, `RESOURCE` for it as `ResourceArn`.
    for (action, json, form, expected) in [
        ("DeleteTopic", "", "", missing("TopicArn")),
        ("DeleteTopic", r#""TopicArn":"orders""#, "TopicArn=orders", elements("TopicArn", 1)),
        ("DeleteTopic", r#""TopicArn":"a:b:c:d:e""#, "TopicArn=a:b:c:d:e", elements("TopicArn", 5)),
        (
            "DeleteTopic",
            r#""TopicArn":"arn:aws:sqs:eu-west-1:123456789012:q""#,
            "TopicArn=arn:aws:sqs:eu-west-1:123456789012:q",
            invalid("TopicArn"),
        ),
        ("CreateTopic", "", "", null("name")),
        ("CreateTopic", r#""Name":"a b""#, "Name=a+b", invalid("Topic Name")),
        ("CreateTopic", r#""Name":"""#, "Name=", invalid("Topic Name")),
        (
            "CreateTopic",
            r#""Name":"t","Attributes":{"Colour":"red"}"#,
            "Name=t&Attributes.entry.1.key=Colour&Attributes.entry.1.value=red",
            invalid("Attributes Reason: Unknown attribute Colour"),
        ),
        (
            "CreateTopic",
            r#""Name":"t","Tags":[{"Key":"","Value":"v"}]"#,
            "Name=t&Tags.member.1.Key=&Tags.member.1.Value=v",
            outside("", "tags.1.member.key", "Member must have length greater than or equal to 1"),
        ),
        (
            "CreateTopic",
            r#""Name":"t","Tags":[{"Key":"k"}]"#,
            "Name=t&Tags.member.1.Key=k",
            null("tags.1.member.value"),
        ),
        (
            "CreateTopic",
            r#""Name":"t","Tags":[{"Key":"k","Value":"1"},{"Key":"k","Value":"2"}]"#,
            "Name=t&Tags.member.1.Key=k&Tags.member.1.Value=1&Tags.member.2.Key=k&Tags.member.2.Value=2",
            invalid("Duplicated keys are not allowed."),
        ),
        (
            "CreateTopic",
            r#""Name":"t","Tags":[{"Key":"AWS:k","Value":"1"}]"#,
            "Name=t&Tags.member.1.Key=AWS:k&Tags.member.1.Value=1",
            invalid("Tags Reason: a key cannot start with the reserved prefix aws:"),
        ),
        (
            "CreateTopic",
            r#""Name":"t","DataProtectionPolicy":"no""#,
            "Name=t&DataProtectionPolicy=no",
            invalid("DataProtectionPolicy Reason: the policy is not a JSON object"),
        ),
        ("SetTopicAttributes", "TOPIC", "TOPIC", null("attributeName")),
        (
            "SetTopicAttributes",
            r#"TOPIC,"AttributeName":"Owner","AttributeValue":"x""#,
            "TOPIC&AttributeName=Owner&AttributeValue=x",
            invalid("AttributeName"),
        ),
        ("AddPermission", "TOPIC", "TOPIC", null("label")),
        ("AddPermission", r#"TOPIC,"Label":"a b""#, "TOPIC&Label=a+b", invalid("Label")),
        ("AddPermission", r#"TOPIC,"Label":"a""#, "TOPIC&Label=a", null("aWSAccountId")),
        (
            "AddPermission",
            r#"TOPIC,"Label":"a","AWSAccountId":[]"#,
            "TOPIC&Label=a&AWSAccountId=",
            invalid("AWSAccountId"),
        ),
        (
            "AddPermission",
            r#"TOPIC,"Label":"a","AWSAccountId":["12"],"ActionName":["Publish"]"#,
            "TOPIC&Label=a&AWSAccountId.member.1=12&ActionName.member.1=Publish",
            invalid("A provided account ID is not valid"),
        ),
        ("ListTopics", r#""NextToken":"x""#, "NextToken=x", invalid("NextToken")),
        ("ListTopics", r#""NextToken":"YWJj""#, "NextToken=YWJj", invalid("NextToken")),
        ("ListSubscriptions", r#""NextToken":"!""#, "NextToken=!", invalid("NextToken")),
        ("ListPhoneNumbersOptedOut", r#""nextToken":"YWJj""#, "nextToken=YWJj", invalid("nextToken")),
        ("ListPhoneNumbersOptedOut", r#""nextToken":"MTIzNDU2Nzg""#, "nextToken=MTIzNDU2Nzg", invalid("nextToken")),
        ("TagResource", "RESOURCE", "RESOURCE", null("tags")),
        ("TagResource", r#""ResourceArn":"x""#, "ResourceArn=x", elements("ResourceArn", 1)),
        ("UntagResource", "RESOURCE", "RESOURCE", null("tagKeys")),
        (
            "UntagResource",
            r#"RESOURCE,"TagKeys":[""]"#,
            "RESOURCE&TagKeys.member.1=",
            outside("", "tagKeys.1.member", "Member must have length greater than or equal to 1"),
        ),
        ("PutDataProtectionPolicy", "RESOURCE", "RESOURCE", null("dataProtectionPolicy")),
        ("Subscribe", "TOPIC", "TOPIC", null("protocol")),
        (
            "Subscribe",
            r#"TOPIC,"Protocol":"pigeon""#,
            "TOPIC&Protocol=pigeon",
            invalid("Amazon SNS does not support this protocol string: pigeon"),
        ),
        ("ConfirmSubscription", "TOPIC", "TOPIC", null("token")),
        ("ConfirmSubscription", r#""Token":"ab""#, "Token=ab", missing("TopicArn")),
        ("ConfirmSubscription", r#""TopicArn":"x","Token":"ab""#, "TopicArn=x&Token=ab", invalid("Topic")),
        ("ConfirmSubscription", r#"TOPIC,"Token":"x""#, "TOPIC&Token=x", "InvalidParameter: Invalid token".into()),
        ("ConfirmSubscription", r#"TOPIC,"Token":"abc""#, "TOPIC&Token=abc", "InvalidParameter: Invalid token".into()),
        ("ConfirmSubscription", r#"TOPIC,"Token":"abc123""#, "TOPIC&Token=abc123", invalid("Token")),
        (
            "ConfirmSubscription",
            r#"TOPIC,"Token":"x","AuthenticateOnUnsubscribe":"yes""#,
            "TOPIC&Token=x&AuthenticateOnUnsubscribe=yes",
            invalid("AuthenticateOnUnsubscribe"),
        ),
        ("Unsubscribe", "", "", missing("SubscriptionArn")),
        ("Unsubscribe", r#""SubscriptionArn":"x""#, "SubscriptionArn=x", elements("SubscriptionArn", 1)),
        (
            "Unsubscribe",
            r#""SubscriptionArn":"arn:aws:sns:eu-west-1:123456789012:orders:x""#,
            "SubscriptionArn=arn:aws:sns:eu-west-1:123456789012:orders:x",
            invalid("SubscriptionId"),
        ),
        (
            "GetSubscriptionAttributes",
            r#""SubscriptionArn":"arn:aws:sns:eu-west-1:123456789012:orders""#,
            "SubscriptionArn=arn:aws:sns:eu-west-1:123456789012:orders",
            invalid("SubscriptionId"),
        ),
        (
            "Publish",
            r#""Message":"x""#,
            "Message=x",
            invalid("TopicArn or TargetArn Reason: no value for required parameter"),
        ),
        (
            "Publish",
            r#"TOPIC,"PhoneNumber":"+15555550100""#,
            "TOPIC&PhoneNumber=%2B15555550100",
            invalid("TopicArn or TargetArn Reason: only one of TopicArn, TargetArn and PhoneNumber can be given"),
        ),
        ("Publish", "TOPIC", "TOPIC", null("message")),
        ("Publish", r#"TOPIC,"Message":"""#, "TOPIC&Message=", invalid("Empty message")),
        ("Publish", r#"TOPIC,"Message":"x","Subject":"""#, "TOPIC&Message=x&Subject=", invalid("Subject")),
        ("Publish", r#""TargetArn":"x""#, "TargetArn=x", elements("TargetArn", 1)),
        (
            "Publish",
            r#""TargetArn":"arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a""#,
            "TargetArn=arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a",
            slashes("TargetArn"),
        ),
        (
            "Publish",
            r#""PhoneNumber":"555""#,
            "PhoneNumber=555",
            invalid("PhoneNumber Reason: 555 is not valid to publish to"),
        ),
        (
            "Publish",
            r#"TOPIC,"Message":"x","MessageAttributes":{"a":{"StringValue":"v"}}"#,
            "TOPIC&Message=x&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.StringValue=v",
            null("messageAttributes.a.member.dataType"),
        ),
        (
            "PublishBatch",
            r#"TOPIC,"PublishBatchRequestEntries":[{"Id":"a","Message":"x","MessageAttributes":{"k":{"StringValue":"v"}}}]"#,
            "TOPIC&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=x&PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Name=k&PublishBatchRequestEntries.member.1.MessageAttributes.entry.1.Value.StringValue=v",
            null("publishBatchRequestEntries.1.member.messageAttributes.k.member.dataType"),
        ),
        (
            "Publish",
            r#"TOPIC,"Message":"x","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"?"}}"#,
            "TOPIC&Message=x&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue=?",
            "ParameterValueInvalid: The message attribute 'a' has a binary value that is not base64.".into(),
        ),
        (
            "Publish",
            r#"TOPIC,"Message":"x","MessageAttributes":{"a":{"DataType":"String","StringValue":"v","BinaryValue":"dg=="}}"#,
            "TOPIC&Message=x&MessageAttributes.entry.1.Name=a&MessageAttributes.entry.1.Value.DataType=String&MessageAttributes.entry.1.Value.StringValue=v&MessageAttributes.entry.1.Value.BinaryValue=dg==",
            "ParameterValueInvalid: The message attribute 'a' has more than one value.".into(),
        ),
        ("PublishBatch", "TOPIC", "TOPIC", null("publishBatchRequestEntries")),
        (
            "PublishBatch",
            r#"TOPIC,"PublishBatchRequestEntries":[]"#,
            "TOPIC&PublishBatchRequestEntries=",
            "EmptyBatchRequest: The batch request doesn't contain any entries.".into(),
        ),
        (
            "PublishBatch",
            r#"TOPIC,"PublishBatchRequestEntries":[{"Message":"x"}]"#,
            "TOPIC&PublishBatchRequestEntries.member.1.Message=x",
            null("publishBatchRequestEntries.1.member.id"),
        ),
        (
            "PublishBatch",
            r#"TOPIC,"PublishBatchRequestEntries":[{"Id":"a"}]"#,
            "TOPIC&PublishBatchRequestEntries.member.1.Id=a",
            null("publishBatchRequestEntries.1.member.message"),
        ),
        (
            "PublishBatch",
            r#"TOPIC,"PublishBatchRequestEntries":[{"Id":"a","Message":"x"},{"Id":"a","Message":"x"}]"#,
            "TOPIC&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=x&PublishBatchRequestEntries.member.2.Id=a&PublishBatchRequestEntries.member.2.Message=x",
            "BatchEntryIdsNotDistinct: Two or more batch entries in the request have the same Id.".into(),
        ),
        (
            "PublishBatch",
            r#"TOPIC,"PublishBatchRequestEntries":[{"Id":"a.b","Message":"x"}]"#,
            "TOPIC&PublishBatchRequestEntries.member.1.Id=a.b&PublishBatchRequestEntries.member.1.Message=x",
            "InvalidBatchEntryId: The Id of a batch entry in the batch request contains an impermissible character: a.b"
                .into(),
        ),
        ("CreatePlatformApplication", r#""Name":"a""#, "Name=a", null("platform")),
        ("CreatePlatformApplication", r#""Name":"a","Platform":"GCM""#, "Name=a&Platform=GCM", null("attributes")),
        (
            "CreatePlatformApplication",
            r#""Name":"a","Platform":"Pager","Attributes":{}"#,
            "Name=a&Platform=Pager&Attributes=",
            invalid("Platform Reason: Pager is not supported"),
        ),
        (
            "CreatePlatformApplication",
            r#""Name":"a/b","Platform":"GCM","Attributes":{}"#,
            "Name=a/b&Platform=GCM&Attributes=",
            invalid("a/b Reason: must contain only characters 'a'-'z', 'A'-'Z', '0'-'9', '_', '-', and '.'"),
        ),
        (
            "DeletePlatformApplication",
            r#""PlatformApplicationArn":"arn:aws:sns:eu-west-1:123456789012:app/GCM""#,
            "PlatformApplicationArn=arn:aws:sns:eu-west-1:123456789012:app/GCM",
            slashes("PlatformApplicationArn"),
        ),
        (
            "CreatePlatformApplication",
            r#""Name":"","Platform":"GCM","Attributes":{}"#,
            "Name=&Platform=GCM&Attributes=",
            invalid(" Reason: cannot be empty"),
        ),
        ("DeleteEndpoint", r#""EndpointArn":"x""#, "EndpointArn=x", elements("EndpointArn", 1)),
        (
            "DeleteEndpoint",
            r#""EndpointArn":"arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a/x""#,
            "EndpointArn=arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a/x",
            id("EndpointArn"),
        ),
        (
            "Publish",
            r#""Message":"m","TargetArn":"arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a/x""#,
            "Message=m&TargetArn=arn:aws:sns:eu-west-1:123456789012:endpoint/GCM/a/x",
            id("TargetArn"),
        ),
        (
            "CreatePlatformEndpoint",
            r#""PlatformApplicationArn":"arn:aws:sns:eu-west-1:123456789012:app/GCM/a""#,
            "PlatformApplicationArn=arn:aws:sns:eu-west-1:123456789012:app/GCM/a",
            null("token"),
        ),
        ("SetSMSAttributes", "", "", null("attributes")),
        ("CheckIfPhoneNumberIsOptedOut", "", "", null("phoneNumber")),
        (
            "OptInPhoneNumber",
            r#""phoneNumber":"call me""#,
            "phoneNumber=call+me",
            invalid("PhoneNumber Reason: input incorrectly formatted"),
        ),
        ("CreateSMSSandboxPhoneNumber", "", "", null("phoneNumber")),
        (
            "CreateSMSSandboxPhoneNumber",
            r#""PhoneNumber":"+1555""#,
            "PhoneNumber=%2B1555",
            outside("+1555", "phoneNumber", pattern),
        ),
        (
            "DeleteSMSSandboxPhoneNumber",
            r#""PhoneNumber":"+12345678901234567890""#,
            "PhoneNumber=%2B12345678901234567890",
            outside("+12345678901234567890", "phoneNumber", "Member must have length less than or equal to 20"),
        ),
        (
            "CreateSMSSandboxPhoneNumber",
            r#""PhoneNumber":"+15555550100","LanguageCode":"tlh""#,
            "PhoneNumber=%2B15555550100&LanguageCode=tlh",
            outside(
                "tlh",
                "languageCode",
                "Member must satisfy enum value set: [en-US, en-GB, es-419, es-ES, de-DE, fr-CA, fr-FR, it-IT, ja-JP, pt-BR, kr-KR, zh-CN, zh-TW]",
            ),
        ),
        (
            "VerifySMSSandboxPhoneNumber",
            r#""PhoneNumber":"+15555550100","OneTimePassword":"1234""#,
            "PhoneNumber=%2B15555550100&OneTimePassword=1234",
            outside("1234", "oneTimePassword", "Member must have length greater than or equal to 5"),
        ),
        (
            "VerifySMSSandboxPhoneNumber",
            r#""PhoneNumber":"+15555550100","OneTimePassword":"12345a""#,
            "PhoneNumber=%2B15555550100&OneTimePassword=12345a",
            outside("12345a", "oneTimePassword", "Member must satisfy regular expression pattern: ^[0-9]+$"),
        ),
        (
            "ListSMSSandboxPhoneNumbers",
            r#""MaxResults":101"#,
            "MaxResults=101",
            outside("101", "maxResults", "Member must have value less than or equal to 100"),
        ),
        (
            "ListOriginationNumbers",
            r#""MaxResults":0"#,
            "MaxResults=0",
            outside("0", "maxResults", "Member must have value greater than or equal to 1"),
        ),
        ("ListOriginationNumbers", r#""NextToken":"x""#, "NextToken=x", invalid("NextToken")),
    ] {
        let json = json
            .replace("TOPIC", &format!(r#""TopicArn":"{TOPIC}""#))
            .replace("RESOURCE", &format!(r#""ResourceArn":"{TOPIC}""#));
        let form =
            form.replace("TOPIC", &format!("TopicArn={TOPIC}")).replace("RESOURCE", &format!("ResourceArn={TOPIC}"));
        assert_eq!(refused(decode_json(action, &format!("{{{json}}}"))), expected, "{action} {json}");
        let in_query = expected.replace("\\\\", "\\");
        assert_eq!(refused(decode_form(action, &form)), in_query, "{action} {form}");
    }
}

#[test]
fn too_many_tags_and_too_long_ones() {
    let tag = |key: &str, value: &str| format!(r#"{{"Key":"{key}","Value":"{value}"}}"#);
    let create = |tags: &[String]| {
        refusal(decode_json("CreateTopic", &format!(r#"{{"Name":"t","Tags":[{}]}}"#, tags.join(","))))
    };
    let tags: Vec<String> = (0..51).map(|n| tag(&n.to_string(), "v")).collect();
    assert!(create(&tags[..50]).starts_with("CreateTopic("));
    assert_eq!(create(&tags), "TagLimitExceeded: Could not complete request: tag quota of per resource exceeded");
    let (key, value) = ("k".repeat(128), "v".repeat(256));
    assert!(create(&[tag(&key, &value)]).starts_with("CreateTopic("));
    for tag in [tag(&format!("{key}k"), "v"), tag("k", &format!("{value}v"))] {
        assert!(create(&[tag]).starts_with("ValidationError: "));
    }
}

#[test]
fn a_batch_fails_for_its_ids_and_contents_and_an_entry_for_its_subject() {
    let batch = |entries: &str| {
        decode_json("PublishBatch", &format!(r#"{{"TopicArn":"{TOPIC}","PublishBatchRequestEntries":[{entries}]}}"#))
    };
    let eleven: Vec<String> = (0..11).map(|n| format!(r#"{{"Id":"{n}","Message":"x"}}"#)).collect();
    assert!(batch(&eleven[..10].join(",")).is_ok());
    assert!(refusal(batch(&eleven.join(","))).starts_with("TooManyEntriesInBatchRequest: "));
    // Their number is looked at before anything in them.
    assert!(refusal(batch(&["{}"; 11].join(","))).starts_with("TooManyEntriesInBatchRequest: "));
    let decoded = |entries: &str| {
        let Request::PublishBatch(batch) = batch(entries).expect("a batch").call.request else {
            panic!("another action")
        };
        batch.entries
    };
    let entries = decoded(r#"{"Id":"a","Message":"x"},{"Id":"c","Message":"x","Subject":"\n"}"#).expect("two entries");
    let sound: Vec<bool> = entries.iter().map(|(_, entry)| entry.refused.is_none()).collect();
    assert_eq!(sound, [true, false]);
    for (entry, expected) in [
        (r#""Message":"""#, "Invalid parameter: Empty message"),
        (
            r#""Message":"x","MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"?"}}"#,
            "The message attribute 'a' has a binary value that is not base64.",
        ),
        (
            r#""Message":"{}","MessageStructure":"json""#,
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
    ] {
        let entries = format!(r#"{{"Id":"a","Message":"x"}},{{"Id":"b",{entry}}}"#);
        assert_eq!(crate::fault_message(&decoded(&entries).expect_err("refused")), expected);
    }
}

#[test]
fn members_of_the_wrong_type() {
    for (action, body, message) in [
        ("ListTopics", r#"{"NextToken":5}"#, "NUMBER_VALUE can not be converted to a String"),
        ("Subscribe", r#"{"ReturnSubscriptionArn":"true"}"#, "STRING_VALUE can not be converted to a Boolean"),
        ("ListSMSSandboxPhoneNumbers", r#"{"MaxResults":"5"}"#, "STRING_VALUE can not be converted to an Integer"),
        ("CreateTopic", r#"{"Attributes":[]}"#, "Start of list found where not expected."),
        ("CreateTopic", r#"{"Tags":{}}"#, "Start of structure or map found where not expected."),
        ("GetSMSSandboxAccountStatus", "[]", "Start of list found where not expected."),
        ("ListTopics", "{", "EOF while parsing an object at line 1 column 1"),
    ] {
        assert_eq!(refusal(decode_json(action, body)), format!("MalformedInput: {message}"), "{body}");
    }
    for (action, form, message) in [
        ("Subscribe", "ReturnSubscriptionArn=1", "STRING_VALUE can not be converted to a Boolean"),
        ("ListSMSSandboxPhoneNumbers", "MaxResults=x", "STRING_VALUE can not be converted to an Integer"),
        ("CreateTopic", "Tags.member.x.Key=a", "Key x is not an index of a list."),
        ("CreateTopic", "Attributes.entry.1.key=a", "A map entry needs a name and a value."),
    ] {
        assert_eq!(refusal(decode_form(action, form)), format!("MalformedInput: {message}"), "{form}");
    }
}

#[test]
fn a_refusal_quotes_a_short_part_of_the_input() {
    let long = "x".repeat(1_000_000);
    for (action, member) in [
        ("DeleteTopic", "TopicArn"),
        ("CreateTopic", "Name"),
        ("ListTopics", "NextToken"),
        ("Unsubscribe", "SubscriptionArn"),
        ("CheckIfPhoneNumberIsOptedOut", "phoneNumber"),
        ("CreateSMSSandboxPhoneNumber", "PhoneNumber"),
        ("Publish", "PhoneNumber"),
        ("Publish", "TargetArn"),
    ] {
        let refused = decode_json(action, &format!(r#"{{"{member}":"{long}"}}"#)).expect_err("too long");
        assert!(refused.response.body().remaining_bytes() < 1600, "{action}");
    }
}

#[test]
fn every_truncation_is_answered() {
    let body = format!(
        r#"{{"TopicArn":"{TOPIC}","Message":"ü\n","MessageAttributes":{{"a":{{"DataType":"Binary","BinaryValue":"AA=="}}}}}}"#
    );
    let form = format!(
        "Action=Publish&Version={VERSION}&TopicArn={TOPIC}&Message=%C3%BC&MessageAttributes.entry.1.Name=a&\
         MessageAttributes.entry.1.Value.DataType=Binary&MessageAttributes.entry.1.Value.BinaryValue=AA%3D%3D"
    );
    for (parts, text) in [(json_request("Publish"), &body), (query_request(), &form)] {
        assert!(decode(&parts, text).is_ok());
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            check(decode(&parts, &text[..cut]));
        }
    }
}
