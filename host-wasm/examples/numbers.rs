//! Prints, as JSON, what the module computes natively from fixed seeds; numbers as their bits, in hexadecimal.
//!
//! The browser's tests do the same in the page and compare.

use streamgauge_wasm::{Clicks, Gauge, Kind, Moments, Pipeline, Sampler, Source, Stability, Told};

fn bits(number: Option<f64>) -> String {
    number.map_or("null".to_owned(), |number| format!("\"{:016x}\"", number.to_bits()))
}

fn results(moments: &Moments) -> String {
    let all = [
        Some(moments.count()),
        moments.mean(),
        moments.sample_variance(),
        moments.skewness(),
        moments.excess_kurtosis(),
        moments.min(),
        moments.max(),
    ];
    format!("[{}]", all.map(bits).join(","))
}

fn main() {
    let kinds = [
        (Kind::Normal, 3.0, 0.5),
        (Kind::Uniform, 0.0, 1.0),
        (Kind::Exponential, 2.0, 0.0),
        (Kind::LogNormal, 0.0, 0.5),
        (Kind::Pareto, 1.0, 5.0),
    ];
    let sampled: Vec<String> = kinds
        .iter()
        .filter_map(|(kind, a, b)| Sampler::new(*kind, *a, *b, 42, 60).ok())
        .map(|mut sampler| {
            sampler.draw(20_000);
            results(&sampler.moments())
        })
        .collect();
    let mut pipeline = Pipeline::new(42, 2048, 500);
    pipeline.add_source(800.0, Kind::Normal, 3.0, 0.5);
    pipeline.add_source(300.0, Kind::Exponential, 2.0, 0.0);
    for rate in [400.0, 250.0, 120.0] {
        pipeline.add_reader(rate);
    }
    pipeline.set_subscriber_rate(200.0);
    pipeline.set_max_lag(1500);
    pipeline.step(20.0);
    let counters = [
        pipeline.published(),
        pipeline.accepted(),
        pipeline.delivered(),
        pipeline.overflow(),
        pipeline.depth(),
        pipeline.high_water(),
        pipeline.received(),
        pipeline.lagged(),
        pipeline.pending(),
        f64::from(pipeline.kicks()),
    ];
    let counters = counters.map(|count| count.to_string()).join(",");
    let mut stability = Stability::new(1e9, 42);
    stability.draw(10_000);
    let stable = [stability.exact(), stability.naive(), stability.welford(), stability.moments()].map(bits).join(",");
    let mut clicks = Clicks::new(42, 2000, true).unwrap();
    clicks.draw(50_000);
    let top: Vec<String> =
        clicks.top(5).iter().map(|edge| format!("[\"{}\",\"{}\",{}]", edge.from, edge.to, edge.weight)).collect();
    println!(
        "{{\"sampled\":[{}],\"pipeline\":[{counters}],\"merged\":{},\"wait\":{},\"stability\":[{stable}],\"clicks\":[{}],\"gauges\":{}}}",
        sampled.join(","),
        results(&pipeline.moments()),
        results(&pipeline.wait()),
        top.join(","),
        gauges()
    );
}

/// What gauges measure between them, over panes of time and of messages, and since the start.
const DEFINITIONS: [&str; 5] = [
    r#"{"field":"t","measure":["moments","quantiles","rate","change"],"every":"10s","last":"1m","when":{"p99 >":6,"until":5}}"#,
    r#"{"field":"t","by":"c","groups":3,"measure":["moments","quantiles","distinct","top"],"every":"500 messages","last":"2000 messages"}"#,
    r#"{"field":"t","with":"u","measure":["pair","histogram"],"histogram":{"min":0,"max":10,"bins":20}}"#,
    r#"{"field":"c","with":"k","by":"k","measure":["graph","distinct","top","rate"],"top":4}"#,
    r#"{"field":"t","by":"c","measure":["quantiles","moments"],"time":"at","every":"20s","lateness":"2s","accuracy":0.05}"#,
];

/// Messages and when they came, and of each gauge what it told, reads and is.
fn gauges() -> String {
    let mut source = Source::new(Kind::LogNormal, 0.5, 0.6, 42);
    let begun = 1_700_000_000_000_u64;
    let messages: Vec<(u64, String)> = (0..3000_u64)
        .map(|n| {
            let (came, t, u) = (begun + 37 * n, source.next(), source.next());
            let (country, key, at) =
                (["US", "DE", "FR", "BR", "é"][(n * n % 5) as usize], n * 7919 % 501, came - n % 3000);
            let message = match n % 100 {
                98 => "no JSON".to_owned(),
                99 => r#"{"t":"none"}"#.to_owned(),
                _ => format!(r#"{{"t":{t},"u":{u},"c":"{country}","k":{key},"at":{at}}}"#),
            };
            (came, message)
        })
        .collect();
    let end = (begun + 37 * 3000) as f64;
    let each = DEFINITIONS.map(|definition| {
        let Ok(mut gauge) = Gauge::new(definition, Some("latency".to_owned()), None) else { return "null".to_owned() };
        let mut told: Vec<Told> = Vec::new();
        for (came, message) in &messages {
            let came = *came as f64;
            told.extend(gauge.close(came));
            gauge.take_bytes(message.as_bytes(), came);
        }
        told.extend(gauge.close(end));
        let told: Vec<String> = told.iter().map(|told| quoted(&told.line)).collect();
        let read = ["json", "svg", "definition"]
            .map(|format| gauge.read(format, end).map_or_else(|_| "null".to_owned(), |text| quoted(&text)));
        let binary: String = gauge.to_binary(end).iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            r#"{{"definition":{},"told":[{}],"read":[{}],"binary":"{binary}"}}"#,
            quoted(definition),
            told.join(","),
            read.join(",")
        )
    });
    let messages: Vec<String> =
        messages.iter().map(|(came, message)| format!("[{came},{}]", quoted(message))).collect();
    format!(r#"{{"messages":[{}],"each":[{}]}}"#, messages.join(","), each.join(","))
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(char))),
            char => out.push(char),
        }
    }
    out.push('"');
    out
}
