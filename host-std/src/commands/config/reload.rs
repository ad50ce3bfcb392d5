//! What is declared is put, at the start and whenever it is read again; what else has changed since is said.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
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
    /// What of it can't be put yet.
    late: Mutex<Vec<Declared>>,
    settings: Settings,
}

impl Reload {
    pub(in crate::commands) fn new(sources: Sources, configuration: Configuration, settings: Settings) -> Self {
        let start = Arc::new(configuration);
        Self { sources, configuration: Mutex::new(Arc::clone(&start)), start, late: Mutex::default(), settings }
    }

    /// Puts what is declared, but for tokens, before anybody is served.
    ///
    /// # Errors
    /// Something is refused for good, and nothing is put. What may be there later, as the engine is away, is put then.
    pub(in crate::commands) async fn first(&self, gateway: &Arc<Gateway>) -> Result<(), StartError> {
        let (configuration, settings) = (Arc::clone(&self.configuration.lock()), self.settings.clone());
        let (now, there) = (Arc::clone(&configuration), gateway.inventory().await);
        let before = match settings.remote {
            None => OfBefore::of(&configuration, &settings.engine, &there),
            Some(_) => OfBefore::default(),
        };
        let puts = before.puts.clone();
        let judged = tokio::task::spawn_blocking(move || rehearsed(&now, &settings, Some(there), &puts)).await;
        judged.map_err(StartError::new)?.map_err(|lines| StartError::lines(&lines))?;
        adjust(gateway, before).await?;
        for declared in configuration.puts() {
            match gateway.declare(&declared.target(), &declared.body()).await {
                Ok(()) => {}
                Err(why) if why.is_busy => self.later(declared, &why.line),
                Err(why) => return Err(StartError::new(declared.refused(&why.line))),
            }
        }
        Ok(())
    }

    /// Reads all of it again whenever `asked`, and tries again what can't be put yet, as long as there is a gateway.
    pub(in crate::commands) async fn run(self: Arc<Self>, gateway: Weak<Gateway>, asked: Arc<Notify>) {
        loop {
            let is_late = !self.late.lock().is_empty();
            let is_asked = tokio::select! {
                () = asked.notified() => true,
                () = sleep(REST), if is_late => false,
            };
            let Some(gateway) = gateway.upgrade() else { return };
            if !is_asked {
                self.try_late(&gateway).await;
                continue;
            }
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
            rehearsed(&configuration, &settings, Some(there), &BTreeMap::new())?;
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
        let has_tokens = self.declare_tokens(&before, &now);
        for gone in before.declared.iter().filter(|was| !now.declared.iter().any(|now| now.is_same(was))) {
            let then = match gone.is_token() {
                true if has_tokens => "it opens nothing",
                true => "it opens what it did, as tokens stay as they were",
                false => "it stays as it is until it is removed",
            };
            tracing::info!("{} is declared no more: {then}", gone.member());
        }
        let no_more = now.puts().flat_map(|now| before.puts().flat_map(|before| now.says_no_more(before)));
        no_more.for_each(|member| tracing::info!("{member} is declared no more: it stays as it is"));
        // All of it is tried now, as it is now.
        self.late.lock().clear();
        let (there, mut as_before) = (gateway.inventory().await, Vec::new());
        for declared in now.puts() {
            let (from, member) = (declared.place(), declared.member());
            match gateway.declare(&declared.target(), &declared.body()).await {
                Ok(()) if before.declares(declared) => as_before.push(declared),
                Ok(()) => tracing::info!(from, "{member} is in force"),
                Err(why) if why.is_busy => self.later(declared, &why.line),
                Err(why) => tracing::error!(from, "{member} stays as it was: {}", why.line),
            }
        }
        // Somebody has put something else meanwhile.
        let others = gateway.inventory().await.others_than(&there);
        for declared in as_before.into_iter().filter(|declared| others.contains(&declared.target())) {
            tracing::info!(from = declared.place(), "{} is as it is declared again", declared.member());
        }
        tracing::info!("the configuration was read again");
        *self.configuration.lock() = Arc::new(now);
        true
    }

    /// Puts something when it can be put.
    fn later(&self, declared: &Declared, line: &str) {
        tracing::warn!(from = declared.place(), "{} is not there yet: {line}", declared.member());
        self.late.lock().push(declared.clone());
    }

    /// Tries what is late; what can't be put still is late again.
    async fn try_late(&self, gateway: &Arc<Gateway>) {
        let late = std::mem::take(&mut *self.late.lock());
        for declared in late {
            match gateway.declare(&declared.target(), &declared.body()).await {
                Ok(()) => tracing::info!("{} is in force", declared.member()),
                Err(why) if why.is_busy => self.late.lock().push(declared),
                Err(why) => {
                    let from = declared.place();
                    tracing::error!(from, "{} stays as it was: {}", declared.member(), why.line);
                }
            }
        }
    }

    /// Lets tokens count as they are declared now, and says which ones are others than they were. Whether they do.
    fn declare_tokens(&self, before: &Configuration, now: &Configuration) -> bool {
        let tokens = now.tokens();
        let Some(rights) = &self.settings.rights else {
            if let Some((place, _)) = tokens.first() {
                tracing::warn!("{place} needs a restart: until then everybody may do everything");
            }
            return false;
        };
        if !rights.declare(tokens) {
            return false;
        }
        for token in now.declared.iter().filter(|declared| declared.is_token() && !before.declares(declared)) {
            tracing::info!(from = token.place(), "{} is in force", token.member());
        }
        true
    }
}

/// Lets names that were there before be as somebody has said, and within the limits of this process.
async fn adjust(gateway: &Arc<Gateway>, OfBefore { puts, stays, unsaid }: OfBefore) -> Result<(), StartError> {
    stays.iter().for_each(|line| say(format_args!("warning: {line}")));
    unsaid.iter().for_each(say);
    for (path, body) in puts {
        let put = gateway.declare(&path, &body).await;
        put.map_err(|why| StartError::new(not_adjusted(&path, &why.line)))?;
    }
    Ok(())
}

pub(super) fn not_adjusted(path: &str, why: &str) -> String {
    format!("{path} can't be as it was said: {why}")
}

fn refuse(lines: &[String]) -> bool {
    for line in lines {
        tracing::error!("the configuration stays as it was: {line}");
    }
    false
}
