//! Bytes that requests and answers share: each takes what it buffers, and gives it back.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::limits::{Limits, RESERVE, SMALL};

/// What all connections may buffer together, and what a client may take of it. What fits the buffers that a
/// connection has anyway (a request of some kilobytes, an answer up to [`SMALL`]) is never counted, so that nobody
/// can take it from others.
#[derive(Debug)]
pub(crate) struct Budget {
    /// The most that a client may take.
    most: usize,
    /// Whether anyone has taken anything: as long as nobody has, which is most of the time, no lock is needed to know.
    is_taken: AtomicBool,
    state: Mutex<State>,
    /// Beside it, for answers that tell how the server is: they are wanted most when all else is taken.
    reserve: Option<Arc<Self>>,
}

#[derive(Debug)]
struct State {
    left: usize,
    /// What each has taken, if it is anything.
    taken: HashMap<Client, usize>,
}

/// Whose requests count as those of one: an address, or a network of IPv6, which is what one machine gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Client(IpAddr);

impl Client {
    pub(super) const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(address) => Self(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))),
            v4 => Self(v4),
        }
    }
}

impl Budget {
    /// A client may take half of it, and at least one body of the greatest length.
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = (limits.max_buffered / 2).max(limits.max_body).min(limits.max_buffered);
        Self { reserve: Some(Arc::new(Self::of(RESERVE, RESERVE))), ..Self::of(limits.max_buffered, most) }
    }

    fn of(all: usize, most: usize) -> Self {
        let state = Mutex::new(State { left: all, taken: HashMap::new() });
        Self { most, is_taken: AtomicBool::new(false), state, reserve: None }
    }

    /// How long an answer to `client` may be.
    pub(super) fn room(&self, client: Client) -> usize {
        if !self.is_taken.load(Ordering::Relaxed) {
            return self.most.max(SMALL);
        }
        let state = self.state.lock();
        let taken = state.taken.get(&client).copied().unwrap_or(0);
        state.left.min(self.most.saturating_sub(taken)).max(SMALL)
    }

    /// Nothing yet, to be extended.
    pub(super) fn share(self: &Arc<Self>, client: Client) -> Share {
        Share { budget: Arc::clone(self), client, bytes: 0 }
    }

    /// So many bytes for an answer that tells how the server is, if they are left here or in what is kept for those.
    pub(super) fn share_to_tell(self: &Arc<Self>, client: Client, bytes: usize) -> Option<Share> {
        let budgets = [Some(self), self.reserve.as_ref()].into_iter().flatten();
        budgets.map(|budget| budget.share(client)).find_map(|mut share| share.extend(bytes).then_some(share))
    }
}

/// What one request or answer has taken of a [`Budget`].
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    client: Client,
    bytes: usize,
}

impl Share {
    /// What it has taken.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `bytes` more, if they are left.
    pub(crate) fn extend(&mut self, bytes: usize) -> bool {
        let mut state = self.budget.state.lock();
        let State { left, taken } = &mut *state;
        let before = taken.get(&self.client).copied().unwrap_or(0);
        let (Some(rest), Some(after)) = (left.checked_sub(bytes), before.checked_add(bytes)) else { return false };
        if after > self.budget.most {
            return false;
        }
        *left = rest;
        if after > 0 {
            taken.insert(self.client, after);
            self.budget.is_taken.store(true, Ordering::Relaxed);
        }
        self.bytes = self.bytes.saturating_add(bytes);
        true
    }

    /// Gives back what it has beyond `bytes`.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let more = self.bytes.saturating_sub(bytes);
        if more == 0 {
            return;
        }
        self.bytes = bytes;
        let mut state = self.budget.state.lock();
        state.left = state.left.saturating_add(more);
        if let Some(taken) = state.taken.get_mut(&self.client) {
            *taken = taken.saturating_sub(more);
            if *taken == 0 {
                state.taken.remove(&self.client);
                self.budget.is_taken.store(!state.taken.is_empty(), Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u8) -> Client {
        Client::of(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn a_client_takes_half_at_most_and_gives_it_back() {
        let limits = Limits { max_buffered: 100_000, max_body: 30_000, ..Limits::default() };
        let budget = Arc::new(Budget::new(&limits));
        let mut first = budget.share(client(1));
        assert!(first.extend(40_000) && first.extend(10_000));
        assert!(!first.extend(1), "half of it");
        assert_eq!((budget.room(client(1)), budget.room(client(2))), (SMALL, 50_000));
        let mut second = budget.share(client(2));
        assert!(second.extend(50_000));
        assert!(!budget.share(client(3)).extend(1), "all of it");
        assert_eq!(budget.room(client(3)), SMALL, "small answers have a part of their own");
        drop(first);
        assert_eq!(budget.room(client(1)), 50_000);
        drop(second);
        assert!(budget.state.lock().taken.is_empty(), "who has nothing is forgotten");
        assert_eq!(budget.state.lock().left, 100_000);
    }

    #[test]
    fn what_tells_how_the_server_is_has_room_of_its_own_and_no_more_than_that() {
        let limits = Limits { max_buffered: 100_000, max_body: 100_000, ..Limits::default() };
        let budget = Arc::new(Budget::new(&limits));
        let mut all = budget.share(client(1));
        assert!(all.extend(100_000) && !budget.share(client(2)).extend(1));
        let told = [RESERVE - 5, 5, 1].map(|bytes| budget.share_to_tell(client(2), bytes));
        assert_eq!(told.each_ref().map(|share| share.as_ref().map(Share::bytes)), [Some(RESERVE - 5), Some(5), None]);
        drop(told);
        drop(all);
        let more = budget.share_to_tell(client(2), 90_000);
        assert!(more.is_some_and(|share| share.bytes() == 90_000), "it may have of the rest");
    }

    #[test]
    fn one_body_of_the_greatest_length_always_fits() {
        let limits = Limits { max_buffered: 100, max_body: 90, ..Limits::default() };
        let budget = Arc::new(Budget::new(&limits));
        assert!(budget.share(client(1)).extend(90));
        assert!(!budget.share(client(1)).extend(101));
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let of = |text: &str| Client::of(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"), "the same machine");
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
