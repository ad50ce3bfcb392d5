//! Readers: envelopes, attempts, back-off, rounds.

use core::time::Duration;

use crate::given::{answer, bytes, given, text};
use streamgauge_core::reader::{Attempt, BackoffTimer, Envelope, Reader, Round, Task};

type Tasks = &'static mut [Task<&'static str>];

fn reader() -> &'static mut Reader<Tasks, &'static str> {
    given()
}

fn attempt() -> &'static mut Attempt<'static> {
    given()
}

fn envelope() -> &'static Envelope<'static> {
    given()
}

fn timer() -> &'static mut BackoffTimer {
    given()
}

fn round() -> &'static mut Round {
    given()
}

roots! {
    parse => Envelope::parse(bytes(), *given());
    data => envelope().data();
    tries => envelope().tries();
    retry_on => envelope().retry_on();
    started => envelope().started();
    has_left => envelope().has_left(text());
    task => Task::new(text());
    name => *given::<Task<&'static str>>().name();
    task_counters => given::<Task<&'static str>>().counters();
    new => Reader::<Tasks, &'static str>::new(*given(), core::mem::take(given()));
    handle_item => reader().handle_item(bytes(), *given());
    handle_ready => reader().handle_ready(attempt());
    handle_drop => reader().handle_drop(attempt());
    handle_refusal => reader().handle_refusal(attempt());
    poll_task => reader().poll_task(attempt());
    handle_outcome => reader().handle_outcome(attempt(), *given(), *given());
    handle_end => reader().handle_end(attempt(), *given());
    write => reader().write(attempt(), *given(), answer());
    poll_rest => reader().poll_rest();
    counters => reader().counters();
    tasks => reader().tasks().len();
    attempt_envelope => attempt().envelope().data();
    attempt_tries => attempt().tries();
    backoff => BackoffTimer::new(*given(), *given());
    with_steps => BackoffTimer::with_steps(*given(), *given(), *given(), *given());
    handle_failure => timer().handle_failure();
    handle_success => timer().handle_success();
    interval => timer().interval();
    round_new => Round::new(*given::<Duration>());
    poll => round().poll(*given());
    handle_empty => round().handle_empty(*given());
    handle_found => round().handle_found();
    handle_waiting => round().handle_waiting(*given(), *given());
    handle_requeue => round().handle_requeue(*given());
    handle_depth => round().handle_depth(*given(), *given());
}

sizes! {
    "Reader": Reader<Tasks, &'static str>;
    "Task": Task<&'static str>;
    "Attempt": Attempt<'static>;
    "Round": Round;
}
