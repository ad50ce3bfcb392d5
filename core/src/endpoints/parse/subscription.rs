//! What a client asks of `/sub`.

use core::time::Duration;

use super::{Wrong, count, name, parameter};
use crate::endpoints::Request;
use crate::engine::{Name, Short};
use crate::topic::{From, OnLag, Speed};
use crate::wire::framing::Framing;
use crate::wire::units;

/// What a client asked of `/sub`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subscription {
    /// The topic.
    pub topic: Name,
    /// How messages are framed for it.
    pub framing: Framing,
    /// Where it begins.
    pub from: From,
    /// Whether it goes on behind the message that is the newest when it begins.
    pub follow: bool,
    /// It ends after so many messages.
    pub limit: Option<u64>,
    /// What happens when it lags.
    pub on_lag: OnLag,
    /// From how many bytes on; `None`: as the server has it.
    pub max_lag: Option<u64>,
    /// At most so many messages a second.
    pub rate: Option<u32>,
    /// With the times between messages kept, so much faster.
    pub speed: Option<Speed>,
    /// What the client calls itself.
    pub client: Short<64>,
}

impl Subscription {
    /// What a request asks for.
    pub(crate) fn of<'a>(request: &Request<'a>) -> Result<Self, Wrong<'a>> {
        let query = request.query;
        let client = match query.get("client") {
            Some(client) => Short::of(client.bytes().take(64)).unwrap_or(Short::EMPTY),
            None => Short::EMPTY,
        };
        Ok(Self {
            topic: name(request, "topic")?,
            framing: framing(request),
            from: from(request)?,
            follow: parameter(request, "follow", "0 or 1", follow)?.unwrap_or(true),
            limit: count(request, "limit")?,
            on_lag: parameter(request, "policy", POLICY, policy)?.unwrap_or_default(),
            max_lag: parameter(request, "max_lag", "a number of bytes, or such as 8MiB", units::size)?,
            rate: parameter(request, "rate", "a whole number of messages a second, above 0", rate)?,
            speed: parameter(request, "speed", "a number above 0, such as 4 or 0.5", speed)?,
            client,
        })
    }
}

const POLICY: &str = "kick, skip, latest, or block=SECONDS";
const FROM: &str = "now, first, the number of a message, or a time such as 2012-03-16T18:40:47Z";

fn follow(text: &[u8]) -> Option<bool> {
    match text {
        b"0" | b"false" => Some(false),
        b"1" | b"true" => Some(true),
        _ => None,
    }
}

fn framing(request: &Request<'_>) -> Framing {
    let wants_events = match request.query.get("format") {
        Some(format) => format == *"sse",
        None => request.accepts("text/event-stream"),
    };
    if wants_events {
        return Framing::Events;
    }
    match request.query.get("multipart") {
        Some(value) if value.integer().unwrap_or(0) == 0 => Framing::Lines,
        _ => Framing::Multipart,
    }
}

/// A client that comes back says where it was, and that counts before where it began: an `EventSource` has one URL for
/// ever, and says in the header where it is now.
fn from<'a>(request: &Request<'a>) -> Result<From, Wrong<'a>> {
    let wrong = Wrong::Line("last_event_id must be the number of an event");
    if !request.last_event_id.is_empty() {
        return units::decimal(request.last_event_id.trim_ascii()).map(From::After).ok_or(wrong);
    }
    if let Some(id) = request.query.get("last_event_id") {
        let digits = Short::<20>::of(id.bytes()).ok_or(wrong)?;
        return units::decimal(digits.as_bytes()).map(From::After).ok_or(wrong);
    }
    let read = |text: &[u8]| match text {
        b"now" => Some(From::Now),
        b"first" => Some(From::First),
        text => units::decimal(text).map(From::Sequence).or_else(|| units::rfc3339(text).map(From::Time)),
    };
    Ok(parameter(request, "from", FROM, read)?.unwrap_or_default())
}

fn policy(text: &[u8]) -> Option<OnLag> {
    match text {
        b"kick" => Some(OnLag::Kick),
        b"skip" => Some(OnLag::Skip),
        b"latest" => Some(OnLag::Latest),
        // So that one subscriber can't stop a topic for long.
        text => units::duration(text.strip_prefix(b"block=")?).map(|d| OnLag::Block(d.min(Duration::from_secs(60)))),
    }
}

fn rate(text: &[u8]) -> Option<u32> {
    u32::try_from(units::decimal(text)?).ok().filter(|rate| *rate > 0)
}

/// In thousandths, which is how a duration of so many seconds has milliseconds.
fn speed(text: &[u8]) -> Option<Speed> {
    let thousandths = units::duration(text).filter(|_| text.last().is_some_and(u8::is_ascii_digit))?.as_millis();
    Speed::from_thousandths(u32::try_from(thousandths).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Time;

    fn asked(target: &[u8]) -> Subscription {
        Subscription::of(&Request::new(target)).unwrap()
    }

    #[test]
    fn a_subscription_is_what_was_asked_for() {
        let accepting = |accept| Subscription::of(&Request { accept, ..Request::new(b"/sub") }).unwrap().framing;
        assert_eq!(accepting(b"text/html, Text/Event-Stream; q=0.1"), Framing::Events);
        assert_eq!(accepting(b"*/*, text/event-stream;q=0"), Framing::Multipart);
        let plain = asked(b"/sub");
        assert_eq!((plain.topic, plain.framing, plain.from), (Name::MAIN, Framing::Multipart, From::Now));
        assert!(plain.follow && plain.limit.is_none() && plain.on_lag == OnLag::Kick);
        let full = asked(
            b"/sub?topic=clicks&from=2012-03-16T18:40:47Z&follow=0&limit=9&policy=block=5&max_lag=1MiB&rate=10&speed=0.5",
        );
        assert_eq!(full.from, From::Time(Time::from_millis(1_331_923_247_000)));
        assert_eq!((full.follow, full.limit, full.max_lag, full.rate), (false, Some(9), Some(1 << 20), Some(10)));
        assert_eq!(full.on_lag, OnLag::Block(Duration::from_secs(5)));
        assert_eq!(full.speed, Speed::from_thousandths(500));
        assert_eq!(asked(b"/sub?from=17").from, From::Sequence(17));
        assert_eq!(asked(b"/sub?from=17&last_event_id=3").from, From::After(3));
        let back = Request { last_event_id: b" 7 ", ..Request::new(b"/sub?from=first") };
        assert_eq!(Subscription::of(&back).unwrap().from, From::After(7));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for target in [
            &b"/sub?last_event_id=x"[..],
            b"/sub?from=yesterday",
            b"/sub?policy=block",
            b"/sub?policy=drop",
            b"/sub?rate=0",
            b"/sub?limit=0",
            b"/sub?speed=0",
            b"/sub?speed=4s",
            b"/sub?topic=.",
        ] {
            assert!(Subscription::of(&Request::new(target)).is_err(), "{}", target.escape_ascii());
        }
    }
}
