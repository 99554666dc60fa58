//! Every answer against the log: what was acknowledged is there, where the answer says.

use std::fmt;

use uuid::Uuid;

use crate::client::{Acknowledged, Answer, Call};
use crate::clients::Works;
use crate::fold::Fold;
use crate::given::{Prizes, id};
use crate::rules::Life;

/// How much was looked at.
#[derive(Default)]
pub struct Checked {
    binds: usize,
    moves: usize,
    unbinds: usize,
    /// With a revision that was the right one.
    revisions: usize,
    /// Asked once more after the answer.
    again: usize,
}

impl Checked {
    /// A run in which something never happened shows nothing about it.
    pub fn is_enough(&self) -> bool {
        let Checked { binds, moves, unbinds, revisions, again } = self;
        [binds, moves, unbinds, revisions, again].into_iter().all(|count| *count > 0)
    }
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Checked { binds, moves, unbinds, revisions, again } = self;
        write!(
            f,
            "found in the log: {binds} binds, {moves} moves, {unbinds} unbinds; {revisions} with a revision; \
             {again} answered the same when asked again"
        )
    }
}

pub fn check(fold: &Fold, prizes: &Prizes, works: &Works) -> Result<Checked, String> {
    let eips: Vec<Uuid> = prizes.eips.iter().map(|name| id(name)).collect();
    let havips: Vec<Uuid> = prizes.havips.iter().map(|name| id(name)).collect();
    let mut checked = Checked::default();
    for acknowledged in works.acknowledged() {
        let asked = match acknowledged.call {
            Call::Bind { eip, havip } | Call::Move { eip, havip, .. } => (eips[eip], Some(havips[havip])),
            Call::Unbind { eip, .. } => (eips[eip], None),
        };
        let found = one(fold, acknowledged, asked, &mut checked);
        found.map_err(|fault| format!("{fault}, but this was acknowledged: {acknowledged:?}"))?;
    }
    Ok(checked)
}

fn one(
    fold: &Fold,
    acknowledged: &Acknowledged,
    (eip, havip): (Uuid, Option<Uuid>),
    checked: &mut Checked,
) -> Result<(), String> {
    let Acknowledged { call, request, answer, position, again } = acknowledged;
    // Later than the answer: nothing was to be written then, so the retry did it.
    let written = request.and_then(|request| fold.requests.get(&request)).filter(|at| *at <= position);
    match answer {
        Answer::Bound { binding, in_use, revision } => {
            let life = fold.rules.lives.get(binding).ok_or("the binding is not in the log")?;
            if (life.eip, Some(life.havip)) != (eip, havip) {
                return Err(format!("it is of something else: {life:?}"));
            }
            let stored = if *in_use { life.bound } else { life.leaving };
            if stored != Some(*revision) || stored.is_none_or(|stored| stored > *position) {
                return Err(format!("it is not there by then: {life:?}"));
            }
            if written.is_some_and(|written| *written != life.requested) {
                return Err(format!("it was asked for at {written:?}: {life:?}"));
            }
            match call {
                Call::Move { revision, .. } => {
                    checked.moves += 1;
                    if *revision > 0 && written.is_some() {
                        checked.revisions += 1;
                        is_revision(*revision, life.left_at)?;
                    }
                }
                _ => checked.binds += 1,
            }
        }
        Answer::Unbound { position: at } => {
            checked.unbinds += 1;
            let of_eip = || fold.rules.lives.values().filter(|life| life.eip == eip);
            let going = |life: &&Life| life.leaving.is_some_and(|leaving| leaving <= *at);
            if let Some(life) =
                of_eip().filter(going).find(|life| life.gone.is_none_or(|gone| gone > *position))
            {
                return Err(format!("it is not gone by then: {life:?}"));
            }
            match of_eip().find(|life| life.leaving == Some(*at)) {
                Some(life) => {
                    if let (Call::Unbind { revision: 1.., .. }, Some(_)) = (call, written) {
                        checked.revisions += 1;
                        let Call::Unbind { revision, .. } = call else { return Ok(()) };
                        is_revision(*revision, life.bound)?;
                    }
                }
                None => {
                    let taken = of_eip().find(|life| has_it(life, *at));
                    taken.map_or(Ok(()), |life| Err(format!("it was bound then: {life:?}")))?;
                }
            }
        }
    }
    match again.as_ref().filter(|_| written.is_some()) {
        None => Ok(()),
        Some(again) => {
            checked.again += 1;
            same(answer, again)
        }
    }
}

fn is_revision(expected: u64, was: Option<u64>) -> Result<(), String> {
    if was == Some(expected) { Ok(()) } else { Err(format!("the revision was {was:?}")) }
}

/// Whether it has its EIP at a position, and nobody has asked for it to be gone.
fn has_it(life: &Life, at: u64) -> bool {
    life.bound.is_some_and(|bound| bound <= at) && life.leaving.is_none_or(|leaving| leaving > at)
}

/// A retry has the first outcome; of a bind that was unbound meanwhile it says so.
fn same(first: &Answer, again: &Result<Answer, String>) -> Result<(), String> {
    let same = match (first, again) {
        (Answer::Bound { binding: first, .. }, Ok(Answer::Bound { binding: again, .. })) => first == again,
        (Answer::Bound { .. }, Err(reason)) => reason == "UNBOUND_SINCE",
        (first, Ok(again)) => first == again,
        (Answer::Unbound { .. }, Err(_)) => false,
    };
    if same { Ok(()) } else { Err(format!("a retry was told {again:?}")) }
}
