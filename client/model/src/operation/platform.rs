//! Platform applications and their endpoints: mobile push.

use crate::fault::Fault;
use crate::platform_attributes::{
    ApplicationAttributes, ApplicationChanges, EndpointAttributes, EndpointChanges, ShownAttributes,
};
use crate::topic_name::{ApplicationAddress, EndpointAddress, EndpointId};

/// Creates a platform application, or finds the one that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatePlatformApplication {
    /// `Name` and `Platform`, in the caller's account and region.
    pub application: ApplicationAddress,
    /// `Attributes`
    pub attributes: ApplicationAttributes,
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
    /// `Attributes`. What is wrong with them is said once the application is found.
    pub changes: Result<ApplicationChanges, Fault>,
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
    /// `Token`, `CustomUserData` and `Attributes`. What is wrong with them is said once the application is found.
    pub attributes: Result<EndpointChanges, Fault>,
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
    /// `Attributes`. What is wrong with them is said once the endpoint is found.
    pub changes: Result<EndpointChanges, Fault>,
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
    pub attributes: ShownAttributes,
}

/// An endpoint as listings show it.
#[derive(Clone, Debug, PartialEq)]
pub struct EndpointView {
    /// `EndpointArn`
    pub endpoint: EndpointAddress,
    /// `Attributes`
    pub attributes: EndpointAttributes,
}
