//! What is said to each server, and how its answers are told from each other.

/// What is put.
pub(super) const ITEM: [u8; 100] = [b'x'; 100];

/// The protocol of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speech {
    Http,
    /// With lists, as the original is often built again: who takes an item has it, and nobody else ever will.
    RedisList,
    /// With streams, whose items can be lent and acknowledged.
    RedisStream,
    /// With streams: an answer is a message to the inbox of who has published.
    Nats,
}

/// What the bytes that have come begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Less than an answer.
    Part,
    /// So many bytes that say yes.
    Success(usize),
    /// So many bytes that answer nothing, and what has to be said to them.
    Aside(usize, &'static [u8]),
    Refusal,
}

impl Speech {
    /// What a connection begins with, if it has to: a success follows.
    pub(super) fn greeting(self, connection: usize) -> Option<String> {
        // Whoever is not told that nobody listens waits for ever.
        let connect = r#"CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}"#;
        (self == Self::Nats).then(|| format!("{connect}\r\nSUB {} 1\r\nPING\r\n", inbox(connection)))
    }

    /// One item for the queue, list or stream `beside`.
    pub(super) fn put(self, connection: usize) -> Vec<u8> {
        let length = ITEM.len();
        let (head, tail) = match self {
            Self::Http => {
                let head = "POST /put?queue=beside HTTP/1.1\r\nHost: localhost\r\nContent-Length";
                (format!("{head}: {length}\r\n\r\n"), "")
            }
            Self::RedisList => (format!("*3\r\n$5\r\nLPUSH\r\n$6\r\nbeside\r\n${length}\r\n"), "\r\n"),
            Self::RedisStream => {
                let head = "*5\r\n$4\r\nXADD\r\n$6\r\nbeside\r\n$1\r\n*\r\n$4\r\nitem";
                (format!("{head}\r\n${length}\r\n"), "\r\n")
            }
            Self::Nats => (format!("PUB beside {} {length}\r\n", inbox(connection)), "\r\n"),
        };
        [head.as_bytes(), &ITEM, tail.as_bytes()].concat()
    }

    /// What has come, which is not looked at again when it is more than a part.
    pub(super) fn hear(self, bytes: &[u8]) -> Heard {
        match self {
            Self::Http => hear_http(bytes),
            Self::RedisList | Self::RedisStream => hear_redis(bytes),
            Self::Nats => hear_nats(bytes),
        }
    }

    /// What a client says when it was given an item that is given again otherwise.
    pub(super) fn acknowledgement(self, answer: &[u8]) -> Option<String> {
        let line = to(answer, b"\r\n").filter(|_| self == Self::Nats)?;
        let reply = std::str::from_utf8(line).ok()?.split(' ').nth(3)?;
        reply.starts_with("$JS.ACK.").then(|| format!("PUB {reply} 0\r\n\r\n"))
    }
}

/// A request to JetStream about a stream or a consumer, which is answered like a put.
pub(super) fn jet_stream_request(connection: usize, subject: &str, body: &str) -> String {
    format!("PUB $JS.API.{subject} {} {}\r\n{body}\r\n", inbox(connection), body.len())
}

pub(super) fn inbox(connection: usize) -> String {
    format!("_INBOX.beside.{connection}")
}

fn hear_http(bytes: &[u8]) -> Heard {
    let Some(head) = to(bytes, b"\r\n\r\n") else { return Heard::Part };
    let mut lines = head.split(|byte| *byte == b'\n');
    if !lines.next().is_some_and(|status| status.starts_with(b"HTTP/1.1 2")) {
        return Heard::Refusal;
    }
    let body = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(b"content-length:".len())?;
        name.eq_ignore_ascii_case(b"content-length:").then(|| number(value))?
    });
    body.map_or(Heard::Refusal, |body| whole(bytes, head.len() + body))
}

fn hear_redis(bytes: &[u8]) -> Heard {
    match (bytes.first(), to(bytes, b"\r\n")) {
        (None, _) | (_, None) => Heard::Part,
        (Some(b':' | b'+'), Some(line)) => Heard::Success(line.len()),
        // The name that an item was given.
        (Some(b'$'), Some(line)) => {
            let name = line.get(1..).and_then(number);
            name.map_or(Heard::Refusal, |name| whole(bytes, line.len() + name + 2))
        }
        _ => Heard::Refusal,
    }
}

fn hear_nats(bytes: &[u8]) -> Heard {
    let Some(line) = to(bytes, b"\r\n") else { return Heard::Part };
    match line.split(|byte| *byte == b' ' || *byte == b'\r').next() {
        Some(b"MSG") => {
            let length = line.rsplit(|byte| *byte == b' ').next().and_then(number);
            let Some(length) = length.map(|body| line.len() + body + 2) else { return Heard::Refusal };
            match bytes.get(line.len()..length) {
                None => Heard::Part,
                Some(body) if body.windows(7).any(|some| some == b"\"error\"") => Heard::Refusal,
                Some(_) => Heard::Success(length),
            }
        }
        Some(b"PONG") => Heard::Success(line.len()),
        Some(b"PING") => Heard::Aside(line.len(), b"PONG\r\n"),
        Some(b"INFO") => Heard::Aside(line.len(), b""),
        // Only a message that nobody took comes with a head.
        _ => Heard::Refusal,
    }
}

fn whole(bytes: &[u8], length: usize) -> Heard {
    if bytes.len() < length { Heard::Part } else { Heard::Success(length) }
}

/// All up to and with `end`.
fn to<'a>(bytes: &'a [u8], end: &[u8]) -> Option<&'a [u8]> {
    let at = bytes.windows(end.len()).position(|some| some == end)?;
    bytes.get(..at + end.len())
}

fn number(bytes: &[u8]) -> Option<usize> {
    std::str::from_utf8(bytes).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::show;

    const PUT: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\n\r\nok";
    const XADD: &[u8] = b"$15\r\n1700000000000-0\r\n";
    const ACK: &[u8] = b"MSG _INBOX.beside.3 1 27\r\n{\"stream\":\"BESIDE\",\"seq\":1}\r\n";

    #[test]
    fn an_answer_is_one_when_all_of_it_is_there_and_ends_where_it_does() {
        let answers =
            [(Speech::Http, PUT), (Speech::RedisList, b":12\r\n"), (Speech::RedisStream, XADD), (Speech::Nats, ACK)];
        for (speech, answer) in answers {
            for end in 0..answer.len() {
                assert_eq!(speech.hear(&answer[..end]), Heard::Part, "{speech:?}, {end} bytes");
            }
            let two = answer.repeat(2);
            assert_eq!(speech.hear(&two), Heard::Success(answer.len()), "{speech:?}");
        }
    }

    #[test]
    fn what_is_no_success_is_a_refusal() {
        let refusals: [(Speech, &[u8]); 7] = [
            (Speech::Http, b"HTTP/1.1 507 Insufficient Storage\r\nContent-Length: 0\r\n\r\n"),
            (Speech::Http, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
            (Speech::RedisList, b"-MISCONF cannot write\r\n"),
            (Speech::RedisStream, b"$-1\r\n"),
            (Speech::Nats, b"-ERR 'Unknown Protocol Operation'\r\n"),
            (Speech::Nats, b"HMSG _INBOX.beside.3 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"),
            (Speech::Nats, b"MSG _INBOX.beside.3 1 24\r\n{\"error\":{\"code\":503}}   \r\n"),
        ];
        for (speech, refusal) in refusals {
            assert_eq!(speech.hear(refusal), Heard::Refusal, "{}", show(refusal));
        }
    }

    #[test]
    fn an_item_is_acknowledged_and_the_answer_to_a_put_is_not() {
        let item = b"MSG beside 1 $JS.ACK.BESIDE.beside.1.2.3.4.0 4\r\nitem\r\n";
        let acknowledgement = Speech::Nats.acknowledgement(item);
        assert_eq!(acknowledgement.as_deref(), Some("PUB $JS.ACK.BESIDE.beside.1.2.3.4.0 0\r\n\r\n"));
        assert_eq!(Speech::Nats.acknowledgement(ACK), None);
        assert_eq!(Speech::Http.acknowledgement(PUT), None);
    }

    #[test]
    fn what_answers_nothing_is_told_apart() {
        assert_eq!(Speech::Nats.hear(b"PING\r\nMSG"), Heard::Aside(6, b"PONG\r\n"));
        assert_eq!(Speech::Nats.hear(b"INFO {\"a\":1}\r\n"), Heard::Aside(14, b""));
        assert_eq!(Speech::Nats.hear(b"PONG\r\n"), Heard::Success(6));
    }
}
