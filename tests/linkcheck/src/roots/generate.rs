//! Random numbers.

use crate::given::given;
use streamgauge_core::generate::{Distribution, Rng, Zipf};

fn rng() -> &'static mut Rng {
    given()
}

roots! {
    rng_new => Rng::new(*given());
    bits => rng().bits();
    uniform => rng().uniform();
    below => rng().below(*given());
    sample => given::<Distribution>().sample(rng());
    sample_integer => given::<Distribution>().sample_integer(rng());
    zipf_new => Zipf::new(*given(), *given());
    zipf_sample => given::<Zipf>().sample(rng());
}

sizes! {
    "generate: Rng": Rng;
    "generate: Zipf": Zipf;
}
