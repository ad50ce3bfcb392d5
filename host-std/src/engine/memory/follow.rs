//! What keeps a shard up to date with a log that others write too.

use std::sync::Arc;

#[cfg(feature = "nats")]
use streamgauge_core::time::Time;

#[cfg(feature = "nats")]
use super::{Budget, rooms::Counts};
use super::{Rooms, Settings, Shard};
use crate::engine::remote;

/// What follows the log of others, until it can't.
pub(crate) type Follow = std::pin::Pin<Box<dyn Future<Output = remote::Stop> + Send>>;

#[cfg(feature = "nats")]
pub(super) fn follow(
    shard: &Arc<Shard>,
    order: &Arc<remote::Order>,
    remote: &remote::Settings,
    (group, own): (remote::Group, u64),
    rooms: impl Fn() -> Rooms + Send + Sync + 'static,
    settings: &Settings,
) -> Result<Follow, String> {
    // Of a budget of its own: nobody has anything yet.
    let rooms_then = Rooms::new(Budget::new(own), None, Counts::new(settings.max_names), (0, 1));
    let mut then = settings.begin(rooms_then, true, Time::ZERO).map_err(|refusal| refusal.to_string())?;
    let beginning = remote::save(&mut then, &remote::Replica::default(), group);
    let (shard, order) = (Arc::clone(shard), Arc::clone(order));
    let following =
        remote::nats::Following::new(shard, order, remote.clone(), (group, settings.defaults), rooms, beginning);
    Ok(Box::pin(async move { following.follow().await }))
}

#[cfg(not(feature = "nats"))]
pub(super) fn follow(
    _: &Arc<Shard>,
    _: &Arc<remote::Order>,
    _: &remote::Settings,
    _: (remote::Group, u64),
    _: impl Fn() -> Rooms + Send + Sync + 'static,
    _: &Settings,
) -> Result<Follow, String> {
    Err("this program was built without it: cargo build --release --features nats".to_owned())
}
