//! `NextToken`s: base64 of where a listing goes on. Nothing in them is secret.
//!
//! The alphabet is the standard one, with padding, as in AWS's tokens. Earlier versions used the URL-safe one without
//! padding; such tokens are still read.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::input::Text;

/// A token that was not sealed by [`seal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidToken;

/// The token of a place.
pub(crate) fn seal(place: &str) -> String {
    STANDARD.encode(place)
}

/// The place of a token, as `read` understands it; `None` without a token. Both services take an empty token for none.
///
/// # Errors
/// [`InvalidToken`] where the token is not base64 of UTF-8, or `read` returns `None`.
pub(crate) fn open<T>(
    token: Option<&Text<'_>>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>, InvalidToken> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    let place = STANDARD.decode(&**token).or_else(|_| URL_SAFE_NO_PAD.decode(&**token)).map_err(|_| InvalidToken)?;
    let place = core::str::from_utf8(&place).map_err(|_| InvalidToken)?;
    read(place).map(Some).ok_or(InvalidToken)
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn read(token: &str) -> Result<Option<String>, InvalidToken> {
        open(Some(&Text(Cow::Borrowed(token))), |place| Some(place.to_owned()))
    }

    #[test]
    fn a_token_is_padded_base64_of_the_standard_alphabet() {
        for (place, token) in [("1:~~~", "MTp+fn4="), ("1:q", "MTpx"), ("1:??", "MTo/Pw==")] {
            assert_eq!(seal(place), token);
            assert_eq!(read(token), Ok(Some(place.into())));
        }
    }

    #[test]
    fn a_token_of_an_earlier_version_is_read() {
        assert_eq!(read("MTp-fn4"), Ok(Some("1:~~~".into())));
        assert_eq!(read("MTo_Pw"), Ok(Some("1:??".into())));
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for token in ["*", "MTp+fn4==", "MTp-fn4=", "MTp+fn-_", "/w=="] {
            assert_eq!(read(token), Err(InvalidToken), "{token}");
        }
        assert_eq!(read(""), Ok(None));
    }
}
