//! The queue.

use crate::given::{Storage, bytes, given, keep, storage};
use core::ops::ControlFlow;
use streamgauge_core::queue::{Counters, Limits, Queue};

type Items = Queue<Storage>;

fn queue() -> &'static mut Items {
    given()
}

roots! {
    new => Queue::new(storage(), *given::<Limits>());
    counters => queue().counters();
    reset_high_water => queue().reset_high_water();
    is_empty => queue().is_empty();
    check => queue().check(*given());
    peek => queue().peek();
    get => queue().get();
    mget => queue().mget(*given(), |item| {
        keep(item);
        *given::<ControlFlow<()>>()
    });
    iter => queue().iter().for_each(keep);
    log => queue().log();
    refused => queue().refused();
    try_put => queue().try_put(bytes());
    put_in_room => queue().put_in_room(bytes());
    put => queue().put(bytes(), |item| keep(item));
    put_with => queue().put_with(*given(), |room| keep(room), |item| keep(item));
    mput => queue().mput(bytes(), bytes(), |item| keep(item));
}

sizes! {
    "queue: Queue": Items;
    "queue: Counters": Counters;
}
