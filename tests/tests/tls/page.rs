//! What the page about TLS says in a shell.

use std::fs;
use std::process::Command;

use streamgauge_tests::build::workspace;
use streamgauge_tests::command::{ended, streamgauge};

use crate::gauge::Gauge;
use crate::have_clients;

#[test]
fn the_certificate_to_try_it_with_is_one_for_curl_and_for_the_commands() {
    if !have_clients() {
        return;
    }
    let page = fs::read_to_string(workspace().join("host-std/docs/tls.md")).unwrap();
    let recipe = page.split("```sh\n").find(|block| block.starts_with("openssl req ")).unwrap();
    let (recipe, _) = recipe.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("sh").args(["-ec", recipe]).current_dir(folder.path()).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    // It vouches for itself.
    fs::copy(folder.path().join("server.pem"), folder.path().join("ca.pem")).unwrap();
    let gauge = Gauge::of(folder, &[]);
    gauge.curl(&["-d", "item", &gauge.url("/put")]).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{}", gauge.address.port());
        let peek = streamgauge(&["peek", "--url", &url]).env("STREAMGAUGE_CA_FILE", gauge.file("server.pem")).spawn();
        let peek = ended(peek.unwrap());
        let said = String::from_utf8_lossy(&peek.stderr);
        assert!(peek.status.success() && String::from_utf8_lossy(&peek.stdout).contains("item"), "{host}: {said}");
    }
}
