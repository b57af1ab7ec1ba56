//! Judges that the project did not write: the official SDK for Rust, boto3, the extended client for Python and the AWS
//! CLI. And the README's sessions.

use std::process::Command;

use crate::shared::{ALICE, OPEN, USERS};
use crate::support::python;
use crate::support::{Broker, unique};

crate::cases! {
    boto3_calls_every_action,
    boto3_calls_every_action_of_sns,
    boto3_signs_as_the_broker_checks,
    envelopes_are_signed_as_a_subscriber_checks,
    the_extended_client_settles_every_handle,
    the_aws_cli_publishes,
    the_aws_cli_works,
    the_readmes_boto3_session_works_when_pasted,
    the_readmes_cli_session_works_when_pasted,
    the_sdk_for_rust_works,
    the_sdk_for_rust_publishes,
    the_sdk_for_rust_publishes_with_signatures,
    the_sdk_for_rust_signs_as_the_broker_checks,
}

mod rust_sdk;
mod rust_sdk_sns;

use rust_sdk::{the_sdk_for_rust_signs_as_the_broker_checks, the_sdk_for_rust_works};
use rust_sdk_sns::{the_sdk_for_rust_publishes, the_sdk_for_rust_publishes_with_signatures};

const README: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md"));

/// Runs one of the test files for boto3, with these keys.
fn boto3(file: &str, broker: &Broker, access_key_id: &str, secret: &str) {
    let path = format!("{}/tests/boto3/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut pytest = python::program("pytest", broker);
    pytest.env("AWS_ACCESS_KEY_ID", access_key_id).env("AWS_SECRET_ACCESS_KEY", secret);
    let said = python::run(pytest.args(["-q", "-p", "no:cacheprovider", &path]));
    let summary = said.lines().last().unwrap_or_default();
    println!("boto3, {file}: {summary}");
    assert!(summary.contains(" passed") && !summary.contains("failed"), "{said}");
}

fn boto3_calls_every_action() {
    boto3("test_sqs.py", &OPEN.get(), "test", "test");
}

fn boto3_calls_every_action_of_sns() {
    boto3("test_sns.py", &OPEN.get(), "test", "test");
}

fn envelopes_are_signed_as_a_subscriber_checks() {
    boto3("test_envelopes.py", &OPEN.get(), "test", "test");
}

fn boto3_signs_as_the_broker_checks() {
    boto3("test_signatures.py", &USERS.get(), ALICE.0, ALICE.1);
}

/// The extended client takes a receipt handle apart at its last `-`.
fn the_extended_client_settles_every_handle() {
    let job = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/python/extended_client.py");
    python::run(python::program("python", &OPEN.get()).arg(job));
}

/// Runs a command of the AWS CLI for SQS. Returns its output.
fn aws(broker: &Broker, arguments: &[&str]) -> String {
    aws_of("sqs", broker, arguments)
}

/// Runs a command of the AWS CLI for a service. Returns its output.
fn aws_of(service: &str, broker: &Broker, arguments: &[&str]) -> String {
    python::run(
        python::program("aws", broker)
            .args(["--endpoint-url", &format!("http://{}", broker.sqs), service])
            .args(arguments),
    )
    .trim()
    .to_owned()
}

fn the_aws_cli_works() {
    let broker = OPEN.get();
    let name = format!("cli-{}", unique());
    let url = aws(&broker, &["create-queue", "--queue-name", &name, "--query", "QueueUrl", "--output", "text"]);
    assert!(url.ends_with(&name), "{url}");
    let body = "from the command line: ü & <b>";
    aws(&broker, &["send-message", "--queue-url", &url, "--message-body", body]);
    let receive = ["receive-message", "--queue-url", &url, "--wait-time-seconds", "5", "--output", "text", "--query"];
    let received = aws(&broker, &[&receive[..], &["Messages[0].[Body,ReceiptHandle]"]].concat());
    let (received_body, handle) = received.split_once('\t').unwrap_or_else(|| panic!("{received}"));
    assert_eq!(received_body, body);
    aws(&broker, &["delete-message", "--queue-url", &url, "--receipt-handle", handle]);
    let attributes = aws(&broker, &["get-queue-attributes", "--queue-url", &url, "--attribute-names", "All"]);
    assert!(attributes.contains("\"ApproximateNumberOfMessagesNotVisible\": \"0\""), "{attributes}");
}

fn the_aws_cli_publishes() {
    let broker = OPEN.get();
    let sns = |arguments: &[&str]| aws_of("sns", &broker, arguments);
    let name = format!("cli-{}", unique());
    let text = ["--output", "text", "--query"];
    let topic = sns(&[&["create-topic", "--name", &name][..], &text, &["TopicArn"]].concat());
    assert!(topic.ends_with(&name), "{topic}");
    let queue = broker.json_client().queue();
    let subscribe = ["subscribe", "--topic-arn", &topic, "--protocol", "sqs", "--notification-endpoint", &queue.arn()];
    let attributes = ["--attributes", r#"{"RawMessageDelivery":"true","FilterPolicy":"{\"colour\":[\"red\"]}"}"#];
    let subscription = sns(&[&subscribe[..], &attributes, &text, &["SubscriptionArn"]].concat());
    assert!(subscription.starts_with(&topic), "{subscription}");
    for (colour, message) in [("red", "from the command line: ü & <b>"), ("green", "filtered out")] {
        let attribute = format!(r#"{{"colour":{{"DataType":"String","StringValue":"{colour}"}}}}"#);
        sns(&["publish", "--topic-arn", &topic, "--message", message, "--message-attributes", &attribute]);
    }
    queue.gives(&["from the command line: ü & <b>"]);
    let listed = sns(&["list-subscriptions-by-topic", "--topic-arn", &topic]);
    assert!(listed.contains(&subscription), "{listed}");
    sns(&["unsubscribe", "--subscription-arn", &subscription]);
    sns(&["delete-topic", "--topic-arn", &topic]);
}

/// The indented block of the README that follows the line `after`, with the broker's address in it.
fn session(after: &str, broker: &Broker) -> String {
    let (_, rest) = README.split_once(after).unwrap_or_else(|| panic!("the README has {after:?}"));
    let block = rest.lines().skip_while(|line| !line.starts_with("    "));
    let block: Vec<&str> = block.take_while(|line| line.is_empty() || line.starts_with("    ")).collect();
    let block: String = block.iter().map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line))).collect();
    assert!(block.contains("127.0.0.1:9324"), "the session names the default address:\n{block}");
    block.replace("127.0.0.1:9324", &broker.sqs.to_string())
}

fn the_readmes_boto3_session_works_when_pasted() {
    let broker = OPEN.get();
    let said = python::run(python::program("python", &broker).arg("-c").arg(session("with boto3", &broker)));
    assert!(said.contains("order 1"), "{said}");
}

fn the_readmes_cli_session_works_when_pasted() {
    let broker = OPEN.get();
    let mut shell: Command = python::program("python", &broker);
    let path = std::path::Path::new(shell.get_program()).parent().expect("a program lies in a directory").to_owned();
    let search = format!("{}:{}", path.display(), std::env::var("PATH").unwrap_or_default());
    shell = Command::new("bash");
    shell.args(["-euc", &session("with the AWS CLI", &broker)]);
    shell.env("PATH", search).env("AWS_PAGER", "").env("AWS_CONFIG_FILE", "/dev/null");
    let said = python::run(&mut shell);
    assert!(said.contains("invoice 1"), "{said}");
}
