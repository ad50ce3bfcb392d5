//! Where publishers and subscribers meet: the service, the subscribers' sockets, and the pump between them.

use std::convert::Infallible;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use slab::Slab;
use streamgauge_core::endpoints::pubsub::{Reply, Subscription};
use streamgauge_core::endpoints::{Pubsub, Request, Response};
use streamgauge_core::shared::{Guarded, Shared, Slot, Wake};
use streamgauge_core::topic::{Id, Place};
use streamgauge_core::wire::{Framing, Stream};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Settings;
use super::frames::Frames;
use super::subscriber::Subscriber;

/// The pubsub that all connections share.
pub(super) struct Hub {
    /// The pump waits in it for something to send, and publishers wait for the pump.
    state: Shared<Mutex<Guarded<State, Box<[Slot]>>>>,
    pub(super) max_lag: u64,
    /// Publishers wait for the pump beyond this many bytes, so that the log never runs away from those who keep up.
    most_unpumped: u64,
}

pub(super) struct State {
    pub(super) service: Pubsub<Box<[u8]>, Box<[Place]>>,
    pub(super) subscribers: Slab<Subscriber>,
    /// For those who keep up, one for each kind of stream; and for those who don't.
    shared: [Frames; 6],
    straggler: Frames,
    /// Payload bytes published that the pump has not been past.
    unpumped: u64,
    stopping: bool,
}

/// A client's place among the subscribers, until it is dropped.
pub(super) struct Admission {
    hub: Arc<Hub>,
    pub(super) id: Id,
    /// The number of the first message that it will get.
    pub(super) first: u64,
    /// The number of the first message since the server started.
    pub(super) epoch: u64,
    /// Messages that it asked for and that are gone; `Some` if there is anything to tell.
    pub(super) missed: Option<u64>,
}

impl Drop for Admission {
    fn drop(&mut self) {
        // A subscriber that was kicked has lost its place already.
        let _ = self.hub.with(|state| state.service.fanout_mut().unsubscribe(self.id));
    }
}

/// Publishers wait for the pump beyond this many bytes, or a quarter of a small log: one body more, which may take
/// half of it, still fits.
const MOST_UNPUMPED: u64 = 1 << 20;

/// What tells apart those who wait.
const PUMP: u32 = 0;
const PUBLISHER: u32 = 1;

/// How many subscribers are served before others get their turn on the thread.
const SLICE: usize = 64;

/// How often the pump lets a burst of publishes go on before it serves it.
const BURST_TURNS: usize = 16;

impl Hub {
    /// At most `publishers` wait for the pump at the same time.
    pub(super) fn new(settings: &Settings, publishers: usize) -> Self {
        // The time makes sequence numbers of this life larger than those of any earlier one, so that a subscriber
        // that comes back after a restart is recognised. They stay below 2^53, as far as JavaScript counts.
        let first = jiff::Timestamp::now().as_microsecond().max(0).cast_unsigned();
        let log = vec![0; settings.log_bytes].into_boxed_slice();
        let cursors = vec![Place::FREE; settings.max_subscribers].into_boxed_slice();
        let framings = [Framing::Lines, Framing::Multipart, Framing::Events];
        let stream = |i: usize| Stream { framing: framings[i % 3], chunked: i < 3 };
        let state = State {
            service: Pubsub::new(log, cursors, settings.max_message, first),
            subscribers: Slab::new(),
            shared: std::array::from_fn(|i| Frames::new(stream(i))),
            straggler: Frames::new(stream(0)),
            unpumped: 0,
            stopping: false,
        };
        let slots = vec![Slot::FREE; publishers.saturating_add(1)].into_boxed_slice();
        Self {
            state: Shared::new(Mutex::new(Guarded::new(state, slots))),
            max_lag: settings.max_lag,
            most_unpumped: MOST_UNPUMPED.min(settings.log_bytes as u64 / 4),
        }
    }

    pub(super) fn call(&self, request: Request<'_>, answer: &mut Vec<u8>) -> Result<Reply, Infallible> {
        self.state.update(|state| {
            let before = state.service.fanout().log().end();
            let reply = state.service.call(request, answer);
            let published = state.service.fanout().log().bytes_behind(&before);
            state.unpumped += published;
            (reply, if published > 0 { Wake::tagged(PUMP) } else { Wake::NONE })
        })
    }

    /// Waits while the pump is far behind the publishers.
    pub(super) async fn room_to_publish(&self) {
        let room = self.state.wait(PUBLISHER, |state| {
            let full = state.unpumped > self.most_unpumped && !state.stopping;
            if full { ControlFlow::Continue(()) } else { ControlFlow::Break(((), Wake::NONE)) }
        });
        // It is never closed, and has a slot for every publisher.
        let _ = room.await;
    }

    /// Does something under the lock that nobody waits for.
    pub(super) fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        self.state.update(|state| (f(state), Wake::NONE))
    }

    /// Gives a client a place, or the answer that says why there is none.
    pub(super) fn admit(self: &Arc<Self>, subscription: &Subscription) -> Result<Admission, (Response, Vec<u8>)> {
        self.with(|state| {
            let id = state.service.subscribe(subscription).map_err(|full| {
                let mut answer = Vec::new();
                let Ok(response) = Pubsub::<Box<[u8]>, Box<[Place]>>::refuse(full, &mut answer);
                (response, answer)
            })?;
            let fanout = state.service.fanout_mut();
            let mut missed = match fanout.delivery(id) {
                Ok(delivery) if delivery.lagged > 0 => fanout.next(id).is_ok().then_some(delivery.lagged),
                _ => None,
            };
            if subscription.last_seen.is_some_and(|last_seen| !fanout.knows(last_seen)) {
                // It comes from an earlier life of the server, of which nothing is known.
                missed = missed.or(Some(0));
            }
            let first = fanout.position(id).map_or(0, |position| position.sequence());
            Ok(Admission { hub: Arc::clone(self), id, first, epoch: fanout.origin(), missed })
        })
    }

    pub(super) fn list_clients(&self, answer: &mut Vec<u8>) {
        self.state.with(|state| {
            if state.subscribers.is_empty() {
                answer.extend_from_slice(b"no /sub connections\n");
            }
            for (_, subscriber) in &state.subscribers {
                let unsent = state.service.fanout().delivery(subscriber.id).map_or(0, |delivery| delivery.bytes_behind);
                let (peer, since) = (subscriber.peer, subscriber.since.strftime("%Y-%m-%d %H:%M:%S"));
                let _ = writeln!(
                    answer,
                    "{peer} connected at {since}. output buffer size:{unsent} state:{}",
                    subscriber.state_number()
                );
            }
        });
    }

    /// Lets the pump serve a subscriber, and returns the key to it.
    pub(super) fn insert(&self, mut subscriber: Subscriber) -> usize {
        self.with(|state| {
            if state.stopping {
                subscriber.end_when_sent();
            }
            let key = state.subscribers.insert(subscriber);
            state.serve(key, self.max_lag);
            key
        })
    }

    /// Takes a subscriber from the pump.
    pub(super) fn remove(&self, key: usize) -> Option<Subscriber> {
        self.with(|state| state.subscribers.try_remove(key))
    }

    /// Sends every subscriber what it lacks whenever something was published, until the server stops.
    pub(super) async fn pump(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => break,
                () = self.work() => {}
                _ = tick.tick() => self.tick(),
            }
            self.let_the_burst_end().await;
            self.pass().await;
        }
        self.stop().await;
    }

    /// Waits until something was published.
    async fn work(&self) {
        let work = self.state.wait(PUMP, |state| match state.unpumped {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(((), Wake::NONE)),
        });
        // It is never closed, and has a slot for the pump.
        let _ = work.await;
    }

    /// A publisher that sends many requests at once is served whole first: then each subscriber needs one write
    /// for all of them.
    async fn let_the_burst_end(&self) {
        let mut before = None;
        for _ in 0..BURST_TURNS {
            let unpumped = self.state.with(|state| state.unpumped);
            if before == Some(unpumped) || unpumped > self.most_unpumped / 4 {
                break;
            }
            before = Some(unpumped);
            tokio::task::yield_now().await;
        }
    }

    /// Sends every subscriber what it lacks.
    async fn pass(&self) {
        let mut next = 0;
        self.with(|state| state.unpumped = 0);
        while let Some(first) = self.with(|state| state.serve_slice(next, self.max_lag)) {
            next = first;
            tokio::task::yield_now().await;
        }
        self.state.update(|_| ((), Wake::tagged(PUBLISHER)));
    }

    fn tick(&self) {
        self.with(|state| state.subscribers.iter_mut().for_each(|(_, subscriber)| subscriber.tick()));
    }

    /// Ends every stream, once what is pending is sent or [`GRACE`](crate::server::GRACE) is over.
    async fn stop(&self) {
        self.with(|state| {
            state.stopping = true;
            state.subscribers.iter_mut().for_each(|(_, subscriber)| subscriber.end_when_sent());
        });
        let deadline = Instant::now() + crate::server::GRACE;
        loop {
            self.pass().await;
            if self.state.with(|state| state.subscribers.is_empty()) || Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.with(|state| state.subscribers.iter_mut().for_each(|(_, subscriber)| subscriber.finish()));
    }
}

impl State {
    /// Serves [`SLICE`] places for subscribers from `first` on, and returns where to go on, if there are more.
    fn serve_slice(&mut self, first: usize, max_lag: u64) -> Option<usize> {
        let end = self.subscribers.capacity();
        let slice_end = end.min(first + SLICE);
        for key in first..slice_end {
            self.serve(key, max_lag);
        }
        (slice_end < end).then_some(slice_end)
    }

    /// Sends subscriber `key` what it lacks, unless its socket is full.
    pub(super) fn serve(&mut self, key: usize, max_lag: u64) {
        let Self { service, subscribers, shared, .. } = self;
        let Some(subscriber) = subscribers.get_mut(key) else { return };
        if subscriber.is_blocked() {
            subscriber.kick_if_too_slow(service, max_lag);
            subscriber.wake();
            return;
        }
        let Stream { framing, chunked } = subscriber.stream;
        let kind = framing as usize + if chunked { 0 } else { 3 };
        subscriber.send(service.fanout_mut(), &mut shared[kind]);
    }

    /// Sends subscriber `key` away if it is too slow.
    pub(super) fn kick_if_too_slow(&mut self, key: usize, max_lag: u64) {
        if let Some(subscriber) = self.subscribers.get_mut(key) {
            subscriber.kick_if_too_slow(&mut self.service, max_lag);
        }
    }

    /// The line that tells a subscriber why it is sent away.
    pub(super) fn last_words(&self, key: usize) -> String {
        let words = self.subscribers.get(key).map_or(&[][..], Subscriber::last_words);
        String::from_utf8_lossy(words).into_owned()
    }

    /// Whether a subscription is to end once everything is sent.
    pub(super) fn ends_when_sent(&self, key: usize) -> bool {
        self.stopping || self.subscribers.get(key).is_none_or(Subscriber::is_over)
    }

    /// Whether a subscriber has been handed everything.
    pub(super) fn is_caught_up(&self, id: Id) -> bool {
        self.service.fanout().delivery(id).is_ok_and(|delivery| delivery.pending == 0)
    }

    /// [`Subscriber::poll`]. One that is gone already is gone.
    pub(super) fn poll(&mut self, key: usize, cx: &mut Context<'_>) -> Poll<()> {
        let Self { service, subscribers, straggler, .. } = self;
        match subscribers.get_mut(key) {
            Some(subscriber) => subscriber.poll(service.fanout_mut(), straggler, cx),
            None => Poll::Ready(()),
        }
    }
}
