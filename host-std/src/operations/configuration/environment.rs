//! What the environment says of settings.

use std::ffi::OsString;

use super::settings::{Settings, Takes};
use super::wrong::Wrong;
use super::{Origin, Said};
use crate::operations::service;
use crate::terminal::meant::nearest;

/// What every variable of a setting begins with.
const PREFIX: &str = "STREAMGAUGE_";

/// Variables that are no settings: those of the commands that talk to a server, and how an upgrade is told.
const OF_OTHERS: [&str; 5] =
    ["STREAMGAUGE_URL", "STREAMGAUGE_TOKEN", "STREAMGAUGE_TOKEN_FILE", "STREAMGAUGE_CA_FILE", service::UPGRADE];

/// The variable of a setting.
pub(super) fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.to_ascii_uppercase().replace('-', "_"))
}

/// Reads all variables, and warns of those that nobody reads. One that is empty says nothing.
pub(super) fn read(
    variables: &[(String, OsString)],
    settings: &Settings,
    wrong: &mut Vec<Wrong>,
) -> (Vec<Said>, Vec<String>) {
    let (mut said, mut known) = (Vec::new(), OF_OTHERS.map(str::to_owned).to_vec());
    for setting in settings.all() {
        let variable = variable(&setting.name);
        known.push(variable.clone());
        let value = variables.iter().find(|(name, value)| *name == variable && !value.is_empty());
        let Some((_, value)) = value else { continue };
        let values: Vec<OsString> = match (setting.takes, value.to_str()) {
            (Takes::Many, Some(text)) => text.split(',').map(|text| text.trim().into()).collect(),
            _ => vec![value.clone()],
        };
        for value in &values {
            let judged = match setting.takes {
                Takes::Switch if value == "true" || value == "false" => Ok(()),
                Takes::Switch => Err("must be true or false".to_owned()),
                _ => settings.judge(setting, value),
            };
            wrong.extend(judged.err().map(|line| Wrong::new(&variable, "", line)));
        }
        said.push(Said { name: setting.name.clone(), values, origin: Origin::Environment(variable) });
    }
    let mut unknown: Vec<_> = variables.iter().map(|(name, _)| name).filter(|name| name.starts_with(PREFIX)).collect();
    unknown.retain(|name| !known.contains(name));
    unknown.sort_unstable();
    let warnings = unknown.into_iter().filter_map(|name| {
        let rest = |name: &str| name.strip_prefix(PREFIX).unwrap_or_default().to_ascii_lowercase().replace('_', "-");
        let names: Vec<_> = known.iter().map(|name| rest(name)).collect();
        let meant = nearest(&rest(name), names.iter().map(|name| &**name))?;
        Some(format!("{name} is not read by anybody: did you mean {}?", variable(meant)))
    });
    let warnings = warnings.collect();
    (said, warnings)
}
