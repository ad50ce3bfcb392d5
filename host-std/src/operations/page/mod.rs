//! The page that a browser shows at `/`: its files, as they are in the binary.
//!
//! They are what they look like: HTML, a style sheet and ES modules, with no step between what is written and what is
//! served, and nothing that another site would have to send. All that the page knows it asks this server for, as `curl`
//! would.

use bytes::Bytes;
use http::{HeaderValue, Response, header};

use crate::server::Body;

/// A file of the page.
#[derive(Debug)]
pub(crate) struct File {
    path: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
}

/// The path of the page itself, wherever `/` leads.
const PAGE: &str = "/dashboard";

macro_rules! files {
    ($($name:literal as $content_type:expr),* $(,)?) => {
        &[$(File {
            path: concat!("/dashboard/", $name),
            content_type: $content_type,
            bytes: include_bytes!($name),
        }),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static FILES: &[File] = files![
    "index.html" as HTML,
    "icon.svg" as "image/svg+xml",
    "colours.css" as STYLE,
    "style.css" as STYLE,
    "dom.js" as SCRIPT,
    "format.js" as SCRIPT,
    "gauges.js" as SCRIPT,
    "home.js" as SCRIPT,
    "main.js" as SCRIPT,
    "queue.js" as SCRIPT,
    "refusals.js" as SCRIPT,
    "series.js" as SCRIPT,
    "server.js" as SCRIPT,
    "settings.js" as SCRIPT,
    "tail.js" as SCRIPT,
    "theme.js" as SCRIPT,
    "token.js" as SCRIPT,
    "topic.js" as SCRIPT,
    "watched.js" as SCRIPT,
];

/// Only what comes from here is loaded, run or asked, and no other page shows it in a frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

impl File {
    /// The file at a path; `/` is the page.
    pub(super) fn at(path: &[u8]) -> Option<&'static Self> {
        if path == b"/" || path == PAGE.as_bytes() {
            return FILES.first();
        }
        FILES.iter().find(|file| file.path.as_bytes() == path)
    }

    /// All of them, with each path.
    pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static Self)> {
        let page = FILES.first().map(|page| [("/", page), (PAGE, page)]);
        page.into_iter().flatten().chain(FILES.iter().map(|file| (file.path, file)))
    }

    /// It, as an answer. It is looked at again each time: the next version of the server has another one.
    pub(crate) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::Whole(Bytes::from_static(self.bytes)));
        let headers = response.headers_mut();
        for (name, value) in [
            (header::CONTENT_TYPE, self.content_type),
            (header::CACHE_CONTROL, "no-cache"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "no-referrer"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_asks_no_other_site() {
        let bytes: usize = FILES.iter().map(|file| file.bytes.len()).sum();
        assert!(bytes <= 80 << 10, "{bytes} bytes");
        for file in FILES {
            let text = std::str::from_utf8(file.bytes).unwrap();
            // The name of a kind of picture is no address that anybody asks.
            let others =
                text.match_indices("://").filter(|(at, _)| !text[*at..].starts_with("://www.w3.org/2000/svg\""));
            assert_eq!(others.count(), 0, "{}", file.path);
        }
    }

    #[test]
    fn every_file_that_a_file_names_is_there() {
        for file in FILES {
            let text = std::str::from_utf8(file.bytes).unwrap();
            let named = text.split('"').filter_map(|part| part.strip_prefix("./"));
            let linked = text.split('"').filter_map(|part| part.strip_prefix("/dashboard/"));
            for name in named.chain(linked) {
                assert!(File::at(format!("/dashboard/{name}").as_bytes()).is_some(), "{} names {name}", file.path);
            }
        }
        assert!(File::at(b"/").is_some() && File::at(b"/dashboard").is_some() && File::at(b"/dashboard/").is_none());
    }
}
