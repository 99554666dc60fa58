//! The index finds what reading the whole log finds: as it comes up, after a stop, and when it was lost, spoiled, or is of
//! another log.

use std::{fs, path::Path};

use mooring_domain::Timestamp;
use mooring_ledger::index::{Entry, Index, Term};
use mooring_tests::server::own_folder;

use crate::model::{Model, ask, caught_up};

const EVENTS: u64 = 3_000;

/// Questions of every kind, with one or several clauses.
fn questions(model: &Model) -> Vec<Vec<Vec<Term>>> {
    let mut terms = model.terms();
    // The rare ones, and the ones that most events concern.
    terms.sort_by_key(|(_, count)| *count);
    let some: Vec<Term> = terms
        .iter()
        .step_by((terms.len() / 40).max(1))
        .chain(terms.last())
        .map(|(term, _)| term.clone())
        .collect();
    let kinds = vec![Term::Kind("holder_changed"), Term::Kind("bound"), Term::Kind("eip_released")];
    let mut questions: Vec<_> = some.iter().map(|term| vec![vec![term.clone()]]).collect();
    questions.extend(some.iter().map(|term| vec![vec![term.clone()], kinds.clone()]));
    questions.extend(some.windows(2).map(|pair| vec![pair.to_vec()]));
    questions.extend(
        some.windows(2).map(|pair| vec![vec![pair[0].clone()], vec![pair[1].clone()], kinds.clone()]),
    );
    questions
}

async fn agrees(index: &Index, model: &Model) {
    let (mut found, mut nothing) = (0, 0);
    for clauses in questions(model) {
        let expected = model.find(&clauses);
        assert_eq!(ask(index, model, &clauses).await, expected, "{clauses:?}");
        found += expected.len();
        nothing += usize::from(expected.is_empty());
    }
    assert!(found > 1_000 && nothing > 0, "the questions ask for {found}, {nothing} of them for nothing");
}

#[tokio::test]
async fn what_it_finds_is_what_the_log_has_before_and_after_a_stop() {
    let folder = own_folder().unwrap();
    let model = Model::of_history(&folder.path().join("log"), EVENTS).await;
    let index_folder = folder.path().join("index/r1");
    let (index, task) = Index::start(model.log.clone(), index_folder.clone());
    agrees(&index, &model).await;
    task.close().await.unwrap();
    assert_eq!(index.watch().borrow().position, model.tail);
    // From what was stored alone: whatever the log says is behind it.
    let (index, task) = Index::start(model.log.clone(), index_folder);
    agrees(&index, &model).await;
    task.close().await.unwrap();
}

#[tokio::test]
async fn a_page_begins_and_ends_where_it_is_told_to() {
    let folder = own_folder().unwrap();
    let model = Model::of_history(&folder.path().join("log"), EVENTS).await;
    let (index, task) = Index::start(model.log.clone(), folder.path().join("index/r1"));
    caught_up(&index, &model).await;
    let clauses = vec![vec![Term::Kind("holder_changed"), Term::Kind("bound")]];
    let all = model.find(&clauses);
    for (from, to) in [(0, 1), (3, 50), (7, all.len() - 1), (20, 20)] {
        let found = index.find(clauses.clone(), all[from]..all[to], usize::MAX).await.unwrap();
        assert_eq!(found, all[from..to], "from {from} to {to}");
        let behind = Entry { event: all[from].event + 1, ..all[from] };
        let found = index.find(clauses.clone(), behind..all[all.len() - 1], 5).await.unwrap();
        assert_eq!(found, all[from + 1..(from + 6).min(all.len() - 1)], "5 behind {from}");
    }
    task.close().await.unwrap();
}

#[tokio::test]
async fn a_time_narrows_to_records_that_have_all_of_it() {
    let folder = own_folder().unwrap();
    let model = Model::of_history(&folder.path().join("log"), EVENTS).await;
    for stored in [false, true] {
        let (index, task) = Index::start(model.log.clone(), folder.path().join("index/r1"));
        caught_up(&index, &model).await;
        let times: Vec<Timestamp> = model.events.iter().map(|(_, time, _)| *time).collect();
        let mut narrow = 0;
        for (from, to) in (0..times.len() - 400).step_by(97).map(|at| (times[at], times[at + 400])) {
            let range = index.at_times(Some(from), Some(to)).await.unwrap();
            let inside = model.events.iter().filter(|(_, time, _)| (from..=to).contains(time));
            assert!(inside.clone().all(|(entry, ..)| range.contains(entry)), "{from:?} to {to:?}: {range:?}");
            let in_range = model.events.iter().filter(|(entry, ..)| range.contains(entry)).count();
            narrow += usize::from(in_range < model.events.len());
        }
        assert!(narrow > 10, "only {narrow} ranges leave anything out, stored: {stored}");
        let nothing = index.at_times(None, None).await.unwrap();
        assert!(
            nothing.contains(&model.events[0].0) && nothing.contains(&model.events[model.events.len() - 1].0)
        );
        task.close().await.unwrap();
    }
}

/// Builds one, and stops it.
async fn built(model: &Model, folder: &Path) {
    let (index, task) = Index::start(model.log.clone(), folder.to_owned());
    caught_up(&index, model).await;
    task.close().await.unwrap();
}

#[tokio::test]
async fn one_that_was_lost_or_is_of_another_log_is_built_again() {
    let folder = own_folder().unwrap();
    let other = Model::of_history(&folder.path().join("other"), EVENTS).await;
    let model = Model::of_history(&folder.path().join("log"), EVENTS + 200).await;
    let index_folder = folder.path().join("index/r1");
    built(&other, &index_folder).await;
    let (index, task) = Index::start(model.log.clone(), index_folder.clone());
    agrees(&index, &model).await;
    task.close().await.unwrap();

    fs::remove_dir_all(&index_folder).unwrap();
    let (index, task) = Index::start(model.log.clone(), index_folder);
    agrees(&index, &model).await;
    task.close().await.unwrap();
}

/// Each file is spoiled in many places, one at a time.
#[tokio::test]
async fn one_flipped_byte_changes_no_answer() {
    let folder = own_folder().unwrap();
    let model = Model::of_history(&folder.path().join("log"), 1_500).await;
    let index_folder = folder.path().join("index/r1");
    built(&model, &index_folder).await;
    let good = read_all(&index_folder);
    let (mut spoiled, mut rebuilt) = (0, 0);
    for (file, content) in &good {
        let used: Vec<usize> = (0..content.len()).filter(|at| content[*at] != 0).collect();
        for at in used.iter().step_by((used.len() / 12).max(1)) {
            let _ = fs::remove_dir_all(&index_folder);
            for (path, content) in &good {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, content).unwrap();
            }
            let mut bad = content.clone();
            bad[*at] ^= 1 << (at % 8);
            fs::write(file, bad).unwrap();
            let (index, task) = Index::start(model.log.clone(), index_folder.clone());
            for clauses in questions(&model).iter().step_by(7) {
                let found = ask(&index, &model, clauses).await;
                assert_eq!(found, model.find(clauses), "byte {at} of {}: {clauses:?}", file.display());
            }
            task.close().await.unwrap();
            spoiled += 1;
            rebuilt += usize::from(aside(&index_folder));
        }
    }
    assert!(spoiled > 20 && rebuilt > 5, "{spoiled} spoiled, {rebuilt} found out");
}

fn read_all(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => files.extend(read_all(&entry)),
            false => files.push((entry.clone(), fs::read(&entry).unwrap())),
        }
    }
    files
}

/// Whether one was set aside; then it goes.
fn aside(folder: &Path) -> bool {
    let beside = fs::read_dir(folder.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let damaged: Vec<_> = beside.filter(|path| path.to_string_lossy().contains("damaged")).collect();
    damaged.iter().for_each(|path| fs::remove_dir_all(path).unwrap());
    !damaged.is_empty()
}
