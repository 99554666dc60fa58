//! A random life of 100 000 events, stored in segment files: whatever is asked of the log later is what was recorded while it
//! was lived, at every 1 000th position. `MOORING_EVENTS` makes it longer, `MOORING_SEED` is the same one again.

mod asked;
mod gateways;
mod prefix;
mod snapshots;

use std::{path::PathBuf, sync::Arc, thread, time::Instant};

use mooring_event_log::{EventLog, Options, Segments};
use mooring_tests::{
    figures::{number, seed, show},
    golden,
    history::life::{Life, live},
    server::own_folder,
};
use tempfile::TempDir;

use crate::golden::kinds;

const EVENTS: u64 = 100_000;
const EVERY: u64 = 1_000;
/// Several of them for 100 000 events.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;

/// A life and its log.
struct Stored {
    life: Life,
    log: Arc<Segments>,
    /// A data folder of a system that has stopped.
    data: PathBuf,
    _folder: TempDir,
}

impl Stored {
    fn make(events: u64, seed: u64) -> Self {
        let folder = own_folder().unwrap();
        let data = folder.path().join("data");
        let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::default() };
        let log = Segments::open(&data.join("log/r1"), options, &[]).unwrap().log;
        let life = runtime().block_on(live(log.as_ref(), events, seed, EVERY)).unwrap();
        Self { life, log, data, _folder: folder }
    }

    /// The folder of the log alone.
    fn log_folder(&self) -> PathBuf {
        self.data.join("log/r1")
    }

    /// The log, as a process has it that has just opened it.
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.log) as Arc<dyn EventLog>
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_random_life_is_told_as_it_was_lived() {
    let begin = Instant::now();
    let seed = seed("a random life");
    let stored = Stored::make(number("MOORING_EVENTS", EVENTS), seed);
    let Life { events, refused, ref photos, ref end } = stored.life;
    let said = format!("{events} events in {} records, {refused} commands refused", end.position);
    show(&format!("{said}, {} photos, made in {:.1?}", photos.len(), begin.elapsed()));
    assert!(photos.len() as u64 == end.position.0 / EVERY && photos.len() > 2, "{said}");
    assert!(photos.windows(2).all(|pair| pair[0].states != pair[1].states), "photos show nothing");
    let lived = golden::kinds(&stored.data).unwrap();
    let missing: Vec<_> = kinds().into_iter().filter(|(number, _)| !lived.contains(number)).collect();
    assert!(missing.is_empty(), "a life in which some kinds of events never happen: {missing:?}");
    thread::scope(|scope| {
        let part = |what: &'static str, check: fn(&Stored)| {
            let stored = &stored;
            scope.spawn(move || {
                let begin = Instant::now();
                check(stored);
                show(&format!("{what}: {:.1?}", begin.elapsed()));
            });
        };
        part("asked by position", asked::by_position);
        part("asked by time", asked::by_time);
        part("asked of moor", asked::of_moor);
        part("from every snapshot", snapshots::from_every_one);
        part("two gateways", gateways::agree);
    });
}
