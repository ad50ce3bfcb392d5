//! A topic, saved and restored: its messages with their numbers, times and places, and what it has counted.

use embedded_io::{Read, Write};

use super::{Fanout, Place, Settings, Topic};
use crate::log::{Index, Layout, Mark};
use crate::saved::{Broken, Get, Input, Output};
use crate::time::Time;

impl<S: AsRef<[u8]>, C, M> Topic<S, C, M> {
    /// Writes all but the settings and the subscribers.
    pub(crate) fn save<W: Write>(&self, out: &mut Output<'_, W>) -> Result<(), W::Error> {
        let Fanout { log, origin, delivered, .. } = &self.fanout;
        out.numbers(&[log.capacity() as u64, *origin, self.evicted, self.expired, self.refused, self.subscribed])?;
        out.numbers(&[*delivered, log.removed()])?;
        out.time(self.oldest)?;
        out.time(self.newest)?;
        out.maybe(self.left, Output::time)?;
        log.layout().save(out)?;
        out.number(log.len())?;
        let mut at = log.start();
        while let Some((stamp, message)) = log.read_stamped(&mut at) {
            out.number(stamp)?;
            out.text(message)?;
        }
        Ok(())
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>, C: AsMut<[Place]>, M: AsRef<[Mark]> + AsMut<[Mark]>> Topic<S, C, M> {
    /// What was saved, without a subscriber, in storage of the same length.
    pub(crate) fn restore<R: Read>(
        storage: S,
        mut places: C,
        marks: M,
        settings: Settings,
        input: &mut Input<R>,
    ) -> Get<Self, R> {
        let [capacity, origin, evicted, expired, refused, subscribed] = input.numbers()?;
        if storage.as_ref().len() as u64 != capacity {
            return Err(Broken::Wrong("there is other room for messages than there was"));
        }
        places.as_mut().fill(Place::FREE);
        let [delivered, removed] = input.numbers()?;
        let (oldest, newest, left) = (input.time()?, input.time()?, input.maybe(Input::time)?);
        // What was published is held, or has left for one reason or the other.
        let first = origin.wrapping_add(evicted).wrapping_add(expired);
        let mut fanout = Fanout::of(storage, places, first);
        (fanout.origin, fanout.delivered) = (origin, delivered);
        fanout.log = fanout.log.with_removed(removed);
        let mut topic = Self::of(fanout, Index::new(marks), settings);
        (topic.oldest, topic.newest, topic.left) = (oldest, newest, left);
        (topic.evicted, topic.expired, topic.refused, topic.subscribed) = (evicted, expired, refused, subscribed);
        let layout = Layout::restore(input)?;
        let mut time = oldest;
        for message in 0..input.number()? {
            let (stamp, len) = (input.number()?, input.size()?);
            if message > 0 {
                time = Time::from_millis(time.as_millis().saturating_add(stamp));
            }
            topic.lay(&layout, stamp, len, time, input)?;
        }
        if !topic.fanout.log.is_laid(&layout) || (time != newest && !topic.fanout.log.is_empty()) {
            return Err(Broken::Wrong("the messages are not those that were held"));
        }
        Ok(topic)
    }

    fn lay<R: Read>(
        &mut self,
        layout: &Layout,
        stamp: u64,
        len: usize,
        time: Time,
        input: &mut Input<R>,
    ) -> Get<(), R> {
        let mut read = Ok(());
        let laid = self.fanout.log.lay(layout, stamp, len, |room| read = input.fill(room));
        read?;
        self.last = laid.map_err(|_| Broken::Wrong("a message does not lie where it lay"))?;
        self.index.note(&self.fanout.log, self.last, time);
        Ok(())
    }
}
