//! A real Prometheus that collects from a server.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use streamgauge_tests::kept::text;
use streamgauge_tests::needs;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Process;
use streamgauge_tests::wait::until_within;
use tempfile::TempDir;

use super::used;

pub(super) struct Prometheus {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Prometheus {
    /// One that collects from `server` each second, and looks at the rules of a file as often.
    pub(super) fn over(server: SocketAddr, rules: Option<&Path>) -> Self {
        let folder = TempDir::new().unwrap();
        let config = folder.path().join("prometheus.yml");
        let port = free_address().port();
        let targets = json!([{"targets": [server.to_string()]}]);
        // What is JSON is YAML too.
        let wanted = json!({
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": rules.into_iter().collect::<Vec<_>>(),
            "scrape_configs": [{"job_name": "streamgauge", "static_configs": targets}],
        });
        std::fs::write(&config, wanted.to_string()).unwrap();
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", config.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        Self { _process: Process::spawn(command), _folder: folder, port }
    }

    /// Waits until it has something under this name and these labels, and tells its value.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> String {
        until_within(Duration::from_secs(60), name, || {
            let answer = self.ask(&format!("/api/v1/query?query={name}"))?;
            let all = answer.pointer("/data/result")?.as_array()?;
            let found = all.iter().find(|one| labels.iter().all(|(label, value)| one["metric"][*label] == *value))?;
            Some(found.pointer("/value/1")?.as_str()?.to_owned())
        })
    }

    fn ask(&self, path: &str) -> Option<Value> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        serde_json::from_str(text.split_once("\r\n\r\n")?.1).ok()
    }
}

#[test]
fn it_collects_what_a_server_counts() {
    if !needs::programs(&["prometheus"]) {
        return;
    }
    let folder = TempDir::new().unwrap();
    let server = used(&["--data-dir", text(folder.path())]);
    let prometheus = Prometheus::over(server.address, None);
    assert_eq!(prometheus.value("streamgauge_queue_accepted_items_total", &[("queue", "jobs")]), "4");
    let syncs = prometheus.value("streamgauge_disk_sync_seconds_count", &[]);
    assert!(syncs.parse::<u64>().is_ok_and(|count| count >= 4), "{syncs}");
}
