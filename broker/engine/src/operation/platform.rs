//! Platform applications and endpoints: mobile push.
//!
//! The account that owns an application may do everything with it and its endpoints; no other account has access. Push
//! delivery may read the attributes of an endpoint, which it passes to the gateway, and may set them, to disable an
//! endpoint whose device no longer exists.

use posthouse_model::fault::{Rule, SnsResource};
use posthouse_model::limits::SNS_LIST_RESULTS;
use posthouse_model::operation::{
    CreatePlatformApplication, CreatePlatformEndpoint, DeleteEndpoint, DeletePlatformApplication, EndpointView,
    GetEndpointAttributes, GetPlatformApplicationAttributes, ListEndpointsByPlatformApplication,
    ListPlatformApplications, PlatformApplicationView, Reply, SetEndpointAttributes, SetPlatformApplicationAttributes,
};
use posthouse_model::{
    Action, ApplicationAddress, Caller, EndpointAddress, EndpointAttributes, EndpointId, Fault, SnsFault,
};

use super::{Answered, DecisionResult, page};
use crate::access::Resource;
use crate::decision::Decision;
use crate::event::Event;
use crate::event::registry::{RegistryDeleted, RegistrySet};
use crate::registry::{Entry, Key, Owner, PlatformApplication, Registry};

pub(super) fn create_application(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &CreatePlatformApplication,
) -> DecisionResult {
    let address = &request.application;
    decision.authorize(caller, Action::CreatePlatformApplication, Resource::Application(address))?;
    match decision.state().registry.application(address) {
        Some(existing) if *existing.attributes() == request.attributes => {}
        Some(_) => {
            return Err(SnsFault::invalid("Name", Rule::ApplicationAttributesDiffer));
        }
        None => {
            decision.check_entry(address.account)?;
            set(decision, Entry::Application(address.clone(), request.attributes.clone()));
        }
    }
    Ok(read(decision, Reply::PlatformApplication(address.clone())))
}

pub(super) fn delete_application(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &DeletePlatformApplication,
) -> DecisionResult {
    let address = &request.application;
    decision.authorize(caller, Action::DeletePlatformApplication, Resource::Application(address))?;
    if decision.state().registry.application(address).is_some() {
        delete(decision, Key::Application(address.clone()));
    }
    Ok(read(decision, Reply::Done))
}

pub(super) fn get_application(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &GetPlatformApplicationAttributes,
) -> DecisionResult {
    let address = &request.application;
    decision.authorize(caller, Action::GetPlatformApplicationAttributes, Resource::Application(address))?;
    let shown = find(&decision.state().registry, address)?.attributes().shown(address.platform);
    Ok(read(decision, Reply::PlatformAttributes(shown)))
}

pub(super) fn set_application(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &SetPlatformApplicationAttributes,
) -> DecisionResult {
    let address = &request.application;
    decision.authorize(caller, Action::SetPlatformApplicationAttributes, Resource::Application(address))?;
    let existing = find(&decision.state().registry, address)?.attributes();
    let changes = request.changes.as_ref().map_err(Clone::clone)?;
    let wanted = existing.with(address.platform, changes)?;
    if *existing != wanted {
        set(decision, Entry::Application(address.clone(), wanted));
    }
    Ok(read(decision, Reply::Done))
}

pub(super) fn list_applications(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ListPlatformApplications,
) -> DecisionResult {
    let account = decision.authorize_account(caller, Action::ListPlatformApplications)?;
    let owner = Owner { region: caller.region.clone(), account };
    let registry = &decision.state().registry;
    let applications = registry.applications(&owner, request.after.as_ref());
    let views = applications.map(|(address, application)| PlatformApplicationView {
        application: address.clone(),
        attributes: application.attributes().shown(address.platform),
    });
    let page = page::collect(views, SNS_LIST_RESULTS, |view| view.application.clone());
    Ok(read(decision, Reply::PlatformApplications(page)))
}

pub(super) fn create_endpoint(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &CreatePlatformEndpoint,
) -> DecisionResult {
    let application = &request.application;
    decision.authorize(caller, Action::CreatePlatformEndpoint, Resource::Application(application))?;
    let found = find(&decision.state().registry, application)?;
    let given = request.attributes.as_ref().map_err(Clone::clone)?;
    let wanted = EndpointAttributes::new(application.platform, given)?;
    let address = |id| EndpointAddress { application: application.clone(), id };
    let Some((id, existing)) = with_token(found, &wanted) else {
        let endpoint = address(request.id);
        decision.check_entry(application.account)?;
        set(decision, Entry::Endpoint(endpoint.clone(), wanted));
        return Ok(read(decision, Reply::Endpoint(endpoint)));
    };
    if !existing.is_registered_by(application.platform, given) {
        return Err(token_taken(&address(id)));
    }
    Ok(read(decision, Reply::Endpoint(address(id))))
}

pub(super) fn delete_endpoint(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &DeleteEndpoint,
) -> DecisionResult {
    let address = &request.endpoint;
    decision.authorize(caller, Action::DeleteEndpoint, Resource::PlatformEndpoint(address))?;
    if decision.state().registry.endpoint(address).is_some() {
        delete(decision, Key::Endpoint(address.clone()));
    }
    Ok(read(decision, Reply::Done))
}

pub(super) fn get_endpoint(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &GetEndpointAttributes,
) -> DecisionResult {
    let address = &request.endpoint;
    decision.authorize(caller, Action::GetEndpointAttributes, Resource::PlatformEndpoint(address))?;
    let shown = find_endpoint(&decision.state().registry, address)?.clone();
    Ok(read(decision, Reply::EndpointAttributes(shown)))
}

pub(super) fn set_endpoint(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &SetEndpointAttributes,
) -> DecisionResult {
    let address = &request.endpoint;
    decision.authorize(caller, Action::SetEndpointAttributes, Resource::PlatformEndpoint(address))?;
    let registry = &decision.state().registry;
    let existing = find_endpoint(registry, address)?;
    let changes = request.changes.as_ref().map_err(Clone::clone)?;
    let wanted = existing.with(address.application.platform, changes)?;
    if let Some((id, _)) = with_token(find(registry, &address.application)?, &wanted)
        && id != address.id
    {
        return Err(token_taken(&EndpointAddress { application: address.application.clone(), id }));
    }
    if *existing != wanted {
        set(decision, Entry::Endpoint(address.clone(), wanted));
    }
    Ok(read(decision, Reply::Done))
}

pub(super) fn list_endpoints(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ListEndpointsByPlatformApplication,
) -> DecisionResult {
    let address = &request.application;
    decision.authorize(caller, Action::ListEndpointsByPlatformApplication, Resource::Application(address))?;
    let application = find(&decision.state().registry, address)?;
    if request.after.as_ref().is_some_and(|after| after.application != *address) {
        return Err(SnsFault::invalid("NextToken", Rule::Malformed));
    }
    let endpoints = application.endpoints(request.after.as_ref().map(|after| after.id));
    let views = endpoints.map(|(id, endpoint)| EndpointView {
        endpoint: EndpointAddress { application: address.clone(), id },
        attributes: endpoint.clone(),
    });
    let page = page::collect(views, SNS_LIST_RESULTS, |view| view.endpoint.clone());
    Ok(read(decision, Reply::Endpoints(page)))
}

fn find<'a>(registry: &'a Registry, address: &ApplicationAddress) -> Result<&'a PlatformApplication, Fault> {
    registry.application(address).ok_or_else(|| SnsFault::not_found(SnsResource::PlatformApplication))
}

fn find_endpoint<'a>(registry: &'a Registry, address: &EndpointAddress) -> Result<&'a EndpointAttributes, Fault> {
    registry.endpoint(address).ok_or_else(|| SnsFault::not_found(SnsResource::Endpoint))
}

/// The endpoint that already has the wanted token.
fn with_token<'a>(
    application: &'a PlatformApplication,
    wanted: &EndpointAttributes,
) -> Option<(EndpointId, &'a EndpointAttributes)> {
    let id = application.with_token(wanted.token())?;
    Some((id, application.endpoint(id)?))
}

fn token_taken(endpoint: &EndpointAddress) -> Fault {
    SnsFault::invalid("Token", Rule::TokenTaken { endpoint: endpoint.to_string().into() })
}

/// Sets an entry of the registry.
pub(super) fn set(decision: &mut Decision<'_>, entry: Entry) {
    decision.emit(&Event::RegistrySet(RegistrySet(entry)));
}

/// Deletes an entry of the registry.
pub(super) fn delete(decision: &mut Decision<'_>, key: Key) {
    decision.emit(&Event::RegistryDeleted(RegistryDeleted(key)));
}

/// A reply with data of the registry. It waits for the last event that changed the registry.
pub(super) fn read(decision: &Decision<'_>, reply: Reply) -> Answered {
    Answered { reply, after: decision.state().registry.changed }
}
