//! A client's place among the subscribers of a topic.

use std::sync::Arc;

use streamgauge_core::endpoints::Subscription;
use streamgauge_core::engine::journal::Call;
use streamgauge_core::engine::memory::Memory;
use streamgauge_core::engine::{Kind, Name, Refusal, Short};
use streamgauge_core::select::Selection;
use streamgauge_core::topic::{From, Id, Missed, Next, OnLag};

use super::Hub;
use crate::engine::memory::{OwnRoom, Rooms};
use crate::topics::StillMay;
use crate::topics::past::{Beginning, Past};
use crate::topics::places::Place;
use crate::topics::plan::Plan;

/// A client's place among the subscribers of a topic, until it is dropped.
pub(in crate::topics) struct Seat {
    pub(in crate::topics) venue: Arc<Venue>,
    pub(in crate::topics) id: Id,
}

/// What all subscribers of a topic have in common.
pub(in crate::topics) struct Venue {
    pub(in crate::topics) hub: Arc<Hub>,
    pub(in crate::topics) topic: Name,
    /// The number of the first message of the topic since the server started.
    pub(in crate::topics) epoch: u64,
}

/// What a client is told and given when it gets a place.
pub(in crate::topics) struct Admission {
    pub(in crate::topics) seat: Seat,
    /// Its place among the subscribers of all topics.
    pub(in crate::topics) place: Place,
    /// The number of the first message that it will get.
    pub(in crate::topics) first: u64,
    /// Messages that it asked for and that are gone; `Some` if there is anything to tell.
    pub(in crate::topics) missed: Option<u64>,
    /// Who comes back with the number of an event counts by itself, but for events: its bytes are the original's.
    pub(in crate::topics) comes_back: bool,
    /// Whether it begins with messages that were published before it came.
    pub(in crate::topics) is_behind: bool,
    /// What it asked for beyond every message as it comes.
    pub(in crate::topics) plan: Option<Box<Plan>>,
    /// What it calls itself, if it does.
    pub(in crate::topics) name: Option<Box<Short<64>>>,
    /// Where it begins, if that is not in memory any more, and room for a log of its own; which it then has.
    pub(in crate::topics) beginning: Option<(Beginning, OwnRoom)>,
    pub(in crate::topics) past: Option<Box<Past>>,
    /// What lets it go on, if it needs anything.
    pub(in crate::topics) still: Option<StillMay>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        // A subscriber that was kicked has lost its place already, and so has one whose topic was removed.
        let Venue { hub, topic, epoch } = &*self.venue;
        hub.shard.with(|memory| {
            // Another topic of that name may have somebody else in that place.
            let topic = memory.topic_mut(topic).filter(|topic| topic.origin() == *epoch);
            topic.map(|topic| topic.unsubscribe(self.id))
        });
    }
}

impl Hub {
    /// Gives a client a place, or says why there is none.
    pub(in crate::topics) fn admit(
        self: &Arc<Self>,
        subscription: &Subscription,
        selection: Selection,
    ) -> Result<Admission, Refusal> {
        let now = self.shard.clock().now();
        let time = self.shard.time_of_log().unwrap_or(now);
        let topic = subscription.topic;
        let too_many = Refusal::TooManySubscribers { limit: self.places.all() as u64 };
        let place = self.places.take(1).ok_or(too_many)?;
        let venue = self.crowds.lock().topics.get(&topic).map(|feed| Arc::clone(feed.venue()));
        let admit = |memory: &mut Memory<Rooms>| {
            if self.shard.order().is_some() && !memory.has(Kind::Topic, &topic) {
                // It was there when this began, and only all gateways together make another one.
                return Err(Refusal::Missing(Kind::Topic, topic));
            }
            let beginning = self.beginning(memory, subscription)?;
            let from = beginning.as_ref().map_or(subscription.from, |(beginning, _)| From::Sequence(beginning.first));
            let begun = memory.subscribe(&topic, from, time)?;
            let missing = Refusal::Missing(Kind::Topic, topic);
            let log = memory.topic_mut(&topic).ok_or(missing)?;
            let missed = match begun.missed {
                Missed::Exactly(0) => None,
                Missed::Exactly(missed) | Missed::AtLeast(missed) => Some(missed),
            };
            if missed.is_some_and(|missed| missed > 0) && beginning.is_none() {
                // The opening of its stream tells.
                let told = log.next(begun.id);
                debug_assert!(matches!(told, Ok(Next::Lagged(_))), "{told:?}");
            }
            let comes_back = matches!(subscription.from, From::After(_));
            let (first, epoch) = (begun.first, log.origin());
            // Who only wants the newest message has nothing to catch up with.
            let is_behind =
                subscription.on_lag != OnLag::Latest && (beginning.is_some() || first < log.visible_end().sequence());
            let plan = Plan::of(subscription, selection, &self.key, log, self.max_lag, now);
            let venue = venue.filter(|venue| venue.epoch == epoch);
            let venue = venue.unwrap_or_else(|| Arc::new(Venue { hub: Arc::clone(self), topic, epoch }));
            let seat = Seat { venue, id: begun.id };
            let name = Some(subscription.client).filter(|name| !name.is_empty()).map(Box::new);
            let (past, still) = (None, None);
            Ok(Admission { seat, place, first, missed, comes_back, is_behind, plan, name, beginning, past, still })
        };
        let admitted = self.shard.with_call(|memory, _| {
            let admitted = admit(memory);
            let call = memory.has(Kind::Topic, &topic).then(|| Call::Subscribe(topic, admitted.is_ok()));
            (admitted, call)
        });
        admitted.and_then(|admitted| admitted)
    }

    /// Where a subscription begins, if that is on the disk only, and the room that it needs then.
    fn beginning(
        &self,
        memory: &mut Memory<Rooms>,
        subscription: &Subscription,
    ) -> Result<Option<(Beginning, OwnRoom)>, Refusal> {
        let Subscription { topic, from, on_lag, .. } = subscription;
        // Who only wants the newest message has no business there.
        let Some(keeper) = self.shard.keeper().filter(|_| *on_lag != OnLag::Latest) else { return Ok(None) };
        let beginning = memory.topic(topic).and_then(|log| Beginning::of(*from, keeper.histories().of(topic)?, log));
        let Some(beginning) = beginning else { return Ok(None) };
        let longest = memory.topic_settings(topic).map_or(0, |settings| settings.max_message_bytes);
        let longest = longest.max(memory.defaults().topic.max_message_bytes);
        Ok(Some((beginning, memory.host_mut().own_room(longest)?)))
    }
}
