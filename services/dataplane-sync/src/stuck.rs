//! What binding is told of the VPCs whose kernels are behind their targets: never less, however many they are. A message has
//! room for so many, so what is told for people is bounded first.

use std::collections::BTreeMap;

use mooring_domain::id::VpcId;
use mooring_proto::binding::v1::Stuck;

use crate::{fold::Folded, progress::Progress, target};

/// The longest cause, in characters.
const LONGEST: usize = 300;
/// So many causes at most of VPCs that may still carry something, and of those that carry nothing.
const CAUSES: usize = 500;

/// Every VPC whose kernel is behind its target. One in which nothing is bound, and of which nothing is in a kernel, is not.
pub(crate) fn stuck(folded: &Folded, progress: &BTreeMap<VpcId, Progress>) -> Vec<Stuck> {
    let nothing = Progress::default();
    let (mut causes, mut causes_of_nothing) = (CAUSES, CAUSES);
    let stuck = folded.desired.vpcs.iter().filter_map(|(vpc, desired)| {
        let progress = progress.get(vpc).unwrap_or(&nothing);
        if progress.carries_nothing && desired.nat.is_empty() {
            return None;
        }
        let position = progress.equal_to(target::version(folded, desired), folded.desired.position);
        if position >= folded.desired.position {
            return None;
        }
        let left = if progress.carries_nothing { &mut causes_of_nothing } else { &mut causes };
        let is_told = *left > 0;
        *left = left.saturating_sub(1);
        Some(Stuck {
            vpc: vpc.to_string(),
            position: position.0,
            cause: if is_told { cause(progress) } else { String::new() },
            carries_nothing: progress.carries_nothing,
        })
    });
    stuck.collect()
}

fn cause(progress: &Progress) -> String {
    let fault = progress.fault.as_deref().unwrap_or("being applied");
    match fault.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", fault.get(..end).unwrap_or_default()),
        None => fault.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use mooring_domain::{
        Position,
        nat::{Desired, VpcDesired},
    };
    use mooring_proto::binding::v1::ReportAppliedRequest;
    use mooring_runtime::server::MAX_REPORT;
    use prost::Message;
    use uuid::Uuid;

    use super::*;

    /// The fold of so many VPCs, with an EIP in each or not.
    fn folded(vpcs: u128, bound: bool) -> Folded {
        let mut desired = Desired { position: Position(9), ..Desired::default() };
        for vpc in 1..=vpcs {
            let mut one = VpcDesired::new("p1".parse().unwrap(), "blue".parse().unwrap(), Position(5));
            if bound {
                one.nat.insert(IpAddr::from([203, 0, 113, 1]), IpAddr::from([10, 0, 1, 1]));
            }
            desired.vpcs.insert(VpcId::new(Uuid::from_u128(vpc)), one);
        }
        Folded { desired, ..Folded::default() }
    }

    /// What went wrong with every VPC.
    fn all(folded: &Folded, fault: &str, carries_nothing: bool) -> BTreeMap<VpcId, Progress> {
        let fault = Some(fault.to_owned());
        let progress = Progress { fault, carries_nothing, tried: true, ..Progress::default() };
        folded.desired.vpcs.keys().map(|vpc| (*vpc, progress.clone())).collect()
    }

    #[test]
    fn a_vpc_in_no_namespace_is_stuck_only_while_something_is_bound_there() {
        let (bound, empty) = (folded(1, true), folded(1, false));
        let nowhere = |folded: &Folded| stuck(folded, &all(folded, "no namespace", true));
        let [one] = &nowhere(&bound)[..] else { panic!("what is bound is in no kernel") };
        assert_eq!((one.position, one.carries_nothing, &*one.cause), (0, true, "no namespace"));
        assert_eq!(nowhere(&empty), []);
    }

    #[test]
    fn a_vpc_whose_kernel_may_have_something_is_stuck_also_where_nothing_is_bound_any_more() {
        let empty = folded(1, false);
        assert_eq!(stuck(&empty, &all(&empty, "no link", false)).len(), 1);
        assert_eq!(stuck(&empty, &BTreeMap::new())[0].cause, "being applied");
    }

    #[test]
    fn so_many_are_told_with_their_ids_that_the_report_is_taken_and_some_with_a_cause() {
        let folded = folded(30_000, true);
        for carries_nothing in [true, false] {
            let stuck = stuck(&folded, &all(&folded, &"x".repeat(5000), carries_nothing));
            assert_eq!(stuck.len(), 30_000);
            assert_eq!(stuck.iter().filter(|stuck| !stuck.cause.is_empty()).count(), CAUSES);
            let report = ReportAppliedRequest { stuck, position: 9, ..Default::default() };
            // Beside them there is room for what was put into kernels.
            assert!(report.encoded_len() < MAX_REPORT / 2, "{}", report.encoded_len());
        }
    }
}
