//! Which message of a stream is which, and which of them are missing.

use super::decoder::Found;
use super::{Encoding, Item, Url, form};
use streamgauge_core::wire::http::ResponseHead;

/// Where in a numbered stream: behind the last message seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The life of the server; `None` when only the number is known.
    pub epoch: Option<String>,
    /// The number of the last message seen.
    pub last: u64,
}

impl Position {
    /// Whether the number belongs to this life of the server. The epoch is the first number of a life, and numbers of
    /// later lives are larger.
    fn is_of(&self, epoch: Option<&str>) -> bool {
        let first = epoch.and_then(|epoch| epoch.parse::<u64>().ok());
        match (&self.epoch, first) {
            (None, Some(first)) => first <= self.last.saturating_add(1),
            _ => self.epoch.as_deref() == epoch,
        }
    }
}

/// Which message is which.
#[derive(Debug)]
pub(super) struct Numbers {
    epoch: Option<String>,
    /// The number of the message that comes next; where messages are left out without a word, it may be larger.
    next: Option<u64>,
    /// Messages below have been seen on an earlier stream.
    fresh: u64,
    missed: u64,
    /// Whether messages were seen on an earlier stream, of another life of the server.
    is_new_life: bool,
    /// The gap that is told first if it lies before the first message, and not behind it.
    opening: Option<u64>,
}

impl Numbers {
    /// Those of the stream that begins with `head`, and was asked for with `url`, behind `after` if there is one.
    pub(super) fn new(head: &ResponseHead<'_>, encoding: Encoding, url: &Url, after: Option<&Position>) -> Self {
        let epoch = text(head, "x-pubsub-epoch");
        let first = head.number("x-pubsub-sequence");
        let expected = after.filter(|after| after.is_of(epoch.as_deref())).map(|after| after.last.saturating_add(1));
        let is_events = encoding == Encoding::Events;
        let missed = match (first, expected) {
            // The events themselves tell.
            (Some(first), Some(expected)) if !is_events => first.saturating_sub(expected),
            _ => head.number("x-pubsub-gap").unwrap_or(0),
        };
        // Without an epoch lower numbers may well belong to another life.
        let fresh = expected.filter(|_| epoch.is_some()).unwrap_or(0);
        let is_new_life = first.is_some() && after.is_some() && expected.is_none();
        let opening = match after {
            Some(after) if is_events => gone_before(first, epoch.as_deref(), after.last.saturating_add(1)),
            Some(_) => None,
            None => gone_from(url, first, epoch.as_deref()),
        };
        let counts = match encoding {
            Encoding::Lines => false,
            Encoding::Multipart => !form::withholds(url),
            Encoding::Events => true,
        };
        Self { epoch, next: first.or(expected).filter(|_| counts), fresh, missed, is_new_life, opening }
    }

    pub(super) fn position(&self) -> Option<Position> {
        let last = self.next?.checked_sub(1)?;
        Some(Position { epoch: self.epoch.clone(), last: last.max(self.fresh.saturating_sub(1)) })
    }

    pub(super) fn report_missed(&mut self, on: &mut impl FnMut(Item<'_>)) -> bool {
        let (missed, is_new_life) = (core::mem::take(&mut self.missed), core::mem::take(&mut self.is_new_life));
        if missed > 0 {
            on(Item::Missed(missed));
        }
        if is_new_life {
            on(Item::NewLife);
        }
        missed > 0 || is_new_life
    }

    pub(super) fn pass(&mut self, found: Found<'_>, on: &mut impl FnMut(Item<'_>)) {
        match found {
            Found::Gap(messages) => {
                if self.opening.take() != Some(messages) {
                    self.next = self.next.map(|next| next.saturating_add(messages));
                }
                // None stands for an unknown number, of an earlier life: that is told by the head.
                if messages > 0 {
                    on(Item::Missed(messages));
                }
            }
            Found::TooLong(own, length) => {
                let (_, is_fresh) = self.count(own);
                if is_fresh {
                    on(Item::TooLong { length });
                }
            }
            Found::Message(own, bytes) => {
                let (sequence, is_fresh) = self.count(own);
                if is_fresh {
                    on(Item::Message { sequence, bytes });
                }
            }
        }
    }

    /// The number of a message, and whether it has not been seen on an earlier stream.
    fn count(&mut self, own: Option<u64>) -> (Option<u64>, bool) {
        let sequence = own.or(self.next);
        self.next = sequence.map(|sequence| sequence.saturating_add(1));
        self.opening = None;
        (sequence, sequence.is_none_or(|sequence| sequence >= self.fresh))
    }
}

/// How many messages are gone of those from the number `wanted` to the first one.
fn gone_before(first: Option<u64>, epoch: Option<&str>, wanted: u64) -> Option<u64> {
    // Of an earlier life nobody knows more than that it was.
    let origin = epoch.and_then(|epoch| epoch.parse().ok()).unwrap_or(0);
    first.map(|first| first.saturating_sub(wanted.max(origin)))
}

/// How many messages are gone between the place where the address begins and the first one, as the server tells it.
fn gone_from(url: &Url, first: Option<u64>, epoch: Option<&str>) -> Option<u64> {
    match url.parameter("from")?.as_str() {
        "now" => None,
        "first" => gone_before(first, epoch, 0),
        place => match place.parse() {
            Ok(number) => gone_before(first, epoch, number),
            // A time: at least one is gone, if any is, and nobody knows more.
            Err(_) => first.map(|_| 1),
        },
    }
}

pub(super) fn text(head: &ResponseHead<'_>, name: &str) -> Option<String> {
    Some(String::from_utf8_lossy(head.field(name)?).into_owned())
}
