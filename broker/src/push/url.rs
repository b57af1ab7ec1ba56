//! The URL of an endpoint, parsed into the parts that a request needs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use http::uri::PathAndQuery;

/// An `http://` or `https://` URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    secure: bool,
    host: Box<str>,
    port: u16,
    /// Host and port as the `Host` header has them.
    authority: Box<str>,
    /// `user:password`, percent-decoded.
    credentials: Option<Box<[u8]>>,
    target: Uri,
}

impl Url {
    /// Parses a URL; `None` if it is none, or its scheme is neither `http` nor `https`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        // A client does not send the fragment.
        let uri: Uri = text.split('#').next().unwrap_or_default().parse().ok()?;
        let secure = match uri.scheme_str()? {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        let authority = uri.authority()?.as_str();
        let (user, place) = authority.rsplit_once('@').map_or((None, authority), |(user, place)| (Some(user), place));
        let host = uri.host().filter(|host| !host.is_empty())?;
        let port = match place.strip_prefix(host)?.strip_prefix(':') {
            None | Some("") => {
                if secure {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
        };
        let target = uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
        Some(Self {
            secure,
            host: host.trim_start_matches('[').trim_end_matches(']').into(),
            port,
            authority: place.trim_end_matches(':').into(),
            credentials: user.map(percent_decode),
            target: Uri::from(target),
        })
    }

    /// Whether the scheme is `https`.
    pub(super) const fn is_secure(&self) -> bool {
        self.secure
    }

    /// A name, or an address without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// The value of the `Host` header.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    /// `user:password`
    pub(super) fn credentials(&self) -> Option<&[u8]> {
        self.credentials.as_deref()
    }

    /// Path and query, as the request line has them.
    pub(super) const fn target(&self) -> &Uri {
        &self.target
    }
}

/// The `Authorization` header of credentials.
pub(super) fn base64_credentials(credentials: &[u8]) -> String {
    format!("Basic {}", STANDARD.encode(credentials))
}

fn percent_decode(text: &str) -> Box<[u8]> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |index: usize| after.get(index).and_then(|digit| char::from(*digit).to_digit(16));
        let value = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        match value.filter(|_| byte == b'%') {
            Some(value) => {
                decoded.push(value);
                rest = &after[2..];
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        for (text, host, port, authority, target, credentials) in [
            ("http://example.com", "example.com", 80, "example.com", "/", None),
            ("https://example.com/a/b?c=d#e", "example.com", 443, "example.com", "/a/b?c=d", None),
            ("http://example.com:8080?x", "example.com", 8080, "example.com:8080", "/?x", None),
            ("HTTP://Example.com:/", "Example.com", 80, "Example.com", "/", None),
            ("https://[::1]:8443/", "::1", 8443, "[::1]:8443", "/", None),
            ("http://[fe80::1]/", "fe80::1", 80, "[fe80::1]", "/", None),
            ("http://ann:s%3Ae%20c@h/", "h", 80, "h", "/", Some("ann:s:e c")),
            ("http://ann@h:1/", "h", 1, "h:1", "/", Some("ann")),
            ("http://a:%zz%4@h/", "h", 80, "h", "/", Some("a:%zz%4")),
        ] {
            let url = Url::parse(text).expect(text);
            assert_eq!((url.host(), url.port(), url.authority()), (host, port, authority), "{text}");
            assert_eq!(url.target().to_string(), target, "{text}");
            assert_eq!(url.credentials(), credentials.map(str::as_bytes), "{text}");
            assert_eq!(url.is_secure(), text.to_ascii_lowercase().starts_with("https"), "{text}");
        }
        for text in
            ["", "example.com", "ftp://a/", "http://", "http:///x", "http://a:0/", "http://a:99999/", "http://a b/"]
        {
            assert_eq!(Url::parse(text), None, "{text}");
        }
        assert_eq!(base64_credentials(b"Aladdin:open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
