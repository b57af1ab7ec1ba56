//! The adapters, one module for each broker, and the URL schemes that name them. An adapter is added as a module and a
//! row of [`SCHEMES`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use crate::target::{Failure, Target};

mod amqp;
mod aws;
mod beanstalk;
mod limit_disk;
mod limit_http;
mod native;
mod nats;
mod postgres;
mod redis;
mod sns;
mod sqs;

pub use sqs::signed_request;
#[cfg(test)]
mod testing;

/// How long connecting may take, with the handshake of the protocol.
///
/// Adapters limit no other time. The driver drops a call that takes too long.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// The limit for client libraries that cannot wait for a response without one. The driver drops a call long before.
const ANSWER_MAX: Duration = Duration::from_secs(60 * 60);

/// The URL of a target. Its scheme names the adapter. It is printed without its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Url);

/// Opens a target without connecting to it.
type Open = fn(&Address) -> Result<Arc<dyn Target>, Failure>;

/// A scheme, the form of its URLs for messages and help, and its adapter.
struct Scheme {
    name: &'static str,
    form: &'static str,
    open: Open,
}

const SCHEMES: &[Scheme] = &[
    Scheme {
        name: "sqs+http",
        form: "sqs+http://[KEY:SECRET@]HOST:PORT[?protocol=json|query&region=REGION]",
        open: sqs::open,
    },
    Scheme {
        name: "sns+http",
        form: "sns+http://[KEY:SECRET@]HOST:PORT[?protocol=json|query&region=REGION&queue=none&topic=NAME]",
        open: sns::open,
    },
    Scheme {
        name: "posthouse",
        form: "posthouse://[KEY:SECRET@]HOST[:PORT][?pipeline=N&prefetch=N&region=REGION]",
        open: native::open,
    },
    Scheme {
        name: "posthouse+tls",
        form: "posthouse+tls://[KEY:SECRET@]HOST[:PORT][?authority=FILE&pipeline=N&prefetch=N&region=REGION]",
        open: native::open,
    },
    Scheme {
        name: "posthouse+quic",
        form: "posthouse+quic://[KEY:SECRET@]HOST[:PORT][?authority=FILE&pipeline=N&prefetch=N&region=REGION]",
        open: native::open,
    },
    Scheme { name: "nats", form: "nats://[USER:PASSWORD@]HOST[:PORT][?ack=single|double]", open: nats::open },
    Scheme { name: "redis", form: "redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]", open: redis::open },
    Scheme {
        name: "amqp",
        form: "amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST][?queue=classic|quorum&prefetch=N]",
        open: amqp::open,
    },
    Scheme { name: "beanstalk", form: "beanstalk://HOST[:PORT]", open: beanstalk::open },
    Scheme {
        name: "postgres",
        form: "postgres://[USER:PASSWORD@]HOST[:PORT][/DATABASE][?poll_ms=N]",
        open: postgres::open,
    },
    Scheme { name: "limit+http", form: "limit+http://[?threads=N]", open: limit_http::open },
    Scheme { name: "limit+disk", form: "limit+disk:///DIRECTORY[?file=prewritten|growing]", open: limit_disk::open },
];

impl Address {
    /// The scheme, which names the adapter.
    #[must_use]
    pub fn scheme(&self) -> &str {
        self.0.scheme()
    }

    /// The URL, password included.
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    /// Host and port.
    pub(crate) fn host_and_port(&self, default_port: u16) -> Result<(String, u16), Failure> {
        let host = self.0.host_str().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| Failure::Unsupported(format!("{self} has no host")))?;
        Ok((host.trim_matches(['[', ']']).to_owned(), self.0.port().unwrap_or(default_port)))
    }

    /// User and password, decoded; `None` without a user.
    pub(crate) fn credentials(&self) -> Option<(String, String)> {
        let decode = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let user = Some(self.0.username()).filter(|user| !user.is_empty())?;
        Some((decode(user), decode(self.0.password().unwrap_or_default())))
    }

    /// The values of the URL's parameters, in the order of `known`.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] for a parameter that is not in `known`.
    pub(crate) fn parameters<const N: usize>(&self, known: [&str; N]) -> Result<[Option<String>; N], Failure> {
        let mut values = [const { None }; N];
        for (name, value) in self.0.query_pairs() {
            let place = known.iter().position(|known| *known == name);
            let place = place.ok_or_else(|| {
                let known =
                    if N == 0 { "there are none".to_owned() } else { format!("known are {}", known.join(", ")) };
                Failure::Unsupported(format!("{self}: unknown parameter `{name}`; {known}"))
            })?;
            values[place] = Some(value.into_owned());
        }
        Ok(values)
    }

    /// Whether the target is a limit of the machine, not a broker.
    #[must_use]
    pub fn is_limit(&self) -> bool {
        self.scheme().starts_with("limit+")
    }

    /// Opens the target without connecting to it.
    ///
    /// # Errors
    ///
    /// [`Failure::Unsupported`] if the adapter does not support a part of the URL.
    pub fn open(&self) -> Result<Arc<dyn Target>, Failure> {
        let scheme = SCHEMES.iter().find(|scheme| scheme.name == self.scheme());
        scheme.map_or_else(|| Err(Failure::Unsupported(unknown(self.scheme()))), |scheme| (scheme.open)(self))
    }
}

impl std::str::FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}; known are {}", known()))?;
        if SCHEMES.iter().any(|scheme| scheme.name == url.scheme()) {
            Ok(Self(url))
        } else {
            Err(unknown(url.scheme()))
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        if url.password().is_some() && url.set_password(Some("***")).is_err() {
            return f.write_str(self.scheme());
        }
        write!(f, "{url}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

fn unknown(scheme: &str) -> String {
    format!("there is no adapter for `{scheme}://`; known are {}", known())
}

/// The forms of the URLs of all adapters.
pub(crate) fn forms() -> impl Iterator<Item = &'static str> {
    SCHEMES.iter().map(|scheme| scheme.form)
}

fn known() -> String {
    forms().collect::<Vec<_>>().join(", ")
}
