//! The alerts and the dashboard that come with the server: they name what there is, and fire when they should.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use streamgauge_tests::build::workspace;
use streamgauge_tests::needs;
use streamgauge_tests::process::Server;
use tempfile::TempDir;

use super::prometheus::Prometheus;

fn file(name: &str) -> PathBuf {
    workspace().join("host-std/packaging").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(file(name)).unwrap()
}

fn promtool(words: [&str; 2], file: &Path) {
    let output = Command::new("promtool").args(words).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// All that may be a metric of a server: words that begin as those do.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("streamgauge_") || word.starts_with("process_")).collect()
}

/// Expressions of a dashboard, wherever they stand.
fn expressions(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            into.extend(members.get("expr").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| expressions(member, into));
        }
        Value::Array(all) => all.iter().for_each(|one| expressions(one, into)),
        _ => {}
    }
}

#[test]
fn whatever_they_name_is_counted() {
    let folder = TempDir::new().unwrap();
    let server = Server::everything([format!("--data-dir={}", folder.path().display())]);
    let scrape = server.get("/metrics");
    // Families, of which some have no samples yet, and samples, of which a family of buckets has three kinds.
    let name = |line: &'_ str| line.trim_start_matches("# TYPE ").split([' ', '{']).next().map(str::to_owned);
    let lines = scrape.lines().filter(|line| !line.starts_with("# HELP"));
    let counted: BTreeSet<_> = lines.filter_map(name).collect();
    for (name, least) in [("alerts.yaml", 12), ("grafana.json", 20)] {
        let text = text(name);
        let named = named(&text);
        assert!(named.len() >= least, "{name} names {named:?}");
        let missing: Vec<_> = named.iter().filter(|name| !counted.contains(**name)).collect();
        assert!(missing.is_empty(), "{name} names what nobody counts: {missing:?}");
    }
}

#[test]
fn each_alert_fires_when_it_should_and_not_else() {
    if !needs::programs(&["promtool"]) {
        return;
    }
    promtool(["check", "rules"], &file("alerts.yaml"));
    let tests = workspace().join("tests/tests/metrics/alerts.test.yaml");
    promtool(["test", "rules"], &tests);
    let (alerts, tests) = (text("alerts.yaml"), std::fs::read_to_string(tests).unwrap());
    let named: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(named.len() >= 12, "{named:?}");
    for alert in named {
        for how in ["fires", "does not"] {
            assert!(tests.contains(&format!("- name: {alert} {how}\n")), "{alert} {how}: no test");
        }
    }
}

#[test]
fn prometheus_understands_the_dashboard() {
    if !needs::programs(&["promtool"]) {
        return;
    }
    let dashboard: Value = serde_json::from_str(&text("grafana.json")).unwrap();
    let mut all = Vec::new();
    expressions(&dashboard, &mut all);
    assert!(all.len() > 20);
    let plain = |expression: String| {
        let variables = [("$__rate_interval", "5m"), ("$instance", ".*"), ("$topic", ".*"), ("$queue", ".*")];
        variables.iter().fold(expression, |text, (variable, value)| text.replace(variable, value))
    };
    let rules: Vec<_> = all
        .into_iter()
        .enumerate()
        .map(|(number, expression)| json!({"record": format!("dashboard:{number}"), "expr": plain(expression)}))
        .collect();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("rules.json");
    std::fs::write(&path, json!({"groups": [{"name": "dashboard", "rules": rules}]}).to_string()).unwrap();
    promtool(["check", "rules"], &path);
    // Where the numbers come from is for who imports it to say.
    for panel in dashboard["panels"].as_array().unwrap().iter().filter(|panel| panel["type"] != "row") {
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
    }
}

#[test]
fn prometheus_is_told_of_a_dead_letter() {
    if !needs::programs(&["prometheus"]) {
        return;
    }
    let server = Server::everything([] as [&str; 0]);
    let mut client = server.connect();
    assert_eq!(client.put("/queues/jobs", r#"{"max_attempts":1}"#).status, 201);
    let prometheus = Prometheus::over(server.address, Some(&file("alerts.yaml")));
    assert_eq!(prometheus.value("streamgauge_queue_dead_items", &[("queue", "jobs")]), "0");
    assert_eq!(client.post("/put?queue=jobs", "letter").status, 200);
    let lent = client.get("/get?queue=jobs&lease=60");
    let lease = lent.header("x-lease").expect("a lease").to_owned();
    assert_eq!(client.post(&format!("/nack?queue=jobs&lease={lease}"), "").status, 200);
    let labels = [("alertname", "StreamgaugeDeadLetters"), ("alertstate", "firing"), ("queue", "jobs")];
    prometheus.value("ALERTS", &labels);
}
