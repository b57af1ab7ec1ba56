//! SMS: preferences, numbers that opted out, and the sandbox.

use posthouse_model::fault::{Constraint, Rule};
use posthouse_model::limits::ORIGINATION_LIST_RESULTS_MAX;
use posthouse_model::notification::{PublicationDraft, PublicationKind};
use posthouse_model::operation::{
    CheckIfPhoneNumberIsOptedOut, CreateSMSSandboxPhoneNumber, DeleteSMSSandboxPhoneNumber, GetSMSAttributes,
    ListPhoneNumbersOptedOut, ListSMSSandboxPhoneNumbers, OptInPhoneNumber, Page, SandboxNumber, SetSMSAttributes,
    VerifySMSSandboxPhoneNumber,
};
use posthouse_model::{
    Fault, MessageId, OneTimePassword, PageSize, PhoneNumber, SmsAttributeChanges, SmsAttributes, SnsFault,
};
use serde::Deserialize;

use crate::protocol::input::{Entries, Integer, List, Text};
use crate::protocol::refusal::Refusal;
use crate::protocol::writer::{Plural, Writer};
use crate::sns::context::{Context, after, constraint, count, next_token, phone_number, required, text};

/// Characters of a sandbox number.
const SANDBOX_NUMBER_CHARS_MAX: usize = 20;
/// The languages of one-time passwords, as the service model spells them.
static LANGUAGES: [&str; 13] = [
    "en-US", "en-GB", "es-419", "es-ES", "de-DE", "fr-CA", "fr-FR", "it-IT", "ja-JP", "pt-BR", "kr-KR", "zh-CN",
    "zh-TW",
];

/// What takes no members.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// The older actions, whose members start with a small letter.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "'de: 'a"))]
pub(super) struct OptOutInput<'a> {
    phone_number: Option<Text<'a>>,
    next_token: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct GetAttributesInput<'a> {
    attributes: Option<List<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub(super) struct SetAttributesInput<'a> {
    attributes: Option<Entries<'a, Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct SandboxInput<'a> {
    phone_number: Option<Text<'a>>,
    language_code: Option<Text<'a>>,
    one_time_password: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound(deserialize = "'de: 'a"))]
pub(super) struct ListInput<'a> {
    next_token: Option<Text<'a>>,
    max_results: Option<Integer>,
}

pub(super) fn decode_check_opted_out(input: &OptOutInput<'_>) -> Result<CheckIfPhoneNumberIsOptedOut, Refusal> {
    Ok(CheckIfPhoneNumberIsOptedOut { phone_number: phone_number(input.phone_number.as_ref())? })
}

pub(super) fn decode_opt_in(input: &OptOutInput<'_>) -> Result<OptInPhoneNumber, Refusal> {
    Ok(OptInPhoneNumber { phone_number: phone_number(input.phone_number.as_ref())? })
}

pub(super) fn decode_list_opted_out(input: &OptOutInput<'_>) -> Result<ListPhoneNumbersOptedOut, Refusal> {
    Ok(ListPhoneNumbersOptedOut { after: after(input.next_token.as_ref(), "nextToken")? })
}

pub(super) fn decode_get_attributes(input: &GetAttributesInput<'_>) -> GetSMSAttributes {
    let names = input.attributes.as_deref().unwrap_or_default();
    GetSMSAttributes { names: names.iter().map(|name| (&**name).into()).collect() }
}

pub(super) fn decode_set_attributes(input: &SetAttributesInput<'_>) -> Result<SetSMSAttributes, Refusal> {
    let attributes = required(input.attributes.as_ref(), "attributes")?;
    Ok(SetSMSAttributes { changes: SmsAttributeChanges::parse(attributes.texts())? })
}

pub(super) fn decode_create_sandbox(
    input: &SandboxInput<'_>,
    context: &mut Context<'_>,
) -> Result<CreateSMSSandboxPhoneNumber, Refusal> {
    let phone_number = sandbox_number(input)?;
    let language = input.language_code.as_deref();
    if let Some(language) = language.filter(|language| !LANGUAGES.contains(language)) {
        return Err(constraint(Some(language), "LanguageCode", Constraint::OneOf(&LANGUAGES)).into());
    }
    let password = OneTimePassword::from_random((context.random)());
    // In English whatever the language: what the number needs of it are the digits.
    let text = format!("Your verification code is {}", password.as_str());
    let draft = PublicationDraft::new(MessageId::from_random((context.random)()), &text, PublicationKind::PhoneNumber);
    Ok(CreateSMSSandboxPhoneNumber { phone_number, password, message: draft.seal()? })
}

pub(super) fn decode_delete_sandbox(input: &SandboxInput<'_>) -> Result<DeleteSMSSandboxPhoneNumber, Refusal> {
    Ok(DeleteSMSSandboxPhoneNumber { phone_number: sandbox_number(input)? })
}

pub(super) fn decode_verify_sandbox(input: &SandboxInput<'_>) -> Result<VerifySMSSandboxPhoneNumber, Refusal> {
    let phone_number = sandbox_number(input)?;
    let password = text(input.one_time_password.as_ref(), "OneTimePassword")?;
    let password = password.parse().map_err(|broken| constraint(Some(password), "OneTimePassword", broken))?;
    Ok(VerifySMSSandboxPhoneNumber { phone_number, password })
}

pub(super) fn decode_list_sandbox(input: &ListInput<'_>) -> Result<ListSMSSandboxPhoneNumbers, Refusal> {
    let results_max = count(input.max_results, "MaxResults")?;
    Ok(ListSMSSandboxPhoneNumbers {
        after: after(input.next_token.as_ref(), "NextToken")?,
        results_max: results_max.unwrap_or(PageSize::MAX),
    })
}

/// There are no origination numbers, so no token was ever given out.
pub(super) fn check_origination_numbers(input: &ListInput<'_>) -> Result<(), Refusal> {
    count::<PageSize<ORIGINATION_LIST_RESULTS_MAX>>(input.max_results, "MaxResults")?;
    if input.next_token.as_deref().is_some_and(|token| !token.is_empty()) {
        return Err(SnsFault::invalid("NextToken", Rule::Malformed).into());
    }
    Ok(())
}

/// A number of the sandbox. The service model's pattern lets more through than phone numbers: `+` and eight digits or
/// more, or up to nine digits.
fn sandbox_number(input: &SandboxInput<'_>) -> Result<PhoneNumber, Fault> {
    const NAME: &str = "PhoneNumber";
    let number = text(input.phone_number.as_ref(), NAME)?;
    let digits = number.strip_prefix('+');
    let fits = digits.map_or(number.len() <= 9, |digits| digits.len() >= 8);
    if number.chars().count() > SANDBOX_NUMBER_CHARS_MAX {
        return Err(constraint(Some(number), NAME, Constraint::LengthAtMost(SANDBOX_NUMBER_CHARS_MAX)));
    }
    if fits && digits.unwrap_or(number).bytes().all(|b| b.is_ascii_digit()) {
        number.parse().map_err(|_| SnsFault::invalid(NAME, Rule::PhoneNumber))
    } else {
        let rule = Constraint::Pattern(r"^(\+[0-9]{8,}|[0-9]{0,9})$");
        Err(constraint(Some(number), NAME, rule))
    }
}

pub(super) fn encode_opted_out(writer: &mut Writer, page: &Page<PhoneNumber>) {
    writer.texts(Plural("phoneNumbers", "member"), page.items.iter().map(PhoneNumber::as_str));
    next_token(writer, "nextToken", page.next.as_ref());
}

pub(super) fn encode_sandbox(writer: &mut Writer, page: &Page<SandboxNumber, PhoneNumber>) {
    writer.list(Plural("PhoneNumbers", "member"), &page.items, |writer, number| {
        writer.text("PhoneNumber", number.phone_number.as_str());
        writer.text("Status", if number.verified { "Verified" } else { "Pending" });
    });
    next_token(writer, "NextToken", page.next.as_ref());
}

/// The preferences that were asked for; all where none was named.
pub(super) fn encode_attributes(writer: &mut Writer, attributes: &SmsAttributes, names: &[Box<str>]) {
    let is_asked = |name: &str| names.is_empty() || names.iter().any(|asked| **asked == *name);
    let shown = attributes.shown().filter(|(name, _)| is_asked(name));
    writer.map(Plural("attributes", "entry"), "key", shown);
}
