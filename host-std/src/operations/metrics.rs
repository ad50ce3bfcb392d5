//! What a server counts, for who collects such numbers from many.
//!
//! Names, base units and suffixes are those of [OpenMetrics](https://prometheus.io/docs/specs/om/open_metrics_spec/) 1.0, and
//! of the text format of Prometheus, which differs in a few words. However many names there are, the number of series is
//! bounded: the largest have one each, and all the rest are one together.

use std::fmt::{self, Write as _};

use streamgauge_core::endpoints::Request;
use streamgauge_core::engine::{QueueStats, TopicStats};
use streamgauge_core::time::Time;

use super::process::Usage;
use super::series::{Column, Listed, Rest, Series};
use super::{Health, Overview, State, Used};
use crate::engine::disk::SyncTimes;
use crate::gauges::GaugeStats;
use crate::server::{answered, preferred, tls};

/// A form in which metrics are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    OpenMetrics,
    Prometheus,
}

impl Form {
    /// That which a client would rather have.
    pub(crate) fn accepted(request: &Request<'_>) -> Self {
        let forms = [Self::Prometheus, Self::OpenMetrics];
        preferred(request.accept, forms, Self::content_type).unwrap_or(Self::Prometheus)
    }

    /// Its media type.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Metrics, one family after the other.
#[derive(Debug)]
pub(crate) struct Metrics {
    form: Form,
    text: String,
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It only rises, and begins anew with the process.
    Counter,
    /// It rises and falls.
    Gauge,
}

impl Metrics {
    pub(crate) const fn new(form: Form) -> Self {
        Self { form, text: String::new() }
    }

    /// One family, with a value for each of its labels: `name` is without `_total`, and what every process has is called as
    /// everywhere.
    pub(crate) fn family<L: fmt::Display>(
        &mut self,
        kind: Kind,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, f64)>,
    ) {
        let (word, total) = match kind {
            Kind::Counter => ("counter", "_total"),
            Kind::Gauge => ("gauge", ""),
        };
        // Prometheus calls the family what its samples are called.
        let family = if self.form == Form::Prometheus { total } else { "" };
        let whose = if name.starts_with("process_") { "" } else { "streamgauge_" };
        let _ = writeln!(self.text, "# HELP {whose}{name}{family} {help}");
        let _ = writeln!(self.text, "# TYPE {whose}{name}{family} {word}");
        for (labels, value) in values {
            let _ = writeln!(self.text, "{whose}{name}{total}{labels} {value}");
        }
    }

    /// A family of one value.
    pub(crate) fn one(&mut self, kind: Kind, name: &str, help: &str, value: f64) {
        self.family(kind, name, help, [("", value)]);
    }

    /// A family of one histogram: how many values there were up to each bound, how many in all, and their sum.
    fn histogram(&mut self, name: &str, help: &str, within: &[(f64, u64)], (count, sum): (u64, f64)) {
        let name = format!("streamgauge_{name}");
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} histogram");
        for (bound, count) in within {
            let _ = writeln!(self.text, "{name}_bucket{{le=\"{bound:?}\"}} {count}");
        }
        let _ = writeln!(self.text, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }

    /// All of it.
    pub(crate) fn finish(mut self) -> String {
        if self.form == Form::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }
}

/// `{name="value"}`; the value is escaped.
pub(crate) struct Label<'a>(pub(crate) &'static str, pub(crate) &'a str);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}=\"", self.0)?;
        for char in self.1.chars() {
            match char {
                '\\' | '"' => write!(f, "\\{char}")?,
                '\n' => f.write_str("\\n")?,
                char => f.write_char(char)?,
            }
        }
        f.write_str("\"}")
    }
}

const TOPICS: [Column<TopicStats>; 8] = [
    (Kind::Counter, "topic_published_messages", "Messages published.", |topic| topic.received_ever),
    (Kind::Counter, "topic_sent_messages", "Messages sent, counted for each subscriber.", |topic| topic.sent_ever),
    (Kind::Counter, "topic_duplicates", "Messages that came again under an id that was known.", |topic| {
        topic.duplicates
    }),
    (Kind::Counter, "topic_subscriptions", "Subscribers so far.", |topic| topic.subscriptions),
    (Kind::Counter, "topic_kicked", "Subscribers that were too slow and were sent away.", |topic| topic.kicked),
    (Kind::Gauge, "topic_subscribers", "Subscribers now.", |topic| topic.subscribers),
    (Kind::Gauge, "topic_messages", "Messages kept.", |topic| topic.messages),
    (Kind::Gauge, "topic_bytes", "Bytes of the messages kept.", |topic| topic.bytes),
];

const QUEUES: [Column<QueueStats>; 17] = [
    (Kind::Counter, "queue_accepted_items", "Items accepted.", |queue| queue.counters.accepted),
    (Kind::Counter, "queue_acked_items", "Items acknowledged.", |queue| queue.counters.acked),
    (Kind::Counter, "queue_delivered_items", "Items given out without a lease.", |queue| queue.counters.delivered),
    (Kind::Counter, "queue_overflow_items", "Items that had to leave for others.", |queue| queue.counters.overflow),
    (Kind::Counter, "queue_expired_items", "Items that were too old.", |queue| queue.counters.expired),
    (Kind::Counter, "queue_purged_items", "Items that were taken away.", |queue| queue.counters.purged),
    (Kind::Counter, "queue_requeued_items", "Items that came back.", |queue| queue.counters.requeued),
    (Kind::Counter, "queue_timed_out_items", "Leases that ran out.", |queue| queue.counters.timed_out),
    (Kind::Counter, "queue_refused_items", "Items that were not accepted.", |queue| queue.counters.refused),
    (Kind::Counter, "queue_duplicates", "Items that came again under an id that was known.", |queue| queue.duplicates),
    (Kind::Counter, "queue_filtered_messages", "Messages that the filter kept out.", |queue| queue.filtered),
    (Kind::Counter, "queue_sampled_out_messages", "Messages that were passed over.", |queue| queue.sampled),
    (Kind::Gauge, "queue_ready_items", "Items that can be got.", |queue| queue.counters.ready),
    (Kind::Gauge, "queue_delayed_items", "Items that can be got later.", |queue| queue.counters.delayed),
    (Kind::Gauge, "queue_leased_items", "Items on lease.", |queue| queue.counters.leased),
    (Kind::Gauge, "queue_dead_items", "Dead letters.", |queue| queue.counters.dead),
    (Kind::Gauge, "queue_bytes", "Bytes of the items.", |queue| queue.counters.bytes),
];

const GAUGES: [Column<GaugeStats>; 5] = [
    (Kind::Counter, "gauge_messages", "Messages read.", |gauge| gauge.messages),
    (Kind::Counter, "gauge_missed_messages", "Messages that had left the log before they were read.", |gauge| {
        gauge.missed
    }),
    (Kind::Counter, "gauge_untold_readings", "Readings and alerts that could not be published.", |gauge| gauge.untold),
    (Kind::Gauge, "gauge_behind_messages", "Messages that are not read yet.", |gauge| gauge.behind),
    (Kind::Gauge, "gauge_bytes", "Bytes that it holds.", |gauge| gauge.bytes),
];

/// Tells what is so of the server as a whole.
pub(crate) fn server(overview: &Overview, health: &Health, began: Time, out: &mut Metrics) {
    let version = Label("version", env!("CARGO_PKG_VERSION"));
    out.family(Kind::Gauge, "build_info", "Which version this is.", [(version, 1.0)]);
    for (name, used) in [("memory", Some(overview.memory)), ("disk", overview.disk)] {
        let Some(Used { bytes, most }) = used else { continue };
        out.one(Kind::Gauge, &format!("{name}_bytes"), "Bytes in use.", bytes as f64);
        out.one(Kind::Gauge, &format!("{name}_budget_bytes"), "Bytes that may be in use.", most as f64);
    }
    let limited = health.checks().map(|(name, state)| (Label("check", name), f64::from(u8::from(*state != State::Ok))));
    out.family(Kind::Gauge, "limited", "Whether requests are refused for want of this, as /readyz says.", limited);
    let answered = answered().into_iter().map(|(status, count)| (Status(status), count as f64));
    out.family(Kind::Counter, "http_answers", "Answers, by their status.", answered);
    let refused = overview.refused.iter().map(|(reason, count)| (Label("reason", reason), *count as f64));
    out.family(Kind::Counter, "refused_requests", "Requests that were refused, by the type of the problem.", refused);
    let handshakes = tls::handshakes().map(|(end, count)| (Label("end", end), count as f64));
    out.family(Kind::Counter, "tls_handshakes", "Handshakes of TLS, by how they ended.", handshakes);
    let Usage { cpu_seconds, resident_bytes, descriptors, most_descriptors } = Usage::now();
    out.one(Kind::Counter, "process_cpu_seconds", "CPU time of all threads.", cpu_seconds);
    out.one(Kind::Gauge, "process_resident_memory_bytes", "Memory that is resident.", resident_bytes as f64);
    out.one(Kind::Gauge, "process_open_fds", "Descriptors that are open.", descriptors as f64);
    out.one(Kind::Gauge, "process_max_fds", "Descriptors that may be open.", most_descriptors as f64);
    let began = began.as_millis() as f64 / 1_000.0;
    out.one(Kind::Gauge, "process_start_time_seconds", "When the process began, as Unix time.", began);
}

struct Status(u16);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{status=\"{}\"}}", self.0)
    }
}

/// Tells how long the disk takes.
pub(crate) fn syncs(SyncTimes { within, count, sum }: &SyncTimes, out: &mut Metrics) {
    let help = "Until what was to be safe was on the disk: a group of requests, or what an interval of --sync has.";
    out.histogram("disk_sync_seconds", help, within, (*count, *sum));
}

/// What the topics, queues and gauges without series of their own have counted. Who asks holds it from before it asks: what
/// was listed earlier and told later would have fallen.
#[derive(Debug, Default)]
pub(crate) struct Rests {
    topics: Rest<{ TOPICS.len() }>,
    queues: Rest<{ QUEUES.len() }>,
    gauges: Rest<{ GAUGES.len() }>,
}

impl Rests {
    /// From what there is at the beginning on; gauges begin with the process.
    pub(crate) fn begin(&mut self, topics: &Listed<TopicStats>, queues: &Listed<QueueStats>) {
        self.topics.begin(topics, &TOPICS);
        self.queues.begin(queues, &QUEUES);
        self.gauges.begin(&Listed::default(), &GAUGES);
    }

    /// Tells topics.
    pub(crate) fn topics(&mut self, listed: Listed<TopicStats>, out: &mut Metrics) {
        out.one(Kind::Gauge, "topics", "Topics.", listed.len() as f64);
        columns("topic", &listed.series(&TOPICS, &mut self.topics), &TOPICS, out);
    }

    /// Tells queues.
    pub(crate) fn queues(&mut self, listed: Listed<QueueStats>, now: Time, out: &mut Metrics) {
        out.one(Kind::Gauge, "queues", "Queues.", listed.len() as f64);
        let unlogged = listed.any().map_or(0, |stats| stats.unlogged);
        out.one(Kind::Gauge, "unlogged_items", "Items that had to leave and are in no log.", unlogged as f64);
        let all = listed.series(&QUEUES, &mut self.queues);
        columns("queue", &all, &QUEUES, out);
        let ages = all.iter().filter_map(|one| {
            let age = now.as_millis().saturating_sub(one.oldest?.as_millis());
            Some((Label("queue", &one.name), age as f64 / 1_000.0))
        });
        out.family(Kind::Gauge, "queue_oldest_age_seconds", "Since the oldest item that can be got was put.", ages);
    }

    /// Tells gauges.
    pub(crate) fn gauges(&mut self, listed: Listed<GaugeStats>, out: &mut Metrics) {
        out.one(Kind::Gauge, "gauges", "Gauges.", listed.len() as f64);
        columns("gauge", &listed.series(&GAUGES, &mut self.gauges), &GAUGES, out);
    }
}

fn columns<S, const N: usize>(label: &'static str, all: &[Series<N>], columns: &[Column<S>; N], out: &mut Metrics) {
    for (at, (kind, name, help, _)) in columns.iter().enumerate() {
        let values = all.iter().map(|one| (Label(label, &one.name), one.values[at] as f64));
        out.family(*kind, name, help, values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same_in_their_own_words() {
        let text = |form| {
            let mut metrics = Metrics::new(form);
            metrics.family(Kind::Counter, "news", "News.", [(Label("topic", "a\"b\\\n"), 3.0)]);
            metrics.one(Kind::Gauge, "depth", "Depth.", 0.5);
            metrics.histogram("time_seconds", "Time.", &[(0.0001, 2), (1.0, 3)], (4, 12.5));
            metrics.finish()
        };
        let samples = "streamgauge_news_total{topic=\"a\\\"b\\\\\\n\"} 3\n";
        assert_eq!(
            text(Form::OpenMetrics),
            format!(
                "# HELP streamgauge_news News.\n# TYPE streamgauge_news counter\n{samples}\
                 # HELP streamgauge_depth Depth.\n# TYPE streamgauge_depth gauge\nstreamgauge_depth 0.5\n\
                 # HELP streamgauge_time_seconds Time.\n# TYPE streamgauge_time_seconds histogram\n\
                 streamgauge_time_seconds_bucket{{le=\"0.0001\"}} 2\nstreamgauge_time_seconds_bucket{{le=\"1.0\"}} 3\n\
                 streamgauge_time_seconds_bucket{{le=\"+Inf\"}} 4\nstreamgauge_time_seconds_sum 12.5\n\
                 streamgauge_time_seconds_count 4\n# EOF\n"
            )
        );
        assert!(text(Form::Prometheus).starts_with(&format!(
            "# HELP streamgauge_news_total News.\n# TYPE streamgauge_news_total counter\n{samples}"
        )));
        assert!(!text(Form::Prometheus).contains("EOF"));
        for (accept, form) in [
            ("Application/OpenMetrics-Text; version=1.0.0,*/*", Form::OpenMetrics),
            ("text/plain;q=0.5,application/openmetrics-text;version=1.0.0;q=0.01", Form::Prometheus),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4", Form::OpenMetrics),
            ("application/*", Form::OpenMetrics),
            ("application/openmetrics-text;q=0", Form::Prometheus),
            ("application/openmetrics-text; version=1.0.0; Q=0.000, text/plain", Form::Prometheus),
            ("text/plain", Form::Prometheus),
        ] {
            let accept = accept.as_bytes();
            assert_eq!(Form::accepted(&Request { accept, ..Request::new(b"/metrics") }), form);
        }
    }
}
