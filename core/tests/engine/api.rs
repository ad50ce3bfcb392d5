//! API.md, walked through: `api.txt` has requests and what they are answered, byte by byte.
//!
//! A line with `>` is of a request: method and target, headers, and behind an empty one the body. Lines with `<` are of
//! its answer: the status, the headers that not every answer has, and behind an empty one the body. `+` lets time
//! pass, in milliseconds. A body that has no newline at its end has a backslash there. `@0` is the first token that
//! was given, and so on. All else is for those who read it.

use core::fmt::Write as _;
use core::ops::ControlFlow;
use core::time::Duration;

use streamgauge_core::endpoints::{Method, Reply, Request};
use streamgauge_core::engine::memory::Defaults;
use streamgauge_core::engine::{Engine as _, QueueSettings, TopicSettings};
use streamgauge_core::queue::leases::Token;

use crate::Town;

const WALK: &str = include_str!("api.txt");

#[test]
fn every_request_is_answered_as_it_is_written() {
    let queue = QueueSettings { bytes: 1 << 10, ..QueueSettings::DEFAULT };
    let topic = TopicSettings { bytes: 1 << 10, ..TopicSettings::DEFAULT };
    let mut town = Town::new(16 << 10, Defaults { queue, topic, ..Defaults::default() });
    let (mut said, mut lines, mut requests) = (String::new(), WALK.lines().peekable(), 0);
    let mut tokens = Vec::new();
    while let Some(line) = lines.next() {
        if line.starts_with('<') {
            continue;
        }
        said += line;
        said += "\n";
        if let Some(span) = line.strip_prefix("+ ") {
            town.now = town.now.after(Duration::from_millis(span.parse().expect("milliseconds")));
        }
        let Some(first) = line.strip_prefix("> ") else { continue };
        let mut request = vec![first];
        while let Some(line) = lines.next_if(|line| line.starts_with('>')) {
            said += line;
            said += "\n";
            request.push(line.strip_prefix("> ").unwrap_or_default());
        }
        let lines: Vec<_> = request.iter().map(|line| with_tokens(line, &tokens)).collect();
        said += &named(ask(&mut town, &lines), &mut tokens);
        requests += 1;
    }
    assert!(requests > 60, "only {requests} requests");
    if said != WALK {
        let differs = said.lines().zip(WALK.lines()).position(|(is, was)| is != was).unwrap_or(0);
        panic!("line {} of api.txt is not what is answered. All of it:\n{said}", differs + 1);
    }
}

/// A line with the tokens that `@0`, `@1` and so on stand for.
fn with_tokens(line: &str, tokens: &[String]) -> String {
    let Some((before, number)) = line.split_once('@') else { return line.to_owned() };
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let (number, behind) = number.split_at(digits);
    format!("{before}{}{behind}", tokens[number.parse::<usize>().expect("a number")])
}

/// An answer in which tokens have numbers: they are random, and nobody could remember them.
fn named(mut answer: String, tokens: &mut Vec<String>) -> String {
    for begin in ["X-Lease: ", "\"lease\":\""] {
        for part in answer.split(begin).skip(1) {
            let token: String = part.chars().take_while(char::is_ascii_hexdigit).collect();
            if token.len() == Token::LEN && !tokens.contains(&token) {
                tokens.push(token);
            }
        }
    }
    for (number, token) in tokens.iter().enumerate() {
        answer = answer.replace(token, &format!("@{number}"));
    }
    answer
}

/// The answer to a request, as it is written down.
fn ask(town: &mut Town, lines: &[String]) -> String {
    let (method, target) = lines[0].split_once(' ').expect("a method and a target");
    let end = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let body = lines.get(end + 1..).unwrap_or_default().join("\n");
    let field = |name: &str| {
        let value = lines[1..end].iter().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name));
        value.map_or(&b""[..], |(_, value)| value.as_bytes())
    };
    let request = Request {
        method: Method::named(method.as_bytes()).expect("a method"),
        body: body.as_bytes(),
        accept: field("Accept"),
        content_type: field("Content-Type"),
        message_id: field("Message-Id"),
        last_event_id: field("Last-Event-ID"),
        ..Request::new(target.as_bytes())
    };
    let mut out = Vec::new();
    let (mut text, reply) = (String::new(), town.reply(&request, &mut out));
    match reply {
        Reply::Response(response) => {
            writeln!(text, "< {}", response.status.code()).unwrap();
            if !response.content_type.starts_with("text/plain") {
                writeln!(text, "< Content-Type: {}", response.content_type).unwrap();
            }
            response.headers.for_each(|name, value| writeln!(text, "< {name}: {value}").unwrap());
        }
        Reply::Wait(queue, span) => writeln!(text, "< (asked again when {queue} has an item, for {span:?})").unwrap(),
        Reply::Subscribe(what) => writeln!(text, "< (a stream of {}, from {:?})", what.topic, what.from).unwrap(),
        Reply::Clients(topic, json) => writeln!(text, "< (the subscribers of {topic}; as JSON: {json})").unwrap(),
        Reply::Exit => text += "< (the end)\n",
        Reply::Dump(mut dump) => {
            text += "< 200\n";
            let more = town.engine.dump(&mut dump, |item| {
                out.extend_from_slice(&[item, b"\n"].concat());
                ControlFlow::Continue(())
            });
            assert!(!more);
        }
        other => panic!("{other:?}"),
    }
    let body = String::from_utf8(out).expect("text");
    if !body.is_empty() {
        text += "<\n";
        // A line that does not end is told by a backslash.
        for line in body.split_inclusive('\n') {
            let whole = line.strip_suffix('\n');
            writeln!(text, "< {}{}", whole.unwrap_or(line), if whole.is_some() { "" } else { "\\" }).unwrap();
        }
    }
    text
}
