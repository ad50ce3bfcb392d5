//! The file of tokens: a line each, and never a token itself.
//!
//! `sha256:HEX RIGHTS… [messages=N/s] [bytes=N/s] [expires=TIME] [name=TEXT]`, and comments behind `#`.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::holder::{Holder, Id, Terms, is_same};
use crate::terminal::flags::bytes;

/// What every token begins with, so that people and programs that look for secrets recognise one.
pub(crate) const PREFIX: &str = "sg_";

/// What is said of one where it should not be: it is not repeated.
pub(super) const A_TOKEN: &str = "what begins with sg_ is a token, which stands in no file";

/// What is said of a member that no token has, whose name stands behind it.
pub(crate) const NO_MEMBER: &str = "a token has no member ";

/// A token that nobody has seen before.
///
/// # Errors
/// The operating system has no random numbers.
pub(crate) fn random() -> Result<String, String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| format!("cannot get a random token: {error}"))?;
    Ok(format!("{PREFIX}{}", data_encoding::BASE64URL_NOPAD.encode(&secret)))
}

/// The tokens of a file.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    /// By the first bytes of their hashes. Who tries tokens can't choose these bytes without trying hashes, so the time
    /// that a look-up takes tells nothing of use; the rest is compared in constant time.
    held: HashMap<u64, Held>,
    has_quotas: bool,
}

struct Held {
    id: Id,
    holder: Arc<Holder>,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.holder.fmt(f)
    }
}

/// A line of the file, or a table of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) id: Id,
    pub(crate) terms: Terms,
}

/// What is wrong with a file, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadLine {
    number: usize,
    why: String,
}

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.number, self.why)
    }
}

/// The lines of a file with their numbers, from 1. O(n).
///
/// # Errors
/// The first line that is wrong, and what is.
pub(crate) fn lines(text: &str) -> Result<Vec<(usize, Token)>, BadLine> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if !line.is_empty() {
            lines.push((number, Token::read(line).map_err(|why| BadLine { number, why })?));
        }
    }
    Ok(lines)
}

impl Tokens {
    /// Those of a file. Whoever stands in it as `before` keeps what it has spent.
    ///
    /// # Errors
    /// The first line that is wrong, and what is.
    pub(crate) fn read(text: &str, before: &Self) -> Result<Self, BadLine> {
        let mut tokens = Self::default();
        let mut numbers = HashMap::new();
        for (number, token) in lines(text)? {
            // Two hashes that begin alike are the same, or somebody has tried 2^64 of them for nothing.
            if let Some(first) = numbers.insert(token.id.start(), number) {
                return Err(BadLine { number, why: format!("this token is in line {first} already") });
            }
            tokens.hold(token, before);
        }
        Ok(tokens)
    }

    /// These and one more, of which `before` may know what it has spent. O(1).
    ///
    /// # Errors
    /// It is one of these.
    pub(super) fn add(&mut self, token: Token, before: &Self) -> Result<(), String> {
        if self.held.contains_key(&token.id.start()) {
            return Err("another name or a line of --tokens has this token already".to_owned());
        }
        self.hold(token, before);
        Ok(())
    }

    fn hold(&mut self, Token { id, terms }: Token, before: &Self) {
        self.has_quotas |= !terms.rates.is_none();
        let holder = match before.find(&id) {
            Some(holder) if holder.terms == terms => Arc::clone(holder),
            Some(holder) => Arc::new(holder.on(terms)),
            None => Arc::new(Holder::new(terms)),
        };
        self.held.insert(id.start(), Held { id, holder });
    }

    /// Whose token has this hash. O(1).
    pub(super) fn find(&self, id: &Id) -> Option<&Arc<Holder>> {
        let held = self.held.get(&id.start())?;
        is_same(&held.id.0, &id.0).then_some(&held.holder)
    }

    /// Whether any has a quota.
    pub(super) const fn have_quotas(&self) -> bool {
        self.has_quotas
    }
}

impl Token {
    fn read(line: &str) -> Result<Self, String> {
        let mut members = line.split_ascii_whitespace();
        // It may be the token itself that somebody has put there: it is not repeated.
        let id = hash_of(members.next().unwrap_or_default()).ok_or_else(|| format!("a line begins with {HASH}"))?;
        let mut terms = Terms::default();
        let mut seen = Vec::new();
        for member in members {
            let named = member.split_once('=').filter(|(name, _)| name.bytes().all(|byte| byte.is_ascii_alphabetic()));
            let Some((name, value)) = named else {
                terms.grants.add(member).map_err(|bad| bad.to_string())?;
                continue;
            };
            if seen.contains(&name) {
                return Err(format!("{name} is there twice"));
            }
            seen.push(name);
            if value.starts_with(PREFIX) {
                return Err(format!("{name}: {A_TOKEN}"));
            }
            let wrong = |what: &str| format!("{name}={value}: {what}");
            match name {
                "name" if !value.is_empty() => terms.name = Some(value.to_owned()),
                "name" => return Err(wrong("a text without spaces")),
                _ => {
                    let is_known = limit(&mut terms, name, value).map_err(|what| wrong(&what))?;
                    if !is_known {
                        return Err(format!("{name} is none of messages, bytes, expires and name"));
                    }
                }
            }
        }
        if terms.grants.is_empty() {
            return Err("there is no right, such as sub:*".to_owned());
        }
        Ok(Self { id, terms })
    }

    /// The members of such a table.
    pub(crate) const MEMBERS: [&str; 5] = ["hash", "rights", "messages", "bytes", "expires"];

    /// Reads what a table of the configuration says of the token that it is called after: the same as a line, in members
    /// `hash`, `rights` (an array, or a text with spaces), `messages`, `bytes` and `expires`.
    ///
    /// # Errors
    /// What is wrong, with the name of the member where there is one.
    pub(crate) fn declared(name: &str, table: &Map<String, Json>) -> Result<Self, String> {
        let (mut id, mut terms) = (None, Terms { name: Some(name.to_owned()), ..Terms::default() });
        for (member, value) in table {
            match (&**member, value) {
                ("hash", Json::String(text)) => id = Some(hash_of(text).ok_or_else(|| format!("hash must be {HASH}"))?),
                ("rights", Json::String(text)) => {
                    terms.grants = text.parse().map_err(|bad| format!("rights: {bad}"))?;
                }
                ("rights", Json::Array(rights)) => {
                    for right in rights {
                        let text = right.as_str().ok_or("rights must be texts, such as \"sub:*\"")?;
                        terms.grants.add(text).map_err(|bad| format!("rights: {bad}"))?;
                    }
                }
                ("hash" | "rights", _) => return Err(format!("{member} must be a text")),
                (_, Json::String(text)) => {
                    if !limit(&mut terms, member, text).map_err(|what| format!("{member} must be {what}"))? {
                        return Err(format!("{NO_MEMBER}{member}"));
                    }
                }
                ("messages" | "bytes" | "expires", _) => return Err(format!("{member} must be a text")),
                _ => return Err(format!("{NO_MEMBER}{member}")),
            }
        }
        let id = id.ok_or_else(|| format!("there must be a hash: {HASH}"))?;
        if terms.grants.is_empty() {
            return Err("there must be rights, such as \"sub:*\"".to_owned());
        }
        Ok(Self { id, terms })
    }
}

/// What the hash of a token looks like.
const HASH: &str = "sha256: and 64 hexadecimal digits, as `streamgauge token new` writes it";

/// Takes note of how much a token may do, or for how long; whether there is a limit of this name.
fn limit(terms: &mut Terms, name: &str, value: &str) -> Result<bool, String> {
    match name {
        "messages" => terms.rates.messages = Some(messages(value)?),
        "bytes" => terms.rates.bytes = Some(bytes_a_second(value)?),
        "expires" => {
            terms.expires = Some(value.parse().map_err(|_| "a time such as 2027-01-31T12:00:00Z".to_owned())?);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// As the file has it.
impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Terms { grants, rates, expires, name } = &self.terms;
        write!(f, "sha256:{} {grants}", self.id)?;
        for (name, rate) in [("messages", rates.messages), ("bytes", rates.bytes)] {
            if let Some(rate) = rate {
                write!(f, " {name}={rate}/s")?;
            }
        }
        if let Some(expires) = expires {
            write!(f, " expires={expires}")?;
        }
        name.as_ref().map_or(Ok(()), |name| write!(f, " name={name}"))
    }
}

fn hash_of(text: &str) -> Option<Id> {
    let digits = text.strip_prefix("sha256:")?;
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
    bytes.try_into().ok().map(Id)
}

/// Reads a number of messages a second, such as `1000/s`.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn messages(text: &str) -> Result<NonZeroU64, String> {
    let number = text.strip_suffix("/s").unwrap_or(text);
    number.parse().map_err(|_| "a number of messages a second above 0, such as 1000/s".to_owned())
}

/// Reads a number of bytes a second, such as `1MiB/s`.
///
/// # Errors
/// What is wrong, in words.
pub(crate) fn bytes_a_second(text: &str) -> Result<NonZeroU64, String> {
    let number = bytes(text.strip_suffix("/s").unwrap_or(text)).ok();
    let number = number.and_then(|number| NonZeroU64::new(number as u64));
    number.ok_or_else(|| "a number of bytes a second above 0, such as 1MiB/s".to_owned())
}

#[cfg(test)]
mod tests {
    use streamgauge_core::endpoints::{About, Need, Right};
    use streamgauge_core::engine::Name;

    use super::super::refused::Refused;
    use super::*;

    fn hash(digit: char) -> String {
        format!("sha256:{}", digit.to_string().repeat(64))
    }

    #[test]
    fn a_token_is_found_by_its_hash_alone() {
        let token = random().unwrap();
        assert_eq!((token.len(), &token[..3]), (46, PREFIX));
        let text = format!("# all\n\n  sha256:{} sub:* # who looks\n{} pub:a\n", Id::of(token.as_bytes()), hash('a'));
        let tokens = Tokens::read(&text, &Tokens::default()).unwrap();
        assert!(tokens.find(&Id::of(token.as_bytes())).is_some());
        let mut near = Id::of(token.as_bytes());
        near.0[31] ^= 1;
        assert!(tokens.find(&near).is_none() && tokens.find(&Id::of(b"sg_")).is_none());
        assert!(!format!("{tokens:?}").contains(&token[3..]));
    }

    #[test]
    fn a_line_is_written_as_it_is_read() {
        let line = format!(
            "{} pub:clicks sub:clicks.* messages=1000/s bytes=1048576/s expires=2027-01-31T12:00:00Z name=a:b",
            hash('0')
        );
        let read = |line: &str| lines(line).unwrap().remove(0).1;
        assert_eq!(read(&line).to_string(), line);
        let short = format!(
            "{} bytes=1MiB name=a:b messages=1000 expires=2027-01-31T13:00:00+01:00 pub:clicks sub:clicks.*",
            hash('0')
        );
        assert_eq!(read(&short).to_string(), line);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_member() {
        let fine = format!("{} sub:*", hash('a'));
        for (text, why) in [
            (
                "\nsg_abc sub:*".to_owned(),
                "2: a line begins with sha256: and 64 hexadecimal digits, as `streamgauge token new` writes it",
            ),
            (
                "sha256:12 sub:*".to_owned(),
                "1: a line begins with sha256: and 64 hexadecimal digits, as `streamgauge token new` writes it",
            ),
            (hash('b'), "1: there is no right, such as sub:*"),
            (format!("{fine}\n{fine}"), "2: this token is in line 1 already"),
            (format!("{fine} read:a"), "1: \"read:a\": \"read\" is none of pub, sub, put, get and admin"),
            (format!("{fine} clicks"), "1: \"clicks\": a right is written as pub:NAME"),
            (format!("{fine} messages=0/s"), "1: messages=0/s: a number of messages a second above 0, such as 1000/s"),
            (format!("{fine} bytes=1/m"), "1: bytes=1/m: a number of bytes a second above 0, such as 1MiB/s"),
            (format!("{fine} expires=soon"), "1: expires=soon: a time such as 2027-01-31T12:00:00Z"),
            (format!("{fine} name="), "1: name=: a text without spaces"),
            (format!("{fine} name=a name=b"), "1: name is there twice"),
            (
                format!("{fine} sg_abc"),
                "1: a right is written as pub:NAME, and what begins with sg_ is a token, which stands in no file",
            ),
            (
                format!("{fine} sg_abc:x"),
                "1: a right is written as pub:NAME, and what begins with sg_ is a token, which stands in no file",
            ),
            (format!("{fine} name=sg_abc"), "1: name: what begins with sg_ is a token, which stands in no file"),
            (format!("{fine} color=red"), "1: color is none of messages, bytes, expires and name"),
        ] {
            assert_eq!(Tokens::read(&text, &Tokens::default()).unwrap_err().to_string(), why, "{text}");
        }
    }

    #[test]
    fn what_was_spent_outlives_another_reading() {
        let text = |rate: u8| format!("{} put:* messages={rate}/s", hash('a'));
        let tokens = Tokens::read(&text(1), &Tokens::default()).unwrap();
        let id = lines(&text(1)).unwrap()[0].1.id;
        let again = Tokens::read(&text(1), &tokens).unwrap();
        assert!(Arc::ptr_eq(tokens.find(&id).unwrap(), again.find(&id).unwrap()) && again.have_quotas());
        let other = Tokens::read(&text(2), &tokens).unwrap();
        assert!(!Arc::ptr_eq(tokens.find(&id).unwrap(), other.find(&id).unwrap()));
        // Another name and other rights pay nothing off; another rate begins anew.
        let put = Need::Right(Right::Put, About::Name(Name::MAIN));
        let owes = |tokens: &Tokens| matches!(tokens.find(&id).unwrap().admit(put), Err(Refused::Debt(_)));
        tokens.find(&id).unwrap().charge(60, 0);
        let renamed = Tokens::read(&format!("{} get:* name=a", text(1)), &tokens).unwrap();
        assert!(owes(&tokens) && owes(&renamed) && !owes(&Tokens::read(&text(2), &tokens).unwrap()));
        let get = Need::Right(Right::Get, About::Name(Name::MAIN));
        assert!(renamed.find(&id).unwrap().admit(get).is_ok() && tokens.find(&id).unwrap().admit(get).is_err());
    }
}
