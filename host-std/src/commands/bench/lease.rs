//! Items that are lent and acknowledged, beside such that are got for good.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::Options;
use super::load::{GRACE, Tally};
use super::names::Names;
use super::pipe::{Pipe, Token};
use super::process::Process;
use super::queue::{exactly, get, put, timed};
use super::report::Row;
use crate::client::{Error, Url, write};
use crate::terminal::exit::Failure;

const ITEMS: u64 = 50_000;

pub(super) async fn measure(options: &Options, process: &Process, names: &Names) -> Result<Row, Failure> {
    let items = options.messages.unwrap_or(ITEMS);
    let bytes = items * (options.size + 16) + (1 << 20);
    let queue = names.queue(options, "lease", &format!("{{\"bytes\":{bytes}}}")).await?;
    let put = |batch, items| put(options, batch, items).with("queue", &queue);
    let get = |batch, items| get(options, batch, items).with("queue", &queue);
    exactly(items, put).await?;
    let mut load = get(1, items);
    (load.connections, load.window) = (options.connections, options.window);
    let plain = timed(load, process).await?;
    exactly(items - plain.messages.min(items), get).await?;
    exactly(items, put).await?;
    let before = process.usage();
    let tally = lend_and_acknowledge(options, &queue, items).await?;
    let mut tally = tally.lock();
    let mut row = Row {
        work: format!("get+ack, {} connections, {} in flight", options.connections, options.window),
        messages: tally.messages,
        elapsed: tally.ended - tally.began,
        usage: before.zip(process.usage()),
        latencies: std::mem::take(&mut tally.latencies),
        refused: tally.refused,
        ..Row::default()
    };
    row.times_a_plain_get = row.cost().zip(plain.cost()).map(|(leased, plain)| leased / plain);
    Ok(row)
}

/// The requests: what stands in the place of a token is replaced.
struct Requests {
    get: Vec<u8>,
    ack: Vec<u8>,
    token_at: usize,
}

impl Requests {
    fn new(server: &Url, queue: &str) -> Option<Self> {
        let blank = "0".repeat(size_of::<Token>());
        let (mut get, mut ack) = (Vec::new(), Vec::new());
        write(&mut get, "GET", &server.join(&format!("/get?queue={queue}&lease=60")), &[], None)?;
        write(&mut ack, "POST", &server.join(&format!("/ack?queue={queue}&lease={blank}")), &[], Some(b""))?;
        let token_at = memchr::memmem::find(&ack, blank.as_bytes())?;
        Some(Self { get, ack, token_at })
    }

    fn acknowledge(&self, token: &Token, out: &mut Vec<u8>) {
        let (before, rest) = self.ack.split_at(self.token_at);
        let behind = rest.get(token.len()..).unwrap_or_default();
        [before, token, behind].into_iter().for_each(|part| out.extend_from_slice(part));
    }
}

/// Each connection acknowledges what it was lent before it asks for more.
async fn lend_and_acknowledge(options: &Options, queue: &str, items: u64) -> Result<Arc<Mutex<Tally>>, Failure> {
    let server = &options.queue;
    let failed = |error: &Error| Failure::of(server, error);
    let requests = Arc::new(Requests::new(server, queue).ok_or_else(|| failed(&Error::Invalid))?);
    let mut pipes = Vec::new();
    for _ in 0..options.connections {
        pipes.push(Pipe::open(server).await.map_err(|error| failed(&error))?);
    }
    let tally = Arc::new(Mutex::new(Tally::of(items)));
    let until = Instant::now() + options.seconds;
    let mut tasks = JoinSet::new();
    for mut pipe in pipes {
        let (requests, tally, window) = (Arc::clone(&requests), Arc::clone(&tally), options.window as usize);
        tasks.spawn(async move {
            let lent = Mutex::new(VecDeque::<Token>::new());
            let next = |out: &mut Vec<u8>, now: Instant| {
                if let Some(token) = lent.lock().pop_front() {
                    requests.acknowledge(&token, out);
                    return true;
                }
                let more = now < until && tally.lock().take_one();
                if more {
                    out.extend_from_slice(&requests.get);
                }
                more
            };
            let done = |answer: &super::pipe::Answer| {
                let mut tally = tally.lock();
                // An answer with a token is that to a get; what has no token and was no failure is that to an ack.
                match answer.lease {
                    Some(token) => lent.lock().push_back(token),
                    None => tally.messages += u64::from(answer.status == 200),
                }
                tally.refused += u64::from(answer.status != 200);
                tally.time(answer);
            };
            pipe.run(window, next, done).await
        });
    }
    let mut result = Ok(());
    // What is not done by then is not counted.
    let _ = timeout_at(until + GRACE, async {
        while let Some(done) = tasks.join_next().await {
            if let Ok(Err(error)) = done {
                result = Err(failed(&error));
            }
        }
    })
    .await;
    result.map(|()| tally)
}
