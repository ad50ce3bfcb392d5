//! All that an engine holds but messages, as bytes.

use embedded_io::Write;

use super::{Defaults, Host, Memory, Table};
use crate::engine::Name;
use crate::saved::Output;

/// The form, and its version.
pub(super) const MAGIC: [u8; 4] = *b"SGE3";

/// Bytes of a topic or a queue, about, beside items and ids: its name, settings and counters.
const SAVED_NAME: u64 = 256;

impl<H: Host> Memory<H> {
    /// Writes all that it holds but the messages of topics and the places of subscribers, so that
    /// [`restore`](Self::restore) makes an engine that does the same from then on. A host that keeps messages has them in
    /// what it has written of each command. It goes out in pieces as small as a number: give it a buffer. O(n log n).
    ///
    /// Two engines of the same state write the same bytes. They are secret as the tokens are that they contain; and no
    /// checksum is among them: what they are written to has one.
    ///
    /// # The bytes, version 3
    /// The forms are those of a [journal](crate::engine::journal): numbers (LEB128), words of 8 bytes, texts and names behind
    /// their length, spans of two numbers, maybe's behind a byte 0 or 1; times are milliseconds as numbers.
    ///
    /// | what | bytes |
    /// | --- | --- |
    /// | form and version | `SGE3` |
    /// | [`Defaults`] | auto-create (0 or 1), settings of topics, settings of queues, the first sequence number (number) |
    /// | ids | the id that the first item of a new queue gets (number) |
    /// | queues | each a 1, a name and a queue; then a 0 |
    /// | topics | each a 1, a name and a topic; then a 0 |
    ///
    /// | of a queue | bytes |
    /// | --- | --- |
    /// | settings | all of them |
    /// | counters | passed over since one was put, filtered, sampled, duplicates; puts and gets at the last reset: numbers |
    /// | paused | 0 or 1 |
    /// | ids that were seen | see below |
    /// | storage | its length, the id that comes next: numbers; a word, the seed of the slots; maybe the time at which not all was done that was due |
    /// | counts | 16 numbers: accepted, acked, delivered, overflow, handed on, expired, purged, high water, lent, timed out, nacked, requeued, redriven, refused, reasons lost, moved |
    /// | slots | how many there are, how many of them were ever used: numbers |
    /// | items set aside | those back, leased, delayed, dead: of each kind a number, and so many times slot, id, attempts (numbers), when it is due or died (time), bits of the token (word); in their order |
    /// | free slots | of those that were used, as numbers in the order in which they are taken |
    /// | records | where the first begins in the storage (number), maybe behind which byte they go on at its start (number), how many they are (number), and each: a byte, 0 nothing any more, 1 an item, 2 one that is set aside, and 4 more if it has a note |
    /// | … nothing | how long it is (number) |
    /// | … an item | the number of its id less that of the one before and one, or its slot (number); when it was accepted (time); the note; the item (text) |
    /// | … a note | room for a reason (byte), the reason (text), maybe how it died elsewhere: attempts (number), when it was put and when it died (times) |
    ///
    /// | of a topic | bytes |
    /// | --- | --- |
    /// | settings | all of them |
    /// | counters | kicked, duplicates; received and sent since the last reset: numbers |
    /// | queues that it feeds | each a 1 and a name, in their order; then a 0 |
    /// | ids that were seen | see below |
    /// | numbers | the first of all, how many were given or skipped, how many of them were skipped, bytes of messages, refused, subscriptions, delivered |
    /// | time | of the newest message |
    ///
    /// | of ids that were seen | bytes |
    /// | --- | --- |
    /// | key | two words |
    /// | counts | left after their window, before, taken back; places, ids: numbers |
    /// | each id | places after the one before (number), its hash (two words), when it was seen (time), what it is answered (number) |
    ///
    /// What lies where in a storage is part of the state: it decides what has room.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn save<W: Write>(&self, out: &mut W) -> Result<(), W::Error> {
        let out = &mut Output(out);
        let Defaults { auto_create, topic, queue, first } = &self.defaults;
        out.bytes(&MAGIC)?;
        out.flag(*auto_create)?;
        out.topic_settings(topic)?;
        out.queue_settings(queue)?;
        out.numbers(&[*first, self.first_item])?;
        for (name, entry) in self.queues.names().filter_map(|name| Some((name, self.queues.get(&name)?))) {
            out.flag(true)?;
            out.name(&name)?;
            entry.save(out)?;
        }
        out.flag(false)?;
        for (name, entry) in self.topics.names().filter_map(|name| Some((name, self.topics.get(&name)?))) {
            out.flag(true)?;
            out.name(&name)?;
            entry.save(self.fed_by(entry.feeds), out)?;
        }
        out.flag(false)
    }

    /// How many bytes [`save`](Self::save) writes, about: for who has to have room for it. O(topics and queues).
    pub fn saved_len(&self) -> u64 {
        let queues = self.queues.names().filter_map(|name| Some(self.queues.get(&name)?.saved_len()));
        let topics = self.topics.names().filter_map(|name| Some(self.topics.get(&name)?.saved_len()));
        queues.chain(topics).fold(SAVED_NAME, |sum, bytes| sum.saturating_add(bytes).saturating_add(SAVED_NAME))
    }

    /// The queues that a topic feeds, of which this is the first.
    fn fed_by(&self, first: Option<Name>) -> impl Iterator<Item = Name> {
        core::iter::successors(first, |name| self.next_on_topic(name))
    }
}
