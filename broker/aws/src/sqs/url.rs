//! Queue URLs: how they are formed and which forms are understood.
//!
//! Formed as `{base}/{account}/{name}`, as AWS forms them: clients count the segments, or take account and name by
//! position. The region is that of the request. Two queues that differ in their region alone therefore share a URL, as
//! far as one host serves both regions.
//!
//! Understood, whatever host they name:
//!
//! ```text
//! {name}    {account}/{name}    {region}/{account}/{name}
//! ```
//!
//! each as a whole URL or as a path, with or without `queue/` in front and a slash at its end. What is left out is the
//! caller's. A region in the path is part of the queue's name and is believed before the request's signature. A region
//! in the host's name is believed where the request's signature names none.

use compact_str::CompactString;
use posthouse_model::{AccountId, QueueAddress, Region};

use crate::protocol::host::{Host, Scheme};
use crate::protocol::public_url::{PublicUrl, split};
use crate::protocol::text;

/// What the URLs in an answer start with, without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlBase(CompactString);

impl UrlBase {
    /// Where a request was sent to.
    pub(super) fn of_request(scheme: Scheme, host: Host<'_>) -> Self {
        let mut base = CompactString::const_new(scheme.as_str());
        base.push_str("://");
        base.push_str(host.as_str());
        Self(base)
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The queue's URL.
    pub(super) fn queue_url(&self, queue: &QueueAddress) -> String {
        format!("{}/{}/{}", self.0, queue.account, queue.name)
    }
}

impl From<&PublicUrl> for UrlBase {
    fn from(url: &PublicUrl) -> Self {
        Self(url.as_str().into())
    }
}

/// A queue as a URL or a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NamedQueue<'a> {
    /// The region in the path.
    pub(super) region: Option<Region>,
    /// The host, with its port; empty where a path stands for a URL.
    pub(super) host: &'a str,
    pub(super) account: Option<AccountId>,
    /// Not checked to be a queue's name.
    pub(super) name: &'a str,
}

impl<'a> NamedQueue<'a> {
    /// The queue that a URL or a path names; `None` where it has no queue in it. `prefix` is the path of the configured
    /// public URL, which may stand in front.
    pub(super) fn parse(url: &'a str, prefix: &str) -> Option<Self> {
        let (host, path) = split(url);
        let path = path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path);
        let mut segments = text::split(path, b'/').filter(|segment| !segment.is_empty());
        // One more than the longest form has.
        let found: [&str; 5] = core::array::from_fn(|_| segments.next().unwrap_or_default());
        let count = found.iter().take_while(|segment| !segment.is_empty()).count();
        let segments = match &found[..count] {
            ["queue", rest @ ..] if !rest.is_empty() => rest,
            all => all,
        };
        let (region, account, name) = match *segments {
            [name] => (None, None, name),
            [account, name] => (None, Some(account.parse().ok()?), name),
            [region, account, name] => (Some(region.parse().ok()?), Some(account.parse().ok()?), name),
            _ => return None,
        };
        Some(Self { region, host, account, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::host::region_of_host;

    /// Region, region of the host, account and name, with a dash for what is not named.
    fn parse(url: &str, prefix: &str) -> String {
        let or_dash = |part: Option<String>| part.unwrap_or_else(|| "-".into());
        let region = |region: Option<Region>| or_dash(region.map(|region| region.to_string()));
        NamedQueue::parse(url, prefix).map_or("none".into(), |named| {
            let account = or_dash(named.account.map(|account| account.to_string()));
            format!("{} {} {account} {}", region(named.region), region(region_of_host(named.host)), named.name)
        })
    }

    #[test]
    fn urls() {
        for (url, expected) in [
            ("http://localhost:9324/123456789012/q.fifo", "- - 123456789012 q.fifo"),
            ("http://localhost:9324/123456789012/q.fifo/", "- - 123456789012 q.fifo"),
            ("http://localhost:9324//123456789012//q.fifo", "- - 123456789012 q.fifo"),
            ("https://elsewhere/eu-west-1/123456789012/q", "eu-west-1 - 123456789012 q"),
            ("https://elsewhere/queue/eu-west-1/123456789012/q/", "eu-west-1 - 123456789012 q"),
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/q", "- eu-west-1 123456789012 q"),
            ("https://sqs.eu-west-1.localhost:443/us-west-2/123456789012/q", "us-west-2 eu-west-1 123456789012 q"),
            ("https://eu-west-1.queue.localhost/123456789012/q", "- eu-west-1 123456789012 q"),
            ("http://h/queue/123456789012/q", "- - 123456789012 q"),
            ("http://h/123456789012/queue", "- - 123456789012 queue"),
            ("http://h/queue/q", "- - - q"),
            ("http://h/queue/queue", "- - - queue"),
            ("http://h/queue", "- - - queue"),
            ("http://h/q", "- - - q"),
            ("http://h/123456789012/", "- - - 123456789012"),
            ("/123456789012/q", "- - 123456789012 q"),
            ("123456789012/q", "- - 123456789012 q"),
            ("eu-west-1/123456789012/q", "eu-west-1 - 123456789012 q"),
            ("q", "- - - q"),
            ("q.fifo/", "- - - q.fifo"),
            ("http://h/123456789012/not%20a%20name", "- - 123456789012 not%20a%20name"),
            ("", "none"),
            ("/", "none"),
            ("http://h", "none"),
            ("http://h/", "none"),
            ("http://h/12345/q", "none"),
            ("http://h/EU/123456789012/q", "none"),
            ("http://h/123456789012/123456789012/q", "none"),
            ("http://h/a/eu-west-1/123456789012/q", "none"),
            ("http://h/queue/a/eu-west-1/123456789012/q", "none"),
            ("http://h/a/b/c/d/e/f", "none"),
        ] {
            assert_eq!(parse(url, ""), expected, "{url}");
        }
        assert_eq!(parse("http://h/a/b/123456789012/q", "/a/b"), "- - 123456789012 q");
        assert_eq!(parse("http://h/123456789012/q", "/a/b"), "- - 123456789012 q");
        assert_eq!(parse("http://h/a/bc/q", "/a/b"), "none");
    }

    #[test]
    fn a_formed_url_is_understood() {
        for base in ["http://h", "https://h/123456789012/q", "https://h/queue"] {
            let public: PublicUrl = base.parse().expect("valid");
            for account in ["000000000000", "123456789012"] {
                for name in ["q", "q.fifo", "us-east-1", "queue", "123456789012"] {
                    let address = format!("arn:aws:sqs:us-east-1:{account}:{name}").parse().expect("valid");
                    let url = UrlBase::from(&public).queue_url(&address);
                    assert_eq!(url, format!("{base}/{account}/{name}"));
                    assert_eq!(parse(&url, public.path()), format!("- - {account} {name}"));
                }
            }
        }
    }
}
