use super::{Error, Limits, Url, request};

/// Publishes `messages`, one a line, on the pubsub at `pubsub`, and returns what it answers. Its query goes with it, as in
/// `http://localhost:8080/?topic=clicks`.
///
/// # Errors
/// Those of [`request`], and [`Error::Status`] for any status but 200.
pub async fn pubsub_write(pubsub: &Url, messages: &[u8]) -> Result<Vec<u8>, Error> {
    post(pubsub, "/pub", messages).await
}

/// Puts `item` on the queue at `queue`. Its query goes with it, as in `http://localhost:8081/?queue=jobs`.
///
/// # Errors
/// Those of [`request`], and [`Error::Status`] for any status but 200.
pub async fn simplequeue_write(queue: &Url, item: &[u8]) -> Result<(), Error> {
    post(queue, "/put", item).await.map(drop)
}

async fn post(server: &Url, path: &str, body: &[u8]) -> Result<Vec<u8>, Error> {
    let answer = request("POST", &server.behind(path), &[], Some(body), &Limits::default()).await?;
    match answer.status().as_u16() {
        200 => Ok(answer.into_body()),
        status => Err(Error::Status(status)),
    }
}
