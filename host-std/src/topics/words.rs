//! What a subscriber is told beside messages: the head, comments, the end.

use streamgauge_core::log::Position;

/// What has to be sent before any other message. Mostly there is nothing, which takes no room of its own.
pub(super) struct Words(Option<Box<Unsaid>>);

struct Unsaid {
    /// INVARIANT: more than `sent`.
    bytes: Vec<u8>,
    sent: usize,
    /// Where the message stands that comes before, as it is half sent to one who has lost its place in the fan-out.
    half: Option<Position>,
    /// Bytes in front that are the other half, copied.
    rest: usize,
}

impl Words {
    /// To be said next.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self::behind(None, bytes)
    }

    /// To be said when the message at `half` is whole, if there is one. It is not finished for the sake of no words.
    pub(super) fn behind(half: Option<Position>, bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| Box::new(Unsaid { bytes, sent: 0, half, rest: 0 })))
    }

    /// To be said next, after the other half of such a message, which the first `rest` bytes are.
    pub(super) fn with_rest(rest: usize, bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| Box::new(Unsaid { bytes, sent: 0, half: None, rest })))
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

    /// What is not sent yet, for other words to follow it.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.0.take().map(|mut unsaid| unsaid.bytes.split_off(unsaid.sent)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let mut words = Words::with_rest(4, b"restbye".to_vec());
        assert!(!words.sent(3) && words.sent(2) && !words.sent(2) && words.is_empty());
        let mut at_once = Words::with_rest(4, b"rest".to_vec());
        assert!(at_once.sent(4) && !at_once.sent(0));
        assert!(!Words::of(b"bye".to_vec()).sent(3), "there was no message");
    }

    #[test]
    fn what_is_unsent_is_taken_with_the_rest_of_its_message_forgotten() {
        let mut words = Words::behind(Some(Position::default()), b"bye".to_vec());
        assert!(words.half().is_some() && words.finish_half() && !words.finish_half());
        words.sent(1);
        assert_eq!((words.take(), words.is_empty()), (b"ye".to_vec(), true));
        assert_eq!(words.take(), b"");
    }
}
