//! A queue, a pubsub, their statistics, and moments of posted numbers, over HTTP on a UART, in 64 KiB of RAM.
//!
//! Nothing is allocated: the storage of everything is in `static`s, and its sizes are the constants below. A UART
//! has no connections, so this keeps one alive for ever. It begins anew when a request stops in its middle, or when
//! one was refused, once the line has been silent for a while: the next client is then understood whatever the last
//! one did.
#![no_std]
#![no_main]

mod moments;
mod uart;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use embedded_io::{Read, ReadReady, Write};
use moments::Moments;
use streamgauge_core::connection::{Connection, Next, Router};
use streamgauge_core::endpoints::simplequeue::Settings;
use streamgauge_core::endpoints::{Pubsub, Simplequeue};
use streamgauge_core::queue::Limits;
use streamgauge_core::topic::Place;
use uart::Uart;

/// Bytes of the waiting items, and how many there may be.
const QUEUE_BYTES: usize = 16 << 10;
const MAX_DEPTH: u64 = 100;
/// Bytes of the newest messages.
const LOG_BYTES: usize = 8 << 10;
const SUBSCRIBERS: usize = 8;
/// The longest request, head and body, and the longest answer.
const REQUEST_BYTES: usize = 4 << 10;
const ANSWER_BYTES: usize = 4 << 10;
/// How long the line is silent before a request that stopped in its middle is given up.
const SILENCE_MS: u32 = 250;
/// Cycles of the system clock a millisecond (QEMU: 12.5 MHz after reset).
const CYCLES_A_MS: u32 = 12_500;

type Storage<const N: usize> = &'static mut [u8; N];
type Http = Connection<Storage<REQUEST_BYTES>, Storage<{ ANSWER_BYTES + OVERHEAD }>>;
const OVERHEAD: usize = Connection::<[u8; 0], [u8; 0]>::OVERHEAD;

#[cortex_m_rt::entry]
fn main() -> ! {
    // `entry` makes these `static`s that only `main` can reach.
    static mut QUEUE: [u8; QUEUE_BYTES] = [0; QUEUE_BYTES];
    static mut LOG: [u8; LOG_BYTES] = [0; LOG_BYTES];
    static mut CURSORS: [Place; SUBSCRIBERS] = [Place::FREE; SUBSCRIBERS];
    static mut REQUEST: [u8; REQUEST_BYTES] = [0; REQUEST_BYTES];
    static mut ANSWER: [u8; ANSWER_BYTES + OVERHEAD] = [0; ANSWER_BYTES + OVERHEAD];

    let limits = Limits { depth: Some(MAX_DEPTH), ..Limits::NONE };
    let queue = Simplequeue::new(&mut QUEUE[..], Settings { limits, ..Settings::default() });
    let pubsub = Pubsub::new(&mut LOG[..], &mut CURSORS[..], LOG_BYTES, 0);
    let mut services = Moments::before(Router { queue, pubsub });
    let mut connection = Http::new(REQUEST, ANSWER);
    // SAFETY: `main` runs once.
    let mut uart = unsafe { Uart::take() };
    let Some(peripherals) = cortex_m::Peripherals::take() else { panic!("main runs once") };
    let mut clock = Clock::new(peripherals.SYST);
    loop {
        match connection.poll(&mut services) {
            Next::Read if connection.is_idle() || clock.waits_for(&mut uart) => {
                let Ok(count) = uart.read(connection.room());
                connection.handle_read(count);
            }
            Next::Read => connection.reset(),
            Next::Write => {
                let Ok(count) = uart.write(connection.unsent());
                connection.handle_sent(count);
            }
            Next::Close => {
                // What still comes belongs to the request that was refused.
                while clock.waits_for(&mut uart) {
                    let Ok(_) = uart.read(&mut [0; 16]);
                }
                connection.reset();
            }
        }
    }
}

/// Tells whether the line is silent.
struct Clock {
    timer: SYST,
}

impl Clock {
    fn new(mut timer: SYST) -> Self {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(CYCLES_A_MS - 1);
        timer.clear_current();
        timer.enable_counter();
        Self { timer }
    }

    /// Whether a byte comes within [`SILENCE_MS`].
    fn waits_for(&mut self, uart: &mut Uart) -> bool {
        let timer = &mut self.timer;
        timer.clear_current();
        let mut passed = 0;
        loop {
            let Ok(ready) = uart.read_ready();
            if ready {
                return true;
            }
            passed += u32::from(timer.has_wrapped());
            if passed > SILENCE_MS {
                return false;
            }
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The watchdog of a real board would start it anew; the test sees that it answers no more.
    loop {
        cortex_m::asm::wfi();
    }
}
