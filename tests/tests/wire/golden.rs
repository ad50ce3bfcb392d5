//! Every row of PROTOCOL.md as a transcript: `tests/golden/*.txt`.
//!
//! Most are played three times: by the tool that they name, which keeps all in memory, by `streamgauge serve` on a disk,
//! and by `streamgauge serve` over NATS JetStream. But for what is listed below, no client can tell which it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use streamgauge_tests::nats::Cluster;
use streamgauge_tests::process::{Server, is_ready};
use streamgauge_tests::transcript::play;
use streamgauge_tests::wait::until_within;
use tempfile::TempDir;

/// How long a gateway may take to join, on a machine that is busy.
const JOINED: Duration = Duration::from_secs(30);

macro_rules! transcripts {
    (everywhere { $($everywhere:ident)* } not_on_disk { $($off_disk:ident)* } alone { $($alone:ident)* }) => {
        /// The tools that the transcripts name.
        mod memory {
            $(#[test] fn $everywhere() { super::in_memory(stringify!($everywhere)); })*
            $(#[test] fn $off_disk() { super::in_memory(stringify!($off_disk)); })*
            $(#[test] fn $alone() { super::in_memory(stringify!($alone)); })*
        }

        /// `serve --data-dir`.
        mod disk {
            $(#[test] fn $everywhere() { super::on_disk(stringify!($everywhere)); })*
        }

        /// `serve --engine`.
        mod engine {
            $(#[test] fn $everywhere() { super::over_engine(stringify!($everywhere)); })*
            $(#[test] fn $off_disk() { super::over_engine(stringify!($off_disk)); })*
        }

        #[test]
        fn every_transcript_is_played() {
            let played = [$(stringify!($everywhere),)* $(stringify!($off_disk),)* $(stringify!($alone),)*];
            let played: BTreeSet<_> = played.map(file).into();
            let files = std::fs::read_dir(folder()).expect("the folder of transcripts");
            let files: BTreeSet<_> = files.map(|file| file.expect("a file").path()).collect();
            assert_eq!(files, played);
        }
    };
}

transcripts! {
    everywhere {
        pubsub_clients
        pubsub_cors
        pubsub_events
        pubsub_head
        pubsub_http10
        pubsub_lines
        pubsub_multipart
        pubsub_pipelined
        pubsub_publish
        pubsub_stats
        pubsub_websocket
        queue_bytes
        queue_cors
        queue_depth
        queue_dump
        queue_exit
        queue_http10
        queue_mget
        queue_mput
        queue_pipelined
        queue_put_get
        queue_query
        queue_separators
        queue_stats
    }
    // What a topic keeps leaves the disk in pieces of 64 KiB: one of 136 bytes still has there what memory has lost, and
    // nobody is told of a gap.
    not_on_disk {
        pubsub_gap
    }
    // What one tool does not know, `serve` does: the other's paths, and the page at `/`.
    alone {
        pubsub_unknown
        queue_unknown
    }
}

fn in_memory(name: &str) {
    play(&file(name), |tool, flags| Server::start(tool, flags));
}

fn on_disk(name: &str) {
    let folder = TempDir::new().expect("a folder");
    let kept = format!("--data-dir={}", folder.path().display());
    play(&file(name), |tool, flags| serve(tool, flags, &[&kept]));
}

fn over_engine(name: &str) {
    let Some(cluster) = cluster() else { return };
    let url = cluster.url();
    play(&file(name), |tool, flags| {
        let server = serve(tool, flags, &["--engine", &url, "--engine-group", name]);
        until_within(JOINED, "a gateway to join", || is_ready(server.address).then_some(()));
        server
    });
}

/// NATS for all transcripts that are played meanwhile: it ends with the last of them.
fn cluster() -> Option<Arc<Cluster>> {
    static SHARED: Mutex<Weak<Cluster>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(cluster) = shared.upgrade() {
        return Some(cluster);
    }
    let cluster = Arc::new(Cluster::start(1)?);
    *shared = Arc::downgrade(&cluster);
    Some(cluster)
}

/// `streamgauge serve` in the place of a tool.
fn serve(tool: &str, flags: &[&str], more: &[&str]) -> Server {
    let flags = [flags, more].concat();
    match tool {
        "pubsub" => Server::everything(flags),
        "simplequeue" => Server::queues(flags),
        _ => panic!("{tool} is no tool of a transcript"),
    }
}

fn file(name: &str) -> PathBuf {
    folder().join(name).with_extension("txt")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}
