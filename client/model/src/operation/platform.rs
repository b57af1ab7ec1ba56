//! Platform applications and their endpoints: mobile push.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::topic_name::{ApplicationAddress, EndpointAddress, EndpointId};

/// Attributes of an application or an endpoint, by name. Which names there are is for the operations.
pub type PlatformAttributes = BTreeMap<Box<str>, Box<str>>;

/// The attribute that turns an application or an endpoint off.
pub const ENABLED: &str = "Enabled";
/// The attribute that an endpoint's token is shown and set as.
pub const TOKEN: &str = "Token";
/// The attribute of an endpoint that its owner may use.
pub const USER_DATA: &str = "CustomUserData";
/// The attribute of one of Baidu's endpoints that names a channel.
pub const CHANNEL: &str = "ChannelId";
/// The attribute of one of Baidu's endpoints that names a user.
pub const USER: &str = "UserId";

/// What a platform endpoint, a device with an application, has.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointAttributes {
    /// [`ENABLED`]: whether the endpoint takes messages. Its application must do so, too.
    pub enabled: bool,
    /// [`TOKEN`]: what the push notification service calls the device.
    pub token: Arc<str>,
    /// [`USER_DATA`]; empty for none.
    pub user_data: Box<str>,
    /// What only some platforms have: [`CHANNEL`] and [`USER`].
    pub more: PlatformAttributes,
}

impl EndpointAttributes {
    /// The attributes as SNS shows them, by name.
    #[must_use]
    pub fn shown(&self) -> PlatformAttributes {
        let mut shown = self.more.clone();
        shown.insert(ENABLED.into(), self.enabled.to_string().into());
        shown.insert(TOKEN.into(), (*self.token).into());
        if !self.user_data.is_empty() {
            shown.insert(USER_DATA.into(), self.user_data.clone());
        }
        shown
    }
}

/// Creates a platform application, or finds the one that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePlatformApplication {
    /// `Name` and `Platform`, in the caller's account and region.
    pub application: ApplicationAddress,
    /// `Attributes`
    pub attributes: PlatformAttributes,
}

/// Deletes a platform application with its endpoints. Deleting one that does not exist succeeds.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletePlatformApplication {
    /// `PlatformApplicationArn`
    pub application: ApplicationAddress,
}

/// Shows a platform application's attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct GetPlatformApplicationAttributes {
    /// `PlatformApplicationArn`
    pub application: ApplicationAddress,
}

/// Sets attributes of a platform application.
#[derive(Clone, Debug, PartialEq)]
pub struct SetPlatformApplicationAttributes {
    /// `PlatformApplicationArn`
    pub application: ApplicationAddress,
    /// `Attributes`
    pub attributes: PlatformAttributes,
}

/// Lists the platform applications of the caller's account and region.
#[derive(Clone, Debug, PartialEq)]
pub struct ListPlatformApplications {
    /// `NextToken`: the application that the page before ended with.
    pub after: Option<ApplicationAddress>,
}

/// Registers a device with an application, or finds the endpoint that its token has.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePlatformEndpoint {
    /// `PlatformApplicationArn`
    pub application: ApplicationAddress,
    /// The id that a new endpoint will have.
    pub id: EndpointId,
    /// `Token`, `CustomUserData` and `Attributes`, by their names as attributes.
    pub attributes: PlatformAttributes,
}

/// Deletes an endpoint. Deleting one that does not exist succeeds.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteEndpoint {
    /// `EndpointArn`
    pub endpoint: EndpointAddress,
}

/// Shows an endpoint's attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct GetEndpointAttributes {
    /// `EndpointArn`
    pub endpoint: EndpointAddress,
}

/// Sets attributes of an endpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct SetEndpointAttributes {
    /// `EndpointArn`
    pub endpoint: EndpointAddress,
    /// `Attributes`
    pub attributes: PlatformAttributes,
}

/// Lists the endpoints of an application.
#[derive(Clone, Debug, PartialEq)]
pub struct ListEndpointsByPlatformApplication {
    /// `PlatformApplicationArn`
    pub application: ApplicationAddress,
    /// `NextToken`: the endpoint that the page before ended with.
    pub after: Option<EndpointAddress>,
}

/// An application as listings show it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlatformApplicationView {
    /// `PlatformApplicationArn`
    pub application: ApplicationAddress,
    /// `Attributes`, without credentials.
    pub attributes: PlatformAttributes,
}

/// An endpoint as listings show it.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointView {
    /// `EndpointArn`
    pub endpoint: EndpointAddress,
    /// `Attributes`
    pub attributes: EndpointAttributes,
}
