//! One round: who dies, when, and who is back first.

use std::time::{Duration, Instant};

use anyhow::Result;
use fastrand::Rng;
use mooring_tests::cluster::{Cluster, Part, Scene};
use mooring_tests::load::{After, Moves};

/// Whom to kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    Part(Part),
    Nats,
}

/// One or two who die together.
#[derive(Debug, Clone)]
pub struct Round(Vec<Victim>);

impl Round {
    /// Everybody alone, and every pair.
    pub fn every(cluster: &Cluster) -> Vec<Round> {
        let mut all: Vec<Victim> = cluster.parts().into_iter().map(Victim::Part).collect();
        all.push(Victim::Nats);
        let alone = all.iter().map(|victim| Round(vec![*victim]));
        let pairs = all
            .iter()
            .enumerate()
            .flat_map(|(number, one)| all[number + 1..].iter().map(|other| Round(vec![*one, *other])));
        alone.chain(pairs).collect()
    }

    /// Kills them after a while of work, some of them once more while they start, and waits until all is well.
    pub fn play(&self, scene: &mut Scene, moves: &mut Moves, after: &mut After, rng: &mut Rng) -> Result<()> {
        let cluster = &mut scene.cluster;
        moves.until(Instant::now() + within(rng, 200), rng)?;
        self.0.iter().try_for_each(|victim| kill(cluster, *victim))?;
        // What is announced now is heard by nobody, or not by all.
        moves.until(Instant::now() + within(rng, 200), rng)?;
        let begin = Instant::now();
        let mut back = self.0.clone();
        rng.shuffle(&mut back);
        back.iter().try_for_each(|victim| launch(cluster, *victim))?;
        if rng.u8(..4) == 0 {
            std::thread::sleep(within(rng, 300));
            self.0.iter().try_for_each(|victim| kill(cluster, *victim))?;
            self.0.iter().try_for_each(|victim| launch(cluster, *victim))?;
        }
        scene.wait_ready()?;
        after.started(begin.elapsed());
        after.check(&scene.servers(), moves)?;
        scene.goes_on_forwarding()
    }
}

fn within(rng: &mut Rng, ms: u64) -> Duration {
    Duration::from_micros(rng.u64(..ms * 1000))
}

fn kill(cluster: &mut Cluster, victim: Victim) -> Result<()> {
    match victim {
        Victim::Part(part) => cluster.part_mut(part).kill9(),
        Victim::Nats => cluster.nats.kill9(),
    }
}

/// A process is started and not waited for: it has to wait for the others itself.
fn launch(cluster: &mut Cluster, victim: Victim) -> Result<()> {
    match victim {
        Victim::Part(part) => cluster.part_mut(part).launch(),
        Victim::Nats => cluster.nats.restart(),
    }
}
