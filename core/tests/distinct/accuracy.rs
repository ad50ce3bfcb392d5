//! The error is that of the theory, whatever the number of items.

use streamgauge_core::generate::Rng;
use streamgauge_core::stats::UltraLogLog;
use streamgauge_core::stats::distinct::{Precision, hash};

use crate::simulation::simulate;

/// The root mean square error may be so many times that of the theory.
const BAR: f64 = 1.05;

/// How far from the truth the results of some runs may be by chance: one of 30,000 is farther. There are about a
/// hundred, and the seeds are fixed.
const SIGMAS: f64 = 4.0;

/// What else the bias may be, as a share of the error: of the fit in between, and of higher orders at few registers.
const BIAS: f64 = 0.02;

/// From 1 to 10^9, a third more each time, and then a few up to 10^18.
fn numbers() -> Vec<u64> {
    let mut numbers: Vec<u64> = (0..73).map(|step| (4_f64 / 3.0).powi(step).round() as u64).collect();
    numbers.extend([1_000_000_000, 1_000_000_000_000, 1_000_000_000_000_000, 1_000_000_000_000_000_000]);
    numbers.dedup();
    numbers
}

/// The relative errors of some runs at one number of items.
#[derive(Clone, Copy, Default)]
struct Errors {
    number: f64,
    sum: f64,
    squares: f64,
}

impl Errors {
    fn add(&mut self, error: f64) {
        self.number += 1.0;
        self.sum += error;
        self.squares += error * error;
    }

    fn mean(&self) -> f64 {
        self.sum / self.number
    }

    fn root_mean_square(&self) -> f64 {
        (self.squares / self.number).sqrt()
    }
}

/// Within the bar at every number, and without bias, but for what chance explains.
///
/// The mean of r errors is off by 1 / √r of the error, and their root mean square by √((κ - 1) / r) / 2 of it, where κ is
/// the kurtosis: 3 of many items. The error of a few is that two meet on one level of one register, which happens
/// n² / 6m times: Poisson's distribution with that mean has a kurtosis of 3 and one by the mean.
///
/// All numbers far beyond that of the registers are also taken together. Numbers eight times apart share few levels, so
/// that is as good as several times the runs: what chance does to one number by itself, once, is twice too much for it.
fn hold(precision: u8, runs: u32) {
    let numbers = numbers();
    let theory = Precision::new(precision).unwrap().error();
    let mut errors = vec![Errors::default(); numbers.len()];
    let mut rng = Rng::new(u64::from(precision));
    for _ in 0..runs {
        simulate(u32::from(precision), &numbers, &mut rng, |index, estimate| {
            errors[index].add(estimate / numbers[index] as f64 - 1.0);
        });
    }
    let chance = SIGMAS / f64::from(runs).sqrt();
    for (number, errors) in numbers.iter().zip(&errors) {
        let (error, bias) = (errors.root_mean_square(), errors.mean());
        let meetings = (*number as f64).powi(2) / (6.0 * f64::from(1 << precision));
        let limit = BAR + chance * (2.0 + 1.0 / meetings).sqrt() / 2.0;
        assert!(error <= limit * theory, "{precision} {number}: {error} {limit} {theory}");
        assert!(bias.abs() <= (BIAS + chance) * theory, "{precision} {number}: {bias} {theory}");
    }
    let many = numbers.iter().zip(&errors).filter(|(number, _)| **number > 64 << precision);
    let many: Vec<f64> = many.map(|(_, errors)| errors.root_mean_square().powi(2)).collect();
    let all = (many.iter().sum::<f64>() / many.len() as f64).sqrt();
    println!("precision {precision}, {runs} runs: {:.2} % = {:.4} of the theory's", all * 100.0, all / theory);
    let chance = 1.0 / f64::from(2 * runs).sqrt();
    assert!(all <= (BAR + chance) * theory, "{precision}: {all} {theory}");
    if precision == 11 {
        assert!(all <= 0.0175 * (1.0 + chance), "2 KiB: {all}");
    }
    assert!(all >= (0.95 - chance) * theory, "{precision}: too good, so the simulation is wrong: {all} {theory}");
}

fn is_long() -> bool {
    std::env::var_os("STREAMGAUGE_LONG").is_some_and(|long| long == "1")
}

#[test]
fn it_holds_in_16_registers() {
    hold(4, if is_long() { 100_000 } else { 6_000 });
}

#[test]
fn it_holds_in_256_registers() {
    hold(8, if is_long() { 20_000 } else { 1_500 });
}

#[test]
fn it_holds_in_2_kib() {
    hold(11, if is_long() { 10_000 } else { 300 });
}

#[test]
fn it_holds_in_more() {
    if is_long() {
        hold(5, 50_000);
        hold(6, 20_000);
        hold(14, 500);
        hold(16, 300);
    }
}

/// Real items, and the worst ones for a poor hash: integers that follow each other, binary and decimal.
#[test]
fn it_holds_of_hashed_integers() {
    let (mut binary, mut decimal) = (Errors::default(), Errors::default());
    let items: u32 = if is_long() { 1_000_000 } else { 20_000 };
    let runs = if is_long() { 400 } else { 200 };
    for run in 0..runs {
        let mut sketches = [(); 2].map(|()| UltraLogLog::new([0; 256]).unwrap());
        for number in run * items..(run + 1) * items {
            sketches[0].add(&number.to_le_bytes());
            sketches[1].add_hash(hash(b's', format!("{number}").as_bytes()));
        }
        let [first, second] = sketches.map(|sketch| sketch.estimate().estimate / f64::from(items) - 1.0);
        binary.add(first);
        decimal.add(second);
    }
    let theory = Precision::new(8).unwrap().error();
    let chance = SIGMAS / f64::from(runs).sqrt();
    for errors in [binary, decimal] {
        let (error, bias) = (errors.root_mean_square(), errors.mean());
        assert!((error / theory - 1.0).abs() <= BAR - 1.0 + chance / 2_f64.sqrt(), "{error} {theory}");
        assert!(bias.abs() <= (BIAS + chance) * theory, "{bias} {theory}");
    }
}

/// One stream, long enough for every count on the way to be looked at.
#[test]
fn a_million_items_are_counted_on_the_way() {
    let mut sketches = [(); 2].map(|()| UltraLogLog::new(vec![0; 1 << 14]).unwrap());
    for number in 0..1_000_000_u64 {
        sketches[0].add(&number.to_be_bytes());
        sketches[1].add(format!("user-{number}@example.org").as_bytes());
        let seen = number + 1;
        if seen.is_power_of_two() || seen == 1_000_000 {
            for sketch in &sketches {
                let distinct = sketch.estimate();
                let error = distinct.estimate / seen as f64 - 1.0;
                assert!(error.abs() <= SIGMAS * distinct.error, "{seen}: {error}");
            }
        }
    }
}
