//! Links only if nothing in `roots::leases` can panic.
#![no_std]
#![no_main]

streamgauge_linkcheck::program!(streamgauge_linkcheck::roots::leases::ROOTS);
