//! What the client of a WebSocket says, and what it is told in return.

use std::convert::Infallible;

use streamgauge_core::wire::websocket::{ClientFrames, Event, write_close, write_ping, write_pong};

/// The client's side of a WebSocket.
///
/// What is to be answered is kept until the message that is being sent is whole: at most one pong, one ping and one
/// close, however many pings there were.
#[derive(Debug, Default)]
pub(super) struct Listener {
    frames: ClientFrames,
    pong: Option<Vec<u8>>,
    ping: bool,
    close: Option<Close>,
    /// Seconds since the client was last heard.
    silent: u8,
}

/// The answer to a close, or to what can't be understood.
#[derive(Debug, Clone, Copy)]
enum Close {
    Due(Option<u16>),
    Said,
}

/// A client that is silent for so many seconds gets a ping.
const PING: u8 = 15;

/// One that stays silent for so many seconds, though its socket takes what it is sent, has vanished.
const VANISHED: u8 = 60;

impl Listener {
    /// Takes what the client sent, and says whether the connection is to end.
    pub(super) fn hear(&mut self, mut bytes: &[u8]) -> bool {
        if !bytes.is_empty() {
            self.silent = 0;
        }
        while self.close.is_none() {
            match self.frames.decode(&mut bytes) {
                Ok(None) => return false,
                Ok(Some(Event::Ping(payload))) => self.pong = Some(payload.to_vec()),
                Ok(Some(Event::Pong(_))) => {}
                Ok(Some(Event::Close(code))) => self.close = Some(Close::Due(code)),
                Err(error) => self.close = Some(Close::Due(Some(error.close_code()))),
            }
        }
        true
    }

    /// Whether there is something to be told.
    pub(super) const fn has_words(&self) -> bool {
        self.pong.is_some() || self.ping || matches!(self.close, Some(Close::Due(_)))
    }

    /// Tells it.
    pub(super) fn speak(&mut self, out: &mut Vec<u8>) {
        if let Some(payload) = self.pong.take() {
            let Ok(()) = write_pong(&payload, out) as Result<(), Infallible>;
        }
        if std::mem::take(&mut self.ping) {
            let Ok(()) = write_ping(out) as Result<(), Infallible>;
        }
        if let Some(Close::Due(code)) = self.close {
            let Ok(()) = write_close(code, out) as Result<(), Infallible>;
            self.close = Some(Close::Said);
        }
    }

    /// Counts a second, and says whether the client has vanished.
    pub(super) const fn tick(&mut self) -> bool {
        self.silent = self.silent.saturating_add(1);
        self.ping |= self.silent.is_multiple_of(PING);
        self.silent >= VANISHED
    }
}

#[cfg(test)]
mod tests {
    use super::Listener;

    fn said(listener: &mut Listener) -> Vec<u8> {
        let mut out = Vec::new();
        if listener.has_words() {
            listener.speak(&mut out);
        }
        assert!(!listener.has_words(), "all is said");
        out
    }

    /// Seconds until it has vanished, and the pings until then.
    fn silence(listener: &mut Listener, seconds: usize) -> (Option<usize>, usize) {
        let mut pings = 0;
        for second in 1..=seconds {
            if listener.tick() {
                return (Some(second), pings);
            }
            pings += said(listener).len() / b"\x89\x00".len();
        }
        (None, pings)
    }

    #[test]
    fn who_answers_pings_stays_and_who_does_not_has_vanished() {
        let mut listener = Listener::default();
        for _ in 0..10 {
            assert_eq!(silence(&mut listener, 16), (None, 1));
            assert!(!listener.hear(b"\x8a\x80\0\0\0\0"));
        }
        assert_eq!(silence(&mut listener, 100), (Some(60), 3));
    }

    #[test]
    fn many_pings_get_one_pong_and_a_close_one_close() {
        let mut listener = Listener::default();
        assert!(!listener.hear(b"\x89\x81\0\0\0\0a\x89\x81\0\0\0\0b\x81\x81\0\0\0\0c"));
        assert_eq!(said(&mut listener), b"\x8a\x01b");
        assert!(listener.hear(b"\x88\x82\0\0\0\0\x03\xe8rest"));
        assert!(listener.hear(b"\x88\x82\0\0\0\0\x03\xe8"));
        assert_eq!(said(&mut listener), b"\x88\x02\x03\xe8");
        assert_eq!(said(&mut listener), b"");
    }
}
