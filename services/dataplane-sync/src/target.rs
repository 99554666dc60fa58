//! What one worker is to bring about: a VPC's desired state, and where on this gateway the VPC lives.

use std::{
    collections::BTreeSet,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use imbl::{OrdMap, OrdSet};
use ipnet::IpNet;
pub use mooring_dataplane::BadPlaces;
use mooring_dataplane::{Place, Places};
use mooring_domain::{
    Position,
    holder::{Recorded, Standing},
    id::VpcId,
    name::{Label, ProjectId, RegionId},
    nat::VpcDesired,
};

use crate::fold::Folded;

/// What a worker is to bring about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) desired: VpcDesired,
    /// HAVIP → what its holder's place rests on.
    pub(crate) observed: OrdMap<IpAddr, Standing>,
    /// The HAVIPs whose holders the log says are silent.
    pub(crate) silent: OrdSet<IpAddr>,
    pub(crate) pools: Arc<BTreeSet<IpNet>>,
    /// The record that changed either of them last.
    pub(crate) version: Position,
    /// `None`: the VPC does not live on this gateway.
    pub(crate) place: Option<Place>,
    /// The record that changed the VPC's elements last, the same at every gateway; `None`: nothing is carried.
    pub(crate) carried: Option<Position>,
}

impl Target {
    /// Health's holders, as the log has them.
    pub(crate) fn recorded(&self) -> Recorded<'_> {
        Recorded { desired: &self.desired, observed: &self.observed }
    }
}

/// The position up to which every worker has its target. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Distributed(Arc<AtomicU64>);

impl Distributed {
    pub(crate) fn set(&self, position: Position) {
        self.0.store(position.0, Ordering::Release);
    }

    /// A target looked at after this is at least as new.
    pub(crate) fn position(&self) -> Position {
        Position(self.0.load(Ordering::Acquire))
    }
}

/// The version of a VPC's target: what a kernel has to have applied.
pub(crate) fn version(folded: &Folded, desired: &VpcDesired) -> Position {
    desired.position.max(folded.pools_changed).max(folded.standing_changed)
}

/// A VPC of which a kernel has nothing but its private blocks: they keep private addresses from leaving (F2).
pub(crate) fn nothing_of(desired: &VpcDesired) -> VpcDesired {
    let nothing = VpcDesired::new(desired.project.clone(), desired.display_name.clone(), desired.position);
    VpcDesired { subnets: desired.subnets.clone(), ..nothing }
}

/// A VPC in which no HAVIP is open to a whole subnet is the same with another vNIC: nothing is to be looked at.
fn carried(desired: &VpcDesired) -> VpcDesired {
    let vnics = if desired.open.is_empty() { OrdMap::new() } else { desired.vnics.clone() };
    VpcDesired { vnics, ..desired.clone() }
}

/// The operator's file, read again when it changes.
pub(crate) struct PlacesFile {
    path: PathBuf,
    /// `None`: there is no file, and no VPC lives here.
    places: Option<Places>,
    /// What is wrong with the file as it is now, if anything.
    fault: Option<String>,
}

impl PlacesFile {
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, BadPlaces> {
        let places = path.map(Places::load).transpose()?;
        Ok(Self { path: path.unwrap_or(Path::new("")).to_owned(), places, fault: None })
    }

    /// Whether the file was another by now and was read. A file that can't be used leaves the last good one in place.
    pub(crate) fn reload(&mut self) -> bool {
        if !self.places.as_ref().is_some_and(Places::changed) {
            return false;
        }
        match Places::load(&self.path) {
            Ok(places) => {
                tracing::info!(path = %self.path.display(), "the places file has changed and is in use");
                self.places = Some(places);
                self.fault = None;
                true
            }
            Err(error) => {
                let fault = Some(error.to_string());
                if self.fault != fault {
                    tracing::error!(%error, "the places file can't be used; going on with the last good one");
                    self.fault = fault;
                }
                false
            }
        }
    }

    /// Where a VPC lives on this gateway.
    pub(crate) fn place(
        &self,
        project: &ProjectId,
        region: &RegionId,
        vpc: VpcId,
        display_name: &Label,
    ) -> Option<Place> {
        self.places.as_ref().and_then(|places| places.place(project, region, vpc, display_name))
    }

    pub(crate) fn target(
        &self,
        region: &RegionId,
        vpc: VpcId,
        folded: &Folded,
        desired: &VpcDesired,
    ) -> Target {
        Target {
            place: self.place(&desired.project, region, vpc, &desired.display_name),
            version: version(folded, desired),
            carried: folded.carries.then(|| desired.position.max(folded.pools_changed)),
            pools: folded.pools.clone(),
            observed: folded.observed.of(vpc),
            silent: folded.silent.of(vpc),
            desired: if folded.carries { carried(desired) } else { nothing_of(desired) },
        }
    }
}
