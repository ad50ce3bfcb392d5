//! The fan-out.

use crate::given::{Storage, bytes, given, keep, storage};
use streamgauge_core::topic::{Fanout, Id, Place};

type Crier = Fanout<Storage, &'static mut [Place]>;

fn fanout() -> &'static mut Crier {
    given()
}

fn cursors() -> &'static mut [Place] {
    core::mem::take(given())
}

fn id() -> Id {
    *given()
}

roots! {
    new => Fanout::new(storage(), cursors());
    starting_at => Fanout::starting_at(storage(), cursors(), *given());
    subscribers => fanout().subscribers();
    published => fanout().published();
    delivered => fanout().delivered();
    origin => fanout().origin();
    log => fanout().log();
    check => fanout().check(*given());
    publish => fanout().publish(bytes());
    subscribe => fanout().subscribe();
    resume => fanout().resume(*given());
    knows => fanout().knows(*given());
    unsubscribe => fanout().unsubscribe(id());
    next => fanout().next(id());
    position => fanout().position(id());
    messages => fanout().messages(*given()).for_each(keep);
    advance => fanout().advance(id(), *given());
    delivery => fanout().delivery(id());
}

sizes! {
    "fanout: Fanout": Crier;
    "fanout: Place, a subscriber": Place;
}
