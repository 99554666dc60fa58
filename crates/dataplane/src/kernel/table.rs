//! Reading the two tables back: are they exactly ours, what do their sets hold, what did their counters count.

mod known;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
    thread,
    time::Duration,
};

use ipnet::{IpNet, Ipv4Subnets};
use mooring_domain::{address::Mac, nat::Actual};
use netlink_packet_core::DefaultNla;
use netlink_packet_netfilter::nftables::{
    ChainMessage, GenMessage, NfTablesMessage, RuleAttribute, RuleMessage, SetAttribute, SetElementList,
    SetElementMessage, SetMessage,
};

use tracing::debug;

use self::known::Known;
use super::{
    attribute as read,
    channel::{Channel, Reply, Request},
    expression,
    ruleset::{
        self, EIP_TO_HAVIP, FENCE, HAVIP_TO_EIP, HAVIPS, HOLDERS, NAT, POOLS, Rule, Ruleset, SUBNETS, Table,
        UNHELD,
    },
    transaction::{
        elements::{holding, octets},
        nftables, userdata,
    },
};
use crate::{DropReason, Fault};

/// How often a set is listed until the listing has as many elements as the set, and the time between.
const LISTINGS: u32 = 200;
const BETWEEN_LISTINGS: Duration = Duration::from_millis(5);

/// One element of a set, as listed or told of: its key, what it leads to, and whether it is the end of a range.
pub(super) struct Element {
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
    end: bool,
}

/// What the tables hold. Anything in them that is not as we write it makes `ruleset` false: they are made anew then.
///
/// A set that has exactly the `known` elements is not listed.
pub(super) fn read(
    channel: &mut Channel,
    ruleset: &Ruleset,
    arp: bool,
    known: &Actual,
) -> Result<Actual, Fault> {
    let nothing = Actual { arp, ..Actual::default() };
    for table in &ruleset.tables {
        if !has_chains(channel, table)? || !has_rules(channel, table, ruleset)? {
            return Ok(nothing);
        }
    }
    Ok(elements(channel, arp, known)?.unwrap_or(nothing))
}

fn elements(channel: &mut Channel, arp: bool, known: &Actual) -> Result<Option<Actual>, Fault> {
    let (subnets, pools) = (listing(channel, NAT, SUBNETS)?, listing(channel, NAT, POOLS)?);
    let (Some(subnets), Some(pools)) = (blocks(&subnets), blocks(&pools)) else { return Ok(None) };
    Ok(Some(Actual {
        ruleset: true,
        arp,
        subnets,
        pools,
        eip_to_havip: map(channel, EIP_TO_HAVIP, &known.eip_to_havip)?,
        havip_to_eip: map(channel, HAVIP_TO_EIP, &known.havip_to_eip)?,
        havips: fenced(channel, HAVIPS, &known.havips)?,
        unheld: fenced(channel, UNHELD, &known.unheld)?,
        fence: holders(channel, &known.fence)?,
        ..Actual::default()
    }))
}

fn map(
    channel: &mut Channel,
    name: &'static str,
    known: &BTreeMap<IpAddr, IpAddr>,
) -> Result<BTreeMap<IpAddr, IpAddr>, Fault> {
    let those = known.iter().map(|(from, to)| Known { key: octets(*from), data: octets(*to) });
    if known::has(channel, (NAT, name), those)? {
        Ok(known.clone())
    } else {
        Ok(pairs(&set(channel, NAT, name)?))
    }
}

fn fenced(
    channel: &mut Channel,
    name: &'static str,
    known: &BTreeSet<IpAddr>,
) -> Result<BTreeSet<IpAddr>, Fault> {
    let those = known.iter().map(|address| Known { key: octets(*address), data: Vec::new() });
    if known::has(channel, (FENCE, name), those)? {
        Ok(known.clone())
    } else {
        Ok(addresses(&set(channel, FENCE, name)?))
    }
}

fn holders(channel: &mut Channel, known: &BTreeSet<(IpAddr, Mac)>) -> Result<BTreeSet<(IpAddr, Mac)>, Fault> {
    let those = known.iter().map(|(havip, mac)| Known { key: holding(*havip, *mac), data: Vec::new() });
    if known::has(channel, (FENCE, HOLDERS), those)? {
        Ok(known.clone())
    } else {
        Ok(set(channel, FENCE, HOLDERS)?.iter().filter_map(holder).collect())
    }
}

/// The number of the ruleset's generation in this namespace.
pub(super) fn generation(channel: &mut Channel) -> Result<u32, Fault> {
    const ID: u16 = 1;
    let operation = "ask for nftables' generation";
    let message = nftables(NfTablesMessage::GetGen(GenMessage { attributes: Vec::new() }));
    let replies = channel.request(Request { operation: operation.to_owned(), flags: 0, message })?;
    let id = replies.first().and_then(|reply| read::number(read::of(reply), ID));
    id.ok_or_else(|| Fault::answer(operation, "it has no number"))
}

/// What was dropped, by reason; empty while the tables are not there.
pub(super) fn drops(channel: &mut Channel) -> Result<Vec<(DropReason, u64)>, Fault> {
    let mut counted = BTreeMap::new();
    for table in [NAT, FENCE] {
        let message = nftables(NfTablesMessage::GetObject(vec![string(1, table)]));
        for reply in listed(channel.dump(&format!("list the counters of table {table}"), &message))? {
            counted.extend(counter(&reply));
        }
    }
    let known = DropReason::ALL.into_iter();
    Ok(known.filter_map(|reason| Some((reason, *counted.get(reason.word())?))).collect())
}

fn counter(reply: &Reply) -> Option<(String, u64)> {
    const NAME: u16 = 2;
    const DATA: u16 = 4;
    const PACKETS: u16 = 2;
    let attributes = read::of(reply);
    let packets = read::long(read::find(attributes, DATA)?, PACKETS)?;
    Some((read::text(attributes, NAME)?.to_owned(), packets))
}

fn has_chains(channel: &mut Channel, table: &Table) -> Result<bool, Fault> {
    const TABLE: u16 = 1;
    const NAME: u16 = 3;
    const HOOK: u16 = 4;
    let message = nftables(NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }));
    let replies = channel.dump("list the chains", &message)?;
    let found = replies.iter().map(read::of).filter(|chain| read::text(chain, TABLE) == Some(table.name));
    let found: BTreeSet<_> = found
        .map(|chain| {
            let hook = read::find(chain, HOOK)
                .map(|hook| (read::number(hook, 1), read::number(hook, 2).map(u32::cast_signed)));
            (read::text(chain, NAME).unwrap_or_default().to_owned(), hook)
        })
        .collect();
    let hook = |hook: ruleset::Hook| (Some(hook.number), Some(hook.priority));
    let wanted = table.chains.iter().map(|chain| (chain.name.to_owned(), chain.hook.map(hook)));
    Ok(found == wanted.collect())
}

/// Whether the table has our rules, all of them, in our order, with our comments, doing what ours do, and no other.
fn has_rules(channel: &mut Channel, table: &Table, ruleset: &Ruleset) -> Result<bool, Fault> {
    const CHAIN: u16 = 2;
    let message = nftables(NfTablesMessage::GetRule(RuleMessage {
        attributes: vec![RuleAttribute::Table(table.name.to_owned())],
    }));
    let replies = listed(channel.dump(&format!("list the rules of table {}", table.name), &message))?;
    for chain in &table.chains {
        let found = replies.iter().map(read::of).filter(|rule| read::text(rule, CHAIN) == Some(chain.name));
        let found: Vec<_> = found.collect();
        let other = found.iter().zip(&chain.rules).find(|(found, rule)| !is_rule(found, rule, ruleset));
        if let Some((_, rule)) = other {
            debug!(table = table.name, chain = chain.name, rule = rule.purpose, "another rule stands here");
            return Ok(false);
        }
        if found.len() != chain.rules.len() {
            let (found, ours) = (found.len(), chain.rules.len());
            debug!(table = table.name, chain = chain.name, found, ours, "the number of rules is not ours");
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_rule(found: &[u8], rule: &Rule, ruleset: &Ruleset) -> bool {
    const EXPRESSIONS: u16 = 4;
    const USERDATA: u16 = 7;
    let sent = expression::bytes(&rule.expressions);
    let comment = userdata(&ruleset.comment(rule));
    let has = read::find(found, EXPRESSIONS).unwrap_or_default();
    read::find(found, USERDATA) == Some(&comment)
        && read::each(has).count() == read::each(&sent).count()
        && read::each(&sent).zip(read::each(has)).all(|((_, sent), (_, has))| says(has, sent))
}

/// Whether the kernel's expression says what ours does. It adds what we left to its defaults, and orders things its way.
fn says(has: &[u8], sent: &[u8]) -> bool {
    const NAME: u16 = 1;
    const DATA: u16 = 2;
    let inner = |bytes| read::find(bytes, DATA).unwrap_or_default();
    read::find(has, NAME) == read::find(sent, NAME)
        && read::each(inner(sent)).all(|(kind, value)| same(read::find(inner(has), kind), value))
}

/// Equal but for what the kernel says in its own way: a register by its older name (each of the four of 16 bytes is also
/// one of 4 bytes), and attributes in attributes without the mark of their being so.
fn same(has: Option<&[u8]>, sent: &[u8]) -> bool {
    let Some(has) = has else { return false };
    has == sent
        || register(has).is_some_and(|has| register(sent) == Some(has))
        || (read::each(sent).count() > 0
            && read::each(sent).count() == read::each(has).count()
            && read::each(sent)
                .zip(read::each(has))
                .all(|(sent, has)| sent.0 == has.0 && same(Some(has.1), sent.1)))
}

fn register(value: &[u8]) -> Option<u32> {
    let number = u32::from_be_bytes(value.try_into().ok()?);
    Some(if (1..=4).contains(&number) { 8 + (number - 1) * 4 } else { number })
}

/// The elements of a set that is a hash.
///
/// While the kernel makes a hash larger, which it does behind the back of whoever filled it, a listing can lack
/// elements and have others twice, and does not say so. Kernels that count a set's elements show it; then it is listed
/// again. (An element that is missed on another kernel is only added once more, which changes nothing.)
fn set(channel: &mut Channel, table: &'static str, name: &'static str) -> Result<Vec<Element>, Fault> {
    for _ in 0..LISTINGS {
        let elements = listing(channel, table, name)?;
        let distinct =
            elements.iter().map(|element| (&element.key, element.end)).collect::<BTreeSet<_>>().len();
        if count(channel, table, name)?.is_none_or(|count| count as usize == distinct) {
            return Ok(elements);
        }
        thread::sleep(BETWEEN_LISTINGS);
    }
    Err(Fault::answer(
        &format!("list the elements of {name} in table {table}"),
        format!("in {LISTINGS} tries, never as many as there are"),
    ))
}

fn listing(channel: &mut Channel, table: &'static str, name: &'static str) -> Result<Vec<Element>, Fault> {
    const ELEMENTS: u16 = 3;
    let message = nftables(NfTablesMessage::GetSetElement(SetElementMessage {
        attributes: vec![SetElementList::Table(table.to_owned()), SetElementList::Set(name.to_owned())],
    }));
    let replies = channel.dump(&format!("list the elements of {name} in table {table}"), &message)?;
    let lists = replies.iter().filter_map(|reply| read::find(read::of(reply), ELEMENTS));
    Ok(lists.flat_map(read::each).filter_map(|(_, element)| parse(element)).collect())
}

/// How many elements a set has; `None` on a kernel that does not say.
fn count(channel: &mut Channel, table: &'static str, name: &'static str) -> Result<Option<u32>, Fault> {
    const COUNT: u16 = 20;
    let message = nftables(NfTablesMessage::GetSet(SetMessage {
        attributes: vec![SetAttribute::Table(table.to_owned()), SetAttribute::Name(name.to_owned())],
    }));
    let operation = format!("count the elements of {name} in table {table}");
    let replies = channel.request(Request { operation, flags: 0, message })?;
    Ok(replies.first().and_then(|reply| read::number(read::of(reply), COUNT)))
}

pub(super) fn parse(element: &[u8]) -> Option<Element> {
    const KEY: u16 = 1;
    const DATA: u16 = 2;
    const FLAGS: u16 = 3;
    const VALUE: u16 = 1;
    let value = |kind| read::find(read::find(element, kind)?, VALUE);
    let end = read::number(element, FLAGS).unwrap_or(0) & 1 != 0;
    Some(Element { key: value(KEY)?.to_owned(), data: value(DATA).unwrap_or_default().to_owned(), end })
}

fn addresses(elements: &[Element]) -> BTreeSet<IpAddr> {
    elements.iter().filter_map(|element| read::address(&element.key)).map(IpAddr::V4).collect()
}

fn pairs(elements: &[Element]) -> BTreeMap<IpAddr, IpAddr> {
    let pair =
        |element: &Element| Some((read::address(&element.key)?.into(), read::address(&element.data)?.into()));
    elements.iter().filter_map(pair).collect()
}

fn holder(element: &Element) -> Option<(IpAddr, Mac)> {
    Some((read::address(&element.key)?.into(), mac(&element.key)?))
}

/// Behind the address in a holder's key.
pub(super) fn mac(key: &[u8]) -> Option<Mac> {
    key.get(4..10)?.try_into().ok().map(Mac)
}

/// The ranges as blocks; `None` when one of them is no block, and so was not written by us.
fn blocks(elements: &[Element]) -> Option<BTreeSet<IpNet>> {
    let keys = |end: bool| {
        let those = elements.iter().filter(move |element| element.end == end);
        those.filter_map(|element| read::address(&element.key)).map(u32::from).collect::<BTreeSet<_>>()
    };
    let (starts, ends) = (keys(false), keys(true));
    let block = |start: u32| {
        let behind = ends.range(start.checked_add(1)?..).next();
        let last = behind.map_or(u32::MAX, |behind| behind - 1);
        let mut blocks = Ipv4Subnets::new(start.into(), Ipv4Addr::from(last), 0);
        let block = blocks.next()?;
        blocks.next().is_none().then_some(IpNet::V4(block))
    };
    starts.into_iter().map(block).collect()
}

/// A table that is not there has nothing in it.
pub(super) fn listed(replies: Result<Vec<Reply>, Fault>) -> Result<Vec<Reply>, Fault> {
    match replies {
        Err(Fault::Kernel { source, .. }) if source.raw_os_error() == Some(libc::ENOENT) => Ok(Vec::new()),
        replies => replies,
    }
}

pub(super) fn string(kind: u16, text: &str) -> DefaultNla {
    DefaultNla::new(kind, [text.as_bytes(), &[0]].concat())
}
