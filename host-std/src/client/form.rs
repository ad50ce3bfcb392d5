//! The form in which a stream is asked for, so that it is known which message is which.

use super::Url;

/// What makes a server leave out messages without a word about which.
const WITHHOLDING: [&str; 5] = ["filter", "drop", "keep", "hash", "rate"];

/// The same stream in a form whose messages have numbers.
///
/// Parts hold any bytes, and the one behind message 7 is message 8, or says how many are missing. That is no longer so
/// where messages are left out: then it is server-sent events, which carry their numbers. Lines can't be counted at
/// all, since a message with a newline arrives as several of them, and an empty one as none.
pub(super) fn numbered(url: &Url) -> Url {
    let is_events = url.parameter("format").is_some_and(|format| format == "sse");
    match () {
        () if is_events => url.clone(),
        () if withholds(url) => url.with_query("format", "sse"),
        () if wants_lines(url) => url.with_query("multipart", 1),
        () => url.clone(),
    }
}

/// Whether messages are left out of the stream without a word about which.
pub(super) fn withholds(url: &Url) -> bool {
    WITHHOLDING.iter().any(|name| url.parameter(name).is_some())
}

/// Whether the stream is to be lines, if the server has no say in it.
pub(super) fn wants_lines(url: &Url) -> bool {
    // As the servers read it: what is no number counts as 0.
    url.parameter("multipart").is_some_and(|multipart| multipart.trim().parse().unwrap_or(0) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_asked_for_in_a_form_whose_messages_have_numbers() {
        for (asked, sent) in [
            ("/sub", "/sub"),
            ("/sub?multipart=1", "/sub?multipart=1"),
            ("/sub?multipart=0&topic=a", "/sub?multipart=1&multipart=0&topic=a"),
            ("/sub?format=sse&multipart=0", "/sub?format=sse&multipart=0"),
            ("/sub?multipart=1&filter=c:DE", "/sub?format=sse&multipart=1&filter=c:DE"),
            ("/sub?multipart=0&rate=1", "/sub?format=sse&multipart=0&rate=1"),
            ("/sub?format=sse&drop=ip", "/sub?format=sse&drop=ip"),
        ] {
            let url: Url = format!("http://a{asked}").parse().unwrap();
            assert_eq!(numbered(&url).target(), sent);
        }
    }
}
