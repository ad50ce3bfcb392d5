//! `streamgauge state`: what is shared, shown, exported or removed.

use clap::{Args, ValueEnum};

use crate::commands::EXIT_CODES;
use crate::commands::measure::{graph, histogram, moments};
use crate::results::StateError;
use crate::results::redis::{Key, Link, Shared, Target};
use crate::results::tally::{Bars, GraphTally, HistogramTally, MomentsTally, Summary, WeightedEdges};
use crate::terminal::StartError;
use crate::terminal::exit::Failure;
use crate::terminal::output;
use crate::terminal::signals::Stop;

/// Show, export or remove what is shared in Redis
#[derive(Debug, Args)]
#[command(after_long_help = EXIT_CODES)]
pub struct Options {
    /// What to do with it
    #[arg(value_enum)]
    action: Action,
    /// Where it is: redis://host:port/db
    #[arg(long, value_name = "STATE")]
    state: String,
    /// Its name
    #[arg(long, value_name = "NAME")]
    key: Key,
    #[command(flatten)]
    show: graph::Show,
}

/// What can be done with a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Print it for people
    Show,
    /// Print it for programs: JSON, or a graph's edges, or as --format says
    Export,
    /// Remove it
    Reset,
}

pub(crate) async fn run(options: Options, mut stop: Stop) -> Result<Result<(), Failure>, StartError> {
    let target = Target::new(&options.state, options.key.clone(), None).map_err(StartError::new)?;
    let mut link = Link::new(target);
    Ok(stop.before(options.run(&mut link)).await)
}

impl Options {
    async fn run(&self, link: &mut Link) -> Result<(), Failure> {
        let text = match link.follow().await.map_err(unreachable)? {
            // What else is kept under that name is not ours to remove.
            None => return Err(Failure::Refused(format!("--key {}: there is no such state", self.key))),
            Some((kind, _)) if self.action == Action::Reset => {
                let removed = link.reset(kind == GraphTally::KIND).await.map_err(unreachable)?;
                format!("removed {removed} keys\n")
            }
            Some((kind, _)) if kind == MomentsTally::KIND => self.moments(&load(link, &MomentsTally::default()).await?),
            Some((kind, spec)) if kind == HistogramTally::KIND => {
                let empty = spec.parse().ok().and_then(|shape| HistogramTally::new(shape).ok());
                let empty = empty.ok_or_else(|| Failure::Refused(format!("--key {}: bad spec `{spec}`", self.key)))?;
                self.histogram(&load(link, &empty).await?)
            }
            Some((kind, spec)) if kind == GraphTally::KIND => {
                self.graph(&load(link, &GraphTally::of_spec(&spec)).await?)
            }
            Some((kind, _)) => return Err(Failure::Refused(format!("--key {}: `{kind}` is unknown", self.key))),
        };
        output::write(text.as_bytes())
    }

    fn moments(&self, total: &Summary) -> String {
        let show = if self.action == Action::Show { moments::line } else { moments::json };
        show(total) + "\n"
    }

    fn histogram(&self, bars: &Bars) -> String {
        histogram::text(bars, self.action == Action::Export)
    }

    fn graph(&self, graph: &WeightedEdges) -> String {
        let default = if self.action == Action::Show { graph::Format::Table } else { graph::Format::Edges };
        self.show.text_or(graph, default)
    }
}

async fn load<T: Shared>(link: &mut Link, empty: &T) -> Result<T::Total, Failure> {
    link.load(empty).await.map_err(unreachable)
}

fn unreachable(error: StateError) -> Failure {
    Failure::Unreachable(error.to_string())
}
