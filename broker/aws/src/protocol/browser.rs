//! Requests that a web page causes in a browser. A broker without users takes any request, so it must tell those that a
//! program sends from those that a page sends which its visitor knows nothing of.
//!
//! Three ways lead from a page to a broker on the visitor's machine or network:
//!
//! 1. A form, an image or a script request with a simple content type (`text/plain`) is sent without a preflight. The
//!    page cannot read the answer, but the request has its effect.
//! 2. Any other request of a page is preceded by an `OPTIONS` request. The broker refuses that method, so the browser
//!    does not send the request itself.
//! 3. A name of the attacker's domain resolves to the broker's address (DNS rebinding). The page and the broker are
//!    then the same site for the browser. Only `Host` shows the foreign name.
//!
//! A page cannot set or remove `Sec-Fetch-*`, `Origin` and `Host`, and it can set but not remove `Accept-Language`.
//! Browsers send `Sec-Fetch-*` to loopback addresses and over HTTPS only, so their absence says nothing. The AWS SDKs
//! send none of these but `Host`; Node's `fetch` sends `Accept-Language: *` with `Sec-Fetch-Mode`, and no
//! `Sec-Fetch-Site`, which every browser sends with it. `User-Agent` is not considered: a page can change it.

use core::net::Ipv4Addr;

use http::Method;
use http::header::{ACCEPT_LANGUAGE, COOKIE, HeaderName, ORIGIN, REFERER};
use http::request::Parts;

use super::fault::BrowserFault;
use super::form::Form;
use super::host::Host;
use super::public_url::PublicUrl;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The host names that a broker without users is called by.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts {
    /// In lower case. A name that begins with a dot stands for all names that end with it, and for the one without.
    listed: Vec<Box<str>>,
    public: Option<Box<str>>,
}

impl AllowedHosts {
    /// Those that the operator lists, in lower case (`.example.com` stands for that name and all below it), and the host
    /// of the public URL.
    #[must_use]
    pub fn new(listed: Vec<Box<str>>, public_url: Option<&PublicUrl>) -> Self {
        Self { listed, public: public_url.map(|url| url.host().to_ascii_lowercase().into()) }
    }

    /// Whether a browser sent the request to a name that may be an attacker's: DNS rebinding. False where the host is
    /// malformed.
    #[must_use]
    pub fn is_rebound(&self, parts: &Parts) -> bool {
        Host::of(parts).is_ok_and(|host| Sender::of(parts, host).is_browser() && !self.is_own(host))
    }

    /// Which page, if any, a request was sent for. Of a request whose host is malformed that is not known.
    #[must_use]
    pub fn sent_for(parts: &Parts) -> SentFor {
        match Host::of(parts).map(|host| Sender::of(parts, host)) {
            Ok(Sender::Program) => SentFor::Program,
            Ok(Sender::Browser(Page::Same)) => SentFor::OwnPage,
            Ok(Sender::Browser(Page::Other(_))) => SentFor::OtherPage,
            Ok(Sender::Browser(Page::Unknown)) | Err(_) => SentFor::UnknownPage,
        }
    }

    /// Checks a request to a broker without users.
    pub(crate) fn check(&self, parts: &Parts, host: Host<'_>) -> Result<(), BrowserFault> {
        if !self.listed.is_empty() && !is_address(host) && !self.names(host) {
            return Err(BrowserFault::HostNotAllowed);
        }
        let fault = match Sender::of(parts, host) {
            Sender::Program => return Ok(()),
            Sender::Browser(Page::Same) if self.is_own(host) => return Ok(()),
            Sender::Browser(Page::Same) => BrowserFault::ForeignHost,
            Sender::Browser(Page::Other(header)) => BrowserFault::OtherSite(header),
            Sender::Browser(Page::Unknown) => BrowserFault::UnknownSite,
        };
        if bears_a_secret(parts) { Ok(()) } else { Err(fault) }
    }

    /// Whether nobody but the operator of the broker or of its network can have given the name to the broker.
    fn is_own(&self, host: Host<'_>) -> bool {
        is_address(host) || is_private(host) || self.names(host)
    }

    /// Whether the name is listed, or that of the public URL.
    fn names(&self, host: Host<'_>) -> bool {
        let name = name(host);
        let listed = |listed: &str| match listed.strip_prefix('.') {
            Some(domain) => ends_with(name, domain),
            None => name.eq_ignore_ascii_case(listed),
        };
        self.public.as_deref().is_some_and(listed) || self.listed.iter().any(|entry| listed(entry))
    }
}

/// What a request was sent for, as far as a page cannot change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentFor {
    /// A program that is no browser.
    Program,
    /// A page of the host that the request names, or the user, who entered the address.
    OwnPage,
    /// A page of another host.
    OtherPage,
    /// A page, and the browser does not say which: a read over plain HTTP. A browser names the page of each change.
    UnknownPage,
}

/// What sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sender {
    Program,
    Browser(Page),
}

/// The page that a browser sent a request for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Page {
    /// One that has the request's own host, or none: the user entered the address.
    Same,
    /// One of another host, as this header says.
    Other(&'static str),
    /// The browser does not say.
    Unknown,
}

impl Sender {
    fn of(parts: &Parts, host: Host<'_>) -> Self {
        let headers = &parts.headers;
        let mut sites = headers.get_all(SEC_FETCH_SITE).into_iter().peekable();
        if sites.peek().is_some() {
            let same = sites.all(|site| matches!(site.as_bytes(), b"same-origin" | b"none"));
            return Self::Browser(if same { Page::Same } else { Page::Other("Sec-Fetch-Site") });
        }
        let mut origins = headers.get_all(ORIGIN).into_iter().peekable();
        if origins.peek().is_some() {
            let of_host =
                |origin: &str| origin.split_once("://").is_some_and(|(_, authority)| authority == host.as_str());
            let same = origins.all(|origin| origin.to_str().is_ok_and(of_host));
            return Self::Browser(if same { Page::Same } else { Page::Other("Origin") });
        }
        if !headers.contains_key(SEC_FETCH_MODE)
            && [ACCEPT_LANGUAGE, COOKIE, REFERER].iter().any(|name| headers.contains_key(name))
        {
            return Self::Browser(Page::Unknown);
        }
        Self::Program
    }

    fn is_browser(self) -> bool {
        self != Self::Program
    }
}

/// Whether a request is one of the two that notifications and e-mails offer as links. The token of the one and the
/// random part of the subscription's ARN in the other are secrets, which a page of another site does not have.
fn bears_a_secret(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    parts.method == Method::GET
        && Form::parse(query.as_bytes(), b"")
            .is_ok_and(|form| matches!(form.get("Action"), Some("ConfirmSubscription" | "Unsubscribe")))
}

fn name(host: Host<'_>) -> &str {
    host.name().trim_end_matches('.')
}

/// Whether a host is a literal address or the loopback name, which no attacker's name server answers for.
fn is_address(host: Host<'_>) -> bool {
    let name = name(host);
    name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok() || ends_with(name, "localhost")
}

/// Whether a name cannot be in the public domain name system: one label, such as a service of Docker Compose, or below
/// a name that is reserved for private use (RFC 6761, RFC 6762, RFC 8375, and ICANN's resolution on `internal`).
fn is_private(host: Host<'_>) -> bool {
    let name = name(host);
    !name.contains('.') || ["home.arpa", "internal", "local", "test"].iter().any(|domain| ends_with(name, domain))
}

/// Whether a name is a domain or below it.
fn ends_with(name: &str, domain: &str) -> bool {
    let Some(at) = name.len().checked_sub(domain.len()) else { return false };
    let (before, end) = name.as_bytes().split_at(at);
    end.eq_ignore_ascii_case(domain.as_bytes()) && matches!(before, [] | [.., b'.'])
}

#[cfg(test)]
mod tests;
