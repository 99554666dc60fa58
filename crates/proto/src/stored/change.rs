//! What a stored event means to kernels, read without what they do not need: most of a log's bytes. The messages here are
//! parts of those in `event.proto`, with the same tags; a test reads every golden event both ways.

use std::{collections::BTreeSet, sync::LazyLock};

use bytes::Bytes;
use mooring_domain::nat::{Change, Pair};
use prost::Message;

use super::{decode, number};
use crate::{
    DESCRIPTORS,
    convert::{Malformed, address, id, mac},
    event::v1::Address,
};

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(message, optional, tag = "33")]
    bound: Option<Binding>,
    #[prost(message, optional, tag = "35")]
    unbind_requested: Option<Binding>,
    #[prost(message, optional, tag = "64")]
    holder_changed: Option<HolderChanged>,
}

#[derive(Clone, PartialEq, Message)]
struct Binding {
    #[prost(message, optional, tag = "2")]
    eip: Option<Eip>,
    #[prost(message, optional, tag = "3")]
    havip: Option<Havip>,
}

#[derive(Clone, PartialEq, Message)]
struct Eip {
    #[prost(message, optional, tag = "5")]
    address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct Havip {
    #[prost(bytes = "bytes", tag = "4")]
    vpc_id: Bytes,
    #[prost(message, optional, tag = "6")]
    address: Option<Address>,
}

#[derive(Clone, PartialEq, Message)]
struct HolderChanged {
    #[prost(message, optional, tag = "1")]
    havip: Option<Havip>,
    #[prost(message, optional, tag = "2")]
    holder: Option<Vnic>,
}

#[derive(Clone, PartialEq, Message)]
struct Vnic {
    #[prost(bytes = "bytes", tag = "2")]
    mac: Bytes,
}

/// The kinds that there are, by number.
static KINDS: LazyLock<BTreeSet<u32>> = LazyLock::new(|| {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file;
    let events = files.iter().filter(|file| file.package() == "mooring.event.v1");
    let messages = events.flat_map(|file| &file.message_type).filter(|message| message.name() == "Event");
    messages.flat_map(|event| &event.field).filter_map(|field| u32::try_from(field.number()).ok()).collect()
});

/// What the event in these bytes means to kernels, if anything. Of an event that means nothing to them only the kind is looked
/// at; one that is not known is an error, as for [`decode`].
pub fn change(bytes: &Bytes) -> Result<Option<Change>, Malformed> {
    match number(bytes)? {
        33 | 35 | 64 => of(Event::decode(bytes.clone())?).map(Some),
        // Few of them are in a log.
        1..=3 | 5 | 6 => Ok(Change::of(&decode(bytes)?)),
        kind if KINDS.contains(&kind) => Ok(None),
        kind => Err(Malformed::UnknownKind(kind)),
    }
}

fn of(event: Event) -> Result<Change, Malformed> {
    match event {
        Event { bound: Some(binding), .. } => Ok(Change::Bound(pair(binding)?)),
        Event { unbind_requested: Some(binding), .. } => Ok(Change::Unbound(pair(binding)?)),
        Event { holder_changed: Some(changed), .. } => {
            let havip = changed.havip.ok_or(Malformed::Missing("havip"))?;
            let holder = changed.holder.ok_or(Malformed::Missing("holder"))?;
            Ok(Change::Held {
                vpc: id("havip.vpc_id", &havip.vpc_id)?,
                havip: address("havip.address", havip.address)?,
                by: mac("vnic.mac", &holder.mac)?,
            })
        }
        _ => Err(Malformed::Missing("kind")),
    }
}

fn pair(binding: Binding) -> Result<Pair, Malformed> {
    let eip = binding.eip.ok_or(Malformed::Missing("eip"))?;
    let havip = binding.havip.ok_or(Malformed::Missing("havip"))?;
    Ok(Pair {
        vpc: id("havip.vpc_id", &havip.vpc_id)?,
        eip: address("eip.address", eip.address)?,
        havip: address("havip.address", havip.address)?,
    })
}
