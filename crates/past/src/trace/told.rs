//! A walk in the API's words.

use std::net::{IpAddr, Ipv4Addr};

use mooring_domain::{
    CommitPosition,
    address::Mac,
    id::VpcId,
    nat::{
        ruleset::{
            EIP_TO_HAVIP, HAVIP_TO_EIP, HAVIPS, HOLDERS, POOLS, SUBNETS, UNHELD,
            expression::{At, Verdict},
        },
        walk::{Arrival, Deed, Fate, Packet, Side, Step, Stopped, Walk},
    },
};
use mooring_proto::dataplane::v1::{self as api, Detail, PacketHead, PacketWalk, WalkStep, packet_walk};

use super::origin::{at, of_eip, of_element};
use crate::Folded;

/// Who tells it of which VPC.
pub(crate) struct Telling<'a> {
    pub(crate) folded: &'a Folded,
    pub(crate) vpc: VpcId,
}

impl Telling<'_> {
    /// `arrival` is none for one of the gateway's own.
    pub(crate) fn walk(&self, arrival: Option<&Arrival>, packet: &Packet, walk: &Walk) -> PacketWalk {
        let came = head(arrival.map(|arrival| arrival.side), arrival.map(|arrival| arrival.mac), packet);
        let (fate, reason, end) = self.end(walk);
        let left = match &walk.fate {
            Fate::Sent { side, mac, packet } => Some(head(Some(*side), *mac, packet)),
            Fate::Taken(_) | Fate::Dropped(_) => None,
        };
        let error = walk.error.as_deref().map(|(packet, walk)| Box::new(self.walk(None, packet, walk)));
        PacketWalk {
            came: Some(came),
            steps: walk.steps.iter().map(|step| self.step(step)).collect(),
            fate: fate.into(),
            reason,
            end,
            left,
            error,
        }
    }

    fn step(&self, step: &Step) -> WalkStep {
        let plain = |place: &str, what: String, details| WalkStep {
            place: place.to_owned(),
            what,
            details,
            ..WalkStep::default()
        };
        match step {
            Step::Hook { table, chain, before_routing, priority } => {
                let when = if *before_routing { "before routing" } else { "behind routing" };
                plain(&format!("{table} {chain}"), format!("hook {when}, priority {priority}"), Vec::new())
            }
            Step::Rule { table, chain, purpose, deeds, verdict } => WalkStep {
                place: format!("{table} {chain}"),
                what: (*purpose).to_owned(),
                verdict: verdict.map(word).unwrap_or_default(),
                details: self.deeds(deeds),
            },
            Step::Tracked { source, old, new } => {
                let field = if *source { "source" } else { "destination" };
                plain("tracking", format!("the flow is known: {field} {old} becomes {new}"), Vec::new())
            }
            Step::Route { to, side } => {
                let local = self.local_route(*to);
                let what = match side {
                    Some(side) => format!("{to} is {}", side.word()),
                    None => format!("{to} is the gateway's own"),
                };
                plain("routes", what, local.into_iter().collect())
            }
            Step::Neighbour { address, mac: Some(mac) } => {
                let held = of_element(self.folded, self.vpc, HOLDERS, *address);
                let entry = format!("permanent neighbour {address} at {mac}{}", self.instance(*mac));
                plain("neighbours", format!("{address} is at {mac}"), vec![detail(entry, held)])
            }
            Step::Neighbour { address, mac: None } => {
                plain("neighbours", format!("the kernel asks by ARP who has {address}"), Vec::new())
            }
        }
    }

    /// The local route of a bound EIP.
    fn local_route(&self, to: Ipv4Addr) -> Option<Detail> {
        let bound = of_eip(self.folded, IpAddr::V4(to))?;
        Some(detail(format!("local route for the EIP {to}"), Some(bound)))
    }

    /// Of several writes of one place, which mend one checksum each, only what comes of them is told.
    fn deeds(&self, deeds: &[Deed]) -> Vec<Detail> {
        let mut details = Vec::new();
        for (index, deed) in deeds.iter().enumerate() {
            match deed {
                Deed::Wrote { at, new, .. } => {
                    let same = |deed: &&Deed| matches!(deed, Deed::Wrote { at: of, .. } if of == at);
                    let before = deeds[..index].iter().find(same);
                    let is_last = !deeds[index + 1..].iter().any(|deed| same(&deed));
                    if let (true, Deed::Wrote { old, .. }) = (is_last, before.unwrap_or(deed)) {
                        details.push(detail(written(*at, *old, *new), None));
                    }
                }
                deed => details.extend(self.deed(deed)),
            }
        }
        details
    }

    fn deed(&self, deed: &Deed) -> Option<Detail> {
        Some(match deed {
            Deed::Found { set, key, mac, value } => {
                let from = of_element(self.folded, self.vpc, set, *key);
                detail(self.found(set, *key, *mac, *value), from)
            }
            Deed::Counted(reason) => detail(format!("counted as {}", reason.word()), None),
            Deed::Untracked => detail("connection tracking leaves it alone".to_owned(), None),
            Deed::Marked(mark) => detail(format!("marked {mark:#x}"), None),
            Deed::Masqueraded => {
                detail("its flow is lent the gateway's own address as source".to_owned(), None)
            }
            Deed::Wrote { .. } => return None,
        })
    }

    fn found(&self, set: &str, key: Ipv4Addr, mac: Option<Mac>, value: Option<Ipv4Addr>) -> String {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        match (set, mac) {
            (EIP_TO_HAVIP, _) => format!("map eip_to_havip: the EIP {key} fronts the HAVIP {value}"),
            (HAVIP_TO_EIP, _) => format!("map havip_to_eip: the HAVIP {key} is fronted by the EIP {value}"),
            (HOLDERS, Some(mac)) => format!("set holders: {mac}{} holds {key}", self.instance(mac)),
            (HAVIPS, _) => format!("set havips: {key} is a HAVIP"),
            (UNHELD, _) => format!("set unheld: nobody holds {key}"),
            (SUBNETS, _) => format!("set subnets: {key} is a private address of the VPC"),
            (POOLS, _) => format!("set pools: {key} is of a pool"),
            _ => format!("{set} has {key}"),
        }
    }

    /// ` (vm-a)`, where somebody is known to have the MAC.
    fn instance(&self, mac: Mac) -> String {
        let vnic = self.folded.resource.vnic_by_mac(self.vpc, mac);
        vnic.map(|vnic| format!(" ({})", vnic.facts.vnic.instance)).unwrap_or_default()
    }

    fn end(&self, walk: &Walk) -> (packet_walk::Fate, String, String) {
        let (fate, reason, end) = match &walk.fate {
            Fate::Sent { side, mac, packet } => {
                let to = match (mac, side) {
                    (Some(mac), _) => format!(" to {mac}{}", self.instance(*mac)),
                    (None, Side::Inside) => " to whoever answers when the kernel asks by ARP".to_owned(),
                    (None, Side::Outside) => " to the next router".to_owned(),
                };
                let ends = format!("from {} to {}", packet.source(), packet.destination());
                let end = format!("it leaves {}{to}, {ends}", side.word());
                (packet_walk::Fate::Sent, "sent", end)
            }
            Fate::Taken(_) => {
                (packet_walk::Fate::Taken, "taken", "the gateway takes it for itself".to_owned())
            }
            Fate::Dropped(stopped) => {
                let (reason, why) = stopped_by(stopped);
                (packet_walk::Fate::Dropped, reason, format!("it is dropped: {why}"))
            }
        };
        (fate, reason.to_owned(), end)
    }
}

fn stopped_by(stopped: &Stopped) -> (&'static str, String) {
    match stopped {
        Stopped::Counted(reason) => (reason.word(), format!("counted as {}", reason.word())),
        Stopped::Unsaid => ("unsaid", "the gateway should not have sent it; nothing is counted".to_owned()),
        Stopped::Expired => ("expired", "its TTL has come to its end".to_owned()),
        Stopped::TooLarge(mtu) => {
            ("too_large", format!("it must not be cut, and the link takes no more than {mtu} bytes"))
        }
        Stopped::Martian => ("martian", "its source is one of the gateway's own addresses".to_owned()),
        Stopped::NotForOne => ("not_for_one", "nobody passes multicast or broadcast on".to_owned()),
        Stopped::Flawed(flaw) => ("flawed", (*flaw).to_owned()),
        Stopped::Fragment => {
            ("fragment", "the kernel waits for all fragments, and puts them together first".to_owned())
        }
    }
}

fn written(at: At, old: Ipv4Addr, new: Ipv4Addr) -> String {
    let field = match at {
        At::Network(12) => "source",
        At::Network(16) => "destination",
        At::Transport(20) => "quoted source",
        At::Transport(24) => "quoted destination",
        _ => return "a word of its IP options is blanked".to_owned(),
    };
    format!("{field} {old} becomes {new}")
}

fn word(verdict: Verdict) -> String {
    match verdict {
        Verdict::Drop => "drop".to_owned(),
        Verdict::Accept => "accept".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Jump(chain) => format!("jump {chain}"),
    }
}

fn detail(text: String, origin: Option<CommitPosition>) -> Detail {
    Detail { text, origin: origin.map(at) }
}

fn head(side: Option<Side>, mac: Option<Mac>, packet: &Packet) -> PacketHead {
    let side = side.map_or(api::Side::Unspecified, |side| match side {
        Side::Inside => api::Side::Inside,
        Side::Outside => api::Side::Outside,
    });
    let quoted = packet.quoted();
    let quoted = |of: fn(&Packet) -> Ipv4Addr| quoted.as_ref().map(|quoted| of(quoted).to_string());
    PacketHead {
        side: side.into(),
        mac: mac.filter(|mac| mac.0 != [0; 6]).map(|mac| mac.to_string()).unwrap_or_default(),
        source: packet.source().to_string(),
        destination: packet.destination().to_string(),
        protocol: packet.protocol().into(),
        ttl: packet.ttl().into(),
        quoted_source: quoted(Packet::source).unwrap_or_default(),
        quoted_destination: quoted(Packet::destination).unwrap_or_default(),
    }
}
