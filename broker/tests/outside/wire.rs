//! Details of the two protocols that clients depend on.

use posthouse_aws_client::xml::Element;
use serde_json::{Value, json};

use crate::shared::OPEN;
use crate::support::form::{encode, form};
use crate::support::http::{Request, Response};
use crate::support::{json_protocol, query_protocol};

crate::cases! {
    json_errors_have_both_names,
    query_errors_are_xml,
    query_answers_have_their_namespace,
    a_get_is_a_query,
    the_path_may_name_the_queue,
    a_form_without_charset_is_a_form,
    parameters_may_be_in_the_url_and_in_the_body,
    empty_answers_are_empty,
    unknown_members_are_passed_over,
    lists_have_many_forms_in_query,
    an_attribute_without_a_value_fails_its_entry,
    a_queues_url_takes_actions_on_queues,
    queries_may_be_answered_in_json,
    queue_urls_follow_the_host,
    a_host_may_say_the_region,
    a_host_that_is_none_is_refused,
    a_connection_may_be_closed_on_request,
    old_clients_speak_http_1_0,
    a_client_may_wait_for_100_continue,
    bodies_may_come_in_chunks,
    http_2_carries_many_requests_at_once,
}

fn exchange(request: &Request) -> Response {
    OPEN.get().connect().exchange(request).expect("an answer")
}

fn query(action: &str, input: &Value) -> Response {
    exchange(&query_protocol::request(form(&query_protocol::parameters(action, input))))
}

/// Every error that one request without preparation can cause, with AWS's code for it in both protocols.
fn errors() -> Vec<(&'static str, Value, &'static str, &'static str)> {
    let queue = OPEN.get().json_client().queue();
    let (name, url) = (queue.name.clone(), queue.url.clone());
    let nowhere = "http://h/000000000000/never-created";
    let entry = json!({ "Id": "a", "MessageBody": "m" });
    vec![
        (
            "SendMessage",
            json!({ "QueueUrl": nowhere, "MessageBody": "m" }),
            "com.amazonaws.sqs#QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
        ),
        (
            "CreateQueue",
            json!({ "QueueName": name, "Attributes": { "DelaySeconds": "7" } }),
            "com.amazonaws.sqs#QueueNameExists",
            "QueueAlreadyExists",
        ),
        (
            "GetQueueAttributes",
            json!({ "QueueUrl": url, "AttributeNames": ["Colour"] }),
            "com.amazonaws.sqs#InvalidAttributeName",
            "InvalidAttributeName",
        ),
        (
            "SetQueueAttributes",
            json!({ "QueueUrl": url, "Attributes": { "DelaySeconds": "x" } }),
            "com.amazonaws.sqs#InvalidAttributeValue",
            "InvalidAttributeValue",
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "\u{1}" }),
            "com.amazonaws.sqs#InvalidMessageContents",
            "InvalidMessageContents",
        ),
        (
            "DeleteMessage",
            json!({ "QueueUrl": url, "ReceiptHandle": "x" }),
            "com.amazonaws.sqs#ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": [] }),
            "com.amazonaws.sqs#EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": [entry, entry] }),
            "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
        ),
        (
            "SendMessageBatch",
            json!({ "QueueUrl": url, "Entries": [{ "Id": "a.b", "MessageBody": "m" }] }),
            "com.amazonaws.sqs#InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
        ),
        (
            "ListMessageMoveTasks",
            json!({ "SourceArn": "arn:aws:sqs:us-east-1:000000000000:never-created" }),
            "com.amazonaws.sqs#ResourceNotFoundException",
            "ResourceNotFoundException",
        ),
        (
            "ReceiveMessage",
            json!({ "QueueUrl": url, "MaxNumberOfMessages": 11 }),
            "com.amazon.coral.service#InvalidParameterValueException",
            "InvalidParameterValue",
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url }),
            "com.amazon.coral.service#MissingRequiredParameterException",
            "MissingParameter",
        ),
    ]
}

fn json_errors_have_both_names() {
    for (action, input, kind, code) in errors() {
        let response = exchange(&json_protocol::request(action, input.to_string()));
        assert!((400..500).contains(&response.status), "{response:?}");
        assert_eq!(response.header("content-type"), Some("application/x-amz-json-1.0"));
        assert_eq!(response.header("x-amzn-query-error"), Some(&*format!("{code};Sender")), "{action} {input}");
        let error: Value = serde_json::from_str(response.text()).expect("JSON");
        assert_eq!(error["__type"], json!(kind), "{action} {input}");
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{error}");
    }
}

fn query_errors_are_xml() {
    for (action, input, _, code) in errors() {
        let response = query(action, &input);
        let document = Element::parse(response.text()).expect("XML");
        let error = document.child("Error").expect("an error");
        assert_eq!(error.text_of("Code"), code, "{action} {input}");
        assert_eq!(error.text_of("Type"), "Sender");
        assert!(error.child("Detail").is_some(), "{}", response.text());
    }
}

fn query_answers_have_their_namespace() {
    let response = query("ListQueues", &json!({ "QueueNamePrefix": "none-" }));
    assert_eq!(response.header("content-type"), Some("text/xml"));
    assert!(response.text().contains(r#"xmlns="http://queue.amazonaws.com/doc/2012-11-05/""#), "{}", response.text());
}

fn a_get_is_a_query() {
    let queue = OPEN.get().json_client().queue();
    let target = format!("/?Action=SendMessage&QueueUrl={}&MessageBody=by%20GET%2B+x", encode(&queue.url));
    let response = exchange(&Request::new("GET", &target, "").header("Host", "h"));
    query_protocol::answer("SendMessage", &response).expect("taken");
    queue.gives(&["by GET+ x"]);
}

fn the_path_may_name_the_queue() {
    let queue = OPEN.get().json_client().queue();
    let long = queue.url.strip_prefix("http://sqs.test:9324").expect("the Host header's").to_owned();
    for path in [long, format!("/000000000000/{}", queue.name)] {
        let mut request = query_protocol::request(form(&[("Action", "SendMessage"), ("MessageBody", path.as_str())]));
        request.target.clone_from(&path);
        query_protocol::answer("SendMessage", &exchange(&request)).expect("taken");
        queue.gives(&[&path]);
        let get = Request::new("GET", &format!("{path}?Action=GetQueueAttributes&AttributeName.1=QueueArn"), "");
        let answer = query_protocol::answer("GetQueueAttributes", &exchange(&get.header("Host", "h"))).expect("taken");
        assert_eq!(answer["Attributes"]["QueueArn"], json!(queue.arn()));
    }
}

fn a_form_without_charset_is_a_form() {
    for kind in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-Urlencoded;charset=UTF-8"] {
        let request = Request::new("POST", "/", "Action=ListQueues").header("Host", "h").header("Content-Type", kind);
        query_protocol::answer("ListQueues", &exchange(&request)).expect("taken");
    }
}

fn parameters_may_be_in_the_url_and_in_the_body() {
    let queue = OPEN.get().json_client().queue();
    let mut request = query_protocol::request(format!("MessageBody=m&QueueUrl={}", encode(&queue.url)));
    request.target = "/?Action=SendMessage&Version=2012-11-05".into();
    query_protocol::answer("SendMessage", &exchange(&request)).expect("taken");
    queue.gives(&["m"]);
}

fn empty_answers_are_empty() {
    let queue = OPEN.get().json_client().queue();
    let input = json!({ "QueueUrl": queue.url });
    let purge = exchange(&json_protocol::request("PurgeQueue", input.to_string()));
    assert!(["", "{}"].contains(&purge.text()), "{purge:?}");
    let receive = exchange(&json_protocol::request("ReceiveMessage", input.to_string()));
    let receive: Value = serde_json::from_str(receive.text()).expect("JSON");
    assert!([json!({}), json!({ "Messages": [] })].contains(&receive), "{receive}");
    assert_eq!(query_protocol::answer("PurgeQueue", &query("PurgeQueue", &input)), Ok(json!({})));
}

fn unknown_members_are_passed_over() {
    let queue = OPEN.get().json_client().queue();
    let input = json!({ "QueueUrl": queue.url, "MessageBody": "m", "Later": { "a": [1, null] }, "DelaySeconds": null });
    json_protocol::answer(&exchange(&json_protocol::request("SendMessage", input.to_string()))).expect("taken");
    let form = format!("Action=SendMessage&QueueUrl={}&MessageBody=m&Later.1.a=b", encode(&queue.url));
    query_protocol::answer("SendMessage", &exchange(&query_protocol::request(form))).expect("taken");
    queue.gives(&["m", "m"]);
}

fn lists_have_many_forms_in_query() {
    let queue = OPEN.get().json_client().queue_with(&[("VisibilityTimeout", "0")]);
    let attribute = json!({ "a": { "DataType": "String", "StringValue": "v" } });
    queue.ok("SendMessage", json!({ "MessageBody": "m", "MessageAttributes": attribute }));
    let url = encode(&queue.url);
    for names in ["", ".1", "s.1", "s", "s.member.1", ".member.1"] {
        let form = format!("Action=GetQueueAttributes&QueueUrl={url}&AttributeName{names}=VisibilityTimeout");
        let answer = exchange(&query_protocol::request(form));
        let answer = query_protocol::answer("GetQueueAttributes", &answer).expect("taken");
        assert_eq!(answer["Attributes"], json!({ "VisibilityTimeout": "0" }), "AttributeName{names}");
        let form = format!(
            "Action=ReceiveMessage&QueueUrl={url}&MessageAttributeName{names}=All&MessageSystemAttributeName{names}=SenderId"
        );
        let answer =
            query_protocol::answer("ReceiveMessage", &exchange(&query_protocol::request(form))).expect("taken");
        assert_eq!(answer["Messages"][0]["MessageAttributes"]["a"]["StringValue"], json!("v"), "{names}");
        assert!(answer["Messages"][0]["Attributes"]["SenderId"].is_string(), "{names}");
    }
}

fn an_attribute_without_a_value_fails_its_entry() {
    let queue = OPEN.get().json_client().queue();
    let entry = "SendMessageBatchRequestEntry";
    let form = format!(
        "Action=SendMessageBatch&QueueUrl={}&{entry}.1.Id=good&{entry}.1.MessageBody=good&{entry}.2.Id=bad\
         &{entry}.2.MessageBody=bad&{entry}.2.MessageAttribute.1.Name=a",
        encode(&queue.url)
    );
    let answer = query_protocol::answer("SendMessageBatch", &exchange(&query_protocol::request(form))).expect("taken");
    assert_eq!(answer["Successful"][0]["Id"], json!("good"));
    let failed = &answer["Failed"][0];
    assert_eq!((&failed["Id"], &failed["Code"]), (&json!("bad"), &json!("InvalidParameterValue")), "{failed}");
    queue.gives(&["good"]);
}

fn a_queues_url_takes_actions_on_queues() {
    let queue = OPEN.get().json_client().queue();
    let path = format!("/000000000000/{}", queue.name);
    let at_queue = |method: &str, form: &str| {
        let request = match method {
            "GET" => Request::new("GET", &format!("{path}?{form}"), "").header("Host", "h"),
            _ => Request { target: path.clone(), ..query_protocol::request(form.to_owned()) },
        };
        exchange(&request)
    };
    let new = format!("{}-new", queue.name);
    for (action, more) in [("CreateQueue", format!("&QueueName={new}")), ("ListQueues", String::new())] {
        for method in ["GET", "POST"] {
            let response = at_queue(method, &format!("Action={action}{more}"));
            assert_eq!(response.status, 400, "{response:?}");
            let document = Element::parse(response.text()).expect("XML");
            let error = document.child("Error").expect("an error");
            assert_eq!((error.text_of("Code"), error.text_of("Type")), ("InvalidAction", "Sender"));
            assert_eq!(error.text_of("Message"), format!("The action {action} is not valid for this endpoint."));
        }
    }
    let found = at_queue("GET", &format!("Action=GetQueueUrl&QueueName={}", queue.name));
    query_protocol::answer("GetQueueUrl", &found).expect("valid at a queue");
    let created = query("GetQueueUrl", &json!({ "QueueName": new }));
    assert_eq!(created.status, 400, "nothing was created: {created:?}");
}

fn queries_may_be_answered_in_json() {
    let queue = OPEN.get().json_client().queue();
    let ask = |target: &str| {
        let request = Request::new("GET", target, "").header("Host", "h").header("Accept", "application/json");
        let response = exchange(&request);
        assert_eq!(response.header("content-type"), Some("application/json"), "{response:?}");
        (response.status, serde_json::from_str::<Value>(response.text()).expect("JSON"))
    };
    let at_queue = |form: &str| ask(&format!("/000000000000/{}?{form}", queue.name));
    let (status, list) = ask(&format!("/?Action=ListQueues&QueueNamePrefix={}", queue.name));
    let members: Vec<&str> = list.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!((status, members), (200, vec!["ListQueuesResponse"]), "{list}");
    let (status, attributes) = at_queue("Action=GetQueueAttributes&AttributeName.1=All");
    assert_eq!(status, 200, "{attributes}");
    let result = &attributes["GetQueueAttributesResponse"]["GetQueueAttributesResult"];
    let pair = json!({ "Name": "VisibilityTimeout", "Value": "30" });
    assert!(result["Attributes"].as_array().expect("a list").contains(&pair), "{attributes}");
    assert!(attributes["GetQueueAttributesResponse"]["ResponseMetadata"]["RequestId"].is_string(), "{attributes}");
    let (status, error) = at_queue("Action=ListQueues");
    assert_eq!(status, 400, "{error}");
    assert_eq!(error["Error"]["Code"], json!("InvalidAction"));
    assert_eq!(error["Error"]["Message"], json!("The action ListQueues is not valid for this endpoint."));
    let target = format!("/?Action=CreateTopic&Version=2010-03-31&ContentType=JSON&Name={}", queue.name);
    let created = exchange(&Request::new("GET", &target, "").header("Host", "h"));
    let topic: Value = serde_json::from_str(created.text()).expect("a parameter asks for JSON, too");
    assert!(topic["CreateTopicResponse"]["CreateTopicResult"]["TopicArn"].is_string(), "{topic}");
    let bare = exchange(&Request::new("GET", "/", "").header("Host", "h").header("Accept", "application/json"));
    assert_eq!((bare.status, bare.text()), (404, "<UnknownOperationException/>"));
}

fn queue_urls_follow_the_host() {
    let name = OPEN.get().json_client().queue().name;
    for host in ["queues.example.com", "localhost:9324", "[::1]:9324"] {
        let mut request = json_protocol::request("GetQueueUrl", json!({ "QueueName": name }).to_string());
        request.set("Host", host);
        let url = json_protocol::answer(&exchange(&request)).expect("it is there")["QueueUrl"].clone();
        assert_eq!(url, json!(format!("http://{host}/000000000000/{name}")));
    }
}

fn a_host_may_say_the_region() {
    let client = OPEN.get().json_client().in_region("eu-west-1");
    let queue = client.queue();
    for (host, found) in [
        ("sqs.eu-west-1.localhost:9324", true),
        ("eu-west-1.queue.localhost", true),
        ("sqs.us-west-2.localhost", false),
        ("localhost", false),
    ] {
        for (target, body) in [
            (format!("/000000000000/{}", queue.name), "Action=GetQueueAttributes".to_owned()),
            ("/".to_owned(), format!("Action=GetQueueUrl&QueueName={}", queue.name)),
        ] {
            let mut request = query_protocol::request(body);
            request.target = target;
            request.set("Host", host);
            assert_eq!(exchange(&request).status == 200, found, "{host} {}", request.target);
        }
    }
}

fn a_host_that_is_none_is_refused() {
    let name = OPEN.get().json_client().queue().name;
    for host in ["evil.example.com/<script>", "a b", "h\"", "user@h", "h:port", "[::1", "h\\", "a, b"] {
        let json = json_protocol::request("GetQueueUrl", json!({ "QueueName": name }).to_string());
        let query = query_protocol::request(format!("Action=GetQueueUrl&QueueName={name}"));
        for mut request in [json, query] {
            request.set("Host", host);
            let response = exchange(&request);
            assert_eq!(response.status, 400, "{host}");
            assert!(response.text().contains("The Host header must be one host name"), "{}", response.text());
        }
    }
    let mut twice = json_protocol::request("ListQueues", "{}");
    twice.headers.push(("Host".into(), "other".into()));
    assert_eq!(exchange(&twice).status, 400);
    // RFC 9112, section 3.2. A proxy in front may have routed such a request by a name that the broker does not see.
    for head in ["GET /?Action=ListQueues", "GET http://h/?Action=ListQueues", "POST /?Action=NoSuchAction"] {
        for host in ["", "Host:\r\n", "Host: h\r\nHost: h\r\n", "Host: h\r\nhost: other\r\n"] {
            let mut connection = OPEN.get().connect();
            connection.write(format!("{head} HTTP/1.1\r\n{host}\r\n").as_bytes()).expect("accepted");
            let response = connection.read().expect("an answer");
            assert_eq!(response.status, 400, "{head} {host}");
            assert!(response.text().contains("The Host header must be one host name"), "{}", response.text());
        }
    }
}

fn a_connection_may_be_closed_on_request() {
    let mut connection = OPEN.get().connect();
    let request = json_protocol::request("ListQueues", "{}").header("Connection", "close");
    assert_eq!(connection.exchange(&request).expect("an answer").status, 200);
    assert!(connection.is_closed());
}

fn old_clients_speak_http_1_0() {
    for ends_its_sending in [false, true] {
        let mut connection = OPEN.get().connect();
        connection.write(b"GET /?Action=ListQueues HTTP/1.0\r\n\r\n").expect("accepted");
        if ends_its_sending {
            connection.finish().expect("half closed");
        }
        let mut said = Vec::new();
        while let Some(byte) = connection.byte() {
            said.push(byte);
        }
        let said = String::from_utf8_lossy(&said);
        assert!(said.starts_with("HTTP/1.0 200") && said.contains("<ListQueuesResponse"), "{said}");
    }
}

fn a_client_may_wait_for_100_continue() {
    let mut connection = OPEN.get().connect();
    let request =
        json_protocol::request("ListQueues", "").header("Content-Length", "2").header("Expect", "100-continue");
    connection.write(&request.to_bytes()).expect("accepted");
    assert_eq!(connection.read().expect("it may go on").status, 100);
    connection.write(b"{}").expect("still open");
    assert_eq!(connection.read().expect("an answer").status, 200);
}

fn bodies_may_come_in_chunks() {
    let mut connection = OPEN.get().connect();
    let chunked = json_protocol::request("ListQueues", "").header("Transfer-Encoding", "chunked");
    connection.write(&chunked.to_bytes()).expect("accepted");
    for chunk in ["1\r\n{\r\n", "1\r\n}\r\n", "0\r\n\r\n"] {
        connection.write(chunk.as_bytes()).expect("still open");
    }
    assert_eq!(connection.read().expect("an answer").status, 200);
}

/// HTTP/2 with prior knowledge, because protocols are negotiated within TLS only.
fn http_2_carries_many_requests_at_once() {
    const REQUESTS: usize = 50;
    let broker = OPEN.get();
    let queue = broker.json_client().queue();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(broker.sqs).await.expect("the broker listens");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2");
        tokio::spawn(connection);
        let sends = (0..REQUESTS).map(|number| {
            let body = json!({ "QueueUrl": queue.url, "MessageBody": format!("{number:02}") }).to_string();
            let request = http::Request::post("http://sqs.test:9324/")
                .header("content-type", "application/x-amz-json-1.0")
                .header("x-amz-target", "AmazonSQS.SendMessage")
                .body(http_body_util::Full::new(bytes::Bytes::from(body)))
                .expect("a valid request");
            let mut sender = sender.clone();
            tokio::spawn(async move { sender.send_request(request).await })
        });
        for send in sends.collect::<Vec<_>>() {
            let response = send.await.expect("no panic").expect("an answer");
            assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
        }
    });
    assert_eq!(queue.counts(), [REQUESTS as u64, 0, 0]);
}
