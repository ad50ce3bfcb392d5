use super::destination::Destination;
use super::session::{End, Session};
use super::shared::Shared;
use crate::client::{Backoff, Error, Limits};
use core::time::Duration;
use std::sync::Arc;
use tokio::time::{Instant, sleep};

/// Brings the messages to one destination, one connection after another, forever.
pub(super) struct Courier {
    pub(super) shared: Arc<Shared>,
    pub(super) lane: usize,
    pub(super) destination: Destination,
    pub(super) limits: Limits,
    /// Requests in flight at most.
    pub(super) depth: usize,
}

impl Courier {
    /// After a 5xx, a timeout or the like so many messages go one at a time: with several in flight, those
    /// behind the one that failed may have been taken, and come a second time.
    const CAREFUL: u64 = 64;
    /// For so long a destination that closes each connection is not asked again whether it takes
    /// several requests at once.
    const REMEMBER: Duration = Duration::from_secs(10);

    pub(super) async fn run(self) {
        let mut backoff = Backoff::default();
        let mut careful = 0;
        let mut one_at_a_time: Option<Instant> = None;
        let mut down = false;
        loop {
            // One that is down is tried without anything to send too: in turns it gets nothing
            // until it is back.
            if !down {
                self.shared.work(self.lane).await;
            }
            let known = one_at_a_time.is_some_and(|since| since.elapsed() < Self::REMEMBER);
            let mut session = Session {
                shared: &self.shared,
                lane: self.lane,
                destination: &self.destination,
                limits: self.limits,
                depth: if known { 1 } else { self.depth },
                careful,
                settled: 0,
            };
            let end = session.run().await;
            let settled = session.settled;
            careful = careful.saturating_sub(settled);
            if settled > 0 {
                backoff.reset();
            }
            self.shared.lose(self.lane);
            let url = self.destination.url();
            let wait = match end {
                End::Closed => {
                    if settled == 1 && !known {
                        one_at_a_time = Some(Instant::now());
                    }
                    down = false;
                    continue;
                }
                // A connection that was good before may just have been idle for too long.
                End::Lost(error) if settled > 0 && !matches!(error, Error::TimedOut) => {
                    tracing::debug!(destination = %url, %error, "connection lost");
                    down = false;
                    continue;
                }
                End::Lost(error) => {
                    if let Error::TimedOut = error {
                        careful = Self::CAREFUL;
                    }
                    let wait = backoff.next();
                    tracing::warn!(destination = %url, %error, ?wait, "not delivered, to be sent again");
                    wait
                }
                End::NotNow(status, asked) => {
                    careful = Self::CAREFUL;
                    let wait = backoff.next().max(asked.unwrap_or_default());
                    tracing::warn!(destination = %url, status, ?wait, "not delivered, to be sent again");
                    wait
                }
            };
            down = true;
            self.shared.set_up(self.lane, false);
            sleep(wait).await;
        }
    }
}
