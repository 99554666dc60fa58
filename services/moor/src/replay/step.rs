//! `moor replay --step`: commit by commit, with what each one changed.

use std::ops::ControlFlow;

use mooring_past::{Last, Step, changes_of};

use super::{moment, sentence};
use crate::{
    failure::Failure,
    invocation::Invocation,
    output::{Format, print},
    past::{Place, change_rows, changes_json},
    resolve::Argument,
    table,
};

/// Prints every commit after `from` up to `to`.
pub fn run(moor: &Invocation, place: &Place, from: Argument<'_>, to: Argument<'_>) -> Result<(), Failure> {
    let from = place.fold(from)?;
    let begin = sentence(&from.moment());
    let (mut failed, mut steps) = (None, 0_u64);
    place.steps(from, to, |step| {
        steps += 1;
        match text(moor, &step).and_then(|text| print(&text)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(failure) => Err(failure),
        None if steps == 0 && moor.output == Format::Table => {
            print(&format!("nothing happened after {begin}"))
        }
        None => Ok(()),
    }
}

/// A line for the commit and one for each change; for programs one line with all of it.
fn text(moor: &Invocation, step: &Step<'_>) -> Result<String, Failure> {
    let Step { before, commit, after } = step;
    let changes: Vec<_> = changes_of(commit, before, after, moor.home.project.as_ref()).collect();
    let at = Last::of(commit).moment();
    if moor.output == Format::Json {
        let mut value = moment(&at);
        value.insert("changes".to_owned(), changes_json(&changes)?);
        return Ok(serde_json::Value::Object(value).to_string());
    }
    let rows = change_rows(&changes)?;
    let lines = table::of_rows(&["", "", "", ""], &rows);
    let mut text = sentence(&at);
    match rows.is_empty() {
        true => text.push_str("\n  changes nothing that is shown here"),
        false => lines.lines().skip(1).for_each(|line| {
            text.push_str("\n  ");
            text.push_str(line);
        }),
    }
    Ok(text)
}
