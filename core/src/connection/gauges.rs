//! `/gauges` where there is one engine and nobody else: what is set up there, fed and read.

use embedded_io::Write as _;

use super::answer::{Answer, AnswerFull};
use crate::endpoints::{GaugeProblem, GaugeRequest, Request, Response, Status, refuse_gauge};
use crate::engine::{Name, Piece, Pieces, Prefix};
use crate::gauge::{Definition, Format, Gauge, SetupError, Storage, render};
use crate::time::Time;
use crate::wire::write_fmt;

/// What hears what is published, and answers what is asked of gauges.
pub trait Gauging {
    /// These are the newest messages of a topic.
    fn published(&mut self, topic: &Name, messages: &Pieces<'_>, now: Time);

    /// Answers a request about gauges: the body goes to `answer`.
    ///
    /// # Errors
    /// [`AnswerFull`] if it has no room for the body; nothing has changed then.
    fn answer(
        &mut self,
        asked: &GaugeRequest,
        request: &Request<'_>,
        now: Time,
        answer: &mut Answer<'_>,
    ) -> Result<Response, AnswerFull>;
}

/// Those that are kept elsewhere, as in a `static`.
impl<G: Gauging> Gauging for &mut G {
    fn published(&mut self, topic: &Name, messages: &Pieces<'_>, now: Time) {
        G::published(self, topic, messages, now);
    }

    fn answer(
        &mut self,
        asked: &GaugeRequest,
        request: &Request<'_>,
        now: Time,
        answer: &mut Answer<'_>,
    ) -> Result<Response, AnswerFull> {
        G::answer(self, asked, request, now, answer)
    }
}

/// No gauges: `/gauges` is 404.
impl Gauging for () {
    fn published(&mut self, _: &Name, _: &Pieces<'_>, _: Time) {}

    fn answer(
        &mut self,
        _: &GaugeRequest,
        _: &Request<'_>,
        _: Time,
        _: &mut Answer<'_>,
    ) -> Result<Response, AnswerFull> {
        Ok(Response::text(Status::NotFound))
    }
}

/// At most `N` gauges, with what they keep in `S`; a gauge is some 2.6 KB beside.
///
/// They are what they are on a server, and measure each message as it is published. A pane that is over is told to nobody,
/// since nobody can subscribe: rules, whose whole purpose is to be told, are refused (501). A gauge that replaces another
/// one needs room beside it, so that nothing is lost where there is none (507): remove the other first.
///
/// ```
/// use streamgauge_core::connection::{Answer, Gauges, Served, Service};
/// use streamgauge_core::endpoints::{Method, Request, Surface};
/// use streamgauge_core::engine::memory::{Fixed, Memory};
/// use streamgauge_core::gauge::{Blocks, Measured};
///
/// // On a microcontroller both are `cortex_m::singleton!`s.
/// let blocks: &'static Blocks<1> = Box::leak(Box::new(Blocks::new()));
/// blocks.cells.cut(Box::leak(Box::new([const { Measured::BLANK }; 6])), 6);
/// let engine = Memory::new(<Fixed>::default());
/// let mut served = Served::with_gauges(engine, Surface::Everything, Gauges::<_, 1>::new(blocks));
///
/// let mut room = [0; 1024];
/// let definition = br#"{"field":"t","measure":["moments","rate"]}"#;
/// let set = Request { method: Method::Put, ..Request::new(b"/gauges/load").with_body(definition) };
/// served.call(set, &mut Answer::new(&mut room)).unwrap();
/// served.call(Request::new(b"/pub").with_body(b"{\"t\":1}\n{\"t\":3}"), &mut Answer::new(&mut room)).unwrap();
/// let mut answer = Answer::new(&mut room);
/// served.call(Request::new(b"/gauges/load?format=json"), &mut answer).unwrap();
/// assert!(core::str::from_utf8(answer.as_bytes()).unwrap().contains(r#""count":2,"mean":2"#));
/// ```
pub struct Gauges<S: Storage, const N: usize> {
    storage: S,
    all: heapless::Vec<(Name, Gauge<S>), N>,
}

impl<S: Storage, const N: usize> Gauges<S, N> {
    /// None yet.
    pub const fn new(storage: S) -> Self {
        Self { storage, all: heapless::Vec::new() }
    }

    /// Makes a gauge, or another one in its place: the same definition changes nothing.
    fn set(&mut self, name: &Name, request: &Request<'_>, answer: &mut Answer<'_>) -> Result<Response, AnswerFull> {
        let definition = match Definition::from_json(request.body) {
            Ok(definition) => definition,
            Err(wrong) => return refused(GaugeProblem::Wrong, &wrong, request, answer),
        };
        if !definition.rules.is_empty() {
            let line = "rules have nobody to tell on this connection";
            return refused(GaugeProblem::NotImplemented, &line, request, answer);
        }
        let known = find(&mut self.all, name).map(|gauge| *gauge.definition() == definition);
        if known == Some(true) {
            return Ok(Response::text(Status::Ok));
        }
        if known.is_none() && self.all.is_full() {
            let line = format_args!("there are {N} gauges, as many as there may be");
            return refused(GaugeProblem::TooMany, &line, request, answer);
        }
        match self.make(name, &definition) {
            Ok(()) => Ok(Response::text(if known.is_none() { Status::Created } else { Status::Ok })),
            Err(SetupError::NoRoom) => {
                let line = "there is no room for this gauge beside the others: fewer bins, panes or groups take less, \
                            unless there is no storage for its measures at all";
                refused(GaugeProblem::NoRoom, &line, request, answer)
            }
            Err(error) => refused(error.into(), &error, request, answer),
        }
    }

    /// The gauge that another one replaces stays until that is there, and if it can't be.
    ///
    /// Not inlined: a stack that is small has no room for gauges while there is anything else on it.
    #[inline(never)]
    fn make(&mut self, name: &Name, definition: &Definition) -> Result<(), SetupError> {
        let gauge = Gauge::new(definition, &mut self.storage)?;
        match find(&mut self.all, name) {
            Some(before) => *before = gauge,
            None => self.all.push((*name, gauge)).map_err(|_| SetupError::NoRoom)?,
        }
        Ok(())
    }

    fn show(
        &mut self,
        name: &Name,
        format: Format,
        request: &Request<'_>,
        now: Time,
        answer: &mut Answer<'_>,
    ) -> Result<Response, AnswerFull> {
        let Some(gauge) = find(&mut self.all, name) else { return missing(name, request, answer) };
        tell(gauge, now);
        render(gauge, name.as_str(), format, now, answer)?;
        Ok(Response::new(format.media_type()))
    }

    fn merge(
        &mut self,
        name: &Name,
        request: &Request<'_>,
        now: Time,
        answer: &mut Answer<'_>,
    ) -> Result<Response, AnswerFull> {
        let Some(gauge) = find(&mut self.all, name) else { return missing(name, request, answer) };
        tell(gauge, now);
        match gauge.merge(request.body, now, &mut self.storage) {
            Ok(()) => Ok(Response::text(Status::Ok)),
            Err(error) => refused(error.into(), &error, request, answer),
        }
    }

    fn remove(&mut self, name: &Name, request: &Request<'_>, answer: &mut Answer<'_>) -> Result<Response, AnswerFull> {
        if find(&mut self.all, name).is_none() {
            return missing(name, request, answer);
        }
        self.all.retain(|(other, _)| other != name);
        Ok(Response::text(Status::Ok))
    }

    /// Each gauge whose name begins so, in the order of their names.
    fn list(&self, prefix: &Prefix, answer: &mut Answer<'_>) -> Result<Response, AnswerFull> {
        let mut before = None;
        loop {
            let rest = self.all.iter().filter(|(name, _)| before.is_none_or(|before| before < name));
            let some = rest.filter(|(name, _)| name.as_bytes().starts_with(prefix.as_bytes()));
            let Some((name, gauge)) = some.min_by_key(|(name, _)| name) else { break };
            answer.write_all(if before.is_none() { b"[" } else { b",\n " })?;
            write_fmt(answer, format_args!("{{\"name\":\"{name}\",\"definition\":"))?;
            gauge.definition().write_json(answer)?;
            write_fmt(answer, format_args!(",\"messages\":{}}}", gauge.counters().messages))?;
            before = Some(name);
        }
        answer.write_all(if before.is_none() { b"[]\n" } else { b"]\n" })?;
        Ok(Response::JSON)
    }
}

impl<S: Storage, const N: usize> Gauging for Gauges<S, N> {
    fn published(&mut self, topic: &Name, messages: &Pieces<'_>, now: Time) {
        for (_, gauge) in self.all.iter_mut().filter(|(_, gauge)| gauge.definition().topic == *topic) {
            for piece in messages.iter() {
                tell(gauge, now);
                // A body is never coded.
                if let Piece::Plain(message) = piece {
                    gauge.take(message, now);
                }
            }
            tell(gauge, now);
        }
    }

    fn answer(
        &mut self,
        asked: &GaugeRequest,
        request: &Request<'_>,
        now: Time,
        answer: &mut Answer<'_>,
    ) -> Result<Response, AnswerFull> {
        match asked {
            GaugeRequest::List(prefix) => self.list(prefix, answer),
            GaugeRequest::Show(name, format) => self.show(name, *format, request, now, answer),
            GaugeRequest::Set(name) => self.set(name, request, answer),
            GaugeRequest::Remove(name) => self.remove(name, request, answer),
            GaugeRequest::Merge(name) => self.merge(name, request, now, answer),
        }
    }
}

fn find<'a, S: Storage>(all: &'a mut [(Name, Gauge<S>)], name: &Name) -> Option<&'a mut Gauge<S>> {
    all.iter_mut().find(|(other, _)| other == name).map(|(_, gauge)| gauge)
}

/// Closes the panes that are over: as a server does, so that nothing counts as lost.
fn tell<S: Storage>(gauge: &mut Gauge<S>, now: Time) {
    while gauge.is_over(now) {
        gauge.close(now, |_, _, _| {});
    }
}

fn missing(name: &Name, request: &Request<'_>, answer: &mut Answer<'_>) -> Result<Response, AnswerFull> {
    refused(GaugeProblem::Missing, &format_args!("there is no gauge {name}"), request, answer)
}

fn refused(
    why: GaugeProblem,
    line: &dyn core::fmt::Display,
    request: &Request<'_>,
    answer: &mut Answer<'_>,
) -> Result<Response, AnswerFull> {
    refuse_gauge(why, line, None, request, answer)
}
