//! SMS: preferences, numbers that opted out, and the sandbox. All belong to the caller's account and region.

use crate::endpoint::PhoneNumber;
use crate::limits::SANDBOX_LIST_RESULTS_MAX;
use crate::name::{AccountId, Region};
use crate::notification::Publication;
use crate::one_time_password::OneTimePassword;
use crate::ranges::PageSize;
use crate::sms_attributes::SmsAttributeChanges;

/// Asks whether a number has opted out.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckIfPhoneNumberIsOptedOut {
    /// `phoneNumber`
    pub phone_number: PhoneNumber,
}

/// Lists the numbers that have opted out.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPhoneNumbersOptedOut {
    /// `nextToken`: the number that the page before ended with.
    pub after: Option<PhoneNumber>,
}

/// Takes a number off the list of those that have opted out.
#[derive(Clone, Debug, PartialEq)]
pub struct OptInPhoneNumber {
    /// `phoneNumber`
    pub phone_number: PhoneNumber,
}

/// Shows SMS preferences.
#[derive(Clone, Debug, PartialEq)]
pub struct GetSMSAttributes {
    /// `attributes`: the names asked for; empty for all. The codec shows no others.
    pub names: Vec<Box<str>>,
}

/// Sets SMS preferences.
#[derive(Clone, Debug, PartialEq)]
pub struct SetSMSAttributes {
    /// `attributes`
    pub changes: SmsAttributeChanges,
}

/// Adds a number to the sandbox; it gets a one-time password. `LanguageCode` is checked by the codec and has no effect:
/// what the number needs of the message are its digits.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateSMSSandboxPhoneNumber {
    /// `PhoneNumber`
    pub phone_number: PhoneNumber,
    /// The password, which the codec makes from random bytes.
    pub password: OneTimePassword,
    /// What the number gets: the password with a few words.
    pub message: Publication,
}

/// Removes a number from the sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteSMSSandboxPhoneNumber {
    /// `PhoneNumber`
    pub phone_number: PhoneNumber,
}

/// Verifies a number of the sandbox with its one-time password.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifySMSSandboxPhoneNumber {
    /// `PhoneNumber`
    pub phone_number: PhoneNumber,
    /// `OneTimePassword`
    pub password: OneTimePassword,
}

/// Asks whether the account is in the sandbox. A broker's accounts are not.
#[derive(Clone, Debug, PartialEq)]
pub struct GetSMSSandboxAccountStatus;

/// Lists the numbers of the sandbox.
#[derive(Clone, Debug, PartialEq)]
pub struct ListSMSSandboxPhoneNumbers {
    /// `NextToken`: the number that the page before ended with.
    pub after: Option<PhoneNumber>,
    /// `MaxResults`
    pub results_max: PageSize<SANDBOX_LIST_RESULTS_MAX>,
}

/// Lists the numbers that messages come from. A broker has none.
#[derive(Clone, Debug, PartialEq)]
pub struct ListOriginationNumbers;

/// A number of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SandboxNumber {
    /// `PhoneNumber`
    pub phone_number: PhoneNumber,
    /// `Status`: whether it was verified.
    pub verified: bool,
}

/// Says that a number's holder wants no more messages of an account's. Only the broker itself asks this
/// ([`crate::Identity::Broker`]), after the SMS gateway answered that the number has opted out.
#[derive(Clone, Debug, PartialEq)]
pub struct SmsOptOut {
    /// The region of the account's publishers.
    pub region: Region,
    /// Whose messages are not wanted.
    pub account: AccountId,
    /// The number.
    pub phone_number: PhoneNumber,
}
