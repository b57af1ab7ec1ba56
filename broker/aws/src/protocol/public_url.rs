//! Where the broker is reached, as its operator says it.

use core::fmt;
use core::str::FromStr;

use super::host::Host;

/// What URLs that the broker forms start with: `https://queues.example.com`, perhaps with a port and a path, and without
/// a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Box<str>);

/// A text that cannot be the start of URLs.
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

    /// Slashes at the end of `text` are dropped.
    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let text = text.trim_end_matches('/');
        let scheme = text.starts_with("http://") || text.starts_with("https://");
        let (host, path) = split(text);
        let printable = path.bytes().all(|b| b.is_ascii_graphic() && !b"?#@\"<>\\^`{|}".contains(&b));
        if !scheme || Host::parse(host).is_none() || !printable || path.contains("//") {
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
    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without its port; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        Host::parse(split(&self.0).0).expect("it has been parsed").name().trim_matches(['[', ']'])
    }

    /// What stands behind the host: nothing, or `/some/path`.
    pub(crate) fn path(&self) -> &str {
        split(&self.0).1
    }
}

/// Host (with port) and path of a URL; without a scheme all of it is path.
pub(crate) fn split(url: &str) -> (&str, &str) {
    const AFTER_SCHEME: &str = "://";
    let mut colons = memchr::memchr_iter(b':', url.as_bytes());
    match colons.find(|colon| url[*colon..].starts_with(AFTER_SCHEME)) {
        Some(colon) => {
            let rest = &url[colon + AFTER_SCHEME.len()..];
            memchr::memchr(b'/', rest.as_bytes()).map_or((rest, ""), |slash| rest.split_at(slash))
        }
        None => ("", url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_urls() {
        for (text, parts) in [
            ("http://localhost:9324", Some(("localhost", ""))),
            ("https://queues.example.com/", Some(("queues.example.com", ""))),
            ("https://queues.example.com/a/b//", Some(("queues.example.com", "/a/b"))),
            ("http://[::1]:9324/a", Some(("::1", "/a"))),
            ("queues.example.com", None),
            ("ftp://queues.example.com", None),
            ("http://", None),
            ("http://:80", None),
            ("http://h:x", None),
            ("http://a b", None),
            ("http://a?b", None),
            ("http://a/b?c", None),
            ("http://a/b//c", None),
            ("http://user@a", None),
        ] {
            let url = text.parse::<PublicUrl>();
            assert_eq!(url.as_ref().ok().map(|url| (url.host(), url.path())), parts, "{text}");
        }
    }
}
