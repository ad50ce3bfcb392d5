//! Changes of the mean: alarms at the same values.

use serde_json::Value;
use streamgauge_core::stats::change::{AfterAlarm, Change, Detector, Mean, Settings, Sigma};

use crate::streams;
use crate::support::{gauge, json, take};
use crate::values::{number, values, whole};

/// River counts deviations in the unit of the values and doesn't forget here (alpha is 1); after an alarm it begins anew.
#[test]
fn page_hinkley_alarms_where_that_of_river_does() {
    let Some(values) = values() else { return };
    for reference in values["page_hinkley"].as_array().expect("a list") {
        let settings = Settings {
            drift: number(reference, "drift"),
            threshold: number(reference, "threshold"),
            mean: Mean::Running,
            sigma: Sigma::Given(number(reference, "sigma")),
            warm_up: 0,
            after_alarm: AfterAlarm::Relearn,
        };
        let alarms: Vec<u64> = alarms(settings).into_iter().map(|(at, _)| at).collect();
        assert!(alarms.len() >= 20, "{settings:?}: {alarms:?}");
        assert_eq!(reference["alarms"], Value::from(alarms), "{settings:?}");
    }
}

#[test]
fn cusum_alarms_where_cumulated_sums_of_numpy_do() {
    let Some(values) = values() else { return };
    for reference in values["cusum"].as_array().expect("a list") {
        let (drift, threshold) = (number(reference, "drift"), number(reference, "threshold"));
        let learn = whole(reference, "learn");
        let settings = Settings { drift, threshold, ..Settings::learned(learn as u32) };
        let alarms = alarms(settings);
        assert!(alarms.len() >= 20, "{settings:?}: {alarms:?}");
        let told: Vec<Value> = alarms.iter().map(|(at, way)| serde_json::json!([at, way])).collect();
        assert_eq!(reference["alarms"], Value::from(told), "{settings:?}");

        let change = format!(r#"{{"drift":{drift:?},"threshold":{threshold:?},"learn":{learn}}}"#);
        let mut gauge = gauge(&format!(r#"{{"measure":"change","change":{change}}}"#));
        streams::named("shifted").iter().for_each(|x| take(&mut gauge, format!("{x:?}"), 0));
        let reading = json(&mut gauge, 0);
        for way in ["up", "down"] {
            let expected = alarms.iter().filter(|(_, told)| *told == way).count();
            assert_eq!(whole(&reading["change"], way), expected as u64, "{way}");
        }
    }
}

/// The values, counted from 0, at which there were alarms.
fn alarms(settings: Settings) -> Vec<(u64, &'static str)> {
    let mut detector = Detector::new(settings).expect("valid settings");
    let tell =
        |(at, x)| detector.push(x).map(|change| (at, if matches!(change, Change::Up(_)) { "up" } else { "down" }));
    (0..).zip(streams::named("shifted")).filter_map(tell).collect()
}
