//! Two queues with leases, a topic, their statistics, gauges of what is published, and moments of posted numbers, over
//! HTTP on a UART, in 64 KiB of RAM.
//!
//! Nothing is allocated: the storage of everything is in `static`s, and its sizes are constants in `storage` and
//! `gauges`. A UART has no connections, so this keeps one alive for ever. It begins anew when a request stops in its
//! middle, or when one was refused, once the line has been silent for a while: the next client is then understood
//! whatever the last one did.
#![no_std]
#![no_main]

mod clock;
mod gauges;
mod moments;
mod storage;
mod uart;

use clock::Clock;
use embedded_io::{Read, Write};
use gauges::Gauged;
use moments::Moments;
use storage::Board;
use streamgauge_core::connection::{Connection, Next, Served};
use streamgauge_core::endpoints::Surface;
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Name, QueueSettings, TopicSettings};
use streamgauge_core::time::Time;
use uart::Uart;

/// How many items there may be in a queue.
const MAX_DEPTH: u64 = 100;
/// The longest request, head and body, and the longest answer.
const REQUEST_BYTES: usize = 4 << 10;
const ANSWER_BYTES: usize = 4 << 10;

type Storage<const N: usize> = &'static mut [u8; N];
type Services = Moments<Served<Memory<Board>, &'static mut Gauged>>;
type Http = Connection<Storage<REQUEST_BYTES>, Storage<{ ANSWER_BYTES + OVERHEAD }>>;
const OVERHEAD: usize = Connection::<[u8; 0], [u8; 0]>::OVERHEAD;

#[cortex_m_rt::entry]
fn main() -> ! {
    // `entry` makes these `static`s that only `main` can reach.
    static mut REQUEST: [u8; REQUEST_BYTES] = [0; REQUEST_BYTES];
    static mut ANSWER: [u8; ANSWER_BYTES + OVERHEAD] = [0; ANSWER_BYTES + OVERHEAD];

    let Some(services) = services() else { panic!("main runs once") };
    let mut connection = Http::new(REQUEST, ANSWER);
    // SAFETY: `main` runs once.
    let mut uart = unsafe { Uart::take() };
    let Some(peripherals) = cortex_m::Peripherals::take() else { panic!("main runs once") };
    let mut clock = Clock::new(peripherals.SYST);
    loop {
        services.others.now = clock.now();
        match connection.poll(services) {
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

/// What answers requests, in a `static`; `None` if it was made before. What it takes to make it is not on the stack while
/// requests are answered.
#[inline(never)]
fn services() -> Option<&'static mut Services> {
    let (board, gauges) = (Board::take()?, gauges::take()?);
    let queue = QueueSettings { max_depth: Some(MAX_DEPTH), ..QueueSettings::DEFAULT };
    let defaults = Defaults { auto_create: false, queue, topic: TopicSettings::DEFAULT, first: 0 };
    let engine = Memory::with_defaults(board, defaults);
    let served = Served::with_gauges(engine, Surface::EverythingQueueFirst, gauges);
    let services = cortex_m::singleton!(: Services = Moments::before(served))?;
    let engine = &mut services.others.engine;
    // What there is, is there from the start: a name too many is refused, never a surprise.
    for name in [Name::MAIN, storage::jobs()] {
        engine.make_queue(&name, queue, Time::ZERO).ok()?;
    }
    engine.make_topic(&Name::MAIN, TopicSettings::DEFAULT).ok()?;
    Some(services)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The watchdog of a real board would start it anew; the test sees that it answers no more.
    loop {
        cortex_m::asm::wfi();
    }
}
