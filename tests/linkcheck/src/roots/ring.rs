//! The ring from interrupt to task.

use crate::given::{bytes, given, keep, storage};
use streamgauge_core::shared::ring::{Byte, Consumer, Producer, Ring};

type Bytes = Ring<&'static mut [Byte]>;

fn producer() -> &'static mut Producer<'static> {
    given()
}

fn consumer() -> &'static mut Consumer<'static> {
    given()
}

roots! {
    split => keep(given::<Bytes>().split());
    push => producer().push(bytes());
    room => producer().room();
    pop => keep(consumer().pop(storage()));
    len => consumer().len();
    is_empty => consumer().is_empty();
    overflow => consumer().overflow();
}

sizes! {
    "ring: Ring": Bytes;
    "ring: Producer": Producer<'static>;
    "ring: Consumer": Consumer<'static>;
}
