use super::framing::Framing;
use super::{Body, HttpError};
use core::mem::MaybeUninit;
use httparse::{Header, Status};

/// Room for a field of [`RequestHead::parse`], with nothing in it: so many are needed, and so few used, that writing them
/// first would take as long as reading the head.
pub const FIELD_ROOM: MaybeUninit<Header<'static>> = MaybeUninit::uninit();

/// What [`RequestHead::parse`] found.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<T> {
    /// The head has not arrived whole: read more and ask again.
    Partial,
    /// The head, and its length in bytes: the body begins there.
    Complete(T, usize),
}

/// The head of a request: what a server needs to know before the body.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHead<'h, 'b> {
    /// `GET`, `POST`, … as sent; any token.
    pub method: &'b str,
    /// The target as sent, usually a path and a query.
    pub target: &'b str,
    /// The x of HTTP/1.x.
    pub minor: u8,
    /// How the body comes: none, a length, or chunks.
    pub body: Body,
    /// Whether the client will use the connection again.
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expect_continue: bool,
    /// All fields, in the order they came.
    pub fields: &'h [Header<'b>],
}

impl<'h, 'b> RequestHead<'h, 'b> {
    /// Reads a head from the front of `bytes`, which may end anywhere.
    ///
    /// `fields` is room for the fields; its length is their limit (100 is
    /// usual). A head of more than `max_head` bytes is refused, and so is one
    /// that announces a body of more than `max_body` bytes; a chunked body has
    /// to be counted as it comes. Each call reads from the start: linear in the
    /// bytes that have come.
    ///
    /// # Errors
    /// What is wrong, with the status to answer ([`HttpError::status`]). The
    /// connection can't be used again, since it isn't known where the next
    /// request would begin.
    ///
    /// ```
    /// use streamgauge_core::wire::http::{Body, FIELD_ROOM, Parsed, RequestHead};
    /// let mut fields = [FIELD_ROOM; 16];
    /// let bytes = b"POST /pub HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello";
    /// let Ok(Parsed::Complete(head, length)) = RequestHead::parse(bytes, &mut fields, 16_384, 1_000)
    /// else { panic!() };
    /// assert_eq!((head.method, head.target, head.body), ("POST", "/pub", Body::Length(5)));
    /// assert_eq!(&bytes[length..], b"hello");
    /// ```
    pub fn parse(
        bytes: &'b [u8],
        fields: &'h mut [MaybeUninit<Header<'b>>],
        max_head: usize,
        max_body: u64,
    ) -> Result<Parsed<Self>, HttpError> {
        let window = bytes.get(..max_head).unwrap_or(bytes);
        let mut request = httparse::Request::new(&mut []);
        let parsed =
            request.parse_with_uninit_headers(window, fields).map_err(|error| match HttpError::from_httparse(error) {
                HttpError::Version if !names_http(window) => HttpError::Malformed,
                error => error,
            });
        let length = match parsed? {
            Status::Complete(length) => length,
            Status::Partial if window.len() >= max_head => return Err(HttpError::HeadTooLarge),
            Status::Partial => return Ok(Parsed::Partial),
        };
        let minor = request.version.unwrap_or_default();
        let fields: &'h [Header<'b>] = request.headers;
        let framing = Framing::of(fields, minor)?;
        let body = match framing.length {
            Some(length) if length > max_body => return Err(HttpError::BodyTooLarge),
            _ if framing.chunked => Body::Chunked,
            None | Some(0) => Body::None,
            Some(length) => Body::Length(length),
        };
        let head = Self {
            method: request.method.unwrap_or_default(),
            target: request.path.unwrap_or_default(),
            minor,
            body,
            keep_alive: framing.lives_on(),
            expect_continue: framing.expect_continue && minor >= 1,
            fields,
        };
        Ok(Parsed::Complete(head, length))
    }

    /// The value of the first field of that name, in any case of letters.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'b [u8]> {
        let field = self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
        Some(field.value.trim_ascii())
    }
}

/// Whether a request line says HTTP where its version stands: with a space in the target, something else does.
fn names_http(head: &[u8]) -> bool {
    let version = head.trim_ascii_start().split(|byte| *byte == b' ').nth(2);
    version.is_some_and(|version| version.starts_with(b"HTTP/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(bytes: &[u8]) -> HttpError {
        let mut fields = [FIELD_ROOM; 3];
        RequestHead::parse(bytes, &mut fields, 128, 10).unwrap_err()
    }

    #[test]
    fn a_head_is_partial_until_its_last_byte() {
        let bytes = b"GET /sub?multipart=0 HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nX: \xff\r\n\r\nrest";
        let whole = bytes.len() - 4;
        for end in 0..whole {
            let mut fields = [FIELD_ROOM; 3];
            let parsed = RequestHead::parse(&bytes[..end], &mut fields, 128, 10);
            assert_eq!(parsed, Ok(Parsed::Partial), "{end}");
        }
        let mut fields = [FIELD_ROOM; 3];
        let Ok(Parsed::Complete(head, length)) = RequestHead::parse(bytes, &mut fields, 128, 10) else {
            panic!("complete")
        };
        assert_eq!(length, whole);
        assert_eq!((head.method, head.target, head.minor), ("GET", "/sub?multipart=0", 1));
        assert_eq!((head.body, head.keep_alive, head.expect_continue), (Body::None, true, true));
        assert_eq!(head.field("HOST"), Some(&b"a"[..]));
        assert_eq!(head.field("x"), Some(&b"\xff"[..]));
        assert_eq!(head.field("y"), None);
    }

    #[test]
    fn each_limit_has_its_error() {
        let long = [b"GET /".as_slice(), &[b'a'; 200], b" HTTP/1.1\r\n\r\n"].concat();
        assert_eq!(error(&long), HttpError::HeadTooLarge);
        assert_eq!(error(&long[..128]), HttpError::HeadTooLarge);
        assert_eq!(error(b"GET / HTTP/1.1\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n"), HttpError::TooManyFields);
        assert_eq!(error(b"POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n"), HttpError::BodyTooLarge);
        assert_eq!(error(b"GET / HTTP/2.0\r\n\r\n"), HttpError::Version);
        assert_eq!(error(b"\r\nGET / HTTP/0.9\r\n\r\n"), HttpError::Version);
        assert_eq!(error(b"GET /a b HTTP/1.1\r\n\r\n"), HttpError::Malformed);
        assert_eq!(error(b"GET / HTTP/1.1\r\nContent-Length : 3\r\n\r\n"), HttpError::Malformed);
        assert_eq!(error(b"GET / HTTP/1.1\r\nA: 1\r\n B: 2\r\n\r\n"), HttpError::Malformed);
        assert_eq!(error(b"\x16\x03\x01\x02"), HttpError::Malformed);
    }

    #[test]
    fn a_head_of_exactly_the_limit_passes() {
        let bytes = b"GET / HTTP/1.1\r\n\r\n";
        let parse = |max| {
            let mut fields = [];
            RequestHead::parse(bytes, &mut fields, max, 0).map(|parsed| parsed != Parsed::Partial)
        };
        assert_eq!(parse(bytes.len()), Ok(true));
        assert_eq!(parse(bytes.len() - 1), Err(HttpError::HeadTooLarge));
        assert_eq!(parse(0), Err(HttpError::HeadTooLarge));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), room in 0usize..4) {
            let mut fields = [FIELD_ROOM; 4];
            let _ = RequestHead::parse(&bytes, &mut fields[..room], 100, 10);
        }
    }
}
