//! The connection to Redis: opened again when it is lost, and no batch added twice.

use core::time::Duration;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisError};
use parking_lot::Mutex;
use tokio::time::sleep;

use super::kinds::{Shared, Update};
use super::{Log, Target, code, graph, passes, words};
use crate::client::Backoff;
use crate::results::StateError;

/// How long an answer may take. A script takes milliseconds; a server that forks or loads takes longer.
const ANSWER: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(5);

/// A way to a state.
#[derive(Debug)]
pub(crate) struct Link {
    target: Target,
    connection: Option<MultiplexedConnection>,
    backoff: Backoff,
    /// The number of the last batch.
    batch: u64,
}

impl Link {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, connection: None, backoff: Backoff::default(), batch: 0 }
    }

    /// Kind of the state and spec of its tally, if it is there; its nodes are looked for where it says.
    pub(crate) async fn follow(&mut self) -> Result<Option<(String, String)>, StateError> {
        let held = self.kind().await?;
        Ok(held.map(|(kind, spec)| (kind, self.target.key.follow(&spec))))
    }

    /// Kind and spec of the state, if it is there.
    async fn kind(&mut self) -> Result<Option<(String, String)>, StateError> {
        let about = self.target.key.about();
        let held = async {
            let connection = self.connection().await?;
            ::redis::cmd("HMGET").arg(about).arg("kind").arg("spec").query_async(connection).await
        };
        let held: Result<(Option<String>, Option<String>), _> = held.await;
        let (kind, spec) = held.map_err(|error| self.named(&error))?;
        Ok(kind.zip(spec))
    }

    /// Whether the state can be reached, and is of this shape, if it is there.
    pub(super) async fn check<T: Shared>(&mut self, tally: &T) -> Result<(), StateError> {
        let wanted = self.target.key.spec(&tally.spec());
        if let Some((kind, spec)) = self.kind().await?
            && (kind != T::KIND || spec != wanted)
        {
            let key = &self.target.key;
            let text = format_args!("--key {key}: holds {kind} ({spec}), not {} ({wanted})", T::KIND);
            return Err(StateError::new(text));
        }
        self.check_type(T::data(&self.target.key)).await?;
        self.check_databases().await
    }

    /// Whether what has the name of the data can be that of a state: who reads a queue had better know before. Whose it
    /// is only a batch can tell, as others may begin the state meanwhile.
    async fn check_type(&mut self, (data, wanted): (String, &str)) -> Result<(), StateError> {
        let found = async { ::redis::cmd("TYPE").arg(&data).query_async(self.connection().await?).await };
        let found: String = found.await.map_err(|error| self.named(&error))?;
        if found == "none" || found == wanted {
            return Ok(());
        }
        let key = &self.target.key;
        Err(StateError::new(format_args!("--key {key}: there is something else: {data} is a {found}")))
    }

    /// Whether there is a database for the nodes.
    async fn check_databases(&mut self) -> Result<(), StateError> {
        let [home, there] = self.target.key.databases();
        if home == there {
            return Ok(());
        }
        let mut there_and_back = ::redis::pipe();
        there_and_back.cmd("SELECT").arg(there).cmd("SELECT").arg(home);
        let checked = async { there_and_back.exec_async(self.connection().await?).await };
        checked.await.map_err(|error| StateError::new(format_args!("--nodes-db {there}: {}", words(&error))))
    }

    /// What everyone has added up; `empty` is of the same shape.
    pub(crate) async fn load<T: Shared>(&mut self, empty: &T) -> Result<T::Total, StateError> {
        let key = self.target.key.clone();
        let loaded = async { empty.load(self.connection().await?, &key).await };
        loaded.await.map_err(|error| self.named(&error))?
    }

    /// Removes the state, which may be that of a graph: how many keys.
    pub(crate) async fn reset(&mut self, is_graph: bool) -> Result<u64, StateError> {
        let key = self.target.key.clone();
        let removed = async {
            let connection = self.connection().await?;
            if is_graph {
                return graph::reset(connection, &key).await;
            }
            ::redis::cmd("UNLINK").arg(key.about()).arg(key.data()).query_async(connection).await
        };
        removed.await.map_err(|error| self.named(&error))
    }

    /// Adds a batch, once, however long it takes.
    pub(super) async fn add<T: Shared>(&mut self, batch: &T, log: &Arc<Mutex<Log>>) -> Result<(), StateError> {
        for update in batch.updates(&self.target.key) {
            self.batch += 1;
            loop {
                match self.try_add(batch, &update).await {
                    Ok((last, lost_data)) => {
                        self.recovered(log);
                        let mut log = log.lock();
                        log.lost_data |= lost_data;
                        log.recognised += u64::from(last >= self.batch);
                        log.forgotten += (self.batch - 1).saturating_sub(last);
                        break;
                    }
                    Err(error) if self.passes(&error) => self.lost(&error, log).await,
                    Err(error) => return Err(self.named(&error)),
                }
            }
        }
        Ok(())
    }

    /// The number of the last batch that had been added before, and whether Redis has lost data.
    async fn try_add<T: Shared>(&mut self, batch: &T, update: &Update) -> Result<(u64, bool), RedisError> {
        let mut call = T::script().prepare_invoke();
        call.key(self.target.key.about());
        for key in &update.keys {
            call.key(key);
        }
        let expire = self.target.expire.map_or(0, |expire| u64::try_from(expire.as_millis()).unwrap_or(u64::MAX));
        let (_, type_of_data) = T::data(&self.target.key);
        call.arg(T::KIND).arg(type_of_data).arg(self.target.key.spec(&batch.spec()));
        call.arg(&self.target.writer).arg(self.batch).arg(expire);
        let counters = update.counters.iter().filter(|(_, count)| *count > 0);
        call.arg(counters.clone().count());
        for (name, count) in counters {
            call.arg(name).arg(count);
        }
        for argument in &update.arguments {
            call.arg(argument);
        }
        call.invoke_async(self.connection().await?).await
    }

    /// What everyone has added.
    pub(super) async fn total<T: Shared>(
        &mut self,
        pattern: &T,
        log: &Arc<Mutex<Log>>,
    ) -> Result<T::Total, StateError> {
        let key = self.target.key.clone();
        loop {
            let total = async { pattern.load(self.connection().await?, &key).await };
            match total.await {
                Ok(total) => {
                    self.recovered(log);
                    return total;
                }
                Err(error) if self.passes(&error) => self.lost(&error, log).await,
                Err(error) => return Err(self.named(&error)),
            }
        }
    }

    /// Removes what is known about this writer: it will not come back.
    pub(super) async fn forget_writer(&mut self) {
        let (about, field) = (self.target.key.about(), format!("writer:{}", self.target.writer));
        if let Ok(connection) = self.connection().await {
            let _: Result<u64, _> = ::redis::cmd("HDEL").arg(about).arg(field).query_async(connection).await;
        }
    }

    /// The connection, open.
    pub(super) async fn connection(&mut self) -> Result<&mut MultiplexedConnection, RedisError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => {
                let config = AsyncConnectionConfig::new()
                    .set_connection_timeout(Some(CONNECT))
                    .set_response_timeout(Some(ANSWER));
                self.target.client.get_multiplexed_async_connection_with_config(&config).await?
            }
        };
        Ok(self.connection.insert(connection))
    }

    fn recovered(&mut self, log: &Arc<Mutex<Log>>) {
        self.backoff.reset();
        if log.lock().trouble.take().is_some() {
            tracing::warn!(state = %self.target.server, "state reached again");
        }
    }

    /// Whether the error may go away by itself. A server that is busy with a script does not let a new connection choose
    /// its database, and says no more of it than of one that there isn't; but it was there before.
    fn passes(&self, error: &RedisError) -> bool {
        passes(error) || self.connection.is_none() && error.code() == Some("ERR")
    }

    async fn lost(&mut self, error: &RedisError, log: &Arc<Mutex<Log>>) {
        let [home, there] = self.target.key.databases();
        // A server that takes no writes may not be the one any more that has the name. And between two databases an
        // answer leaves open which one the connection is in.
        let is_kept = home == there && code(error).is_some_and(|code| code != "READONLY");
        let is_lost = !is_kept && self.connection.take().is_some();
        let wait = self.backoff.next();
        let error = self.named(error);
        {
            let mut log = log.lock();
            log.connections_lost += u64::from(is_lost);
            if log.trouble.is_none() {
                tracing::warn!(%error, "state lost; adding up here until it is back");
            }
            log.trouble = Some(error.to_string());
        }
        sleep(wait).await;
    }

    fn named(&self, error: &RedisError) -> StateError {
        StateError::new(format_args!("--state {} --key {}: {}", self.target.server, self.target.key, words(error)))
    }
}
