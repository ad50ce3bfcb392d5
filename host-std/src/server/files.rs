//! Static files from one folder, beside the endpoints.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use streamgauge_core::endpoints::{Method, Request};
use tokio::task::spawn_blocking;

use super::descriptors::is_shortage;
use super::{Answer, Body, Context, NextPiece, PIECE, Refusal};

/// A folder whose files anyone may read. Whatever waits for the disk does so on another thread.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    folder: PathBuf,
}

/// A file that was found.
struct Found {
    file: File,
    len: u64,
    tag: HeaderValue,
    content_type: &'static str,
}

impl Files {
    /// The files of `folder`.
    ///
    /// # Errors
    /// When there is no such folder.
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        if !folder.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { folder })
    }

    /// Answers a request for a file, if there is one of that name; the folder stands for its `index.html`.
    ///
    /// A client that names the version it has is told when that is still the one.
    pub(crate) async fn answer(&self, request: &Request<'_>, context: &Context<'_>) -> Option<Answer> {
        if !matches!(request.method, Method::Get | Method::Head) {
            return None;
        }
        let path = std::str::from_utf8(request.path).ok()?.to_owned();
        let files = self.clone();
        let Found { file, len, tag, content_type } = match spawn_blocking(move || files.open(&path)).await.ok()? {
            Ok(found) => found,
            // It may well be there.
            Err(error) if is_shortage(&error) => return Some(Refusal::no_descriptor().answer(request)),
            Err(_) => return None,
        };
        let known = context.fields("if-none-match").any(|known| names(known, tag.as_bytes()));
        let mut response = if known || request.method == Method::Head {
            Response::new(Body::EMPTY)
        } else {
            Response::new(pieces(file, len))
        };
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let headers = response.headers_mut();
        if !known {
            headers.insert(header::CONTENT_LENGTH, len.into());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        // By this a page knows that the endpoints are beside it.
        headers.insert(header::SERVER, HeaderValue::from_static("streamgauge"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::ETAG, tag);
        Some(Answer::Response(response))
    }

    fn open(&self, path: &str) -> io::Result<Found> {
        let path = self.find(path).ok_or(io::ErrorKind::NotFound)?;
        let file = open(&path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let changed = metadata.modified()?.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
        let tag = format!("\"{:x}-{:x}\"", changed.as_nanos(), metadata.len());
        let tag = HeaderValue::from_str(&tag).map_err(io::Error::other)?;
        Ok(Found { file, len: metadata.len(), tag, content_type: content_type(&path) })
    }

    /// Where the file is; `None` for what is, or leads, outside of the folder, and for what is hidden: names that
    /// begin with a dot (`.git`, `.env`). Names with percent-coding aren't found: a built page has none.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let name = Path::new(path.trim_start_matches('/'));
        let is_shown = |part| matches!(part, Component::Normal(name) if !name.as_encoded_bytes().starts_with(b"."));
        if path.contains(['%', '\\', '\0']) || !name.components().all(is_shown) {
            return None;
        }
        let mut path = self.folder.join(name);
        if path.is_dir() {
            path.push("index.html");
        }
        let path = path.canonicalize().ok()?;
        // A link may lead to what is hidden.
        path.strip_prefix(&self.folder).is_ok_and(|name| name.components().all(is_shown)).then_some(path)
    }
}

/// Whether the versions that a client has are any, or this one among others. A weak tag is as good: only the name of a
/// version is compared (RFC 9110, section 13.1.2).
fn names(known: &[u8], tag: &[u8]) -> bool {
    let mut each = known.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    known == b"*" || each.any(|known| known.strip_prefix(b"W/").unwrap_or(known) == tag)
}

/// Opens a file without waiting for anybody: a pipe that nobody writes to would stop the server.
fn open(path: &Path) -> io::Result<File> {
    let nonblocking = nix::fcntl::OFlag::O_NONBLOCK.bits();
    File::options().read(true).custom_flags(nonblocking).open(path)
}

/// The file, a piece at a time. One that has become shorter ends the connection.
fn pieces(file: File, len: u64) -> Body {
    let (file, mut at) = (Arc::new(file), 0_u64);
    let next = move || -> NextPiece {
        let (file, from) = (Arc::clone(&file), at);
        at = len.min(from.saturating_add(PIECE as u64));
        let size = usize::try_from(at.saturating_sub(from)).unwrap_or(PIECE);
        let read = move || {
            let mut piece = vec![0; size];
            file.read_exact_at(&mut piece, from)?;
            Ok(Some(Bytes::from(piece)))
        };
        Box::pin(async move { if size > 0 { spawn_blocking(read).await? } else { Ok(None) } })
    };
    Body::Pieces { longest: PIECE, next: Box::new(next) }
}

fn content_type(path: &Path) -> &'static str {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamgauge_core::wire::http::Header;

    async fn ask(files: &Files, method: &str, path: &str, tag: Option<&HeaderValue>) -> Option<Response<Body>> {
        let tag = tag.map(|tag| Header { name: "If-None-Match", value: tag.as_bytes() });
        let context = Context::new(([127, 0, 0, 1], 1).into(), 1, tag.as_slice());
        let request = Request { method: Method::named(method.as_bytes()).unwrap(), ..Request::new(path.as_bytes()) };
        match files.answer(&request, &context).await? {
            Answer::Response(response) => Some(response),
            _ => None,
        }
    }

    #[tokio::test]
    async fn what_is_inside_is_served_and_nothing_else() {
        let outside = tempfile::tempdir().unwrap();
        let outside = outside.path();
        let folder = outside.join("www");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(outside.join("secret"), "no").unwrap();
        std::fs::write(folder.join("index.html"), "yes").unwrap();
        std::fs::write(folder.join("large.wasm"), vec![7; 200_000]).unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), folder.join("link")).unwrap();
        std::fs::write(folder.join(".env"), "no").unwrap();
        std::fs::create_dir(folder.join(".git")).unwrap();
        std::fs::write(folder.join(".git/config"), "no").unwrap();
        std::os::unix::fs::symlink(folder.join(".env"), folder.join("env")).unwrap();
        nix::unistd::mkfifo(&folder.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let files = Files::new(&folder).unwrap();

        let index = ask(&files, "GET", "/", None).await.unwrap();
        assert_eq!(index.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(index.headers()[header::SERVER], "streamgauge");
        let tag = index.headers()[header::ETAG].clone();
        assert_eq!(ask(&files, "GET", "/", Some(&tag)).await.unwrap().status(), StatusCode::NOT_MODIFIED);
        let own = tag.to_str().unwrap();
        for (known, status) in [
            (format!("W/{own}"), StatusCode::NOT_MODIFIED),
            (format!("\"other\" , {own}"), StatusCode::NOT_MODIFIED),
            (format!("W/\"other\",W/{own}"), StatusCode::NOT_MODIFIED),
            ("*".to_owned(), StatusCode::NOT_MODIFIED),
            ("\"other\", W/\"another\"".to_owned(), StatusCode::OK),
            (own.trim_matches('"').to_owned(), StatusCode::OK),
            ("\"*\"".to_owned(), StatusCode::OK),
        ] {
            let known = HeaderValue::try_from(known).unwrap();
            assert_eq!(ask(&files, "GET", "/", Some(&known)).await.unwrap().status(), status, "{known:?}");
        }
        let large = ask(&files, "GET", "/large.wasm", Some(&tag)).await.unwrap();
        assert_eq!((large.status(), &large.headers()[header::CONTENT_LENGTH]), (StatusCode::OK, &200_000.into()));
        assert_eq!(large.headers()[header::CONTENT_TYPE], "application/wasm");
        let Body::Pieces { mut next, longest: PIECE } = large.into_body() else { panic!("a file comes in pieces") };
        let mut sizes = Vec::new();
        while let Some(piece) = next().await.unwrap() {
            assert!(piece.iter().all(|byte| *byte == 7));
            sizes.push(piece.len());
        }
        assert_eq!(sizes.iter().sum::<usize>(), 200_000);
        assert!(sizes.iter().all(|size| *size <= PIECE));
        let head = ask(&files, "HEAD", "/", None).await.unwrap();
        assert!(matches!(head.into_body(), Body::Whole(body) if body.is_empty()));

        let outside_of_it =
            ["/../secret", "/x/../../secret", "/%2e%2e/secret", "/link", "/none", "//../secret", "/./../secret"];
        let hidden = ["/.env", "/.git/config", "/.git", "/env"];
        for path in outside_of_it.into_iter().chain(hidden).chain(["/pipe"]) {
            assert!(ask(&files, "GET", path, None).await.is_none(), "{path}");
        }
        assert!(ask(&files, "POST", "/", None).await.is_none());
    }
}
