//! So many calls at once: each caller makes its next call as soon as it has the answer to the last.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::task::JoinSet;

/// Calls that share a connection at most.
const CALLS_OF_A_CONNECTION: usize = 64;

/// What came of them.
#[derive(Debug)]
pub struct Rush<T> {
    /// How long all of them took.
    pub took: Duration,
    /// How long each call took, and what it gave.
    pub calls: Vec<(Duration, T)>,
}

impl<T> Rush<T> {
    /// Calls in a second.
    pub fn rate(&self) -> f64 {
        self.calls.len() as f64 / self.took.as_secs_f64()
    }

    /// How long each call took, in ms.
    pub fn milliseconds(&self) -> impl Iterator<Item = f64> {
        self.calls.iter().map(|(took, _)| took.as_secs_f64() * 1e3)
    }
}

/// How many connections so many calls at once share.
pub fn connections(at_once: usize) -> usize {
    at_once.div_ceil(CALLS_OF_A_CONNECTION)
}

/// Makes `count` calls, numbered from 0, so many at once, spread over the connections. The first that fails ends it.
pub async fn rush<C, F, Fut, T>(connections: &[C], at_once: usize, count: usize, call: F) -> Result<Rush<T>>
where
    C: Clone + Send + 'static,
    F: Fn(C, usize) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<T>> + Send + 'static,
    T: Send + 'static,
{
    let (call, next) = (Arc::new(call), Arc::new(AtomicUsize::new(0)));
    let begin = Instant::now();
    let mut running = JoinSet::new();
    for connection in connections.iter().cycle().take(at_once) {
        let (connection, call, next) = (connection.clone(), call.clone(), next.clone());
        running.spawn(async move {
            let mut calls = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return anyhow::Ok(calls);
                }
                let begin = Instant::now();
                let given = call(connection.clone(), number).await?;
                calls.push((begin.elapsed(), given));
            }
        });
    }
    let mut calls = Vec::with_capacity(count);
    while let Some(done) = running.join_next().await {
        calls.extend(done??);
    }
    let took = begin.elapsed();
    ensure!(calls.len() == count, "{count} calls were to be made, {} were answered", calls.len());
    Ok(Rush { took, calls })
}
