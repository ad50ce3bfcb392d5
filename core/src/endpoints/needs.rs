//! What a request needs a right for. Who has which is the host's business.

use super::parse::{named, prefix};
use super::routes::{Endpoint, find};
use super::{Method, Request, Surface};
use crate::engine::{Name, Prefix};

/// What somebody may do with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Publish on the topic.
    Publish,
    /// Subscribe to the topic.
    Subscribe,
    /// Put items on the queue.
    Put,
    /// Take items of the queue, look at them, and settle their leases.
    Get,
    /// Make, change, empty and remove what has the name.
    Admin,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Publish, Self::Subscribe, Self::Put, Self::Get, Self::Admin];

    /// Its name: `pub`, `sub`, `put`, `get` or `admin`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Publish => "pub",
            Self::Subscribe => "sub",
            Self::Put => "put",
            Self::Get => "get",
            Self::Admin => "admin",
        }
    }

    /// The right of that name.
    ///
    /// ```
    /// use streamgauge_core::endpoints::Right;
    ///
    /// assert_eq!(Right::named("sub"), Some(Right::Subscribe));
    /// assert_eq!(Right::named("subscribe"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.name() == name)
    }
}

/// What a request is about, as far as rights go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// What has this name.
    Name(Name),
    /// All names that begin so; all that there are when it is empty.
    Beginning(Prefix),
}

impl About {
    /// All names.
    pub const ALL: Self = Self::Beginning(Prefix::EMPTY);
}

/// What whoever sends a request must be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Nothing: no endpoint is there.
    Nothing,
    /// To be known: it will not be understood, so nothing is shown or done.
    Known,
    /// Any right at all on what it is about, as it only shows.
    Any(About),
    /// This one.
    Right(Right, About),
}

/// What a request needs, as far as its path, method and query tell: its body has not to be there. It is on the safe side
/// of what [`parse`](super::parse()) makes of it, as both read the same words with the same code. O(n).
///
/// What a change of settings names beside (the topic that feeds a queue, the queue of dead letters) is in its body, and
/// not looked at here.
///
/// ```
/// use streamgauge_core::endpoints::{About, Need, Request, Right, Surface, needs};
/// use streamgauge_core::engine::Name;
///
/// let needed = |target| needs(&Request::new(target), Surface::Everything);
/// let jobs = About::Name(Name::new(b"jobs").unwrap());
/// assert_eq!(needed(b"/get?queue=jobs"), Need::Right(Right::Get, jobs));
/// assert_eq!(needed(b"/stats?queue=jobs"), Need::Any(jobs));
/// assert_eq!(needed(b"/exit"), Need::Right(Right::Admin, About::ALL));
/// assert_eq!(needed(b"/get?queue=.jobs"), Need::Known);
/// assert_eq!(needed(b"/nothing/here"), Need::Nothing);
/// ```
pub fn needs(request: &Request<'_>, surface: Surface) -> Need {
    let Some(found) = find(request.path, surface) else { return Need::Nothing };
    let route = found.route;
    let is_look = match route.endpoint {
        Endpoint::Stats => request.query.get("reset").is_none(),
        _ => matches!(request.method, Method::Get | Method::Head),
    };
    let right = if is_look { route.to_look } else { route.to_change };
    let need = |about| match right {
        Some(right) => Need::Right(right, about),
        None => Need::Any(about),
    };
    match route.endpoint {
        Endpoint::Exit => need(About::ALL),
        Endpoint::Topics | Endpoint::Queues | Endpoint::Gauges => match prefix(request) {
            Ok(prefix) => need(About::Beginning(prefix)),
            Err(_) => Need::Known,
        },
        _ => match named(request, found, surface) {
            Ok(name) => need(About::Name(name)),
            Err(_) => Need::Known,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a request line needs.
    fn needed(line: &str) -> Need {
        let (method, target) = line.split_once(' ').unwrap();
        let method = Method::named(method.as_bytes()).unwrap();
        needs(&Request { method, ..Request::new(target.as_bytes()) }, Surface::Everything)
    }

    /// The same, as the table has it.
    fn need(text: &str) -> Need {
        let Some((right, on)) = text.split_once(':') else {
            return if text == "known" { Need::Known } else { Need::Nothing };
        };
        let about = match on.strip_suffix('*') {
            Some(beginning) => About::Beginning(Prefix::cut(beginning.as_bytes())),
            None => About::Name(Name::new(on.as_bytes()).unwrap()),
        };
        Right::named(right).map_or(Need::Any(about), |right| Need::Right(right, about))
    }

    #[test]
    fn every_verb_needs_its_right_on_its_name() {
        for (line, text) in [
            ("POST /pub", "pub:main"),
            ("POST /publish?topic=a", "pub:a"),
            ("HEAD /pub?topic=a", "pub:a"),
            ("POST /pub?topic=a&topic=b", "pub:a"),
            ("POST /pub?queue=b", "pub:main"),
            ("GET /sub?topic=a.b", "sub:a.b"),
            ("HEAD /sub", "sub:main"),
            ("GET /clients?topic=a", "any:a"),
            ("GET /put?queue=q&data=x", "put:q"),
            ("POST /mput", "put:main"),
            ("GET /get?queue=q", "get:q"),
            ("GET /mget", "get:main"),
            ("POST /ack?queue=q", "get:q"),
            ("POST /nack?queue=q", "get:q"),
            ("POST /touch?queue=q", "get:q"),
            ("GET /peek?queue=q", "get:q"),
            ("GET /dump?queue=q", "get:q"),
            ("GET /redrive?queue=q", "admin:q"),
            ("GET /stats", "any:main"),
            ("GET /stats?topic=a", "any:a"),
            ("GET /stats?queue=q&topic=a", "any:q"),
            ("GET /stats?queue=q&reset=1", "admin:q"),
            ("GET /exit", "admin:*"),
            ("GET /topics", "any:*"),
            ("GET /queues?prefix=a.", "any:a.*"),
            ("HEAD /gauges", "any:*"),
            ("GET /topics/a", "any:a"),
            ("HEAD /queues/a", "any:a"),
            ("GET /gauges/a", "any:a"),
            ("PUT /topics/a", "admin:a"),
            ("DELETE /queues/%61", "admin:a"),
            ("PUT /gauges/a", "admin:a"),
            ("POST /topics/a", "admin:a"),
            ("POST /gauges/a/merge", "admin:a"),
            ("POST /queues/a/pause", "admin:a"),
            ("GET /queues/a/empty", "admin:a"),
            ("GET /sub?topic=.a", "known"),
            ("PUT /queues/a%2Fb", "known"),
            ("GET /", "nothing"),
            ("GET /topics/a/b", "nothing"),
        ] {
            assert_eq!(needed(line), need(text), "{line}");
        }
    }
}
