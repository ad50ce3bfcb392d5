//! A connection on a transport.

use embedded_io::{Read, Write};

use super::{Connection, Next, Service};

/// Serves one connection on `io` until either side ends it; `connection` is [reset](Connection::reset) first.
///
/// Reads block for as long as `io` lets them: timeouts are its business, and an error of its ends the connection.
///
/// # Errors
/// Those of `io`.
///
/// ```
/// use streamgauge_core::connection::{Connection, Served, serve};
/// use streamgauge_core::endpoints::Surface;
/// use streamgauge_core::engine::memory::{Fixed, Memory};
/// # struct Both<'a>(&'a [u8], Vec<u8>);
/// # impl embedded_io::ErrorType for Both<'_> { type Error = core::convert::Infallible; }
/// # impl embedded_io::Read for Both<'_> {
/// #     fn read(&mut self, room: &mut [u8]) -> Result<usize, Self::Error> { self.0.read(room) }
/// # }
/// # impl embedded_io::Write for Both<'_> {
/// #     fn write(&mut self, bytes: &[u8]) -> Result<usize, Self::Error> { self.1.write(bytes) }
/// #     fn flush(&mut self) -> Result<(), Self::Error> { Ok(()) }
/// # }
///
/// let mut queue = Served::new(Memory::new(<Fixed>::default()), Surface::Simplequeue);
/// let mut connection: Connection<_, _> = Connection::new([0; 512], [0; 1024]);
/// // Anything that is `embedded_io::Read + Write`: here a byte slice, and a vector for the answers.
/// let mut uart = Both(b"GET /put?data=a HTTP/1.1\r\n\r\nGET /get HTTP/1.1\r\n\r\n", Vec::new());
/// serve(&mut uart, &mut connection, &mut queue).unwrap();
/// assert!(uart.1.ends_with(b"\r\n\r\na"));
/// ```
pub fn serve<T, I, O, const FIELDS: usize>(
    io: &mut T,
    connection: &mut Connection<I, O, FIELDS>,
    service: &mut impl Service,
) -> Result<(), T::Error>
where
    T: Read + Write,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
{
    connection.reset();
    loop {
        match connection.poll(service) {
            Next::Read => {
                io.flush()?;
                match io.read(connection.room())? {
                    0 => connection.handle_end(),
                    count => connection.handle_read(count),
                }
            }
            Next::Write => match io.write(connection.unsent())? {
                0 => return Ok(()),
                count => connection.handle_sent(count),
            },
            Next::Close => return io.flush(),
        }
    }
}

/// [`serve`] for a transport that waits without blocking. Dropping the future drops no more than the connection.
///
/// # Errors
/// Those of `io`.
pub async fn serve_async<T, I, O, const FIELDS: usize>(
    io: &mut T,
    connection: &mut Connection<I, O, FIELDS>,
    service: &mut impl Service,
) -> Result<(), T::Error>
where
    T: embedded_io_async::Read + embedded_io_async::Write,
    I: AsRef<[u8]> + AsMut<[u8]>,
    O: AsRef<[u8]> + AsMut<[u8]>,
{
    connection.reset();
    loop {
        match connection.poll(service) {
            Next::Read => {
                io.flush().await?;
                match io.read(connection.room()).await? {
                    0 => connection.handle_end(),
                    count => connection.handle_read(count),
                }
            }
            Next::Write => match io.write(connection.unsent()).await? {
                0 => return Ok(()),
                count => connection.handle_sent(count),
            },
            Next::Close => return io.flush().await,
        }
    }
}
