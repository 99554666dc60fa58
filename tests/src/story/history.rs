//! The whole history, from the log.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::report::Report;
use super::scene::{Scene, number, text};

/// What the story must have left in the log, in this order. (A hold is placed before or after its request: it is left out.)
const PLOT: [&str; 11] = [
    "havip_created",
    "holder_changed",
    "bind_requested",
    "bound",
    "holder_changed",
    "claim_rejected",
    "bound",
    "unbind_requested",
    "hold_released",
    "unbound",
    "bound",
];

pub(super) fn play(scene: &mut Scene, report: &mut Report) -> Result<()> {
    report.chapter("The history, from the log");
    let page = scene.server.moor("log")?;
    report.check("what, when, by whom, at which position: no gap, and the whole story in order", || {
        let log = scene.server.moor("log -o json")?;
        ensure!(log.exit == 0, "{}", log.error);
        let commits: Vec<Value> = log.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let kinds = kinds(&commits)?;
        let mut told = kinds.iter();
        for (number, wanted) in PLOT.iter().enumerate() {
            told.find(|kind| kind == wanted)
                .with_context(|| format!("{wanted} (number {number} of the plot) is not in {kinds:?}"))?;
        }
        Ok(format!("{} commits, {} events", commits.len(), kinds.len()))
    });
    report.show(&page.out);
    Ok(())
}

/// The kinds of all events; fails where a commit lacks time, actor or the position after the one before.
fn kinds(commits: &[Value]) -> Result<Vec<String>> {
    let mut last = 0;
    let mut kinds = Vec::new();
    for commit in commits {
        let position = number(commit, "position")?;
        ensure!(position == last || position == last + 1, "position {position} follows {last}");
        last = position;
        ensure!(!text(commit, "actor")?.is_empty(), "nobody did {commit}");
        ensure!(!text(commit, "recorded_at")?.is_empty(), "never: {commit}");
        let events = commit["events"].as_array().context("a commit without events")?;
        kinds.extend(events.iter().filter_map(|event| event.as_object()?.keys().next().cloned()));
    }
    Ok(kinds)
}
