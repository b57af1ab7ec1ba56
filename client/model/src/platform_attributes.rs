//! The attributes of platform applications and endpoints: their names, the values they take, and how SNS shows them.
//!
//! SNS verifies credentials with the push notification service. Posthouse pushes through a gateway that has credentials
//! of its own. It checks that credentials are present and keeps them, and no reply contains them.

mod application;
mod endpoint;

pub use application::{ApplicationAttributeName, ApplicationAttributes, ApplicationChanges};
pub use endpoint::{EndpointAttributeName, EndpointAttributes, EndpointChanges};

use std::collections::BTreeMap;

use crate::fault::{Fault, Origin, PlatformRule, Rule, SnsFault, excerpt};

/// Attributes of an application or an endpoint as SNS shows them, by name.
pub type ShownAttributes = BTreeMap<&'static str, Box<str>>;

/// The attribute that turns an application or an endpoint off.
const ENABLED: &str = "Enabled";

/// `true` or `false` in any case of letters.
fn flag(value: &str) -> Result<bool, PlatformRule> {
    match value {
        _ if value.eq_ignore_ascii_case("true") => Ok(true),
        _ if value.eq_ignore_ascii_case("false") => Ok(false),
        _ => Err(PlatformRule::Value),
    }
}

fn shown_flag(value: bool) -> Box<str> {
    if value { "true".into() } else { "false".into() }
}

fn unknown(name: &str) -> PlatformRule {
    PlatformRule::UnknownAttribute { name: excerpt(name).into() }
}

/// The refusal of an entry of `Attributes`.
fn refused(name: &str, rule: PlatformRule) -> Fault {
    SnsFault::invalid(Origin::attributes(excerpt(name)), Rule::Platform(rule))
}
