//! What only some look at beside a request: where it comes from, and the fields that the core does not know.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;
use streamgauge_core::wire::http::Header;

use super::budget::{Budget, Client, Share};
use super::pages::{Origin, Pages};
use super::{Buffer, SMALL};

/// Others buffer so much that nothing is left, or this client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AllTaken;

/// The circumstances of a request.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Where it comes from.
    pub peer: SocketAddr,
    /// The x of HTTP/1.x.
    pub minor: u8,
    /// Bytes that the answer may have: what is left of the client's share, and never less than
    /// [`SMALL`](super::SMALL). A longer one is refused, so what would be taken away for it should not be.
    pub room: usize,
    /// What the `Authorization` header says, if there is one.
    pub authorization: Option<&'a [u8]>,
    pub(super) origin: Origin<'a>,
    pub(super) pages: Option<&'a Pages>,
    /// The address that it has come to.
    pub(super) local: Option<IpAddr>,
    /// What it may take of, if there is a bound.
    pub(super) budget: Option<&'a Arc<Budget>>,
    fields: &'a [Header<'a>],
}

impl<'a> Context<'a> {
    pub(crate) const fn new(peer: SocketAddr, minor: u8, fields: &'a [Header<'a>]) -> Self {
        let origin = Origin { host: b"", origin: None, site: None, referer: None };
        let (authorization, pages, local, budget) = (None, None, None, None);
        Self { peer, minor, room: usize::MAX, authorization, origin, pages, local, budget, fields }
    }

    /// Takes `bytes` of what requests and answers may buffer, until it is dropped. What is no more than [`SMALL`], each
    /// connection has anyway.
    ///
    /// # Errors
    /// [`AllTaken`].
    pub(crate) fn take(&self, bytes: usize) -> Result<Option<Share>, AllTaken> {
        let Some(budget) = self.budget.filter(|_| bytes > SMALL) else { return Ok(None) };
        let mut share = budget.share(Client::of(self.peer.ip()));
        if share.extend(bytes) { Ok(Some(share)) } else { Err(AllTaken) }
    }

    /// The body of an answer that tells how the server is: where all else is taken, it counts as part of what is kept for
    /// these.
    pub(crate) fn tell(&self, body: Vec<u8>) -> Buffer {
        let budget = self.budget.filter(|_| body.len() > SMALL);
        let share = budget.and_then(|budget| budget.share_to_tell(Client::of(self.peer.ip()), body.len()));
        Buffer::new(body, share)
    }

    /// How much of it is left for the client now, and never less than [`SMALL`].
    pub(crate) fn left(&self) -> usize {
        self.budget.map_or(usize::MAX, |budget| budget.room(Client::of(self.peer.ip())))
    }

    /// The same request where so much may be buffered.
    #[cfg(test)]
    pub(crate) fn within(self, budget: &'a Arc<Budget>) -> Self {
        let bounded = Self { budget: Some(budget), ..self };
        Self { room: bounded.left(), ..bounded }
    }

    /// Whether a page of another origin asks, allowed or not.
    pub fn is_other_page(&self) -> bool {
        self.origin.is_other_page()
    }

    /// Whether the client calls the server by one of its own names, as no page of another origin can.
    pub fn is_own_name(&self) -> bool {
        let host = self.origin.host;
        host.is_empty() || self.pages.is_none_or(|pages| pages.is_own_name(host, self.local))
    }

    /// What `access-control-allow-origin` answers to the page that asks.
    pub fn allowed_origin(&self) -> Option<HeaderValue> {
        self.pages?.allowed(self.origin.origin?).cloned()
    }

    /// The value of the first field of that name, in any case of letters. O(fields).
    pub fn field(&self, name: &str) -> Option<&'a [u8]> {
        self.fields(name).next()
    }

    /// The values of all fields of that name, in any case of letters. O(fields).
    pub fn fields<'n>(&self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let fields = self.fields.iter().filter(move |field| field.name.eq_ignore_ascii_case(name));
        fields.map(|field| field.value.trim_ascii())
    }
}
