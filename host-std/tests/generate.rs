//! `streamgauge generate`, as it is used.

mod process;

use std::collections::HashMap;
use std::io::Read as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use process::{QueueProcess, free_port};
use serde_json::Value;
use streamgauge::client::{Item, Limits, Subscription, Url, request};
use streamgauge::gateway::{Gateway, Settings};
use streamgauge::server;
use streamgauge_core::endpoints::Surface;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_streamgauge"));
    command.arg("generate").args(args);
    command
}

fn generate(args: &[&str]) -> String {
    let output = command(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn numbers(args: &[&str]) -> Vec<f64> {
    generate(args).lines().map(|line| line.parse().unwrap()).collect()
}

/// FNV-1a.
fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Each kind with its parameters, and what the bytes of seed 42 come to.
const KINDS: [(&[&str], u64); 9] = [
    (&["count", "--min=5"], 0xd510_a398_88bf_103e),
    (&["uniform", "--min=-1", "--max", "2"], 0x2a28_437b_3bbd_0172),
    (&["normal", "--mean=5", "--variance", "4", "--field", "x"], 0x5f36_2f4d_94e3_40e7),
    (&["exponential", "--rate-parameter=0.5"], 0xec7c_e94e_1efe_c4e1),
    (&["lognormal", "--mean=0.1", "--variance=0.5"], 0x0381_153c_a838_5078),
    (&["pareto", "--alpha=2.5"], 0x4213_2874_030c_a783),
    (&["integers", "--min=-5", "--max=5"], 0xab92_86bd_f989_62bb),
    (&["clicks"], 0xb479_3937_7e8c_61c8),
    (&["graph", "--nodes=20"], 0xf60f_850a_ceb0_3a6e),
];

#[test]
fn a_seed_gives_the_same_bytes_for_ever() {
    let found = KINDS.map(|(args, _)| {
        let stream = |seed| generate(&[args, &["--count=1000", "--seed", seed]].concat());
        let text = stream("42");
        assert_eq!(text.lines().count(), 1000);
        assert_eq!(text == stream("43"), args[0] == "count", "{args:?}");
        fingerprint(&text)
    });
    assert_eq!(found, KINDS.map(|(_, expected)| expected), "{found:#018x?}");
}

#[test]
fn parameters_mean_what_they_say() {
    let mean_and_variance = |args: &[&str]| {
        let numbers = numbers(&[args, &["--count=40000", "--seed=7"]].concat());
        let n = numbers.len() as f64;
        let mean = numbers.iter().sum::<f64>() / n;
        (mean, numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0))
    };
    let e = core::f64::consts::E;
    for (args, mean, variance) in [
        (&["uniform", "--min=-1", "--max=5"][..], 2.0, 3.0),
        (&["normal", "--mean=-3", "--variance=4"], -3.0, 4.0),
        (&["exponential", "--rate-parameter=4"], 0.25, 1.0 / 16.0),
        (&["lognormal", "--mean=0", "--variance=0.25"], e.powf(0.125), (e.powf(0.25) - 1.0) * e.powf(0.25)),
        (&["pareto", "--alpha=6", "--min=2"], 2.4, 0.24),
        (&["integers", "--min=1", "--max=6"], 3.5, 35.0 / 12.0),
    ] {
        let (found_mean, found_variance) = mean_and_variance(args);
        // Five standard errors of the mean; heavy tails make the variance less certain.
        assert!((found_mean - mean).abs() < 5.0 * (variance / 40000.0).sqrt(), "{args:?}: {found_mean}");
        assert!((found_variance / variance - 1.0).abs() < 0.1, "{args:?}: {found_variance}");
    }
    assert_eq!(generate(&["count", "--count=3", "--field=n"]), "{\"n\": 1}\n{\"n\": 2}\n{\"n\": 3}\n");
}

#[test]
fn clicks_look_like_clicks() {
    let text = generate(&["clicks", "--count=20000", "--seed=1"]);
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (beats, clicks): (Vec<_>, Vec<_>) = records.iter().partition(|record| record.get("_heartbeat_").is_some());
    assert!((300..1200).contains(&beats.len()), "{}", beats.len());
    assert!(beats.iter().all(|beat| beat["_heartbeat_"].is_u64()));
    let mut links = HashMap::new();
    let mut counts = HashMap::new();
    let mut last = 0;
    for click in &clicks {
        for name in ["a", "tz", "g", "h", "l", "hh", "r", "u"] {
            assert!(click[name].is_string(), "{name} of {click}");
        }
        assert!(click["nk"] == 0 || click["nk"] == 1);
        let (time, made) = (click["t"].as_u64().unwrap(), click["hc"].as_u64().unwrap());
        assert!(time >= last && made <= time);
        last = time;
        let located = ["c", "gr", "cy", "ll"].map(|name| click.get(name).is_some());
        assert!(located == [true; 4] || located == [false; 4]);
        if let Some(Value::Array(at)) = click.get("ll") {
            assert!(at[0].as_f64().unwrap().abs() <= 90.0 && at[1].as_f64().unwrap().abs() <= 180.0);
        }
        // One long URL has one hash.
        assert_eq!(links.entry(&click["u"]).or_insert(&click["g"]), &&click["g"]);
        *counts.entry(click["u"].as_str().unwrap()).or_insert(0) += 1;
    }
    // Zipf's law of 500 URLs: the first has 1 / H(500) = 14.7 % of all, the second half of it.
    let mut counts: Vec<usize> = counts.into_values().collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let share = |rank: usize| counts[rank] as f64 / clicks.len() as f64;
    assert!((share(0) - 0.147).abs() < 0.015 && (share(1) - 0.0736).abs() < 0.01, "{} {}", share(0), share(1));
    assert!(counts.len() > 400);
}

#[test]
fn wrong_parameters_are_one_line() {
    for (args, why) in [
        (&["normal", "--variance=-1"][..], "--variance must not be below 0"),
        (&["normal", "--variance=1e400"], "--variance must be finite"),
        (&["pareto", "--alpha=0"], "--alpha must be above 0"),
        (&["pareto", "--min=inf"], "--min must be finite"),
        (&["uniform", "--min=2", "--max=1"], "--min must not be above --max"),
        (&["uniform", "--min=nan"], "--min must be finite"),
        (&["exponential", "--rate-parameter=nan"], "--rate-parameter must be finite"),
        (&["graph", "--nodes=0"], "--nodes must be above 0"),
        (&["graph", "--alpha=inf"], "--alpha must be finite"),
        (&["clicks", "--urls=0"], "--urls must be above 0"),
        (&["clicks", "--referrers=0"], "--referrers must be above 0"),
        (&["clicks", "--field=x"], "--field is for numbers"),
        (&["count", "--rate=0"], "must be a number above 0"),
    ] {
        let output = command(&[args, &["--count=1"]].concat()).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.lines().count()), (Some(2), 1), "{args:?}: {errors}");
        assert!(errors.contains(why), "{args:?}: {errors}");
    }
}

#[test]
fn a_count_goes_on_beyond_64_bits() {
    let text = generate(&["count", "--min=9223372036854775806", "--count=3"]);
    assert_eq!(text, "9223372036854775806\n9223372036854775807\n9223372036854775808\n");
}

#[test]
fn the_rate_is_kept_and_a_closed_pipe_ends_it() {
    let began = Instant::now();
    assert_eq!(generate(&["count", "--rate=100", "--count=51"]).lines().count(), 51);
    let took = began.elapsed();
    assert!((Duration::from_millis(490)..Duration::from_secs(3)).contains(&took), "{took:?}");

    let mut child = command(&["uniform"]).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 1000]).unwrap();
    assert!(child.wait().unwrap().success());
}

async fn serve(listener: TcpListener, surface: Surface, stop: watch::Sender<bool>) {
    let gateway = Gateway::new(Settings::new(surface), stop.clone()).unwrap();
    gateway.run(vec![(listener, surface)], server::Limits::default(), stop.subscribe()).await.unwrap();
}

#[tokio::test]
async fn several_targets_get_the_same() {
    let mut queues = Vec::new();
    for _ in 0..2 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let stop = watch::Sender::new(false);
        tokio::spawn(serve(listener, Surface::Simplequeue, stop));
        queues.push(url);
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pubsub: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let stop = watch::Sender::new(false);
    tokio::spawn(serve(listener, Surface::Pubsub, stop));
    let mut subscription = Subscription::connect(&pubsub.join("/sub"), Limits::default()).await.unwrap();
    let published = tokio::spawn(async move {
        let mut messages: Vec<String> = Vec::new();
        while messages.len() < 300 {
            let keep = |item: Item<'_>| match item {
                Item::Message { bytes, .. } => messages.push(String::from_utf8(bytes.to_vec()).unwrap()),
                other => panic!("{other:?}"),
            };
            subscription.read(keep).await.unwrap();
        }
        messages
    });
    let mut flags: Vec<String> = queues.iter().map(|url| format!("--queue={url}")).collect();
    flags.push(format!("--pubsub={pubsub}"));
    let printed = tokio::task::spawn_blocking(move || {
        let args = ["normal", "--count=300", "--seed=3", "--stdout"];
        generate(&args.into_iter().chain(flags.iter().map(String::as_str)).collect::<Vec<_>>())
    });
    let printed = printed.await.unwrap();
    for queue in &queues {
        let dump = request("GET", &queue.join("/dump"), &[], None, &Limits::default()).await.unwrap();
        assert!(dump.body() == printed.as_bytes());
    }
    let published = timeout(Duration::from_secs(10), published).await.expect("all of them in time").unwrap();
    assert!(published.iter().eq(printed.lines()));
    let refused = tokio::task::spawn_blocking(|| command(&["count", "--queue=http://127.0.0.1:1"]).output().unwrap());
    let refused = refused.await.unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("can't connect"));
}

#[tokio::test]
async fn a_server_that_comes_back_gets_the_rest() {
    let port = free_port();
    let url: Url = format!("http://127.0.0.1:{port}").parse().unwrap();
    let depth = async || {
        let answer = request("GET", &url.join("/stats?format=json"), &[], None, &Limits::default()).await.unwrap();
        serde_json::from_slice::<Value>(answer.body()).unwrap()["depth"].as_u64().unwrap()
    };
    let first = QueueProcess::start(port);
    let mut command = command(&["count", "--count=4000", "--rate=1000", "--queue", &url.to_string()]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    let began = Instant::now();
    while depth().await == 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "nothing comes");
    }
    drop(first);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let _second = QueueProcess::start(port);
    let output = tokio::task::spawn_blocking(|| child.wait_with_output().unwrap()).await.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("; trying again for up to 60 s\n") && errors.contains("reached again\n"), "{errors}");
    // What the first one had is gone with it; nothing that came later is.
    let dump = request("GET", &url.join("/dump"), &[], None, &Limits::default()).await.unwrap();
    let numbers: Vec<u64> = std::str::from_utf8(dump.body()).unwrap().lines().map(|n| n.parse().unwrap()).collect();
    assert!(numbers.len() > 100, "{}", numbers.len());
    assert!(numbers.is_sorted_by(|a, b| b - a == 1) && numbers.ends_with(&[4_000]), "{numbers:?}");
}
