//! One way in on one thread: a request is parsed, executed and rendered.

use std::borrow::Cow;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use streamgauge_core::endpoints::{
    self, About, Asking, GaugeRequest, Method, NOWHERE, Need, Parsed, Reply, Request, Response, Right, Status,
    Subscription, Surface, nothing, parse,
};
use streamgauge_core::engine::{Command, Dump, Outcome};
use streamgauge_core::gauge::Definition;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::Side;
use super::room::{self, NoRoom, Room};
use super::telling::Telling;
use super::traced::{self, NoPlace};
use crate::engine::{Engine, Mark, Waiting as _};
use crate::gauges::Answered;
use crate::operations::metrics::Form;
use crate::operations::rights::Pass;
use crate::operations::{Health, Place, openapi};
use crate::server::{
    Answer, Body, Context, Denial, Handler, Limits, NextPiece, PIECE, denied, into_http, refuse, refused, whole,
};
use crate::topics::StillMay;

/// One way to a gateway: a port, on one thread.
pub(crate) struct Door {
    side: Arc<Side>,
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
        let (settings, mut room) = (self.within(context), Room::new(context));
        let parsed = parse(request, &settings, &mut room);
        let mut mark = Mark::NONE;
        if let Err(denial) = self.may_name(request, context, &parsed) {
            return Some((denied(request, denial), Mark::NONE));
        }
        let reply = match &parsed {
            Ok(Parsed::Asking(asking)) if asking.waits() || traced::wanted(request, context).is_some() => return None,
            Ok(Parsed::Asking(asking)) => {
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
            Ok(Parsed::Reply(Reply::Gauge(_))) => return None,
            Ok(Parsed::Reply(Reply::Subscribe(Subscription { topic, from, .. })))
                if !self.side.engine.has_at_hand(topic, *from) =>
            {
                return None;
            }
            // Looking for a file takes time.
            Ok(Parsed::Reply(reply)) if self.side.files.is_some() && is_nowhere(reply) => return None,
            Ok(Parsed::Reply(reply)) => Ok(reply.clone()),
            Err(no_room) => Err(*no_room),
        };
        Some((self.answer(request, context, reply, room), mark))
    }

    async fn safe(&self, mark: Mark) -> Result<(), String> {
        self.side.engine.safe(mark).await.map_err(|refusal| refusal.to_string())
    }

    async fn call(self: &Arc<Self>, request: Request<'_>, context: &Context<'_>) -> Answer {
        if let Some(Place::Metrics) = self.place(request.path) {
            return self.side.metrics(Form::accepted(&request)).await;
        }
        let (settings, mut room) = (self.within(context), Room::new(context));
        match parse(&request, &settings, &mut room) {
            Ok(Parsed::Asking(mut asking)) => {
                let carried = match traced::carry(&asking.command, &request, context, self.limits.max_body) {
                    Ok(carried) => carried,
                    Err(why) => return self.refuse_traced(&request, why),
                };
                if let Some(messages) = &carried {
                    asking.command = messages.with(asking.command);
                }
                self.execute(&request, context, &asking).await
            }
            Ok(Parsed::Reply(Reply::Gauge(asked))) => match self.side.gauges.answer(&request, &asked).await {
                Answered::Answer(answer) => answer,
                Answered::Elsewhere(thread) => Answer::Elsewhere(thread),
            },
            Ok(Parsed::Reply(Reply::Subscribe(subscription))) => {
                match self.side.engine.prepare(&subscription.topic, subscription.from).await {
                    Ok(()) => self.answer(&request, context, Ok(Reply::Subscribe(subscription)), room),
                    Err(refusal) => refused(&request, &refusal),
                }
            }
            Ok(Parsed::Reply(reply)) => {
                if let Some(files) = self.side.files.as_ref().filter(|_| is_nowhere(&reply))
                    && let Some(file) = files.answer(&request, context).await
                {
                    return file;
                }
                self.answer(&request, context, Ok(reply), room)
            }
            Err(no_room) => self.answer(&request, context, Err(no_room), room),
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

    fn admit(&self, request: &Request<'_>, authorization: Option<&[u8]>) -> Result<(), Denial> {
        let Some(rights) = &self.side.rights else { return Ok(()) };
        let need = match self.place(request.path) {
            Some(place) => place.need(),
            None => endpoints::needs(request, self.surface()),
        };
        Ok(rights.admit(need, request, authorization, || self.changes(request))?)
    }
}

impl Door {
    /// Items are no longer than `longest_item`, and come with a body.
    pub(super) fn new(side: Arc<Side>, endpoints: endpoints::Settings, limits: Limits, longest_item: usize) -> Self {
        let longest_item = longest_item.min(limits.max_body);
        Self { side, endpoints, limits, longest_item }
    }

    const fn surface(&self) -> Surface {
        self.endpoints.surface
    }

    /// What answers beside the endpoints, where there are all of these. A folder of one's own has its own page at `/`.
    fn place(&self, path: &[u8]) -> Option<Place> {
        let has_all = self.surface().has_topics() && self.surface().has_queues();
        let is_there = |place: &Place| match place {
            Place::Ticket => self.side.rights.is_some(),
            _ => !(path == b"/" && self.side.files.is_some()),
        };
        Place::at(path).filter(|place| has_all && is_there(place))
    }

    /// What a change of settings names beside what it changes: a queue shows what its topic has, a gauge too; dead letters
    /// are put where they go, and what the rules of a gauge say is published.
    fn may_name(
        &self,
        request: &Request<'_>,
        context: &Context<'_>,
        parsed: &Result<Parsed<'_>, NoRoom>,
    ) -> Result<(), Denial> {
        let Some(rights) = &self.side.rights else { return Ok(()) };
        let sees = |topic| (Right::Subscribe, topic);
        let named: Vec<(Right, _)> = match parsed {
            Ok(Parsed::Asking(asking)) => match &asking.command {
                Command::SetQueue { change, .. } => {
                    let letters = change.dead_letter.flatten().map(|queue| (Right::Put, queue));
                    change.topic.flatten().map(sees).into_iter().chain(letters).collect()
                }
                _ => return Ok(()),
            },
            Ok(Parsed::Reply(Reply::Gauge(GaugeRequest::Set(_)))) => match Definition::from_json(request.body) {
                Ok(definition) => {
                    let told = definition.rules.iter().filter_map(|rule| Some((Right::Publish, rule.to?)));
                    told.chain([sees(definition.topic)]).collect()
                }
                Err(_) => return Ok(()),
            },
            _ => return Ok(()),
        };
        named.into_iter().try_for_each(|(right, name)| {
            let need = Need::Right(right, About::Name(name));
            rights.may_name(need, request, context.authorization).map_err(Into::into)
        })
    }

    fn refuse_traced(&self, request: &Request<'_>, why: NoPlace) -> Answer {
        let most = self.limits.max_body;
        match why {
            NoPlace::TooLong => {
                let line = format!("with a traceparent each the messages are over the limit max-body-bytes {most}");
                let (status, limit) = (StatusCode::PAYLOAD_TOO_LARGE, Some(("max-body-bytes", most as u64)));
                Answer::Response(refuse(request, status, "body-too-large", &line, limit))
            }
            NoPlace::Busy => self.busy(request, "there is no room to add a traceparent to each message"),
        }
    }

    /// What may be buffered is, and `what` has to wait.
    fn busy(&self, request: &Request<'_>, what: &str) -> Answer {
        let most = self.limits.max_buffered;
        let line = format!("the limit max-buffered-bytes {most} is reached: {what}");
        let limit = Some(("max-buffered-bytes", most as u64));
        let mut response = refuse(request, StatusCode::SERVICE_UNAVAILABLE, "busy", &line, limit);
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        Answer::Response(response)
    }

    /// Takes note of what somebody with a quota has sent.
    fn charge(&self, request: &Request<'_>, context: &Context<'_>, outcome: &Outcome) {
        let Some(rights) = &self.side.rights else { return };
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
        let rights = self.side.rights.as_ref()?;
        let pass = rights.pass(endpoints::needs(request, self.surface()), request, context.authorization);
        Some(Box::new(move || pass.as_ref().is_some_and(Pass::is_good)))
    }

    /// Answers at once, if nobody else has to be asked.
    fn operate(&self, place: Place, request: &Request<'_>, context: &Context<'_>) -> Option<Answer> {
        let json = request.accepts_json() || request.query.get("format").is_some_and(|format| format == *"json");
        let (response, body) = match place {
            Place::Live => Health::default().answer(json),
            Place::Ready => self.side.health().answer(json),
            Place::Overview => (Response::JSON, self.side.overview().json().into_bytes()),
            Place::Description => return Some(Answer::Response(openapi())),
            Place::File(file) => return Some(Answer::Response(file.response())),
            Place::Ticket => return self.side.rights.as_ref().map(|rights| rights.answer(request, context)),
            Place::Metrics => return None,
        };
        Some(whole(&response, body))
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
                && let Err(denial) = self.admit(request, context.authorization)
            {
                return denied(request, denial);
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
                            denial = self.no_longer(request, context) => return denied(request, denial),
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
    async fn no_longer(&self, request: &Request<'_>, context: &Context<'_>) -> Denial {
        if self.side.rights.is_none() {
            return pending().await;
        }
        loop {
            sleep(Duration::from_secs(1)).await;
            if let Err(denial) = self.admit(request, context.authorization) {
                return denial;
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
            Err(NoRoom) => self.busy(request, "this answer is too long for now"),
        }
    }

    /// Only from this machine, and not for a page that its user looks at.
    fn exit(&self, request: &Request<'_>, context: &Context<'_>) -> Answer {
        let is_here = context.peer.ip().to_canonical().is_loopback();
        if !is_here || context.is_other_page() || !context.is_own_name() {
            let line = if is_here { "/exit is not for pages" } else { "/exit is only for loopback" };
            return Answer::Response(refuse(request, StatusCode::FORBIDDEN, "forbidden", line, None));
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
fn dump_pieces(engine: impl Engine + Clone, dump: Dump, longest_item: usize) -> Answer {
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

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use streamgauge_core::engine::{Data, Lease, Name, Part, Pieces};
    use tokio::sync::watch;

    use super::*;
    use crate::engine::disk::{self, SyncMode};
    use crate::gateway::{Gateway, Settings};
    use crate::server::Budget;

    /// A gateway whose disk writes nothing before it is started.
    fn kept(folder: &tempfile::TempDir) -> Arc<Gateway> {
        let (folder, sync) = (folder.path().to_owned(), SyncMode::Always);
        let disk = disk::Settings { folder, sync, most: 1 << 30, longest: 1 << 20 };
        let settings = Settings { disk: Some(disk), ..Settings::new(Surface::Everything) };
        Gateway::new(settings, watch::Sender::new(false)).unwrap()
    }

    #[tokio::test]
    async fn who_waits_for_items_of_a_queue_that_is_gone_does_not_make_it_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let gateway = kept(&folder);
        let engine = &gateway.sides[0].engine;
        engine.own().keeper().unwrap().journal().start().unwrap();
        let queue = Name::new(b"gone").unwrap();
        let get = Command::Get { queue, items: 1, lease: Lease::None };
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        assert_eq!(engine.execute_again(&get, sink).await, Outcome::Told(0));
        assert!(!engine.own().has_queue(&queue));
        assert_eq!(engine.execute(&get, sink).await, Outcome::Told(0));
        assert!(engine.own().has_queue(&queue), "who asks first makes it");
    }

    #[tokio::test]
    async fn what_waits_for_the_disk_counts_and_more_stays_queued() {
        let folder = tempfile::TempDir::new().unwrap();
        let gateway = kept(&folder);
        let shard = gateway.sides[0].engine.own();
        let item = vec![b'x'; 40_000];
        let items = Pieces::whole(Data::Plain(&item));
        let put = Command::Put { queue: Name::MAIN, items, delay: Duration::ZERO, id: None };
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        for _ in 0..4 {
            assert!(matches!(gateway.sides[0].engine.execute_now(&put, sink), Some(Outcome::Put { items: 1, .. })));
        }
        let limits = Limits { max_body: 100_000, max_buffered: 200_000, ..Limits::default() };
        let budget = Arc::new(Budget::new(&limits));
        let asks = || Context::new(([192, 0, 2, 1], 1).into(), 1, &[]).within(&budget);
        let door = gateway.door(Surface::Everything, limits);
        let (first, second) = (asks(), asks());
        let get = || Request::new(b"/mget?items=9&wait=1");
        let mut waiting = std::pin::pin!(door.call(get(), &first));
        assert!(waiting.as_mut().now_or_never().is_none());
        let left = first.left();
        assert!(left < 20_000, "{left} are left");
        // One that came at the same time has the same room, and all of it is taken.
        let mut refused = std::pin::pin!(door.call(get(), &second));
        assert!(refused.as_mut().now_or_never().is_none());
        assert_eq!(shard.with(|memory| memory.ready(&Name::MAIN)), 2);
        shard.keeper().unwrap().journal().close();
        let Answer::Response(refused) = refused.await else { panic!("an answer") };
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let Answer::Whole(_, body) = waiting.await else { panic!("no answer") };
        assert_eq!((body.len(), first.left()), (80_002, left), "until it is sent");
        drop(body);
        assert_eq!(first.left(), 100_000);
    }

    #[tokio::test]
    async fn what_is_never_safe_is_not_in_what_is_said_instead() {
        let folder = tempfile::TempDir::new().unwrap();
        let gateway = kept(&folder);
        let engine = &gateway.sides[0].engine;
        // Nothing is written yet.
        let items = Pieces::whole(Data::Plain(b"an item"));
        let put = Command::Put { queue: Name::MAIN, items, delay: Duration::ZERO, id: None };
        let sink = &mut |_: Part<'_>| ControlFlow::Continue(());
        assert!(matches!(engine.execute_now(&put, sink), Some(Outcome::Put { items: 1, .. })));
        let door = gateway.door(Surface::Everything, Limits::default());
        let context = Context::new(([127, 0, 0, 1], 1).into(), 1, &[]);
        let mut answer = std::pin::pin!(door.call(Request::new(b"/get?wait=1"), &context));
        assert!(answer.as_mut().now_or_never().is_none());
        engine.own().keeper().unwrap().journal().fail("a test");
        let Answer::Whole(response, body) = answer.await else { panic!("no answer") };
        assert_eq!(response.status, Status::ServiceUnavailable);
        assert_eq!(String::from_utf8_lossy(&body).lines().count(), 1, "{}", String::from_utf8_lossy(&body));
        assert!(!body.starts_with(b"an item"));
    }

    #[test]
    fn a_piece_of_a_dump_has_no_more_than_it_counts_for() {
        let gateway = Gateway::new(Settings::new(Surface::Everything), watch::Sender::new(false)).unwrap();
        let queue = Name::MAIN;
        for len in [60_000, 60_000, 100_000, 5_000, 60_000] {
            let items = vec![b'x'; len];
            let items = Pieces::whole(Data::Plain(&items));
            let put = Command::Put { queue, items, delay: Duration::ZERO, id: None };
            assert!(matches!(gateway.execute(&put), Outcome::Put { items: 1, .. }));
        }
        let Outcome::Dump(dump) = gateway.execute(&Command::Dump { queue }) else { panic!("no dump") };
        let Answer::Response(response) = dump_pieces(gateway.sides[0].engine.clone(), dump, 100_000) else {
            panic!("no response")
        };
        let Body::Pieces { longest, mut next } = response.into_body() else { panic!("no pieces") };
        let pieces: Vec<_> = std::iter::from_fn(|| next().now_or_never()?.unwrap().map(|piece| piece.len())).collect();
        assert_eq!((longest, pieces), (100_000, vec![60_001, 60_001, 100_001, 65_002]));
    }
}
