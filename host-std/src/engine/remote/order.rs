//! What this gateway proposes to the log, and who waits for what becomes of it.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use streamgauge_core::engine::journal::{Call, Entry, Numbers};
use streamgauge_core::engine::{Allowance, Command, Name, Outcome, Refusal, TopicSettings};
use streamgauge_core::time::Time;
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::batch::{BESIDE, Head, Proposal, Seen};
use super::told::Answer;

/// Bytes that may wait for the engine; beyond that whoever asks is told to come again.
const MOST: usize = 16 << 20;

/// Bytes of a message of the log at which the next one is begun.
const FULL: usize = 256 << 10;

/// Bytes that wait for an engine that is away, of which nobody waits to hear.
const MOST_LATER: usize = 1 << 20;

/// So long a proposal of which somebody waits to hear may be on its way to the log, however long that is: less than the
/// engine knows again what it has taken, so that nothing is executed twice.
const LONGEST: Duration = Duration::from_secs(60);

/// Proposals on their way to the log, and who waits for them.
///
/// Proposing is a copy under a short lock. Who talks to the engine takes what has gathered as [messages](Batch) of the log,
/// and what comes back from there is executed in the log's order, whoever proposed it: then whoever asked here is answered.
#[derive(Debug)]
pub(crate) struct Order {
    gateway: u64,
    /// How long whoever asks is let wait.
    patience: Duration,
    waiting: Mutex<Waiting>,
    /// Rung when there is something to propose.
    gathered: Notify,
}

#[derive(Debug)]
struct Waiting {
    /// The number of the next proposal.
    next: u64,
    /// That of the first which gathers.
    first: u64,
    gathered: Vec<u8>,
    /// What gathers when the engine is there again, and how many proposals these are.
    later: Vec<u8>,
    count_later: u64,
    /// Bytes that were taken and have not come back.
    sent: usize,
    /// The most bytes of a message of the log.
    longest: usize,
    asked: HashMap<u64, Asked>,
    /// The time by the engine's clock, and when that was heard, if it ever was.
    heard: Option<(Time, Instant)>,
    /// Why nothing is proposed: until this gateway has joined the others, and when the engine is away.
    away: Option<String>,
    /// Whether what was published last was refused for want of room.
    is_full: bool,
}

#[derive(Debug)]
struct Asked {
    answer: oneshot::Sender<Result<Answer, Refusal>>,
    /// The tokens as they were written, of a command that tells which of them are over.
    tokens: Option<Box<[u8]>>,
}

/// What is to be a message of the log.
#[derive(Debug)]
pub(crate) struct Batch {
    /// By which the engine knows it again: the gateway, and the number of the first proposal.
    pub(crate) id: String,
    pub(crate) bytes: Bytes,
    first: u64,
    end: u64,
}

/// Told while the engine is not there.
pub(crate) const AWAY: Refusal = Refusal::Busy("the engine can't be reached: nothing has happened");

/// Told when an answer has not come: whoever names what was sent by an id may send it again.
pub(crate) const UNKNOWN: Refusal = Refusal::Busy(
    "the engine has not answered in time, and it is not known whether this happened: with the same Message-Id it can be sent again",
);

/// The same for who asked for items.
pub(super) const UNKNOWN_ITEMS: Refusal = Refusal::Busy(
    "the engine has not answered in time, and it is not known whether items were taken: these come again when their lease \
     ends, and without a lease they are gone",
);

/// Told when the log has taken a proposal too late: it is proposed again while somebody waits.
pub(crate) const TOO_LATE: Refusal = Refusal::Busy("the engine has taken this too late: nothing has happened");

const TOO_MUCH: Refusal = Refusal::Busy("the engine does not keep up: nothing has happened");

impl Order {
    /// Nothing proposed; whoever asks is let wait so long.
    pub(crate) fn new(gateway: u64, patience: Duration) -> Self {
        let waiting = Waiting {
            next: 0,
            first: 0,
            gathered: Vec::new(),
            later: Vec::new(),
            count_later: 0,
            sent: 0,
            longest: FULL,
            asked: HashMap::new(),
            heard: None,
            away: Some("it has not been reached yet".to_owned()),
            is_full: false,
        };
        Self { gateway, patience, waiting: Mutex::new(waiting), gathered: Notify::new() }
    }

    /// Which gateway this is.
    pub(crate) const fn gateway(&self) -> u64 {
        self.gateway
    }

    /// A message of the log has at most so many bytes.
    pub(crate) fn set_longest(&self, longest: usize) {
        self.waiting.lock().longest = longest;
    }

    /// From now on nothing is proposed, and this is why; or the engine is there.
    pub(crate) fn set_away(&self, why: Option<String>) {
        let mut waiting = self.waiting.lock();
        waiting.away = why;
        if waiting.away.is_none() && waiting.count_later > 0 {
            let later = std::mem::take(&mut waiting.later);
            waiting.gathered.extend(later);
            waiting.next += std::mem::take(&mut waiting.count_later);
            self.gathered.notify_one();
        }
    }

    /// Whether the engine is there.
    pub(crate) fn is_there(&self) -> bool {
        self.waiting.lock().away.is_none()
    }

    /// Why nothing is proposed, if it is not.
    pub(crate) fn away(&self) -> Option<String> {
        self.waiting.lock().away.clone()
    }

    /// From now on the log has no room for what is published; or it has.
    pub(crate) fn set_full(&self, is_full: bool) {
        self.waiting.lock().is_full = is_full;
    }

    /// Whether the log has no room for what is published.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.lock().is_full
    }

    /// It is that time by the engine's clock, about.
    pub(crate) fn heard(&self, time: Time) {
        self.waiting.lock().heard = Some((time, Instant::now()));
    }

    /// Proposes a command, and waits for what becomes of it.
    ///
    /// # Errors
    /// It did not happen, or nobody knows; the refusal says which.
    pub(crate) async fn execute(&self, command: &Command<'_>, allowance: Allowance) -> Result<Answer, Refusal> {
        let tokens = match command {
            Command::Settle { tokens, .. } => Some(tokens.written()),
            _ => None,
        };
        // Nothing else tells items.
        let tells = matches!(command, Command::Get { .. } | Command::Peek { .. });
        let allowance = if tells { allowance } else { Allowance::ALL };
        let answered = self.ask(tokens, |out| write_call(Call::Execute(*command), allowance, out)).await;
        match (answered, command) {
            (Err(UNKNOWN), Command::Get { .. }) => Err(UNKNOWN_ITEMS),
            (answered, _) => answered,
        }
    }

    /// Proposes something else that an engine does, and waits for what becomes of it.
    ///
    /// # Errors
    /// It did not happen, or nobody knows.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<(), Refusal> {
        let answer = self.ask(None, |out| write_call(call, Allowance::ALL, out)).await?;
        if let Outcome::Refused(refusal) = answer.outcome { Err(refusal) } else { Ok(()) }
    }

    /// Proposes to make a topic, unless there is one.
    ///
    /// # Errors
    /// There is no room for it, or nobody knows.
    pub(crate) async fn make_topic(&self, name: &Name, settings: TopicSettings) -> Result<(), Refusal> {
        self.call(Call::MakeTopic(*name, settings)).await
    }

    /// Proposes to keep a note under a name, or to keep it no more, and waits until that is so.
    ///
    /// # Errors
    /// It did not happen, or nobody knows.
    pub(crate) async fn note(&self, name: &Name, note: Option<&[u8]>) -> Result<(), Refusal> {
        self.ask(None, |out| Proposal::write_note(name, note, out)).await.map(drop)
    }

    /// Proposes something whose outcome nobody waits for; whether it has its turn.
    pub(crate) fn propose(&self, call: Call<'_>) -> bool {
        self.add(None, |out| write_call(call, Allowance::ALL, out)).is_ok()
    }

    /// The same, once the engine is there if it is away; whether it has its turn then.
    pub(crate) fn propose_later(&self, call: Call<'_>) -> bool {
        let mut one = Vec::new();
        Proposal::add(&mut one, None, |out| write_call(call, Allowance::ALL, out));
        let mut waiting = self.waiting.lock();
        if waiting.away.is_none() {
            drop(waiting);
            return self.propose(call);
        }
        let has_room = waiting.later.len() + one.len() <= MOST_LATER && one.len() + Head::LEN <= waiting.longest;
        if has_room {
            waiting.later.extend(one);
            waiting.count_later += 1;
        }
        has_room
    }

    /// Proposes that this gateway saves the state.
    pub(crate) fn propose_to_save(&self) -> bool {
        self.add(None, |out| out.push(3)).is_ok()
    }

    /// Tells the others that the state behind a message was saved.
    pub(crate) fn propose_saved(&self, position: u64) -> bool {
        self.add(None, |out| Proposal::write_saved(position, out)).is_ok()
    }

    /// Proposes something, and waits for what becomes of it. When nobody waits any more it does not happen any more either:
    /// whoever was told that nobody knows can go on elsewhere, and finds nothing changed minutes later.
    async fn ask(&self, tokens: Option<&[u8]>, write: impl Fn(&mut Vec<u8>)) -> Result<Answer, Refusal> {
        let end = Instant::now() + self.patience;
        let asking = async {
            loop {
                let (answer, answered) = oneshot::channel();
                let asked = Asked { answer, tokens: tokens.map(Box::from) };
                let number = self.add(Some((asked, end)), &write)?;
                let _gone = Gone { order: self, number };
                match answered.await {
                    // The engine's clock is another one than was thought, and is known now.
                    Ok(Err(TOO_LATE)) => {}
                    Ok(answer) => return answer,
                    Err(_) => return Err(UNKNOWN),
                }
            }
        };
        tokio::time::timeout_at(end, asking).await.unwrap_or(Err(UNKNOWN))
    }

    /// Adds a proposal to what gathers, and returns its number; with who waits for it, and until when.
    fn add(&self, asked: Option<(Asked, Instant)>, write: impl FnOnce(&mut Vec<u8>)) -> Result<u64, Refusal> {
        let mut waiting = self.waiting.lock();
        if waiting.away.is_some() {
            return Err(AWAY);
        }
        if waiting.gathered.len() + waiting.sent > MOST {
            return Err(TOO_MUCH);
        }
        let before = waiting.gathered.len();
        let until = asked.as_ref().zip(waiting.heard).map(|((_, end), (time, heard))| {
            let end = (*end).min(Instant::now() + LONGEST);
            time.after(end.saturating_duration_since(heard))
        });
        Proposal::add(&mut waiting.gathered, until, write);
        let len = waiting.gathered.len() - before;
        if len + Head::LEN > waiting.longest {
            waiting.gathered.truncate(before);
            let bytes = waiting.longest.saturating_sub(Head::LEN + BESIDE) as u64;
            return Err(Refusal::TooLarge { what: "request", len, limit: "max_payload of the engine", bytes });
        }
        let number = waiting.next;
        waiting.next += 1;
        if let Some((asked, _)) = asked {
            waiting.asked.insert(number, asked);
        }
        drop(waiting);
        self.gathered.notify_one();
        Ok(number)
    }

    /// A message of the log that proposes nothing.
    pub(crate) fn nothing(&self, seen: Seen) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Head::LEN);
        Head { gateway: self.gateway, first: 0, key: [0; 2], seen }.write(&mut bytes);
        bytes
    }

    /// Waits until there is something to propose.
    pub(crate) async fn gathered(&self) {
        while self.waiting.lock().gathered.is_empty() {
            self.gathered.notified().await;
        }
    }

    /// Takes what has gathered, as far as it fits into a message of the log.
    pub(crate) fn take(&self, seen: Seen, key: [u64; 2]) -> Option<Batch> {
        let mut waiting = self.waiting.lock();
        let most = waiting.longest - Head::LEN;
        let (mut len, mut count) = (0, 0);
        while let Some(prefix) = waiting.gathered.get(len..).and_then(|rest| rest.first_chunk()) {
            let one = 4 + u32::from_le_bytes(*prefix) as usize;
            if count > 0 && len + one > most.min(FULL) {
                break;
            }
            (len, count) = (len + one, count + 1);
        }
        if count == 0 {
            return None;
        }
        let (first, end) = (waiting.first, waiting.first + count);
        let mut bytes = Vec::with_capacity(Head::LEN + len);
        Head { gateway: self.gateway, first, key, seen }.write(&mut bytes);
        bytes.extend(waiting.gathered.drain(..len));
        if waiting.gathered.is_empty() && waiting.gathered.capacity() > FULL {
            waiting.gathered = Vec::new();
        }
        waiting.first = end;
        waiting.sent += bytes.len();
        Some(Batch { id: format!("{:016x}-{first}", self.gateway), bytes: bytes.into(), first, end })
    }

    /// The engine has taken a message of the log.
    pub(crate) fn taken(&self, batch: &Batch) {
        let mut waiting = self.waiting.lock();
        waiting.sent = waiting.sent.saturating_sub(batch.bytes.len());
    }

    /// The engine will never take it: whoever waits is told.
    pub(crate) fn refuse(&self, batch: &Batch, why: Refusal) {
        let mut waiting = self.waiting.lock();
        waiting.sent = waiting.sent.saturating_sub(batch.bytes.len());
        let asked: Vec<_> = (batch.first..batch.end).filter_map(|number| waiting.asked.remove(&number)).collect();
        drop(waiting);
        asked.into_iter().for_each(|asked| drop(asked.answer.send(Err(why))));
    }

    /// Whether somebody here waits for a proposal of this gateway, and what tokens were written there.
    pub(crate) fn asked(&self, number: u64) -> Option<Option<Box<[u8]>>> {
        self.waiting.lock().asked.get_mut(&number).map(|asked| asked.tokens.take())
    }

    /// Whether nobody waits.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.lock().asked.is_empty()
    }

    /// Answers whoever waits for it.
    pub(crate) fn answer(&self, number: u64, answer: Result<Answer, Refusal>) {
        let asked = self.waiting.lock().asked.remove(&number);
        if let Some(asked) = asked {
            let _ = asked.answer.send(answer);
        }
    }
}

/// Whoever waits for a proposal, until it is dropped.
struct Gone<'o> {
    order: &'o Order,
    number: u64,
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.order.waiting.lock().asked.remove(&self.number);
    }
}

fn write_call(call: Call<'_>, allowance: Allowance, out: &mut Vec<u8>) {
    Proposal::begin_execute(&allowance, out);
    let entry = Entry { now: Time::ZERO, random: Numbers::of(&[]), taken: 0, call };
    let Ok(()) = entry.encode(Time::ZERO, out);
}
