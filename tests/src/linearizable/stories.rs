//! Histories that can have happened and histories that can't, each as small as it can be.

use std::time::Duration;

use super::{Answer, Call, Operation, Phase, Why, check};

const EIPS: usize = 2;
const DONE: Answer = Answer::Done;
const BIND: Call = Call::Bind { eip: 0, havip: 0 };
const UNBIND: Call = Call::Unbind { eip: 0 };

fn eip(phase: Phase) -> Answer {
    Answer::Eip(phase)
}

/// From `began` to `until`.
fn at(began: u64, until: u64, call: Call, answer: Answer) -> Operation {
    let ms = Duration::from_millis;
    Operation { client: 0, call, began: ms(began), answered: Some((ms(until), answer)) }
}

/// Without an answer.
fn open(began: u64, call: Call) -> Operation {
    Operation { client: 0, call, began: Duration::from_millis(began), answered: None }
}

/// One after the other.
fn in_turn(operations: &[(Call, Answer)]) -> Vec<Operation> {
    let numbered = (0..).zip(operations);
    numbered.map(|(n, (call, answer))| at(2 * n, 2 * n + 1, *call, answer.clone())).collect()
}

fn can_happen(operations: &[Operation]) {
    if let Err(violation) = check(EIPS, operations) {
        panic!("{violation}");
    }
}

/// The answer that can't be explained is that of operation `number`.
fn cannot_happen(operations: &[Operation], number: usize) {
    let violation = check(EIPS, operations).unwrap_err();
    assert_eq!(violation.operation, operations[number], "{violation}");
}

#[test]
fn one_client_is_told_what_it_did() {
    can_happen(&in_turn(&[
        (Call::Eip(0), eip(Phase::Available)),
        (BIND, DONE),
        (BIND, DONE),
        (Call::Eip(0), eip(Phase::InUse)),
        (Call::Havip(0), Answer::Havip { held: true }),
        (Call::Bindings, Answer::Bindings(vec![(0, 0, Phase::InUse)])),
        (Call::Bind { eip: 0, havip: 1 }, Answer::Refused(Why::EipTaken)),
        (Call::Bind { eip: 1, havip: 0 }, Answer::Refused(Why::HavipTaken)),
        (UNBIND, DONE),
        (UNBIND, DONE),
        (Call::Havip(0), Answer::Havip { held: false }),
        (Call::Bindings, Answer::Bindings(vec![])),
    ]));
}

#[test]
fn a_bind_that_is_forgotten_is_found() {
    cannot_happen(&in_turn(&[(BIND, DONE), (Call::Eip(0), eip(Phase::Available))]), 1);
    cannot_happen(&in_turn(&[(BIND, DONE), (Call::Havip(0), Answer::Havip { held: false })]), 1);
    cannot_happen(&in_turn(&[(BIND, DONE), (Call::Bindings, Answer::Bindings(vec![]))]), 1);
}

#[test]
fn an_unbind_that_is_forgotten_is_found() {
    cannot_happen(&in_turn(&[(BIND, DONE), (UNBIND, DONE), (Call::Eip(0), eip(Phase::InUse))]), 2);
}

#[test]
fn an_answer_before_the_end_is_found() {
    cannot_happen(&in_turn(&[(BIND, DONE), (Call::Eip(0), eip(Phase::Associating))]), 1);
    let early = [(BIND, DONE), (UNBIND, DONE), (Call::Eip(0), eip(Phase::Unassociating))];
    cannot_happen(&in_turn(&early), 2);
}

#[test]
fn one_eip_on_two_havips_and_two_eips_on_one_havip_are_found() {
    cannot_happen(&in_turn(&[(BIND, DONE), (Call::Bind { eip: 0, havip: 1 }, DONE)]), 1);
    cannot_happen(&in_turn(&[(BIND, DONE), (Call::Bind { eip: 1, havip: 0 }, DONE)]), 1);
}

#[test]
fn a_refusal_without_a_reason_is_found() {
    for why in [Why::EipTaken, Why::HavipTaken, Why::EipInTransition, Why::HavipInTransition] {
        cannot_happen(&in_turn(&[(BIND, Answer::Refused(why))]), 0);
        cannot_happen(&in_turn(&[(UNBIND, Answer::Refused(why))]), 0);
    }
    cannot_happen(
        &in_turn(&[(BIND, DONE), (Call::Bind { eip: 0, havip: 1 }, Answer::Refused(Why::HavipTaken))]),
        1,
    );
}

#[test]
fn of_two_who_bind_at_once_either_may_win_and_not_both() {
    let other = Call::Bind { eip: 0, havip: 1 };
    let (taken, wait) = (Answer::Refused(Why::EipTaken), Answer::Refused(Why::EipInTransition));
    can_happen(&[at(0, 10, BIND, DONE), at(1, 9, other, taken.clone())]);
    can_happen(&[at(0, 10, BIND, DONE), at(1, 9, other, wait)]);
    can_happen(&[at(0, 10, BIND, taken.clone()), at(1, 9, other, DONE)]);
    cannot_happen(&[at(0, 10, BIND, DONE), at(1, 9, other, DONE)], 0);
    cannot_happen(&[at(0, 10, BIND, taken.clone()), at(1, 9, other, taken)], 1);
}

#[test]
fn both_steps_of_a_bind_are_seen_in_their_order() {
    let (on_its_way, there) = (eip(Phase::Associating), eip(Phase::InUse));
    let bind = at(0, 20, BIND, DONE);
    let look = |from, answer: &Answer| at(from, from + 1, Call::Eip(0), answer.clone());
    can_happen(&[bind.clone(), look(2, &on_its_way), look(4, &there)]);
    cannot_happen(&[bind, look(2, &there), look(4, &on_its_way)], 2);
}

#[test]
fn what_was_seen_once_is_not_unseen() {
    let bind = at(0, 20, BIND, DONE);
    let (there, free) = (eip(Phase::InUse), eip(Phase::Available));
    cannot_happen(&[bind, at(2, 3, Call::Eip(0), there), at(4, 5, Call::Eip(0), free)], 2);
}

#[test]
fn a_bind_that_joins_another_is_done_only_when_that_is() {
    let (joins, look) = (at(2, 4, BIND, DONE), at(6, 7, Call::Eip(0), eip(Phase::Associating)));
    cannot_happen(&[at(0, 20, BIND, DONE), joins, look], 2);
}

#[test]
fn an_unbind_that_joins_another_is_done_only_when_that_is() {
    let bind = at(0, 1, BIND, DONE);
    let (joins, look) = (at(4, 6, UNBIND, DONE), at(8, 9, Call::Eip(0), eip(Phase::Unassociating)));
    can_happen(&[bind.clone(), at(2, 20, UNBIND, DONE), joins.clone()]);
    cannot_happen(&[bind, at(2, 20, UNBIND, DONE), joins, look], 3);
}

#[test]
fn bound_and_unbound_since_means_that_it_was_bound() {
    let (gone, look) = (Answer::UnboundSince, at(22, 23, Call::Eip(0), eip(Phase::Available)));
    can_happen(&[at(0, 20, BIND, gone.clone()), at(5, 10, UNBIND, DONE), look.clone()]);
    cannot_happen(&[at(0, 20, BIND, gone), look], 1);
}

#[test]
fn a_call_without_an_answer_may_take_effect_at_any_later_time_or_never() {
    let look = |from, phase| at(from, from + 1, Call::Eip(0), eip(phase));
    let (free, there) = (Phase::Available, Phase::InUse);
    can_happen(&[open(0, BIND), look(2, free), look(4, free)]);
    can_happen(&[open(0, BIND), look(2, free), look(4, there)]);
    can_happen(&[open(0, BIND), look(2, Phase::Associating), look(4, there)]);
    cannot_happen(&[open(0, BIND), look(2, there), look(4, free)], 2);
    cannot_happen(&[look(2, there), open(4, BIND)], 0);
}

#[test]
fn a_call_without_an_answer_takes_effect_once() {
    let bound = |from| at(from, from + 1, Call::Eip(0), eip(Phase::InUse));
    let unbound = |from| at(from, from + 1, UNBIND, DONE);
    let once = [open(0, BIND), bound(2), unbound(4)];
    can_happen(&once);
    let [first, second, third] = once;
    cannot_happen(&[first.clone(), second.clone(), third.clone(), bound(6)], 3);
    can_happen(&[first.clone(), open(0, BIND), second.clone(), third.clone(), bound(6)]);
    cannot_happen(&[first, open(0, BIND), second, third, bound(6), unbound(8), bound(10)], 6);
}

#[test]
fn many_calls_without_an_answer_can_be_searched() {
    let mut operations: Vec<_> = (0..12).map(|n| open(n, BIND)).collect();
    operations.extend((0..12).map(|n| open(n, UNBIND)));
    let later = in_turn(&[(Call::Eip(0), eip(Phase::InUse)), (Call::Eip(0), eip(Phase::Available))]);
    let hundred = Duration::from_millis(100);
    operations.extend(later.into_iter().map(|mut operation| {
        operation.began += hundred;
        operation.answered = operation.answered.map(|(at, answer)| (at + hundred, answer));
        operation
    }));
    can_happen(&operations);
    operations.push(at(200, 201, Call::Havip(1), Answer::Havip { held: true }));
    cannot_happen(&operations, 26);
}

#[test]
fn a_hold_can_be_seen_before_the_request_that_it_is_for_and_not_without_one() {
    let held = |from, to| at(from, to, Call::Havip(0), Answer::Havip { held: true });
    let still = at(3, 4, Call::Eip(0), eip(Phase::Available));
    can_happen(&[at(0, 9, BIND, DONE), held(1, 2), still.clone()]);
    cannot_happen(&[held(1, 2), still, at(5, 9, BIND, DONE)], 0);
}

#[test]
fn operations_that_begin_and_end_at_one_moment_are_beside_each_other() {
    can_happen(&[at(0, 5, BIND, DONE), at(5, 9, Call::Eip(0), eip(Phase::Available))]);
    cannot_happen(&[at(0, 5, BIND, DONE), at(6, 9, Call::Eip(0), eip(Phase::Available))], 1);
}
