//! All that a folder holds, as lines of JSON.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use streamgauge_core::endpoints::{self, Request, Settings, Surface};
use streamgauge_core::engine::{Command, Dump as Walk, Engine, Kind, Name, Outcome, Part, Prefix, Sink};
use streamgauge_core::queue::leases::State;
use streamgauge_core::time::Time;
use streamgauge_core::wire::units::Rfc3339;

use super::entry::{Object, data, entry, place};
use super::{EXIT_CODES, Folder, ended};
use crate::engine::disk::{AtRest, LogFound, LostItems, Restored, StateError, Step};
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
}

impl Dump {
    pub(super) fn run(&self) -> Result<ExitCode, StartError> {
        let at_rest = self.folder.open()?;
        let wrong = |error: io::Error| self.folder.wrong(&error);
        let mut out = BufWriter::new(io::stdout().lock());
        let mut from = at_rest.oldest().map_err(wrong)?;
        let (mut written, mut is_well);
        match at_rest.checkpoint().and_then(|there| there.ok_or(StateError::NoCheckpoint)) {
            Ok(mut there) => {
                (from, is_well) = (there.from, true);
                written = checkpoint(&mut there, &mut out);
                if self.items {
                    let lost = at_rest.lose_unreadable(&mut there.memory, Time::ZERO).map_err(wrong)?;
                    is_well = lost.is_empty();
                    for LostItems { at, queue, items } in lost {
                        let line =
                            place(Object::new("damage"), at).text("queue", queue.as_str()).number("items", items);
                        written = written.and_then(|()| line.write(&mut out));
                    }
                    written = written.and_then(|()| items(&at_rest, &mut there, &mut out));
                }
            }
            Err(error) if error.is_loss() => {
                is_well = false;
                let line = Object::new("damage").text("file", "checkpoint").text("error", &error.to_string());
                written = line.write(&mut out);
            }
            Err(error) => return Err(self.folder.wrong(&error)),
        }
        let mut progress = Progress::of_output("reading", Unit::Bytes, at_rest.log_bytes(from).map_err(wrong)?);
        let log = at_rest.log(from, |step| {
            progress.advance(step.len());
            if written.is_err() {
                return;
            }
            written = match step {
                Step::Entry(at, body) => entry(at, body).write(&mut out),
                Step::Damaged(damage) => {
                    place(Object::new("damage"), damage.at).number("bytes", damage.bytes().into()).write(&mut out)
                }
            };
        });
        drop(progress);
        let log = log.map_err(wrong)?;
        written = written.and_then(|()| end(&log, &mut out)).and_then(|()| out.flush());
        let written = written.map_err(|error| Failure::io(STDOUT, &error));
        Ok(ended(written, is_well && log.damage.is_empty()))
    }
}

fn end(log: &LogFound, out: &mut impl Write) -> io::Result<()> {
    let LogFound { end, from, .. } = log;
    let line = place(Object::new("end"), end.at.unwrap_or(*from));
    line.raw("closed", &end.is_closed.to_string()).raw("torn", &end.is_torn.to_string()).write(out)
}

/// What the checkpoint holds, as `GET /topics` and `GET /queues` tell it.
fn checkpoint(there: &mut Restored, out: &mut impl Write) -> io::Result<()> {
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
    line.raw("notes", &format!("[{}]", notes.join(","))).write(out)
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

fn items(at_rest: &AtRest, there: &mut Restored, out: &mut impl Write) -> io::Result<()> {
    for topic in names(there, Kind::Topic) {
        let written = at_rest.messages(&topic, &there.histories, |sequence, time, message| {
            let line = Object::new("message").text("topic", topic.as_str()).number("sequence", sequence);
            match line.text("time", &Rfc3339(time).to_string()).member(&data(message)).write(out) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            }
        });
        if let ControlFlow::Break(error) = written {
            return Err(error);
        }
    }
    for queue in names(there, Kind::Queue) {
        for state in [State::Ready, State::Leased, State::Delayed, State::Dead] {
            let mut written = Ok(());
            let peek = Command::Peek { queue, state, items: u64::MAX };
            there.memory.execute(&peek, Time::ZERO, &mut |part: Part<'_>| {
                let Part::Item(item) = part else { return ControlFlow::Continue(()) };
                let (item, time) = (item.item, Rfc3339(item.item.accepted_at).to_string());
                let line = Object::new("item").text("queue", queue.as_str()).number("item", item.id);
                let line = line.text("state", state.as_str()).number("attempt", item.attempt.into());
                written = line.text("put", &time).member(&data(item.data)).write(out);
                if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            written?;
        }
    }
    Ok(())
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
