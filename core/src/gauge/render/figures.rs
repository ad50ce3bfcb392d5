//! The results of a measure by their names, which are those of JSON.

use Figure::{Float, Whole};

use super::super::Counters;
use crate::stats::change::Detector;
use crate::stats::distinct::Estimate;
use crate::stats::quantiles::DdSketch;
use crate::stats::rate::Rate;
use crate::stats::{Bivariate, Moments};
use crate::time::Time;

/// A result of a reading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Figure {
    Whole(u64),
    Float(Option<f64>),
}

pub(super) fn of_moments(moments: &Moments) -> [(&'static str, Figure); 9] {
    [
        ("count", Whole(moments.count())),
        ("mean", Float(moments.mean())),
        ("variance", Float(moments.sample_variance())),
        ("population_variance", Float(moments.population_variance())),
        ("stddev", Float(moments.sample_stddev())),
        ("skewness", Float(moments.skewness())),
        ("kurtosis", Float(moments.excess_kurtosis())),
        ("min", Float(moments.min())),
        ("max", Float(moments.max())),
    ]
}

/// The quantiles that are shown, and the largest error that one of them can have.
pub(super) fn quantiles<S: AsRef<[u32]>>(sketch: &DdSketch<S>) -> ([(&'static str, Option<f64>); 4], f64) {
    let all = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)].map(|(name, q)| (name, sketch.quantile(q)));
    let error = all.iter().filter_map(|(_, one)| *one).fold(0.0_f64, |most, one| most.max(one.error));
    (all.map(|(name, one)| (name, one.map(|one| one.estimate))), error)
}

/// [`quantiles`], and how many values are held to no error any more.
pub(super) fn of_quantiles<S: AsRef<[u32]>>(sketch: &DdSketch<S>) -> [(&'static str, Figure); 6] {
    let (all, error) = quantiles(sketch);
    let [p50, p90, p99, p999] = all.map(|(name, one)| (name, Float(one)));
    [p50, p90, p99, p999, ("quantile_error", Float(Some(error))), ("collapsed", Whole(sketch.collapsed()))]
}

pub(super) fn of_distinct(estimate: Estimate) -> [(&'static str, Figure); 2] {
    [("estimate", Float(Some(estimate.estimate))), ("error", Float(Some(estimate.error)))]
}

pub(super) fn of_rate(rate: &Rate, now: Time) -> [(&'static str, Figure); 6] {
    let (messages, bytes) = (rate.messages_per_second(now), rate.bytes_per_second(now));
    [
        ("messages_1m", Float(Some(messages.one_minute))),
        ("messages_5m", Float(Some(messages.five_minutes))),
        ("messages_15m", Float(Some(messages.fifteen_minutes))),
        ("bytes_1m", Float(Some(bytes.one_minute))),
        ("bytes_5m", Float(Some(bytes.five_minutes))),
        ("bytes_15m", Float(Some(bytes.fifteen_minutes))),
    ]
}

pub(super) fn of_change(detector: &Detector) -> [(&'static str, Figure); 2] {
    [("up", Whole(detector.alarms_up())), ("down", Whole(detector.alarms_down()))]
}

pub(super) fn of_pair(pair: &Bivariate) -> [(&'static str, Figure); 8] {
    [
        ("count", Whole(pair.count())),
        ("covariance", Float(pair.sample_covariance())),
        ("population_covariance", Float(pair.population_covariance())),
        ("correlation", Float(pair.correlation())),
        ("slope", Float(pair.slope())),
        ("intercept", Float(pair.intercept())),
        ("r_squared", Float(pair.r_squared())),
        ("residual_stddev", Float(pair.residual_stddev())),
    ]
}

pub(super) fn of_counters(counters: &Counters) -> [(&'static str, Figure); 13] {
    let Counters { messages, measured, filtered, late, early, unmeasured, untold, moved, missed, .. } = *counters;
    [
        ("messages", Whole(messages)),
        ("measured", Whole(measured)),
        ("filtered", Whole(filtered)),
        ("late", Whole(late)),
        ("early", Whole(early)),
        ("not_json", Whole(unmeasured.not_json)),
        ("missing", Whole(unmeasured.missing)),
        ("not_a_number", Whole(unmeasured.not_a_number)),
        ("infinite", Whole(unmeasured.infinite)),
        ("no_time", Whole(unmeasured.no_time)),
        ("untold", Whole(untold)),
        ("moved", Whole(moved)),
        ("missed", Whole(missed)),
    ]
}
