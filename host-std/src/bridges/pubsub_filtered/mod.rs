//! From a pubsub to a pubsub: fewer messages, and of them fewer fields.
//!
//! The source is read as `ps_to_http` reads it: one subscription, reconnected with back-off and resumed where the
//! source numbers its messages. What is passed on is served at `/sub`, as lines unless the client asks for another
//! framing; a publisher has no way in.

mod config;
mod filter;

pub use config::{BadOption, Options};
pub use filter::{Filter, Summary};

use core::convert::Infallible;
use std::sync::Arc;

use parking_lot::Mutex;
use streamgauge_core::endpoints::{Headers, Method, Request, Response, Status, Surface};
use streamgauge_core::engine::TopicStats;
use streamgauge_core::wire::Query;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::client::{Announce, Feed, Item, Limits as SourceLimits, News, Url};
use crate::gateway::{Door, Gateway, Settings};
use crate::server::{Answer, Context, Handler, Handlers, Limits, serve, whole};
use crate::terminal::StartError;

/// The paths that it answers, as the original prints them.
pub const PATHS: [&str; 3] = ["/sub*", "/stats*", "/clients"];

/// Passes on what `filter` lets through, from `source` to the subscribers on `listener`, until `shutdown` says true.
///
/// # Errors
/// What has no room.
pub async fn run(
    source: Url,
    filter: Filter,
    listener: TcpListener,
    settings: Settings,
    limits: Limits,
    mut shutdown: watch::Receiver<bool>,
) -> Result<Summary, StartError> {
    let max_message = usize::try_from(settings.engine.defaults.topic.max_message_bytes).unwrap_or(usize::MAX);
    let gateway = Gateway::new(settings, watch::Sender::new(false))?;
    let door = gateway.door(Surface::Pubsub, limits.clone());
    let filtered = Arc::new(Filtered { gateway: Arc::clone(&gateway), door, filter: Mutex::new(filter) });
    let served = serve(listener, Handlers::one(Arc::clone(&filtered)), limits, shutdown.clone());
    let serving = async {
        served.await;
        Ok(())
    };
    let serving = gateway.run_around(serving, shutdown.clone());
    let reading = async {
        let read = async {
            filtered.read(source, max_message).await;
            tracing::info!("the source is over: what it had is served on");
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = read => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    };
    tokio::join!(serving, reading).0?;
    Ok(filtered.filter.lock().summary())
}

struct Filtered {
    gateway: Arc<Gateway>,
    door: Arc<Door>,
    filter: Mutex<Filter>,
}

impl Filtered {
    async fn read(&self, source: Url, max_message: usize) {
        let limits = SourceLimits { message: max_message, ..SourceLimits::default() };
        let mut feed = Feed::new(vec![source], limits);
        let mut announce = Announce::new(true);
        let mut passed = Vec::new();
        let on = |news: News<'_>| {
            let mut filter = self.filter.lock();
            match news {
                News::Detecting(_) | News::Connecting(_) => announce.hear(&news),
                News::Connected(source) => tracing::info!(%source, "connected"),
                News::Lost(source, error, wait) => {
                    filter.summary_mut().reconnects += 1;
                    tracing::warn!(%source, %error, ?wait, "source lost");
                }
                News::Item(Item::Message { bytes, .. }) => {
                    if filter.pass(bytes, &mut passed) && !self.gateway.publish(&passed) {
                        let summary = filter.summary_mut();
                        (summary.passed, summary.too_long) = (summary.passed - 1, summary.too_long + 1);
                    }
                }
                News::Item(Item::Missed(messages)) => {
                    filter.summary_mut().missed += messages;
                    tracing::warn!(messages, "the source no longer has them");
                }
                News::Item(Item::NewLife) => tracing::warn!("the source has begun anew: messages may be missing"),
                News::Item(Item::TooLong { length }) => {
                    let summary = filter.summary_mut();
                    (summary.received, summary.too_long) = (summary.received + 1, summary.too_long + 1);
                    tracing::warn!(length, "a message is too long and was skipped");
                }
            }
            Ok(())
        };
        let Ok(()) = feed.run::<Infallible>(on).await;
    }

    fn stats(&self, query: &Query<'_>) -> Answer {
        let Summary { received, reconnects, .. } = self.filter.lock().summary();
        let stats = TopicStats { received, ..self.gateway.topic_stats() };
        let TopicStats { subscribers, subscriptions, sent, kicked, .. } = stats;
        let is_json = query.get("format").is_some_and(|format| format == *"json");
        let body = if is_json {
            format!(
                "{{\"current_connections\": {subscribers},\"total_connections\": {subscriptions},\
                 \"messages_received\": {received},\"messages_sent\": {sent},\
                 \"kicked_clients\": {kicked},\"number_reconnects\": {reconnects}}}\n"
            )
        } else {
            format!(
                "Active connections: {subscribers}\nTotal connections: {subscriptions}\n\
                 Messages received: {received}\nMessages sent: {sent}\n\
                 Kicked clients: {kicked}\nReconnects: {reconnects}\n"
            )
        };
        let mut response = Response { headers: Headers::Pubsub(stats), ..Response::text(Status::Ok) };
        if is_json {
            response.content_type = "application/json";
        }
        whole(&response, body.into_bytes())
    }
}

impl Handler for Filtered {
    async fn call(self: &Arc<Self>, request: Request<'_>, context: &Context<'_>) -> Answer {
        let query = request.query;
        if request.path.starts_with(b"/sub") {
            if query.get("filter_subject").is_some() || query.get("filter_pattern").is_some() {
                let line = "filter_subject and filter_pattern are not known here: start another pubsub_filtered\n";
                return whole(&Response::text(Status::BadRequest), line.as_bytes().to_vec());
            }
            let lines = with_lines(&query);
            self.door.call(Request { query: Query::new(&lines), body: &[], ..request }, context).await
        } else if request.path.starts_with(b"/stats") {
            self.stats(&query)
        } else if request.path == b"/clients" {
            self.door.call(Request { body: &[], ..request }, context).await
        } else {
            whole(&Response::text(Status::NotFound), Vec::new())
        }
    }

    fn changes(&self, request: &Request<'_>) -> bool {
        request.method != Method::Get || request.query.get("reset").is_some()
    }
}

/// The query with `multipart=0`, unless it says itself how messages are framed: the original knows only lines.
fn with_lines(query: &Query<'_>) -> Vec<u8> {
    let mut lines = query.raw().to_vec();
    if query.get("multipart").is_none() && query.get("format").is_none() {
        lines.extend_from_slice(b"&multipart=0");
    }
    lines
}
