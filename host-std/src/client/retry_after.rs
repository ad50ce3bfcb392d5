use core::time::Duration;
use jiff::Timestamp;

/// How long `retry-after` asks to wait (RFC 9110, section 10.2.3): seconds, or until a date. At
/// most ten minutes, so that nobody can stop the stream for good.
pub(crate) fn retry_after(value: &[u8]) -> Option<Duration> {
    const MOST: u64 = 600;
    let text = core::str::from_utf8(value).ok()?;
    let seconds = match text.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) => {
            let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
            u64::try_from(date.as_second() - Timestamp::now().as_second()).unwrap_or(0)
        }
    };
    Some(Duration::from_secs(seconds.min(MOST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(retry_after(b"7"), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(b"99999"), Some(Duration::from_secs(600)));
        assert_eq!(retry_after(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(retry_after(b"Tue, 31 Dec 2999 23:59:59 GMT"), Some(Duration::from_secs(600)));
        assert_eq!(retry_after(b"soon"), None);
    }
}
