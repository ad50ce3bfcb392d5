//! One gauge: what it has read of its topic, what it has told, and what it costs.

use std::time::{Duration, Instant};

use streamgauge_core::engine::{Id, Name};
use streamgauge_core::gauge::{Alert, Counters, Definition, Gauge, Json, SetupError, Span, write_alert};
use streamgauge_core::time::Time;

use super::boxes::Boxes;
use crate::engine::memory::{Held, Shard};

/// A gauge in a topic.
pub(super) struct Standing {
    name: Name,
    /// The topic of its readings.
    to: Name,
    gauge: Gauge<Boxes>,
    held: Held,
    /// Sequence number of the first message that it has not read.
    next: u64,
    /// That of the first message that its topic had: another one of the same name begins elsewhere.
    origin: Option<u64>,
    /// What it has copied to read.
    batch: Batch,
    told: Vec<Told>,
    /// The rules that hold, each with the pane in which it began: the same for all who measure the same.
    holding: Vec<(usize, String)>,
    /// How many panes were over before which message: that goes on in the next turn.
    over_before: (u64, u64),
    /// The number of the message that it begins with at each gateway, as they have noted it: another one of the same
    /// definition begins elsewhere.
    since: Option<u64>,
    /// Others have told what was over by then, while this was not there.
    told_before: Time,
    cost: Cost,
}

/// Something to be published.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) topic: Name,
    pub(super) line: Vec<u8>,
    /// What it is: the same for every gateway that measures the same.
    pub(super) id: Id,
}

/// What a gauge has cost so far.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cost {
    /// Messages read.
    pub(super) messages: u64,
    /// Nanoseconds for them.
    pub(super) nanoseconds: u64,
    /// Messages that were published and not read when it was last fed.
    pub(super) behind: u64,
}

/// What is counted of a gauge, for who collects it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GaugeStats {
    /// Messages read.
    pub(crate) messages: u64,
    /// Messages that the topic no longer had.
    pub(crate) missed: u64,
    /// Readings and alerts that could not be published.
    pub(crate) untold: u64,
    /// Messages that were published and not read when it was last fed.
    pub(crate) behind: u64,
    /// Bytes that it holds of the budget.
    pub(crate) bytes: u64,
}

/// Messages that are read at once: copied out of the log, so that it is not locked while they are measured.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Where each ends, and when it was published.
    ends: Vec<(usize, Time)>,
    /// How many of them have been read: the others wait until the panes before them are told.
    read: usize,
}

/// The most bytes and messages that are read at once.
const BATCH_BYTES: usize = 64 << 10;
const BATCH: usize = 256;

/// What is told at once, while others wait: a message may end as many panes as there are in the ring. A pane is told whole.
#[derive(Debug)]
struct Turn {
    begun: Instant,
    panes: u64,
    bytes: usize,
}

/// Bytes that are told in a turn, and how long it may go on telling.
const TURN_BYTES: usize = 64 << 10;
const TURN: Duration = Duration::from_millis(1);

impl Turn {
    fn begin() -> Self {
        Self { begun: Instant::now(), panes: 0, bytes: 0 }
    }

    /// Whether others have their turn before the next pane.
    fn is_over(&self) -> bool {
        self.panes > 0 && (self.bytes >= TURN_BYTES || self.begun.elapsed() >= TURN)
    }
}

impl Standing {
    /// A gauge that measures what is published from now on.
    ///
    /// # Errors
    /// There can be no such gauge, or no room for it.
    pub(super) fn new(
        name: Name,
        to: Name,
        definition: &Definition,
        shard: &Shard,
        held: Held,
    ) -> Result<Self, SetupError> {
        let mut boxes = Boxes::new(held);
        let gauge = Gauge::new(definition, &mut boxes)?;
        let begun = shard.with(|memory| {
            let topic = memory.topic(&definition.topic)?;
            Some((topic.log().end().sequence(), topic.origin()))
        });
        let (next, origin) = begun.map_or((0, None), |(next, origin)| (next, Some(origin)));
        let (held, batch) = (boxes.into_held(), Batch::default());
        Ok(Self {
            name,
            to,
            gauge,
            held,
            next,
            origin,
            batch,
            told: Vec::new(),
            holding: Vec::new(),
            over_before: (0, 0),
            since: None,
            told_before: Time::ZERO,
            cost: Cost::default(),
        })
    }

    /// Begins with a message of that number, as others have that stand in the same topic: as far as the log has still what
    /// came since. What they have told by then it does not tell again.
    pub(super) fn since(mut self, number: u64, told_before: Time) -> Self {
        (self.next, self.since, self.told_before) = (number, Some(number), told_before);
        self
    }

    /// Whether it is the one that was noted so.
    pub(super) fn is_as_noted(&self, since: Option<u64>, definition: &Definition) -> bool {
        self.since == since && self.gauge.definition() == definition
    }

    /// The number of the next message that it reads.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) const fn gauge(&self) -> &Gauge<Boxes> {
        &self.gauge
    }

    pub(super) const fn gauge_mut(&mut self) -> &mut Gauge<Boxes> {
        &mut self.gauge
    }

    pub(super) const fn cost(&self) -> Cost {
        Cost { behind: self.cost.behind + self.batch.unread() as u64, ..self.cost }
    }

    /// Bytes that it holds of the budget.
    pub(super) const fn bytes(&self) -> u64 {
        self.held.bytes()
    }

    /// What it has counted.
    pub(super) fn stats(&self) -> GaugeStats {
        let Cost { messages, behind, .. } = self.cost();
        let Counters { missed, untold, .. } = *self.gauge.counters();
        GaugeStats { messages, missed, untold, behind, bytes: self.bytes() }
    }

    /// When its next pane is over.
    pub(super) fn next_over(&self) -> Option<Time> {
        self.gauge.next_over()
    }

    /// What it has told since the last call.
    pub(super) fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Reads a batch of messages, and tells the panes that are over, as many as a turn has room for; whether there is more
    /// to do.
    pub(super) fn feed(&mut self, shard: &Shard) -> bool {
        let is_fresh = self.batch.unread() == 0;
        if is_fresh {
            self.load(shard);
        }
        let mut turn = Turn::begin();
        // While others had their turn something may have come: it is loaded in the next.
        if !self.read_on(&mut turn) || !is_fresh || self.cost.behind > 0 {
            return true;
        }
        // Only who has read everything knows that nothing is to come in a pane that is over, and that it begins with none.
        let settled = shard.settled();
        self.gauge.begin(settled);
        !self.tell(settled, self.next, &mut turn)
    }

    /// Reads on in the batch; whether it is read, and the panes are told that are over by then.
    fn read_on(&mut self, turn: &mut Turn) -> bool {
        let before = self.batch.unread();
        if before == 0 {
            return true;
        }
        let is_done = self.read_batch(turn);
        self.cost.messages += (before - self.batch.unread()) as u64;
        self.cost.nanoseconds += u64::try_from(turn.begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        is_done
    }

    fn read_batch(&mut self, turn: &mut Turn) -> bool {
        let (first, mut latest) = (self.next - self.batch.ends.len() as u64, Time::ZERO);
        while let Some(&(end, time)) = self.batch.ends.get(self.batch.read) {
            // What the gauge takes before they are told it would count as untold.
            if !self.tell(time, first + self.batch.read as u64, turn) {
                return false;
            }
            let start = self.batch.read.checked_sub(1).map_or(0, |before| self.batch.ends[before].0);
            self.gauge.take(&self.batch.bytes[start..end], time);
            self.batch.read += 1;
            latest = time;
        }
        self.tell(latest, self.next, turn)
    }

    /// Copies the next messages out of the log.
    fn load(&mut self, shard: &Shard) {
        let Self { batch, next, origin, gauge, cost, .. } = self;
        batch.bytes.clear();
        batch.ends.clear();
        batch.read = 0;
        cost.behind = shard.with(|memory| {
            let Some(topic) = memory.topic(&gauge.definition().topic) else {
                *origin = None;
                return 0;
            };
            if *origin != Some(topic.origin()) {
                // It is another topic, or the first that there is.
                (*origin, *next) = (Some(topic.origin()), topic.origin());
            }
            let log = topic.log();
            let missed = log.start().sequence().saturating_sub(*next);
            gauge.miss(missed);
            *next += missed;
            for (time, message) in topic.timed(topic.seek(*next)) {
                if batch.ends.len() >= BATCH
                    || (!batch.bytes.is_empty() && batch.bytes.len() + message.len() > BATCH_BYTES)
                {
                    break;
                }
                batch.bytes.extend_from_slice(message);
                batch.ends.push((batch.bytes.len(), time));
            }
            *next += batch.ends.len() as u64;
            topic.visible_end().sequence().saturating_sub(*next)
        });
    }

    /// Tells the panes that are over before a message of that number, as long as the turn lasts; whether these are all.
    fn tell(&mut self, now: Time, number: u64, turn: &mut Turn) -> bool {
        if self.over_before.0 != number {
            self.over_before = (number, 0);
        }
        while self.gauge.is_over(now) {
            if turn.is_over() {
                return false;
            }
            let (mut line, name) = (Vec::new(), self.name);
            let over = self.gauge.next_over();
            let end = over.unwrap_or(now).as_millis();
            let panes = self.over_before.1;
            // Messages that end panes may all be of one time, and one message may end several.
            let which = over.map_or_else(|| format!("#{number}.{panes}"), |_| end.to_string());
            let id = |what: &str| Id::cut(format!("{name} {which} {what}").as_bytes());
            self.over_before.1 += 1;
            turn.panes += 1;
            let mut json = Json::new(name.as_str(), now, &mut line);
            self.gauge.close(now, |reading, whose, cell| json.part(reading, whose, cell));
            let Ok(()) = json.finish();
            line.pop();
            turn.bytes += line.len();
            let is_told = end < self.told_before.as_millis();
            if !is_told {
                self.told.push(Told { topic: self.to, line, id: id("") });
            }
            for alert in self.gauge.take_alerts() {
                self.holding.retain(|(rule, _)| *rule != alert.rule);
                if alert.begins {
                    self.holding.push((alert.rule, which.clone()));
                }
                if !is_told {
                    let told = self.alert(&alert, now, id(&alert.rule.to_string()));
                    self.told.push(told);
                }
            }
        }
        true
    }

    fn alert(&self, alert: &Alert, now: Time, id: Id) -> Told {
        let definition = self.gauge.definition();
        let rule = definition.rules.get(alert.rule);
        let topic = rule.and_then(|rule| rule.to).unwrap_or(self.to);
        let mut line = Vec::new();
        let Ok(()) = write_alert(self.name.as_str(), definition, alert, now, &mut line);
        line.pop();
        Told { topic, line, id }
    }

    /// What there is to tell when nobody measures this any more: no rule holds that nobody looks at.
    pub(super) fn last_words(&mut self, now: Time) -> Vec<Told> {
        let mut told = self.take_told();
        if self.holding.is_empty() {
            return told;
        }
        let mut to = now;
        self.gauge.read(Span::Window, now, |reading, _, _| to = reading.to);
        let ends = std::mem::take(&mut self.holding).into_iter().map(|(rule, began)| {
            // Of those who measure the same some may not know when it began.
            let when = self.since.map_or(began, |since| since.to_string());
            let id = Id::cut(format!("{} {when} {rule} gone", self.name).as_bytes());
            self.alert(&Alert { rule, begins: false, value: None, to }, now, id)
        });
        told.extend(ends);
        told
    }
}

impl Batch {
    /// How many of its messages have not been read.
    const fn unread(&self) -> usize {
        self.ends.len() - self.read
    }
}
