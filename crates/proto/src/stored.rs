//! Events as the log stores them: `mooring.event.v1.Event`, to and from the domain's [`Event`].

use bytes::Bytes;
use mooring_domain::Event;
use prost::Message;

use crate::{
    convert::Malformed,
    event::v1::{self as wire, event::Kind},
};

mod read;
mod write;

/// The stored bytes of an event.
pub fn encode(event: &Event) -> Bytes {
    to_wire(event).encode_to_vec().into()
}

/// The event in stored bytes. An unknown kind is an error: the reader must stop, it can't know what it would miss.
pub fn decode(bytes: &[u8]) -> Result<Event, Malformed> {
    read::event(wire::Event::decode(bytes)?.kind.ok_or(Malformed::UnknownKind)?)
}

/// The wire form of an event.
pub fn to_wire(event: &Event) -> wire::Event {
    wire::Event { kind: Some(write::kind(event)) }
}

/// A wire event's kind, for readers that handle events in their wire form.
pub fn kind(event: &wire::Event) -> Result<&Kind, Malformed> {
    event.kind.as_ref().ok_or(Malformed::UnknownKind)
}
