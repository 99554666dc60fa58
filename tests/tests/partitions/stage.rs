//! A scene under load, and one trouble after the other on it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use fastrand::Rng;
use mooring_tests::cluster::{Options, Scene};
use mooring_tests::figures::{ms, seed, show};
use mooring_tests::lab::Pair;
use mooring_tests::load::{After, Load, Manner, Moves};

/// How long what a trouble held up may take once everything is ready again.
const MENDING: Duration = Duration::from_secs(20);
/// How long a trouble lasts.
const TROUBLE: Duration = Duration::from_millis(1200);

/// What a story needs besides the laboratory.
pub struct Stage<'a> {
    pub scene: Scene,
    pub load: Load,
    pub moves: Moves<'a>,
    pub after: After,
    rng: Rng,
    what: &'static str,
    begin: Instant,
    troubles: u64,
}

impl<'a> Stage<'a> {
    /// Clients are at work, and everything is well. `what` begins every line of figures.
    pub fn set(what: &'static str, pair: &'a Pair, options: Options) -> Stage<'a> {
        let seed = seed(what);
        let moves = Moves::create(&pair.lab).unwrap();
        let (scene, cells) = Scene::set(pair, options).unwrap();
        let load = Load::start(cells, scene.servers().remove(0), seed, Manner::default());
        let mut after = After::within(MENDING).unwrap();
        after.check(&scene.servers(), &moves).unwrap();
        let (rng, begin) = (Rng::with_seed(seed), Instant::now());
        Stage { scene, load, moves, after, rng, what, begin, troubles: 0 }
    }

    /// Makes trouble for a while, under load and holder changes; ends it, and waits until all is well. `name` says which
    /// it was when that does not happen.
    pub fn trouble(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Scene) -> Result<()>,
        end: impl FnOnce(&mut Scene) -> Result<()>,
    ) {
        self.try_trouble(make, end).with_context(|| format!("{}: {name}", self.what)).unwrap();
        self.troubles += 1;
    }

    fn try_trouble(
        &mut self,
        make: impl FnOnce(&mut Scene) -> Result<()>,
        end: impl FnOnce(&mut Scene) -> Result<()>,
    ) -> Result<()> {
        make(&mut self.scene)?;
        self.moves.until(Instant::now() + TROUBLE, &mut self.rng)?;
        self.scene.goes_on_forwarding()?;
        end(&mut self.scene)?;
        let begin = Instant::now();
        self.scene.wait_ready()?;
        self.after.started(begin.elapsed());
        self.after.check(&self.scene.servers(), &self.moves)?;
        self.scene.goes_on_forwarding()?;
        self.load.goes_on()
    }

    /// See [`Scene::end`].
    pub fn end(mut self) {
        show(&format!("{}: {} troubles in {}", self.what, self.troubles, ms(self.begin.elapsed())));
        self.scene.end(self.what, self.load, &self.moves, &mut self.after).unwrap();
    }
}
