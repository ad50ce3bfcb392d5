//! The connection, and the endpoints over the memory engine behind it.

use crate::given::{Storage, answer, given, keep, storage};
use crate::roots::engine::Named;
use core::pin::pin;
use core::task::{Context, Waker};
use streamgauge_core::connection::{Answer, Connection, Served, Service, serve, serve_async};

type Http = Connection<Storage, Storage>;
type Services = Served<Named>;

fn connection() -> &'static mut Http {
    given()
}

fn services() -> &'static mut Services {
    given()
}

/// A transport of which nothing is known.
struct Io;

/// What it fails with.
#[derive(Clone, Copy, Debug)]
struct Broken;

impl core::fmt::Display for Broken {
    fn fmt(&self, _: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        Ok(())
    }
}

impl core::error::Error for Broken {}

impl embedded_io::Error for Broken {
    fn kind(&self) -> embedded_io::ErrorKind {
        embedded_io::ErrorKind::Other
    }
}

impl embedded_io::ErrorType for Io {
    type Error = Broken;
}

impl embedded_io::Read for Io {
    fn read(&mut self, room: &mut [u8]) -> Result<usize, Broken> {
        keep(room);
        *given()
    }
}

impl embedded_io::Write for Io {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        keep(bytes);
        *given()
    }

    fn flush(&mut self) -> Result<(), Broken> {
        *given()
    }
}

impl embedded_io_async::Read for Io {
    async fn read(&mut self, room: &mut [u8]) -> Result<usize, Broken> {
        embedded_io::Read::read(self, room)
    }
}

impl embedded_io_async::Write for Io {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        embedded_io::Write::write(self, bytes)
    }

    async fn flush(&mut self) -> Result<(), Broken> {
        embedded_io::Write::flush(self)
    }
}

roots! {
    answer_new => Answer::new(storage());
    answer_as_bytes => answer().as_bytes();
    answer_len => answer().len();
    answer_is_empty => answer().is_empty();
    answer_capacity => answer().capacity();
    answer_truncate => answer().truncate(*given());
    answer_write => embedded_io::Write::write(answer(), crate::given::bytes());
    new => Http::new(storage(), storage());
    reset => connection().reset();
    counters => connection().counters();
    is_idle => connection().is_idle();
    room => connection().room();
    handle_read => connection().handle_read(*given());
    handle_bytes => connection().handle_bytes(crate::given::bytes());
    handle_end => connection().handle_end();
    unsent => connection().unsent();
    handle_sent => connection().handle_sent(*given());
    poll => connection().poll(services());
    served_call => services().call(*given(), answer());
    served_dump => services().dump(given(), answer());
    drive => serve(&mut Io, connection(), services());
    // A future that has ended panics when it is polled again, as all of them do; who drives it polls it once more
    // only while it is pending, which the executor knows, and the compiler when there is but one poll.
    drive_async => {
        let mut io = Io;
        let serving = pin!(serve_async(&mut io, connection(), services()));
        serving.poll(&mut Context::from_waker(Waker::noop()))
    };
}

sizes! {
    "serve: Connection": Http;
}
