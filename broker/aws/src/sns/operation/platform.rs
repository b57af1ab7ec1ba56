//! Platform applications and their endpoints: mobile push.

use posthouse_model::fault::Rule;
use posthouse_model::operation::{
    CreatePlatformApplication, CreatePlatformEndpoint, DeleteEndpoint, DeletePlatformApplication, EndpointView,
    GetEndpointAttributes, GetPlatformApplicationAttributes, ListEndpointsByPlatformApplication,
    ListPlatformApplications, Page, PlatformApplicationView, SetEndpointAttributes, SetPlatformApplicationAttributes,
};
use posthouse_model::platform_attributes::EndpointAttributeName;
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    ApplicationAddress, ApplicationAttributes, ApplicationChanges, EndpointAddress, EndpointChanges, EndpointId, Fault,
    ShownAttributes, SnsFault,
};
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
    let attributes = required(input.attributes.as_ref(), "Attributes")?;
    let platform = platform
        .parse()
        .map_err(|_| SnsFault::invalid("Platform", Rule::UnknownPlatform { platform: excerpt(platform).into() }))?;
    let name = name.parse().map_err(|rule| {
        let rule = Rule::ApplicationName { name: excerpt(name).into(), rule };
        SnsFault::invalid("Name", rule)
    })?;
    let changes = ApplicationChanges::parse(platform, attributes.texts())?;
    let (region, account) = (context.caller.region.clone(), context.account()?);
    Ok(CreatePlatformApplication {
        application: ApplicationAddress { region, account, platform, name },
        attributes: ApplicationAttributes::new(platform, &changes)?,
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
    let attributes = required(input.attributes.as_ref(), "Attributes")?;
    let changes = ApplicationChanges::parse(application.platform, attributes.texts());
    Ok(SetPlatformApplicationAttributes { application, changes })
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
    let attributes = new_endpoint(application.platform, token, input);
    let id = EndpointId::from_random((context.random)());
    Ok(CreatePlatformEndpoint { application, id, attributes })
}

/// What a new endpoint is given. `Attributes` go before the parameters of their names (recorded from AWS).
fn new_endpoint(platform: Platform, token: &str, input: &ApplicationInput<'_>) -> Result<EndpointChanges, Fault> {
    let mut changes = EndpointChanges::default();
    let user_data = input.custom_user_data.as_deref();
    let parameters = [(EndpointAttributeName::Token, Some(token)), (EndpointAttributeName::CustomUserData, user_data)];
    for (name, value) in parameters {
        let set = value.map_or(Ok(()), |value| changes.set(platform, name, value));
        set.map_err(|rule| SnsFault::invalid(name.as_str(), Rule::Platform(rule)))?;
    }
    changes.add(platform, input.attributes.iter().flat_map(Entries::texts))?;
    Ok(changes)
}

pub(super) fn decode_delete_endpoint(input: &EndpointInput<'_>) -> Result<DeleteEndpoint, Refusal> {
    Ok(DeleteEndpoint { endpoint: endpoint(input)? })
}

pub(super) fn decode_get_endpoint(input: &EndpointInput<'_>) -> Result<GetEndpointAttributes, Refusal> {
    Ok(GetEndpointAttributes { endpoint: endpoint(input)? })
}

pub(super) fn decode_set_endpoint(input: &EndpointInput<'_>) -> Result<SetEndpointAttributes, Refusal> {
    let endpoint = endpoint(input)?;
    let attributes = required(input.attributes.as_ref(), "Attributes")?;
    let changes = EndpointChanges::parse(endpoint.application.platform, attributes.texts());
    Ok(SetEndpointAttributes { endpoint, changes })
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

pub(super) fn encode_attributes(writer: &mut Writer, attributes: &ShownAttributes) {
    writer.map(ATTRIBUTES, "key", attributes.iter().map(|(name, value)| (*name, &**value)));
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
