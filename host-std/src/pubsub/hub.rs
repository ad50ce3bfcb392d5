//! Where publishers and subscribers meet: the service, the subscribers' sockets, and the pump between them.

use std::convert::Infallible;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use slab::Slab;
use streamgauge_core::fanout::{Cursor, Id};
use streamgauge_core::service::pubsub::{Reply, Subscription};
use streamgauge_core::service::{Pubsub, Request, Response};
use streamgauge_core::wire::{Framing, Stream};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::Settings;
use super::frames::Frames;
use super::subscriber::Subscriber;

/// The pubsub that all connections share.
pub(super) struct Hub {
    state: Mutex<State>,
    /// Something was published, or the pump has another reason to look.
    work: Notify,
    /// The pump has been past every subscriber.
    passed: Notify,
    pub(super) max_lag: u64,
    /// Publishers wait for the pump beyond this many bytes, so that the log never runs away from those who keep up.
    most_unpumped: u64,
}

pub(super) struct State {
    pub(super) service: Pubsub<Box<[u8]>, Box<[Cursor]>>,
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
        let _ = self.hub.state.lock().service.fanout_mut().unsubscribe(self.id);
    }
}

/// Publishers wait for the pump beyond this many bytes, or a quarter of a small log: one body more, which may take
/// half of it, still fits.
const MOST_UNPUMPED: u64 = 1 << 20;

/// How many subscribers are served before others get their turn on the thread.
const SLICE: usize = 64;

/// How often the pump lets a burst of publishes go on before it serves it.
const BURST_TURNS: usize = 16;

/// Idle event streams get a comment this often.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Hub {
    pub(super) fn new(settings: &Settings) -> Self {
        // The time makes sequence numbers of this life larger than those of any earlier one, so that a subscriber
        // that comes back after a restart is recognised. They stay below 2^53, as far as JavaScript counts.
        let first = jiff::Timestamp::now().as_microsecond().max(0).cast_unsigned();
        let log = vec![0; settings.log_bytes].into_boxed_slice();
        let cursors = vec![Cursor::FREE; settings.max_subscribers].into_boxed_slice();
        let framings = [Framing::Lines, Framing::Multipart, Framing::Events];
        let stream = |i: usize| Stream { framing: framings[i % 3], chunked: i < 3 };
        Self {
            state: Mutex::new(State {
                service: Pubsub::new(log, cursors, settings.max_message, first),
                subscribers: Slab::new(),
                shared: std::array::from_fn(|i| Frames::new(stream(i))),
                straggler: Frames::new(stream(0)),
                unpumped: 0,
                stopping: false,
            }),
            work: Notify::new(),
            passed: Notify::new(),
            max_lag: settings.max_lag,
            most_unpumped: MOST_UNPUMPED.min(settings.log_bytes as u64 / 4),
        }
    }

    pub(super) fn call(&self, request: Request<'_>, answer: &mut Vec<u8>) -> Result<Reply, Infallible> {
        let mut state = self.state.lock();
        let before = state.service.fanout().log().end();
        let reply = state.service.call(request, answer);
        let published = state.service.fanout().log().bytes_behind(&before);
        if published > 0 {
            state.unpumped += published;
            drop(state);
            self.work.notify_one();
        }
        reply
    }

    /// Waits while the pump is far behind the publishers.
    pub(super) async fn room_to_publish(&self) {
        while self.is_full() {
            let passed = self.passed.notified();
            if self.is_full() {
                passed.await;
            }
        }
    }

    fn is_full(&self) -> bool {
        let state = self.state.lock();
        state.unpumped > self.most_unpumped && !state.stopping
    }

    /// Gives a client a place, or the answer that says why there is none.
    pub(super) fn admit(self: &Arc<Self>, subscription: &Subscription) -> Result<Admission, (Response, Vec<u8>)> {
        let mut state = self.state.lock();
        let id = state.service.subscribe(subscription).map_err(|full| {
            let mut answer = Vec::new();
            let Ok(response) = Pubsub::<Box<[u8]>, Box<[Cursor]>>::refuse(full, &mut answer);
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
    }

    pub(super) fn list_clients(&self, answer: &mut Vec<u8>) {
        let state = self.state.lock();
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
    }

    pub(super) fn lock(&self) -> parking_lot::MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Lets the pump serve a subscriber, and returns the key to it.
    pub(super) fn insert(&self, mut subscriber: Subscriber) -> usize {
        let mut state = self.state.lock();
        if state.stopping {
            subscriber.end_when_sent();
        }
        let key = state.subscribers.insert(subscriber);
        state.serve(key, self.max_lag);
        key
    }

    /// Takes a subscriber from the pump.
    pub(super) fn remove(&self, key: usize) -> Option<Subscriber> {
        self.state.lock().subscribers.try_remove(key)
    }

    /// Sends every subscriber what it lacks whenever something was published, until the server stops.
    pub(super) async fn pump(self: Arc<Self>, mut shutdown: watch::Receiver<bool>) {
        let mut tick = interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                _ = shutdown.wait_for(|stop| *stop) => break,
                () = self.work.notified() => {}
                _ = tick.tick() => self.tick(),
            }
            self.let_the_burst_end().await;
            self.pass().await;
        }
        self.stop().await;
    }

    /// A publisher that sends many requests at once is served whole first: then each subscriber needs one write
    /// for all of them.
    async fn let_the_burst_end(&self) {
        let mut before = None;
        for _ in 0..BURST_TURNS {
            let unpumped = self.state.lock().unpumped;
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
        self.state.lock().unpumped = 0;
        loop {
            {
                let mut state = self.state.lock();
                let end = state.subscribers.capacity();
                let slice_end = end.min(next + SLICE);
                while next < slice_end {
                    if state.subscribers.contains(next) {
                        state.serve(next, self.max_lag);
                    }
                    next += 1;
                }
                if next >= end {
                    break;
                }
            }
            tokio::task::yield_now().await;
        }
        self.passed.notify_waiters();
    }

    fn tick(&self) {
        self.state.lock().subscribers.iter_mut().for_each(|(_, subscriber)| subscriber.tick());
    }

    /// Ends every stream, once what is pending is sent or [`GRACE`](crate::server::GRACE) is over.
    async fn stop(&self) {
        {
            let mut state = self.state.lock();
            state.stopping = true;
            state.subscribers.iter_mut().for_each(|(_, subscriber)| subscriber.end_when_sent());
        }
        let deadline = Instant::now() + crate::server::GRACE;
        loop {
            self.pass().await;
            if self.state.lock().subscribers.is_empty() || Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.state.lock().subscribers.iter_mut().for_each(|(_, subscriber)| subscriber.finish());
    }
}

impl State {
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

    /// Goes on sending to subscriber `key`, whose socket was full.
    pub(super) fn resume(&mut self, key: usize) {
        let Self { service, subscribers, straggler, .. } = self;
        if let Some(subscriber) = subscribers.get_mut(key) {
            subscriber.send(service.fanout_mut(), straggler);
        }
    }
}
