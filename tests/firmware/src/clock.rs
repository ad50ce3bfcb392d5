//! The time since the start, from an interrupt every millisecond.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use embedded_io::ReadReady;
use streamgauge_core::time::Time;

use crate::uart::Uart;

/// Cycles of the system clock a millisecond (QEMU: 12.5 MHz after reset).
const CYCLES_A_MS: u32 = 12_500;
/// How long the line is silent before a request that stopped in its middle is given up.
const SILENCE_MS: u32 = 250;

/// Milliseconds since the start; it wraps after 49 days, which [`Clock::now`] sees if it is asked in between.
static TICKS: AtomicU32 = AtomicU32::new(0);

#[cortex_m_rt::exception]
fn SysTick() {
    // One core, and only this handler writes.
    TICKS.store(TICKS.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
}

/// When this is, to the cycle: who asks when a request has come is told another number after each start.
pub fn cycles() -> u64 {
    u64::from(TICKS.load(Ordering::Relaxed)) << 32 | u64::from(SYST::get_current())
}

/// The time, and whether the line is silent.
#[derive(Debug)]
pub struct Clock {
    /// What the ticks were when the time was last asked for, and that time.
    ticks: u32,
    millis: u64,
}

impl Clock {
    /// The time begins.
    pub fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(CYCLES_A_MS - 1);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        Self { ticks: 0, millis: 0 }
    }

    /// The time since the start. A board with a clock of the day adds when that was.
    pub fn now(&mut self) -> Time {
        let ticks = TICKS.load(Ordering::Relaxed);
        self.millis = self.millis.saturating_add(u64::from(ticks.wrapping_sub(self.ticks)));
        self.ticks = ticks;
        Time::from_millis(self.millis)
    }

    /// Whether a byte comes before the line has been silent for a while.
    pub fn waits_for(&self, uart: &mut Uart) -> bool {
        let begun = TICKS.load(Ordering::Relaxed);
        loop {
            let Ok(ready) = uart.read_ready();
            if ready {
                return true;
            }
            if TICKS.load(Ordering::Relaxed).wrapping_sub(begun) > SILENCE_MS {
                return false;
            }
        }
    }
}
