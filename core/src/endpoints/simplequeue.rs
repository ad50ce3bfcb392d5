//! simplequeue, the secretary: a queue behind `/put`, `/get` and their kin.

use core::iter::Take;
use core::ops::ControlFlow;

use embedded_io::Write;

use super::{Request, Response, Status, matches, write_fmt};
use crate::log::Position;
use crate::queue::{Limits, Queue, TooLarge};
use crate::wire::lines;
use crate::wire::percent::Decode;
use crate::wire::query::Value;

/// The paths that are answered. All but the exact ones match by prefix.
pub const PATHS: [&str; 7] = ["/put*", "/get*", "/mget*", "/mput*", "/dump*", "/stats*", "/exit*"];

/// A queue and its endpoints.
///
/// ```
/// use streamgauge_core::queue::Limits;
/// use streamgauge_core::endpoints::{Request, Simplequeue, simplequeue::Settings};
///
/// let mut service = Simplequeue::new([0; 1024], Settings::default());
/// let mut answer = Vec::new();
/// service.call(Request::new(b"/put?data=H3110"), &mut answer, |_| ()).unwrap();
/// service.call(Request::new(b"/get"), &mut answer, |_| ()).unwrap();
/// assert_eq!(answer, b"H3110");
/// ```
#[derive(Debug, Clone)]
pub struct Simplequeue<S> {
    queue: Queue<S>,
    settings: Settings,
    /// What the queue had counted when the statistics were last reset.
    puts_before: u64,
    gets_before: u64,
}

/// The limits of a simplequeue, and how it separates items.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What may wait in the queue, beside what its storage has room for.
    pub limits: Limits,
    /// The longest item in bytes; a longer one is refused.
    pub max_item: usize,
    /// The most items in one answer to `/mget`; `None` for no limit.
    pub max_mget: Option<u64>,
    /// The most bytes in one answer to `/mget`, past its first item: what doesn't fit stays queued.
    pub max_answer: usize,
    /// Between the items of `/mget`, unless the request names its own separator.
    pub mget_separator: Separator,
    /// Between the items of `/mput`, unless the request names its own separator.
    pub mput_separator: Separator,
}

/// The longest separator in bytes.
const MAX_SEPARATOR: usize = 16;

/// What separates items: at most sixteen bytes.
pub type Separator = heapless::Vec<u8, MAX_SEPARATOR>;

impl Default for Settings {
    fn default() -> Self {
        let newline = || Separator::from_iter([b'\n']);
        Self {
            limits: Limits::NONE,
            max_item: 1 << 20,
            max_mget: None,
            max_answer: 5 << 20,
            mget_separator: newline(),
            mput_separator: newline(),
        }
    }
}

/// What a request comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// An answer whose body has been written.
    Response(Response),
    /// The queue's items have to be sent, with [`Simplequeue::dump`].
    Dump(Dump),
    /// The server should stop.
    Exit,
}

/// How far a `/dump` has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dump {
    at: Position,
    end: Position,
}

impl<S: AsRef<[u8]> + AsMut<[u8]>> Simplequeue<S> {
    /// An empty queue over `storage`.
    pub const fn new(storage: S, settings: Settings) -> Self {
        Self { queue: Queue::new(storage, settings.limits), settings, puts_before: 0, gets_before: 0 }
    }

    /// The queue itself.
    pub const fn queue(&self) -> &Queue<S> {
        &self.queue
    }

    /// The queue itself, for taking items out without a request.
    pub const fn queue_mut(&mut self) -> &mut Queue<S> {
        &mut self.queue
    }

    /// Lowers the limits so that answers of `bytes` bytes suffice: for any item with its separator, and for `/mget`.
    pub fn limit_answer(&mut self, bytes: usize) {
        let Settings { max_answer, max_item, .. } = &mut self.settings;
        *max_answer = bytes.min(*max_answer);
        *max_item = bytes.saturating_sub(MAX_SEPARATOR).min(*max_item);
    }

    /// Answers one request: the body goes to `answer`, and every item that had to leave to `overflow`.
    ///
    /// # Errors
    /// Those of `answer`. An item that couldn't be written whole stays queued.
    pub fn call<W: Write>(
        &mut self,
        request: Request<'_>,
        answer: &mut W,
        overflow: impl FnMut(&[u8]),
    ) -> Result<Reply, W::Error> {
        let path = request.path;
        let response = if request.head_only() && !path.starts_with(b"/stats") {
            Response::text(if PATHS.iter().any(|known| matches(known, path)) { Status::Ok } else { Status::NotFound })
        } else if path.starts_with(b"/put") {
            self.put(&request, answer, overflow)?
        } else if path.starts_with(b"/get") {
            self.get(answer)?
        } else if path.starts_with(b"/mget") {
            self.mget(&request, answer)?
        } else if path.starts_with(b"/mput") {
            self.mput(&request, answer, overflow)?
        } else if path.starts_with(b"/stats") {
            self.stats(&request, answer)?
        } else if path.starts_with(b"/dump") {
            let log = self.queue.log();
            return Ok(Reply::Dump(Dump { at: log.start(), end: log.end() }));
        } else if path.starts_with(b"/exit") {
            return Ok(Reply::Exit);
        } else {
            Response::text(Status::NotFound)
        };
        Ok(Reply::Response(response))
    }

    /// Writes the next items of a `/dump`, each followed by a newline, until `answer` is given at least `room`
    /// bytes, and one item at least; returns whether there may be more. Call it until it says no.
    ///
    /// Each item that was queued when the dump began and still is comes exactly once.
    ///
    /// # Errors
    /// Those of `answer`.
    pub fn dump<W: Write>(&self, dump: &mut Dump, answer: &mut W, room: usize) -> Result<bool, W::Error> {
        let log = self.queue.log();
        if log.missed(&dump.at) > 0 {
            dump.at = log.start();
        }
        let (mut written, room) = (0_usize, room.max(1));
        // Once the log has gone past the end, everything that was there to be dumped is gone.
        while written < room && dump.end.sequence().wrapping_sub(dump.at.sequence()).cast_signed() > 0 {
            let Some(item) = log.read(&mut dump.at) else { return Ok(false) };
            answer.write_all(item)?;
            answer.write_all(b"\n")?;
            written = written.saturating_add(item.len()).saturating_add(1);
        }
        Ok(written >= room)
    }

    fn put<W: Write>(
        &mut self,
        request: &Request<'_>,
        answer: &mut W,
        overflow: impl FnMut(&[u8]),
    ) -> Result<Response, W::Error> {
        let outcome = match (request.query.get("data"), request.body) {
            (Some(data), _) if data.is_empty() => Ok(()),
            (Some(data), _) => self.check(data.len()).and_then(|()| {
                let fill = |room: &mut [u8]| room.iter_mut().zip(data.bytes()).for_each(|(to, byte)| *to = byte);
                self.queue.put_with(data.len(), fill, overflow).map_err(Refusal::Storage)
            }),
            (None, []) => return missing_data(answer),
            (None, body) => {
                self.check(body.len()).and_then(|()| self.queue.put(body, overflow).map_err(Refusal::Storage))
            }
        };
        accepted(outcome, answer)
    }

    fn mput<W: Write>(
        &mut self,
        request: &Request<'_>,
        answer: &mut W,
        mut overflow: impl FnMut(&[u8]),
    ) -> Result<Response, W::Error> {
        let mut named = [0; MAX_SEPARATOR];
        let separator = match separator(request, &self.settings.mput_separator, &mut named) {
            Some(separator) => separator,
            None => return separator_too_long(answer),
        };
        let outcome = match (request.query.get("data"), request.body) {
            (Some(data), _) => {
                // Checked first, so that a batch is taken whole or not at all.
                let mut checked = Ok(());
                for_each_piece(data, separator, |len, _| checked = checked.and_then(|()| self.check(len)));
                checked.map(|()| {
                    for_each_piece(data, separator, |len, bytes| {
                        let fill = |room: &mut [u8]| room.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
                        // The check has seen that it fits.
                        let _ = self.queue.put_with(len, fill, &mut overflow);
                    });
                })
            }
            (None, []) => return missing_data(answer),
            (None, body) => {
                let mut pieces = lines::split_on(body, separator);
                match pieces.find_map(|piece| self.check(piece.len()).err()) {
                    Some(refusal) => Err(refusal),
                    None => self.queue.mput(body, separator, overflow).map(drop).map_err(Refusal::Storage),
                }
            }
        };
        accepted(outcome, answer)
    }

    fn get<W: Write>(&mut self, answer: &mut W) -> Result<Response, W::Error> {
        if let Some(item) = self.queue.peek() {
            answer.write_all(item)?;
            self.queue.get();
        }
        Ok(Response::text(Status::Ok))
    }

    fn mget<W: Write>(&mut self, request: &Request<'_>, answer: &mut W) -> Result<Response, W::Error> {
        let asked = match request.query.get("items") {
            None => Some(1),
            Some(items) => items.integer().and_then(|items| u64::try_from(items).ok()).filter(|items| *items > 0),
        };
        let Some(asked) = asked else {
            answer.write_all(b"number of items must be > 0\n")?;
            return Ok(Response::text(Status::BadRequest));
        };
        let mut named = [0; MAX_SEPARATOR];
        let Some(separator) = separator(request, &self.settings.mget_separator, &mut named) else {
            return separator_too_long(answer);
        };
        let items = self.settings.max_mget.map_or(asked, |most| asked.min(most));
        let (mut taken, mut written, mut failure) = (0, 0_usize, None);
        self.queue.mget(items, |item| {
            let len = item.len().saturating_add(separator.len());
            if taken > 0 && written.saturating_add(len) > self.settings.max_answer {
                return ControlFlow::Break(());
            }
            taken += 1;
            written = written.saturating_add(len);
            let separator = if taken < items { separator } else { &[] };
            match answer.write_all(item).and_then(|()| answer.write_all(separator)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failure = Some(error);
                    ControlFlow::Break(())
                }
            }
        });
        failure.map_or(Ok(Response::text(Status::Ok)), Err)
    }

    fn stats<W: Write>(&mut self, request: &Request<'_>, answer: &mut W) -> Result<Response, W::Error> {
        let counters = self.queue.counters();
        if request.query.get("reset").is_some_and(|reset| reset == *"1") && !request.head_only() {
            (self.puts_before, self.gets_before) = (counters.accepted, counters.delivered);
            self.queue.reset_high_water();
            return Ok(Response::text(Status::Ok));
        }
        let puts = counters.accepted.wrapping_sub(self.puts_before);
        let gets = counters.delivered.wrapping_sub(self.gets_before);
        let (depth, high_water) = (counters.depth, counters.high_water);
        let (bytes, overflow) = (counters.bytes, counters.overflow);
        if request.wants_json() {
            write_fmt(
                answer,
                format_args!(
                    "{{\"puts\": {puts},\"gets\": {gets},\"depth\": {depth},\"depth_high_water\": {high_water},\
                     \"bytes\": {bytes},\"overflow\": {overflow}}}\n"
                ),
            )?;
            return Ok(Response::json());
        }
        write_fmt(
            answer,
            format_args!(
                "puts:{puts}\ngets:{gets}\ndepth:{depth}\ndepth_high_water:{high_water}\nbytes:{bytes}\n\
                 overflow:{overflow}\n"
            ),
        )?;
        Ok(Response::text(Status::Ok))
    }

    /// Whether an item of `len` bytes may be queued.
    fn check(&self, len: usize) -> Result<(), Refusal> {
        if len > self.settings.max_item {
            return Err(Refusal::Item { len, limit: self.settings.max_item });
        }
        self.queue.check(len).map_err(Refusal::Storage)
    }
}

/// Why an item is not queued.
#[derive(Clone, Copy)]
enum Refusal {
    Item { len: usize, limit: usize },
    Storage(TooLarge),
}

fn accepted<W: Write>(outcome: Result<(), Refusal>, answer: &mut W) -> Result<Response, W::Error> {
    match outcome {
        Ok(()) => return Ok(Response::text(Status::Ok)),
        Err(Refusal::Item { len, limit }) => {
            write_fmt(answer, format_args!("item of {len} bytes is over the limit max-item-bytes {limit}\n"))?;
        }
        Err(Refusal::Storage(TooLarge { len, capacity })) => {
            write_fmt(answer, format_args!("item of {len} bytes is over the limit queue-bytes {capacity}\n"))?;
        }
    }
    Ok(Response::text(Status::ContentTooLarge))
}

fn missing_data<W: Write>(answer: &mut W) -> Result<Response, W::Error> {
    answer.write_all(b"missing data\n")?;
    Ok(Response::text(Status::BadRequest))
}

fn separator_too_long<W: Write>(answer: &mut W) -> Result<Response, W::Error> {
    answer.write_all(b"separator must have at most 16 bytes\n")?;
    Ok(Response::text(Status::BadRequest))
}

/// The separator that the request names, decoded into `named`, or else the `usual` one.
fn separator<'a>(request: &Request<'_>, usual: &'a [u8], named: &'a mut [u8; MAX_SEPARATOR]) -> Option<&'a [u8]> {
    match request.query.get("separator") {
        Some(value) => {
            let len = value.copy_to(named)?;
            named.get(..len)
        }
        None => Some(usual),
    }
}

/// Calls `each` with the length and the bytes of every non-empty piece of the decoded `data`.
fn for_each_piece<'a>(data: Value<'a>, separator: &[u8], mut each: impl FnMut(usize, Take<Decode<'a>>)) {
    let mut rest = data.bytes();
    let (mut piece, mut len) = (rest.clone(), 0_usize);
    loop {
        let at_separator = !separator.is_empty() && rest.clone().take(separator.len()).eq(separator.iter().copied());
        let skip = if at_separator { separator.len() } else { 1 };
        let ended = rest.by_ref().take(skip).count() < skip;
        if !at_separator && !ended {
            len = len.saturating_add(1);
            continue;
        }
        if len > 0 {
            each(len, piece.take(len));
        }
        if ended {
            return;
        }
        (piece, len) = (rest.clone(), 0);
    }
}
