//! Whether a large set has exactly the elements that it is known to have had.
//!
//! For each datagram of a listing the kernel walks through a hash from its beginning: the time that takes grows with the
//! square of the elements (a minute and a half for a million bindings). So each of them is asked for by its key, and how
//! many there are says that there is no other.

use netlink_packet_core::{DefaultNla, NLA_F_NESTED};
use netlink_packet_netfilter::nftables::{NfTablesMessage, SetElementList, SetElementMessage};

use super::{
    super::{
        attribute as read,
        channel::{Channel, Request},
        transaction::{Set, elements::Elements, nftables},
    },
    count, listed, parse,
};
use crate::Fault;

const ELEMENTS: u16 = 3;
/// Fewer are listed more quickly.
const MANY: usize = 20_000;
/// Keys in one question. Each is answered by a datagram.
const AT_ONCE: usize = 1_000;

/// An element as it is known: its key, and what it leads to.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) key: Vec<u8>,
    pub(super) data: Vec<u8>,
}

/// `false` also where it takes a listing to know.
pub(super) fn has(
    channel: &mut Channel,
    set: Set,
    mut known: impl ExactSizeIterator<Item = Known>,
) -> Result<bool, Fault> {
    // A kernel that does not count may have others.
    let (table, name) = set;
    if known.len() < MANY || count(channel, table, name)?.is_none_or(|count| count as usize != known.len()) {
        return Ok(false);
    }
    loop {
        let some: Vec<Known> = known.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return Ok(true);
        }
        if !all(channel, set, &some)? {
            return Ok(false);
        }
    }
}

fn all(channel: &mut Channel, (table, name): Set, known: &[Known]) -> Result<bool, Fault> {
    let mut keys = Elements::default();
    known.iter().for_each(|known| keys.push(&known.key, &[], 0));
    let message = nftables(NfTablesMessage::GetSetElement(SetElementMessage {
        attributes: vec![
            SetElementList::Table(table.to_owned()),
            SetElementList::Set(name.to_owned()),
            SetElementList::Other(DefaultNla::new(ELEMENTS | NLA_F_NESTED, keys.into_bytes())),
        ],
    }));
    let operation = format!("look for elements of {name} in table {table}");
    // The first one that is missing ends the answer.
    let replies = listed(channel.request(Request { operation, flags: 0, message }))?;
    let found = replies.iter().filter_map(|reply| read::find(read::of(reply), ELEMENTS)).flat_map(read::each);
    let found = found.filter_map(|(_, element)| parse(element)).map(|element| (element.key, element.data));
    Ok(replies.len() == known.len()
        && found.zip(known).all(|((key, data), known)| key == known.key && data == known.data))
}
