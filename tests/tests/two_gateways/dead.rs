//! A gateway dies. Nobody tells its neighbours; how long they take to notice is the loss, as with any router.

use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use mooring_tests::{
    figures::{ms, show},
    lab::{self, Pair, pair::detection_spread},
    probe::{Prober, UdpEcho},
};

use crate::{
    both::{Both, EIP},
    lanes::*,
};

/// The probers' rhythm, and a busy machine.
const ALLOWANCE: std::time::Duration = std::time::Duration::from_millis(100);

/// A gateway and an ordinary router die at the same moment: what their clients see may differ by no more than two
/// neighbours' own watches do. `eip` is answered by whoever holds the HAVIP.
pub fn dies_as_a_router_does(pair: &Pair, which: usize, eip: Ipv4Addr) -> Result<()> {
    let _udp = UdpEcho::start(&pair.lab.host_c, at(lab::HOST_C), "host-c")?;
    let eip = Prober::start(&pair.lab.client, &lanes(lab::CLIENT, eip))?;
    let plain = Prober::start(&pair.lab.client, &lanes(lab::CLIENT_PLAIN, lab::HOST_C))?;
    eip.wait_answered(None, SOON)?;
    plain.wait_answered(None, SOON)?;
    pair.die(&[&pair.gateways[which], &pair.plains[which]])?;
    eip.wait_answered(None, PATIENT)?;
    plain.wait_answered(None, PATIENT)?;
    let (eip, plain) = (total(&eip.finish()), total(&plain.finish()));
    show(&format!(
        "one of two dies: gateways {} at most, {} of {} lost in {} flows; plain routers {}, {} of {} in {}",
        ms(eip.longest),
        eip.lost,
        eip.sent,
        eip.hit,
        ms(plain.longest),
        plain.lost,
        plain.sent,
        plain.hit
    ));
    ensure!(eip.hit > 0 && plain.hit > 0, "nobody noticed: {eip:?}, {plain:?}");
    ensure!(eip.longest <= plain.longest + detection_spread() + ALLOWANCE, "{eip:?}, {plain:?}");
    Ok(())
}

#[test]
fn the_loss_when_a_gateway_dies_is_that_of_its_neighbours_own_watch() {
    for which in [0, 1] {
        let both = Both::carrying().unwrap();
        let _udp = UdpEcho::start(&both.pair.lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
        dies_as_a_router_does(&both.pair, which, EIP).unwrap();
    }
}

/// Where the core has a link of its own to each router it needs no question: the link says so.
#[test]
fn a_dead_gateway_is_left_at_once_where_its_link_says_so() {
    let both = Both::carrying_in(Pair::wired().unwrap(), false).unwrap();
    let (pair, lab) = (&both.pair, &both.pair.lab);
    let _udp = UdpEcho::start(&lab.vm_a, at(lab::HAVIP), "vm-a").unwrap();
    let _plain = UdpEcho::start(&lab.host_c, at(lab::HOST_C), "host-c").unwrap();
    // What comes back has its own watch: it is not what is measured here.
    pair.way_out(&[1]).unwrap();
    let back = format!("route replace {}/32 via {} dev eth0", lab::CLIENT_PLAIN, pair.plains[1].inside);
    lab.host_c.ip(&back).unwrap();
    let eip = Prober::start(&lab.client, &lanes(lab::CLIENT, EIP)).unwrap();
    let plain = Prober::start(&lab.client, &lanes(lab::CLIENT_PLAIN, lab::HOST_C)).unwrap();
    eip.wait_answered(None, SOON).unwrap();
    plain.wait_answered(None, SOON).unwrap();
    let came = |router: &lab::Router| router.counted("out0").unwrap().came;
    assert!(came(&pair.gateways[0]) > 10 && came(&pair.plains[0]) > 10, "nobody goes by those that will die");
    pair.die(&[&pair.gateways[0], &pair.plains[0]]).unwrap();
    for _ in 0..20 {
        eip.wait_answered(None, PATIENT).unwrap();
        plain.wait_answered(None, PATIENT).unwrap();
    }
    let (eip, plain) = (total(&eip.finish()), total(&plain.finish()));
    show(&format!(
        "one of two dies and its link says so: gateways {} at most, {} of {} lost; plain routers {}, {} of {}",
        ms(eip.longest),
        eip.lost,
        eip.sent,
        ms(plain.longest),
        plain.lost,
        plain.sent
    ));
    assert!(eip.longest <= plain.longest + ALLOWANCE, "{eip:?}, {plain:?}");
}
