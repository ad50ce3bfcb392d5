//! What `host-std/packaging/compose.yaml` puts in front of gateways, with its own settings.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use streamgauge_tests::build::workspace;
use streamgauge_tests::client::Client;
use streamgauge_tests::kept::killed;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{SOON, until_within};
use tempfile::TempDir;

use crate::{JOINED, pair};

#[test]
fn requests_and_streams_go_through_the_proxy_and_past_a_gateway_that_is_gone() {
    let Some(program) = needs::program("nginx") else {
        return needs::without("nginx is not on this machine", "tests/run installs it");
    };
    let Some((_cluster, [a, b])) = pair() else { return };
    let folder = TempDir::new().expect("a folder");
    let free: SocketAddr = free_address();
    let settings = fs::read_to_string(workspace().join("host-std/packaging/proxy.conf")).expect("the proxy's settings");
    let settings = settings
        .replace("gateway1:8080", &a.address.to_string())
        .replace("gateway2:8080", &b.address.to_string())
        .replace("listen 8080", &format!("listen {free}"));
    let here = folder.path().display();
    let around = format!(
        "daemon off; pid {here}/pid; error_log stderr; worker_processes 1; events {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;\n\
         uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;\n{settings}\n}}\n"
    );
    let file = folder.path().join("nginx.conf");
    fs::write(&file, around).expect("a file");
    let mut command = Command::new(program);
    command.arg("-e").arg("stderr").arg("-c").arg(&file);
    let _proxy = Process::spawn(command);
    let client = || {
        until_within(JOINED, "the proxy", || {
            let mut client = Client::try_connect(free, SOON)?;
            (client.get("/livez").status == 200).then_some(client)
        })
    };
    let mut subscriber = client();
    subscriber.send("GET /sub?topic=t&multipart=0 HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(subscriber.head().contains("200 OK"));
    assert_eq!(subscriber.chunk().as_deref(), Some(&b"\r\n"[..]), "it comes at once");
    for number in 0..6 {
        assert_eq!(client().post("/pub?topic=t", format!("{number}")).status, 200);
        assert_eq!(subscriber.chunk(), Some(format!("{number}\n").into_bytes()));
    }
    assert_eq!(client().post("/put?queue=q", "kept").status, 200);
    killed(a);
    // Whoever asks now is sent to the other one.
    for _ in 0..4 {
        assert_eq!(client().get("/livez").status, 200);
    }
    assert_eq!(client().get("/get?queue=q&wait=5").text(), "kept");
}
