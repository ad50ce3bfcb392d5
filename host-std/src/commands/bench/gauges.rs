//! What gauges cost on top of publishing.

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Options;
use super::names::Names;
use super::process::Process;
use super::report::Row;
use crate::client::{Connection, Limits, Url};
use crate::terminal::exit::{Failure, accepted};

/// Records of one measurement.
const RECORDS: u64 = 200_000;

/// Records in a request.
const BATCH: u64 = 500;

/// Bytes of a record, about those of a click.
const RECORD: usize = 350;

/// What is measured, and what the row is called.
const GAUGES: [(&str, &str); 3] = [
    (r#""measure":"moments""#, "gauge: moments"),
    (r#""measure":["moments","quantiles","distinct","top","rate"]"#, "gauge: first five"),
    (r#""by":"c","measure":["moments","quantiles","distinct","top","rate"]"#, "gauge: first five, by 64 values"),
];

/// Publishes the same records without a gauge and with each: one gauge at a time, none behind at the end.
pub(super) async fn measure(options: &Options, process: &Process, names: &Names) -> Result<Vec<Row>, Failure> {
    let records = options.messages.unwrap_or(RECORDS).div_ceil(BATCH) * BATCH;
    let bodies: Vec<Vec<u8>> = (0..records / BATCH).map(body).collect();
    let topic = names.topic(options, "gauges", r#"{"bytes":"64MiB"}"#).await?;
    let mut rows = vec![publish(options, process, &topic, &bodies, None).await?];
    rows[0].work = "publish, no gauge".to_owned();
    let name = Names::of("gauge");
    let url = options.pubsub.join_name("/gauges/", &name);
    for (settings, work) in GAUGES {
        let definition = format!(r#"{{"topic":"{topic}","field":"t",{settings}}}"#);
        names.make(vec![url.clone()], &definition).await?;
        let mut row = publish(options, process, &topic, &bodies, Some(&url)).await?;
        row.work = work.to_owned();
        row.beyond = row.cost().zip(rows[0].cost()).map(|(with, without)| with - without);
        rows.push(row);
        accepted(&url, call("DELETE", &url, None).await?)?;
    }
    Ok(rows)
}

async fn publish(
    options: &Options,
    process: &Process,
    topic: &str,
    bodies: &[Vec<u8>],
    gauge: Option<&Url>,
) -> Result<Row, Failure> {
    let url = options.pubsub.join(&format!("/pub?topic={topic}"));
    let mut connection = Connection::new(Limits::default());
    let (before, began) = (process.usage(), Instant::now());
    let mut row = Row::default();
    for body in bodies {
        if began.elapsed() > options.seconds {
            break;
        }
        let answer = connection.call("POST", &url, Some(body)).await;
        accepted(&url, answer.map_err(|error| Failure::of(&url, &error))?)?;
        row.messages += BATCH;
    }
    if let Some(gauge) = gauge {
        row.missing = until_read(gauge, row.messages).await?;
    }
    (row.elapsed, row.usage) = (began.elapsed(), before.zip(process.usage()));
    Ok(row)
}

/// Waits until the gauge has read everything, and returns how many messages it has missed.
async fn until_read(gauge: &Url, messages: u64) -> Result<u64, Failure> {
    let url = gauge.and("format", Some("json"));
    loop {
        let answer = accepted(&url, call("GET", &url, None).await?)?;
        let strange = |_| Failure::Refused(format!("{url}: its answer is no reading"));
        let reading: Value = serde_json::from_slice(&answer).map_err(strange)?;
        let number = |name: &str| reading["counters"][name].as_u64().unwrap_or(0);
        if number("messages") + number("missed") >= messages {
            return Ok(number("missed"));
        }
        // Asking often would be measured too.
        sleep(core::time::Duration::from_millis(50)).await;
    }
}

async fn call(method: &str, url: &Url, body: Option<&[u8]>) -> Result<http::Response<Vec<u8>>, Failure> {
    let answer = Connection::new(Limits::default()).call(method, url, body).await;
    answer.map_err(|error| Failure::of(url, &error))
}

/// Records that look like clicks: a time, a country of 64, and the rest.
fn body(number: u64) -> Vec<u8> {
    let mut body = Vec::new();
    for record in number * BATCH..(number + 1) * BATCH {
        // A number that goes all over the place: the golden section of 2^64.
        let scattered = record.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let start = body.len();
        let record = format!(
            r#"{{"h":"{scattered:016x}","g":"{record:x}","c":"C{:02}","t":{}.{:03},"r":"http://www.example.org/","al":"en-US,en;q=0.8","u":""#,
            scattered >> 58,
            scattered >> 50,
            scattered >> 40 & 511,
        );
        body.extend_from_slice(record.as_bytes());
        let left = RECORD.saturating_sub(body.len() - start + 2);
        body.resize(body.len() + left, b'x');
        body.extend_from_slice(b"\"}\n");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_json_of_one_length() {
        let body = body(3);
        let lines: Vec<_> = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
        assert_eq!(lines.len() as u64, BATCH);
        for line in lines {
            assert_eq!(line.len(), RECORD);
            let record: Value = serde_json::from_slice(line).unwrap();
            assert!(record["t"].is_number() && record["c"].as_str().unwrap().len() == 3);
        }
    }
}
