//! The connection to the engine, and the two streams of a group.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, DiscardPolicy, LastRawMessageErrorKind, StorageType, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use async_nats::{Client, ConnectOptions, Event};

use super::condition::Condition;
use crate::engine::remote::{Credentials, Settings};
use crate::terminal::warn;

/// How long the engine is let take for an answer; then it is asked again.
const ANSWER: Duration = Duration::from_secs(2);

/// By when who sends something again is known again: longer than anything is sent again.
const TWICE: Duration = Duration::from_secs(120);

/// Bytes of the longest message that an engine has to take.
pub(crate) const LEAST_PAYLOAD: usize = 64 << 10;

/// Bytes of a message beside what is in it.
const HEADERS: usize = 1 << 10;

/// The streams of a group.
pub(super) struct Streams {
    pub(super) client: Client,
    pub(super) jetstream: Context,
    pub(super) log: Stream,
    pub(super) state: Stream,
    pub(super) group: String,
    /// The most bytes of the log, if there is a bound.
    pub(super) most: Option<u64>,
}

impl Streams {
    /// Connects, and makes the streams unless they are there.
    pub(super) async fn open(settings: &Settings, condition: &Arc<Condition>) -> Result<Self, String> {
        let client = connect(settings, Some(condition.told())).await?;
        let max_payload = client.max_payload();
        if max_payload < LEAST_PAYLOAD {
            return Err(format!("its max_payload is {max_payload} bytes, and at least {LEAST_PAYLOAD} are needed"));
        }
        let mut jetstream = async_nats::jetstream::new(client.clone());
        jetstream.set_timeout(ANSWER);
        let Settings { group, most, .. } = settings;
        let replicas = replicas(settings, &client);
        let bytes = most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX));
        let base = stream::Config {
            num_replicas: replicas,
            storage: StorageType::File,
            discard: DiscardPolicy::New,
            allow_direct: true,
            ..stream::Config::default()
        };
        let log = stream::Config {
            name: format!("{group}-log"),
            subjects: vec![format!("{group}.log")],
            description: Some("what the gateways of a streamgauge have done, in its order".to_owned()),
            duplicate_window: TWICE,
            max_bytes: bytes,
            ..base.clone()
        };
        let state = stream::Config {
            name: format!("{group}-state"),
            subjects: vec![format!("{group}.state.>")],
            description: Some("what that came to".to_owned()),
            max_messages_per_subject: 1,
            ..base
        };
        let made = |name: &str, error: &dyn Display| format!("the stream {name} can't be made: {error}");
        let (log_name, state_name) = (log.name.clone(), state.name.clone());
        let log = jetstream.get_or_create_stream(log).await.map_err(|error| made(&log_name, &error))?;
        let state = jetstream.get_or_create_stream(state).await.map_err(|error| made(&state_name, &error))?;
        let mut config = log.cached_info().config.clone();
        if most.is_some() && config.max_bytes != bytes {
            config.max_bytes = bytes;
            // It will do as it is.
            if let Err(error) = jetstream.update_stream(&config).await {
                warn(format_args!("engine: --engine-bytes: the stream {log_name} can't be changed: {error}"));
                config = log.cached_info().config.clone();
            }
        }
        let most = u64::try_from(config.max_bytes).ok().filter(|most| *most > 0);
        Ok(Self { client, jetstream, log, state, group: group.clone(), most })
    }

    /// The most bytes of a message of the log.
    pub(super) fn longest(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS)
    }

    /// The first message of the log, which is `first` if there has been none.
    pub(super) async fn first(&self, first: &[u8]) -> Result<Vec<u8>, String> {
        // The engine takes it only before any other.
        let begin = PublishMessage::build().payload(first.to_vec().into()).expected_last_sequence(0);
        let published = self.jetstream.send_publish(format!("{}.log", self.group), begin).await;
        let _ = published.map_err(|error| error.to_string())?.await;
        let message = self.log.get_raw_message(1).await;
        message.map(|message| message.payload.to_vec()).map_err(|error| format!("the log's first message: {error}"))
    }

    /// Makes sure that what is added to the log comes behind what was saved. It may have lost its end, and not the state:
    /// numbers that are over would be given again.
    pub(super) async fn go_on_behind(&self, saved: u64) -> Result<(), String> {
        let wrong = |error: &dyn Display| format!("the log does not go on behind what was saved: {error}");
        let info = self.log.get_info().await.map_err(|error| wrong(&error))?;
        if info.state.last_sequence >= saved {
            return Ok(());
        }
        // What is asked for lies behind its end: the next message has that number.
        self.log.purge().sequence(saved + 1).await.map(drop).map_err(|error| wrong(&error))
    }

    /// The newest message of a subject of the state, if there is one, behind its number.
    pub(super) async fn newest(&self, subject: &str) -> Result<Option<(u64, Vec<u8>)>, String> {
        let subject = format!("{}.state.{subject}", self.group);
        match self.state.get_last_raw_message_by_subject(&subject).await {
            Ok(message) => Ok(Some((message.sequence, message.payload.to_vec()))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(format!("{subject}: {error}")),
        }
    }
}

/// What is told of a connection.
pub(super) type Tell = Arc<dyn Fn(bool) + Send + Sync>;

async fn connect(settings: &Settings, tell: Option<Tell>) -> Result<Client, String> {
    let Credentials { file, token, ca, certificate } = &settings.credentials;
    let mut options = ConnectOptions::new()
        .name("streamgauge")
        .connection_timeout(ANSWER)
        .request_timeout(Some(ANSWER))
        .ping_interval(Duration::from_secs(2))
        .reconnect_delay_callback(|attempts| Duration::from_millis((attempts as u64 * 50).min(1_000)));
    if let Some(tell) = tell {
        options = options.event_callback(move |event| {
            match event {
                Event::Connected => tell(true),
                Event::Disconnected | Event::Closed => tell(false),
                _ => {}
            }
            std::future::ready(())
        });
    }
    if let Some(file) = file {
        let with = options.credentials_file(file).await;
        options = with.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some(token) = token {
        options = match token.split_once(':') {
            Some((user, password)) => options.user_and_password(user.to_owned(), password.to_owned()),
            None => options.token(token.clone()),
        };
    }
    if let Some(ca) = ca {
        options = options.add_root_certificates(ca.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    let servers = settings.servers_shown();
    options.connect(&settings.servers).await.map_err(|error| format!("{servers} can't be reached: {error}"))
}

/// How many servers are to keep what the group has.
fn replicas(settings: &Settings, client: &Client) -> usize {
    settings.replicas.unwrap_or(if is_cluster(client) { 3 } else { 1 })
}

/// How many servers there are, as far as they say so to clients, or are named.
async fn servers(settings: &Settings, client: &Client) -> usize {
    let said = client.server_info().connect_urls.iter().collect::<HashSet<_>>().len();
    let mut named = HashSet::new();
    for server in &settings.servers {
        let one = Settings { servers: vec![server.clone()], ..settings.clone() };
        // One that is away now is one all the same.
        let id = connect(&one, None).await.map_or_else(|_| server.clone(), |client| client.server_info().server_id);
        named.insert(id);
    }
    said.max(named.len())
}

fn is_cluster(client: &Client) -> bool {
    client.server_info().cluster.is_some_and(|cluster| !cluster.is_empty())
}

/// What is at an address, for who asks whether it will do.
pub(crate) struct Found {
    pub(crate) version: String,
    pub(crate) cluster: Option<String>,
    pub(crate) max_payload: usize,
    /// How many servers are to keep what the group has; and how many there are, as far as is known.
    pub(crate) replicas: usize,
    pub(crate) servers: usize,
    /// Of each stream of the group: its name; whether it is there, its replicas, how many of them are current, messages and
    /// bytes.
    pub(crate) streams: Vec<(String, Option<FoundStream>)>,
    /// Whether JetStream answers, or why it does not.
    pub(crate) jetstream: Result<(), String>,
}

/// A stream that is there.
pub(crate) struct FoundStream {
    pub(crate) replicas: usize,
    pub(crate) current: usize,
    pub(crate) leader: Option<String>,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// The most that it may have, if there is a bound.
    pub(crate) most: Option<u64>,
}

/// Looks at an engine.
///
/// # Errors
/// It can't be reached.
pub(crate) async fn look(settings: &Settings) -> Result<Found, String> {
    let client = connect(settings, None).await?;
    let info = client.server_info();
    let mut jetstream = async_nats::jetstream::new(client.clone());
    jetstream.set_timeout(ANSWER);
    // Versions differ in what else they say.
    let asked: Result<serde_json::Value, _> = jetstream.request("INFO", &()).await;
    let answers = match asked.as_ref().map(|info| info.get("error")) {
        Ok(None) => Ok(()),
        Ok(Some(error)) => Err(error.get("description").unwrap_or(error).to_string()),
        Err(error) => Err(error.to_string()),
    };
    let mut streams = Vec::new();
    for name in ["log", "state"].map(|what| format!("{}-{what}", settings.group)) {
        let found = match jetstream.get_stream(&name).await {
            Ok(stream) => {
                let info = stream.cached_info();
                let peers = info.cluster.iter().flat_map(|cluster| &cluster.replicas);
                let current = 1 + peers.filter(|peer| peer.current && !peer.offline).count();
                Some(FoundStream {
                    replicas: info.config.num_replicas,
                    current,
                    leader: info.cluster.as_ref().and_then(|cluster| cluster.leader.clone()),
                    messages: info.state.messages,
                    bytes: info.state.bytes,
                    most: u64::try_from(info.config.max_bytes).ok().filter(|most| *most > 0),
                })
            }
            Err(_) => None,
        };
        streams.push((name, found));
    }
    let (replicas, servers) = (replicas(settings, &client), servers(settings, &client).await);
    let cluster = info.cluster.filter(|cluster| !cluster.is_empty());
    Ok(Found {
        version: info.version,
        cluster,
        max_payload: info.max_payload,
        replicas,
        servers,
        streams,
        jetstream: answers,
    })
}

/// Whether the engine has said that it did not take something, and will not.
pub(super) fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<async_nats::jetstream::Error>() {
            return matches!(
                error.error_code(),
                ErrorCode::STREAM_STORE_FAILED
                    | ErrorCode::INSUFFICIENT_RESOURCES
                    | ErrorCode::STORAGE_RESOURCES_EXCEEDED
            );
        }
        source = error.source();
    }
    false
}
