//! Where generated messages go.

use std::io::{self, Write as _};

use crate::client::{Connection, Limits, Url};

/// One of the places.
#[derive(Debug)]
pub(super) enum Target {
    Stdout,
    Server { connection: Box<Connection>, url: Url },
}

impl Target {
    pub(super) fn pubsub(url: &Url) -> Self {
        Self::server(url.join("/pub"))
    }

    pub(super) fn queue(url: &Url) -> Self {
        Self::server(url.join("/mput"))
    }

    fn server(url: Url) -> Self {
        Self::Server { connection: Box::new(Connection::new(Limits::default())), url }
    }

    /// Sends lines. False if nobody wants any more.
    pub(super) async fn send(&mut self, lines: &[u8]) -> Result<bool, String> {
        match self {
            Self::Stdout => {
                let mut out = io::stdout().lock();
                match out.write_all(lines).and_then(|()| out.flush()) {
                    Ok(()) => Ok(true),
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
                    Err(error) => Err(format!("stdout: {error}")),
                }
            }
            Self::Server { connection, url } => {
                let lines = lines.strip_suffix(b"\n").unwrap_or(lines);
                match connection.call("POST", url, Some(lines)).await {
                    Ok(answer) if answer.status().is_success() => Ok(true),
                    Ok(answer) => Err(format!(
                        "{url} answered {}: {}",
                        answer.status(),
                        String::from_utf8_lossy(answer.body()).trim_end()
                    )),
                    Err(error) => Err(format!("{url}: {error}")),
                }
            }
        }
    }
}
