//! Traces as W3C's [Trace Context](https://www.w3.org/TR/trace-context/) has them: what a request belongs to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use streamgauge_core::select::{Path, Value, find};

/// A trace that requests of this process belong to, each as a span of its own.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    id: String,
    flags: String,
    /// The last span.
    span: Arc<AtomicU64>,
}

/// The parts of a `traceparent`, in hexadecimal digits.
pub(crate) struct Parts<'a> {
    pub(crate) trace: &'a str,
    #[cfg(feature = "otlp")]
    pub(crate) span: &'a str,
    pub(crate) flags: &'a str,
}

/// An odd number far from 0: adding it leads through all numbers, which don't look like neighbours.
const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;

impl Trace {
    /// The one that the variable `TRACEPARENT` names; `None` if it names none.
    pub(crate) fn of_environment() -> Option<Self> {
        Self::of(&std::env::var("TRACEPARENT").ok()?)
    }

    /// That of a `traceparent`.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let Parts { trace, flags, .. } = parts(text)?;
        let span = Arc::new(AtomicU64::new(getrandom::u64().ok()?));
        Some(Self { id: trace.to_owned(), flags: flags.to_owned(), span })
    }

    /// The `traceparent` of one more request.
    pub(crate) fn child(&self) -> String {
        let span = self.span.fetch_add(STRIDE, Ordering::Relaxed).max(1);
        format!("00-{}-{span:016x}-{}", self.id, self.flags)
    }
}

/// The value of a field as a `traceparent` of version 0, or of a later one that begins like it.
pub(crate) fn traceparent(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value.trim_ascii()).ok()?;
    parts(text).map(|_| text)
}

/// The `traceparent` that a message names itself: a member of that name, where it is an object of JSON. O(n).
pub(crate) fn of_message(message: &[u8]) -> Option<&str> {
    // Most have none, which is known much faster.
    memchr::memmem::find(message, b"traceparent")?;
    let text = named(message)??.text()?.plain()?;
    traceparent(text.as_bytes())
}

/// Where a message's members begin, if it is an object of JSON that has no member `traceparent`. O(n).
pub(crate) fn members_without(message: &[u8]) -> Option<usize> {
    let begin = message.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let has_none = message.get(begin) == Some(&b'{') && named(message)?.is_none();
    has_none.then_some(begin + 1)
}

/// The member `traceparent` of a message; `None` if it is no JSON.
fn named(message: &[u8]) -> Option<Option<Value<'_>>> {
    let [value] = find(message, &[Path::key("traceparent").ok()?]).ok()?;
    Some(value)
}

/// What a `traceparent` is made of, if it is one.
pub(crate) fn parts(text: &str) -> Option<Parts<'_>> {
    let mut parts = text.splitn(5, '-');
    let is_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut part = |len: usize| parts.next().filter(|part| part.len() == len && is_hex(part));
    let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
    let is_nothing = |text: &str| text.bytes().all(|byte| byte == b'0');
    let is_one = version != "ff" && !is_nothing(trace) && !is_nothing(span);
    (is_one && text.len() <= 128 && (version != "00" || text.len() == 55)).then_some(Parts {
        trace,
        #[cfg(feature = "otlp")]
        span,
        flags,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_is_one_or_is_left_out() {
        assert_eq!(traceparent(format!(" {ONE} ").as_bytes()), Some(ONE));
        let later = format!("01{}-more", &ONE[2..]);
        assert_eq!(traceparent(later.as_bytes()), Some(&*later));
        for wrong in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        ] {
            assert_eq!(traceparent(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn each_request_is_a_span_of_the_trace() {
        let trace = Trace::of(ONE).expect("a trace");
        let (first, second) = (trace.child(), trace.clone().child());
        assert_ne!(first, second);
        for child in [first, second] {
            assert_eq!(traceparent(child.as_bytes()), Some(&*child));
            assert_eq!((&child[..35], &child[52..]), (&ONE[..35], "-01"));
        }
    }
}
