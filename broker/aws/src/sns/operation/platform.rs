//! Platform applications and their endpoints: mobile push.

use posthouse_model::fault::Rule;
use posthouse_model::operation::{
    CreatePlatformApplication, CreatePlatformEndpoint, DeleteEndpoint, DeletePlatformApplication, EndpointView,
    GetEndpointAttributes, GetPlatformApplicationAttributes, ListEndpointsByPlatformApplication,
    ListPlatformApplications, Page, PlatformApplicationView, PlatformAttributes, SetEndpointAttributes,
    SetPlatformApplicationAttributes,
};
use posthouse_model::{ApplicationAddress, EndpointAddress, EndpointId, Fault, SnsFault};
use serde::Deserialize;

use super::ATTRIBUTES;
use crate::protocol::input::{Entries, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;
use crate::protocol::writer::{Plural, Writer};
use crate::sns::context::{Context, after, arn, next_token, required, text};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct CreateInput<'a> {
    name: Option<Text<'a>>,
    platform: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
}

/// What takes an application.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ApplicationInput<'a> {
    platform_application_arn: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
    next_token: Option<Text<'a>>,
    token: Option<Text<'a>>,
    custom_user_data: Option<Text<'a>>,
}

/// What takes an endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct EndpointInput<'a> {
    endpoint_arn: Option<Text<'a>>,
    attributes: Option<Entries<'a, Text<'a>>>,
}

pub(super) fn decode_create_application(
    input: &CreateInput<'_>,
    context: &Context<'_>,
) -> Result<CreatePlatformApplication, Refusal> {
    let name = text(input.name.as_ref(), "Name")?;
    let platform = text(input.platform.as_ref(), "Platform")?;
    let attributes = required_attributes(input.attributes.as_ref())?;
    let platform = platform
        .parse()
        .map_err(|_| SnsFault::invalid("Platform", Rule::UnknownPlatform { platform: excerpt(platform).into() }))?;
    let application = ApplicationAddress::new(context.caller.region.clone(), context.account()?, platform, name);
    Ok(CreatePlatformApplication {
        application: application.map_err(|_| SnsFault::invalid("Name", Rule::ApplicationName))?,
        attributes,
    })
}

pub(super) fn decode_delete_application(input: &ApplicationInput<'_>) -> Result<DeletePlatformApplication, Refusal> {
    Ok(DeletePlatformApplication { application: application(input)? })
}

pub(super) fn decode_get_application(
    input: &ApplicationInput<'_>,
) -> Result<GetPlatformApplicationAttributes, Refusal> {
    Ok(GetPlatformApplicationAttributes { application: application(input)? })
}

pub(super) fn decode_set_application(
    input: &ApplicationInput<'_>,
) -> Result<SetPlatformApplicationAttributes, Refusal> {
    let application = application(input)?;
    Ok(SetPlatformApplicationAttributes { application, attributes: required_attributes(input.attributes.as_ref())? })
}

pub(super) fn decode_list_applications(input: &ApplicationInput<'_>) -> Result<ListPlatformApplications, Refusal> {
    Ok(ListPlatformApplications { after: after(input.next_token.as_ref(), "NextToken")? })
}

pub(super) fn decode_create_endpoint(
    input: &ApplicationInput<'_>,
    context: &mut Context<'_>,
) -> Result<CreatePlatformEndpoint, Refusal> {
    let application = application(input)?;
    let token = text(input.token.as_ref(), "Token")?;
    if token.is_empty() {
        return Err(SnsFault::invalid("Token", Rule::Empty).into());
    }
    let mut attributes = attributes(input.attributes.as_ref());
    attributes.insert("Token".into(), token.into());
    if let Some(data) = input.custom_user_data.as_deref() {
        attributes.insert("CustomUserData".into(), data.into());
    }
    let id = EndpointId::from_random((context.random)());
    Ok(CreatePlatformEndpoint { application, id, attributes })
}

pub(super) fn decode_delete_endpoint(input: &EndpointInput<'_>) -> Result<DeleteEndpoint, Refusal> {
    Ok(DeleteEndpoint { endpoint: endpoint(input)? })
}

pub(super) fn decode_get_endpoint(input: &EndpointInput<'_>) -> Result<GetEndpointAttributes, Refusal> {
    Ok(GetEndpointAttributes { endpoint: endpoint(input)? })
}

pub(super) fn decode_set_endpoint(input: &EndpointInput<'_>) -> Result<SetEndpointAttributes, Refusal> {
    let endpoint = endpoint(input)?;
    Ok(SetEndpointAttributes { endpoint, attributes: required_attributes(input.attributes.as_ref())? })
}

pub(super) fn decode_list_endpoints(
    input: &ApplicationInput<'_>,
) -> Result<ListEndpointsByPlatformApplication, Refusal> {
    let application = application(input)?;
    let after = after(input.next_token.as_ref(), "NextToken")?;
    Ok(ListEndpointsByPlatformApplication { application, after })
}

fn application(input: &ApplicationInput<'_>) -> Result<ApplicationAddress, Fault> {
    arn(input.platform_application_arn.as_ref(), "PlatformApplicationArn")
}

fn endpoint(input: &EndpointInput<'_>) -> Result<EndpointAddress, Fault> {
    arn(input.endpoint_arn.as_ref(), "EndpointArn")
}

/// Attributes as they came: which names there are, and their values, is for the engine.
fn attributes(entries: Option<&Entries<'_, Text<'_>>>) -> PlatformAttributes {
    entries.into_iter().flat_map(Entries::texts).map(|(name, value)| (name.into(), value.into())).collect()
}

fn required_attributes(entries: Option<&Entries<'_, Text<'_>>>) -> Result<PlatformAttributes, Fault> {
    Ok(attributes(Some(required(entries, "Attributes")?)))
}

pub(super) fn encode_attributes(writer: &mut Writer, attributes: &PlatformAttributes) {
    writer.map(ATTRIBUTES, "key", attributes.iter().map(|(name, value)| (&**name, &**value)));
}

pub(super) fn encode_applications(writer: &mut Writer, page: &Page<PlatformApplicationView, ApplicationAddress>) {
    writer.list(Plural("PlatformApplications", "member"), &page.items, |writer, view| {
        writer.text("PlatformApplicationArn", &view.application.to_string());
        encode_attributes(writer, &view.attributes);
    });
    next_token(writer, "NextToken", page.next.as_ref());
}

pub(super) fn encode_endpoints(writer: &mut Writer, page: &Page<EndpointView, EndpointAddress>) {
    writer.list(Plural("Endpoints", "member"), &page.items, |writer, view| {
        writer.text("EndpointArn", &view.endpoint.to_string());
        encode_attributes(writer, &view.attributes.shown());
    });
    next_token(writer, "NextToken", page.next.as_ref());
}
