//! Where a request was sent to: the host that the client names, in the `Host` header or, in HTTP/2 and in a request line
//! with an absolute URL, as the URL's authority.
//!
//! A [`Host`] goes into URLs that clients receive. It therefore holds a name or an address, with a port or without, and
//! no other character. A request whose host is anything else is refused.

use core::fmt;

use http::Version;
use http::header::HOST;
use http::request::Parts;
use posthouse_model::Region;

use super::TransportFault;
use super::fault::ProtocolFault;

/// Bytes of a host without its port: the longest name of the domain name system.
const NAME_BYTES_MAX: usize = 253;

/// The sentence for a request whose host is none. It does not quote the header.
const INVALID: &str = "The Host header must be one host name or IP address, with a port or without.";
/// The sentence for a request of HTTP/2 that names two hosts.
const TWO_NAMES: &str = "The Host header must name the host that :authority names.";

/// How the URLs of a request's answer begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// The request came in the clear.
    Http,
    /// The request came over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A host name, an IPv4 address or an IPv6 address in brackets, perhaps with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host<'a>(&'a str);

impl<'a> Host<'a> {
    /// The host of a request that names none, as HTTP/1.0 permits.
    pub(crate) const UNNAMED: Self = Self("localhost");

    /// The host of a request. Every request of HTTP/1.1 has one in its one `Host` header, also where its URL names a
    /// host (RFC 9112, section 3.2). One of HTTP/2 has it in `:authority`, in `Host`, or in both alike (RFC 9113,
    /// section 8.3.1). One of HTTP/1.0 may name none: it has [`Host::UNNAMED`].
    ///
    /// # Errors
    /// `InvalidHttpRequest` where it names none and must, where it names two, or what cannot be a host.
    pub(crate) fn of(parts: &'a Parts) -> Result<Self, ProtocolFault> {
        let refused = |sentence| ProtocolFault::from(TransportFault::BadRequest(sentence));
        let parse = |text| Self::parse(text).ok_or_else(|| refused(INVALID));
        let mut headers = parts.headers.get_all(HOST).into_iter();
        let header = match (headers.next(), headers.next()) {
            (None, _) => None,
            (Some(host), None) => Some(host.to_str().map_err(|_| refused(INVALID))?),
            (Some(_), Some(_)) => return Err(refused(INVALID)),
        };
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        match (header, authority) {
            (Some(header), Some(authority)) if parts.version == Version::HTTP_2 && header != authority => {
                Err(refused(TWO_NAMES))
            }
            (None | Some(""), None) if parts.version < Version::HTTP_11 => Ok(Self::UNNAMED),
            (None, Some(authority)) if parts.version != Version::HTTP_11 => parse(authority),
            (Some(header), _) => parse(header),
            (None, _) => Err(refused(INVALID)),
        }
    }

    /// The host that `text` is, if it is one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (name, port) = split_port(text);
        let port = port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok());
        (port && is_name(name)).then_some(Self(text))
    }

    /// As the request has it, with its port.
    pub(crate) const fn as_str(self) -> &'a str {
        self.0
    }

    /// The host without its port.
    pub(crate) fn name(self) -> &'a str {
        split_port(self.0).0
    }

    /// The region that the host's name says, as AWS's endpoints of both services do.
    pub(crate) fn region(self) -> Option<Region> {
        region_of_host(self.0)
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Name and port of a host. The brackets of an IPv6 address stay with the name.
fn split_port(host: &str) -> (&str, Option<&str>) {
    let name_bytes = host.find(']').map_or(0, |end| end + 1);
    match host[name_bytes..].split_once(':') {
        Some((rest, port)) => (&host[..name_bytes + rest.len()], Some(port)),
        None => (host, None),
    }
}

fn is_name(name: &str) -> bool {
    if let Some(address) = name.strip_prefix('[') {
        return address.strip_suffix(']').is_some_and(|address| address.parse::<core::net::Ipv6Addr>().is_ok());
    }
    // The underscore is in no host name by the standard, but in those of container networks.
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    fits && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

/// The region in a host of the shape of AWS's endpoints, whatever its domain and port: `sqs.REGION.…`, `sns.REGION.…`,
/// the older `REGION.queue.…`, and AWS's `queue.amazonaws.com`, which is that of `us-east-1`.
pub(crate) fn region_of_host(host: &str) -> Option<Region> {
    const SERVICES: [&str; 4] = ["sqs", "sqs-fips", "sns", "sns-fips"];
    let (name, _) = split_port(host);
    if name == "queue.amazonaws.com" {
        return "us-east-1".parse().ok();
    }
    let mut labels = name.split('.').peekable();
    while let Some(label) = labels.next() {
        let region = match (label, labels.peek()) {
            (label, Some(next)) if SERVICES.contains(&label) => next,
            (label, Some(&"queue")) => label,
            _ => continue,
        };
        return Some(region).filter(|region| is_aws_region(region))?.parse().ok();
    }
    None
}

/// Whether a label has the shape of AWS's regions: words of letters and a number, joined by hyphens. A host name of
/// another kind, such as `sqs.example.com`, says no region.
pub(crate) fn is_aws_region(label: &str) -> bool {
    let Some((words, number)) = label.rsplit_once('-') else { return false };
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    words.contains('-') && words.split('-').all(is_word) && matches!(number.as_bytes(), [b'0'..=b'9'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str], uri: &str) -> Option<String> {
        of_version(Version::HTTP_11, headers, uri)
    }

    fn of_version(version: Version, headers: &[&str], uri: &str) -> Option<String> {
        let mut request = http::Request::get(uri).version(version);
        for header in headers {
            request = request.header(HOST, *header);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        Host::of(&parts).ok().map(|host| host.to_string())
    }

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
        for host in [
            "localhost",
            "localhost:9324",
            "Queues.Example.com.",
            "broker_1:80",
            "127.0.0.1:9324",
            "[::1]",
            "[::1]:9324",
            "h:",
        ] {
            assert_eq!(of(&[host], "/").as_deref(), Some(host));
        }
        let long = "h".repeat(254);
        for host in [
            "a b",
            "a/b",
            "a,b",
            "user@h",
            "h?x",
            "h#x",
            "\"><script>",
            "h:http",
            "h:99999",
            "h:1:2",
            ":9324",
            "[::1",
            "::1",
            "[h]",
            "[::1]x",
            "%41",
            "\u{fc}",
            "\\",
            "h\t",
            &long,
        ] {
            assert_eq!(of(&[host], "/"), None, "{host}");
        }
        assert_eq!(of(&["a", "b"], "/"), None, "one of two would be a guess");
        assert_eq!(of(&["a", "a"], "/"), None);
    }

    #[test]
    fn each_version_of_http_names_the_host_in_its_own_way() {
        for (version, headers, uri, host) in [
            (Version::HTTP_11, &["other"][..], "http://h:80/", Some("other")),
            (Version::HTTP_11, &[], "http://h:80/", None),
            (Version::HTTP_11, &[], "/", None),
            (Version::HTTP_11, &[""], "/", None),
            (Version::HTTP_10, &[], "/", Some("localhost")),
            (Version::HTTP_10, &[""], "/", Some("localhost")),
            (Version::HTTP_10, &["h"], "/", Some("h")),
            (Version::HTTP_10, &["a", "b"], "/", None),
            (Version::HTTP_2, &[], "http://h:80/", Some("h:80")),
            (Version::HTTP_2, &["h:80"], "http://h:80/", Some("h:80")),
            (Version::HTTP_2, &["other"], "http://h:80/", None),
            (Version::HTTP_2, &["h"], "/", Some("h")),
            (Version::HTTP_2, &[], "http://user@h/", None),
            (Version::HTTP_2, &[], "/", None),
        ] {
            assert_eq!(of_version(version, headers, uri).as_deref(), host, "{version:?} {headers:?} {uri}");
        }
    }

    #[test]
    fn a_host_says_its_region_as_those_of_aws_do() {
        for (host, region) in [
            ("sqs.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("sqs.eu-west-1.amazonaws.com:443", Some("eu-west-1")),
            ("sqs.eu-west-1.localhost:9324", Some("eu-west-1")),
            ("sqs-fips.us-gov-west-1.amazonaws.com", Some("us-gov-west-1")),
            ("sqs.eu-west-1.api.aws", Some("eu-west-1")),
            ("sqs.cn-north-1.amazonaws.com.cn", Some("cn-north-1")),
            ("sns.eu-west-1.amazonaws.com", Some("eu-west-1")),
            ("eu-west-1.queue.amazonaws.com", Some("eu-west-1")),
            ("eu-west-1.queue.localhost:9324", Some("eu-west-1")),
            ("vpce-1-a.sqs.eu-west-1.vpce.amazonaws.com", Some("eu-west-1")),
            ("queue.amazonaws.com", Some("us-east-1")),
            ("queue.example.com", None),
            ("sqs.example.com", None),
            ("sqs.host-1.example.com", None),
            ("my.queue.example.com", None),
            ("eu-west-1.example.com", None),
            ("sqs", None),
            ("localhost:9324", None),
            ("[::1]:9324", None),
            ("", None),
        ] {
            assert_eq!(region_of_host(host).as_ref().map(Region::as_str), region, "{host}");
        }
    }
}
