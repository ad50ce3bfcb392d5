//! Quantiles.

use crate::given::{given, keep};
use streamgauge_core::stats::DdSketch;
use streamgauge_core::stats::quantiles::{Accuracy, Numbers, Summary};

type Bins = &'static mut [u32];

fn sketch() -> &'static mut DdSketch<Bins> {
    given()
}

fn bins() -> Bins {
    core::mem::take(given())
}

roots! {
    accuracy_new => Accuracy::new(*given());
    accuracy_relative => given::<Accuracy>().relative();
    new => DdSketch::new(bins(), *given());
    with_negative_bins => DdSketch::with_negative_bins(bins(), *given(), *given());
    clear => sketch().clear();
    push => sketch().push(*given());
    push_times => sketch().push_times(*given(), *given());
    merge => sketch().merge::<Bins>(given());
    from_parts => DdSketch::from_parts(*given::<Summary>(), bins());
    into_parts => DdSketch::<Bins>::into_parts(DdSketch::new(bins(), *given()));
    from_numbers => DdSketch::from_numbers(given::<Numbers>(), bins());
    to_numbers => sketch().to_numbers();
    storage => sketch().storage().len();
    accuracy => sketch().accuracy();
    count => sketch().count();
    zeros => sketch().zeros();
    nan => sketch().nan();
    positive_infinities => sketch().positive_infinities();
    negative_infinities => sketch().negative_infinities();
    min => sketch().min();
    max => sketch().max();
    collapsed => sketch().collapsed();
    uncounted => sketch().uncounted();
    quantile => sketch().quantile(*given());
    at_most => sketch().at_most(*given());
    error => sketch().error();
    each_bin => sketch().bins().for_each(keep);
}

sizes! {
    "quantiles: DdSketch": DdSketch<Bins>;
    "quantiles: Summary": Summary;
}
