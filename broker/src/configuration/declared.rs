//! Shared by the declarations of queues and topics: their account and region, and the conversion of values of the file
//! to the texts of SQS's and SNS's attributes.

use std::collections::BTreeSet;

use posthouse_model::{AccountId, Fault, Region};
use serde_json::Value as Json;
use toml::Spanned;

use super::ConfigurationError;
use super::file::AttributeEntries;
use super::layers::out_of_range;
use super::users::{Place, User, account};

/// The region and account of a declaration that names none.
pub(super) struct Home<'a> {
    region: &'a Region,
    /// The account that all users belong to; `000000000000` without users; `None` if they belong to several.
    account: Option<AccountId>,
}

impl<'a> Home<'a> {
    pub(super) fn new(region: &'a Region, users: &[User]) -> Self {
        let accounts: BTreeSet<_> = users.iter().map(|user| user.account).collect();
        let account = match accounts.len() {
            0 => Some(AccountId::DEFAULT),
            1 => accounts.first().copied(),
            _ => None,
        };
        Self { region, account }
    }
}

/// A declaration, as errors name it.
pub(super) struct Declaration<'a> {
    /// `queue`, whose table is `queues`.
    pub(super) what: &'static str,
    pub(super) name: &'a Spanned<String>,
    pub(super) account: Option<&'a Spanned<String>>,
    pub(super) region: Option<&'a Spanned<String>>,
}

impl Declaration<'_> {
    /// The region and the account that it belongs to.
    ///
    /// # Errors
    /// An invalid region or account, or no account while the users belong to several.
    pub(super) fn whereabouts(
        &self,
        place: &Place<'_>,
        home: &Home<'_>,
    ) -> Result<(Region, AccountId), ConfigurationError> {
        let Self { what, name, .. } = self;
        let region = match self.region {
            None => home.region.clone(),
            Some(text) => text.get_ref().parse().map_err(|_| {
                let allowed = "1 to 32 lower-case letters, digits and hyphens";
                place.blame(text, out_of_range(&format!("{what}s.region"), text.get_ref(), allowed))
            })?,
        };
        let account = match self.account {
            Some(text) => account(place, &format!("{what}s.account"), text)?,
            None => home.account.ok_or_else(|| {
                let message =
                    format!("{what} {} needs an `account`, since the users belong to several", name.get_ref());
                place.blame(name, message)
            })?,
        };
        Ok((region, account))
    }

    /// An error about the declaration as a whole.
    pub(super) fn refused(&self, place: &Place<'_>, why: impl core::fmt::Display) -> ConfigurationError {
        place.blame(self.name, format!("{} {}: {why}", self.what, self.name.get_ref()))
    }
}

/// Attributes as text. `check` is called for one at a time, so that an error names the line of the attribute.
///
/// # Errors
/// The first fault that `check` returns.
pub(super) fn attribute_texts<'a>(
    place: &Place<'_>,
    what: &str,
    attributes: &'a AttributeEntries,
    check: impl Fn(&str, &str) -> Result<(), Fault>,
) -> Result<Vec<(&'a str, String)>, ConfigurationError> {
    let texts = attributes.iter().map(|(name, value)| {
        let text = match value.get_ref() {
            Json::String(text) => text.clone(),
            other => other.to_string(),
        };
        check(name, &text)
            .map_err(|fault| place.blame(value, format!("{what}: {}", posthouse_aws::fault_message(&fault))))?;
        Ok((name.as_str(), text))
    });
    texts.collect()
}

/// The attributes as pairs of names and values, which the model parses.
pub(super) fn pairs<'a>(texts: &'a [(&'a str, String)]) -> impl Iterator<Item = (&'a str, &'a str)> {
    texts.iter().map(|(name, value)| (*name, value.as_str()))
}
