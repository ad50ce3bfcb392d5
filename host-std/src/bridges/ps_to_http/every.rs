use std::collections::VecDeque;

/// Who still has to get what, when every destination gets every message: a cursor each.
#[derive(Debug)]
pub(super) struct Every {
    lanes: Vec<Lane>,
}

#[derive(Debug, Default, Clone)]
struct Lane {
    /// The message to send next.
    next: u64,
    /// Sent and not answered, oldest first. INVARIANT: all are below `next`, and those still in the
    /// buffer are the ones right below it.
    in_flight: VecDeque<u64>,
}

impl Every {
    pub(super) fn new(lanes: usize) -> Self {
        Self { lanes: vec![Lane::default(); lanes] }
    }

    /// Sends the next message there is before `end`: it is now in flight.
    pub(super) fn take(&mut self, lane: usize, end: u64) -> Option<u64> {
        let lane = self.lanes.get_mut(lane).filter(|lane| lane.next < end)?;
        lane.in_flight.push_back(lane.next);
        lane.next += 1;
        lane.in_flight.back().copied()
    }

    /// The oldest message in flight has its answer.
    pub(super) fn settle(&mut self, lane: usize) -> Option<u64> {
        self.lanes.get_mut(lane)?.in_flight.pop_front()
    }

    /// No answer will come to what is in flight: it is sent again, except for what has left the
    /// buffer, which begins at `first`. Returns how many those are.
    pub(super) fn lose(&mut self, lane: usize, first: u64) -> u64 {
        let Some(lane) = self.lanes.get_mut(lane) else { return 0 };
        let kept = lane.in_flight.iter().filter(|sequence| **sequence >= first).count() as u64;
        let dropped = lane.in_flight.len() as u64 - kept;
        lane.next -= kept;
        lane.in_flight.clear();
        dropped
    }

    /// The message leaves the buffer: whoever has not begun to send it never will. What is in
    /// flight may still arrive, so that it counts only when it is lost.
    pub(super) fn evict(&mut self, sequence: u64, mut dropped: impl FnMut(usize)) {
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if lane.next <= sequence {
                lane.next = sequence + 1;
                dropped(index);
            }
        }
    }

    /// All messages below have been settled by everyone.
    pub(super) fn needed_from(&self) -> u64 {
        let needed = |lane: &Lane| lane.in_flight.front().copied().unwrap_or(lane.next);
        self.lanes.iter().map(needed).min().unwrap_or(u64::MAX)
    }

    /// Messages before `end` that this destination has not settled.
    pub(super) fn pending(&self, lane: usize, end: u64) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| end - lane.next + lane.in_flight.len() as u64)
    }

    /// Messages before `end` that have yet to be sent to this destination.
    pub(super) fn unsent(&self, lane: usize, end: u64) -> u64 {
        self.lanes.get(lane).map_or(0, |lane| end - lane.next)
    }
}
