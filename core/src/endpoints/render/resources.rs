//! Topics and queues as JSON: their settings and counters.

use core::fmt;
use core::time::Duration;

use embedded_io::Write;

use super::stats::{self, OrNull};
use crate::engine::{Name, Published, QueueSettings, QueueStats, TopicSettings, TopicStats};
use crate::wire::json::write;
use crate::wire::write_fmt;

/// A topic.
pub(super) fn topic<W: Write>(
    name: &Name,
    settings: &TopicSettings,
    counters: &TopicStats,
    out: &mut W,
) -> Result<(), W::Error> {
    let TopicSettings { bytes, max_age, max_message_bytes, max_subscribers, dedupe_window } = settings;
    write_fmt(
        out,
        format_args!(
            "{{\"name\":\"{name}\",\"settings\":{{\"bytes\":{bytes},\"max_age\":{},\
             \"max_message_bytes\":{max_message_bytes},\"max_subscribers\":{max_subscribers},\"dedupe_window\":{}}},\
             \"counters\":",
            OrNull(max_age.map(Span)),
            Span(*dedupe_window),
        ),
    )?;
    stats::topic_json(counters, out)?;
    out.write_all(b"}")
}

/// A queue.
pub(super) fn queue<W: Write>(
    name: &Name,
    settings: &QueueSettings,
    counters: &QueueStats,
    out: &mut W,
) -> Result<(), W::Error> {
    let QueueSettings { bytes, max_depth, max_bytes, max_item_bytes, overflow, .. } = settings;
    write_fmt(
        out,
        format_args!(
            "{{\"name\":\"{name}\",\"settings\":{{\"bytes\":{bytes},\"max_depth\":{},\"max_bytes\":{},\
             \"max_item_bytes\":{max_item_bytes},\"overflow\":\"{}\"",
            OrNull(*max_depth),
            OrNull(*max_bytes),
            overflow.as_str(),
        ),
    )?;
    let QueueSettings { lease, max_lease, max_attempts, dead_letter, ttl, dedupe_window, .. } = settings;
    let QueueSettings { topic, filter, sample, .. } = settings;
    write_fmt(
        out,
        format_args!(
            ",\"lease\":{},\"max_lease\":{},\"max_attempts\":{},\"dead_letter\":{},\"ttl\":{},\"dedupe_window\":{},\
             \"topic\":{},\"filter\":[",
            Span(*lease),
            Span(*max_lease),
            OrNull(*max_attempts),
            OrNull(dead_letter.as_ref().map(Quoted)),
            OrNull(ttl.map(Span)),
            Span(*dedupe_window),
            OrNull(topic.as_ref().map(Quoted)),
        ),
    )?;
    for (number, rule) in filter.rules().enumerate() {
        out.write_all(if number == 0 { b"" } else { b"," })?;
        write::string(rule, out)?;
    }
    write_fmt(out, format_args!("],\"sample\":{sample}}},\"counters\":"))?;
    stats::queue_json(counters, out)?;
    out.write_all(b"}")
}

/// What a publisher is told.
pub(super) fn published<W: Write>(published: &Published, out: &mut W) -> Result<(), W::Error> {
    let Published { topic, first, messages, duplicates, subscribers } = published;
    write_fmt(out, format_args!("{{\"topic\":\"{topic}\",\"first\":"))?;
    match messages {
        0 => out.write_all(b"null,\"last\":null")?,
        _ => {
            let last = first.wrapping_add(*messages).wrapping_sub(1);
            write_fmt(out, format_args!("{first},\"last\":{last}"))?;
        }
    }
    write_fmt(
        out,
        format_args!(",\"messages\":{messages},\"duplicates\":{duplicates},\"subscribers\":{subscribers}}}\n"),
    )
}

/// A duration as settings have it: a text of whole seconds or milliseconds, which reads back as the same.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        if millis == 0 {
            write!(f, "\"{seconds}s\"")
        } else {
            write!(f, "\"{}ms\"", seconds.saturating_mul(1_000).saturating_add(u64::from(millis)))
        }
    }
}

struct Quoted<'a>(&'a Name);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}
