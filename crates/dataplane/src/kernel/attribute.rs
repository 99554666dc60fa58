//! Reading netlink attributes where the whole of a message need not be understood.

use std::net::Ipv4Addr;

use super::channel::Reply;

/// Behind the netlink header, nftables' messages begin with four bytes that say nothing new.
pub(super) const NFGENMSG: usize = 4;

/// The attributes of an nftables message.
pub(crate) fn of(reply: &Reply) -> &[u8] {
    reply.body.get(NFGENMSG..).unwrap_or_default()
}

/// Each attribute: its kind and its value. What cannot be read is left out.
pub(crate) fn each(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let header = rest.get(..4)?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let kind = u16::from_ne_bytes([header[2], header[3]]) & 0x3fff;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of a kind.
pub(crate) fn find(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    each(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// A string, without the zero at its end.
pub(crate) fn text(bytes: &[u8], wanted: u16) -> Option<&str> {
    let value = find(bytes, wanted)?;
    std::str::from_utf8(value.strip_suffix(&[0]).unwrap_or(value)).ok()
}

/// A big-endian number of four bytes.
pub(crate) fn number(bytes: &[u8], wanted: u16) -> Option<u32> {
    find(bytes, wanted)?.try_into().ok().map(u32::from_be_bytes)
}

/// A big-endian number of eight bytes.
pub(crate) fn long(bytes: &[u8], wanted: u16) -> Option<u64> {
    find(bytes, wanted)?.try_into().ok().map(u64::from_be_bytes)
}

/// An address at the beginning of these bytes.
pub(crate) fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    Some(octets.into())
}
