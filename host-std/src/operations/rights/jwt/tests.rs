//! Tokens that another library has signed (OpenSSL's, by way of Python's `cryptography`), and what is wrong with others.

use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use super::{Algorithm, BadJwt, Keys, Policy, verify};

const KEYS: &str = include_str!("keys.json");
const TOKENS: &str = include_str!("tokens.txt");

fn policy(algorithms: &[Algorithm]) -> Policy {
    Policy { algorithms: algorithms.to_vec(), ..Policy::default() }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A pair of keys of our own, and the file of the public one.
fn pair() -> (Ed25519KeyPair, Keys) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    let keys = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}]}}"#);
    (pair, Keys::read(keys.as_bytes()).unwrap())
}

fn signed(pair: &Ed25519KeyPair, header: &str, claims: &str) -> String {
    let part = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", part(header), part(claims));
    let signature = BASE64URL_NOPAD.encode(pair.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

#[test]
fn what_another_library_has_signed_is_good_and_nothing_near_it() {
    let keys = Keys::read(KEYS.as_bytes()).unwrap();
    for (token, algorithm) in TOKENS.lines().zip(Algorithm::ALL) {
        let verified = verify(token.as_bytes(), &keys, &policy(&[algorithm]), now()).unwrap();
        assert_eq!(verified.terms.grants.to_string(), "pub:clicks sub:*");
        assert_eq!(verified.terms.name.as_deref(), Some("vector"));
        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        let refused = |token: &[u8], policy: &Policy| verify(token, &keys, policy, now()).unwrap_err();
        assert_eq!(refused(token.as_bytes(), &policy(&others)), BadJwt::Algorithm);
        for at in 0..token.len() {
            let mut changed = token.as_bytes().to_vec();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let _ = refused(&changed, &policy(&Algorithm::ALL));
            let _ = refused(&token.as_bytes()[..at], &policy(&Algorithm::ALL));
        }
    }
}

#[test]
fn the_key_says_how_a_token_is_signed_and_not_the_token() {
    let keys = Keys::read(KEYS.as_bytes()).unwrap();
    let (pair, own) = pair();
    let claims = r#"{"exp":4102444800,"rights":"admin:*"}"#;
    let bad = |header: &str, keys: &Keys| {
        verify(signed(&pair, header, claims).as_bytes(), keys, &policy(&Algorithm::ALL), now()).unwrap_err()
    };
    assert!(
        verify(signed(&pair, r#"{"alg":"EdDSA"}"#, claims).as_bytes(), &own, &policy(&Algorithm::ALL), now()).is_ok()
    );
    assert_eq!(bad(r#"{"alg":"none"}"#, &own), BadJwt::Algorithm);
    assert_eq!(bad(r#"{"alg":"HS256"}"#, &own), BadJwt::Algorithm);
    assert_eq!(bad(r#"{"alg":"eddsa"}"#, &own), BadJwt::Algorithm);
    assert_eq!(bad(r#"{}"#, &own), BadJwt::Algorithm);
    assert_eq!(bad(r#"{"alg":"RS256"}"#, &own), BadJwt::Key);
    assert_eq!(bad(r#"{"alg":"EdDSA","kid":"other"}"#, &own), BadJwt::Key);
    assert_eq!(bad(r#"{"alg":"EdDSA","kid":5}"#, &own), BadJwt::Malformed);
    assert_eq!(bad(r#"{"alg":"EdDSA","crit":["b64"],"b64":false}"#, &own), BadJwt::Critical);
    assert_eq!(bad(r#"{"alg":"EdDSA","kid":"ed"}"#, &keys), BadJwt::Signature, "somebody else's key");
    assert_eq!(bad(r#"{"alg":"RS256","kid":"rsa"}"#, &keys), BadJwt::Signature);
    assert_eq!(bad("[]", &own), BadJwt::Malformed);
    // A key in the header is not looked at.
    let x = BASE64URL_NOPAD.encode(pair.public_key().as_ref());
    let header = format!(r#"{{"alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#);
    assert_eq!(bad(&header, &keys), BadJwt::Signature);
}

#[test]
fn a_token_is_for_a_time_and_an_audience() {
    let (pair, keys) = pair();
    let ask = |claims: &str, policy: &Policy| {
        let token = signed(&pair, r#"{"alg":"EdDSA"}"#, claims);
        verify(token.as_bytes(), &keys, policy, now()).map(|verified| verified.terms.grants.to_string())
    };
    let all = policy(&Algorithm::ALL);
    let ours = Policy { audience: vec!["us".into(), "them".into()], issuer: Some("me".into()), ..all.clone() };
    for (claims, policy, expected) in [
        (r#""exp":1800000001"#, &all, None),
        (r#""exp":1800000000.5"#, &all, None),
        (r#""exp":1e300"#, &all, None),
        (r#""exp":1800000000"#, &all, Some(BadJwt::Over)),
        (r#""exp":-1e300"#, &all, Some(BadJwt::Over)),
        (r#""exp":"4102444800""#, &all, Some(BadJwt::NoEnd)),
        (r#""iat":1"#, &all, Some(BadJwt::NoEnd)),
        (r#""exp":4102444800,"nbf":1800000000"#, &all, None),
        (r#""exp":4102444800,"nbf":1800000001"#, &all, Some(BadJwt::Early)),
        (r#""exp":4102444800,"nbf":"now""#, &all, Some(BadJwt::Early)),
        (r#""exp":4102444800,"aud":"us""#, &all, Some(BadJwt::Audience)),
        (r#""exp":4102444800,"aud":[]"#, &all, Some(BadJwt::Audience)),
        (r#""exp":4102444800,"aud":["x","them"],"iss":"me""#, &ours, None),
        (r#""exp":4102444800,"aud":"us","iss":"me""#, &ours, None),
        (r#""exp":4102444800,"aud":"US","iss":"me""#, &ours, Some(BadJwt::Audience)),
        (r#""exp":4102444800,"iss":"me""#, &ours, Some(BadJwt::Audience)),
        (r#""exp":4102444800,"aud":"us","iss":"you""#, &ours, Some(BadJwt::Issuer)),
        (r#""exp":4102444800,"aud":"us""#, &ours, Some(BadJwt::Issuer)),
    ] {
        let claims = format!(r#"{{"rights":"sub:a",{claims}}}"#);
        assert_eq!(ask(&claims, policy).err(), expected, "{claims}");
    }
    for rights in ["", r#","rights":"""#, r#","rights":"read:a""#, r#","rights":["sub:a"]"#] {
        assert_eq!(ask(&format!(r#"{{"exp":4102444800{rights}}}"#), &all).err(), Some(BadJwt::Rights), "{rights}");
    }
}

#[test]
fn what_is_wrong_with_a_file_of_keys_is_said_with_its_member() {
    let wrong = |keys: &str| Keys::read(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).unwrap_err();
    let none = "keys: none of them is for EdDSA, ES256 or RS256";
    let x = "A".repeat(43);
    for (key, why) in [
        (String::new(), none),
        (r#"{"kty":"future"}"#.to_owned(), none),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","use":"enc","x":"{x}"}}"#), none),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","key_ops":["sign"],"x":"{x}"}}"#), none),
        (format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"ES256","x":"{x}"}}"#), none),
        (r#"{"crv":"Ed25519"}"#.to_owned(), "keys[0].kty: the kind of a key is expected"),
        (
            r#"{"kty":"oct","k":"c2VjcmV0"}"#.to_owned(),
            "keys[0].kty: only public keys belong here, and this one is secret",
        ),
        (
            format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","d":"{x}"}}"#),
            "keys[0].kty: only public keys belong here, and this one is secret",
        ),
        (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#.to_owned(), "keys[0].x: it has not the length of such a key"),
        (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#), "keys[0].y: base64url is expected"),
        (r#"{"kty":"RSA","n":"AAAA","e":"AQAB"}"#.to_owned(), "keys[0].n: a number without zeros before it"),
        (r#"{"kty":"RSA","n":"ofgW","e":"AQAB"}"#.to_owned(), "keys[0].n: an RSA key has 2048 to 8192 bits"),
    ] {
        assert_eq!(wrong(&key), why, "{key}");
    }
    assert_eq!(Keys::read(b"{}").unwrap_err(), "keys: a list of keys is expected");
}
