//! What a stored event means to kernels, read without what they do not need: most of a log's bytes.

use std::{collections::BTreeSet, sync::LazyLock};

use mooring_domain::nat::{Change, Pair};
use prost::Message;

use super::{
    decode, number,
    parts::{Parts, Value, field},
    reader::{address, id, mac},
};
use crate::{DESCRIPTORS, convert::Malformed};

/// The kinds that there are, by number.
static KINDS: LazyLock<BTreeSet<u32>> = LazyLock::new(|| {
    let files = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap_or_default().file;
    let events = files.iter().filter(|file| file.package() == "mooring.event.v1");
    let messages = events.flat_map(|file| &file.message_type).filter(|message| message.name() == "Event");
    messages.flat_map(|event| &event.field).filter_map(|field| u32::try_from(field.number()).ok()).collect()
});

/// What the event in these bytes means to kernels, if anything. Of an event that means nothing to them only the kind is looked
/// at; one that is not known is an error, as for [`decode`].
pub fn change(bytes: &[u8]) -> Result<Option<Change>, Malformed> {
    match number(bytes)? {
        4 | 33 | 35 | 64 => match of(bytes) {
            Some(change) => Ok(Some(change)),
            None => Ok(Change::of(&decode(bytes)?)),
        },
        // Few of them are in a log.
        1..=3 | 5 | 6 | 16..=21 | 68 => Ok(Change::of(&decode(bytes)?)),
        kind if KINDS.contains(&kind) => Ok(None),
        kind => Err(Malformed::UnknownKind(kind)),
    }
}

/// Nothing where it is not as this version writes it.
fn of(mut bytes: &[u8]) -> Option<Change> {
    let (kind, Value::Bytes(body)) = field(&mut bytes)? else { return None };
    match kind {
        _ if !bytes.is_empty() => None,
        4 => {
            let created = Parts::<6>::of(body)?;
            let vnic = Parts::<5>::of(created.get(1)?)?;
            Some(Change::Vnic {
                vpc: id(created.get(2))?,
                subnet: id(created.get(3))?,
                mac: mac(vnic.get(2))?,
            })
        }
        33 => Some(Change::Bound(pair(body)?)),
        35 => Some(Change::Unbound(pair(body)?)),
        64 => {
            let changed = Parts::<6>::of(body)?;
            let havip = Parts::<8>::of(changed.get(1)?)?;
            let holder = Parts::<5>::of(changed.get(2)?)?;
            Some(Change::Held {
                vpc: id(havip.get(4))?,
                havip: address(havip.get(6))?,
                by: mac(holder.get(2))?,
            })
        }
        _ => None,
    }
}

fn pair(body: &[u8]) -> Option<Pair> {
    let binding = Parts::<4>::of(body)?;
    let (eip, havip) = (Parts::<7>::of(binding.get(2)?)?, Parts::<8>::of(binding.get(3)?)?);
    Some(Pair { vpc: id(havip.get(4))?, eip: address(eip.get(5))?, havip: address(havip.get(6))? })
}
