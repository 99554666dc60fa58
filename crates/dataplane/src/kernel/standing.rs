//! What stands of a table already and can stay when the table is made anew.
//!
//! A base chain that is deleted and added in one transaction hangs at its hook twice for a moment, and a packet between
//! the two is treated by both or by none. The elements of a map that is deleted are gone for a packet that still follows
//! the old rules. So chains and sets stay where they can; rules, counters and elements are exchanged in them.

use std::collections::BTreeSet;

use netlink_packet_netfilter::nftables::{
    ChainMessage, NfTablesMessage, SetAttribute, SetFlags, SetMessage, TableAttribute, TableMessage,
};

use super::{
    attribute as read,
    channel::{Channel, Reply, Request},
    ruleset::{self, COUNTER, Chain, Ruleset, Table},
    table::{listed, string},
    transaction::{
        make::{ACCEPT, UNLIMITED, shape},
        nftables,
    },
};
use crate::Fault;

/// The names of what a table has, by what it is.
#[derive(Debug)]
pub(super) struct Standing {
    /// Those of ours are as ours are; the others go.
    pub(super) chains: BTreeSet<String>,
    /// Ours alone, as ours are.
    pub(super) sets: BTreeSet<String>,
    /// Ours alone.
    pub(super) counters: BTreeSet<String>,
}

impl Standing {
    /// What stands of each table; `None` where it has to be deleted as a whole: it is not there, or something in it is in
    /// the way of ours, or foreign and no chain.
    pub(super) fn of(channel: &mut Channel, ruleset: &Ruleset) -> Result<[Option<Self>; 2], Fault> {
        let [nat, fence] = &ruleset.tables;
        Ok([find(channel, nat)?, find(channel, fence)?])
    }

    /// Whether both tables have every chain, set and counter of ours as ours are, nothing else, and are awake.
    pub(super) fn is_whole(channel: &mut Channel, ruleset: &Ruleset) -> Result<bool, Fault> {
        let all = Self::of(channel, ruleset)?;
        Ok(all
            .iter()
            .zip(&ruleset.tables)
            .all(|(of, table)| of.as_ref().is_some_and(|of| of.is_all_of(table))))
    }

    fn is_all_of(&self, table: &Table) -> bool {
        self.chains.iter().map(String::as_str).eq(sorted(table.chains.iter().map(|chain| chain.name)))
            && self.sets.iter().map(String::as_str).eq(sorted(table.sets.iter().map(|(name, _)| *name)))
            && self
                .counters
                .iter()
                .map(String::as_str)
                .eq(sorted(table.counters.iter().map(|reason| reason.word())))
    }
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    names.collect()
}

fn find(channel: &mut Channel, table: &Table) -> Result<Option<Standing>, Fault> {
    let Some(held) = held(channel, table)? else { return Ok(None) };
    let (Some(chains), Some(sets), Some(counters)) =
        (chains(channel, table)?, sets(channel, table)?, counters(channel, table)?)
    else {
        return Ok(None);
    };
    // Whatever else there is (a flowtable, say) is foreign.
    let known = chains.len() + sets.len() + counters.len();
    Ok((held as usize == known).then_some(Standing { chains, sets, counters }))
}

/// How many things a table holds, whatever they are; `None` when it is not there or has flags, such as sleeping.
fn held(channel: &mut Channel, table: &Table) -> Result<Option<u32>, Fault> {
    const FLAGS: u16 = 2;
    const USE: u16 = 3;
    let message = nftables(NfTablesMessage::GetTable(TableMessage {
        attributes: vec![TableAttribute::Name(table.name.to_owned())],
    }));
    let operation = format!("look for table {}", table.name);
    let replies = listed(channel.request(Request { operation, flags: 0, message }))?;
    let awake = replies.first().map(read::of).filter(|table| read::number(table, FLAGS).unwrap_or(0) == 0);
    Ok(awake.and_then(|table| read::number(table, USE)))
}

fn chains(channel: &mut Channel, table: &Table) -> Result<Option<BTreeSet<String>>, Fault> {
    const TABLE: u16 = 1;
    const NAME: u16 = 3;
    let message = nftables(NfTablesMessage::GetChain(ChainMessage { attributes: Vec::new() }));
    let replies = channel.dump("list the chains", &message)?;
    let found = replies.iter().map(read::of).filter(|chain| read::text(chain, TABLE) == Some(table.name));
    let name = |found: &[u8]| {
        let name = read::text(found, NAME)?;
        let ours = table.chains.iter().find(|chain| chain.name == name);
        let stays = ours.map_or_else(|| can_go(found), |ours| is_chain(found, ours));
        stays.then(|| name.to_owned())
    };
    Ok(found.map(name).collect())
}

/// A chain that belongs to a single rule goes with it alone.
fn can_go(found: &[u8]) -> bool {
    const FLAGS: u16 = 10;
    const BINDING: u32 = 4;
    read::number(found, FLAGS).unwrap_or(0) & BINDING == 0
}

fn is_chain(found: &[u8], ours: &Chain) -> bool {
    const HOOK: u16 = 4;
    const POLICY: u16 = 5;
    const KIND: u16 = 7;
    let is_hooked = |place: &[u8], hook: ruleset::Hook| {
        read::number(place, 1) == Some(hook.number)
            && read::number(place, 2) == Some(hook.priority.cast_unsigned())
            && read::text(found, KIND) == Some(hook.kind)
            && read::number(found, POLICY) == Some(ACCEPT)
    };
    match (read::find(found, HOOK), ours.hook) {
        (Some(place), Some(hook)) => is_hooked(place, hook),
        (found, ours) => found.is_none() && ours.is_none(),
    }
}

fn sets(channel: &mut Channel, table: &Table) -> Result<Option<BTreeSet<String>>, Fault> {
    const NAME: u16 = 2;
    const FLAGS: u16 = 3;
    const KEY: u16 = 4;
    const KEY_LENGTH: u16 = 5;
    const DATA: u16 = 6;
    const DESCRIPTION: u16 = 9;
    const SIZE: u16 = 1;
    let message = nftables(NfTablesMessage::GetSet(SetMessage {
        attributes: vec![SetAttribute::Table(table.name.to_owned())],
    }));
    let replies = channel.dump(&format!("list the sets of table {}", table.name), &message)?;
    let name = |reply: &Reply| {
        let found = read::of(reply);
        let (name, keys) = table.sets.iter().find(|(name, _)| read::text(found, NAME) == Some(name))?;
        let (flags, kind, length, data) = shape(*keys);
        // One that was told its size before it was filled differs in both.
        let size = read::find(found, DESCRIPTION).and_then(|description| read::number(description, SIZE));
        let same = read::number(found, FLAGS).unwrap_or(0) & !SetFlags::Eval.bits() == flags.bits()
            && size.is_none_or(|size| size == UNLIMITED)
            && read::number(found, KEY) == Some(kind)
            && read::number(found, KEY_LENGTH) == Some(length)
            && read::number(found, DATA) == data;
        same.then(|| (*name).to_owned())
    };
    Ok(replies.iter().map(name).collect())
}

fn counters(channel: &mut Channel, table: &Table) -> Result<Option<BTreeSet<String>>, Fault> {
    const NAME: u16 = 2;
    const KIND: u16 = 3;
    let message = nftables(NfTablesMessage::GetObject(vec![string(1, table.name)]));
    let replies: Vec<Reply> =
        channel.dump(&format!("list the counters of table {}", table.name), &message)?;
    let name = |reply: &Reply| {
        let found = read::of(reply);
        let name = read::text(found, NAME)?;
        let ours = table.counters.iter().any(|reason| reason.word() == name);
        (ours && read::number(found, KIND) == Some(COUNTER)).then(|| name.to_owned())
    };
    Ok(replies.iter().map(name).collect())
}
