//! Counting distinct items.

use crate::given::{bytes, given, keep, storage};
use streamgauge_core::stats::UltraLogLog;
use streamgauge_core::stats::distinct::{Precision, hash};

type Sketch = UltraLogLog<&'static mut [u8]>;

fn sketch() -> &'static mut Sketch {
    given()
}

fn precision() -> Precision {
    *given()
}

roots! {
    precision_new => Precision::new(*given());
    precision_of_registers => Precision::of_registers(*given());
    precision_get => precision().get();
    precision_registers => precision().registers();
    precision_error => precision().error();
    hashed => hash(*given(), bytes());
    new => Sketch::new(storage());
    add => sketch().add(bytes());
    add_hash => sketch().add_hash(*given());
    merge => sketch().merge::<&'static mut [u8]>(given());
    from_registers => Sketch::from_registers(storage());
    from_parts => Sketch::from_parts(precision(), storage());
    into_parts => given::<Option<Sketch>>().take().map(|sketch| sketch.into_parts());
    registers => keep(sketch().registers());
    estimate => sketch().estimate();
    sketch_precision => sketch().precision();
}

sizes! {
    "stats: UltraLogLog": Sketch;
    "stats: distinct::Precision": Precision;
}
