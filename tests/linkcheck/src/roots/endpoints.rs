//! The endpoints.

use crate::given::{Storage, answer, bytes, given, keep, storage};
use streamgauge_core::endpoints::simplequeue::{Dump, Settings};
use streamgauge_core::endpoints::{Headers, Pubsub, Request, Response, Simplequeue, Status};
use streamgauge_core::topic::Place;

type Queue = Simplequeue<Storage>;
type Crier = Pubsub<Storage, &'static mut [Place]>;

fn queue() -> &'static mut Queue {
    given()
}

fn pubsub() -> &'static mut Crier {
    given()
}

fn settings() -> Settings {
    given::<Settings>().clone()
}

roots! {
    request_new => Request::new(bytes());
    request_with_body => given::<Request<'static>>().with_body(bytes());
    response_text => Response::text(*given());
    status_code => given::<Status>().code();
    headers_for_each => given::<Headers>().for_each(|name, value| keep((name, value)));
    queue_new => Simplequeue::new(storage(), settings());
    queue_default => Settings::default();
    queue_queue => queue().queue();
    queue_queue_mut => queue().queue_mut();
    queue_limit_answer => queue().limit_answer(*given());
    queue_call => queue().call(*given(), answer(), |item| keep(item));
    queue_dump => queue().dump(given::<Dump>(), answer(), *given());
    pubsub_new => Pubsub::new(storage(), core::mem::take(given::<&'static mut [Place]>()), *given(), *given());
    pubsub_fanout => pubsub().fanout();
    pubsub_fanout_mut => pubsub().fanout_mut();
    pubsub_call => pubsub().call(*given(), answer());
    pubsub_subscribe => pubsub().subscribe(given());
    pubsub_refuse => Crier::refuse(*given(), answer());
    pubsub_count_kick => pubsub().count_kick();
    pubsub_stats => pubsub().stats();
}

sizes! {
    "service: Simplequeue": Queue;
    "service: Pubsub": Crier;
}
