//! Detection of changes.

use crate::given::given;
use streamgauge_core::stats::change::{Detector, Parts, Settings};

fn detector() -> &'static mut Detector {
    given()
}

roots! {
    given_mean => Settings::given(*given(), *given());
    learned_mean => Settings::learned(*given());
    page_hinkley => Settings::page_hinkley(*given());
    new => Detector::new(*given::<Settings>());
    push => detector().push(*given());
    merge => detector().merge(given());
    settings => detector().settings();
    up => detector().up();
    down => detector().down();
    alarms_up => detector().alarms_up();
    alarms_down => detector().alarms_down();
    mean => detector().mean();
    sigma => detector().sigma();
    count => detector().count();
    nan => detector().nan();
    positive_infinities => detector().positive_infinities();
    negative_infinities => detector().negative_infinities();
    to_parts => detector().to_parts();
    from_parts => Detector::from_parts(*given(), given::<Parts>());
}

sizes! {
    "change: Detector": Detector;
}
