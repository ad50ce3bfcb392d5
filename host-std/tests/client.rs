//! One request, one answer; and a subscription by itself.

use core::time::Duration;
use streamgauge::client::{Connection, Encoding, Error, Feed, Item, Limits, News, Subscription, Url, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};

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

#[tokio::test]
async fn a_page_is_no_stream_and_what_ends_at_once_is_asked_for_ever_more_seldom() {
    let page = server("HTTP/1.1 200 OK\r\nContent-Type: Text/HTML; charset=utf-8\r\n\r\n<p>\n</p>\n", true).await;
    let error = Subscription::connect(&page, limits()).await.expect_err("no stream");
    assert!(matches!(error, Error::Encoding(why) if why.contains("text/html")), "{error}");
    let document = server("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\n}\n", true).await;
    let (mut feed, mut waits) = (Feed::new(vec![document], limits()), Vec::new());
    let ended = feed.run(|news| match news {
        News::Lost(_, _, wait) => {
            waits.push(wait);
            if waits.len() == 4 { Err(()) } else { Ok(()) }
        }
        _ => Ok(()),
    });
    assert_eq!(ended.await, Err(()));
    assert_eq!(waits, [100, 200, 400, 800].map(Duration::from_millis));
}

#[tokio::test]
async fn what_comes_unasked_is_no_answer_to_what_is_asked_next() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url: Url = format!("http://{}/", listener.local_addr().expect("bound")).parse().expect("a URL");
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let twice = ok.repeat(2);
    let no = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    let serving = async {
        for answer in [&*twice, no] {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let _ = stream.read(&mut [0; 4096]).await.expect("a request");
            stream.write_all(answer.as_bytes()).await.expect("it is there");
            // The other one is asked while this one is open.
            tokio::spawn(async move {
                sleep(Duration::from_secs(60)).await;
                drop(stream)
            });
        }
    };
    let asking = async {
        let mut connection = Connection::new(Limits::default());
        let mut statuses = Vec::new();
        for _ in 0..2 {
            statuses.push(connection.call("GET", &url, None).await.expect("an answer").status().as_u16());
        }
        statuses
    };
    let both = timeout(Duration::from_secs(20), async { tokio::join!(asking, serving) }).await;
    assert_eq!(both.expect("in time").0, [200, 503]);
}

/// A server that reads steadily and slowly, and answers when it has read as much as this.
async fn slow(bytes: usize) -> Url {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 << 10).expect("a buffer");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
    let listener = socket.listen(4).expect("a listener");
    let url = format!("http://{}/", listener.local_addr().expect("bound")).parse().expect("a URL");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut piece, mut left) = (vec![0; 128 << 10], bytes);
                while left > 0 {
                    let read = stream.read(&mut piece).await.expect("more");
                    assert!(read > 0, "it is given up");
                    left = left.saturating_sub(read);
                    sleep(Duration::from_millis(20)).await;
                }
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.expect("it is there");
                sleep(Duration::from_secs(60)).await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_request_takes_its_time_as_long_as_it_goes_on() {
    let (body, limits) = (vec![b'x'; 24 << 20], Limits { read: Duration::from_secs(2), ..Limits::default() });
    let url = slow(body.len()).await;
    let mut connection = Connection::new(limits);
    let begun = std::time::Instant::now();
    let (one, other) =
        tokio::join!(request("POST", &url, &[], Some(&body), &limits), connection.call("POST", &url, Some(&body)));
    assert_eq!([one, other].map(|answer| answer.map(|answer| answer.status().as_u16()).ok()), [Some(200); 2]);
    assert!(begun.elapsed() > limits.read, "it was no test");
}

#[tokio::test]
async fn a_download_whose_reader_is_kicked_goes_on_behind_the_last_message() {
    let kick = "ERROR_TOO_SLOW. kicked for having 12 pending bytes\n";
    let part = |message| format!("content-type: */*\r\ncontent-length: 1\r\n\r\n{message}\r\n--xXPubSubXx\r\n");
    let parts = [format!("--xXPubSubXx\r\n{}{kick}", part('a')), format!("--xXPubSubXx\r\n{}", part('b'))];
    let events = [format!("id: 7\ndata: a\n\nevent: error\ndata: {kick}\n"), "id: 8\ndata: b\n\n".to_owned()];
    for (content_type, bodies) in
        [("multipart/x-mixed-replace; boundary=xXPubSubXx", parts), ("text/event-stream", events)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/sub?from=first&follow=0", listener.local_addr().expect("bound"));
        let serving = async {
            let mut asked = Vec::new();
            for (first, body) in [(7, ""), (7, bodies[0].as_str()), (8, bodies[1].as_str())] {
                let (mut stream, _) = listener.accept().await.expect("a connection");
                let mut request = [0; 4096];
                let read = stream.read(&mut request).await.expect("a request");
                let line = String::from_utf8_lossy(&request[..read]).lines().next().expect("a line").to_owned();
                // The last chunk comes whether the stream is whole or not.
                let chunk =
                    if body.is_empty() { body.to_owned() } else { format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()) };
                let head = format!("content-type: {content_type}\r\nx-pubsub-sequence: {first}\r\nx-pubsub-epoch: 1");
                let answer = format!("HTTP/1.1 200 OK\r\n{head}\r\ntransfer-encoding: chunked\r\n\r\n{chunk}");
                stream.write_all(answer.as_bytes()).await.expect("it is there");
                asked.push(line);
            }
            asked
        };
        let (mut got, mut lost) = (Vec::new(), Vec::new());
        let mut feed = Feed::new(vec![url.parse().expect("a URL")], limits());
        let reading = feed.run(|news| {
            match news {
                News::Item(Item::Message { sequence, bytes }) => got.push((sequence, bytes.to_vec())),
                News::Item(other) => panic!("{other:?}"),
                News::Lost(_, why, _) => lost.push(why.to_string()),
                _ => {}
            }
            Ok::<(), ()>(())
        });
        let both = timeout(Duration::from_secs(20), async { tokio::join!(reading, serving) }).await;
        let (end, asked) = both.expect("in time");
        assert_eq!((end, lost), (Ok(()), vec![Error::Kicked.to_string()]), "{content_type}");
        assert_eq!(got, [(Some(7), b"a".to_vec()), (Some(8), b"b".to_vec())]);
        assert!(asked[2].contains("last_event_id=7"), "{asked:?}");
    }
}
