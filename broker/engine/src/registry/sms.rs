//! SMS settings of an account in a region: preferences, phone numbers that opted out, and the sandbox.

use core::ops::Bound::{Excluded, Unbounded};
use std::collections::BTreeMap;

use posthouse_model::{AccountId, OneTimePassword, PhoneNumber, Region, SmsAttributes, Timestamp};

use crate::shift::Shift;

/// An account in a region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) region: Region,
    pub(crate) account: AccountId,
}

/// Whether a number's holder wants messages. One who never refused them has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Consent {
    pub(crate) opted_out: bool,
    /// When the account opted the number in last: it may not do that often.
    pub(crate) opted_in: Option<Timestamp>,
}

/// How far a number of the sandbox has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// It waits for this one-time password.
    Pending(OneTimePassword),
    /// It gave the password.
    Verified,
}

/// The settings.
#[derive(Debug, Default)]
pub(crate) struct Sms {
    pub(crate) attributes: SmsAttributes,
    consents: BTreeMap<PhoneNumber, Consent>,
    sandbox: BTreeMap<PhoneNumber, Verification>,
}

impl Sms {
    /// How many entries of the registry it holds.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn entries(&self) -> usize {
        usize::from(!self.attributes.is_empty()) + self.consents.len() + self.sandbox.len()
    }

    pub(crate) fn consent(&self, number: &PhoneNumber) -> Option<Consent> {
        self.consents.get(number).copied()
    }

    /// What is known of numbers, in their order, behind one of them or from the first.
    pub(crate) fn consents<'a>(
        &'a self,
        after: Option<&PhoneNumber>,
    ) -> impl Iterator<Item = (&'a PhoneNumber, Consent)> + use<'a> {
        let range = self.consents.range::<PhoneNumber, _>((after.map_or(Unbounded, Excluded), Unbounded));
        range.map(|(number, consent)| (number, *consent))
    }

    pub(super) fn shift(&mut self, shift: Shift) {
        for consent in self.consents.values_mut() {
            consent.opted_in = consent.opted_in.map(|opted_in| shift.moved(opted_in));
        }
    }

    pub(super) fn set_consent(&mut self, number: &PhoneNumber, consent: Consent) {
        self.consents.insert(number.clone(), consent);
    }

    pub(super) fn forget_consent(&mut self, number: &PhoneNumber) -> bool {
        self.consents.remove(number).is_some()
    }

    pub(crate) fn sandbox_number(&self, number: &PhoneNumber) -> Option<&Verification> {
        self.sandbox.get(number)
    }

    /// The numbers of the sandbox, in their order, behind one of them or from the first.
    pub(crate) fn sandbox_numbers<'a>(
        &'a self,
        after: Option<&PhoneNumber>,
    ) -> impl Iterator<Item = (&'a PhoneNumber, &'a Verification)> + use<'a> {
        self.sandbox.range::<PhoneNumber, _>((after.map_or(Unbounded, Excluded), Unbounded))
    }

    pub(crate) fn sandbox_length(&self) -> usize {
        self.sandbox.len()
    }

    pub(super) fn set_sandbox_number(&mut self, number: &PhoneNumber, verification: &Verification) {
        self.sandbox.insert(number.clone(), verification.clone());
    }

    pub(super) fn delete_sandbox_number(&mut self, number: &PhoneNumber) -> bool {
        self.sandbox.remove(number).is_some()
    }
}
