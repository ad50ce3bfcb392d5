//! Which topics, queues and gauges have series of their own, and what all the others have counted.
//!
//! Who is large changes, and names are removed, but what a collector takes for a counter must never fall: it would take that
//! for a new beginning, and all that is left for news. So the counters of the rest are no sum of what there is: whatever is
//! counted between two times that somebody asks is added once, if its name is among the rest at either.

use std::array;
use std::collections::HashMap;
use std::ops::ControlFlow;

use streamgauge_core::engine::{Name, Part, QueueStats, Sink, TopicStats};
use streamgauge_core::time::Time;

use super::metrics::Kind;
use crate::gauges::GaugeStats;

/// Topics, queues, and gauges, that have series of their own.
const NAMED: usize = 100;

/// What the rest is called: no name begins so.
const REST: &str = ".rest";

/// One metric of topics, queues or gauges: what it is, its name, what it says, and where it stands.
pub(super) type Column<S> = (Kind, &'static str, &'static str, fn(&S) -> u64);

/// What is counted of a topic, a queue or a gauge.
pub(crate) trait Counted {
    /// How large it is, among others: by what has gone through it.
    fn weight(&self) -> u64;

    /// When the oldest item that can be got was put.
    fn oldest(&self) -> Option<Time> {
        None
    }
}

impl Counted for TopicStats {
    fn weight(&self) -> u64 {
        self.received_ever.saturating_add(self.sent_ever)
    }
}

impl Counted for QueueStats {
    fn weight(&self) -> u64 {
        self.counters.accepted
    }

    fn oldest(&self) -> Option<Time> {
        self.oldest
    }
}

impl Counted for GaugeStats {
    fn weight(&self) -> u64 {
        self.messages
    }
}

/// What is counted of names, as a list of them tells it.
#[derive(Debug, Default)]
pub(crate) struct Listed<S> {
    all: Vec<(Name, S)>,
}

/// What has a label of its own, with a value for each column.
#[derive(Debug)]
pub(super) struct Series<const N: usize> {
    pub(super) name: String,
    pub(super) values: [u64; N],
    pub(super) oldest: Option<Time>,
}

impl<S: Counted> Listed<S> {
    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// What one of them counts.
    pub(super) fn any(&self) -> Option<&S> {
        self.all.first().map(|(_, stats)| stats)
    }

    /// The largest under their names, and all others as one. O(n log n).
    pub(super) fn series<const N: usize>(mut self, columns: &[Column<S>; N], rest: &mut Rest<N>) -> Vec<Series<N>> {
        if self.all.len() > NAMED {
            self.all.select_nth_unstable_by_key(NAMED - 1, |(_, stats)| std::cmp::Reverse(stats.weight()));
        }
        let (named, others) = self.all.split_at(NAMED.min(self.all.len()));
        rest.follow(named, others, columns);
        let series = |(name, stats): &(Name, S)| Series {
            name: name.to_string(),
            values: values(stats, columns),
            oldest: stats.oldest(),
        };
        let mut all: Vec<_> = named.iter().map(series).collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        // What it has counted stays, though nobody is among them now.
        if !others.is_empty() || rest.counted.iter().any(|counted| *counted > 0) {
            let now = |value: fn(&S) -> u64| others.iter().map(|(_, stats)| value(stats)).fold(0, u64::saturating_add);
            let values = array::from_fn(|at| match columns[at] {
                (Kind::Counter, ..) => rest.counted[at],
                (Kind::Gauge, _, _, value) => now(value),
            });
            let oldest = others.iter().filter_map(|(_, stats)| stats.oldest()).min();
            all.push(Series { name: REST.to_owned(), values, oldest });
        }
        all
    }
}

fn values<S, const N: usize>(stats: &S, columns: &[Column<S>; N]) -> [u64; N] {
    columns.map(|(_, _, _, value)| value(stats))
}

impl Sink for Listed<TopicStats> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        if let Part::Topic(name, _, stats) = part {
            self.all.push((name, *stats));
        }
        ControlFlow::Continue(())
    }
}

impl Sink for Listed<QueueStats> {
    fn take(&mut self, part: Part<'_>) -> ControlFlow<()> {
        if let Part::Queue(name, _, stats) = part {
            self.all.push((name, *stats));
        }
        ControlFlow::Continue(())
    }
}

impl<S> From<Vec<(Name, S)>> for Listed<S> {
    fn from(all: Vec<(Name, S)>) -> Self {
        Self { all }
    }
}

/// What the rest has counted since this process began.
#[derive(Debug)]
pub(crate) struct Rest<const N: usize> {
    counted: [u64; N],
    /// All names that there were when somebody asked last; `None` if nobody knows what there was at the beginning.
    seen: Option<HashMap<Name, Seen<N>>>,
}

/// What a name had counted, and whether it was among the rest.
#[derive(Debug)]
struct Seen<const N: usize> {
    values: [u64; N],
    is_rest: bool,
}

impl<const N: usize> Default for Rest<N> {
    fn default() -> Self {
        Self { counted: [0; N], seen: None }
    }
}

impl<const N: usize> Rest<N> {
    /// Nothing of what there is at the beginning is news: names that are kept go on with what they had counted.
    pub(super) fn begin<S>(&mut self, there: &Listed<S>, columns: &[Column<S>; N]) {
        self.follow(&there.all, &[], columns);
    }

    /// Adds what was counted since the last time. O(n).
    fn follow<S>(&mut self, named: &[(Name, S)], others: &[(Name, S)], columns: &[Column<S>; N]) {
        let mut now = HashMap::with_capacity(named.len() + others.len());
        let all = named.iter().map(|one| (one, false)).chain(others.iter().map(|one| (one, true)));
        for ((name, stats), is_rest) in all {
            let values = values(stats, columns);
            if let Some(seen) = &self.seen {
                let before = seen.get(name);
                let had = before.map_or([0; N], |before| before.values);
                if is_rest || before.is_some_and(|before| before.is_rest) {
                    for ((sum, value), had) in self.counted.iter_mut().zip(values).zip(had) {
                        // One that has less than it had was removed, and made again.
                        *sum = sum.saturating_add(value.checked_sub(had).unwrap_or(value));
                    }
                }
            }
            now.insert(*name, Seen { values, is_rest });
        }
        self.seen = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column<TopicStats>; 2] = [
        (Kind::Counter, "published", "", |topic| topic.received_ever),
        (Kind::Gauge, "messages", "", |topic| topic.messages),
    ];

    /// Topics that have received so much, each with one message.
    fn listed(received: impl IntoIterator<Item = (u64, u64)>) -> Listed<TopicStats> {
        let one = |(number, received)| {
            let name = Name::new(format!("t{number:03}").as_bytes()).unwrap();
            (name, TopicStats { received_ever: received, messages: 1, ..TopicStats::default() })
        };
        Listed { all: received.into_iter().map(one).collect() }
    }

    /// What the rest says of those.
    fn rest(received: impl IntoIterator<Item = (u64, u64)>, rest: &mut Rest<2>) -> Option<[u64; 2]> {
        let series = listed(received).series(&COLUMNS, rest);
        series.last().filter(|last| last.name == REST).map(|last| last.values)
    }

    fn begun(received: impl IntoIterator<Item = (u64, u64)>) -> Rest<2> {
        let mut rest = Rest::default();
        rest.begin(&listed(received), &COLUMNS);
        rest
    }

    #[test]
    fn the_largest_have_series_and_the_rest_is_one() {
        let series = listed((0..250).map(|number| (number, number))).series(&COLUMNS, &mut begun([]));
        assert_eq!((series.len(), &*series[0].name, &*series[NAMED].name), (NAMED + 1, "t150", REST));
        assert_eq!(series[NAMED].values, [(0..150).sum(), 150]);
        assert_eq!(rest([(0, 1)], &mut begun([])), None);
    }

    #[test]
    fn what_the_rest_has_counted_never_falls_and_moves_with_nobody() {
        let large = || (1..=100).map(|number| (number, 1_000));
        let with = |more: &[(u64, u64)]| large().chain(more.iter().copied()).collect::<Vec<_>>();
        let mut all = begun([]);
        assert_eq!(rest(with(&[(200, 7), (201, 5)]), &mut all), Some([12, 2]));
        // One becomes larger than another one: what it has counted as one of the rest is there, and what that one had is not.
        let mut moved = with(&[(200, 2_000), (201, 5)]);
        let [_, fallen] = rest(moved.clone(), &mut all).unwrap();
        assert_eq!((fallen, all.counted[0]), (2, 12 + 1_993));
        // What the other one counts from then on is the rest's.
        for one in &mut moved {
            one.1 += 1;
        }
        assert_eq!(rest(moved.clone(), &mut all), Some([12 + 1_993 + 2, 2]));
        // One is removed, and made again.
        moved.pop();
        assert_eq!(rest(moved.clone(), &mut all), Some([12 + 1_993 + 2, 1]));
        moved.push((201, 3));
        assert_eq!(rest(moved, &mut all), Some([12 + 1_993 + 2 + 3, 2]));
        assert_eq!(rest(large().take(50), &mut all), Some([12 + 1_993 + 2 + 3, 0]), "nobody is left");
    }

    #[test]
    fn what_was_kept_is_no_news() {
        let there = |more: u64| (0..101).map(move |number| (number, number + more));
        assert_eq!(rest(there(0), &mut begun(there(0))), Some([0, 1]));
        assert_eq!(rest(there(3), &mut begun(there(0))), Some([3, 1]));
        // Where nobody knows what there was, what is found first is the beginning.
        let mut all = Rest::default();
        assert_eq!((rest(there(0), &mut all), rest(there(1), &mut all)), (Some([0, 1]), Some([1, 1])));
    }
}
