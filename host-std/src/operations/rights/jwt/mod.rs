//! JSON Web Tokens (RFC 7519), signed by somebody else (RFC 7515), whose public keys are in a file (RFC 7517).
//!
//! | module | idea |
//! | --- | --- |
//! | `keys` | the file of keys, and signatures |
//! | `claims` | what a token says, and for whom and when it says it |
//!
//! The signatures are those of `ring`, which is here for other reasons too. Reading three parts of base64url is less code
//! than to make a library of JWT use it, and leaves nothing to be set wrongly: a key has one algorithm, and what a token
//! says of its own can only fail to be that one.

mod claims;
mod keys;
#[cfg(test)]
mod tests;

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use serde_json::Value;

use super::holder::Terms;
pub(crate) use keys::{Algorithm, Keys};

/// What is asked of a token beside its signature.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policy {
    /// Those that count.
    pub(crate) algorithms: Vec<Algorithm>,
    /// Whom it has to be for; a token that names its audience is for nobody else.
    pub(crate) audience: Vec<String>,
    /// Who has to have issued it, if that matters.
    pub(crate) issuer: Option<String>,
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BadJwt {
    Malformed,
    /// It says that something unknown must be understood.
    Critical,
    Algorithm,
    Key,
    Signature,
    NoEnd,
    Over,
    Early,
    Audience,
    Issuer,
    Rights,
}

impl fmt::Display for BadJwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is no JWT",
            Self::Critical => "its header has critical members that are not known here",
            Self::Algorithm => "its algorithm is none of those that count here",
            Self::Key => "no key of the file is the one of its header",
            Self::Signature => "its signature is wrong",
            Self::NoEnd => "it has no end: exp must be a time",
            Self::Over => "it has expired",
            Self::Early => "it is not valid yet",
            Self::Audience => "it is for another audience",
            Self::Issuer => "it is of another issuer",
            Self::Rights => "its claim rights must be a text such as \"pub:clicks sub:*\"",
        })
    }
}

/// What a token gives, and which key of the file says so.
#[derive(Debug)]
pub(super) struct Verified {
    pub(super) terms: Terms,
    /// The hash of the key.
    pub(super) key: super::holder::Id,
}

/// Whether a text could be one, as far as a look at it tells.
pub(super) fn is_jwt(text: &[u8]) -> bool {
    text.iter().filter(|byte| **byte == b'.').count() == 2
}

/// Reads a token and checks it.
///
/// # Errors
/// Why it does not count.
pub(super) fn verify(token: &[u8], keys: &Keys, policy: &Policy, now: Timestamp) -> Result<Verified, BadJwt> {
    let mut parts = token.rsplitn(2, |byte| *byte == b'.');
    let (Some(signature), Some(signed)) = (parts.next(), parts.next()) else { return Err(BadJwt::Malformed) };
    let mut parts = signed.split(|byte| *byte == b'.');
    let (Some(header), Some(claims), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(BadJwt::Malformed);
    };
    let (header, claims) = (object(header)?, object(claims)?);
    let signature = decoded(signature)?;
    if header.get("crit").is_some() {
        return Err(BadJwt::Critical);
    }
    let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
    let algorithm = algorithm.filter(|algorithm| policy.algorithms.contains(algorithm)).ok_or(BadJwt::Algorithm)?;
    let kid = match header.get("kid") {
        None => None,
        Some(kid) => Some(kid.as_str().ok_or(BadJwt::Malformed)?),
    };
    let key = keys.verify(algorithm, kid, signed, &signature)?;
    // Nothing of the claims is looked at before that.
    Ok(Verified { terms: claims::terms(&claims, policy, now)?, key })
}

fn decoded(part: &[u8]) -> Result<Vec<u8>, BadJwt> {
    BASE64URL_NOPAD.decode(part).map_err(|_| BadJwt::Malformed)
}

fn object(part: &[u8]) -> Result<Value, BadJwt> {
    let value: Value = serde_json::from_slice(&decoded(part)?).map_err(|_| BadJwt::Malformed)?;
    if value.is_object() { Ok(value) } else { Err(BadJwt::Malformed) }
}
