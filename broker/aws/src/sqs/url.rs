//! Queue URLs: how they are formed and which forms are understood.
//!
//! Formed as `{base}/{region}/{account}/{name}`, so that no two queues share one. Understood, wherever host they name:
//! that form, and AWS's own `{account}/{name}`, whose region is in an AWS host (`sqs.eu-west-1.amazonaws.com`) or else
//! the caller's.

use core::fmt;
use core::str::FromStr;

use http::header::HOST;
use http::request::Parts;
use posthouse_model::{Fault, QueueAddress, Region};

use crate::protocol::fault::ProtocolFault;
use crate::protocol::refusal::Refusal;
use crate::protocol::text::excerpt;

/// What queue URLs start with, where that is configured: `https://queues.example.com`, perhaps with a port and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Box<str>);

/// A text that cannot be the base of queue URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPublicUrl;

impl fmt::Display for InvalidPublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a public URL is http:// or https://, a host, and perhaps a port and a path")
    }
}

impl core::error::Error for InvalidPublicUrl {}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let text = text.trim_end_matches('/');
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).ok_or(InvalidPublicUrl)?;
        let host = rest.split('/').next().unwrap_or_default();
        let printable = rest.bytes().all(|b| b.is_ascii_graphic() && !b"?#@\"<>\\^`{|}".contains(&b));
        if !printable || host.is_empty() || host.starts_with(':') || rest.contains("//") {
            return Err(InvalidPublicUrl);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PublicUrl {
    /// What stands between the host and the region: nothing, or `/some/path`.
    pub(super) fn path(&self) -> &str {
        split(&self.0).1
    }
}

/// What the URLs in an answer start with: the configured base, or where the request was sent to.
pub(super) fn base(public: Option<&PublicUrl>, parts: &Parts, secure: bool) -> Box<str> {
    match public {
        Some(public) => public.0.clone(),
        None => format!("http{}://{}", if secure { "s" } else { "" }, host(parts).unwrap_or("localhost")).into(),
    }
}

/// The host that a request was sent to, with its port.
pub(super) fn host(parts: &Parts) -> Option<&str> {
    match parts.headers.get(HOST) {
        Some(host) => host.to_str().ok().filter(|host| !host.is_empty()),
        None => parts.uri.authority().map(http::uri::Authority::as_str),
    }
}

/// The queue's URL.
pub(super) fn format(base: &str, queue: &QueueAddress) -> String {
    format!("{base}/{}/{}/{}", queue.region, queue.account, queue.name)
}

/// The queue that a URL names.
pub(super) fn parse(url: &str, prefix: &str, caller: &Region) -> Result<QueueAddress, Refusal> {
    let (host, path) = split(url);
    parse_path(host, path, prefix, caller)
        .ok_or_else(|| Refusal::from(ProtocolFault::InvalidAddress(excerpt(url).into())))?
}

/// The queue that the path of a request names, if it names one.
pub(super) fn parse_path(
    host: &str,
    path: &str,
    prefix: &str,
    caller: &Region,
) -> Option<Result<QueueAddress, Refusal>> {
    let path = path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')).unwrap_or(path);
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/');
    let (first, second, third) = (segments.next()?, segments.next()?, segments.next());
    if segments.next().is_some() {
        return None;
    }
    let (region, account, name) = match third {
        Some(third) => (first.parse().ok()?, second, third),
        None => (aws_region(host).unwrap_or_else(|| caller.clone()), first, second),
    };
    let account = account.parse().ok()?;
    // What is shaped like a queue's URL but cannot be a queue's name is a queue that does not exist.
    let name = name.parse().map_err(|_| Fault::QueueDoesNotExist.into());
    Some(name.map(|name| QueueAddress { region, account, name }))
}

/// Host (with port) and path of a URL; without a scheme all of it is path.
fn split(url: &str) -> (&str, &str) {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash)),
        None => ("", url),
    }
}

/// The region in one of AWS's host names: `sqs.REGION.amazonaws.com`, and the older `REGION.queue.amazonaws.com` and
/// `queue.amazonaws.com`.
fn aws_region(host: &str) -> Option<Region> {
    let host = host.split(':').next().unwrap_or_default();
    let service = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"].iter().find_map(|end| host.strip_suffix(end))?;
    let labels: Vec<&str> = service.split('.').collect();
    match labels[..] {
        ["queue"] => "us-east-1".parse().ok(),
        [region, "queue"] => region.parse().ok(),
        // An endpoint in a private network has its own name in front and `vpce` behind.
        [.., "sqs" | "sqs-fips", region] | [.., "sqs", region, "vpce"] => region.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let caller: Region = "caller-region-1".parse().expect("valid");
        let parse = |url: &str, prefix: &str| match parse(url, prefix, &caller) {
            Ok(address) => address.to_string(),
            Err(Refusal::Fault(fault)) => fault.name().into(),
            Err(Refusal::Protocol(fault)) => fault.to_string(),
        };
        let there = "arn:aws:sqs:eu-west-1:123456789012:q.fifo";
        let here = "arn:aws:sqs:caller-region-1:123456789012:q.fifo";
        for (url, expected) in [
            ("http://localhost:9324/eu-west-1/123456789012/q.fifo", there),
            ("https://elsewhere/eu-west-1/123456789012/q.fifo", there),
            ("http://localhost:9324/123456789012/q.fifo", here),
            ("https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo", there),
            ("https://sqs.eu-west-1.amazonaws.com:443/123456789012/q.fifo", there),
            ("https://sqs-fips.eu-west-1.amazonaws.com/123456789012/q.fifo", there),
            ("https://sqs.eu-west-1.api.aws/123456789012/q.fifo", there),
            ("https://eu-west-1.queue.amazonaws.com/123456789012/q.fifo", there),
            ("https://vpce-1-a.sqs.eu-west-1.vpce.amazonaws.com/123456789012/q.fifo", there),
            ("https://queue.amazonaws.com/123456789012/q", "arn:aws:sqs:us-east-1:123456789012:q"),
            ("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "arn:aws:sqs:cn-north-1:123456789012:q"),
            ("/123456789012/q.fifo", here),
            ("123456789012/q.fifo", here),
            ("http://h/123456789012/not%20a%20name", "QueueDoesNotExist"),
            ("http://h/123456789012/", "QueueDoesNotExist"),
        ] {
            assert_eq!(parse(url, ""), expected, "{url}");
        }
        for malformed in [
            "",
            "q",
            "http://h",
            "http://h/",
            "http://h/q",
            "http://h/12345/q",
            "http://h/EU/123456789012/q",
            "http://h/123456789012/123456789012/q",
            "http://h/a/eu-west-1/123456789012/q",
            "http://h/eu-west-1/123456789012/q/",
        ] {
            assert_eq!(parse(malformed, ""), format!("The address {malformed} is not valid for this endpoint."));
        }
        assert_eq!(parse("http://h/a/b/eu-west-1/123456789012/q.fifo", "/a/b"), there);
        assert_eq!(parse("http://h/eu-west-1/123456789012/q.fifo", "/a/b"), there);
    }

    #[test]
    fn public_urls() {
        for (text, path) in [
            ("http://localhost:9324", Some("")),
            ("https://queues.example.com/", Some("")),
            ("https://queues.example.com/a/b/", Some("/a/b")),
            ("queues.example.com", None),
            ("ftp://queues.example.com", None),
            ("http://", None),
            ("http://:80", None),
            ("http://a b", None),
            ("http://a?b", None),
        ] {
            let url = text.parse::<PublicUrl>();
            assert_eq!(url.as_ref().ok().map(PublicUrl::path), path, "{text}");
        }
    }

    #[test]
    fn a_formed_url_is_understood_and_two_queues_never_share_one() {
        let caller: Region = "caller-region-1".parse().expect("valid");
        let mut seen = std::collections::BTreeSet::new();
        for base in ["http://h", "https://h/123456789012/q"] {
            let public: PublicUrl = base.parse().expect("valid");
            for region in ["us-east-1", "eu-west-1"] {
                for account in ["000000000000", "123456789012"] {
                    for name in ["q", "q.fifo", "us-east-1"] {
                        let address: QueueAddress =
                            format!("arn:aws:sqs:{region}:{account}:{name}").parse().expect("valid");
                        let url = format(base, &address);
                        assert_eq!(parse(&url, public.path(), &caller), Ok(address));
                        assert!(seen.insert(url));
                    }
                }
            }
        }
    }
}
