//! What goes on beside requests where something is kept: groups that gather, checkpoints, and the end.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::shard::Shard;
use crate::engine::disk::{Failed, Keeper};

/// How often it is looked whether there should be another checkpoint.
const CHECK: std::time::Duration = std::time::Duration::from_secs(1);

impl Shard {
    /// Starts what writes to the disk, if anything does, and what reads there for the overflow log. Until then nothing
    /// becomes safe.
    ///
    /// # Errors
    /// The operating system has no threads for it.
    pub(crate) fn start(&self) -> std::io::Result<()> {
        let Some(keeper) = self.keeper() else { return Ok(()) };
        if let Some(log) = self.overflow() {
            let shelf = Arc::clone(keeper.shelf());
            log.read_with(move |away, into| shelf.fetch(away, into).map_err(|error| error.to_string()))?;
        }
        keeper.journal().start()
    }

    /// Lets what is executed gather until it is written, for ever.
    pub(crate) async fn gather(&self) {
        match self.keeper() {
            Some(keeper) => keeper.journal().gather().await,
            None => std::future::pending().await,
        }
    }

    /// Makes checkpoints whenever much was added to the log, for ever.
    pub(crate) async fn keep_checkpoints(&self) {
        let Some(keeper) = self.keeper() else { return std::future::pending().await };
        loop {
            tokio::select! {
                () = tokio::time::sleep(CHECK) => {}
                () = keeper.journal().turned() => {}
            }
            if !keeper.is_checkpoint_due() {
                continue;
            }
            match self.checkpoint(keeper).await {
                Ok(sparse) => {
                    let moved = self.move_out_of(keeper, &sparse).await;
                    if let Err(full) = moved.and(self.tell_again(keeper, &sparse).await) {
                        tracing::debug!(why = %full, "what stays long stays where it is, as there is no room beside");
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "no checkpoint could be made, and the log becomes longer");
                    // What did not fit may do so when more was taken; each try copies the state.
                    tokio::time::sleep(3 * CHECK).await;
                }
            }
        }
    }

    /// Waits until nothing can be kept any more; for ever, where nothing is.
    pub(crate) async fn failed(&self) -> String {
        match self.keeper() {
            Some(keeper) => keeper.journal().failed().await.0,
            None => std::future::pending().await,
        }
    }

    /// Ends: nothing is executed any more, and what was is in a checkpoint.
    pub(crate) async fn finish(&self) {
        let Some(keeper) = self.keeper() else { return };
        if let Err(error) = self.checkpoint(keeper).await {
            tracing::warn!(%error, "no checkpoint could be made at the end: the next start reads the log");
        }
        let keeper = Arc::clone(keeper);
        let _ = tokio::task::spawn_blocking(move || keeper.journal().close()).await;
    }

    /// Makes a checkpoint, and returns the segments before it that are needed for little.
    ///
    /// # Errors
    /// The disk is full, or doesn't work: the last one is there still.
    pub(crate) async fn checkpoint(&self, keeper: &Arc<Keeper>) -> std::io::Result<BTreeSet<u32>> {
        let now = self.clock().now();
        let saved = self.update(|state| keeper.saved(&state.memory, now));
        keeper.journal().safe(saved.from).await.map_err(|Failed(error)| std::io::Error::other(error))?;
        let keeper = Arc::clone(keeper);
        let written = tokio::task::spawn_blocking(move || keeper.checkpoint(saved)).await;
        written.unwrap_or_else(|error| Err(std::io::Error::other(error)))
    }
}
