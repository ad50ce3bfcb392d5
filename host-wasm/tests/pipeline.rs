//! The pipeline keeps its accounts, whatever is done to it.

use streamgauge_wasm::{Kind, Pipeline};

fn pipeline(max_depth: u32) -> Pipeline {
    let mut pipeline = Pipeline::new(7, 256, max_depth);
    pipeline.add_source(900.0, Kind::Normal, 3.0, 0.5);
    pipeline.add_source(100.0, Kind::Uniform, 0.0, 1.0);
    pipeline.add_reader(300.0);
    pipeline.add_reader(200.0);
    pipeline.set_subscriber_rate(100.0);
    pipeline
}

fn check(pipeline: &Pipeline) {
    assert_eq!(pipeline.accepted(), pipeline.delivered() + pipeline.depth() + pipeline.overflow());
    assert_eq!(pipeline.offered(), pipeline.received() + pipeline.lagged() + pipeline.pending());
    assert_eq!(pipeline.published(), pipeline.accepted());
    assert_eq!(pipeline.published(), pipeline.published_by_source().iter().sum::<f64>());
    assert_eq!(pipeline.delivered(), pipeline.delivered_by_reader().iter().sum::<f64>());
    assert_eq!(pipeline.delivered(), pipeline.moments().count());
    assert_eq!(pipeline.delivered(), pipeline.wait().count());
}

fn numbers(pipeline: &Pipeline) -> Vec<u64> {
    let (moments, wait) = (pipeline.moments(), pipeline.wait());
    let results = [moments.mean(), moments.sample_variance(), moments.skewness(), wait.mean(), wait.max()];
    let counts =
        [pipeline.published(), pipeline.overflow(), pipeline.received(), pipeline.lagged(), pipeline.pending()];
    results.into_iter().flatten().chain(counts).map(f64::to_bits).collect()
}

#[test]
fn time_can_be_cut_into_steps_of_any_size() {
    let mut whole = pipeline(100);
    whole.step(16.0);
    check(&whole);
    assert!(whole.overflow() > 0.0 && whole.lagged() > 0.0);
    for steps in [16, 1024, 16384] {
        let mut cut = pipeline(100);
        for _ in 0..steps {
            // Powers of two, so that the sum of the steps is exact.
            cut.step(16.0 / f64::from(steps));
        }
        assert_eq!(numbers(&cut), numbers(&whole), "{steps} steps");
    }
}

#[test]
fn accounts_go_on_through_every_change() {
    let mut pipeline = pipeline(1000);
    for round in 0..200_u32 {
        match round % 7 {
            0 => pipeline.set_max_depth(1 + round * 37 % 900),
            1 => pipeline.set_source_rate(0, f64::from(round % 5) * 700.0),
            2 => pipeline.set_reader_rate(1, f64::from(round % 3) * 300.0),
            3 => pipeline.set_max_lag(round % 4 * 60),
            4 => pipeline.set_subscriber_rate(f64::from(round % 6) * 200.0),
            5 => pipeline.set_source_kind(1, Kind::Pareto, 1.0, 5.0),
            _ => drop(pipeline.add_reader(10.0)),
        }
        assert_eq!(pipeline.step(0.25), 0.25);
        check(&pipeline);
    }
    assert!(pipeline.kicks() > 0);
}

#[test]
fn a_queue_overflows_when_more_comes_in_than_goes_out_and_only_then() {
    let mut slow = pipeline(50);
    slow.step(20.0);
    // 1000 a second come, 500 are read, at most 50 wait.
    let lost = slow.overflow() / slow.published();
    assert!((0.45..0.55).contains(&lost), "{lost}");
    assert_eq!((slow.depth(), slow.high_water()), (50.0, 50.0));
    let mut fast = pipeline(50);
    fast.set_reader_rate(0, 3000.0);
    fast.step(20.0);
    assert_eq!(fast.overflow(), 0.0);
    assert!(fast.high_water() > 1.0);
}

#[test]
fn who_is_kicked_comes_back_after_three_seconds() {
    let mut pipeline = pipeline(50);
    pipeline.set_subscriber_rate(0.0);
    pipeline.set_max_lag(100);
    pipeline.step(1.0);
    assert_eq!((pipeline.kicks(), pipeline.connected()), (1, false));
    pipeline.step(2.0);
    assert!(!pipeline.connected());
    pipeline.step(0.125);
    assert!(pipeline.connected());
    // Without a limit it loses what leaves the log instead.
    pipeline.set_max_lag(0);
    pipeline.step(10.0);
    assert_eq!(pipeline.kicks(), 1);
    assert!(pipeline.lagged() > 1000.0);
    check(&pipeline);
}

#[test]
fn the_numbers_are_those_of_the_sources() {
    let mut pipeline = Pipeline::new(1, 256, 1000);
    pipeline.add_source(5000.0, Kind::Normal, 3.0, 0.5);
    pipeline.add_reader(10_000.0);
    pipeline.step(10.0);
    let moments = pipeline.moments();
    assert!((moments.mean().unwrap() - 3.0).abs() < 0.01);
    assert!((moments.sample_variance().unwrap() - 0.25).abs() < 0.01);
    let rate = pipeline.published() / 10.0;
    assert!((4900.0..5100.0).contains(&rate), "{rate}");
}
