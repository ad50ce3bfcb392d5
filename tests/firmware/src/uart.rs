//! UART0 of the LM3S6965 (a PL011), polled.

use core::convert::Infallible;
use core::ptr;

use embedded_io::{ErrorType, ReadReady, Write, WriteReady};

const DATA: *mut u32 = 0x4000_C000 as *mut u32;
const FLAGS: *const u32 = 0x4000_C018 as *const u32;
const RECEIVE_EMPTY: u32 = 0x10;
const TRANSMIT_FULL: u32 = 0x20;

/// The UART. There is one.
#[derive(Debug)]
pub struct Uart(());

impl Uart {
    /// # Safety
    /// Call it once: two of them would take each other's bytes.
    pub const unsafe fn take() -> Self {
        Self(())
    }

    fn flags(&self) -> u32 {
        // SAFETY: a register that can be read at any time.
        unsafe { ptr::read_volatile(FLAGS) }
    }
}

impl ErrorType for Uart {
    type Error = Infallible;
}

impl ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.flags() & RECEIVE_EMPTY == 0)
    }
}

impl embedded_io::Read for Uart {
    /// Waits for one byte, then takes what is there.
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Infallible> {
        let mut count = 0;
        for to in room {
            while self.flags() & RECEIVE_EMPTY != 0 {
                if count > 0 {
                    return Ok(count);
                }
            }
            // SAFETY: the register has a byte, which reading takes.
            *to = unsafe { ptr::read_volatile(DATA) } as u8;
            count += 1;
        }
        Ok(count)
    }
}

impl WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.flags() & TRANSMIT_FULL == 0)
    }
}

impl Write for Uart {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        for byte in bytes {
            while self.flags() & TRANSMIT_FULL != 0 {}
            // SAFETY: the register has room for a byte.
            unsafe { ptr::write_volatile(DATA, u32::from(*byte)) };
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
