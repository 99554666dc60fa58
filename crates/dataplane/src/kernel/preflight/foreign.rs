//! Chains of somebody else's that would drop what we carry: it is untracked, and firewalls that let pass what is
//! "established" and drop the rest do not know it. Read only.
//!
//! A rule is followed as far as it can be told what it does with such a packet: links, connection tracking's state, and
//! verdicts. What looks at anything else may or may not match, and is passed over.

use std::collections::BTreeMap;

use netlink_packet_netfilter::{
    NetfilterHeader, NetfilterMessage, NetfilterProtoFamily,
    nftables::{ChainMessage, NfTablesMessage, RuleMessage},
};

use super::super::{
    attribute as read,
    channel::{Channel, Reply},
    ruleset::{FENCE, NAT},
};
use crate::Fault;

/// Chains that jump deeper than this are not followed; the kernel allows 16.
const DEEPEST: u32 = 16;
/// nftables' families that see our packets.
const FAMILIES: [(u8, &str); 2] = [(1, "inet"), (2, "ip")];
const HOOKS: [(u32, &str); 3] = [(0, "prerouting"), (2, "forward"), (4, "postrouting")];

/// A packet of an EIP: its links, by name and index.
#[derive(Clone, Copy)]
pub(super) struct Passing<'a> {
    pub(super) from: (&'a str, u32),
    pub(super) to: (&'a str, u32),
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Accepted,
    Dropped,
}

/// What one rule does with the packet, for certain.
enum Step {
    Nothing,
    Decide(Fate),
    Return,
    Jump(String),
    Goto(String),
}

/// Family, table, chain.
type Key = (u8, String, String);

struct Chain {
    /// Where it hangs, and what happens to what no rule decides.
    base: Option<(u32, Fate)>,
    /// The expressions of each rule.
    rules: Vec<Vec<u8>>,
}

/// One sentence for each chain that drops one of these.
pub(super) fn look(channel: &mut Channel, passing: &[Passing]) -> Result<Vec<String>, Fault> {
    let chains = chains(channel)?;
    let mut findings = Vec::new();
    for (key, chain) in &chains {
        let Some((hook, policy)) = chain.base else { continue };
        let Some((_, hook_name)) = HOOKS.iter().find(|(number, _)| *number == hook) else { continue };
        let Some((_, family)) = FAMILIES.iter().find(|(number, _)| *number == key.0) else { continue };
        for packet in passing {
            let seen = Seen { packet: *packet, hook };
            if seen.fate(&chains, key, 0).unwrap_or(policy) == Fate::Dropped {
                let ((_, table, chain), (from, to)) = (key, (packet.from.0, packet.to.0));
                findings.push(format!(
                    "chain {chain} of table {family} {table} ({hook_name}) drops what goes from {from} to {to}: \
                     packets of EIPs are not tracked, so nothing about them is established; it needs a rule before that \
                     which accepts them"
                ));
            }
        }
    }
    Ok(findings)
}

fn everything(message: NfTablesMessage) -> NetfilterMessage {
    NetfilterMessage::new(NetfilterHeader::new(NetfilterProtoFamily::Other(0), 0, 0), message)
}

/// Every chain that is not ours.
fn chains(channel: &mut Channel) -> Result<BTreeMap<Key, Chain>, Fault> {
    const RULE_CHAIN: u16 = 2;
    const CHAIN_NAME: u16 = 3;
    const EXPRESSIONS: u16 = 4;
    let message = everything(NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }));
    let replies = channel.dump("list all chains", &message)?;
    let mut chains: BTreeMap<_, _> = replies
        .iter()
        .filter_map(|reply| Some((key(reply, CHAIN_NAME)?, Chain { base: base(reply), rules: Vec::new() })))
        .collect();
    let message = everything(NfTablesMessage::GetRule(RuleMessage { attributes: Vec::new() }));
    for reply in channel.dump("list all rules", &message)? {
        let chain = key(&reply, RULE_CHAIN).and_then(|key| chains.get_mut(&key));
        if let Some(chain) = chain {
            chain.rules.push(read::find(read::of(&reply), EXPRESSIONS).unwrap_or_default().to_vec());
        }
    }
    Ok(chains)
}

fn key(reply: &Reply, name: u16) -> Option<Key> {
    const TABLE: u16 = 1;
    const IP: u8 = 2;
    let (family, attributes) = (*reply.body.first()?, read::of(reply));
    let table = read::text(attributes, TABLE)?;
    let ours = family == IP && [NAT, FENCE].contains(&table);
    (!ours).then(|| Some((family, table.to_owned(), read::text(attributes, name)?.to_owned())))?
}

fn base(reply: &Reply) -> Option<(u32, Fate)> {
    const HOOK: u16 = 4;
    const POLICY: u16 = 5;
    let attributes = read::of(reply);
    let hook = read::number(read::find(attributes, HOOK)?, 1)?;
    let drops = read::number(attributes, POLICY) == Some(0);
    Some((hook, if drops { Fate::Dropped } else { Fate::Accepted }))
}

/// A packet at a hook.
#[derive(Clone, Copy)]
struct Seen<'a> {
    packet: Passing<'a>,
    hook: u32,
}

impl Seen<'_> {
    /// What the chain's rules do with it; `None`: they let it through to their end.
    fn fate(self, chains: &BTreeMap<Key, Chain>, key: &Key, depth: u32) -> Option<Fate> {
        let chain = chains.get(key).filter(|_| depth < DEEPEST)?;
        let other = |name: String| (key.0, key.1.clone(), name);
        for rule in &chain.rules {
            match self.step(rule) {
                Step::Nothing => {}
                Step::Decide(fate) => return Some(fate),
                Step::Return => return None,
                Step::Goto(name) => return self.fate(chains, &other(name), depth + 1),
                Step::Jump(name) => {
                    if let Some(fate) = self.fate(chains, &other(name), depth + 1) {
                        return Some(fate);
                    }
                }
            }
        }
        None
    }

    /// Expressions are followed until one does not match, or cannot be told.
    fn step(self, rule: &[u8]) -> Step {
        const NAME: u16 = 1;
        const DATA: u16 = 2;
        let mut loaded = Vec::new();
        for (_, expression) in read::each(rule) {
            let data = read::find(expression, DATA).unwrap_or_default();
            let goes_on = match read::text(expression, NAME) {
                Some("counter" | "log") => true,
                Some("meta") => self.meta(data).map(|value| loaded = value).is_some(),
                Some("ct") => tracking(data).map(|value| loaded = value).is_some(),
                Some("bitwise") => masked(data, &mut loaded),
                Some("cmp") => matches(data, &loaded),
                Some("reject") => return Step::Decide(Fate::Dropped),
                Some("immediate") => match verdict(data) {
                    Some(step) => return step,
                    None => false,
                },
                _ => false,
            };
            if !goes_on {
                return Step::Nothing;
            }
        }
        Step::Nothing
    }

    /// The link, as far as it is known at this hook.
    fn meta(self, data: &[u8]) -> Option<Vec<u8>> {
        const KEY: u16 = 2;
        const IPV4: u8 = 2;
        let (comes, goes) = (self.hook != 4, self.hook != 0);
        let named = |name: &str| {
            let mut bytes = name.as_bytes().to_vec();
            bytes.resize(libc::IFNAMSIZ, 0);
            bytes
        };
        match read::number(data, KEY)? {
            4 if comes => Some(self.packet.from.1.to_ne_bytes().to_vec()),
            5 if goes => Some(self.packet.to.1.to_ne_bytes().to_vec()),
            6 if comes => Some(named(self.packet.from.0)),
            7 if goes => Some(named(self.packet.to.0)),
            15 => Some(vec![IPV4]),
            _ => None,
        }
    }
}

/// What connection tracking says about a packet that is none of its business: that, and nothing else.
fn tracking(data: &[u8]) -> Option<Vec<u8>> {
    const KEY: u16 = 2;
    const STATE: u32 = 0;
    const UNTRACKED: u32 = 1 << 6;
    (read::number(data, KEY)? == STATE).then(|| UNTRACKED.to_ne_bytes().to_vec())
}

fn masked(data: &[u8], loaded: &mut [u8]) -> bool {
    const MASK: u16 = 4;
    const XOR: u16 = 5;
    let value = |kind| read::find(read::find(data, kind)?, 1);
    let (Some(mask), Some(xor)) = (value(MASK), value(XOR)) else { return false };
    let usable = mask.len() == loaded.len() && xor.iter().all(|byte| *byte == 0);
    loaded.iter_mut().zip(mask).for_each(|(byte, mask)| *byte &= mask);
    usable
}

/// Equal or not; a name's beginning is compared as far as it goes (`eth*`).
fn matches(data: &[u8], loaded: &[u8]) -> bool {
    const OPERATOR: u16 = 2;
    const DATA: u16 = 3;
    let value = read::find(data, DATA).and_then(|data| read::find(data, 1)).unwrap_or_default();
    if value.is_empty() || value.len() > loaded.len() {
        return false;
    }
    match read::number(data, OPERATOR) {
        Some(0) => loaded.starts_with(value),
        Some(1) => !loaded.starts_with(value),
        _ => false,
    }
}

fn verdict(data: &[u8]) -> Option<Step> {
    const DATA: u16 = 2;
    const VERDICT: u16 = 2;
    let verdict = read::find(read::find(data, DATA)?, VERDICT)?;
    let chain = || read::text(verdict, 2).map(str::to_owned);
    match read::number(verdict, 1)?.cast_signed() {
        0 => Some(Step::Decide(Fate::Dropped)),
        1 => Some(Step::Decide(Fate::Accepted)),
        -3 => chain().map(Step::Jump),
        -4 => chain().map(Step::Goto),
        -5 => Some(Step::Return),
        _ => None,
    }
}
