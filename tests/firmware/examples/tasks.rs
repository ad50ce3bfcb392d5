//! The ring and the shared forms without an operating system: a timer interrupt takes samples, and three tasks wait for
//! it and for each other under an executor of forty lines.
//!
//! `cd tests/firmware && cargo run --profile speed --target thumbv7em-none-eabihf --example tasks`
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::future::poll_fn;
use core::pin::{Pin, pin};
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_semihosting::{debug, hprintln};
use critical_section::Mutex;
use streamgauge_core::queue::Limits;
use streamgauge_core::shared::ring::{Byte, Producer, Ring};
use streamgauge_core::shared::{StaticMoments, StaticQueue};
use streamgauge_core::stats::FixedMoments;

const SAMPLES: i32 = 1000;
/// A sample in as many cycles of the clock of 25 MHz.
const PERIOD: u32 = 2_500;

/// The end of the ring that the interrupt has.
static PRODUCER: Mutex<RefCell<Option<Producer<'static>>>> = Mutex::new(RefCell::new(None));
/// Which of the tasks want to be polled. The interrupt wakes the first.
static READY: [AtomicBool; 3] = [const { AtomicBool::new(true) }; 3];

#[cortex_m_rt::exception]
fn SysTick() {
    static mut NEXT: i32 = 0;
    critical_section::with(|token| {
        // What finds no room is taken again at the next tick.
        if let Some(producer) = PRODUCER.borrow_ref_mut(token).as_mut()
            && *NEXT < SAMPLES
            && producer.push(&NEXT.to_le_bytes()).is_ok()
        {
            *NEXT += 1;
        }
    });
    READY[0].store(true, Ordering::Relaxed);
}

#[cortex_m_rt::entry]
fn main() -> ! {
    static mut RING: Ring<[Byte; 64]> = Ring::new([const { Byte::new() }; 64]);
    static QUEUE: StaticQueue<64, 1> = StaticQueue::of(Limits::NONE);
    static TOTAL: StaticMoments<FixedMoments<i32>, 1> = StaticMoments::of(FixedMoments::new());

    let (producer, mut consumer) = RING.split();
    critical_section::with(|token| PRODUCER.borrow_ref_mut(token).replace(producer));
    let Some(mut peripherals) = cortex_m::Peripherals::take() else { panic!("main runs once") };
    peripherals.SYST.set_clock_source(SystClkSource::Core);
    peripherals.SYST.set_reload(PERIOD);
    peripherals.SYST.clear_current();
    peripherals.SYST.enable_interrupt();
    peripherals.SYST.enable_counter();

    // From the ring to the queue, whenever there was an interrupt.
    let pump = poll_fn(|_| {
        let mut sample = [0; 4];
        while !consumer.is_empty() {
            let Ok(()) = QUEUE.put(consumer.pop(&mut sample), |_| ()) else { return Poll::Ready(()) };
        }
        Poll::Pending
    });
    let measure = async {
        let mut sample = [0; 4];
        while QUEUE.get(&mut sample).await.is_ok() {
            let Ok(Ok(())) = TOTAL.update(|moments| moments.push(i32::from_le_bytes(sample))) else { return };
        }
    };
    let watch = async {
        let all = TOTAL.wait_for(|moments| (moments.count() == SAMPLES as u64).then_some(())).await;
        assert!(all.is_ok());
        assert!(QUEUE.close().is_ok());
        // The pump finds it closed.
        let _ = critical_section::with(|token| PRODUCER.borrow_ref_mut(token).as_mut().map(|ring| ring.push(&[0; 4])));
    };
    run([Some(pin!(pump)), Some(pin!(measure)), Some(pin!(watch))]);

    let (Ok(counters), Ok(moments)) = (QUEUE.counters(), TOTAL.snapshot()) else { panic!("nobody has the locks") };
    assert!(counters.accepted == counters.delivered && counters.depth == 0 && counters.overflow == 0);
    assert!(moments.mean() == Some(499.5) && moments.population_variance() == Some(83_333.25));
    hprintln!("{} samples through a ring and a queue", moments.count());
    debug::exit(debug::EXIT_SUCCESS);
    loop {
        cortex_m::asm::wfi();
    }
}

/// Polls whoever is ready until all have ended, and sleeps while nobody is.
fn run(mut tasks: [Option<Pin<&mut dyn Future<Output = ()>>>; 3]) {
    while tasks.iter().any(Option::is_some) {
        let mut idle = true;
        for (task, ready) in tasks.iter_mut().zip(&READY) {
            let Some(future) = task.as_mut().filter(|_| ready.swap(false, Ordering::Relaxed)) else { continue };
            idle = false;
            if future.as_mut().poll(&mut Context::from_waker(&waker(ready))).is_ready() {
                *task = None;
            }
        }
        if idle {
            cortex_m::asm::wfi();
        }
    }
}

/// Sets a flag.
fn waker(flag: &'static AtomicBool) -> Waker {
    fn set(flag: *const ()) {
        // SAFETY: It is the `&'static AtomicBool` that the waker was made from.
        unsafe { &*flag.cast::<AtomicBool>() }.store(true, Ordering::Relaxed);
    }
    static TABLE: RawWakerVTable = RawWakerVTable::new(|flag| RawWaker::new(flag, &TABLE), set, set, |_| ());
    // SAFETY: The flag is static, so it outlives all copies, and setting it is fine from anywhere.
    unsafe { Waker::new(core::ptr::from_ref(flag).cast(), &TABLE) }
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    debug::exit(debug::EXIT_FAILURE);
    loop {
        cortex_m::asm::wfi();
    }
}
