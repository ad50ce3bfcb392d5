//! Entries as bytes.

use embedded_io::Write;

use super::{Call, Entry, kind, option};
use crate::engine::{Command, Lease, Piece, Pieces, Settle, Tokens};
use crate::queue::leases::{Letter, State, Token};
use crate::saved::{Counted, Output};
use crate::time::Time;

impl Entry<'_> {
    /// Writes the entry; its time as it is after `base`, which [`decode`](Self::decode) has to be told as well: the time of
    /// the entry before is best. O(n).
    ///
    /// # Errors
    /// Those of `out`.
    pub fn encode<W: Write>(&self, base: Time, out: &mut W) -> Result<(), W::Error> {
        let out = &mut Output(out);
        let random = if self.random.is_empty() { 0 } else { kind::RANDOM };
        let taken = if self.taken == 0 { 0 } else { kind::TAKEN };
        let options = self.call.options();
        let optional = if options == 0 { 0 } else { kind::OPTIONS };
        out.byte(self.call.kind() | random | taken | optional)?;
        out.number(self.now.as_millis().wrapping_sub(base.as_millis()))?;
        if random > 0 {
            out.number(self.random.len() as u64)?;
            self.random.iter().try_for_each(|number| out.word(number))?;
        }
        if taken > 0 {
            out.number(self.taken)?;
        }
        self.call.encode(options, out)
    }

    /// How many bytes [`encode`](Self::encode) writes. O(n).
    pub fn encoded_len(&self, base: Time) -> u64 {
        let mut counted = Counted::default();
        let Ok(()) = self.encode(base, &mut counted);
        counted.0
    }
}

impl Call<'_> {
    const fn kind(&self) -> u8 {
        match self {
            Self::Execute(command) | Self::Refuse(command) => kind_of(command),
            Self::Advance(..) => kind::ADVANCE,
            Self::MakeTopic(..) => kind::MAKE_TOPIC,
            Self::MakeQueue(..) => kind::MAKE_QUEUE,
            Self::Subscribe(..) => kind::SUBSCRIBE,
            Self::PutLetter(..) => kind::PUT_LETTER,
            Self::DropLetters(..) => kind::DROP_LETTERS,
            Self::Move(..) => kind::MOVE,
            Self::Lose(..) => kind::LOSE,
            Self::Retell(..) => kind::RETELL,
        }
    }

    const fn options(&self) -> u8 {
        let (command, refused) = match self {
            Self::Execute(command) => (command, 0),
            Self::Refuse(command) => (command, option::REFUSED),
            _ => return 0,
        };
        let (pieces, id, delayed) = match command {
            Command::Publish { messages, id, .. } => (messages, id, false),
            Command::Put { items, delay, id, .. } => (items, id, !delay.is_zero()),
            _ => return refused,
        };
        (if id.is_some() { option::ID } else { 0 })
            | (if delayed { option::DELAY } else { 0 })
            | (if pieces.are_bare() { option::LENGTHS } else { 0 })
            | refused
    }

    fn encode<W: Write>(&self, options: u8, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        match self {
            Self::Execute(command) | Self::Refuse(command) => encode_command(command, options, out),
            Self::Advance(kind, name) => {
                out.kind(*kind)?;
                out.name(name)
            }
            Self::MakeTopic(name, settings) => {
                out.name(name)?;
                out.topic_settings(settings)
            }
            Self::MakeQueue(name, settings) => {
                out.name(name)?;
                out.queue_settings(settings)
            }
            Self::Subscribe(name, admitted) => {
                out.name(name)?;
                out.flag(*admitted)
            }
            Self::PutLetter(name, letter) => {
                let Letter { id, data, attempts, reason, accepted_at, died_at, .. } = *letter;
                out.name(name)?;
                out.numbers(&[id, u64::from(attempts)])?;
                out.time(accepted_at)?;
                out.time(died_at)?;
                out.text(reason)?;
                out.bytes(data)
            }
            Self::DropLetters(name, letters) => {
                out.name(name)?;
                letters.iter().try_for_each(|(died_at, id)| {
                    out.time(died_at)?;
                    out.number(id)
                })
            }
            Self::Move(name, moves) => {
                out.name(name)?;
                moves.encode(out)
            }
            Self::Lose(name, place) => {
                out.name(name)?;
                out.word(*place)
            }
            Self::Retell(name, retold) => {
                out.name(name)?;
                retold.encode(out)
            }
        }
    }
}

const fn kind_of(command: &Command<'_>) -> u8 {
    match command {
        Command::Publish { .. } => kind::PUBLISH,
        Command::Put { .. } => kind::PUT,
        Command::Get { .. } => kind::GET,
        Command::Settle { how: Settle::Ack, .. } => kind::ACK,
        Command::Settle { how: Settle::Nack { .. }, .. } => kind::NACK,
        Command::Settle { how: Settle::Touch(_), .. } => kind::TOUCH,
        Command::Redrive { .. } => kind::REDRIVE,
        Command::Pause { .. } => kind::PAUSE,
        Command::Resume { .. } => kind::RESUME,
        Command::Empty { .. } => kind::EMPTY,
        Command::Dump { .. } => kind::DUMP,
        Command::Peek { .. } => kind::PEEK,
        Command::TopicStats { .. } => kind::TOPIC_STATS,
        Command::QueueStats { .. } => kind::QUEUE_STATS,
        Command::List { .. } => kind::LIST,
        Command::Show { .. } => kind::SHOW,
        Command::Remove { .. } => kind::REMOVE,
        Command::SetTopic { .. } => kind::SET_TOPIC,
        Command::SetQueue { .. } => kind::SET_QUEUE,
    }
}

fn encode_command<W: Write>(command: &Command<'_>, options: u8, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    match command {
        Command::Publish { topic: name, messages, id } => {
            out.name(name)?;
            encode_options(options, id.as_ref().map(|id| id.as_bytes()), None, out)?;
            encode_pieces(messages, out)
        }
        Command::Put { queue, items, delay, id } => {
            out.name(queue)?;
            encode_options(options, id.as_ref().map(|id| id.as_bytes()), Some(*delay), out)?;
            encode_pieces(items, out)
        }
        Command::Get { queue, items, lease } => {
            out.name(queue)?;
            out.number(*items)?;
            match lease {
                Lease::None => out.byte(0),
                Lease::For(None) => out.byte(1),
                Lease::For(Some(span)) => {
                    out.byte(2)?;
                    out.span(*span)
                }
            }
        }
        Command::Settle { queue, tokens, how } => {
            out.name(queue)?;
            match how {
                Settle::Ack => {}
                Settle::Nack { delay, reason } => {
                    out.span(*delay)?;
                    out.text(reason.as_bytes())?;
                }
                Settle::Touch(span) => out.maybe(*span, Output::span)?,
            }
            encode_tokens(tokens, out)
        }
        Command::Redrive { queue: name }
        | Command::Pause { queue: name }
        | Command::Resume { queue: name }
        | Command::Empty { queue: name }
        | Command::Dump { queue: name } => out.name(name),
        Command::Peek { queue, state, items } => {
            out.name(queue)?;
            out.byte(match state {
                State::Ready => 0,
                State::Leased => 1,
                State::Delayed => 2,
                State::Dead => 3,
            })?;
            out.number(*items)
        }
        Command::TopicStats { topic: name, reset } | Command::QueueStats { queue: name, reset } => {
            out.name(name)?;
            out.flag(*reset)
        }
        Command::List { kind, prefix } => {
            out.kind(*kind)?;
            out.text(prefix.as_bytes())
        }
        Command::Show { kind, name } | Command::Remove { kind, name } => {
            out.kind(*kind)?;
            out.name(name)
        }
        Command::SetTopic { name, change } => {
            out.name(name)?;
            out.topic_change(change)
        }
        Command::SetQueue { name, change } => {
            out.name(name)?;
            out.queue_change(change)
        }
    }
}

fn encode_options<W: Write>(
    options: u8,
    id: Option<&[u8]>,
    delay: Option<core::time::Duration>,
    out: &mut Output<'_, W>,
) -> Result<(), W::Error> {
    if options == 0 {
        return Ok(());
    }
    out.byte(options)?;
    if let Some(id) = id {
        out.text(id)?;
    }
    match delay {
        Some(delay) if options & option::DELAY > 0 => out.span(delay),
        _ => Ok(()),
    }
}

fn encode_pieces<W: Write>(pieces: &Pieces<'_>, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    pieces.iter().try_for_each(|piece| {
        out.number(piece.len() as u64)?;
        match piece {
            Piece::Plain(bytes) => out.bytes(bytes),
            Piece::Coded(_, mut bytes) => encode_coded(&mut bytes, out),
            Piece::Absent(_) => Ok(()),
        }
    })
}

/// Writes bytes that have to be decoded, some at a time.
fn encode_coded<W: Write>(bytes: &mut impl Iterator<Item = u8>, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    loop {
        let (mut some, mut len) = ([0; 64], 0_usize);
        for (room, byte) in some.iter_mut().zip(bytes.by_ref()) {
            *room = byte;
            len = len.saturating_add(1);
        }
        match some.get(..len) {
            None | Some([]) => return Ok(()),
            Some(some) => out.bytes(some)?,
        }
    }
}

fn encode_tokens<W: Write>(tokens: &Tokens<'_>, out: &mut Output<'_, W>) -> Result<(), W::Error> {
    tokens.parsed().try_for_each(|(_, token)| Token::pack(token, out))
}
