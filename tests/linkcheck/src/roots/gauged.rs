//! Gauges in blocks: beside an engine, and shared.

use core::cell::RefCell;

use streamgauge_core::connection::{Gauges, Gauging, Served};
use streamgauge_core::gauge::{Blocks, Gauge, Measured, Never, Pool};
use streamgauge_core::shared::{Guarded, SharedGauge, Slot};

use super::shared::{poll, slots};
use crate::given::{answer, bytes, given, keep};

type Room = &'static Blocks<4>;
type Few = Gauges<Room, 2>;
type Total = SharedGauge<RefCell<Guarded<Gauge<Room>, &'static mut [Slot]>>>;

fn room() -> Room {
    given()
}

fn gauges() -> &'static mut Few {
    given()
}

fn total() -> &'static Total {
    given()
}

roots! {
    blocks_new => keep(Blocks::<4>::new());
    pool_new => keep(Pool::<u32, 4>::new());
    pool_cut => room().bins.cut(core::mem::take(given::<&'static mut [u32]>()), *given());
    pool_cut_cells => room().cells.cut(core::mem::take(given::<&'static mut [Measured<Room>]>()), *given());
    pool_len => room().bins.len();
    pool_is_empty => room().bins.is_empty();
    pool_take => room().groups.take(*given());
    pool_take_none => keep(given::<Option<Never>>().as_ref().map(AsRef::<[u8]>::as_ref));
    gauge_new => Gauge::new(given(), &mut room());
    gauges_new => keep(Few::new(room()));
    with_gauges => keep(Served::with_gauges((), *given(), ()));
    published => gauges().published(given(), given(), *given());
    answered => gauges().answer(given(), given(), *given(), answer());
    published_elsewhere => (&mut gauges()).published(given(), given(), *given());
    answered_elsewhere => (&mut gauges()).answer(given(), given(), *given(), answer());
    shared_new => keep(given::<Option<Gauge<Room>>>().take().map(|gauge| Total::new(RefCell::new(Guarded::new(gauge, slots())))));
    shared_take => total().take(bytes(), *given());
    shared_try_take => total().try_take(bytes(), *given());
    shared_tell => total().tell(*given(), |reading, _, cell| keep((reading.messages, cell.len())));
    shared_merge => total().merge(bytes(), *given(), &mut room());
    shared_with => total().with(|gauge| gauge.is_pending());
    shared_wait_for => keep(poll(total().wait_for(|gauge| gauge.next_over())));
    shared_close => total().close();
}

sizes! {
    "gauged: Blocks of 4": Blocks<4>;
    "gauged: Gauges of 2": Few;
    "gauged: SharedGauge": Total;
}
