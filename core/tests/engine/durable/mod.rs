//! Engines that are executed again from what was kept of them, saved at any time and restored: nobody can tell the
//! difference.

mod bytes;
mod history;
mod host;
mod limits;

use core::convert::Infallible;
use core::ops::ControlFlow;

use streamgauge_core::endpoints::{Reply, Request, Settings, Surface, answer};
use streamgauge_core::engine::journal::{Call, Entry, Numbers, Watched};
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Command, Dump, Engine, Kind, Name, Outcome, Sink};
use streamgauge_core::time::Time;

use host::Home;

/// An engine that keeps what it executes.
struct Keeper<const REVERSED: bool = false> {
    memory: Memory<Home<REVERSED>>,
    /// Each with the time that it is relative to.
    log: Vec<(Time, Vec<u8>)>,
    last: Time,
    /// Look at the state when nothing was kept: it has to be as it was.
    is_strict: bool,
}

impl<const REVERSED: bool> Keeper<REVERSED> {
    fn new(home: Home<REVERSED>, defaults: Defaults) -> Self {
        Self::of(Memory::with_defaults(home, defaults))
    }

    fn of(memory: Memory<Home<REVERSED>>) -> Self {
        Self { memory, log: Vec::new(), last: Time::ZERO, is_strict: true }
    }

    fn saved(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let Ok(()) = self.memory.save(&mut bytes) as Result<(), Infallible>;
        // The most names that a test has, with a little for each.
        let (foreseen, len) = (self.memory.saved_len(), bytes.len() as u64);
        assert!((len / 2..=4 * len + 24 * 256).contains(&foreseen), "{foreseen} bytes were foreseen, and it is {len}");
        bytes
    }

    fn restored<const OTHER: bool>(&self, mut home: Home<OTHER>) -> Keeper<OTHER> {
        home.random = self.memory.host().random;
        home = home.keeping(self.memory.host().entries.clone());
        let saved = self.saved();
        let memory = Memory::restore(home, &mut &*saved).unwrap_or_else(|error| panic!("{error}"));
        let keeper = Keeper { memory, log: Vec::new(), last: self.last, is_strict: true };
        assert_eq!(keeper.saved(), saved, "restored, it is saved as it was");
        keeper
    }

    /// Keeps a call that was executed.
    fn keep(&mut self, now: Time, taken: u64, call: Call<'_>) {
        let random = core::mem::take(&mut self.memory.host_mut().drawn);
        let entry = Entry { now, random: Numbers::of(&random), taken, call };
        let mut bytes = Vec::new();
        let Ok(()) = entry.encode(self.last, &mut bytes) as Result<(), Infallible>;
        assert_eq!(bytes.len() as u64, entry.encoded_len(self.last));
        bytes::is_read_again(&entry, &bytes, self.last);
        self.memory.host_mut().written(&call, &bytes);
        self.log.push((self.last, bytes));
        self.last = now;
    }

    fn replay(&mut self, log: &[(Time, Vec<u8>)]) {
        for (at, (base, bytes)) in log.iter().enumerate() {
            let entry = Entry::decode(bytes, *base).expect("it was written");
            self.memory.host_mut().again = entry.random.iter().collect();
            self.memory.replay(&entry).unwrap_or_else(|error| panic!("{error}: {at}, {entry:?}"));
            assert!(self.memory.host().again.is_empty(), "all random numbers were drawn");
            self.memory.host_mut().written(&entry.call, bytes);
        }
        self.memory.host_mut().drawn.clear();
    }

    /// Does what is due, as a timer would.
    fn advance(&mut self, now: Time) {
        let mut due = core::mem::take(&mut self.memory.host_mut().due);
        due.retain(|(.., at)| *at < Time::NEVER);
        due.sort_unstable();
        due.dedup_by_key(|(kind, name, _)| (*kind, *name));
        for (kind, name, at) in due {
            if at > now {
                self.memory.host_mut().due.push((kind, name, at));
            } else {
                self.advance_one(kind, &name, now);
            }
        }
    }

    fn advance_one(&mut self, kind: Kind, name: &Name, now: Time) {
        let before = self.saved();
        let is_due = self.memory.is_due(kind, name, now);
        self.memory.advance(kind, name, now);
        if is_due {
            self.keep(now, 0, Call::Advance(kind, *name));
        } else {
            assert_eq!(self.saved(), before, "nothing was due");
        }
    }

    /// What a request is answered.
    fn ask(&mut self, method: &str, target: &str, body: &str, now: Time, room: usize) -> String {
        let method = streamgauge_core::endpoints::Method::named(method.as_bytes()).expect("a method");
        let settings = Settings { max_answer: room, ..Settings::new(Surface::Everything) };
        let request = Request { method, body: body.as_bytes(), ..Request::new(target.as_bytes()) };
        let mut out = Vec::new();
        let Ok(reply) = answer(&request, &settings, self, now, &mut out);
        let mut text = match reply {
            Reply::Response(response) => {
                let mut text = response.status.code().to_string();
                response.headers.for_each(|name, value| text += &format!(" {name}: {value}"));
                text
            }
            Reply::Dump(mut dump) => {
                let more = self.memory.dump(&mut dump, |item| {
                    out.extend_from_slice(item);
                    ControlFlow::Continue(())
                });
                format!("dumped {more}")
            }
            Reply::Wait(queue, span) => format!("wait {queue} {span:?}"),
            _ => "other".to_owned(),
        };
        text += "\n";
        text += &String::from_utf8_lossy(&out);
        text
    }
}

impl<const REVERSED: bool> Engine for Keeper<REVERSED> {
    fn execute(&mut self, command: &Command<'_>, now: Time, to: &mut dyn Sink) -> Outcome {
        let before = if self.is_strict { self.saved() } else { Vec::new() };
        let was_due = self.memory.is_due_for(command, now);
        let mut watched = Watched::new(to);
        let outcome = self.memory.execute(command, now, &mut watched);
        let taken = watched.taken();
        let has_drawn = !self.memory.host().drawn.is_empty();
        match Call::of(command, &outcome, was_due, has_drawn) {
            Some(call) => self.keep(now, taken, call),
            None if self.is_strict => assert_eq!(self.saved(), before, "not kept: {command:?}, {outcome:?}"),
            None => {}
        }
        outcome
    }

    fn dump(&mut self, dump: &mut Dump, each: impl FnMut(&[u8]) -> ControlFlow<()>) -> bool {
        self.memory.dump(dump, each)
    }
}
