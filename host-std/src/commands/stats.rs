//! `streamgauge stats`: what the servers have counted.

use core::time::Duration;
use std::fmt::Write as _;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::EXIT_CODES;
use super::at::URL;
use crate::client::{Connection, Limits, Url, prepare};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::{seconds, server};
use crate::terminal::json::{Value, counters, members, string};
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Print what a pubsub and a queue have counted
///
/// Without an address or a name it asks both at their usual ones. Of a topic or queue that is named it prints all that
/// is counted.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Address of the server whose topics and queues are named [default: http://127.0.0.1:8080]
    #[arg(long, env = URL, value_parser = server)]
    url: Option<Url>,
    /// Name of a topic
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// Address of a pubsub [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL", value_parser = server)]
    pubsub: Option<Url>,
    /// Name of a queue, or address of one [default: http://127.0.0.1:8081]
    #[arg(long, value_name = "NAME|URL", value_parser = queue)]
    queue: Option<Queue>,
    /// Print {"pubsub": {…}, "queue": {…}}, or topic, with null for one that doesn't answer
    #[arg(long)]
    json: bool,
    /// Print it again and again, each second or so many, with what a second has brought, until a signal; in a terminal
    /// in its place
    #[arg(long, value_name = "SECONDS", value_parser = seconds, num_args = 0..=1, default_missing_value = "1")]
    watch: Option<Duration>,
    /// Let the counters start again from 0, once they are printed
    #[arg(long)]
    reset: bool,
}

/// A queue as `--queue` has it. What has a `:` is no name.
#[derive(Debug, Clone)]
enum Queue {
    At(Url),
    Named(String),
}

fn queue(text: &str) -> Result<Queue, String> {
    if text.contains(':') { server(text).map(Queue::At) } else { Ok(Queue::Named(text.to_owned())) }
}

type Counters = Vec<(String, Value)>;

/// One of the servers, and what it had counted before.
struct Server {
    name: &'static str,
    url: Url,
    /// Where its counters are.
    stats: Url,
    connection: Connection,
    before: Option<(Instant, Counters)>,
}

impl Options {
    fn servers(self) -> Vec<Server> {
        let server = |name, url: Url, topic: Option<&str>, queue: Option<&str>| {
            let stats = url.join("/stats?format=json").and("topic", topic).and("queue", queue);
            // Of several names of one server each is told apart.
            let url = url.and("topic", topic).and("queue", queue);
            Server { name, url, stats, connection: Connection::new(Limits::default()), before: None }
        };
        let at = |port: u16| format!("http://127.0.0.1:{port}").parse::<Url>().ok();
        let named = self.url.clone().or_else(|| at(8080));
        let mut servers = Vec::new();
        servers.extend(self.topic.and_then(|topic| Some(server("topic", named.clone()?, Some(&topic), None))));
        servers.extend(self.pubsub.map(|url| server("pubsub", url, None, None)));
        match self.queue {
            Some(Queue::At(url)) => servers.push(server("queue", url, None, None)),
            Some(Queue::Named(queue)) => {
                servers.extend(named.map(|url| server("queue", url, None, Some(&queue))));
            }
            None => {}
        }
        if servers.is_empty() {
            match self.url {
                Some(url) => {
                    servers.push(server("pubsub", url.clone(), Some("main"), None));
                    servers.push(server("queue", url, None, Some("main")));
                }
                None => {
                    servers.extend(at(8080).map(|url| server("pubsub", url, None, None)));
                    servers.extend(at(8081).map(|url| server("queue", url, None, None)));
                }
            }
        }
        servers
    }
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    if options.watch.is_some() { stop.until(print(options)).await } else { stop.before(print(options)).await }
}

async fn print(options: Options) -> Result<(), Failure> {
    let (as_json, reset, watch) = (options.json, options.reset, options.watch);
    let mut servers = options.servers();
    // It is one mistake, however many are asked.
    servers.iter().try_for_each(|server| prepare(&server.url).map_err(|error| Failure::of(&server.url, &error)))?;
    loop {
        let (mut texts, mut failures) = (Vec::new(), Vec::new());
        for server in &mut servers {
            let counters = server.ask(reset).await;
            match &counters {
                Ok(counters) if as_json => texts.push(server.json(counters)),
                Ok(counters) => texts.push(server.table(counters)),
                Err(_) if as_json => texts.push(format!("{}: null", string(server.name))),
                Err(_) => {}
            }
            let before = match &counters {
                // Some of them have begun anew since.
                Ok(_) if reset && watch.is_some() => server.ask(false).await.ok(),
                counters => counters.as_ref().ok().cloned(),
            };
            server.before = before.map(|counters| (Instant::now(), counters));
            failures.extend(counters.err());
        }
        if as_json {
            output::line(&format!("{{{}}}", texts.join(", ")))?;
        } else if watch.is_some() {
            output::redraw(&texts.concat(), failures.len())?;
        } else {
            output::write(texts.concat().as_bytes())?;
        }
        let Some(pause) = watch else {
            let last = failures.pop();
            failures.iter().for_each(Failure::say);
            return last.map_or(Ok(()), Err);
        };
        failures.iter().for_each(Failure::say);
        tokio::select! {
            biased;
            () = output::closed() => return Err(Failure::NobodyReads),
            () = sleep(pause) => {}
        }
    }
}

impl Server {
    async fn ask(&mut self, reset: bool) -> Result<Counters, Failure> {
        let mut text = self.get(&self.stats.clone()).await?;
        if reset {
            // A pubsub says what it counted up to now; a queue says nothing, so it had to be asked before.
            let last = self.get(&self.stats.and("reset", Some("1"))).await?;
            text = if last.is_empty() { text } else { last };
        }
        let none = || Failure::Refused(format!("{}: its answer has no statistics", self.url));
        let plain = |(name, value): (String, u64)| (name, Value::Plain(value.into()));
        // The original's last comma is not JSON's.
        let counted = || Some(counters(&String::from_utf8_lossy(&text))?.into_iter().map(plain).collect());
        members(&text).or_else(counted).filter(|members: &Counters| !members.is_empty()).ok_or_else(none)
    }

    async fn get(&mut self, url: &Url) -> Result<Vec<u8>, Failure> {
        let answer = self.connection.call("GET", url, None).await;
        accepted(url, answer.map_err(|error| Failure::of(url, &error))?)
    }

    fn json(&self, counters: &Counters) -> String {
        let members: Vec<_> =
            counters.iter().map(|(name, value)| format!("{}: {}", string(name), value.json())).collect();
        format!("{}: {{{}}}", string(self.name), members.join(", "))
    }

    fn table(&self, counters: &Counters) -> String {
        let mut table = format!("{} {}\n", self.name, self.url);
        for (i, (name, value)) in counters.iter().enumerate() {
            let _ = write!(table, "  {name:<20} {:>12}", value.text());
            if let (Some((at, before)), Some(value)) = (&self.before, value.number()) {
                let before = before.get(i).and_then(|(_, before)| before.number()).unwrap_or(0);
                let change = value as f64 - before as f64;
                let _ = write!(table, " {:>+12.1} /s", change / at.elapsed().as_secs_f64());
            }
            table.push('\n');
        }
        table
    }
}
