//! Links only if nothing in `roots::queue` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::queue::ROOTS);
