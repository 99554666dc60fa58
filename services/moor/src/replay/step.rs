//! `moor replay --step`: commit by commit, with what each one changed. Each is printed as it comes.

use std::ops::ControlFlow;

use mooring_past::{Last, changes_of};
use mooring_proto::dataplane::v1::{Change, Moment};

use super::{moment, sentence};
use crate::{
    failure::Failure,
    invocation::Invocation,
    output::{Format, print},
    past::{Place, change_rows, changes_json, server},
    resolve::Argument,
    table,
};

/// Prints every commit after `from` up to `to`, of a log where it lies.
pub fn of_place(
    moor: &Invocation,
    place: &Place,
    from: Argument<'_>,
    to: Argument<'_>,
) -> Result<(), Failure> {
    let from = place.fold(from)?;
    let begin = from.moment();
    let (mut failed, mut steps) = (None, 0_u64);
    place.steps(from, to, |step| {
        steps += 1;
        let of = moor.home.project.as_ref();
        let changes: Vec<_> = changes_of(step.commit, step.before, step.after, of).collect();
        match show(moor, &Last::of(step.commit).moment(), &changes) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                failed = Some(failure);
                ControlFlow::Break(())
            }
        }
    })?;
    match failed {
        Some(failure) => Err(failure),
        None => end(moor, &begin, steps),
    }
}

/// The same as the server tells it.
pub async fn of_server(moor: &Invocation, from: Argument<'_>, to: Argument<'_>) -> Result<(), Failure> {
    let mut all = server::Steps::ask(moor, from, to).await?;
    let mut steps = 0_u64;
    while let Some(part) = all.next().await? {
        for step in part {
            steps += 1;
            show(moor, &step.commit.unwrap_or_default(), &step.changes)?;
        }
    }
    end(moor, &all.from, steps)
}

fn show(moor: &Invocation, at: &Moment, changes: &[Change]) -> Result<(), Failure> {
    print(&text(moor, at, changes)?)
}

/// Says so when there was nothing to be said.
fn end(moor: &Invocation, begin: &Moment, steps: u64) -> Result<(), Failure> {
    match steps == 0 && moor.output == Format::Table {
        true => print(&format!("nothing happened after {}", sentence(begin))),
        false => Ok(()),
    }
}

/// A line for the commit and one for each change; for programs one line with all of it.
fn text(moor: &Invocation, at: &Moment, changes: &[Change]) -> Result<String, Failure> {
    if moor.output == Format::Json {
        let mut value = moment(at);
        value.insert("changes".to_owned(), changes_json(changes)?);
        return Ok(serde_json::Value::Object(value).to_string());
    }
    let rows = change_rows(changes)?;
    let lines = table::of_rows(&["", "", "", ""], &rows);
    let mut text = sentence(at);
    match rows.is_empty() {
        true => text.push_str("\n  changes nothing that is shown here"),
        false => lines.lines().skip(1).for_each(|line| {
            text.push_str("\n  ");
            text.push_str(line);
        }),
    }
    Ok(text)
}
