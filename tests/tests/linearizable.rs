//! Clients on two queues of one server at the same time: whatever they are told, one order of it all explains it, also
//! when the network between them is cut or the server is killed, and nothing is lost.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use streamgauge_core::generate::Rng;
use streamgauge_tests::build::tool;
use streamgauge_tests::history::{
    Answer, Call, Client, History, Operation, Returns, Rules, Wrong, conserved, linearizable,
};
use streamgauge_tests::law::lawful;
use streamgauge_tests::link::Link;
use streamgauge_tests::ports::free_address;
use streamgauge_tests::process::Server;
use streamgauge_tests::wait::{SOON, until_within};
use tempfile::TempDir;

const QUEUES: [&str; 2] = ["a", "b"];
const CLIENTS: usize = 4;

/// One clock, which the server reads to a millisecond.
const RULES: Rules = Rules { tolerance: Duration::from_millis(2), returns: Returns::AtOnce };

/// Short enough that some run out.
const LEASE: Duration = Duration::from_millis(50);

/// How long a client waits for an answer where the network may be cut: far longer than one takes.
const LIMIT: Duration = Duration::from_millis(500);

/// Asks for one thing after another, at random, until it is over or so much is done.
fn work(mut client: Client<'_>, number: usize, seed: u64, operations: usize, is_over: impl Fn() -> bool) {
    let mut luck = Rng::new(seed * CLIENTS as u64 + number as u64);
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
        match answer {
            Answer::Lent { token, .. } => tokens.push(token),
            // There may be nobody for a while.
            Answer::Unknown | Answer::Refused => thread::sleep(Duration::from_millis(5)),
            _ => {}
        }
        if luck.below(200) == 0 {
            thread::sleep(LEASE);
        }
    }
}

/// In which all that is there can be taken.
const LONG: Duration = Duration::from_secs(60);

/// Gets all that is there, when everything is over.
fn drain(history: &History, server: SocketAddr) {
    thread::sleep(2 * LEASE);
    let mut client = Client::new(history, CLIENTS, &[server], SOON);
    for queue in QUEUES {
        until_within(LONG, "an empty queue", || (client.get(queue) == Answer::Empty).then_some(()));
    }
}

fn judge(operations: &[Operation], rules: &Rules) -> [Result<(), Wrong>; 2] {
    [conserved(operations, &[], rules), linearizable(operations, rules)]
}

/// Sees that a history is right; false if that is unclear.
#[track_caller]
fn is_right(operations: &[Operation], rules: &Rules) -> bool {
    let wrong = judge(operations, rules).into_iter().filter_map(Result::err);
    let unclear: Vec<_> = wrong.inspect(|wrong| assert!(wrong.is_unclear, "{wrong}")).collect();
    unclear.iter().for_each(|wrong| println!("{wrong}"));
    unclear.is_empty()
}

/// Sees that one of some histories is right, and no other is wrong.
#[track_caller]
fn assert_right(history: impl Fn(u64) -> Vec<Operation>, rules: &Rules) {
    assert!((0..5).any(|seed| is_right(&history(seed), rules)), "all are unclear");
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
            scope.spawn(move || work(client, number, 0, 1500, || false));
        }
    });
    drain(&history, server.address);
    let operations = history.operations();
    assert_eq!(count(&operations, |operation| !operation.is_known()), 0, "a server that is there answers");
    assert!(count(&operations, |operation| operation.answer == Answer::Gone) > 10, "leases run out");
    assert!(is_right(&operations, &RULES), "all is known, and it is clear");

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
        let verdicts = judge(&told, &RULES);
        for verdict in &verdicts {
            println!("{}\n", verdict.as_ref().err().map_or_else(|| "not seen".into(), Wrong::to_string));
        }
        let is_found = |verdict: &Result<(), Wrong>| verdict.as_ref().is_err_and(|wrong| !wrong.is_unclear);
        assert!(verdicts.iter().any(is_found), "{name} is not found out");
    }
}

/// Clients whose ways to one server are cut and refused in turn.
fn cut(seed: u64) -> Vec<Operation> {
    let server = Server::everything([""; 0]);
    let mut links = [Link::to(server.address), Link::to(server.address)];
    let history = History::new();
    let addresses = links.each_ref().map(Link::address);
    let begun = Instant::now();
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let client = Client::new(&history, number, &addresses, LIMIT);
            scope.spawn(move || work(client, number, seed, usize::MAX, || begun.elapsed() > Duration::from_secs(6)));
        }
        for round in 0..6 {
            let link = &mut links[round % 2];
            thread::sleep(Duration::from_millis(200));
            if round % 3 == 2 {
                link.refuse()
            } else {
                link.cut()
            }
            thread::sleep(LIMIT + Duration::from_millis(250));
            link.mend();
        }
    });
    drain(&history, server.address);
    let operations = history.operations();
    let unknown = count(&operations, |operation| !operation.is_known());
    println!("{unknown} of {} operations are unknown", operations.len());
    assert!(unknown > 4, "{unknown} are unknown");
    operations
}

#[test]
fn one_order_explains_what_clients_are_told_while_the_network_is_cut() {
    assert_right(cut, &RULES);
}

/// A server that keeps what it has is killed again and again, and comes back on its port with all that it has answered.
fn killed_again_and_again(seed: u64) -> Vec<Operation> {
    let folder = TempDir::new().expect("a folder");
    let port = free_address().port();
    let start = || {
        let mut command = std::process::Command::new(tool("streamgauge"));
        command.args(["serve", "--no-bridge", "--queue-port=0"]).arg(format!("--pubsub-port={port}"));
        command.arg("--data-dir").arg(folder.path()).env_remove("RUST_LOG");
        Server::of(command, "pubsub   http://")
    };
    let mut server = start();
    let (address, history, is_over, mut kills) = (server.address, History::new(), AtomicBool::new(false), 0);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (client, is_over) = (Client::new(&history, number, &[address], SOON), &is_over);
            scope.spawn(move || work(client, number, seed, usize::MAX, || is_over.load(Ordering::Relaxed)));
        }
        while kills < 8 {
            thread::sleep(Duration::from_millis(300));
            server.process.signal(Signal::SIGKILL);
            server.process.wait();
            kills += 1;
            server = start();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    drain(&history, address);
    for queue in QUEUES {
        lawful(&server.get(&format!("/stats?queue={queue}&format=json")));
    }
    let operations = history.operations();
    let unknown = count(&operations, |operation| !operation.is_known());
    println!("{kills} kills: {unknown} of {} operations are unknown", operations.len());
    assert!(unknown > 0 && operations.len() - unknown > 50, "{unknown} of {}", operations.len());
    operations
}

#[test]
fn one_order_explains_what_clients_are_told_while_a_server_with_a_folder_is_killed() {
    // What was lent is there again some time after a start.
    assert_right(killed_again_and_again, &Rules { returns: Returns::InTime, ..RULES });
}
