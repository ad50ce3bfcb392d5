//! Topics and queues of the measurements' own, which are removed when all have been made.

use parking_lot::Mutex;

use super::Options;
use super::pipe::Pipe;
use crate::client::{Error, Url, write};
use crate::terminal::exit::Failure;

/// What there is to be removed: lists of addresses at one server each.
#[derive(Debug, Default)]
pub(super) struct Names {
    made: Mutex<Vec<Vec<Url>>>,
}

/// Requests in flight.
const WINDOW: usize = 64;

impl Names {
    /// A name that nobody else has.
    pub(super) fn of(label: &str) -> String {
        format!("bench-{}-{label}", std::process::id())
    }

    /// Makes a topic.
    pub(super) async fn topic(&self, options: &Options, label: &str, settings: &str) -> Result<String, Failure> {
        let name = Self::of(label);
        self.make(vec![options.pubsub.join(&format!("/topics/{name}"))], settings).await?;
        Ok(name)
    }

    /// Makes a queue.
    pub(super) async fn queue(&self, options: &Options, label: &str, settings: &str) -> Result<String, Failure> {
        let name = Self::of(label);
        self.make(vec![options.queue.join(&format!("/queues/{name}"))], settings).await?;
        Ok(name)
    }

    /// Makes all of these, which are at one server.
    pub(super) async fn make(&self, resources: Vec<Url>, settings: &str) -> Result<(), Failure> {
        // Before the first is made: whoever is interrupted between the two leaves nothing.
        self.made.lock().push(resources.clone());
        match send_all("PUT", &resources, Some(settings.as_bytes())).await? {
            Some((url, status)) => Err(Failure::Refused(format!("{url} answered {status} to PUT {settings}"))),
            None => Ok(()),
        }
    }

    /// Removes all that were made.
    pub(super) async fn remove(&self) -> Result<(), Failure> {
        let made = std::mem::take(&mut *self.made.lock());
        for resources in made {
            // One that was not made after all is not there, and that is as well.
            send_all("DELETE", &resources, None).await?;
        }
        Ok(())
    }
}

/// Sends a request to each, and returns the first that was refused.
async fn send_all(method: &str, to: &[Url], body: Option<&[u8]>) -> Result<Option<(Url, u16)>, Failure> {
    let Some(server) = to.first() else { return Ok(None) };
    let failed = |error: &Error| Failure::of(server, error);
    let mut pipe = Pipe::open(server).await.map_err(|error| failed(&error))?;
    let (mut left, mut answered, mut refused) = (to.iter(), to.iter(), None);
    let next = |out: &mut Vec<u8>, _| left.next().is_some_and(|url| write(out, method, url, &[], body).is_some());
    let done = |answer: &super::pipe::Answer| {
        let url = answered.next();
        if answer.status >= 300 && refused.is_none() {
            refused = url.map(|url| (url.clone(), answer.status));
        }
    };
    pipe.run(WINDOW, next, done).await.map_err(|error| failed(&error))?;
    Ok(refused)
}
