//! `posthouse queue …`

use clap::Subcommand;
use serde_json::{Value as Json, json};

use super::session::{CliError, Session, Target};
use super::table::Column;

/// What is done with queues and their messages.
#[derive(Subcommand, Clone, Debug)]
pub enum QueueCommand {
    /// Lists queues with the numbers of their messages
    Ls {
        /// Only queues whose names have this text in them
        #[arg(long, value_name = "TEXT")]
        filter: Option<String>,
        /// The order: by name, most messages first, the oldest message first, or most traffic first
        #[arg(long, value_name = "ORDER", value_parser = ["name", "depth", "age", "rate"])]
        sort: Option<String>,
        /// How many queues at most
        #[arg(long, default_value_t = 1000, value_name = "N")]
        limit: usize,
    },
    /// Shows one queue: its attributes, counts, and what it has to do with dead letters
    Show {
        /// Its name or ARN
        queue: String,
    },
    /// Shows messages without receiving them: nothing is hidden, counted or dead-lettered
    Peek {
        /// The name or the ARN of the queue
        queue: String,
        /// Which messages: a list of visible, delayed, in_flight, damaged
        #[arg(long, value_name = "STATES")]
        state: Option<String>,
        /// Only messages whose body has this text in it
        #[arg(long, value_name = "TEXT")]
        contains: Option<String>,
        /// Only messages with this attribute, or with this value of it
        #[arg(long, value_name = "NAME[=VALUE]")]
        attribute: Option<String>,
        /// Only messages of this group
        #[arg(long, value_name = "ID")]
        group: Option<String>,
        /// How many messages at most
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// Sends a message
    Send {
        /// The name or the ARN of the queue
        queue: String,
        /// The body; `-` reads it from standard input
        body: String,
        /// `MessageGroupId`
        #[arg(long, value_name = "ID")]
        group: Option<String>,
        /// `MessageDeduplicationId`
        #[arg(long, value_name = "ID")]
        deduplication_id: Option<String>,
        /// `DelaySeconds`
        #[arg(long, value_name = "SECONDS")]
        delay: Option<u32>,
        /// A message attribute of the type String; may be given several times
        #[arg(long, value_name = "NAME=VALUE")]
        attribute: Vec<String>,
    },
    /// Receives messages as a consumer does: they are in flight then, and come back unless they are deleted
    Receive {
        /// The name or the ARN of the queue
        queue: String,
        /// How many messages at most
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10))]
        max: u32,
        /// How long to wait for one
        #[arg(long, default_value_t = 0, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(0..=20))]
        wait: u32,
        /// How long the messages are hidden; the queue's visibility timeout without it
        #[arg(long, value_name = "SECONDS")]
        visibility: Option<u32>,
        /// Delete what was received once it is printed
        #[arg(long)]
        delete: bool,
    },
    /// Deletes all messages of a queue
    Purge {
        /// Its name or ARN
        queue: String,
        /// Do it: what is deleted cannot be had back
        #[arg(long)]
        yes: bool,
    },
    /// Deletes messages by the ids that `peek` shows, or the whole queue where none is given
    Delete {
        /// The name or the ARN of the queue
        queue: String,
        /// The messages
        #[arg(value_name = "ID")]
        ids: Vec<String>,
        /// Messages in flight too: they are taken from their consumers
        #[arg(long)]
        in_flight: bool,
        /// Delete the queue with all its messages
        #[arg(long, conflicts_with_all = ["ids", "in_flight"])]
        yes: bool,
    },
    /// Moves messages by the ids that `peek` shows to a queue, where they are new ones
    Move {
        /// The name or the ARN of the queue that holds them
        queue: String,
        /// The messages
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// The queue that they go to; it may be the same, to let them start anew
        #[arg(long, value_name = "QUEUE")]
        to: String,
        /// Messages in flight too: they are taken from their consumers
        #[arg(long)]
        in_flight: bool,
    },
    /// Sends messages again by the ids that `peek` shows: copies go to the end of a queue, the originals stay
    Resend {
        /// The name or the ARN of the queue that holds them
        queue: String,
        /// The messages
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// The queue that the copies go to; the same without it
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
    },
    /// Moves all messages of a dead-letter queue back to where they came from, or shows how far that is
    Redrive {
        /// The name or the ARN of the dead-letter queue
        queue: String,
        /// Another queue that they go to, by its name or ARN
        #[arg(long, value_name = "QUEUE")]
        to: Option<String>,
        /// Messages a second at most
        #[arg(long, value_name = "N")]
        rate: Option<u32>,
        /// Show the last tasks instead of starting one
        #[arg(long, conflicts_with_all = ["to", "rate", "cancel"])]
        status: bool,
        /// Cancel the task that runs
        #[arg(long, conflicts_with_all = ["to", "rate"])]
        cancel: bool,
    },
}

pub(super) const QUEUES: [Column; 8] = [
    Column::text("QUEUE", "/name"),
    Column::text("ACCOUNT", "/account"),
    Column::text("REGION", "/region"),
    Column::number("VISIBLE", "/messages_visible"),
    Column::number("IN FLIGHT", "/messages_in_flight"),
    Column::number("DELAYED", "/messages_delayed"),
    Column::number("DAMAGED", "/messages_damaged"),
    Column::age("OLDEST", "/oldest_message_sent"),
];

pub(super) const MESSAGES: [Column; 8] = [
    Column::text("ID", "/id"),
    Column::text("STATE", "/state"),
    Column::age("VISIBLE", "/visible_at"),
    Column::age("AGE", "/sent_at"),
    Column::number("RECEIVES", "/receive_count"),
    Column::text("GROUP", "/group_id"),
    Column::text("CAME FROM", "/dead_letter_source"),
    Column::text("BODY", "/body"),
];

pub(super) const RECEIVED: [Column; 5] = [
    Column::text("ID", "/id"),
    Column::text("MESSAGE ID", "/message_id"),
    Column::number("RECEIVES", "/receive_count"),
    Column::text("GROUP", "/group_id"),
    Column::text("BODY", "/body"),
];

pub(super) const TASKS: [Column; 6] = [
    Column::text("STATUS", "/status"),
    Column::age("STARTED", "/started"),
    Column::number("MOVED", "/moved"),
    Column::number("OF", "/to_move"),
    Column::text("TO", "/destination"),
    Column::text("FAILURE", "/failure"),
];

/// Bytes of a body that a table needs.
const TABLE_BODY_BYTES: &str = "400";

/// Runs a command.
///
/// # Errors
/// [`CliError`]
pub(super) fn run(session: &mut Session<'_>, command: QueueCommand) -> Result<(), CliError> {
    match command {
        QueueCommand::Ls { filter, sort, limit } => {
            let mut target = Target::new("/v1/queues");
            target.set_some("filter", filter.as_deref());
            target.set_some("sort", sort.as_deref());
            let items = session.list(&target, limit)?;
            session.print_items(&items, &QUEUES)
        }
        QueueCommand::Show { queue } => {
            let queue = session.get(&session.queue(&queue, "")?)?;
            session.print_facts(&queue)
        }
        QueueCommand::Peek { queue, state, contains, attribute, group, limit } => {
            let mut target = session.queue(&queue, "/messages")?;
            let filters = [("state", state), ("contains", contains), ("attribute", attribute), ("group", group)];
            filters.iter().for_each(|(name, value)| target.set_some(name, value.as_deref()));
            if !session.prints_json() {
                target.set("body_bytes_max", TABLE_BODY_BYTES);
            }
            let items = session.list(&target, limit)?;
            session.print_items(&items, &MESSAGES)
        }
        QueueCommand::Send { queue, body, group, deduplication_id, delay, attribute } => {
            let attributes = attributes(&attribute)?;
            let body = super::text_or_input(body)?;
            let message = json!({
                "body": body, "group_id": group, "deduplication_id": deduplication_id, "delay_seconds": delay,
                "attributes": attributes,
            });
            let sent = session.post(&session.queue(&queue, "/messages")?, &without_nulls(message))?;
            session.print_facts(&sent)
        }
        QueueCommand::Receive { queue, max, wait, visibility, delete } => {
            let wanted = json!({"max": max, "wait_seconds": wait, "visibility_seconds": visibility});
            let target = session.queue(&queue, "/messages/receive")?;
            let received = session.post(&target, &without_nulls(wanted))?;
            session.print_items(super::items(&received), &RECEIVED)?;
            if delete && !super::items(&received).is_empty() {
                // Only what is printed: a message whose output failed comes back.
                let ids: Vec<&Json> = super::items(&received).iter().map(|item| &item["id"]).collect();
                let target = session.queue(&queue, "/messages/delete")?;
                let answer = session.post(&target, &json!({"ids": ids, "in_flight": "take"}))?;
                let left = super::items(&answer).iter().filter(|item| item["outcome"] != "done").count();
                if left > 0 {
                    return Err(CliError::Incomplete(format!("{left} of the messages were not deleted")));
                }
            }
            Ok(())
        }
        QueueCommand::Purge { queue, yes } => {
            if !yes {
                return Err(unconfirmed(&format!("all messages of {queue}")));
            }
            let answer = session.post(&session.queue(&queue, "/purge")?, &json!({}))?;
            session.print_line("purged", &answer)
        }
        QueueCommand::Delete { queue, ids, yes, .. } if ids.is_empty() => {
            if !yes {
                return Err(unconfirmed(&format!("queue {queue} with all its messages")));
            }
            let answer = session.delete(&session.queue(&queue, "")?)?;
            session.print_line("deleted", &answer)
        }
        QueueCommand::Delete { queue, ids, in_flight, .. } => selected(
            session,
            (&queue, "/messages/delete"),
            &ids,
            &without_nulls(json!({"in_flight": in_flight.then_some("take")})),
        ),
        QueueCommand::Move { queue, ids, to, in_flight } => {
            let more = without_nulls(json!({"in_flight": in_flight.then_some("take"), "to": to}));
            selected(session, (&queue, "/messages/move"), &ids, &more)
        }
        QueueCommand::Resend { queue, ids, to } => {
            selected(session, (&queue, "/messages/resend"), &ids, &without_nulls(json!({"to": to})))
        }
        QueueCommand::Redrive { queue, to, rate, status, cancel } => {
            let target = session.queue(&queue, "/redrive")?;
            if status {
                let tasks = session.get(&target)?;
                return session.print_items(super::items(&tasks), &TASKS);
            }
            let to = match to {
                Some(to) => Some(session.get(&session.queue(&to, "")?)?["arn"].clone()),
                None => None,
            };
            let answer = if cancel {
                session.delete(&target)?
            } else {
                session.post(&target, &without_nulls(json!({"destination": to, "messages_per_second": rate})))?
            };
            session.print_facts(&answer)
        }
    }
}

/// Ids of one request.
const IDS_MAX: usize = posthouse_model::limits::SELECTED_MAX;

/// Does something with messages, some hundred at a time, and prints what was not done.
fn selected(
    session: &mut Session<'_>,
    (queue, below): (&str, &str),
    ids: &[String],
    more: &Json,
) -> Result<(), CliError> {
    const ITEMS: [Column; 2] = [Column::text("ID", "/id"), Column::text("OUTCOME", "/outcome")];
    let target = session.queue(queue, below)?;
    let (mut items, mut failed) = (Vec::new(), None);
    for ids in ids.chunks(IDS_MAX) {
        let mut body = more.clone();
        body["ids"] = json!(ids);
        match session.post(&target, &body) {
            Ok(answer) => items.extend_from_slice(super::items(&answer)),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // What was done is printed even if the rest failed.
    if failed.is_none() || !items.is_empty() {
        session.print_items(&items, &ITEMS)?;
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let outcome = |wanted: &str| items.iter().filter(|item| item["outcome"] == wanted).count();
    let left = items.len() - outcome("done");
    if left == 0 {
        return Ok(());
    }
    let hint =
        if outcome("in_flight") > 0 { ". Those in flight are with consumers: --in-flight takes them" } else { "" };
    Err(CliError::Incomplete(format!("{left} of {} messages were left alone{hint}", items.len())))
}

fn unconfirmed(what: &str) -> CliError {
    CliError::Usage(format!("this deletes {what}: add --yes to do it"))
}

/// Attributes of the type String by their names.
pub(super) fn attributes(pairs: &[String]) -> Result<Json, CliError> {
    let pairs = pairs.iter().map(|pair| {
        let (name, value) = pair
            .split_once('=')
            .ok_or_else(|| CliError::Usage(format!("an attribute is NAME=VALUE, and {pair} is not")))?;
        Ok((name.to_owned(), json!({"type": "String", "value": value})))
    });
    Ok(Json::Object(pairs.collect::<Result<_, CliError>>()?))
}

/// An object without the members that are null.
pub(super) fn without_nulls(mut value: Json) -> Json {
    if let Json::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    value
}
