//! Values that the compiler knows nothing about.

use core::hint::black_box;
use core::ptr;

use streamgauge_core::connection::Answer;

/// Storage as firmware has it.
pub type Storage = &'static mut [u8];

static mut ANYTHING: *mut () = ptr::null_mut();

/// Some value of this type, from a place and with contents that can't be foreseen.
pub fn given<T>() -> &'static mut T {
    // SAFETY: the programs are only linked, never run.
    unsafe { &mut *ptr::read_volatile(&raw const ANYTHING).cast::<T>() }
}

/// Some bytes, of any number.
pub fn bytes() -> &'static [u8] {
    given::<&'static [u8]>()
}

/// Some text.
pub fn text() -> &'static str {
    given::<&'static str>()
}

/// Some storage.
pub fn storage() -> Storage {
    core::mem::take(given::<Storage>())
}

/// A writer that is full at some time.
pub fn answer() -> &'static mut Answer<'static> {
    given()
}

/// The result is used.
pub fn keep<T>(value: T) {
    black_box(value);
}
