//! From an outcome to an answer.

mod items;
mod over;
mod problem;
mod resources;
mod stats;

pub use items::overflow_line;
pub use problem::{GaugeProblem, NOWHERE, refuse_gauge, write_problem};
pub(crate) use problem::{nowhere, other_method, refuse, wrong};

use core::ops::ControlFlow;
use core::time::Duration;

use embedded_io::Write;

use super::parse::Shape;
use super::{Asking, Headers, LeaseHeaders, Reply, Response, Status};
use crate::engine::{Allowance, Command, Lease, Name, Outcome, Part, Settle, Sink};
use crate::wire::write_fmt;
use over::{LEASE_OVER, Over};

/// An answer that is being written: parts first, as an engine tells them, and then what became of the command.
pub struct Rendering<'r, W: Write> {
    out: &'r mut W,
    shape: Shape,
    verb: Verb,
    /// Whether errors, and what can be either, are JSON.
    json: bool,
    /// The most bytes of items past the first, or of tokens.
    max_answer: usize,
    /// Of which queue the client would wait for an item, and how long.
    wait: Option<(Name, Duration)>,
    told: u64,
    written: usize,
    over: Over,
    headers: Headers,
    failure: Option<W::Error>,
}

/// What was asked for, as far as its answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    /// Items; with true the answer to none is 204.
    Get(bool),
    Settle(&'static str),
    List,
    Show,
    /// Counters; without a name, resetting them answers nothing.
    Stats {
        named: bool,
        reset: bool,
    },
    Other(&'static str),
}

impl<'r, W: Write> Rendering<'r, W> {
    pub(super) const fn new(asking: &Asking<'_>, out: &'r mut W) -> Self {
        let Asking { command, shape, wait, json, named, max_answer } = asking;
        let wait = match (command, wait) {
            (Command::Get { queue, .. }, Some(wait)) => Some((*queue, *wait)),
            _ => None,
        };
        let verb = match command {
            Command::Get { lease, .. } => Verb::Get(wait.is_some() || !matches!(lease, Lease::None)),
            Command::Peek { .. } => Verb::Get(false),
            Command::Settle { how: Settle::Ack, .. } => Verb::Settle("acked"),
            Command::Settle { how: Settle::Nack { .. }, .. } => Verb::Settle("nacked"),
            Command::Settle { how: Settle::Touch(_), .. } => Verb::Settle("touched"),
            Command::List { .. } => Verb::List,
            Command::Show { .. } => Verb::Show,
            Command::TopicStats { reset, .. } | Command::QueueStats { reset, .. } => {
                Verb::Stats { named: *named, reset: *reset }
            }
            Command::Redrive { .. } => Verb::Other("redriven"),
            Command::Empty { .. } => Verb::Other("removed"),
            _ => Verb::Other(""),
        };
        let (headers, failure, max_answer, over) = (Headers::None, None, *max_answer, Over::NONE);
        Self { out, shape: *shape, verb, json: *json, max_answer, wait, told: 0, written: 0, over, headers, failure }
    }

    /// Where it is written.
    pub const fn out(&mut self) -> &mut W {
        self.out
    }

    /// What a command came to, once it is executed.
    ///
    /// # Errors
    /// Those of the writer. What could not be written has not been taken.
    pub fn finish(&mut self, outcome: &Outcome) -> Result<Reply, W::Error> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        Ok(match (outcome, self.wait) {
            (Outcome::Dump(dump), _) => Reply::Dump(*dump),
            (Outcome::Told(0), Some((queue, wait))) if !wait.is_zero() => Reply::Wait(queue, wait),
            _ => Reply::Response(self.response(outcome)?),
        })
    }

    fn response(&mut self, outcome: &Outcome) -> Result<Response, W::Error> {
        if let Outcome::Refused(refusal) = outcome {
            return refuse(refusal, self.json, self.out);
        }
        let mut response = match (self.verb, outcome) {
            (Verb::Get(no_content), Outcome::Told(0)) => {
                Response::text(if no_content { Status::NoContent } else { Status::Ok })
            }
            (Verb::Get(_), Outcome::Told(_)) if self.shape == Shape::Lines => Response::lines(),
            (Verb::Settle(done), Outcome::Settled { done: count, over }) => {
                return self.finish_settle(done, *count, *over);
            }
            (Verb::List, _) => {
                self.out.write_all(if self.told == 0 { b"[]\n" } else { b"]\n" })?;
                Response::JSON
            }
            (Verb::Show, _) => {
                self.out.write_all(b"\n")?;
                Response::JSON
            }
            (Verb::Stats { named, .. }, Outcome::TopicStats(stats)) => {
                return stats::topic(stats, named, self.shape, self.out);
            }
            (Verb::Stats { named, reset }, Outcome::Told(_)) if named || !reset => stats::response(self.shape),
            (_, Outcome::Published(published)) if self.json => {
                resources::published(published, self.out)?;
                Response::JSON
            }
            (_, Outcome::Published(published)) => {
                let (messages, clients) = (published.messages, published.subscribers);
                write_fmt(self.out, format_args!("Published {messages} messages to {clients} clients.\n"))?;
                Response::text(Status::Ok)
            }
            (_, Outcome::Put { items, duplicate }) if self.json => {
                write_fmt(self.out, format_args!("{{\"put\":{items},\"duplicate\":{duplicate}}}\n"))?;
                Response::JSON
            }
            (Verb::Other(what), Outcome::Moved { items, .. }) if !what.is_empty() => {
                if self.json {
                    write_fmt(self.out, format_args!("{{\"{what}\":{items}}}\n"))?;
                    Response::JSON
                } else {
                    write_fmt(self.out, format_args!("{what} {items}\n"))?;
                    Response::text(Status::Ok)
                }
            }
            (_, Outcome::Created) => Response::text(Status::Created),
            _ => Response::text(Status::Ok),
        };
        response.headers = self.headers;
        Ok(response)
    }

    fn finish_settle(&mut self, verb: &'static str, done: u64, over: u64) -> Result<Response, W::Error> {
        self.over.finish((done, verb), over, self.json, self.out)?;
        Ok(match (done == 0 && over > 0, self.json) {
            (true, true) => Response { status: Status::Gone, problem: Some(LEASE_OVER), ..Response::problem() },
            (true, false) => Response { problem: Some(LEASE_OVER), ..Response::text(Status::Gone) },
            (false, true) => Response::JSON,
            (false, false) => Response::text(Status::Ok),
        })
    }

    fn write(&mut self, part: &Part<'_>) -> Result<ControlFlow<()>, W::Error> {
        match part {
            Part::Item(item) => {
                // With what is written beside the data: what is begun and then has no room would be lost.
                let len = match self.shape {
                    Shape::Items { separator, .. } => item.item.data.len().saturating_add(separator.as_bytes().len()),
                    Shape::Item => item.item.data.len(),
                    Shape::Lines | Shape::Plain { .. } => items::line_len(item),
                };
                let written = self.written.saturating_add(len);
                if self.told > 0 && written > self.max_answer {
                    return Ok(ControlFlow::Break(()));
                }
                self.written = written;
                match self.shape {
                    Shape::Items { asked, separator } => {
                        self.out.write_all(item.item.data)?;
                        if self.told.wrapping_add(1) < asked {
                            self.out.write_all(separator.as_bytes())?;
                        }
                    }
                    Shape::Item => {
                        self.out.write_all(item.item.data)?;
                        self.headers = Headers::Lease(LeaseHeaders::of(item));
                    }
                    Shape::Lines | Shape::Plain { .. } => items::line(item, self.out)?,
                }
            }
            Part::Over(token) => self.over.tell(token, self.json, self.max_answer, self.out)?,
            Part::Topic(name, settings, stats) => {
                self.separate()?;
                resources::topic(name, settings, stats, self.out)?;
            }
            Part::Queue(name, settings, stats) => {
                self.separate()?;
                resources::queue(name, settings, stats, self.out)?;
            }
            Part::QueueStats(stats) => match self.verb {
                Verb::Stats { named: false, reset: true } => {}
                Verb::Stats { named, .. } => stats::queue(stats, named, self.shape, self.out)?,
                _ => {}
            },
        }
        Ok(ControlFlow::Continue(()))
    }

    fn separate(&mut self) -> Result<(), W::Error> {
        match (self.verb, self.told) {
            (Verb::List, 0) => self.out.write_all(b"["),
            (Verb::List, _) => self.out.write_all(b",\n"),
            _ => Ok(()),
        }
    }
}

impl<W: Write> Sink for Rendering<'_, W> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        match self.write(&part) {
            Ok(ControlFlow::Continue(())) => {
                self.told = self.told.wrapping_add(1);
                ControlFlow::Continue(())
            }
            Ok(stop) => stop,
            Err(failure) => {
                self.failure = Some(failure);
                ControlFlow::Break(())
            }
        }
    }

    fn allowance(&self) -> Allowance {
        let (beside, factor) = match self.shape {
            Shape::Items { separator, .. } => (separator.as_bytes().len(), 1),
            Shape::Item => (0, 1),
            Shape::Lines | Shape::Plain { .. } => (items::MOST_BESIDE, items::MOST_A_BYTE),
        };
        let (bytes, first) = (self.max_answer as u64, u64::MAX);
        Allowance { bytes, first, beside: beside as u32, factor: factor as u32 }
    }
}
