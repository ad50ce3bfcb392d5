//! All that a folder holds, as lines of JSON.

use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use streamgauge_core::endpoints::{self, Request, Settings, Surface};
use streamgauge_core::engine::{Command, Dump as Walk, Engine, Kind, Name, Outcome, Part, Prefix, Sink};
use streamgauge_core::queue::leases::State;
use streamgauge_core::time::Time;
use streamgauge_core::wire::units::{Rfc3339, rfc3339};

use super::entry::{Object, data, entry, place};
use super::{EXIT_CODES, Folder, ended};
use crate::engine::disk::{AtRest, LogFound, LostItems, Position, Restored, StateError, Step, time_of};
use crate::terminal::StartError;
use crate::terminal::exit::{Failure, STDOUT};
use crate::terminal::progress::{Progress, Unit};

/// Print a line of JSON for the checkpoint and one for each entry of the log behind it
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub(super) struct Dump {
    #[command(flatten)]
    folder: Folder,
    /// And one for each item that the checkpoint holds and each message from before it, in front of the log
    #[arg(long)]
    items: bool,
    /// Leave out what the log has from before a time, such as 2012-03-16T18:40:47Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Time>,
    /// Read the log no further than a time, and not its end, so that what is lost behind that is not found
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Time>,
}

fn time(text: &str) -> Result<Time, String> {
    rfc3339(text.as_bytes()).ok_or_else(|| "must be a time such as 2012-03-16T18:40:47Z".to_owned())
}

impl Dump {
    pub(super) fn run(&self) -> Result<ExitCode, StartError> {
        if self.until.is_some_and(|until| self.from > Some(until)) {
            return Err(StartError::new("--until is before --from"));
        }
        let at_rest = self.folder.open()?;
        let mut lines = Lines { out: BufWriter::new(io::stdout().lock()), written: Ok(()) };
        let (from, is_well) = self.begin(&at_rest, &mut lines)?;
        let is_whole = self.log(&at_rest, from, &mut lines)?;
        Ok(ended(lines.end(), is_well && is_whole))
    }

    /// Tells the checkpoint, and says where the log goes on behind it and whether all of it is there.
    fn begin(&self, at_rest: &AtRest, lines: &mut Lines) -> Result<(Position, bool), StartError> {
        let wrong = |error: io::Error| self.folder.wrong(&error);
        let mut there = match at_rest.checkpoint().and_then(|there| there.ok_or(StateError::NoCheckpoint)) {
            Ok(there) => there,
            Err(error) if error.is_loss() => {
                let line = Object::new("damage").text("file", "checkpoint").text("error", &error.to_string());
                let _ = lines.add(line);
                return Ok((at_rest.oldest().map_err(wrong)?, false));
            }
            Err(error) => return Err(self.folder.wrong(&error)),
        };
        let _ = lines.add(checkpoint(&mut there));
        if !self.items {
            return Ok((there.from, true));
        }
        let lost = at_rest.lose_unreadable(&mut there.memory, Time::ZERO).map_err(wrong)?;
        for LostItems { at, queue, items } in &lost {
            let line = place(Object::new("damage"), *at).text("queue", queue.as_str()).number("items", *items);
            let _ = lines.add(line);
        }
        let _ = items(at_rest, &mut there, lines);
        Ok((there.from, lost.is_empty()))
    }

    /// Tells the log from a place on, and says whether all of it is there that was read.
    fn log(&self, at_rest: &AtRest, from: Position, lines: &mut Lines) -> Result<bool, StartError> {
        let wrong = |error: io::Error| self.folder.wrong(&error);
        let mut progress = Progress::of_output("reading", Unit::Bytes, at_rest.log_bytes(from).map_err(wrong)?);
        let (mut now, mut is_over) = (Time::ZERO, false);
        let log = at_rest.log(from, |step| {
            progress.advance(step.len());
            match step {
                Step::Entry(at, body) => {
                    // What has no time of its own comes no later than what is behind it.
                    now = now.max(time_of(body).unwrap_or(now));
                    is_over = self.until.is_some_and(|until| now > until);
                    match self.from {
                        _ if is_over => ControlFlow::Break(()),
                        Some(from) if now < from => ControlFlow::Continue(()),
                        _ => lines.add(entry(at, body)),
                    }
                }
                Step::Damaged(damage) => {
                    lines.add(place(Object::new("damage"), damage.at).number("bytes", damage.bytes().into()))
                }
            }
        });
        drop(progress);
        let log = log.map_err(wrong)?;
        if !is_over {
            let _ = lines.add(end(&log));
        }
        Ok(log.damage.is_empty())
    }
}

/// Lines on their way to stdout, as far as it takes them.
struct Lines {
    out: BufWriter<StdoutLock<'static>>,
    written: io::Result<()>,
}

impl Lines {
    fn add(&mut self, line: Object) -> ControlFlow<()> {
        if self.written.is_ok() {
            self.written = line.write(&mut self.out);
        }
        if self.written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn end(mut self) -> Result<(), Failure> {
        self.written.and_then(|()| self.out.flush()).map_err(|error| Failure::io(STDOUT, &error))
    }
}

fn end(log: &LogFound) -> Object {
    let LogFound { end, from, .. } = log;
    let line = place(Object::new("end"), end.at.unwrap_or(*from));
    line.raw("closed", &end.is_closed.to_string()).raw("torn", &end.is_torn.to_string())
}

/// What the checkpoint holds, as `GET /topics` and `GET /queues` tell it.
fn checkpoint(there: &mut Restored) -> Object {
    let mut line = place(Object::new("checkpoint"), there.from);
    for (kind, path) in [("topics", &b"/topics"[..]), ("queues", b"/queues")] {
        line = line.raw(kind, &listed(there, path));
    }
    let notes = there.notes.iter().map(|(name, note)| {
        let line = Object::nameless().text("name", name.as_str());
        match serde_json::from_slice::<serde::de::IgnoredAny>(note) {
            // No newline of it is in a text.
            Ok(_) => line.raw("note", &String::from_utf8_lossy(note).replace(['\n', '\r'], " ")).end(),
            Err(_) => line.member(&data(note)).end(),
        }
    });
    let notes: Vec<_> = notes.collect();
    line.raw("notes", &format!("[{}]", notes.join(",")))
}

fn listed(there: &mut Restored, path: &[u8]) -> String {
    let mut settings = Settings::new(Surface::Everything);
    settings.max_answer = usize::MAX;
    let mut list = Vec::new();
    // At the beginning of time nothing is due.
    let Ok(_) = endpoints::answer(&Request::new(path), &settings, &mut Kept(there), Time::ZERO, &mut list);
    String::from_utf8_lossy(&list).trim().replace('\n', "")
}

/// What a checkpoint holds, told with the messages that are on the disk.
struct Kept<'r>(&'r mut Restored);

impl Engine for Kept<'_> {
    fn execute(&mut self, command: &Command<'_>, now: Time, to: &mut dyn Sink) -> Outcome {
        let Restored { memory, histories, .. } = &mut *self.0;
        memory.execute(command, now, &mut |part: Part<'_>| match part {
            Part::Topic(name, settings, stats) => {
                let mut stats = *stats;
                histories.tell(&name, settings, now, &mut stats);
                to.take(Part::Topic(name, settings, &stats))
            }
            part => to.take(part),
        })
    }

    fn dump(&mut self, dump: &mut Walk, each: impl FnMut(&[u8]) -> ControlFlow<()>) -> bool {
        self.0.memory.dump(dump, each)
    }
}

fn items(at_rest: &AtRest, there: &mut Restored, lines: &mut Lines) -> ControlFlow<()> {
    for topic in names(there, Kind::Topic) {
        at_rest.messages(&topic, &there.histories, |sequence, time, message| {
            let line = Object::new("message").text("topic", topic.as_str()).number("sequence", sequence);
            lines.add(line.text("time", &Rfc3339(time).to_string()).member(&data(message)))
        })?;
    }
    for queue in names(there, Kind::Queue) {
        for state in [State::Ready, State::Leased, State::Delayed, State::Dead] {
            let mut told = ControlFlow::Continue(());
            let peek = Command::Peek { queue, state, items: u64::MAX };
            there.memory.execute(&peek, Time::ZERO, &mut |part: Part<'_>| {
                let Part::Item(item) = part else { return ControlFlow::Continue(()) };
                let (item, time) = (item.item, Rfc3339(item.item.accepted_at).to_string());
                let line = Object::new("item").text("queue", queue.as_str()).number("item", item.id);
                let line = line.text("state", state.as_str()).number("attempt", item.attempt.into());
                told = lines.add(line.text("put", &time).member(&data(item.data)));
                told
            });
            told?;
        }
    }
    ControlFlow::Continue(())
}

fn names(there: &mut Restored, kind: Kind) -> Vec<Name> {
    let mut names = Vec::new();
    let list = Command::List { kind, prefix: Prefix::cut(b"") };
    there.memory.execute(&list, Time::ZERO, &mut |part: Part<'_>| {
        if let Part::Topic(name, ..) | Part::Queue(name, ..) = part {
            names.push(name);
        }
        ControlFlow::Continue(())
    });
    names
}
