//! What must be so after a start, or when a network is whole again, and how long it took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mooring_proto::binding::v1::binding::State;
use tokio::runtime::Runtime;
use tonic::Status;

use super::moves::Moves;
use crate::client::{Client, Servers};
use crate::figures::ms;
use crate::wait::wait_for;

/// The longest times so far.
pub struct After {
    runtime: Runtime,
    /// How long each of them may take: an instance that lost a HAVIP is asked first.
    patience: Duration,
    checks: u64,
    starting: Duration,
    agreeing: Duration,
    finishing: Duration,
    unfinished: usize,
    holding: Duration,
}

impl After {
    /// None yet; so long may kernel and fold differ, unfinished bindings and missed holder changes take.
    pub fn within(patience: Duration) -> Result<After> {
        let zero = Duration::ZERO;
        // A thread of its own: connections end when they should, also while nobody asks.
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(After {
            runtime,
            patience,
            checks: 0,
            starting: zero,
            agreeing: zero,
            finishing: zero,
            unfinished: 0,
            holding: zero,
        })
    }

    /// A start took so long.
    pub fn started(&mut self, took: Duration) {
        self.starting = self.starting.max(took);
    }

    /// Waits until all is as it should be. Each of `servers` names another gateway.
    pub fn check(&mut self, servers: &[Servers], moves: &Moves) -> Result<()> {
        let clients = {
            let _inside = self.runtime.enter();
            servers.iter().map(Client::of).collect::<Result<Vec<_>, _>>()?
        };
        let client = clients.first().context("no gateway to ask")?;
        let begin = Instant::now();
        self.checks += 1;
        let unfinished = wait_for("an answer", self.patience, || self.ask(unfinished(client)))??;
        self.unfinished += unfinished.len();
        self.agree(&clients, begin)?;
        self.finish(client, &unfinished, begin)?;
        self.hold(client, moves, begin)
    }

    fn ask<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, String> {
        self.runtime.block_on(call).map_err(|status| format!("{status:?}"))
    }

    /// Every kernel, read back, has everything that was in the log at the start.
    fn agree(&mut self, clients: &[Client], begin: Instant) -> Result<()> {
        let mut tail = 0;
        for client in clients {
            let status = wait_for("an answer", self.patience, || self.ask(client.status(false)))?;
            tail = tail.max(status.tail);
        }
        for client in clients {
            wait_for("kernel and fold to agree", self.patience, || {
                let status = self.ask(client.status(true))?;
                let [vpc] = &status.vpcs[..] else { return Err(format!("{status:?}")) };
                let agree =
                    vpc.fault.is_empty() && vpc.differences.is_empty() && vpc.applied_position >= tail;
                if agree { Ok(()) } else { Err(format!("position {tail}: {status:?}")) }
            })?;
        }
        self.agreeing = self.agreeing.max(begin.elapsed());
        Ok(())
    }

    /// What was under way at the start is so no more.
    fn finish(&mut self, client: &Client, before: &BTreeMap<String, State>, begin: Instant) -> Result<()> {
        wait_for("unfinished bindings to be finished", self.patience, || {
            let now = match self.ask(unfinished(client))? {
                Ok(now) => now,
                Err(fault) => return Ok(Err(fault)),
            };
            let still: Vec<_> =
                before.iter().filter(|(name, state)| now.get(*name) == Some(*state)).collect();
            if still.is_empty() { Ok(Ok(())) } else { Err(format!("{still:?}")) }
        })??;
        self.finishing = self.finishing.max(begin.elapsed());
        Ok(())
    }

    /// Who holds what is who has it: a gateway asks at a start, for what was announced before was heard by nobody.
    fn hold(&mut self, client: &Client, moves: &Moves, begin: Instant) -> Result<()> {
        wait_for("holders to be who has the address", self.patience, || {
            let holders = self.ask(client.holders())?;
            let known: BTreeMap<_, _> =
                holders.into_iter().map(|holder| (holder.address, holder.instance)).collect();
            let wrong =
                moves.now().find(|(address, vm)| known.get(&address.to_string()).is_none_or(|by| by != vm));
            wrong.map_or(Ok(()), |wrong| Err(format!("{wrong:?} among {known:?}")))
        })?;
        self.holding = self.holding.max(begin.elapsed());
        Ok(())
    }
}

/// What is under way; a fault where a binding has failed, for nobody asked for what can't be.
async fn unfinished(client: &Client) -> Result<Result<BTreeMap<String, State>>, Status> {
    let bindings = client.bindings().await?;
    let failed: Vec<_> = bindings.iter().filter(|binding| binding.state() == State::Failed).collect();
    let none_failed = || {
        ensure!(failed.is_empty(), "nobody asked for what can't be: {failed:?}");
        Ok(())
    };
    Ok(none_failed().map(|()| {
        let under_way = bindings.iter().filter(|binding| binding.state() != State::InUse);
        under_way.map(|binding| (binding.name.clone(), binding.state())).collect()
    }))
}

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at most: start {}; over {} checks: kernel = fold after {}, {} unfinished bindings after {}, holders after {}",
            ms(self.starting),
            self.checks,
            ms(self.agreeing),
            self.unfinished,
            ms(self.finishing),
            ms(self.holding)
        )
    }
}
