//! What `host-std/packaging/compose.yaml` puts in front of gateways, with its own settings.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;
use streamgauge_tests::build::workspace;
use streamgauge_tests::client::Client;
use streamgauge_tests::kept::killed;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::{SOON, until, until_within};
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
    // One process: a worker would outlive a master that is killed.
    let around = format!(
        "daemon off; master_process off; pid {here}/pid; error_log stderr; events {{}}\nhttp {{\naccess_log off;\n\
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
    // Nobody knows what becomes of what one was sent that says nothing any more: it is not sent again, by GET neither.
    a.process.signal(Signal::SIGSTOP);
    let mut putters: Vec<_> = (0..6).map(|_| Client::connect(free)).collect();
    for (number, putter) in putters.iter_mut().enumerate() {
        // A path is known by its beginning.
        let path = ["/put", "/putty", "/put/x"][number % 3];
        putter.send(format!("GET {path}?queue=once&data={number} HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    }
    let answers = |putter: &mut Client| putter.has_more_within(Duration::from_millis(100));
    until("the other one to answer", || putters.iter_mut().any(answers).then_some(()));
    assert!(putters.iter_mut().any(|putter| !putter.has_more_within(Duration::from_millis(500))));
    killed(a);
    let answered: Vec<_> = putters.iter_mut().map(|putter| putter.answer().status).collect();
    let put = answered.iter().filter(|status| **status == 200).count();
    assert!(put > 0 && answered.iter().filter(|status| **status == 502).count() == 6 - put, "{answered:?}");
    let depth = b.get("/stats?queue=once&format=json");
    assert!(depth.contains(&format!("\"depth\":{put},")), "{put} of {answered:?}: {depth}");
    // Whoever asks now is sent to the other one.
    for _ in 0..4 {
        assert_eq!(client().get("/livez").status, 200);
    }
    assert_eq!(client().get("/get?queue=q&wait=5").text(), "kept");
}
