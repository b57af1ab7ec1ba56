//! Topic attributes and subscription attributes: their names, their values, and which of them have been set.
//!
//! A text is parsed once, where it enters the process, into a value that keeps its rule. `Policy` and `FilterPolicy` are
//! texts here: the engine evaluates these documents and parses them itself. What a topic or a subscription counts or is
//! ([`crate::operation::TopicView`], [`crate::operation::SubscriptionView`]) is added where attributes are read.

/// Declares the names of one kind of attributes, one attribute with its value, and all attributes that have been set.
macro_rules! attributes {
    (
        $(#[$name_doc:meta])* name $name:ident;
        $(#[$one_doc:meta])* one $one:ident;
        $(#[$all_doc:meta])* all $all:ident;
        $($variant:ident $field:ident: $value:ty,)*
    ) => {
        $(#[$name_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $(#[doc = concat!("`", stringify!($variant), "`")] $variant,)* }

        impl $name {
            /// Every attribute that can be set, in the order of the names.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name as SNS writes it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }
        }

        impl core::str::FromStr for $name {
            type Err = Fault;

            fn from_str(text: &str) -> Result<Self, Fault> {
                match text {
                    $(stringify!($variant) => Ok(Self::$variant),)*
                    _ => Err(SnsFault::invalid("AttributeName", Rule::Malformed)),
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        $(#[$one_doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $one { $(#[doc = concat!("`", stringify!($variant), "`")] $variant(Option<$value>),)* }

        impl $one {
            /// An attribute as a request sets it alone.
            ///
            /// # Errors
            /// [`SnsFault::InvalidParameter`] where the value breaks its rule.
            pub fn parse(name: $name, text: &str) -> Result<Self, Fault> {
                Self::read(name, text).map_err(|rule| SnsFault::invalid(Origin::Attribute(name.as_str()), rule))
            }

            fn read(name: $name, text: &str) -> Result<Self, Rule> {
                match name { $($name::$variant => <$value as AttributeValue>::parse(text).map(Self::$variant),)* }
            }

            fn restore(name: $name, text: &str) -> Result<Self, Rule> {
                match name { $($name::$variant => <$value as AttributeValue>::restore(text).map(Self::$variant),)* }
            }

            /// Its name.
            #[must_use]
            pub const fn name(&self) -> $name {
                match self { $(Self::$variant(_) => $name::$variant,)* }
            }
        }

        $(#[$all_doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $all { $($field: Option<$value>,)* }

        impl $all {
            /// Attributes as a map of a request gives them.
            ///
            /// # Errors
            /// [`SnsFault::InvalidParameter`] for an unknown name or a value that breaks its rule.
            pub fn parse<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Fault> {
                let mut attributes = Self::default();
                for (key, value) in pairs {
                    let refused = |rule| SnsFault::invalid(Origin::attributes(key), rule);
                    let unknown = |_| refused(Rule::UnknownAttribute { name: crate::fault::excerpt(key).into() });
                    let name = key.parse().map_err(unknown)?;
                    attributes.set($one::read(name, value).map_err(refused)?);
                }
                Ok(attributes)
            }

            /// Attributes as they were stored, perhaps by an earlier version. `None` where no version stores them so.
            #[must_use]
            pub fn restore<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<Self> {
                let mut attributes = Self::default();
                for (key, value) in pairs {
                    attributes.set($one::restore(key.parse().ok()?, value).ok()?);
                }
                Some(attributes)
            }

            /// Sets one attribute, or sets it back to its default.
            pub fn set(&mut self, attribute: $one) {
                match attribute { $($one::$variant(value) => self.$field = value,)* }
            }

            /// An attribute as it was set; `None` where it was not.
            #[must_use]
            pub fn attribute(&self, name: $name) -> Option<$one> {
                match name { $($name::$variant => self.$field.clone().map(|value| $one::$variant(Some(value))),)* }
            }

            /// The text of what an attribute was set to.
            #[must_use]
            pub fn get(&self, name: $name) -> Option<Cow<'_, str>> {
                match name { $($name::$variant => self.$field.as_ref().map(AttributeValue::text),)* }
            }

            /// What was set, as texts, in the order of the names.
            pub fn iter(&self) -> impl Iterator<Item = ($name, Cow<'_, str>)> {
                $name::ALL.iter().filter_map(|name| Some((*name, self.get(*name)?)))
            }
        }
    };
}

mod subscription;
mod topic;
mod value;

pub use crate::role::RoleArn;
pub use crate::sample_rate::SampleRate;
pub use subscription::{
    FilterPolicyScope, SubscriptionAttribute, SubscriptionAttributeName, SubscriptionAttributes,
    SubscriptionRedrivePolicy,
};
pub use topic::{
    FifoThroughputScope, SignatureVersion, TopicAttribute, TopicAttributeName, TopicAttributes, TracingConfig,
};
pub use value::{DisplayName, FilterPolicyText, KmsKeyId};
