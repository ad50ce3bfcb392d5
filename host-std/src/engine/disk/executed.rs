//! Executing something so that it can be executed again.

use streamgauge_core::engine::journal::{Call, Entry, Numbers, Watched};
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Command, Engine as _, Name, Outcome, Sink};
use streamgauge_core::time::Time;

use super::body::Body;
use super::history::Histories;
use super::log::Position;
use crate::engine::memory::{Rooms, published_to};

/// Executes a command, whose items will be in that place; `keep` is given what has to be kept of it, if it has changed
/// something. Messages that it publishes are held back from subscribers.
pub(crate) fn execute<P>(
    memory: &mut Memory<Rooms>,
    command: &Command<'_>,
    now: Time,
    to: &mut dyn Sink,
    place: Position,
    keep: impl FnOnce(&Executed<'_>) -> P,
) -> (Outcome, Option<P>) {
    let topic = published_to(command);
    // What is published now is not safe yet.
    let is_new = topic.is_some_and(|topic| memory.topic_mut(topic).map(|topic| topic.hold()).is_none());
    let was_due = memory.is_due_for(command, now);
    begin(memory, place);
    let mut watched = Watched::new(to);
    let outcome = memory.execute(command, now, &mut watched);
    let taken = watched.taken();
    if let Some(topic) = topic.filter(|_| is_new).and_then(|topic| memory.topic_mut(topic)) {
        topic.hold_all();
    }
    let (random, refused) = end(memory);
    let call = Call::of(command, &outcome, was_due, !random.is_empty());
    let memory = &*memory;
    let kept = call.map(|call| keep(&Executed { now, taken, call, random: &random, refused: &refused, memory }));
    (outcome, kept)
}

/// Does something else with an engine, which will be in that place: it is told as a call, and given to `keep`.
pub(crate) fn call<'c, R>(
    memory: &mut Memory<Rooms>,
    now: Time,
    place: Position,
    f: impl FnOnce(&mut Memory<Rooms>) -> (R, Option<Call<'c>>),
    keep: impl FnOnce(&Executed<'_>),
) -> R {
    begin(memory, place);
    let (result, call) = f(memory);
    let (random, refused) = end(memory);
    if let Some(call) = call {
        keep(&Executed { now, taken: 0, call, random: &random, refused: &refused, memory });
    }
    result
}

/// What was executed, what it depended on, and the state that it led to.
pub(crate) struct Executed<'a> {
    now: Time,
    taken: u64,
    call: Call<'a>,
    random: &'a [u64],
    refused: &'a [u32],
    memory: &'a Memory<Rooms>,
}

impl Executed<'_> {
    /// Writes it as an entry of a log.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let Self { now, taken, call, random, refused, .. } = self;
        Body::begin_executed(self.number(), refused, out);
        let entry = Entry { now: *now, random: Numbers::of(random), taken: *taken, call: *call };
        let Ok(()) = entry.encode(Time::ZERO, out);
    }

    /// The low half of the number of the first message that it published: who has lost what is in front of it counts from
    /// there.
    fn number(&self) -> Option<u32> {
        match &self.call {
            Call::Execute(Command::Publish { topic, messages, .. }) if !messages.are_bare() => {
                let next = self.memory.topic(topic)?.log().end().sequence();
                Some(next.wrapping_sub(messages.count()) as u32)
            }
            _ => None,
        }
    }

    /// The state that it led to.
    pub(crate) const fn memory(&self) -> &Memory<Rooms> {
        self.memory
    }

    /// Whether there may be messages in it, or fewer of them kept because of it.
    pub(crate) const fn is_of_topics(&self) -> bool {
        Histories::heed(&self.call)
    }

    /// Takes note of where its entry lies, and returns the topic that has an extent more by it.
    pub(crate) fn lies(&self, places: (Position, Position), histories: &mut Histories) -> Option<Name> {
        histories.executed(&self.call, self.memory, self.now, places)
    }
}

/// From now on it is noted what is drawn at random, and refused for want of memory; and items will be in that place.
fn begin(memory: &mut Memory<Rooms>, place: Position) {
    let rooms = memory.host_mut();
    rooms.set_place(Some(place));
    rooms.take_drawn();
    rooms.budget().watch();
}

fn end(memory: &mut Memory<Rooms>) -> (Vec<u64>, Vec<u32>) {
    let rooms = memory.host_mut();
    rooms.set_place(None);
    (rooms.take_drawn(), rooms.budget().take_refused())
}
