//! Transcripts: files of the exact bytes that clients send and a server answers.
//!
//! | line | meaning |
//! | --- | --- |
//! | `# …` or empty | for the reader |
//! | `$ pubsub --flag` | starts the server, or one that has to answer the same; flags as they are, parted by spaces |
//! | `name> bytes` | connection `name` (made when first named) sends them |
//! | `name< bytes` | exactly these bytes come next on it |
//! | `name: ends` | the server closes it, and nothing else comes |
//! | `name: finishes` | the client closes its half |
//! | `name: leaves` | the client closes it |
//! | `/path ~ text` | GET of `/path` is asked again until its body holds `text` |
//!
//! Bytes are what stands there: line ends too are only those written as `\r` and `\n`. Escapes: `\r \n \t \0 \\ \<` and
//! `\xNN`. Between angle brackets: `<date>` as in the header, `<time>` as in /clients, `<port:name>` the client's port
//! of a connection, `<17*ab>` for `ab` seventeen times, and any other name for a number: it is learned where it is
//! first met, and has to be the same from there on; `<name+1>` is one more.
//!
//! At the end nothing may have come that was not expected.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;
use std::time::Duration;

use crate::client::{Client, show};
use crate::process::Server;
use crate::wait::until;

/// How long nothing must come at the end.
const SILENCE: Duration = Duration::from_millis(50);

/// Plays the transcript in the file at `path`, against what `start` makes of the name of a tool and its flags.
///
/// # Panics
/// At the first line that the server does not keep to.
pub fn play(path: &Path, start: impl Fn(&str, &[&str]) -> Server) {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut player = Player::default();
    for (number, line) in text.lines().enumerate() {
        player.place = format!("{}:{}", path.display(), number + 1);
        match line.strip_prefix("$ ") {
            Some(command) => {
                let words: Vec<_> = command.split(' ').collect();
                let (name, flags) = words.split_first().expect("split has a first piece");
                player.server = Some(start(name, flags));
            }
            None => player.line(line),
        }
    }
    player.finish();
}

#[derive(Default)]
struct Player {
    place: String,
    server: Option<Server>,
    connections: BTreeMap<String, Client>,
    /// What is to be sent: lines in a row make one write, as a client would do it.
    unsent: Vec<(String, Vec<u8>)>,
    numbers: BTreeMap<String, u64>,
    ports: BTreeMap<String, u16>,
}

/// A piece of a line.
enum Part {
    Bytes(Vec<u8>),
    Date,
    Time,
    Number { name: String, plus: u64 },
}

impl Player {
    fn line(&mut self, line: &str) {
        if line.is_empty() || line.starts_with('#') {
            return;
        }
        if let Some((target, text)) = line.split_once(" ~ ").filter(|_| line.starts_with('/')) {
            self.flush();
            let server = self.server.as_ref().unwrap_or_else(|| self.fail("no server"));
            until(&format!("{text} in {target}\n{}", self.place), || server.get(target).contains(text).then_some(()));
            return;
        }
        let end = line.find(['>', '<', ':']).unwrap_or_else(|| self.fail("not a line of a transcript"));
        let (name, rest) = line.split_at(end);
        let what = rest.get(2..).unwrap_or_default();
        match &rest[..1] {
            ">" => self.send(name, what),
            "<" => self.expect(name, what),
            _ => self.end(name, what),
        }
    }

    fn send(&mut self, name: &str, text: &str) {
        let mut bytes = Vec::new();
        for part in self.parse(text) {
            match part {
                Part::Bytes(part) => bytes.extend(part),
                Part::Number { name, plus } => {
                    let number = self.numbers.get(&name).unwrap_or_else(|| self.fail("an unknown number"));
                    bytes.extend((number + plus).to_string().into_bytes());
                }
                Part::Date | Part::Time => self.fail("only a server knows the time"),
            }
        }
        match self.unsent.last_mut() {
            Some((last, unsent)) if last == name => unsent.extend(bytes),
            _ => self.unsent.push((name.to_owned(), bytes)),
        }
    }

    fn expect(&mut self, name: &str, text: &str) {
        self.flush();
        let parts = self.parse(text);
        let mut seen = Vec::new();
        for part in parts {
            let right = self.meets(name, part, &mut seen);
            if !right {
                seen.extend(self.connection(name).so_far(SILENCE));
                self.fail(&format!("{name} expected `{text}`\nand got `{}`", show(&seen)));
            }
        }
    }

    /// Whether the next bytes on a connection are what `part` says.
    fn meets(&mut self, name: &str, part: Part, seen: &mut Vec<u8>) -> bool {
        let place = self.place.clone();
        let mut take = |player: &mut Self, n: usize| {
            for _ in 0..n {
                let connection = player.connection(name);
                match connection.peek() {
                    Some(_) => seen.extend(connection.take(1)),
                    None => panic!("{place}\n{name} has ended after `{}`", show(seen)),
                }
            }
            seen[seen.len() - n..].to_vec()
        };
        match part {
            // Byte by byte, so that a wrong answer that is shorter is shown rather than waited for.
            Part::Bytes(bytes) => bytes.iter().all(|byte| take(self, 1) == [*byte]),
            Part::Date => fits(&take(self, 29), "Aaa, 00 Aaa 0000 00:00:00 GMT"),
            Part::Time => fits(&take(self, 19), "0000-00-00 00:00:00"),
            Part::Number { name: number, plus } => {
                let mut digits = String::new();
                while self.connection(name).peek().is_some_and(|byte| byte.is_ascii_digit()) {
                    digits.extend(take(self, 1).into_iter().map(char::from));
                }
                let Ok(value) = digits.parse::<u64>() else { return false };
                let known = self.numbers.entry(number).or_insert(value.wrapping_sub(plus));
                known.wrapping_add(plus) == value
            }
        }
    }

    fn end(&mut self, name: &str, how: &str) {
        self.flush();
        match how {
            "ends" => {
                let rest = self.connection(name).rest();
                if !rest.is_empty() {
                    self.fail(&format!("{name} got `{}` before the end", show(&rest)));
                }
                self.connections.remove(name);
            }
            "finishes" => self.connection(name).finish(),
            "leaves" => drop(self.connections.remove(name)),
            _ => self.fail("a connection ends, finishes or leaves"),
        }
    }

    fn finish(mut self) {
        self.flush();
        self.place.push_str(" (the end)");
        for (name, connection) in &mut self.connections {
            let rest = connection.so_far(SILENCE);
            assert!(rest.is_empty(), "{}\n{name} got `{}` and nobody expected it", self.place, show(&rest));
        }
    }

    fn flush(&mut self) {
        for (name, bytes) in std::mem::take(&mut self.unsent) {
            self.connection(&name).send(bytes);
        }
    }

    fn connection(&mut self, name: &str) -> &mut Client {
        if !self.connections.contains_key(name) {
            let server = self.server.as_ref().unwrap_or_else(|| self.fail("no server"));
            let client = server.connect();
            let port = client.stream.local_addr().expect("a connection has an address").port();
            self.ports.insert(name.to_owned(), port);
            self.connections.insert(name.to_owned(), client);
        }
        self.connections.get_mut(name).expect("it was just made")
    }

    fn parse(&self, text: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut bytes = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(char) = chars.next() {
            match char {
                '\\' => bytes.push(escape(&mut chars).unwrap_or_else(|| self.fail("an unknown escape"))),
                '<' => {
                    let inside: String = chars.by_ref().take_while(|char| *char != '>').collect();
                    match self.placeholder(&inside) {
                        Part::Bytes(more) => bytes.extend(more),
                        part => parts.extend([Part::Bytes(std::mem::take(&mut bytes)), part]),
                    }
                }
                other => bytes.extend(other.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        parts.push(Part::Bytes(bytes));
        parts
    }

    fn placeholder(&self, inside: &str) -> Part {
        if let Some((times, what)) = inside.split_once('*') {
            let times = times.parse().unwrap_or_else(|_| self.fail("how many times?"));
            return Part::Bytes(what.repeat(times).into_bytes());
        }
        if let Some(name) = inside.strip_prefix("port:") {
            let port = self.ports.get(name).unwrap_or_else(|| self.fail("an unknown connection"));
            return Part::Bytes(port.to_string().into_bytes());
        }
        match inside {
            "date" => Part::Date,
            "time" => Part::Time,
            _ => {
                let (name, plus) = inside.split_once('+').unwrap_or((inside, "0"));
                let plus = plus.parse().unwrap_or_else(|_| self.fail("how many more?"));
                Part::Number { name: name.to_owned(), plus }
            }
        }
    }

    fn fail(&self, what: &str) -> ! {
        panic!("{}\n{what}", self.place)
    }
}

fn escape(chars: &mut Peekable<Chars<'_>>) -> Option<u8> {
    Some(match chars.next()? {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        '0' => 0,
        '\\' => b'\\',
        '<' => b'<',
        'x' => {
            let digits: String = chars.by_ref().take(2).collect();
            u8::from_str_radix(&digits, 16).ok()?
        }
        _ => return None,
    })
}

/// Whether `bytes` have the shape of `example`: letters where it has letters, digits where it has digits.
fn fits(bytes: &[u8], example: &str) -> bool {
    bytes.len() == example.len()
        && bytes.iter().zip(example.bytes()).all(|(byte, like)| match like {
            b'0' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'a' => byte.is_ascii_lowercase(),
            b'G' | b'M' | b'T' | b',' | b' ' | b':' | b'-' => *byte == like,
            _ => false,
        })
}
