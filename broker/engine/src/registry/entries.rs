//! All entries in a fixed order, from anywhere: for checkpoints, which write them in slices, and for the digest.
//!
//! The order: each application with its endpoints behind it; then for each account its SMS preferences, its phone
//! numbers and its sandbox. Entries may be set and deleted between two slices: the listing goes on after a key whether
//! or not it still exists. An empty value is no entry.

use core::iter;
use core::ops::Bound::{Excluded, Unbounded};

use posthouse_model::{ApplicationAddress, EndpointAddress, EndpointId, PhoneNumber};

use super::{Entry, Key, Owner, PlatformApplication, Registry, Sms};

impl Registry {
    /// The entries behind a key, or all of them.
    pub(crate) fn entries<'a>(&'a self, after: Option<&'a Key>) -> impl Iterator<Item = Entry> + 'a {
        self.platform_entries(after).chain(self.sms_entries(after))
    }

    fn platform_entries<'a>(&'a self, after: Option<&'a Key>) -> impl Iterator<Item = Entry> + 'a {
        let start = match after {
            None => Some((None, None)),
            Some(Key::Application(application)) => Some((Some(application), None)),
            Some(Key::Endpoint(endpoint)) => Some((Some(&endpoint.application), Some(endpoint.id))),
            Some(Key::SmsAttributes(_) | Key::PhoneNumber(..) | Key::SandboxNumber(..)) => None,
        };
        start.into_iter().flat_map(move |(application, endpoint)| {
            let begun = application.and_then(|address| self.applications.get_key_value(address));
            let begun = begun.into_iter();
            let begun = begun.flat_map(move |(address, application)| endpoint_entries(address, application, endpoint));
            let rest = self.applications.range((application.map_or(Unbounded, Excluded), Unbounded));
            begun.chain(rest.flat_map(|(address, application)| {
                let entry = Entry::Application(address.clone(), application.attributes().clone());
                iter::once(entry).chain(endpoint_entries(address, application, None))
            }))
        })
    }

    fn sms_entries<'a>(&'a self, after: Option<&'a Key>) -> impl Iterator<Item = Entry> + 'a {
        let owner = match after {
            None | Some(Key::Application(_) | Key::Endpoint(_)) => None,
            Some(Key::SmsAttributes(owner) | Key::PhoneNumber(owner, _) | Key::SandboxNumber(owner, _)) => Some(owner),
        };
        let begun = owner.and_then(|owner| self.sms.get_key_value(owner)).into_iter().flat_map(move |(owner, sms)| {
            let (numbers, sandbox) = match after {
                Some(Key::PhoneNumber(_, number)) => (Some(consent_entries(owner, sms, Some(number))), None),
                Some(Key::SandboxNumber(_, number)) => (None, Some(number)),
                _ => (Some(consent_entries(owner, sms, None)), None),
            };
            numbers.into_iter().flatten().chain(sandbox_entries(owner, sms, sandbox))
        });
        let rest = self.sms.range((owner.map_or(Unbounded, Excluded), Unbounded));
        begun.chain(rest.flat_map(|(owner, sms)| {
            let attributes = Some(&sms.attributes).filter(|attributes| !attributes.is_empty());
            let entry = attributes.map(|attributes| Entry::SmsAttributes(owner.clone(), attributes.clone()));
            let numbers = consent_entries(owner, sms, None);
            entry.into_iter().chain(numbers).chain(sandbox_entries(owner, sms, None))
        }))
    }
}

fn endpoint_entries<'a>(
    application: &'a ApplicationAddress,
    of: &'a PlatformApplication,
    after: Option<EndpointId>,
) -> impl Iterator<Item = Entry> + use<'a> {
    of.endpoints(after).map(move |(id, endpoint)| {
        Entry::Endpoint(EndpointAddress { application: application.clone(), id }, endpoint.clone())
    })
}

fn consent_entries<'a>(
    owner: &'a Owner,
    sms: &'a Sms,
    after: Option<&PhoneNumber>,
) -> impl Iterator<Item = Entry> + use<'a> {
    sms.consents(after).map(|(number, consent)| Entry::PhoneNumber(owner.clone(), number.clone(), consent))
}

fn sandbox_entries<'a>(
    owner: &'a Owner,
    sms: &'a Sms,
    after: Option<&PhoneNumber>,
) -> impl Iterator<Item = Entry> + use<'a> {
    sms.sandbox_numbers(after)
        .map(|(number, verification)| Entry::SandboxNumber(owner.clone(), number.clone(), verification.clone()))
}
