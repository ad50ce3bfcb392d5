//! A server that runs, until its end; or until another process goes on in its place, which may not do so.

use std::sync::Arc;
use std::time::Duration;

use streamgauge_core::endpoints::Surface;
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::commands::config::reload::Reload;
use crate::gateway::{Gateway, Settings};
use crate::operations::service::{Predecessor, Upgrade, notify};
use crate::server::Limits;
use crate::server::tls::Tls;
use crate::terminal::{self, StartError};

/// How long another process may take to join the gateways with which it keeps everything, until it goes on all the same.
const JOINING: Duration = Duration::from_secs(20);

/// What a server runs with, each time that it begins.
pub(super) struct Running {
    settings: Settings,
    limits: Limits,
    upgrade: Arc<Upgrade>,
    reload: Arc<Reload>,
    /// Says true when a signal has asked for an end.
    wish: watch::Sender<bool>,
}

impl Running {
    pub(super) fn new(
        settings: Settings,
        limits: Limits,
        upgrade: Upgrade,
        reload: Reload,
        wish: watch::Sender<bool>,
    ) -> Self {
        Self { settings, limits, upgrade: Arc::new(upgrade), reload: Arc::new(reload), wish }
    }

    /// Serves a gateway until its end, which `stop` says. When the process that was to go on does not, begins again where
    /// it was.
    ///
    /// # Errors
    /// What is refused for good, or the operating system does not do.
    pub(super) fn run(
        &self,
        mut gateway: Arc<Gateway>,
        mut stop: watch::Sender<bool>,
        predecessor: Option<Predecessor>,
    ) -> Result<(), StartError> {
        let mut first = Some(predecessor);
        loop {
            terminal::runtime()?.block_on(self.serve(&gateway, &stop, first.take()))?;
            let Some(left) = gateway.take_back().map_err(StartError::new)? else { return Ok(()) };
            drop(gateway);
            stop = watch::Sender::new(false);
            gateway = Gateway::after(self.settings.clone(), stop.clone(), &left)?;
        }
    }

    /// Serves a gateway until it stops; the `first` one with what is declared, and what a process before this one has left.
    async fn serve(
        &self,
        gateway: &Arc<Gateway>,
        stop: &watch::Sender<bool>,
        first: Option<Option<Predecessor>>,
    ) -> Result<(), StartError> {
        let again = Arc::new(Notify::new());
        self.listen(gateway, stop, &again)?;
        let watching = tokio::spawn(notify::watch(gateway.threads().clone()));
        tokio::spawn(tell_end(Arc::clone(gateway), Arc::clone(&self.upgrade), stop.subscribe()));
        let first = async {
            if let Some(predecessor) = first {
                self.reload.first(gateway).await?;
                if let Some(predecessor) = predecessor {
                    // One that can't be of the group ends meanwhile, and the one before it goes on. What is away was so for
                    // that one too.
                    let _ = timeout(JOINING, gateway.joined()).await;
                    spawn_blocking(|| predecessor.succeed()).await.map_err(StartError::new)?;
                }
            }
            notify::ready();
            tokio::spawn(Arc::clone(&self.reload).run(Arc::downgrade(gateway), again));
            Ok(())
        };
        let open = |listener| TcpListener::from_std(listener).map_err(StartError::new);
        let [one, other] = self.upgrade.sockets().map_err(StartError::new)?;
        let doors = vec![(open(one)?, Surface::Everything), (open(other)?, Surface::EverythingQueueFirst)];
        let ended = Arc::clone(gateway).run_after(first, doors, self.limits.clone(), stop.subscribe()).await;
        watching.abort();
        ended
    }

    /// Does what signals ask for.
    fn listen(
        &self,
        gateway: &Arc<Gateway>,
        stop: &watch::Sender<bool>,
        again: &Arc<Notify>,
    ) -> Result<(), StartError> {
        let (heirs, ending) = (Arc::clone(gateway), stop.clone());
        self.upgrade.on_signal(move |heir| {
            heirs.leave_to(heir);
            ending.send_replace(true);
        })?;
        let (hangup, tls, rights) = (Arc::clone(gateway), self.limits.tls.clone(), self.settings.rights.clone());
        let again = Arc::clone(again);
        terminal::listen_to_signals(self.wish.clone(), move || {
            notify::reloading();
            hangup.reopen_overflow_log();
            tls.iter().for_each(Tls::reload);
            rights.iter().for_each(|rights| rights.reload_keys());
            again.notify_one();
        })?;
        let (mut wish, stop) = (self.wish.subscribe(), stop.clone());
        tokio::spawn(async move {
            // One that comes while another process is to go on ends that.
            if wish.wait_for(|wish| *wish).await.is_ok() {
                stop.send_replace(true);
            }
        });
        Ok(())
    }
}

/// Tells that the server ends, if it does: systemd, and whoever comes from now on.
async fn tell_end(gateway: Arc<Gateway>, upgrade: Arc<Upgrade>, mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
    if !gateway.has_heir() {
        upgrade.close();
        notify::stopping();
    }
}
