//! What a file says: TOML, each member of which has its place.

use std::ffi::OsString;
use std::ops::Range;

use toml_edit::{Document, Item, Key, TableLike, Value};

use super::declared::{Declared, Kind};
use super::settings::{Settings, Takes};
use super::show::of_one_line;
use super::wrong::Wrong;
use super::{Origin, Said};
use crate::terminal::meant::{meant, nearest};

/// The table of the settings.
const SERVER: &str = "server";

/// Reads a file, as far as it can be read.
pub(super) fn read(
    path: &str,
    bytes: &[u8],
    settings: &Settings,
    wrong: &mut Vec<Wrong>,
) -> (Vec<Said>, Vec<Declared>) {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let place = Place::of(&String::from_utf8_lossy(&bytes[..error.valid_up_to()]), error.valid_up_to());
            wrong.push(Wrong::new(place.at(path), "", "this is not UTF-8"));
            return Default::default();
        }
    };
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(error) => {
            let place = Place::of(text, error.span().unwrap_or_default().start);
            let line = error.message().lines().map(str::trim).collect::<Vec<_>>().join(", ");
            // The only one of these that is about a member.
            let twice = error.span().filter(|_| line == "duplicate key").and_then(|span| text.get(span));
            let member = twice.filter(|key| !key.contains(char::is_control)).unwrap_or_default();
            wrong.push(Wrong::new(place.at(path), member, line));
            return Default::default();
        }
    };
    let mut reading = Reading { path, text, settings, wrong: Vec::new(), said: Vec::new(), declared: Vec::new() };
    reading.root(document.as_table());
    reading.wrong.sort_by_key(|(place, _)| *place);
    wrong.extend(reading.wrong.into_iter().map(|(_, wrong)| wrong));
    // Each may name what is made before it.
    reading.declared.sort_by_key(Declared::rank);
    (reading.said, reading.declared)
}

/// A line and a column, both from 1 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    /// That of a byte.
    fn of(text: &str, at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { line, column }
    }

    fn at(self, path: &str) -> String {
        format!("{path}:{}:{}", self.line, self.column)
    }
}

struct Reading<'a> {
    path: &'a str,
    text: &'a str,
    settings: &'a Settings,
    wrong: Vec<(Place, Wrong)>,
    said: Vec<Said>,
    declared: Vec<Declared>,
}

impl Reading<'_> {
    fn root(&mut self, root: &dyn TableLike) {
        for (key, item) in members(root) {
            let name = key.get();
            let kind = Kind::ALL.into_iter().find(|kind| kind.table() == name);
            match (kind, item.as_table_like()) {
                _ if kind.is_none() && name != SERVER => {
                    let line = if self.settings.get(name).is_some() {
                        format!("settings stand in the table [{SERVER}]")
                    } else {
                        let tables = Kind::ALL.into_iter().map(Kind::table).chain([SERVER]);
                        format!("there is no such table{}", meant(nearest(name, tables)))
                    };
                    self.wrong_at(key.span(), name, line);
                }
                (_, None) => self.wrong_at(key.span(), name, "must be a table"),
                (None, Some(table)) => self.server(table),
                (Some(kind), Some(table)) => self.declarations(kind, table),
            }
        }
    }

    fn server(&mut self, table: &dyn TableLike) {
        for (key, item) in members(table) {
            let name = key.get();
            let member = format!("{SERVER}.{name}");
            let Some(setting) = self.settings.get(name) else {
                let line = format!("there is no such setting{}", meant(self.settings.nearest(name)));
                self.wrong_at(key.span(), &member, line);
                continue;
            };
            let span = item.span().or(key.span());
            let values = match values(setting.takes, item) {
                Ok(values) => values,
                Err(line) => {
                    self.wrong_at(span, &member, line);
                    continue;
                }
            };
            for value in values.iter().filter(|_| setting.takes != Takes::Switch) {
                if let Err(line) = self.settings.judge(setting, value) {
                    self.wrong_at(span.clone(), &member, line);
                }
            }
            let line = self.place(key.span()).line;
            self.said.push(Said { name: name.to_owned(), values, origin: Origin::File(self.path.to_owned(), line) });
        }
    }

    fn declarations(&mut self, kind: Kind, table: &dyn TableLike) {
        for (key, item) in members(table) {
            let member = format!("{}.{}", kind.table(), key.get());
            let Some(settings) = item.as_table_like() else {
                self.wrong_at(key.span(), &member, "must be a table");
                continue;
            };
            let at = (self.path.to_owned(), self.place(key.span()).line);
            match Declared::new(kind, key.get(), settings, at) {
                Ok(declared) => self.declared.push(declared),
                Err(all) => {
                    for (wrong, line) in all {
                        let found = wrong.as_deref().and_then(|wrong| settings.get_key_value(wrong));
                        let span = found.map_or(key.span(), |(key, _)| key.span());
                        let member = wrong.map_or_else(|| member.clone(), |wrong| format!("{member}.{wrong}"));
                        self.wrong_at(span, &member, line);
                    }
                }
            }
        }
    }

    fn place(&self, span: Option<Range<usize>>) -> Place {
        Place::of(self.text, span.unwrap_or_default().start)
    }

    fn wrong_at(&mut self, span: Option<Range<usize>>, member: &str, line: impl std::fmt::Display) {
        let place = self.place(span);
        self.wrong.push((place, Wrong::new(place.at(self.path), of_one_line(member), line)));
    }
}

/// The members of a table, with the places of their keys.
fn members(table: &dyn TableLike) -> impl Iterator<Item = (&Key, &Item)> {
    table.iter().filter_map(|(name, _)| table.get_key_value(name))
}

/// The values of a setting, as they would be typed.
fn values(takes: Takes, item: &Item) -> Result<Vec<OsString>, &'static str> {
    let value = item.as_value().ok_or("must be a value, not a table")?;
    match (takes, value) {
        (Takes::Switch, Value::Boolean(is_on)) => Ok(vec![is_on.value().to_string().into()]),
        (Takes::Switch, _) => Err("must be true or false"),
        (Takes::One, value) => text(value).map(|text| vec![text]).ok_or("must be a text or a number"),
        (Takes::Many, Value::Array(array)) => {
            array.iter().map(text).collect::<Option<_>>().ok_or("must be an array of texts or numbers")
        }
        (Takes::Many, value) => text(value).map(|text| vec![text]).ok_or("must be a text, or an array of them"),
    }
}

/// A value as it would be typed, if it can be.
fn text(value: &Value) -> Option<OsString> {
    Some(match value {
        Value::String(text) => text.value().into(),
        Value::Integer(number) => number.value().to_string().into(),
        Value::Float(number) => number.value().to_string().into(),
        _ => return None,
    })
}
