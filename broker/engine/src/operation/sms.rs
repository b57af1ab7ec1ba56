//! SMS: preferences, numbers that opted out, and the sandbox.
//!
//! All of it belongs to the caller's account in the caller's region. No SNS operation opts a number out. Its holder
//! answers a message with a keyword, the carrier reports that to the outbound gateway, the gateway to push delivery,
//! and push delivery to the engine (`SmsOptOut`). Accounts of a broker are in no sandbox: they may send to any number
//! that has not opted out, verified or not.

use posthouse_model::fault::{Rule, SnsMissing, UserError};
use posthouse_model::limits::{OPT_IN_INTERVAL_SECONDS, SANDBOX_NUMBERS_MAX, SNS_LIST_RESULTS};
use posthouse_model::operation::{
    CheckIfPhoneNumberIsOptedOut, CreateSMSSandboxPhoneNumber, DeleteSMSSandboxPhoneNumber, ListPhoneNumbersOptedOut,
    ListSMSSandboxPhoneNumbers, OptInPhoneNumber, Reply, SandboxNumber, SetSMSAttributes, SmsOptOut,
    VerifySMSSandboxPhoneNumber,
};
use posthouse_model::{Action, Caller, Fault, PhoneNumber, Seconds, SnsFault};

use super::platform::{delete, read, set};
use super::{DecisionResult, page, publish};
use crate::access::Resource;
use crate::decision::Decision;
use crate::registry::{Consent, Entry, Key, Owner, Sms, Verification};

pub(super) fn set_attributes(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &SetSMSAttributes,
) -> DecisionResult {
    let owner = owner(decision, caller, Action::SetSMSAttributes)?;
    let existing = decision.state().registry.sms(&owner).map(|sms| sms.attributes.clone()).unwrap_or_default();
    let wanted = existing.with(&request.changes);
    if existing != wanted {
        if existing.is_empty() {
            decision.check_entry(owner.account)?;
        }
        set(decision, Entry::SmsAttributes(owner, wanted));
    }
    Ok(read(decision, Reply::Done))
}

pub(super) fn get_attributes(decision: &mut Decision<'_>, caller: &Caller) -> DecisionResult {
    let owner = owner(decision, caller, Action::GetSMSAttributes)?;
    let attributes = decision.state().registry.sms(&owner).map(|sms| sms.attributes.clone()).unwrap_or_default();
    Ok(read(decision, Reply::SmsAttributes(attributes)))
}

pub(super) fn check(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &CheckIfPhoneNumberIsOptedOut,
) -> DecisionResult {
    let Owner { region, account } = owner(decision, caller, Action::CheckIfPhoneNumberIsOptedOut)?;
    let opted_out = decision.state().registry.is_opted_out(account, &region, &request.phone_number);
    Ok(read(decision, Reply::Flag(opted_out)))
}

pub(super) fn list(decision: &mut Decision<'_>, caller: &Caller, request: &ListPhoneNumbersOptedOut) -> DecisionResult {
    let owner = owner(decision, caller, Action::ListPhoneNumbersOptedOut)?;
    let consents =
        decision.state().registry.sms(&owner).into_iter().flat_map(|sms| sms.consents(request.after.as_ref()));
    let numbers = consents.filter(|(_, consent)| consent.opted_out).map(|(number, _)| number.clone());
    let page = page::collect(numbers, SNS_LIST_RESULTS, Clone::clone);
    Ok(read(decision, Reply::PhoneNumbers(page)))
}

pub(super) fn opt_in(decision: &mut Decision<'_>, caller: &Caller, request: &OptInPhoneNumber) -> DecisionResult {
    let owner = owner(decision, caller, Action::OptInPhoneNumber)?;
    let number = &request.phone_number;
    if let Some(consent) = consent(decision, &owner, number).filter(|consent| consent.opted_out) {
        let interval = Seconds::new(OPT_IN_INTERVAL_SECONDS);
        if consent.opted_in.is_some_and(|opted_in| opted_in + interval > decision.now) {
            let rule = Rule::OptedIn { days: OPT_IN_INTERVAL_SECONDS / (24 * 60 * 60) };
            return Err(SnsFault::invalid("phoneNumber", rule));
        }
        let consent = Consent { opted_out: false, opted_in: Some(decision.now) };
        set(decision, Entry::PhoneNumber(owner, number.clone(), consent));
    }
    Ok(read(decision, Reply::Done))
}

/// Records that the holder of a number opted out. Only push delivery reports that.
pub(super) fn opt_out(decision: &mut Decision<'_>, caller: &Caller, request: &SmsOptOut) -> DecisionResult {
    decision.authorize(caller, Action::SmsOptOut, Resource::Broker)?;
    let owner = Owner { region: request.region.clone(), account: request.account };
    let before = consent(decision, &owner, &request.phone_number);
    if before.is_none_or(|consent| !consent.opted_out) {
        let consent = Consent { opted_out: true, opted_in: before.and_then(|consent| consent.opted_in) };
        set(decision, Entry::PhoneNumber(owner, request.phone_number.clone(), consent));
    }
    Ok(read(decision, Reply::Done))
}

fn consent(decision: &Decision<'_>, owner: &Owner, number: &PhoneNumber) -> Option<Consent> {
    decision.state().registry.sms(owner).and_then(|sms| sms.consent(number))
}

/// Adds a number to the sandbox. A number that is there but not verified gets another password.
pub(super) fn create_sandbox_number(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &CreateSMSSandboxPhoneNumber,
) -> DecisionResult {
    let owner = owner(decision, caller, Action::CreateSMSSandboxPhoneNumber)?;
    let number = &request.phone_number;
    let registry = &decision.state().registry;
    if registry.is_opted_out(owner.account, &owner.region, number) {
        return Err(SnsFault::OptedOut.into());
    }
    match registry.sms(&owner).and_then(|sms| sms.sandbox_number(number)) {
        Some(Verification::Verified) => {
            return Err(SnsFault::UserError(UserError::AlreadyVerified).into());
        }
        None if registry.sms(&owner).map_or(0, Sms::sandbox_length) >= SANDBOX_NUMBERS_MAX => {
            return Err(SnsFault::UserError(UserError::SandboxFull { max: SANDBOX_NUMBERS_MAX }).into());
        }
        None => decision.check_entry(owner.account)?,
        Some(Verification::Pending(_)) => {}
    }
    let verification = Verification::Pending(request.password.clone());
    // Sending the password is what may be refused, so it goes first.
    publish::one_time_password(decision, caller, number.clone(), &request.message)?;
    set(decision, Entry::SandboxNumber(owner, number.clone(), verification));
    Ok(read(decision, Reply::Done))
}

pub(super) fn verify_sandbox_number(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &VerifySMSSandboxPhoneNumber,
) -> DecisionResult {
    let owner = owner(decision, caller, Action::VerifySMSSandboxPhoneNumber)?;
    let number = &request.phone_number;
    match decision.state().registry.sms(&owner).and_then(|sms| sms.sandbox_number(number)) {
        None => return Err(not_in_sandbox()),
        Some(Verification::Verified) => {}
        Some(Verification::Pending(password)) if *password == request.password => {
            set(decision, Entry::SandboxNumber(owner, number.clone(), Verification::Verified));
        }
        Some(Verification::Pending(_)) => {
            return Err(SnsFault::Verification.into());
        }
    }
    Ok(read(decision, Reply::Done))
}

pub(super) fn delete_sandbox_number(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &DeleteSMSSandboxPhoneNumber,
) -> DecisionResult {
    let owner = owner(decision, caller, Action::DeleteSMSSandboxPhoneNumber)?;
    let number = &request.phone_number;
    if decision.state().registry.sms(&owner).and_then(|sms| sms.sandbox_number(number)).is_none() {
        return Err(not_in_sandbox());
    }
    delete(decision, Key::SandboxNumber(owner, number.clone()));
    Ok(read(decision, Reply::Done))
}

pub(super) fn list_sandbox_numbers(
    decision: &mut Decision<'_>,
    caller: &Caller,
    request: &ListSMSSandboxPhoneNumbers,
) -> DecisionResult {
    let owner = owner(decision, caller, Action::ListSMSSandboxPhoneNumbers)?;
    let numbers =
        decision.state().registry.sms(&owner).into_iter().flat_map(|sms| sms.sandbox_numbers(request.after.as_ref()));
    let numbers = numbers.map(|(number, verification)| SandboxNumber {
        phone_number: number.clone(),
        verified: *verification == Verification::Verified,
    });
    let page = page::collect(numbers, request.results_max.get() as usize, |number| number.phone_number.clone());
    Ok(read(decision, Reply::SandboxNumbers(page)))
}

/// The accounts of a broker are in no sandbox.
pub(super) fn sandbox_status(decision: &mut Decision<'_>, caller: &Caller) -> DecisionResult {
    owner(decision, caller, Action::GetSMSSandboxAccountStatus)?;
    Ok(read(decision, Reply::Flag(false)))
}

/// A broker has no origination numbers. They belong to the outbound gateway.
pub(super) fn origination_numbers(decision: &mut Decision<'_>, caller: &Caller) -> DecisionResult {
    owner(decision, caller, Action::ListOriginationNumbers)?;
    Ok(read(decision, Reply::OriginationNumbers))
}

fn owner(decision: &Decision<'_>, caller: &Caller, action: Action) -> Result<Owner, Fault> {
    Ok(Owner { account: decision.authorize_account(caller, action)?, region: caller.region.clone() })
}

fn not_in_sandbox() -> Fault {
    SnsFault::ResourceNotFound(SnsMissing::SandboxNumber).into()
}
