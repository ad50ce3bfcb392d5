//! Subscribers that come back to a full log, and say which message was their last.

use tokio::time::Instant;

use super::Options;
use super::names::Names;
use super::pipe::Pipe;
use super::process::Process;
use super::report::Row;
use crate::client::{Connection, Error, Limits, Url, write};
use crate::terminal::exit::{Failure, accepted};
use crate::terminal::json::{Members, Value, members};

const RESUMES: u64 = 2_000;

/// Messages of one byte in a request.
const BATCH: usize = 1_000_000;

/// Each resume is a connection of its own that ends with its first message: the rest would be the cost of messages, and
/// not of finding them.
pub(super) async fn measure(options: &Options, process: &Process, names: &Names) -> Result<Row, Failure> {
    let topic = names.topic(options, "resume", "{\"bytes\":\"64MiB\"}").await?;
    let (first, next) = fill(options, &topic).await?;
    let url = options.pubsub.join(&format!("/sub?topic={topic}&format=sse&limit=1"));
    let failed = |error: &Error| Failure::of(&url, error);
    let resumes = options.messages.unwrap_or(RESUMES);
    let (before, began) = (process.usage(), Instant::now());
    let mut row = Row { work: format!("resume in a log of {} messages", next - first), ..Row::default() };
    for number in 0..resumes {
        if began.elapsed() > options.seconds {
            break;
        }
        // All over the log, in no order: the golden section of 2^64.
        let place = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) * u128::from(next - first - 1);
        let id = (first + (place >> 64) as u64).to_string();
        let mut request = Vec::new();
        write(&mut request, "GET", &url, &[("Last-Event-ID", &id)], None).ok_or_else(|| failed(&Error::Invalid))?;
        let mut pipe = Pipe::open(&url).await.map_err(|error| failed(&error))?;
        let once = |out: &mut Vec<u8>, _| (!request.is_empty(), out.append(&mut request)).0;
        pipe.run(1, once, |answer| {
            row.messages += u64::from(answer.status == 200);
            row.refused += u64::from(answer.status != 200);
            row.latencies.push(answer.came_at - answer.sent_at);
        })
        .await
        .map_err(|error| failed(&error))?;
    }
    (row.elapsed, row.usage) = (began.elapsed(), before.zip(process.usage()));
    Ok(row)
}

/// Publishes until the oldest message has left; then the numbers of the oldest one and of the next are told.
async fn fill(options: &Options, topic: &str) -> Result<(u64, u64), Failure> {
    let mut connection = Connection::new(Limits::default());
    let publish = options.pubsub.join(&format!("/pub?topic={topic}"));
    let show = options.pubsub.join(&format!("/topics/{topic}"));
    let body = b"x\n".repeat(BATCH);
    let (mut began_with, began) = (None, Instant::now());
    loop {
        let answer = call(&mut connection, "POST", &publish, Some(&body)).await?;
        drop(answer);
        let answer = call(&mut connection, "GET", &show, None).await?;
        let strange = || Failure::Refused(format!("{show}: its answer tells nothing of a topic"));
        let (first, next) = numbers(&answer).ok_or_else(strange)?;
        if *began_with.get_or_insert(first) != first || began.elapsed() > options.seconds {
            return Ok((first, next));
        }
    }
}

async fn call(connection: &mut Connection, method: &str, url: &Url, body: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    let answer = connection.call(method, url, body).await;
    accepted(url, answer.map_err(|error| Failure::of(url, &error))?)
}

/// The numbers of the oldest message and of the next one.
fn numbers(answer: &[u8]) -> Option<(u64, u64)> {
    let topic = Members(members(answer)?);
    let Some(Value::Object(counters)) = topic.get("counters") else { return None };
    let number = |name| counters.get(name)?.text().parse().ok();
    Some((number("first")?, number("next")?))
}
