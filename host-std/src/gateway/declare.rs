//! What is there without having been asked for: it is put as a client would put it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::StatusCode;
use streamgauge_core::endpoints::{Method, Request, Surface};
use tokio::sync::oneshot;

use super::Gateway;
use crate::server::{Answer, Body, Context, Handler as _, Limits};

/// Why something is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undeclared {
    /// Whether it may be there later.
    pub(crate) is_busy: bool,
    pub(crate) line: String,
}

impl Gateway {
    /// Puts `body` at `target`; the same again changes nothing.
    ///
    /// # Errors
    /// What a client would be told.
    pub(crate) async fn declare(self: &Arc<Self>, target: &str, body: &[u8]) -> Result<(), Undeclared> {
        let gone = || Undeclared { is_busy: true, line: "the server stops".to_owned() };
        let mut thread = 0;
        // What moves while it is looked for is found at another try, if it doesn't move all the time.
        for _ in 0..=self.sides.len() {
            match self.put_on(thread, target, body).await.ok_or_else(gone)? {
                Answer::Elsewhere(other) => thread = other,
                answer => return told(answer),
            }
        }
        Err(Undeclared { is_busy: true, line: "what this is about moves within the server".to_owned() })
    }

    /// What is answered on a thread, if it is still there.
    async fn put_on(self: &Arc<Self>, thread: usize, target: &str, body: &[u8]) -> Option<Answer> {
        // The server asks itself for no right.
        let door = self.door_on(self.sides.get(thread)?, None, Surface::Everything, Limits::default());
        let (target, body) = (target.to_owned(), body.to_owned());
        let (answer, answered) = oneshot::channel();
        self.threads.on(thread, move || {
            tokio::spawn(async move {
                let request = Request { method: Method::Put, body: &body, ..Request::new(target.as_bytes()) };
                let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let said = match door.elsewhere(&request) {
                    Some(other) => Answer::Elsewhere(other),
                    None => door.call(request, &Context::new(here, 1, &[])).await,
                };
                let _ = answer.send(said);
            });
        });
        answered.await.ok()
    }
}

fn told(answer: Answer) -> Result<(), Undeclared> {
    let (status, body) = match answer {
        Answer::Whole(response, body) => (response.status.code(), body.to_vec()),
        Answer::Response(response) => {
            let status = response.status().as_u16();
            let Body::Whole(body) = response.into_body() else { return Ok(()) };
            (status, body.to_vec())
        }
        _ => return Ok(()),
    };
    if status < 400 {
        return Ok(());
    }
    let line = String::from_utf8_lossy(&body).lines().next().unwrap_or_default().to_owned();
    Err(Undeclared { is_busy: status == StatusCode::SERVICE_UNAVAILABLE.as_u16(), line })
}
