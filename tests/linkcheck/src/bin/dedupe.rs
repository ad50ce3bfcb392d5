//! Links only if nothing in `roots::dedupe` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::dedupe::ROOTS);
