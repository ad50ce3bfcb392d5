use crate::client::{BadUrl, Url};
use crate::trace::{self, Trace};
use core::fmt;
use streamgauge_core::wire::http::HeadWriter;
use streamgauge_core::wire::percent;

/// Where messages go, and how.
#[derive(Debug, Clone)]
pub struct Destination {
    url: Url,
    method: Method,
}

#[derive(Debug, Clone)]
enum Method {
    /// The request, without the messages between its pieces.
    Get(Vec<Vec<u8>>),
    /// Each is a span of the trace that its message names, or else of this one.
    Post(Option<Trace>),
}

impl Destination {
    /// Messages go into the URL, percent-encoded, where it has `%s`.
    ///
    /// # Errors
    /// A bad URL, or one without `%s` in its path or query.
    ///
    /// ```
    /// use streamgauge::bridges::ps_to_http::Destination;
    /// assert!(Destination::get("http://127.0.0.1:8080/put?data=%s").is_ok());
    /// assert!(Destination::get("http://127.0.0.1:8080/put").is_err());
    /// ```
    pub fn get(url: &str) -> Result<Self, BadDestination> {
        let parsed: Url = url.parse()?;
        if !parsed.target().contains("%s") {
            return Err(BadDestination(format!("`{url}` must contain a %s for the message")));
        }
        let head = head(&parsed, "GET").ok_or_else(|| BadDestination(format!("`{url}` is not a URL")))?;
        let head = String::from_utf8_lossy(&[&head[..], b"\r\n"].concat()).into_owned();
        let pieces = head.split("%s").map(|piece| piece.as_bytes().to_vec()).collect();
        Ok(Self { url: parsed, method: Method::Get(pieces) })
    }

    /// Messages are the body.
    ///
    /// # Errors
    /// A bad URL.
    pub fn post(url: &str) -> Result<Self, BadDestination> {
        let url: Url = url.parse()?;
        Ok(Self { url, method: Method::Post(None) })
    }

    /// The same in a trace; what goes into the URL has none, as its requests stay what they were.
    pub(super) fn traced(mut self, trace: Option<&Trace>) -> Self {
        if let Method::Post(own) = &mut self.method {
            *own = trace.cloned();
        }
        self
    }

    /// The URL, with its `%s` if it has one.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Appends the request that delivers `message`.
    pub(super) fn write(&self, message: &[u8], out: &mut Vec<u8>) {
        match &self.method {
            Method::Get(pieces) => {
                for (index, piece) in pieces.iter().enumerate() {
                    if index > 0 {
                        let Ok(()) = percent::encode(message, out);
                    }
                    out.extend_from_slice(piece);
                }
            }
            Method::Post(trace) => {
                out.extend_from_slice(&head(&self.url, "POST").unwrap_or_default());
                let own = trace::of_message(message).and_then(Trace::of);
                if let Some(trace) = own.as_ref().or(trace.as_ref()) {
                    out.extend_from_slice(format!("Traceparent: {}\r\n", trace.child()).as_bytes());
                }
                out.extend_from_slice(format!("Content-Length: {}\r\n\r\n", message.len()).as_bytes());
                out.extend_from_slice(message);
            }
        }
    }

    /// The request that a destination can answer without doing anything.
    pub(super) fn harmless(&self) -> Vec<u8> {
        let mut request = head(&self.url.root(), "HEAD").unwrap_or_default();
        request.extend_from_slice(b"\r\n");
        request
    }
}

/// A head that is not ended yet.
fn head(url: &Url, method: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let head = HeadWriter::request(&mut out, method, url.target()).ok()?;
    let _ = head.field("Host", url.authority()).ok()?;
    Some(out)
}

/// What is wrong with a destination, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadDestination(String);

impl From<BadUrl> for BadDestination {
    fn from(bad: BadUrl) -> Self {
        Self(bad.to_string())
    }
}

impl fmt::Display for BadDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for BadDestination {}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(destination: &Destination, message: &[u8]) -> String {
        let mut out = Vec::new();
        destination.write(message, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_message_is_where_the_original_puts_it() {
        let get = Destination::get("http://q:1/put?data=%s&x=%20").unwrap();
        assert_eq!(
            request(&get, b"a b&\xff\n%s"),
            "GET /put?data=a%20b%26%FF%0A%25s&x=%20 HTTP/1.1\r\nHost: q:1\r\n\r\n"
        );
        let post = Destination::post("http://[::1]/pub").unwrap();
        assert_eq!(request(&post, b"a b"), "POST /pub HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 3\r\n\r\na b");
        assert_eq!(request(&post, b""), "POST /pub HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\n\r\n");
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let message = format!(r#"{{"traceparent":"00-{trace}-b7ad6b7169203331-01","u":1}}"#);
        let sent = request(&post, message.as_bytes());
        assert!(sent.contains(&format!("\r\nTraceparent: 00-{trace}-")), "{sent}");
        assert!(!sent.contains("\r\nTraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"), "{sent}");
        assert!(sent.ends_with(&message), "the message is what it was: {sent}");
        assert_eq!(post.harmless(), b"HEAD / HTTP/1.1\r\nHost: [::1]\r\n\r\n");
    }

    #[test]
    fn a_bad_destination_is_one_line() {
        for error in [Destination::get("http://q/put").unwrap_err(), Destination::post("ftp://q").unwrap_err()] {
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        assert!(Destination::get("http://a%s/put").is_err());
    }
}
