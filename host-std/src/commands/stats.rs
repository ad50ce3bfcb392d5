//! `streamgauge stats`: what the servers have counted.

use core::time::Duration;
use std::fmt::Write as _;

use clap::Args;
use tokio::time::{Instant, sleep};

use super::EXIT_CODES;
use crate::client::{Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::flags::seconds;
use crate::terminal::json::{counters, string};
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Print what a pubsub and a queue have counted
///
/// Without an address it asks both at their usual ones.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// Address of the pubsub [default: http://127.0.0.1:8080]
    #[arg(long, value_name = "URL")]
    pubsub: Option<Url>,
    /// Address of the queue [default: http://127.0.0.1:8081]
    #[arg(long, value_name = "URL")]
    queue: Option<Url>,
    /// Print {"pubsub": {…}, "queue": {…}}, with null for one that doesn't answer
    #[arg(long)]
    json: bool,
    /// Print it again and again, with what a second has brought, until a signal
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    watch: Option<Duration>,
    /// Let the counters start again from 0, once they are printed
    #[arg(long)]
    reset: bool,
}

type Counters = Vec<(String, u64)>;

/// One of the servers, and what it had counted before.
struct Server {
    name: &'static str,
    url: Url,
    connection: Connection,
    before: Option<(Instant, Counters)>,
}

pub(super) async fn run(options: Options, mut stop: Stop) -> Result<(), Failure> {
    let neither = options.pubsub.is_none() && options.queue.is_none();
    let usual = |port: u16| format!("http://127.0.0.1:{port}").parse().ok().filter(|_| neither);
    let servers =
        [("pubsub", options.pubsub.or_else(|| usual(8080))), ("queue", options.queue.or_else(|| usual(8081)))];
    let server = |(name, url): (_, Option<Url>)| {
        Some(Server { name, url: url?, connection: Connection::new(Limits::default()), before: None })
    };
    let mut servers: Vec<_> = servers.into_iter().filter_map(server).collect();
    loop {
        let (mut texts, mut failures) = (Vec::new(), Vec::new());
        for server in &mut servers {
            let counters = server.ask(options.reset).await;
            match &counters {
                Ok(counters) if options.json => texts.push(server.json(counters)),
                Ok(counters) => texts.push(server.table(counters)),
                Err(_) if options.json => texts.push(format!("{}: null", string(server.name))),
                Err(_) => {}
            }
            server.before = counters.as_ref().ok().map(|counters| (Instant::now(), counters.clone()));
            failures.extend(counters.err());
        }
        if options.json {
            output::line(&format!("{{{}}}", texts.join(", ")))?;
        } else {
            output::write(texts.concat().as_bytes())?;
        }
        let Some(pause) = options.watch else {
            let last = failures.pop();
            failures.iter().for_each(Failure::say);
            return last.map_or(Ok(()), Err);
        };
        failures.iter().for_each(Failure::say);
        tokio::select! {
            biased;
            () = stop.asked() => return Ok(()),
            () = output::closed() => return Err(Failure::NobodyReads),
            () = sleep(pause) => {}
        }
    }
}

impl Server {
    async fn ask(&mut self, reset: bool) -> Result<Counters, Failure> {
        let mut text = self.get("/stats?format=json").await?;
        if reset {
            // A pubsub says what it counted up to now; a queue says nothing, so it had to be asked before.
            let last = self.get("/stats?format=json&reset=1").await?;
            text = if last.is_empty() { text } else { last };
        }
        let none = || Failure::Refused(format!("{}: its answer has no statistics", self.url));
        counters(&String::from_utf8_lossy(&text)).ok_or_else(none)
    }

    async fn get(&mut self, path: &str) -> Result<Vec<u8>, Failure> {
        let url = self.url.join(path);
        let answer = self.connection.call("GET", &url, None).await;
        accepted(&url, answer.map_err(|error| Failure::of(&url, &error))?)
    }

    fn json(&self, counters: &Counters) -> String {
        let members: Vec<_> = counters.iter().map(|(name, value)| format!("{}: {value}", string(name))).collect();
        format!("{}: {{{}}}", string(self.name), members.join(", "))
    }

    fn table(&self, counters: &Counters) -> String {
        let mut table = format!("{} {}\n", self.name, self.url);
        for (i, (name, value)) in counters.iter().enumerate() {
            let _ = write!(table, "  {name:<20} {value:>12}");
            if let Some((at, before)) = &self.before {
                let before = before.get(i).map_or(0, |(_, before)| *before);
                let change = *value as f64 - before as f64;
                let _ = write!(table, " {:>+12.1} /s", change / at.elapsed().as_secs_f64());
            }
            table.push('\n');
        }
        table
    }
}
