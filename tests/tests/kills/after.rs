//! What must be so after a start, and how long it took.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use mooring_proto::binding::v1::binding::State;
use mooring_tests::figures::ms;
use mooring_tests::{Client, wait_for};
use tokio::runtime::Runtime;

use crate::moves::Moves;

/// How long kernel and fold may differ after a start.
const AGREEING: Duration = Duration::from_secs(2);
/// How long unfinished bindings and missed holder changes may take: an instance that lost a HAVIP is asked first.
const CATCHING_UP: Duration = Duration::from_secs(2);

/// The longest times so far.
#[derive(Default)]
pub struct After {
    checks: u64,
    starting: Duration,
    agreeing: Duration,
    finishing: Duration,
    unfinished: usize,
    holding: Duration,
}

impl After {
    pub fn started(&mut self, took: Duration) {
        self.starting = self.starting.max(took);
    }

    /// Waits until all is as it should be.
    pub fn check(&mut self, runtime: &Runtime, client: &Client, moves: &Moves) {
        let begin = Instant::now();
        self.checks += 1;
        let unfinished = runtime.block_on(unfinished(client));
        self.unfinished += unfinished.len();
        self.agree(runtime, client, begin);
        self.finish(runtime, client, unfinished, begin);
        self.hold(runtime, client, moves, begin);
    }

    /// The kernel, read back, has everything that was in the log at the start.
    fn agree(&mut self, runtime: &Runtime, client: &Client, begin: Instant) {
        let tail = runtime.block_on(client.status(false)).unwrap().tail;
        wait_for("kernel and fold to agree", AGREEING, || {
            let status = runtime.block_on(client.status(true)).unwrap();
            let [vpc] = &status.vpcs[..] else { return Err(format!("{status:?}")) };
            let agree = vpc.fault.is_empty() && vpc.differences.is_empty() && vpc.applied_position >= tail;
            if agree { Ok(()) } else { Err(format!("position {tail}: {status:?}")) }
        })
        .unwrap();
        self.agreeing = self.agreeing.max(begin.elapsed());
    }

    /// What was under way at the start is so no more.
    fn finish(
        &mut self,
        runtime: &Runtime,
        client: &Client,
        before: BTreeMap<String, State>,
        begin: Instant,
    ) {
        wait_for("unfinished bindings to be finished", CATCHING_UP, || {
            let now = runtime.block_on(unfinished(client));
            let still: Vec<_> =
                before.iter().filter(|(name, state)| now.get(*name) == Some(*state)).collect();
            if still.is_empty() { Ok(()) } else { Err(format!("{still:?}")) }
        })
        .unwrap();
        self.finishing = self.finishing.max(begin.elapsed());
    }

    /// Who holds what is who has it: the gateway asks at a start, for what was announced before was heard by nobody.
    fn hold(&mut self, runtime: &Runtime, client: &Client, moves: &Moves, begin: Instant) {
        wait_for("holders to be who has the address", CATCHING_UP, || {
            let holders = runtime.block_on(client.holders()).unwrap();
            let known: BTreeMap<_, _> =
                holders.into_iter().map(|holder| (holder.address, holder.instance)).collect();
            let wrong =
                moves.now().find(|(address, vm)| known.get(&address.to_string()).is_none_or(|by| by != vm));
            wrong.map_or(Ok(()), |wrong| Err(format!("{wrong:?} among {known:?}")))
        })
        .unwrap();
        self.holding = self.holding.max(begin.elapsed());
    }
}

async fn unfinished(client: &Client) -> BTreeMap<String, State> {
    let bindings = client.bindings().await.unwrap();
    let failed: Vec<_> = bindings.iter().filter(|binding| binding.state() == State::Failed).collect();
    assert!(failed.is_empty(), "nobody asked for what can't be: {failed:?}");
    let under_way = bindings.into_iter().filter(|binding| binding.state() != State::InUse);
    under_way.map(|binding| (binding.name.clone(), binding.state())).collect()
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
