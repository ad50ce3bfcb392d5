//! Links only if nothing in `roots::http` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::http::ROOTS);
