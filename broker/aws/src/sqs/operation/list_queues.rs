//! `ListQueues` and `ListDeadLetterSourceQueues`, with the token that leads from one page to the next.

use posthouse_model::fault::{InvalidValue, RangedParameter};
use posthouse_model::limits::LIST_RESULTS_MAX;
use posthouse_model::operation::{ListDeadLetterSourceQueues, ListQueues, QueuePage};
use posthouse_model::{Fault, PageSize, QueueName, SqsAction};
use serde::Deserialize;

use crate::protocol::input::{Integer, Text};
use crate::protocol::page_token;
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, Writer};
use crate::sqs::context::{Context, optional_within};
use crate::sqs::url::UrlBase;

/// What a token starts with before it is base64: its version.
const TOKEN_PREFIX: &str = "after:1:";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Input<'a> {
    queue_name_prefix: Option<Text<'a>>,
    next_token: Option<Text<'a>>,
    max_results: Option<Integer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct SourcesInput<'a> {
    queue_url: Option<Text<'a>>,
    next_token: Option<Text<'a>>,
    max_results: Option<Integer>,
}

/// How a list is given: `MaxResults` asks for pages, and only then does SQS give a token for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// As far as one answer goes, without a token.
    Whole,
    /// In pages.
    Pages,
}

impl Paging {
    const fn of(results_max: Option<PageSize<LIST_RESULTS_MAX>>) -> Self {
        if results_max.is_some() { Self::Pages } else { Self::Whole }
    }
}

/// The request, and how its answer lists queues.
pub(super) fn decode(input: &Input<'_>) -> Result<(ListQueues, Paging), Refusal> {
    let results_max = results_max(input.max_results)?;
    let request = ListQueues {
        prefix: input.queue_name_prefix.as_deref().unwrap_or_default().into(),
        results_max: results_max.unwrap_or(PageSize::MAX),
        after: open_token(input.next_token.as_ref())?,
    };
    Ok((request, Paging::of(results_max)))
}

/// The request, and how its answer lists queues.
pub(super) fn decode_sources(
    input: &SourcesInput<'_>,
    context: &Context<'_>,
) -> Result<(ListDeadLetterSourceQueues, Paging), Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let results_max = results_max(input.max_results)?;
    let request = ListDeadLetterSourceQueues {
        queue,
        results_max: results_max.unwrap_or(PageSize::MAX),
        after: open_token(input.next_token.as_ref())?,
    };
    Ok((request, Paging::of(results_max)))
}

fn results_max(number: Option<Integer>) -> Result<Option<PageSize<LIST_RESULTS_MAX>>, Fault> {
    optional_within(number, RangedParameter::QueuesMaxResults)
}

fn open_token(token: Option<&Text<'_>>) -> Result<Option<QueueName>, Fault> {
    page_token::open(token, |place| place.strip_prefix(TOKEN_PREFIX)?.parse().ok())
        .map_err(|_| Fault::invalid(InvalidValue::NextToken))
}

/// `ListQueues` leaves an empty list out; `ListDeadLetterSourceQueues` must have one.
pub(super) fn encode(writer: &mut Writer, action: SqsAction, page: &QueuePage, url_base: &UrlBase, paging: Paging) {
    let urls = page.queues.iter().map(|queue| url_base.queue_url(queue));
    if action == SqsAction::ListDeadLetterSourceQueues {
        writer.texts(Plural("queueUrls", "QueueUrl"), urls);
    } else if !page.queues.is_empty() {
        writer.texts(Plural("QueueUrls", "QueueUrl"), urls);
    }
    if let Some(last) = page.queues.last().filter(|_| paging == Paging::Pages && page.more) {
        writer.text("NextToken", &page_token::seal(&format!("{TOKEN_PREFIX}{}", last.name)));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn tokens() {
        let open = |text: &'static str| open_token(Some(&Text(Cow::Borrowed(text))));
        assert_eq!(open_token(None), Ok(None));
        assert_eq!(open(""), Ok(None));
        assert_eq!(open("YWZ0ZXI6MTpvcmRlcnMuZmlmbw"), Ok(Some("orders.fifo".parse().expect("valid"))));
        for invalid in ["orders.fifo", "YWZ0ZXI6MTpvcmRlcnMuZmlmb", "YWZ0ZXI6MTo", "YWZ0ZXI6MjpvcmRlcnMuZmlmbw", "ü"] {
            assert!(open(invalid).is_err(), "{invalid}");
        }
    }
}
