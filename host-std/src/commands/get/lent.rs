//! Items that are lent: they are gone once they are printed.

use core::time::Duration;

use tokio::time::{Instant, sleep};

use super::Options;
use crate::client::leases::{JSON, Leases, Lent, Settle, seconds};
use crate::client::{Backoff, Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::output;
use crate::terminal::signals::Stop;
use crate::terminal::{json, say};

/// How long the server is asked to wait at a time: a signal is not seen meanwhile.
const WAIT: Duration = Duration::from_secs(1);

pub(super) async fn run(options: &Options, lease: Option<Duration>, stop: Stop) -> Result<(), Failure> {
    let most = if options.all { u64::MAX } else { options.items };
    let mut borrower = Borrower {
        connection: Connection::new(Limits::default()),
        leases: options.at.leases(),
        lease: lease.map(seconds).unwrap_or_default(),
        stop,
    };
    borrower.check().await?;
    for taken in 0..most {
        match borrower.next(options.wait).await? {
            Some(item) if options.json => borrower.print_json(&item).await?,
            Some(item) => borrower.print(options, &item).await?,
            None if borrower.stop.is_asked() => return options.interrupted(),
            None if taken == 0 => return Err(Failure::Nothing),
            None => break,
        }
    }
    Ok(())
}

struct Borrower {
    connection: Connection,
    leases: Leases,
    /// As the parameter has it: nothing is what the queue has.
    lease: String,
    stop: Stop,
}

impl Borrower {
    /// A queue without leases would just give its items away.
    async fn check(&mut self) -> Result<(), Failure> {
        let url = self.leases.stats();
        let lends = self.leases.are_there(&mut self.connection).await.map_err(|error| Failure::of(&url, &error))?;
        if lends { Ok(()) } else { Err(Failure::Refused(format!("{url}: this queue has no leases"))) }
    }

    /// The next item; `None` if there is none, or a signal came before it.
    async fn next(&mut self, wait: Option<Option<Duration>>) -> Result<Option<Lent>, Failure> {
        let until = wait.map(|wait| wait.and_then(|wait| Instant::now().checked_add(wait)));
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(500));
        loop {
            if self.stop.is_asked() {
                return Ok(None);
            }
            if output::is_closed() {
                return Err(Failure::NobodyReads);
            }
            let began = Instant::now();
            let left = match until {
                None => None,
                Some(None) => Some(WAIT),
                Some(Some(until)) => Some(until.saturating_duration_since(began).min(WAIT)),
            };
            if let Some(item) = self.ask(left).await? {
                return Ok(Some(item));
            }
            let Some(left) = left.filter(|left| !left.is_zero()) else { return Ok(None) };
            // A server that doesn't wait is not asked all the time.
            if began.elapsed() < left {
                let pause = backoff.next().min(left);
                tokio::select! {
                    biased;
                    () = self.stop.asked() => return Ok(None),
                    () = output::closed() => return Err(Failure::NobodyReads),
                    () = sleep(pause) => {}
                }
            }
        }
    }

    async fn ask(&mut self, wait: Option<Duration>) -> Result<Option<Lent>, Failure> {
        let url = self.leases.verb("/get").and("lease", Some(&self.lease)).and("wait", wait.map(seconds));
        let answer = self.connection.call_with("GET", &url, &[JSON], None).await;
        let body = accepted(&url, answer.map_err(|error| Failure::of(&url, &error))?)?;
        if body.is_empty() {
            return Ok(None);
        }
        let strange = || Failure::Refused(format!("{url}: its answer is no item on lease"));
        Lent::parse(&body).map(Some).ok_or_else(strange)
    }

    /// What is printed has arrived; what could not be is given back at once.
    async fn print(&mut self, options: &Options, item: &Lent) -> Result<(), Failure> {
        let printed = options.print(&item.data);
        let how = match printed {
            Ok(()) => Settle::Ack,
            Err(_) => Settle::Nack(None, Some("could not be printed")),
        };
        let settled = self.settle(&how, item).await;
        printed?;
        if !settled? {
            say(format_args!("item {} was printed, but its lease was over: it comes again", item.item));
        }
        Ok(())
    }

    async fn print_json(&mut self, item: &Lent) -> Result<(), Failure> {
        let Lent { item: number, token, attempt, until, data } = item;
        let (token, until) = (json::string(token), json::string(until));
        let line = format!(
            "{{\"item\": {number}, \"lease\": {token}, \"attempt\": {attempt}, \"until\": {until}, {}}}",
            json::data(data)
        );
        let printed = output::line(&line);
        if printed.is_err() {
            self.settle(&Settle::Nack(None, Some("could not be printed")), item).await?;
        }
        printed
    }

    /// Whether there was still something to settle.
    async fn settle(&mut self, how: &Settle<'_>, item: &Lent) -> Result<bool, Failure> {
        let url: Url = how.address(&self.leases);
        let settled = self.leases.settle(&mut self.connection, how, &[&item.token]).await;
        settled.map(|settled| settled.done > 0).map_err(|error| Failure::of(&url, &error))
    }
}
