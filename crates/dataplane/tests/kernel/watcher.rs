//! What the watcher sees of ARP, of the fence and of links.

use std::{
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use mooring_dataplane::{Driver as _, Fault, Seen, Watcher};
use mooring_domain::{address::Mac, nat::Op};

use crate::namespace::{HOLDER, Namespace};

pub const HAVIP: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 50);
pub const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 0xc]);
const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 60);
const GATEWAY: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub const PATIENCE: Duration = Duration::from_secs(5);

/// An ARP message: operation, sender, target.
pub fn arp(operation: u8, mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let header = [0, 1, 8, 0, 6, 4, 0, operation];
    [&[0xff; 6][..], &mac.0, &[8, 6], &header, &mac.0, &sender.octets(), &[0; 6], &target.octets()].concat()
}

/// A packet from this address and MAC to the gateway's outside.
fn ip(mac: Mac, source: Ipv4Addr) -> Vec<u8> {
    let mut header = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 0, 0, 0, 0, 203, 0, 113, 1];
    header[12..16].copy_from_slice(&source.octets());
    let words = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = !(((sum >> 16) + (sum & 0xffff)) as u16);
    header[10..12].copy_from_slice(&folded.to_be_bytes());
    [&GATEWAY.0[..], &mac.0, &[8, 0], &header].concat()
}

/// Wait until this is seen; everything that was seen.
pub fn seen_until(watcher: &mut Watcher, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
    let end = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    while !seen.iter().any(&wanted) {
        assert!(Instant::now() < end, "waited {PATIENCE:?}; seen: {seen:?}");
        seen.extend(watcher.wait(Duration::from_millis(100)).unwrap());
    }
    seen
}

pub fn claims(seen: &[Seen]) -> Vec<(Ipv4Addr, Mac)> {
    let claim = |seen: &Seen| match seen {
        Seen::Claim { address, mac, .. } => Some((*address, *mac)),
        _ => None,
    };
    seen.iter().filter_map(claim).collect()
}

#[test]
fn announcements_and_replies_are_claims_with_the_time_at_which_they_came() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    namespace.send("vm0", &arp(1, HOLDER, HAVIP, HAVIP));
    namespace.send("vm0", &arp(2, STRANGER, HAVIP, [10, 0, 1, 1].into()));
    let seen = seen_until(&mut watcher, |seen| matches!(seen, Seen::Claim { mac: STRANGER, .. }));
    let after = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    assert_eq!(claims(&seen), [(HAVIP, HOLDER), (HAVIP, STRANGER)]);
    for one in seen {
        let Seen::Claim { observed_at, .. } = one else { continue };
        assert!((before..=after).contains(&u128::from(observed_at.0)), "{before} {one:?} {after}");
    }
}

#[test]
fn questions_broken_messages_and_the_gateways_own_are_no_claims() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    namespace.send("vm0", &arp(1, HOLDER, HAVIP, [10, 0, 1, 1].into()));
    namespace.send("vm0", &arp(1, Mac([0xff; 6]), HAVIP, HAVIP));
    namespace.send("vm0", &arp(1, GATEWAY, HAVIP, HAVIP));
    for from in [[0; 6], [1, 0, 0x5e, 0, 0, 1], [0x33, 0x33, 0, 0, 0, 1]] {
        namespace.send("vm0", &arp(2, Mac(from), HAVIP, HAVIP));
    }
    namespace.send("vm0", &arp(2, HOLDER, Ipv4Addr::UNSPECIFIED, HAVIP));
    for operation in [0, 3, 4, 8, 255] {
        namespace.send("vm0", &arp(operation, HOLDER, HAVIP, HAVIP));
    }
    for length in 14..42 {
        namespace.send("vm0", &arp(2, HOLDER, HAVIP, HAVIP)[..length]);
    }
    // Not Ethernet, not IPv4, and addresses of other lengths.
    for at in 14..20 {
        for other in [0, 5, 7, 0xff] {
            let mut broken = arp(2, HOLDER, HAVIP, HAVIP);
            broken[at] = if broken[at] == other { 9 } else { other };
            namespace.send("vm0", &broken);
        }
    }
    // The one after all of them, so that they have been there.
    namespace.send("vm0", &arp(2, STRANGER, HAVIP, HAVIP));
    let seen = seen_until(&mut watcher, |seen| matches!(seen, Seen::Claim { mac: STRANGER, .. }));
    assert_eq!(claims(&seen), [(HAVIP, STRANGER)]);
}

#[test]
fn a_storm_is_taken_in_bounded_parts() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    let storm: Vec<_> = (0..600).map(|_| arp(2, HOLDER, HAVIP, HAVIP)).collect();
    namespace.send_all("vm0", &storm);
    namespace.send("vm0", &arp(2, STRANGER, HAVIP, HAVIP));
    let first = watcher.wait(PATIENCE).unwrap();
    assert!((1..=300).contains(&first.len()), "{} things at once", first.len());
    let rest = seen_until(&mut watcher, |seen| matches!(seen, Seen::Claim { mac: STRANGER, .. }));
    assert_eq!(claims(&first).len() + claims(&rest).len(), 601);
}

#[test]
fn what_the_fence_drops_is_seen_with_its_mac() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    namespace.send("vm0", &ip(HOLDER, HAVIP));
    namespace.send("vm0", &ip(STRANGER, [10, 0, 1, 13].into()));
    namespace.send("vm0", &ip(STRANGER, HAVIP));
    let seen = seen_until(&mut watcher, |seen| matches!(seen, Seen::Fenced { .. }));
    let fenced: Vec<_> = seen.into_iter().filter(|seen| matches!(seen, Seen::Fenced { .. })).collect();
    assert_eq!(fenced, [Seen::Fenced { address: HAVIP, mac: STRANGER }]);
    let counted = kernel.drops().unwrap().into_iter().filter(|(_, count)| *count > 0).collect::<Vec<_>>();
    assert_eq!(counted, [(mooring_dataplane::DropReason::NotHolder, 1)]);
}

#[test]
fn a_storm_at_the_fence_is_dropped_whole_and_told_in_part() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    let storm: Vec<_> = (0..2000).map(|_| ip(STRANGER, HAVIP)).collect();
    namespace.send_all("vm0", &storm);
    namespace.send("vm0", &arp(2, STRANGER, HAVIP, HAVIP));
    let seen = seen_until(&mut watcher, |seen| matches!(seen, Seen::Claim { .. }));
    let told = seen.iter().filter(|seen| matches!(seen, Seen::Fenced { .. })).count();
    assert!((1..1000).contains(&told), "{told} of 2000 were told");
    assert!(kernel.drops().unwrap().contains(&(mooring_dataplane::DropReason::NotHolder, 2000)));
}

#[test]
fn a_link_that_changes_is_seen_and_claims_are_seen_on_the_one_that_comes_back() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    namespace.ip("link set in0 down");
    seen_until(&mut watcher, |seen| *seen == Seen::LinkChanged);
    namespace.ip("link del in0");
    namespace.ip("link add in0 type veth peer name vm0");
    namespace.ip("link set in0 up");
    namespace.ip("link set vm0 up");
    seen_until(&mut watcher, |seen| *seen == Seen::LinkChanged);
    while !watcher.wait(Duration::ZERO).unwrap().is_empty() {}
    namespace.send("vm0", &arp(2, HOLDER, HAVIP, HAVIP));
    let seen = seen_until(&mut watcher, |seen| matches!(seen, Seen::Claim { .. }));
    assert_eq!(claims(&seen), [(HAVIP, HOLDER)]);
}

#[test]
fn what_a_program_does_to_neighbours_and_routes_is_seen_and_what_the_kernel_does_is_not() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    let eip = Ipv4Addr::new(203, 0, 113, 64);
    // What the kernel learns by itself, what is on another link, and what is no local route to one address.
    namespace.ip("neigh replace 10.0.1.99 lladdr 02:00:00:00:00:63 dev in0 nud reachable");
    namespace.ip("neigh replace 203.0.113.9 lladdr 02:00:00:00:00:09 dev out0 nud permanent protocol 77");
    namespace.ip("route add 198.51.100.7/32 dev out0");
    namespace.ip("address add 203.0.113.2/32 dev out0");
    // Ours goes, is there again, is somebody else's, and is ours.
    namespace.ip(&format!("neigh del {HAVIP} dev in0"));
    kernel.apply(&[Op::SetNeighbour(HAVIP.into(), HOLDER)]).unwrap();
    namespace.ip(&format!("neigh replace {HAVIP} lladdr {STRANGER} dev in0 nud reachable protocol static"));
    kernel.apply(&[Op::SetNeighbour(HAVIP.into(), HOLDER), Op::RemoveRoute(eip.into())]).unwrap();
    kernel.apply(&[Op::AddRoute(eip.into())]).unwrap();
    let last = Seen::Route { address: eip, ours: true };
    let mut seen = seen_until(&mut watcher, |seen| *seen == last);
    seen.dedup();
    let ours = |mac| Seen::Neighbour { address: HAVIP, mac };
    let gone = Seen::Route { address: eip, ours: false };
    assert_eq!(seen, [ours(None), ours(Some(HOLDER)), ours(None), ours(Some(HOLDER)), gone, last]);
}

#[test]
fn a_waker_ends_the_wait_and_a_timeout_does_too() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    watcher.waker().wake();
    let start = Instant::now();
    assert_eq!(watcher.wait(Duration::from_secs(60)).unwrap(), []);
    assert_eq!(watcher.wait(Duration::from_millis(20)).unwrap(), []);
    assert!((Duration::from_millis(20)..Duration::from_secs(30)).contains(&start.elapsed()));
}

#[test]
fn a_second_watcher_is_told_that_there_is_one() {
    let namespace = Namespace::new();
    let first = Watcher::open(&namespace.place()).unwrap();
    let fault = Watcher::open(&namespace.place()).unwrap_err();
    assert!(matches!(fault, Fault::AlreadyWatched { .. }), "{fault}");
    drop(first);
    // Another test may be starting a program, which has our sockets too until it really runs.
    let end = Instant::now() + PATIENCE;
    while let Err(fault) = Watcher::open(&namespace.place()) {
        assert!(Instant::now() < end, "{fault}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whoever has an address answers a probe for it, and is told from one who claims it.
#[test]
fn the_answer_to_a_probe_says_that_the_address_is_in_use_and_claims_nothing() {
    let namespace = Namespace::new();
    let mut watcher = Watcher::open(&namespace.place()).unwrap();
    let mut answer = arp(2, HOLDER, HAVIP, Ipv4Addr::UNSPECIFIED);
    namespace.send("vm0", &answer);
    answer[32..38].copy_from_slice(&GATEWAY.0);
    namespace.send("vm0", &answer);
    let seen = seen_until(&mut watcher, |seen| matches!(seen, Seen::Alive { .. }));
    assert!(seen.contains(&Seen::Alive { address: HAVIP, mac: HOLDER }), "{seen:?}");
    assert_eq!(claims(&seen), [(HAVIP, HOLDER)], "the first was no answer to this gateway");
}

#[test]
fn without_a_carrier_nobody_is_probed() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    namespace.ip("link set vm0 down");
    assert!(!kernel.probe(&[(HAVIP, HOLDER)]).unwrap());
    namespace.ip("link set vm0 up");
    assert!(kernel.probe(&[(HAVIP, HOLDER)]).unwrap());
}

#[test]
fn the_gateway_asks_the_holder_alone_or_all_and_announces_in_both_forms() {
    let namespace = Namespace::new();
    let mut kernel = namespace.reconciled();
    let heard = namespace.listen("vm0");
    kernel.ask(&[(HAVIP, Some(HOLDER)), (HAVIP, None)]).unwrap();
    let question = arp(1, GATEWAY, [10, 0, 1, 1].into(), HAVIP);
    let mut to_holder = question.clone();
    to_holder[..6].copy_from_slice(&HOLDER.0);
    assert_eq!(heard.frames(2), [to_holder, question]);

    assert!(kernel.probe(&[(HAVIP, HOLDER), (OTHER, STRANGER)]).unwrap());
    let probe = |mac: Mac, address: Ipv4Addr| {
        let mut probe = arp(1, GATEWAY, Ipv4Addr::UNSPECIFIED, address);
        probe[..6].copy_from_slice(&mac.0);
        probe
    };
    assert_eq!(heard.frames(2), [probe(HOLDER, HAVIP), probe(STRANGER, OTHER)]);

    let outside = Mac([2, 0, 0, 0, 0, 2]);
    let eip = Ipv4Addr::new(203, 0, 113, 64);
    let heard = namespace.listen("net0");
    kernel.announce(&[eip]).unwrap();
    let request = arp(1, outside, eip, eip);
    let mut reply = arp(2, outside, eip, eip);
    reply[32..38].copy_from_slice(&[0xff; 6]);
    assert_eq!(heard.frames(2), [request, reply]);
}
