//! The events of the registry: `RegistrySet`, a key and its whole value, and `RegistryDeleted`, a key.
//!
//! A key:
//!
//! | size | what |
//! |---:|---|
//! | 1 | 1 platform application, 2 platform endpoint, 3 SMS preferences, 4 phone number, 5 sandbox number |
//! | 4 + n | for 1 and 2: ARN |
//! | 8 | for 3, 4 and 5: account |
//! | 1 + n | for 3, 4 and 5: region |
//! | 1 + n | for 4 and 5: phone number, with its `+` |
//!
//! A value:
//!
//! | of | size | what |
//! |---|---:|---|
//! | platform application | 4 + n | attributes |
//! | platform endpoint | 1 | 1 where it is enabled, else 0 |
//! | | 4 + n | token |
//! | | 4 + n | custom user data, empty for none |
//! | | 4 + n | attributes that only some platforms have |
//! | SMS preferences | 4 + n | attributes |
//! | phone number | 1 | 1 where it is opted out, else 0 |
//! | | 8 | when it was opted in last, ms; 0 for never |
//! | sandbox number | 1 + n | the one-time password that it waits for; empty once it is verified |
//!
//! Attributes are a count (u32) and so many pairs of texts, by SNS's names, in the order of the names. A text is its
//! length (u32) and its bytes; where the size is 1 + n the length is one byte.

#[cfg(test)]
mod tests;

use posthouse_model::platform_attributes::EndpointAttributeName;
use posthouse_model::topic_name::Platform;
use posthouse_model::{
    AccountId, ApplicationAttributes, ApplicationChanges, EndpointAttributes, EndpointChanges, PhoneNumber,
    SmsAttributeChanges, SmsAttributes, Timestamp,
};

use super::bytes::{Reader, Writer};
use crate::malformed::Malformed;
use crate::registry::{Consent, Entry, Key, Owner, Verification};

const APPLICATION: u8 = 1;
const ENDPOINT: u8 = 2;
const SMS_ATTRIBUTES: u8 = 3;
const PHONE_NUMBER: u8 = 4;
const SANDBOX_NUMBER: u8 = 5;

/// An entry of the registry was set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RegistrySet(pub(crate) Entry);

impl RegistrySet {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        encode_key(&self.0.key(), out);
        match &self.0 {
            Entry::Application(_, attributes) => {
                encode_attributes(attributes.iter().map(|(name, value)| (name.as_str(), value)), out);
            }
            Entry::SmsAttributes(_, attributes) => {
                encode_attributes(attributes.iter().map(|(name, value)| (name.as_str(), value)), out);
            }
            Entry::Endpoint(_, endpoint) => {
                out.u8(endpoint.is_enabled().into());
                out.text(endpoint.token());
                out.text(endpoint.user_data());
                encode_attributes(endpoint.more(), out);
            }
            Entry::PhoneNumber(_, _, consent) => {
                out.u8(consent.opted_out.into());
                out.time(consent.opted_in.unwrap_or(Timestamp::EPOCH));
            }
            Entry::SandboxNumber(_, _, Verification::Pending(password)) => out.short_text(password.as_str()),
            Entry::SandboxNumber(_, _, Verification::Verified) => out.short_text(""),
        }
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        let entry = match decode_key(bytes)? {
            Key::Application(application) => {
                let given = ApplicationChanges::parse(application.platform, decode_attributes(bytes)?);
                let attributes = given.and_then(|given| ApplicationAttributes::new(application.platform, &given));
                Entry::Application(application, attributes.map_err(|_| ATTRIBUTE)?)
            }
            Key::Endpoint(endpoint) => {
                let attributes = decode_endpoint(endpoint.application.platform, bytes)?;
                Entry::Endpoint(endpoint, attributes)
            }
            Key::SmsAttributes(owner) => {
                let changes = SmsAttributeChanges::parse(decode_attributes(bytes)?).map_err(|_| ATTRIBUTE)?;
                Entry::SmsAttributes(owner, SmsAttributes::default().with(&changes))
            }
            Key::PhoneNumber(owner, number) => {
                let opted_out = decode_flag(bytes)?;
                let opted_in = Some(bytes.time()?).filter(|time| *time != Timestamp::EPOCH);
                Entry::PhoneNumber(owner, number, Consent { opted_out, opted_in })
            }
            Key::SandboxNumber(owner, number) => {
                let verification = match bytes.short_text()? {
                    "" => Verification::Verified,
                    password => Verification::Pending(password.parse().map_err(|_| "a password is malformed")?),
                };
                Entry::SandboxNumber(owner, number, verification)
            }
        };
        Ok(Self(entry))
    }
}

/// An entry of the registry was deleted; a platform application with its endpoints.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RegistryDeleted(pub(crate) Key);

impl RegistryDeleted {
    pub(super) fn encode(&self, out: &mut Writer<'_>) {
        encode_key(&self.0, out);
    }

    pub(super) fn decode(bytes: &mut Reader<'_>) -> Result<Self, Malformed> {
        decode_key(bytes).map(Self)
    }
}

fn encode_key(key: &Key, out: &mut Writer<'_>) {
    let owner = |kind, owner: &Owner, out: &mut Writer<'_>| {
        out.u8(kind);
        out.u64(owner.account.number());
        out.short_text(owner.region.as_str());
    };
    match key {
        Key::Application(application) => {
            out.u8(APPLICATION);
            out.text(&application.to_string());
        }
        Key::Endpoint(endpoint) => {
            out.u8(ENDPOINT);
            out.text(&endpoint.to_string());
        }
        Key::SmsAttributes(of) => owner(SMS_ATTRIBUTES, of, out),
        Key::PhoneNumber(of, number) => {
            owner(PHONE_NUMBER, of, out);
            out.short_text(number.as_str());
        }
        Key::SandboxNumber(of, number) => {
            owner(SANDBOX_NUMBER, of, out);
            out.short_text(number.as_str());
        }
    }
}

fn decode_key(bytes: &mut Reader<'_>) -> Result<Key, Malformed> {
    const ARN: Malformed = "an ARN is malformed";
    match bytes.u8()? {
        APPLICATION => bytes.text()?.parse().map(Key::Application).map_err(|_| ARN),
        ENDPOINT => bytes.text()?.parse().map(Key::Endpoint).map_err(|_| ARN),
        SMS_ATTRIBUTES => decode_owner(bytes).map(Key::SmsAttributes),
        PHONE_NUMBER => Ok(Key::PhoneNumber(decode_owner(bytes)?, decode_number(bytes)?)),
        SANDBOX_NUMBER => Ok(Key::SandboxNumber(decode_owner(bytes)?, decode_number(bytes)?)),
        _ => Err("its key is of no kind"),
    }
}

fn decode_owner(bytes: &mut Reader<'_>) -> Result<Owner, Malformed> {
    let account = AccountId::from_number(bytes.u64()?).ok_or("an account has more than twelve digits")?;
    let region = bytes.short_text()?.parse().map_err(|_| "a region is malformed")?;
    Ok(Owner { region, account })
}

fn decode_number(bytes: &mut Reader<'_>) -> Result<PhoneNumber, Malformed> {
    bytes.short_text()?.parse().map_err(|_| "a phone number is malformed")
}

fn decode_flag(bytes: &mut Reader<'_>) -> Result<bool, Malformed> {
    match bytes.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err("an unknown flag is set"),
    }
}

const ATTRIBUTE: Malformed = "an attribute is invalid";

fn decode_endpoint(platform: Platform, bytes: &mut Reader<'_>) -> Result<EndpointAttributes, Malformed> {
    use EndpointAttributeName::{CustomUserData, Token};
    let mut given = EndpointChanges::of_enabled(decode_flag(bytes)?);
    for (name, value) in [(Token, bytes.text()?), (CustomUserData, bytes.text()?)] {
        given.set(platform, name, value).map_err(|_| ATTRIBUTE)?;
    }
    given.add(platform, decode_attributes(bytes)?).map_err(|_| ATTRIBUTE)?;
    EndpointAttributes::new(platform, &given).map_err(|_| ATTRIBUTE)
}

fn encode_attributes<'a>(attributes: impl Iterator<Item = (&'static str, &'a str)> + Clone, out: &mut Writer<'_>) {
    out.count(attributes.clone().count());
    for (name, value) in attributes {
        out.text(name);
        out.text(value);
    }
}

fn decode_attributes<'a>(bytes: &mut Reader<'a>) -> Result<Vec<(&'a str, &'a str)>, Malformed> {
    let pairs = bytes.list(8, |bytes| Ok((bytes.text()?, bytes.text()?)))?;
    if !pairs.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err("its attributes are not in order");
    }
    Ok(pairs)
}
