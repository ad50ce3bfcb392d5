//! The token that this process shows to servers.

use std::sync::OnceLock;

use super::Error;

/// What `Authorization` says, once that is known: nothing where there is no token.
static FIELD: OnceLock<Option<String>> = OnceLock::new();

/// Where the token is from, if anybody has said.
static SOURCE: OnceLock<Source> = OnceLock::new();

/// Says the token, if there is one, or why it can't be said.
type Source = fn() -> Result<Option<String>, String>;

/// Lets every request of this process say that it is from the owner of a token. The first call counts.
///
/// A process that speaks to others than servers of streamgauge should pass the field `Authorization` to
/// [`request`](super::request()) instead. The text of a token that could not be a field's is not sent.
pub fn authorize(token: &str) {
    if let Some(field) = written(token) {
        let _ = FIELD.set(Some(field));
    }
}

/// The same with what `source` says when the first request is written: whoever asks no server needs no token.
pub(crate) fn authorize_by(source: Source) {
    let _ = SOURCE.set(source);
}

/// What `Authorization` has to say, if anything does.
///
/// # Errors
/// The token can't be read.
pub(super) fn field() -> Result<Option<&'static str>, Error> {
    if let Some(field) = FIELD.get() {
        return Ok(field.as_deref());
    }
    let Some(source) = SOURCE.get() else { return Ok(None) };
    let token = source().map_err(Error::Setup)?;
    Ok(FIELD.get_or_init(|| written(&token?)).as_deref())
}

fn written(token: &str) -> Option<String> {
    let token = token.trim();
    let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then(|| format!("Bearer {token}"))
}
