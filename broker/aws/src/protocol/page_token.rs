//! `NextToken`s: base64 of where a listing goes on. A client cannot read them, but nothing in them is secret.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::input::Text;

/// A token that was not sealed by [`seal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InvalidToken;

/// The token of a place.
pub(crate) fn seal(place: &str) -> String {
    URL_SAFE_NO_PAD.encode(place)
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
    let place = URL_SAFE_NO_PAD.decode(&**token).map_err(|_| InvalidToken)?;
    let place = core::str::from_utf8(&place).map_err(|_| InvalidToken)?;
    read(place).map(Some).ok_or(InvalidToken)
}
