//! From the requests that have come whole to their answers, without waiting.

use std::time::Instant;

use http::{HeaderValue, Response, StatusCode, header};
use streamgauge_core::endpoints::{Method, Request};
use streamgauge_core::wire::http::{Body as Incoming, FIELD_ROOM, HttpError};

use super::{Connection, Sending, Shared, Step};
use crate::engine::Mark;
use crate::server::access::{self, Told, said};
use crate::server::answer::{Asked, Ending};
use crate::server::answered;
use crate::server::budget::{Client, Share};
use crate::server::input::Input;
use crate::server::refusal::{MAX_FIELDS, Refusal};
use crate::server::refused::{self, Asker};
use crate::server::request::{Head, HeadError};
use crate::server::socket::{Socket, Standing};
use crate::server::{AllTaken, Answer, Body, Context, Handler, SMALL, spare};

/// Fields for which there is room at once; few requests have more.
const FEW_FIELDS: usize = 24;

impl<H: Handler> Connection<H> {
    /// Answers what is whole in `input`, as far as nothing has to wait and `out` has room; nobody is told before it is
    /// [safe](Self::once_safe) up to `mark`.
    pub(super) fn turn(&self, input: &mut Input, out: &mut Vec<u8>, mark: &mut Mark, standing: &Standing<'_>) -> Step {
        let limits = &self.shared.limits;
        while !input.is_empty() {
            if out.len() >= spare::OUTPUT {
                return Step::Flush;
            }
            let bytes = input.unread();
            let mut fields = [FIELD_ROOM; FEW_FIELDS];
            let mut many;
            let mut read = Head::read(bytes, &mut fields, limits);
            if let Err(HeadError::Http(HttpError::TooManyFields)) = read {
                many = [FIELD_ROOM; MAX_FIELDS];
                read = Head::read(bytes, &mut many, limits);
            }
            let head = match &read {
                Ok(None) => return Step::Read,
                Ok(Some(head)) => head,
                Err(HeadError::Http(error)) => return self.unread(out, &Refusal::of(*error, limits)),
                Err(HeadError::Refused(refusal)) => return self.unread(out, refusal),
            };
            if let Some(step) = self.answer_without_handler(head, out, standing.stopping) {
                let len = head.len;
                if let Step::Read = step {
                    input.consume(len);
                    continue;
                }
                return step;
            }
            if let Some(thread) = self.handler().elsewhere(&head.request) {
                return Step::Move(thread);
            }
            let body = match head.http.body {
                Incoming::None => &[],
                Incoming::Length(n) if n > limits.max_body as u64 => {
                    return self.refuse_head(head, &Refusal::body_too_large(limits), None, out);
                }
                Incoming::Length(n) => {
                    let rest = bytes.get(head.len..).unwrap_or_default();
                    match usize::try_from(n).ok().and_then(|n| rest.get(..n)) {
                        Some(body) => body,
                        None => return collect(head),
                    }
                }
                Incoming::Chunked | Incoming::UntilClose => return collect(head),
            };
            let (head_len, len) = (head.len, head.len.saturating_add(body.len()));
            match self.answer_now(head, body, out, mark, standing) {
                Some(Step::Read) => input.consume(len),
                Some(step) => {
                    input.consume(len);
                    return step;
                }
                None => return Step::Wait { head: head_len, len },
            }
        }
        Step::Read
    }

    /// What is refused, or answered here: another method, a foreign page, the question what a page may do.
    fn answer_without_handler(&self, head: &Head<'_, '_>, out: &mut Vec<u8>, stopping: bool) -> Option<Step> {
        let (handler, pages) = (self.handler(), &self.shared.pages);
        let methods = handler.methods(head.request.path);
        let is_preflight = head.http.method == "OPTIONS" && pages.allows_any();
        let method = head.method.filter(|method| methods.contains(method));
        let refusal = if method.is_none() && !is_preflight {
            Refusal::method(head.http.method, &names(methods))
        } else {
            let changes = || !is_preflight && head.request.method != Method::Head && handler.changes(&head.request);
            match head.refuse_foreign(pages, self.local, changes) {
                Err(refusal) => refusal,
                Ok(()) if is_preflight => {
                    // What follows can't be found behind a body that nobody reads.
                    let asked = self.asked(head, stopping || head.http.body != Incoming::None);
                    asked.write_head(out, &preflight(methods));
                    let status = StatusCode::NO_CONTENT.as_u16();
                    answered::count(status);
                    self.log(head, &Told { status, bytes: Some(0), ..Told::default() });
                    return Some(if asked.keep_alive { Step::Read } else { Step::Last });
                }
                Ok(()) => match handler.admit(&head.request, head.authorization) {
                    Ok(()) => return None,
                    Err(refusal) => refusal,
                },
            }
        };
        Some(self.refuse_head(head, &refusal, None, out))
    }

    /// Refuses a request whose head has been read, and whose answer was begun then, if the handler was asked for one.
    fn refuse_head(&self, head: &Head<'_, '_>, refusal: &Refusal, begun: Option<Instant>, out: &mut Vec<u8>) -> Step {
        let (status, reason) = (refusal.status.as_u16(), Some(refusal.problem));
        self.log(head, &Told { status, reason, begun, ..Told::default() });
        let json = head.request.accepts_json();
        out.extend(refusal.to_bytes(&self.asker(head), &self.asked(head, true), json));
        Step::Last
    }

    /// The same, from the bytes of the head.
    pub(super) fn refuse_read(&self, head: &[u8], refusal: &Refusal, out: &mut Vec<u8>) {
        let mut fields = [FIELD_ROOM; MAX_FIELDS];
        if let Ok(Some(head)) = Head::read(head, &mut fields, &self.shared.limits) {
            self.refuse_head(&head, refusal, None, out);
        }
    }

    /// Answers a request that has come whole; `None` when the handler has to wait.
    fn answer_now(
        &self,
        head: &Head<'_, '_>,
        body: &[u8],
        out: &mut Vec<u8>,
        mark: &mut Mark,
        standing: &Standing<'_>,
    ) -> Option<Step> {
        let begun = self.begun();
        let request = Request { body, ..head.request };
        if self.handler().takes(&request) && standing.is_gone() {
            return Some(Step::Left);
        }
        let (answer, behind) = self.handler().call_now(&request, &self.context(head))?;
        *mark = behind.max(*mark);
        Some(self.write_answer(head, answer, begun, out, standing.stopping))
    }

    /// What follows once what is in `out` may be told; if it never may be, that is all that is told.
    pub(super) async fn once_safe(&self, mark: Mark, out: &mut Vec<u8>, step: Step) -> Step {
        match self.handler().safe(mark).await {
            Ok(()) => step,
            Err(why) => {
                out.clear();
                self.unread(out, &Refusal::never_told(&why))
            }
        }
    }

    /// The same with all the time that the handler needs; unless it `has_tried` without.
    pub(super) async fn answer_slowly(
        &self,
        socket: &mut Socket,
        (head, body): (&[u8], &[u8]),
        has_tried: bool,
        out: &mut Vec<u8>,
    ) -> Step {
        let mut fields = [FIELD_ROOM; MAX_FIELDS];
        // It has been read before.
        let Ok(Some(head)) = Head::read(head, &mut fields, &self.shared.limits) else { return Step::Last };
        let begun = self.begun();
        let request = Request { body, ..head.request };
        // While its body came, what it is about may have moved.
        if let Some(thread) = self.handler().elsewhere(&request) {
            return Step::Move(thread);
        }
        if self.handler().takes(&request) && socket.standing().is_gone() {
            return Step::Left;
        }
        let context = self.context(&head);
        let at_once = if has_tried { None } else { self.handler().call_now(&request, &context) };
        let answer = match at_once {
            Some((answer, mark)) => {
                let step = self.write_answer(&head, answer, begun, out, socket.is_stopping());
                return self.once_safe(mark, out, step).await;
            }
            None if self.handler().may_be_left(&request) => tokio::select! {
                biased;
                answer = self.handler().call(request, &context) => answer,
                () = socket.left() => return Step::Left,
            },
            None => self.handler().call(request, &context).await,
        };
        self.write_answer(&head, answer, begun, out, socket.is_stopping())
    }

    fn context<'a>(&'a self, head: &Head<'a, 'a>) -> Context<'a> {
        let Shared { pages, budget, .. } = &*self.shared;
        let mut context = Context::new(self.peer, head.http.minor, head.http.fields);
        context.room = budget.room(Client::of(self.peer.ip()));
        (context.authorization, context.budget) = (head.authorization, Some(budget));
        (context.origin, context.pages, context.local) = (head.origin, Some(pages), self.local);
        context
    }

    fn asked(&self, head: &Head<'_, '_>, stopping: bool) -> Asked {
        Asked {
            minor: head.http.minor,
            head_only: head.http.method == "HEAD",
            keep_alive: head.http.keep_alive && !stopping,
            varies: self.handler().varies(head.request.path),
            origin: head.origin.origin.and_then(|origin| self.shared.pages.allowed(origin)).cloned(),
        }
    }

    /// Writes an answer, or as much of it as is to be in `out`. [`Step::Read`] says that the next one may follow.
    fn write_answer(
        &self,
        head: &Head<'_, '_>,
        mut answer: Answer,
        begun: Option<Instant>,
        out: &mut Vec<u8>,
        stopping: bool,
    ) -> Step {
        let asked = self.asked(head, stopping);
        let next = |last| if last { Step::Last } else { Step::Read };
        let last = !asked.keep_alive;
        // What is refused for want of room is no answer of the handler's, for who counts them either.
        let Ok(share) = self.counted(&mut answer) else {
            return self.refuse_head(head, &Refusal::no_budget(&self.shared.limits), begun, out);
        };
        if let Some(told) = Told::of(&answer) {
            if !told.is_stream {
                answered::count(told.status);
            }
            if let Some(reason) = told.reason {
                refused::note(&self.asker(head), told.status, reason, said(&answer));
            }
            self.log(head, &Told { begun, ..told });
        }
        match answer {
            Answer::Whole(response, body) if body.len() <= spare::OUTPUT => {
                const { assert!(spare::OUTPUT <= SMALL, "what is sent at once is never counted") };
                asked.write_core_head(out, &response, body.len());
                if !asked.head_only {
                    out.extend_from_slice(&body);
                }
                body.give();
                next(last)
            }
            Answer::Whole(response, body) => {
                asked.write_core_head(out, &response, body.len());
                if asked.head_only {
                    return next(last);
                }
                Step::Send { body: Sending::Whole(body.into_bytes().into(), share), last }
            }
            Answer::Response(mut response) => {
                let ending = asked.write_head(out, &response);
                let last = last || ending == Ending::Close;
                match std::mem::replace(response.body_mut(), Body::EMPTY) {
                    _ if asked.head_only => next(last),
                    Body::Whole(body) if body.len() <= spare::OUTPUT => {
                        out.extend_from_slice(&body);
                        next(last)
                    }
                    Body::Whole(body) => Step::Send { body: Sending::Whole(body, share), last },
                    Body::Pieces { next, .. } => Step::Send { body: Sending::Pieces(next, ending, share), last },
                }
            }
            Answer::TakeOver(_, how) => Step::TakeOver(how),
            Answer::Elsewhere(thread) => Step::Move(thread),
        }
    }

    /// What an answer counts for until it is sent, if it is longer than what each connection has anyway.
    ///
    /// # Errors
    /// [`AllTaken`].
    fn counted(&self, answer: &mut Answer) -> Result<Option<Share>, AllTaken> {
        let bytes = match answer {
            Answer::Whole(_, body) => match body.take_share() {
                None if body.len() > SMALL => body.len(),
                counted => return Ok(counted),
            },
            Answer::Response(response) => match response.body() {
                Body::Whole(body) if body.len() <= SMALL => return Ok(None),
                Body::Whole(body) => body.len(),
                Body::Pieces { longest, .. } => *longest,
            },
            Answer::TakeOver(..) | Answer::Elsewhere(_) => return Ok(None),
        };
        let mut share = self.shared.budget.share(Client::of(self.peer.ip()));
        if share.extend(bytes) { Ok(Some(share)) } else { Err(AllTaken) }
    }

    fn asker<'a>(&self, head: &Head<'a, 'a>) -> Asker<'a> {
        Asker { peer: self.peer, method: head.http.method, path: head.request.path }
    }

    /// The time, if anybody will want to know how long it took.
    fn begun(&self) -> Option<Instant> {
        let limits = &self.shared.limits;
        (limits.log_requests.is_some() || limits.records()).then(Instant::now)
    }

    fn log(&self, head: &Head<'_, '_>, told: &Told) {
        if let Some(format) = self.shared.limits.log_requests {
            access::log(format, self.peer, head, told);
        }
        #[cfg(feature = "otlp")]
        if let Some(spans) = &self.shared.limits.spans {
            access::record(spans, self.peer, head, told);
        }
    }

    /// Refuses what could not be read as a request.
    fn unread(&self, out: &mut Vec<u8>, refusal: &Refusal) -> Step {
        out.extend(self.said_to_stranger(refusal));
        Step::Last
    }

    /// What is said to a client that has asked for nothing that could be read.
    pub(in crate::server) fn said_to_stranger(&self, refusal: &Refusal) -> Vec<u8> {
        if let Some(format) = self.shared.limits.log_requests {
            let (status, reason) = (refusal.status.as_u16(), Some(refusal.problem));
            access::log_unread(format, self.peer, &Told { status, reason, ..Told::default() });
        }
        refusal.to_stranger(self.peer)
    }
}

fn collect(head: &Head<'_, '_>) -> Step {
    Step::Collect { head: head.len, body: head.http.body, expects: head.http.expect_continue }
}

/// The names of methods, as `Allow` lists them.
fn names(methods: &[Method]) -> String {
    let names: Vec<_> = methods.iter().map(|method| method.name()).collect();
    names.join(", ")
}

fn preflight(methods: &[Method]) -> Response<Body> {
    let mut response = Response::new(Body::EMPTY);
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(&names(methods)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type, last-event-id, message-id, traceparent, tracestate"),
    );
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
