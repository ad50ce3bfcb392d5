//! Ids that are accepted once, and times.

use crate::given::{bytes, given};
use streamgauge_core::dedupe::{Dedupe, Entry};
use streamgauge_core::storage::Grow;
use streamgauge_core::time::Time;

/// Storage of which there may be more.
struct Growing(&'static mut [Entry]);

impl AsRef<[Entry]> for Growing {
    fn as_ref(&self) -> &[Entry] {
        self.0
    }
}

impl AsMut<[Entry]> for Growing {
    fn as_mut(&mut self) -> &mut [Entry] {
        self.0
    }
}

impl Grow<Entry> for Growing {
    fn grow(&mut self) -> bool {
        self.0 = core::mem::take(given::<&'static mut [Entry]>());
        *given::<bool>()
    }
}

fn dedupe() -> &'static mut Dedupe<Growing> {
    given()
}

roots! {
    new => Dedupe::new(Growing(core::mem::take(given())), *given(), *given());
    counters => dedupe().counters();
    window => dedupe().window();
    check => dedupe().check(bytes(), *given());
    remember => dedupe().remember(bytes(), *given(), *given());
    forget => dedupe().forget(bytes(), *given());
    grow => given::<[Entry; 4]>().grow();
    time_from_millis => Time::from_millis(*given());
    time_as_millis => given::<Time>().as_millis();
    time_after => given::<Time>().after(*given());
    time_since => given::<Time>().since(*given());
}

sizes! {
    "dedupe: Dedupe": Dedupe<&'static mut [Entry]>;
    "dedupe: Entry": Entry;
}
