//! What is answered to `/gauges`.

use std::convert::Infallible;
use std::fmt::Display;

use streamgauge_core::endpoints::{GaugeProblem, GaugeRequest, Request, Response, Status, refuse_gauge};
use streamgauge_core::engine::{self, Name, Prefix};
use streamgauge_core::gauge::{Counters, Definition, Format, Gauge, SetupError, readings, render};
use streamgauge_core::time::Time;
use tokio::sync::mpsc;

use super::Gauges;
use super::boxes::{self, Boxes};
use super::directory::{NoPlace, Place};
use super::standing::{Cost, GaugeStats, Standing};
use crate::engine::disk::Notes;
use crate::server::{self, Answer, preferred, refused, whole};

/// What a request about gauges comes to.
pub(crate) enum Answered {
    /// An answer.
    Answer(Answer),
    /// The gauge is, or would be, on another shard.
    Elsewhere(usize),
}

/// Told where gauges are those of many gateways.
const NO_MERGE: engine::Refusal = engine::Refusal::NotImplemented(
    "a gauge of many gateways takes no other one in: streamgauge merge adds up what was read of them",
);

/// The format that is asked for: `named`, if it is by a parameter, or the one of them that `Accept` wants most.
fn form(request: &Request<'_>, named: Format) -> Format {
    const FORMATS: [Format; 5] = [Format::Table, Format::Json, Format::OpenMetrics, Format::Svg, Format::Binary];
    if request.query.get("format").is_some() {
        return named;
    }
    preferred(request.accept, FORMATS, Format::media_type).unwrap_or(Format::Table)
}

/// The most gauges.
const MOST: usize = 1_000;

impl Gauges {
    /// Answers a request about gauges; `may_set` says whether whoever asks may name what a definition names.
    pub(crate) async fn answer(
        &self,
        request: &Request<'_>,
        asked: &GaugeRequest,
        may_set: impl FnOnce(&Definition) -> Result<(), server::Refusal> + Send,
    ) -> Answered {
        match asked {
            GaugeRequest::List(prefix) => Answered::Answer(self.list(prefix).await),
            GaugeRequest::Set(name) => self.set(request, name, may_set).await,
            GaugeRequest::Show(name, _) | GaugeRequest::Remove(name) | GaugeRequest::Merge(name) => {
                match self.directory.shard_of(name) {
                    None => Answered::Answer(missing(request, name)),
                    Some(shard) if shard != self.engine.here() => Answered::Elsewhere(shard),
                    Some(_) if matches!(asked, GaugeRequest::Remove(_)) => {
                        Answered::Answer(self.remove(request, name).await)
                    }
                    Some(_) => {
                        if matches!(asked, GaugeRequest::Merge(_)) {
                            self.all_told(name).await;
                        }
                        Answered::Answer(self.answer_here(request, name, asked))
                    }
                }
            }
            _ => Answered::Answer(whole(&Response::text(Status::NotFound), Vec::new())),
        }
    }

    /// Waits until the panes are told that are over by now: a gauge that is added to counts what is not told as lost.
    async fn all_told(&self, name: &Name) {
        let now = self.engine.own().clock().now();
        let is_over = || self.standing.lock().get(name).is_some_and(|one| one.gauge().is_over(now));
        while self.engine.own().order().is_none() && is_over() {
            tokio::task::yield_now().await;
        }
    }

    fn answer_here(&self, request: &Request<'_>, name: &Name, asked: &GaugeRequest) -> Answer {
        let mut all = self.standing.lock();
        let Some(one) = all.get_mut(name) else { return missing(request, name) };
        match asked {
            GaugeRequest::Show(_, format) => self.show(one, name, form(request, *format)),
            // The other gateways would not have it.
            GaugeRequest::Merge(_) if self.engine.own().order().is_some() => refused(request, &NO_MERGE),
            GaugeRequest::Merge(_) => {
                let shard = self.engine.own();
                match boxes::merge(one.gauge_mut(), request.body, shard.clock().now(), shard.budget()) {
                    Ok(()) => whole(&Response::text(Status::Ok), Vec::new()),
                    Err(error) => refused_as(request, error.into(), &error, None),
                }
            }
            _ => whole(&Response::text(Status::NotFound), Vec::new()),
        }
    }

    async fn remove(&self, request: &Request<'_>, name: &Name) -> Answer {
        let _turn = self.changing.lock().await;
        if !self.standing.lock().contains_key(name) {
            return missing(request, name);
        }
        if let Err(refusal) = self.engine.own().note(name, None).await {
            return refused(request, &refusal);
        }
        self.put_in_place(*name, None);
        self.directory.remove(name);
        self.tell_shard();
        self.heed_others();
        whole(&Response::text(Status::Ok), Vec::new())
    }

    /// Sets the gauges up that were kept and are not there, before anything is served; or that another gateway has noted,
    /// and removes those that are noted no more.
    pub(crate) fn restore(&self) {
        let (notes, mut is_changed) = (self.engine.own().notes(), false);
        let gone = |name: &Name| !notes.contains_key(name);
        let gone: Vec<_> = self.standing.lock().keys().filter(|name| gone(name)).copied().collect();
        for name in gone {
            self.put_in_place(name, None);
            self.directory.remove(&name);
            is_changed = true;
        }
        for (name, note) in notes {
            let (since, note) = noted(&note);
            let set = Definition::from_json(note).map_err(|wrong| wrong.to_string()).and_then(|definition| {
                if self.standing.lock().get(&name).is_some_and(|one| one.is_as_noted(since, &definition)) {
                    return Ok(false);
                }
                let to = readings(&name).ok_or("its name is too long")?;
                let budget = self.engine.own().budget();
                let one = Standing::new(name, to, &definition, self.engine.own(), budget.nothing());
                let mut one = one.map_err(|error| error.to_string())?;
                if let Some(since) = since {
                    // What is told twice within that time is published once.
                    let now = self.engine.own().settled();
                    one = one.since(since, Time::from_millis(now.as_millis().saturating_sub(TOLD_AGAIN)));
                }
                let place = Place::of(self.engine.here(), &definition);
                self.directory.insert(name, place, MOST).map_err(|error| error.to_string())?;
                self.put_in_place(name, Some(one));
                Ok(true)
            });
            match set {
                Ok(is_new) => is_changed |= is_new,
                Err(error) => tracing::warn!(gauge = %name, error, "a gauge that was kept is not set up"),
            }
        }
        if is_changed {
            self.tell_shard();
        }
    }

    /// Has what was noted last: another gateway may have noted something since what was noted here was executed.
    fn heed_others(&self) {
        if self.engine.own().order().is_some() {
            self.restore();
        }
    }

    /// Has the gauges that all gateways have, for ever.
    pub(crate) async fn heed_notes(&self) {
        loop {
            self.engine.own().noted().await;
            self.restore();
        }
    }

    fn show(&self, one: &mut Standing, name: &Name, format: Format) -> Answer {
        let now = self.engine.own().clock().now();
        let mut out = Vec::new();
        let Ok(()) = render(one.gauge_mut(), name.as_str(), format, now, &mut out) as Result<(), Infallible>;
        whole(&Response::new(format.media_type()), out)
    }

    /// Makes a gauge, or another one in its place: the same definition changes nothing.
    async fn set(
        &self,
        request: &Request<'_>,
        name: &Name,
        may_set: impl FnOnce(&Definition) -> Result<(), server::Refusal>,
    ) -> Answered {
        let definition = match Definition::from_json(request.body) {
            Ok(definition) => definition,
            Err(wrong) => return Answered::Answer(refused_as(request, GaugeProblem::Wrong, &wrong, None)),
        };
        if let Err(refusal) = may_set(&definition) {
            return Answered::Answer(refusal.answer(request));
        }
        let here = self.engine.here();
        match self.directory.shard_of(name) {
            Some(shard) if shard != here => return Answered::Elsewhere(shard),
            None if self.engine.home(&definition.topic) != here => {
                return Answered::Elsewhere(self.engine.home(&definition.topic));
            }
            _ => {}
        }
        Answered::Answer(self.set_here(request, name, &definition).await)
    }

    async fn set_here(&self, request: &Request<'_>, name: &Name, definition: &Definition) -> Answer {
        let _turn = self.changing.lock().await;
        let known = self.standing.lock().get(name).map(|one| one.gauge().definition() == definition);
        let Some(to) = readings(name) else { return missing(request, name) };
        if known == Some(true) {
            // Somebody may have removed their topic.
            if definition.every.is_some()
                && let Err(refusal) = self.engine.make_small_topic(&to, definition.longest_reading()).await
            {
                return refused(request, &refusal);
            }
            return whole(&Response::text(Status::Ok), self.too_long(definition, &to));
        }
        if known.is_some() && self.engine.home(&definition.topic) != self.engine.here() {
            let line = "a gauge stays with its topic: remove it first";
            return refused_as(request, GaugeProblem::Conflict, &line, None);
        }
        // That of its readings is made with it.
        let used = definition.rules.iter().filter_map(|rule| rule.to).chain([definition.topic]);
        for topic in used.filter(|topic| *topic != to) {
            if let Err(refusal) = self.engine.shard_of(&topic).may_use(&topic) {
                return refused(request, &refusal);
            }
        }
        let budget = self.engine.own().budget();
        let made = Standing::new(*name, to, definition, self.engine.own(), budget.nothing());
        let mut one = match made {
            Ok(one) => one,
            Err(SetupError::NoRoom) => {
                let before = self.standing.lock().get(name).map_or(0, Standing::bytes);
                let beside = if before > 0 {
                    format!("; the one that it would take the place of holds {before} until then: remove that first")
                } else {
                    String::new()
                };
                let line = format!(
                    "there is no room for this gauge: it needs {} bytes, and of the {} of --memory {} are left{beside}",
                    Gauge::<Boxes>::room(definition),
                    budget.bytes(),
                    budget.bytes().saturating_sub(budget.held())
                );
                return refused_as(request, GaugeProblem::NoRoom, &line, Some(("memory", budget.bytes())));
            }
            Err(error) => return refused_as(request, error.into(), &error, None),
        };
        let before = match self.directory.insert(*name, Place::of(self.engine.here(), definition), MOST) {
            Ok(before) => before,
            Err(error @ NoPlace::Full(most)) => {
                return refused_as(request, GaugeProblem::TooMany, &error, Some(("gauges", most as u64)));
            }
            Err(error) => return refused_as(request, GaugeProblem::Conflict, &error, None),
        };
        // What is refused leaves no topic behind.
        let is_made = if definition.every.is_some() {
            match self.engine.make_small_topic(&to, definition.longest_reading()).await {
                Ok(is_made) => is_made,
                Err(refusal) => {
                    self.directory.put_back(*name, before);
                    return refused(request, &refusal);
                }
            }
        } else {
            false
        };
        let mut note = Vec::new();
        if self.engine.own().order().is_some() {
            let since = one.next();
            note.extend_from_slice(format!("{since} ").as_bytes());
            one = one.since(since, Time::ZERO);
        }
        let Ok(()) = definition.write_json(&mut note) as Result<(), Infallible>;
        if let Err(refusal) = self.engine.own().note(name, Some(&note)).await {
            self.directory.put_back(*name, before);
            if is_made {
                self.engine.remove_topic(to);
            }
            return refused(request, &refusal);
        }
        self.put_in_place(*name, Some(one));
        self.tell_shard();
        self.heed_others();
        let status = if known.is_some() { Status::Ok } else { Status::Created };
        whole(&Response::text(status), self.too_long(definition, &to))
    }

    /// A line that says that the topic of its readings may not take all of them, if that is so.
    fn too_long(&self, definition: &Definition, to: &Name) -> Vec<u8> {
        let longest = definition.longest_reading();
        let most = definition.every.and_then(|_| self.engine.longest_message(to));
        let Some(most) = most.filter(|most| longest > *most) else { return Vec::new() };
        let line = format!(
            "a reading has {longest} bytes at most, and {to} takes {most}: what is longer is not published, and counts as untold\n"
        );
        line.into_bytes()
    }

    /// The definitions of all, as they are noted.
    pub(crate) fn notes(&self) -> Notes {
        let noted = |(name, one): (&Name, &Standing)| {
            let mut note = Vec::new();
            let Ok(()) = one.gauge().definition().write_json(&mut note) as Result<(), Infallible>;
            (*name, note.into())
        };
        self.standing.lock().iter().map(noted).collect()
    }

    /// There is a gauge more or less.
    fn tell_shard(&self) {
        let topics = self.standing.lock().values().map(|one| one.gauge().definition().topic).collect();
        self.engine.own().set_gauged(topics);
        self.changed.notify_one();
    }

    /// All gauges of all shards, in the order of their names.
    async fn list(&self, prefix: &Prefix) -> Answer {
        let prefix = *prefix;
        let mut all = self.of_all(move |gauges| gauges.listed(&prefix)).await;
        all.sort_unstable_by_key(|(name, _)| *name);
        let mut out = Vec::from(b"[");
        for (number, (_, one)) in all.iter().enumerate() {
            out.extend_from_slice(if number > 0 { b",\n " } else { b"" });
            out.extend_from_slice(one);
        }
        out.extend_from_slice(b"]\n");
        whole(&Response::JSON, out)
    }

    /// What each gauge of all shards has counted.
    pub(crate) async fn counted(&self) -> Vec<(Name, GaugeStats)> {
        self.of_all(|gauges| gauges.standing.lock().iter().map(|(name, one)| (*name, one.stats())).collect()).await
    }

    /// What is said of the gauges of each shard.
    async fn of_all<T: Send + 'static>(&self, say: impl Fn(&Self) -> Vec<T> + Clone + Send + 'static) -> Vec<T> {
        let (answer, mut answers) = mpsc::unbounded_channel();
        for (at, gauges) in self.directory.all().into_iter().enumerate() {
            let (answer, say) = (answer.clone(), say.clone());
            self.engine.threads().on(at, move || drop(answer.send(say(&gauges))));
        }
        drop(answer);
        let mut all = Vec::new();
        while let Some(some) = answers.recv().await {
            all.extend(some);
        }
        all
    }

    fn listed(&self, prefix: &Prefix) -> Vec<(Name, Vec<u8>)> {
        let all = self.standing.lock();
        let some = all.iter().filter(|(name, _)| name.as_bytes().starts_with(prefix.as_bytes()));
        some.map(|(name, one)| (*name, describe(name, one))).collect()
    }
}

/// For so many milliseconds an id counts once in the topic of a gauge's readings, and somewhat longer.
const TOLD_AGAIN: u64 = 100_000;

/// A definition that was noted, and the number of the message with which its gauge begins at each gateway, if there are
/// others.
fn noted(note: &[u8]) -> (Option<u64>, &[u8]) {
    let space = note.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(0);
    let (number, definition) = note.split_at(space);
    let number = std::str::from_utf8(number).ok().and_then(|number| number.parse().ok());
    (number, definition.trim_ascii_start())
}

/// One gauge as the list has it: what it measures, what it holds, what it costs.
fn describe(name: &Name, one: &Standing) -> Vec<u8> {
    let Cost { messages, nanoseconds, behind } = one.cost();
    let Counters { missed, untold, .. } = *one.gauge().counters();
    let mut out = format!("{{\"name\":\"{name}\",\"definition\":").into_bytes();
    let Ok(()) = one.gauge().definition().write_json(&mut out) as Result<(), Infallible>;
    out.extend_from_slice(
        format!(
            ",\"bytes\":{},\"messages\":{messages},\"nanoseconds\":{nanoseconds},\"behind\":{behind},\"missed\":{missed},\"untold\":{untold}}}",
            one.bytes()
        )
        .as_bytes(),
    );
    out
}

fn missing(request: &Request<'_>, name: &Name) -> Answer {
    refused_as(request, GaugeProblem::Missing, &format_args!("there is no gauge {name}"), None)
}

fn refused_as(request: &Request<'_>, why: GaugeProblem, line: &dyn Display, limit: Option<(&str, u64)>) -> Answer {
    let mut body = Vec::new();
    let Ok(response) = refuse_gauge(why, line, limit, request, &mut body) as Result<Response, Infallible>;
    whole(&response, body)
}

#[cfg(test)]
mod tests {
    use super::noted;

    #[test]
    fn a_note_says_where_its_gauge_begins_if_there_are_others() {
        assert_eq!(noted(b"{\"a\":1}"), (None, &b"{\"a\":1}"[..]));
        assert_eq!(noted(b"17 {}"), (Some(17), &b"{}"[..]));
        assert_eq!(noted(b""), (None, &b""[..]));
        assert_eq!(noted(b"99999999999999999999 {}").0, None);
    }
}
