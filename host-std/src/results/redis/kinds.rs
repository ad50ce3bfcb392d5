//! What the kinds of states are in Redis, and the two that are numbers in a hash.

use std::collections::HashMap;
use std::future::Future;
use std::sync::LazyLock;

use ::redis::aio::MultiplexedConnection;
use ::redis::{RedisError, Script};
use streamgauge_core::stats::Moments;
use streamgauge_core::stats::moments::{NonFinite, Parts};

use super::Key;
use crate::results::StateError;
use crate::results::tally::{HistogramTally, MomentsTally, Outside, Shape, Summary, Tally};

/// A tally that can be shared.
pub trait Shared: Tally<Total: Send> + Send + Sync + Sized + 'static {
    /// What it is.
    const KIND: &'static str;

    /// What has to be the same for all who add to it.
    fn spec(&self) -> String;

    /// Records that were added, whatever came of them.
    fn records(&self) -> u64;

    /// Whether it would grow too large.
    fn is_full(&self) -> bool {
        false
    }

    /// One of the same shape without anything in it.
    fn empty(&self) -> Self;

    /// Leaves an empty one of the same shape.
    fn take(&mut self) -> Self {
        let empty = self.empty();
        std::mem::replace(self, empty)
    }

    /// The script that adds a batch.
    fn script() -> &'static Script;

    /// Where its data is, or the list of what has it; and the type that Redis says what is there has.
    fn data(key: &Key) -> (String, &'static str) {
        (key.data().to_owned(), "hash")
    }

    /// What is added: one script, or several where one would keep Redis busy for too long.
    fn updates(&self, key: &Key) -> Vec<Update>;

    /// What everyone has added up; this is an empty tally of the same shape. The inner error: what is there is no
    /// such state.
    fn load(
        &self,
        connection: &mut MultiplexedConnection,
        key: &Key,
    ) -> impl Future<Output = Result<Result<Self::Total, StateError>, RedisError>> + Send;
}

/// The keys and arguments of a script, behind those that all have; the first key is that of the data.
#[derive(Debug, Default)]
pub struct Update {
    /// Counters that are added up beside the data.
    pub(super) counters: Vec<(&'static str, u64)>,
    pub(super) keys: Vec<String>,
    pub(super) arguments: Vec<String>,
}

/// Counts that are added in one script: some 10 ms of Redis, and far below the million arguments that it takes.
pub(super) const COUNTS: usize = 10_000;

impl Update {
    /// Counts by key and by member or field, behind what `self` has.
    pub(super) fn split(self, counts: impl Iterator<Item = (String, String, u64)>) -> Vec<Self> {
        let Self { counters, keys, arguments } = self;
        let empty = || Self { counters: Vec::new(), keys: keys.clone(), arguments: arguments.clone() };
        let mut updates = vec![Self { counters, ..empty() }];
        // The first key of all is that of what is about the state.
        let given: HashMap<String, usize> = keys.iter().cloned().zip(2..).collect();
        let mut numbers = given.clone();
        for (at, (key, member, count)) in counts.enumerate() {
            if at > 0 && at % COUNTS == 0 {
                updates.push(empty());
                numbers.clone_from(&given);
            }
            let Some(update) = updates.last_mut() else { break };
            let next = update.keys.len() + 2;
            let number = *numbers.entry(key).or_insert_with_key(|key| {
                update.keys.push(key.clone());
                next
            });
            update.arguments.extend([number.to_string(), member, count.to_string()]);
        }
        updates
    }
}

static MERGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("begin.lua"), include_str!("merge.lua"), include_str!("end.lua")))
});
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(concat!(include_str!("begin.lua"), include_str!("count.lua"), include_str!("end.lua")))
});

pub(super) type Fields = HashMap<String, String>;

pub(super) fn number(fields: &Fields, name: &str) -> u64 {
    fields.get(name).and_then(|value| value.parse().ok()).unwrap_or(0)
}

/// The data and what is about it, as of one moment. The inner error: as [`Shared::load`].
async fn hashes(
    connection: &mut MultiplexedConnection,
    key: &Key,
) -> Result<Result<(Fields, Fields), StateError>, RedisError> {
    let mut load = ::redis::cmd("EVAL");
    load.arg(include_str!("load.lua")).arg(2).arg(key.about()).arg(key.data());
    let (data, about): (Fields, Fields) = load.query_async(connection).await?;
    Ok(present(key, !data.is_empty(), &about).map(|()| (data, about)))
}

/// Whether the data is there that what is about the state knows of.
pub(super) fn present(key: &Key, is_there: bool, about: &Fields) -> Result<(), StateError> {
    if is_there || number(about, "data") == 0 {
        return Ok(());
    }
    Err(StateError::new(format_args!("--key {key}: Redis has lost its data (see its maxmemory-policy)")))
}

impl Shared for MomentsTally {
    const KIND: &'static str = "moments";

    fn spec(&self) -> String {
        "numbers".to_owned()
    }

    fn records(&self) -> u64 {
        let Summary { moments, not_a_number } = self.total();
        let left_out = [moments.nan(), moments.positive_infinities(), moments.negative_infinities(), not_a_number];
        left_out.into_iter().fold(moments.count(), u64::saturating_add)
    }

    fn empty(&self) -> Self {
        Self::default()
    }

    fn script() -> &'static Script {
        &MERGE
    }

    fn updates(&self, key: &Key) -> Vec<Update> {
        let Summary { moments, not_a_number } = self.total();
        let parts = moments.to_parts();
        let counters = vec![
            ("not_a_number", not_a_number),
            ("nan", parts.nan),
            ("positive_infinities", parts.positive_infinities),
            ("negative_infinities", parts.negative_infinities),
        ];
        let mut arguments = vec![parts.count.to_string()];
        arguments.extend([parts.min, parts.max].map(|x| format!("{x:e}")));
        arguments.push(parts.exponent.to_string());
        arguments.push(format!("{:e}", parts.pivot));
        arguments.extend(parts.sums.as_flattened().iter().map(|x| format!("{x:e}")));
        vec![Update { counters, keys: vec![Self::data(key).0], arguments }]
    }

    async fn load(
        &self,
        connection: &mut MultiplexedConnection,
        key: &Key,
    ) -> Result<Result<Summary, StateError>, RedisError> {
        let (data, about) = match hashes(connection, key).await? {
            Ok(both) => both,
            Err(lost) => return Ok(Err(lost)),
        };
        let real = |name: &str| data.get(name).and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
        let sum = |name: &str| [real(name), real(&format!("{name}_rest"))];
        let parts = Parts {
            count: number(&data, "count"),
            min: real("min"),
            max: real("max"),
            exponent: data.get("exponent").and_then(|value| value.parse().ok()).unwrap_or(0),
            pivot: real("pivot"),
            sums: ["s1", "s2", "s3", "s4"].map(sum),
            nan: number(&about, "nan"),
            positive_infinities: number(&about, "positive_infinities"),
            negative_infinities: number(&about, "negative_infinities"),
        };
        Ok(match Moments::from_parts(&parts, NonFinite::LeaveOut) {
            Ok(moments) => Ok(Summary { moments, not_a_number: number(&about, "not_a_number") }),
            Err(error) => Err(StateError::new(format_args!("--key {key}: {error}"))),
        })
    }
}

impl Shared for HistogramTally {
    const KIND: &'static str = "histogram";

    fn spec(&self) -> String {
        self.shape().to_string()
    }

    fn records(&self) -> u64 {
        let outside = self.outside().named().map(|(_, count)| count);
        self.counts().map(|(_, count)| count).chain(outside).fold(0, u64::saturating_add)
    }

    fn is_full(&self) -> bool {
        matches!(self.shape(), Shape::Integers { .. }) && self.counts().count() >= COUNTS
    }

    fn empty(&self) -> Self {
        Self::new(self.shape()).expect("there is one of this shape")
    }

    fn script() -> &'static Script {
        &COUNT
    }

    fn updates(&self, key: &Key) -> Vec<Update> {
        let (data, _) = Self::data(key);
        let count = |(bin, count): (i64, u64)| (data.clone(), bin.to_string(), count);
        let start = Update { counters: self.outside().named().to_vec(), keys: vec![data.clone()], arguments: vec![] };
        start.split(self.counts().map(count))
    }

    async fn load(
        &self,
        connection: &mut MultiplexedConnection,
        key: &Key,
    ) -> Result<Result<Self::Total, StateError>, RedisError> {
        let (data, about) = match hashes(connection, key).await? {
            Ok(both) => both,
            Err(lost) => return Ok(Err(lost)),
        };
        let counts = data.iter().filter_map(|(bin, count)| Some((bin.parse().ok()?, count.parse().ok()?)));
        let counts: std::collections::BTreeMap<i64, u64> = counts.collect();
        Ok(Ok(self.bars(&counts, Outside::read(|name| number(&about, name)))))
    }
}
