//! A region's random life: clients, gateways and the process manager ask the real cores for whatever a seed says, things
//! come and go, requests are refused, binds fail, and what was decided is stored. What the cores had folded is kept along
//! the way, so that it can be compared with what is made of the log later.

mod asked;
mod leases;
mod manager;
mod networks;
mod pools;
mod region;

use anyhow::{Result, ensure};
use mooring_domain::{Position, Timestamp, binding::BindingCore, holder::HolderCore, resource::ResourceCore};
use mooring_event_log::EventLog;

pub use self::networks::LATE;
use self::{asked::Commands, region::Region};
use super::cores::{Asked, Cores, States};

/// When every life begins: 2025-01-01.
const BEGIN: Timestamp = Timestamp(1_735_689_600_000_000_000);
/// The most commits of a record.
const TOGETHER: usize = 14;
/// Records that are synced together: a disk that takes its time is not what is lived for.
const ON_THEIR_WAY: usize = 64;
/// One record in so many is followed by a longer time.
const PAUSES: u32 = 100;
/// The longest: weeks pass in a long life, so that what is remembered for a day is forgotten.
const LONGEST_PAUSE_NANOS: u64 = 6 * 60 * 60 * 1_000_000_000;

/// The cores' own states when a record had just been written.
#[derive(Clone, Debug)]
pub struct Photo {
    /// The record.
    pub position: Position,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What was folded.
    pub states: States,
}

/// A life that was stored.
pub struct Life {
    /// At every so many positions, in order.
    pub photos: Vec<Photo>,
    /// The last position and what was folded there.
    pub end: Photo,
    /// How many events there are.
    pub events: u64,
    /// How many commands were refused.
    pub refused: u64,
}

/// Stores a life of at least so many events in an empty log, with a photo at every so many positions. The same seed is
/// the same life.
pub async fn live(log: &dyn EventLog, events: u64, seed: u64, every: u64) -> Result<Life> {
    ensure!(log.tail().await?.position.0 == 0, "the log is not empty");
    let mut living = Living {
        cores: Cores::new(log, BEGIN, ON_THEIR_WAY),
        region: Region::new(seed),
        every,
        photos: Vec::new(),
        refused: 0,
    };
    for commands in living.region.beginning(&mut living.cores)? {
        let refused = living.take(&commands, Asked::ByClient).await?;
        ensure!(!refused.contains(&true), "a life can't begin: {commands:?}");
    }
    while living.cores.events() < events {
        living.something().await?;
    }
    living.cores.settle().await?;
    let end = living.photo();
    let Living { photos, cores, refused, .. } = living;
    Ok(Life { photos, end, events: cores.events(), refused })
}

struct Living<'a> {
    cores: Cores<'a>,
    region: Region,
    every: u64,
    photos: Vec<Photo>,
    refused: u64,
}

impl Living<'_> {
    /// Whatever comes next.
    async fn something(&mut self) -> Result<()> {
        let pause = match self.region.rng.u32(0..PAUSES) {
            0 => LONGEST_PAUSE_NANOS,
            _ => 2_000_000_000,
        };
        self.cores.wait(self.region.rng.u64(0..pause));
        match self.region.rng.u32(0..10) {
            0..6 => {
                let many = self.region.rng.usize(1..=TOGETHER);
                let (commands, asked) = asked::some(&mut self.region, &mut self.cores, many)?;
                self.take(&commands, asked).await.map(drop)
            }
            _ => self.advance().await,
        }
    }

    /// The process manager takes a step for some bindings, and is killed.
    async fn advance(&mut self) -> Result<()> {
        let (to_resource, to_binding) = manager::next(&self.cores, &mut self.region.rng, TOGETHER);
        for commands in [to_resource, to_binding] {
            let refused = self.take(&commands, Asked::ByService).await?;
            self.take(&manager::after(&commands, &refused), Asked::ByService).await?;
        }
        Ok(())
    }

    /// Answers for each command whether it was refused.
    async fn take(&mut self, commands: &Commands, asked: Asked) -> Result<Vec<bool>> {
        let before = self.cores.position();
        let outcomes = match commands {
            Commands::Resource(all) => self.cores.ask::<ResourceCore>(all, asked).await?,
            Commands::Binding(all) => self.cores.ask::<BindingCore>(all, asked).await?,
            Commands::Holder(all) => self.cores.ask::<HolderCore>(all, asked).await?,
        };
        let events = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).flatten();
        events.for_each(|event| self.region.happened(event));
        let refused: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
        self.refused += refused.iter().filter(|refused| **refused).count() as u64;
        let position = self.cores.position();
        if position != before && position.0.is_multiple_of(self.every) {
            let photo = self.photo();
            self.photos.push(photo);
        }
        Ok(refused)
    }

    fn photo(&self) -> Photo {
        Photo {
            position: Position(self.cores.position().0),
            recorded_at: self.cores.now(),
            states: self.cores.states().clone(),
        }
    }
}
