//! What differs between a moment and this gateway's kernels, which are read back for it.

use std::collections::BTreeMap;

use mooring_domain::{
    Position,
    id::{self, VpcId},
    name::{Name, Scope},
    nat::{Desired, VpcDesired, wanted},
};
use mooring_past::Moment;
use mooring_proto::{
    convert::wire_difference,
    dataplane::v1::{DiffKernelResponse, VpcKernel},
};
use tokio::runtime::Handle;
use tonic::Status;

use super::{Asked, PART, To, folded, send};
use crate::{
    entered::known_differences,
    fold::pools,
    grpc::{Dataplane, View, unserved},
    target,
};

/// How often everything is looked at again because the log went on meanwhile.
const TRIES: usize = 3;
/// What a difference takes in an answer at most, in bytes.
const DIFFERENCE: usize = 128;

/// Tells of each VPC, of then or of now.
pub(super) fn tell(
    asked: &Asked,
    handle: &Handle,
    dataplane: &Dataplane,
    at: Moment,
    to: &To<DiffKernelResponse>,
) -> Result<(), Status> {
    let (_, view) = dataplane.view(&format!("regions/{}", asked.region))?;
    let tail =
        || Ok::<_, Status>(handle.block_on(asked.log.tail()).map_err(|error| unserved(&error))?.position);
    let mut tries = 1;
    let (then, found) = loop {
        let before = tail()?;
        let then = folded(asked, handle, "at", at)?;
        let found = compared(asked, handle, view, &then.desired, at == Moment::End);
        // A kernel that has what was not folded yet is no stranger's doing.
        let is_new = at == Moment::End && tail()? != before;
        if !is_new || tries == TRIES || found.iter().all(|vpc| vpc.differences.is_empty()) {
            break (then, found);
        }
        tries += 1;
    };
    let gateway = format!("regions/{}/gateways/{}", asked.region, dataplane.gateway);
    send(to, DiffKernelResponse { at: Some(then.moment()), gateway, vpc: None })?;
    for mut vpc in found {
        let mut rest = std::mem::take(&mut vpc.differences);
        loop {
            let behind = rest.split_off(rest.len().min(PART / DIFFERENCE));
            let vpc = VpcKernel { differences: rest, ..vpc.clone() };
            send(to, DiffKernelResponse { vpc: Some(vpc), ..Default::default() })?;
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
    }
    Ok(())
}

/// Every VPC of then or of now, by id. What the gateway has decided by itself about holders belongs to what is newest.
fn compared(asked: &Asked, handle: &Handle, view: &View, then: &Desired, newest: bool) -> Vec<VpcKernel> {
    let now = view.folded.borrow().clone();
    let ours =
        |desired: &VpcDesired| asked.project.as_ref().is_none_or(|project| desired.project == *project);
    let all: BTreeMap<VpcId, &VpcDesired> =
        now.desired.vpcs.iter().chain(then.vpcs.iter()).map(|(id, vpc)| (*id, vpc)).collect();
    let pools = pools(then);
    let mut progress = view.vpcs.progress();
    let each = all.into_iter().filter(|(_, desired)| ours(desired)).map(|(id, known)| {
        let progress = progress.remove(&id).unwrap_or_default();
        let version = now.desired.vpcs.get(&id).map_or(Position(0), |desired| target::version(&now, desired));
        let scope = Scope { project: known.project.clone(), region: asked.region.clone() };
        let mut vpc = VpcKernel {
            vpc: Name::<id::Vpc> { scope, id }.to_string(),
            display_name: known.display_name.to_string(),
            netns: progress.netns.clone(),
            applied_position: progress.equal_to(version, now.desired.position).0,
            ..VpcKernel::default()
        };
        let unmade = || VpcDesired::new(known.project.clone(), known.display_name.clone(), Position(0));
        let mut desired = then.vpcs.get(&id).cloned().unwrap_or_else(unmade);
        if newest {
            progress.over(&mut desired);
        }
        match handle.block_on(view.vpcs.content(id)).flatten() {
            // A place that could not be entered is one; a VPC that the file maps nowhere has neither.
            None => vpc.fault = progress.fault.unwrap_or_default(),
            Some(Err(fault)) => vpc.fault = fault.to_string(),
            Some(Ok(actual)) => {
                let wanted = wanted(&desired, &pools, actual.arp);
                vpc.rules = !actual.ruleset;
                vpc.differences = known_differences(&wanted, &actual).iter().map(wire_difference).collect();
            }
        }
        vpc
    });
    each.collect()
}
