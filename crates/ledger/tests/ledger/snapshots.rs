//! Snapshots: start is snapshot plus tail; what does not fit is ignored; one beyond the log's end is an alarm (L8).

use std::{fs, sync::Arc};

use crate::stories::*;
use mooring_domain::resource::ResourceCore;
use mooring_event_log::{EventLog, memory::Memory};
use mooring_ledger::{Ledger, OpenError, Snapshots};

async fn log_with(names: &[&str], snapshots: &Snapshots) -> Arc<dyn EventLog> {
    let log: Arc<dyn EventLog> = Arc::new(Memory::new());
    let (ledger, task) = open_with(&log, snapshots).await;
    for name in names {
        ledger.submit(caller(), vpc(name)).await.unwrap();
    }
    drop(ledger);
    task.close().await.unwrap();
    log
}

#[tokio::test]
async fn a_stop_leaves_a_snapshot_that_proves_the_tail() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    log_with(&["blue", "red"], &snapshots).await;
    let witnesses = snapshots.witnesses(&region()).unwrap();
    assert_eq!(witnesses.iter().map(|witness| witness.position.0).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_start_folds_only_what_came_after_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    let log = log_with(&["blue", "red"], &snapshots).await;
    open(&log).await.submit(caller(), vpc("green")).await.unwrap();
    let (ledger, _) = open_with(&log, &snapshots).await;
    assert_eq!(names(&ledger.view().state), ["blue", "red", "green"]);
}

#[tokio::test]
async fn a_snapshot_of_another_log_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    log_with(&["blue", "red"], &snapshots).await;
    let other: Arc<dyn EventLog> = Arc::new(Memory::new());
    let ledger = open(&other).await;
    for name in ["green", "yellow", "white"] {
        ledger.submit(caller(), vpc(name)).await.unwrap();
    }
    let (ledger, _) = open_with(&other, &snapshots).await;
    assert_eq!(names(&ledger.view().state), ["green", "yellow", "white"]);
}

#[tokio::test]
async fn a_log_that_ends_before_its_snapshot_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (snapshots, _) = Snapshots::open(folder.path()).unwrap();
    log_with(&["blue", "red"], &snapshots).await;
    let shorter: Arc<dyn EventLog> = Arc::new(Memory::new());
    let opened = Ledger::<ResourceCore>::open(shorter, Some(snapshots), region()).await;
    let error = opened.map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::LostEnd { .. }), "{error}");
    assert!(error.to_string().contains("record 2"), "names the record: {error}");
}

#[tokio::test]
async fn a_folder_that_does_not_open_is_set_aside_and_rebuilt() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("snapshots");
    let (snapshots, _) = Snapshots::open(&folder).unwrap();
    let log = log_with(&["blue"], &snapshots).await;
    drop(snapshots);
    fs::write(folder.join("conf"), "this is no sled folder any more").unwrap();
    let (snapshots, aside) = Snapshots::open(&folder).unwrap();
    assert!(aside.is_some_and(|aside| aside.join("conf").exists()), "the old folder is kept");
    let (ledger, task) = open_with(&log, &snapshots).await;
    assert_eq!(names(&ledger.view().state), ["blue"]);
    drop(ledger);
    task.close().await.unwrap();
}

#[tokio::test]
async fn a_folder_that_another_has_open_is_refused_and_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("snapshots");
    let (_open, _) = Snapshots::open(&folder).unwrap();
    let error = Snapshots::open(&folder).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("lock"), "{error}");
    let left: Vec<_> = fs::read_dir(parent.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["snapshots"], "nothing was set aside");
}
