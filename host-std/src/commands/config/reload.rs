//! What is declared is put, at the start and whenever it is read again; what else has changed since is said.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

use super::of_before::OfBefore;
use super::rehearsed;
use crate::gateway::{Gateway, Settings};
use crate::operations::configuration::{Configuration, Declared, Sources};
use crate::operations::service::notify;
use crate::terminal::{StartError, say};

/// How long something that can't be put now is left alone.
const REST: Duration = Duration::from_secs(1);

/// A configuration that is read again.
pub(in crate::commands) struct Reload {
    sources: Sources,
    /// What the settings are from, as they are in force until the end.
    start: Arc<Configuration>,
    /// What was read last.
    configuration: Mutex<Arc<Configuration>>,
    settings: Settings,
}

impl Reload {
    pub(in crate::commands) fn new(sources: Sources, configuration: Configuration, settings: Settings) -> Self {
        let start = Arc::new(configuration);
        Self { sources, configuration: Mutex::new(Arc::clone(&start)), start, settings }
    }

    /// Puts what is declared, but for tokens, before anybody is served.
    ///
    /// # Errors
    /// Something is refused for good, and nothing is put. What may be there later, as the engine is away, is put then.
    pub(in crate::commands) async fn first(&self, gateway: &Arc<Gateway>) -> Result<(), StartError> {
        let (configuration, settings) = (Arc::clone(&self.configuration.lock()), self.settings.clone());
        let (now, there) = (Arc::clone(&configuration), gateway.inventory().await);
        if settings.remote.is_none() {
            adjust(gateway, OfBefore::of(&configuration, &settings.engine, &there)).await?;
        }
        let judged = tokio::task::spawn_blocking(move || rehearsed(&now, &settings, Some(there))).await;
        judged.map_err(StartError::new)?.map_err(|lines| StartError::lines(&lines))?;
        for declared in configuration.puts() {
            match gateway.declare(&declared.target(), &declared.body()).await {
                Ok(()) => {}
                Err(why) if why.is_busy => later(gateway, declared, &why.line),
                Err(why) => return Err(StartError::new(declared.refused(&why.line))),
            }
        }
        Ok(())
    }

    /// Reads all of it again whenever `asked`, for ever.
    pub(in crate::commands) async fn run(self: Arc<Self>, gateway: Arc<Gateway>, asked: Arc<Notify>) {
        loop {
            asked.notified().await;
            let is_read = self.sources.file().is_some() && self.again(&gateway).await;
            // A token may have moved from one file to the other: what is declared counts together with the tokens' file.
            if !is_read && let Some(rights) = &self.settings.rights {
                rights.reload_tokens();
            }
            notify::ready();
        }
    }

    /// Reads it again; false if it stays as it was.
    async fn again(&self, gateway: &Arc<Gateway>) -> bool {
        let before = Arc::clone(&self.configuration.lock());
        let (sources, settings, there) = (self.sources.clone(), self.settings.clone(), gateway.inventory().await);
        // A disk may keep it waiting.
        let read = tokio::task::spawn_blocking(move || {
            let (configuration, options) = super::read(&sources)?;
            options.judge(&configuration, &[])?;
            rehearsed(&configuration, &settings, Some(there))?;
            Ok::<_, Vec<String>>(configuration)
        });
        let now = match read.await {
            Ok(Ok(now)) => now,
            Ok(Err(lines)) => return refuse(&lines),
            Err(error) => return refuse(&[error.to_string()]),
        };
        for (was, is) in now.changed_since(&self.start) {
            let is_told = is.told().unwrap_or_else(|| format!("{} is set no more, which", is.name));
            let was = was.told().unwrap_or_else(|| "not set".to_owned());
            tracing::warn!(from = %is.origin, "{is_told} needs a restart: until then it is {was}");
        }
        self.declare_tokens(&before, &now);
        for gone in before.declared.iter().filter(|was| !now.declared.iter().any(|now| now.is_same(was))) {
            let then = if gone.is_token() { "it opens nothing" } else { "it stays as it is until it is removed" };
            tracing::info!("{} is declared no more: {then}", gone.member());
        }
        for declared in now.puts() {
            let is_new = !before.declares(declared);
            let (from, member) = (declared.place(), declared.member());
            match gateway.declare(&declared.target(), &declared.body()).await {
                Ok(()) if is_new => tracing::info!(from, "{member} is in force"),
                Ok(()) => {}
                Err(why) if why.is_busy => later(gateway, declared, &why.line),
                Err(why) => tracing::error!(from, "{member} stays as it was: {}", why.line),
            }
        }
        tracing::info!("the configuration was read again");
        *self.configuration.lock() = Arc::new(now);
        true
    }

    /// Lets tokens count as they are declared now, and says which ones are others than they were.
    fn declare_tokens(&self, before: &Configuration, now: &Configuration) {
        let tokens = now.tokens();
        let Some(rights) = &self.settings.rights else {
            if let Some((place, _)) = tokens.first() {
                tracing::warn!("{place} needs a restart: until then everybody may do everything");
            }
            return;
        };
        if !rights.declare(tokens) {
            return;
        }
        for token in now.declared.iter().filter(|declared| declared.is_token() && !before.declares(declared)) {
            tracing::info!(from = token.place(), "{} is in force", token.member());
        }
    }
}

/// Lets names that were there before be as somebody has said, and within the limits of this process.
async fn adjust(gateway: &Arc<Gateway>, OfBefore { puts, stays, unsaid }: OfBefore) -> Result<(), StartError> {
    stays.iter().for_each(|line| say(format_args!("warning: {line}")));
    unsaid.iter().for_each(say);
    for (path, body) in puts {
        let put = gateway.declare(&path, &body).await;
        put.map_err(|why| StartError::new(format_args!("{path} can't be as it was said: {}", why.line)))?;
    }
    Ok(())
}

fn refuse(lines: &[String]) -> bool {
    for line in lines {
        tracing::error!("the configuration stays as it was: {line}");
    }
    false
}

/// Tries again until it is there, or can't be.
fn later(gateway: &Arc<Gateway>, declared: &Declared, line: &str) {
    let (gateway, declared) = (Arc::downgrade(gateway), declared.clone());
    tracing::warn!(from = declared.place(), "{} is not there yet: {line}", declared.member());
    tokio::spawn(async move {
        loop {
            sleep(REST).await;
            let Some(gateway) = gateway.upgrade() else { return };
            match gateway.declare(&declared.target(), &declared.body()).await {
                Ok(()) => return tracing::info!("{} is in force", declared.member()),
                Err(why) if why.is_busy => {}
                Err(why) => {
                    let from = declared.place();
                    return tracing::error!(from, "{} stays as it was: {}", declared.member(), why.line);
                }
            }
        }
    });
}
