//! Hairpin without state: a HAVIP with an EIP reaches another one's EIP, and its own. Both see each other's EIP, and
//! nothing of what is private of the other.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};

use anyhow::{Context as _, Result, ensure};
use mooring_dataplane::DropReason;
use mooring_domain::nat::Op;
use mooring_tests::{
    lab::{self, Lab, Namespace},
    probe::{Frame, Mode, Sniffer, TcpServer, UdpEcho, learned_mtu, ping, tcp_ask, udp_ask, upload},
    wait_for,
};

use crate::{
    bytes::{ICMP, Packet, echo, icmp, udp},
    carried::{Carried, EIP, EIP_2, PORT, SHORT, SOON, tell, tell_tracked},
    crossing::datagram,
    errors::{self, PARAMETER_PROBLEM, TIME_EXCEEDED, UNREACHABLE, quotes},
    protocols,
    ways::{connection_tracking_sees_none_of_it, reached},
};

const CLOSED: u16 = 9;
const LARGE: usize = 4000;

/// Two ends: a namespace, the address that it has, and the one by which the other knows it.
#[derive(Clone, Copy)]
pub struct Ends<'a> {
    pub sender: (&'a Namespace, Ipv4Addr, Ipv4Addr),
    pub receiver: (&'a Namespace, Ipv4Addr, Ipv4Addr),
    /// Routers between them.
    pub hops: u8,
}

impl Ends<'_> {
    pub fn back(self) -> Self {
        Self { sender: self.receiver, receiver: self.sender, ..self }
    }

    /// Source and destination as the sender writes them.
    pub fn sent(self) -> (Ipv4Addr, Ipv4Addr) {
        (self.sender.1, self.receiver.2)
    }

    /// Source and destination as the receiver sees them.
    pub fn seen(self) -> (Ipv4Addr, Ipv4Addr) {
        (self.sender.2, self.receiver.1)
    }

    /// Sends a packet as it is at one end, and sees it arrive as it is at the other, to the last byte.
    pub fn pass(self, make: impl Fn(Ipv4Addr, Ipv4Addr) -> Packet) -> Result<()> {
        let (sent, seen) = (self.sent(), self.seen());
        self.becomes(&make(sent.0, sent.1), &make(seen.0, seen.1))
    }

    pub fn becomes(self, sent: &Packet, seen: &Packet) -> Result<()> {
        let sniffer = Sniffer::start(self.receiver.0, "eth0")?;
        sent.send(self.sender.0)?;
        let seen = Packet { ttl: seen.ttl - self.hops, ..seen.clone() }.bytes();
        let came = sniffer.wait_for("the packet", SOON, |frame| datagram(frame) == Some(&seen));
        came.with_context(|| {
            let all: Vec<_> = sniffer.frames().iter().filter_map(datagram).map(<[u8]>::to_vec).collect();
            format!("{seen:02x?} did not come; what did:\n{all:02x?}")
        })?;
        Ok(())
    }

    /// An ICMP error about what the other end sent: each end sees its own packet, and the other's EIP.
    pub fn error(self, kind: u8, quoted: impl Fn(Ipv4Addr, Ipv4Addr) -> Vec<u8>) -> Result<()> {
        let about = |(to, from): (Ipv4Addr, Ipv4Addr)| icmp(kind, 1, 0, &quoted(from, to));
        let error = |ends: (Ipv4Addr, Ipv4Addr)| Packet::new(ends.0, ends.1, ICMP, about(ends));
        self.becomes(&error(self.sent()), &error(self.seen())).with_context(|| format!("kind {kind}"))
    }
}

/// The second HAVIP, held by vm-b.
pub fn second_havip(net: &mut Carried) -> Result<()> {
    net.lab.vm_b.ip(&format!("address replace {}/32 dev eth0", lab::HAVIP_2))?;
    let mac = lab::MAC_B.parse()?;
    net.desired.holders.insert(lab::HAVIP_2.into(), Some(mac));
    // These steps alone: where a rule is taken away, all of them would be made anew.
    let havip = IpAddr::V4(lab::HAVIP_2);
    net.steps(&[Op::SetNeighbour(havip, mac), Op::RemoveUnheld(havip), Op::AllowHolder(havip, mac)])
}

/// Between the two HAVIPs.
fn two(lab: &Lab) -> Ends<'_> {
    Ends { sender: (&lab.vm_a, lab::HAVIP, EIP), receiver: (&lab.vm_b, lab::HAVIP_2, EIP_2), hops: 1 }
}

/// From the holder to itself.
fn own(lab: &Lab) -> Ends<'_> {
    let end = (&lab.vm_a, lab::HAVIP, EIP);
    Ends { sender: end, receiver: end, hops: 1 }
}

fn ways(lab: &Lab) -> [Ends<'_>; 3] {
    [two(lab), two(lab).back(), own(lab)]
}

pub fn a_havip_reaches_another_and_itself_through_their_eips(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    for Ends { sender, receiver, .. } in ways(&net.lab) {
        let seen = reached((receiver.0, receiver.1), (sender.0, sender.1), receiver.2)?;
        ensure!(seen == [sender.2; 2], "{} saw {seen:?}", receiver.1);
    }
    Ok(())
}

fn every_protocol_turns_round(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    for ends in ways(&net.lab) {
        for (what, packet) in protocols::ALL {
            ends.pass(packet).with_context(|| what.to_owned())?;
        }
    }
    Ok(())
}

pub fn fragments_turn_round(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    let data: Vec<u8> = (0..LARGE).map(|n| n as u8).collect();
    for (Ends { sender, receiver, .. }, port) in ways(&net.lab).into_iter().zip(PORT..) {
        ping(sender.0, sender.1, receiver.2, LARGE, SOON)?;
        let _server = UdpEcho::start(receiver.0, SocketAddrV4::new(receiver.1, port), "server")?;
        let to = SocketAddrV4::new(receiver.2, port);
        let answer = udp_ask(sender.0, sender.1, to, &data, SOON)?;
        ensure!(answer.payload == data && *answer.peer.ip() == sender.2, "from {}", answer.peer);
    }
    Ok(())
}

fn a_closed_port_refuses(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    for Ends { sender, receiver, .. } in ways(&net.lab) {
        let to = SocketAddrV4::new(receiver.2, CLOSED);
        let udp = udp_ask(sender.0, sender.1, to, b"hello", SOON).map(drop).unwrap_err();
        let tcp = tcp_ask(sender.0, sender.1, to, SOON).map(drop).unwrap_err();
        for error in [udp, tcp] {
            ensure!(error.kind() == std::io::ErrorKind::ConnectionRefused, "{to}: {error}");
        }
    }
    Ok(())
}

/// Both addresses of the packet that it quotes are of the other end.
pub fn an_error_about_what_turned_round_is_recognized(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    for ends in ways(&net.lab) {
        for kind in [UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM] {
            for (what, quoted) in errors::ALL {
                ends.error(kind, quoted).with_context(|| what.to_owned())?;
            }
        }
    }
    Ok(())
}

fn an_error_that_quotes_another_private_address_does_not_turn_round(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    net.drops(DropReason::PrivateQuoted, 1, |lab| {
        let error = icmp(UNREACHABLE, 1, 0, &errors::quoted_udp(EIP, lab::VM_B));
        Packet::new(lab::HAVIP_2, EIP, ICMP, error).send(&lab.vm_b)?;
        // It takes the same way, behind it.
        two(lab).back().pass(echo)
    })
}

/// The gateway's own error: by then it has translated the destination, and not yet the source.
pub fn what_expires_at_the_turn_is_quoted_as_it_was_sent(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    for Ends { sender, receiver, .. } in ways(&net.lab) {
        let at = |address| SocketAddrV4::new(address, 40_000);
        let packet = udp(at(sender.1), at(receiver.2), b"trace");
        quotes(sender.0, Packet { ttl: 1, ..packet }, lab::GATEWAY_INSIDE)?;
    }
    Ok(())
}

fn the_sender_learns_of_a_smaller_path(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    // Its packets are larger than any link until a link cuts them: a frame here is not what a router looks at.
    net.blind();
    let lab = &net.lab;
    lab.gateway.ip(&format!("route add {}/32 dev in0 mtu 1300", lab::HAVIP_2))?;
    let _sink = TcpServer::start(&lab.vm_b, SocketAddrV4::new(lab::HAVIP_2, PORT), "vm-b", Mode::Sink)?;
    upload(&lab.vm_a, lab::HAVIP, SocketAddrV4::new(EIP_2, PORT), 500_000, SOON)?;
    let learned = learned_mtu(&lab.vm_a, lab::HAVIP, EIP_2)?;
    ensure!(learned == Some(1300), "learned {learned:?}");
    Ok(())
}

fn the_fence_stands_before_the_turn(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    net.drops(DropReason::NotHolder, 1, |lab| {
        echo(lab::HAVIP, EIP_2).send(&lab.host_c)?;
        two(lab).pass(echo)
    })?;
    net.desired.holders.insert(lab::HAVIP_2.into(), None);
    net.reconcile()?;
    net.drops(DropReason::NoHolder, 1, |lab| {
        let pinged = ping(&lab.vm_a, lab::HAVIP, EIP_2, 56, SHORT);
        ensure!(pinged.is_err(), "a HAVIP that nobody holds answered");
        Ok(())
    })
}

/// An IPv4 packet for this MAC; a switch also shows those for others, before it knows where they are.
pub fn is_for(frame: &Frame, mac: &str) -> bool {
    let destination = frame.destination_mac.map(|byte| format!("{byte:02x}")).join(":");
    frame.ip().is_some() && destination == mac
}

/// Linux tells a sender whose packet turns round to go straight to the destination: here, to an address that it may not see.
pub fn nobody_is_told_to_go_straight(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    for of in ["all", "in0"] {
        net.lab.gateway.sysctl(&format!("net.ipv4.conf.{of}.send_redirects"), "1")?;
    }
    let sniffer = Sniffer::start(&net.lab.vm_a, "eth0")?;
    let _server = UdpEcho::start(&net.lab.vm_b, SocketAddrV4::new(lab::HAVIP_2, PORT), "vm-b")?;
    for _ in 0..3 {
        udp_ask(&net.lab.vm_a, lab::HAVIP, SocketAddrV4::new(EIP_2, PORT), b"hello", SOON)?;
    }
    // A redirect goes before the packet it is about, and so before its answer.
    let answers = || sniffer.select(|frame| frame.ip().is_some_and(|ip| ip.source == EIP_2)).len();
    wait_for("the sniffer to read the answers", SOON, || match answers() {
        3.. => Ok(()),
        few => Err(format!("{few} of 3")),
    })?;
    let about = |ip: mooring_tests::probe::Ip| ip.protocol == ICMP && ip.ports.0 == 5;
    let told = sniffer.select(|frame| {
        frame.ip().is_some_and(about) || (is_for(frame, lab::MAC_A) && frame.mentions(lab::HAVIP_2))
    });
    ensure!(told.is_empty(), "{told:02x?}");
    Ok(())
}

pub fn options_are_blanked_at_the_turn(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    let mut options = vec![7, 39, 8];
    options.extend(lab::HAVIP.octets());
    options.resize(40, 0);
    let two = two(&net.lab);
    let (sent, seen) = (two.sent(), two.seen());
    let sent = Packet { options, ..echo(sent.0, sent.1) };
    two.becomes(&sent, &Packet { options: vec![1; 40], ..echo(seen.0, seen.1) })
}

/// [`connection_tracking_sees_none_of_it`] has put rules there that count what is tracked and what is not.
fn connection_tracking_sees_nothing_turn_round(net: &mut Carried) -> Result<()> {
    connection_tracking_sees_none_of_it(net)?;
    a_havip_reaches_another_and_itself_through_their_eips(net)?;
    let listed = net.lab.gateway.output("nft list chain ip theirs forward")?;
    let counts = listed.lines().find(|line| line.contains("!= untracked")).unwrap_or_default();
    ensure!(counts.contains("packets 0 "), "{listed}");
    Ok(())
}

fn an_unbind_cuts_it_at_once(net: &mut Carried) -> Result<()> {
    second_havip(net)?;
    let _server = UdpEcho::start(&net.lab.vm_b, SocketAddrV4::new(lab::HAVIP_2, PORT), "vm-b")?;
    let ask = |net: &Carried, patience| {
        udp_ask(&net.lab.vm_a, lab::HAVIP, SocketAddrV4::new(EIP_2, PORT), b"hello", patience)
    };
    ask(net, SOON)?;
    let receiver = Sniffer::start(&net.lab.vm_b, "eth0")?;
    net.desired.nat.remove(&IpAddr::V4(EIP_2));
    net.reconcile()?;
    ensure!(ask(net, SHORT).is_err(), "an EIP answers that is not bound");
    net.desired.nat.insert(EIP_2.into(), lab::HAVIP_2.into());
    net.desired.nat.remove(&IpAddr::V4(EIP));
    net.reconcile()?;
    ensure!(ask(net, SHORT).is_err(), "a HAVIP without an EIP reaches one");
    let to_havip = |ip: mooring_tests::probe::Ip| ip.destination == lab::HAVIP_2;
    let came = receiver.select(|frame| frame.ip().is_some_and(to_havip));
    ensure!(came.is_empty(), "{came:02x?}");
    net.desired.nat.insert(EIP.into(), lab::HAVIP.into());
    net.reconcile()?;
    wait_for("an answer", SOON, || ask(net, SHORT).map(drop).map_err(|error| error.to_string()))
}

#[test]
fn reach() {
    tell(a_havip_reaches_another_and_itself_through_their_eips);
    tell_tracked(a_havip_reaches_another_and_itself_through_their_eips);
}

#[test]
fn protocols() {
    tell(every_protocol_turns_round);
    tell_tracked(every_protocol_turns_round);
}

#[test]
fn fragments() {
    tell(fragments_turn_round);
    tell_tracked(fragments_turn_round);
}

#[test]
fn closed_port() {
    tell(a_closed_port_refuses);
    tell_tracked(a_closed_port_refuses);
}

#[test]
fn icmp_errors() {
    tell(an_error_about_what_turned_round_is_recognized);
    tell_tracked(an_error_about_what_turned_round_is_recognized);
}

#[test]
fn private_quoted() {
    tell(an_error_that_quotes_another_private_address_does_not_turn_round);
}

#[test]
fn expired() {
    tell(what_expires_at_the_turn_is_quoted_as_it_was_sent);
    tell_tracked(what_expires_at_the_turn_is_quoted_as_it_was_sent);
}

#[test]
fn path_mtu() {
    tell(the_sender_learns_of_a_smaller_path);
    tell_tracked(the_sender_learns_of_a_smaller_path);
}

#[test]
fn fence() {
    tell(the_fence_stands_before_the_turn);
}

#[test]
fn redirects() {
    tell(nobody_is_told_to_go_straight);
}

#[test]
fn options() {
    tell(options_are_blanked_at_the_turn);
}

#[test]
fn no_tracking() {
    tell(connection_tracking_sees_nothing_turn_round);
    tell_tracked(connection_tracking_sees_nothing_turn_round);
}

#[test]
fn unbind() {
    tell(an_unbind_cuts_it_at_once);
}
