//! Events as the log stores them: `mooring.event.v1.Event`, to and from the domain's [`Event`].

use bytes::Bytes;
use mooring_domain::Event;
use prost::Message;

use crate::{convert::Malformed, event::v1 as wire};

mod change;
pub mod drift;
mod failover;
mod names;
mod parts;
mod read;
mod reader;
mod write;

pub use change::change;
pub use reader::Reader;

/// The stored bytes of an event.
pub fn encode(event: &Event) -> Bytes {
    to_wire(event).encode_to_vec().into()
}

/// The event in stored bytes. An unknown kind is an error: the reader must stop, it can't know what it would miss.
pub fn decode(bytes: &[u8]) -> Result<Event, Malformed> {
    match wire::Event::decode(bytes)?.kind {
        Some(kind) => read::event(kind),
        None => Err(Malformed::UnknownKind(number(bytes)?)),
    }
}

/// The number of the kind in the stored bytes of an event, known or not; nothing else of it is looked at.
pub fn number(bytes: &[u8]) -> Result<u32, Malformed> {
    if bytes.is_empty() {
        return Err(Malformed::Missing("kind"));
    }
    Ok(prost::encoding::decode_key(&mut &*bytes)?.0)
}

/// The wire form of an event.
pub fn to_wire(event: &Event) -> wire::Event {
    wire::Event { kind: Some(write::kind(event)) }
}
