//! A gateway dies. Nobody tells its neighbours; how long they take to notice is the loss, as with any router.

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
pub fn dies_as_a_router_does(pair: &Pair, which: usize) -> Result<()> {
    let _udp = UdpEcho::start(&pair.lab.host_c, at(lab::HOST_C), "host-c")?;
    let eip = Prober::start(&pair.lab.client, &lanes(lab::CLIENT, EIP))?;
    let plain = Prober::start(&pair.lab.client, &lanes(lab::CLIENT_PLAIN, lab::HOST_C))?;
    eip.wait_answered(None, SOON)?;
    plain.wait_answered(None, SOON)?;
    pair.cut(&[&pair.gateways[which], &pair.plains[which]])?;
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
        dies_as_a_router_does(&both.pair, which).unwrap();
    }
}
