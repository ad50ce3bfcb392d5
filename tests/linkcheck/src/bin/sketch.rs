//! Links only if nothing in `roots::sketch` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::sketch::ROOTS);
