//! Between two VPCs of one gateway, through their EIPs; both HAVIPs have the same private address.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddrV4},
};

use anyhow::{Context as _, Result, ensure};
use mooring_dataplane::{Driver as _, Kernel};
use mooring_domain::{
    Position,
    nat::{VpcDesired, diff},
};
use mooring_tests::{
    lab::{self, Lab, MAC_2, Second},
    probe::{Mode, TcpServer, learned_mtu, udp_ask, upload},
};

use crate::{
    bytes::udp,
    carried::{Carried, EIP, PORT, SOON, place},
    errors::{self, PARAMETER_PROBLEM, TIME_EXCEEDED, UNREACHABLE, quotes},
    hairpin::Ends,
    protocols,
    ways::reached,
};

/// Fronts [`lab::HAVIP`] of the second VPC.
const EIP_OF_SECOND: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 67);
const CLOSED: u16 = 9;

/// The second VPC, and its router's kernel equal to what is desired.
fn second(lab: &Lab) -> Result<Second> {
    let second = lab.second()?;
    second.vm.ip(&format!("address add {}/32 dev eth0", lab::HAVIP))?;
    let mut desired = VpcDesired::new("shop".parse()?, "back".parse()?, Position(1));
    desired.subnets.insert(lab::SUBNET.parse()?);
    desired.nat.insert(EIP_OF_SECOND.into(), lab::HAVIP.into());
    desired.holders.insert(lab::HAVIP.into(), Some(MAC_2.parse()?));
    let mut kernel = Kernel::open(&place(&second.gateway))?;
    let pools = BTreeSet::from([lab::EIP_POOL.parse()?]);
    let ops = diff(&desired, &pools, &kernel.read()?);
    kernel.apply(&ops)?;
    Ok(second)
}

/// Tell a story both ways.
fn tell(story: impl Fn(&Lab, Ends) -> Result<()>) {
    let mut net = Carried::new().unwrap();
    let second = second(&net.lab).unwrap();
    let ends = Ends {
        sender: (&net.lab.vm_a, lab::HAVIP, EIP),
        receiver: (&second.vm, lab::HAVIP, EIP_OF_SECOND),
        hops: 2,
    };
    story(&net.lab, ends).context("from the first").unwrap();
    story(&net.lab, ends.back()).context("from the second").unwrap();
    net.agrees().unwrap();
}

#[test]
fn each_reaches_the_other_as_its_eip() {
    tell(|_, ends| {
        let Ends { sender, receiver, .. } = ends;
        let seen = reached((receiver.0, receiver.1), (sender.0, sender.1), receiver.2)?;
        ensure!(seen == [sender.2; 2], "the other HAVIP's service saw {seen:?}");
        Ok(())
    });
}

#[test]
fn every_protocol_passes() {
    tell(|_, ends| {
        protocols::ALL
            .into_iter()
            .try_for_each(|(what, packet)| ends.pass(packet).with_context(|| what.to_owned()))
    });
}

#[test]
fn an_error_is_recognized() {
    tell(|_, ends| {
        for kind in [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM] {
            for (what, quoted) in errors::ALL {
                ends.error(kind, quoted).with_context(|| what.to_owned())?;
            }
        }
        let closed = SocketAddrV4::new(ends.receiver.2, CLOSED);
        let asked = udp_ask(ends.sender.0, ends.sender.1, closed, b"hello", SOON).map(drop).unwrap_err();
        ensure!(asked.kind() == std::io::ErrorKind::ConnectionRefused, "{asked}");
        Ok(())
    });
}

/// At the sender's own router it is not translated yet, at the other's it is already.
#[test]
fn what_expires_on_the_way_is_quoted_as_it_was_sent() {
    tell(|_, ends| {
        let (source, destination) = ends.sent();
        let (source, destination) =
            (SocketAddrV4::new(source, 40_000), SocketAddrV4::new(destination, 40_000));
        let outside = if ends.sender.2 == EIP { Ipv4Addr::new(203, 0, 113, 4) } else { lab::GATEWAY_OUTSIDE };
        for (ttl, router) in [(1, lab::GATEWAY_INSIDE), (2, outside)] {
            let packet = crate::bytes::Packet { ttl, ..udp(source, destination, b"trace") };
            quotes(ends.sender.0, packet, router).with_context(|| format!("TTL {ttl}"))?;
        }
        Ok(())
    });
}

#[test]
fn the_sender_learns_of_a_smaller_path() {
    let mut net = Carried::new().unwrap();
    let second = second(&net.lab).unwrap();
    second.gateway.ip("link set in0 mtu 1300").unwrap();
    let at = |address| SocketAddrV4::new(address, PORT);
    let _sink = TcpServer::start(&second.vm, at(lab::HAVIP), "vm-2", Mode::Sink).unwrap();
    upload(&net.lab.vm_a, lab::HAVIP, at(EIP_OF_SECOND), 500_000, SOON).unwrap();
    assert_eq!(learned_mtu(&net.lab.vm_a, lab::HAVIP, EIP_OF_SECOND).unwrap(), Some(1300));
    net.agrees().unwrap();
}
