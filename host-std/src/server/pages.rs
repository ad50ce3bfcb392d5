//! Which browser pages may do what. A page of any site can send requests to any address that its reader can reach,
//! and needs no answer to do harm.

use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;

/// The names of the server, and the origins that are let in.
#[derive(Debug)]
pub(super) struct Pages {
    /// What it listens on; on loopback, names are checked.
    bound: Option<IpAddr>,
    allow_hosts: Vec<String>,
    origins: Vec<HeaderValue>,
}

/// What a request says of where it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Origin<'a> {
    /// `Host`; empty when there is none.
    pub(super) host: &'a [u8],
    /// `Origin`.
    pub(super) origin: Option<&'a [u8]>,
    /// `Sec-Fetch-Site`.
    pub(super) site: Option<&'a [u8]>,
}

impl Pages {
    pub(super) fn new(bound: Option<SocketAddr>, allow_hosts: &[String], origins: &[HeaderValue]) -> Self {
        let bound = bound.map(|bound| bound.ip().to_canonical());
        Self { bound, allow_hosts: allow_hosts.to_vec(), origins: origins.to_vec() }
    }

    /// Whether names matter: only who is on this machine can reach a listener on loopback, and a page can be one of
    /// them under any name that its owner lets lead there.
    pub(super) fn names_matter(&self) -> bool {
        self.bound.is_some_and(|bound| bound.is_loopback())
    }

    /// Whether `host` is a name of this server, with any port or none. One without a point is: it can be given on this
    /// machine or its network only, while a page from elsewhere comes under a name with a domain.
    pub(super) fn is_own_name(&self, host: &[u8]) -> bool {
        let Some(name) = std::str::from_utf8(host).ok().and_then(without_port) else { return false };
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        match address.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || Some(address.to_canonical()) == self.bound,
            Err(_) => {
                let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
                let name = name.strip_suffix('.').unwrap_or(name);
                is_plain || name.eq_ignore_ascii_case("localhost") || self.is_allowed_host(name)
            }
        }
    }

    fn is_allowed_host(&self, name: &str) -> bool {
        self.allow_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(name))
    }

    /// What `access-control-allow-origin` answers to a page of this `origin`.
    pub(super) fn allowed(&self, origin: &[u8]) -> Option<&HeaderValue> {
        self.origins.iter().find(|allowed| *allowed == "*" || allowed.as_bytes() == origin)
    }

    /// Whether a page of any origin is let in.
    pub(super) fn allows_all(&self) -> bool {
        self.origins.iter().any(|allowed| allowed == "*")
    }

    /// Whether any origin is let in.
    pub(super) const fn allows_any(&self) -> bool {
        !self.origins.is_empty()
    }
}

impl Origin<'_> {
    /// Whether a page of another origin than this server's asks.
    pub(super) fn is_other_page(&self) -> bool {
        match (self.origin, self.site) {
            (Some(origin), _) => !self.is_same(origin),
            (None, Some(site)) => !matches!(site, b"same-origin" | b"none"),
            (None, None) => false,
        }
    }

    fn is_same(&self, origin: &[u8]) -> bool {
        let host = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        host.is_some_and(|host| host.eq_ignore_ascii_case(self.host))
    }
}

/// The name of an authority; `None` if what follows it is no port.
fn without_port(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at_checked(end)?;
    let digits = port.strip_prefix(':').unwrap_or(port);
    let is_port = port.is_empty() || port.starts_with(':') && digits.bytes().all(|digit| digit.is_ascii_digit());
    (is_port && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_its_own_names() {
        let pages = Pages::new(Some(([127, 0, 0, 2], 80).into()), &["Gauge.example".to_owned()], &[]);
        assert!(pages.names_matter());
        for name in ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.0.0.2:8080", "[::1]", "[::1]:80"] {
            assert!(pages.is_own_name(name.as_bytes()), "{name}");
        }
        assert!(pages.is_own_name(b"gauge.EXAMPLE:81"));
        assert!(
            pages.is_own_name(b"gauge:8080") && pages.is_own_name(b"my_gauge-2"),
            "as a network calls its machines"
        );
        for name in [
            "",
            ":80",
            "evil.example",
            "localhost.evil.example",
            "192.0.2.1",
            "localhost:x",
            "[::1",
            "[::2]",
            "\u{e9}",
            "evil.",
            "a b",
        ] {
            assert!(!pages.is_own_name(name.as_bytes()), "{name}");
        }
        let open = Pages::new(Some(([192, 0, 2, 1], 80).into()), &[], &[]);
        assert!(!open.names_matter() && open.is_own_name(b"192.0.2.1:80"));
    }

    #[test]
    fn pages_of_other_origins_are_told_apart() {
        let ask = |origin: Option<&'static str>, site: Option<&'static str>| {
            let origin = origin.map(str::as_bytes);
            Origin { host: b"127.0.0.1:8080", origin, site: site.map(str::as_bytes) }.is_other_page()
        };
        assert!(!ask(None, None), "no browser");
        assert!(!ask(Some("http://127.0.0.1:8080"), Some("same-origin")));
        assert!(!ask(None, Some("none")), "typed by hand");
        for origin in ["http://127.0.0.1:8081", "https://evil.example", "null", "", "127.0.0.1:8080"] {
            assert!(ask(Some(origin), None), "{origin}");
        }
        for site in ["cross-site", "same-site", "anything"] {
            assert!(ask(None, Some(site)), "{site}");
        }
    }
}
