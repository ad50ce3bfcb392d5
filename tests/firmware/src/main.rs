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
use storage::{Board, JOBS_BYTES, LOG_BYTES, MAIN_BYTES};
use streamgauge_core::connection::{Answer, AnswerFull, Connection, Next, Reply, Served, Service};
use streamgauge_core::endpoints::{Method, Request, Response, Status, Surface};
use streamgauge_core::engine::memory::{Defaults, Memory};
use streamgauge_core::engine::{Dump, Name, QueueSettings, TopicSettings};
use streamgauge_core::time::Time;
use uart::Uart;

/// How many items there may be in a queue.
const MAX_DEPTH: u64 = 100;
/// The longest request, head and body, and the longest answer.
const REQUEST_BYTES: usize = 4 << 10;
const ANSWER_BYTES: usize = 4 << 10;

type Storage<const N: usize> = &'static mut [u8; N];
type Services = Moments<ForGood<Served<Memory<Board>, &'static mut Gauged>>>;
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
        services.others.0.now = clock.now();
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
    let services = cortex_m::singleton!(: Services = Moments::before(ForGood(served)))?;
    let engine = &mut services.others.0.engine;
    // What there is, is there from the start: a name too many is refused, never a surprise.
    for (name, bytes) in [(Name::MAIN, MAIN_BYTES), (storage::jobs(), JOBS_BYTES)] {
        engine.make_queue(&name, QueueSettings { bytes: bytes as u64, ..queue }, Time::ZERO).ok()?;
    }
    engine.make_topic(&Name::MAIN, TopicSettings { bytes: LOG_BYTES as u64, ..TopicSettings::DEFAULT }).ok()?;
    Some(services)
}

/// Topics and queues stay: a `static` is lent to each, which nobody takes back.
struct ForGood<T>(T);

impl<T: Service> Service for ForGood<T> {
    fn call(&mut self, request: Request<'_>, answer: &mut Answer<'_>) -> Result<Reply, AnswerFull> {
        let is_name = request.path.starts_with(b"/queues/") || request.path.starts_with(b"/topics/");
        if request.method != Method::Delete || !is_name {
            return self.0.call(request, answer);
        }
        answer.write_all(b"names are for good here\n")?;
        Ok(Reply::Response(Response::text(Status::NotImplemented)))
    }

    fn dump(&mut self, dump: &mut Dump, answer: &mut Answer<'_>) -> Result<bool, AnswerFull> {
        self.0.dump(dump, answer)
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The watchdog of a real board would start it anew; the test sees that it answers no more.
    loop {
        cortex_m::asm::wfi();
    }
}
