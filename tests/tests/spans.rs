//! Spans of requests, as a collector of OpenTelemetry gets them from `streamgauge serve --otlp`.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message as _;
use streamgauge_tests::build::tool;
use streamgauge_tests::client::Client;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::{SOON, until};

/// A collector that answers 200, and what it was sent: head and body of each request.
struct Collector {
    address: SocketAddr,
    sent: Receiver<(String, Vec<u8>)>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (send, sent) = channel();
        thread::spawn(move || {
            // Each comes on a connection of its own, and ends with it.
            for stream in listener.incoming() {
                let mut client = Client::on(stream.expect("a connection"));
                let head = client.head();
                let length = head
                    .to_ascii_lowercase()
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
                let body = client.take(length.expect("a length"));
                client.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                if send.send((head, body)).is_err() {
                    return;
                }
            }
        });
        Self { address, sent }
    }

    /// The spans that come until there are so many.
    fn spans(&self, least: usize) -> Vec<Span> {
        let mut spans = Vec::new();
        while spans.len() < least {
            let (head, body) = self.sent.recv_timeout(SOON).expect("spans come");
            assert!(head.starts_with("POST /v1/traces HTTP/1.1"), "{head}");
            assert!(!head.to_ascii_lowercase().contains("authorization"), "{head}");
            let sent = ExportTraceServiceRequest::decode(&*body).expect("what OTLP says");
            for of_resource in sent.resource_spans {
                let attributes = of_resource.resource.expect("a resource").attributes;
                let service =
                    attributes.iter().find(|pair| pair.key == "service.name").and_then(|pair| pair.value.clone());
                assert_eq!(service.and_then(|value| value.value), Some(Value::StringValue("streamgauge".into())));
                spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
        spans
    }
}

/// A server that sends spans so many milliseconds after they were recorded.
fn serve(collector: SocketAddr, delay: &str, more: &[&str]) -> Server {
    let mut command = Command::new(tool("streamgauge"));
    command.args(["serve", "--pubsub-port=0", "--queue-port=0", "--otlp", &format!("http://{collector}/v1/traces")]);
    command.args(more).env("OTEL_BSP_SCHEDULE_DELAY", delay).env("STREAMGAUGE_TOKEN", "secret").env_remove("RUST_LOG");
    Server::of(command, "pubsub   http://")
}

/// The answer's status.
fn ask(server: &Server, request: &str, traceparent: Option<&str>) -> u16 {
    let mut client = server.connect();
    let trace = traceparent.map_or(String::new(), |trace| format!("traceparent: {trace}\r\n"));
    client.send(format!("{request} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n{trace}\r\nhi"));
    client.answer().status
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let pair = span.attributes.iter().find(|pair| pair.key == name)?;
    match pair.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        _ => None,
    }
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

#[test]
fn a_request_of_a_trace_that_is_recorded_is_a_span_of_it() {
    let collector = Collector::start();
    let server = serve(collector.address, "50", &[]);
    let recorded = format!("00-{TRACE}-b7ad6b7169203331-01");
    assert_eq!(ask(&server, "POST /pub?topic=clicks&ticket=secret", None), 200);
    assert_eq!(ask(&server, "POST /pub?topic=clicks", Some(&format!("00-{TRACE}-b7ad6b7169203331-00"))), 200);
    assert_eq!(ask(&server, "POST /pub?topic=clicks&ticket=secret", Some(&recorded)), 200);
    assert_eq!(ask(&server, "PUT /queues/none/pause?", Some(&recorded)), 405);
    assert_eq!(ask(&server, "FETCH17 /queues/none/pause", Some(&recorded)), 405);
    let spans = collector.spans(3);
    let [published, refused, unknown] = &*spans else { panic!("{spans:?}") };
    assert_eq!(&*unknown.name, "HTTP /queues/{name}/pause", "whatever clients say, names are few");
    let said = ["http.request.method", "http.request.method_original"].map(|name| attribute(unknown, name));
    assert_eq!(said.each_ref().map(Option::as_deref), [Some("_OTHER"), Some("FETCH17")]);
    assert_eq!((hex(&published.trace_id), hex(&published.parent_span_id)), (TRACE.into(), "b7ad6b7169203331".into()));
    assert_eq!((&*published.name, published.kind), ("POST /pub", SpanKind::Server as i32));
    assert!(published.start_time_unix_nano < published.end_time_unix_nano, "{published:?}");
    let said = ["http.route", "url.path", "http.response.status_code", "messaging.destination.name", "client.address"];
    let said = said.map(|name| attribute(published, name));
    assert_eq!(said.each_ref().map(Option::as_deref), ["/pub", "/pub", "200", "clicks", "127.0.0.1"].map(Some));
    assert!(!format!("{spans:?}").contains("secret"));
    assert_eq!(&*refused.name, "PUT /queues/{name}/pause");
    assert_eq!(attribute(refused, "error.type").as_deref(), Some("method-not-allowed"));
    assert_ne!(refused.status.clone().unwrap_or_default().code, StatusCode::Error as i32, "it is the client's");
    assert_ne!(published.span_id, refused.span_id);
}

#[test]
fn a_share_of_the_others_begins_traces() {
    let collector = Collector::start();
    let server = serve(collector.address, "50", &["--otlp-share", "1"]);
    (0..3).for_each(|_| assert_eq!(ask(&server, "POST /put?queue=q", None), 200));
    let spans = collector.spans(3);
    assert!(spans.iter().all(|span| span.parent_span_id.is_empty() && span.name == "POST /put"), "{spans:?}");
    let mut traces: Vec<_> = spans.iter().map(|span| span.trace_id.clone()).collect();
    traces.dedup();
    assert_eq!(traces.len(), 3);
    // A quarter, within six standard deviations; all of them are sent at the end, and at once.
    let collector = Collector::start();
    let server = serve(collector.address, "600000", &["--otlp-share", "0.25"]);
    (0..800).for_each(|_| assert_eq!(ask(&server, "POST /put?queue=q", None), 200));
    assert_eq!(server.stop(), 0);
    let begun = collector.spans(1).len();
    assert!((127..=273).contains(&begun), "{begun} of 800");
}

#[test]
fn what_was_recorded_last_is_sent_at_the_end() {
    let collector = Collector::start();
    let server = serve(collector.address, "600000", &["--otlp-share", "1"]);
    assert_eq!(ask(&server, "POST /put?queue=q", None), 200);
    assert_eq!(server.stop(), 0);
    assert_eq!(collector.spans(1).len(), 1);
}

#[test]
fn a_collector_that_hangs_holds_the_end_up_for_a_second() {
    let hanging = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = serve(hanging.local_addr().expect("an address"), "60000", &["--otlp-share=1"]);
    assert_eq!(ask(&server, "GET /stats", None), 200);
    let began = Instant::now();
    assert_eq!(server.stop(), 0);
    let taken = began.elapsed();
    assert!(taken < Duration::from_secs(9), "{taken:?}");
}

#[test]
fn a_collector_that_is_away_is_told_of_once_and_holds_nobody_up() {
    let free = free_address();
    let server = serve(free, "50", &["--otlp-share", "1"]);
    let warned = |server: &Server| server.process.stderr().matches("spans are not taken").count();
    until("a warning", || {
        assert_eq!(ask(&server, "POST /put?queue=q", None), 200);
        (warned(&server) > 0).then_some(())
    });
    for _ in 0..10 {
        assert_eq!(ask(&server, "POST /put?queue=q", None), 200);
        thread::sleep(Duration::from_millis(60));
    }
    assert_eq!(warned(&server), 1, "{}", server.process.stderr());
    assert_eq!(server.stop(), 0);
}
