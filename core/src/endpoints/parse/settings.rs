//! Settings of topics and queues, from JSON.

use core::time::Duration;

use super::wrong::Wrong;
use crate::engine::{Filter, Name, QueueChange, Short, TopicChange};
use crate::queue::leases::Overflow;
use crate::select::BadSelection;
use crate::wire::json::Members;
use crate::wire::json::value::{says, text_of};
use crate::wire::units;

const DURATION: &str = "a number of seconds, or a text such as \"500ms\", \"2s\", \"5m\" or \"1h\"";
const SIZE: &str = "a number of bytes, or a text such as \"8MiB\"";
const COUNT: &str = "a whole number";
const ATTEMPTS: &str = "a whole number from 1 to 65535";
const NAME: &str = "a name: 1 to 64 of the characters A-Z a-z 0-9 _ . -, the first one no point";

/// The settings of a topic that `body` names.
pub(super) fn topic(body: &[u8]) -> Result<TopicChange, Wrong<'_>> {
    let mut change = TopicChange::default();
    for_each_member(body, |name, value| {
        let is = |known| says(name, known);
        if is("bytes") {
            change.bytes = Some(some_bytes(value)?);
        } else if is("max_age") {
            change.max_age = Some(lasting_or_null("max_age", value)?);
        } else if is("max_message_bytes") {
            change.max_message_bytes = Some(size(value).ok_or(Wrong::Member("max_message_bytes", SIZE))?);
        } else if is("max_subscribers") {
            change.max_subscribers = Some(count(value).ok_or(Wrong::Member("max_subscribers", COUNT))?);
        } else if is("dedupe_window") {
            change.dedupe_window = Some(duration(value).ok_or(Wrong::Member("dedupe_window", DURATION))?);
        } else if is("durable") {
            in_memory(value)?;
        } else {
            return Err(Wrong::UnknownMember(name));
        }
        Ok(())
    })?;
    Ok(change)
}

/// The settings of a queue that `body` names.
pub(super) fn queue(body: &[u8]) -> Result<QueueChange, Wrong<'_>> {
    let mut change = QueueChange::default();
    for_each_member(body, |name, value| {
        let is = |known| says(name, known);
        if is("bytes") {
            change.bytes = Some(some_bytes(value)?);
        } else if is("max_depth") {
            change.max_depth = Some(limit(value, count).ok_or(Wrong::Member("max_depth", COUNT))?);
        } else if is("max_bytes") {
            change.max_bytes = Some(limit(value, size).ok_or(Wrong::Member("max_bytes", SIZE))?);
        } else if is("max_item_bytes") {
            change.max_item_bytes = Some(size(value).ok_or(Wrong::Member("max_item_bytes", SIZE))?);
        } else if is("overflow") {
            let overflow =
                [Overflow::DropOldest, Overflow::Reject].into_iter().find(|known| says(value, known.as_str()));
            change.overflow = Some(overflow.ok_or(Wrong::Member("overflow", "\"drop-oldest\" or \"reject\""))?);
        } else if is("lease") {
            change.lease = Some(lasting("lease", value)?);
        } else if is("max_lease") {
            change.max_lease = Some(lasting("max_lease", value)?);
        } else if is("max_attempts") {
            change.max_attempts = Some(or_null(value, attempts).ok_or(Wrong::Member("max_attempts", ATTEMPTS))?);
        } else if is("dead_letter") {
            change.dead_letter = Some(or_null(value, given_name).ok_or(Wrong::Member("dead_letter", NAME))?);
        } else if is("ttl") {
            change.ttl = Some(lasting_or_null("ttl", value)?);
        } else if is("dedupe_window") {
            change.dedupe_window = Some(duration(value).ok_or(Wrong::Member("dedupe_window", DURATION))?);
        } else if is("topic") {
            change.topic = Some(or_null(value, given_name).ok_or(Wrong::Member("topic", NAME))?);
        } else if is("filter") {
            change.filter = Some(filter(value)?);
        } else if is("sample") {
            let one_of = |value| u32::try_from(count(value)?).ok().filter(|one_of| *one_of > 0);
            let what = "a whole number above 0: one message of so many is put";
            change.sample = Some(one_of(value).ok_or(Wrong::Member("sample", what))?);
        } else if is("durable") {
            in_memory(value)?;
        } else {
            return Err(Wrong::UnknownMember(name));
        }
        Ok(())
    })?;
    Ok(change)
}

/// Calls `each` with every member of the object that `body` is; of an empty body there are none.
fn for_each_member<'a>(
    body: &'a [u8],
    mut each: impl FnMut(&'a str, &'a str) -> Result<(), Wrong<'a>>,
) -> Result<(), Wrong<'a>> {
    // What JSON calls white space: a form feed is none.
    let is_space = |char: char| matches!(char, ' ' | '\t' | '\n' | '\r');
    let text = core::str::from_utf8(body).map_err(|_| Wrong::NoObject)?.trim_matches(is_space);
    if text.is_empty() {
        return Ok(());
    }
    let mut members = Members::of_object(text).ok_or(Wrong::NoObject)?;
    while let Some((name, value)) = members.step().map_err(|_| Wrong::NoObject)? {
        each(name, value)?;
    }
    if members.finish().at_end() { Ok(()) } else { Err(Wrong::NoObject) }
}

/// `Some(None)` for `null`.
fn or_null<T>(value: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if value == "null" { Some(None) } else { read(value).map(Some) }
}

/// Calls `read` with what a text says, or with a number as it is written.
fn text_or_number<T>(value: &str, read: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    match text_of(value) {
        Some(_) => read(said(value)?.as_bytes()),
        None => read(value.as_bytes()),
    }
}

/// What a text says, if it is in ASCII and not long.
fn said(value: &str) -> Option<Short<{ Name::LONGEST }>> {
    let mut ascii = true;
    let bytes = text_of(value)?.map(|char| {
        let byte = char.and_then(|char| u8::try_from(char).ok()).filter(u8::is_ascii);
        ascii &= byte.is_some();
        byte.unwrap_or_default()
    });
    let said = Short::of(bytes)?;
    ascii.then_some(said)
}

fn duration(value: &str) -> Option<Duration> {
    text_or_number(value, units::duration)
}

/// A time that is not over as it begins: what is kept are whole milliseconds.
fn lasting<'a>(name: &'static str, value: &str) -> Result<Duration, Wrong<'a>> {
    let time = duration(value).ok_or(Wrong::Member(name, DURATION))?;
    if time < Duration::from_millis(1) { Err(Wrong::Member(name, "at least 1ms")) } else { Ok(time) }
}

/// Such a time, or none.
fn lasting_or_null<'a>(name: &'static str, value: &str) -> Result<Option<Duration>, Wrong<'a>> {
    if value == "null" { Ok(None) } else { lasting(name, value).map(Some) }
}

/// How much there is room for, which is something.
fn some_bytes<'a>(value: &str) -> Result<u64, Wrong<'a>> {
    match size(value).ok_or(Wrong::Member("bytes", SIZE))? {
        0 => Err(Wrong::Member("bytes", "above 0: nothing would be kept")),
        bytes => Ok(bytes),
    }
}

/// A limit; none for `null`, and for 0 as for the flag of its name.
fn limit(value: &str, read: impl FnOnce(&str) -> Option<u64>) -> Option<Option<u64>> {
    or_null(value, read).map(|most| most.filter(|most| *most > 0))
}

fn size(value: &str) -> Option<u64> {
    text_or_number(value, units::size)
}

fn count(value: &str) -> Option<u64> {
    units::decimal(value.as_bytes())
}

fn attempts(value: &str) -> Option<u16> {
    u16::try_from(count(value)?).ok().filter(|attempts| *attempts > 0)
}

fn given_name(value: &str) -> Option<Name> {
    Name::new(said(value)?.as_bytes()).ok()
}

/// `null`, one rule, or an array of rules.
fn filter<'a>(value: &str) -> Result<Filter, Wrong<'a>> {
    if value == "null" {
        return Ok(Filter::NONE);
    }
    match Members::of_array(value) {
        Some(mut rules) => rules.try_fold(Filter::NONE, |filter, (_, rule)| and(filter, rule)),
        None => and(Filter::NONE, value),
    }
}

/// `filter` with the rule that a text says.
fn and<'a>(filter: Filter, value: &str) -> Result<Filter, Wrong<'a>> {
    let mut rule = heapless::String::<{ Filter::MOST_TEXT }>::new();
    for char in text_of(value).ok_or(Wrong::FILTER)? {
        let too_much = |_| Wrong::Filter(BadSelection::TooMuchText(Filter::MOST_TEXT));
        rule.push(char.ok_or(Wrong::FILTER)?).map_err(too_much)?;
    }
    filter.and(&rule).map_err(Wrong::Filter)
}

fn in_memory<'a>(value: &str) -> Result<(), Wrong<'a>> {
    if value == "false" {
        Ok(())
    } else {
        Err(Wrong::Member("durable", "false: this server keeps everything in memory"))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::{String, ToString};
    use std::vec::Vec;

    use super::*;

    #[test]
    fn what_is_named_is_read_and_the_rest_left() {
        let change = queue(
            br#" {"bytes":"1MiB","max_depth":null,"lease":1.5,"dead\u005fletter":"gone","overflow":"reject","ttl":"2h"} "#,
        );
        let expected = QueueChange {
            bytes: Some(1 << 20),
            max_depth: Some(None),
            lease: Some(Duration::from_millis(1500)),
            dead_letter: Some(Some(Name::new(b"gone").unwrap())),
            overflow: Some(Overflow::Reject),
            ttl: Some(Some(Duration::from_secs(7200))),
            ..QueueChange::default()
        };
        assert_eq!(change, Ok(expected));
        assert_eq!(topic(b""), Ok(TopicChange::default()));
        assert_eq!(topic(b"{}").unwrap(), TopicChange::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, line) in [
            (r#"{"byte":1}"#, "there is no setting \"byte\""),
            (r#"{"bytes":-1}"#, "bytes must be a number of bytes, or a text such as \"8MiB\""),
            (
                r#"{"lease":"soon"}"#,
                "lease must be a number of seconds, or a text such as \"500ms\", \"2s\", \"5m\" or \"1h\"",
            ),
            (r#"{"lease":0}"#, "lease must be at least 1ms"),
            (r#"{"max_lease":"0.9ms"}"#, "max_lease must be at least 1ms"),
            (r#"{"ttl":0.0004}"#, "ttl must be at least 1ms"),
            (r#"{"bytes":0}"#, "bytes must be above 0: nothing would be kept"),
            (r#"{"overflow":"drop"}"#, "overflow must be \"drop-oldest\" or \"reject\""),
            (r#"{"filter":5}"#, "filter must be such as \"country:de\", or an array of two at most, or null"),
            (
                r#"{"filter":["a:1",null]}"#,
                "filter must be such as \"country:de\", or an array of two at most, or null",
            ),
            (r#"{"filter":"a:\ud800"}"#, "filter must be such as \"country:de\", or an array of two at most, or null"),
            (r#"{"filter":"country"}"#, "filter must be such as \"country:de\", or an array of two at most, or null"),
            (r#"{"filter":["a:1","b:2","c:3"]}"#, "filter has more than 2 rules"),
            (r#"{"filter":"a..b:1"}"#, "filter has a path with an empty key: it is written as user.langs[0]"),
            (r#"{"durable":true}"#, "durable must be false: this server keeps everything in memory"),
            (r#"{"bytes":1}x"#, "the body must be a JSON object of settings, such as {\"bytes\":\"8MiB\"}"),
            ("{}\u{c}", "the body must be a JSON object of settings, such as {\"bytes\":\"8MiB\"}"),
            ("[]", "the body must be a JSON object of settings, such as {\"bytes\":\"8MiB\"}"),
            ("{\"a\u{1b}\":1}", "the body must be a JSON object of settings, such as {\"bytes\":\"8MiB\"}"),
        ] {
            assert_eq!(queue(body.as_bytes()).unwrap_err().to_string(), line, "{body}");
        }
        let long = std::format!(r#"{{"filter":["a:1","b:{}"]}}"#, "é".repeat(48));
        assert_eq!(queue(long.as_bytes()).unwrap_err().to_string(), "filter is longer than 96 bytes");
    }

    #[test]
    fn what_would_keep_nothing_is_refused() {
        for (body, line) in [
            (r#"{"max_age":"0s"}"#, "max_age must be at least 1ms"),
            (r#"{"max_age":0.0009}"#, "max_age must be at least 1ms"),
            (r#"{"bytes":"0MiB"}"#, "bytes must be above 0: nothing would be kept"),
        ] {
            assert_eq!(topic(body.as_bytes()).unwrap_err().to_string(), line, "{body}");
        }
        let change = topic(br#"{"max_age":"1ms","bytes":1,"dedupe_window":0}"#).unwrap();
        assert_eq!(change.max_age, Some(Some(Duration::from_millis(1))));
        assert_eq!((change.bytes, change.dedupe_window), (Some(1), Some(Duration::ZERO)));
        assert_eq!(topic(br#"{"max_age":null}"#).unwrap().max_age, Some(None));
        assert_eq!(queue(br#"{"ttl":0.001}"#).unwrap().ttl, Some(Some(Duration::from_millis(1))));
    }

    #[test]
    fn a_limit_of_0_is_none() {
        for none in ["0", "null"] {
            let change = queue(std::format!(r#"{{"max_depth":{none},"max_bytes":{none}}}"#).as_bytes()).unwrap();
            assert_eq!((change.max_depth, change.max_bytes), (Some(None), Some(None)), "{none}");
        }
        let change = queue(br#"{"max_depth":1,"max_bytes":"1KiB"}"#).unwrap();
        assert_eq!((change.max_depth, change.max_bytes), (Some(Some(1)), Some(Some(1024))));
        assert_eq!(queue(br#"{"max_bytes":"0KiB"}"#).unwrap().max_bytes, Some(None));
    }

    #[test]
    fn a_filter_is_a_rule_or_several_or_none() {
        let rules = |body: &str| {
            let filter = queue(body.as_bytes()).unwrap().filter.unwrap();
            filter.rules().map(String::from).collect::<Vec<_>>()
        };
        assert_eq!(rules(r#"{"filter":"c:\u0044E"}"#), ["c:DE"]);
        assert_eq!(rules(r#"{"filter":[ "c:DE" , "[a.b].0:\"x\"" ]}"#), ["c:DE", "[a.b].0:\"x\""]);
        assert_eq!(rules(r#"{"filter":[]}"#), [""; 0]);
        assert_eq!(rules(r#"{"filter":null}"#), [""; 0]);
    }
}
