//! Messages that carry the trace of the request that brings them: where it asks for that, by `trace=1`.
//!
//! The trace is a member of the message, as [CloudEvents] has it, and not beside it: so it is there in every form of
//! stream, behind every queue, on the disk and at other gateways, for whoever can read JSON.
//!
//! [CloudEvents]: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md

use streamgauge_core::endpoints::Request;
use streamgauge_core::engine::{Command, Piece, Pieces};
use streamgauge_core::log::{prefix_len, write_prefix};

use crate::server::{AllTaken, Context, Share};
use crate::trace::{members_without, traceparent};

/// Messages or items with their traces, each behind its length.
#[derive(Debug)]
pub(super) struct Carried {
    bytes: Vec<u8>,
    _share: Option<Share>,
}

/// Why messages can't carry their traces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// They would be longer than a body may be.
    TooLong,
    /// There is no room for so much now.
    Busy,
}

/// The trace of a request whose messages are to carry it.
pub(super) fn wanted<'a>(request: &Request<'_>, context: &Context<'a>) -> Option<&'a str> {
    if request.query.get("trace")? != *"1" {
        return None;
    }
    context.field("traceparent").and_then(traceparent)
}

/// The messages or items of `command`, with the `traceparent` of the request in each that is an object of JSON and names
/// none; `None` where there is nothing to add, or nobody asks for it. O(n).
///
/// # Errors
/// [`NoPlace`], beyond `most` bytes of messages, or what is left for the client.
pub(super) fn carry(
    command: &Command<'_>,
    request: &Request<'_>,
    context: &Context<'_>,
    most: usize,
) -> Result<Option<Carried>, NoPlace> {
    let (Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. }) = command else {
        return Ok(None);
    };
    let Some(trace) = wanted(request, context) else { return Ok(None) };
    let member = format!("\"traceparent\":{}", serde_json::Value::from(trace));
    let (mut bytes, mut message, mut len) = (Vec::new(), Vec::new(), 0);
    for piece in pieces.iter() {
        write(piece, &member, &mut message);
        len += message.len();
        if len > most {
            return Err(NoPlace::TooLong);
        }
        let start = bytes.len();
        bytes.resize(start + prefix_len(message.len()), 0);
        write_prefix(message.len(), &mut bytes[start..]);
        bytes.extend_from_slice(&message);
    }
    let share = context.take(bytes.len()).map_err(|AllTaken| NoPlace::Busy)?;
    Ok(Some(Carried { bytes, _share: share }))
}

impl Carried {
    /// The same command, with these messages.
    pub(super) fn with<'a>(&'a self, mut command: Command<'a>) -> Command<'a> {
        if let Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } = &mut command
            && let Some(carried) = Pieces::prefixed(&self.bytes)
        {
            *pieces = carried;
        }
        command
    }
}

/// Makes `message` what `piece` is, with the member if it is an object that lacks it.
fn write(piece: Piece<'_>, member: &str, message: &mut Vec<u8>) {
    message.clear();
    message.resize(piece.len(), 0);
    piece.copy_to(message);
    let Some(begin) = members_without(message) else { return };
    let is_empty = message[begin..].trim_ascii_start().starts_with(b"}");
    let comma = if is_empty { "" } else { "," };
    message.splice(begin..begin, member.bytes().chain(comma.bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_that_name_no_trace_get_one() {
        let member = r#""traceparent":"x""#;
        for (message, carried) in [
            (r#"{"u":1}"#, r#"{"traceparent":"x","u":1}"#),
            (r#" { "u" : 1 } "#, r#" {"traceparent":"x", "u" : 1 } "#),
            ("{}", r#"{"traceparent":"x"}"#),
            ("{ }", r#"{"traceparent":"x" }"#),
            (r#"{"in":{"traceparent":1}}"#, r#"{"traceparent":"x","in":{"traceparent":1}}"#),
            (r#"{"traceparent":null}"#, r#"{"traceparent":null}"#),
            (r#"{"u":1,"traceparent":"y"}"#, r#"{"u":1,"traceparent":"y"}"#),
            (r#"{"u":1"#, r#"{"u":1"#),
            (r#"{"u":1}}"#, r#"{"u":1}}"#),
            ("[{}]", "[{}]"),
            ("H3110", "H3110"),
            ("", ""),
        ] {
            let mut traced = b"of before".to_vec();
            write(Piece::Plain(message.as_bytes()), member, &mut traced);
            assert_eq!(String::from_utf8(traced).as_deref(), Ok(carried), "{message}");
        }
    }
}
