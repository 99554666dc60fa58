//! Connection tracking, as far as tracked hairpins use it: a flow gets the gateway's own address as source, and its
//! answers and the errors about it find back. Without `hairpin = true` nothing here is ever asked.

use std::net::Ipv4Addr;

use super::{
    checksum::{checksum, mended},
    packet::{HEADER, ICMP, ICMP_HEADER, Packet, TCP, Tuple},
};

/// The flows that a gateway follows.
#[derive(Clone, Debug, Default)]
pub struct Flows(Vec<Flow>);

/// A flow: as it began, and whose address it was lent.
#[derive(Clone, Debug)]
struct Flow {
    began: Tuple,
    lent: Option<Ipv4Addr>,
    mark: u32,
    /// It has left the gateway: before that nothing can answer in it.
    confirmed: bool,
}

impl Flow {
    fn answer(&self) -> Tuple {
        Tuple { source: self.lent.unwrap_or(self.began.source), ..self.began }.back()
    }
}

/// What tracking knows of a packet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tracked {
    /// It is none of tracking's business.
    pub(super) never: bool,
    /// The number of its flow; none for what belongs to no flow.
    flow: Option<usize>,
    /// It goes back.
    pub(super) back: bool,
    /// It is not of the flow but about it.
    related: bool,
    /// It begins its flow.
    pub(super) first: bool,
    /// Its flow is to get the gateway's own address as source.
    pub(super) lending: bool,
}

impl Tracked {
    /// Whether a flow was found or begun for it.
    pub(super) fn is_known(self) -> bool {
        !self.never && self.flow.is_some()
    }
}

impl Flows {
    /// Finds the flow of a packet, or begins one.
    pub(super) fn find(&mut self, packet: &Packet) -> Tracked {
        if let Some(quoted) = packet.quoted() {
            // About a packet that went the other way.
            let found = self.known(quoted.tuple().back());
            let (flow, back) = found.map_or((None, false), |(flow, back)| (Some(flow), back));
            return Tracked { flow, back, related: true, ..Tracked::default() };
        }
        let tuple = packet.tuple();
        if let Some((flow, back)) = self.known(tuple) {
            return Tracked { flow: Some(flow), back, ..Tracked::default() };
        }
        if !can_begin(packet) {
            return Tracked::default();
        }
        self.0.retain(|flow| flow.confirmed);
        self.0.push(Flow { began: tuple, lent: None, mark: 0, confirmed: false });
        Tracked { flow: Some(self.0.len() - 1), first: true, ..Tracked::default() }
    }

    fn known(&self, tuple: Tuple) -> Option<(usize, bool)> {
        let flows = || self.0.iter().enumerate().filter(|(_, flow)| flow.confirmed);
        let began = flows().find(|(_, flow)| flow.began == tuple).map(|(at, _)| (at, false));
        began.or_else(|| flows().find(|(_, flow)| flow.answer() == tuple).map(|(at, _)| (at, true)))
    }

    /// The mark of a packet's flow, and whether it goes back.
    pub(super) fn of(&self, tracked: Tracked) -> Option<(u32, bool)> {
        let flow = self.0.get(tracked.flow.filter(|_| !tracked.never)?)?;
        Some((flow.mark, tracked.back))
    }

    pub(super) fn mark(&mut self, tracked: Tracked, mark: u32) -> Option<()> {
        self.0.get_mut(tracked.flow.filter(|_| !tracked.never)?)?.mark = mark;
        Some(())
    }

    /// Before routing: what goes back gets the destination of who began.
    pub(super) fn before_routing(&self, tracked: Tracked, packet: &mut Packet) -> Option<Ipv4Addr> {
        let flow = self.lent(tracked).filter(|_| tracked.back)?;
        let (at, new) = (16, flow.began.source);
        rewrite(packet, at, new);
        if tracked.related {
            rewrite_quoted(packet, 12, new);
        }
        Some(new)
    }

    /// Behind routing: what goes on gets the address that the flow was lent.
    pub(super) fn behind_routing(&self, tracked: Tracked, packet: &mut Packet) -> Option<Ipv4Addr> {
        let flow = self.lent(tracked).filter(|_| !tracked.back)?;
        let lent = flow.lent?;
        rewrite(packet, 12, lent);
        if tracked.related {
            rewrite_quoted(packet, 16, lent);
        }
        Some(lent)
    }

    fn lent(&self, tracked: Tracked) -> Option<&Flow> {
        self.0.get(tracked.flow.filter(|_| !tracked.never)?).filter(|flow| flow.lent.is_some())
    }

    /// The flow gets this address.
    pub(super) fn lend(&mut self, tracked: Tracked, address: Ipv4Addr) {
        if let Some(flow) = tracked.flow.and_then(|flow| self.0.get_mut(flow)) {
            flow.lent = Some(address);
        }
    }

    /// The packet that begins it leaves: from here on it can be answered.
    pub(super) fn confirm(&mut self, tracked: Tracked) {
        if let Some(flow) = tracked.flow.and_then(|flow| self.0.get_mut(flow)) {
            flow.confirmed = true;
        }
    }
}

/// A reset, or an answer to an echo that nobody asked for, begins nothing.
fn can_begin(packet: &Packet) -> bool {
    const RESET: u8 = 4;
    const ECHO: u8 = 8;
    match packet.protocol() {
        TCP => packet.0.get(packet.header() + 13).is_none_or(|flags| flags & RESET == 0),
        ICMP => packet.icmp_kind().is_none_or(|kind| kind == ECHO || kind == 13),
        _ => true,
    }
}

/// An address of the header, with every checksum that covers it.
fn rewrite(packet: &mut Packet, at: usize, new: Ipv4Addr) {
    let Some(old) = packet.address(at) else { return };
    for sum_at in [Some(10), packet.covering()].into_iter().flatten() {
        let sum = packet.number(sum_at).unwrap_or(0);
        packet.set_number(sum_at, mended(sum, &old.octets(), &new.octets()));
    }
    packet.0[at..at + 4].copy_from_slice(&new.octets());
}

/// An address of the header that an error quotes, and the error's own checksum.
fn rewrite_quoted(packet: &mut Packet, at: usize, new: Ipv4Addr) {
    let begin = packet.header() + ICMP_HEADER;
    let Some(mut quoted) = packet.quoted().filter(|quoted| quoted.0.len() >= HEADER) else { return };
    rewrite(&mut quoted, at, new);
    packet.0.truncate(begin);
    packet.0.extend(quoted.0);
    let header = packet.header();
    packet.set_number(header + 2, 0);
    let sum = checksum(&packet.0[header..]);
    packet.set_number(header + 2, sum);
}
