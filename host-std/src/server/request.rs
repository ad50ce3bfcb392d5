//! A request's head: what the server itself wants to know of it, and what it refuses.

use std::mem::MaybeUninit;
use std::net::IpAddr;

use http::StatusCode;
use streamgauge_core::endpoints::{Method, Request};
use streamgauge_core::wire::http::{Header, HttpError, Parsed, RequestHead};
use streamgauge_core::wire::query::split_target;

use super::limits::Limits;
use super::pages::{Origin, Pages};
use super::refusal::{MAX_TARGET, Refusal};

/// A head that can be answered.
#[derive(Debug)]
pub(super) struct Head<'h, 'b> {
    pub(super) http: RequestHead<'h, 'b>,
    /// Its length in bytes: the body begins there.
    pub(super) len: usize,
    /// The request, without its body. Its method means nothing where `method` is `None`.
    pub(super) request: Request<'b>,
    pub(super) method: Option<Method>,
    pub(super) origin: Origin<'b>,
    /// What the `Authorization` header says, if there is one.
    pub(super) authorization: Option<&'b [u8]>,
    /// Whether the client wants to speak another protocol.
    pub(super) upgrade: bool,
}

impl<'h, 'b> Head<'h, 'b> {
    /// Reads a head from the front of `bytes`; `None` when it is not whole.
    pub(super) fn read(
        bytes: &'b [u8],
        fields: &'h mut [MaybeUninit<Header<'b>>],
        limits: &Limits,
    ) -> Result<Option<Self>, HeadError> {
        // A body that is too long is refused where the rest of the head is known.
        let parsed = RequestHead::parse(bytes, fields, limits.max_header, u64::MAX);
        let Parsed::Complete(http, len) = parsed.map_err(HeadError::Http)? else { return Ok(None) };
        if http.target.len() > MAX_TARGET {
            return Err(HeadError::Refused(Refusal::target_too_long()));
        }
        // CONNECT names an authority: nothing to look up here.
        let target = if http.method == "CONNECT" { Some(&b"/"[..]) } else { origin_form(http.target.as_bytes()) };
        let target = target.ok_or_else(|| bad(NOT_HTTP))?;
        let (path, query) = split_target(target);
        // Only one that names an authority can be without.
        let path = if path.is_empty() { b"/" } else { path };
        if let Some(byte) = no_target(path, query.raw()) {
            let line = match char::from(byte) {
                char if char.is_ascii_graphic() => format!("a {char} in a target is written %{byte:02X}"),
                _ => NOT_HTTP.to_owned(),
            };
            return Err(bad(&line));
        }
        let method = Method::named(http.method.as_bytes());
        let request = Request { method: method.unwrap_or_default(), path, query, ..Request::new(b"") };
        let origin = Origin::default();
        let mut head = Self { http, len, request, method, origin, authorization: None, upgrade: false };
        let hosts = head.look_at_fields();
        if hosts > 1 || hosts == 0 && head.http.minor >= 1 {
            return Err(bad("a request has one Host"));
        }
        Ok(Some(head))
    }

    /// Takes what is to be known out of the fields, and returns how many are called Host.
    fn look_at_fields(&mut self) -> usize {
        let (mut hosts, mut seen) = (0_usize, [false; 4]);
        for field in self.http.fields {
            // By their lengths first, as few requests have any of them.
            let is = |name: &str| field.name.eq_ignore_ascii_case(name);
            let value = field.value.trim_ascii();
            let mut first = |which: usize| seen.get_mut(which).is_some_and(|seen| !std::mem::replace(seen, true));
            match field.name.len() {
                4 if is("host") => {
                    hosts = hosts.saturating_add(1);
                    self.origin.host = value;
                }
                6 if is("accept") && first(0) => self.request.accept = value,
                6 if is("origin") => self.origin.origin = self.origin.origin.or(Some(value)),
                7 if is("upgrade") => self.upgrade = true,
                7 if is("referer") => self.origin.referer = self.origin.referer.or(Some(value)),
                10 if is("message-id") && first(1) => self.request.message_id = value,
                12 if is("content-type") && first(2) => self.request.content_type = value,
                13 if is("authorization") => self.authorization = self.authorization.or(Some(value)),
                13 if is("last-event-id") && first(3) => self.request.last_event_id = value,
                14 if is("sec-fetch-site") => self.origin.site = self.origin.site.or(Some(value)),
                _ => {}
            }
        }
        hosts
    }

    /// What this request may not do, whoever answers it: ask under a foreign name, or change something for a page of
    /// another origin. `local` is the address that the client has come to, and `changes` says whether it does.
    pub(super) fn refuse_foreign(
        &self,
        pages: &Pages,
        local: Option<IpAddr>,
        changes: impl FnOnce() -> bool,
    ) -> Result<(), Refusal> {
        let host = self.origin.host;
        if Pages::names_matter(local) && !host.is_empty() && !pages.is_own_name(host, local) {
            let host = host.escape_ascii();
            let line = format!("this server is not called {host}: --allow-host lets a name in");
            return Err(Refusal::new(StatusCode::FORBIDDEN, line));
        }
        if self.origin.is_other_page() && !self.is_allowed(pages) && (self.upgrade || changes()) {
            let whose = match self.origin.page() {
                Some(page) => page.escape_ascii().to_string(),
                None => "another origin".to_owned(),
            };
            let line = format!("a page of {whose} may not do this: --cors-origin lets an origin in");
            return Err(Refusal::new(StatusCode::FORBIDDEN, line));
        }
        Ok(())
    }

    fn is_allowed(&self, pages: &Pages) -> bool {
        match self.origin.page() {
            Some(origin) => pages.allowed(origin).is_some(),
            None => pages.allows_all(),
        }
    }
}

/// Why a head is not answered.
#[derive(Debug)]
pub(super) enum HeadError {
    Http(HttpError),
    Refused(Refusal),
}

const NOT_HTTP: &str = "this is not an HTTP/1.1 request";

fn bad(line: &str) -> HeadError {
    HeadError::Refused(Refusal::bad(line))
}

/// Path, if there is one, and query of a target. What it may name beside them is not looked at: only proxies write it, and what a browser
/// believes to talk to is in its Host.
fn origin_form(target: &[u8]) -> Option<&[u8]> {
    if target.starts_with(b"/") || target == b"*" {
        return Some(target);
    }
    let colon = target.iter().position(|byte| *byte == b':')?;
    let (scheme, rest) = target.split_at_checked(colon)?;
    if !scheme.eq_ignore_ascii_case(b"http") && !scheme.eq_ignore_ascii_case(b"https") {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    (!authority.is_empty()).then_some(target)
}

/// The first byte that a path or a query may not have (RFC 3986), and that browsers don't leave as it is.
fn no_target(path: &[u8], query: &[u8]) -> Option<u8> {
    let in_path = path.iter().find(|byte| !MAY_BE[usize::from(**byte)].0);
    in_path.or_else(|| query.iter().find(|byte| !MAY_BE[usize::from(**byte)].1)).copied()
}

/// Whether a byte may be in a path, and in a query.
static MAY_BE: [(bool, bool); 256] = {
    let mut may_be = [(false, false); 256];
    let mut byte = 0;
    while byte < may_be.len() {
        may_be[byte] = (
            matches!(byte, 0x21 | 0x22 | 0x24..=0x3B | 0x3D | 0x40..=0x5F | 0x61..=0x7E | 0x80..),
            matches!(byte, 0x21 | 0x24..=0x3B | 0x3D | 0x3F..=0x7E | 0x80..),
        );
        byte += 1;
    }
    may_be
};

#[cfg(test)]
mod tests {
    use super::*;
    use streamgauge_core::wire::http::FIELD_ROOM;

    fn read(head: &str) -> Result<(String, String), String> {
        let mut fields = [FIELD_ROOM; 8];
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match Head::read(head.as_bytes(), &mut fields, &Limits::default()) {
            Ok(Some(head)) => Ok((text(head.request.path), text(head.origin.host))),
            Ok(None) => Err("partial".to_owned()),
            Err(HeadError::Refused(refusal)) => Err(refusal.status.to_string()),
            Err(HeadError::Http(error)) => Err(error.to_string()),
        }
    }

    #[test]
    fn a_request_has_one_host() {
        let fine = |path: &str, host: &str| Ok((path.to_owned(), host.to_owned()));
        assert_eq!(read("GET /a?b HTTP/1.1\r\nHOST:  x \r\n\r\n"), fine("/a", "x"));
        assert_eq!(read("GET / HTTP/1.1\r\nhost:\r\n\r\n"), fine("/", ""), "one that is empty");
        assert_eq!(read("GET / HTTP/1.0\r\n\r\n"), fine("/", ""));
        assert_eq!(read("GET http://y:1?b HTTP/1.1\r\nhost: x\r\n\r\n"), fine("/", "x"));
        assert_eq!(read("GET http://?b HTTP/1.1\r\nhost: x\r\n\r\n"), Err("400 Bad Request".into()));
        assert_eq!(read("GET http://y:1/a?b HTTP/1.1\r\nhost: x\r\n\r\n"), fine("/a", "x"));
        assert_eq!(read("GET http://y HTTP/1.1\r\nhost: x\r\n\r\n"), fine("/", "x"));
        for wrong in ["", "host: a\r\nhost: a\r\n", "host: a\r\nHost: b\r\n"] {
            assert_eq!(read(&format!("GET / HTTP/1.1\r\n{wrong}\r\n")), Err("400 Bad Request".into()), "{wrong:?}");
        }
        assert_eq!(read("GET / HTTP/1.0\r\nhost: a\r\nhost: a\r\n\r\n"), Err("400 Bad Request".into()));
    }

    #[test]
    fn a_target_has_the_bytes_that_the_library_for_it_lets_through() {
        for byte in (0x21..=0x7e).filter(|byte| *byte != b'#') {
            let byte = char::from(byte);
            for target in [format!("/a{byte}b"), format!("/a?b{byte}c")] {
                let known = target.parse::<http::uri::PathAndQuery>().is_ok();
                let here = read(&format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n")).is_ok();
                assert!(known || !here, "{target} is refused by the library");
                assert!(here || !known, "{target} is refused here");
            }
        }
        assert!(read("GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n").is_err(), "a fragment is never sent");
        assert!(read("GET a HTTP/1.1\r\nhost: x\r\n\r\n").is_err());
        assert!(read("GET foo:bar HTTP/1.1\r\nhost: x\r\n\r\n").is_err());
        assert!(read("CONNECT foo:80 HTTP/1.1\r\nhost: foo:80\r\n\r\n").is_ok());
        assert!(read("GET \u{e9} HTTP/1.1\r\nhost: x\r\n\r\n").is_err());
    }

    #[test]
    fn the_first_of_a_field_counts() {
        let head = b"GET / HTTP/1.1\r\nhost: x\r\naccept: a\r\nAccept: b\r\nmessage-id: \r\nMessage-Id: c\r\n\r\n";
        let mut fields = [FIELD_ROOM; 8];
        let head = Head::read(head, &mut fields, &Limits::default()).unwrap().unwrap();
        assert_eq!((head.request.accept, head.request.message_id), (&b"a"[..], &b""[..]));
    }
}
