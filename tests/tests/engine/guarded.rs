//! An engine that lets in who proves who they are: by a token, a password, a key, a certificate.

use std::fs;
use std::path::Path;

use data_encoding::BASE64URL_NOPAD;
use nkeys::KeyPair;
use serde_json::{Value, json};
use streamgauge_tests::certificates::{Authority, Identity};
use streamgauge_tests::command::run;
use streamgauge_tests::nats::Cluster;
use tempfile::TempDir;

use crate::{gateway, started};

/// What is only told to the engine.
const SECRET: &str = "s3cr3t-0f-th3-3ng1n3";

fn written(folder: &TempDir, name: &str, text: &str) -> String {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Gateways with these flags keep what they are told, and those with `wrong` ones are told why they are not let in.
fn lets_in(url: &str, flags: &[&str], wrong: &[&[&str]]) {
    let check = |flags: &[&str]| run(&[&["engine", "check", url][..], flags].concat(), "");
    let (code, said, error) = check(flags);
    assert_eq!(code, 0, "{flags:?}: {said}{error}");
    assert!(said.contains("jetstream    answers"), "{said}");
    let server = gateway(url, flags);
    assert_eq!(server.connect().post("/put?queue=q", "item").status, 200);
    assert_eq!(server.connect().get("/get?queue=q").text(), "item");
    for flags in wrong {
        let (code, said, error) = check(flags);
        assert!(code != 0 && !error.is_empty(), "{flags:?}: {said}{error}");
        assert!(!said.contains(SECRET) && !error.contains(SECRET), "{said}{error}");
    }
}

#[test]
fn by_a_token() {
    let Some(cluster) = Cluster::start_with(1, &format!("authorization {{ token: \"{SECRET}\" }}")) else { return };
    let folder = TempDir::new().unwrap();
    let right = written(&folder, "right", &format!("{SECRET}\n"));
    let wrong = written(&folder, "wrong", &format!("{SECRET}!"));
    lets_in(&cluster.url(), &["--engine-token-file", &right], &[&[], &["--engine-token-file", &wrong]]);
}

#[test]
fn who_may_not_publish_is_told_so() {
    let may = "permissions: { publish: [\"$JS.API.>\"], subscribe: [\"_INBOX.>\"] }";
    let users = format!("authorization {{ users: [ {{ user: gateway, password: \"{SECRET}\", {may} }} ] }}");
    let Some(cluster) = Cluster::start_with(1, &users) else { return };
    let folder = TempDir::new().unwrap();
    let flags = ["--engine-token-file", &written(&folder, "right", &format!("gateway:{SECRET}\n"))];
    let why = "nothing can be published on streamgauge.log";
    let mut server = started(&cluster.url(), &flags);
    let said = server.process.line("engine: ");
    assert!(said.contains(why) && said.contains("is its user allowed to?"), "{said}");
    let (code, said, error) = run(&[&["engine", "check", &cluster.url()][..], &flags].concat(), "");
    assert!(code == 1 && error.contains(why), "{code}: {said}{error}");
}

#[test]
fn by_a_password() {
    let users = format!("authorization {{ user: gateway, password: \"{SECRET}\" }}");
    let Some(cluster) = Cluster::start_with(1, &users) else { return };
    let folder = TempDir::new().unwrap();
    let right = written(&folder, "right", &format!("gateway:{SECRET}\n"));
    let other = written(&folder, "other", &format!("other:{SECRET}\n"));
    lets_in(&cluster.url(), &["--engine-token-file", &right], &[&[], &["--engine-token-file", &other]]);
}

#[test]
fn by_a_key_that_an_account_vouches_for() {
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let system = KeyPair::new_account();
    let limits = json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
        "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1 });
    let vouched = [
        jwt(&operator, &operator, json!({ "type": "operator", "version": 2 })),
        jwt(&operator, &system, json!({ "type": "account", "version": 2 })),
        jwt(&operator, &account, json!({ "type": "account", "version": 2, "limits": limits })),
        jwt(&account, &user, json!({ "type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1 })),
    ];
    let [operator, of_system, of_account, of_user] = &vouched;
    let (account, system) = (account.public_key(), system.public_key());
    let settings = format!(
        "operator: {operator}\nsystem_account: {system}\nresolver: MEMORY\n\
         resolver_preload {{ {system}: {of_system}, {account}: {of_account} }}"
    );
    let Some(cluster) = Cluster::start_with(1, &settings) else { return };
    let folder = TempDir::new().unwrap();
    let creds = |name: &str, seed: &KeyPair| {
        let seed = seed.seed().unwrap();
        let (begin, end) = ("-----BEGIN", "-----END");
        let text = format!(
            "{begin} NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n\
             {begin} USER NKEY SEED-----\n{seed}\n---{end} USER NKEY SEED------\n"
        );
        written(&folder, name, &text)
    };
    let (right, wrong) = (creds("right.creds", &user), creds("wrong.creds", &KeyPair::new_user()));
    lets_in(&cluster.url(), &["--engine-creds", &right], &[&[], &["--engine-creds", &wrong]]);
}

/// What `issuer` says of `subject`, as the engine's own tool writes it.
fn jwt(issuer: &KeyPair, subject: &KeyPair, of_nats: Value) -> String {
    let part = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let head = part(json!({ "typ": "JWT", "alg": "ed25519-nkey" }));
    let (issuer_key, subject) = (issuer.public_key(), subject.public_key());
    let claims =
        json!({ "jti": subject, "iat": 1, "iss": issuer_key, "name": "tests", "sub": subject, "nats": of_nats });
    let signed = format!("{head}.{}", part(claims));
    let signature = BASE64URL_NOPAD.encode(&issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[test]
fn by_a_certificate_of_an_authority_that_is_named() {
    let folder = TempDir::new().unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (ours, other) = (Authority::new(folder.path(), "ours"), Authority::new(folder.path(), "other"));
    let (ca, other_ca) = (path(&ours.certificate), path(&other.certificate));
    let server = ours.vouch("server", &["127.0.0.1"]);
    let files = |identity: &Identity| (path(&identity.certificate), path(&identity.key));
    let (certificate, key) = files(&server);
    let tls = format!("tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true }}");
    let Some(cluster) = Cluster::start_with(1, &tls) else { return };
    let (certificate, key) = files(&ours.vouch("gateway", &[]));
    let (stranger, its_key) = files(&other.vouch("stranger", &[]));
    let url = cluster.url().replace("nats://", "tls://");
    lets_in(
        &url,
        &["--engine-ca", &ca, "--engine-cert", &certificate, "--engine-key", &key],
        &[
            &["--engine-ca", &ca],
            &["--engine-ca", &ca, "--engine-cert", &stranger, "--engine-key", &its_key],
            // The server that is there is not who it says it is.
            &["--engine-ca", &other_ca, "--engine-cert", &certificate, "--engine-key", &key],
            &["--engine-cert", &certificate, "--engine-key", &key],
        ],
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let nowhere = "/nowhere/at/all";
    for flag in ["--engine-creds", "--engine-token-file", "--engine-ca"] {
        let (code, _, error) = run(&["engine", "check", "nats://127.0.0.1:1", flag, nowhere], "");
        assert!(code != 0 && error.contains(flag) && error.contains(nowhere), "{error}");
    }
}
