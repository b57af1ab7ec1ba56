//! The registry: what SNS keeps beside topics. Platform applications with their endpoints, and SMS settings.
//!
//! All of it belongs to an account in a region. It consists of entries, each a [`Key`] with a whole value; what happens
//! to it is that an entry is set ([`Entry`]) or deleted. Setting an entry twice is the same as setting it once: so a
//! checkpoint can say again what the events before it said.
//!
//! Invariants: an endpoint's application exists, and no two endpoints of an application have the same token. What
//! values a caller may give is for `operation::platform` and `operation::sms`.

mod entries;
mod platform;
mod sms;
#[cfg(test)]
mod tests;

use core::ops::Bound::{Excluded, Included, Unbounded};
use std::collections::BTreeMap;

use posthouse_model::topic_name::Platform;
use posthouse_model::{
    AccountId, ApplicationAddress, ApplicationAttributes, EndpointAddress, EndpointAttributes, PhoneNumber, Region,
    SmsAttributes,
};

use crate::journal::Position;
use crate::malformed::Malformed;
use crate::shift::Shift;
pub(crate) use platform::PlatformApplication;
pub(crate) use sms::{Consent, Owner, Sms, Verification};

/// What an entry is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// A platform application; deleting it deletes its endpoints.
    Application(ApplicationAddress),
    /// A platform endpoint.
    Endpoint(EndpointAddress),
    /// SMS preferences.
    SmsAttributes(Owner),
    /// Whether a phone number's holder wants messages.
    PhoneNumber(Owner, PhoneNumber),
    /// A phone number in the sandbox.
    SandboxNumber(Owner, PhoneNumber),
}

impl Key {
    /// Whose entry it is.
    const fn account(&self) -> AccountId {
        match self {
            Self::Application(address) => address.account,
            Self::Endpoint(address) => address.application.account,
            Self::SmsAttributes(owner) | Self::PhoneNumber(owner, _) | Self::SandboxNumber(owner, _) => owner.account,
        }
    }
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Entry {
    Application(ApplicationAddress, ApplicationAttributes),
    Endpoint(EndpointAddress, EndpointAttributes),
    SmsAttributes(Owner, SmsAttributes),
    PhoneNumber(Owner, PhoneNumber, Consent),
    SandboxNumber(Owner, PhoneNumber, Verification),
}

impl Entry {
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Application(application, _) => Key::Application(application.clone()),
            Self::Endpoint(endpoint, _) => Key::Endpoint(endpoint.clone()),
            Self::SmsAttributes(owner, _) => Key::SmsAttributes(owner.clone()),
            Self::PhoneNumber(owner, number, _) => Key::PhoneNumber(owner.clone(), number.clone()),
            Self::SandboxNumber(owner, number, _) => Key::SandboxNumber(owner.clone(), number.clone()),
        }
    }
}

/// What came of deleting an entry.
#[derive(Debug)]
pub(crate) enum Removal {
    /// It was not there.
    Absent,
    Entry,
    /// An application with its endpoints. To drop one that has many takes long.
    Application(PlatformApplication),
}

/// Everything in the registry.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    applications: BTreeMap<ApplicationAddress, PlatformApplication>,
    sms: BTreeMap<Owner, Sms>,
    /// How many entries each account has, in all regions. An account without entries is not listed.
    counts: BTreeMap<AccountId, u64>,
    /// Not durable: the event that changed it last. What is read from it waits for that.
    pub(crate) changed: Position,
}

impl Registry {
    /// The application at an address.
    pub(crate) fn application(&self, address: &ApplicationAddress) -> Option<&PlatformApplication> {
        self.applications.get(address)
    }

    /// Whether an application takes messages; `false` where there is none.
    pub(crate) fn application_is_enabled(&self, address: &ApplicationAddress) -> bool {
        self.application(address).is_some_and(PlatformApplication::is_enabled)
    }

    /// The endpoint at an address.
    pub(crate) fn endpoint(&self, address: &EndpointAddress) -> Option<&EndpointAttributes> {
        self.application(&address.application)?.endpoint(address.id)
    }

    /// The applications of an account in a region, behind one of them or from the first.
    pub(crate) fn applications<'a>(
        &'a self,
        owner: &'a Owner,
        after: Option<&ApplicationAddress>,
    ) -> impl Iterator<Item = (&'a ApplicationAddress, &'a PlatformApplication)> + use<'a> {
        // The lowest of all names, in the order of bytes; `-` comes before periods, digits, letters and underscores.
        let (region, account) = (owner.region.clone(), owner.account);
        let name = "-".parse().expect("a hyphen is a valid name");
        let first = ApplicationAddress { region, account, platform: Platform::Adm, name };
        let start = after.filter(|after| **after >= first).map_or(Included(&first), Excluded);
        self.applications
            .range::<ApplicationAddress, _>((start, Unbounded))
            .take_while(|(address, _)| address.account == owner.account && address.region == owner.region)
    }

    /// The SMS settings of an account in a region, if it has any.
    pub(crate) fn sms(&self, owner: &Owner) -> Option<&Sms> {
        self.sms.get(owner)
    }

    /// Whether a number's holder wants no messages of an account's.
    pub(crate) fn is_opted_out(&self, account: AccountId, region: &Region, number: &PhoneNumber) -> bool {
        let owner = Owner { region: region.clone(), account };
        self.sms(&owner).and_then(|sms| sms.consent(number)).is_some_and(|consent| consent.opted_out)
    }

    /// How many entries an account has.
    pub(crate) fn count(&self, account: AccountId) -> u64 {
        self.counts.get(&account).copied().unwrap_or_default()
    }

    /// How many entries a key stands for: itself, and the endpoints of an application. Zero where it is not there.
    fn weight(&self, key: &Key) -> u64 {
        match key {
            Key::Application(address) => {
                self.applications.get(address).map_or(0, |application| 1 + application.endpoint_count() as u64)
            }
            Key::Endpoint(address) => u64::from(self.endpoint(address).is_some()),
            Key::SmsAttributes(owner) => u64::from(self.sms(owner).is_some_and(|sms| !sms.attributes.is_empty())),
            Key::PhoneNumber(owner, number) => {
                u64::from(self.sms(owner).is_some_and(|sms| sms.consent(number).is_some()))
            }
            Key::SandboxNumber(owner, number) => {
                u64::from(self.sms(owner).is_some_and(|sms| sms.sandbox_number(number).is_some()))
            }
        }
    }

    /// Counts the entries of a key that was changed, which were `before`.
    fn recount(&mut self, key: &Key, before: u64) {
        let (now, account) = (self.weight(key), key.account());
        let count = self.counts.entry(account).or_default();
        *count = *count + now - before;
        if *count == 0 {
            self.counts.remove(&account);
        }
    }

    /// Keeps how long ago numbers were opted in when the clock was set.
    pub(crate) fn shift(&mut self, shift: Shift) {
        self.sms.values_mut().for_each(|sms| sms.shift(shift));
    }

    /// Sets an entry. Says whether that was possible: an endpoint needs its application.
    pub(crate) fn set(&mut self, entry: &Entry) -> Result<bool, Malformed> {
        let key = entry.key();
        let before = self.weight(&key);
        let set = self.put(entry)?;
        self.recount(&key, before);
        Ok(set)
    }

    fn put(&mut self, entry: &Entry) -> Result<bool, Malformed> {
        match entry {
            Entry::Application(address, attributes) => match self.applications.get_mut(address) {
                Some(application) => application.set_attributes(attributes),
                None => {
                    self.applications.insert(address.clone(), PlatformApplication::new(attributes.clone()));
                }
            },
            Entry::Endpoint(address, endpoint) => {
                let Some(application) = self.applications.get_mut(&address.application) else { return Ok(false) };
                application.set_endpoint(address.id, endpoint)?;
            }
            Entry::SmsAttributes(owner, attributes) => self.sms_mut(owner).attributes.clone_from(attributes),
            Entry::PhoneNumber(owner, number, consent) => self.sms_mut(owner).set_consent(number, *consent),
            Entry::SandboxNumber(owner, number, verification) => {
                self.sms_mut(owner).set_sandbox_number(number, verification);
            }
        }
        Ok(true)
    }

    /// Deletes an entry.
    pub(crate) fn delete(&mut self, key: &Key) -> Removal {
        let before = self.weight(key);
        let removal = self.take(key);
        self.recount(key, before);
        removal
    }

    fn take(&mut self, key: &Key) -> Removal {
        let deleted = match key {
            Key::Application(address) => {
                return self.applications.remove(address).map_or(Removal::Absent, Removal::Application);
            }
            Key::Endpoint(address) => {
                let application = self.applications.get_mut(&address.application);
                application.is_some_and(|application| application.delete_endpoint(address.id))
            }
            Key::SmsAttributes(owner) => {
                self.sms.get_mut(owner).is_some_and(|sms| !core::mem::take(&mut sms.attributes).is_empty())
            }
            Key::PhoneNumber(owner, number) => self.sms.get_mut(owner).is_some_and(|sms| sms.forget_consent(number)),
            Key::SandboxNumber(owner, number) => {
                self.sms.get_mut(owner).is_some_and(|sms| sms.delete_sandbox_number(number))
            }
        };
        if deleted { Removal::Entry } else { Removal::Absent }
    }

    /// Panics unless the invariants of the applications hold.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        self.applications.values().for_each(PlatformApplication::check);
        let mut counts: BTreeMap<AccountId, u64> = BTreeMap::new();
        for (address, application) in &self.applications {
            *counts.entry(address.account).or_default() += 1 + application.endpoint_count() as u64;
        }
        for (owner, sms) in &self.sms {
            *counts.entry(owner.account).or_default() += sms.entries() as u64;
        }
        counts.retain(|_, count| *count > 0);
        assert_eq!(self.counts, counts, "entries of each account");
    }

    fn sms_mut(&mut self, owner: &Owner) -> &mut Sms {
        self.sms.entry(owner.clone()).or_default()
    }
}
