//! Messages that carry the trace of the request that brings them: where it asks for that, by `trace=1`.
//!
//! The trace is a member of the message, as [CloudEvents] has it, and not beside it: so it is there in every form of
//! stream, behind every queue, on the disk and at other gateways, for whoever can read JSON.
//!
//! [CloudEvents]: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/distributed-tracing.md

use streamgauge_core::endpoints::Request;
use streamgauge_core::engine::{Command, Piece, Pieces};
use streamgauge_core::log::{prefix_len, write_prefix};

use crate::server::Context;
use crate::trace::{members_without, traceparent};

/// With their traces the messages would be longer than a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// The messages or items of `command`, each behind its length, with the `traceparent` of the request in each that is an
/// object of JSON and names none; `None` where there is nothing to add, or nobody asks for it. O(n).
///
/// # Errors
/// [`TooLong`], beyond `most` bytes of messages.
pub(super) fn carry(
    command: &Command<'_>,
    request: &Request<'_>,
    context: &Context<'_>,
    most: usize,
) -> Result<Option<Vec<u8>>, TooLong> {
    let (Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. }) = command else {
        return Ok(None);
    };
    if request.query.get("trace").is_none_or(|trace| trace != *"1") {
        return Ok(None);
    }
    let Some(trace) = context.field("traceparent").and_then(traceparent) else { return Ok(None) };
    let member = format!("\"traceparent\":{}", serde_json::Value::from(trace));
    let (mut bytes, mut len) = (Vec::new(), 0);
    for piece in pieces.iter() {
        let piece = with_member(piece, &member);
        len += piece.len();
        if len > most {
            return Err(TooLong);
        }
        let start = bytes.len();
        bytes.resize(start + prefix_len(piece.len()), 0);
        write_prefix(piece.len(), &mut bytes[start..]);
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}

/// The same command, with the messages that were [carried](carry).
pub(super) fn with<'a>(mut command: Command<'a>, carried: &'a [u8]) -> Command<'a> {
    if let Command::Publish { messages: pieces, .. } | Command::Put { items: pieces, .. } = &mut command
        && let Some(traced) = Pieces::prefixed(carried)
    {
        *pieces = traced;
    }
    command
}

fn with_member(piece: Piece<'_>, member: &str) -> Vec<u8> {
    let mut bytes = vec![0; piece.len()];
    piece.copy_to(&mut bytes);
    let Some(begin) = members_without(&bytes) else { return bytes };
    let is_empty = bytes[begin..].trim_ascii_start().starts_with(b"}");
    let comma = if is_empty { "" } else { "," };
    bytes.splice(begin..begin, member.bytes().chain(comma.bytes()));
    bytes
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
            let traced = with_member(Piece::Plain(message.as_bytes()), member);
            assert_eq!(String::from_utf8(traced).as_deref(), Ok(carried), "{message}");
        }
    }
}
