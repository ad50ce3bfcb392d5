//! Public keys, as a JWKS file has them, and the signatures that they verify.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::Value;

use super::BadJwt;
use crate::operations::rights::holder::Id;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256 (RFC 7518, 3.4).
    Es256,
    /// RSA with SHA-256 and the padding of PKCS #1 1.5 (RFC 7518, 3.3).
    Rs256,
}

impl Algorithm {
    /// All that there are.
    pub(crate) const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The one of that name: `none` is not among them, nor is any with a shared secret.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// The keys of a file.
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    public: Public,
    /// The hash of all of it.
    id: Id,
}

enum Public {
    Ed25519(Vec<u8>),
    /// The point, uncompressed.
    P256(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// The most keys of a file: a token that names none of them is tried with each of its kind.
const MOST: usize = 64;

impl Keys {
    /// The keys of a JWKS file (RFC 7517). Those of kinds and for uses that are not known here are passed over.
    ///
    /// # Errors
    /// Which member of the file is wrong, and what is.
    pub(crate) fn read(text: &[u8]) -> Result<Self, String> {
        let set: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let listed = set.get("keys").and_then(Value::as_array).ok_or("keys: a list of keys is expected")?;
        if listed.len() > MOST {
            return Err(format!("keys: at most {MOST} are expected"));
        }
        let mut keys = Vec::new();
        for (at, jwk) in listed.iter().enumerate() {
            keys.extend(Key::read(jwk).map_err(|(member, why)| format!("keys[{at}].{member}: {why}"))?);
        }
        if keys.is_empty() {
            return Err("keys: none of them is for EdDSA, ES256 or RS256".to_owned());
        }
        Ok(Self(keys))
    }

    /// Whether the key with this hash is there.
    pub(in crate::operations::rights) fn has(&self, id: &Id) -> bool {
        self.0.iter().any(|key| key.id == *id)
    }

    /// Checks a signature with the key called `kid`, or with each of the algorithm's if none is named; and returns the
    /// hash of the one that has made it.
    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<Id, BadJwt> {
        let is_meant =
            |key: &&Key| key.public.algorithm() == algorithm && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid));
        let mut any = false;
        for key in self.0.iter().filter(is_meant) {
            any = true;
            if key.public.verify(signed, signature) {
                return Ok(key.id);
            }
        }
        Err(if any { BadJwt::Signature } else { BadJwt::Key })
    }
}

impl Key {
    /// A key; `None` if it is for something else.
    fn read(jwk: &Value) -> Result<Option<Self>, (&'static str, &'static str)> {
        let text = |member: &str| jwk.get(member).and_then(Value::as_str);
        let kty = text("kty").ok_or(("kty", "the kind of a key is expected"))?;
        if kty == "oct" || jwk.get("d").is_some() {
            return Err(("kty", "only public keys belong here, and this one is secret"));
        }
        let verifies = |ops: &Value| ops.as_array().is_some_and(|ops| ops.iter().any(|op| op == "verify"));
        if text("use").is_some_and(|what| what != "sig") || jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
            return Ok(None);
        }
        let public = match (kty, text("crv")) {
            ("OKP", Some("Ed25519")) => Public::Ed25519(bytes(jwk, "x", 32)?),
            ("EC", Some("P-256")) => Public::P256([vec![4], bytes(jwk, "x", 32)?, bytes(jwk, "y", 32)?].concat()),
            ("RSA", _) => Public::Rsa { n: number(jwk, "n")?, e: number(jwk, "e")? },
            _ => return Ok(None),
        };
        if let Public::Rsa { n, .. } = &public
            && !(256..=1024).contains(&n.len())
        {
            return Err(("n", "an RSA key has 2048 to 8192 bits"));
        }
        // One that is for another padding, say, is not for this.
        if text("alg").is_some_and(|alg| alg != public.algorithm().name()) {
            return Ok(None);
        }
        let kid = text("kid").map(str::to_owned);
        let id = Id::of(format!("{kid:?} {public:?}").as_bytes());
        Ok(Some(Self { kid, public, id }))
    }
}

impl Public {
    const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::P256(_) => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
        }
    }

    fn verify(&self, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&signature::ED25519, key).verify(signed, signature),
            Self::P256(key) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, key).verify(signed, signature)
            }
            Self::Rsa { n, e } => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&signature::RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
        };
        verified.is_ok()
    }
}

/// All of it: it is public, and two that differ read differently.
impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        match self {
            Self::Ed25519(key) | Self::P256(key) => write!(f, "{} {}", self.algorithm().name(), text(key)),
            Self::Rsa { n, e } => write!(f, "RS256 {} {}", text(n), text(e)),
        }
    }
}

/// Bytes of a key that has so many.
fn bytes(jwk: &Value, member: &'static str, length: usize) -> Result<Vec<u8>, (&'static str, &'static str)> {
    let bytes = decoded(jwk, member)?;
    if bytes.len() == length { Ok(bytes) } else { Err((member, "it has not the length of such a key")) }
}

/// A number as RFC 7518 writes it: in as few bytes as it needs.
fn number(jwk: &Value, member: &'static str) -> Result<Vec<u8>, (&'static str, &'static str)> {
    let bytes = decoded(jwk, member)?;
    if bytes.first().is_some_and(|first| *first > 0) {
        Ok(bytes)
    } else {
        Err((member, "a number without zeros before it"))
    }
}

fn decoded(jwk: &Value, member: &'static str) -> Result<Vec<u8>, (&'static str, &'static str)> {
    let bytes = jwk.get(member).and_then(Value::as_str).and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    bytes.ok_or((member, "base64url is expected"))
}
