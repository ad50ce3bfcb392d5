//! Rules, from JSON.

use core::time::Duration;

use super::each_member;
use super::value::Value;
use crate::gauge::definition::{Bound, MOST_RULES, Rule, Setting, Statistic, Wrong};

/// One rule, or an array of rules.
pub(super) fn rules(value: Value<'_>) -> Result<heapless::Vec<Rule, MOST_RULES>, Wrong> {
    let mut rules = heapless::Vec::new();
    for value in value.one_or_more() {
        rules.push(rule(value)?).map_err(|_| Setting::When.wrong())?;
    }
    Ok(rules)
}

fn rule(value: Value<'_>) -> Result<Rule, Wrong> {
    let (mut bound, mut until, mut change, mut hold, mut to) = (None, None, None, Duration::ZERO, None);
    let mut take = |setting: Setting, value: Value<'_>| {
        match setting {
            Setting::WhenUntil => until = Some(value.float().ok_or(setting.wrong())?),
            Setting::WhenFor => hold = value.duration().ok_or(setting.wrong())?,
            Setting::WhenTo => to = Some(value.name().ok_or(setting.wrong())?),
            _ if value.says("up") => change = Some(Bound::Up),
            _ if value.says("down") => change = Some(Bound::Down),
            _ => return Err(setting.wrong()),
        }
        Ok(())
    };
    let mut other = |name, value: Value<'_>| {
        let Some((statistic, is_above)) = condition(name) else { return Ok(false) };
        if !value.is_null() {
            let number = value.float().ok_or(Wrong::Setting(statistic.name(), "above or below a number, in when"))?;
            if bound.replace((statistic, is_above, number)).is_some() {
                return Err(ONE_CONDITION);
            }
        }
        Ok(true)
    };
    let object = value.object().ok_or(Setting::When.wrong())?;
    each_member(object, "when", &Setting::OF_RULE, &mut take, &mut other)?;
    let (statistic, bound) = match (bound, change, until) {
        (Some((statistic, true, bound)), None, until) => (statistic, Bound::Above(bound, until.unwrap_or(bound))),
        (Some((statistic, false, bound)), None, until) => (statistic, Bound::Below(bound, until.unwrap_or(bound))),
        (None, Some(change), None) => (Statistic::Change, change),
        (None, Some(_), Some(_)) => {
            return Err(Wrong::Setting("when.until", "left out where change is: it has no bound"));
        }
        _ => return Err(ONE_CONDITION),
    };
    Ok(Rule { statistic, bound, hold, to })
}

const ONE_CONDITION: Wrong =
    Wrong::Setting("when", "about one thing in each rule, such as {\"p99 >\":250} or {\"change\":\"up\"}");

/// What a name such as `"p99 >"` means: of which result, and whether it has to be above.
fn condition(name: &str) -> Option<(Statistic, bool)> {
    let said = Value::new(name).text::<16>().ok()?;
    let (statistic, is_above) = match said.strip_suffix(" >") {
        Some(statistic) => (statistic, true),
        None => (said.strip_suffix(" <")?, false),
    };
    let statistic = Statistic::named(statistic).filter(|statistic| *statistic != Statistic::Change)?;
    Some((statistic, is_above))
}
