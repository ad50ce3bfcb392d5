//! Who may do what: tokens, what they give, and what is refused.
//!
//! | module | idea |
//! | --- | --- |
//! | `grants` | rights on names, as text: `pub:clicks sub:*` |
//! | `holder` | who shows a token: its hash, and what it may do, how much and for how long |
//! | `tokens` | the file of tokens |
//! | `jwt` | tokens that somebody else signs |
//! | `ticket` | what stands for a token in a query |
//! | `quota` | messages and bytes a second |
//! | `refused` | what is said to whom nothing is given |

mod grants;
mod holder;
#[cfg(fuzzing)]
pub mod hostile;
mod jwt;
mod quota;
mod refused;
mod ticket;
pub(crate) mod tokens;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::{HeaderValue, header};
use jiff::Timestamp;
use parking_lot::{Mutex, RwLock};
use streamgauge_core::endpoints::{Need, Request, Response};

pub(crate) use grants::{BadGrant, Grants};
use holder::Holder;
pub(crate) use holder::{Id, Terms};
use jwt::Keys;
pub(crate) use jwt::{Algorithm, Policy};
pub(crate) use quota::Rates;
pub(crate) use refused::Refused;
use ticket::Tickets;
pub(crate) use tokens::Token;
use tokens::Tokens;

use crate::server::{Answer, Context, Refusal, into_http};

/// Where rights come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// The file of tokens.
    pub(crate) tokens: Option<PathBuf>,
    /// The file of keys that sign tokens, and what is asked of these.
    pub(crate) jwt: Option<(PathBuf, Policy)>,
}

/// Tokens of the configuration, each with its name and place there.
pub(crate) type Declared = Vec<(String, Token)>;

/// All rights of a server. All its threads share them.
#[derive(Debug)]
pub struct Rights {
    sources: Sources,
    declared: Mutex<Declared>,
    tokens: RwLock<Arc<Tokens>>,
    keys: RwLock<Arc<Keys>>,
    /// Those that were verified, until they expire.
    verified: Mutex<HashMap<Id, Verified>>,
    tickets: Tickets,
}

/// A token that was found good once.
#[derive(Debug, Clone)]
struct Verified {
    holder: Arc<Holder>,
    /// The hash of the key that has signed it.
    key: Id,
}

/// How many verified tokens are remembered: beyond, one costs a signature more.
const REMEMBERED: usize = 10_000;

/// Whoever has shown something that is known here.
#[derive(Debug, Clone)]
struct Known {
    id: Id,
    holder: Arc<Holder>,
    /// The key that has signed its token, if it is signed.
    key: Option<Id>,
}

/// What lets a stream go on.
#[derive(Debug)]
pub(crate) struct Pass {
    rights: Arc<Rights>,
    known: Known,
    need: Need,
}

impl Rights {
    /// Reads the files.
    ///
    /// # Errors
    /// Which file can't be read, and what is wrong with it.
    pub(crate) fn open(sources: Sources, declared: Declared) -> Result<Arc<Self>, String> {
        let tokens = sources.read_tokens(&declared, &Tokens::default())?;
        let keys = sources.read_keys()?;
        let (tokens, keys) = (RwLock::new(Arc::new(tokens)), RwLock::new(Arc::new(keys)));
        let (declared, verified) = (Mutex::new(declared), Mutex::default());
        Ok(Arc::new(Self { sources, declared, tokens, keys, verified, tickets: Tickets::new()? }))
    }

    /// Reads the file of tokens again, which is logged. What is wrong is logged too, and it counts as it did before.
    pub(crate) fn reload_tokens(&self) {
        self.read_tokens(&self.declared.lock());
    }

    /// The same of the file of keys.
    pub(crate) fn reload_keys(&self) {
        match self.sources.read_keys() {
            Ok(keys) => {
                let keys = Arc::new(keys);
                *self.keys.write() = Arc::clone(&keys);
                self.verified.lock().retain(|_, one| keys.has(&one.key));
                if self.sources.jwt.is_some() {
                    tracing::info!("the keys of tokens were read again");
                }
            }
            Err(error) => tracing::error!("keys stay as they were: {error}"),
        }
    }

    /// Reads the file again, and lets count what the configuration declares now. What is wrong is logged, and all tokens
    /// count as they did before; then it is false.
    pub(crate) fn declare(&self, tokens: Declared) -> bool {
        let mut declared = self.declared.lock();
        let is_read = self.read_tokens(&tokens);
        if is_read {
            *declared = tokens;
        }
        is_read
    }

    fn read_tokens(&self, declared: &Declared) -> bool {
        let before = Arc::clone(&self.tokens.read());
        let tokens = self.sources.read_tokens(declared, &before);
        let tokens = match tokens {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::error!("tokens stay as they were: {error}");
                return false;
            }
        };
        *self.tokens.write() = Arc::new(tokens);
        if self.sources.tokens.is_some() {
            tracing::info!("the tokens were read again");
        }
        true
    }

    /// Whether a request may be answered that needs this, and shows what `Authorization` says, or a ticket for what only
    /// shows.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn admit(
        &self,
        need: Need,
        request: &Request<'_>,
        authorization: Option<&[u8]>,
        changes: impl FnOnce() -> bool,
    ) -> Result<(), Refused> {
        if need == Need::Nothing {
            return Ok(());
        }
        let known = self.known(request, authorization)?;
        if authorization.is_none() && changes() {
            return Err(Refused::OnlyATicket);
        }
        known.holder.admit(need)
    }

    /// Whether a request that was let in may name this beside what it is about: nothing is counted of that, so whoever
    /// owes may.
    ///
    /// # Errors
    /// Why it may not.
    pub(crate) fn may_name(
        &self,
        need: Need,
        request: &Request<'_>,
        authorization: Option<&[u8]>,
    ) -> Result<(), Refused> {
        self.known(request, authorization)?.holder.allow(need)
    }

    /// Takes note of what a request has sent.
    pub(crate) fn charge(&self, authorization: Option<&[u8]>, messages: u64, bytes: u64) {
        let tokens = self.tokens.read();
        // None that is signed has a quota.
        let Some(token) = bearer(authorization).ok().filter(|_| tokens.have_quotas()) else { return };
        if let Some(holder) = tokens.find(&Id::shown(token)) {
            holder.charge(messages, bytes);
        }
    }

    /// What lets a stream go on that the request begins; `None` if nothing does.
    pub(crate) fn pass(
        self: &Arc<Self>,
        need: Need,
        request: &Request<'_>,
        authorization: Option<&[u8]>,
    ) -> Option<Pass> {
        let known = self.known(request, authorization).ok()?;
        Some(Pass { rights: Arc::clone(self), known, need })
    }

    /// A ticket for whoever shows this token, and when it ends.
    ///
    /// # Errors
    /// Why there is none.
    fn ticket(&self, authorization: Option<&[u8]>) -> Result<(String, Timestamp), Refused> {
        let known = self.owner(bearer(authorization)?)?;
        Ok(self.tickets.issue(&known.id, Timestamp::now()))
    }

    /// Answers whoever asks for a ticket.
    pub(crate) fn answer(&self, request: &Request<'_>, context: &Context<'_>) -> Answer {
        match self.ticket(context.authorization) {
            Ok((ticket, expires)) => {
                let body = format!("{{\"ticket\":\"{ticket}\",\"expires\":\"{expires}\"}}\n");
                let mut response = into_http(&Response::JSON, body.into_bytes().into());
                response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
                Answer::Response(response)
            }
            Err(refused) => Refusal::from(refused).answer(request),
        }
    }

    /// Who asks.
    fn known(&self, request: &Request<'_>, authorization: Option<&[u8]>) -> Result<Known, Refused> {
        if authorization.is_some() {
            return self.owner(bearer(authorization)?);
        }
        let ticket = request.query.get("ticket").ok_or(Refused::NoToken)?;
        let id = self.tickets.owner(ticket.bytes(), Timestamp::now()).ok_or(Refused::BadTicket)?;
        self.found(id).ok_or(Refused::BadTicket)
    }

    /// Whose token it is.
    fn owner(&self, token: &[u8]) -> Result<Known, Refused> {
        let id = Id::shown(token);
        match self.found(id) {
            Some(known) => Ok(known),
            None if self.sources.jwt.is_some() && jwt::is_jwt(token) => self.verify(token, id),
            None => Err(Refused::Unknown),
        }
    }

    /// Whose token has this hash, if that is known without a signature.
    fn found(&self, id: Id) -> Option<Known> {
        if let Some(holder) = self.tokens.read().find(&id) {
            return Some(Known { id, holder: Arc::clone(holder), key: None });
        }
        self.sources.jwt.as_ref()?;
        // A hash that is equal is that of a token with a good signature, and nobody comes nearer to one by its time.
        let Verified { holder, key } = self.verified.lock().get(&id)?.clone();
        Some(Known { id, holder, key: Some(key) })
    }

    /// Checks a signature, and remembers that it is good.
    fn verify(&self, token: &[u8], id: Id) -> Result<Known, Refused> {
        let (_, policy) = self.sources.jwt.as_ref().ok_or(Refused::Unknown)?;
        let keys = Arc::clone(&self.keys.read());
        let verified = jwt::verify(token, &keys, policy, Timestamp::now()).map_err(Refused::BadJwt)?;
        let (holder, key) = (Arc::new(Holder::new(verified.terms)), verified.key);
        let mut all = self.verified.lock();
        if all.len() >= REMEMBERED {
            all.retain(|_, one| !one.holder.is_over());
            if all.len() >= REMEMBERED {
                // Whoever is asked for often is soon there again.
                all.clear();
            }
        }
        // Its key may have left since it was read.
        if self.keys.read().has(&key) {
            all.insert(id, Verified { holder: Arc::clone(&holder), key });
        }
        Ok(Known { id, holder, key: Some(key) })
    }
}

impl Pass {
    /// Whether it still does: the token has not expired, and still gives what is needed.
    pub(crate) fn is_good(&self) -> bool {
        let Known { id, holder, key } = &self.known;
        match key {
            Some(key) => !holder.is_over() && self.rights.keys.read().has(key),
            None => self.rights.tokens.read().find(id).is_some_and(|holder| holder.admit(self.need).is_ok()),
        }
    }
}

impl Sources {
    fn read_tokens(&self, declared: &Declared, before: &Tokens) -> Result<Tokens, String> {
        let mut tokens = match &self.tokens {
            Some(path) => {
                let text = read(path, "--tokens")?;
                let text = String::from_utf8(text).map_err(|_| format!("--tokens: {} is no text", path.display()))?;
                Tokens::read(&text, before).map_err(|wrong| format!("--tokens: {}:{wrong}", path.display()))?
            }
            None => Tokens::default(),
        };
        for (place, token) in declared {
            tokens.add(token.clone(), before).map_err(|why| format!("{place}: {why}"))?;
        }
        Ok(tokens)
    }

    fn read_keys(&self) -> Result<Keys, String> {
        let Some((path, _)) = &self.jwt else { return Ok(Keys::default()) };
        let text = read(path, "--jwt-keys")?;
        Keys::read(&text).map_err(|wrong| format!("--jwt-keys: {}: {wrong}", path.display()))
    }
}

fn read(path: &Path, flag: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("{flag}: {}: {error}", path.display()))
}

/// The token that `Authorization` has (RFC 6750, 2.1).
fn bearer(authorization: Option<&[u8]>) -> Result<&[u8], Refused> {
    let value = authorization.ok_or(Refused::NoToken)?;
    let (scheme, token) = value.split_first_chunk::<7>().ok_or(Refused::NoBearer)?;
    let token = token.trim_ascii();
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty();
    if is_bearer && token.iter().all(u8::is_ascii_graphic) { Ok(token) } else { Err(Refused::NoBearer) }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use streamgauge_core::endpoints::{Surface, needs};

    use super::*;

    /// What rights add to a request, in nanoseconds: `cargo test --release -p streamgauge --lib -- --ignored --nocapture
    /// what_a_check_costs`.
    #[test]
    #[ignore = "a measurement"]
    fn what_a_check_costs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens");
        let token = tokens::random().unwrap();
        let id = Id::of(token.as_bytes());
        for (what, more) in [("without a quota", ""), ("with a quota", " messages=1000000000/s bytes=1GiB/s")] {
            let mut text = format!("sha256:{id} put:jobs.* get:jobs.* sub:*{more}\n");
            for other in 0..10_000 {
                text += &format!("sha256:{} put:*\n", Id::of(format!("{other}").as_bytes()));
            }
            std::fs::write(&path, text).unwrap();
            let rights = Rights::open(Sources { tokens: Some(path.clone()), jwt: None }, Vec::new()).unwrap();
            let authorization = format!("Bearer {token}");
            let authorization = Some(authorization.as_bytes());
            let best = (0..20).map(|_| {
                let start = Instant::now();
                for _ in 0..10_000 {
                    let request = Request::new(black_box(b"/put?queue=jobs.a"));
                    let need = needs(&request, Surface::Everything);
                    rights.admit(need, &request, black_box(authorization), || true).unwrap();
                    rights.charge(black_box(authorization), 1, 100);
                }
                start.elapsed().as_nanos() / 10_000
            });
            println!("{what}: {} ns a request, of 10,001 tokens", best.min().unwrap());
        }
    }

    #[test]
    fn a_bearer_token_is_taken_out_of_its_header() {
        for (header, token) in [
            ("Bearer sg_x", Some("sg_x")),
            ("bearer  sg_x ", Some("sg_x")),
            ("BEARER a.b-c_d~e+f/g=", Some("a.b-c_d~e+f/g=")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearer a b", None),
            ("Bearersg_x", None),
            ("Basic sg_x", None),
            ("sg_x", None),
            ("", None),
        ] {
            assert_eq!(bearer(Some(header.as_bytes())).ok(), token.map(str::as_bytes), "{header:?}");
        }
        assert_eq!(bearer(None), Err(Refused::NoToken));
    }
}
