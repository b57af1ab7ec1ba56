//! `TagQueue`, `UntagQueue` and `ListQueueTags`.

use std::collections::{BTreeMap, BTreeSet};

use crate::fault::{Fault, InvalidValue};
use crate::limits::{TAG_KEY_CHARS_MAX, TAG_VALUE_CHARS_MAX, TAGS_MAX};
use crate::name::QueueAddress;

/// The tags of a queue: at most fifty, keys of 1 to 128 and values of 0 to 256 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<Box<str>, Box<str>>);

impl Tags {
    /// Checks tags as they came.
    ///
    /// # Errors
    /// [`Fault::InvalidParameterValue`] for a key or value that breaks its rule, or for too many.
    pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
        let mut tags = BTreeMap::new();
        for (key, value) in pairs {
            check_key_length(key)?;
            if key.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("aws:")) {
                return Err(Fault::invalid(InvalidValue::TagKeyReserved));
            }
            if value.chars().count() > TAG_VALUE_CHARS_MAX {
                return Err(Fault::invalid(InvalidValue::TagValueLength { chars_max: TAG_VALUE_CHARS_MAX }));
            }
            tags.insert(key.into(), value.into());
        }
        Self(tags).within_limit()
    }

    /// The tags in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The value of the tag of this key. Keys are compared as condition keys are: in any case, the same case first.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<&str> {
        let same = self.0.get(key).map(|value| &**value);
        same.or_else(|| self.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These tags with `more` added or replaced.
    ///
    /// # Errors
    /// [`Fault::InvalidParameterValue`] where they would be too many.
    pub fn with(&self, more: &Self) -> Result<Self, Fault> {
        let mut tags = self.0.clone();
        tags.extend(more.0.clone());
        Self(tags).within_limit()
    }

    /// These tags without those of the given keys.
    #[must_use]
    pub fn without(&self, keys: &BTreeSet<Box<str>>) -> Self {
        Self(self.0.iter().filter(|(key, _)| !keys.contains(*key)).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn within_limit(self) -> Result<Self, Fault> {
        if self.0.len() > TAGS_MAX {
            Err(Fault::invalid(InvalidValue::TooManyTags { max: TAGS_MAX }))
        } else {
            Ok(self)
        }
    }
}

fn check_key_length(key: &str) -> Result<(), Fault> {
    if (1..=TAG_KEY_CHARS_MAX).contains(&key.chars().count()) { Ok(()) } else { Err(key_length()) }
}

fn key_length() -> Fault {
    Fault::invalid(InvalidValue::TagKeyLength { chars_max: TAG_KEY_CHARS_MAX })
}

/// Adds or replaces tags.
#[derive(Clone, Debug, PartialEq)]
pub struct TagQueue {
    /// The queue.
    pub queue: QueueAddress,
    /// The tags.
    pub tags: Tags,
}

/// The keys of the tags that a request removes: one at least, each of 1 to 128 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagKeys(BTreeSet<Box<str>>);

impl TagKeys {
    /// Checks keys as they came.
    ///
    /// # Errors
    /// [`InvalidValue::TagKeyLength`] for a key that is empty or too long, and where there is no key.
    pub fn parse<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<Self, Fault> {
        let keys: BTreeSet<Box<str>> = keys.into_iter().map(Into::into).collect();
        if keys.is_empty() {
            return Err(key_length());
        }
        keys.iter().try_for_each(|key| check_key_length(key))?;
        Ok(Self(keys))
    }

    /// The keys.
    #[must_use]
    pub const fn as_set(&self) -> &BTreeSet<Box<str>> {
        &self.0
    }
}

/// Removes tags.
#[derive(Clone, Debug, PartialEq)]
pub struct UntagQueue {
    /// The queue.
    pub queue: QueueAddress,
    /// The keys of the tags.
    pub keys: TagKeys,
}

/// Lists the tags of a queue.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQueueTags {
    /// The queue.
    pub queue: QueueAddress,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        assert!(TagKeys::parse(["a", &"k".repeat(128), "a"]).is_ok());
        for keys in [&[][..], &["a", ""], &[&"k".repeat(129)]] {
            assert_eq!(TagKeys::parse(keys.iter().copied()), Err(key_length()), "{keys:?}");
        }
    }

    #[test]
    fn rules() {
        let (key, value) = ("k".repeat(128), "v".repeat(256));
        assert!(Tags::parse([(key.as_str(), value.as_str()), ("empty", "")]).is_ok());
        for (key, value) in [("", "v"), (&*"k".repeat(129), "v"), ("k", &*"v".repeat(257)), ("AWS:x", "v")] {
            assert!(Tags::parse([(key, value)]).is_err(), "{key}={value}");
        }
        let fifty: Vec<String> = (0..50).map(|n| n.to_string()).collect();
        let full = Tags::parse(fifty.iter().map(|key| (key.as_str(), "v"))).expect("fifty");
        assert!(full.with(&Tags::parse([("0", "other")]).expect("valid")).is_ok(), "replaces");
        assert!(full.with(&Tags::parse([("50", "v")]).expect("valid")).is_err());
        assert_eq!(full.without(&fifty.iter().map(|key| key.as_str().into()).collect()), Tags::default());
    }
}
