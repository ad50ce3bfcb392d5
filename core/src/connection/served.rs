//! The endpoints over an engine, behind a connection that carries one answer after another.

use embedded_io::Write as _;

use super::answer::{Answer, AnswerFull};
use super::{Gauging, Reply, Service};
use crate::endpoints::{self, Request, Response, Settings, Status, Surface};
use crate::engine::{Command, Dump, Engine, Outcome, Sink};
use crate::time::Time;

/// An engine and its endpoints.
///
/// What needs more than one answer after another is not served: `/sub` is 501, who waits for an item is told at once
/// that there is none, and `/exit` is 404.
///
/// ```
/// use streamgauge_core::connection::{Answer, Served, Service};
/// use streamgauge_core::endpoints::{Request, Surface};
/// use streamgauge_core::engine::memory::{Fixed, Memory};
///
/// let mut served = Served::new(Memory::new(<Fixed>::default()), Surface::Everything);
/// let mut room = [0; 256];
/// let mut answer = Answer::new(&mut room);
/// served.call(Request::new(b"/pub").with_body(b"one\ntwo"), &mut answer).unwrap();
/// assert_eq!(answer.as_bytes(), b"Published 2 messages to 0 clients.\n");
/// ```
#[derive(Debug)]
pub struct Served<E, G = ()> {
    /// What keeps topics and queues.
    pub engine: E,
    /// What measures messages as they are published: [`Gauges`](super::Gauges), or nothing.
    pub gauges: G,
    /// What the endpoints have to know.
    pub settings: Settings,
    /// The time, which its owner sets before each request.
    pub now: Time,
}

impl<E> Served<E> {
    /// An engine behind these endpoints, with the original's settings, at the beginning of time.
    pub fn new(engine: E, surface: Surface) -> Self {
        Self::with_gauges(engine, surface, ())
    }
}

impl<E, G> Served<E, G> {
    /// The same, and gauges.
    pub fn with_gauges(engine: E, surface: Surface, gauges: G) -> Self {
        Self { engine, gauges, settings: Settings::new(surface), now: Time::ZERO }
    }
}

impl<E: Engine, G: Gauging> Service for Served<E, G> {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        // More items than the answer has room for are not taken; one by itself may be too long, and stays.
        let max_answer = self.settings.max_answer.min(answer.capacity());
        let settings = Settings { max_answer, ..self.settings.clone() };
        let mut engine = Heard { engine: &mut self.engine, by: &mut self.gauges };
        Ok(Reply::Response(match endpoints::answer(&request, &settings, &mut engine, self.now, answer)? {
            endpoints::Reply::Response(response) => response,
            endpoints::Reply::Dump(dump) => return Ok(Reply::Dump(dump)),
            endpoints::Reply::Subscribe(_) => {
                answer.write_all(b"subscriptions are not served on this connection\n")?;
                Response::text(Status::NotImplemented)
            }
            endpoints::Reply::Clients(..) => {
                answer.write_all(b"no /sub connections\n")?;
                Response::text(Status::Ok)
            }
            endpoints::Reply::Wait(..) => endpoints::nothing(),
            endpoints::Reply::Gauge(asked) => self.gauges.answer(&asked, &request, self.now, answer)?,
            endpoints::Reply::Exit => Response::text(Status::NotFound),
        }))
    }

    fn dump(&mut self, dump: &mut Dump, answer: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        let mut full = false;
        let more = self.engine.dump(dump, |item| {
            let len = answer.len();
            match answer.write_all(item).and_then(|()| answer.write_all(b"\n")) {
                Ok(()) => core::ops::ControlFlow::Continue(()),
                Err(AnswerFull) => {
                    answer.truncate(len);
                    full = true;
                    core::ops::ControlFlow::Break(())
                }
            }
        });
        if full && answer.is_empty() { Err(AnswerFull) } else { Ok(more) }
    }
}

/// An engine, and who hears of what it has published.
struct Heard<'a, E, G> {
    engine: &'a mut E,
    by: &'a mut G,
}

impl<E: Engine, G: Gauging> Engine for Heard<'_, E, G> {
    fn execute(&mut self, command: &Command<'_>, now: Time, to: &mut dyn Sink) -> Outcome {
        let outcome = self.engine.execute(command, now, to);
        // Messages are published all or none, and those that had been before are not published again.
        if let (Command::Publish { topic, messages, .. }, Outcome::Published(published)) = (command, outcome)
            && published.messages > published.duplicates
        {
            self.by.published(topic, messages, now);
        }
        outcome
    }

    fn dump(&mut self, dump: &mut Dump, each: impl FnMut(&[u8]) -> core::ops::ControlFlow<()>) -> bool {
        self.engine.dump(dump, each)
    }
}
