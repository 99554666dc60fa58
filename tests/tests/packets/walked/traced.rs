//! What a walk says of the rules that apply to a packet, beside the kernel's own account of them: table, chain, rule and
//! verdict, in their order.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Result, bail, ensure};
use mooring_domain::nat::{
    ruleset::{FENCE, NAT, expression},
    walk::{Arrival, Fate, Packet, Step, Stopped, Walk},
};
use mooring_tests::probe::{Account, Applied, Verdict};

use super::{LINKS, Said};
use crate::walked::frames::destination_of_a_sign;

/// As much of a packet as the kernel tells, and to whom and from whom it came.
type Key = (Option<([u8; 6], [u8; 6])>, Vec<u8>);

/// The rules that a walk has apply to one packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    key: Key,
    rules: Vec<Applied>,
}

/// Of one packet, and of the gateway's own error about it.
pub fn told(arrival: Option<(&Arrival, &str)>, packet: &Packet, walk: &Walk) -> Vec<Told> {
    let macs = arrival.map(|(arrival, mac)| (mac_of(mac), arrival.mac.0));
    let unseen = matches!(walk.fate, Fate::Dropped(Stopped::Flawed(_) | Stopped::Fragment));
    let own = Told { key: key(macs, heads(&packet.0)), rules: rules(walk) };
    let error = walk.error.as_deref().map(|(packet, walk)| told(None, packet, walk));
    (!unseen).then_some(own).into_iter().chain(error.into_iter().flatten()).collect()
}

/// Takes what the walks tell from what the kernel told; what the kernel tells and no walk does is too much.
pub fn agree<'a>(
    accounts: Vec<Account>,
    walks: impl Iterator<Item = &'a Vec<Said>>,
    all_walked: bool,
) -> Result<()> {
    let mut queues: BTreeMap<Key, VecDeque<Vec<Applied>>> = BTreeMap::new();
    for account in accounts {
        let rules = account.rules.into_iter().filter(|rule| [NAT, FENCE].contains(&&*rule.table));
        let head = (account.network, account.transport);
        queues.entry(key(account.macs, head)).or_default().push_back(rules.map(purpose).collect());
    }
    for choices in walks {
        let fits = |said: &&Said| {
            let fits = |told: &Told| {
                let front = queues.get(&told.key).and_then(|queue| queue.front());
                front.is_some_and(|kernel| same(kernel, &told.rules))
            };
            said.told.iter().all(fits)
        };
        let Some(said) = choices.iter().find(fits) else {
            let told = &choices[0].told;
            let kernel: Vec<_> =
                told.iter().map(|told| queues.get(&told.key).and_then(|queue| queue.front())).collect();
            bail!("the kernel traced {kernel:02x?}; the walk says {told:02x?}");
        };
        for told in &said.told {
            queues.get_mut(&told.key).and_then(VecDeque::pop_front);
        }
    }
    let is_of_a_link =
        |(macs, _): &Key| macs.is_some_and(|(to, _)| LINKS.iter().any(|of| mac_of(of.2) == to));
    let more = queues.iter().find(|(key, queue)| is_of_a_link(key) && !queue.is_empty() && all_walked);
    ensure!(more.is_none(), "the kernel traced what no walk is of: {more:02x?}");
    Ok(())
}

/// Whether the kernel has traced the sign of this number.
pub fn has_sign(accounts: &[Account], number: u16) -> bool {
    let port = |account: &Account| account.transport.get(2..4).map(|port| port == number.to_be_bytes());
    accounts.iter().any(|of| destination_of_a_sign(&of.network) && port(of) == Some(true))
}

/// Rule for rule, but for the one that has a limit: behind it the kernel tells the watcher no more.
fn same(kernel: &[Applied], walk: &[Applied]) -> bool {
    let mut kernel = kernel.iter().peekable();
    let agree = walk.iter().all(|rule| {
        let found = kernel.next_if_eq(&rule).is_some();
        found || rule.comment == "tell the watcher"
    });
    agree && kernel.next().is_none()
}

fn rules(walk: &Walk) -> Vec<Applied> {
    let rule = |step: &Step| match step {
        Step::Rule { table, chain, purpose, verdict, .. } => Some(Applied {
            table: (*table).to_owned(),
            chain: (*chain).to_owned(),
            comment: (*purpose).to_owned(),
            verdict: match verdict {
                None => Verdict::Continue,
                Some(expression::Verdict::Drop) => Verdict::Drop,
                Some(expression::Verdict::Accept) => Verdict::Accept,
                Some(expression::Verdict::Return) => Verdict::Return,
                Some(expression::Verdict::Jump(to)) => Verdict::Jump((*to).to_owned()),
            },
        }),
        _ => None,
    };
    walk.steps.iter().filter_map(rule).collect()
}

/// A comment has the version of the ruleset behind the purpose.
fn purpose(mut rule: Applied) -> Applied {
    let end = rule.comment.rfind(" [").unwrap_or(rule.comment.len());
    rule.comment.truncate(end);
    rule
}

/// The kernel gives what it sends itself a number that no walk knows, and the checksum covers it.
fn key(macs: Option<([u8; 6], [u8; 6])>, (mut network, transport): (Vec<u8>, Vec<u8>)) -> Key {
    if macs.is_none() {
        network[4..8].fill(0);
        network[10..12].fill(0);
    }
    (macs, [network, transport].concat())
}

fn heads(packet: &[u8]) -> (Vec<u8>, Vec<u8>) {
    const NETWORK: usize = 40;
    const TRANSPORT: usize = 20;
    let (network, transport) = packet.split_at(usize::from(packet[0] & 0x0f) * 4);
    let head = |bytes: &[u8], most: usize| bytes[..bytes.len().min(most)].to_vec();
    (head(network, NETWORK), head(transport, TRANSPORT))
}

fn mac_of(text: &str) -> [u8; 6] {
    text.parse().map_or([0; 6], |mac: mooring_domain::address::Mac| mac.0)
}
