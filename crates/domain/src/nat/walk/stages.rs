//! The stages of a packet's way: what comes in, what the routes say, what goes out.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Fate, Side, Step, Stopped,
    checksum::passed_on,
    rule::{Deed, Outcome, Passing},
};
use crate::nat::ruleset::{Chain, POSTROUTING, PREROUTING, Table, expression::Verdict};

/// What the kernel does at these priorities itself, when anything tracks.
const TRACK: i32 = -200;
const BACK: i32 = -100;
const LEND: i32 = 100;

/// Of a packet that came by a link.
pub(super) fn forward(passing: &mut Passing<'_>, steps: &mut Vec<Step>) -> Fate {
    if let Some(stopped) = unreadable(passing) {
        return Fate::Dropped(stopped);
    }
    if let Some(stopped) = before_routing(passing, steps) {
        return Fate::Dropped(stopped);
    }
    let to = passing.packet.destination();
    let side = passing.gateway.route(to);
    steps.push(Step::Route { to, side });
    if passing.gateway.is_own(passing.packet.source()) {
        return Fate::Dropped(Stopped::Martian);
    }
    if to.is_multicast() || to.is_broadcast() || to.is_unspecified() {
        return Fate::Dropped(Stopped::NotForOne);
    }
    let Some(side) = side else { return Fate::Taken(passing.packet.clone()) };
    if passing.packet.ttl() <= 1 {
        return Fate::Dropped(Stopped::Expired);
    }
    let length = passing.packet.0.len();
    let mtu = passing.gateway.mtu(side).filter(|mtu| length > usize::from(*mtu) && passing.packet.is_whole());
    if let Some(mtu) = mtu {
        return Fate::Dropped(Stopped::TooLarge(mtu));
    }
    pass_on(passing);
    behind_routing(passing, side, steps)
}

/// Of one of the gateway's own.
pub(super) fn own(passing: &mut Passing<'_>, steps: &mut Vec<Step>) -> Fate {
    let to = passing.packet.destination();
    let side = passing.gateway.route(to);
    steps.push(Step::Route { to, side });
    let Some(side) = side else { return Fate::Taken(passing.packet.clone()) };
    if passing.gateway.links.hairpin {
        passing.tracked = passing.flows.find(&passing.packet);
        let before = passing.packet.destination();
        let written = passing.flows.before_routing(passing.tracked, &mut passing.packet);
        tracked(steps, false, before, written);
    }
    behind_routing(passing, side, steps)
}

fn unreadable(passing: &Passing<'_>) -> Option<Stopped> {
    let packet = &passing.packet;
    let in_parts = packet.fragment() > 0 || packet.number(6).is_some_and(|field| field & 0x2000 != 0);
    let waits = passing.gateway.links.hairpin && in_parts;
    packet.flaw().map(Stopped::Flawed).or(waits.then_some(Stopped::Fragment))
}

fn before_routing(passing: &mut Passing<'_>, steps: &mut Vec<Step>) -> Option<Stopped> {
    let gateway = passing.gateway;
    for (table, chain) in chains(&gateway.tables, PREROUTING, i32::MIN..TRACK) {
        if let Some(stopped) = hook(passing, table, chain, steps) {
            return Some(stopped);
        }
    }
    if gateway.links.hairpin && !passing.tracked.never {
        passing.tracked = passing.flows.find(&passing.packet);
        let old = passing.packet.destination();
        let written = passing.flows.before_routing(passing.tracked, &mut passing.packet);
        tracked(steps, false, old, written);
    }
    let later = chains(&gateway.tables, PREROUTING, BACK..i32::MAX);
    later.into_iter().find_map(|(table, chain)| hook(passing, table, chain, steps))
}

fn behind_routing(passing: &mut Passing<'_>, side: Side, steps: &mut Vec<Step>) -> Fate {
    passing.to = Some(side);
    let gateway = passing.gateway;
    for (table, chain) in chains(&gateway.tables, POSTROUTING, i32::MIN..LEND) {
        // A chain of the kind `nat` is asked about the first packet of a flow alone.
        let asked = chain.hook.is_some_and(|hook| hook.kind != "nat") || passing.tracked.first;
        if let Some(stopped) = asked.then(|| hook(passing, table, chain, steps)).flatten() {
            return Fate::Dropped(stopped);
        }
    }
    lend(passing, side, steps);
    for (table, chain) in chains(&gateway.tables, POSTROUTING, LEND..i32::MAX) {
        if let Some(stopped) = hook(passing, table, chain, steps) {
            return Fate::Dropped(stopped);
        }
    }
    if passing.tracked.is_known() {
        passing.flows.confirm(passing.tracked);
    }
    let mac = neighbour(passing, side, steps);
    Fate::Sent { side, mac, packet: passing.packet.clone() }
}

/// What tracking writes as source, of the flow's first packet and of all that follow it.
fn lend(passing: &mut Passing<'_>, side: Side, steps: &mut Vec<Step>) {
    if passing.tracked.lending {
        let address = passing.gateway.address_towards(passing.packet.destination(), side);
        if let Some(address) = address {
            passing.flows.lend(passing.tracked, address);
        }
    }
    let old = passing.packet.source();
    let written = passing.flows.behind_routing(passing.tracked, &mut passing.packet);
    tracked(steps, true, old, written);
}

fn tracked(steps: &mut Vec<Step>, source: bool, old: Ipv4Addr, written: Option<Ipv4Addr>) {
    steps.extend(written.map(|new| Step::Tracked { source, old, new }));
}

fn neighbour(passing: &Passing<'_>, side: Side, steps: &mut Vec<Step>) -> Option<crate::address::Mac> {
    if side == Side::Outside {
        return None;
    }
    let address = passing.packet.destination();
    let mac = passing.gateway.elements.neighbours.get(&IpAddr::V4(address)).copied();
    steps.push(Step::Neighbour { address, mac });
    mac
}

/// One router further.
fn pass_on(passing: &mut Passing<'_>) {
    let sum = passed_on(passing.packet.number(10).unwrap_or(0));
    passing.packet.set_number(10, sum);
    passing.packet.0[8] -= 1;
}

/// The chains of ours at a hook, in the order of their priorities.
fn chains(tables: &[Table; 2], number: u32, between: std::ops::Range<i32>) -> Vec<(&'static str, &Chain)> {
    let all = tables.iter().flat_map(|table| table.chains.iter().map(|chain| (table.name, chain)));
    let hangs = |chain: &Chain| {
        let hook = chain.hook.filter(|hook| hook.number == number);
        hook.map(|hook| hook.priority).filter(|priority| between.contains(priority))
    };
    let mut found: Vec<_> = all.filter_map(|of| Some((hangs(of.1)?, of))).collect();
    found.sort_by_key(|(priority, _)| *priority);
    found.into_iter().map(|(_, of)| of).collect()
}

/// A chain that hangs at a hook; `None`: the packet goes on.
fn hook(
    passing: &mut Passing<'_>,
    table: &'static str,
    chain: &Chain,
    steps: &mut Vec<Step>,
) -> Option<Stopped> {
    let hook = chain.hook?;
    let (name, before_routing) = (chain.name, hook.number == PREROUTING);
    let begun = steps.len();
    steps.push(Step::Hook { table, chain: name, before_routing, priority: hook.priority });
    let end = follow(passing, table, name, steps);
    if steps.len() == begun + 1 {
        // No rule of it applied.
        steps.truncate(begun);
    }
    match end {
        Some(Verdict::Drop) => Some(reason(steps)),
        _ => None,
    }
}

/// A chain's rules, one after the other. `None`: none of them decided.
fn follow(
    passing: &mut Passing<'_>,
    table: &'static str,
    chain: &str,
    steps: &mut Vec<Step>,
) -> Option<Verdict> {
    let gateway = passing.gateway;
    let of = gateway.tables.iter().find(|of| of.name == table)?;
    let chain = of.chains.iter().find(|of| of.name == chain)?;
    for rule in &chain.rules {
        let (outcome, deeds) = passing.rule(&rule.expressions);
        let verdict = match outcome {
            Outcome::Broke => continue,
            Outcome::Went => None,
            Outcome::Decided(verdict) => Some(verdict),
        };
        let (chain, purpose) = (chain.name, rule.purpose);
        steps.push(Step::Rule { table, chain, purpose, deeds, verdict });
        match verdict {
            None => {}
            Some(Verdict::Return) => return None,
            Some(Verdict::Jump(to)) => {
                if let Some(end) = follow(passing, table, to, steps) {
                    return Some(end);
                }
            }
            Some(end) => return Some(end),
        }
    }
    None
}

fn reason(steps: &[Step]) -> Stopped {
    let Some(Step::Rule { deeds, .. }) = steps.last() else { return Stopped::Unsaid };
    let counted = deeds.iter().find_map(|deed| match deed {
        Deed::Counted(reason) => Some(*reason),
        _ => None,
    });
    counted.map_or(Stopped::Unsaid, Stopped::Counted)
}
