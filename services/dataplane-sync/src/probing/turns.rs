//! Which of the gateways that can probe a HAVIP does: the one of whose name, the VPC's and the HAVIP's hash is the highest.
//! All come to the same one without asking each other, and when a gateway comes or goes no other's turn changes hands.

use std::net::IpAddr;

use mooring_domain::{id::VpcId, name::GatewayName};
use sha2::{Digest as _, Sha256};

/// Whose turn it is, among these.
pub(crate) fn whose<'a>(
    gateways: impl IntoIterator<Item = &'a GatewayName>,
    vpc: VpcId,
    havip: IpAddr,
) -> Option<&'a GatewayName> {
    let hash = |gateway: &GatewayName| -> [u8; 32] {
        let all = Sha256::new().chain_update(gateway.as_str()).chain_update([0]);
        all.chain_update(vpc.to_string()).chain_update(havip.to_string()).finalize().into()
    };
    gateways.into_iter().max_by_key(|gateway| (hash(gateway), *gateway))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use mooring_domain::id::Id;
    use uuid::Uuid;

    use super::*;

    fn havip(number: u32) -> IpAddr {
        Ipv4Addr::from(0x0a00_0000 + number).into()
    }

    #[test]
    fn each_has_its_share_and_a_gateway_that_goes_leaves_the_others_theirs() {
        let vpc = Id::new(Uuid::from_u128(7));
        let all: Vec<GatewayName> = ["gw-1", "gw-2", "gw-3"].map(|name| name.parse().unwrap()).into();
        let mut counts = [0; 3];
        for number in 0..3000 {
            let its = whose(&all, vpc, havip(number)).unwrap();
            counts[all.iter().position(|gateway| gateway == its).unwrap()] += 1;
            if *its != all[2] {
                assert_eq!(whose(&all[..2], vpc, havip(number)), Some(its));
            }
            assert_eq!(whose(all.iter().rev(), vpc, havip(number)), Some(its), "in whatever order");
        }
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
        assert_eq!(whose(&[], vpc, havip(1)), None);
    }
}
