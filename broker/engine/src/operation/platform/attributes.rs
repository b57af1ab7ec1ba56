//! Which attributes platform applications and endpoints take, with which values, and how they are shown.
//!
//! SNS verifies credentials with the push notification service. Posthouse pushes through a gateway that has credentials
//! of its own. It checks that credentials are present and keeps them, and no reply contains them.

use std::collections::BTreeMap;

use posthouse_model::fault::{Origin, Rule};
use posthouse_model::limits::{
    APPLE_TOKEN_CHARS_MAX, CUSTOM_USER_DATA_BYTES_MAX, PLATFORM_ATTRIBUTE_BYTES_MAX, PLATFORM_TOKEN_BYTES_MAX,
};
use posthouse_model::operation::platform::{CHANNEL, ENABLED, TOKEN, USER, USER_DATA};
use posthouse_model::operation::{EndpointAttributes, PlatformAttributes};
use posthouse_model::topic_name::Platform;
use posthouse_model::{Fault, SnsFault, TopicAddress};

use crate::registry::PlatformApplication;

const CREDENTIAL: &str = "PlatformCredential";
const PRINCIPAL: &str = "PlatformPrincipal";
const TEAM: &str = "ApplePlatformTeamID";
const BUNDLE: &str = "ApplePlatformBundleID";

/// Characters of the id of an Apple team.
const TEAM_CHARS: usize = 10;
/// Characters of an app's bundle id at most: Apple's own limit.
const BUNDLE_CHARS_MAX: usize = 155;

/// An application's attributes after these changes. An empty value removes an attribute.
pub(super) fn application(
    platform: Platform,
    existing: &PlatformAttributes,
    changes: &PlatformAttributes,
) -> Result<PlatformAttributes, Fault> {
    let mut wanted = existing.clone();
    for (name, value) in changes {
        if !is_application_attribute(platform, name) {
            return Err(unknown(name));
        }
        if value.len() > PLATFORM_ATTRIBUTE_BYTES_MAX {
            return Err(too_long(name, PLATFORM_ATTRIBUTE_BYTES_MAX));
        }
        // FCM has no principal. Many callers send an empty one.
        if value.is_empty() || (&**name == PRINCIPAL && !has_principal(platform)) {
            wanted.remove(name);
            continue;
        }
        check_application_value(name, value)?;
        if &**name == ENABLED && value.eq_ignore_ascii_case("true") {
            wanted.remove(name);
        } else if &**name == ENABLED {
            wanted.insert(name.clone(), "false".into());
        } else {
            wanted.insert(name.clone(), value.clone());
        }
    }
    check_credentials(platform, &wanted)?;
    Ok(wanted)
}

fn is_application_attribute(platform: Platform, name: &str) -> bool {
    match name {
        CREDENTIAL
        | PRINCIPAL
        | ENABLED
        | "EventDeliveryFailure"
        | "EventEndpointCreated"
        | "EventEndpointDeleted"
        | "EventEndpointUpdated"
        | "FailureFeedbackRoleArn"
        | "SuccessFeedbackRoleArn"
        | "SuccessFeedbackSampleRate" => true,
        TEAM | BUNDLE => is_apple(platform),
        _ => false,
    }
}

fn check_application_value(name: &str, value: &str) -> Result<(), Fault> {
    let valid = match name {
        ENABLED => is_boolean(value),
        "EventDeliveryFailure" | "EventEndpointCreated" | "EventEndpointDeleted" | "EventEndpointUpdated" => {
            value.parse::<TopicAddress>().is_ok()
        }
        "FailureFeedbackRoleArn" | "SuccessFeedbackRoleArn" => is_role_arn(value),
        "SuccessFeedbackSampleRate" => is_percentage(value),
        TEAM => value.len() == TEAM_CHARS && value.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        BUNDLE => {
            value.len() <= BUNDLE_CHARS_MAX
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
        }
        _ => true,
    };
    if valid { Ok(()) } else { Err(not_taken(name)) }
}

/// Checks that the credentials of the platform are present. A signing key of Apple also needs the ids of its team and
/// app.
fn check_credentials(platform: Platform, attributes: &PlatformAttributes) -> Result<(), Fault> {
    for (name, needed) in [(CREDENTIAL, true), (PRINCIPAL, has_principal(platform))] {
        if needed && !attributes.contains_key(name) {
            return Err(SnsFault::invalid(Origin::attributes(name), Rule::Empty));
        }
    }
    for (name, other) in [(TEAM, BUNDLE), (BUNDLE, TEAM)] {
        if attributes.contains_key(name) && !attributes.contains_key(other) {
            let rule = Rule::GivenTogether { attributes: [TEAM, BUNDLE] };
            return Err(SnsFault::invalid(Origin::attributes(other), rule));
        }
    }
    Ok(())
}

/// An application's attributes without its credentials, as replies show them.
pub(super) fn show_application(platform: Platform, application: &PlatformApplication) -> PlatformAttributes {
    let attributes = &application.attributes;
    let shown = attributes.iter().filter(|(name, _)| !matches!(&***name, CREDENTIAL | PRINCIPAL));
    let mut shown: PlatformAttributes = shown.map(|(name, value)| (name.clone(), value.clone())).collect();
    shown.insert(ENABLED.into(), boolean(application.is_enabled()));
    let method = match platform {
        Platform::Gcm => {
            // A service account's private key file is a JSON object; an API key is not.
            let credential = attributes.get(CREDENTIAL).map(|text| serde_json::from_str::<JsonObject>(text));
            Some(if credential.is_some_and(|object| object.is_ok()) { "token" } else { "key" })
        }
        _ if is_apple(platform) => Some(if attributes.contains_key(TEAM) { "token" } else { "certificate" }),
        _ => None,
    };
    shown.extend(method.map(|method| ("AuthenticationMethod".into(), method.into())));
    shown
}

type JsonObject = BTreeMap<String, serde::de::IgnoredAny>;

/// An endpoint after these changes, or a new one.
pub(super) fn endpoint(
    platform: Platform,
    existing: Option<&EndpointAttributes>,
    changes: &PlatformAttributes,
) -> Result<EndpointAttributes, Fault> {
    let mut wanted = existing.cloned().unwrap_or_else(|| EndpointAttributes {
        enabled: true,
        token: "".into(),
        user_data: Box::default(),
        more: PlatformAttributes::new(),
    });
    for (name, value) in changes {
        match &**name {
            ENABLED if !is_boolean(value) => return Err(not_taken(name)),
            ENABLED => wanted.enabled = value.eq_ignore_ascii_case("true"),
            TOKEN => wanted.token = token(platform, value)?.into(),
            USER_DATA if value.len() > CUSTOM_USER_DATA_BYTES_MAX => {
                return Err(too_long(name, CUSTOM_USER_DATA_BYTES_MAX));
            }
            USER_DATA => wanted.user_data.clone_from(value),
            CHANNEL | USER if platform == Platform::Baidu => {
                if value.len() > PLATFORM_TOKEN_BYTES_MAX {
                    return Err(too_long(name, PLATFORM_TOKEN_BYTES_MAX));
                }
                wanted.more.insert(name.clone(), value.clone());
            }
            _ => return Err(unknown(name)),
        }
    }
    if wanted.token.is_empty() {
        return Err(SnsFault::invalid(Origin::attributes(TOKEN), Rule::Empty));
    }
    if platform == Platform::Baidu {
        check_baidu(&wanted)?;
    }
    Ok(wanted)
}

/// Checks the attributes of a Baidu device: a channel, which is the token, and a user.
fn check_baidu(endpoint: &EndpointAttributes) -> Result<(), Fault> {
    for name in [CHANNEL, USER] {
        if endpoint.more.get(name).is_none_or(|value| value.is_empty()) {
            return Err(SnsFault::invalid(Origin::attributes(name), Rule::Empty));
        }
    }
    if !endpoint.token.contains(&*endpoint.more[CHANNEL]) {
        return Err(SnsFault::invalid(Origin::attributes(TOKEN), Rule::NoChannel));
    }
    Ok(())
}

/// A token as its platform writes it.
fn token(platform: Platform, text: &str) -> Result<String, Fault> {
    if is_apple(platform) {
        if text.len() > APPLE_TOKEN_CHARS_MAX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let rule = Rule::AppleToken { chars_max: APPLE_TOKEN_CHARS_MAX };
            return Err(SnsFault::invalid(Origin::attributes(TOKEN), rule));
        }
        return Ok(text.to_ascii_lowercase());
    }
    if text.len() > PLATFORM_TOKEN_BYTES_MAX {
        return Err(too_long(TOKEN, PLATFORM_TOKEN_BYTES_MAX));
    }
    Ok(text.to_owned())
}

const fn has_principal(platform: Platform) -> bool {
    !matches!(platform, Platform::Gcm)
}

const fn is_apple(platform: Platform) -> bool {
    match platform {
        Platform::Apns
        | Platform::ApnsSandbox
        | Platform::ApnsVoip
        | Platform::ApnsVoipSandbox
        | Platform::MacOs
        | Platform::MacOsSandbox => true,
        Platform::Adm | Platform::Baidu | Platform::Gcm | Platform::Mpns | Platform::Wns => false,
    }
}

fn boolean(value: bool) -> Box<str> {
    if value { "true".into() } else { "false".into() }
}

fn is_boolean(value: &str) -> bool {
    value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false")
}

/// Whether a text is the ARN of an IAM role. Posthouse has no roles and only keeps the text.
pub(in crate::operation) fn is_role_arn(value: &str) -> bool {
    let parts: Vec<&str> = value.splitn(6, ':').collect();
    matches!(parts[..], ["arn", partition, "iam", "", account, role]
        if partition.starts_with("aws") && account.parse::<posthouse_model::AccountId>().is_ok()
            && role.strip_prefix("role/").is_some_and(|name| !name.is_empty()))
}

pub(in crate::operation) fn is_percentage(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<u8>().is_ok_and(|percent| percent <= 100)
}

/// The answer to an attribute that nothing of the kind has.
pub(in crate::operation) fn unknown(name: &str) -> Fault {
    // A name of any length may come; only its beginning is repeated.
    let excerpt = name.char_indices().nth(NAME_CHARS_SHOWN).map_or(name, |(end, _)| &name[..end]);
    SnsFault::invalid(Origin::attributes(excerpt), Rule::UnknownAttribute { name: excerpt.into() })
}

/// Characters of an unknown name that its refusal repeats.
const NAME_CHARS_SHOWN: usize = 256;

/// The answer to a value that is not one of its attribute's.
pub(in crate::operation) fn not_taken(name: &str) -> Fault {
    SnsFault::invalid(Origin::attributes(name), Rule::AttributeValue)
}

fn too_long(name: &str, bytes_max: usize) -> Fault {
    SnsFault::invalid(Origin::attributes(name), Rule::TooManyBytes { max: bytes_max })
}
