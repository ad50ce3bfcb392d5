//! What was refused, and why: how often for each reason, and the last ones of all servers of this process.

use std::cell::OnceCell;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;

use super::shown::shown;

/// The last ones that are kept.
const LAST: usize = 50;

/// The most bytes that are kept of a path, and of what was said.
const LONGEST: usize = 512;

/// Who asked, and for what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) peer: SocketAddr,
    pub(super) method: &'a str,
    /// Without the query, which may have what nobody else should read.
    pub(super) path: &'a [u8],
}

impl Asker<'_> {
    /// Who has asked for nothing that could be read.
    pub(super) const fn stranger(peer: SocketAddr) -> Self {
        Self { peer, method: "", path: b"" }
    }
}

/// Something that was refused.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) time: Timestamp,
    pub(crate) peer: SocketAddr,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) reason: &'static str,
    said: Vec<u8>,
}

impl Refused {
    /// The line in which it was said; of a problem that is its detail.
    pub(crate) fn line(&self) -> String {
        if let Ok(Value::Object(problem)) = serde_json::from_slice(&self.said) {
            return problem.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
        }
        String::from_utf8_lossy(&self.said).lines().next().unwrap_or_default().to_owned()
    }
}

/// What one thread has refused. It alone adds to it, so it waits for nobody but who reads it.
#[derive(Debug, Default)]
struct Own {
    /// Reasons are part of the program: there are not many.
    counts: BTreeMap<&'static str, Count>,
    last: VecDeque<Refused>,
}

/// How many were refused for a reason, and when the latest one was.
#[derive(Debug)]
struct Count {
    refused: u64,
    latest: Instant,
}

static ALL: Mutex<Vec<Arc<Mutex<Own>>>> = Mutex::new(Vec::new());

thread_local! {
    static OWN: OnceCell<Arc<Mutex<Own>>> = const { OnceCell::new() };
}

/// Counts something that was refused, and keeps it among the last ones.
pub(super) fn note(asker: &Asker<'_>, status: u16, reason: &'static str, said: &[u8]) {
    let cut = |bytes: &[u8]| bytes.get(..LONGEST).unwrap_or(bytes).to_vec();
    let refused = Refused {
        time: Timestamp::now(),
        peer: asker.peer,
        method: asker.method.chars().take(16).collect(),
        path: shown(&String::from_utf8_lossy(&cut(asker.path))).into_owned(),
        status,
        reason,
        said: cut(said),
    };
    OWN.with(|own| {
        let own = own.get_or_init(|| {
            let own = Arc::default();
            ALL.lock().push(Arc::clone(&own));
            own
        });
        let mut own = own.lock();
        let latest = Instant::now();
        let count = own.counts.entry(reason).or_insert(Count { refused: 0, latest });
        *count = Count { refused: count.refused.wrapping_add(1), latest };
        if own.last.len() >= LAST {
            own.last.pop_front();
        }
        own.last.push_back(refused);
    });
}

/// How many were refused for each reason, and the last ones, the latest first.
pub(crate) fn refused() -> (BTreeMap<&'static str, u64>, Vec<Refused>) {
    let (mut sums, mut last) = (BTreeMap::new(), Vec::new());
    for own in ALL.lock().iter() {
        let own = own.lock();
        for (reason, count) in &own.counts {
            *sums.entry(*reason).or_insert(0_u64) += count.refused;
        }
        last.extend(own.last.iter().cloned());
    }
    last.sort_by_key(|refused| std::cmp::Reverse(refused.time));
    last.truncate(LAST);
    (sums, last)
}

/// Whether anything was refused for this reason within the last `span`.
pub(crate) fn refused_within(span: Duration, reason: &str) -> bool {
    let is_recent = |count: &Count| count.latest.elapsed() < span;
    ALL.lock().iter().any(|own| own.lock().counts.get(reason).is_some_and(is_recent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_threads_have_refused_is_counted_and_the_last_are_kept() {
        let asker = Asker { peer: ([127, 0, 0, 1], 7).into(), method: "GET", path: b"/a" };
        let count = || refused().0.get("for-a-test").copied().unwrap_or(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..100).for_each(|_| note(&asker, 400, "for-a-test", b"no\nmore")));
            }
        });
        assert_eq!(count(), 300);
        assert!(refused_within(Duration::from_secs(60), "for-a-test"));
        assert!(!refused_within(Duration::ZERO, "for-a-test") && !refused_within(Duration::MAX, "for-no-test"));
        let last = refused().1;
        assert_eq!(last.len(), LAST);
        assert!(last.is_sorted_by(|a, b| a.time >= b.time));
        assert_eq!((last[0].line().as_str(), last[0].path.as_str()), ("no", "/a"));
        note(&asker, 400, "for-a-test", br#"{"type":"x","detail":"why \"so\""}"#);
        assert_eq!(refused().1[0].line(), "why \"so\"");
    }
}
