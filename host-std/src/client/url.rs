use core::{fmt, str::FromStr};
use http::Uri;
use streamgauge_core::wire::percent::{self, Plus};

use crate::terminal::masked;

/// An address: `http://host:port/path?query`, or `https://…`.
///
/// The port is 80, or 443, and the path `/` when missing. Nothing else may be in it: no other scheme, no
/// user name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    secure: bool,
    host: String,
    port: u16,
    authority: String,
    target: String,
}

impl Url {
    /// Whether it begins with `https`.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether a connection to the other one serves this one as well.
    pub(crate) fn is_same_host(&self, other: &Self) -> bool {
        (self.secure, &self.authority) == (other.secure, &other.authority)
    }

    /// The name or address of the host, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as they were written: the value of a `host` field.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The same host's `/`.
    #[must_use]
    pub fn root(&self) -> Self {
        Self { target: "/".to_owned(), ..self.clone() }
    }

    /// The same host's `path`, behind the path that is here; the query that is here goes, see [`behind`](Self::behind).
    ///
    /// ```
    /// let url: streamgauge::client::Url = "http://127.0.0.1:8081/queue/?a=b".parse()?;
    /// assert_eq!(url.join("/mget?items=2").to_string(), "http://127.0.0.1:8081/queue/mget?items=2");
    /// # Ok::<(), streamgauge::client::BadUrl>(())
    /// ```
    #[must_use]
    pub fn join(&self, path: &str) -> Self {
        let here = self.target.split('?').next().unwrap_or_default().trim_end_matches('/');
        Self { target: format!("{here}{path}"), ..self.clone() }
    }

    /// The same host's `path`, behind the path that is here and in front of the query that is here: what stands there is
    /// said of each request.
    ///
    /// ```
    /// let url: streamgauge::client::Url = "http://127.0.0.1:8081/?queue=jobs".parse()?;
    /// assert_eq!(url.behind("/mput").to_string(), "http://127.0.0.1:8081/mput?queue=jobs");
    /// # Ok::<(), streamgauge::client::BadUrl>(())
    /// ```
    #[must_use]
    pub fn behind(&self, path: &str) -> Self {
        let mut url = self.join(path);
        if let Some((_, query)) = self.target.split_once('?') {
            url.target.push('?');
            url.target.push_str(query);
        }
        url
    }

    /// Whether something stands behind a `?`.
    pub(crate) fn has_query(&self) -> bool {
        self.target.contains('?')
    }

    /// The same with `name=value` as the first of its query, so that it counts before any other
    /// `name` there. Both have to be valid in a query as they are.
    #[must_use]
    pub fn with_query(&self, name: &str, value: impl fmt::Display) -> Self {
        let (path, query) = match self.target.split_once('?') {
            Some((path, "")) => (path, String::new()),
            Some((path, query)) => (path, format!("&{query}")),
            None => (self.target.as_str(), String::new()),
        };
        Self { target: format!("{path}?{name}={value}{query}"), ..self.clone() }
    }

    /// The same with `name=value` behind its query, the value percent-coded; as it is for `None`. O(n).
    ///
    /// ```
    /// let url: streamgauge::client::Url = "http://127.0.0.1:8080/sub".parse()?;
    /// let url = url.and("from", None::<&str>).and("filter", Some("c:a b"));
    /// assert_eq!(url.target(), "/sub?filter=c%3Aa%20b");
    /// # Ok::<(), streamgauge::client::BadUrl>(())
    /// ```
    #[must_use]
    pub fn and(&self, name: &str, value: Option<impl AsRef<str>>) -> Self {
        let Some(value) = value else { return self.clone() };
        let between = if self.target.contains('?') { '&' } else { '?' };
        let coded = coded(value.as_ref());
        Self { target: format!("{}{between}{name}={coded}", self.target), ..self.clone() }
    }

    /// The same host's `path` and behind it `name`, percent-coded as a part of a path.
    pub(crate) fn join_name(&self, path: &str, name: &str) -> Self {
        self.join(&format!("{path}{}", coded(name)))
    }

    /// What the first `name` of the query says, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let (_, query) = self.target.split_once('?')?;
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let (_, value) = pairs.find(|(known, _)| *known == name)?;
        let bytes: Vec<u8> = percent::decode(value.as_bytes(), Plus::Space).collect();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

fn coded(text: &str) -> String {
    let mut coded = Vec::with_capacity(percent::encoded_len(text.as_bytes()));
    let Ok(()) = percent::encode(text.as_bytes(), &mut coded);
    String::from_utf8(coded).unwrap_or_default()
}

impl FromStr for Url {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let shown = masked(text);
        let bad = |what: &str| BadUrl(format!("`{shown}`: {what}, expected http://host:port/path?query or https://…"));
        let uri: Uri = text.parse().map_err(|_| bad("not a URL"))?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(bad(&format!("{other} is not supported"))),
            None => return Err(bad("no http:// in front")),
        };
        let authority = uri.authority().ok_or_else(|| bad("no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad("a user name is not supported"));
        }
        let host = uri.host().unwrap_or_default();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => Some(if secure { 443 } else { 80 }),
            Some(rest) => rest.strip_prefix(':').and_then(|port| port.parse().ok()),
            None => None,
        };
        let port = port.filter(|port| *port > 0).ok_or_else(|| bad("the port is not a number from 1 to 65535"))?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(bad("no host"));
        }
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        if !target.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(bad("only ASCII is allowed"));
        }
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { secure, host: host.to_owned(), port, authority: authority.to_string(), target })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.target)
    }
}

/// What is wrong with a URL, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadUrl(String);

impl fmt::Display for BadUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for BadUrl {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_found() {
        for (text, host, port, authority, target) in [
            ("http://127.0.0.1:8080/sub?multipart=0", "127.0.0.1", 8080, "127.0.0.1:8080", "/sub?multipart=0"),
            ("http://queue/put?data=%s", "queue", 80, "queue", "/put?data=%s"),
            ("http://[::1]:1/", "::1", 1, "[::1]:1", "/"),
            ("HTTP://a:2", "a", 2, "a:2", "/"),
            ("http://a?b=%20", "a", 80, "a", "/?b=%20"),
            ("http://a/b#c", "a", 80, "a", "/b"),
            ("https://a/b", "a", 443, "a", "/b"),
            ("https://a:8080", "a", 8080, "a:8080", "/"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!((url.host(), url.port(), url.authority(), url.target()), (host, port, authority, target));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, what) in [
            ("ftp://a/", "ftp is not supported"),
            ("a:80/b", "not a URL"),
            ("/sub", "no http:// in front"),
            ("http://", "not a URL"),
            ("http://:80/", "no host"),
            ("http://u:p@a/", "a user name is not supported"),
            ("http://a:70000/", "the port is not a number from 1 to 65535"),
            ("http://a:0/", "the port is not a number from 1 to 65535"),
            ("http://a/b c", "not a URL"),
            ("", "not a URL"),
        ] {
            let error = text.parse::<Url>().unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
            assert!(!error.contains('\n') && !error.contains("u:p"), "{error}");
        }
    }

    #[test]
    fn a_parameter_is_read_and_a_name_is_coded() {
        let url: Url = "http://a/?b=1&queue=a%20b+c&queue=d".parse().unwrap();
        assert_eq!(url.parameter("queue").as_deref(), Some("a b c"));
        assert_eq!((url.parameter("que"), url.parameter("b").as_deref()), (None, Some("1")));
        assert_eq!(url.join_name("/queues/", "a/b?").target(), "/queues/a%2Fb%3F");
        assert_eq!(url.and("x", Some("&")).target(), "/?b=1&queue=a%20b+c&queue=d&x=%26");
    }

    #[test]
    fn a_query_is_put_in_front() {
        for (text, target) in [("http://a", "/?n=1"), ("http://a/b?", "/b?n=1"), ("http://a/b?n=0&c", "/b?n=1&n=0&c")] {
            assert_eq!(text.parse::<Url>().unwrap().with_query("n", 1).target(), target);
        }
    }
}
