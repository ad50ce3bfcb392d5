//! A request's target as it may be shown: without what lets its bearer in.

use std::borrow::Cow;

use streamgauge_core::wire::query::Query;

use crate::operations::rights::tokens::PREFIX;
use crate::terminal::masked;

/// Parameters that have what nobody else should read. Only a ticket is taken from a query; somebody may try the others.
const SECRET: [&str; 3] = ["ticket", "token", "access_token"];

/// So many bytes of the alphabet of tokens behind their beginning are one, whole or cut: what is shorter opens nothing.
const LEAST: usize = 20;

/// A target, with `-` in the place of tickets and tokens, wherever they stand, and without the user that it may name.
pub(super) fn shown(target: &str) -> Cow<'_, str> {
    // Only what is no path can name a user.
    let mut shown = if target.starts_with('/') { Cow::Borrowed(target) } else { masked(target) };
    if shown.contains(is_delimiter) {
        shown = Cow::Owned(without_parameters(&shown));
    }
    if shown.contains(PREFIX) { Cow::Owned(without_tokens(&shown)) } else { shown }
}

/// A parameter stands behind each of these; `;` is in paths too.
const fn is_delimiter(char: char) -> bool {
    matches!(char, '?' | '&' | ';')
}

fn without_parameters(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    for (number, piece) in target.split_inclusive(is_delimiter).enumerate() {
        let pair = piece.strip_suffix(is_delimiter).unwrap_or(piece);
        match secret(pair).filter(|_| number > 0) {
            Some(name) => out.extend([name, "=-", &piece[pair.len()..]]),
            None => out.push_str(piece),
        }
    }
    out
}

/// What a parameter is called that is never shown.
fn secret(pair: &str) -> Option<&'static str> {
    let (name, _) = Query::new(pair.as_bytes()).pairs().next()?;
    SECRET.into_iter().find(|secret| name.bytes().map(|byte| byte.to_ascii_lowercase()).eq(secret.bytes()))
}

fn without_tokens(target: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(target.len()), target);
    while let Some((before, behind)) = rest.split_once(PREFIX) {
        let is_of_token = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        let end = behind.find(|char| !is_of_token(char)).unwrap_or(behind.len());
        if end < LEAST {
            out.extend([before, PREFIX]);
            rest = behind;
        } else {
            out.extend([before, "-"]);
            rest = &behind[end..];
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let token = crate::operations::rights::tokens::random().expect("random numbers");
        for (target, told) in [
            ("/sub?topic=a&ticket=secret&b", "/sub?topic=a&ticket=-&b"),
            ("/sub?token=secret&access_token=x", "/sub?token=-&access_token=-"),
            ("/sub?%74icket=secret&ticket=secret", "/sub?ticket=-&ticket=-"),
            ("/sub?TOKEN=secret&Access_Token=secret&tic%4bet=secret", "/sub?token=-&access_token=-&ticket=-"),
            ("/sub;ticket=secret", "/sub;ticket=-"),
            ("/sub;a;ticket=secret;b?x=1;token=secret&c", "/sub;a;ticket=-;b?x=1;token=-&c"),
            ("http://user:secret@host/sub?a=b@c", "http://***@host/sub?a=b@c"),
            ("http://TOKEN@host/a", "http://***@host/a"),
            ("/TOKEN", "/-"),
            ("/TOKEN/x?topic=TOKEN.sg_a&sg_b=TOKEN", "/-/x?topic=-.sg_a&sg_b=-"),
            ("/pub?topic=sg_clicks", "/pub?topic=sg_clicks"),
        ] {
            // The capitals of a parameter are no token.
            let is_name = target.contains("TOKEN=secret");
            let target = if is_name { target.to_owned() } else { target.replace("TOKEN", &token) };
            assert_eq!(shown(&target), told, "{target}");
        }
        for same in ["/sub", "/sub?", "/sub?tickets=1", "/ticket=1", "/sub?a=ticket", "/a:b@c", "*", "/a?b;;&"] {
            assert_eq!(shown(same), same);
        }
    }
}
