use core::fmt;

/// Why a head or a body could not be read.
///
/// A message that is merely not whole yet is never an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// Not HTTP.
    Malformed,
    /// HTTP of a version other than 1.0 and 1.1, or another protocol.
    Version,
    /// The head is longer than its limit.
    HeadTooLarge,
    /// More fields than there is room for.
    TooManyFields,
    /// The announced body is longer than its limit.
    BodyTooLarge,
    /// A content-length that is no number.
    BadContentLength,
    /// Two content-lengths that differ.
    ConflictingContentLengths,
    /// Both a content-length and a transfer-encoding.
    LengthAndTransferEncoding,
    /// A transfer-encoding where none may be: twice, or in HTTP/1.0.
    BadTransferEncoding,
    /// A transfer-encoding other than `chunked`.
    UnknownTransferEncoding,
    /// A chunk that is none.
    BadChunk,
    /// The connection ended inside a message.
    Truncated,
    /// Bytes after the last message that the connection could carry.
    AfterClose,
}

impl HttpError {
    /// The status with which a server answers a request that has this error.
    ///
    /// ```
    /// use streamgauge_core::wire::http::HttpError;
    /// assert_eq!(HttpError::HeadTooLarge.status(), 431);
    /// assert_eq!(HttpError::UnknownTransferEncoding.status(), 501);
    /// ```
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::HeadTooLarge | Self::TooManyFields => 431,
            Self::BodyTooLarge => 413,
            Self::UnknownTransferEncoding => 501,
            _ => 400,
        }
    }

    pub(super) const fn from_httparse(error: httparse::Error) -> Self {
        match error {
            httparse::Error::Version => Self::Version,
            httparse::Error::TooManyHeaders => Self::TooManyFields,
            _ => Self::Malformed,
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not an HTTP/1.1 message",
            Self::Version => "HTTP version not supported",
            Self::HeadTooLarge => "head longer than its limit",
            Self::TooManyFields => "more header fields than the limit",
            Self::BodyTooLarge => "body longer than its limit",
            Self::BadContentLength => "content-length is not a number",
            Self::ConflictingContentLengths => "content-lengths differ",
            Self::LengthAndTransferEncoding => "both content-length and transfer-encoding",
            Self::BadTransferEncoding => "transfer-encoding not allowed here",
            Self::UnknownTransferEncoding => "transfer-encoding other than chunked",
            Self::BadChunk => "bad chunk",
            Self::Truncated => "connection ended inside a message",
            Self::AfterClose => "bytes after the last message",
        })
    }
}

impl core::error::Error for HttpError {}

#[cfg(test)]
mod tests {
    use super::HttpError::{self, *};

    #[test]
    fn each_error_has_its_status() {
        let statuses: [(u16, &[HttpError]); 5] = [
            (400, &[Malformed, BadContentLength, ConflictingContentLengths, LengthAndTransferEncoding]),
            (400, &[BadTransferEncoding, BadChunk, Truncated, AfterClose]),
            (413, &[BodyTooLarge]),
            (431, &[HeadTooLarge, TooManyFields]),
            (501, &[UnknownTransferEncoding]),
        ];
        for (status, errors) in statuses {
            assert!(errors.iter().all(|error| error.status() == status), "{status}");
        }
        assert_eq!(Version.status(), 505);
    }
}
