//! Which service answers which path.

use super::answer::{Answer, AnswerFull};
use super::{Reply, Service};
use crate::endpoints::simplequeue::Dump;
use crate::endpoints::{Pubsub, Request, Response, Simplequeue, Status, pubsub, simplequeue};
use crate::topic::Place;

/// A queue and a pubsub behind one connection.
///
/// Each path goes to the one that has it. Both have `/stats`: it is the queue's; `/pubsub/stats` and
/// `/queue/stats` name one of them, as `/pubsub/…` and `/queue/…` do for every path.
///
/// ```
/// use streamgauge_core::topic::Place;
/// use streamgauge_core::connection::{Answer, Router, Service};
/// use streamgauge_core::endpoints::{Pubsub, Request, Simplequeue, simplequeue::Settings};
///
/// let queue = Simplequeue::new([0; 64], Settings::default());
/// let pubsub = Pubsub::new([0; 64], [Place::FREE; 2], 64, 0);
/// let mut router = Router { queue, pubsub };
/// let mut room = [0; 256];
/// let mut answer = Answer::new(&mut room);
/// router.call(Request::new(b"/pub").with_body(b"one\ntwo"), &mut answer).unwrap();
/// assert_eq!(answer.as_bytes(), b"Published 2 messages to 0 clients.\n");
/// ```
#[derive(Debug)]
pub struct Router<Q, P> {
    /// Answers `/put`, `/get`, `/mput`, `/mget`, `/dump`, `/stats`, and all below `/queue`.
    pub queue: Q,
    /// Answers `/pub`, `/clients`, and all below `/pubsub`.
    pub pubsub: P,
}

impl<Q: Service, P: Service> Service for Router<Q, P> {
    fn call(&mut self, mut request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        if let Some(path) = below(request.path, b"/queue") {
            request.path = path;
            return self.queue.call(request, answer);
        }
        if let Some(path) = below(request.path, b"/pubsub") {
            request.path = path;
            return self.pubsub.call(request, answer);
        }
        let knows = |patterns: &[&str]| patterns.iter().any(|pattern| crate::endpoints::matches(pattern, request.path));
        if !knows(&simplequeue::PATHS) && knows(&pubsub::PATHS) {
            return self.pubsub.call(request, answer);
        }
        self.queue.call(request, answer)
    }

    fn dump(&mut self, dump: &mut Dump, answer: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        self.queue.dump(dump, answer)
    }
}

/// What follows `name` in `path`, from the slash on.
fn below<'a>(path: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    path.strip_prefix(name).filter(|rest| rest.first() == Some(&b'/'))
}

/// Items that a limit pushes out are counted, and gone: there is no overflow log. An item that an answer can't hold
/// is refused when it is put. `/exit` is not answered.
impl<S: AsRef<[u8]> + AsMut<[u8]>> Service for Simplequeue<S> {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        self.limit_answer(answer.capacity());
        Ok(match Self::call(self, request, answer, |_| ())? {
            simplequeue::Reply::Response(response) => Reply::Response(response),
            simplequeue::Reply::Dump(dump) => Reply::Dump(dump),
            simplequeue::Reply::Exit => Reply::Response(Response::text(Status::NotFound)),
        })
    }

    fn dump(&mut self, dump: &mut Dump, answer: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        loop {
            let (at, len) = (*dump, answer.len());
            // With room for one byte, it is one item.
            match Self::dump(self, dump, answer, 1) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(full) => {
                    *dump = at;
                    answer.truncate(len);
                    return if len > 0 { Ok(true) } else { Err(full) };
                }
            }
        }
    }
}

/// `/sub` is answered with 501: this connection carries one answer after another, not a stream without an end.
impl<S: AsRef<[u8]> + AsMut<[u8]>, C: AsRef<[Place]> + AsMut<[Place]>> Service for Pubsub<S, C> {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        use embedded_io::Write as _;
        Ok(Reply::Response(match Self::call(self, request, answer)? {
            pubsub::Reply::Response(response) => response,
            pubsub::Reply::Subscribe(_) => {
                answer.write_all(b"subscriptions are not served on this connection\n")?;
                Response::text(Status::NotImplemented)
            }
            pubsub::Reply::Clients => {
                answer.write_all(b"no /sub connections\n")?;
                Response::text(Status::Ok)
            }
        }))
    }
}
