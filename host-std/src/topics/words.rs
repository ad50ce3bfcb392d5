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
}

impl Words {
    /// To be said next.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self::behind(None, bytes)
    }

    /// To be said when the message at `half` is whole, if there is one. It is not finished for the sake of no words.
    pub(super) fn behind(half: Option<Position>, bytes: Vec<u8>) -> Self {
        Self((!bytes.is_empty()).then(|| Box::new(Unsaid { bytes, sent: 0, half })))
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

    /// So many more bytes are sent.
    pub(super) fn sent(&mut self, bytes: usize) {
        if let Some(unsaid) = &mut self.0 {
            unsaid.sent += bytes;
            if unsaid.sent >= unsaid.bytes.len() {
                self.0 = None;
            }
        }
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
        words.sent(3);
        assert_eq!((words.unsent(), words.is_empty()), (&b"d"[..], false));
        assert!(!words.finish_half(), "there was no message to finish");
        words.sent(1);
        assert_eq!((words.unsent(), words.is_empty()), (&b""[..], true));
        assert!(Words::of(Vec::new()).is_empty());
        assert_eq!(size_of::<Words>(), size_of::<usize>());
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
