//! Fail closed: what is sent to an EIP that fronts nothing is dropped and counted, whatever it is, and whether the EIP was
//! bound until a moment ago, is back in the pool, or has never been allocated.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Result, ensure};
use mooring_dataplane::DropReason;
use mooring_tests::{
    lab,
    probe::{Sniffer, ping},
};

use crate::{
    bytes::{ICMP, Packet, echo, icmp},
    carried::{Carried, EIP, FREE_EIP, SOON, tell},
    errors::{UNREACHABLE, quoted_udp},
    protocols,
};

/// Of a range behind the pool's first addresses, where nothing ever was.
const NEVER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 95);

/// One of each protocol, a later fragment, an error, one with IP options.
fn everything(to: Ipv4Addr) -> Vec<Packet> {
    let from = lab::CLIENT;
    let mut packets: Vec<_> = protocols::ALL.iter().map(|(_, packet)| packet(from, to)).collect();
    packets.push(Packet { fragment: 185, ..echo(from, to) });
    packets.push(Packet { options: vec![1; 4], ..echo(from, to) });
    packets.push(Packet::new(from, to, ICMP, icmp(UNREACHABLE, 1, 0, &quoted_udp(to, from))));
    packets
}

/// Nothing of it comes in, nobody answers, and each is counted under its reason and no other.
pub fn nothing_reaches(net: &mut Carried, eip: Ipv4Addr) -> Result<()> {
    // Who had it bound has the gateway's MAC still, and goes on sending.
    let to_gateway = format!("route replace {eip}/32 via {}", lab::GATEWAY_OUTSIDE);
    net.lab.core.ip(&to_gateway)?;
    let (inside, outside) =
        (Sniffer::start(&net.lab.gateway, "in0")?, Sniffer::start(&net.lab.core, "gateway")?);
    let packets = everything(eip);
    net.drops(DropReason::UnboundEip, packets.len() as u64, |lab| {
        packets.iter().try_for_each(|packet| packet.send(&lab.client))?;
        // Behind them on the same way.
        ping(&lab.client, lab::CLIENT, lab::GATEWAY_OUTSIDE, 56, SOON).map(drop)?;
        Ok(())
    })?;
    let came = inside.select(|frame| frame.mentions(lab::CLIENT) || frame.mentions(eip));
    ensure!(came.is_empty(), "came in: {came:?}");
    let answers = outside.select(|frame| !frame.outgoing && frame.mentions(eip));
    ensure!(answers.is_empty(), "answered: {answers:?}");
    Ok(())
}

#[test]
fn an_eip_that_was_bound_until_now() {
    tell(|net| {
        ping(&net.lab.client, lab::CLIENT, EIP, 56, SOON)?;
        net.desired.nat.remove(&IpAddr::V4(EIP));
        net.reconcile()?;
        nothing_reaches(net, EIP)?;
        // Bound again, it is reached again: nothing remembers.
        net.desired.nat.insert(EIP.into(), lab::HAVIP.into());
        net.reconcile()?;
        ping(&net.lab.client, lab::CLIENT, EIP, 56, SOON)?;
        Ok(())
    });
}

#[test]
fn an_eip_that_was_never_bound() {
    tell(|net| nothing_reaches(net, FREE_EIP));
    tell(|net| nothing_reaches(net, NEVER));
}
