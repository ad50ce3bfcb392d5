//! Clients on two queues of one server at the same time: whatever they are told, one order of it all explains it, also
//! when the network between them is cut, and nothing is lost.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use streamgauge_core::generate::Rng;
use streamgauge_tests::history::{Answer, Call, Client, History, Operation, Returns, Rules, conserved, linearizable};
use streamgauge_tests::link::Link;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::SOON;

const QUEUES: [&str; 2] = ["a", "b"];
const CLIENTS: usize = 4;

/// One clock, which the server reads to a millisecond.
const RULES: Rules = Rules { tolerance: Duration::from_millis(2), returns: Returns::AtOnce };

/// Short enough that some run out.
const LEASE: Duration = Duration::from_millis(50);

/// Asks for one thing after another, at random, until it is over or so much is done.
fn work(mut client: Client<'_>, number: usize, operations: usize, is_over: impl Fn() -> bool) {
    let mut luck = Rng::new(number as u64);
    let mut tokens = [Vec::new(), Vec::new()];
    for item in (0..operations as u64).take_while(|_| !is_over()).map(|n| number as u64 * 1_000_000 + n) {
        let which = luck.below(2) as usize;
        let (queue, tokens) = (QUEUES[which], &mut tokens[which]);
        let answer = match luck.below(10) {
            0..4 => client.put(queue, item),
            4 => client.get(queue),
            5..7 => client.lease(queue, LEASE),
            kind => {
                // Some are kept until they are over, and some are settled twice.
                let Some(token) = tokens.get(luck.below(1 + tokens.len() as u64) as usize).cloned() else { continue };
                tokens.retain(|other| *other != token || luck.below(10) == 0);
                if kind == 9 { client.nack(queue, &token) } else { client.ack(queue, &token) }
            }
        };
        tokens.extend(if let Answer::Lent { token, .. } = answer { Some(token) } else { None });
        if luck.below(200) == 0 {
            thread::sleep(LEASE);
        }
    }
}

/// Gets all that is there, when everything is over.
fn drain(history: &History, server: SocketAddr) {
    thread::sleep(2 * LEASE);
    let mut client = Client::new(history, CLIENTS, &[server], SOON);
    for queue in QUEUES {
        while client.get(queue) != Answer::Empty {}
    }
}

fn judge(operations: &[Operation]) -> [Result<(), String>; 2] {
    let text = |verdict: Result<(), _>| verdict.map_err(|wrong: streamgauge_tests::history::Wrong| wrong.to_string());
    [text(conserved(operations, &[], &RULES)), text(linearizable(operations, &RULES))]
}

#[track_caller]
fn assert_right(operations: &[Operation]) {
    for verdict in judge(operations) {
        verdict.unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

fn count(operations: &[Operation], is_it: impl Fn(&Operation) -> bool) -> usize {
    operations.iter().filter(|operation| is_it(operation)).count()
}

/// What is told instead of an answer, if it is one to lie about, after what was told before.
type Lie = fn(&[Operation], &Operation) -> Option<Answer>;

/// Whether somebody was told before that what was lent under this token is settled. Of a lease that ran out that does
/// not say enough: until its item is given away again, no answer forbids that it is settled late.
fn was_settled(before: &[Operation], call: &Call) -> bool {
    let (Call::Ack(token) | Call::Nack(token)) = call else { return false };
    before.iter().any(|earlier| {
        earlier.answer == Answer::Done && matches!(&earlier.call, Call::Ack(it) | Call::Nack(it) if it == token)
    })
}

#[test]
fn one_order_explains_what_clients_are_told_and_none_explains_a_lie() {
    let server = Server::everything([""; 0]);
    let history = History::new();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = Client::new(&history, number, &[server.address], SOON);
            scope.spawn(move || work(client, number, 1500, || false));
        }
    });
    drain(&history, server.address);
    let operations = history.operations();
    assert_eq!(count(&operations, |operation| !operation.is_known()), 0, "a server that is there answers");
    assert!(count(&operations, |operation| operation.answer == Answer::Gone) > 10, "leases run out");
    assert_right(&operations);

    // Whatever of its answers one of them makes up, it is found out.
    let lies: [(&str, Lie); 4] = [
        ("empty", |_, operation| matches!(operation.answer, Answer::Item(_)).then_some(Answer::Empty)),
        ("done", |before, operation| {
            (operation.answer == Answer::Gone && was_settled(before, &operation.call)).then_some(Answer::Done)
        }),
        ("the lease is over", |_, operation| {
            (matches!(operation.call, Call::Ack(_)) && operation.answer == Answer::Done).then_some(Answer::Gone)
        }),
        ("an item of nobody", |_, operation| {
            matches!(operation.answer, Answer::Item(_)).then_some(Answer::Item(u64::MAX))
        }),
    ];
    for (name, lie) in lies {
        let mut told = operations.clone();
        // In the midst, and of who has not been idle for a lease.
        let begin = told.len() / 2;
        let (place, answer) =
            (begin..told.len()).find_map(|at| Some((at, lie(&told[..at], &told[at])?))).expect("one to lie about");
        println!("{name} instead of: {}", told[place]);
        told[place].answer = answer;
        for verdict in judge(&told) {
            println!("{}\n", verdict.err().unwrap_or_else(|| "not seen".into()));
        }
        assert!(judge(&told).iter().any(Result::is_err), "{name} is not found out");
    }
}

#[test]
fn one_order_explains_what_clients_are_told_while_the_network_is_cut() {
    let server = Server::everything([""; 0]);
    let mut links = [Link::to(server.address), Link::to(server.address)];
    let history = History::new();
    let addresses = links.each_ref().map(Link::address);
    let begun = Instant::now();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = Client::new(&history, number, &addresses, Duration::from_millis(100));
            scope.spawn(move || work(client, number, usize::MAX, || begun.elapsed() > Duration::from_secs(3)));
        }
        for round in 0..6 {
            let link = &mut links[round % 2];
            thread::sleep(Duration::from_millis(200));
            if round % 3 == 2 {
                link.refuse()
            } else {
                link.cut()
            }
            thread::sleep(Duration::from_millis(250));
            link.mend();
        }
    });
    drain(&history, server.address);
    let operations = history.operations();
    let unknown = count(&operations, |operation| !operation.is_known());
    println!("{unknown} of {} operations are unknown", operations.len());
    assert!(unknown > 4, "{unknown} are unknown");
    assert_right(&operations);
}
