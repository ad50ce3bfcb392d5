//! Bodies that have not come with their heads.

use streamgauge_core::wire::chunked::{self, Chunked};
use streamgauge_core::wire::http::Body as Incoming;
use tokio::time::Instant;

use super::Connection;
use crate::server::body::PIECE;
use crate::server::budget::{Client, Share};
use crate::server::input::Input;
use crate::server::refusal::Refusal;
use crate::server::socket::{Gone, Read, Socket};
use crate::server::{Handler, Limits, SMALL};

impl<H: Handler> Connection<H> {
    /// Reads a body: `None` when all of it is in `input`, behind its head.
    pub(super) async fn collect(
        &self,
        socket: &mut Socket,
        input: &mut Input,
        head: usize,
        body: Incoming,
    ) -> Result<Result<Option<(Vec<u8>, Share)>, Refusal>, Gone> {
        let limits = &self.shared.limits;
        let room = limits.input_room();
        let length = match body {
            Incoming::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            _ => return self.collect_chunks(socket, input, head).await,
        };
        let end = head.saturating_add(length);
        if end <= room {
            while input.bytes.len() < end {
                let room = room.saturating_sub(input.bytes.len());
                if let Some(refusal) = self.read_body(socket, &mut input.bytes, room).await? {
                    return Ok(Err(refusal));
                }
            }
            return Ok(Ok(None));
        }
        let mut share = self.shared.budget.share(Client::of(self.peer.ip()));
        let mut body = input.bytes.split_off(head.min(input.bytes.len()));
        let mut room = body.len();
        if !share.extend(room) {
            return Ok(Err(Refusal::no_budget(limits)));
        }
        while body.len() < length {
            let more = growth(&body, room, length);
            if !share.extend(more) {
                return Ok(Err(Refusal::no_budget(limits)));
            }
            room = room.saturating_add(more);
            body.reserve_exact(room.saturating_sub(body.len()));
            let piece = room.saturating_sub(body.len()).min(PIECE);
            if let Some(refusal) = self.read_body(socket, &mut body, piece).await? {
                return Ok(Err(refusal));
            }
        }
        Ok(Ok(Some((body, share))))
    }

    async fn collect_chunks(
        &self,
        socket: &mut Socket,
        input: &mut Input,
        head: usize,
    ) -> Result<Result<Option<(Vec<u8>, Share)>, Refusal>, Gone> {
        let limits = &self.shared.limits;
        let share = self.shared.budget.share(Client::of(self.peer.ip()));
        let (mut gathered, mut decoder) = (Gathered { body: Vec::new(), share }, Chunked::new());
        loop {
            let mut rest = input.bytes.get(head..).unwrap_or_default();
            let come = rest.len();
            loop {
                match decoder.decode(&mut rest) {
                    Ok(Some(chunked::Event::Data(data))) => {
                        if let Err(refusal) = gathered.add(data, limits) {
                            return Ok(Err(refusal));
                        }
                    }
                    Ok(Some(chunked::Event::End)) | Ok(None) => break,
                    Err(_) => return Ok(Err(Refusal::bad_body())),
                }
            }
            let used = come.saturating_sub(rest.len());
            input.remove(head..head.saturating_add(used));
            if decoder.is_ended() {
                return Ok(Ok(Some((gathered.body, gathered.share))));
            }
            let room = limits.input_room().saturating_sub(input.bytes.len());
            if let Some(refusal) = self.read_body(socket, &mut input.bytes, room).await? {
                return Ok(Err(refusal));
            }
        }
    }

    /// Reads more of a body, or says why there is no more.
    async fn read_body(&self, socket: &mut Socket, to: &mut Vec<u8>, room: usize) -> Result<Option<Refusal>, Gone> {
        let limits = &self.shared.limits;
        let deadline = Instant::now() + limits.io_timeout;
        Ok(match socket.read_more(to, room, deadline).await? {
            Read::Some => None,
            Read::Late => Some(Refusal::slow_body(limits)),
            Read::End | Read::Stopped => Some(Refusal::bad_body()),
        })
    }
}

/// What has come of a body of which nobody says how long it is.
struct Gathered {
    body: Vec<u8>,
    /// All the room that it has beyond [`SMALL`].
    share: Share,
}

impl Gathered {
    /// Adds what has come; its room grows to twice as much each time it is used up.
    fn add(&mut self, data: &[u8], limits: &Limits) -> Result<(), Refusal> {
        let Self { body, share } = self;
        let needed = body.len().saturating_add(data.len());
        if needed > limits.max_body {
            return Err(Refusal::body_too_large(limits));
        }
        let before = body.capacity();
        if needed > before {
            let room = needed.max(before.saturating_mul(2).max(SMALL).min(limits.max_body));
            if !share.extend(room.max(SMALL).saturating_sub(before.max(SMALL))) {
                return Err(Refusal::no_budget(limits));
            }
            body.reserve_exact(room.saturating_sub(body.len()));
        }
        body.extend_from_slice(data);
        Ok(())
    }
}

/// Bytes by which the room of a body grows that will have `length`: twice as much each time it is used up, as a client may
/// announce what it never sends.
fn growth(body: &[u8], room: usize, length: usize) -> usize {
    if body.len() < room { 0 } else { length.saturating_sub(room).min(room.max(PIECE)) }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Arc;

    use super::*;
    use crate::server::budget::Budget;

    #[test]
    fn a_body_that_comes_in_chunks_has_no_more_room_than_it_counts_for() {
        const MOST: usize = 1_000_000;
        let limits = Limits { max_body: MOST, max_buffered: 10 * MOST, ..Limits::default() };
        let (budget, client) = (Arc::new(Budget::new(&limits)), Client::of(IpAddr::from([192, 0, 2, 1])));
        let all = budget.room(client);
        let counted = || all - budget.room(client);
        let mut gathered = Gathered { body: Vec::new(), share: budget.share(client) };
        let (mut rooms, mut len) = (Vec::new(), 0);
        for chunk in [5, 9_000, 7_379, 1, 15_000].into_iter().chain(std::iter::repeat(15_000)) {
            len += chunk;
            let added = gathered.add(&vec![b'x'; chunk], &limits);
            assert_eq!(added.is_ok(), len <= MOST);
            let room = gathered.body.capacity();
            assert_eq!(counted(), room.saturating_sub(SMALL));
            if added.is_err() {
                break;
            }
            assert!(gathered.body.len() == len && room <= MOST.min(2 * len.max(SMALL)), "{len} in {room}");
            rooms.push(room);
        }
        rooms.dedup();
        assert!(rooms.len() < 9, "{rooms:?}");
        drop(gathered);
        assert_eq!(counted(), 0);
    }

    #[test]
    fn a_long_body_that_comes_in_small_pieces_is_copied_a_few_times() {
        const LENGTH: usize = 5 << 20;
        let (mut body, mut room, mut grown) = (vec![b'x'; 100], 100, 0);
        while body.len() < LENGTH {
            let more = growth(&body, room, LENGTH);
            (room, grown) = (room + more, grown + u32::from(more > 0));
            assert!(body.len() < room && room <= LENGTH.min(2 * body.len() + PIECE), "{} in {room}", body.len());
            body.resize(room.min(body.len() + 1_460), b'x');
        }
        assert!(grown < 12, "{grown} times");
    }
}
