//! What the answer to a write says beside its message, in the response's metadata: how far the log was, and, when it was only
//! validated, the events that would have been stored.

use bytes::Bytes;
use mooring_domain::{Event, Position};
use tonic::metadata::{AsciiMetadataValue, BinaryMetadataValue, MetadataMap};

use crate::stored;

/// One event, once for each: the bytes of a `mooring.event.v1.Event`, as they would have been stored.
pub const EVENT: &str = "mooring-event-bin";
/// How many more there are, when not all have room.
pub const LEFT_OFF: &str = "mooring-events-left-off";
/// The log's position at which the answer is true.
pub const POSITION: &str = "mooring-position";

/// In the metadata of a read: it must be answered with everything up to this position, as a write's answer said it.
pub const MIN_POSITION: &str = "mooring-min-position";

/// What all events together may take, as headers: some clients take no more than 8 KiB in all.
const ROOM: usize = 6 * 1024;
/// What a header takes beside its name and value (RFC 9113, 6.5.2).
const OVERHEAD: usize = 32;

/// Says where the log is.
pub fn put_position(metadata: &mut MetadataMap, position: Position) {
    metadata.insert(POSITION, AsciiMetadataValue::from(position.0));
}

/// Adds the events that would have been stored, as many as there is room for.
pub fn put_events<'a>(metadata: &mut MetadataMap, events: impl IntoIterator<Item = &'a Event>) {
    put(metadata, events.into_iter().map(stored::encode));
}

/// The same, for events as they would have been stored.
pub fn put(metadata: &mut MetadataMap, events: impl IntoIterator<Item = Bytes>) {
    let present = |event: &Bytes| EVENT.len() + event.len().div_ceil(3) * 4 + OVERHEAD;
    let mut room = ROOM.saturating_sub(events_in(metadata).iter().map(present).sum());
    let mut left_off = left_off(metadata);
    for event in events {
        let size = present(&event);
        if left_off > 0 || size > room {
            left_off += 1;
        } else {
            room -= size;
            metadata.append_bin(EVENT, BinaryMetadataValue::from_bytes(&event));
        }
    }
    if left_off > 0 {
        metadata.insert(LEFT_OFF, AsciiMetadataValue::from(left_off));
    }
}

/// The events that would have been stored, as an answer has them.
pub fn events_in(metadata: &MetadataMap) -> Vec<Bytes> {
    metadata.get_all_bin(EVENT).iter().filter_map(|event| event.to_bytes().ok()).collect()
}

/// How many more there are.
pub fn left_off(metadata: &MetadataMap) -> u64 {
    metadata.get(LEFT_OFF).and_then(|count| count.to_str().ok()?.parse().ok()).unwrap_or_default()
}
