//! The token that this process shows to servers.

use std::sync::OnceLock;

static FIELD: OnceLock<String> = OnceLock::new();

/// Lets every request of this process say that it is from the owner of a token. The first call counts.
///
/// A process that speaks to others than servers of streamgauge should pass the field `Authorization` to
/// [`request`](super::request()) instead. The text of a token that could not be a field's is not sent.
pub fn authorize(token: &str) {
    let token = token.trim();
    if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let _ = FIELD.set(format!("Bearer {token}"));
    }
}

/// What `Authorization` has to say, if anything does.
pub(super) fn field() -> Option<&'static str> {
    FIELD.get().map(String::as_str)
}
