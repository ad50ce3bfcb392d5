//! `streamgauge graph`: how often one thing leads to another.

mod formats;
mod svg;

use std::borrow::Cow;

use clap::{Args, ValueEnum};
use streamgauge_core::select::{Number, Path, Value, find};
use streamgauge_core::stats::graph::Direction;

use super::drive::{self, Measure, drive};
use super::values::{Rejected, excerpt, next, scalar, why};
use super::{EXIT_CODES, path};
use crate::results::StateOptions;
use crate::results::tally::{GraphTally, WeightedEdges};
use crate::terminal::StartError;
use crate::terminal::exit::Failure;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// A weighted graph of two fields of JSON records: how often one leads to the other
///
/// Heartbeats (records with a field `_heartbeat_`) are skipped and counted, and so are records without one of the two
/// fields. Beyond --max-edges the heaviest stay, and it is shown by how much each weight can be too large.
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// The field where edges start: a key, or a path such as user.age or ll.0
    #[arg(long, value_name = "PATH", value_parser = path)]
    from: Path<String>,
    /// The field that they lead to
    #[arg(long, value_name = "PATH", value_parser = path)]
    to: Path<String>,
    /// Edges have no direction: A to B is the same as B to A
    #[arg(long)]
    undirected: bool,
    /// Most edges in memory
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = max_edges)]
    max_edges: usize,
    #[command(flatten)]
    show: Show,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    drive: drive::Options,
    #[command(flatten)]
    state: StateOptions,
    /// A database of its own for the nodes, which are then keys without the name of the result in front: what the
    /// workshop's scripts read as a graph
    #[arg(long, value_name = "DB", help_heading = "State")]
    nodes_db: Option<u32>,
}

/// What is shown of a graph, and how.
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// Show so many edges, the heaviest [default: 20 in a table, 60 in a drawing, else all]
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    /// How to print a graph [default: table]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// How a graph is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// from TAB to TAB weight, sorted by weight, then from, then to
    Edges,
    /// For graphviz
    Dot,
    /// For Gephi, yEd, networkx
    Graphml,
    /// Node-link, for d3, and for networkx: node_link_graph(data, edges="links")
    Json,
    /// A drawing
    Svg,
}

fn max_edges(text: &str) -> Result<usize, String> {
    const MOST: usize = 100_000_000;
    text.parse().ok().filter(|number| (1..=MOST).contains(number)).ok_or_else(|| format!("must be from 1 to {MOST}"))
}

pub(super) async fn run(options: Options, stop: Stop) -> Result<Result<(), Failure>, StartError> {
    let direction = if options.undirected { Direction::Undirected } else { Direction::Directed };
    let heartbeat = Path::key("_heartbeat_".to_owned()).expect("a key");
    let mut show = options.show;
    if options.json {
        show.format = Some(Format::Json);
    }
    let meter = Meter { paths: [options.from, options.to, heartbeat], show, records: 0, rejected: Rejected::default() };
    // What is on its way to others has to be exact: only what is shown is bounded then.
    let tally = if options.state.is_shared() {
        GraphTally::exact(direction, options.max_edges)
    } else {
        GraphTally::bounded(direction, options.max_edges).map_err(StartError::new)?
    };
    let state = options.state.nodes_in(options.nodes_db);
    drive(&options.drive, &state, meter, tally, stop).await
}

impl Show {
    /// The graph as text.
    pub(crate) fn text_or(&self, graph: &WeightedEdges, default: Format) -> String {
        let format = self.format.unwrap_or(default);
        let default = match format {
            Format::Table => 20,
            Format::Svg => 60,
            _ => usize::MAX,
        };
        let edges = graph.heaviest(self.top.unwrap_or(default));
        match format {
            Format::Table => formats::table(graph, edges),
            Format::Edges => formats::edges(graph, edges),
            Format::Dot => formats::dot(graph, edges),
            Format::Graphml => formats::graphml(graph, edges),
            Format::Json => formats::json(graph, edges),
            Format::Svg => svg::svg(graph, edges),
        }
    }
}

struct Meter {
    paths: [Path<String>; 3],
    show: Show,
    records: u64,
    rejected: Rejected,
}

impl Measure for Meter {
    type Tally = GraphTally;

    fn take(&mut self, input: &mut &[u8], separator: u8, most: u64, tally: &mut GraphTally) -> u64 {
        let mut taken = 0;
        while taken < most && !input.is_empty() {
            let record = next(input, separator);
            if record.is_empty() {
                continue;
            }
            taken += 1;
            self.records += 1;
            let counters = &mut tally.counters;
            counters.records += 1;
            let counter = match find(record, &self.paths).map(|found| found.map(scalar)) {
                Ok([_, _, Some(_)]) => {
                    self.rejected.passed_over += 1;
                    &mut counters.heartbeats
                }
                Ok([from, to, _]) => match (node(from), node(to)) {
                    (Some(from), Some(to)) if from.len().max(to.len()) > LONGEST_NAME => {
                        self.rejected.records += 1;
                        &mut counters.too_long
                    }
                    (Some(from), Some(to)) => {
                        tally.add(from.into(), to.into(), 1);
                        continue;
                    }
                    _ => {
                        self.rejected.records += 1;
                        &mut counters.missing
                    }
                },
                Err(malformed) => {
                    let (number, why) = (self.records, why(malformed));
                    self.rejected.records += 1;
                    self.rejected.first.get_or_insert_with(|| format!("record {number} {why}: {}", excerpt(record)));
                    &mut counters.not_json
                }
            };
            *counter += 1;
        }
        taken
    }

    fn progress(&self, graph: &WeightedEdges) -> Result<(), Failure> {
        self.result(graph)
    }

    fn result(&self, graph: &WeightedEdges) -> Result<(), Failure> {
        output::write(self.show.text_or(graph, Format::Table).as_bytes())
    }

    fn rejected(&self) -> &Rejected {
        &self.rejected
    }
}

/// Bytes of a node's name; with --max-edges that bounds the memory.
const LONGEST_NAME: usize = 4096;

/// A field as the name of a node. Half of a surrogate pair in it is U+FFFD.
fn node(field: Option<Value<'_>>) -> Option<Cow<'_, str>> {
    let value = field.filter(|value| !value.is_null())?;
    Some(match (value.text(), value.number()) {
        (Some(text), _) => text.plain().map_or_else(|| text.chars().collect(), Cow::Borrowed),
        (None, Some(number)) => named(number),
        (None, None) => value.raw().into(),
    })
}

/// The same name for numbers that are worth the same, as far as an `f64` or 64 bits tell.
fn named(number: Number<'_>) -> Cow<'_, str> {
    let whole = number.to_u64().map(|whole| whole.to_string());
    let whole = whole.or_else(|| number.to_i64().map(|whole| whole.to_string()));
    match (whole, number.to_f64()) {
        (Some(whole), _) => whole.into(),
        (None, float) if float.is_finite() => float.to_string().into(),
        (None, _) => number.raw().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_by_what_the_field_says() {
        for (record, name) in [
            (r#"{"a":"x"}"#, Some("x")),
            (r#"{"a":"\u0061\/\ud83d"}"#, Some("a/\u{fffd}")),
            (r#"{"a":""}"#, Some("")),
            (r#"{"a":true}"#, Some("true")),
            (r#"{"a":7}"#, Some("7")),
            (r#"{"a":-7.0}"#, Some("-7")),
            (r#"{"a":1e3}"#, Some("1000")),
            (r#"{"a":18446744073709551615}"#, Some("18446744073709551615")),
            (r#"{"a":1.50}"#, Some("1.5")),
            (r#"{"a":1e21}"#, Some("1000000000000000000000")),
            (r#"{"a":1e400}"#, Some("1e400")),
            (r#"{"a":null}"#, None),
            (r#"{"a":[1]}"#, None),
            (r#"{"b":1}"#, None),
        ] {
            let [value] = find(record.as_bytes(), &[Path::parse("a").unwrap()]).unwrap();
            assert_eq!(node(scalar(value)).as_deref(), name, "{record}");
        }
    }
}
