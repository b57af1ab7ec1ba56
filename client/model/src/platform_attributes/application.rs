//! The attributes of a platform application.

use std::collections::BTreeMap;

use super::{ENABLED, ShownAttributes, flag, refused, shown_flag, unknown};
use crate::fault::{Fault, PlatformRule, excerpt};
use crate::limits::PLATFORM_ATTRIBUTE_BYTES_MAX;
use crate::role::is_role_arn;
use crate::sample_rate::SampleRate;
use crate::text_enum::text_enum;
use crate::topic_name::{Platform, TopicAddress};

/// Characters of the id of an Apple team.
const TEAM_CHARS: usize = 10;
/// Characters of an app's bundle id at most: Apple's own limit.
const BUNDLE_CHARS_MAX: usize = 155;

text_enum! {
    /// The name of an attribute of a platform application that can be set, in the order in which SNS's names are sorted.
    ApplicationAttributeName {
        AppleBundleId "ApplePlatformBundleID",
        AppleTeamId "ApplePlatformTeamID",
        Enabled "Enabled",
        EventDeliveryFailure "EventDeliveryFailure",
        EventEndpointCreated "EventEndpointCreated",
        EventEndpointDeleted "EventEndpointDeleted",
        EventEndpointUpdated "EventEndpointUpdated",
        FailureFeedbackRoleArn "FailureFeedbackRoleArn",
        PlatformCredential "PlatformCredential",
        PlatformPrincipal "PlatformPrincipal",
        SuccessFeedbackRoleArn "SuccessFeedbackRoleArn",
        SuccessFeedbackSampleRate "SuccessFeedbackSampleRate",
    }
}

use ApplicationAttributeName as Name;

impl Name {
    const fn is_of(self, platform: Platform) -> bool {
        match self {
            Self::AppleBundleId | Self::AppleTeamId => platform.is_apple(),
            Self::Enabled
            | Self::EventDeliveryFailure
            | Self::EventEndpointCreated
            | Self::EventEndpointDeleted
            | Self::EventEndpointUpdated
            | Self::FailureFeedbackRoleArn
            | Self::PlatformCredential
            | Self::PlatformPrincipal
            | Self::SuccessFeedbackRoleArn
            | Self::SuccessFeedbackSampleRate => true,
        }
    }

    const fn is_credential(self) -> bool {
        matches!(self, Self::PlatformCredential | Self::PlatformPrincipal)
    }

    /// The value as it is kept; `None` for the default. The text is not empty.
    fn kept(self, text: &str) -> Result<Option<Box<str>>, PlatformRule> {
        let valid = match self {
            Self::Enabled => return flag(text).map(|enabled| (!enabled).then(|| shown_flag(false))),
            Self::EventDeliveryFailure
            | Self::EventEndpointCreated
            | Self::EventEndpointDeleted
            | Self::EventEndpointUpdated => text.parse::<TopicAddress>().is_ok(),
            Self::FailureFeedbackRoleArn | Self::SuccessFeedbackRoleArn => is_role_arn(text),
            Self::SuccessFeedbackSampleRate if SampleRate::parse(text).is_none() => {
                return Err(PlatformRule::Percentage { value: excerpt(text).into() });
            }
            Self::SuccessFeedbackSampleRate => true,
            Self::AppleTeamId => text.len() == TEAM_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            Self::AppleBundleId => {
                text.len() <= BUNDLE_CHARS_MAX
                    && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
            }
            Self::PlatformCredential | Self::PlatformPrincipal => true,
        };
        if valid { Ok(Some(text.into())) } else { Err(PlatformRule::Value) }
    }
}

/// Changes of an application's attributes. `None` sets an attribute back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationChanges(BTreeMap<Name, Option<Box<str>>>);

impl ApplicationChanges {
    /// Parses names and values. An empty value sets an attribute back.
    ///
    /// # Errors
    /// `InvalidParameter` for the first pair that is no attribute of the platform's, or whose value the attribute does
    /// not take.
    pub fn parse<'a>(platform: Platform, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let pairs =
            pairs.into_iter().map(|(name, text)| change(platform, name, text).map_err(|rule| refused(name, rule)));
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

fn change(platform: Platform, name: &str, text: &str) -> Result<(Name, Option<Box<str>>), PlatformRule> {
    let found = Name::find(name).filter(|found| found.is_of(platform)).ok_or_else(|| unknown(name))?;
    if text.len() > PLATFORM_ATTRIBUTE_BYTES_MAX {
        return Err(PlatformRule::TooManyBytes { max: PLATFORM_ATTRIBUTE_BYTES_MAX });
    }
    let kept = if text.is_empty() { None } else { found.kept(text)? };
    Ok((found, kept))
}

/// The attributes of an application. It has the credentials of its platform, and both of Apple's ids or neither.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationAttributes(BTreeMap<Name, Box<str>>);

impl ApplicationAttributes {
    /// The attributes of a new application.
    ///
    /// # Errors
    /// `InvalidParameter` where a credential or one of two attributes is missing that are given together.
    pub fn new(platform: Platform, given: &ApplicationChanges) -> Result<Self, Fault> {
        Self::changed(platform, BTreeMap::new(), given)
    }

    /// The attributes after changes.
    ///
    /// # Errors
    /// As [`ApplicationAttributes::new`].
    pub fn with(&self, platform: Platform, changes: &ApplicationChanges) -> Result<Self, Fault> {
        Self::changed(platform, self.0.clone(), changes)
    }

    fn changed(
        platform: Platform,
        mut wanted: BTreeMap<Name, Box<str>>,
        changes: &ApplicationChanges,
    ) -> Result<Self, Fault> {
        for (name, value) in &changes.0 {
            match value {
                Some(value) => wanted.insert(*name, value.clone()),
                None => wanted.remove(name),
            };
        }
        if !wanted.contains_key(&Name::PlatformCredential) && !wanted.contains_key(&Name::PlatformPrincipal) {
            return Err(refused(Name::PlatformCredential.as_str(), PlatformRule::Empty));
        }
        let mut together = vec![(Name::PlatformPrincipal, Name::PlatformCredential)];
        together.extend(platform.has_principal().then_some((Name::PlatformCredential, Name::PlatformPrincipal)));
        together.extend([(Name::AppleTeamId, Name::AppleBundleId), (Name::AppleBundleId, Name::AppleTeamId)]);
        for (given, missing) in together {
            if wanted.contains_key(&given) && !wanted.contains_key(&missing) {
                let rule = PlatformRule::Without { given: given.as_str(), missing: missing.as_str() };
                return Err(refused(missing.as_str(), rule));
            }
        }
        if !platform.has_principal() {
            wanted.remove(&Name::PlatformPrincipal);
        }
        Ok(Self(wanted))
    }

    /// Whether the application takes messages.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.0.contains_key(&Name::Enabled)
    }

    /// What differs from the defaults, credentials too, in the order of SNS's names.
    pub fn iter(&self) -> impl Iterator<Item = (Name, &str)> + Clone {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    /// The attributes as SNS shows them, without credentials.
    #[must_use]
    pub fn shown(&self, platform: Platform) -> ShownAttributes {
        let shown = self.iter().filter(|(name, _)| !name.is_credential());
        let mut shown: ShownAttributes = shown.map(|(name, value)| (name.as_str(), value.into())).collect();
        shown.insert(ENABLED, shown_flag(self.is_enabled()));
        shown.extend(self.authentication(platform).map(|method| ("AuthenticationMethod", method.into())));
        shown
    }

    fn authentication(&self, platform: Platform) -> Option<&'static str> {
        match platform {
            Platform::Gcm => {
                // A service account's private key file is a JSON object; an API key is not.
                let credential = self.0.get(&Name::PlatformCredential)?;
                let is_object = serde_json::from_str::<JsonObject>(credential).is_ok();
                Some(if is_object { "token" } else { "key" })
            }
            _ if platform.is_apple() => {
                Some(if self.0.contains_key(&Name::AppleTeamId) { "token" } else { "certificate" })
            }
            _ => None,
        }
    }
}

type JsonObject = BTreeMap<String, serde::de::IgnoredAny>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_their_texts_are() {
        assert!(Name::ALL.is_sorted_by_key(|name| name.as_str()) && Name::ALL.is_sorted());
    }
}
