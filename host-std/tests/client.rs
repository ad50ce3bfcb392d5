//! One request, one answer; and a subscription by itself.

use core::time::Duration;
use streamgauge::client::{Encoding, Error, Item, Limits, Subscription, Url, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that sends each connection these bytes, in pieces, once a request has come; and then
/// ends it, or not.
async fn server(answer: &'static str, ends: bool) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let to_head = request.starts_with(b"HEAD");
            assert!(read > 0);
            let head = answer.find("\r\n\r\n").map_or(answer.len(), |end| end + 4);
            let answer = if to_head { &answer[..head] } else { answer };
            for piece in answer.as_bytes().chunks(11) {
                let _ = stream.write_all(piece).await;
                tokio::task::yield_now().await;
            }
            if !ends {
                kept.push(stream);
            }
        }
    });
    format!("http://127.0.0.1:{port}/x?y").parse().expect("a URL")
}

fn limits() -> Limits {
    Limits { read: Duration::from_millis(300), body: 10, ..Limits::default() }
}

#[tokio::test]
async fn an_answer_comes_whole() {
    let url = server("HTTP/1.1 404 Not Found\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 5\r\n\r\nhello", false).await;
    let answer = request("POST", &url, &[("X-B", "c")], Some(b"body"), &limits()).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().as_slice()), (404, &b"hello"[..]));
    assert_eq!(answer.headers().get_all("x-a").iter().collect::<Vec<_>>(), ["1", "2"]);
    let answer = request("HEAD", &url, &[], None, &limits()).await.expect("an answer");
    assert!(answer.body().is_empty());
    let url = server("HTTP/1.0 200 OK\r\n\r\nto the end", true).await;
    let answer = request("GET", &url, &[], None, &limits()).await.expect("an answer");
    assert_eq!(answer.body(), b"to the end");
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    type Expected = fn(&Error) -> bool;
    let cases: [(&str, bool, Expected); 5] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world", false, |e| matches!(e, Error::BodyTooLarge)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false, |e| matches!(e, Error::TimedOut)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", true, |e| matches!(e, Error::Http(_))),
        ("SSH-2.0-x\r\n", false, |e| matches!(e, Error::Http(_))),
        ("", true, |e| matches!(e, Error::Closed | Error::Io(_))),
    ];
    for (answer, ends, expected) in cases {
        let url = server(answer, ends).await;
        let error = request("GET", &url, &[], None, &limits()).await.expect_err("an error");
        assert!(expected(&error), "{answer:?}: {error:?}");
    }
    let nobody = "http://127.0.0.1:1/".parse().expect("a URL");
    assert!(matches!(request("GET", &nobody, &[], None, &limits()).await, Err(Error::Connect(_))));
    let injected = request("GET", &nobody, &[("x", "a\r\nb: c")], None, &limits()).await;
    assert!(matches!(injected, Err(Error::Invalid)));
}

#[tokio::test]
async fn a_subscription_yields_messages_until_it_is_kicked() {
    let url = server(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Pubsub-Sequence: 7\r\n\r\n\
         \r\none\n\ntwo\nERROR_TOO_SLOW. kicked for having 12 pending bytes\n",
        true,
    );
    let mut subscription = Subscription::connect(&url.await, limits()).await.expect("a subscription");
    assert_eq!(subscription.encoding(), Encoding::Lines);
    let mut seen = Vec::new();
    let end = loop {
        let read = subscription.read(|item| match item {
            Item::Message { sequence, bytes } => seen.push((sequence, bytes.to_vec())),
            other => panic!("{other:?}"),
        });
        if let Err(end) = read.await {
            break end;
        }
    };
    // A line may be a part of a message: nobody knows which it is.
    assert_eq!(seen, [(None, b"one".to_vec()), (None, b"two".to_vec())]);
    assert!(matches!(end, Error::Kicked), "{end}");
    assert_eq!(subscription.position(), None);
    let refused = server("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false).await;
    assert!(matches!(Subscription::connect(&refused, limits()).await, Err(Error::Status(503))));
}
