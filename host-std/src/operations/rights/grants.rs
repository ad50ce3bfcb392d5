//! Rights on names: `pub:clicks sub:clicks.* get:*`.

use std::fmt;
use std::str::FromStr;

use streamgauge_core::endpoints::{About, Need, Right};
use streamgauge_core::engine::{BadName, Name, Prefix};

use super::tokens::{A_TOKEN, PREFIX};

/// What somebody may do, and with which names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grants(Vec<Grant>);

/// One right on one name, or on all that begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Grant {
    right: Right,
    on: About,
}

/// What is no grant, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadGrant(String);

impl fmt::Display for BadGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Grants {
    /// Whether they give what is needed. O(grants).
    pub(crate) fn allow(&self, need: Need) -> bool {
        match need {
            Need::Nothing | Need::Known => true,
            Need::Any(about) => self.0.iter().any(|grant| grant.covers(about)),
            Need::Right(right, about) => self.0.iter().any(|grant| grant.right == right && grant.covers(about)),
        }
    }

    /// Reads one, such as `pub:clicks`, and adds it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), BadGrant> {
        self.0.push(text.parse()?);
        Ok(())
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// With spaces between them.
impl FromStr for Grants {
    type Err = BadGrant;

    fn from_str(text: &str) -> Result<Self, BadGrant> {
        let mut grants = Self::default();
        text.split_ascii_whitespace().try_for_each(|grant| grants.add(grant))?;
        if grants.is_empty() { Err(BadGrant("there is no right".to_owned())) } else { Ok(grants) }
    }
}

impl fmt::Display for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Grant { right, on }) in self.0.iter().enumerate() {
            let space = if at > 0 { " " } else { "" };
            write!(f, "{space}{}:{}", right.name(), Words(*on))?;
        }
        Ok(())
    }
}

impl Grant {
    /// Whether it is a right on all of this.
    fn covers(&self, about: About) -> bool {
        match (self.on, about) {
            (About::Name(own), About::Name(name)) => own == name,
            (About::Beginning(own), About::Name(name)) => name.as_bytes().starts_with(own.as_bytes()),
            (About::Beginning(own), About::Beginning(names)) => names.as_bytes().starts_with(own.as_bytes()),
            (About::Name(_), About::Beginning(_)) => false,
        }
    }
}

impl FromStr for Grant {
    type Err = BadGrant;

    fn from_str(text: &str) -> Result<Self, BadGrant> {
        if text.starts_with(PREFIX) {
            return Err(BadGrant(format!("a right is written as pub:NAME, and {A_TOKEN}")));
        }
        let bad = |why: fmt::Arguments<'_>| BadGrant(format!("{text:?}: {why}"));
        let (right, on) = text.split_once(':').ok_or_else(|| bad(format_args!("a right is written as pub:NAME")))?;
        let named = Right::named(right);
        let right = named.ok_or_else(|| bad(format_args!("{right:?} is none of pub, sub, put, get and admin")))?;
        // What every name of that beginning has, a name has too; and nothing at all is the beginning of all of them.
        let is_beginning = |text: &str| text.is_empty() || Name::new(text.as_bytes()).is_ok();
        let on = match on.strip_suffix('*') {
            Some(beginning) if is_beginning(beginning) => About::Beginning(Prefix::cut(beginning.as_bytes())),
            Some(_) => return Err(bad(format_args!("{BadName}, nor does what is before *"))),
            None => About::Name(Name::new(on.as_bytes()).map_err(|wrong| bad(format_args!("{wrong}")))?),
        };
        Ok(Self { right, on })
    }
}

/// Names, as they are written.
pub(super) struct Words(pub(super) About);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            About::Name(name) => write!(f, "{name}"),
            About::Beginning(prefix) => write!(f, "{}*", prefix.as_bytes().escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(text: &str) -> Grants {
        text.parse().unwrap()
    }

    #[test]
    fn a_right_covers_its_names_and_no_others() {
        let name = |text: &str| About::Name(Name::new(text.as_bytes()).unwrap());
        let beginning = |text: &str| About::Beginning(Prefix::cut(text.as_bytes()));
        for (own, about, covered) in [
            ("pub:clicks", name("clicks"), true),
            ("pub:clicks", name("clicks.de"), false),
            ("pub:clicks", beginning("clicks"), false),
            ("pub:clicks.*", name("clicks.de"), true),
            ("pub:clicks.*", name("clicks."), true),
            ("pub:clicks.*", name("clicks"), false),
            ("pub:clicks.*", name("clicksxde"), false),
            ("pub:clicks.*", beginning("clicks.d"), true),
            ("pub:clicks.*", beginning("clicks"), false),
            ("pub:clicks.*", About::ALL, false),
            ("pub:*", name("x"), true),
            ("pub:*", About::ALL, true),
            ("sub:* pub:a", name("x"), false),
            ("sub:* pub:a", name("a"), true),
        ] {
            assert_eq!(grants(own).allow(Need::Right(Right::Publish, about)), covered, "{own} {about:?}");
            assert!(!grants(own).allow(Need::Right(Right::Admin, about)), "{own} {about:?}");
        }
        assert!(grants("sub:a").allow(Need::Any(name("a"))) && !grants("sub:a").allow(Need::Any(name("b"))));
        assert!(!Grants::default().allow(Need::Any(name("a"))) && Grants::default().allow(Need::Known));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = "pub:clicks sub:clicks.* put:a_b get:* admin:-";
        assert_eq!(grants(&format!("  {}\t", text.replace(' ', "   "))).to_string(), text);
    }

    #[test]
    fn what_is_no_right_is_named() {
        let wrong = |text: &str| text.parse::<Grants>().unwrap_err().to_string();
        assert_eq!(wrong(" "), "there is no right");
        assert_eq!(wrong("clicks"), "\"clicks\": a right is written as pub:NAME");
        assert_eq!(wrong("sub:a read:a"), "\"read:a\": \"read\" is none of pub, sub, put, get and admin");
        assert_eq!(
            wrong("sub:.a"),
            "\"sub:.a\": a name has 1 to 64 of the characters A-Z a-z 0-9 _ . - and does not begin with ."
        );
        for no_name in ["sub:", "sub:a*b", "sub:a**", "sub:.*", "sub:a/b", &format!("sub:{}*", "x".repeat(65))] {
            assert!(no_name.parse::<Grants>().is_err(), "{no_name}");
        }
    }
}
