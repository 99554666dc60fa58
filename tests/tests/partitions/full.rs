//! Disks without room: of each process's copy and of NATS. Nobody acknowledges what it can't keep, kernels stay as they
//! are, and what is full goes on by itself once there is room; but for NATS, which has to be started again.

use mooring_tests::cluster::{Options, Part};
use mooring_tests::lab::Pair;
use mooring_tests::small_disk::SmallDisk;
use mooring_tests::{nats, small_disk};

use crate::stage::Stage;

/// Enough for all that a process writes in this story, and soon filled.
const SIZE: &str = "96m";

#[test]
fn disks_may_be_full_for_a_while() {
    small_disk::apart().unwrap();
    let store = SmallDisk::new(SIZE).unwrap();
    let pair = Pair::new().unwrap();
    let on_it = nats::Options { store: Some(store.path().join("nats")), ..nats::Options::default() };
    let mut stage = Stage::set("full disks", &pair, Options { nats: on_it, ..Options::default() });
    let mut disks: Vec<(Part, SmallDisk)> = Vec::new();
    for part in stage.scene.cluster.parts() {
        let process = stage.scene.cluster.part_mut(part);
        process.stop().unwrap();
        disks.push((part, SmallDisk::over(&process.data(), SIZE).unwrap()));
        process.restart().unwrap();
    }
    for (part, disk) in &disks {
        stage.trouble(&format!("no room for {part:?}"), |_| disk.fill(), |_| disk.free());
    }
    let (full, free) = (
        || disks.iter().try_for_each(|(_, disk)| disk.fill()),
        || disks.iter().try_for_each(|(_, disk)| disk.free()),
    );
    stage.trouble("no room for any process", |_| full(), |_| free());
    stage.trouble(
        "no room for NATS",
        |_| store.fill(),
        |scene| {
            store.free()?;
            scene.cluster.nats.restart()
        },
    );
    stage.end();
}
