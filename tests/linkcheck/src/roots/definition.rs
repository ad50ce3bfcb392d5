//! What a gauge measures, from JSON and to it.

use crate::given::{answer, bytes, given, keep, text};
use streamgauge_core::gauge::{Definition, Measure, Measures, Statistic};

fn definition() -> &'static Definition {
    given()
}

fn measures() -> Measures {
    *given()
}

roots! {
    definition_new => Definition::new(*given(), measures());
    definition_check => definition().check();
    definition_measures_like => definition().measures_like(given());
    definition_from_json => Definition::from_json(bytes());
    definition_longest_reading => definition().longest_reading();
    definition_write_json => definition().write_json(answer());
    measure_name => given::<Measure>().name();
    measure_named => Measure::named(text());
    measure_is_lasting => given::<Measure>().is_lasting();
    measures_with => measures().with(*given());
    measures_has => measures().has(*given());
    measures_iter => measures().iter().for_each(keep);
    measures_len => measures().len();
    measures_is_empty => measures().is_empty();
    statistic_name => given::<Statistic>().name();
    statistic_named => Statistic::named(text());
    statistic_measure => given::<Statistic>().measure();
}

sizes! {
    "gauge: Definition": Definition;
}
