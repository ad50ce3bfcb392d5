//! How a subscription ends: with words, when everything is sent, or at once; and what silence means.

use std::convert::Infallible;

use streamgauge_core::topic::Extent;
use streamgauge_core::wire::Framing;

use super::{End, Next, Subscriber};
use crate::engine::memory::TopicLog as Messages;
use crate::topics::places::Places;
use crate::topics::words::Words;

/// How long a client that is kicked may take to receive the line that says so, in seconds.
const FAREWELL: u8 = 10;

/// A subscriber that is served from the disk and takes nothing for so many seconds has to go: nobody else needs what it
/// holds in memory, and no publisher leaves it behind.
const STALLED: u8 = 60;

/// Idle event streams get a comment after so many seconds.
const KEEP_ALIVE: u8 = 15;

impl Subscriber {
    /// Says what ends the stream, as when its topic is gone, if the socket takes it at once, and ends it.
    pub(in crate::topics) fn say_goodbye(&mut self, why: &str) {
        if self.end != End::Over && self.sent_of_next == 0 {
            let mut goodbye = Vec::new();
            let Ok(()) = self.stream.end_because(why, &mut goodbye) as Result<(), Infallible>;
            self.words.push(&goodbye);
            // Beyond what the socket takes nothing is promised: the topic's place is given to others.
            let _ = self.socket.try_write(self.words.unsent());
            self.socket.say_goodbye();
        }
        self.over();
    }

    /// Sends the subscriber away with a line that says how many bytes were `pending`. What is missing of the message
    /// that has begun is copied if there is room for it among `farewells`; else it ends with the log.
    pub(in crate::topics) fn kick(&mut self, messages: &Messages, pending: u64, farewells: &Places) {
        let line = format!("ERROR_TOO_SLOW. kicked for having {pending} pending bytes\n");
        let line = match self.stream.framing {
            Framing::Events => format!("event: error\ndata: {line}\n"),
            Framing::Lines | Framing::Multipart | Framing::WebSocket => line,
        };
        let mut last = Vec::new();
        let Ok(()) = self.stream.raw(line.as_bytes(), &mut last) as Result<(), Infallible>;
        match messages.position(self.id).ok().filter(|_| self.sent_of_next > 0) {
            None => self.words.push(&last),
            Some(half) if messages.messages(half).next().is_none() => {
                // The other half is gone, so nothing that could follow would be understood.
                self.over();
                return;
            }
            Some(half) => match self.rest_of(messages, half, farewells) {
                Some((rest, _)) => {
                    self.sent_of_next = 0;
                    self.words = Words::rest(rest, false);
                    self.words.push(&last);
                }
                None => self.words = Words::behind(half, last),
            },
        }
        // A stream with an end of its own would look whole with the last chunk.
        let has_end = self.plan.as_ref().is_some_and(|plan| plan.extent != Extent::ALL);
        if has_end && self.stream.framing != Framing::WebSocket {
            self.end_after_words();
        } else {
            self.begin_end();
        }
    }

    /// Ends the stream after the message that has begun and the words that there are.
    pub(super) const fn end_after_words(&mut self) {
        (self.end, self.idle) = (End::AfterWords, 0);
    }

    /// The same, and says that it is whole.
    pub(super) fn begin_end(&mut self) {
        let mut last = Vec::new();
        let Ok(()) = self.stream.end(&mut last) as Result<(), Infallible>;
        self.words.push(&last);
        self.end_after_words();
    }

    /// Lets the stream end as soon as the subscriber has everything.
    pub(in crate::topics) fn end_when_sent(&mut self) {
        if self.end == End::Open {
            self.end = End::WhenSent;
        }
    }

    /// Ends the subscription now.
    pub(in crate::topics) const fn over(&mut self) -> Next {
        self.end = End::Over;
        Next::Over
    }

    /// Counts a second in which nothing happened, and says whether there is something to do after it.
    pub(in crate::topics) fn tick(&mut self, is_blocked: bool) -> bool {
        self.idle = self.idle.saturating_add(1);
        if self.end == End::AfterWords && self.idle > FAREWELL {
            self.over();
            return true;
        }
        if self.loses_its_token() {
            return true;
        }
        if is_blocked && self.is_alone && self.idle >= STALLED {
            tracing::info!(peer = %self.client.peer, "a subscriber takes nothing of what is read from the disk for it");
            self.over();
            return true;
        }
        if is_blocked || self.end != End::Open {
            return false;
        }
        match &mut self.listener {
            Some(listener) => {
                if listener.tick() {
                    tracing::info!(peer = %self.client.peer, "a WebSocket client answers no ping");
                    self.over();
                    return true;
                }
                listener.has_words()
            }
            None if self.idle >= KEEP_ALIVE && self.words.is_empty() && self.sent_of_next == 0 => {
                self.idle = 0;
                let mut words = Vec::new();
                let Ok(()) = self.stream.comment(&mut words) as Result<(), Infallible>;
                self.words = Words::of(words);
                !self.words.is_empty()
            }
            None => false,
        }
    }

    /// Ends the stream if its client may have it no more, and says whether that is so.
    pub(in crate::topics) fn loses_its_token(&mut self) -> bool {
        let is_over = self.end != End::AfterWords && self.client.still.as_ref().is_some_and(|still| !still());
        if is_over {
            self.say_goodbye("the token is over");
        }
        is_over
    }
}
