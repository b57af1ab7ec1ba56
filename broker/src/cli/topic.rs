//! `posthouse topic …`

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::queue::{attributes, without_nulls};
use super::session::{CliError, Session, Target};
use super::table::Column;

/// What is done with topics.
#[derive(Subcommand, Clone, Debug)]
pub enum TopicCommand {
    /// Lists topics with the numbers of their subscriptions and messages
    Ls {
        /// Only topics whose names have this text in them
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        /// How many topics at most
        #[arg(long, default_value_t = 1000, value_name = "N")]
        limit: usize,
    },
    /// Shows one topic: its attributes, counts and subscriptions
    Show {
        /// Its name or ARN
        topic: String,
    },
    /// Says which subscriptions would get a message, and which key of their filter policies failed the others
    Match {
        /// The name or the ARN of the topic
        topic: String,
        /// The body; `-` reads it from standard input
        body: String,
        /// A message attribute of the type String; may be given several times
        #[arg(long, value_name = "NAME=VALUE")]
        attribute: Vec<String>,
    },
    /// Publishes a message
    Publish {
        /// The name or the ARN of the topic
        topic: String,
        /// The body; `-` reads it from standard input
        body: String,
        /// `Subject`
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
        /// `MessageGroupId`
        #[arg(long, value_name = "ID")]
        group: Option<String>,
        /// `MessageDeduplicationId`
        #[arg(long, value_name = "ID")]
        deduplication_id: Option<String>,
        /// A message attribute of the type String; may be given several times
        #[arg(long, value_name = "NAME=VALUE")]
        attribute: Vec<String>,
    },
}

pub(super) const TOPICS: [Column; 7] = [
    Column::text("TOPIC", "/name"),
    Column::text("ACCOUNT", "/account"),
    Column::text("REGION", "/region"),
    Column::number("SUBSCRIPTIONS", "/subscriptions_confirmed"),
    Column::number("PENDING", "/subscriptions_pending"),
    Column::number("PUBLISHED", "/since_start/published"),
    Column::number("UNDELIVERED", "/messages_undelivered"),
];

pub(super) const SUBSCRIPTIONS: [Column; 4] = [
    Column::text("SUBSCRIPTION", "/arn"),
    Column::text("PROTOCOL", "/protocol"),
    Column::text("ENDPOINT", "/endpoint"),
    Column::text("PENDING", "/pending"),
];

pub(super) const MATCHES: [Column; 5] = [
    Column::text("SUBSCRIPTION", "/arn"),
    Column::text("ENDPOINT", "/endpoint"),
    Column::text("GETS IT", "/gets"),
    Column::text("BECAUSE OF", "/reason"),
    Column::text("KEYS", "/keys"),
];

/// The keys of an item that failed it, as a text: those of one alternative of the policy with commas between them.
fn keys(item: &Json) -> Json {
    let keys = |failed: &Json| {
        let keys = failed["keys"].as_array().into_iter().flatten().filter_map(Json::as_str);
        keys.collect::<Vec<_>>().join(", ")
    };
    let alternatives: Vec<String> = item["failed"].as_array().into_iter().flatten().map(keys).collect();
    if alternatives.is_empty() { Json::Null } else { alternatives.join(" or ").into() }
}

/// Runs a command.
///
/// # Errors
/// [`CliError`]
pub(super) fn run(session: &mut Session<'_>, command: TopicCommand) -> Result<(), CliError> {
    match command {
        TopicCommand::Ls { filter, limit } => {
            let mut target = Target::new("/v1/topics");
            target.set_some("filter", filter.as_deref());
            let items = session.list(&target, limit)?;
            session.print_items(&items, &TOPICS)
        }
        TopicCommand::Show { topic } => {
            let shown = session.get(&session.topic(&topic, "")?)?;
            session.print_facts(&shown)?;
            let subscriptions = session.list_whole(&session.topic(&topic, "/subscriptions")?)?;
            session.print_items(&subscriptions, &SUBSCRIPTIONS)
        }
        TopicCommand::Match { topic, body, attribute } => {
            let mut question = json!({"body": super::text_or_input(body)?, "attributes": attributes(&attribute)?});
            let target = session.topic(&topic, "/match")?;
            let mut items = Vec::new();
            loop {
                let answer = session.post(&target, &question)?;
                items.extend_from_slice(super::items(&answer));
                if answer["next"].is_null() {
                    break;
                }
                question["after"] = answer["next"].clone();
            }
            if !session.prints_json() {
                for item in &mut items {
                    item["keys"] = keys(item);
                }
            }
            session.print_items(&items, &MATCHES)
        }
        TopicCommand::Publish { topic, body, subject, group, deduplication_id, attribute } => {
            let message = json!({
                "body": super::text_or_input(body)?, "subject": subject, "group_id": group,
                "deduplication_id": deduplication_id, "attributes": attributes(&attribute)?,
            });
            let published = session.post(&session.topic(&topic, "/publish")?, &without_nulls(message))?;
            session.print_facts(&published)
        }
    }
}
