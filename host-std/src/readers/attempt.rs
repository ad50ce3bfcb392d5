//! One item through preprocessing, validation and tasks.

use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::time::Instant;

use bytes::Bytes;
use futures_util::FutureExt as _;
use streamgauge_core::reader::{Attempt, Outcome, Verdict};

use super::message::Panicked;
use super::{Message, Refusal, Report, Shared, Task};

/// What came of an attempt.
pub(super) struct Tried {
    pub(super) verdict: Verdict,
    /// What was wrong first, if anything was.
    pub(super) reason: Option<String>,
}

/// Tries an item, and returns what becomes of it.
pub(super) async fn run(shared: &Shared, attempt: &mut Attempt<'_>, item: &Bytes) -> Tried {
    let mut reason = None;
    let envelope = attempt.envelope();
    let data = item.slice_ref(envelope.data().as_bytes());
    let message = Message::new(data, attempt.tries(), envelope.started());
    match prepare(shared, message) {
        Ok(Some(message)) => {
            shared.state.lock().handle_ready(attempt);
            reason = run_tasks(shared, attempt, &message).await;
        }
        Ok(None) => shared.state.lock().handle_drop(attempt),
        Err(refusal) => {
            tracing::warn!("preprocessing failed: {}", refusal.text());
            shared.state.lock().handle_refusal(attempt);
            reason = Some(refusal.text().to_owned());
        }
    }
    Tried { verdict: shared.state.lock().handle_end(attempt, shared.clock.date()), reason }
}

/// What the tasks get, or nothing if it is to be dropped.
fn prepare(shared: &Shared, message: Message) -> Result<Option<Message>, Refusal> {
    let prepare = || {
        let message = match &shared.preprocess {
            Some(preprocess) => preprocess(message)?,
            None => message,
        };
        let is_valid = match &shared.validate {
            Some(validate) => validate(&message)?,
            None => true,
        };
        Ok(is_valid.then_some(message))
    };
    catch_unwind(AssertUnwindSafe(prepare)).unwrap_or_else(|panic| Err(Refusal::from(Panicked(panic))))
}

/// Returns what was wrong first.
async fn run_tasks(shared: &Shared, attempt: &mut Attempt<'_>, message: &Message) -> Option<String> {
    let mut first = None;
    loop {
        let next = {
            let state = shared.state.lock();
            state.poll_task(attempt).map(|index| (index, state.tasks().get(index).map(|task| task.name().clone())))
        };
        let Some((index, name)) = next else { return first };
        let Some(task) = shared.tasks.get(index) else { return first };
        let report = run_task(shared, index, task, message.clone()).await;
        if report.outcome != Outcome::Done {
            let (name, reason) = (name.unwrap_or_default(), report.reason.unwrap_or_else(|| "failed".to_owned()));
            tracing::info!("task {name}, try {}: {reason}", attempt.tries());
            first.get_or_insert_with(|| format!("{name}: {reason}"));
        }
        shared.state.lock().handle_outcome(attempt, index, report.outcome);
    }
}

async fn run_task(shared: &Shared, index: usize, task: &Task, message: Message) -> Report {
    let _place = match &task.places {
        // It is never closed.
        Some(places) => places.acquire().await.ok(),
        None => None,
    };
    let began = Instant::now();
    let running = catch_unwind(AssertUnwindSafe(|| (task.run)(message)));
    let report = match running {
        Ok(running) => AssertUnwindSafe(running).catch_unwind().await,
        Err(panic) => Err(panic),
    };
    if let Some(times) = shared.times.lock().get_mut(index) {
        times.push(began.elapsed().as_secs_f64());
    }
    report.unwrap_or_else(|panic| Report::failed(Panicked(panic).to_string()))
}
