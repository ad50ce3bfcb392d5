use super::Error;
use streamgauge_core::wire::lines::{self, Lines};
use streamgauge_core::wire::multipart::{self, BOUNDARY, Multipart};
use streamgauge_core::wire::sse::{self, Events};

/// How one message follows another in a subscription's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// A newline behind each message.
    Lines,
    /// Parts with a content-length.
    Multipart,
    /// Server-sent events.
    Events,
}

impl Encoding {
    /// What a content-type stands for; `None` if it is no encoding of its own, which is then
    /// [`Lines`](Self::Lines) for want of anything better.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match kind.as_str() {
            "application/json" | "application/x-ndjson" => Some(Self::Lines),
            "multipart/x-mixed-replace" => Some(Self::Multipart),
            "text/event-stream" => Some(Self::Events),
            _ => None,
        }
    }
}

/// What a [`Decoder`] finds; the number is the one that the message itself carries.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    Message(Option<u64>, &'a [u8]),
    TooLong(Option<u64>, u64),
    /// The server says that it left out so many.
    Gap(u64),
}

/// Messages out of a subscription's body.
#[derive(Debug)]
pub(super) enum Decoder {
    Lines(Lines<Box<[u8]>>, LastWords),
    Multipart(Box<Multipart<Box<[u8]>>>, Tail),
    /// And whether the server said that it kicks.
    Events(Box<Events<Box<[u8]>>>, bool),
}

impl Decoder {
    /// For a stream of this content-type, with messages of up to `max` bytes.
    pub(super) fn new(content_type: &str, max: usize) -> Result<Self, Error> {
        let storage = vec![0; max].into_boxed_slice();
        Ok(match Encoding::of(content_type).unwrap_or(Encoding::Lines) {
            Encoding::Lines => Self::Lines(Lines::subscription(storage), LastWords::default()),
            Encoding::Events => Self::Events(Box::new(Events::new(storage)), false),
            Encoding::Multipart => {
                let boundary = boundary(content_type).map_or(BOUNDARY, str::as_bytes);
                let parts = Multipart::new(storage, boundary).ok_or(Error::Encoding("no valid boundary"))?;
                Self::Multipart(Box::new(parts), Tail::default())
            }
        })
    }

    pub(super) fn encoding(&self) -> Encoding {
        match self {
            Self::Lines(..) => Encoding::Lines,
            Self::Multipart(..) => Encoding::Multipart,
            Self::Events(..) => Encoding::Events,
        }
    }

    pub(super) fn decode(&mut self, mut input: &[u8], mut on: impl FnMut(Found<'_>)) -> Result<(), Error> {
        match self {
            Self::Lines(lines, last_words) => {
                while let Some(event) = lines.decode(&mut input) {
                    last_words.release(&mut on);
                    match event {
                        lines::Event::Line(line) if last_words.holds_back(line) => {}
                        lines::Event::Line(line) => on(Found::Message(None, line)),
                        lines::Event::TooLong { length } => on(Found::TooLong(None, length)),
                    }
                }
            }
            Self::Multipart(parts, tail) => {
                tail.push(input);
                while let Some(event) = parts.decode(&mut input) {
                    match event {
                        multipart::Event::Message(message) => on(Found::Message(None, message)),
                        multipart::Event::TooLong { length } => on(Found::TooLong(None, length)),
                        multipart::Event::Gap(messages) => on(Found::Gap(messages)),
                        multipart::Event::Malformed(_) => return Err(Error::Encoding("malformed part")),
                        multipart::Event::End => return Err(Error::Closed),
                    }
                }
            }
            Self::Events(events, is_kicked) => {
                while let Some(event) = events.decode(&mut input) {
                    match event {
                        sse::Event::Message(event) if event.event == b"error" => *is_kicked |= is_kick(event.data),
                        sse::Event::Message(event) => decode_event(&event, &mut on),
                        sse::Event::TooLong { length, .. } => on(Found::TooLong(None, length)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Why the stream has ended.
    pub(super) fn finish(&self) -> Error {
        let is_kicked = match self {
            Self::Lines(_, last_words) => last_words.0.is_some(),
            Self::Multipart(_, tail) => tail.is_kick(),
            Self::Events(_, is_kicked) => *is_kicked,
        };
        if is_kicked { Error::Kicked } else { Error::Closed }
    }
}

fn decode_event(event: &sse::Message<'_>, on: &mut impl FnMut(Found<'_>)) {
    let number = |text: &[u8]| core::str::from_utf8(text).ok()?.trim().parse().ok();
    match event.event {
        b"" | b"message" => on(Found::Message(number(event.id), event.data)),
        b"gap" | b"lagged" => on(Found::Gap(number(event.data).unwrap_or(0))),
        // Something that the server says about itself.
        _ => {}
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    content_type.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })
}

/// Whether it is like the line that pubsub sends to whom it kicks.
fn is_kick(line: &[u8]) -> bool {
    line.starts_with(b"ERROR_TOO_SLOW. kicked for having ") && line.ends_with(b" pending bytes")
}

/// The last bytes of a stream of parts: who is kicked is told behind the last boundary, where the next part would begin.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    /// More than the line has, and the end of the one before.
    const BYTES: usize = 80;

    fn push(&mut self, input: &[u8]) {
        self.0.extend_from_slice(input.get(input.len().saturating_sub(Self::BYTES)..).unwrap_or(input));
        self.0.drain(..self.0.len().saturating_sub(Self::BYTES));
    }

    fn is_kick(&self) -> bool {
        let line = self.0.strip_suffix(b"\n").and_then(|text| text.rsplit(|byte| *byte == b'\n').next());
        line.is_some_and(is_kick)
    }
}

/// A line like the one that pubsub sends to whom it kicks, held back until it is known whether
/// the stream goes on: only then it was a message.
#[derive(Debug, Default)]
pub(super) struct LastWords(Option<Vec<u8>>);

impl LastWords {
    fn holds_back(&mut self, line: &[u8]) -> bool {
        let suspect = is_kick(line);
        if suspect {
            self.0 = Some(line.to_vec());
        }
        suspect
    }

    fn release(&mut self, on: &mut impl FnMut(Found<'_>)) {
        if let Some(line) = self.0.take() {
            on(Found::Message(None, &line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(content_type: &str, stream: &str) -> (Vec<String>, String) {
        let mut decoder = Decoder::new(content_type, 60).unwrap();
        let mut found = Vec::new();
        for byte in stream.as_bytes() {
            let fed = decoder.decode(&[*byte], |item| {
                found.push(match item {
                    Found::Message(number, bytes) => format!("{number:?} {}", String::from_utf8_lossy(bytes)),
                    other => format!("{other:?}"),
                });
            });
            if let Err(error) = fed {
                return (found, error.to_string());
            }
        }
        (found, decoder.finish().to_string())
    }

    #[test]
    fn each_encoding_is_decoded() {
        let lines = decode("application/json; charset=utf-8", "\r\na\n\nbc\ncut");
        assert_eq!(lines, (vec!["None a".into(), "None bc".into()], "connection closed".into()));
        let gap = "content-type: */*\r\ncontent-length: 0\r\nx-pubsub-gap: 7\r\n\r\n\r\n--B\r\n";
        let stream = format!("--B\r\n{gap}content-type: */*\r\ncontent-length: 3\r\n\r\na\nb\r\n--B\r\n");
        let parts = decode("Multipart/X-Mixed-Replace; boundary=\"B\"", &stream);
        assert_eq!(parts, (vec!["Gap(7)".into(), "None a\nb".into()], "connection closed".into()));
        let stream = "retry: 1\n\nid: 7\ndata: a\ndata: b\n\nevent: gap\ndata: 3\n\nevent: other\ndata: x\n\n";
        let events = decode("text/event-stream", stream);
        assert_eq!(events, (vec!["Some(7) a\nb".into(), "Gap(3)".into()], "connection closed".into()));
        assert_eq!(decode("text/plain", "a\n").0, ["None a"]);
    }

    #[test]
    fn a_kick_is_no_message_unless_the_stream_goes_on() {
        let kick = "ERROR_TOO_SLOW. kicked for having 9 pending bytes";
        let (found, end) = decode("application/json", &format!("a\n{kick}\n"));
        assert_eq!((found, end), (vec!["None a".to_owned()], Error::Kicked.to_string()));
        let (found, _) = decode("application/json", &format!("{kick}\nb\n"));
        assert_eq!(found, [format!("None {kick}"), "None b".into()]);
        let part = "content-type: */*\r\ncontent-length: 1\r\n\r\na\r\n--xXPubSubXx\r\n";
        let parts = decode("multipart/x-mixed-replace", &format!("--xXPubSubXx\r\n{part}{kick}\n"));
        assert_eq!(parts, (vec!["None a".to_owned()], Error::Kicked.to_string()));
        let of_it = part.replace("length: 1", "length: 50").replace("a\r\n--", &format!("{kick}\n\r\n--"));
        let (found, end) = decode("multipart/x-mixed-replace", &format!("--xXPubSubXx\r\n{of_it}"));
        assert_eq!((found, end), (vec![format!("None {kick}\n")], Error::Closed.to_string()));
        let events = decode("text/event-stream", &format!("id: 1\ndata: a\n\nevent: error\ndata: {kick}\n\n"));
        assert_eq!(events, (vec!["Some(1) a".to_owned()], Error::Kicked.to_string()));
        let (found, end) = decode("text/event-stream", &format!("id: 1\ndata: {kick}\n\n"));
        assert_eq!((found, end), (vec![format!("Some(1) {kick}")], Error::Closed.to_string()));
    }
}
