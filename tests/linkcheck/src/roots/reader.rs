//! The reader, and its envelope out of JSON.

use core::time::Duration;

use crate::given::{answer, bytes, given, keep, text};
use streamgauge_core::reader::{Attempt, BackoffTimer, Envelope, Policy, Reader, Round, Task};

type Retries = Reader<[Task<&'static str>; 4], &'static str>;

fn reader() -> &'static mut Retries {
    given()
}

fn attempt() -> &'static mut Attempt<'static> {
    given()
}

fn envelope() -> &'static Envelope<'static> {
    given()
}

fn round() -> &'static mut Round {
    given()
}

fn backoff() -> &'static mut BackoffTimer {
    given()
}

fn time() -> Duration {
    *given()
}

roots! {
    new => given::<Option<[Task<&'static str>; 4]>>().take().map(|tasks| Retries::new(*given::<Policy>(), tasks));
    task_new => Task::new(text());
    task_name => keep(given::<Task<&'static str>>().name());
    task_counters => given::<Task<&'static str>>().counters();
    handle_item => reader().handle_item(bytes(), time());
    handle_lent => reader().handle_lent(bytes(), *given(), time());
    handle_ready => reader().handle_ready(attempt());
    handle_drop => reader().handle_drop(attempt());
    handle_refusal => reader().handle_refusal(attempt());
    poll_task => reader().poll_task(attempt());
    handle_outcome => reader().handle_outcome(attempt(), *given(), *given());
    handle_end => reader().handle_end(attempt(), time());
    write => reader().write(attempt(), *given(), answer());
    poll_rest => reader().poll_rest();
    counters => reader().counters();
    tasks => keep(reader().tasks());
    attempt_envelope => keep(attempt().envelope());
    attempt_tries => attempt().tries();
    attempt_has_progressed => attempt().has_progressed();
    envelope_parse => Envelope::parse(bytes(), time());
    envelope_data => envelope().data();
    envelope_tries => envelope().tries();
    envelope_retry_on => envelope().retry_on();
    envelope_started => envelope().started();
    envelope_has_left => envelope().has_left(text());
    backoff_new => BackoffTimer::new(time(), time());
    backoff_with_steps => BackoffTimer::with_steps(time(), time(), *given(), *given());
    backoff_failure => backoff().handle_failure();
    backoff_success => backoff().handle_success();
    backoff_interval => backoff().interval();
    round_new => Round::new(time());
    round_poll => round().poll(time());
    round_empty => round().handle_empty(time());
    round_found => round().handle_found();
    round_waiting => round().handle_waiting(time(), time());
    round_requeue => round().handle_requeue(time());
    round_depth => round().handle_depth(*given(), time());
}

sizes! {
    "reader: Reader of 4 tasks": Retries;
    "reader: Round": Round;
}
