//! All clients on a thread of their own, and what they were told.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use fastrand::Rng;
use mooring_tests::wait_for;
use tokio::sync::watch;
use tokio::task::{JoinSet, LocalSet};

use crate::client::{Acknowledged, Client, Told};
use crate::given::Prizes;

pub struct Clients {
    server: watch::Sender<String>,
    stop: watch::Sender<bool>,
    answered: Arc<AtomicU64>,
    thread: JoinHandle<Result<Vec<Told>>>,
}

impl Clients {
    pub fn start(prizes: &Arc<Prizes>, address: &str, seed: u64, count: usize) -> Clients {
        let (server, stop) = (watch::Sender::new(address.to_owned()), watch::Sender::new(false));
        let answered = Arc::new(AtomicU64::new(0));
        let revisions: Arc<[AtomicU64]> = prizes.eips.iter().map(|_| AtomicU64::new(0)).collect();
        let client = |number| Client {
            rng: Rng::with_seed(seed ^ (number as u64 + 1)),
            prizes: prizes.clone(),
            revisions: revisions.clone(),
            server: server.subscribe(),
            stop: stop.subscribe(),
            answered: answered.clone(),
            connected: None,
            told: Told::default(),
        };
        let clients: Vec<Client> = (0..count).map(client).collect();
        let thread = std::thread::spawn(move || run(clients));
        Clients { server, stop, answered, thread }
    }

    pub fn server_is_at(&self, address: &str) {
        self.server.send_replace(address.to_owned());
    }

    /// Until so many more calls were answered, and not before `until`; at once when a client met what it must not.
    pub fn wait_answered(&self, more: u64, until: Instant, patience: Duration) -> Result<()> {
        let before = self.answered.load(Ordering::Relaxed);
        wait_for(&format!("{more} calls to be answered"), patience, || {
            let answered = self.answered.load(Ordering::Relaxed) - before;
            let enough = answered >= more && Instant::now() >= until;
            if enough || self.have_ended() { Ok(()) } else { Err(format!("{answered} were")) }
        })
    }

    /// They do so by themselves only when one has met what it must not: [`Self::finish`] says what.
    pub fn have_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// Lets every client finish its call.
    pub fn finish(self) -> Result<Works> {
        self.stop.send_replace(true);
        match self.thread.join() {
            Ok(told) => Ok(Works(told?)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The first that fails ends them all.
fn run(clients: Vec<Client>) -> Result<Vec<Told>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut tasks = JoinSet::new();
        clients.into_iter().for_each(|client| drop(tasks.spawn_local(client.run())));
        let mut told = Vec::new();
        while let Some(done) = tasks.join_next().await {
            told.push(done??);
        }
        Ok(told)
    })
}

/// What each client was told.
pub struct Works(Vec<Told>);

impl Works {
    pub fn acknowledged(&self) -> impl Iterator<Item = &Acknowledged> {
        self.0.iter().flat_map(|told| &told.acknowledged)
    }
}

impl fmt::Display for Works {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut refused: BTreeMap<&str, u64> = BTreeMap::new();
        for (reason, times) in self.0.iter().flat_map(|told| &told.refused) {
            *refused.entry(reason).or_default() += times;
        }
        write!(f, "{} calls acknowledged; refused or without an answer:", self.acknowledged().count())?;
        refused.iter().try_for_each(|(reason, times)| write!(f, " {times} {reason}"))
    }
}
