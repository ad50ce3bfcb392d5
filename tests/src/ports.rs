//! Ports that nobody has, and nobody is given meanwhile.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those that an operating system gives to who asks for any: so that of a server that was killed its port is not
/// given to a connection of another program.
const FIRST: u32 = 20_000;
const PORTS: u32 = 12_000;

/// An address on loopback whose port is free now.
///
/// # Panics
/// When none is.
pub fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_ports(1)[0]).into()
}

/// Ports on loopback that are free now; programs at the same time begin to look at different ones.
///
/// # Panics
/// When there are not so many.
pub fn free_ports(number: usize) -> Vec<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(101);
    let next = || (FIRST + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % PORTS) as u16;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    let ports: Vec<_> = (0..PORTS).map(|_| next()).filter(is_free).take(number).collect();
    assert_eq!(ports.len(), number, "of {PORTS} ports no more are free");
    ports
}
