//! What has to be sent: one head and its body, or one chunk, ready to be written in one piece.

use core::ops::Range;

use super::answer::{Answer, AnswerFull};
use crate::endpoints::{Headers, Response};
use crate::wire::chunked;
use crate::wire::http::{HeadWriter, WriteError};

/// Room in front of a body: the longest head, that of a pubsub's statistics, has 440 bytes with every number at
/// its longest, and the size line of a chunk 18.
const HEAD_ROOM: usize = 480;

/// Room behind a chunk: its end, and that of the body.
const TAIL_ROOM: usize = 7;

/// What an answer's storage has to hold beside the body.
pub(super) const OVERHEAD: usize = HEAD_ROOM + TAIL_ROOM;

/// A body is written behind the room for its head, and the head, whose length depends on it, close in front of it:
/// so both leave in one piece, and nothing is copied but the head.
#[derive(Debug)]
pub(super) struct Outbox<S> {
    storage: S,
    /// What is to be sent of the storage, once `interim` is.
    unsent: Range<usize>,
    interim: &'static [u8],
}

/// How the end of an answer's body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By its length, which is written.
    Length,
    /// No body is sent, as to HEAD; the length that it would have is written unless it is 0, which stands for
    /// unknown.
    NoBody,
    /// By the last chunk.
    Chunks,
    /// By the connection's end.
    Close,
}

/// The head of an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Headers,
    pub(super) ending: Ending,
    /// Whether the connection ends behind the answer.
    pub(super) close: bool,
}

impl Head {
    pub(super) const fn of(response: &Response, ending: Ending, close: bool) -> Self {
        let Response { status, content_type, headers, .. } = *response;
        Self { status: status.code(), content_type, headers, ending, close }
    }
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Outbox<S> {
    pub(super) const fn new(storage: S) -> Self {
        Self { storage, unsent: 0..0, interim: &[] }
    }

    pub(super) fn unsent(&self) -> &[u8] {
        if self.interim.is_empty() {
            self.storage.as_ref().get(self.unsent.clone()).unwrap_or_default()
        } else {
            self.interim
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.unsent().is_empty()
    }

    pub(super) fn sent(&mut self, count: usize) {
        if self.interim.is_empty() {
            self.unsent.start = self.unsent.start.saturating_add(count).min(self.unsent.end);
        } else {
            self.interim = self.interim.get(count..).unwrap_or_default();
        }
    }

    pub(super) const fn clear(&mut self) {
        self.unsent = 0..0;
        self.interim = &[];
    }

    /// Sends `interim` before anything else.
    pub(super) const fn push_interim(&mut self, interim: &'static [u8]) {
        self.interim = interim;
    }

    /// An empty body, to be written and then sent with [`send`](Self::send) or [`send_chunk`](Self::send_chunk).
    pub(super) fn body(&mut self) -> Answer<'_> {
        let storage = self.storage.as_mut();
        let end = storage.len().saturating_sub(TAIL_ROOM);
        Answer::new(storage.get_mut(HEAD_ROOM..end).unwrap_or_default())
    }

    /// Sends a head, and the first `length` bytes of the body if its ending is a length.
    pub(super) fn send(&mut self, head: &Head, length: usize) -> Result<(), AnswerFull> {
        let start = self.put_before_body(|out| write_head(out, head, length))?;
        let sent = if head.ending == Ending::Length { length } else { 0 };
        self.unsent = start..HEAD_ROOM.saturating_add(sent);
        Ok(())
    }

    /// Sends `length` bytes of the body, the next part of a longer one, and `head` before them if it is the first.
    pub(super) fn send_chunk(
        &mut self,
        head: Option<&Head>,
        ending: Ending,
        length: usize,
        last: bool,
    ) -> Result<(), AnswerFull> {
        let in_chunk = ending == Ending::Chunks && length > 0;
        let start = self.put_before_body(|out| {
            if let Some(head) = head {
                write_head(out, head, 0)?;
            }
            if in_chunk {
                chunked::write_head(length, out)?;
            }
            Ok(())
        })?;
        let body_end = HEAD_ROOM.saturating_add(length);
        let mut tail = Answer::new(self.storage.as_mut().get_mut(body_end..).unwrap_or_default());
        if in_chunk {
            chunked::write_tail(&mut tail)?;
        }
        if last && ending == Ending::Chunks {
            embedded_io::Write::write_all(&mut tail, chunked::LAST_CHUNK)?;
        }
        self.unsent = start..body_end.saturating_add(tail.len());
        Ok(())
    }

    /// Lets `write` write what stands before the body; returns where it begins.
    fn put_before_body(
        &mut self,
        write: impl FnOnce(&mut Answer<'_>) -> Result<(), WriteError<AnswerFull>>,
    ) -> Result<usize, AnswerFull> {
        let room = self.storage.as_mut().get_mut(..HEAD_ROOM).ok_or(AnswerFull)?;
        let mut out = Answer::new(room);
        write(&mut out).map_err(|_| AnswerFull)?;
        let length = out.len();
        let start = HEAD_ROOM.checked_sub(length).ok_or(AnswerFull)?;
        if start <= room.len() {
            // What was written at the front goes to the end.
            room.rotate_right(start);
        }
        Ok(start)
    }
}

fn write_head(out: &mut Answer<'_>, head: &Head, length: usize) -> Result<(), WriteError<AnswerFull>> {
    let mut writer = HeadWriter::response(&mut *out, head.status)?.field("Content-Type", head.content_type)?;
    writer = match head.ending {
        Ending::Length => writer.number("Content-Length", length as u64)?,
        Ending::NoBody if length > 0 => writer.number("Content-Length", length as u64)?,
        Ending::Chunks => writer.field("Transfer-Encoding", "chunked")?,
        Ending::NoBody | Ending::Close => writer,
    };
    if head.close {
        writer = writer.field("Connection", "close")?;
    }
    let mut written = Ok(writer);
    head.headers.for_each(|name, value| {
        let before = core::mem::replace(&mut written, Err(WriteError::Invalid));
        written = before.and_then(|writer| writer.field(name, value));
    });
    written?.finish()?;
    Ok(())
}
