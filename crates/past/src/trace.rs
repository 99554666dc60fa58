//! A packet walked through a gateway as the rules of a moment would have treated it.

pub(crate) mod asked;
pub(crate) mod origin;
pub(crate) mod told;

use mooring_domain::{
    Rejection,
    id::{self, VpcId},
    name::{Name, Scope},
    nat::walk::{Flows, walk},
};
use mooring_proto::dataplane::v1::{TracePacketRequest, TracePacketResponse};

use self::asked::Asked;
use crate::Folded;

pub use origin::{Commits, Names, commits_in_folder, commits_of};

/// The way of the packet that is asked about. Origins have their positions alone: [`Commits`] knows the rest.
pub fn trace(folded: &Folded, request: &TracePacketRequest) -> Result<TracePacketResponse, Rejection> {
    let asked = Asked::read(folded, request)?;
    let walked = walk(&asked.gateway, &mut Flows::default(), &asked.arrival);
    let vpc = asked.vpc;
    let desired = folded.desired.vpcs.get(&vpc);
    Ok(TracePacketResponse {
        folded: folded.last.as_ref().map(origin::of_last),
        vpc: name_of(folded, vpc),
        vpc_display_name: desired.map(|vpc| vpc.display_name.to_string()).unwrap_or_default(),
        walk: Some(told::Telling { folded, vpc }.walk(Some(&asked.arrival), &asked.arrival.packet, &walked)),
    })
}

/// A VPC's name.
pub(crate) fn name_of(folded: &Folded, vpc: VpcId) -> String {
    let scope = folded
        .desired
        .vpcs
        .get(&vpc)
        .zip(folded.region())
        .map(|(desired, region)| Scope { project: desired.project.clone(), region: region.clone() });
    scope.map(|scope| Name::<id::Vpc> { scope, id: vpc }.to_string()).unwrap_or_default()
}
