//! The real clicks, as they are published.

use streamgauge_tests::clicks::clicks;
use streamgauge_tests::needs;

use crate::distinct::assert_distinct;
use crate::moments::assert_moments;
use crate::pair::assert_pair;
use crate::quantiles::assert_quantiles;
use crate::readings::readings;
use crate::top::assert_top;
use crate::values::{members, values, whole};

#[test]
fn gauges_of_the_clicks_are_what_others_compute() {
    let Some(values) = values() else { return };
    if needs::data().is_none() {
        return;
    }
    let reference = &values["clicks"];
    assert!(reference.is_object(), "the references were generated without the clicks: tests/run references");
    let clicks = clicks();
    assert_eq!(clicks.len() as u64, whole(reference, "records"), "generate.py had other clicks");
    for (field, reference) in members(&reference["numbers"]) {
        let settings = format!(r#""field":"{field}","measure":["moments","quantiles","distinct"]"#);
        for reading in readings(&settings, &clicks) {
            assert_moments(field, &reading, reference, &values);
            assert_quantiles(field, &reading, &reference["quantiles"]);
            assert_distinct(field, &reading["distinct"], whole(reference, "unique"));
        }
    }
    for reading in readings(r#""field":"ll[0]","with":"ll[1]","measure":"pair""#, &clicks) {
        assert_pair("places", &reading["pair"], &reference["pair"], true);
    }
    for (field, reference) in members(&reference["texts"]) {
        let settings = format!(r#""field":"{field}","measure":["distinct","top"],"top":{}"#, reference["capacity"]);
        for reading in readings(&settings, &clicks) {
            assert_distinct(field, &reading["distinct"], members(&reference["exact"]).count() as u64);
            let (width, others) = assert_top(field, &reading, reference);
            assert!(width <= others, "{field}: wider than datasketches: {width}, {others}");
        }
    }
}
