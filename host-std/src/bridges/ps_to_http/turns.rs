use std::collections::VecDeque;

/// Who has to get what, when each message goes to one destination, in turn.
///
/// One that is down is skipped, and so is one that is far behind; what was meant for one that goes
/// down goes back, for the others.
#[derive(Debug)]
pub(super) struct Turns {
    lanes: Vec<Lane>,
    /// Messages that nobody can take now, oldest first.
    waiting: VecDeque<u64>,
    turn: usize,
}

#[derive(Debug, Clone)]
struct Lane {
    /// Assigned and not sent, oldest first.
    to_send: VecDeque<u64>,
    /// Sent and not answered, in the order sent.
    in_flight: VecDeque<u64>,
    up: bool,
    /// How many messages it may hold: few after a failure, until it has delivered one.
    most: usize,
}

impl Turns {
    const MOST: usize = 1024;

    pub(super) fn new(lanes: usize) -> Self {
        let lane = Lane { to_send: VecDeque::new(), in_flight: VecDeque::new(), up: true, most: Self::MOST };
        Self { lanes: vec![lane; lanes], waiting: VecDeque::new(), turn: 0 }
    }

    /// A message has come.
    pub(super) fn arrive(&mut self, sequence: u64) {
        self.waiting.push_back(sequence);
        self.assign();
    }

    /// Sends the next message for this destination: it is now in flight.
    pub(super) fn take(&mut self, lane: usize) -> Option<u64> {
        let lane = self.lanes.get_mut(lane)?;
        let sequence = lane.to_send.pop_front()?;
        lane.in_flight.push_back(sequence);
        Some(sequence)
    }

    /// The oldest message in flight has its answer.
    pub(super) fn settle(&mut self, lane: usize) -> Option<u64> {
        let lane = self.lanes.get_mut(lane)?;
        let sequence = lane.in_flight.pop_front();
        lane.most = Self::MOST;
        self.assign();
        sequence
    }

    /// No answer will come to what is in flight: it is sent again, except for what has left the
    /// buffer, of which `held` is false. Returns how many those are.
    pub(super) fn lose(&mut self, lane: usize, held: impl Fn(u64) -> bool) -> u64 {
        let Some(lane) = self.lanes.get_mut(lane) else { return 0 };
        let mut dropped = 0;
        while let Some(sequence) = lane.in_flight.pop_back() {
            if held(sequence) {
                lane.wants(sequence);
            } else {
                dropped += 1;
            }
        }
        dropped
    }

    /// Whether the destination takes part. One that goes down has [lost](Self::lose) what was in
    /// flight; the rest goes to the others.
    pub(super) fn set_up(&mut self, lane: usize, up: bool) {
        if let Some(lane) = self.lanes.get_mut(lane) {
            lane.up = up;
            if !up {
                lane.most = 1;
                self.waiting.extend(lane.to_send.drain(..));
                self.waiting.make_contiguous().sort_unstable();
            }
        }
        self.assign();
    }

    /// The message leaves the buffer. Returns whether that drops it, and from whom; one that is in
    /// flight may still arrive, so that it counts only when it is lost.
    pub(super) fn evict(&mut self, sequence: u64) -> Option<Option<usize>> {
        if let Ok(at) = self.waiting.binary_search(&sequence) {
            self.waiting.remove(at);
            return Some(None);
        }
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if let Ok(at) = lane.to_send.binary_search(&sequence) {
                lane.to_send.remove(at);
                return Some(Some(index));
            }
        }
        None
    }

    /// Messages that this destination holds and has not settled.
    pub(super) fn pending(&self, lane: usize) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| (lane.to_send.len() + lane.in_flight.len()) as u64)
    }

    /// Messages that have yet to be sent to this destination.
    pub(super) fn unsent(&self, lane: usize) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| lane.to_send.len() as u64)
    }

    /// Messages that nobody holds.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    fn assign(&mut self) {
        while let Some(sequence) = self.waiting.front().copied() {
            let count = self.lanes.len();
            let takes = |lane: &Lane| lane.up && lane.to_send.len() + lane.in_flight.len() < lane.most;
            let mut order = (0..count).map(|step| (self.turn + step) % count);
            let Some(index) = order.find(|index| self.lanes.get(*index).is_some_and(takes)) else { return };
            self.waiting.pop_front();
            self.turn = (index + 1) % count;
            if let Some(lane) = self.lanes.get_mut(index) {
                lane.wants(sequence);
            }
        }
    }
}

impl Lane {
    /// Mostly at one of the ends; what comes back from another may belong in between.
    fn wants(&mut self, sequence: u64) {
        let at = self.to_send.partition_point(|other| *other < sequence);
        self.to_send.insert(at, sequence);
    }
}
