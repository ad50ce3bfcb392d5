//! Which state, as it is said on the command line.

use core::time::Duration;

use clap::Args;

use super::State;
use super::redis::{Key, Redis, Shared, Target};
use crate::terminal::StartError;
use crate::terminal::exit::Failure;
use crate::terminal::flags::seconds;

/// Where results are kept.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "State")]
pub struct StateOptions {
    /// Where the result is kept: memory, or redis://host:port/db, where others can add to it
    #[arg(long, value_name = "STATE", default_value = "memory")]
    state: String,
    /// Name of the result in Redis: the key of a hash, or for a graph what the keys of its nodes begin with
    #[arg(long, value_name = "NAME")]
    key: Option<Key>,
    /// What nobody has added to for so long is gone: a result, or of a graph each node by itself. Of all who add to it the
    /// longest time counts, and who gives none keeps it for ever
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    expire: Option<Duration>,
    /// For graphs only.
    #[arg(skip)]
    nodes_db: Option<u32>,
}

impl StateOptions {
    /// Whether others can add to it.
    pub fn is_shared(&self) -> bool {
        self.state != "memory"
    }

    /// With the nodes of a graph in this database, as they are called.
    pub(crate) fn nodes_in(self, nodes_db: Option<u32>) -> Self {
        Self { nodes_db, ..self }
    }

    /// Where in Redis it is; `None`: in memory.
    ///
    /// # Errors
    /// What is wrong with the flags.
    pub fn target(&self) -> Result<Option<Target>, StartError> {
        match (self.is_shared(), &self.key) {
            (false, None) if self.expire.is_none() && self.nodes_db.is_none() => Ok(None),
            (false, _) => Err(StartError::new("--key, --expire and --nodes-db need --state redis://host:port/db")),
            (true, None) => Err(StartError::new("--key NAME is missing: the name of the result in Redis")),
            (true, Some(key)) => {
                let target = Target::new(&self.state, key.clone(), self.expire);
                let target = target.and_then(|target| match self.nodes_db {
                    Some(database) => target.nodes_in(database),
                    None => Ok(target),
                });
                target.map(Some).map_err(StartError::new)
            }
        }
    }

    /// Opens the state, of the shape of this empty tally.
    pub(crate) async fn open<T: Shared>(&self, tally: T) -> Result<Result<State<T>, Failure>, StartError> {
        let Some(target) = self.target()? else { return Ok(Ok(State::Memory(tally))) };
        let redis = Redis::open(target, tally).await;
        Ok(redis.map(State::Redis).map_err(|error| Failure::Unreachable(error.to_string())))
    }
}
