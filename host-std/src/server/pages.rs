//! Which browser pages may do what. A page of any site can send requests to any address that its reader can reach,
//! and needs no answer to do harm.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::HeaderValue;

/// The names of the server, and the origins that are let in.
#[derive(Debug)]
pub(super) struct Pages {
    /// What most clients on its machine call it, so that few names have to be looked at.
    usual: Vec<String>,
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
    /// `Referer`.
    pub(super) referer: Option<&'a [u8]>,
}

impl Pages {
    pub(super) fn new(bound: Option<SocketAddr>, allow_hosts: &[String], origins: &[HeaderValue]) -> Self {
        let port = bound.map_or(0, |bound| bound.port());
        let [four, six] = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()].map(|ip| SocketAddr::new(ip, port));
        let usual = vec![four.to_string(), format!("localhost:{port}"), six.to_string()];
        Self { usual, allow_hosts: allow_hosts.to_vec(), origins: origins.to_vec() }
    }

    /// Whether names matter to who has come to the address `local`: only who is on this machine gets to loopback, and a
    /// page can be one of them under any name that its owner lets lead there.
    pub(super) fn names_matter(local: Option<IpAddr>) -> bool {
        local.is_none_or(|local| local.is_loopback())
    }

    /// Whether `host` is a name of this server at its address `local`, with any port or none. One without a point is: it
    /// can be given on this machine or its network only, while a page from elsewhere comes under a name with a domain.
    pub(super) fn is_own_name(&self, host: &[u8], local: Option<IpAddr>) -> bool {
        if self.usual.iter().any(|usual| usual.as_bytes() == host) {
            return true;
        }
        let Some(name) = without_port(host) else { return false };
        if name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return true;
        }
        let Ok(name) = std::str::from_utf8(name) else { return false };
        let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        match address.parse::<IpAddr>() {
            Ok(address) => address.is_loopback() || Some(address.to_canonical()) == local,
            Err(_) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                name.eq_ignore_ascii_case("localhost") || self.is_allowed_host(name)
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

impl<'a> Origin<'a> {
    /// Whether a page of another origin than this server's asks.
    pub(super) fn is_other_page(&self) -> bool {
        match (self.origin, self.site) {
            (None, Some(site)) => !matches!(site, b"same-origin" | b"none"),
            // Of an image in a page that came over plain HTTP a browser says no more than the Referer.
            _ => self.page().is_some_and(|page| !self.is_same(page)),
        }
    }

    /// The origin of the page that asks, as far as the browser says it.
    pub(super) fn page(&self) -> Option<&'a [u8]> {
        self.origin.or_else(|| self.referer.map(origin_of))
    }

    fn is_same(&self, origin: &[u8]) -> bool {
        let host = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
        host.is_some_and(|host| host.eq_ignore_ascii_case(self.host))
    }
}

/// What stands before the path of a URL.
fn origin_of(url: &[u8]) -> &[u8] {
    let authority = url.windows(3).position(|part| part == b"://").map_or(0, |at| at.saturating_add(3));
    let behind = url.iter().skip(authority).position(|byte| matches!(byte, b'/' | b'?' | b'#'));
    behind.and_then(|len| url.get(..authority.saturating_add(len))).unwrap_or(url)
}

/// The name of an authority; `None` if what follows it is no port.
fn without_port(host: &[u8]) -> Option<&[u8]> {
    let find = |sought: u8| host.iter().position(|byte| *byte == sought);
    let end = if host.starts_with(b"[") { find(b']')? + 1 } else { find(b':').unwrap_or(host.len()) };
    let (name, port) = host.split_at_checked(end)?;
    let is_port = match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (is_port && !name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_its_own_names() {
        let pages = Pages::new(Some(([127, 0, 0, 2], 80).into()), &["Gauge.example".to_owned()], &[]);
        let local = Some(IpAddr::from([127, 0, 0, 2]));
        for name in ["localhost", "LOCALHOST:1", "localhost.", "127.0.0.1", "127.0.0.2:8080", "[::1]", "[::1]:80"] {
            assert!(pages.is_own_name(name.as_bytes(), local), "{name}");
        }
        assert!(pages.is_own_name(b"gauge.EXAMPLE:81", local));
        assert!(
            pages.is_own_name(b"gauge:8080", local) && pages.is_own_name(b"my_gauge-2", local),
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
            assert!(!pages.is_own_name(name.as_bytes(), local), "{name}");
        }
        assert!(pages.is_own_name(b"192.0.2.1:80", Some([192, 0, 2, 1].into())));
    }

    #[test]
    fn names_matter_where_only_this_machine_gets_to() {
        let matter = |local: &str| Pages::names_matter(local.parse().ok());
        assert!(matter("127.0.0.1") && matter("127.0.0.2") && matter("::1") && matter("unknown"));
        assert!(!matter("192.0.2.1") && !matter("2001:db8::1"));
    }

    #[test]
    fn pages_of_other_origins_are_told_apart() {
        let come = |origin: Option<&'static str>, site: Option<&'static str>, referer: Option<&'static str>| {
            let [origin, site, referer] = [origin, site, referer].map(|value| value.map(str::as_bytes));
            Origin { host: b"127.0.0.1:8080", origin, site, referer }.is_other_page()
        };
        let ask = |origin, site| come(origin, site, None);
        assert!(!ask(None, None), "no browser");
        assert!(!ask(Some("http://127.0.0.1:8080"), Some("same-origin")));
        assert!(!ask(None, Some("none")), "typed by hand");
        for origin in ["http://127.0.0.1:8081", "https://evil.example", "null", "", "127.0.0.1:8080"] {
            assert!(ask(Some(origin), None), "{origin}");
        }
        for site in ["cross-site", "same-site", "anything"] {
            assert!(ask(None, Some(site)), "{site}");
            assert!(come(None, Some(site), Some("http://127.0.0.1:8080/")), "{site}");
        }
        for referer in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/a?b=c://d", "http://127.0.0.1:8080?"] {
            assert!(!come(None, None, Some(referer)), "{referer}");
        }
        for referer in ["http://127.0.0.1:8081/", "https://evil.example/127.0.0.1:8080", "/here", "about:blank", ""] {
            assert!(come(None, None, Some(referer)), "{referer}");
            assert!(!come(None, Some("none"), Some(referer)), "{referer}");
        }
    }
}
