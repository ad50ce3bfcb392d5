//! Prints, as JSON, what the module computes natively from fixed seeds; numbers as their bits, in hexadecimal.
//!
//! The browser's tests do the same in the page and compare.

use streamgauge_wasm::{Clicks, Kind, Moments, Pipeline, Sampler, Stability};

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
    let mut clicks = Clicks::new(42, 2000, true);
    clicks.draw(50_000);
    let top: Vec<String> =
        clicks.top(5).iter().map(|edge| format!("[\"{}\",\"{}\",{}]", edge.from, edge.to, edge.weight)).collect();
    println!(
        "{{\"sampled\":[{}],\"pipeline\":[{counters}],\"merged\":{},\"wait\":{},\"stability\":[{stable}],\"clicks\":[{}]}}",
        sampled.join(","),
        results(&pipeline.moments()),
        results(&pipeline.wait()),
        top.join(",")
    );
}
