//! Which gateways can ask holders, and in which VPCs: those that said so lately. Kept in memory alone; every gateway says it
//! again about once a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use mooring_domain::{
    id::VpcId,
    name::{GatewayName, RegionId},
};

/// Who said nothing for this long is not counted on.
const LIVES: Duration = Duration::from_secs(3);

/// What one gateway said last.
#[derive(Debug)]
struct Said {
    at: Instant,
    vpcs: BTreeSet<VpcId>,
}

/// Of every region. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probers(Arc<Mutex<BTreeMap<RegionId, BTreeMap<GatewayName, Said>>>>);

impl Probers {
    /// Takes note of where a gateway can ask. Who else can there, itself among them; each with the VPCs that they share.
    pub(crate) fn note(
        &self,
        region: &RegionId,
        gateway: GatewayName,
        vpcs: BTreeSet<VpcId>,
        now: Instant,
    ) -> Vec<(GatewayName, Vec<VpcId>)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_region = all.entry(region.clone()).or_default();
        of_region.retain(|_, said| now < said.at + LIVES);
        let shared = |said: &Said| said.vpcs.intersection(&vpcs).copied().collect();
        let others = of_region.iter().filter(|(other, _)| **other != gateway);
        let mut probers: Vec<(GatewayName, Vec<VpcId>)> =
            others.map(|(other, said)| (other.clone(), shared(said))).collect();
        probers.retain(|(_, shared)| !shared.is_empty());
        probers.push((gateway.clone(), vpcs.iter().copied().collect()));
        of_region.insert(gateway, Said { at: now, vpcs });
        probers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_share_a_vpc_that_said_lately_that_they_can_ask_there() {
        let (probers, start) = (Probers::default(), Instant::now());
        let (region, other): (RegionId, RegionId) = ("r1".parse().unwrap(), "r2".parse().unwrap());
        let gateway = |name: &str| -> GatewayName { name.parse().unwrap() };
        let id =
            |last: u8| -> VpcId { format!("01976e2a-0000-7000-8000-0000000000{last:02}").parse().unwrap() };
        let of = |all: &[u8]| all.iter().map(|last| id(*last)).collect::<BTreeSet<_>>();
        assert_eq!(
            probers.note(&region, gateway("a"), of(&[1, 2]), start),
            [(gateway("a"), vec![id(1), id(2)])]
        );
        assert_eq!(probers.note(&other, gateway("b"), of(&[1]), start), [(gateway("b"), vec![id(1)])]);
        assert_eq!(
            probers.note(&region, gateway("b"), of(&[2, 3]), start),
            [(gateway("a"), vec![id(2)]), (gateway("b"), vec![id(2), id(3)])]
        );
        assert_eq!(probers.note(&region, gateway("c"), of(&[4]), start), [(gateway("c"), vec![id(4)])]);
        // a is dead, b moved everything away.
        let later = start + LIVES;
        assert_eq!(probers.note(&region, gateway("b"), of(&[]), later), [(gateway("b"), vec![])]);
        assert_eq!(probers.note(&region, gateway("c"), of(&[2]), later), [(gateway("c"), vec![id(2)])]);
    }
}
