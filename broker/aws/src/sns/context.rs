//! What decoding an input needs to know besides the input, and the checks that many inputs share, in SNS's words.
//!
//! A value outside of the shape that the service model gives its member is a `ValidationError`; one that SNS cannot
//! make sense of is an `InvalidParameter`.

use core::fmt::Display;
use core::str::FromStr;

use posthouse_model::fault::{Constraint, Denied, Origin, Rule, Violation};
use posthouse_model::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use posthouse_model::message::TraceId;
use posthouse_model::operation::Tags;
use posthouse_model::{AccountId, Caller, Fault, OutOfRange, PhoneNumber, SnsFault, SubscriptionAddress};
use serde::Deserialize;

use crate::protocol::input::{Integer, List, Object, Text};
use crate::protocol::page_token;
use crate::protocol::text::excerpt;
use crate::protocol::writer::Writer;

/// One request's surroundings.
pub(crate) struct Context<'a> {
    pub(crate) caller: &'a Caller,
    /// The trace that the request belongs to.
    pub(crate) trace: Option<TraceId<'a>>,
    pub(crate) random: &'a mut dyn FnMut() -> [u8; 16],
}

impl Context<'_> {
    /// The caller's account, in which it makes what has no address yet.
    pub(super) fn account(&self) -> Result<AccountId, Fault> {
        self.caller.account().ok_or_else(|| SnsFault::AuthorizationError(Denied::NoAccount).into())
    }
}

/// A value outside of its member's shape; `value` is absent where the member is.
pub(super) fn constraint(value: Option<&str>, origin: impl Into<Origin>, constraint: Constraint) -> Fault {
    let value = value.map(|value| excerpt(value).into());
    SnsFault::Validation(Box::new(Violation { origin: origin.into(), value, constraint })).into()
}

/// A member that must be there.
pub(super) fn required<T>(member: Option<T>, name: impl Into<Origin>) -> Result<T, Fault> {
    member.ok_or_else(|| constraint(None, name, Constraint::NotNull))
}

/// A text that must be there.
pub(super) fn text<'a>(member: Option<&'a Text<'_>>, name: impl Into<Origin>) -> Result<&'a str, Fault> {
    required(member, name).map(|text| &**text)
}

/// A list that must be there, with an item at least.
pub(super) fn items<'a, T>(member: Option<&'a List<T>>, name: &'static str) -> Result<&'a [T], Fault> {
    let List(items) = required(member, name)?;
    if items.is_empty() { Err(SnsFault::invalid(name, Rule::Malformed)) } else { Ok(items) }
}

/// The text of a member that names the resource of the request. SNS misses it in other words than the service model.
fn name_of_resource<'a>(member: Option<&'a Text<'_>>, name: &'static str) -> Result<&'a str, Fault> {
    member.map(|text| &**text).ok_or_else(|| SnsFault::invalid(name, Rule::Missing))
}

/// The resource of an ARN.
pub(super) fn arn<T: FromStr>(member: Option<&Text<'_>>, name: &'static str) -> Result<T, Fault> {
    let arn = name_of_resource(member, name)?;
    arn.parse().map_err(|_| malformed_arn(arn, name))
}

/// What SNS says of what is not the ARN of such a resource.
pub(super) fn malformed_arn(arn: &str, name: &'static str) -> Fault {
    let elements = arn.split(':').count();
    if elements < 6 {
        return SnsFault::invalid(name, Rule::ArnElements { found: elements });
    }
    let (slashes, id) = (arn.matches('/').count(), arn.rsplit('/').next().unwrap_or_default());
    let is_endpoint = matches!(name, "EndpointArn" | "TargetArn") && slashes == ENDPOINT_SLASHES;
    let rule = match slashes {
        0 => Rule::Malformed,
        _ if is_endpoint && id.chars().count() != UUID_CHARS => Rule::EndpointId { chars: UUID_CHARS },
        // The number is right: what is wrong is a part.
        _ if is_endpoint => Rule::Malformed,
        _ => Rule::ArnSlashes,
    };
    SnsFault::invalid(name, rule)
}

/// Slashes in the ARN of a platform endpoint: `endpoint/PLATFORM/NAME/UUID`.
const ENDPOINT_SLASHES: usize = 3;
/// Characters of a UUID with its hyphens.
const UUID_CHARS: usize = 36;

/// The subscription of a `SubscriptionArn`.
pub(super) fn subscription(member: Option<&Text<'_>>) -> Result<SubscriptionAddress, Fault> {
    const NAME: &str = "SubscriptionArn";
    let arn = name_of_resource(member, NAME)?;
    arn.parse().map_err(|_| match arn.split(':').count() {
        0..6 => malformed_arn(arn, NAME),
        _ => SnsFault::invalid(NAME, Rule::SubscriptionId),
    })
}

/// A phone number as the actions for opting out take it.
pub(super) fn phone_number(member: Option<&Text<'_>>) -> Result<PhoneNumber, Fault> {
    let number = text(member, "phoneNumber")?.parse();
    number.map_err(|_| SnsFault::invalid("PhoneNumber", Rule::PhoneNumber))
}

/// A count in the range of its type.
pub(super) fn count<T: TryFrom<i64, Error = OutOfRange>>(
    number: Option<Integer>,
    name: &'static str,
) -> Result<Option<T>, Fault> {
    let refusal = |OutOfRange { value, min, max }| {
        let broken = if value < min { Constraint::AtLeast(min) } else { Constraint::AtMost(max) };
        constraint(Some(&value.to_string()), name, broken)
    };
    number.map(|Integer(number)| T::try_from(number).map_err(refusal)).transpose()
}

/// Where a listing goes on: what [`next_token`] sealed; `None` without a token. SNS takes an empty token for none.
///
/// # Errors
/// `InvalidParameter` where the token holds no such resource.
pub(super) fn after<T: FromStr>(token: Option<&Text<'_>>, name: &'static str) -> Result<Option<T>, Fault> {
    page_token::open(token, |place| place.parse().ok()).map_err(|_| SnsFault::invalid(name, Rule::Malformed))
}

/// Writes the token of the next page, if there is one.
pub(super) fn next_token(writer: &mut Writer, name: &str, next: Option<&impl Display>) {
    if let Some(next) = next {
        writer.text(name, &page_token::seal(&next.to_string()));
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct Tag<'a> {
    key: Option<Text<'a>>,
    value: Option<Text<'a>>,
}

/// Tags, which are a list here and a map in SQS.
pub(super) fn tags(list: &[Object<Tag<'_>>]) -> Result<Tags, Fault> {
    let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(list.len());
    for (index, Object(Tag { key, value })) in list.iter().enumerate() {
        let origin = |member| Origin::ListItem { list: "tags", number: index + 1, member: Some(member) };
        let (key, value) = (text(key.as_ref(), origin("key"))?, text(value.as_ref(), origin("value"))?);
        tag_key(key, origin("key"))?;
        if value.chars().count() > TAG_VALUE_CHARS_MAX {
            return Err(constraint(Some(value), origin("value"), Constraint::LengthAtMost(TAG_VALUE_CHARS_MAX)));
        }
        if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
            return Err(SnsFault::invalid("Tags", Rule::TagKeyReserved));
        }
        pairs.push((key, value));
    }
    pairs.sort_by_key(|(key, _)| *key);
    if pairs.windows(2).any(|pair| pair[0].0 == pair[1].0) {
        return Err(SnsFault::invalid("Tags", Rule::TagKeysRepeat));
    }
    if pairs.len() > TAGS_MAX {
        return Err(SnsFault::TagLimitExceeded.into());
    }
    // The rules that both services share are kept by now: there is nothing left to refuse in SQS's words.
    Tags::parse(pairs)
}

/// Checks the length of a tag's key.
pub(super) fn tag_key(key: &str, origin: Origin) -> Result<(), Fault> {
    match key.chars().count() {
        0 => Err(constraint(Some(key), origin, Constraint::LengthAtLeast(1))),
        1..=TAG_KEY_CHARS_MAX => Ok(()),
        _ => Err(constraint(Some(key), origin, Constraint::LengthAtMost(TAG_KEY_CHARS_MAX))),
    }
}
