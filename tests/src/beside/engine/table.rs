//! Medians of the rounds.

use super::queue::Figures;
use super::{Options, Round};
use crate::beside::Load;
use crate::beside::table::median;

/// What the columns are.
const LEGEND: &str = "\
CPU       user and system, for a message: of the gateway that is asked; of the one that follows, which is what each
          further gateway takes; of the three servers of NATS together
adds      what the latency through the gateway is more, round by round
delivery  CPU of a gateway or server for a message that one of its own subscribers gets; the publish is in it. The other
          gateway is not asked, the other server in memory is";

/// Prints all of it.
pub(super) fn print(options: &Options, rounds: &[Round], others: u64) {
    let number = rounds.len();
    println!("medians of {number} rounds in turn; others took {others} % of all CPU time\n");
    for (at, load) in options.queues.iter().enumerate() {
        print_queues(at, load, rounds);
    }
    println!(
        "{:<44} {:>9} {:>12} {:>12} {:>9}",
        "messages of 100 bytes to subscribers", "a second", "delivery µs", "the other", "x memory"
    );
    for (at, load) in options.topics.iter().enumerate() {
        print_topics(at, load, options.subscribers, rounds);
    }
    println!("\n{LEGEND}");
}

fn print_queues(at: usize, load: &Load, rounds: &[Round]) {
    let Load { connections, items, at_most, .. } = load;
    println!("items of 100 bytes, {connections} in flight: {items}, or {at_most:?}");
    println!(
        "{:<24} {:>9} {:>10} {:>10} {:>10} {:>9} {:>9}",
        "", "a second", "asked CPU", "follows", "NATS", "p50 µs", "p99 µs"
    );
    for (work, name) in ["put", "get"].into_iter().enumerate() {
        let figure = |who: usize, figure: fn(&Figures) -> f64| {
            median(rounds.iter().map(|round| figure(&round.queues[at][who][work])).collect())
        };
        let adds = |figure: fn(&Figures) -> f64| {
            let more = rounds
                .iter()
                .map(|round| &round.queues[at])
                .map(|[gateway, jet_stream]| figure(&gateway[work]) - figure(&jet_stream[work]));
            median(more.collect())
        };
        for (who, party) in ["through a gateway", "JetStream, R3"].into_iter().enumerate() {
            // Nobody asks a gateway when it is JetStream's turn.
            let of_gateways = |value: f64| if who == 0 { format!("{value:.1}") } else { "-".to_owned() };
            println!(
                "{:<24} {:>9.0} {:>10} {:>10} {:>10.1} {:>9.0} {:>9.0}",
                format!("{name} {party}"),
                figure(who, |figures| figures.per_second),
                of_gateways(figure(who, |figures| figures.spent.asked)),
                of_gateways(figure(who, |figures| figures.spent.follows)),
                figure(who, |figures| figures.spent.engine),
                figure(who, |figures| figures.p50),
                figure(who, |figures| figures.p99),
            );
        }
        let (p50, p99) = (adds(|figures| figures.p50), adds(|figures| figures.p99));
        println!("{:<24} {:>9} {:>10} {:>10} {:>10} {p50:>9.0} {p99:>9.0}", "  the gateway adds", "", "", "", "");
    }
    println!();
}

fn print_topics(at: usize, load: &Load, subscribers: usize, rounds: &[Round]) {
    let of = |figure: &dyn Fn(&Round) -> f64| median(rounds.iter().map(figure).collect());
    let half = subscribers / 2;
    let each_second = load.pace.map_or(f64::NAN, |pace| pace.as_secs_f64().recip());
    for (who, name) in ["gateways", "servers in memory"].into_iter().enumerate() {
        let both = |round: &Round, who: usize| round.topics[at][who].each.iter().sum::<f64>();
        println!(
            "{:<44} {:>9.0} {:>12.2} {:>12.2} {:>9.2}",
            format!("two {name}, {half} each; {each_second:.0} publishes a second"),
            of(&|round| round.topics[at][who].per_second),
            of(&|round| round.topics[at][who].each[0]),
            of(&|round| round.topics[at][who].each[1]),
            of(&|round| both(round, who) / both(round, 1)),
        );
    }
}
