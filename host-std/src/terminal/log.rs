//! How events are written to stderr: for a person, or a line each for a program.

use std::fmt::{self, Write as _};

use clap::ValueEnum;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::display::is_coloured;
use super::{json, progress};

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For a person, in colour on a terminal
    Text,
    /// time=… level=… message=…: a value with a space, a quote or = in it stands in quotes
    Logfmt,
    /// An object a line: time, level, message, and the fields of the event
    Json,
}

/// What is always told, as somebody has asked for it: what a reload has changed.
const ASKED_FOR: [&str; 3] =
    ["streamgauge::commands::config", "streamgauge::operations::rights", "streamgauge::server::tls"];

/// Who says at each try, forever, what is told here once: that a server of NATS is away, or refuses to be asked.
const TOLD_HERE: &str = "async_nats";

/// Sends the log of a program that serves to stderr: warnings always, and more if it is `verbose`. Lines that nobody reads
/// are let go, and how many is told when somebody does.
pub fn start_log(verbose: bool, format: LogFormat) {
    super::stderr::let_go();
    start(verbose, format);
}

/// Sends warnings to stderr, for a person: each waits until it is read.
pub(crate) fn start_warnings() {
    start(false, LogFormat::Text);
}

fn start(verbose: bool, format: LogFormat) {
    super::say_as(format);
    let level = if verbose { LevelFilter::INFO } else { LevelFilter::WARN };
    let own = if verbose { level } else { LevelFilter::OFF };
    let told = Targets::new()
        .with_default(level)
        .with_targets(ASKED_FOR.map(|target| (target, LevelFilter::INFO)))
        .with_target(TOLD_HERE, own);
    // It would say on stderr that it can't write there, and panic.
    let layer = tracing_subscriber::fmt::layer().with_writer(|| progress::Stderr).log_internal_errors(false);
    let layer = match format {
        LogFormat::Text => {
            layer.with_ansi(is_coloured(&std::io::stderr())).with_target(false).with_filter(told).boxed()
        }
        format => layer.event_format(Lines(format)).with_filter(told).boxed(),
    };
    tracing_subscriber::registry().with(layer).init();
}

/// A line for each event.
#[derive(Debug, Clone, Copy)]
struct Lines(LogFormat);

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Line::of(self.0, *event.metadata().level());
        event.record(&mut line);
        writeln!(writer, "{}", line.finish())
    }
}

/// What is said without an event, as a line of one.
pub(super) fn record(format: LogFormat, level: Level, message: &str) -> String {
    let mut line = Line::of(format, level);
    line.text("message", message);
    line.finish()
}

const fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// The fields of one event, as they come.
struct Line {
    format: LogFormat,
    text: String,
}

impl Line {
    fn new(format: LogFormat) -> Self {
        Self { format, text: String::with_capacity(256) }
    }

    /// The beginning of an event that is now.
    fn of(format: LogFormat, of: Level) -> Self {
        let mut line = Self::new(format);
        line.text("time", &format!("{:.6}", jiff::Timestamp::now()));
        line.text("level", level(of));
        line
    }

    fn name(&mut self, name: &str) {
        let is_first = self.text.is_empty();
        if self.format == LogFormat::Json {
            self.text.push(if is_first { '{' } else { ',' });
            self.text.push_str(&json::string(name));
            self.text.push(':');
        } else {
            self.text.extend((!is_first).then_some(' '));
            self.text.push_str(name);
            self.text.push('=');
        }
    }

    fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        let is_plain = !value.is_empty() && value.chars().all(|char| char > ' ' && !matches!(char, '"' | '=' | '\\'));
        if self.format == LogFormat::Logfmt && is_plain {
            self.text.push_str(value);
        } else {
            self.text.push_str(&json::string(value));
        }
    }

    /// A value that neither form puts in quotes.
    fn plain(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        let _ = write!(self.text, "{value}");
    }

    fn finish(mut self) -> String {
        if self.format == LogFormat::Json {
            self.text.push('}');
        }
        self.text
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.plain(field.name(), value);
        } else {
            self.text(field.name(), &value.to_string());
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.text(field.name(), &value.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_can_be_told_from_what_is_around_it() {
        let line = |format| {
            let mut line = Line::new(format);
            line.text("plain", "/a?b");
            line.text("quoted", "a \"b\"\n\u{1}");
            line.text("assigned", "a=b");
            line.text("none", "");
            line.plain("number", 7);
            line.finish()
        };
        assert_eq!(line(LogFormat::Logfmt), r#"plain=/a?b quoted="a \"b\"\n\u0001" assigned="a=b" none="" number=7"#);
        let read: serde_json::Value = serde_json::from_str(&line(LogFormat::Json)).expect("JSON");
        assert_eq!((&read["quoted"], &read["number"]), (&"a \"b\"\n\u{1}".into(), &7.into()));
    }
}
