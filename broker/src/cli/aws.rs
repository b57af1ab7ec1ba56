//! `posthouse aws …`: the AWS CLI, against this broker only.
//!
//! Version 1 of the CLI ignores `AWS_ENDPOINT_URL` and would call Amazon. So the endpoint is given to each call by
//! `--endpoint-url`, behind all other arguments, and what is not a call of SQS or SNS is refused: the endpoint would not
//! be where it goes.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use super::session::CliError;

/// The program.
const PROGRAM: &str = "aws";
/// The services that a broker has.
const SERVICES: [&str; 2] = ["sqs", "sns"];

/// Replaces this process by the AWS CLI.
///
/// # Errors
/// [`CliError::Usage`] if the call would reach Amazon, or if the CLI cannot be started. Otherwise this does not return.
pub(super) fn run(endpoint: &str, arguments: &[String]) -> Result<(), CliError> {
    check(endpoint, arguments).map_err(CliError::Usage)?;
    let mut command = Command::new(PROGRAM);
    command.args(arguments).args(["--endpoint-url", endpoint]).env("AWS_EC2_METADATA_DISABLED", "true");
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION") {
        command.env("AWS_DEFAULT_REGION", "us-east-1");
    }
    let error = command.exec();
    Err(CliError::Usage(format!("cannot run `{PROGRAM}`, the AWS CLI: {error}. Is it installed and in the PATH?")))
}

/// Refuses what would not go to the broker.
fn check(endpoint: &str, arguments: &[String]) -> Result<(), String> {
    if !endpoint.starts_with("http://") && !endpoint.starts_with("https://") {
        return Err(format!("--endpoint-url {endpoint} is not a URL of http or https"));
    }
    let authority = endpoint.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next();
    let host = authority.unwrap_or_default().rsplit('@').next().unwrap_or_default().to_ascii_lowercase();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    const AMAZON: [&str; 4] = ["amazonaws.com", "amazonaws.com.cn", "api.aws", "amazonaws.eu"];
    if AMAZON.iter().any(|domain| host == *domain || host.ends_with(&format!(".{domain}"))) {
        return Err(format!("{endpoint} is Amazon: run `{PROGRAM}` itself to call it"));
    }
    let service = arguments.first().map_or("", String::as_str);
    if !SERVICES.contains(&service) {
        return Err(format!(
            "`{service}` would reach Amazon: the first argument is `sqs` or `sns`, as in `posthouse aws sqs list-queues`"
        ));
    }
    // An option may be shortened, and what stands behind `--` is no option.
    let is_endpoint = |argument: &&String| argument.starts_with("--end") || *argument == "--";
    match arguments.iter().find(is_endpoint) {
        Some(argument) => Err(format!(
            "`{argument}` may not be given to the AWS CLI: `posthouse aws --endpoint-url URL …` is the place"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_reach_amazon_is_refused() {
        const HERE: &str = "http://127.0.0.1:9324";
        let checked = |endpoint, arguments: &[&str]| {
            check(endpoint, &arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(checked(HERE, &["sqs", "list-queues"]), Ok(()));
        assert_eq!(checked("https://queues.example:443/x", &["sns", "publish", "--message", "m"]), Ok(()));
        for (endpoint, arguments) in [
            (HERE, &[][..]),
            (HERE, &["s3", "ls"]),
            (HERE, &["--region", "us-east-1", "sqs", "list-queues"]),
            (HERE, &["sqs", "list-queues", "--endpoint-url", "https://sqs.us-east-1.amazonaws.com"]),
            (HERE, &["sqs", "list-queues", "--endpoint=https://sqs.us-east-1.amazonaws.com"]),
            (HERE, &["sqs", "list-queues", "--"]),
            ("https://sqs.us-east-1.amazonaws.com", &["sqs", "list-queues"]),
            ("https://SQS.us-east-1.Amazonaws.com.:443/", &["sqs", "list-queues"]),
            ("https://u@sqs.cn-north-1.amazonaws.com.cn", &["sqs", "list-queues"]),
            ("127.0.0.1:9324", &["sqs", "list-queues"]),
        ] {
            assert!(checked(endpoint, arguments).is_err(), "{endpoint} {arguments:?}");
        }
    }
}
