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
use crate::server::{Handler, SMALL};

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
        let mut share = self.shared.budget.share(Client::of(self.peer.ip()));
        let (mut body, mut decoder) = (Vec::new(), Chunked::new());
        loop {
            let mut rest = input.bytes.get(head..).unwrap_or_default();
            let come = rest.len();
            loop {
                match decoder.decode(&mut rest) {
                    Ok(Some(chunked::Event::Data(data))) => {
                        let before = body.len().max(SMALL);
                        body.extend_from_slice(data);
                        if body.len() > limits.max_body {
                            return Ok(Err(Refusal::body_too_large(limits)));
                        }
                        if !share.extend(body.len().saturating_sub(before)) {
                            return Ok(Err(Refusal::no_budget(limits)));
                        }
                    }
                    Ok(Some(chunked::Event::End)) | Ok(None) => break,
                    Err(_) => return Ok(Err(Refusal::bad_body())),
                }
            }
            let used = come.saturating_sub(rest.len());
            input.remove(head..head.saturating_add(used));
            if decoder.is_ended() {
                return Ok(Ok(Some((body, share))));
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

/// Bytes by which the room of a body grows that will have `length`: twice as much each time it is used up, as a client may
/// announce what it never sends.
fn growth(body: &[u8], room: usize, length: usize) -> usize {
    if body.len() < room { 0 } else { length.saturating_sub(room).min(room.max(PIECE)) }
}

#[cfg(test)]
mod tests {
    use super::*;

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
