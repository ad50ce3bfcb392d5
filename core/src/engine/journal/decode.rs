//! Entries from bytes, of which nothing is copied.

use core::ops::Range;
use core::time::Duration;

use super::{Call, Entry, Letters, Moves, Numbers, Retold, kind, option, retold};
use crate::engine::{Command, Id, Lease, Pieces, Settle, Tokens};
use crate::queue::leases::{Letter, State};
use crate::saved::{AtHand, Broken, Get, Input};
use crate::time::Time;

/// Bytes that are no entry: what about them can't be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAnEntry(pub &'static str);

impl core::fmt::Display for NotAnEntry {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "no entry of a journal: {}", self.0)
    }
}

impl core::error::Error for NotAnEntry {}

impl<'a> Entry<'a> {
    /// The entry that `bytes` are, all of them, with its time after `base`. O(n).
    ///
    /// # Errors
    /// [`NotAnEntry`]: [`encode`](Self::encode) writes no such bytes.
    ///
    /// # Fuzzing
    /// `journal`.
    pub fn decode(bytes: &'a [u8], base: Time) -> Result<Self, NotAnEntry> {
        decode(bytes, base).map_err(|broken| match broken {
            Broken::Wrong(why) => NotAnEntry(why),
            Broken::Ended => NotAnEntry("it ends too early"),
            Broken::Read(never) => match never {},
        })
    }
}

/// Where each item of an entry lies in its bytes: of what was published, put or told again with all that it was, and
/// nothing of any other. O(1) an item.
pub fn items_in(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let call = Entry::decode(bytes, Time::ZERO).ok().map(|entry| entry.call);
    let (mut rest, is_retold) = match &call {
        Some(Call::Execute(Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. }))
            if !pieces.are_bare() =>
        {
            (pieces.data_at_hand().unwrap_or_default(), false)
        }
        Some(Call::Retell(_, retold)) => (retold.at_hand(), true),
        _ => (&[][..], false),
    };
    let end = bytes.len();
    core::iter::from_fn(move || {
        let piece = if is_retold { retold::take_data(&mut rest)? } else { Pieces::take_prefixed(&mut rest)? };
        let piece_end = end.saturating_sub(rest.len());
        Some(piece_end.saturating_sub(piece.len())..piece_end)
    })
}

type Bytes<'a> = Input<AtHand<'a>>;

fn decode(bytes: &[u8], base: Time) -> Get<Entry<'_>, AtHand<'_>> {
    let input = &mut Input(AtHand(bytes));
    let head = input.byte()?;
    let now = Time::from_millis(base.as_millis().wrapping_add(input.number()?));
    let random = if head & kind::RANDOM > 0 { random(input)? } else { Numbers::NONE };
    let taken = if head & kind::TAKEN > 0 { not_zero(input.number()?)? } else { 0 };
    let kind = head & kind::OF;
    let is_marked = head & kind::OPTIONS > 0;
    let call = match kind {
        kind::PUBLISH | kind::PUT => put(kind, is_marked, input)?,
        kind::ADVANCE..=kind::RETELL if is_marked && !matches!(kind, kind::SET_TOPIC | kind::SET_QUEUE) => {
            return Err(Broken::Wrong("it was refused as nothing of its kind is"));
        }
        kind::ADVANCE => Call::Advance(input.kind()?, input.name()?),
        kind::MAKE_TOPIC => Call::MakeTopic(input.name()?, input.topic_settings()?),
        kind::MAKE_QUEUE => Call::MakeQueue(input.name()?, input.queue_settings()?),
        kind::SUBSCRIBE => Call::Subscribe(input.name()?, input.flag()?),
        kind::PUT_LETTER => put_letter(input)?,
        kind::DROP_LETTERS => Call::DropLetters(input.name()?, to_the_end(Letters::in_bytes, input)?),
        kind::MOVE => Call::Move(input.name()?, to_the_end(Moves::in_bytes, input)?),
        kind::LOSE => Call::Lose(input.name()?, input.word()?),
        kind::RETELL => Call::Retell(input.name()?, Retold::decode(input)?),
        _ => {
            let command = command(kind, input)?;
            if is_marked { Call::Refuse(command) } else { Call::Execute(command) }
        }
    };
    if input.rest().is_empty() {
        Ok(Entry { now, random, taken, call })
    } else {
        Err(Broken::Wrong("something stands behind it"))
    }
}

const fn not_zero(number: u64) -> Get<u64, AtHand<'static>> {
    if number == 0 { Err(Broken::Wrong("it says that there is something, and there is nothing")) } else { Ok(number) }
}

fn random<'a>(input: &mut Bytes<'a>) -> Get<Numbers<'a>, AtHand<'a>> {
    let len = not_zero(input.number()?)?.checked_mul(8).and_then(|len| usize::try_from(len).ok());
    Ok(Numbers::in_bytes(input.lend(len.ok_or(Broken::Ended)?)?))
}

/// What is made of all that is left.
fn to_the_end<'a, T>(make: impl FnOnce(&'a [u8]) -> Option<T>, input: &mut Bytes<'a>) -> Get<T, AtHand<'a>> {
    let rest = input.lend(input.rest().len())?;
    make(rest).ok_or(Broken::Wrong("what it ends with is not what stands there"))
}

fn put<'a>(kind: u8, has_options: bool, input: &mut Bytes<'a>) -> Get<Call<'a>, AtHand<'a>> {
    let name = input.name()?;
    let options = if has_options { input.byte()? } else { 0 };
    let of_a_put = if kind == kind::PUT { option::DELAY } else { 0 };
    let known = option::ID | option::LENGTHS | option::REFUSED | of_a_put;
    if has_options == (options == 0) || options & !known > 0 {
        return Err(Broken::Wrong("its options are none"));
    }
    let id = if options & option::ID > 0 { Some(input.short()?) as Option<Id> } else { None };
    let delay = if options & option::DELAY > 0 { input.span()? } else { Duration::ZERO };
    if delay.is_zero() && options & option::DELAY > 0 {
        return Err(Broken::Wrong("a delay is none"));
    }
    let make = if options & option::LENGTHS > 0 { Pieces::lengths } else { Pieces::prefixed };
    let pieces = to_the_end(make, input)?;
    let command = match kind {
        kind::PUBLISH => Command::Publish { topic: name, messages: pieces, id },
        _ => Command::Put { queue: name, items: pieces, delay, id },
    };
    Ok(if options & option::REFUSED > 0 { Call::Refuse(command) } else { Call::Execute(command) })
}

fn get<'a>(input: &mut Bytes<'a>) -> Get<Command<'a>, AtHand<'a>> {
    let (queue, items) = (input.name()?, input.number()?);
    let lease = match input.byte()? {
        0 => Lease::None,
        1 => Lease::For(None),
        2 => Lease::For(Some(input.span()?)),
        _ => return Err(Broken::Wrong("a lease is none")),
    };
    Ok(Command::Get { queue, items, lease })
}

fn settle<'a>(kind: u8, input: &mut Bytes<'a>) -> Get<Command<'a>, AtHand<'a>> {
    let queue = input.name()?;
    let how = match kind {
        kind::ACK => Settle::Ack,
        kind::NACK => Settle::Nack { delay: input.span()?, reason: input.short()? },
        _ => Settle::Touch(input.maybe(Input::span)?),
    };
    Ok(Command::Settle { queue, tokens: to_the_end(Tokens::packed, input)?, how })
}

fn put_letter<'a>(input: &mut Bytes<'a>) -> Get<Call<'a>, AtHand<'a>> {
    let name = input.name()?;
    let (id, attempts) = (input.number()?, input.small()?);
    let (accepted_at, died_at) = (input.time()?, input.time()?);
    let len = input.size()?;
    let reason = input.lend(len)?;
    let data = to_the_end(Some, input)?;
    Ok(Call::PutLetter(name, Letter { id, data, away: None, attempts, reason, accepted_at, died_at }))
}

fn command<'a>(kind: u8, input: &mut Bytes<'a>) -> Get<Command<'a>, AtHand<'a>> {
    Ok(match kind {
        kind::GET => get(input)?,
        kind::ACK | kind::NACK | kind::TOUCH => settle(kind, input)?,
        kind::REDRIVE => Command::Redrive { queue: input.name()? },
        kind::PAUSE => Command::Pause { queue: input.name()? },
        kind::RESUME => Command::Resume { queue: input.name()? },
        kind::EMPTY => Command::Empty { queue: input.name()? },
        kind::DUMP => Command::Dump { queue: input.name()? },
        kind::PEEK => {
            let queue = input.name()?;
            let state = match input.byte()? {
                0 => State::Ready,
                1 => State::Leased,
                2 => State::Delayed,
                3 => State::Dead,
                _ => return Err(Broken::Wrong("a state is none")),
            };
            Command::Peek { queue, state, items: input.number()? }
        }
        kind::TOPIC_STATS => Command::TopicStats { topic: input.name()?, reset: input.flag()? },
        kind::QUEUE_STATS => Command::QueueStats { queue: input.name()?, reset: input.flag()? },
        kind::LIST => Command::List { kind: input.kind()?, prefix: input.short()? },
        kind::SHOW => Command::Show { kind: input.kind()?, name: input.name()? },
        kind::REMOVE => Command::Remove { kind: input.kind()?, name: input.name()? },
        kind::SET_TOPIC => Command::SetTopic { name: input.name()?, change: input.topic_change()? },
        kind::SET_QUEUE => Command::SetQueue { name: input.name()?, change: input.queue_change()? },
        _ => return Err(Broken::Wrong("it is of no kind, or of a later version")),
    })
}
