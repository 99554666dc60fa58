//! Path MTU discovery both ways: large TCP segments with "don't fragment" meet a smaller link.

use std::{net::SocketAddrV4, time::Duration};

use anyhow::{Result, ensure};
use mooring_tests::{
    lab,
    probe::{Mode, TcpServer, learned_mtu, upload},
};

use crate::carried::{Carried, EIP, PORT, tell};

const SIZE: usize = 2_000_000;
const PATIENT: Duration = Duration::from_secs(5);

pub fn the_havips_instance_learns_of_a_smaller_link_on_the_internet(net: &mut Carried) -> Result<()> {
    // Its packets are larger than any link until a link cuts them: a frame here is not what a router looks at.
    net.blind();
    let lab = &net.lab;
    lab.set_middle_mtu(1300)?;
    let to = SocketAddrV4::new(lab::CLIENT, PORT);
    let _sink = TcpServer::start(&lab.client, to, "client", Mode::Sink)?;
    upload(&lab.vm_a, lab::HAVIP, to, SIZE, PATIENT)?;
    let learned = learned_mtu(&lab.vm_a, lab::HAVIP, lab::CLIENT)?;
    ensure!(learned == Some(1300), "learned {learned:?}");
    Ok(())
}

/// The error is the gateway's own, about a packet that it has translated already.
pub fn the_client_learns_of_a_smaller_link_inside(net: &mut Carried) -> Result<()> {
    // Its packets are larger than any link until a link cuts them: a frame here is not what a router looks at.
    net.blind();
    let lab = &net.lab;
    lab.gateway.ip("link set in0 mtu 1300")?;
    let _sink = TcpServer::start(&lab.vm_a, SocketAddrV4::new(lab::HAVIP, PORT), "vm-a", Mode::Sink)?;
    upload(&lab.client, lab::CLIENT, SocketAddrV4::new(EIP, PORT), SIZE, PATIENT)?;
    let learned = learned_mtu(&lab.client, lab::CLIENT, EIP)?;
    ensure!(learned == Some(1300), "learned {learned:?}");
    Ok(())
}

#[test]
fn outwards() {
    tell(the_havips_instance_learns_of_a_smaller_link_on_the_internet);
}

#[test]
fn inwards() {
    tell(the_client_learns_of_a_smaller_link_inside);
}
