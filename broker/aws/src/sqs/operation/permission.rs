//! `AddPermission` and `RemovePermission`.

use posthouse_model::fault::InvalidValue;
use posthouse_model::operation::{AddPermission, PermissionLabel, RemovePermission};
use posthouse_model::{AccountId, Fault};
use serde::Deserialize;

use crate::protocol::input::{List, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;
use crate::sqs::context::{Context, required};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct AddInput<'a> {
    queue_url: Option<Text<'a>>,
    label: Option<Text<'a>>,
    #[serde(rename = "AWSAccountIds")]
    accounts: Option<List<Text<'a>>>,
    actions: Option<List<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct RemoveInput<'a> {
    queue_url: Option<Text<'a>>,
    label: Option<Text<'a>>,
}

pub(super) fn decode_add(input: &AddInput<'_>, context: &Context<'_>) -> Result<AddPermission, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    let label = label(input.label.as_ref())?;
    let accounts = required(input.accounts.as_deref(), "AWSAccountIds")?;
    let actions = required(input.actions.as_deref(), "Actions")?;
    Ok(AddPermission {
        queue,
        label,
        accounts: accounts.iter().map(account).collect::<Result<_, _>>()?,
        // How many accounts and actions there may be, and which actions, is a rule of policies: the engine's.
        actions: actions.iter().map(|action| (&**action).into()).collect(),
    })
}

pub(super) fn decode_remove(input: &RemoveInput<'_>, context: &Context<'_>) -> Result<RemovePermission, Refusal> {
    let queue = context.queue(input.queue_url.as_ref())?;
    Ok(RemovePermission { queue, label: label(input.label.as_ref())? })
}

fn label(label: Option<&Text<'_>>) -> Result<PermissionLabel, Fault> {
    PermissionLabel::parse(required(label, "Label")?)
}

fn account(text: &Text<'_>) -> Result<AccountId, Fault> {
    text.parse().map_err(|_| Fault::invalid(InvalidValue::Principal { account: excerpt(text).into() }))
}
