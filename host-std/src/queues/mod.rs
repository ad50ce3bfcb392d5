//! simplequeue as a server: the core's service, and its overflow log.

mod overflow;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::StatusCode;
use http::request::Parts;
use parking_lot::Mutex;
use streamgauge_core::endpoints::simplequeue::{Dump, Reply, Settings as CoreSettings};
use streamgauge_core::endpoints::{Response, Simplequeue, Status};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::server::{Answer, Body, Handler, Limits, into_http, request, serve, whole};
use overflow::OverflowLog;

pub use streamgauge_core::endpoints::simplequeue::PATHS;

/// How large a simplequeue may grow, and what happens to what it can't keep.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Bytes that the waiting items may take, their length prefixes included.
    pub queue_bytes: usize,
    /// Limits and separators.
    pub core: CoreSettings,
    /// Where items are written that a limit pushes out, and what is left at the end.
    pub overflow_log: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { queue_bytes: 256 << 20, core: CoreSettings::default(), overflow_log: None }
    }
}

impl Settings {
    /// The most memory that the items can take, in bytes.
    pub const fn worst_case(&self) -> u64 {
        self.queue_bytes as u64
    }
}

/// A queue that is ready to be served.
pub struct Server {
    state: Mutex<State>,
    stop: watch::Sender<bool>,
}

struct State {
    service: Simplequeue<Box<[u8]>>,
    overflow: Option<OverflowLog>,
}

/// Bytes of a `/dump` that are copied at a time.
const DUMP_PIECE: usize = 64 << 10;

impl Server {
    /// An empty queue. `/exit` says true on `stop`.
    ///
    /// # Errors
    /// Those of opening the overflow log.
    pub fn new(settings: Settings, stop: watch::Sender<bool>) -> std::io::Result<Arc<Self>> {
        let storage = vec![0; settings.queue_bytes].into_boxed_slice();
        let overflow = settings.overflow_log.map(OverflowLog::open).transpose()?;
        let service = Simplequeue::new(storage, settings.core);
        Ok(Arc::new(Self { state: Mutex::new(State { service, overflow }), stop }))
    }

    /// Serves it on `listener` until `shutdown` says true; what is queued then goes to the overflow log.
    pub async fn run(self: Arc<Self>, listener: TcpListener, limits: Limits, shutdown: watch::Receiver<bool>) {
        serve(listener, Arc::clone(&self), limits, shutdown).await;
        let mut state = self.state.lock();
        let State { service, overflow } = &mut *state;
        match overflow {
            Some(log) => {
                while let Some(item) = service.queue_mut().get() {
                    log.write(item);
                }
                log.flush();
            }
            None if !service.queue().is_empty() => {
                let depth = service.queue().counters().depth;
                tracing::warn!(
                    depth,
                    "items were still queued when the queue stopped, and no --overflow-log keeps them"
                );
            }
            None => {}
        }
    }

    /// Opens the overflow log again, as after its file was renamed.
    pub fn reopen_overflow_log(&self) {
        if let Some(log) = &mut self.state.lock().overflow {
            log.reopen();
        }
    }

    fn exit(&self, peer: SocketAddr) -> Answer {
        if !peer.ip().to_canonical().is_loopback() {
            let mut response = into_http(&Response::text(Status::Ok), b"/exit is only for loopback\n".to_vec().into());
            *response.status_mut() = StatusCode::FORBIDDEN;
            return Answer::Response(response);
        }
        self.stop.send_replace(true);
        whole(&Response::text(Status::Ok), Vec::new())
    }
}

impl Handler for Server {
    async fn call(self: &Arc<Self>, head: &Parts, body: &[u8], peer: SocketAddr) -> Answer {
        let mut answer = Vec::new();
        let reply = {
            let mut state = self.state.lock();
            let State { service, overflow } = &mut *state;
            let Ok(reply) = match overflow {
                None => service.call(request(head, body), &mut answer, |_| ()),
                Some(log) => {
                    let reply = service.call(request(head, body), &mut answer, |item| log.write(item));
                    log.flush();
                    reply
                }
            };
            reply
        };
        match reply {
            Reply::Response(response) => whole(&response, answer),
            Reply::Dump(dump) => dump_pieces(Arc::clone(self), dump),
            Reply::Exit => self.exit(peer),
            _ => whole(&Response::text(Status::NotFound), answer),
        }
    }
}

/// All that is queued, copied a piece at a time as the client takes it.
fn dump_pieces(server: Arc<Server>, mut dump: Dump) -> Answer {
    let mut more = true;
    let pieces = move || {
        if !more {
            return None;
        }
        let mut piece = Vec::with_capacity(DUMP_PIECE);
        let Ok(is_more) = server.state.lock().service.dump(&mut dump, &mut piece, DUMP_PIECE);
        more = is_more;
        (!piece.is_empty()).then(|| piece.into())
    };
    Answer::Response(into_http(&Response::text(Status::Ok), Body::Pieces(Box::new(pieces))))
}
