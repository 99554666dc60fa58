//! Clients that bind, unbind and look, several of them at the same few EIPs and HAVIPs. Each call has a request id and is
//! made again, with the same one, until it has an answer; everything asked and answered is written down.

mod after;
mod answers;
mod cell;
mod done;
pub mod moves;
mod worker;

use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::sync::watch;
use tokio::task::LocalSet;

pub use after::After;
pub use answers::{may_be_tried_again, reason};
pub use cell::{Cell, Shape};
pub use done::Done;
pub use moves::Moves;

use crate::client::Servers;
use crate::wait::wait_for;
use worker::{Worker, Works};

/// How the clients behave.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Between two calls by one client, at most.
    pub thinking: Duration,
    /// How long one try may take before the client makes the next.
    pub one_try: Duration,
    /// How long a call may go unanswered, over all its tries, before that is a fault.
    pub patience: Duration,
    /// How many calls of a cell where clients contend are given up after a try without an answer, at most: each may have
    /// taken effect, or not, and what can have happened branches there.
    pub gives_up: u64,
}

impl Default for Manner {
    fn default() -> Manner {
        let (thinking, one_try) = (Duration::from_millis(60), Duration::from_secs(3));
        Manner { thinking, one_try, patience: Duration::from_secs(90), gives_up: 2 }
    }
}

/// Clients at work.
pub struct Load {
    cells: Vec<Arc<Cell>>,
    servers: watch::Sender<Servers>,
    stop: watch::Sender<bool>,
    fault: Arc<OnceLock<String>>,
    thread: JoinHandle<Result<Vec<Works>>>,
}

impl Load {
    /// Has clients work on every cell: as many as its shape says.
    pub fn start(cells: Vec<Cell>, servers: Servers, seed: u64, manner: Manner) -> Load {
        let cells: Vec<Arc<Cell>> = cells.into_iter().map(Arc::new).collect();
        let (servers, stop) = (watch::Sender::new(servers), watch::Sender::new(false));
        let mut workers = Vec::new();
        for cell in &cells {
            for number in 0..cell.shape.clients {
                let rng = fastrand::Rng::with_seed(seed ^ (workers.len() as u64 + 1));
                let (servers, stop) = (servers.subscribe(), stop.subscribe());
                workers.push(Worker::new(number, cell.clone(), manner, rng, servers, stop));
            }
        }
        let fault = Arc::new(OnceLock::new());
        let its = fault.clone();
        let thread = std::thread::spawn(move || {
            // Whoever looks on sees at once what `finish` will say.
            run(workers).inspect_err(|error| drop(its.set(format!("{error:#}"))))
        });
        Load { cells, servers, stop, fault, thread }
    }

    /// Where the servers are from now on.
    pub fn servers_are(&self, servers: Servers) {
        self.servers.send_replace(servers);
    }

    /// Waits until so many more calls have been answered. Fails at once when a client has met what it must not.
    pub fn wait_answered(&self, more: usize, timeout: Duration) -> Result<()> {
        let before = self.answered();
        wait_for(&format!("{more} calls to be answered"), timeout, || {
            let answered = self.answered() - before;
            let enough = answered >= more || self.goes_on().is_err();
            if enough { Ok(()) } else { Err(format!("{answered} of them were")) }
        })?;
        self.goes_on()
    }

    /// Fails with what a client has met that it must not.
    pub fn goes_on(&self) -> Result<()> {
        let fault = self.fault.get();
        ensure!(fault.is_none(), "{}", fault.map_or("", String::as_str));
        ensure!(!self.thread.is_finished(), "the clients have ended");
        Ok(())
    }

    /// Operations with an answer so far.
    fn answered(&self) -> usize {
        self.cells.iter().map(|cell| cell.history.answered_so_far()).sum()
    }

    /// Lets every client finish its call, and gives what they know. Fails as [`Self::goes_on`] does.
    pub fn finish(self) -> Result<Done> {
        self.stop.send_replace(true);
        match self.thread.join() {
            Ok(works) => Ok(Done::new(self.cells, works?)),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// All clients on one thread; the first that fails ends them all.
fn run(workers: Vec<Worker>) -> Result<Vec<Works>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let mut tasks = tokio::task::JoinSet::new();
        workers.into_iter().for_each(|worker| drop(tasks.spawn_local(worker.run())));
        let mut works = Vec::new();
        while let Some(done) = tasks.join_next().await {
            works.push(done??);
        }
        Ok(works)
    })
}
