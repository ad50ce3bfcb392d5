//! Histories that are right and histories that are wrong, each with what is to be said of it.

use std::time::Duration;

use super::{Answer, Call, Operation, Returns, Rules, conserved, linearizable};

const LEASE: u64 = 100;

pub(super) const RULES: Rules = Rules { tolerance: Duration::from_millis(5), returns: Returns::AtOnce };

/// An operation between two milliseconds.
pub(super) fn did(from: u64, to: u64, call: Call, answer: Answer) -> Operation {
    let [invoked, completed] = [from, to].map(Duration::from_millis);
    Operation { client: 0, queue: "q".into(), call, answer, invoked, completed }
}

fn put(from: u64, to: u64, item: u64) -> Operation {
    did(from, to, Call::Put(item), Answer::Done)
}

fn get(from: u64, to: u64, item: u64) -> Operation {
    did(from, to, Call::Get, Answer::Item(item))
}

fn empty(from: u64, to: u64) -> Operation {
    did(from, to, Call::Get, Answer::Empty)
}

/// The token is of the item and the attempt: `1.2` is that of the second attempt at item 1.
fn lease(from: u64, to: u64, item: u64, attempt: u64) -> Operation {
    let token = format!("{item}.{attempt}");
    did(from, to, Call::Lease(Duration::from_millis(LEASE)), Answer::Lent { item, token, attempt })
}

fn ack(from: u64, to: u64, token: &str, answer: Answer) -> Operation {
    did(from, to, Call::Ack(token.into()), answer)
}

fn nack(from: u64, to: u64, token: &str, answer: Answer) -> Operation {
    did(from, to, Call::Nack(token.into()), answer)
}

fn unheard(from: u64, call: Call) -> Operation {
    did(from, from + 1, call, Answer::Unknown)
}

#[track_caller]
fn right(history: &[Operation]) {
    linearizable(history, &RULES).unwrap_or_else(|wrong| panic!("{wrong}"));
    conserved(history, &[], &RULES).unwrap_or_else(|wrong| panic!("{wrong}"));
}

#[track_caller]
fn says(verdict: Result<(), super::Wrong>, what: &str) {
    let wrong = verdict.expect_err("it is wrong").to_string();
    assert!(wrong.contains(what), "{wrong}");
}

/// Both see it, and say what is said here.
#[track_caller]
fn wrong(history: &[Operation], linear: &str, whole: &str) {
    says(linearizable(history, &RULES), linear);
    says(conserved(history, &[], &RULES), whole);
}

#[test]
fn one_after_another() {
    right(&[empty(0, 1), put(2, 3, 1), put(4, 5, 2), get(6, 7, 1), get(8, 9, 2), empty(10, 11)]);
}

#[test]
fn puts_at_the_same_time_go_out_in_any_order() {
    right(&[put(0, 9, 1), put(0, 9, 2), put(0, 9, 3), get(10, 11, 2), get(12, 13, 3), get(14, 15, 1)]);
    // 1 was put before 3, and 2 at the same time as both.
    right(&[put(0, 4, 1), put(0, 9, 2), put(5, 9, 3), get(10, 11, 1), get(12, 13, 3), get(14, 15, 2)]);
    let history = [put(0, 4, 1), put(0, 9, 2), put(5, 9, 3), get(10, 11, 3), get(12, 13, 1), get(14, 15, 2)];
    wrong(&history, "item 1 has to go out before", "item 3 went out before item 1");
}

#[test]
fn an_item_goes_out_while_it_is_put() {
    right(&[put(0, 9, 1), get(0, 3, 1), empty(4, 5)]);
    wrong(&[get(0, 3, 1), put(4, 5, 1)], "given before it was put", "given before it was put");
    wrong(&[get(0, 3, 1)], "nobody put it", "nobody put it");
}

#[test]
fn an_order_that_is_broken() {
    let history = [put(0, 1, 1), put(2, 3, 2), get(4, 5, 2), get(6, 7, 1)];
    wrong(&history, "item 1 has to go out before", "item 2 went out before item 1");
    right(&[put(0, 1, 1), put(2, 3, 2), get(4, 8, 2), get(6, 7, 1)]);
}

#[test]
fn empty_is_told_while_an_answered_put_is_there() {
    let history = [put(0, 1, 1), empty(2, 3), get(4, 5, 1)];
    wrong(&history, "item 1 is in the queue", "called empty, and item 1 was there");
    right(&[put(0, 2, 1), empty(2, 3), get(4, 5, 1)]);
    right(&[put(0, 1, 1), empty(2, 5), get(4, 5, 1)]);
}

#[test]
fn a_lost_item() {
    let history = [put(0, 1, 1), put(2, 3, 2), get(4, 5, 2), empty(6, 7)];
    wrong(&history, "item 1 has to go out before", "1 answered puts are lost");
    let unheard_get = [vec![unheard(3, Call::Get)], history.to_vec()].concat();
    right(&unheard_get);
    let two = [unheard_get, vec![put(8, 9, 3), empty(10, 11)]].concat();
    wrong(&two, "item 3 is in the queue", "2 answered puts are lost, of which no more than 1");
    let left = [("q".to_owned(), 1)];
    conserved(&[put(0, 1, 1)], &left, &RULES).expect("it is there");
    says(conserved(&[put(0, 1, 1), empty(2, 3)], &left, &RULES), "called empty, and item 1 was there");
    says(conserved(&[put(0, 1, 1), get(2, 3, 1)], &left, &RULES), "there when it was done");
    says(conserved(&[], &left, &RULES), "left in q, where nobody put it");
}

#[test]
fn what_was_refused_has_no_effect() {
    let refused = |call| did(2, 3, call, Answer::Refused);
    right(&[put(0, 1, 1), refused(Call::Put(2)), refused(Call::Get), get(4, 5, 1), empty(6, 7)]);
    wrong(&[refused(Call::Put(1)), get(4, 5, 1)], "nobody put it", "nobody put it");
    wrong(&[put(0, 1, 1), refused(Call::Get), empty(6, 7)], "item 1 is in the queue", "1 answered puts are lost");
    let lent = [put(0, 1, 1), lease(0, 1, 1, 1), refused(Call::Ack("1.1".into()))];
    right(&[&lent[..], &[get(150, 151, 1)]].concat());
    says(conserved(&lent, &[], &RULES), "1 answered puts are lost");
}

#[test]
fn an_item_is_given_twice() {
    wrong(&[put(0, 1, 1), get(2, 3, 1), get(4, 5, 1)], "", "done twice");
    let history = [put(0, 1, 1), lease(2, 3, 1, 1), ack(4, 5, "1.1", Answer::Done), lease(6, 7, 1, 2)];
    wrong(&history, "given to somebody after that", "there when it was done");
}

#[test]
fn a_put_nobody_heard_of_happens_late_or_never() {
    right(&[unheard(0, Call::Put(1)), put(2, 3, 2), empty(30, 31), get(4, 5, 2)]);
    right(&[unheard(0, Call::Put(1)), empty(3, 4), put(5, 6, 2), get(7, 8, 2), get(9, 10, 1)]);
    says(
        linearizable(&[unheard(0, Call::Put(1)), get(2, 3, 1), empty(4, 5), get(6, 7, 1)], &RULES),
        "given to somebody",
    );
}

#[test]
fn a_lease_ends_by_its_time_or_by_a_word() {
    let before = [put(0, 1, 1), lease(2, 3, 1, 1)];
    let after = |more: &[Operation]| [&before, more].concat();
    let done = Answer::Done;
    right(&after(&[empty(4, 5), ack(6, 7, "1.1", Answer::Done), ack(8, 9, "1.1", Answer::Gone)]));
    right(&after(&[nack(4, 5, "1.1", done.clone()), lease(6, 7, 1, 2), ack(8, 9, "1.2", done.clone())]));
    // By the tolerance before its time, and at any time after that.
    right(&after(&[lease(90, 97, 1, 2), ack(98, 99, "1.2", done.clone())]));
    right(&after(&[empty(200, 300), lease(400, 401, 1, 2), ack(402, 403, "1.2", done.clone())]));
    right(&after(&[ack(150, 151, "1.1", Answer::Done)]));
    right(&after(&[ack(150, 151, "1.1", Answer::Gone), get(152, 153, 1)]));
    right(&after(&[ack(96, 99, "1.1", Answer::Gone), get(100, 101, 1)]));
    let early = after(&[lease(90, 96, 1, 2), ack(97, 98, "1.2", done.clone())]);
    wrong(&early, "on a lease that is not over", "lent to two at a time");
    let over = after(&[ack(90, 96, "1.1", Answer::Gone), get(110, 111, 1)]);
    says(linearizable(&over, &RULES), "the lease is not over");
}

#[test]
fn what_came_back_is_there_and_first() {
    let before = [put(0, 1, 1), put(2, 3, 2), lease(4, 5, 1, 1), nack(6, 7, "1.1", Answer::Done)];
    let after = |more: &[Operation]| [&before, more].concat();
    right(&after(&[get(8, 9, 1), get(10, 11, 2)]));
    let behind = after(&[get(8, 9, 2), get(10, 11, 1)]);
    says(linearizable(&behind, &RULES), "item 1 has to go out before");
    let gone = after(&[get(8, 12, 2), empty(13, 14), get(15, 16, 1)]);
    says(linearizable(&gone, &RULES), "item 1 ");
    let rules = Rules { returns: Returns::InTime, ..RULES };
    for history in [behind, gone] {
        linearizable(&history, &rules).unwrap_or_else(|wrong| panic!("{wrong}"));
    }
}

#[test]
fn a_dead_token_is_accepted() {
    let history = [
        put(0, 1, 1),
        lease(2, 3, 1, 1),
        lease(110, 111, 1, 2),
        ack(112, 113, "1.1", Answer::Done),
        ack(114, 115, "1.2", Answer::Gone),
    ];
    wrong(&history, "lease that is not over", "a lease that was over, and could be settled");
    let twice = [put(0, 1, 1), lease(2, 3, 1, 1), ack(4, 5, "1.1", Answer::Done), ack(6, 7, "1.1", Answer::Done)];
    wrong(&twice, "the lease is over", "done twice");
    let both = [put(0, 1, 1), lease(2, 3, 1, 1), nack(4, 5, "1.1", Answer::Done), ack(6, 7, "1.1", Answer::Done)];
    wrong(&both, "the lease is over", "settled twice");
}

#[test]
fn attempts_are_counted() {
    let again = [put(0, 1, 1), lease(2, 3, 1, 1), nack(4, 5, "1.1", Answer::Done), {
        let mut again = lease(6, 7, 1, 1);
        again.answer = Answer::Lent { item: 1, token: "other".into(), attempt: 1 };
        again
    }];
    says(linearizable(&again, &RULES), "there was an attempt 1 before");
}

#[test]
fn a_lease_nobody_heard_of_hides_an_item_for_its_time() {
    let time = Duration::from_millis(LEASE);
    let hidden = [put(0, 1, 1), unheard(2, Call::Lease(time)), empty(4, 5)];
    let after = |more: &[Operation]| [&hidden, more].concat();
    right(&after(&[lease(110, 111, 1, 2), ack(112, 113, "1.2", Answer::Done)]));
    right(&after(&[get(110, 111, 1)]));
    says(linearizable(&after(&[get(50, 51, 1)]), &RULES), "item 1 is in the queue");
    // Had it been out, this was the second attempt.
    says(linearizable(&after(&[lease(110, 111, 1, 1)]), &RULES), "item 1 is in the queue");
}

#[test]
fn a_lease_nobody_heard_of_is_over_in_its_time_as_any() {
    let time = Duration::from_millis(LEASE);
    let hidden = [put(0, 1, 1), unheard(2, Call::Lease(time)), empty(4, 5)];
    let early =
        [&hidden[..], &[lease(50, 51, 1, 2), lease(200, 201, 1, 3), ack(202, 203, "1.3", Answer::Done)]].concat();
    says(linearizable(&early, &RULES), "nobody was told of");
    // The first of two hides the one that comes back first, whichever that is.
    for (one, other) in [(1, 2), (2, 1)] {
        right(&[
            put(0, 3, 1),
            put(0, 3, 2),
            unheard(4, Call::Lease(time)),
            unheard(20, Call::Lease(time)),
            empty(24, 25),
            lease(101, 102, one, 2),
            ack(103, 104, &format!("{one}.2"), Answer::Done),
            lease(130, 131, other, 2),
            ack(132, 133, &format!("{other}.2"), Answer::Done),
        ]);
    }
}

#[test]
fn a_lease_nobody_heard_of_goes_unmissed() {
    let second = |doubt: Operation| {
        let history = [put(0, 3, 1), put(0, 3, 2), doubt, lease(100, 101, 2, 1), nack(102, 103, "2.1", Answer::Done)];
        [&history[..], &[lease(110, 111, 1, 2), lease(112, 113, 2, 2)]].concat()
    };
    linearizable(&second(unheard(4, Call::Lease(Duration::from_millis(90)))), &RULES)
        .expect("1 has come back as 2 has");
    let late = second(unheard(104, Call::Lease(Duration::from_millis(1))));
    says(linearizable(&late, &RULES), "item 2 has to go out before");
}

#[test]
fn an_end_nobody_heard_of() {
    let before = [put(0, 1, 1), lease(2, 3, 1, 1)];
    let after = |more: &[Operation]| [&before, more].concat();
    right(&after(&[unheard(4, Call::Ack("1.1".into())), ack(8, 9, "1.1", Answer::Gone), empty(300, 301)]));
    right(&after(&[unheard(4, Call::Nack("1.1".into())), get(8, 9, 1)]));
    let both = after(&[unheard(4, Call::Ack("1.1".into())), ack(8, 9, "1.1", Answer::Gone), get(10, 11, 1)]);
    says(linearizable(&both, &RULES), "the lease is not over");
}

#[test]
fn queues_are_apart() {
    let mut history = vec![put(0, 1, 1), put(2, 3, 2), get(4, 5, 2), get(6, 7, 1)];
    for operation in &mut history {
        operation.queue = format!("of {}", operation.item().expect("all have one"));
    }
    right(&history);
}

#[test]
fn what_is_wrong_is_told_with_the_operations_it_is_about() {
    let wrong = conserved(&[put(0, 1, 7), get(2, 3, 7), put(4, 5, 8), get(6, 7, 8), get(8, 9, 7)], &[], &RULES);
    let text = "item 7 was done twice
  0.000000 s to 0.001000 s, client 0 on q: put 7 -> done
  0.002000 s to 0.003000 s, client 0 on q: get -> item 7
  0.008000 s to 0.009000 s, client 0 on q: get -> item 7";
    assert_eq!(wrong.expect_err("it is wrong").to_string(), text);
}
