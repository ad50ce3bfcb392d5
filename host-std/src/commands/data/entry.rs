//! An entry of a log, as a line of JSON.

use std::io::{self, Write};
use std::time::Duration;

use data_encoding::BASE64;
use streamgauge_core::engine::journal::{Call, Entry};
use streamgauge_core::engine::{Command, Id, Kind, Lease, Name, Piece, Pieces, QueueChange, Settle, TopicChange};
use streamgauge_core::time::Time;
use streamgauge_core::wire::units::Rfc3339;

use crate::engine::disk::{Body, Position};
use crate::terminal::json;

/// A JSON object that becomes longer.
#[must_use]
pub(super) struct Object(String);

impl Object {
    /// One that says of which kind it is.
    pub(super) fn new(kind: &str) -> Self {
        Self::nameless().text("kind", kind)
    }

    /// One of no members.
    pub(super) const fn nameless() -> Self {
        Self(String::new())
    }

    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &json::string(value))
    }

    pub(super) fn number(self, name: &str, value: u64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// A value that is JSON already.
    pub(super) fn raw(self, name: &str, value: &str) -> Self {
        self.member(&format!("{}:{value}", json::string(name)))
    }

    /// A member that is JSON already.
    pub(super) fn member(mut self, member: &str) -> Self {
        self.0 += if self.0.is_empty() { "" } else { "," };
        self.0 += member;
        self
    }

    pub(super) fn end(self) -> String {
        format!("{{{}}}", self.0)
    }

    /// Writes it as a line.
    pub(super) fn write(self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.end())
    }

    fn maybe<T>(self, name: &str, value: Option<T>, json: impl FnOnce(T) -> String) -> Self {
        match value {
            Some(value) => self.raw(name, &json(value)),
            None => self,
        }
    }

    fn span(self, name: &str, span: Duration) -> Self {
        self.text(name, &format!("{span:?}"))
    }
}

/// Bytes as the server has them in JSON: `"data"`, or `"data64"` for what is no UTF-8.
pub(super) fn data(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("\"data\":{}", json::string(text)),
        Err(_) => format!("\"data64\":\"{}\"", BASE64.encode(bytes)),
    }
}

/// Adds where something is.
pub(super) fn place(line: Object, at: Position) -> Object {
    line.text("file", &at.file()).number("byte", at.offset.into())
}

/// An entry.
pub(super) fn entry(at: Position, body: &[u8]) -> Object {
    match Body::read(body) {
        Some(Body::Executed { entry, .. }) => match Entry::decode(entry, Time::ZERO) {
            Ok(entry) => executed(at, &entry),
            Err(wrong) => place(Object::new("unknown"), at).text("error", &wrong.to_string()),
        },
        Some(Body::Note(name, note)) => place(Object::new("note"), at).text("name", name.as_str()).member(&data(note)),
        Some(Body::NoNote(name)) => place(Object::new("remove_note"), at).text("name", name.as_str()),
        None => place(Object::new("unknown"), at),
    }
}

fn executed(at: Position, entry: &Entry<'_>) -> Object {
    let begin = |kind: &str| place(Object::new(kind), at).text("time", &Rfc3339(entry.now).to_string());
    let refused = |line: Object| if let Call::Refuse(_) = entry.call { line.raw("refused", "true") } else { line };
    match &entry.call {
        Call::Execute(command) | Call::Refuse(command) => refused(of_command(command, entry.taken, begin)),
        Call::Advance(kind, name) => begin("advance").text(kind.as_str(), name.as_str()),
        Call::MakeTopic(name, _) => begin("make_topic").text("topic", name.as_str()),
        Call::MakeQueue(name, _) => begin("make_queue").text("queue", name.as_str()),
        Call::Subscribe(name, _) => begin("subscribe").text("topic", name.as_str()),
        Call::PutLetter(name, letter) => {
            begin("put_letter").text("queue", name.as_str()).number("item", letter.id).member(&data(letter.data))
        }
        Call::Move(name, moves) => {
            begin("move").text("queue", name.as_str()).number("items", moves.iter().count() as u64)
        }
        Call::Retell(name, retold) => {
            let line = begin("retell").text("topic", name.as_str()).number("first", retold.first);
            line.number("messages", retold.iter().count() as u64)
        }
        Call::Lose(name, _) => begin("lose").text("queue", name.as_str()),
        Call::DropLetters(name, letters) => {
            begin("drop_letters").text("queue", name.as_str()).number("count", letters.iter().count() as u64)
        }
        _ => begin("unknown"),
    }
}

fn of_command(command: &Command<'_>, taken: u64, begin: impl Fn(&str) -> Object) -> Object {
    let queue_of = |kind: &str, queue: &Name| begin(kind).text("queue", queue.as_str());
    match command {
        Command::Publish { topic, messages, id } => {
            pieces(begin("publish").text("topic", topic.as_str()), id.as_ref(), messages, "messages")
        }
        Command::Put { queue, items, delay, id } => {
            let line = queue_of("put", queue);
            let line = if delay.is_zero() { line } else { line.span("delay", *delay) };
            pieces(line, id.as_ref(), items, "items")
        }
        Command::Get { queue, items, lease } => {
            let line = queue_of("get", queue).number("asked", *items).number("count", taken);
            match lease {
                Lease::None => line,
                Lease::For(None) => line.raw("lease", "true"),
                Lease::For(Some(span)) => line.span("lease", *span),
            }
        }
        Command::Settle { queue, tokens, how } => {
            let count = tokens.iter().count() as u64;
            let settled =
                |kind| queue_of(kind, queue).number("count", count.saturating_sub(taken)).number("over", taken);
            match how {
                Settle::Ack => settled("ack"),
                Settle::Nack { delay, reason } => {
                    let reason = String::from_utf8_lossy(reason.as_bytes()).into_owned();
                    settled("nack").span("delay", *delay).text("reason", &reason)
                }
                Settle::Touch(span) => {
                    settled("touch").maybe("lease", *span, |span| json::string(&format!("{span:?}")))
                }
            }
        }
        Command::Redrive { queue } => queue_of("redrive", queue),
        Command::Pause { queue } => queue_of("pause", queue),
        Command::Resume { queue } => queue_of("resume", queue),
        Command::Empty { queue } => queue_of("empty", queue),
        Command::Peek { queue, .. } => queue_of("peek", queue),
        Command::Dump { queue } => queue_of("dump", queue),
        Command::QueueStats { queue, reset } => queue_of("stats", queue).raw("reset", &reset.to_string()),
        Command::TopicStats { topic, reset } => {
            begin("stats").text("topic", topic.as_str()).raw("reset", &reset.to_string())
        }
        Command::List { kind, .. } => begin("list").text("of", kind.as_str()),
        Command::Show { kind, name } => begin("show").text(kind.as_str(), name.as_str()),
        Command::Remove { kind, name } => begin("remove").text(kind.as_str(), name.as_str()),
        Command::SetTopic { name, change } => set_topic(begin("set").text(Kind::Topic.as_str(), name.as_str()), change),
        Command::SetQueue { name, change } => set_queue(queue_of("set", name), change),
        _ => begin("unknown"),
    }
}

fn pieces(line: Object, id: Option<&Id>, pieces: &Pieces<'_>, name: &str) -> Object {
    let line = line.maybe("id", id, |id| json::string(&String::from_utf8_lossy(id.as_bytes())));
    let line = line.number("count", pieces.count());
    if pieces.are_bare() {
        // Of what was not taken, only the lengths are there.
        let lengths: Vec<_> = pieces.iter().map(|piece| piece.len().to_string()).collect();
        return line.raw("lengths", &format!("[{}]", lengths.join(",")));
    }
    let all = pieces.iter().filter_map(|piece| match piece {
        Piece::Plain(bytes) => Some(format!("{{{}}}", data(bytes))),
        Piece::Coded(..) | Piece::Absent(_) => None,
    });
    let all: Vec<_> = all.collect();
    line.raw(name, &format!("[{}]", all.join(",")))
}

fn set_topic(line: Object, change: &TopicChange) -> Object {
    let TopicChange { bytes, max_age, max_message_bytes, max_subscribers, dedupe_window } = *change;
    line.maybe("bytes", bytes, plain)
        .maybe("max_age", max_age, |age| or_null(age.map(spanned)))
        .maybe("max_message_bytes", max_message_bytes, plain)
        .maybe("max_subscribers", max_subscribers, plain)
        .maybe("dedupe_window", dedupe_window, spanned)
}

fn set_queue(line: Object, change: &QueueChange) -> Object {
    let QueueChange { bytes, max_depth, max_bytes, max_item_bytes, overflow, lease, max_lease, .. } = *change;
    let QueueChange { max_attempts, dead_letter, ttl, dedupe_window, topic, filter, sample, .. } = *change;
    let named = |name: Option<Name>| or_null(name.map(|name| json::string(name.as_str())));
    line.maybe("bytes", bytes, plain)
        .maybe("max_depth", max_depth, |most| or_null(most.map(plain)))
        .maybe("max_bytes", max_bytes, |most| or_null(most.map(plain)))
        .maybe("max_item_bytes", max_item_bytes, plain)
        .maybe("overflow", overflow, |overflow| json::string(overflow.as_str()))
        .maybe("lease", lease, spanned)
        .maybe("max_lease", max_lease, spanned)
        .maybe("max_attempts", max_attempts, |most| or_null(most.map(plain)))
        .maybe("dead_letter", dead_letter, named)
        .maybe("ttl", ttl, |span| or_null(span.map(spanned)))
        .maybe("dedupe_window", dedupe_window, spanned)
        .maybe("topic", topic, named)
        .maybe("filter", filter, |filter| {
            let rules: Vec<_> = filter.rules().map(json::string).collect();
            format!("[{}]", rules.join(","))
        })
        .maybe("sample", sample, plain)
}

fn plain(number: impl ToString) -> String {
    number.to_string()
}

fn spanned(span: Duration) -> String {
    json::string(&format!("{span:?}"))
}

fn or_null(value: Option<String>) -> String {
    value.unwrap_or_else(|| "null".to_owned())
}
