//! What the kernel carries, asked of nft itself.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use mooring_proto::dataplane::v1::Status;
use mooring_tests::Namespace;
use serde_json::Value;

use crate::fold::Fold;
use crate::rules::Phase;

/// Both maps have what is in use, and nothing else; and the gateway, reading its kernel back, says so too. Gives how many.
pub fn equals(gateway: &Namespace, fold: &Fold, status: &Status) -> Result<usize, String> {
    let bound = fold.rules.lives.values().filter(|life| life.phase == Phase::Bound);
    let wanted: BTreeMap<Ipv4Addr, Ipv4Addr> = bound
        .map(|life| {
            let (eip, havip) = life.addresses.as_ref().unwrap();
            (address(eip), address(havip))
        })
        .collect();
    let inwards = map(gateway, "eip_to_havip");
    let outwards: BTreeMap<_, _> =
        map(gateway, "havip_to_eip").into_iter().map(|(havip, eip)| (eip, havip)).collect();
    if inwards != wanted || outwards != wanted {
        return Err(format!("wanted {wanted:?}, inwards {inwards:?}, outwards {outwards:?}"));
    }
    let agrees = |vpc: &mooring_proto::dataplane::v1::VpcStatus| {
        vpc.fault.is_empty() && vpc.differences.is_empty() && vpc.applied_position >= fold.tail
    };
    if status.vpcs.len() != 1 || !status.vpcs.iter().all(agrees) {
        return Err(format!("{status:?}"));
    }
    Ok(wanted.len())
}

fn address(octets: &[u8]) -> Ipv4Addr {
    <[u8; 4]>::try_from(octets).unwrap().into()
}

fn map(gateway: &Namespace, name: &str) -> BTreeMap<Ipv4Addr, Ipv4Addr> {
    let listed = gateway.output(&format!("nft -j list map ip mooring {name}")).unwrap();
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let maps = listed["nftables"].as_array().unwrap().iter().filter_map(|item| item.get("map"));
    let elements = maps.filter_map(|map| map.get("elem")).flat_map(|elements| elements.as_array().unwrap());
    let parse = |of: &Value| of.as_str().unwrap().parse().unwrap();
    elements.map(|pair| (parse(&pair[0]), parse(&pair[1]))).collect()
}
