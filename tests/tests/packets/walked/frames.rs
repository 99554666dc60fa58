//! The frames that a witness saw, and what a walk says that should be among them.

use std::fmt;

use mooring_dataplane::DropReason;
use mooring_domain::{
    address::Mac,
    nat::walk::{Arrival, Fate, Packet, Side, Stopped, Walk},
};
use mooring_tests::probe::{Frame, checksum};

use super::{
    SIGN,
    traced::{Told, told},
};
use crate::{
    bytes::{TCP, UDP},
    crossing::datagram,
};

/// One frame that left: by which link, to whom, as what.
#[derive(Clone, PartialEq, Eq)]
pub struct Left {
    pub side: Side,
    pub mac: Option<Mac>,
    pub packet: Vec<u8>,
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let packet = Packet(self.packet.clone());
        let (source, destination) = (packet.source(), packet.destination());
        write!(f, "{source} > {destination} {:?} to {:?}: {:02x?}", self.side, self.mac, self.packet)
    }
}

/// What one walk says: what leaves, and what is counted.
#[derive(Clone)]
pub struct Said {
    /// As sent by somebody who left the checksum to his network card, the checksum says nothing.
    pub summed: bool,
    pub left: Option<Left>,
    pub error: Option<Left>,
    pub dropped: Option<DropReason>,
    /// The rules that apply to it, and to the gateway's own error about it.
    pub told: Vec<Told>,
}

/// The number of a sign.
pub fn sign(frame: &Frame) -> Option<u16> {
    frame.ip().filter(|ip| ip.destination == SIGN).map(|ip| ip.ports.1)
}

/// Whether an IP header is that of a sign.
pub fn destination_of_a_sign(header: &[u8]) -> bool {
    header.get(16..20) == Some(&SIGN.octets())
}

pub fn arrival(frame: &Frame, side: Side, mac: &str) -> Option<Arrival> {
    let for_it = !frame.outgoing && Mac(frame.destination_mac).to_string() == mac;
    let packet = Packet(datagram(frame).filter(|_| for_it)?.to_vec());
    Some(Arrival { side, mac: Mac(frame.source_mac), packet })
}

/// Of a packet that came with this MAC as destination, or of one of the gateway's own.
pub fn said(arrival: Option<(&Arrival, &str)>, packet: &Packet, walk: &Walk) -> Said {
    let left = |walk: &Walk| match &walk.fate {
        Fate::Sent { side, mac, packet } => Some(Left { side: *side, mac: *mac, packet: packet.0.clone() }),
        Fate::Taken(_) | Fate::Dropped(_) => None,
    };
    let dropped = |walk: &Walk| match walk.fate {
        Fate::Dropped(Stopped::Counted(reason)) => Some(reason),
        _ => None,
    };
    Said {
        summed: is_summed(&packet.0),
        left: left(walk),
        error: walk.error.as_deref().and_then(|(_, walk)| left(walk)),
        dropped: dropped(walk).or(walk.error.as_deref().and_then(|(_, walk)| dropped(walk))),
        told: told(arrival, packet, walk),
    }
}

/// Where it is among what left.
pub fn find(all: &[Left], one: &Left, summed: bool) -> Option<usize> {
    let to = |of: &Left| of.side == one.side && (one.mac.is_none() || of.mac == one.mac);
    let exactly = all.iter().position(|of| to(of) && of.packet == one.packet);
    exactly.or_else(|| all.iter().position(|of| to(of) && is_near(&of.packet, &one.packet, summed)))
}

/// But for what a walk can't know: the number that the kernel gives to a packet of its own, and a checksum that its
/// sender has left to the network card.
pub fn is_near(packet: &[u8], said: &[u8], summed: bool) -> bool {
    let own = is_error(said) && said[4..6] == [0, 0];
    let blank = |packet: &[u8]| {
        let mut packet = packet.to_vec();
        if own {
            packet[4..8].fill(0);
            packet[10..12].fill(0);
        }
        let header = usize::from(packet[0] & 0x0f) * 4;
        let sum = match packet[9] {
            TCP => header + 16,
            UDP => header + 6,
            _ => return packet,
        };
        if let Some(sum) = packet.get_mut(sum..sum + 2).filter(|_| !summed) {
            sum.fill(0);
        }
        packet
    };
    blank(packet) == blank(said)
}

pub fn is_error(packet: &[u8]) -> bool {
    Packet(packet.to_vec()).is_error()
}

/// Whether the checksum behind its IP header is right; where there is none to be wrong, it is.
///
/// A sender that leaves the rest to the network card writes the sum of the pseudo header alone: once in 65 536 packets
/// that looks like a right one, and is none.
pub fn is_summed(packet: &[u8]) -> bool {
    let of = Packet(packet.to_vec());
    if of.fragment() > 0 || !matches!(of.protocol(), TCP | UDP) || packet[6] & 0x20 != 0 {
        return true;
    }
    let payload = &packet[of.header()..];
    let mut pseudo = [of.source().octets(), of.destination().octets()].concat();
    pseudo.extend([0, of.protocol()]);
    pseudo.extend((payload.len() as u16).to_be_bytes());
    let begun = !checksum(&pseudo);
    let field = if of.protocol() == TCP { 16 } else { 6 };
    let is_begun = payload.get(field..field + 2) == Some(&begun.to_be_bytes());
    pseudo.extend(payload);
    !is_begun && checksum(&pseudo) == 0
}
