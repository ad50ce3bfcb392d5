//! Signed tokens: of each algorithm, and what is wrong with others.

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use nix::sys::signal::Signal;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use ring::{hmac, rsa};
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::until;

use super::{Tokens, ask, bearer, sent, status};

/// Who signs.
struct Issuer {
    random: SystemRandom,
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    rsa: RsaKeyPair,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

impl Issuer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let ed25519 = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let p256 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        // ring makes no RSA keys; this one is of no use elsewhere.
        let rsa = BASE64URL_NOPAD.decode(include_str!("rsa.txt").trim().as_bytes()).expect("base64url");
        Self {
            ed25519: Ed25519KeyPair::from_pkcs8(ed25519.as_ref()).expect("a key"),
            p256: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, p256.as_ref(), &random).expect("a key"),
            rsa: RsaKeyPair::from_der(&rsa).expect("a key"),
            random,
        }
    }

    /// The file of public keys.
    fn keys(&self) -> String {
        let point = self.p256.public_key().as_ref();
        let rsa: rsa::PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let keys = [
            format!(r#"{{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"{}"}}"#, text(self.ed25519.public_key())),
            format!(
                r#"{{"kty":"EC","crv":"P-256","kid":"ec","x":"{}","y":"{}"}}"#,
                text(&point[1..33]),
                text(&point[33..])
            ),
            format!(r#"{{"kty":"RSA","kid":"rsa","n":"{}","e":"{}"}}"#, text(&rsa.n), text(&rsa.e)),
        ];
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// A token with these claims, signed with the key of an algorithm.
    fn token(&self, algorithm: &str, claims: &str) -> String {
        let signed = format!("{}.{}", text(format!(r#"{{"alg":"{algorithm}"}}"#)), text(claims));
        let bytes = signed.as_bytes();
        let signature = match algorithm {
            "EdDSA" => text(self.ed25519.sign(bytes)),
            "ES256" => text(self.p256.sign(&self.random, bytes).expect("a signature")),
            "RS256" => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, bytes, &mut signature).expect("a signature");
                text(signature)
            }
            // The old trick: a public key as the secret that is shared.
            "HS256" => text(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, self.rsa.public().as_ref()), bytes)),
            _ => String::new(),
        };
        format!("{signed}.{signature}")
    }
}

/// So many seconds from now.
fn time(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
    i64::try_from(now).expect("a time") + seconds
}

fn claims(seconds: i64, more: &str) -> String {
    format!(r#"{{"rights":"pub:clicks.* sub:clicks.*","exp":{}{more}}}"#, time(seconds))
}

/// A server that knows an issuer's keys, and the file of these.
fn served(issuer: &Issuer, more: &[&str]) -> (Server, Tokens) {
    let file = Tokens::new();
    std::fs::write(&file.path, issuer.keys()).expect("the file is written");
    let flag = format!("--jwt-keys={}", file.path.display());
    (Server::everything([&[flag.as_str()], more].concat()), file)
}

#[test]
fn a_signed_token_gives_what_its_claim_says() {
    let issuer = Issuer::new();
    let (server, _file) = served(&issuer, &["--enable-logging"]);
    let mut secrets = Vec::new();
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let token = issuer.token(algorithm, &claims(60, ""));
        // The second time it is remembered.
        for _ in 0..2 {
            assert_eq!(ask(&server, "POST /pub?topic=clicks.de", &bearer(&token), "x").status, 200, "{algorithm}");
            assert_eq!(status(&server, "GET /sub?topic=clicks.de", &bearer(&token)), 200, "{algorithm}");
            assert_eq!(status(&server, "GET /sub?topic=other", &bearer(&token)), 403, "{algorithm}");
            assert_eq!(status(&server, "GET /get?queue=clicks.de", &bearer(&token)), 403, "{algorithm}");
        }
        let said = ask(&server, "POST /ticket", &bearer(&token), "").text();
        let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        let ticket = said["ticket"].as_str().expect("a ticket");
        assert_eq!(status(&server, &format!("GET /sub?topic=clicks.de&ticket={ticket}"), ""), 200, "{algorithm}");
        secrets.extend([token.rsplit('.').next().expect("three parts").to_owned(), ticket.to_owned()]);
    }
    let log = server.complaints();
    assert!(log.contains("/sub?topic=clicks.de") && !secrets.iter().any(|secret| log.contains(secret)), "{log}");
}

#[test]
fn a_token_that_is_not_signed_so_gives_nothing() {
    let (issuer, other) = (Issuer::new(), Issuer::new());
    let (server, _file) = served(&issuer, &["--jwt-audience=gauge", "--jwt-issuer=me"]);
    let ours = r#","aud":["x","gauge"],"iss":"me""#;
    let good = issuer.token("EdDSA", &claims(60, ours));
    let said = |token: &str| {
        let answer = ask(&server, "GET /stats?topic=clicks.de", &bearer(token), "");
        (answer.status, answer.text())
    };
    assert_eq!(said(&good).0, 200);
    let (signed, _) = good.rsplit_once('.').expect("three parts");
    let longer = claims(600, ours).replace("clicks", "secret");
    for (token, why) in [
        (other.token("EdDSA", &claims(60, ours)), "its signature is wrong"),
        (other.token("ES256", &claims(60, ours)), "its signature is wrong"),
        (issuer.token("none", &claims(60, ours)), "its algorithm is none of those that count here"),
        (issuer.token("HS256", &claims(60, ours)), "its algorithm is none of those that count here"),
        (issuer.token("PS256", &claims(60, ours)), "its algorithm is none of those that count here"),
        (format!("{signed}."), "its signature is wrong"),
        (good.replace(signed.rsplit('.').next().expect("claims"), &text(longer)), "its signature is wrong"),
        (issuer.token("ES256", &claims(-1, ours)), "it has expired"),
        (issuer.token("ES256", &claims(60, &format!(r#"{ours},"nbf":{}"#, time(30)))), "it is not valid yet"),
        (issuer.token("RS256", &claims(60, r#","aud":"other","iss":"me""#)), "it is for another audience"),
        (issuer.token("RS256", &claims(60, r#","iss":"me""#)), "it is for another audience"),
        (issuer.token("RS256", &claims(60, r#","aud":"gauge","iss":"you""#)), "it is of another issuer"),
        (
            issuer.token("RS256", &claims(60, ours).replace("pub:", "read:")),
            "its claim rights must be a text such as \"pub:clicks sub:*\"",
        ),
        (issuer.token("EdDSA", &format!(r#"{{"rights":"sub:*"{ours}}}"#)), "it has no end: exp must be a time"),
        ("a.b.c".to_owned(), "it is no JWT"),
    ] {
        assert_eq!(said(&token), (401, format!("this token is not accepted: {why}\n")), "{token}");
    }
    // An algorithm that does not count is not better for being signed well.
    let (server, _file) = served(&issuer, &["--jwt-algorithms=ES256"]);
    assert_eq!(status(&server, "GET /stats?topic=clicks.de", &bearer(&issuer.token("ES256", &claims(60, "")))), 200);
    assert_eq!(status(&server, "GET /stats?topic=clicks.de", &bearer(&issuer.token("EdDSA", &claims(60, "")))), 401);
}

#[test]
fn a_key_that_is_taken_away_takes_its_tokens_with_it() {
    let (issuer, next) = (Issuer::new(), Issuer::new());
    let (server, file) = served(&issuer, &[]);
    let old = bearer(&issuer.token("EdDSA", &claims(600, "")));
    let rsa = bearer(&issuer.token("RS256", &claims(600, "")));
    let new = bearer(&next.token("ES256", &claims(600, "")));
    let mut stream = sent(&server, "GET /sub?topic=clicks.de", &(old.clone() + "accept: text/event-stream\r\n"), "");
    assert!(stream.head().contains("200 OK"));
    assert_eq!(status(&server, "GET /stats?topic=clicks.de", &new), 401);
    std::fs::write(&file.path, next.keys()).expect("the file is written");
    server.process.signal(Signal::SIGHUP);
    until("the new keys", || (status(&server, "GET /stats?topic=clicks.de", &new) == 200).then_some(()));
    until("a line", || server.process.stderr().contains("the keys of tokens were read again\n").then_some(()));
    assert_eq!(status(&server, "GET /stats?topic=clicks.de", &old), 401, "though it was remembered");
    stream.take_to(b"event: end\ndata: the token is over\n\n");
    // Both issuers of this test have the same RSA key, which has stayed.
    assert_eq!(status(&server, "GET /stats?topic=clicks.de", &rsa), 200);
}
