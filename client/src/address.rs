//! The addresses of a broker, as one URL: `posthouse://a.example,b.example:9400`.

use std::fmt;

use crate::error::{Error, ErrorKind, Result};

/// The port of the native protocol, on TCP and UDP.
pub(crate) const PORT_DEFAULT: u16 = 9326;

/// The most addresses of one URL. A cluster has three to seven members.
const ADDRESSES_MAX: usize = 64;

/// How frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// `posthouse://`
    Tcp,
    /// `posthouse+tls://`
    Tls,
    /// `posthouse+quic://`
    Quic,
}

impl Transport {
    fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "posthouse",
            Self::Tls => "posthouse+tls",
            Self::Quic => "posthouse+quic",
        }
    }
}

/// A host name or IP address, with a port. An IPv6 address is held without brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl Address {
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; `None` if it is none of these.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                match after {
                    "" => (host, None),
                    after => (host, Some(after.strip_prefix(':')?)),
                }
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(allowed) {
            return None;
        }
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port != 0)?,
            None => PORT_DEFAULT,
        };
        Some(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reads a URL: the transport by its scheme, and one to [`ADDRESSES_MAX`] addresses with commas between them.
///
/// # Errors
///
/// [`ErrorKind::InvalidArgument`], with the part that is wrong. A URL with credentials in it is refused, because URLs
/// end up in logs.
pub(crate) fn parse_url(url: &str) -> Result<(Transport, Vec<Address>)> {
    let invalid = |text: String| Error::new(ErrorKind::InvalidArgument, text);
    let (scheme, rest) = url.split_once("://").ok_or_else(|| {
        invalid(format!("{url:?} has no scheme: write posthouse://host, posthouse+tls://host or posthouse+quic://host"))
    })?;
    let transports = [Transport::Tcp, Transport::Tls, Transport::Quic];
    let transport = transports
        .into_iter()
        .find(|transport| transport.scheme() == scheme)
        .ok_or_else(|| invalid(format!("unknown scheme {scheme:?}: posthouse, posthouse+tls or posthouse+quic")))?;
    let hosts = rest.strip_suffix('/').unwrap_or(rest);
    if hosts.contains('@') {
        return Err(invalid("credentials are not part of the URL: use ClientBuilder::credentials".to_owned()));
    }
    let addresses = hosts
        .split(',')
        .map(|host| {
            Address::parse(host.trim()).ok_or_else(|| invalid(format!("{host:?} is no host with an optional port")))
        })
        .collect::<Result<Vec<_>>>()?;
    if addresses.len() > ADDRESSES_MAX {
        return Err(invalid(format!("{} addresses are more than {ADDRESSES_MAX}", addresses.len())));
    }
    Ok((transport, addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        match parse_url(url) {
            Ok((transport, addresses)) => {
                let addresses: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                format!("{transport:?} {}", addresses.join(" "))
            }
            Err(error) => format!("{:?}", error.kind()),
        }
    }

    #[test]
    fn urls_name_a_transport_and_addresses() {
        for (url, expected) in [
            ("posthouse://127.0.0.1:9326", "Tcp 127.0.0.1:9326"),
            ("posthouse://a.example, b.example:9400,c", "Tcp a.example:9326 b.example:9400 c:9326"),
            ("posthouse+tls://queues.example/", "Tls queues.example:9326"),
            ("posthouse+quic://[::1]:4433,[2001:db8::1]", "Quic [::1]:4433 [2001:db8::1]:9326"),
        ] {
            assert_eq!(shown(url), expected, "{url}");
        }
    }

    #[test]
    fn other_urls_are_refused() {
        for url in [
            "",
            "127.0.0.1:9326",
            "http://127.0.0.1",
            "posthouse://",
            "posthouse://a,,b",
            "posthouse://a:0",
            "posthouse://a:65536",
            "posthouse://a:b:c",
            "posthouse://::1",
            "posthouse://[::1",
            "posthouse://[::1]9326",
            "posthouse://[a]:1",
            "posthouse://key:secret@a",
            "posthouse://a/queue",
            "posthouse://a b",
        ] {
            assert_eq!(shown(url), "InvalidArgument", "{url}");
        }
    }
}
