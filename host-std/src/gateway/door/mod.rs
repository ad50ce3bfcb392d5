//! One way in on one thread: a request is parsed, executed and rendered.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use streamgauge_core::endpoints::{
    self, About, Asking, Method, NOWHERE, Need, Parsed, Reply, Request, Response, Right, Status, Subscription, Surface,
    nothing, parse,
};
use streamgauge_core::engine::{Command, Dump, Name, Outcome};
use streamgauge_core::gauge::Definition;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::Side;
use super::room::{self, NoRoom, Room};
use super::telling::Telling;
use super::traced::{self, NoPlace};
use crate::engine::Mark;
use crate::engine::memory::Shards;
use crate::gauges::Answered;
use crate::operations::metrics::Form;
use crate::operations::rights::{Pass, Rights};
use crate::operations::{Health, Place, openapi};
use crate::server::{Answer, Body, Context, Handler, Limits, NextPiece, PIECE, Refusal, into_http, refused, whole};
use crate::topics::StillMay;

/// One way to a gateway: a port, on one thread.
pub(crate) struct Door {
    side: Arc<Side>,
    /// Who may do what; without any, everybody everything.
    rights: Option<Arc<Rights>>,
    endpoints: endpoints::Settings,
    limits: Limits,
    /// Bytes of the longest item.
    longest_item: usize,
}

impl Handler for Door {
    fn call_now(self: &Arc<Self>, request: &Request<'_>, context: &Context<'_>) -> Option<(Answer, Mark)> {
        if let Some(place) = self.place(request.path) {
            return self.operate(place, request, context).map(|answer| (answer, Mark::NONE));
        }
        let (mut room, mut mark) = (Room::new(context), Mark::NONE);
        let parsed = match self.parse(request, context, &mut room) {
            Ok(parsed) => parsed,
            Err(refusal) => return Some((refusal.answer(request), mark)),
        };
        let reply = match &parsed {
            Parsed::Asking(asking) if asking.waits() || traced::wanted(request, context).is_some() => return None,
            Parsed::Asking(asking) => {
                let mut rendering = asking.rendering(&mut room);
                let mut telling = Telling::new(&mut rendering, context.room);
                match &self.side.engine.execute_now(&asking.command, &mut telling) {
                    Some(outcome) => {
                        mark = self.side.engine.mark();
                        self.charge(request, context, outcome);
                        rendering.finish(outcome)
                    }
                    None => return None,
                }
            }
            // All gauges of all shards are asked.
            Parsed::Reply(Reply::Gauge(_)) => return None,
            Parsed::Reply(Reply::Subscribe(Subscription { topic, from, .. }))
                if !self.side.engine.has_at_hand(topic, *from) =>
            {
                return None;
            }
            // Looking for a file takes time.
            Parsed::Reply(reply) if self.side.files.is_some() && is_nowhere(reply) => return None,
            Parsed::Reply(reply) => Ok(reply.clone()),
        };
        Some((self.answer(request, context, reply, room), mark))
    }

    async fn safe(&self, mark: Mark) -> Result<(), String> {
        self.side.engine.safe(mark).await.map_err(|refusal| refusal.to_string())
    }

    async fn call(self: &Arc<Self>, request: Request<'_>, context: &Context<'_>) -> Answer {
        if let Some(Place::Metrics) = self.place(request.path) {
            let (response, body) = self.side.metrics(Form::accepted(&request)).await;
            return whole(&response, context.tell(body));
        }
        let mut room = Room::new(context);
        let parsed = match self.parse(&request, context, &mut room) {
            Ok(parsed) => parsed,
            Err(refusal) => return refusal.answer(&request),
        };
        match parsed {
            Parsed::Asking(mut asking) => {
                let carried = match traced::carry(&asking.command, &request, context, self.limits.max_body) {
                    Ok(carried) => carried,
                    Err(why) => return self.refuse_traced(why).answer(&request),
                };
                if let Some(messages) = &carried {
                    asking.command = messages.with(asking.command);
                }
                self.execute(&request, context, &asking).await
            }
            Parsed::Reply(Reply::Gauge(asked)) => {
                // A gauge shows what its topic has, and what its rules say is published.
                let may_set = |definition: &Definition| {
                    let told = definition.rules.iter().filter_map(|rule| Some((Right::Publish, rule.to?)));
                    self.may_name(&request, context, told.chain([(Right::Subscribe, definition.topic)]))
                };
                match self.side.gauges.answer(&request, &asked, may_set).await {
                    Answered::Answer(answer) => answer,
                    Answered::Elsewhere(thread) => Answer::Elsewhere(thread),
                }
            }
            Parsed::Reply(Reply::Subscribe(subscription)) => {
                match self.side.engine.prepare(&subscription.topic, subscription.from).await {
                    Ok(()) => self.answer(&request, context, Ok(Reply::Subscribe(subscription)), room),
                    Err(refusal) => refused(&request, &refusal),
                }
            }
            Parsed::Reply(reply) => {
                if let Some(files) = self.side.files.as_ref().filter(|_| is_nowhere(&reply))
                    && let Some(file) = files.answer(&request, context).await
                {
                    return file;
                }
                self.answer(&request, context, Ok(reply), room)
            }
        }
    }

    fn elsewhere(&self, request: &Request<'_>) -> Option<usize> {
        if self.side.engine.is_alone() {
            return None;
        }
        let (kind, name) = endpoints::subject(request, self.surface())?;
        self.side.engine.elsewhere(kind, &name)
    }

    fn takes(&self, request: &Request<'_>) -> bool {
        request.path.starts_with(b"/get") || request.path.starts_with(b"/mget")
    }

    fn may_be_left(&self, request: &Request<'_>) -> bool {
        self.takes(request) && request.query.get("wait").is_some()
    }

    fn methods(&self, path: &[u8]) -> &'static [Method] {
        self.place(path).map_or_else(|| endpoints::methods(path, self.surface()), Place::methods)
    }

    fn changes(&self, request: &Request<'_>) -> bool {
        match self.place(request.path) {
            Some(place) => matches!(place, Place::Ticket),
            None => endpoints::changes(request, self.surface()),
        }
    }

    fn varies(&self, path: &[u8]) -> bool {
        match self.place(path) {
            Some(place) => matches!(place, Place::Metrics | Place::Live | Place::Ready),
            None => path.starts_with(b"/gauges/"),
        }
    }

    fn admit(&self, request: &Request<'_>, authorization: Option<&[u8]>) -> Result<(), Refusal> {
        let Some(rights) = &self.rights else { return Ok(()) };
        let need = match self.place(request.path) {
            Some(place) => place.need(),
            None => endpoints::needs(request, self.surface()),
        };
        Ok(rights.admit(need, request, authorization, || self.changes(request))?)
    }
}

impl Door {
    /// Items are no longer than `longest_item`, and come with a body.
    pub(super) fn new(
        side: Arc<Side>,
        rights: Option<Arc<Rights>>,
        endpoints: endpoints::Settings,
        limits: Limits,
        longest_item: usize,
    ) -> Self {
        let longest_item = longest_item.min(limits.max_body);
        Self { side, rights, endpoints, limits, longest_item }
    }

    const fn surface(&self) -> Surface {
        self.endpoints.surface
    }

    /// What answers beside the endpoints, where there are all of these. A folder of one's own has its own page at `/`.
    fn place(&self, path: &[u8]) -> Option<Place> {
        let has_all = self.surface().has_topics() && self.surface().has_queues();
        let is_there = |place: &Place| match place {
            Place::Ticket => self.rights.is_some(),
            _ => !(path == b"/" && self.side.files.is_some()),
        };
        Place::at(path).filter(|place| has_all && is_there(place))
    }

    /// Parses a request whose body has arrived, whichever way it is answered. What a change of a queue names beside it needs
    /// a right too: a queue shows what its topic has, and dead letters are put where they go.
    fn parse<'r>(
        &self,
        request: &Request<'r>,
        context: &Context<'_>,
        room: &mut Room<'_>,
    ) -> Result<Parsed<'r>, Refusal> {
        let parsed = parse(request, &self.within(context), room).map_err(|no_room| self.no_room(no_room))?;
        if let Parsed::Asking(Asking { command: Command::SetQueue { change, .. }, .. }) = &parsed {
            let topic = change.topic.flatten().map(|topic| (Right::Subscribe, topic));
            let letters = change.dead_letter.flatten().map(|queue| (Right::Put, queue));
            let named = topic.into_iter().chain(letters);
            self.may_name(request, context, named)?;
        }
        Ok(parsed)
    }

    /// Whether a request that was let in may name all this beside what it is about.
    fn may_name(
        &self,
        request: &Request<'_>,
        context: &Context<'_>,
        mut named: impl Iterator<Item = (Right, Name)>,
    ) -> Result<(), Refusal> {
        let Some(rights) = &self.rights else { return Ok(()) };
        named.try_for_each(|(right, name)| {
            let need = Need::Right(right, About::Name(name));
            rights.may_name(need, request, context.authorization).map_err(Into::into)
        })
    }

    fn no_room(&self, _: NoRoom) -> Refusal {
        Refusal::no_budget_for(&self.limits, "this answer is too long for now")
    }

    fn refuse_traced(&self, why: NoPlace) -> Refusal {
        let most = self.limits.max_body;
        match why {
            NoPlace::TooLong => {
                let line = format!("with a traceparent each the messages are over the limit max-body-bytes {most}");
                Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, line).at_limit("max-body-bytes", most as u64)
            }
            NoPlace::Busy => {
                Refusal::no_budget_for(&self.limits, "there is no room to add a traceparent to each message")
            }
        }
    }

    /// Takes note of what somebody with a quota has sent.
    fn charge(&self, request: &Request<'_>, context: &Context<'_>, outcome: &Outcome) {
        let Some(rights) = &self.rights else { return };
        let messages = match outcome {
            Outcome::Published(published) => published.messages,
            Outcome::Put { items, .. } => *items,
            _ => return,
        };
        let bytes = request.body.len().max(request.query.raw().len());
        rights.charge(context.authorization, messages, bytes as u64);
    }

    /// What lets a stream go on, if it needs anything.
    fn still_may(&self, request: &Request<'_>, context: &Context<'_>) -> Option<StillMay> {
        let rights = self.rights.as_ref()?;
        let pass = rights.pass(endpoints::needs(request, self.surface()), request, context.authorization);
        Some(Box::new(move || pass.as_ref().is_some_and(Pass::is_good)))
    }

    /// Answers at once, if nobody else has to be asked.
    fn operate(&self, place: Place, request: &Request<'_>, context: &Context<'_>) -> Option<Answer> {
        let json = match request.query.get("format") {
            Some(format) => format == *"json",
            None => Health::is_json_wanted(request.accept),
        };
        let (response, body) = match place {
            Place::Live => Health::default().answer(json),
            Place::Ready => self.side.health().answer(json),
            Place::Overview => (Response::JSON, self.side.overview().json().into_bytes()),
            Place::Description => return Some(Answer::Response(openapi())),
            Place::File(file) => return Some(Answer::Response(file.response())),
            Place::Ticket => return self.rights.as_ref().map(|rights| rights.answer(request, context)),
            Place::Metrics => return None,
        };
        Some(whole(&response, context.tell(body)))
    }

    /// What endpoints have to know, and answers no longer than this client may have.
    fn within(&self, context: &Context<'_>) -> Cow<'_, endpoints::Settings> {
        let room = context.room.saturating_sub(room::SEPARATOR);
        if self.endpoints.max_answer <= room {
            return Cow::Borrowed(&self.endpoints);
        }
        Cow::Owned(endpoints::Settings { max_answer: room, ..self.endpoints.clone() })
    }

    /// Executes a command; for an item that is not there yet again and again, whenever there may be one, until the time
    /// is over. Of a queue that was removed meanwhile none is asked for before it is there again: waiting makes no queue.
    async fn execute(&self, request: &Request<'_>, context: &Context<'_>, asking: &Asking<'_>) -> Answer {
        let engine = &self.side.engine;
        let mut waiting = None;
        loop {
            // While it waited, the queue may have moved, and its right may be over.
            if let Some(thread) = self.elsewhere(request) {
                return Answer::Elsewhere(thread);
            }
            if waiting.is_some()
                && let Err(refusal) = self.admit(request, context.authorization)
            {
                return refusal.answer(request);
            }
            let mut room = Room::new(context);
            let mut rendering = asking.rendering(&mut room);
            let mut telling = Telling::new(&mut rendering, context.room);
            let outcome = match waiting {
                None => engine.execute(&asking.command, &mut telling).await,
                Some(_) => engine.execute_again(&asking.command, &mut telling).await,
            };
            self.charge(request, context, &outcome);
            if let Outcome::Refused(refusal) = &outcome {
                // What was told before that may not be told to the client.
                return refused(request, refusal);
            }
            match (rendering.finish(&outcome), &waiting) {
                (Ok(Reply::Wait(queue, wait)), None) => {
                    waiting = Some((engine.wait_for_items(queue), Instant::now() + wait));
                }
                (Ok(Reply::Wait(..)), Some((place, until))) => {
                    // Others have it meanwhile.
                    drop(room);
                    let mut stop = self.side.stop.subscribe();
                    loop {
                        tokio::select! {
                            () = place.rung() => {}
                            refusal = self.no_longer(request, context) => return refusal.answer(request),
                            () = sleep_until(*until) => return whole(&nothing(), Vec::new()),
                            _ = stop.wait_for(|stop| *stop) => return whole(&nothing(), Vec::new()),
                        }
                        if place.is_there() || self.elsewhere(request).is_some() {
                            break;
                        }
                    }
                }
                (reply, _) => return self.answer(request, context, reply, room),
            }
        }
    }

    /// Ends when a request that was let in would not be any more, which is asked as often as of streams.
    async fn no_longer(&self, request: &Request<'_>, context: &Context<'_>) -> Refusal {
        if self.rights.is_none() {
            return pending().await;
        }
        loop {
            sleep(Duration::from_secs(1)).await;
            if let Err(refusal) = self.admit(request, context.authorization) {
                return refusal;
            }
        }
    }

    fn answer(
        &self,
        request: &Request<'_>,
        context: &Context<'_>,
        reply: Result<Reply, NoRoom>,
        room: Room<'_>,
    ) -> Answer {
        let Side { engine, hub, .. } = &*self.side;
        let answer = room.into_buffer();
        match reply {
            Ok(Reply::Response(response)) => whole(&response, answer),
            Ok(Reply::Subscribe(subscription)) => {
                let still = self.still_may(request, context);
                hub.subscribe(request, context, &subscription, still, context.allowed_origin())
            }
            Ok(Reply::Clients(topic, json)) => {
                let response = if json { Response::JSON } else { Response::text(Status::Ok) };
                match hub.list_clients(&topic, json) {
                    Ok(list) => whole(&response, list),
                    Err(refusal) => refused(request, &refusal),
                }
            }
            Ok(Reply::Dump(dump)) => dump_pieces(engine.clone(), dump, self.longest_item),
            Ok(Reply::Exit) => self.exit(request, context),
            Ok(_) => whole(&Response::text(Status::NotFound), answer),
            Err(no_room) => self.no_room(no_room).answer(request),
        }
    }

    /// Only from this machine, and not for a page that its user looks at.
    fn exit(&self, request: &Request<'_>, context: &Context<'_>) -> Answer {
        let is_here = context.peer.ip().to_canonical().is_loopback();
        if !is_here || context.is_other_page() || !context.is_own_name() {
            let line = if is_here { "/exit is not for pages" } else { "/exit is only for loopback" };
            return Refusal::new(StatusCode::FORBIDDEN, line).answer(request);
        }
        self.side.stop.send_replace(true);
        whole(&Response::text(Status::Ok), Vec::new())
    }
}

/// Whether no endpoint has the path: what is not found because there is no such name is another problem.
fn is_nowhere(reply: &Reply) -> bool {
    matches!(reply, Reply::Response(response) if response.problem == Some(NOWHERE))
}

/// All that is queued, copied a piece at a time as the client takes it.
fn dump_pieces(engine: Shards, dump: Dump, longest_item: usize) -> Answer {
    let walk = Arc::new(Mutex::new((dump, true)));
    let next = move || -> NextPiece {
        let (engine, walk) = (engine.clone(), Arc::clone(&walk));
        Box::pin(async move {
            let (dump, more) = &mut *walk.lock().await;
            let mut piece = Vec::new();
            if *more {
                piece.reserve_exact(PIECE);
                let dumped = engine.dump(dump, &mut piece, PIECE).await;
                *more = dumped.map_err(|refusal| io::Error::other(refusal.to_string()))?;
            }
            Ok((!piece.is_empty()).then(|| piece.into()))
        })
    };
    // The newline of the longest item is among what each connection has.
    let body = Body::Pieces { longest: PIECE.max(longest_item), next: Box::new(next) };
    Answer::Response(into_http(&Response::text(Status::Ok), body))
}
