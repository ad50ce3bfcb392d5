//! Spans of requests, for a collector of [OpenTelemetry](https://opentelemetry.io/docs/specs/otlp/) (OTLP over HTTP).
//!
//! A request is a span of kind server, with the names of the
//! [conventions](https://opentelemetry.io/docs/specs/semconv/http/http-spans/): its method, route and status, and the
//! topic or queue that it names. It belongs to the trace of its `traceparent`, if that says that the trace is recorded;
//! of those without one a share begins a trace. A stream's span ends when its subscriber has it.
//!
//! What is recorded waits in a queue of 2,048 spans for a thread of the SDK, which sends up to 512 each five seconds
//! (`OTEL_BSP_…` say otherwise); what finds no room is left out. Requests never wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator, Sampler, SdkTracer, SdkTracerProvider};

use crate::client::{Limits, Url, request_for};
use crate::trace::{Parts, parts};

/// How long a collector may take for what is sent at the end: no longer holds it up who waits for that.
const AT_THE_END: Duration = Duration::from_secs(1);

/// Where spans go; clones are the same.
#[derive(Debug, Clone)]
pub struct Spans {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    /// Of 2^64 requests without a `traceparent` so many begin a trace.
    begins: u64,
}

/// A request, and what became of it.
#[derive(Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// What its path is one of.
    pub(crate) route: Option<&'static str>,
    /// The topic or queue that it names.
    pub(crate) name: Option<&'a str>,
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) status: u16,
    /// Why it was refused.
    pub(crate) reason: Option<&'static str>,
    /// When it had come whole, if somebody knows.
    pub(crate) begun: Option<Instant>,
    pub(crate) traceparent: Option<&'a str>,
}

impl Spans {
    /// Sends them to a collector; of the requests without a `traceparent` this share.
    ///
    /// # Errors
    /// What is wrong with the address, or that there can't be a thread for it.
    pub(crate) fn to(collector: &Url, share: f64) -> Result<Self, String> {
        let client = Client::new(collector.clone()).map_err(|error| error.to_string())?;
        let exporter =
            SpanExporter::builder().with_http().with_http_client(client).with_endpoint(collector.to_string());
        let exporter = exporter.build().map_err(|error| error.to_string())?;
        let about = [KeyValue::new("service.version", env!("CARGO_PKG_VERSION"))];
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name("streamgauge");
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.with_attributes(about).build())
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .with_batch_exporter(exporter)
            .build();
        // The conversion saturates.
        let begins = (share * 2.0_f64.powi(64)) as u64;
        Ok(Self { tracer: provider.tracer("streamgauge"), provider, begins })
    }

    /// Records a request that is over.
    pub(crate) fn record(&self, seen: &Seen<'_>) {
        let parent = seen.traceparent.and_then(span_context);
        // A sampler would say so too, but not before all of it was made.
        let is_wanted = parent.as_ref().map_or_else(|| self.begins_one(), SpanContext::is_sampled);
        if !is_wanted {
            return;
        }
        let within = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        // Whatever a client may say must not be one more name in a collector.
        let (verb, method) = if is_known(seen.method) { (seen.method, seen.method) } else { ("HTTP", "_OTHER") };
        let name = seen.route.map_or_else(|| verb.to_owned(), |route| format!("{verb} {route}"));
        let mut attributes = vec![
            KeyValue::new("http.request.method", method.to_owned()),
            KeyValue::new("http.response.status_code", i64::from(seen.status)),
            KeyValue::new("url.path", seen.path.to_owned()),
            KeyValue::new("client.address", seen.peer.ip().to_string()),
            KeyValue::new("client.port", i64::from(seen.peer.port())),
        ];
        attributes.extend(
            (method != seen.method).then(|| KeyValue::new("http.request.method_original", seen.method.to_owned())),
        );
        attributes.extend(seen.route.map(|route| KeyValue::new("http.route", route)));
        attributes.extend(seen.name.map(|name| KeyValue::new("messaging.destination.name", name.to_owned())));
        attributes.extend(seen.reason.map(|reason| KeyValue::new("error.type", reason)));
        let end = SystemTime::now();
        let start = end - seen.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        let span = self.tracer.span_builder(name).with_kind(SpanKind::Server).with_start_time(start);
        let mut span = span.with_attributes(attributes).start_with_context(&self.tracer, &within);
        // What a client did wrong is no error of this side.
        if seen.status >= 500 {
            span.set_status(Status::error(seen.reason.unwrap_or("failed")));
        }
        span.end_with_timestamp(end);
    }

    /// Whether a request that belongs to no trace begins one: it is drawn, each time anew.
    fn begins_one(&self) -> bool {
        let drawn = || u64::from_ne_bytes(RandomIdGenerator::default().new_span_id().to_bytes());
        self.begins == u64::MAX || (self.begins > 0 && drawn() < self.begins)
    }

    /// Sends what has not been sent, as far as the collector takes it within a second.
    pub(crate) fn finish(&self) {
        if let Err(error) = self.provider.shutdown_with_timeout(AT_THE_END) {
            tracing::warn!(%error, "the last spans may be lost");
        }
    }
}

/// Whether a method is one of HTTP's (RFC 9110, 9.3, and RFC 5789).
fn is_known(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH")
}

/// Where a `traceparent` comes from.
fn span_context(traceparent: &str) -> Option<SpanContext> {
    let Parts { trace, span, flags } = parts(traceparent)?;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?);
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

/// Sends requests from the thread of the SDK, which has nothing else to do meanwhile.
#[derive(Debug)]
struct Client {
    runtime: tokio::runtime::Runtime,
    collector: Url,
    /// Whether the last one failed: that is told once.
    fails: AtomicBool,
}

impl Client {
    fn new(collector: Url) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime, collector, fails: AtomicBool::new(false) })
    }

    fn told(&self, failure: Option<String>) {
        let failed = self.fails.swap(failure.is_some(), Ordering::Relaxed);
        if let Some(why) = failure.filter(|_| !failed) {
            tracing::warn!(collector = %self.collector, why, "spans are not taken, and are lost");
        }
    }
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let fields: Vec<_> =
            request.headers().iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?))).collect();
        let limits = Limits { read: Duration::from_secs(10), ..Limits::default() };
        let sending = request_for(None, "POST", &self.collector, &fields, Some(request.body()), &limits);
        let answer = self.runtime.block_on(sending);
        self.told(match &answer {
            Ok(answer) if answer.status().is_success() => None,
            Ok(answer) => Some(answer.status().to_string()),
            Err(error) => Some(error.to_string()),
        });
        Ok(answer?.map(Bytes::from))
    }
}
