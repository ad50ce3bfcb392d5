use super::HttpError;
use crate::wire::digits::append_decimal;
use httparse::Header;

/// Where the body of a message ends (RFC 9112, section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// There is none.
    None,
    /// After so many bytes, at least one.
    Length(u64),
    /// At the last chunk.
    Chunked,
    /// Where the connection ends; answers only.
    UntilClose,
}

/// What the fields say about the message as a whole.
#[derive(Debug, Default)]
pub(super) struct Framing {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    close: bool,
    keep_alive: bool,
    pub(super) expect_continue: bool,
    http_1_1: bool,
}

impl Framing {
    /// `minor` is the x of HTTP/1.x.
    pub(super) fn of(fields: &[Header<'_>], minor: u8) -> Result<Self, HttpError> {
        let mut framing = Self { http_1_1: minor >= 1, ..Self::default() };
        for field in fields {
            framing.read(field)?;
        }
        if framing.chunked && framing.length.is_some() {
            return Err(HttpError::LengthAndTransferEncoding);
        }
        Ok(framing)
    }

    pub(super) fn lives_on(&self) -> bool {
        !self.close && (self.http_1_1 || self.keep_alive)
    }

    fn read(&mut self, field: &Header<'_>) -> Result<(), HttpError> {
        let value = field.value.trim_ascii();
        if field.name.eq_ignore_ascii_case("content-length") {
            let length = decimal(value).ok_or_else(|| no_length(value))?;
            if self.length.is_some_and(|other| other != length) {
                return Err(HttpError::ConflictingContentLengths);
            }
            self.length = Some(length);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if self.chunked || !self.http_1_1 {
                return Err(HttpError::BadTransferEncoding);
            }
            if !value.eq_ignore_ascii_case(b"chunked") {
                return Err(HttpError::UnknownTransferEncoding);
            }
            self.chunked = true;
        } else if field.name.eq_ignore_ascii_case("connection") {
            for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                self.close |= option.eq_ignore_ascii_case(b"close");
                self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            }
        } else if field.name.eq_ignore_ascii_case("expect") {
            self.expect_continue |= value.eq_ignore_ascii_case(b"100-continue");
        }
        Ok(())
    }
}

/// What is wrong with a length that no `u64` is.
fn no_length(value: &[u8]) -> HttpError {
    if !value.is_empty() && value.iter().all(u8::is_ascii_digit) {
        HttpError::BodyTooLarge
    } else {
        HttpError::BadContentLength
    }
}

/// Digits only: no sign, no space, no list, no overflow.
pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().copied().try_fold(0, append_decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framing(fields: &[(&str, &str)], minor: u8) -> Result<Framing, HttpError> {
        let mut headers = [httparse::EMPTY_HEADER; 4];
        for (header, (name, value)) in headers.iter_mut().zip(fields) {
            *header = Header { name, value: value.as_bytes() };
        }
        Framing::of(&headers[..fields.len()], minor)
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let cases: [(&[(&str, &str)], HttpError); 10] = [
            (&[("Content-Length", "3"), ("Content-Length", "4")], HttpError::ConflictingContentLengths),
            (&[("Content-Length", "3"), ("Transfer-Encoding", "chunked")], HttpError::LengthAndTransferEncoding),
            (&[("Transfer-Encoding", "chunked"), ("content-length", "0")], HttpError::LengthAndTransferEncoding),
            (&[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "chunked")], HttpError::BadTransferEncoding),
            (&[("Transfer-Encoding", "gzip, chunked")], HttpError::UnknownTransferEncoding),
            (&[("Transfer-Encoding", "")], HttpError::UnknownTransferEncoding),
            (&[("Content-Length", "+3")], HttpError::BadContentLength),
            (&[("Content-Length", "3, 3")], HttpError::BadContentLength),
            (&[("Content-Length", "")], HttpError::BadContentLength),
            (&[("Content-Length", "18446744073709551616")], HttpError::BodyTooLarge),
        ];
        for (fields, error) in cases {
            assert_eq!(framing(fields, 1).unwrap_err(), error, "{fields:?}");
        }
        let old = framing(&[("Transfer-Encoding", "chunked")], 0);
        assert_eq!(old.unwrap_err(), HttpError::BadTransferEncoding);
    }

    #[test]
    fn the_same_length_twice_is_one_length() {
        let twice =
            framing(&[("Content-Length", "18446744073709551615"), ("content-length", " 18446744073709551615 ")], 1);
        assert_eq!(twice.unwrap().length, Some(u64::MAX));
    }

    #[test]
    fn a_connection_lives_on_by_default_only_in_http_1_1() {
        for (fields, minor, lives) in [
            (&[][..], 1, true),
            (&[("Connection", "close")][..], 1, false),
            (&[("Connection", "x, Close")][..], 1, false),
            (&[][..], 0, false),
            (&[("connection", "Keep-Alive")][..], 0, true),
            (&[("connection", "keep-alive, close")][..], 0, false),
        ] {
            assert_eq!(framing(fields, minor).unwrap().lives_on(), lives, "{fields:?} 1.{minor}");
        }
    }
}
