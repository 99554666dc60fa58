//! A region's history of as many events as asked for, decided by the real cores: networks, EIPs and HAVIPs first, then
//! binds, failovers and unbinds over all of them, in records of twenty commits. What a start has to fold is measured on it.

pub mod bound;
mod cores;
pub mod life;
mod world;

use anyhow::{Result, bail};
use mooring_domain::{
    Decider, Event, Expected, Timestamp,
    binding::{BindingCore, Command as Binding},
    event::{BindingFacts, ClaimFacts},
    holder::{Command as Holder, Heard, HolderCore},
    id::BindingId,
    name::GatewayName,
    resource::{Command as Resource, Hold, ReleaseHold, ResourceCore},
};
use mooring_event_log::{EventLog, Position};

pub use self::cores::States;
use self::{
    cores::{Asked, Cores},
    world::Pair,
};

/// Commits in a record: what waits together on a busy region.
const TOGETHER: usize = 20;
/// The same where all that is wanted is what there is in the end.
const BULK: usize = 200;
/// Events for each HAVIP: the fewer, the more of them there are.
const EVENTS_PER_HAVIP: u64 = 50;
/// How long ago the history begins.
const AGO_NANOS: u64 = 12 * HOUR_NANOS;
const HOUR_NANOS: u64 = 60 * 60 * 1_000_000_000;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The log's last record.
    pub position: Position,
    /// The events in it.
    pub events: u64,
    /// HAVIPs, each with an EIP, two members and in the end a holder; nearly all are bound.
    pub havips: usize,
}

/// Writes at least so many events into an empty log: everything happened today, so that every request is remembered.
pub async fn write(log: &dyn EventLog, events: u64) -> Result<Written> {
    if log.tail().await?.position != Position(0) {
        bail!("the log is not empty");
    }
    let begin = Timestamp(mooring_ledger::now().0.saturating_sub(AGO_NANOS));
    let mut cores = Cores::new(log, begin, 1);
    let pairs = {
        let count = usize::try_from(events / EVENTS_PER_HAVIP)?.max(TOGETHER);
        world::make(&mut cores, &world::MANY, count).await?
    };
    let mut bindings: Vec<Option<BindingFacts>> = vec![None; pairs.len()];
    let mut round = 0_u64;
    while cores.events() < events {
        for (pairs, bindings) in pairs.chunks(TOGETHER).zip(bindings.chunks_mut(TOGETHER)) {
            unbind(&mut cores, bindings).await?;
            bind(&mut cores, pairs, bindings).await?;
            fail_over(&mut cores, pairs, round).await?;
            if cores.events() >= events {
                break;
            }
        }
        round += 1;
    }
    cores.settle().await?;
    Ok(Written { position: cores.position(), events: cores.events(), havips: pairs.len() })
}

/// Writes a region with so many bindings into an empty log, all in one VPC, each HAVIP with a holder. It was made days ago,
/// and has been quiet since: no request is remembered.
pub async fn write_bound(log: &dyn EventLog, bindings: usize) -> Result<Written> {
    if log.tail().await?.position != Position(0) {
        bail!("the log is not empty");
    }
    let days = 72 * HOUR_NANOS;
    let begin = Timestamp(mooring_ledger::now().0.saturating_sub(days));
    let mut cores = Cores::new(log, begin, 1);
    let pairs = world::make(&mut cores, &world::ONE, bindings).await?;
    let mut bound = vec![None; pairs.len()];
    for (pairs, bound) in pairs.chunks(BULK).zip(bound.chunks_mut(BULK)) {
        bind(&mut cores, pairs, bound).await?;
        fail_over(&mut cores, pairs, 0).await?;
    }
    // Half a day ago each service wrote once more.
    cores.wait(days - AGO_NANOS);
    let (pairs, bound) = (&pairs[..1], &mut bound[..1]);
    unbind(&mut cores, bound).await?;
    bind(&mut cores, pairs, bound).await?;
    fail_over(&mut cores, pairs, 1).await?;
    cores.settle().await?;
    Ok(Written { position: cores.position(), events: cores.events(), havips: bindings })
}

async fn bind(cores: &mut Cores<'_>, pairs: &[Pair], bindings: &mut [Option<BindingFacts>]) -> Result<()> {
    let ids: Vec<_> = pairs.iter().map(|_| BindingId::new(cores.id())).collect();
    let asked = pairs.iter().zip(&ids).map(|(pair, id)| Binding::Bind {
        id: *id,
        eip: pair.eip_name(),
        havip: pair.havip_name(),
    });
    cores.decide::<BindingCore>(asked.collect(), Asked::ByClient).await?;
    let now = cores.now();
    let holds = pairs.iter().zip(&ids).map(|(pair, id)| {
        let (eip, havip, region) = (pair.eip.id, pair.havip.id, pair.havip.region.clone());
        Resource::Hold(Hold { binding: *id, eip, havip, project: None, moved_from: None, region, now })
    });
    cores.decide::<ResourceCore>(holds.collect(), Asked::ByService).await?;
    let confirm = pairs.iter().zip(&ids).map(|(pair, id)| Binding::Confirm {
        binding: *id,
        eip: pair.eip.clone(),
        havip: pair.havip.clone(),
    });
    let bound = cores.decide::<BindingCore>(confirm.collect(), Asked::ByService).await?;
    for (binding, event) in bindings.iter_mut().zip(bound) {
        match event {
            Event::Bound(facts) => *binding = Some(facts),
            other => bail!("a bind ended in {other:?}"),
        }
    }
    Ok(())
}

async fn unbind(cores: &mut Cores<'_>, bindings: &mut [Option<BindingFacts>]) -> Result<()> {
    let gone: Vec<_> = bindings.iter_mut().filter_map(Option::take).collect();
    let asked = gone.iter().map(|facts| Binding::Unbind {
        scope: world::scope_of(&facts.eip),
        eip: facts.eip.id,
        expected: Expected::default(),
    });
    cores.decide::<BindingCore>(asked.collect(), Asked::ByClient).await?;
    let release = gone.iter().map(|facts| {
        Resource::ReleaseHold(ReleaseHold { binding: facts.binding, region: facts.eip.region.clone() })
    });
    cores.decide::<ResourceCore>(release.collect(), Asked::ByService).await?;
    let complete = gone.iter().map(|facts| Binding::Complete { binding: facts.binding });
    cores.decide::<BindingCore>(complete.collect(), Asked::ByService).await?;
    Ok(())
}

/// The other member announces each HAVIP.
async fn fail_over(cores: &mut Cores<'_>, pairs: &[Pair], round: u64) -> Result<()> {
    let gateway: GatewayName = "gw-1".parse()?;
    let now = cores.now();
    let claims = pairs.iter().map(|pair| {
        let member = &pair.members[usize::from(round % 2 == 1)];
        let claim = ClaimFacts { gateway: gateway.clone(), number: now.0, mac: member.mac, observed_at: now };
        Holder::Claim {
            vpc: pair.havip.vpc,
            address: pair.havip.address,
            claim,
            heard: Heard::default(),
            now,
        }
    });
    cores.decide::<HolderCore>(claims.collect(), Asked::ByService).await?;
    Ok(())
}

/// What a core decides is one of these; named here so that the parts agree.
type CommandOf<D> = <D as Decider>::Command;
