//! What a fuzzer gives: a file of tokens, and signed tokens. It sees what is public, so this is, where there is one.

use jiff::Timestamp;

use super::jwt::{self, Algorithm, Keys, Policy};
use super::tokens::{Tokens, lines};

/// That a file of tokens is read to its end or refused, and what is read is written as it would be read again.
///
/// # Panics
/// When it is not.
pub fn tokens_are_read_again(text: &str) {
    let Ok(read) = lines(text) else { return };
    for (_, line) in &read {
        let again = lines(&line.to_string()).unwrap_or_else(|wrong| panic!("{wrong}: {line}"));
        assert!(again.len() == 1 && again[0].1 == *line, "{line}");
    }
    let known = Tokens::read(text, &Tokens::default());
    assert!(
        known.is_err() || read.iter().all(|(_, line)| known.as_ref().is_ok_and(|all| all.find(&line.id).is_some()))
    );
}

/// That no text is a good token: the keys' other halves were thrown away. With a first line that is a file of keys, with
/// these; otherwise with one of each kind.
///
/// # Panics
/// When one is.
pub fn no_text_is_a_good_token(text: &[u8]) {
    let line = text.iter().position(|byte| *byte == b'\n').and_then(|end| text.split_at_checked(end));
    let own = line.and_then(|(line, rest)| Some((Keys::read(line).ok()?, rest.get(1..)?)));
    let policy = Policy { algorithms: Algorithm::ALL.to_vec(), ..Policy::default() };
    let (keys, token) = match own {
        // Whoever gives the keys may have signed something.
        Some((keys, token)) => return drop(jwt::verify(token, &keys, &policy, Timestamp::now())),
        None => (Keys::read(KEYS.as_bytes()).expect("keys"), text),
    };
    assert!(jwt::verify(token, &keys, &policy, Timestamp::now()).is_err());
}

/// The public halves of keys, whose others are gone.
const KEYS: &str = include_str!("jwt/keys.json");
