//! `moor replay --step` goes commit by commit: what each one changed is what `moor diff` says of the two sides of it.

use std::ops::ControlFlow;

use mooring_event_log::{Options as LogOptions, Segments};
use mooring_past::{Folded, Moment, changes, changes_of, step_folder};
use mooring_tests::{history, server::own_folder};
use serde_json::{Value, json};

use crate::given::*;

fn steps(line: &str) -> Vec<Value> {
    let answer = offline(&format!("{line} -o json"));
    assert_eq!(answer.exit, 0, "{}", answer.error);
    answer.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_commit_is_told_once_with_what_diff_says_of_its_two_sides() {
    let mut server = server();
    server.stock().unwrap();
    server.ask("bind web front").unwrap();
    server.ask("unbind web").unwrap();
    let commits = commits(&server);
    assert!(server.stop().unwrap().success());
    let place = server.data().display().to_string();
    let steps = steps(&format!("replay {place} --step"));
    assert_eq!(steps.len(), commits.len());
    let mut before = "0".to_owned();
    for (step, commit) in steps.iter().zip(&commits) {
        for field in ["position", "index", "recorded_at", "stream", "actor"] {
            assert_eq!(step[field], commit[field], "{field}");
        }
        let after = format!("{}.{}", commit["position"], commit["index"]);
        let diff = told(&format!("diff {place} {before} {after}"));
        assert_eq!(step["changes"], diff["changes"], "from {before} to {after}");
        before = after;
    }
}

#[test]
fn a_part_of_the_log_is_stepped_through_behind_one_moment_and_up_to_another() {
    let Life { server, photos } = lived();
    let place = server.data().display().to_string();
    let (from, to) = (photos[3].position, photos[4].position);
    let part = steps(&format!("replay {place} --step --from {from} --to {to}"));
    assert_eq!(
        (part.first().unwrap()["position"].as_u64(), part.last().unwrap()["position"].as_u64()),
        (Some(from + 1), Some(to))
    );
    // F1: a failover changes the holder alone.
    assert_eq!(part.len(), 1);
    assert_eq!(part[0]["changes"][0]["kind"], json!("holders"));
    let text = offline(&format!("replay {place} --step --from {from} --to {to}"));
    let lines: Vec<&str> = text.out.lines().collect();
    assert!(lines[0].starts_with(&format!("{to}.0, recorded 2")), "{}", text.out);
    assert!(
        lines[1].starts_with("  changed  holder  of front  instance: vm-a → vm-b, mac: "),
        "{}",
        text.out
    );
    let none = offline(&format!("replay {place} --step --from {to} --to {to}"));
    assert!(
        none.exit == 0 && none.out.starts_with(&format!("nothing happened after {to}.0, ")),
        "{}",
        none.out
    );
}

#[test]
fn steps_that_the_log_does_not_have_are_refused_by_the_argument_that_asks() {
    let Life { server, .. } = lived();
    let place = server.data().display().to_string();
    for (arguments, field, what) in [
        ("--from 9999", "--from", "there is no record 9999"),
        ("--to 9999", "--to", "there is no record 9999"),
        ("--from 5 --to 3", "--to", "is before 5.0, where the steps begin"),
        ("--to 1999-12-31T23:59:59Z", "--to", "is before everything"),
    ] {
        let refusal = refused(&format!("replay {place} --step {arguments}"));
        assert_eq!(
            (refusal.exit, &*refusal.reason, &*refusal.field),
            (3, "OUTSIDE_THE_LOG", field),
            "{arguments}"
        );
        assert!(refusal.message.contains(what), "{arguments}: {}", refusal.message);
    }
}

/// What a commit can have changed is read off its events; here it is compared with everything that did change.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_busy_region_no_change_of_a_commit_is_missed() {
    let folder = own_folder().unwrap();
    let log = Segments::open(folder.path(), LogOptions::default(), &[]).unwrap().log;
    let written = history::write(log.as_ref(), 2_000).await.unwrap();
    log.close();
    let (mut commits, mut all) = (0, 0);
    let folded = step_folder(folder.path(), Folded::default(), Moment::End, |step| {
        let of: Vec<_> = changes_of(step.commit, step.before, step.after, None).collect();
        let whole: Vec<_> = changes(step.before, step.after, None).collect();
        assert_eq!(of, whole, "of {:?}", step.commit);
        commits += 1;
        all += of.len();
        ControlFlow::Continue(())
    });
    assert_eq!(folded.unwrap().last.unwrap().at.position.0, written.position.0);
    assert!(all > commits && commits > 500, "{all} changes of {commits} commits");
}
