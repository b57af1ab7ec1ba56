//! SMS: the preferences of an account in a region.

use std::collections::BTreeMap;

use crate::fault::{Fault, Origin, Rule, SmsRule, SnsFault, excerpt};
use crate::limits::SENDER_ID_CHARS_MAX;
use crate::role::RoleArn;
use crate::sample_rate::SampleRate;
use crate::text_enum::text_enum;

text_enum! {
    /// The name of an SMS preference, in the order in which SNS's names are sorted.
    SmsAttributeName {
        DefaultSmsType "DefaultSMSType",
        DefaultSenderId "DefaultSenderID",
        DeliveryStatusIamRole "DeliveryStatusIAMRole",
        DeliveryStatusSuccessSamplingRate "DeliveryStatusSuccessSamplingRate",
        MonthlySpendLimit "MonthlySpendLimit",
        UsageReportS3Bucket "UsageReportS3Bucket",
    }
}

impl SmsAttributeName {
    /// Whether an empty value sets the preference back. The others always have a value.
    const fn is_optional(self) -> bool {
        match self {
            Self::DefaultSenderId | Self::DeliveryStatusIamRole | Self::UsageReportS3Bucket => true,
            Self::DefaultSmsType | Self::DeliveryStatusSuccessSamplingRate | Self::MonthlySpendLimit => false,
        }
    }

    /// Checks a value that is not empty.
    fn check(self, value: &str) -> Result<(), SmsRule> {
        let attribute = self.as_str();
        let valid = match self {
            Self::DefaultSmsType => matches!(value, "Promotional" | "Transactional"),
            Self::DefaultSenderId => {
                value.len() <= SENDER_ID_CHARS_MAX
                    && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
                    && value.bytes().any(|byte| byte.is_ascii_alphabetic())
            }
            Self::DeliveryStatusIamRole => RoleArn::parse(value).is_some(),
            Self::DeliveryStatusSuccessSamplingRate if SampleRate::parse(value).is_none() => {
                return Err(SmsRule::Percentage { attribute });
            }
            Self::DeliveryStatusSuccessSamplingRate => true,
            Self::MonthlySpendLimit => value.bytes().all(|b| b.is_ascii_digit()) && value.parse::<u32>().is_ok(),
            Self::UsageReportS3Bucket => is_bucket_name(value),
        };
        if valid { Ok(()) } else { Err(SmsRule::Value { attribute }) }
    }
}

/// S3's rule: 3 to 63 lower-case letters, digits, periods and hyphens, and a letter or a digit at each end.
fn is_bucket_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'.' | b'-'))
        && name.bytes().next().is_some_and(is_plain)
        && name.bytes().last().is_some_and(is_plain)
}

/// What `SetSMSAttributes` changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmsAttributeChanges(BTreeMap<SmsAttributeName, Option<Box<str>>>);

impl SmsAttributeChanges {
    /// Parses names and values. An empty value sets a preference back that need not have one.
    ///
    /// # Errors
    /// `InvalidParameter` for the first pair that is no preference, or whose value the preference does not take.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let pairs = pairs.into_iter().map(|(name, value)| {
            change(name, value).map_err(|rule| {
                let origin = Origin::MapEntry { map: "attributes", key: excerpt(name).into() };
                SnsFault::invalid(origin, Rule::Sms(rule))
            })
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

fn change(name: &str, value: &str) -> Result<(SmsAttributeName, Option<Box<str>>), SmsRule> {
    let found = SmsAttributeName::find(name);
    let name = found.ok_or_else(|| SmsRule::UnknownAttribute { name: excerpt(name).into() })?;
    if value.is_empty() && name.is_optional() {
        return Ok((name, None));
    }
    name.check(value)?;
    Ok((name, Some(value.into())))
}

/// The SMS preferences that an account has set in a region.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SmsAttributes(BTreeMap<SmsAttributeName, Box<str>>);

/// `MonthlySpendLimit` where it is not set, in US dollars (recorded from AWS).
const MONTHLY_SPEND_LIMIT_DEFAULT: &str = "1";

impl SmsAttributes {
    /// The preferences after changes.
    #[must_use]
    pub fn with(&self, changes: &SmsAttributeChanges) -> Self {
        let mut wanted = self.clone();
        for (name, value) in &changes.0 {
            match value {
                Some(value) => wanted.0.insert(*name, value.clone()),
                None => wanted.0.remove(name),
            };
        }
        wanted
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is set, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (SmsAttributeName, &str)> + Clone {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }

    /// The preferences as SNS shows them: what is set, and `MonthlySpendLimit` in any case.
    pub fn shown(&self) -> impl Iterator<Item = (&str, &str)> {
        let default = (SmsAttributeName::MonthlySpendLimit, MONTHLY_SPEND_LIMIT_DEFAULT);
        let default = (!self.0.contains_key(&default.0)).then_some(default);
        self.iter().chain(default).map(|(name, value)| (name.as_str(), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_preferences() {
        let bucket_max = "b".repeat(63);
        let bucket_too_long = "b".repeat(64);
        let role_too_long = format!("arn:aws:iam::000000000000:role/{}", "r".repeat(2048));
        for (attribute, value, valid) in [
            ("DefaultSMSType", "Promotional", true),
            ("DefaultSMSType", "promotional", false),
            ("DefaultSMSType", "", false),
            ("DefaultSenderID", "Shop1234567", true),
            ("DefaultSenderID", "Shop12345678", false),
            ("DefaultSenderID", "1234567", false),
            ("DefaultSenderID", "My-Shop", false),
            ("DeliveryStatusIAMRole", "arn:aws:iam::000000000000:role/sms", true),
            ("DeliveryStatusIAMRole", "", true),
            ("DeliveryStatusIAMRole", "sms", false),
            ("DeliveryStatusIAMRole", &role_too_long, false),
            ("DeliveryStatusSuccessSamplingRate", "0", true),
            ("DeliveryStatusSuccessSamplingRate", "100", true),
            ("DeliveryStatusSuccessSamplingRate", "101", false),
            ("DeliveryStatusSuccessSamplingRate", "1.5", false),
            ("MonthlySpendLimit", "0", true),
            ("MonthlySpendLimit", "-1", false),
            ("MonthlySpendLimit", "+1", false),
            ("MonthlySpendLimit", "", false),
            ("UsageReportS3Bucket", "reports.example-1", true),
            ("UsageReportS3Bucket", &bucket_max, true),
            ("UsageReportS3Bucket", &bucket_too_long, false),
            ("UsageReportS3Bucket", "Reports", false),
            ("UsageReportS3Bucket", "-reports", false),
            ("UsageReportS3Bucket", "ab", false),
        ] {
            assert_eq!(SmsAttributeChanges::parse([(attribute, value)]).is_ok(), valid, "{attribute}={value}");
        }
    }

    #[test]
    fn the_spend_limit_is_always_shown() {
        let set = |pairs: &[(&str, &str)]| {
            let changes = SmsAttributeChanges::parse(pairs.iter().copied()).expect("valid");
            SmsAttributes::default().with(&changes).shown().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let shown: [Vec<String>; 3] =
            [set(&[]), set(&[("DefaultSenderID", "Shop")]), set(&[("MonthlySpendLimit", "10")])];
        assert_eq!(shown[0], ["MonthlySpendLimit=1"]);
        assert_eq!(shown[1], ["DefaultSenderID=Shop", "MonthlySpendLimit=1"]);
        assert_eq!(shown[2], ["MonthlySpendLimit=10"]);
    }

    #[test]
    fn names_are_sorted_as_their_texts_are() {
        assert!(SmsAttributeName::ALL.is_sorted_by_key(|name| name.as_str()) && SmsAttributeName::ALL.is_sorted());
    }
}
