//! Instructions that taking in one value costs on a Cortex-M4: QEMU counts them as nanoseconds.
//!
//! `cd tests/firmware && cargo run --profile speed --target thumbv7em-none-eabihf --example instructions`
#![no_std]
#![no_main]

use core::hint::black_box;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hprintln};
use streamgauge_core::stats::{FixedMoments, Histogram, IntHistogram, Moments, Welford};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {
        cortex_m::asm::wfi();
    }
}

const VALUES: u32 = 20_000;
/// Instructions in a cycle of the clock: with `-icount shift=0` one takes a nanosecond, and the clock has 25 MHz.
const IN_A_CYCLE: u32 = 40;

#[cortex_m_rt::entry]
fn main() -> ! {
    let Some(peripherals) = cortex_m::Peripherals::take() else { panic!("main runs once") };
    let mut clock = peripherals.SYST;
    clock.set_clock_source(SystClkSource::Core);
    clock.set_reload(0x00ff_ffff);
    clock.clear_current();
    clock.enable_counter();

    let wide = |i: u32| i.wrapping_mul(2_654_435_761) as i32;
    let narrow = |i: u32| wide(i) as i16;
    let float = |i: u32| f64::from(wide(i));
    let loop_alone = instructions(&wide, |x| _ = black_box(x));
    let report = |name, cost: u32| hprintln!("{:<24}{:>6}", name, cost.saturating_sub(loop_alone));
    let mut fixed = FixedMoments::<i32>::new();
    report("FixedMoments<i32> add", instructions(&wide, |x| fixed.push(x)));
    report("FixedMoments<i32> remove", instructions(&wide, |x| _ = black_box(fixed.remove(x))));
    black_box(fixed);
    let mut fixed = FixedMoments::<i16>::new();
    report("FixedMoments<i16> add", instructions(&narrow, |x| fixed.push(x)));
    let Ok(mut integers) = IntHistogram::new([0; 100], i32::MIN, 43_000_000) else { panic!("a valid range") };
    report("IntHistogram", instructions(&wide, |x| integers.push(x)));
    // Without a unit for 64 bits floats are software.
    let loop_alone = instructions(&float, |x| _ = black_box(x));
    let report = |name, cost: u32| hprintln!("{:<24}{:>6}", name, cost.saturating_sub(loop_alone));
    let mut welford = Welford::new();
    report("Welford", instructions(&float, |x| welford.push(x)));
    let mut moments = Moments::new();
    report("Moments", instructions(&float, |x| moments.push(x)));
    let Ok(mut floats) = Histogram::new([0; 100], -3e9, 3e9) else { panic!("a valid range") };
    report("Histogram", instructions(&float, |x| floats.push(x)));
    black_box((fixed, integers, welford, moments, floats));
    debug::exit(debug::EXIT_SUCCESS);
    loop {
        cortex_m::asm::wfi();
    }
}

/// Instructions that one of many values costs, the loop around it included.
fn instructions<T>(value: &impl Fn(u32) -> T, mut take: impl FnMut(T)) -> u32 {
    let begun = SYST::get_current();
    for i in 0..VALUES {
        take(black_box(value(black_box(i))));
    }
    let cycles = begun.wrapping_sub(SYST::get_current()) & 0x00ff_ffff;
    (u64::from(cycles) * u64::from(IN_A_CYCLE)).div_ceil(VALUES.into()) as u32
}
