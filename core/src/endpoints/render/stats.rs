//! Counters: in the original's bytes where no name is given, and with all that is counted where one is.

use core::fmt;

use embedded_io::Write;

use super::super::parse::Shape;
use super::super::{Headers, Response, Status};
use crate::engine::{QueueStats, TopicStats};
use crate::wire::units::Rfc3339;
use crate::wire::write_fmt;

/// `/stats` of a topic.
pub(super) fn topic<W: Write>(
    stats: &TopicStats,
    named: bool,
    shape: Shape,
    out: &mut W,
) -> Result<Response, W::Error> {
    let TopicStats { subscribers, subscriptions, received, sent, kicked, .. } = stats;
    let mut response = Response::text(Status::Ok);
    match shape {
        Shape::Plain { json: true } if named => {
            topic_json(stats, out)?;
            out.write_all(b"\n")?;
            response = Response::JSON;
        }
        Shape::Plain { json: true } => {
            write_fmt(
                out,
                format_args!(
                    "{{\"current_connections\": {subscribers},\"total_connections\": {subscriptions},\
                     \"messages_received\": {received},\"messages_sent\": {sent},\"kicked_clients\": {kicked}}}\n"
                ),
            )?;
            response = Response::JSON;
        }
        _ => write_fmt(
            out,
            format_args!(
                "Active connections: {subscribers}\nTotal connections: {subscriptions}\n\
                 Messages received: {received}\nMessages sent: {sent}\nKicked clients: {kicked}\n"
            ),
        )?,
    }
    response.headers = Headers::Pubsub(*stats);
    Ok(response)
}

/// `/stats` of a queue.
pub(super) fn queue<W: Write>(stats: &QueueStats, named: bool, shape: Shape, out: &mut W) -> Result<(), W::Error> {
    let QueueStats { puts, gets, counters, .. } = stats;
    let (depth, high_water) = (counters.ready, counters.high_water);
    let (bytes, overflow) = (counters.bytes, counters.overflow);
    match shape {
        Shape::Plain { json: true } if named => {
            queue_json(stats, out)?;
            out.write_all(b"\n")
        }
        Shape::Plain { json: true } => write_fmt(
            out,
            format_args!(
                "{{\"puts\": {puts},\"gets\": {gets},\"depth\": {depth},\"depth_high_water\": {high_water},\
                 \"bytes\": {bytes},\"overflow\": {overflow}}}\n"
            ),
        ),
        _ => {
            write_fmt(
                out,
                format_args!(
                    "puts:{puts}\ngets:{gets}\ndepth:{depth}\ndepth_high_water:{high_water}\nbytes:{bytes}\n\
                     overflow:{overflow}\n"
                ),
            )?;
            if named {
                each_of_queue(stats, |name, value| write_fmt(out, format_args!("{name}:{value}\n")))?;
            }
            Ok(())
        }
    }
}

/// What `/stats` of a queue is.
pub(super) fn response(shape: Shape) -> Response {
    match shape {
        Shape::Plain { json: true } => Response::JSON,
        _ => Response::text(Status::Ok),
    }
}

/// All that a topic counts.
pub(super) fn topic_json<W: Write>(stats: &TopicStats, out: &mut W) -> Result<(), W::Error> {
    let TopicStats { subscribers, subscriptions, received, sent, kicked, duplicates, forgotten_early, .. } = stats;
    let TopicStats { messages, bytes, first, next, .. } = stats;
    write_fmt(
        out,
        format_args!(
            "{{\"subscribers\":{subscribers},\"subscriptions\":{subscriptions},\"received\":{received},\"sent\":{sent},\
             \"kicked\":{kicked},\"duplicates\":{duplicates},\"forgotten_early\":{forgotten_early},\"messages\":{messages},\"bytes\":{bytes},\
             \"first\":{first},\"next\":{next}}}"
        ),
    )
}

/// All that a queue counts.
pub(super) fn queue_json<W: Write>(stats: &QueueStats, out: &mut W) -> Result<(), W::Error> {
    let QueueStats { puts, gets, counters, paused, oldest, .. } = stats;
    write_fmt(
        out,
        format_args!(
            "{{\"puts\":{puts},\"gets\":{gets},\"depth\":{},\"depth_high_water\":{},\"bytes\":{},\"overflow\":{}",
            counters.ready, counters.high_water, counters.bytes, counters.overflow
        ),
    )?;
    each_of_queue(stats, |name, value| write_fmt(out, format_args!(",\"{name}\":{value}")))?;
    write_fmt(out, format_args!(",\"paused\":{paused},\"oldest\":{}}}", OrNull(oldest.map(Time))))
}

/// The terms of the law but `overflow`, which is among the original's counters, and what else is counted: `filtered`
/// and `sampled` are messages of a topic that were never accepted, and in no sum.
fn each_of_queue<E>(stats: &QueueStats, mut each: impl FnMut(&str, u64) -> Result<(), E>) -> Result<(), E> {
    let counters = &stats.counters;
    for (name, value) in [
        ("accepted", counters.accepted),
        ("acked", counters.acked),
        ("delivered", counters.delivered),
        ("ready", counters.ready),
        ("delayed", counters.delayed),
        ("leased", counters.leased),
        ("dead", counters.dead),
        ("expired", counters.expired),
        ("purged", counters.purged),
        ("requeued", counters.requeued),
        ("timed_out", counters.timed_out),
        ("refused", counters.refused),
        ("duplicates", stats.duplicates),
        ("forgotten_early", stats.forgotten_early),
        ("filtered", stats.filtered),
        ("sampled", stats.sampled),
        ("unlogged", stats.unlogged),
    ] {
        each(name, value)?;
    }
    Ok(())
}

struct Time(crate::time::Time);

impl core::fmt::Display for Time {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "\"{}\"", Rfc3339(self.0))
    }
}

/// `null` for nothing.
pub(super) struct OrNull<T>(pub(super) Option<T>);

impl<T: fmt::Display> fmt::Display for OrNull<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("null"),
        }
    }
}
