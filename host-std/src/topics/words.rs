//! What a subscriber is told beside messages: the head, comments, the end.

use streamgauge_core::log::Position;

use super::places::Place;

/// What has to be sent before any other message. Mostly there is nothing, which takes no room of its own.
pub(super) struct Words(Option<Box<Unsaid>>);

struct Unsaid {
    /// INVARIANT: more than `sent`.
    bytes: Vec<u8>,
    sent: usize,
    /// Where the message stands that comes before, as it is half sent to one who has lost its place in the fan-out.
    half: Option<Position>,
    /// Bytes in front that are the other half, copied, and have yet to count as a message.
    rest: usize,
    /// What a copy takes of what may be copied.
    _paid: Option<Place>,
}

/// The other half of a message that has begun, copied.
pub(super) struct Rest {
    pub(super) bytes: Vec<u8>,
    pub(super) paid: Place,
}

impl Words {
    /// To be said next.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| Box::new(Unsaid { bytes, sent: 0, half: None, rest: 0, _paid: None })))
    }

    /// To be said when the message at `half` is whole. It is not finished for the sake of no words.
    pub(super) fn behind(half: Position, bytes: Vec<u8>) -> Self {
        let mut words = Self::of(bytes);
        if let Some(unsaid) = &mut words.0 {
            unsaid.half = Some(half);
        }
        words
    }

    /// The other half of a message, which counts as one when it is sent, or `has_counted` before.
    pub(super) fn rest(Rest { bytes, paid }: Rest, has_counted: bool) -> Self {
        let rest = if has_counted { 0 } else { bytes.len() };
        Self(Some(Box::new(Unsaid { bytes, sent: 0, half: None, rest, _paid: Some(paid) })))
    }

    /// To be said after what there is.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Some(unsaid) => unsaid.bytes.extend_from_slice(bytes),
            None => *self = Self::of(bytes.to_vec()),
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn half(&self) -> Option<Position> {
        self.0.as_ref().and_then(|unsaid| unsaid.half)
    }

    /// The message that comes before is whole, if there was one; whether there was.
    pub(super) fn finish_half(&mut self) -> bool {
        self.0.as_mut().is_some_and(|unsaid| unsaid.half.take().is_some())
    }

    pub(super) fn unsent(&self) -> &[u8] {
        self.0.as_ref().and_then(|unsaid| unsaid.bytes.get(unsaid.sent..)).unwrap_or_default()
    }

    /// So many more bytes are sent; whether a message is whole by that.
    pub(super) fn sent(&mut self, bytes: usize) -> bool {
        let Some(unsaid) = &mut self.0 else { return false };
        let before = unsaid.sent;
        unsaid.sent += bytes;
        let is_whole = before < unsaid.rest && unsaid.sent >= unsaid.rest;
        if unsaid.sent >= unsaid.bytes.len() {
            self.0 = None;
        }
        is_whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::places::Places;

    #[test]
    fn words_are_said_once_and_take_no_room_before_and_after() {
        let mut words = Words::of(b"head".to_vec());
        assert_eq!((words.unsent(), words.is_empty(), words.half()), (&b"head"[..], false, None));
        assert!(!words.sent(3));
        assert_eq!((words.unsent(), words.is_empty()), (&b"d"[..], false));
        assert!(!words.finish_half(), "there was no message to finish");
        words.sent(1);
        assert_eq!((words.unsent(), words.is_empty()), (&b""[..], true));
        assert!(Words::of(Vec::new()).is_empty());
        assert_eq!(size_of::<Words>(), size_of::<usize>());
    }

    #[test]
    fn a_message_is_whole_when_all_of_its_rest_is_sent() {
        let places = Places::new(4);
        let rest = || Rest { bytes: b"rest".to_vec(), paid: places.take(4).unwrap() };
        let mut words = Words::rest(rest(), false);
        words.push(b"bye");
        assert!(!words.sent(3) && words.sent(2) && places.take(1).is_none());
        assert!(!words.sent(2) && words.is_empty());
        let mut at_once = Words::rest(rest(), false);
        assert!(at_once.sent(4) && !at_once.sent(0));
        assert!(!Words::rest(rest(), true).sent(4), "it has counted before");
        assert!(!Words::of(b"bye".to_vec()).sent(3), "there was no message");
    }

    #[test]
    fn what_is_said_last_follows_what_is_unsent() {
        let mut words = Words::behind(Position::default(), b"by".to_vec());
        assert!(words.half().is_some() && words.finish_half() && !words.finish_half());
        words.sent(1);
        words.push(b"e");
        assert_eq!(words.unsent(), b"ye");
        words.sent(2);
        words.push(b"");
        assert!(words.is_empty());
        words.push(b"bye");
        assert_eq!(words.unsent(), b"bye");
    }
}
