//! The attributes of a platform endpoint.

use std::sync::Arc;

use super::{ENABLED, ShownAttributes, flag, refused, shown_flag, unknown};
use crate::fault::{Fault, PlatformRule};
use crate::limits::{APPLE_TOKEN_CHARS_MAX, CUSTOM_USER_DATA_BYTES_MAX, PLATFORM_TOKEN_BYTES_MAX};
use crate::text_enum::text_enum;
use crate::topic_name::Platform;

text_enum! {
    /// The name of an attribute of a platform endpoint.
    EndpointAttributeName {
        ChannelId "ChannelId",
        CustomUserData "CustomUserData",
        Enabled "Enabled",
        Token "Token",
        UserId "UserId",
    }
}

use EndpointAttributeName as Name;

/// Changes of an endpoint's attributes, or what a new one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChanges {
    enabled: Option<bool>,
    token: Option<Arc<str>>,
    user_data: Option<Box<str>>,
    channel: Option<Box<str>>,
    user: Option<Box<str>>,
}

impl EndpointChanges {
    /// The change of `Enabled` alone.
    #[must_use]
    pub fn of_enabled(enabled: bool) -> Self {
        Self { enabled: Some(enabled), ..Self::default() }
    }

    /// The change of these names and values.
    ///
    /// # Errors
    /// As [`EndpointChanges::add`].
    pub fn parse<'a>(platform: Platform, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut changes = Self::default();
        changes.add(platform, pairs)?;
        Ok(changes)
    }

    /// Adds names and values of `Attributes`. A value goes before one that was there.
    ///
    /// # Errors
    /// `InvalidParameter` for the first pair that is no attribute of the platform's endpoints, or whose value the
    /// attribute does not take.
    pub fn add<'a>(
        &mut self,
        platform: Platform,
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), Fault> {
        pairs.into_iter().try_for_each(|(name, value)| {
            let found = Name::find(name).ok_or_else(|| unknown(name));
            found.and_then(|found| self.set(platform, found, value)).map_err(|rule| refused(name, rule))
        })
    }

    /// Sets one attribute.
    ///
    /// # Errors
    /// The rule that the value breaks.
    pub fn set(&mut self, platform: Platform, name: Name, value: &str) -> Result<(), PlatformRule> {
        match name {
            Name::Enabled => self.enabled = Some(flag(value)?),
            Name::Token => self.token = Some(token(platform, value)?.into()),
            Name::CustomUserData => self.user_data = Some(limited(value, CUSTOM_USER_DATA_BYTES_MAX)?),
            Name::ChannelId | Name::UserId if platform != Platform::Baidu => return Err(unknown(name.as_str())),
            Name::ChannelId => self.channel = Some(limited(value, PLATFORM_TOKEN_BYTES_MAX)?),
            Name::UserId => self.user = Some(limited(value, PLATFORM_TOKEN_BYTES_MAX)?),
        }
        Ok(())
    }
}

fn limited(value: &str, max: usize) -> Result<Box<str>, PlatformRule> {
    if value.len() > max { Err(PlatformRule::TooManyBytes { max }) } else { Ok(value.into()) }
}

/// A token as its platform writes it.
fn token(platform: Platform, text: &str) -> Result<Box<str>, PlatformRule> {
    if text.is_empty() {
        return Err(PlatformRule::Empty);
    }
    if !platform.is_apple() {
        return limited(text, PLATFORM_TOKEN_BYTES_MAX);
    }
    if text.len() > APPLE_TOKEN_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(PlatformRule::AppleToken { chars_max: APPLE_TOKEN_CHARS_MAX });
    }
    Ok(text.to_ascii_lowercase().into())
}

/// What a platform endpoint, a device with an application, has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointAttributes {
    enabled: bool,
    token: Arc<str>,
    user_data: Box<str>,
    /// Of a device of Baidu.
    baidu: Option<BaiduDevice>,
}

/// What only a device of Baidu has. Neither is empty, and the channel is in the token.
#[derive(Clone, Debug, PartialEq, Eq)]
struct BaiduDevice {
    channel: Box<str>,
    user: Box<str>,
}

impl EndpointAttributes {
    /// A new endpoint of a platform. It is enabled unless the changes say otherwise.
    ///
    /// # Errors
    /// `InvalidParameter` where it has no token, or a device of Baidu not all that it needs.
    pub fn new(platform: Platform, given: &EndpointChanges) -> Result<Self, Fault> {
        let missing = || refused(Name::Token.as_str(), PlatformRule::Empty);
        let token = Arc::clone(given.token.as_ref().ok_or_else(missing)?);
        Self { enabled: true, token, user_data: Box::default(), baidu: None }.with(platform, given)
    }

    /// The endpoint after changes.
    ///
    /// # Errors
    /// As [`EndpointAttributes::new`].
    pub fn with(&self, platform: Platform, changes: &EndpointChanges) -> Result<Self, Fault> {
        let token = changes.token.as_ref().unwrap_or(&self.token);
        let baidu = match platform {
            Platform::Baidu => Some(self.device_of_baidu(token, changes)?),
            _ => None,
        };
        Ok(Self {
            enabled: changes.enabled.unwrap_or(self.enabled),
            token: Arc::clone(token),
            user_data: changes.user_data.as_ref().unwrap_or(&self.user_data).clone(),
            baidu,
        })
    }

    fn device_of_baidu(&self, token: &str, changes: &EndpointChanges) -> Result<BaiduDevice, Fault> {
        let present = |name: Name, changed: &Option<Box<str>>, old: Option<&Box<str>>| {
            let value = changed.as_ref().or(old).filter(|value| !value.is_empty());
            value.cloned().ok_or_else(|| refused(name.as_str(), PlatformRule::Empty))
        };
        let old = self.baidu.as_ref();
        let channel = present(Name::ChannelId, &changes.channel, old.map(|old| &old.channel))?;
        let user = present(Name::UserId, &changes.user, old.map(|old| &old.user))?;
        if !token.contains(&*channel) {
            return Err(refused(Name::Token.as_str(), PlatformRule::NoChannel));
        }
        Ok(BaiduDevice { channel, user })
    }

    /// Whether a device that registers again with these attributes is the same: they ask for nothing else. A device
    /// registers without `Enabled`, which leaves a disabled endpoint as it is.
    #[must_use]
    pub fn is_registered_by(&self, platform: Platform, given: &EndpointChanges) -> bool {
        let enabled = given.enabled.unwrap_or(self.enabled);
        Self::new(platform, given).is_ok_and(|wanted| *self == Self { enabled, ..wanted })
    }

    /// Whether the endpoint takes messages. Its application must do so, too.
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// What the push notification service calls the device.
    #[must_use]
    pub const fn token(&self) -> &Arc<str> {
        &self.token
    }

    /// What the owner keeps with it; empty for nothing.
    #[must_use]
    pub const fn user_data(&self) -> &str {
        &self.user_data
    }

    /// The channel of a device of Baidu.
    #[must_use]
    pub fn channel(&self) -> Option<&str> {
        self.baidu.as_ref().map(|baidu| &*baidu.channel)
    }

    /// The user of a device of Baidu.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.baidu.as_ref().map(|baidu| &*baidu.user)
    }

    /// What only some platforms have, in the order of SNS's names.
    pub fn more(&self) -> impl Iterator<Item = (&'static str, &str)> + Clone {
        let more = [(Name::ChannelId, self.channel()), (Name::UserId, self.user())];
        more.into_iter().filter_map(|(name, value)| Some((name.as_str(), value?)))
    }

    /// The attributes as SNS shows them, by name.
    #[must_use]
    pub fn shown(&self) -> ShownAttributes {
        let mut shown: ShownAttributes = self.more().map(|(name, value)| (name, value.into())).collect();
        shown.insert(ENABLED, shown_flag(self.enabled));
        shown.insert(Name::Token.as_str(), (*self.token).into());
        if !self.user_data.is_empty() {
            shown.insert(Name::CustomUserData.as_str(), self.user_data.clone());
        }
        shown
    }
}
