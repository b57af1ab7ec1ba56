//! What is wrong with SMS preferences, and with platform applications and endpoints.

/// The rules for SMS preferences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmsRule {
    /// There is no such preference.
    UnknownAttribute {
        /// What was given.
        name: Box<str>,
    },
    /// The preference does not take the value.
    Value {
        /// The preference.
        attribute: &'static str,
    },
    /// The value is no whole number from 0 to 100.
    Percentage {
        /// The preference.
        attribute: &'static str,
    },
}

/// The rules for attributes of platform applications and endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlatformRule {
    /// There is no such attribute, or none of this platform's.
    UnknownAttribute {
        /// What was given.
        name: Box<str>,
    },
    /// It is empty.
    Empty,
    /// It has more bytes than `max`.
    TooManyBytes {
        /// The most.
        max: usize,
    },
    /// The attribute does not take the value.
    Value,
    /// The value is no whole number from 0 to 100.
    Percentage {
        /// What was given.
        value: Box<str>,
    },
    /// Two attributes are given together or not at all.
    Without {
        /// The one that is there.
        given: &'static str,
        /// The one that is missing.
        missing: &'static str,
    },
    /// Apple's device token is longer than this, or not hexadecimal.
    AppleToken {
        /// The most characters.
        chars_max: usize,
    },
    /// Baidu's token does not contain the channel.
    NoChannel,
}

/// The rules for names of platform applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplicationNameRule {
    /// It is empty.
    Empty,
    /// It has more characters than this.
    TooLong {
        /// The most.
        chars_max: usize,
    },
    /// It has other characters than letters, digits, hyphens, underscores and periods.
    Characters,
}
