//! Links only if nothing in `roots::connection` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::connection::ROOTS);
