//! Readers on real queues.

mod command;
mod items;
mod leases;
#[path = "../process/mod.rs"]
mod process;
mod scripted;
mod several;
mod trouble;

use core::time::Duration;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use process::{QueueProcess, free_port};
use streamgauge::client::{Limits, Url, request, simplequeue_write};
use streamgauge::gateway::{Gateway, Settings};
use streamgauge::readers::{Builder, Message, Monitor, Outcome, Reader};
use streamgauge::server;
use streamgauge_core::endpoints::Surface;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

async fn queue() -> (Url, JoinHandle<()>) {
    queue_at("127.0.0.1:0").await
}

async fn queue_at(address: &str) -> (Url, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let stop = watch::Sender::new(false);
    let queue = Gateway::new(Settings::new(Surface::Simplequeue), stop.clone()).unwrap();
    let serving = tokio::spawn(async move {
        queue.run(vec![(listener, Surface::Simplequeue)], server::Limits::default(), stop.subscribe()).await.unwrap();
    });
    (url, serving)
}

async fn put(queue: &Url, items: &[&str]) {
    for item in items {
        simplequeue_write(queue, item.as_bytes()).await.unwrap();
    }
}

async fn ask(queue: &Url, path: &str) -> String {
    let answer = request("GET", &queue.join(path), &[], None, &Limits::default()).await.unwrap();
    String::from_utf8(answer.into_body()).unwrap()
}

async fn stat(queue: &Url, name: &str) -> u64 {
    let stats: serde_json::Value = serde_json::from_str(&ask(queue, "/stats?format=json").await).unwrap();
    stats[name].as_u64().unwrap()
}

/// A reader without the long pauses and without leases, and a folder of its own for what fails.
fn quick(queue: &Url, folder: &Path) -> Builder {
    Reader::builder(queue.clone())
        .failed_message_dir(folder)
        .failed_pause(Duration::from_millis(100))
        .empty_pause(Duration::from_millis(20))
        .requeue_pause(Duration::ZERO)
        .max_backoff(Duration::from_millis(100))
        .requeue_delay(Duration::from_millis(50))
        .no_leases()
}

/// A new empty folder.
fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("reader-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

struct Running {
    stop: watch::Sender<bool>,
    monitor: Monitor,
    reader: JoinHandle<()>,
}

impl Running {
    fn start(builder: Builder) -> Self {
        let reader = builder.build().unwrap();
        let (stop, monitor) = (watch::Sender::new(false), reader.monitor());
        let stopped = stop.subscribe();
        Self { stop, monitor, reader: tokio::spawn(reader.run(stopped)) }
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Monitor) -> bool) {
        let waiting = async {
            while !is_so(&self.monitor) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let status = || self.monitor.status().to_string();
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not {what}: {}", status()));
    }

    async fn end(self) {
        self.stop.send_replace(true);
        timeout(PATIENCE, self.reader).await.expect("the reader does not stop").unwrap();
    }
}

fn files(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let files =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap()));
    files.collect()
}
