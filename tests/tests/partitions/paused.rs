//! Processes that stand still (SIGSTOP) with their connections open, and go on (SIGCONT) where they were.

use anyhow::Result;
use mooring_tests::cluster::{Cluster, Options, Part};
use mooring_tests::lab::Pair;

use crate::stage::Stage;

fn pause(cluster: &Cluster, parts: &[Part]) -> Result<()> {
    parts.iter().try_for_each(|part| cluster.part(*part).pause())
}

fn resume(cluster: &Cluster, parts: &[Part]) -> Result<()> {
    parts.iter().try_for_each(|part| cluster.part(*part).resume())
}

#[test]
fn each_process_nats_and_all_of_them_may_stand_still_for_a_while() {
    let pair = Pair::new().unwrap();
    let mut stage = Stage::set("paused", &pair, Options::default());
    let parts = stage.scene.cluster.parts();
    for part in &parts {
        let one = [*part];
        let made = |scene: &mut mooring_tests::cluster::Scene| pause(&scene.cluster, &one);
        stage.trouble(&format!("{part:?} paused"), made, |scene| resume(&scene.cluster, &one));
    }
    stage.trouble("NATS paused", |scene| scene.cluster.nats.pause(), |scene| scene.cluster.nats.resume());
    stage.trouble(
        "all paused",
        |scene| pause(&scene.cluster, &parts).and_then(|()| scene.cluster.nats.pause()),
        |scene| scene.cluster.nats.resume().and_then(|()| resume(&scene.cluster, &parts)),
    );
    // What a process sent before it died is still in a NATS that stands still when the next one starts.
    for part in &parts {
        stage.trouble(
            &format!("{part:?} killed and started while NATS is paused"),
            |scene| {
                scene.cluster.nats.pause()?;
                scene.cluster.part_mut(*part).kill9()?;
                scene.cluster.part_mut(*part).launch()
            },
            |scene| scene.cluster.nats.resume(),
        );
    }
    stage.end();
}
