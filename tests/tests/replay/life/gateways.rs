//! Two gateways with kernels of their own, each on its own way through the life: where both have been, their running hashes
//! agree, with the fold's and with that of what is read back from the kernels. What nft loads of such a position is what the
//! driver has made there.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use ipnet::IpNet;
use mooring_dataplane::{Driver as _, Kernel, Place};
use mooring_domain::{
    id::VpcId,
    nat::{self, Actual, Desired, FoldedHash, RunningHash, VpcDesired, diff, wanted},
};
use mooring_event_log::{Filter, Position};
use mooring_ledger::commits;
use mooring_tests::{Namespace, history::life::LATE, lab::crowd::Crowd};

use super::{EVERY, Stored, runtime};
use crate::{given::offline, loaded::check_loaded};

/// VPCs of a life.
const VPCS: usize = 3;
/// The second gateway has been at one position in so many, besides those at which both are.
const APART: u32 = 300;
/// So many photos are printed for nft.
const PRINTED: usize = 3;

/// One VPC's kernel on one gateway.
struct Carried {
    kernel: Kernel,
    /// What was put there.
    put: Option<Actual>,
    hash: RunningHash,
    /// What the fold wants, followed.
    folded: FoldedHash,
}

/// A gateway and its routers, which are its VPCs' in the order in which those were made.
struct Gateway<'a> {
    routers: &'a [Namespace],
    vpcs: BTreeMap<VpcId, Carried>,
}

fn place(router: &Namespace) -> Place {
    let (inside, outside) = ("in0".to_owned(), "out0".to_owned());
    Place { netns: Some(router.name().to_owned()), inside, outside, arp: true, hairpin: false }
}

/// Those for which there are routers: VPCs that come late go again.
fn of_the_beginning(desired: &Desired) -> impl Iterator<Item = (&VpcId, &VpcDesired)> {
    desired.vpcs.iter().filter(|(_, vpc)| !vpc.display_name.as_str().starts_with(LATE))
}

impl Gateway<'_> {
    fn of(&mut self, vpc: VpcId) -> &mut Carried {
        let router = &self.routers[self.vpcs.len() % VPCS];
        self.vpcs.entry(vpc).or_insert_with(|| Carried {
            kernel: Kernel::open(&place(router)).unwrap(),
            put: None,
            hash: RunningHash::default(),
            folded: FoldedHash::default(),
        })
    }

    /// Makes every kernel equal to what is desired.
    fn visit(&mut self, desired: &Desired, pools: &BTreeSet<IpNet>) {
        for (vpc, desired) in of_the_beginning(desired) {
            self.of(*vpc).make_equal(desired, pools);
        }
    }

    fn attested(&self) -> BTreeMap<VpcId, RunningHash> {
        self.vpcs.iter().map(|(vpc, carried)| (*vpc, carried.hash)).collect()
    }

    /// Of what the kernels have now.
    fn read_back(&mut self) -> BTreeMap<VpcId, RunningHash> {
        let read = |carried: &mut Carried| RunningHash::of(&carried.kernel.read().unwrap());
        self.vpcs.iter_mut().map(|(vpc, carried)| (*vpc, read(carried))).collect()
    }

    /// What the fold wants, followed to here.
    fn follow(&mut self, desired: &Desired, pools: &BTreeSet<IpNet>) -> BTreeMap<VpcId, RunningHash> {
        let each = of_the_beginning(desired);
        each.map(|(vpc, desired)| (*vpc, self.of(*vpc).folded.follow(desired, pools))).collect()
    }
}

impl Carried {
    fn make_equal(&mut self, desired: &VpcDesired, pools: &BTreeSet<IpNet>) {
        let put = self.put.take().unwrap_or_else(|| self.kernel.read().unwrap());
        let steps = diff(desired, pools, &put);
        self.kernel.apply(&steps).unwrap();
        steps.iter().for_each(|step| self.hash.step(&put, *step));
        self.put = Some(wanted(desired, pools, true));
    }
}

pub fn agree(stored: &Stored) {
    let crowd = Crowd::new(2 * VPCS + 1).unwrap();
    let routers = crowd.routers();
    let gateway = |routers| Gateway { routers, vpcs: BTreeMap::new() };
    let (mut one, mut other) = (gateway(&routers[..VPCS]), gateway(&routers[VPCS..2 * VPCS]));
    let printed = stored.life.photos.len() / PRINTED;
    let (mut photos, mut rng) = (stored.life.photos.iter().enumerate(), Rng::with_seed(7));
    each_record(stored, |desired| {
        let pools: BTreeSet<_> = desired.pools.values().flatten().copied().collect();
        let folded = one.follow(desired, &pools);
        if !desired.position.0.is_multiple_of(EVERY) {
            if rng.u32(..APART) == 0 {
                other.visit(desired, &pools);
                assert_eq!(other.follow(desired, &pools), folded, "the folds at {}", desired.position);
            }
            return;
        }
        let (n, photo) = photos.next().unwrap();
        let at = photo.position;
        assert!(*desired == photo.states.desired, "the fold at {at}");
        one.visit(desired, &pools);
        other.visit(desired, &pools);
        assert_eq!(one.attested(), folded, "the first gateway at {at}");
        assert_eq!(other.attested(), folded, "the other gateway at {at}");
        assert_eq!(one.read_back(), folded, "the first gateway's kernels at {at}");
        assert_eq!(other.read_back(), folded, "the other gateway's kernels at {at}");
        assert_eq!(other.follow(desired, &pools), folded, "the folds at {at}");
        if n % printed == printed - 1 {
            print(stored, desired, &one, &routers[2 * VPCS]);
        }
        // As a gateway's snapshot has it: what comes behind is folded on that.
        let snapshot = postcard::to_stdvec(desired).unwrap();
        *desired = postcard::from_bytes(&snapshot).unwrap();
    });
    assert!(photos.next().is_none() && one.vpcs.len() == VPCS);
}

/// Folds the log as gateways do, and tells of every record.
fn each_record(stored: &Stored, mut each: impl FnMut(&mut Desired)) {
    let log = stored.log();
    let (mut desired, mut after) = (Desired::default(), Position(0));
    let runtime = runtime();
    while after.0 < stored.life.end.position.0 {
        let records = runtime.block_on(log.read(&Filter::All, after, 256)).unwrap();
        for record in records {
            commits(&record).unwrap().iter().for_each(|commit| nat::fold(&mut desired, commit));
            each(&mut desired);
            after = record.position;
        }
    }
}

/// The ruleset of a VPC at this position, printed by `moor` and loaded by nft.
fn print(stored: &Stored, desired: &Desired, gateway: &Gateway<'_>, plain: &Namespace) {
    let (n, (vpc, found)) =
        of_the_beginning(desired).enumerate().max_by_key(|(_, (_, vpc))| vpc.nat.len()).unwrap();
    assert!(!found.nat.is_empty(), "an empty VPC shows nothing");
    let (at, place) = (desired.position, stored.data.display());
    let answer =
        offline(&format!("replay {place} --at {at} --as nft --vpc {vpc} --project {}", found.project));
    assert_eq!(answer.exit, 0, "{}", answer.error);
    check_loaded(&gateway.routers[n], plain, &answer.out);
}
