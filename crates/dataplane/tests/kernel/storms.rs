//! What a watcher hears once it knows what to listen for: whatever comes, what members claim is not lost for it.

use std::{net::Ipv4Addr, time::Duration};

use mooring_dataplane::{Claimants, Known, Seen, Watcher};
use mooring_domain::address::Mac;

use crate::{
    namespace::{HOLDER, Namespace},
    watcher::{HAVIP, STRANGER, arp, claims, seen_until},
};

/// More than every queue has room for.
const STORM: usize = 20_000;

fn gratuitous(mac: Mac, address: Ipv4Addr) -> Vec<u8> {
    arp(1, mac, address, address)
}

/// How many of whose claims found no room.
fn dropped(seen: &[Seen], whose: Claimants) -> usize {
    let dropped = |seen: &Seen| match seen {
        Seen::Dropped { claimants, claims } if *claimants == whose => Some(*claims as usize),
        _ => None,
    };
    seen.iter().filter_map(dropped).sum()
}

fn is_claim_of(mac: Mac) -> impl Fn(&Seen) -> bool {
    move |seen| matches!(seen, Seen::Claim { mac: of, .. } if *of == mac)
}

#[test]
fn a_storm_of_strangers_takes_no_room_from_members_and_is_counted() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    watcher.ears().listen_for(&Known::new([HAVIP], [HOLDER])).unwrap();
    namespace.send_all("vm0", &vec![gratuitous(STRANGER, HAVIP); STORM]);
    namespace.send("vm0", &gratuitous(HOLDER, HAVIP));
    let mut seen = seen_until(&mut watcher, is_claim_of(HOLDER));
    assert_eq!(dropped(&seen, Claimants::Members), 0);
    while claims(&seen).len() + dropped(&seen, Claimants::Strangers) < STORM + 1 {
        let more = watcher.wait(Duration::from_secs(1)).unwrap();
        // Whoever waits longer than a share lasts has the next share.
        assert!(
            !more.is_empty(),
            "{} claims, {} dropped",
            claims(&seen).len(),
            dropped(&seen, Claimants::Strangers)
        );
        assert!(claims(&more).len() <= 32, "{} at once", claims(&more).len());
        seen.extend(more);
    }
    assert_eq!(claims(&seen).len() + dropped(&seen, Claimants::Strangers), STORM + 1);
    assert!(claims(&seen).len() < 1000, "{} were looked at", claims(&seen).len());
}

#[test]
fn a_storm_of_a_member_is_seen_or_counted_to_the_last_claim() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    watcher.ears().listen_for(&Known::new([HAVIP], [HOLDER])).unwrap();
    namespace.send_all("vm0", &vec![gratuitous(HOLDER, HAVIP); STORM]);
    let mut seen = Vec::new();
    while claims(&seen).len() + dropped(&seen, Claimants::Members) < STORM {
        let more = watcher.wait(Duration::from_secs(1)).unwrap();
        assert!(
            !more.is_empty(),
            "{} claims, {} dropped",
            claims(&seen).len(),
            dropped(&seen, Claimants::Members)
        );
        seen.extend(more);
    }
    assert!(dropped(&seen, Claimants::Members) > 0, "there was room for all: the storm was too small");
    assert_eq!(claims(&seen).len() + dropped(&seen, Claimants::Members), STORM);
}

#[test]
fn only_what_is_known_is_heard_however_many_there_are() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    let havip = |n: u32| Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 0)) + 2 * n);
    let member = |n: u32| Mac([2, 0, 0, 0, (n / 128) as u8, (n % 128 * 2) as u8]);
    // The last ones are more than the kernel takes in one program.
    for count in [0, 1, 7, 8, 9, 100, 1000, 4000] {
        let all = || 0..count;
        watcher.ears().listen_for(&Known::new(all().map(havip), all().map(member))).unwrap();
        let some: Vec<u32> =
            [0, 1, 7, 8, count / 2, count.saturating_sub(1)].into_iter().filter(|n| *n < count).collect();
        for n in &some {
            namespace.send("vm0", &gratuitous(member(*n), havip(*n)));
            // The neighbours of each are none.
            for off in [-1, 1] {
                let address = u32::from(havip(*n)).wrapping_add_signed(off);
                namespace.send("vm0", &gratuitous(member(*n), address.into()));
            }
        }
        watcher.ears().listen_for(&Known::new([HAVIP], [HOLDER])).unwrap();
        namespace.send("vm0", &gratuitous(HOLDER, HAVIP));
        let seen = seen_until(&mut watcher, is_claim_of(HOLDER));
        let mut heard = claims(&seen);
        assert_eq!(heard.pop(), Some((HAVIP, HOLDER)));
        let mut wanted: Vec<_> = some.iter().map(|n| (havip(*n), member(*n))).collect();
        if count == 4000 {
            heard.retain(|(address, _)| u32::from(*address) % 2 == 0);
        }
        heard.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(heard, wanted, "of {count}");
    }
}

#[test]
fn whoever_may_hold_nothing_is_heard_too() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    watcher.ears().listen_for(&Known::new([HAVIP], [HOLDER])).unwrap();
    // The gateway's own address, and one that is no HAVIP.
    for other in [[10, 0, 1, 1], [10, 0, 1, 51]] {
        namespace.send("vm0", &gratuitous(STRANGER, other.into()));
    }
    namespace.send("vm0", &gratuitous(STRANGER, HAVIP));
    let seen = seen_until(&mut watcher, is_claim_of(STRANGER));
    assert_eq!(claims(&seen), [(HAVIP, STRANGER)]);
}
