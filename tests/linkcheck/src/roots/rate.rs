//! Rates.

use core::time::Duration;

use crate::given::given;
use streamgauge_core::stats::Rate;
use streamgauge_core::stats::rate::{Parts, PerSecond};

fn rate() -> &'static mut Rate {
    given()
}

roots! {
    new => Rate::new();
    push => rate().push(*given(), *given());
    push_many => rate().push_many(*given(), *given(), *given());
    merge => rate().merge(given());
    messages => rate().messages();
    bytes => rate().bytes();
    latest => rate().latest();
    messages_per_second => rate().messages_per_second(*given());
    bytes_per_second => rate().bytes_per_second(*given());
    since_start => given::<PerSecond>().since_start(*given::<Duration>());
    to_parts => rate().to_parts();
    from_parts => Rate::from_parts(given::<Parts>());
}

sizes! {
    "rate: Rate": Rate;
}
