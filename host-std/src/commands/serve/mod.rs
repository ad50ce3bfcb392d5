//! `streamgauge serve`: topics and queues, in one process.

mod running;
mod trial;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use streamgauge_core::endpoints::Surface;
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::select::HashKey;
use streamgauge_core::wire::units::duration;
use tokio::sync::watch;

use super::config::{self, reload::Reload};
use super::engine::{self, EngineOptions};
use super::rights::RightsOptions;
#[cfg(feature = "otlp")]
use crate::client::Url;
use crate::commands::options::{Connections, Flags, NameOptions, PubsubOptions, QueueOptions};
use crate::engine::disk::{self, SyncMode};
use crate::engine::remote;
use crate::gateway::{Beside, Gateway, Settings};
use crate::hash_key;
#[cfg(feature = "otlp")]
use crate::operations::Spans;
use crate::operations::configuration::{self, Configuration, Origin, Sources};
use crate::operations::service::{Kept, Predecessor, Sockets, Terms, Upgrade};
use crate::server::Limits;
use crate::terminal::flags::{bytes, port, within};
use crate::terminal::{self, Process, StartError};
use running::Running;

/// Run everything: topics and queues by name, and the queue `main` that has every message of the topic `main`
#[derive(Debug, Parser)]
pub struct Options {
    /// Read settings, topics, queues and gauges from this file; what is typed, or in the environment, comes first
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address to listen on; 0.0.0.0 lets other machines in, if --tokens, --jwt-keys or --open say who
    #[arg(long, default_value = "127.0.0.1")]
    address: String,
    /// Port that answers everything; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8080, alias = "port", value_parser = port)]
    pubsub_port: u16,
    /// Port that answers the same, where /stats is the queue's; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8081, value_parser = port)]
    queue_port: u16,
    /// Threads that topics and queues are shared out to, each with the connections that ask for its own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = |text: &str| within(text, 1..=256_u16))]
    shards: u16,
    /// Keep topics, queues and gauges in this folder: what was answered is there after a crash
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// When what is kept is synced: always, before it is answered, or interval:TIME, and so much may be lost
    #[arg(long, value_name = "WHEN", default_value = "always", value_parser = sync_mode, requires = "data_dir")]
    sync: SyncMode,
    /// Most bytes of what is kept, 128 MiB at least; beyond: 507
    #[arg(long, value_name = "BYTES", value_parser = disk_bytes, default_value = "8GiB", requires = "data_dir")]
    disk: usize,
    /// Keep topics and queues together with other gateways, in NATS JetStream: nats://HOST:PORT,HOST:PORT
    #[arg(long, value_name = "URL", env = "STREAMGAUGE_ENGINE", value_parser = engine::servers, conflicts_with = "data_dir")]
    engine: Option<engine::Servers>,
    /// Don't put published messages on the queue
    #[arg(long)]
    no_bridge: bool,
    /// Serve the files of this folder too, at the paths that no endpoint has
    #[arg(long, value_name = "DIR")]
    www: Option<PathBuf>,
    /// Key of the hashes of /sub?hash=FIELD, 64 hexadecimal digits [default: random]
    #[arg(long, value_name = "FILE")]
    hash_key_file: Option<PathBuf>,
    #[command(flatten)]
    pubsub: PubsubOptions,
    #[command(flatten)]
    queue: QueueOptions,
    #[command(flatten)]
    names: NameOptions,
    #[command(flatten)]
    connections: Connections,
    #[command(flatten)]
    rights: RightsOptions,
    #[command(flatten)]
    engines: EngineOptions,
    #[cfg(feature = "otlp")]
    #[command(flatten)]
    traces: TraceOptions,
    #[command(flatten)]
    process: Process,
}

/// Where spans of requests go.
#[cfg(feature = "otlp")]
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Traces")]
struct TraceOptions {
    /// Send spans of requests to this collector (OTLP over HTTP): http://HOST:4318/v1/traces
    #[arg(long, value_name = "URL")]
    otlp: Option<Url>,
    /// Of the requests without a traceparent, the share that begins a trace: 0 to 1
    #[arg(long, value_name = "SHARE", default_value = "0", value_parser = terminal::flags::share, requires = "otlp")]
    otlp_share: f64,
}

#[cfg(feature = "otlp")]
impl TraceOptions {
    fn spans(&self) -> Result<Option<Spans>, StartError> {
        let spans = self.otlp.as_ref().map(|collector| Spans::to(collector, self.otlp_share));
        spans.transpose().map_err(|why| StartError::new(format_args!("--otlp: {why}")))
    }
}

/// Memory of topics and queues, if no flag says otherwise.
const MEMORY: usize = 1 << 30;

/// Descriptors of a thread beside the first one.
const OF_A_THREAD: usize = 4;
/// Of a folder that is kept: its lock, the files of the log, a checkpoint, and those who read what is past.
const OF_A_DISK: usize = 8;
/// Of the connections to an engine, and to another one of its servers.
const OF_AN_ENGINE: usize = 4;

/// The flags that were typed: there are other sources too.
pub type Given = configuration::Given<Options>;

/// Serves until a signal or `/exit` ends it.
///
/// # Errors
/// What is wrong with the flags, the environment or the file, or can't be opened.
pub fn run(given: &Given) -> Result<ExitCode, StartError> {
    let sources = Sources::of_process(given);
    let (configuration, options) = config::read(&sources).map_err(|lines| StartError::lines(&lines))?;
    terminal::say_as(options.connections.log_format);
    configuration.warnings.iter().for_each(|line| terminal::say(format_args!("warning: {line}")));
    let connections = &options.connections.fitted(2, options.descriptors())?;
    let explained = |error: StartError| StartError::new(configuration.explain(&error.to_string()));
    // What is wrong is seldom alone.
    let all_wrong = |wrong| match options.judge_start(&configuration) {
        Err(lines) => StartError::lines(&lines),
        Ok(()) => StartError::lines(&explained_all(&configuration, wrong)),
    };
    let mut settings = options.all(connections).map_err(all_wrong)?;
    config::rehearsed(&configuration, &settings, None, &BTreeMap::new()).map_err(|lines| StartError::lines(&lines))?;
    #[cfg_attr(not(feature = "otlp"), expect(unused_mut, reason = "spans are set later"))]
    let mut limits = connections.limits()?;
    let (mut predecessor, mut sockets) = (Predecessor::known()?, Sockets::handed());
    let first = sockets.next_or_bind(&options.address, options.pubsub_port, "--pubsub-port")?;
    let second = sockets.next_or_bind(&options.address, options.queue_port, "--queue-port")?;
    sockets.finish()?;
    let address = |listener: &std::net::TcpListener| listener.local_addr().map_err(StartError::new);
    let (first_at, second_at) = (address(&first)?, address(&second)?);
    settings.rights = options.rights.rights(configuration.tokens(), &[first_at, second_at]).map_err(explained)?;
    let left = match &mut predecessor {
        Some(predecessor) => {
            // It has to go on if this can't be opened.
            drop(Beside::open(&settings)?);
            predecessor.follow(&terms(&settings))?
        }
        None => Vec::new(),
    };
    let stop = watch::Sender::new(false);
    let gateway = Gateway::after(settings.clone(), stop.clone(), &left)?;
    drop(left);
    // By now the folder is there.
    let (wish, bytes) = (watch::Sender::new(false), settings.disk.as_ref().map_or(settings.memory, |disk| disk.most));
    let upgrade = Upgrade::new([first, second], terms(&settings), bytes, wish.subscribe()).map_err(StartError::new)?;

    // The process before this one had the shape, and has handed it on.
    let process = if predecessor.is_some() { &Process::default() } else { &options.process };
    let is_said = configuration.origin_of("no-bridge") != Origin::Default;
    let is_bridged = gateway.is_bridged().filter(|_| !is_said).unwrap_or(!options.no_bridge);
    // What `main` does in a group was said by whoever began it.
    let is_bridged = is_bridged && settings.remote.is_none();
    process.apply(|| options.announce(&limits, &settings, [first_at, second_at], is_bridged))?;
    terminal::start_log(connections.enable_logging, connections.log_format);
    #[cfg(feature = "otlp")]
    let spans = options.traces.spans()?;
    #[cfg(feature = "otlp")]
    limits.spans.clone_from(&spans);
    let reload = Reload::new(sources, configuration, settings.clone());
    let ended = Running::new(settings, limits, upgrade, reload, wish).run(gateway, stop, predecessor);
    #[cfg(feature = "otlp")]
    spans.iter().for_each(Spans::finish);
    ended.map(|()| ExitCode::SUCCESS)
}

/// What a process has to do alike that goes on in place of this one.
fn terms(settings: &Settings) -> Terms {
    let kept = match settings {
        Settings { remote: Some(remote), .. } => Kept::Engine(remote.group.clone()),
        Settings { disk: Some(disk), .. } => Kept::in_folder(&disk.folder),
        _ => Kept::Memory,
    };
    let (shards, max_names) = (settings.shards as u64, settings.engine.max_names as u64);
    Terms { kept, shards, memory: settings.memory, max_names }
}

/// What names get that nobody has made, where no flag says otherwise.
///
/// # Errors
/// There are none.
pub(super) fn defaults() -> Result<Defaults, StartError> {
    let options = Options::parse_from(["serve"]);
    Ok(options.settings(&options.connections)?.engine.defaults)
}

/// The least that a folder may hold: some segments of a log, each as long as the longest entry.
const LEAST_DISK: usize = 128 << 20;

fn disk_bytes(text: &str) -> Result<usize, String> {
    let most = bytes(text)?;
    if most < LEAST_DISK { Err("at least 128MiB".to_owned()) } else { Ok(most) }
}

fn sync_mode(text: &str) -> Result<SyncMode, String> {
    let wrong = || "always, or interval: and a time, such as interval:100ms".to_owned();
    match text.strip_prefix("interval:") {
        None if text == "always" => Ok(SyncMode::Always),
        None => Err(wrong()),
        Some(time) => {
            duration(time.as_bytes()).filter(|time| !time.is_zero()).map(SyncMode::Interval).ok_or_else(wrong)
        }
    }
}

/// What is wrong, a line each, with where it is from.
fn explained_all(configuration: &Configuration, wrong: Vec<StartError>) -> Vec<String> {
    wrong.into_iter().map(|error| configuration.explain(&error.to_string())).collect()
}

impl Options {
    /// Whether a server could start with them: the same as of one that runs, and whether what they name can be used.
    ///
    /// # Errors
    /// What can't be so, a line each.
    pub(super) fn judge_start(&self, configuration: &Configuration) -> Result<(), Vec<String>> {
        let explained = |error: StartError| configuration.explain(&error.to_string());
        let at = self.listening();
        let listening = at.as_ref().ok().copied();
        let mut lines: Vec<_> = at.err().map(explained).into_iter().collect();
        lines.extend(self.judge(configuration, listening.as_slice()).err().into_iter().flatten());
        lines.extend(self.unusable().into_iter().map(explained));
        if lines.is_empty() { Ok(()) } else { Err(lines) }
    }

    /// Whether a server could be made with them that listens there, and would take what is declared, as far as none is made.
    ///
    /// # Errors
    /// What can't be so, a line each.
    pub(super) fn judge(&self, configuration: &Configuration, listening: &[SocketAddr]) -> Result<(), Vec<String>> {
        let (settings, mut wrong) = match self.all(&self.connections) {
            Ok(settings) => (Some(settings), Vec::new()),
            Err(wrong) => (None, wrong),
        };
        wrong.extend(self.connections.limits().err());
        wrong.extend(self.rights.rights(configuration.tokens(), listening).err());
        match settings {
            Some(settings) if wrong.is_empty() => config::rehearsed(configuration, &settings, None, &BTreeMap::new()),
            _ => Err(explained_all(configuration, wrong)),
        }
    }

    /// What a gateway is made with.
    ///
    /// # Errors
    /// All that is wrong with it.
    fn all(&self, connections: &Connections) -> Result<Settings, Vec<StartError>> {
        match (self.settings(connections), self.disk(), self.remote(), self.hash_key()) {
            (Ok(mut settings), Ok(disk), Ok(remote), Ok(hash_key)) => {
                settings.shards = self.shards.into();
                settings.www.clone_from(&self.www);
                (settings.disk, settings.remote, settings.hash_key) = (disk, remote, hash_key);
                if let Some(queue) = settings.engine.main_queue.as_mut().filter(|_| self.no_bridge) {
                    queue.topic = None;
                }
                Ok(settings)
            }
            (settings, disk, remote, hash_key) => {
                let wrong = [settings.err(), disk.err(), remote.err(), hash_key.err()];
                Err(wrong.into_iter().flatten().collect())
            }
        }
    }

    /// Descriptors that it takes beside those of every server: each thread has a runtime, and what is kept has files.
    fn descriptors(&self) -> usize {
        let threads = OF_A_THREAD * usize::from(self.shards - 1);
        let disk = self.data_dir.as_ref().map_or(0, |_| OF_A_DISK);
        let engine = self.engine.as_ref().map_or(0, |_| OF_AN_ENGINE);
        threads + disk + engine + self.queue.descriptors()
    }

    fn hash_key(&self) -> Result<Option<HashKey>, StartError> {
        self.hash_key_file.as_deref().map(hash_key::stored).transpose().map_err(StartError::new)
    }

    fn settings(&self, connections: &Connections) -> Result<Settings, StartError> {
        let is_kept = self.data_dir.is_some();
        let flags = Flags {
            is_kept,
            surface: Surface::Everything,
            pubsub: Some(&self.pubsub),
            queue: Some(&self.queue),
            names: &self.names,
            connections,
        };
        flags.settings(MEMORY)
    }

    /// Where topics and queues are kept.
    fn disk(&self) -> Result<Option<disk::Settings>, StartError> {
        let Some(folder) = &self.data_dir else { return Ok(None) };
        if self.shards > 1 {
            return Err(StartError::new("--data-dir: what is kept is on one shard: leave --shards out"));
        }
        // An entry is never longer than a body, twice: each message has a length, and an empty one is none.
        let (body, beside) = (self.connections.max_body_bytes as u64, 64 << 10);
        let longest = body.saturating_mul(2).saturating_add(beside);
        let (folder, most) = (folder.clone(), self.disk as u64);
        let settings = disk::Settings { folder, sync: self.sync, most, longest };
        if longest > disk::Settings::LONGEST {
            return Err(StartError::new(format_args!(
                "--max-body-bytes: what is kept on a disk has bodies of {} bytes at most, not of {body}",
                (disk::Settings::LONGEST - beside) / 2,
            )));
        }
        if settings.most < settings.least() {
            return Err(StartError::new(format_args!(
                "--disk: bodies of {body} bytes (--max-body-bytes) need at least {}",
                settings.least(),
            )));
        }
        Ok(Some(settings))
    }

    /// Where they are kept together with other gateways.
    fn remote(&self) -> Result<Option<remote::Settings>, StartError> {
        let Some(servers) = &self.engine else { return Ok(None) };
        if self.shards > 1 {
            return Err(StartError::new("--engine: what is kept together is on one shard: leave --shards out"));
        }
        self.engines.settings(servers).map(Some)
    }

    /// Prints what runs where, and how much memory it can take.
    fn announce(&self, limits: &Limits, settings: &Settings, [first_at, second_at]: [SocketAddr; 2], is_bridged: bool) {
        let connections = limits.worst_case().saturating_mul(2);
        let mut rows = vec![
            ("topics and queues", settings.memory, "--memory"),
            ("subscribers", settings.subscribers(), "--max-subscribers, --max-message-bytes, --shards"),
            ("connections of both ports", connections, "--max-connections, --max-buffered-bytes"),
        ];
        rows.extend(settings.remote.as_ref().map(|_| {
            let saved = settings.memory.saturating_add(remote::MOST_ON_ITS_WAY);
            ("engine: on its way, while saved", saved, "--memory")
        }));
        rows.extend(settings.disk.as_ref().map(|disk| {
            let saved = settings.memory.saturating_add(disk.memory());
            ("disk: on its way, while saved", saved, "--memory, --disk")
        }));
        rows.extend(settings.overflow.as_ref().map(|log| ("overflow log", log.worst_case(), "--max-body-bytes")));
        let total: u64 = rows.iter().fold(0, |sum, (_, bytes, _)| sum.saturating_add(*bytes));
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        let mut out = std::io::stdout().lock();
        let mut print = || -> std::io::Result<()> {
            let scheme = if limits.tls.is_some() { "https" } else { "http" };
            writeln!(out, "pubsub   {scheme}://{first_at}   POST /pub, GET /sub; /put, /get: all of it")?;
            writeln!(out, "queue    {scheme}://{second_at}   the same, and /stats is the queue's")?;
            if let Some(folder) = &settings.www {
                writeln!(out, "page     {scheme}://{first_at}/  the files of {}", folder.display())?;
            }
            if is_bridged {
                writeln!(out, "bridge   every message of the topic main is put on the queue main")?;
            }
            writeln!(out, "memory   at most {total} bytes ({} MiB), of which", mib(total))?;
            for (what, bytes, flags) in &rows {
                writeln!(out, "         {what:<31} {:>5} MiB   {flags}", mib(*bytes))?;
            }
            if let Some(disk) = &settings.disk {
                let sync = match disk.sync {
                    SyncMode::Always => "synced before it is answered".to_owned(),
                    SyncMode::Interval(interval) => format!("synced each {interval:?}, and so much may be lost"),
                };
                writeln!(out, "disk     {}: at most {} MiB (--disk), {sync}", disk.folder.display(), mib(disk.most))?;
                if let Some(room) = disk.room().filter(|room| *room < disk.most) {
                    let room = mib(room);
                    writeln!(out, "         of which the disk has {room} MiB: beyond, what is new is refused")?;
                }
            }
            if let Some(remote) = &settings.remote {
                writeln!(out, "engine   {}: group {} (--engine-group)", remote.servers_shown(), remote.group)?;
            }
            writeln!(
                out,
                "limits   message {} B, body {} B, head {} B, a subscriber's lag {} B, mget {} items",
                self.pubsub.max_message_bytes,
                limits.max_body,
                limits.max_header,
                settings.max_lag,
                settings.endpoints.max_mget.map_or("any number of".to_owned(), |most| most.to_string()),
            )?;
            out.flush()
        };
        // Whoever closed stdout does not want to know.
        let _ = print();
    }
}
