//! The signature as a request presents it, in the `Authorization` header or in the URL.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, DATE, HeaderName};
use http::request::Parts;

use super::date::AmzDate;
use super::scope::Scope;
use super::{ALGORITHM, AuthFault, EXPIRES_SECONDS_MAX};
use crate::protocol::text::{form_decode, hex_digit, split};

const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");

/// Where a signature stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignaturePlace {
    /// In the `Authorization` header.
    Header,
    /// In the query of a presigned URL.
    Url,
}

/// The parts of a signature.
pub(super) struct Presented<'a> {
    /// The credential.
    pub(super) scope: Scope<'a>,
    /// Names with semicolons between them.
    pub(super) signed_headers: Cow<'a, str>,
    pub(super) signature: [u8; 32],
    pub(super) date: AmzDate,
    /// How long after its date a presigned request lives.
    pub(super) expires_seconds: Option<u64>,
    /// Where it stands.
    pub(super) place: SignaturePlace,
}

impl<'a> Presented<'a> {
    /// The signature of a request, if it has one. The header wins over the URL.
    pub(super) fn find(parts: &'a Parts) -> Result<Option<Self>, AuthFault> {
        if let Some(value) = parts.headers.get(AUTHORIZATION) {
            let text = value.to_str().map_err(|_| AuthFault::incomplete("The Authorization header is not ASCII."))?;
            return Self::from_header(parts, text).map(Some);
        }
        let parameters = UrlParameters::of(parts);
        if parameters.is_signed() { Self::from_url(parameters).map(Some) } else { Ok(None) }
    }

    fn from_header(parts: &Parts, text: &'a str) -> Result<Self, AuthFault> {
        let fields = HeaderFields::of(text);
        let date = match parts.headers.get(X_AMZ_DATE) {
            Some(date) => AmzDate::parse(date.as_bytes()),
            None => parts
                .headers
                .get(DATE)
                .and_then(|date| AmzDate::parse(date.as_bytes()).or_else(|| AmzDate::parse_http(date.as_bytes()))),
        };
        match (fields, date) {
            (
                HeaderFields {
                    v4: true,
                    credential: Some(credential),
                    signed_headers: Some(headers),
                    signature: Some(s),
                },
                Some(date),
            ) => Ok(Self {
                signature: parse_signature(s)?,
                signed_headers: headers.into(),
                date,
                expires_seconds: None,
                place: SignaturePlace::Header,
                scope: Scope::parse(credential.into())?,
            }),
            (fields, date) => Err(fields.what_is_missing(date)),
        }
    }

    fn from_url(parameters: UrlParameters<'a>) -> Result<Self, AuthFault> {
        let UrlParameters { algorithm, credential, date, expires, signed_headers, signature } = parameters;
        if algorithm.as_deref() != Some(ALGORITHM) {
            return Err(AuthFault::incomplete(format!(
                "AWS query-string parameter X-Amz-Algorithm must be {ALGORITHM}."
            )));
        }
        let missing = |name: &str| AuthFault::incomplete(format!("AWS query-string parameters must include '{name}'."));
        let date = date.ok_or_else(|| missing("X-Amz-Date"))?;
        let expires_seconds = match expires {
            None => None,
            Some(text) => Some(
                text.parse().ok().filter(|seconds| (1..=EXPIRES_SECONDS_MAX).contains(seconds)).ok_or_else(|| {
                    AuthFault::incomplete(format!("X-Amz-Expires must be between 1 and {EXPIRES_SECONDS_MAX} seconds."))
                })?,
            ),
        };
        let credential = credential.ok_or_else(|| missing("X-Amz-Credential"))?;
        Ok(Self {
            signed_headers: signed_headers.ok_or_else(|| missing("X-Amz-SignedHeaders"))?,
            signature: parse_signature(&signature.ok_or_else(|| missing("X-Amz-Signature"))?)?,
            date: AmzDate::parse(date.as_bytes())
                .ok_or_else(|| AuthFault::incomplete("X-Amz-Date must be in the form YYYYMMDDTHHMMSSZ."))?,
            expires_seconds,
            place: SignaturePlace::Url,
            scope: Scope::parse(credential)?,
        })
    }
}

/// The credential alone, wherever the request has one, however malformed the rest is.
pub(super) fn credential(parts: &Parts) -> Option<Cow<'_, str>> {
    match parts.headers.get(AUTHORIZATION) {
        Some(value) => HeaderFields::of(value.to_str().ok()?).credential.map(Cow::Borrowed),
        None => UrlParameters::of(parts).credential,
    }
}

fn parse_signature(text: &str) -> Result<[u8; 32], AuthFault> {
    let malformed = || AuthFault::incomplete("Signature must be 64 hexadecimal digits.");
    let digits: &[u8; 64] = text.as_bytes().try_into().map_err(|_| malformed())?;
    let mut signature = [0; 32];
    for (byte, pair) in signature.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = hex_digit(pair[0]).zip(hex_digit(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(malformed)?;
    }
    Ok(signature)
}

/// `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`
#[derive(Default)]
struct HeaderFields<'a> {
    /// Whether the scheme is the one that is supported.
    v4: bool,
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> HeaderFields<'a> {
    fn of(text: &'a str) -> Self {
        let Some((ALGORITHM, rest)) = text.trim_start().split_once([' ', '\t']) else { return Self::default() };
        let mut fields = Self { v4: true, ..Self::default() };
        for (name, value) in split(rest, b',').filter_map(|field| field.trim().split_once('=')) {
            match name {
                "Credential" => fields.credential = Some(value),
                "SignedHeaders" => fields.signed_headers = Some(value),
                "Signature" => fields.signature = Some(value),
                _ => {}
            }
        }
        fields
    }

    /// AWS names each missing part in one sentence.
    fn what_is_missing(&self, date: Option<AmzDate>) -> AuthFault {
        if !self.v4 {
            return AuthFault::incomplete(format!("Authorization header requires the scheme {ALGORITHM}."));
        }
        let mut message = String::new();
        for (name, value) in
            [("Credential", self.credential), ("Signature", self.signature), ("SignedHeaders", self.signed_headers)]
        {
            if value.is_none() {
                message.push_str(&format!("Authorization header requires '{name}' parameter. "));
            }
        }
        if date.is_none() {
            message.push_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
        }
        AuthFault::incomplete(message.trim_end())
    }
}

/// The parameters of a presigned URL.
#[derive(Default)]
struct UrlParameters<'a> {
    algorithm: Option<Cow<'a, str>>,
    credential: Option<Cow<'a, str>>,
    date: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
    signed_headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
}

impl<'a> UrlParameters<'a> {
    fn of(parts: &'a Parts) -> Self {
        let mut parameters = Self::default();
        for pair in parts.uri.query().unwrap_or_default().split('&') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let Some(name) = form_decode(name.as_bytes()).ok().filter(|name| name.starts_with("X-Amz-")) else {
                continue;
            };
            let field = match &*name {
                "X-Amz-Algorithm" => &mut parameters.algorithm,
                "X-Amz-Credential" => &mut parameters.credential,
                "X-Amz-Date" => &mut parameters.date,
                "X-Amz-Expires" => &mut parameters.expires,
                "X-Amz-SignedHeaders" => &mut parameters.signed_headers,
                "X-Amz-Signature" => &mut parameters.signature,
                _ => continue,
            };
            *field = form_decode(value.as_bytes()).ok();
        }
        parameters
    }

    const fn is_signed(&self) -> bool {
        self.algorithm.is_some() || self.credential.is_some() || self.signature.is_some()
    }
}
