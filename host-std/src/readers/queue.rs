//! One queue, as a reader asks it.

use crate::client::{Connection, Error, Limits, Url};
use bytes::Bytes;

/// A connection to a simplequeue.
pub(super) struct Queue {
    connection: Connection,
    get: Url,
    put: Url,
    stats: Url,
    separator: Option<u8>,
}

/// It can't be in JSON, so it separates items whatever they are (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

impl Queue {
    /// `batch` is the number of items to get at once; 0 asks for one in the plain way.
    pub(super) fn new(url: &Url, batch: usize, limits: Limits) -> Self {
        let get = if batch == 0 { "/get".to_owned() } else { format!("/mget?items={batch}&separator=%1E") };
        Self {
            get: url.join(&get),
            put: url.join("/put"),
            stats: url.join("/stats?format=json"),
            separator: (batch > 0).then_some(RECORD_SEPARATOR),
            connection: Connection::new(limits),
        }
    }

    /// The next items; none from an empty queue.
    pub(super) async fn get(&mut self) -> Result<Vec<Bytes>, Error> {
        let answer = Bytes::from(self.call(Call::Get, None).await?);
        let items = match self.separator {
            None => vec![answer],
            Some(separator) => answer.split(|byte| *byte == separator).map(|item| answer.slice_ref(item)).collect(),
        };
        Ok(items.into_iter().filter(|item| !item.is_empty()).collect())
    }

    /// Puts an item behind all others.
    pub(super) async fn put(&mut self, item: &[u8]) -> Result<(), Error> {
        self.call(Call::Put, Some(item)).await.map(drop)
    }

    /// How many items there are; `None` if it doesn't say.
    pub(super) async fn depth(&mut self) -> Result<Option<u64>, Error> {
        let answer = match self.call(Call::Stats, None).await {
            Err(Error::Status(_)) => return Ok(None),
            answer => answer?,
        };
        let stats: Option<serde_json::Value> = serde_json::from_slice(&answer).ok();
        Ok(stats.and_then(|stats| stats.get("depth")?.as_u64()))
    }

    async fn call(&mut self, call: Call, body: Option<&[u8]>) -> Result<Vec<u8>, Error> {
        let (method, url) = match call {
            Call::Get => ("GET", &self.get),
            Call::Put => ("POST", &self.put),
            Call::Stats => ("GET", &self.stats),
        };
        let answer = match self.connection.call(method, url, body).await {
            // A connection may end just when it is used again. At worst an item is put twice, which is better than
            // not at all.
            Err(Error::Closed | Error::Io(_)) => self.connection.call(method, url, body).await?,
            answer => answer?,
        };
        match answer.status().as_u16() {
            200 => Ok(answer.into_body()),
            status => Err(Error::Status(status)),
        }
    }
}

enum Call {
    Get,
    Put,
    Stats,
}
