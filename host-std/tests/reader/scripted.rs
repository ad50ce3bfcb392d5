//! A queue that answers as a test says.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What it says to a request.
pub(super) enum Said {
    /// A status, header fields, each with its end of line, and a body.
    Answer(&'static str, String, String),
    /// Nothing, while the connection stays.
    Silence,
    /// Nothing, and the connection ends.
    End,
}

impl Said {
    pub(super) fn json(status: &'static str, body: impl Into<String>) -> Self {
        Self::Answer(status, "content-type: application/json\r\n".to_owned(), body.into())
    }

    pub(super) fn nothing() -> Self {
        Self::Answer("204 No Content", String::new(), String::new())
    }

    /// These items on lease, whose tokens are `lease-0` and so on.
    pub(super) fn lent(items: &[&str]) -> Self {
        let line = |(n, data): (usize, &&str)| {
            format!("{{\"item\":{n},\"lease\":\"lease-{n}\",\"attempt\":1,\"until\":\"\",\"data\":{data:?}}}\n")
        };
        let kind = "content-type: application/x-ndjson\r\n".to_owned();
        Self::Answer("200 OK", kind, items.iter().enumerate().map(line).collect())
    }

    /// As a queue that has leases counts them.
    pub(super) fn standing() -> Self {
        Self::json("200 OK", r#"{"ready":0,"delayed":0,"leased":1}"#)
    }
}

/// Answers each request as `script` says to its target and its body.
pub(super) async fn scripted(script: impl Fn(&str, &str) -> Said + Send + Sync + 'static) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let queue = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let script = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, Arc::clone(&script)));
        }
    });
    queue
}

async fn answer(mut stream: TcpStream, script: Arc<impl Fn(&str, &str) -> Said>) {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            match bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                Some(end) => break String::from_utf8(bytes.drain(..end + 4).collect()).unwrap(),
                None if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 => return,
                None => {}
            }
        };
        let length = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next());
        let length = length.map_or(0, |length| length.trim().parse().unwrap());
        while bytes.len() < length {
            stream.read_buf(&mut bytes).await.unwrap();
        }
        let body = String::from_utf8(bytes.drain(..length).collect()).unwrap();
        match script(head.split(' ').nth(1).unwrap(), &body) {
            Said::Answer(status, fields, body) => {
                let length = body.len();
                let answer = format!("HTTP/1.1 {status}\r\n{fields}content-length: {length}\r\n\r\n{body}");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
            Said::Silence => {}
            Said::End => return,
        }
    }
}
