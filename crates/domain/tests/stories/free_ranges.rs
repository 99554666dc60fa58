//! Free addresses behave as a set, seen through a pool: allocate and release in any order.

use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use mooring_domain::{
    Event, Expected, Timestamp,
    event::{EipDescribed, EipDetails},
    id::EipId,
    resource::{AllocateEip, Command, CreatePool, ReleaseEip, ResourceCore},
};
use proptest::prelude::*;

use super::fixture::*;

fn pool() -> Command {
    let cidrs = vec![net("203.0.113.0/29"), net("203.0.113.8/30"), net("2001:db8::/126")];
    Command::CreatePool(CreatePool {
        id: id(1),
        region: region("north"),
        display_name: label("public"),
        cidrs,
        cooling: Duration::ZERO,
    })
}

fn allocate(number: u128, address: Option<IpAddr>) -> Command {
    let (id, scope) = (id(number), scope("shop"));
    Command::AllocateEip(AllocateEip {
        id,
        scope,
        display_name: None,
        address,
        pool: None,
        details: EipDetails::default(),
        now: Timestamp::default(),
    })
}

proptest! {
    #[test]
    fn the_lowest_free_address_is_given_and_no_address_twice(steps in proptest::collection::vec(0u8..24, 1..80)) {
        let mut story = Story::<ResourceCore>::default();
        story.given(&pool());
        let hosts = |cidr: &str| net(cidr).subnets(net(cidr).max_prefix_len()).unwrap().map(|one| one.addr()).collect::<Vec<_>>();
        let all: Vec<IpAddr> =
            ["203.0.113.0/29", "203.0.113.8/30", "2001:db8::/126"].iter().flat_map(|cidr| hosts(cidr)).collect();
        let mut free: BTreeSet<IpAddr> = all.iter().copied().collect();
        let mut taken: Vec<(EipId, IpAddr)> = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let number = number as u128 + 100;
            let step = usize::from(step);
            if step >= 16 && !taken.is_empty() {
                let (eip, address) = taken.remove(step % taken.len());
                story.given(&Command::ReleaseEip(ReleaseEip { scope: scope("shop"), id: eip, expected: Expected::default(), now: Timestamp::default() }));
                free.insert(address);
                continue;
            }
            let wanted = (step % 2 == 0).then(|| all[step % all.len()]);
            // Without a pool or an address it is one of IPv4.
            let lowest = free.first().copied().filter(IpAddr::is_ipv4);
            let expected = wanted.or(lowest).filter(|address| free.contains(address));
            match (story.when(&allocate(number, wanted)), expected) {
                (Ok(events), Some(address)) => {
                    let [Event::EipAllocated(EipDescribed { eip, .. })] = &events[..] else { panic!("{events:?}") };
                    prop_assert_eq!(eip.address, address);
                    free.remove(&address);
                    taken.push((eip.id, address));
                }
                (Err(_), None) => {}
                (found, expected) => prop_assert!(false, "{:?}, expected {:?}", found, expected),
            }
            prop_assert_eq!(story.state.allocated(id(1)), taken.len() as u64);
        }
    }
}
