//! So many clients at once, each making its next call as soon as it has the answer to the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mooring_proto::binding::v1::binding::State;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::stock::Pair;
use crate::client::Client;

/// What is done with every pair.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Bound: answered once it is IN_USE.
    Bind,
    /// Unbound: answered once every registered gateway has taken it out and it is gone.
    Unbind,
}

/// What a round gave.
#[derive(Debug)]
pub struct Round {
    /// How long all of it took.
    pub took: Duration,
    /// How long each call took.
    pub calls: Vec<Duration>,
    /// The positions at which they were answered: several share a record.
    pub positions: Vec<u64>,
}

struct Work {
    act: Act,
    pairs: Arc<[Pair]>,
    /// How many of them are done with.
    count: usize,
    next: AtomicUsize,
}

/// Does it with the first `count` pairs, with `clients` calls at once, spread over the connections.
pub async fn round(
    connections: &[Client],
    clients: usize,
    act: Act,
    pairs: &Arc<[Pair]>,
    count: usize,
) -> Result<Round> {
    let work = Arc::new(Work { act, pairs: pairs.clone(), count, next: AtomicUsize::new(0) });
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for client in connections.iter().cycle().take(clients) {
        running.spawn(work_off(client.clone(), work.clone()));
    }
    let (mut calls, mut positions) = (Vec::with_capacity(count), Vec::with_capacity(count));
    while let Some(done) = running.join_next().await {
        for (took, position) in done?? {
            calls.push(took);
            positions.push(position);
        }
    }
    ensure!(calls.len() == count, "{count} calls were to be made, {} were answered", calls.len());
    Ok(Round { took: begin.elapsed(), calls, positions })
}

async fn work_off(client: Client, work: Arc<Work>) -> Result<Vec<(Duration, u64)>> {
    let mut calls = Vec::new();
    loop {
        let number = work.next.fetch_add(1, Ordering::Relaxed);
        if number >= work.count {
            return Ok(calls);
        }
        let Pair { eip, havip } = &work.pairs[number];
        let begin = Instant::now();
        let position = match work.act {
            Act::Bind => {
                let bound = client.bind_stored(eip, havip, Uuid::now_v7()).await.context("a bind")?;
                ensure!(bound.state() == State::InUse, "a bind answered with {bound:?}");
                bound.position
            }
            Act::Unbind => client.unbind_at(eip, Uuid::now_v7()).await.context("an unbind")?,
        };
        calls.push((begin.elapsed(), position));
    }
}
