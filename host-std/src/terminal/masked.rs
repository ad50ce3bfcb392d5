//! Values for a person, without what nobody else should read.

use std::borrow::Cow;

/// An address without the user and the password that it may have, also where it is not written as it should be. O(n).
pub(crate) fn masked(text: &str) -> Cow<'_, str> {
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(start);
    // A query may have any @. A password that is not coded may have a # or a ?, but no path stands before it.
    let path = rest.find('/').unwrap_or(rest.len());
    let end = rest[path..].find(['?', '#']).map_or(rest.len(), |at| path + at);
    match rest[..end].rsplit_once('@') {
        Some((user, _)) if start > 0 || user.contains(':') => Cow::Owned(format!("{scheme}***{}", &rest[user.len()..])),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn who_logs_in_is_not_told() {
        for (text, told) in [
            ("nats://u:sekret@h ost", "nats://***@h ost"),
            ("http://u:sekret@localhost:1/a?b=c@d", "http://***@localhost:1/a?b=c@d"),
            ("nats://token@a,b:sekret@c", "nats://***@c"),
            ("nats://u:s?e#k@h", "nats://***@h"),
            ("nats://u:a@b@h", "nats://***@h"),
            ("u:sekret@h", "***@h"),
            ("http://h/?a=b@c", "http://h/?a=b@c"),
            ("a@b", "a@b"),
            ("@", "@"),
            ("", ""),
        ] {
            assert_eq!(masked(text), told);
        }
    }
}
