//! Roots for a program that links only if nothing in it can panic: its panic handler calls a symbol that nobody
//! defines. Nor is there an allocator.
//!
//! Each public function of the core is called from a root of its own, on values that the compiler knows nothing
//! about, and the roots are called through volatile reads: so no check is optimised away that a caller would keep.
//! The programs are never run. What is linked is also what is measured: the size of each program is that of its
//! modules, and `.ram_sizes` holds the size of their structures.
#![no_std]

pub mod given;
pub mod roots;

/// The program of one list of roots.
#[macro_export]
macro_rules! program {
    ($roots:expr) => {
        /// The entry point: keeps every root.
        ///
        /// # Safety
        /// It is only linked, never run.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn _start() {
            for root in $roots {
                // SAFETY: the reference is valid, and a function pointer can be read.
                let root = unsafe { core::ptr::read_volatile(root) };
                root();
            }
            #[cfg(feature = "panic")]
            $crate::given::keep($crate::given::bytes()[*$crate::given::given::<usize>()]);
        }
    };
}

unsafe extern "C" {
    fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it is never linked, and so never called.
    unsafe { a_panic_is_reachable() }
}
