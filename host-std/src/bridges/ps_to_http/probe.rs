use super::destination::Destination;
use crate::client::{Answers, Error, Limits, open};
use core::time::Duration;
use streamgauge_core::wire::http::Event;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Whether the destination answers two requests that are sent at once.
///
/// The original simplequeue does not: it answers the first, and the second only when more bytes
/// come. So nobody is trusted to before this was tried, on a connection of its own and with
/// requests that do nothing.
pub(super) async fn pipelines(destination: &Destination, limits: Limits) -> bool {
    const WITHIN: Duration = Duration::from_millis(500);
    matches!(timeout(WITHIN, both_answered(destination, limits)).await, Ok(Ok(true)))
}

async fn both_answered(destination: &Destination, limits: Limits) -> Result<bool, Error> {
    let mut stream = open(destination.url(), limits.connect).await?;
    let request = destination.harmless();
    stream.write_all(&[&request[..], &request].concat()).await.map_err(Error::io)?;
    stream.flush().await.map_err(Error::io)?;
    let mut answers = Answers::new();
    let mut left = 2;
    loop {
        while let Some(event) = answers.decode(true)? {
            match event {
                Event::Head(head) if left > 1 && !head.keep_alive => return Ok(false),
                Event::Complete if left == 1 => return Ok(true),
                Event::Complete => left -= 1,
                Event::Head(_) | Event::Body(_) => {}
            }
        }
        if answers.fill(&mut stream).await.map_err(Error::io)? == 0 {
            return Ok(false);
        }
    }
}
