use super::{Backoff, Error, Item, Limits, Position, Subscription, Url, form};
use core::hash::{BuildHasher, Hasher};
use core::time::Duration;
use std::hash::RandomState;
use std::io::{self, Write as _};
use tokio::time::Instant;

/// A subscription that comes back: with back-off, and behind the last message seen where the
/// source can tell.
///
/// Of several addresses one is picked at random, and another one when it doesn't answer; but a
/// numbered stream stays with the address that it began at, because only there it can be resumed.
///
/// A source is asked for the form of its stream in which each message has a number, whatever form the address names:
/// where that is lines, empty messages are left out, as they are from lines.
#[derive(Debug)]
pub struct Feed {
    urls: Vec<Url>,
    current: usize,
    limits: Limits,
    backoff: Backoff,
    position: Option<Position>,
    /// It had a position that the source did not take.
    is_astray: bool,
    /// Messages that are still to come, where the address says how many (`limit`).
    left: Option<u64>,
}

/// What lasts so long, and brings something, is a stream, also where messages have no numbers.
const LASTING: Duration = Duration::from_secs(1);

/// What happens to a feed.
#[derive(Debug)]
pub enum News<'a> {
    /// It is going to ask this source how its stream is encoded.
    Detecting(&'a Url),
    /// It is going to ask this source for its stream.
    Connecting(&'a Url),
    /// The stream has begun.
    Connected(&'a Url),
    /// The stream is over, or has not come about; the next attempt is in so long.
    Lost(&'a Url, &'a Error, Duration),
    /// The stream brought something.
    Item(Item<'a>),
}

/// Prints on stdout what the original tools print when they connect for the first time.
#[derive(Debug)]
pub struct Announce {
    detecting: bool,
    connecting: bool,
}

impl Announce {
    /// Prints nothing at all unless `enabled`.
    #[must_use]
    pub const fn new(enabled: bool) -> Self {
        Self { detecting: enabled, connecting: enabled }
    }

    /// Prints the line that belongs to this, if it has one and it has not been printed.
    pub fn hear(&mut self, news: &News<'_>) {
        let (due, line) = match news {
            News::Detecting(url) => (&mut self.detecting, format!("AUTODETECTING ENCODING FOR {url}")),
            News::Connecting(url) => (&mut self.connecting, format!("CONNECTING TO SOURCE {url}")),
            _ => return,
        };
        if core::mem::replace(due, false) {
            // Nobody may be there to read it, which is no reason to stop.
            let _ = writeln!(io::stdout(), "{line}");
        }
    }
}

impl Feed {
    /// A feed from one of these sources.
    #[must_use]
    pub fn new(urls: Vec<Url>, limits: Limits) -> Self {
        let backoff = Backoff::default();
        let mut feed = Self { urls, current: 0, limits, backoff, position: None, is_astray: false, left: None };
        feed.pick();
        let limit = feed.urls.get(feed.current).and_then(|url| url.parameter("limit"));
        feed.left = limit.and_then(|limit| limit.parse().ok());
        feed
    }

    /// The same, beginning behind `position`.
    #[must_use]
    pub fn after(self, position: Option<Position>) -> Self {
        Self { position, ..self }
    }

    /// Goes on until all has come that the address asks for (`limit=N`, `follow=0`), or until `on` returns an error.
    /// Without sources it waits forever.
    ///
    /// # Errors
    /// That of `on`.
    pub async fn run<E>(&mut self, mut on: impl FnMut(News<'_>) -> Result<(), E>) -> Result<(), E> {
        let mut hint = None;
        loop {
            let Some(url) = self.urls.get(self.current).cloned() else {
                return core::future::pending().await;
            };
            let lost = match self.stream(&url, &mut hint, &mut on).await {
                Ok(end) => return end,
                Err(lost) => lost,
            };
            if let Error::Status(400) = lost {
                // Whatever it has against the position, insisting on it would help nobody. Other refusals, as of a token
                // that has expired, say nothing about it.
                self.is_astray |= self.position.take().is_some();
            }
            let wait = self.backoff.next();
            on(News::Lost(&url, &lost, wait))?;
            if self.position.is_none() && self.urls.len() > 1 {
                self.pick();
                hint = None;
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// One stream from its beginning until it is lost; `Ok` when nothing more is to be had, or at an error of `on`.
    async fn stream<E>(
        &mut self,
        url: &Url,
        hint: &mut Option<String>,
        on: &mut impl FnMut(News<'_>) -> Result<(), E>,
    ) -> Result<Result<(), E>, Error> {
        let (asked, is_for_lines) = (form::numbered(url), form::wants_lines(url));
        if hint.is_none() {
            if let Err(error) = on(News::Detecting(url)) {
                return Ok(Err(error));
            }
            *hint = Subscription::detect(&asked, self.limits).await?;
        }
        if let Err(error) = on(News::Connecting(url)) {
            return Ok(Err(error));
        }
        let position = self.position.as_ref();
        let mut stream = Subscription::resume(&asked, hint.as_deref(), position, self.limits).await?;
        if let Err(error) = on(News::Connected(url)) {
            return Ok(Err(error));
        }
        if core::mem::take(&mut self.is_astray)
            && let Err(error) = on(News::Item(Item::NewLife))
        {
            return Ok(Err(error));
        }
        // A source that ends each stream as soon as it has begun is no better than one that isn't there; and lines without
        // numbers may be anything.
        let (begun, mut is_good) = (Instant::now(), false);
        // It is not lost then, but over.
        let has_end = url.parameter("follow").is_some_and(|follow| follow == "0");
        loop {
            let (mut end, left) = (None, &mut self.left);
            let read = stream.read(|item| {
                if end.is_none() {
                    let one = u64::from(!matches!(item, Item::Missed(_) | Item::NewLife));
                    *left = left.map(|left| left.saturating_sub(one));
                    is_good |= one > 0;
                    let is_left_out = is_for_lines && matches!(item, Item::Message { bytes: b"", .. });
                    let said = if is_left_out { Ok(()) } else { on(News::Item(item)) };
                    end = said.err().map(Err).or((*left == Some(0)).then_some(Ok(())));
                }
            });
            let read = read.await;
            self.position = stream.position();
            let is_one = is_good && (self.position.is_some() || begun.elapsed() > LASTING);
            if is_one || begun.elapsed() > self.backoff.most() {
                self.backoff.reset();
            }
            match (end, read) {
                (Some(end), _) => return Ok(end),
                (None, Err(Error::Complete)) if has_end => return Ok(Ok(())),
                (None, read) => read?,
            }
        }
    }

    fn pick(&mut self) {
        let random = RandomState::new().build_hasher().finish() as usize;
        self.current = random.checked_rem(self.urls.len()).unwrap_or(0);
    }
}
