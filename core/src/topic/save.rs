//! A topic as bytes, without its messages: who restores it has them elsewhere, or goes without.

use embedded_io::{Read, Write};

use super::{Fanout, Place, Settings, Topic};
use crate::log::{Index, Mark};
use crate::saved::{Broken, Get, Input, Output};

impl<S, C, M> Topic<S, C, M> {
    /// Writes all but the settings, the subscribers and the messages.
    pub(crate) fn save<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        let Fanout { log, origin, delivered, .. } = &self.fanout;
        let numbers = self.fanout.published();
        out.numbers(&[*origin, numbers, self.skipped, log.appended(), self.refused, self.subscribed, *delivered])?;
        out.time(self.newest)
    }

    /// As if nobody had subscribed so far.
    pub(crate) const fn forget_deliveries(&mut self) {
        (self.subscribed, self.fanout.delivered) = (0, 0);
    }
}

impl<S, C: AsMut<[Place]>, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// What was saved, without a subscriber: it holds no message, and goes on with the number that comes next.
    pub(crate) fn restore<R: Read>(
        storage: S,
        mut places: C,
        marks: M,
        settings: Settings,
        input: &mut Input<R>,
    ) -> Get<Self, R> {
        let [origin, numbers, skipped, bytes, refused, subscribed, delivered] = input.numbers()?;
        let newest = input.time()?;
        places.as_mut().fill(Place::FREE);
        let published =
            numbers.checked_sub(skipped).ok_or(Broken::Wrong("a topic has skipped more than there were"))?;
        let mut fanout = Fanout::of(storage, places, origin.wrapping_add(numbers));
        (fanout.origin, fanout.delivered) = (origin, delivered);
        fanout.log = fanout.log.with_removed(bytes);
        let mut topic = Self::of(fanout, Index::new(marks), settings);
        (topic.refused, topic.subscribed, topic.skipped) = (refused, subscribed, skipped);
        // All that was published has left.
        (topic.evicted, topic.newest, topic.left) = (published, newest, (published > 0).then_some(newest));
        Ok(topic)
    }
}
