//! What the domain's walk says of each packet that a story sent through the gateway, beside what the kernel did with it:
//! what left, by which link, to which MAC, to the last byte, what was dropped for which reason, and by the kernel's own
//! trace which rules of which chains applied to it, with their verdicts. Every story that [`crate::carried`] tells ends
//! with this.

mod frames;
mod traced;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{Ipv4Addr, SocketAddrV4},
};

use anyhow::{Result, bail, ensure};
use mooring_dataplane::{Driver as _, DropReason, Kernel};
use mooring_domain::{
    address::Mac,
    nat::{
        Actual,
        ruleset::Links,
        walk::{Flows, Gateway, Own, Packet, Side, sent, walk},
    },
};
use mooring_tests::{
    lab::{self, Namespace},
    probe::{Frame, KernelTrace, Sniffer},
    wait_for,
};
use socket2::{Domain, Socket, Type};

pub use self::frames::is_summed;
use self::{
    frames::{Left, Said, arrival, find, is_error, said, sign},
    traced::has_sign,
};
use crate::{
    carried::{EIP, EIP_2, FREE_EIP, SOON},
    crossing::datagram,
};

/// Where a sign in both streams of frames goes to: everything before it came before it.
const SIGN: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 77);
const LINKS: [(Side, &str, &str); 2] =
    [(Side::Inside, "in0", lab::MAC_GATEWAY), (Side::Outside, "out0", "02:00:00:00:02:02")];

/// Watches both links of a gateway.
pub struct Witness {
    gateway: Namespace,
    sniffers: [Sniffer; 2],
    trace: KernelTrace,
    hairpin: bool,
    own: Own,
    /// What was in the kernel, one after the other; what a change began and ended with has a sign.
    states: Vec<Actual>,
    counted: BTreeMap<DropReason, u64>,
    signs: u16,
    /// A rule that tracks puts fragments together before any other sees them: a fragment alone has no walk then.
    gathers: bool,
    /// What the gateway sent of its own, and the state in which it did.
    sent: Vec<(usize, Packet)>,
    /// On the outside, nobody has these.
    unanswered: [Ipv4Addr; 3],
}

impl Witness {
    pub fn start(gateway: &Namespace, hairpin: bool, kernel: &mut Kernel, state: Actual) -> Result<Self> {
        let trace = KernelTrace::start(gateway)?;
        let sniffers = [Sniffer::start(gateway, "in0")?, Sniffer::start(gateway, "out0")?];
        let own = Own {
            inside: vec![format!("{}/24", lab::GATEWAY_INSIDE).parse()?],
            outside: vec![lab::GATEWAY_OUTSIDE],
            ..Own::default()
        };
        let counted = kernel.drops()?.into_iter().collect();
        let (gateway, states) = (gateway.clone(), vec![state]);
        let (signs, gathers, sent, unanswered) = (0, hairpin, Vec::new(), [EIP, EIP_2, FREE_EIP]);
        Ok(Self { gateway, sniffers, trace, hairpin, own, states, counted, signs, gathers, sent, unanswered })
    }

    /// A stranger's rule tracks.
    pub fn gathers(&mut self) {
        self.gathers = true;
    }

    /// The gateway sends this of its own.
    pub fn sent(&mut self, packet: Vec<u8>) {
        self.sent.push((self.states.len() - 1, Packet(packet)));
    }

    /// The gateway has this address too.
    pub fn has(&mut self, address: Ipv4Addr) {
        self.own.outside.push(address);
    }

    /// A link of the gateway takes no more than this.
    pub fn takes(&mut self, side: Side, mtu: u16) {
        match side {
            Side::Inside => self.own.inside_mtu = Some(mtu),
            Side::Outside => self.own.outside_mtu = Some(mtu),
        }
    }

    /// What the kernel is about to have.
    pub fn change(&mut self, state: Actual, how: impl FnOnce() -> Result<()>) -> Result<()> {
        self.sign()?;
        how()?;
        self.states.push(state);
        self.sign()
    }

    /// Written into both streams.
    fn sign(&mut self) -> Result<()> {
        self.signs += 1;
        for from in [lab::GATEWAY_INSIDE, lab::GATEWAY_OUTSIDE] {
            let to = SocketAddrV4::new(SIGN, self.signs);
            self.gateway.run(|| {
                let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
                socket.set_multicast_if_v4(&from)?;
                socket.bind(&SocketAddrV4::new(from, 0).into())?;
                socket.send_to(b"sign", &to.into()).map(drop)
            })??;
        }
        Ok(())
    }

    /// Whether walk and kernel agree on every packet so far.
    pub fn agrees(&mut self, kernel: &mut Kernel) -> Result<()> {
        let state = self.states.last().cloned().unwrap_or_default();
        self.change(state, || Ok(()))?;
        wait_for("the walk to agree with the kernel", SOON * 5, || {
            self.compare(kernel).map_err(|error| format!("{error:#}"))
        })
    }

    /// The same, once: for what must not agree.
    pub fn compare(&self, kernel: &mut Kernel) -> Result<()> {
        let streams: Vec<_> = self.sniffers.iter().map(Sniffer::frames).collect();
        for stream in &streams {
            ensure!(stream.iter().any(|frame| sign(frame) == Some(self.signs)), "not every frame was read");
        }
        let mut left: Vec<Left> = Vec::new();
        for ((side, ..), stream) in LINKS.iter().zip(&streams) {
            left.extend(stream.iter().filter(|frame| frame.outgoing && sign(frame).is_none()).filter_map(
                |frame| {
                    let packet = datagram(frame).filter(|packet| !self.skips(packet))?.to_vec();
                    Some(Left { side: *side, mac: Some(Mac(frame.destination_mac)), packet })
                },
            ));
        }
        let mut all = self.walk(&streams);
        all.extend(self.sent.iter().map(|(state, packet)| {
            let walk =
                sent(&self.gateway_with(self.states[*state].clone()), &mut Flows::default(), packet.clone());
            vec![Said { left: None, ..said(None, packet, &walk) }]
        }));
        let mut dropped: BTreeMap<DropReason, (u64, u64)> = BTreeMap::new();
        for choices in &all {
            self.take(choices, &mut left, &mut dropped)?;
        }
        let own = |of: &Left| self.is_own(Packet(of.packet.clone()).source()) && !is_error(&of.packet);
        left.retain(|of| !own(of));
        ensure!(left.is_empty(), "{} left that no walk leads to, such as {:?}", left.len(), left.first());
        for (reason, now) in kernel.drops()? {
            let count = now - self.counted.get(&reason).copied().unwrap_or(0);
            let (least, most) = dropped.get(&reason).copied().unwrap_or_default();
            let word = reason.word();
            ensure!(
                (least..=most).contains(&count),
                "{count} dropped as {word}, the walks drop {least} to {most}"
            );
        }
        let accounts = self.trace.accounts()?;
        ensure!(has_sign(&accounts, self.signs), "not all that the kernel traced was read");
        let skipped = |frame: &Frame| datagram(frame).is_some_and(|packet| self.skips(packet));
        traced::agree(accounts, all.iter(), !streams.iter().flatten().any(skipped))
    }

    /// Takes what one packet became from what left.
    fn take(
        &self,
        choices: &[Said],
        left: &mut Vec<Left>,
        dropped: &mut BTreeMap<DropReason, (u64, u64)>,
    ) -> Result<()> {
        let reasons: Vec<_> = choices.iter().map(|said| said.dropped).collect();
        // Nobody answers for an EIP that is not bound: what goes there passes all rules, and stays for want of a MAC.
        let unanswered = |of: &&Left| {
            let to = Packet(of.packet.clone()).destination();
            of.side == Side::Outside && self.unanswered.contains(&to)
        };
        let fits = |left: &[Left], said: &Said| -> Option<Vec<usize>> {
            let parts = [&said.left, &said.error].into_iter().flatten().filter(|of| !unanswered(of));
            parts.map(|part| find(left, part, said.summed)).collect()
        };
        let Some((said, mut found)) = choices.iter().find_map(|said| Some((said, fits(left, said)?))) else {
            let said = &choices[0];
            let near: Vec<_> = said.left.iter().chain(&said.error).collect();
            bail!("{near:?} did not leave; what did:\n{left:?}");
        };
        found.sort_unstable();
        found.into_iter().rev().for_each(|at| drop(left.remove(at)));
        for reason in DropReason::ALL {
            let could = reasons.contains(&Some(reason));
            let must = could && reasons.iter().all(|of| *of == Some(reason));
            let taken = could && (said.dropped == Some(reason) || said.left.is_none());
            let (least, most) = dropped.entry(reason).or_default();
            *least += u64::from(must);
            *most += u64::from(taken || must);
        }
        Ok(())
    }

    /// Every packet that came, walked in the state in which it came: during a change, in either.
    fn walk(&self, streams: &[Vec<Frame>]) -> Vec<Vec<Said>> {
        let (mut flows, mut all) = (Flows::default(), Vec::new());
        let gateways: Vec<_> = self.states.iter().map(|state| self.gateway_with(state.clone())).collect();
        let mut parts: Vec<VecDeque<_>> =
            streams.iter().map(|stream| stream.split(|frame| sign(frame).is_some()).collect()).collect();
        // Between two signs the kernel changes from one state to the next.
        for part in 0..=usize::from(self.signs) {
            let states = match part % 2 {
                0 => vec![part / 2],
                _ => vec![part / 2, part / 2 + 1],
            };
            for ((side, _, mac), stream) in LINKS.iter().zip(&mut parts) {
                let frames = stream.pop_front().unwrap_or_default();
                let arrivals = frames.iter().filter_map(|frame| arrival(frame, *side, mac));
                for arrival in arrivals.filter(|arrival| !self.skips(&arrival.packet.0)) {
                    let walked = states.iter().filter_map(|state| gateways.get(*state)).map(|gateway| {
                        let mut after = flows.clone();
                        let walk = walk(gateway, &mut after, &arrival);
                        (said(Some((&arrival, mac)), &arrival.packet, &walk), after)
                    });
                    let (choices, mut after): (Vec<_>, Vec<_>) = walked.unzip();
                    flows = after.pop().unwrap_or_default();
                    all.push(choices);
                }
            }
        }
        all
    }

    fn gateway_with(&self, state: Actual) -> Gateway {
        let links = Links { inside: "in0".into(), outside: "out0".into(), hairpin: self.hairpin };
        Gateway::new(links, state, self.own.clone())
    }

    fn skips(&self, packet: &[u8]) -> bool {
        let field = u16::from_be_bytes([packet[6], packet[7]]);
        self.gathers && field & 0x3fff != 0
    }

    fn is_own(&self, address: Ipv4Addr) -> bool {
        self.own.outside.contains(&address) || self.own.inside.iter().any(|net| net.addr() == address)
    }

    /// As if this had been in the kernel all the time.
    pub fn planted(&mut self, how: impl Fn(&mut Actual)) {
        self.states.iter_mut().for_each(how);
    }
}
