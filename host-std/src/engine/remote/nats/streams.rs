//! The connection to the engine, and the two streams of a group.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
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
    /// What the latter is made as.
    state_config: stream::Config,
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
        let [log, state] = configs(settings, &client);
        let bytes = log.max_bytes;
        let made = |name: &str, error: &dyn Display| format!("the stream {name} can't be made: {error}");
        let get_or_make = async |wanted: stream::Config| {
            let stream = jetstream.get_or_create_stream(&wanted).await.map_err(|error| made(&wanted.name, &error))?;
            let other = other(&stream.cached_info().config, &wanted);
            other.map_or(Ok(stream), |why| Err(format!("the stream {} is another one: {why}", wanted.name)))
        };
        let (log_name, state_config) = (log.name.clone(), state.clone());
        let (log, state) = (get_or_make(log).await?, get_or_make(state).await?);
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
        Ok(Self { client, jetstream, log, state, state_config, group: group.clone(), most })
    }

    /// Whether somebody has removed what was saved, and of the log there is not all that it came to: nobody could begin.
    pub(super) async fn has_lost_state(&self) -> bool {
        let is_gone = match self.state.get_info().await {
            Ok(info) => info.state.messages == 0,
            Err(error) => code(&error) == Some(ErrorCode::STREAM_NOT_FOUND),
        };
        is_gone && self.log.get_info().await.is_ok_and(|info| info.state.first_sequence > 1)
    }

    /// Makes the stream of the state again, unless it is there.
    pub(super) async fn keep_state(&self) -> Result<(), String> {
        let there = self.jetstream.get_or_create_stream(&self.state_config).await;
        there.map(drop).map_err(|error| format!("the stream {} can't be made: {error}", self.state_config.name))
    }

    /// Whether there is a connection, as far as is known.
    pub(super) fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// The most bytes of a message of the log.
    pub(super) fn longest(&self) -> usize {
        self.client.max_payload().saturating_sub(HEADERS)
    }

    /// The first message of the log, which is `first` if there has been none.
    pub(super) async fn first(&self, first: &[u8]) -> Result<Vec<u8>, String> {
        // The engine takes it only before any other.
        let begin = PublishMessage::build().payload(first.to_vec().into()).expected_last_sequence(0);
        let taken = publish(&self.jetstream, format!("{}.log", self.group), begin).await;
        // Another gateway has begun it.
        if let Err(error) = taken
            && error.kind() != PublishErrorKind::WrongLastSequence
        {
            return Err(cannot_publish(&self.group, &error));
        }
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

/// Who is told of a connection: that it is there, or lost, or why there is none again.
pub(super) type Tell = Arc<dyn Fn(Result<(), Option<String>>) + Send + Sync>;

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
                Event::Connected => tell(Ok(())),
                Event::Disconnected | Event::Closed => tell(Err(None)),
                Event::ClientError(error) => tell(Err(Some(error.to_string()))),
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

/// What the streams of a group are made as: the log, and the state.
fn configs(settings: &Settings, client: &Client) -> [stream::Config; 2] {
    let Settings { group, most, .. } = settings;
    let base = stream::Config {
        num_replicas: replicas(settings, client),
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        allow_direct: true,
        max_messages: -1,
        ..stream::Config::default()
    };
    let log = stream::Config {
        name: format!("{group}-log"),
        subjects: vec![format!("{group}.log")],
        description: Some("what the gateways of a streamgauge have done, in its order".to_owned()),
        duplicate_window: TWICE,
        max_bytes: most.map_or(-1, |most| i64::try_from(most).unwrap_or(i64::MAX)),
        ..base.clone()
    };
    let state = stream::Config {
        name: format!("{group}-state"),
        subjects: vec![format!("{group}.state.>")],
        description: Some("what that came to".to_owned()),
        max_messages_per_subject: 1,
        ..base
    };
    [log, state]
}

/// In what a stream that is there differs from the one that would be made, so that gateways can't keep anything in it.
fn other(there: &stream::Config, wanted: &stream::Config) -> Option<String> {
    if there.subjects != wanted.subjects {
        return Some(format!("its subjects are {}, and not {}", there.subjects.join(","), wanted.subjects.join(",")));
    }
    let is_so = [
        (there.retention == wanted.retention, "its retention is not limits"),
        (there.discard == wanted.discard, "it discards what is old, and not what is new"),
        (there.max_age == wanted.max_age, "its messages end with their age"),
        (there.max_messages == wanted.max_messages, "it has a bound of messages"),
    ];
    is_so.iter().find(|(is_so, _)| !is_so).map(|(_, why)| (*why).to_owned())
}

async fn publish(jetstream: &Context, subject: String, message: PublishMessage) -> Result<(), PublishError> {
    jetstream.send_publish(subject, message).await?.await.map(drop)
}

fn cannot_publish(group: &str, error: &PublishError) -> String {
    // A server does not answer what is not allowed.
    let hint = if error.kind() == PublishErrorKind::TimedOut { "; is its user allowed to?" } else { "" };
    format!("nothing can be published on {group}.log: {error}{hint}")
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
    /// Whether the log takes what is published, as far as anybody may, or why not.
    pub(crate) publishes: Result<(), String>,
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
    /// In what it differs from what gateways make.
    pub(crate) other: Option<String>,
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
    for wanted in configs(settings, &client) {
        let name = wanted.name.clone();
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
                    other: other(&info.config, &wanted),
                })
            }
            Err(_) => None,
        };
        streams.push((name, found));
    }
    // No log has come so far: it takes nothing.
    let nothing = PublishMessage::build().expected_last_sequence(i64::MAX as u64);
    let published = publish(&jetstream, format!("{}.log", settings.group), nothing).await;
    let publishes = match published {
        Err(error)
            if !matches!(error.kind(), PublishErrorKind::WrongLastSequence | PublishErrorKind::StreamNotFound) =>
        {
            Err(cannot_publish(&settings.group, &error))
        }
        _ => Ok(()),
    };
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
        publishes,
    })
}

/// Whether the engine has said that it did not take something, and will not.
pub(super) fn is_full(error: &(dyn std::error::Error + 'static)) -> bool {
    matches!(
        code(error),
        Some(
            ErrorCode::STREAM_STORE_FAILED | ErrorCode::INSUFFICIENT_RESOURCES | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        )
    )
}

/// What the engine has said of why it does not do something.
fn code(error: &(dyn std::error::Error + 'static)) -> Option<ErrorCode> {
    let mut source = Some(error);
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<async_nats::jetstream::Error>() {
            return Some(error.error_code());
        }
        source = error.source();
    }
    None
}
