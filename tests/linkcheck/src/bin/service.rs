//! Links only if nothing in `roots::service` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::service::ROOTS);
