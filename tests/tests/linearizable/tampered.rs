//! One answer in a true history is changed. Of a client that is alone every changed answer is found; of clients that
//! contend, most of those at which nothing else was under way.

use mooring_tests::figures::{seed, show};
use mooring_tests::linearizable::{Answer, Operation, Phase, Why, check};
use mooring_tests::load::{Cell, Load, Manner};
use mooring_tests::server::Options;
use mooring_tests::{Mooringd, client::Servers};

use crate::PATIENT;
use crate::given::{ALONE, CONTENDED, cells};

/// Another answer to the same call, which can't be as right.
fn another(answer: &Answer) -> Answer {
    match answer {
        Answer::Done => Answer::Refused(Why::EipInTransition),
        Answer::UnboundSince | Answer::Refused(_) => Answer::Done,
        Answer::Eip(Phase::Available) => Answer::Eip(Phase::InUse),
        Answer::Eip(_) => Answer::Eip(Phase::Available),
        Answer::Havip { held } => Answer::Havip { held: !held },
        Answer::Bindings(all) if all.is_empty() => Answer::Bindings(vec![(0, 0, Phase::InUse)]),
        Answer::Bindings(_) => Answer::Bindings(Vec::new()),
    }
}

/// Whether anything else was under way between its beginning and its answer.
fn has_company(operations: &[Operation], number: usize) -> bool {
    let span = |operation: &Operation| (operation.began, operation.answered.as_ref().map(|(at, _)| *at));
    let (began, until) = span(&operations[number]);
    operations.iter().enumerate().any(|(other, operation)| {
        let (its_began, its_until) = span(operation);
        other != number
            && until.is_none_or(|until| its_began <= until)
            && its_until.is_none_or(|at| at >= began)
    })
}

/// The operations whose changed answer nobody notices, of those that were looked at.
fn overlooked(cell: &Cell, wanted: impl Fn(&[Operation], usize) -> bool) -> (Vec<Operation>, usize) {
    let operations = cell.history.operations();
    let (mut overlooked, mut tampered) = (Vec::new(), 0);
    for number in (0..operations.len()).filter(|number| wanted(&operations, *number)) {
        let mut changed = operations.clone();
        let Some((_, answer)) = &mut changed[number].answered else { continue };
        *answer = another(answer);
        tampered += 1;
        if check(cell.shape.eips, &changed).is_ok() {
            overlooked.push(changed.swap_remove(number));
        }
    }
    (overlooked, tampered)
}

#[test]
fn a_changed_answer_is_found() {
    let server = Mooringd::alone(Options::default()).unwrap();
    let seed = seed("linearizable");
    // Clients that think for a while: at most calls nothing else is under way.
    let (cells, manner) = (cells(&server, &[ALONE, CONTENDED]), Manner::default());
    let load = Load::start(cells, Servers::one(server.address()), seed, manner);
    load.wait_answered(400, PATIENT).unwrap();
    let done = load.finish().unwrap();
    done.is_linearizable().unwrap();
    for cell in done.cells() {
        let (missed, tampered) = overlooked(cell, |operations, number| !has_company(operations, number));
        let found = tampered - missed.len();
        show(&format!("linearizable: {found} of {tampered} changed answers found, {:?}", cell.shape));
        assert!(found > 0, "seed {seed}: {:?}", cell.shape);
        // Where two calls at once left two states possible, the next answer may be either.
        let must = cell.shape.clients == 1;
        assert!(!must || missed.is_empty(), "seed {seed}: overlooked: {missed:?}");
    }
}
