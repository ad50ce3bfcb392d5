//! Links only if nothing in `roots::definition` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::definition::ROOTS);
