use crate::wire::units::write_decimal;
use core::fmt;
use embedded_io::Write;

/// Writes a head, line by line: the first line, the fields, the empty line.
///
/// Nothing that could end a line early gets through: a name that is no token or
/// a value with a control character is [`WriteError::Invalid`], so a value that
/// came from outside can't add fields of its own.
///
/// ```
/// use streamgauge_core::wire::http::HeadWriter;
/// let mut out = Vec::new();
/// HeadWriter::response(&mut out, 200)?
///     .field("Content-Type", "text/plain")?
///     .number("Content-Length", 2)?
///     .finish()?;
/// assert_eq!(out, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n");
/// # Ok::<(), streamgauge_core::wire::http::WriteError<core::convert::Infallible>>(())
/// ```
#[derive(Debug)]
#[must_use = "a head ends with `finish`"]
pub struct HeadWriter<W> {
    out: W,
}

impl<W: Write> HeadWriter<W> {
    /// Begins a request. `method` is a token, `target` has no space in it.
    ///
    /// # Errors
    /// [`WriteError::Invalid`] before anything was written, or the writer's own.
    pub fn request(mut out: W, method: &str, target: &str) -> Result<Self, WriteError<W::Error>> {
        if !is_token(method) || target.is_empty() || !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WriteError::Invalid);
        }
        for part in [method, " ", target, " HTTP/1.1\r\n"] {
            out.write_all(part.as_bytes())?;
        }
        Ok(Self { out })
    }

    /// Begins an answer; the status brings its [`reason`].
    ///
    /// # Errors
    /// [`WriteError::Invalid`] for a status that has not three digits, or the writer's own.
    pub fn response(mut out: W, status: u16) -> Result<Self, WriteError<W::Error>> {
        if !(100..=999).contains(&status) {
            return Err(WriteError::Invalid);
        }
        out.write_all(b"HTTP/1.1 ")?;
        write_decimal(u64::from(status), &mut out)?;
        for part in [" ", reason(status), "\r\n"] {
            out.write_all(part.as_bytes())?;
        }
        Ok(Self { out })
    }

    /// Writes a field.
    ///
    /// # Errors
    /// [`WriteError::Invalid`] before anything of the field was written, or the writer's own.
    pub fn field(mut self, name: &str, value: impl AsRef<[u8]>) -> Result<Self, WriteError<W::Error>> {
        let value = value.as_ref();
        if !is_token(name) || value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(WriteError::Invalid);
        }
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            self.out.write_all(part)?;
        }
        Ok(self)
    }

    /// Writes a field whose value is a number.
    ///
    /// # Errors
    /// As [`Self::field`].
    pub fn number(mut self, name: &str, value: u64) -> Result<Self, WriteError<W::Error>> {
        if !is_token(name) {
            return Err(WriteError::Invalid);
        }
        self.out.write_all(name.as_bytes())?;
        self.out.write_all(b": ")?;
        write_decimal(value, &mut self.out)?;
        self.out.write_all(b"\r\n")?;
        Ok(self)
    }

    /// Writes a field whose value is written out in at most 64 bytes.
    ///
    /// # Errors
    /// As [`Self::field`]; a longer value is [`WriteError::Invalid`].
    pub fn shown(self, name: &str, value: &dyn core::fmt::Display) -> Result<Self, WriteError<W::Error>> {
        use core::fmt::Write as _;
        let mut text = heapless::String::<64>::new();
        write!(text, "{value}").map_err(|_| WriteError::Invalid)?;
        self.field(name, &*text)
    }

    /// Ends the head and gives the writer back, for the body.
    ///
    /// # Errors
    /// The writer's own.
    pub fn finish(mut self) -> Result<W, WriteError<W::Error>> {
        self.out.write_all(b"\r\n")?;
        Ok(self.out)
    }
}

/// Why a head could not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteError<E> {
    /// A name, value, method, target or status that would not be valid HTTP.
    Invalid,
    /// The writer failed.
    Io(E),
}

impl<E> From<E> for WriteError<E> {
    fn from(error: E) -> Self {
        Self::Io(error)
    }
}

impl<E: fmt::Display> fmt::Display for WriteError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("not valid in an HTTP head"),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for WriteError<E> {}

/// The phrase that stands behind a status of these services (RFC 9110, section 15, and RFC 6585 for 431). It says
/// nothing to a machine, and may be empty (RFC 9112, section 4): for any other status it is.
#[must_use]
pub const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        413 => "Content Too Large",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        _ => "",
    }
}

fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    extern crate alloc;
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut out = Vec::new();
        let head = HeadWriter::request(&mut out, "POST", "/put?data=%20").unwrap();
        let head = head.field("Host", "a:80").unwrap().number("Content-Length", u64::MAX).unwrap();
        head.finish().unwrap();
        let mut fields = [super::super::FIELD_ROOM; 4];
        let parsed = super::super::RequestHead::parse(&out, &mut fields, 1000, u64::MAX).unwrap();
        let super::super::Parsed::Complete(head, length) = parsed else { panic!("partial") };
        assert_eq!((head.method, head.target, length), ("POST", "/put?data=%20", out.len()));
        assert_eq!(head.body, super::super::Body::Length(u64::MAX));
    }

    #[test]
    fn a_status_brings_its_phrase() {
        let first_line = |status| HeadWriter::response(Vec::new(), status).unwrap().out;
        let lines: [&[u8]; 17] = [
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 201 Created\r\n",
            b"HTTP/1.1 204 No Content\r\n",
            b"HTTP/1.1 400 Bad Request\r\n",
            b"HTTP/1.1 403 Forbidden\r\n",
            b"HTTP/1.1 404 Not Found\r\n",
            b"HTTP/1.1 405 Method Not Allowed\r\n",
            b"HTTP/1.1 408 Request Timeout\r\n",
            b"HTTP/1.1 409 Conflict\r\n",
            b"HTTP/1.1 410 Gone\r\n",
            b"HTTP/1.1 413 Content Too Large\r\n",
            b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
            b"HTTP/1.1 500 Internal Server Error\r\n",
            b"HTTP/1.1 501 Not Implemented\r\n",
            b"HTTP/1.1 503 Service Unavailable\r\n",
            b"HTTP/1.1 505 HTTP Version Not Supported\r\n",
            b"HTTP/1.1 507 Insufficient Storage\r\n",
        ];
        let with_phrase: Vec<_> = (100..=999).filter(|status| !reason(*status).is_empty()).map(first_line).collect();
        assert_eq!(with_phrase, lines);
        assert_eq!(first_line(299), b"HTTP/1.1 299 \r\n");
    }

    #[test]
    fn nothing_can_add_a_line() {
        let begin = || HeadWriter::response(Vec::new(), 200).unwrap();
        for (name, value) in [("a b", "x"), ("", "x"), ("a:", "x"), ("a", "x\r\nb: y"), ("a", "\0"), ("a", "x\ny")] {
            assert_eq!(begin().field(name, value).unwrap_err(), WriteError::Invalid, "{name:?} {value:?}");
        }
        for (method, target) in
            [("GET /", "/"), ("", "/"), ("GET", ""), ("GET", "/ HTTP/1.1"), ("GET", "/\r\n"), ("GET", "/é")]
        {
            let head = HeadWriter::request(Vec::new(), method, target);
            assert_eq!(head.map(|_| ()).unwrap_err(), WriteError::Invalid, "{method:?} {target:?}");
        }
        for status in [0, 99, 1000] {
            assert_eq!(HeadWriter::response(Vec::new(), status).unwrap_err(), WriteError::Invalid);
        }
    }
}
