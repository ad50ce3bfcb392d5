//! `streamgauge read`: a command, or stdout, as the task of a reader.

use core::time::Duration;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use nix::errno::Errno;
use parking_lot::Mutex;
use streamgauge_core::generate::Rng;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::at::URL;
use crate::client::{Connection, Error, Limits, Url};
use crate::readers::{Builder, IntoReport as _, Message, Monitor, Outcome, Reader, Report, exec};
use crate::terminal::exit::Failure;
use crate::terminal::flags::{seconds, seconds_or_zero, share};
use crate::terminal::signals::{Stop, listen_aside};
use crate::terminal::{self, LogFormat, StartError, json, output};

const EXIT_CODES: &str = "\
Exit codes:
  0    all is well, also when a signal ended it or messages failed
  1    a queue refuses for good, or is none
  2    wrong flags, or a file that they or a variable name can't be read
  3    no queue can be reached at the beginning";

/// Run a command for each message of a queue, and try again what fails
///
/// From a queue that has leases messages are borrowed, and acknowledged when they are done: a reader that is killed
/// loses nothing, and what it had in hand comes back when its lease is over. From others they are taken.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Queue to read (may be repeated: one that fails is skipped for a while); queue=NAME in its query names it
    #[arg(long, value_name = "URL", env = URL, default_value = "http://127.0.0.1:8081")]
    source: Vec<Url>,
    /// Name of the queue, of each source that says none itself [default: main]
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Borrow messages for so long: so late they come back when this is killed. What takes longer is borrowed longer
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    lease: Duration,
    /// Take messages, and put back in an envelope what has to be tried again, as the original does
    #[arg(long, conflicts_with = "lease")]
    no_lease: bool,
    /// Wait for a queue that can't be reached at the beginning
    #[arg(long)]
    retry: bool,
    /// Run this in a shell for each message, which is its stdin; exit code 0 is success, 75 asks for another try
    /// without back-off
    #[arg(long, value_name = "COMMAND", required_unless_present_any = ["print", "json"])]
    exec: Option<String>,
    /// Print each message as a line
    #[arg(long)]
    print: bool,
    /// Print {"try": N, "data": "…"} for each, or {"try": N, "hex": "…"} for what is no UTF-8
    #[arg(long)]
    json: bool,
    /// End when the queue is empty: nothing is left, not even what has to be tried again
    #[arg(long)]
    drain: bool,
    /// Take only this share of the messages, chosen at random, and drop the others: 0.25 is a quarter
    #[arg(long, value_name = "SHARE", value_parser = share)]
    sample: Option<f64>,
    /// Name of the task, as envelopes list it, so that readers can share a queue [default: exec or print]
    #[arg(long, value_name = "NAME")]
    task_name: Option<String>,
    /// Kill a command that runs longer, which is a failure
    #[arg(long, value_name = "SECONDS", value_parser = seconds_or_zero)]
    time_limit: Option<Duration>,
    /// Work on so many messages at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    concurrency: usize,
    /// Give up a message that has failed more often
    #[arg(long, value_name = "N", default_value_t = 5)]
    max_tries: u32,
    /// Wait after the n-th failure of a message: n times this
    #[arg(long, value_name = "SECONDS", default_value = "90", value_parser = seconds_or_zero)]
    requeue_delay: Duration,
    /// Longest rest between messages when they fail
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds_or_zero)]
    max_backoff: Duration,
    /// Get so many messages at once; from a queue without leases a reader that is killed loses them (0: one in the
    /// plain way)
    #[arg(long, value_name = "N", default_value_t = 0)]
    mget_items: usize,
    /// Name of the reader, and of its folder of failed messages
    #[arg(long, default_value = "reader")]
    queuename: String,
    /// Keep messages that are given up or not JSON as DIR/QUEUENAME/YYYYMMDD-HHMMSS.N.json [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    failed_message_dir: Option<PathBuf>,
    /// Touch this file every 10 seconds, but not while a message is worked on
    #[arg(long, value_name = "FILE")]
    heartbeat_file: Option<PathBuf>,
    /// How long a queue that fails is left alone, at first
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds_or_zero)]
    sleeptime_failed_queue: Duration,
    /// How often a queue with nothing to do is asked
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = seconds_or_zero)]
    sleeptime_queue_empty: Duration,
    /// How long to rest after a message that has to be tried again
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = seconds_or_zero)]
    sleeptime_requeue: Duration,
    /// Say on stderr every so often what was done
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    every: Option<Duration>,
    /// Log failures of tasks to stderr
    #[arg(long)]
    enable_logging: bool,
    /// How the log is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
}

/// Reads until a signal ends it, or the queue is drained.
///
/// # Errors
/// What is wrong with the flags, or a source that is no queue.
pub fn run(options: &Options) -> Result<ExitCode, StartError> {
    terminal::start_log(options.enable_logging, options.log_format);
    let stop = watch::Sender::new(false);
    let reader = options.builder(&stop)?.build().map_err(StartError::new)?;
    listen_aside(stop.clone())?;
    terminal::runtime()?.block_on(async {
        // Nothing is taken before that, so a signal need not wait for a server that is silent.
        let mut stopping = Stop(stop.subscribe());
        let unreachable = tokio::select! {
            biased;
            () = stopping.asked() => return Ok(ExitCode::SUCCESS),
            unreachable = options.unreachable() => unreachable?,
        };
        if let Some(failure) = unreachable {
            return Ok(failure.exit());
        }
        let monitor = reader.monitor();
        if let Some(every) = options.every {
            tokio::spawn(report(monitor.clone(), every));
        }
        reader.run(stop.subscribe()).await;
        let status = monitor.status();
        terminal::say(format_args!("read: {status}"));
        let mut refused: Vec<_> = status.refused.into_iter().map(Failure::Refused).collect();
        let last = refused.pop();
        refused.iter().for_each(Failure::say);
        Ok(last.map_or(ExitCode::SUCCESS, Failure::exit))
    })
}

impl Options {
    /// The queues, each with its name.
    fn sources(&self) -> Vec<Url> {
        let named = |source: &Url| match source.parameter("queue") {
            None => source.and("queue", self.queue.as_deref()),
            Some(_) => source.clone(),
        };
        self.source.iter().map(named).collect()
    }

    /// Why none of the queues can be reached. One of several may come later.
    async fn unreachable(&self) -> Result<Option<Failure>, StartError> {
        let mut last = None;
        let mut any = self.retry;
        for source in self.sources() {
            match check(&source).await? {
                Some(error @ Error::Setup(_)) => return Ok(Some(Failure::of(&source, &error))),
                Some(error) => last = Some(Failure::of(&source, &error)),
                None => any = true,
            }
        }
        Ok(last.filter(|_| !any))
    }

    fn builder(&self, stop: &watch::Sender<bool>) -> Result<Builder, StartError> {
        let sources = self.sources();
        let (first, others) = sources.split_first().ok_or_else(|| StartError::new("--source is missing"))?;
        let mut builder = Reader::builder(first.clone())
            .name(&self.queuename)
            .max_tries(self.max_tries)
            .requeue_delay(self.requeue_delay)
            .max_backoff(self.max_backoff)
            .mget_items(self.mget_items)
            .concurrency(self.concurrency)
            .failed_pause(self.sleeptime_failed_queue)
            .empty_pause(self.sleeptime_queue_empty)
            .requeue_pause(self.sleeptime_requeue);
        builder = if self.no_lease { builder.no_leases() } else { builder.lease(self.lease) };
        for queue in others {
            builder = builder.queue(queue.clone());
        }
        if self.drain {
            builder = builder.drain();
        }
        if let Some(share) = self.sample {
            let rng = Mutex::new(Rng::new(RandomState::new().build_hasher().finish()));
            // What was taken once is not dropped when it is tried again.
            builder = builder.validate(move |message| Ok(message.tries() > 1 || rng.lock().uniform() < share));
        }
        if let Some(folder) = &self.failed_message_dir {
            builder = builder.failed_message_dir(folder);
        }
        if let Some(file) = &self.heartbeat_file {
            builder = builder.heartbeat_file(file);
        }
        let name = |default: &str| self.task_name.clone().unwrap_or_else(|| default.to_owned());
        if self.print || self.json {
            let json = self.json;
            let name = if self.exec.is_some() { "print".to_owned() } else { name("print") };
            let stop = stop.clone();
            builder = builder.task(name, move |message| {
                let stop = stop.clone();
                async move {
                    // A pipe may be full for long, while leases are to be kept.
                    let printed = spawn_blocking(move || print(&message, json)).await;
                    unless_unread(printed.unwrap_or_else(|error| Err(error.into())).into_report(), &stop)
                }
            });
        }
        if let Some(command) = &self.exec {
            let (command, limit, stop) = (command.clone(), self.time_limit, stop.clone());
            builder = builder.task(name("exec"), move |message| {
                let (command, stop) = (command.clone(), stop.clone());
                async move { unless_unread(exec::run(&command, limit, &message).await, &stop) }
            });
        }
        Ok(builder)
    }
}

fn print(message: &Message, json: bool) -> std::io::Result<()> {
    let line = if json {
        format!("{{\"try\": {}, {}}}\n", message.tries(), json::data(message.data())).into_bytes()
    } else {
        [message.data(), &b"\n"[..]].concat()
    };
    static IS_TORN: AtomicBool = AtomicBool::new(false);
    append(std::io::stdout().lock(), &line, &IS_TORN)
}

/// Appends a line. Where the last one was cut short, as a full disk does that, it is ended first: it is printed anew, and
/// would be the rest of that one.
fn append(out: impl AsFd, line: &[u8], is_torn: &AtomicBool) -> std::io::Result<()> {
    let write_all = |mut bytes: &[u8]| {
        while !bytes.is_empty() {
            match nix::unistd::write(&out, bytes) {
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    is_torn.store(!bytes.is_empty(), Ordering::Relaxed);
                }
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    };
    if is_torn.load(Ordering::Relaxed) {
        write_all(b"\n")?;
    }
    write_all(line)
}

/// What fails because nobody reads stdout any more, as behind `| head`, will not do better later.
fn unless_unread(report: Report, stop: &watch::Sender<bool>) -> Report {
    if report.outcome != Outcome::Done && output::is_closed() {
        stop.send_replace(true);
    }
    report
}

/// Whether it could be a queue; why that can't be asked.
async fn check(source: &Url) -> Result<Option<Error>, StartError> {
    let path = source.target().split('?').next().unwrap_or_default();
    if let Some((_, verb @ ("sub" | "get" | "mget" | "stats"))) = path.rsplit_once('/') {
        return Err(StartError::new(format_args!(
            "--source {source}: /{verb} is what a server is asked; name the queue without it"
        )));
    }
    // A server of both answers with what is named; a pubsub alone knows no queues.
    let name = source.parameter("queue").unwrap_or_else(|| "main".to_owned());
    let stats = source.join("/stats").and("queue", Some(name));
    let answer = match Connection::new(Limits::default()).call("GET", &stats, None).await {
        Ok(answer) => answer,
        Err(error) => return Ok(Some(error)),
    };
    if answer.body().starts_with(b"Active connections:") {
        return Err(StartError::new(format_args!(
            "--source {source} is a pubsub, which keeps nothing to try again: put its messages on a queue with \
             ps_to_http --pubsub-url={} --destination-post-url=http://QUEUE/put, and read that",
            source.join("/sub?multipart=0")
        )));
    }
    Ok(None)
}

async fn report(monitor: Monitor, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        terminal::say(format_args!("read: {}", monitor.status()));
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "must be a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use nix::fcntl::{FcntlArg, OFlag, fcntl};

    use super::*;

    #[test]
    fn what_was_cut_short_is_ended_before_it_is_printed_anew() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        let (is_torn, line) = (AtomicBool::new(false), "x".repeat(1 << 20) + "\n");
        append(&writer, b"first\n", &is_torn).unwrap();
        assert!(append(&writer, line.as_bytes(), &is_torn).is_err(), "the pipe is full");
        let mut read = vec![0; 1 << 20];
        let len = reader.read(&mut read).unwrap();
        assert!(read[..len].starts_with(b"first\nx") && len < line.len());
        append(&writer, b"second\n", &is_torn).unwrap();
        append(&writer, b"third\n", &is_torn).unwrap();
        let len = reader.read(&mut read).unwrap();
        assert!(read[..len].ends_with(b"\nsecond\nthird\n"), "{:?}", String::from_utf8_lossy(&read[..len]));
    }
}
